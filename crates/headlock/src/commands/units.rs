//! `headlock units`: what the catalogue holds.

use serde_json::json;

use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Lists the units of the catalogue.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock units\n  headlock units clarion\n  headlock --catalog my-units units --json"
)]
pub struct Args {
    /// Only those whose id, name, family or vehicles hold this word.
    word: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The catalogue is wrong, or holds no such unit.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let word = args.word.as_deref().map(str::to_lowercase);
    let units: Vec<_> = catalog
        .units
        .iter()
        .filter(|unit| {
            let identity = &unit.identity;
            let all = format!(
                "{} {} {} {}",
                identity.id,
                identity.name,
                identity.family.as_deref().unwrap_or_default(),
                identity.vehicles.join(" ")
            );
            word.as_deref().is_none_or(|word| all.to_lowercase().contains(word))
        })
        .collect();
    if json {
        let all: Vec<_> = units
            .iter()
            .map(|unit| {
                let identity = &unit.identity;
                json!({
                    "id": identity.id, "name": identity.name, "summary": identity.summary, "family": identity.family,
                    "vehicles": identity.vehicles, "years": { "from": identity.years.from, "to": identity.years.to },
                    "readings": unit.readings.iter().map(|reading| &reading.id).collect::<Vec<_>>(), "file": unit.file,
                })
            })
            .collect();
        crate::paint::say!("{:#}", json!({ "units": all }));
        return if units.is_empty() { Err(Failure::No) } else { Ok(()) };
    }
    for unit in &units {
        let identity = &unit.identity;
        let years = match (identity.years.from, identity.years.to) {
            (None, None) => String::new(),
            (from, to) => format!(
                "{}-{}",
                from.map_or(String::new(), |y| y.to_string()),
                to.map_or(String::new(), |y| y.to_string())
            ),
        };
        let readings: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
        crate::paint::say!(
            "{}{:<28}{} {:<10} {}",
            paint::HEADING,
            identity.id,
            paint::HEADING.render_reset(),
            years,
            identity.name
        );
        paint::aside(4, &format!("readings: {}", readings.join(", ")));
    }
    if units.is_empty() {
        return Err(Failure::input(
            format!("no unit with {:?} in its id, name, family or vehicles", args.word.as_deref().unwrap_or_default()),
            "headlock units lists them all",
        ));
    }
    Ok(())
}
