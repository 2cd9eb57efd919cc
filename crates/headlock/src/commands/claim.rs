//! `headlock claim`: what a source says.

use headlock_profile::closest;
use serde_json::json;

use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Shows what a source says, by the id of the claim, or where sources contradict each other.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock claim S1.lock.2\n  headlock claim S3.lock\n  headlock claim conflict-1")]
pub struct Args {
    /// The id, or the beginning of several.
    id: String,
}

/// Runs it.
///
/// # Errors
/// No such claim.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    if args.id.trim().is_empty() {
        return Err(Failure::input("a claim without an id", "like S1.lock.2, S1.lock, S1 or conflict-1"));
    }
    let exact: Vec<_> = catalog.claims.iter().filter(|claim| claim.id == args.id).collect();
    let starting = || catalog.claims.iter().filter(|claim| claim.id.starts_with(&args.id)).collect();
    let found: Vec<_> = if exact.is_empty() { starting() } else { exact };
    let sources: Vec<_> = catalog.sources.iter().filter(|source| source.id == args.id).collect();
    let number = args.id.strip_prefix("conflict-").and_then(|number| number.parse().ok());
    let conflicts: Vec<_> =
        catalog.conflicts.iter().filter(|c| Some(c.number) == number || args.id == "conflicts").collect();
    if found.is_empty() && sources.is_empty() && conflicts.is_empty() {
        let ids: Vec<&str> = catalog.claims.iter().map(|claim| claim.id.as_str()).collect();
        let near = closest(&args.id, &ids);
        let help = if near.starts_with("did you") {
            near
        } else {
            "headlock claim S1 shows those of one source, headlock claim conflict-1 a contradiction".to_owned()
        };
        return Err(Failure::input(format!("no claim {:?}", args.id), help));
    }
    if json {
        let claims: Vec<_> = found.iter().map(|claim| json!({ "id": claim.id, "says": claim.says })).collect();
        let sources: Vec<_> = sources.iter().map(|s| json!({ "id": s.id, "kind": s.kind, "about": s.about })).collect();
        let conflicts: Vec<_> =
            conflicts.iter().map(|c| json!({ "number": c.number, "question": c.question, "says": c.says })).collect();
        crate::paint::say!("{:#}", json!({ "claims": claims, "sources": sources, "conflicts": conflicts }));
        return Ok(());
    }
    for source in sources {
        paint::item(&source.id, &format!("({}) {}", source.kind, source.about));
    }
    for conflict in conflicts {
        paint::item(&format!("conflict {}", conflict.number), &format!("{}: {}", conflict.question, conflict.says));
    }
    for claim in found {
        paint::item(&claim.id, &claim.says);
    }
    Ok(())
}
