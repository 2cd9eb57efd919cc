//! `headlock firmware`: signed packages for a unit's second memory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey};
use headlock_link::host::entropy;
use headlock_twin::ecu::{Content, Package, PackageError, SIGNED_CONTEXT};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::ecu::key;
use crate::failure::Failure;
use crate::paint;

/// Signed firmware packages.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Makes a maker's key: the private half into a file, the public half beside it as FILE.pub.
    Keygen {
        /// The private half; it must not exist yet.
        file: PathBuf,
    },
    /// Signs a payload for one unit.
    Sign {
        /// The payload.
        payload: PathBuf,
        /// The catalogue's id of the unit, like nissan/clarion-cl.
        #[arg(long)]
        unit: String,
        /// Its version.
        #[arg(long)]
        version: String,
        /// The maker's private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// It does not check codes.
        #[arg(long)]
        unprotected: bool,
        /// The package.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Says what a package is, and whether its maker signed it.
    Show {
        /// The package.
        package: PathBuf,
        /// The maker's public key.
        #[arg(long, value_name = "FILE")]
        maker_key: Option<PathBuf>,
    },
}

/// Runs it.
///
/// # Errors
/// A bad file or key; a package that is none, or not its maker's.
pub fn run(command: &Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Keygen { file } => keygen(file, json),
        Command::Sign { payload, unit, version, key, unprotected, out } => {
            let content = if *unprotected { Content::Unprotected } else { Content::Update };
            sign(&read(payload, "the payload")?, (content, unit, version), key, out)
        }
        Command::Show { package, maker_key } => show(&read(package, "a package")?, maker_key.as_deref(), json),
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|why| Failure::input(format!("cannot read {}: {why}", path.display()), format!("a file with {what}")))
}

fn unwritten(path: &Path, why: &std::io::Error) -> Failure {
    Failure::input(format!("cannot write {}: {why}", path.display()), "a new file in a folder that can be written to")
}

fn keygen(path: &Path, json: bool) -> Result<(), Failure> {
    let secret =
        Zeroizing::new(entropy().map_err(|why| Failure::input(format!("no random bytes: {why}"), "try again"))?);
    let public = SigningKey::from_bytes(&secret).verifying_key();
    let public_path = {
        let mut name = path.as_os_str().to_owned();
        name.push(".pub");
        PathBuf::from(name)
    };
    // Nobody else reads the private half, and none that exists is written over.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let text = Zeroizing::new(format!("{}\n", hex(&*secret)));
    file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|why| unwritten(path, &why))?;
    let text = format!("{}\n", hex(public.as_bytes()));
    crate::whole_file::write(&public_path, text.as_bytes()).map_err(|why| unwritten(&public_path, &why))?;
    if json {
        paint::say!("{:#}", json!({ "public": hex(public.as_bytes()) }));
    } else {
        paint::item(
            "✓",
            &format!("{} holds the private half, {} the public one", path.display(), public_path.display()),
        );
    }
    Ok(())
}

fn sign(payload: &[u8], what: (Content, &str, &str), key_file: &Path, out: &Path) -> Result<(), Failure> {
    let (content, unit, version) = what;
    let too_long = || {
        Failure::input(
            "a unit, a version or a payload that no package holds",
            "1 to 255 characters each, and four gigabytes at most",
        )
    };
    if let Err(error) = version.parse::<headlock_profile::Firmware>() {
        return Err(Failure::input(error.to_string(), "--version 2.10"));
    }
    let length = u32::try_from(payload.len()).map_err(|_| too_long())?;
    let mut package =
        Package::unsigned(content, unit, version, (length, Sha256::digest(payload).into())).ok_or_else(too_long)?;
    let signature = SigningKey::from_bytes(&*key(key_file)?).sign(&[SIGNED_CONTEXT, &package].concat());
    package.extend(signature.to_bytes());
    package.extend(payload);
    crate::whole_file::write(out, &package).map_err(|why| unwritten(out, &why))
}

fn show(bytes: &[u8], maker: Option<&Path>, json: bool) -> Result<(), Failure> {
    let refused =
        |error: PackageError| Failure::input(error.to_string(), "a package that `headlock firmware sign` has made");
    let package = Package::parse(bytes).map_err(refused)?.ok_or_else(|| refused(PackageError::NoPackage))?;
    let payload = bytes.get(package.header_bytes..).unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(payload).into();
    if package.bytes() != bytes.len() || digest != package.payload_digest {
        return Err(refused(PackageError::Payload));
    }
    if let Some(path) = maker {
        package.verify(bytes, &*key(path)?).map_err(refused)?;
    }
    let unprotected = package.content == Content::Unprotected;
    if json {
        paint::say!(
            "{:#}",
            json!({
                "unit": package.unit, "version": package.version, "unprotected": unprotected,
                "payload_bytes": package.payload_bytes, "payload_sha256": hex(&digest), "signed": maker.map(|_| true),
            })
        );
        return Ok(());
    }
    paint::item("·", &format!("firmware {} for {}, {} bytes", package.version, package.unit, package.payload_bytes));
    if unprotected {
        paint::item("·", "it asks for no code");
    }
    match maker {
        Some(_) => paint::item("✓", "its maker signed it"),
        None => paint::item("?", "whether its maker signed it, --maker-key FILE tells"),
    }
    Ok(())
}

/// In small letters, as key files have them.
fn hex(bytes: &[u8]) -> String {
    headlock_wire::hex::digits(bytes).to_ascii_lowercase()
}
