//! `headlock panel`: a front panel in the terminal.

use std::io::IsTerminal;

use super::one_unit::OneUnit;
use crate::failure::Failure;
use crate::panel::{plain, screen};
use crate::store::Texts;

/// Puts a virtual front panel into the terminal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock panel clarion-cl --reading s1 --code 1234 --locked\n  headlock panel owners-manual-2012 --reading manual-2012 --plain\n\nIn plain mode every line of standard input is an event of docs/scripts.md; what the unit shows is appended."
)]
pub struct Args {
    #[command(flatten)]
    unit: OneUnit,
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
    let running = args.unit.start(texts, args.locked)?;
    if args.plain || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return plain::run(running, &mut std::io::stdin().lock(), &mut std::io::stdout().lock());
    }
    screen::run(running, args.speed)
}
