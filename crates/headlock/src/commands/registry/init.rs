//! `headlock registry init`: a new registry, its key in shares or in a file, and its first administrator.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_registry::desk::{AccountChange, Action, Desk, NewAccount, Outcome};
use headlock_registry::escrow::{Recipient, RecipientError};
use headlock_registry::record::{AccountId, Company};
use headlock_registry::rules::DEFAULT;
use headlock_registry::seal::{Kek, Share, key_file};
use headlock_registry::sign_in::{Password, Role, Roles};
use headlock_server::Config;
use serde_json::json;

use super::place::{CONFIG, broken, console, keep_secret, now_ms, secret, tools, wrong_config};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Makes a registry in a new folder.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry init desk --origin desk.example/log --admin root --person 'R. Oot' --company maker --shares 3/5\n  headlock registry init desk --origin desk.example/log --admin root --person 'R. Oot' --company maker --key-file desk.key"
)]
pub struct Args {
    /// The folder, which must not exist yet.
    folder: PathBuf,
    /// The registry's name, which its log and its receipts carry for good, like desk.example/log.
    #[arg(long)]
    origin: String,
    /// The name that the first administrator signs in with.
    #[arg(long, value_name = "NAME")]
    admin: String,
    /// The administrator's own name.
    #[arg(long)]
    person: String,
    /// Whom the administrator works for.
    #[arg(long)]
    company: String,
    /// Splits the key: so many of so many shares unseal the registry, like 3/5. They are shown once.
    #[arg(long, value_name = "QUORUM/SHARES", conflicts_with = "key_file", required_unless_present = "key_file", value_parser = quorum)]
    shares: Option<(u8, u8)>,
    /// Writes the key into this new file instead, for a small desk: whoever has the file and the store has every code.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file whose first line is the administrator's password; without it the password is asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Writes the administrator's one-time secret, an otpauth address, into this new file instead of showing it.
    #[arg(long, value_name = "FILE")]
    one_time_file: Option<PathBuf>,
    /// The rows go into this PostgreSQL database, postgres://…, instead of a file in the folder: several instances share it.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Whom exports are for, an age recipient of the escrow's, age1…; later it takes a quorum to name one.
    #[arg(long, value_name = "RECIPIENT")]
    escrow: Option<String>,
    /// Where the service will listen.
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: std::net::SocketAddr,
}

pub(super) fn quorum(text: &str) -> Result<(u8, u8), String> {
    let wrong = || format!("{text:?} is no quorum; 3/5 means that three of five shares unseal");
    let (quorum, shares) = text.split_once('/').ok_or_else(wrong)?;
    let (quorum, shares) = (quorum.parse().map_err(|_| wrong())?, shares.parse().map_err(|_| wrong())?);
    if (2..=shares).contains(&quorum) { Ok((quorum, shares)) } else { Err(wrong()) }
}

/// Runs it.
///
/// # Errors
/// The folder is there, a name is none, the password is too short, or something cannot be written.
pub(super) fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let name = |what: &str, why: &dyn std::fmt::Display| Failure::input(format!("{what}: {why}"), "another name");
    let id = AccountId::new(&args.admin).map_err(|why| name("--admin", &why))?;
    let company = Company::new(&args.company).map_err(|why| name("--company", &why))?;
    let escrow: Option<Recipient> =
        args.escrow.as_deref().map(str::parse).transpose().map_err(|why: RecipientError| {
            Failure::input(format!("--escrow: {why}"), "the line that begins with age1, which age-keygen shows")
        })?;
    let password = secret(args.password_file.as_deref(), "password of the first administrator")?;
    let password = Password::new(&password).map_err(|why| Failure::input(why.to_string(), "a longer password"))?;
    let password = password.hash().map_err(|why| broken(&why))?;
    let kek = Kek::random().map_err(|why| broken(&why))?;
    let shares = args.shares.map(|(quorum, shares)| kek.split(quorum, shares)).transpose();
    let shares = shares.map_err(|why| Failure::input(why.to_string(), "--shares 3/5"))?;

    let folder = &args.folder;
    let unwritten = |path: &Path, why: std::io::Error| {
        Failure::input(format!("cannot make {}: {why}", path.display()), "a new folder where you may write")
    };
    if let Some(path) = args.one_time_file.as_ref().filter(|path| path.exists()) {
        return Err(Failure::input(format!("{} is there already", path.display()), "--one-time-file with a new file"));
    }
    fs::create_dir(folder).map_err(|why| unwritten(folder, why))?;
    let mut made = Made { folder: Some(folder), key_file: None };
    let log = folder.join("log");
    fs::create_dir(&log).map_err(|why| unwritten(&log, why))?;
    if let Some(path) = &args.key_file {
        key_file::write(path, &kek).map_err(|why| unwritten(path, why))?;
        made.key_file = Some(path);
    }
    let config = folder.join(CONFIG);
    fs::write(&config, config_text(args)?).map_err(|why| unwritten(&config, why))?;
    let rules = folder.join("rules.toml");
    fs::write(&rules, DEFAULT).map_err(|why| unwritten(&rules, why))?;

    let config = Config::read(&config).map_err(|why| wrong_config(&why))?;
    let administrator = Roles::NONE.with(Role::Administrator).map_err(|why| broken(&why))?;
    let first = NewAccount {
        id: id.clone(),
        person: args.person.clone(),
        company,
        regions: Vec::new(),
        roles: administrator,
        password: Some(password.as_str().to_owned()),
    };
    let begun = (args.origin.as_str(), &first, escrow.as_ref());
    let mut desk = Desk::begin_with_escrow(tools(&config, texts, kek)?, begun, now_ms())
        .map_err(|why| Failure::input(why.to_string(), "look at --origin, --admin and --person"))?;
    if args.store.is_some() {
        // A database elsewhere has a registry by now, and its key must stay.
        made.stays();
    }
    let change = AccountChange::NewOneTimeSecret;
    let secret = console(&mut desk, Action::ChangeAccount { account: id, change })?;
    let Outcome::OneTimeSecret(address) = secret else { return Err(Failure::No) };
    if let Some(path) = &args.one_time_file {
        keep_secret(path, &address)?;
    }
    desk.sync().map_err(|why| broken(&why))?;
    made.stays();
    let shown = args.one_time_file.is_none().then_some(address.as_str());
    print(args, (&desk.ledger().public().to_string(), shown), shares.as_deref().unwrap_or_default(), json);
    Ok(())
}

/// What was made for a registry that may not come to be; then it goes again, so that the same command can be given once more.
struct Made<'a> {
    folder: Option<&'a Path>,
    key_file: Option<&'a Path>,
}

impl Made<'_> {
    fn stays(&mut self) {
        self.folder = None;
        self.key_file = None;
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // What cannot be removed is found by the next try, which says so.
        let _ = self.folder.map(fs::remove_dir_all);
        let _ = self.key_file.map(fs::remove_file);
    }
}

/// The configuration that a service begins with.
fn config_text(args: &Args) -> Result<String, Failure> {
    let mut text = format!("listen = \"{}\"\ndata = \".\"\nrules = \"rules.toml\"\n", args.listen);
    if let Some(store) = &args.store {
        text.push_str(&format!("store = {store:?}\n"));
    }
    if let Some(path) = &args.key_file {
        let whole = fs::canonicalize(path)
            .map_err(|why| Failure::input(format!("{}: {why}", path.display()), "a file that can be read"))?;
        let whole = whole.to_str().ok_or_else(|| Failure::input("the key file's path is no text", "another path"))?;
        text.push_str(&format!("key_file = {whole:?}\n"));
    }
    if !args.listen.ip().is_loopback() {
        text.push_str("\n[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n");
    }
    Ok(text)
}

fn print(args: &Args, (public, address): (&str, Option<&str>), shares: &[Share], json: bool) {
    if json {
        let shares: Vec<String> = shares.iter().map(|share| share.text().to_string()).collect();
        paint::say!(
            "{:#}",
            json!({ "folder": args.folder, "log_key": public, "one_time_secret": address, "shares": shares })
        );
        return;
    }
    paint::say!("The registry {} is in {}.", args.origin, args.folder.display());
    paint::say!("Its log's public key, for whoever verifies it:\n  {public}");
    if let Some(escrow) = &args.escrow {
        paint::say!("Exports are for {escrow} alone.");
    }
    if let Some(address) = address {
        paint::say!("One-time codes of {}, for an authenticator; shown once:\n  {address}", args.admin);
    }
    for share in shares {
        paint::say!("Share {}, shown once; {} of them unseal:\n  {}", share.number(), share.quorum(), *share.text());
    }
}
