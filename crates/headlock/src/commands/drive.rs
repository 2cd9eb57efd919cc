//! `headlock drive`: runs scripts and shows where a unit did something else.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::failure::Failure;
use crate::script;
use crate::store::Texts;

/// Runs transcripts on virtual units (docs/scripts.md).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock drive tests/scripts/conflicts/*.txt\n  headlock drive --catalog my-units my-units/try.txt\n\nExits with 0 when every expectation holds, with 1 when one does not, with 2 when a script cannot be read."
)]
pub struct Args {
    /// Scripts; - reads one from standard input.
    #[arg(required = true)]
    scripts: Vec<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// A script cannot be read, or an expectation does not hold.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let mut failed = 0;
    let mut results = Vec::new();
    let mut unreadable = Vec::new();
    for path in &args.scripts {
        let name = path.display().to_string();
        let text = read(path)?;
        let outcome = script::parse(&text).and_then(|rows| script::run(texts, &catalog, &rows));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(wrong) => {
                // The other scripts still run; what is wrong with this one is told last, or at once if it is alone.
                if json {
                    results.push(json!({ "script": name, "error": { "line": wrong.line, "what": wrong.what, "help": wrong.help } }));
                }
                unreadable.push(Failure::Script { file: name.clone(), text, wrong: Box::new(wrong) });
                continue;
            }
        };
        failed += usize::from(!outcome.mismatches.is_empty());
        if json {
            results.push(as_json(&name, &outcome));
        } else {
            print(&name, &outcome);
        }
    }
    if json {
        crate::paint::say!("{:#}", json!({ "scripts": results, "failed": failed, "unreadable": unreadable.len() }));
        // All is told in the one object.
        return match (unreadable.is_empty(), failed) {
            (false, _) => Err(Failure::Told),
            (true, 0) => Ok(()),
            (true, _) => Err(Failure::No),
        };
    } else if args.scripts.len() > 1 {
        crate::paint::say!("{} scripts, {failed} failed, {} unreadable", args.scripts.len(), unreadable.len());
    }
    let last = unreadable.pop();
    for failure in &unreadable {
        failure.print(json);
    }
    match (last, failed) {
        (Some(failure), _) => Err(failure),
        (None, 0) => Ok(()),
        (None, _) => Err(Failure::No),
    }
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    let text =
        if path.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(path) };
    text.map_err(|why| {
        Failure::input(
            format!("cannot read {}: {why}", path.display()),
            "name a script, a text file as docs/scripts.md describes",
        )
    })
}

fn print(name: &str, outcome: &script::Outcome) {
    use anstyle::{AnsiColor, Style};
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    if outcome.mismatches.is_empty() {
        crate::paint::say!(
            "{green}ok{green:#}    {name}: {} rows, {} expectations",
            outcome.rows,
            outcome.expectations
        );
        return;
    }
    crate::paint::say!("{red}failed{red:#} {name}");
    for mismatch in &outcome.mismatches {
        crate::paint::say!("  {name}:{}  {}", mismatch.line, mismatch.row);
        crate::paint::say!("    on {}", mismatch.unit);
        for seen in &mismatch.seen {
            crate::paint::say!("    {red}- {} {}{red:#}", seen.what, seen.expected);
            crate::paint::say!("    {green}+ {} {}{green:#}", seen.what, seen.is);
        }
    }
}

fn as_json(name: &str, outcome: &script::Outcome) -> serde_json::Value {
    let mismatches: Vec<_> = outcome
        .mismatches
        .iter()
        .map(|m| {
            let seen: Vec<_> =
                m.seen.iter().map(|s| json!({ "what": s.what, "expected": s.expected, "is": s.is })).collect();
            json!({ "line": m.line, "row": m.row, "unit": m.unit, "seen": seen })
        })
        .collect();
    json!({ "script": name, "rows": outcome.rows, "expectations": outcome.expectations, "mismatches": mismatches })
}
