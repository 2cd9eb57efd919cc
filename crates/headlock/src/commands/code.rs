//! `headlock code`: a code under a key that the user holds. There is no calculator.

use std::fs;
use std::path::PathBuf;

use headlock_profile::behaviour::{CodeOwner, LengthSpec, LockKind, Switch};
use headlock_profile::{NO_CALCULATOR, SchemeKey, typing};
use serde_json::json;
use zeroize::Zeroizing;

use super::find_unit;
use crate::failure::Failure;
use crate::store::Texts;

/// Derives the code of a unit under a key that you hold.
///
/// For virtual units, and for units that were provisioned under that key. Headlock never shows a code that nobody issued.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  head -c 32 /dev/urandom > scheme.key\n  headlock code clarion-cl --serial CL12345678 --key-file scheme.key --reading s1"
)]
pub struct Args {
    /// The unit's id.
    unit: Option<String>,
    /// Its serial.
    #[arg(long)]
    serial: Option<String>,
    /// A file with the key of your scheme, at least 16 random bytes.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The reading whose code length and alphabet count.
    #[arg(long)]
    reading: Option<String>,
}

/// Runs it.
///
/// # Errors
/// No key, or anything else is missing.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let Some(path) = &args.key_file else {
        return Err(Failure::input(
            NO_CALCULATOR,
            "headlock plan says how to get the code; with a key of your own: --key-file FILE",
        ));
    };
    let (Some(unit), Some(serial)) = (&args.unit, &args.serial) else {
        return Err(Failure::input(
            "a code is derived for one unit",
            "headlock code UNIT --serial SERIAL --key-file FILE",
        ));
    };
    let catalog = texts.catalog()?;
    let unit = find_unit(&catalog, unit)?;
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|why| {
        Failure::input(format!("cannot read {}: {why}", path.display()), "a file with the key's bytes")
    })?;
    let key = SchemeKey::new(&bytes)
        .map_err(|error| Failure::input(error.to_string(), "head -c 32 /dev/urandom > scheme.key"))?;
    let reading = match &args.reading {
        Some(name) => unit.reading(name),
        None => unit.readings.first().filter(|_| unit.readings.len() == 1),
    };
    let Some(reading) = reading else {
        let ids: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
        return Err(Failure::input(
            format!("which reading of {}?", unit.identity.id),
            format!("--reading with one of {}", ids.join(", ")),
        ));
    };
    let spec = unit.identity.serial.iter().find(|spec| spec.fit(serial) == headlock_profile::Fit::Fits);
    if spec.is_none() && !unit.identity.serial.is_empty() {
        let patterns: Vec<&str> = unit.identity.serial.iter().map(|spec| spec.pattern.as_str()).collect();
        return Err(Failure::input(
            format!("{serial:?} is no serial of {}", unit.identity.id),
            format!("it fits {}", patterns.join(" or ")),
        ));
    }
    let counted = spec.map_or_else(|| serial.clone(), |spec| spec.counted(serial));
    let behaviour = &reading.cases[0].behaviour;
    if !matches!(behaviour.kind, LockKind::Code | LockKind::PairingOrCode) {
        return Err(Failure::input(
            "this unit takes no code under this reading: a tool, or the vehicle, opens it",
            "choose a reading with a code",
        ));
    }
    if !matches!(behaviour.code.belongs_to, CodeOwner::Unit | CodeOwner::Vehicle) || behaviour.checking == Switch::Off {
        return Err(Failure::input(
            "no code is issued for this unit under this reading",
            "its owner sets it, it answers a challenge, or it is not asked for",
        ));
    }
    let lengths: std::collections::BTreeSet<u8> = reading
        .cases
        .iter()
        .flat_map(|case| match &case.behaviour.code.length {
            LengthSpec::BySetting { .. } => case.behaviour.code.length.all(),
            length => vec![length.resolve(&unit.cleaned(serial), |_| None)],
        })
        .collect();
    if lengths.len() != 1 {
        let all: Vec<String> = lengths.iter().map(u8::to_string).collect();
        return Err(Failure::input(
            format!("the length of this unit's code is open: {}", all.join(" or ")),
            "choose a reading that decides it",
        ));
    }
    let length = usize::from(lengths.first().copied().unwrap_or(4));
    let mut alphabets = typing::alphabets(&behaviour.code.alphabet, length);
    for (place, alphabet) in alphabets.iter_mut().enumerate() {
        *alphabet = typing::typable(&behaviour.entry, alphabet, place);
    }
    let code = key.derive(&unit.identity.id, &counted, &alphabets);
    let code = code.ok_or_else(|| Failure::input("this unit takes no code", "choose a reading with a code"))?;
    if json {
        crate::paint::say!(
            "{:#}",
            json!({ "unit": unit.identity.id, "serial": serial, "code": code.reveal(), "provenance": code.provenance().words() })
        );
    } else {
        crate::paint::say!("{}", code.reveal());
        eprintln!("from {}", code.provenance().words());
    }
    Ok(())
}
