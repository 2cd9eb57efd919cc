//! `headlock man`: manual pages.

use std::path::PathBuf;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::failure::Failure;

/// Prints or writes the manual pages.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock man | man -l -\n  headlock man ~/.local/share/man/man1")]
pub struct Args {
    /// Writes all pages into this folder; without it the main page is printed.
    folder: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// The folder cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let command = Cli::command();
    let cannot = |why: std::io::Error| {
        Failure::input(format!("cannot write manual pages: {why}"), "name a folder that exists and that you may write")
    };
    match &args.folder {
        Some(folder) => clap_mangen::generate_to(command, folder).map_err(cannot),
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command).render(&mut text).map_err(cannot)?;
            crate::paint::bytes(&text);
            Ok(())
        }
    }
}
