//! `headlock panel`: a front panel in the terminal.

use crate::failure::Failure;
use crate::store::Texts;

/// Puts a virtual front panel into the terminal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The unit's id.
    unit: String,
}

/// Runs it.
///
/// # Errors
/// None yet.
pub fn run(_args: &Args, _texts: &Texts) -> Result<(), Failure> {
    Ok(())
}
