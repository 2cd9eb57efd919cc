//! `headlock registry rotate`: another key-encryption key, in shares or in a file.

use std::path::PathBuf;

use headlock_registry::desk::Action;
use headlock_registry::seal::{Kek, key_file};
use serde_json::json;

use super::place::{Place, Unsealing, broken, console, desk};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Wraps every key of the registry under a new key-encryption key; nothing that was sealed is touched.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry rotate --config desk --shares 3/5\n  headlock registry rotate --config desk --new-key-file desk-2027.key"
)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    unsealing: Unsealing,
    /// Splits the new key; the shares are shown once.
    #[arg(long, value_name = "QUORUM/SHARES", conflicts_with = "new_key_file", required_unless_present = "new_key_file", value_parser = super::init::quorum)]
    shares: Option<(u8, u8)>,
    /// Writes the new key into this new file.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// The old key is not at hand, or the store cannot be written: then the old key still holds.
pub(super) fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let mut desk = desk(&args.place.config()?, texts, &args.unsealing)?;
    let new = Kek::random().map_err(|why| broken(&why))?;
    // The new key is safe before anything is wrapped under it.
    let shares = match (&args.new_key_file, args.shares) {
        (Some(path), _) => {
            let unwritten = |why| Failure::input(format!("cannot write {}: {why}", path.display()), "a new file");
            key_file::write(path, &new).map_err(unwritten)?;
            Vec::new()
        }
        (None, Some((quorum, shares))) => {
            new.split(quorum, shares).map_err(|why| Failure::input(why.to_string(), "--shares 3/5"))?
        }
        (None, None) => {
            return Err(Failure::input("where is the new key to go?", "--shares 3/5, or --new-key-file FILE"));
        }
    };
    let texts: Vec<_> = shares.iter().map(headlock_registry::seal::Share::text).collect();
    console(&mut desk, Action::Rotate { kek: new })?;
    desk.sync().map_err(|why| broken(&why))?;
    if json {
        let shares: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
        paint::say!("{:#}", json!({ "rotated": true, "shares": shares, "key_file": args.new_key_file }));
        return Ok(());
    }
    paint::say!("Every key is wrapped under the new one. The old one opens older backups alone.");
    for (share, text) in shares.iter().zip(&texts) {
        paint::say!("Share {}, shown once; {} of them unseal:\n  {}", share.number(), share.quorum(), **text);
    }
    if args.new_key_file.is_some() {
        paint::say!("Name the new file as key_file in the configuration.");
    }
    Ok(())
}
