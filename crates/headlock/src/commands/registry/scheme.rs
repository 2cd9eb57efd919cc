//! `headlock registry scheme`: codes that follow from a key which only the registry has.

use std::path::PathBuf;

use headlock_registry::desk::Action;
use headlock_registry::seal::DataKey;
use zeroize::Zeroizing;

use super::place::{Place, Unsealing, broken, console, desk};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// From now on the codes of new units of this kind follow from a key, as `headlock code` has it, whether `provision` makes the units or
/// `import` takes them in; none of those codes is kept.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The service of this registry must not run meanwhile.\n\nExamples:\n  head -c 32 /dev/urandom > scheme.key\n  headlock registry scheme nissan/clarion-cl --scheme-key scheme.key --config desk"
)]
pub struct Args {
    /// The catalogue's id of the unit.
    unit: String,
    /// A file of 32 random bytes. The registry keeps them sealed; the file is then to be locked away, or destroyed.
    #[arg(long, value_name = "FILE")]
    scheme_key: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    unsealing: Unsealing,
}

/// Adds the scheme.
///
/// # Errors
/// The key is none, or the registry cannot be opened.
pub(super) fn run(args: &Args, texts: &Texts) -> Result<(), Failure> {
    let path = &args.scheme_key;
    let bytes = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|why| Failure::input(format!("cannot read {}: {why}", path.display()), "a file of 32 random bytes"))?;
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| {
        let what = format!("{} has {} bytes; a scheme's key has 32", path.display(), bytes.len());
        Failure::input(what, "head -c 32 /dev/urandom > scheme.key")
    })?;
    let mut desk = desk(&args.place.config()?, texts, &args.unsealing)?;
    console(&mut desk, Action::AddScheme { unit: args.unit.clone(), key: DataKey::from_bytes(bytes) })?;
    desk.sync().map_err(|why| broken(&why))?;
    paint::say!("new units {} get their codes by this key; those on record keep theirs", args.unit);
    Ok(())
}
