//! `headlock keys`: the exact presses for a code.

use headlock_advisor::words;
use headlock_profile::behaviour::LengthSpec;
use headlock_profile::typing;
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

/// One way to type the code, and where it holds.
struct Way {
    presses: Vec<String>,
    readings: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// No such unit, no code, or no panel that can type it.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let unit = find_unit(&catalog, &args.unit)?;
    let code = read_code(&args.code, headlock_profile::Provenance::Stated)?;
    let mut ways: Vec<Way> = Vec::new();
    let mut refused: Vec<(String, Vec<String>)> = Vec::new();
    let serial = unit.cleaned(&args.serial.clone().unwrap_or_else(|| unit.example_serial()));
    let mut known = false;
    for reading in unit.readings.iter().filter(|reading| args.reading.as_ref().is_none_or(|name| *name == reading.id)) {
        known = true;
        for case in &reading.cases {
            let spec = &case.behaviour.code;
            // Without a serial, or where a setting decides, any length of the unit will do.
            let lengths = match (&spec.length, &args.serial) {
                (LengthSpec::Fixed(_), _) | (LengthSpec::BySerial { .. }, Some(_)) => {
                    vec![spec.length.resolve(&serial, |_| None)]
                }
                (LengthSpec::BySerial { .. }, None) | (LengthSpec::BySetting { .. }, _) => spec.length.all(),
            };
            let given = code.reveal().chars().count();
            let length =
                lengths.iter().find(|length| usize::from(**length) == given).or(lengths.first()).copied().unwrap_or(4);
            let alphabets = typing::alphabets(&spec.alphabet, usize::from(length));
            match typing::takes_codes(&case.behaviour)
                .and_then(|()| typing::presses(&case.behaviour, &alphabets, &code))
            {
                Ok(presses) => {
                    let presses = words::presses(&presses);
                    match ways.iter_mut().find(|way| way.presses == presses) {
                        Some(way) => note(&mut way.readings, &reading.id),
                        None => ways.push(Way { presses, readings: vec![reading.id.clone()] }),
                    }
                }
                Err(error) => {
                    let why = error.to_string();
                    match refused.iter_mut().find(|(known, _)| *known == why) {
                        Some((_, readings)) => note(readings, &reading.id),
                        None => refused.push((why, vec![reading.id.clone()])),
                    }
                }
            }
        }
    }
    if !known {
        let ids: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
        let name = args.reading.as_deref().unwrap_or_default();
        return Err(Failure::input(
            format!("{} has no reading {name:?}", unit.identity.id),
            headlock_profile::closest(name, &ids),
        ));
    }
    if ways.is_empty() {
        let why: Vec<String> =
            refused.iter().map(|(why, readings)| format!("{why} (under {})", readings.join(", "))).collect();
        return Err(Failure::input(
            format!("{} cannot be given this code: {}", unit.identity.id, why.join("; ")),
            "look at the code again; it is another unit's, or misread",
        ));
    }
    if json {
        let ways: Vec<_> = ways.iter().map(|way| json!({ "presses": way.presses, "readings": way.readings })).collect();
        let refused: Vec<_> =
            refused.iter().map(|(why, readings)| json!({ "because": why, "readings": readings })).collect();
        crate::paint::say!("{:#}", json!({ "unit": unit.identity.id, "ways": ways, "refused": refused }));
        return Ok(());
    }
    for way in &ways {
        paint::heading(&format!("Under {}", way.readings.join(", ")));
        for (index, press) in way.presses.iter().enumerate() {
            paint::item(&format!("{}.", index + 1), press);
        }
    }
    for (why, readings) in &refused {
        paint::aside(0, &format!("\nUnder {}: {why}.", readings.join(", ")));
    }
    Ok(())
}

fn note(readings: &mut Vec<String>, id: &str) {
    if !readings.iter().any(|known| known == id) {
        readings.push(id.to_owned());
    }
}
