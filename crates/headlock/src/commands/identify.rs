//! `headlock identify`: which units and readings remain.

use headlock_advisor::identify;
use serde_json::json;

use super::situation::{Options, bad};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Says which units and readings a car can have, and why not the others.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock identify --vehicle \"Qashqai J10\" --year 2011 --serial CL12345678\n  headlock identify --serial BN23456789 --firmware \"SW: 1.05\"\n  headlock identify --ask"
)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Asks one question at a time for what is not given.
    #[arg(long)]
    ask: bool,
}

/// Runs it.
///
/// # Errors
/// The situation cannot be, or no reading remains.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let mut options = args.options.clone();
    if args.ask {
        options.ask(&catalog, &mut std::io::stdin().lock())?;
    }
    let situation = options.situation(&catalog)?;
    let found = identify(&catalog, &situation).map_err(|error| bad(&error))?;
    if json {
        let remaining: Vec<_> = found
            .remaining
            .iter()
            .map(|c| json!({ "unit": c.unit.identity.id, "reading": c.reading.id, "title": c.reading.title, "sources": c.reading.sources, "why": c.why }))
            .collect();
        crate::paint::say!("{:#}", json!({ "remaining": remaining, "excluded": found.excluded, "notes": found.notes }));
    } else {
        paint::heading("Remaining");
        for candidate in &found.remaining {
            paint::item(
                "-",
                &format!(
                    "{}: {}, {}{}",
                    candidate.name(),
                    candidate.unit.identity.name,
                    candidate.reading.title,
                    paint::sources(&candidate.reading.sources)
                ),
            );
            if !candidate.why.is_empty() {
                paint::aside(6, &format!("{}.", candidate.why.join("; ")));
            }
        }
        if found.remaining.is_empty() {
            paint::indented(2, "none");
        }
        paint::heading("Out");
        for excluded in &found.excluded {
            let name = excluded
                .reading
                .as_ref()
                .map_or_else(|| excluded.unit.clone(), |reading| format!("{}#{reading}", excluded.unit));
            paint::item("-", &format!("{name}: {}", excluded.because));
        }
        for note in &found.notes {
            paint::indented(0, &format!("\nNote: {note}."));
        }
    }
    if found.remaining.is_empty() { Err(Failure::No) } else { Ok(()) }
}
