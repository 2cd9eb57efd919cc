//! `headlock registry log` and `receipt`: the log with what it says, for auditors; and one leaf's receipt.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::remote::{Server, failed};
use crate::failure::Failure;
use crate::paint;

/// Reads the log with what its leaves say. Who reads it is in it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry log --from 0 --count 100\n  headlock registry log --from 0 --json"
)]
pub struct Args {
    /// From this leaf.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// No more than these; 1,000 at most.
    #[arg(long, default_value_t = 100)]
    count: u32,
    #[command(flatten)]
    server: Server,
}

/// Fetches the receipt of a leaf.
#[derive(Debug, clap::Args)]
pub struct ReceiptArgs {
    /// The leaf.
    leaf: u64,
    /// Writes it into this file instead of showing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// Reads.
///
/// # Errors
/// Only an auditor reads; or the service cannot be reached.
pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let events = args.server.client()?.events(args.from, args.count).map_err(|why| failed(&why))?;
    if json {
        paint::say!("{:#}", json!(events));
        return Ok(());
    }
    for leaf in &events.leaves {
        let Some(event) = &leaf.event else {
            paint::say!("{}: erased", leaf.leaf);
            continue;
        };
        let fields: Vec<String> = event.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        paint::say!("{}: {} at {} {}", leaf.leaf, event.kind, event.at_s, fields.join(" "));
    }
    Ok(())
}

/// Fetches a receipt.
///
/// # Errors
/// The service refuses, or cannot be reached.
pub(super) fn receipt(args: &ReceiptArgs) -> Result<(), Failure> {
    let bytes = args.server.client()?.receipt(args.leaf).map_err(|why| failed(&why))?;
    match &args.out {
        None => paint::bytes(&bytes),
        Some(path) => fs::write(path, &bytes)
            .map_err(|why| Failure::input(format!("cannot write {}: {why}", path.display()), "another file"))?,
    }
    Ok(())
}
