//! `headlock completions`: for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headlock completions bash > ~/.local/share/bash-completion/completions/headlock")]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Runs it.
///
/// # Errors
/// None.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "headlock", &mut text);
    crate::paint::bytes(&text);
    Ok(())
}
