//! `headlock panel`: a front panel in the terminal.

use std::io::IsTerminal;

use crate::failure::Failure;
use crate::panel::{plain, screen};
use crate::script::{Hidden, Running, Start, UnitRow};
use crate::store::Texts;

/// Puts a virtual front panel into the terminal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock panel clarion-cl --reading s1 --code 1234 --locked\n  headlock panel owners-manual-2012 --reading manual-2012 --plain\n\nIn plain mode every line of standard input is an event of docs/scripts.md; what the unit shows is appended."
)]
pub struct Args {
    /// The unit's id.
    unit: String,
    /// The reading to rehearse under.
    #[arg(long)]
    reading: Option<String>,
    /// Which case of it, from 1, where it leaves values open.
    #[arg(long)]
    case: Option<String>,
    /// The unit's code.
    #[arg(long)]
    code: Option<Hidden>,
    /// Its serial.
    #[arg(long)]
    serial: Option<String>,
    /// Its firmware.
    #[arg(long)]
    firmware: Option<String>,
    /// It asks for its code from the start.
    #[arg(long)]
    locked: bool,
    /// How much faster than real time the clock runs at first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    speed: u32,
    /// Append-only text in place of a screen.
    #[arg(long)]
    plain: bool,
}

/// Runs it.
///
/// # Errors
/// No such unit or reading, or the terminal cannot be used.
pub fn run(args: &Args, texts: &Texts) -> Result<(), Failure> {
    let running = start(args, texts)?;
    if args.plain || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return plain::run(running, &mut std::io::stdin().lock(), &mut std::io::stdout().lock());
    }
    screen::run(running, args.speed)
}

fn start(args: &Args, texts: &Texts) -> Result<Running, Failure> {
    let catalog = texts.catalog()?;
    let unit = super::find_unit(&catalog, &args.unit)?;
    if args.reading.as_deref() == Some("each") || args.case.as_deref() == Some("each") {
        return Err(Failure::input(
            "a panel runs one reading and one case",
            "name one; headlock drive runs several at once",
        ));
    }
    let row = UnitRow {
        id: unit.identity.id.clone(),
        reading: args.reading.clone(),
        case: args.case.clone(),
        serials: args.serial.iter().cloned().collect(),
        codes: args.code.iter().cloned().collect(),
        other_codes: Vec::new(),
        firmware: args.firmware.clone(),
        locked: args.locked,
        unpaired: false,
    };
    let started = Start { row, with: Vec::new() }.start(texts, &catalog).map_err(|wrong| {
        let help = wrong.help.replace("choose: reading ", "--reading with one of ").replace(", or `reading each`", "");
        Failure::input(wrong.what, help)
    })?;
    started.into_iter().next().ok_or_else(|| Failure::input("nothing to run", "name a reading"))
}
