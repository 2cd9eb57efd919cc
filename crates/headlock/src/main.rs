//! From CODE to playing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use headlock::commands::drive;
use headlock::failure::Failure;
use headlock::store::Texts;

#[derive(Debug, Parser)]
#[command(name = "headlock", version, about, max_term_width = 110)]
struct Cli {
    /// Adds the units below this folder to the built-in ones; may be repeated.
    #[arg(long, global = true, value_name = "DIR")]
    catalog: Vec<PathBuf>,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Drive(drive::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(cli.json);
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let texts = Texts::load(&cli.catalog)?;
    match &cli.command {
        Command::Drive(args) => drive::run(args, &texts, cli.json),
    }
}
