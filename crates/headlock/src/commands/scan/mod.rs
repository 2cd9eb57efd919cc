//! `headlock scan`: a tester for a real head unit, or for a virtual one.

mod line;
mod report;
mod write;

use std::path::PathBuf;

use headlock_link::tester::{LinkError, Tester};

use crate::failure::Failure;
use crate::script::Hidden;
use line::LineArgs;

/// Reads a head unit through its diagnostic connector, and does what a workshop does there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock scan --elm327 /dev/ttyUSB0 --out car.json\n  headlock plan --scan car.json\n  headlock scan --doip 192.168.0.10:13400 --trace trace\n  headlock scan --elm327 /dev/rfcomm0 --enter-code -\n  headlock scan --doip 127.0.0.1:13400 --key-file ecu.key --flash firmware.hlfp\n\nReading changes nothing. What writes to the car says so and asks first; --yes answers for you. Exits with 5 when adapter or car do not\nanswer as they should. docs/diagnostics.md says what is asked and what can go wrong."
)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Writes what was read, for `headlock plan --scan`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Enters the code; - reads it from standard input.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["run", "flash"])]
    enter_code: Option<Hidden>,
    /// Runs a routine.
    #[arg(long, value_name = "ROUTINE", value_enum, conflicts_with = "flash")]
    run: Option<write::Named>,
    /// Clears the trouble codes.
    #[arg(long)]
    clear_dtcs: bool,
    /// Restarts the unit.
    #[arg(long)]
    reset: bool,
    /// Writes a signed firmware package.
    #[arg(long, value_name = "FILE")]
    flash: Option<PathBuf>,
    /// A file with the unit's SecurityAccess key, as 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A command that answers seeds, as a registry does: it is given level and seed, and prints the key in hexadecimal digits.
    #[arg(long, value_name = "COMMAND", conflicts_with = "key_file")]
    key_command: Option<PathBuf>,
    /// Does not ask before it writes.
    #[arg(long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// The line, the adapter or the unit fail; a bad file; a question answered with no.
pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let (mut tester, adapter) = args.line.open()?;
    let done = converse(args, &mut tester, adapter, json);
    let trace = tester.transport().trace().map_or(Ok(()), headlock_link::tester::Trace::finish);
    done?;
    trace.map_err(|why| Failure::input(format!("cannot write the trace: {why}"), "a folder on a disk with room"))
}

fn converse(args: &Args, tester: &mut Tester, adapter: Option<report::Adapter>, json: bool) -> Result<(), Failure> {
    let mut report = report::Report::read(tester, adapter)?;
    if !json {
        report.print();
    }
    let wrote = write::run(args, tester, &report, json)?;
    if wrote {
        report = report::Report::read(tester, report.adapter)?;
        if !json {
            report.print_lock();
        }
    }
    if json {
        crate::paint::say!("{:#}", report.json());
    }
    match &args.out {
        None => Ok(()),
        Some(path) => {
            let text = format!("{:#}\n", report.json());
            crate::whole_file::write(path, text.as_bytes()).map_err(|why| {
                Failure::input(
                    format!("cannot write {}: {why}", path.display()),
                    "a file in a folder that can be written to",
                )
            })
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        let help = match &error {
            LinkError::Open { .. } => "check the cable, the address, and who may open the port",
            LinkError::TimedOut | LinkError::PendingTooLong { .. } => {
                "is the ignition on, and the unit at this address? --trace DIR shows what was said"
            }
            LinkError::Unfit(_) => "another adapter: an STN chip, or DoIP",
            LinkError::NotActivated(_) | LinkError::NeedsConfirmation => "another tester address: --source",
            LinkError::Negative { .. } => "the unit says so; nothing was changed by it",
            LinkError::Package(_) => "a package that the maker of this unit signed",
            _ => "--trace DIR shows what was said; try again, or another adapter",
        };
        Self::Link { word: error.word(), what: error.to_string(), help: help.to_owned() }
    }
}
