//! What time alone brings about: promises not kept, approvals too late, data to be forgotten.

use super::command::Outcome;
use super::decide::forget_later;
use super::export;
use super::refusal::{Conflict, Refusal, Stop};
use super::work::{ALL, Told, Work, text};
use super::world::key;
use crate::record::{Account, Lately, Notice, Opened, Photo, Request, RequestId, RequestState, Waiting, WaitingFor};
use crate::sign_in::{Role, Scope};

/// Things that are done in one go; the next tick goes on.
const AT_ONCE: usize = 500;

/// Does whatever is due.
pub(super) fn tick(work: &mut Work<'_, '_>) -> Result<Outcome, Stop> {
    let now_s = work.world.now_s();
    let mut done = 0;
    for waiting_for in WaitingFor::ALL {
        for waiting in work.world.scan::<Waiting>(&text(waiting_for.word()), AT_ONCE)? {
            if waiting.due_s > now_s {
                break;
            }
            work.world.delete::<Waiting>(key(&[waiting_for, &waiting.due_s, &waiting.request]));
            if *waiting_for == WaitingFor::Export {
                export::expire(work, &waiting.request)?;
            } else if let Some(request) = work.world.read::<Request>(key(&[&waiting.request]))? {
                strike(work, *waiting_for, request)?;
            }
            done += 1;
        }
    }
    forget_lately(work)?;
    Ok(Outcome::Due(done))
}

/// Forgets what was used up and asked for so long ago that it counts for nothing.
fn forget_lately(work: &mut Work<'_, '_>) -> Result<(), Stop> {
    let keep_ms = work.house.longest_ms();
    for row in work.world.scan::<Lately>(&[], AT_ONCE)? {
        if row.at_ms.saturating_add(keep_ms) > work.world.now_ms {
            break;
        }
        work.world.delete::<Lately>(key(&[&row.version]));
    }
    Ok(())
}

fn strike(work: &mut Work<'_, '_>, waiting_for: WaitingFor, mut request: Request) -> Result<(), Stop> {
    let subject = [("request", request.id.to_string()), ("account", request.account.to_string())];
    let fields: Vec<(&str, &str)> = subject.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let still = match waiting_for {
        WaitingFor::Approval => request.approval_due_s.is_some(),
        WaitingFor::Proof => request.proof_due_s.is_some(),
        WaitingFor::Review => request.review_due_s.is_some(),
        WaitingFor::Erasure => !request.leaves.is_empty(),
        WaitingFor::Export => false,
    };
    if !still {
        return Ok(());
    }
    match waiting_for {
        WaitingFor::Approval => {
            request.state = RequestState::Expired;
            request.approval_due_s = None;
            let leaf = work.log("expired", &fields)?;
            request.leaves.extend_from_slice(&leaf.to_be_bytes());
            forget_later(work, &request);
            work.world.put(&request);
        }
        WaitingFor::Proof => {
            request.proof_due_s = None;
            let leaf = work.log("proof_overdue", &fields)?;
            request.leaves.extend_from_slice(&leaf.to_be_bytes());
            work.world.put(&request);
            work.lock(&request.account, "the document for a release was not brought in time")?;
        }
        WaitingFor::Review => {
            request.review_due_s = None;
            let leaf = work.log("review_overdue", &fields)?;
            request.leaves.extend_from_slice(&leaf.to_be_bytes());
            work.world.put(&request);
            let text = format!("nobody reviewed the break-glass release {} in time", request.id);
            let told = Told { leaf, kind: "review_overdue", text: &text };
            work.tell(Role::Auditor, &request.account, &told)?;
            work.lock(&request.account, "a break-glass release was not reviewed in time")?;
        }
        WaitingFor::Erasure => match request.approval_due_s.max(request.proof_due_s).max(request.review_due_s) {
            // Whoever still has to decide over it, or to bring something, needs what it says.
            Some(due_s) => {
                let due_s = due_s.max(work.world.now_s()) + 1;
                work.world.put(&Waiting { waiting_for: WaitingFor::Erasure, due_s, request: request.id });
            }
            None => erase_request(work, request, "retention")?,
        },
        // It is of no request.
        WaitingFor::Export => {}
    }
    Ok(())
}

/// Forgets what a request says of people and vehicles. The leaves stay, and say nothing any more.
pub(super) fn erase_request(work: &mut Work<'_, '_>, mut request: Request, why: &str) -> Result<(), Stop> {
    let (leaves, _) = request.leaves.as_chunks::<8>();
    let told = if request.glass_broken { work.world.scan::<Account>(&[], ALL)? } else { Vec::new() };
    for leaf in leaves.iter().map(|leaf| u64::from_be_bytes(*leaf)) {
        work.world.put(&Opened { leaf, salt: None, event: None });
        // Notices repeat reasons.
        for account in told.iter().map(|account| &account.id).chain([&request.account]) {
            let notice = key(&[account, &leaf]);
            if work.world.read::<Notice>(notice.clone())?.is_some() {
                work.world.delete::<Notice>(notice);
            }
        }
    }
    work.world.delete::<Photo>(key(&[&request.id]));
    request.vin = None;
    request.document = None;
    request.reason = None;
    request.leaves = Vec::new();
    work.log("erased", &[("request", request.id.as_str()), ("why", why)])?;
    work.world.put(&request);
    Ok(())
}

/// Forgets it now, because its owner asked for that. What still waits is not forgotten.
pub(super) fn erase(work: &mut Work<'_, '_>, caller: &super::caller::Caller, id: &RequestId) -> Result<Outcome, Stop> {
    caller.keeper(Role::Administrator, Scope::Administer)?;
    let request: Request = work.world.read(key(&[id]))?.ok_or(Refusal::NotFound)?;
    if request.approval_due_s.is_some() || request.proof_due_s.is_some() || request.review_due_s.is_some() {
        return Err(Conflict::StillWaiting.into());
    }
    if request.leaves.is_empty() {
        return Ok(Outcome::Done);
    }
    erase_request(work, request, "asked for")?;
    Ok(Outcome::Done)
}
