//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    analyse, claim, code, completions, drive, ecu, firmware, identify, keys, man, panel, plan, registry, scan, unit,
    units,
};
use crate::failure::Failure;
use crate::store::Texts;

/// From CODE to playing: the anti-theft lock of car head units, understood, rehearsed and planned for.
#[derive(Debug, Parser)]
#[command(
    name = "headlock",
    version,
    about,
    max_term_width = 110,
    after_help = "Exit codes: 0 done, 1 done and the answer is no (an expectation failed, nothing fits), 2 bad input, 3 a bad catalogue, 4 the answer could not be written, 5 an adapter or a car does not answer as it should.\n\
                  Colours follow NO_COLOR and the terminal. docs/catalogue.md says how to describe a unit, docs/scripts.md how to write a script."
)]
pub struct Cli {
    /// Adds the units below this folder, or in this file, to the built-in ones; may be repeated.
    #[arg(long, global = true, value_name = "DIR")]
    pub catalog: Vec<PathBuf>,
    /// Prints JSON for machines.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the units of the catalogue.
    Units(units::Args),
    /// Shows one unit: all readings side by side, conflicts marked, every value with its sources.
    Unit(unit::Args),
    /// Says which units and readings a car can have, and why not the others.
    Identify(identify::Args),
    /// Says what to do next, button by button, proved on the virtual unit.
    Plan(plan::Args),
    /// Says exactly which keys to press and hold for a code.
    Keys(keys::Args),
    /// Runs transcripts on virtual units.
    Drive(drive::Args),
    /// Says what a lock is worth: guesses by when, what opens it without a code, and what its owner can count on.
    #[command(visible_alias = "analyze")]
    Analyse(analyse::Args),
    /// Puts a virtual front panel into the terminal.
    Panel(panel::Args),
    /// Hosts a virtual unit as an ECU that testers talk to: DoIP, ELM327, SLCAN, socketcand, SOVD.
    Ecu(ecu::Args),
    /// Reads a head unit through its diagnostic connector, enters its code, runs its routines, writes its firmware.
    Scan(Box<scan::Args>),
    /// Makes and checks signed firmware packages, which `scan --flash` writes.
    #[command(subcommand)]
    Firmware(firmware::Command),
    /// The desk that releases a code to its owner and to nobody else: records, requests, second persons, and a log that outsiders verify.
    #[command(subcommand)]
    Registry(Box<registry::Command>),
    /// Derives the code of a unit under a key that you hold.
    #[command(visible_alias = "calculate", alias = "generate", alias = "calculator")]
    Code(code::Args),
    /// Shows what a source says, by the id of the claim.
    Claim(claim::Args),
    /// Prints completions for a shell.
    Completions(completions::Args),
    /// Prints or writes the manual pages.
    Man(man::Args),
}

impl Cli {
    /// Runs it.
    ///
    /// # Errors
    /// Why what was asked was not done.
    pub fn run(&self) -> Result<(), Failure> {
        match &self.command {
            Command::Completions(args) => return completions::run(args),
            Command::Firmware(args) => return firmware::run(args, self.json),
            Command::Scan(args) => return scan::run(args, self.json),
            Command::Man(args) => return man::run(args),
            _ => {}
        }
        let texts = Texts::load(&self.catalog)?;
        let json = self.json;
        match &self.command {
            Command::Units(args) => units::run(args, &texts, json),
            Command::Unit(args) => unit::run(args, &texts, json),
            Command::Identify(args) => identify::run(args, &texts, json),
            Command::Plan(args) => plan::run(args, &texts, json),
            Command::Keys(args) => keys::run(args, &texts, json),
            Command::Drive(args) => drive::run(args, &texts, json),
            Command::Analyse(args) => analyse::run(args, &texts, json),
            Command::Panel(args) => panel::run(args, &texts),
            Command::Ecu(args) => ecu::run(args, &texts, json),
            Command::Registry(command) => registry::run(command, &texts, json),
            Command::Code(args) => code::run(args, &texts, json),
            Command::Claim(args) => claim::run(args, &texts, json),
            Command::Completions(_) | Command::Man(_) | Command::Scan(_) | Command::Firmware(_) => Ok(()),
        }
    }
}
