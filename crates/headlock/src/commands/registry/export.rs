//! `headlock registry export`: records and codes for the escrow, if enough others agree.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use headlock_server::api::{ExportView, NewExport, NewRecipient, Reason};
use headlock_wire::hex;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::remote::{Server, failed};
use super::requests::ServerArgs;
use crate::failure::Failure;
use crate::paint;

/// Hands records and codes to the escrow: one asks, others agree, then a file is taken that only the escrow opens.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  headlock registry export ask --reason 'the contract with the escrow, clause 4'\n  headlock registry export agree 5f0c… --reason 'seen the contract'\n  headlock registry export take 5f0c… --out 2026-11-20.age"
)]
pub enum Command {
    /// Asks others to agree to an export.
    Ask(AskArgs),
    /// Agrees, as a custodian.
    Agree(ReasonArgs),
    /// Refuses: one is enough.
    Refuse(ReasonArgs),
    /// Takes what was agreed to, as who asked.
    Take(TakeArgs),
    /// Lists exports, and the escrow.
    List(ListArgs),
    /// Says how an export stands, and what left.
    Show(OneArgs),
    /// Asks others to agree to another escrow.
    Recipient(RecipientArgs),
}

/// Asks others to agree to an export. Administrators ask; they, auditors and custodians are told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry export ask --reason 'the contract with the escrow, clause 4'\n  headlock registry export ask --unit nissan/clarion-cl --region eu --reason 'order of the court in Hamburg'"
)]
pub struct AskArgs {
    /// Why. Everybody who has to agree reads it, and the log keeps it.
    #[arg(long)]
    reason: String,
    /// Only units of this kind.
    #[arg(long)]
    unit: Option<String>,
    /// Only units of this region.
    #[arg(long)]
    region: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// One export, and why.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry export agree 5f0c… --reason 'seen the contract and the receipt of the escrow'\n  headlock registry export refuse 5f0c… --reason 'nobody told the custodians of this'"
)]
pub struct ReasonArgs {
    /// The export.
    id: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: Server,
}

/// Takes an export.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file gets its name when all of it is on the disk. Where the way breaks off, the same command begins another file, a few times, each a leaf of the log.\n\nExamples:\n  headlock registry export take 5f0c… --out 2026-11-20.age\n  sha256sum 2026-11-20.age"
)]
pub struct TakeArgs {
    /// The export.
    id: String,
    /// The file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// All exports.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock registry export list\n  headlock registry export list --json")]
pub struct ListArgs {
    #[command(flatten)]
    args: ServerArgs,
}

/// One export.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock registry export show 5f0c…")]
pub struct OneArgs {
    /// The export.
    id: String,
    #[command(flatten)]
    server: Server,
}

/// Asks others to agree to another escrow.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The escrow makes its key on a machine of its own, with age-keygen, and tells its recipient; the secret key never leaves it.\n\nExamples:\n  headlock registry export recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p --reason 'the escrow changed its key'"
)]
pub struct RecipientArgs {
    /// The escrow's public key: age1…
    recipient: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: Server,
}

/// Runs it.
///
/// # Errors
/// The service refuses, or cannot be reached; a file cannot be written.
pub(super) fn run(command: &Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Ask(args) => ask(args, json),
        Command::Agree(args) => {
            let reason = Reason { reason: args.reason.clone() };
            shown(&args.server.client()?.agree_export(&args.id, &reason).map_err(|why| failed(&why))?, json);
            Ok(())
        }
        Command::Refuse(args) => {
            let reason = Reason { reason: args.reason.clone() };
            shown(&args.server.client()?.refuse_export(&args.id, &reason).map_err(|why| failed(&why))?, json);
            Ok(())
        }
        Command::Take(args) => take(args, json),
        Command::List(args) => list(args, json),
        Command::Show(args) => {
            shown(&args.server.client()?.export(&args.id).map_err(|why| failed(&why))?, json);
            Ok(())
        }
        Command::Recipient(args) => {
            let new = NewRecipient { recipient: args.recipient.clone(), reason: args.reason.clone() };
            asked(&args.server.client()?.ask_recipient(&new).map_err(|why| failed(&why))?, json);
            Ok(())
        }
    }
}

fn ask(args: &AskArgs, json: bool) -> Result<(), Failure> {
    let new = NewExport { unit: args.unit.clone(), region: args.region.clone(), reason: args.reason.clone() };
    asked(&args.server.client()?.ask_export(&new).map_err(|why| failed(&why))?, json);
    Ok(())
}

fn asked(export: &ExportView, json: bool) {
    if !json {
        paint::say!(
            "It waits for {} custodians: headlock registry export agree {} --reason …",
            export.quorum,
            export.id
        );
    }
    shown(export, json);
}

fn list(args: &ListArgs, json: bool) -> Result<(), Failure> {
    let all = args.args.server.client()?.exports().map_err(|why| failed(&why))?;
    if json {
        paint::say!("{:#}", json!(all));
        return Ok(());
    }
    match (&all.recipient, &all.fingerprint) {
        (Some(recipient), Some(fingerprint)) => {
            paint::say!("the escrow: {recipient}");
            paint::indented(2, &format!("SHA-256 {fingerprint}"));
        }
        _ => paint::say!("no escrow stands yet: headlock registry export recipient asks for one"),
    }
    all.exports.iter().for_each(line);
    Ok(())
}

fn shown(export: &ExportView, json: bool) {
    if json {
        paint::say!("{:#}", json!(export));
    } else {
        line(export);
    }
}

fn line(export: &ExportView) {
    let what = match export.what.as_str() {
        "recipient" => format!("another escrow, {}", export.recipient),
        _ => {
            let only: Vec<String> = [("unit", &export.unit), ("region", &export.region)]
                .iter()
                .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
                .collect();
            let only = if only.is_empty() { "all records".to_owned() } else { only.join(", ") };
            format!("{only}, for {}", export.recipient)
        }
    };
    paint::say!("{}: {}", export.id, export.state);
    paint::indented(2, &format!("{what}; {} asked: {}", export.account, export.reason));
    for agreement in &export.agreements {
        paint::indented(2, &format!("{} agreed: {}", agreement.account, agreement.reason));
    }
    if let (Some(by), Some(why)) = (&export.refused_by, &export.refused_why) {
        paint::indented(2, &format!("{by} refused: {why}"));
    }
    if let (Some(units), Some(bytes), Some(sha256)) = (export.units, export.bytes, &export.sha256) {
        let lacking = match export.without_code {
            Some(count) if count > 0 => format!(", {count} of them without their code"),
            _ => String::new(),
        };
        paint::indented(2, &format!("left: {units} units{lacking}, {bytes} bytes, SHA-256 {sha256}"));
    }
}

fn take(args: &TakeArgs, json: bool) -> Result<(), Failure> {
    let part = part_of(&args.out);
    for path in [&args.out, &part] {
        if path.exists() {
            let help = "another name; a file that ends in .part broke off, and goes when you remove it";
            return Err(Failure::input(format!("{} is there already", path.display()), help));
        }
    }
    // Before anything is asked for: an export is not begun for a folder that takes no file.
    let unwritten =
        |why: io::Error| Failure::input(format!("cannot write {}: {why}", part.display()), "a folder with room");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(unwritten)?;
    let mut unfinished = Unfinished(Some(&part));
    let mut body = args.server.client()?.take_export(&args.id).map_err(|why| failed(&why))?;
    let bar = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let style = ProgressStyle::with_template("{spinner} {bytes}, {bytes_per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let copied = copy(&mut body, file, &bar);
    bar.finish_and_clear();
    let (bytes, sha256) = copied.map_err(|broken| match broken {
        Broken::Disk(why) => unwritten(why),
        Broken::Way(why) => Failure::Link {
            word: "broken off",
            what: format!("the export broke off: {why}"),
            help: "nothing that looks whole is left; the same command begins another file".to_owned(),
        },
    })?;
    named(&part, &args.out).map_err(unwritten)?;
    unfinished.0 = None;
    if json {
        paint::say!("{:#}", json!({ "file": args.out, "bytes": bytes, "sha256": sha256 }));
    } else {
        paint::say!("{}: {bytes} bytes, SHA-256 {sha256}", args.out.display());
        paint::say!("The log says the same of what left: headlock registry export show {}", args.id);
    }
    Ok(())
}

/// What broke a copy off.
enum Broken {
    Disk(io::Error),
    Way(io::Error),
}

/// Copies to the end, which the service marks, and makes it durable.
fn copy(from: &mut impl Read, mut to: File, bar: &ProgressBar) -> Result<(u64, String), Broken> {
    let mut buffer = vec![0; 128 << 10];
    let (mut bytes, mut digest) = (0, Sha256::new());
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(Broken::Way(why)),
        };
        to.write_all(&buffer[..count]).map_err(Broken::Disk)?;
        digest.update(&buffer[..count]);
        bytes += count as u64;
        bar.set_position(bytes);
    }
    to.sync_all().map_err(Broken::Disk)?;
    Ok((bytes, hex::digits(&digest.finalize())))
}

/// Gives the whole file its name, durably.
fn named(part: &Path, out: &Path) -> io::Result<()> {
    fs::rename(part, out)?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A file that goes again unless it was finished.
struct Unfinished<'a>(Option<&'a Path>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // What cannot be removed does not open to its end, and the next try says that it is there.
        let _ = self.0.map(fs::remove_file);
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
