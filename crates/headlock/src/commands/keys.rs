//! `headlock keys`: the exact presses for a code.

use headlock_advisor::words;
use headlock_profile::ways;
use serde_json::json;

use super::find_unit;
use super::plan::read_code;
use crate::failure::Failure;
use crate::paint;
use crate::script::Hidden;
use crate::store::Texts;

/// Says exactly which keys to press and hold for a code.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock keys nissan/owners-manual-2012 5169\n  headlock keys clarion-cl 1234 --reading s1\n  echo 5169 | headlock keys owners-manual-2012 -"
)]
pub struct Args {
    /// The unit's id.
    unit: String,
    /// The code; - reads it from standard input.
    code: Hidden,
    /// Only under this reading.
    #[arg(long)]
    reading: Option<String>,
    /// The unit's serial, where it decides how long the code is.
    #[arg(long)]
    serial: Option<String>,
}

/// Runs it.
///
/// # Errors
/// No such unit, no code, or no panel that can type it.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let unit = find_unit(&catalog, &args.unit)?;
    let code = read_code(&args.code, headlock_profile::Provenance::Stated)?;
    let chosen: Vec<_> =
        unit.readings.iter().filter(|reading| args.reading.as_ref().is_none_or(|name| *name == reading.id)).collect();
    let (ways, refused) = ways::ways(unit, chosen.iter().copied(), args.serial.as_deref(), &code);
    if chosen.is_empty() {
        let ids: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
        let name = args.reading.as_deref().unwrap_or_default();
        return Err(Failure::input(
            format!("{} has no reading {name:?}", unit.identity.id),
            headlock_profile::closest(name, &ids),
        ));
    }
    if ways.is_empty() {
        let why: Vec<String> =
            refused.iter().map(|none| format!("{} (under {})", none.why, none.readings.join(", "))).collect();
        return Err(Failure::input(
            format!("{} cannot be given this code: {}", unit.identity.id, why.join("; ")),
            "look at the code again; it is another unit's, or misread",
        ));
    }
    if json {
        let ways: Vec<_> = ways
            .iter()
            .map(|way| json!({ "presses": words::presses(&way.presses), "readings": way.readings }))
            .collect();
        let refused: Vec<_> =
            refused.iter().map(|none| json!({ "because": none.why.to_string(), "readings": none.readings })).collect();
        crate::paint::say!("{:#}", json!({ "unit": unit.identity.id, "ways": ways, "refused": refused }));
        return Ok(());
    }
    for way in &ways {
        paint::heading(&format!("Under {}", way.readings.join(", ")));
        for (index, press) in words::presses(&way.presses).iter().enumerate() {
            paint::item(&format!("{}.", index + 1), press);
        }
    }
    for none in &refused {
        paint::aside(0, &format!("\nUnder {}: {}.", none.readings.join(", "), none.why));
    }
    Ok(())
}
