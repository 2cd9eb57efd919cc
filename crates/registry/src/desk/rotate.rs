//! The key-encryption key: that it came, that it goes, and another one in its place.

use headlock_wire::hex;

use super::caller::Caller;
use super::command::Outcome;
use super::refusal::{Refusal, Stop};
use super::work::{ALL, Work};
use crate::record::{Secret, Setting};
use crate::seal::Kek;
use crate::sign_in::{Role, Scope};

/// The setting that tells the right key-encryption key.
pub(super) const FINGERPRINT: &str = "kek";

pub(super) fn fingerprint(kek: &Kek) -> String {
    hex::digits(&kek.fingerprint())
}

/// Wraps every key under another key-encryption key. Only who holds the machine and the old one can.
pub(super) fn rotate(work: &mut Work<'_, '_>, caller: &Caller, new: &Kek) -> Result<Outcome, Stop> {
    if !matches!(caller, Caller::Console) {
        return Err(Refusal::NotAllowed { needed: "the console of the machine" }.into());
    }
    let secrets: Vec<Secret> = work.world.scan(&[], ALL)?;
    for secret in work.keys.rewrap(work.world, &secrets, new)? {
        work.world.put(&secret);
    }
    let print = fingerprint(new);
    work.world.put(&Setting { name: FINGERPRINT.to_owned(), value: print.clone() });
    let count = secrets.len().to_string();
    work.log("rotated", &[("keys", &count), ("kek", &print)])?;
    Ok(Outcome::Done)
}

/// Notes that the desk was opened with its key.
pub(super) fn unsealed(work: &mut Work<'_, '_>, caller: &Caller) -> Result<Outcome, Stop> {
    if !matches!(caller, Caller::Console) {
        return Err(Refusal::NotAllowed { needed: "the console of the machine" }.into());
    }
    work.log("unsealed", &[("by", caller.name())])?;
    Ok(Outcome::Done)
}

/// Notes that somebody seals the desk; the host then drops it.
pub(super) fn seal(work: &mut Work<'_, '_>, caller: &Caller) -> Result<Outcome, Stop> {
    if caller.keeper(Role::Custodian, Scope::Custody).is_err() {
        caller.keeper(Role::Administrator, Scope::Administer)?;
    }
    work.log("sealed", &[("by", caller.name())])?;
    Ok(Outcome::Done)
}
