//! Requests for a release, from asking to the answer, and what others say to them.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_profile::{Code, Provenance, ways};
use headlock_server::api::{self, Answer, Reason, Released, RequestView, Secret, Wanted};
use headlock_wire::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::place::keep_secret;
use super::remote::{Server, failed};
use crate::commands::find_unit;
use crate::failure::Failure;
use crate::paint;
use crate::script;
use crate::store::Texts;

/// Asks for the code of a unit, or for the key to one seed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry request WK20260001 --vin SJNFAAJ10U1234567 --proof registration --document papers.pdf --out release\n  headlock registry request WK20260001 --vin SJNFAAJ10U1234567 --proof registration --document papers.pdf --seed 3:9F86D081884C7D659A2FEAA0C55AD015"
)]
pub struct RequestArgs {
    #[command(flatten)]
    asked: Asked,
    /// Breaks the glass: the second person is passed over, is told, and somebody must review it. Says why.
    #[arg(long, value_name = "REASON")]
    break_glass: Option<String>,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Asked {
    /// The unit's number, as its label says it.
    serial: String,
    /// The vehicle.
    #[arg(long)]
    vin: Option<String>,
    /// The unit's second number, where it has one.
    #[arg(long)]
    companion: Option<String>,
    /// How ownership is proved: a kind of the desk's policy.
    #[arg(long)]
    proof: String,
    /// The document; only its digest leaves this machine. Without it the document has to follow.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// A photo of it, which the registry keeps sealed.
    #[arg(long, value_name = "FILE", requires = "document")]
    photo: Option<PathBuf>,
    /// Asks for the key to a seed of SecurityAccess instead of the code: level and seed, as the unit sent it.
    #[arg(long, value_name = "LEVEL:HEX")]
    seed: Option<String>,
    /// Chosen by you: the same key is the same request, however often it is sent.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

/// Where a release goes.
#[derive(Debug, clap::Args)]
struct Out {
    /// Writes the release into this new folder: `code` or `key`, `receipt`, `presses.txt`.
    #[arg(long = "out", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The reading for whose panel presses.txt is, where the unit has several.
    #[arg(long, requires = "folder")]
    reading: Option<String>,
}

/// Collects what was authorised: who asked gets it, again where an answer was lost.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// The request.
    id: String,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    server: Server,
}

/// One request, by its id.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// The request.
    id: String,
    #[command(flatten)]
    server: Server,
}

/// One request, and why.
#[derive(Debug, clap::Args)]
pub struct ReasonArgs {
    /// The request.
    id: String,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    server: Server,
}

/// The document that was promised.
#[derive(Debug, clap::Args)]
pub struct ProofArgs {
    /// The request.
    id: String,
    /// It; only its digest leaves this machine.
    document: PathBuf,
    /// A photo of it, which the registry keeps sealed.
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// What one thinks of a broken glass.
#[derive(Debug, clap::Args)]
pub struct ReviewArgs {
    /// The request.
    id: String,
    /// It was right.
    #[arg(long, conflicts_with = "unjustified", required_unless_present = "unjustified")]
    justified: bool,
    /// It was not: the account is locked.
    #[arg(long)]
    unjustified: bool,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: Server,
}

/// Only the service.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    #[command(flatten)]
    pub(super) server: Server,
}

/// Asks.
///
/// # Errors
/// The service refuses, or cannot be reached; a file cannot be read.
pub(super) fn request(args: &RequestArgs, texts: &Texts, json: bool) -> Result<(), Failure> {
    let asked = &args.asked;
    let what = match &asked.seed {
        None => Wanted::Code,
        Some(text) => seed(text)?,
    };
    let release = api::Release {
        serial: asked.serial.clone(),
        vin: asked.vin.clone(),
        companion: asked.companion.clone(),
        what,
        proof: asked.proof.clone(),
        document_sha256: asked.document.as_deref().map(digest).transpose()?,
        photo: asked.photo.as_deref().map(photo).transpose()?,
    };
    let key = match &asked.idempotency_key {
        Some(key) => key.clone(),
        None => random_key()?,
    };
    let client = args.server.client()?;
    let answer = match &args.break_glass {
        None => client.release(&key, &release),
        Some(reason) => client.break_glass(&key, &api::BreakGlass { release, reason: reason.clone() }),
    };
    answered(answer.map_err(|why| failed(&why))?, &args.out, texts, json)
}

/// Collects.
///
/// # Errors
/// Nobody approved it yet, the time is over, or the service cannot be reached.
pub(super) fn collect(args: &ReleaseArgs, texts: &Texts, json: bool) -> Result<(), Failure> {
    let answer = args.server.client()?.collect(&args.id).map_err(|why| failed(&why))?;
    answered(answer, &args.out, texts, json)
}

/// A second person's yes.
///
/// # Errors
/// The service refuses, or cannot be reached; as all that follow.
pub(super) fn approve(args: &ReasonArgs, json: bool) -> Result<(), Failure> {
    let reason = Reason { reason: args.reason.clone() };
    shown(&args.server.client()?.approve(&args.id, &reason).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// A second person's no.
pub(super) fn refuse(args: &ReasonArgs, json: bool) -> Result<(), Failure> {
    let reason = Reason { reason: args.reason.clone() };
    shown(&args.server.client()?.refuse(&args.id, &reason).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// An authorised release is taken back.
pub(super) fn revoke(args: &ReasonArgs, json: bool) -> Result<(), Failure> {
    let reason = Reason { reason: args.reason.clone() };
    shown(&args.server.client()?.revoke(&args.id, &reason).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// One's own request is taken back.
pub(super) fn withdraw(args: &OneArgs, json: bool) -> Result<(), Failure> {
    shown(&args.server.client()?.withdraw(&args.id).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// How a request stands.
pub(super) fn show(args: &OneArgs, json: bool) -> Result<(), Failure> {
    shown(&args.server.client()?.request(&args.id).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// What a request says of people and vehicles is forgotten.
pub(super) fn erase(args: &OneArgs) -> Result<(), Failure> {
    args.server.client()?.erase(&args.id).map_err(|why| failed(&why))?;
    paint::say!("erased; the log's leaves stay, and say nothing any more");
    Ok(())
}

/// The document that was promised.
pub(super) fn proof(args: &ProofArgs, json: bool) -> Result<(), Failure> {
    let proof =
        api::Proof { document_sha256: digest(&args.document)?, photo: args.photo.as_deref().map(photo).transpose()? };
    shown(&args.server.client()?.complete_proof(&args.id, &proof).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// What one thinks of a broken glass.
pub(super) fn review(args: &ReviewArgs, json: bool) -> Result<(), Failure> {
    let review = api::Review { justified: args.justified, reason: args.reason.clone() };
    shown(&args.server.client()?.review(&args.id, &review).map_err(|why| failed(&why))?, json);
    Ok(())
}

/// Requests that wait for one's decision.
pub(super) fn waiting(args: &ServerArgs, json: bool) -> Result<(), Failure> {
    let waiting = args.server.client()?.waiting().map_err(|why| failed(&why))?;
    if json {
        paint::say!("{:#}", json!(waiting));
        return Ok(());
    }
    if waiting.requests.is_empty() {
        paint::say!("nothing waits for you");
    }
    waiting.requests.iter().for_each(line);
    Ok(())
}

/// What one has to be told.
pub(super) fn notices(args: &ServerArgs, json: bool) -> Result<(), Failure> {
    let notices = args.server.client()?.notices().map_err(|why| failed(&why))?;
    if json {
        paint::say!("{:#}", json!(notices));
        return Ok(());
    }
    for notice in &notices.notices {
        let new = if notice.seen_s.is_none() { "new: " } else { "" };
        paint::item("-", &format!("{new}{} (leaf {})", notice.text, notice.leaf));
    }
    Ok(())
}

fn shown(request: &RequestView, json: bool) {
    if json {
        paint::say!("{:#}", json!(request));
    } else {
        line(request);
    }
}

fn line(request: &RequestView) {
    let vin = request.vin.as_ref().map_or_else(String::new, |vin| format!(" in {vin}"));
    let who = format!("{} of {}", request.account, request.company);
    paint::say!("{}: {}", request.id, request.state);
    paint::indented(
        2,
        &format!(
            "the {} of {}{vin}, for {who}; proof: {}; rule: {}",
            request.what, request.serial, request.proof, request.rule
        ),
    );
    if let Some(reason) = &request.reason {
        paint::indented(2, reason);
    }
}

fn answered(answer: Answer, out: &Out, texts: &Texts, json: bool) -> Result<(), Failure> {
    let released = match answer {
        Answer::Pending(pending) => {
            if json {
                paint::say!("{:#}", json!({ "pending": pending.request }));
            } else {
                paint::say!("It waits for a second person. Then: headlock registry release {}", pending.request.id);
                line(&pending.request);
            }
            return Ok(());
        }
        Answer::Released(released) => released,
    };
    if let Some(folder) = &out.folder {
        keep(&released, folder, (out.reading.as_deref(), texts))?;
    }
    if json {
        paint::say!("{:#}", json!({ "released": *released }));
        return Ok(());
    }
    print(&released, out.folder.as_deref());
    Ok(())
}

fn print(released: &Released, folder: Option<&Path>) {
    if folder.is_none() {
        let (what, secret) = match (&released.code, &released.key) {
            (Some(code), _) => ("code", code),
            (None, Some(key)) => ("key", key),
            (None, None) => return,
        };
        paint::say!("The {what} of {}, from the registry: {}", released.request.serial, secret.reveal());
    }
    for way in &released.ways {
        paint::heading(&format!("Under {}", way.readings.join(", ")));
        for (index, press) in way.presses.iter().enumerate() {
            paint::item(&format!("{}.", index + 1), press.reveal());
        }
    }
    if released.proof_due_s.is_some() {
        paint::say!("The document is still to be brought: headlock registry proof {} FILE", released.request.id);
    }
    match folder {
        Some(folder) => paint::say!("The release is in {}.", folder.display()),
        None => paint::say!("\nThe receipt, to be kept: that this release is in the log\n{}", released.receipt),
    }
}

/// Writes a release into a folder.
fn keep(released: &Released, folder: &Path, (reading, texts): (Option<&str>, &Texts)) -> Result<(), Failure> {
    fs::create_dir(folder).map_err(|why| {
        Failure::input(
            format!("cannot make {}: {why}", folder.display()),
            "a new folder; the release can be collected again",
        )
    })?;
    let unwritten = |why: std::io::Error| {
        Failure::input(
            format!("cannot write into {}: {why}", folder.display()),
            "make room; the release can be collected again",
        )
    };
    fs::write(folder.join("receipt"), &released.receipt).map_err(unwritten)?;
    if let Some(key) = &released.key {
        keep_secret(&folder.join("key"), key.reveal())?;
    }
    if let Some(code) = &released.code {
        keep_secret(&folder.join("code"), code.reveal())?;
        keep_secret(&folder.join("presses.txt"), &presses(released, code, (reading, texts))?)?;
    }
    Ok(())
}

/// What is pressed, as rows of a script that `headlock drive` runs.
fn presses(released: &Released, code: &Secret, (reading, texts): (Option<&str>, &Texts)) -> Result<String, Failure> {
    let catalog = texts.catalog()?;
    let unit = find_unit(&catalog, &released.request.unit)?;
    let code = Code::new(code.reveal(), Provenance::Registry)
        .map_err(|why| Failure::input(format!("the registry's code: {why}"), "ask the registry's operator"))?;
    let readings = unit.readings.iter().filter(|known| reading.is_none_or(|wanted| wanted == known.id));
    let (ways, _) = ways::ways(unit, readings, Some(&released.request.serial), &code);
    let mut text = String::new();
    for way in &ways {
        if ways.len() > 1 {
            text.push_str(&format!("# under {}\n", way.readings.join(", ")));
        }
        for row in way.presses.iter().flat_map(script::rows) {
            text.push_str(&row);
            text.push('\n');
        }
    }
    Ok(text)
}

fn seed(text: &str) -> Result<Wanted, Failure> {
    let wrong = || {
        Failure::input(format!("{text:?} is no level and seed"), "like 3:9F86D081884C7D659A2FEAA0C55AD015, 16 bytes")
    };
    let (level, seed) = text.split_once(':').ok_or_else(wrong)?;
    let level = level.parse().map_err(|_| wrong())?;
    let bytes = hex::bytes(seed).filter(|bytes| bytes.len() == 16).ok_or_else(wrong)?;
    Ok(Wanted::Key { level, seed: hex::digits(&bytes) })
}

fn digest(path: &Path) -> Result<String, Failure> {
    Ok(hex::digits(&Sha256::digest(read(path)?)))
}

fn photo(path: &Path) -> Result<String, Failure> {
    Ok(api::photo(&read(path)?))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|why| Failure::input(format!("cannot read {}: {why}", path.display()), "a file that can be read"))
}

fn random_key() -> Result<String, Failure> {
    let bytes: [u8; 32] = headlock_link::host::entropy()
        .map_err(|why| Failure::input(format!("the system has no randomness: {why}"), "--idempotency-key TEXT"))?;
    Ok(hex::digits(&bytes[..16]))
}
