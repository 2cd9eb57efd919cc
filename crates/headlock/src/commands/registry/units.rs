//! Units, as those see them who make, sell and move them.

use std::fs;
use std::path::PathBuf;

use headlock_registry::record::PairingEvent;
use headlock_server::api::{NewLine, NewUnit};
use serde_json::json;

use super::place::keep_secret;
use super::remote::{Server, failed};
use crate::failure::Failure;
use crate::paint;

/// Makes a unit's record and its code, for the line that makes the unit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry provision WK20260001 --unit wicket/scan --region eu --vin SJNFAAJ10U1234567 --out wk20260001"
)]
pub struct ProvisionArgs {
    /// Its number.
    serial: String,
    /// Its id in the catalogue.
    #[arg(long)]
    unit: String,
    /// Where it is sold.
    #[arg(long)]
    region: String,
    /// Its firmware.
    #[arg(long, default_value = "")]
    firmware: String,
    /// Its second number, where it has one.
    #[arg(long)]
    companion: Option<String>,
    /// The vehicle that it goes into.
    #[arg(long)]
    vin: Option<String>,
    /// Writes what the unit is given into this new folder: `code`, and `device.key` for SecurityAccess.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// What happened to a unit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry pair WK20260001 paired --vin SJNFAAJ10U1234567\n  headlock registry pair WK20260001 stolen"
)]
pub struct PairArgs {
    /// Its number.
    serial: String,
    /// paired, exchanged, reflashed, stolen, recovered or scrapped.
    #[arg(value_parser = event)]
    event: PairingEvent,
    /// The vehicle, where it was about one.
    #[arg(long)]
    vin: Option<String>,
    /// The firmware afterwards, where it changed.
    #[arg(long)]
    firmware: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// What is on record of a unit: never its code, never its vehicle.
#[derive(Debug, clap::Args)]
pub struct LookArgs {
    /// Its number.
    serial: String,
    /// Its history too.
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    server: Server,
}

fn event(word: &str) -> Result<PairingEvent, String> {
    PairingEvent::of_word(word).ok_or_else(|| {
        let known: Vec<&str> = PairingEvent::ALL.iter().map(|event| event.word()).collect();
        format!("one of {}", known.join(", "))
    })
}

/// Provisions.
///
/// # Errors
/// The service refuses, or cannot be reached; the folder is there.
pub(super) fn provision(args: &ProvisionArgs, json: bool) -> Result<(), Failure> {
    fs::create_dir(&args.out).map_err(|why| {
        Failure::input(format!("cannot make {}: {why}", args.out.display()), "--out with a new folder")
    })?;
    let new = NewUnit {
        serial: args.serial.clone(),
        unit: args.unit.clone(),
        firmware: args.firmware.clone(),
        region: args.region.clone(),
        companion: args.companion.clone(),
        vin: args.vin.clone(),
    };
    let made = match args.server.client()?.provision(&new) {
        Ok(made) => made,
        Err(why) => {
            // Nothing is in it.
            let _ = fs::remove_dir(&args.out);
            return Err(failed(&why));
        }
    };
    keep_secret(&args.out.join("code"), made.code.reveal())?;
    keep_secret(&args.out.join("device.key"), made.device_key.reveal())?;
    if json {
        paint::say!("{:#}", json!({ "unit": made.unit, "folder": args.out }));
    } else {
        paint::say!("{} is on record; its code and its key are in {}", made.unit.serial, args.out.display());
    }
    Ok(())
}

/// Adds a line to a unit's history.
///
/// # Errors
/// The service refuses, or cannot be reached.
pub(super) fn pair(args: &PairArgs, json: bool) -> Result<(), Failure> {
    let line = NewLine { event: args.event, vin: args.vin.clone(), firmware: args.firmware.clone() };
    let unit = args.server.client()?.enter(&args.serial, &line).map_err(|why| failed(&why))?;
    if json {
        paint::say!("{:#}", json!(unit));
    } else {
        paint::say!("{}: {}", unit.serial, unit.state);
    }
    Ok(())
}

/// Looks a unit up.
///
/// # Errors
/// There is nothing here for who asks, or the service cannot be reached.
pub(super) fn look(args: &LookArgs, json: bool) -> Result<(), Failure> {
    let client = args.server.client()?;
    let unit = client.unit(&args.serial).map_err(|why| failed(&why))?;
    let history = if args.history { Some(client.history(&args.serial).map_err(|why| failed(&why))?) } else { None };
    if json {
        paint::say!("{:#}", json!({ "unit": unit, "history": history }));
        return Ok(());
    }
    let vehicle = if unit.vehicle_on_record { "its vehicle is on record" } else { "no vehicle is on record" };
    paint::say!("{}: {}, {}; {vehicle}", unit.serial, unit.unit, unit.state);
    for line in history.iter().flat_map(|history| &history.lines) {
        let more: Vec<&str> = [&line.vin, &line.firmware].into_iter().flatten().map(String::as_str).collect();
        paint::item(
            &format!("{}.", line.number),
            &format!("{} at {} by {} {}", line.event, line.at_s, line.by, more.join(" ")),
        );
    }
    Ok(())
}
