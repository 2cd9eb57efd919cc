//! Reading the log with what it says. Who reads it is in it.

use super::caller::Caller;
use super::command::Outcome;
use super::refusal::{Fault, Stop};
use super::work::Work;
use super::world::key;
use crate::log::Event;
use crate::record::{Opened, Record};
use crate::sign_in::{Role, Scope};

/// Leaves of one reading.
const AT_ONCE: u32 = 1_000;

/// Leaves from one on, with what they say; nothing for those erased. Only an auditor reads them, and leaves a leaf of their own.
pub(super) fn read(work: &mut Work<'_, '_>, caller: &Caller, (from, limit): (u64, u32)) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Auditor, Scope::Audit)?.id.to_string();
    let limit = u64::from(limit.clamp(1, AT_ONCE));
    let leaves = from..from.saturating_add(limit);
    work.world.foresee(Opened::TABLE, leaves.clone().map(|leaf| key(&[&leaf])).collect())?;
    let mut read = Vec::new();
    for leaf in leaves {
        let Some(opened) = work.world.read::<Opened>(key(&[&leaf]))? else { break };
        let event = opened.event.as_deref().map(Event::from_bytes).transpose();
        read.push((leaf, event.map_err(Fault::Event)?));
    }
    let (from, count) = (from.to_string(), read.len().to_string());
    work.log("log_read", &[("account", &account), ("from", &from), ("count", &count)])?;
    Ok(Outcome::Log(read))
}
