//! What happens to a request after it was made: a second person, the document, the review, and ways back.

use super::authorise::{self, Authority};
use super::caller::{Caller, serves};
use super::command::{Document, Outcome};
use super::refusal::{Conflict, Refusal, Stop};
use super::release::{check_document, reasoned, seldom};
use super::work::{Work, plain, text};
use super::world::key;
use crate::record::{
    Account, Delivered, Notice, Request, RequestId, RequestState, Unit, UnitState, Waiting, WaitingFor,
};
use crate::sign_in::{Role, Scope};

/// The request, if this account may hear of it.
fn request(work: &mut Work<'_, '_>, id: &RequestId) -> Result<Request, Stop> {
    work.world.read(key(&[id]))?.ok_or(Stop::Refused(Refusal::NotFound))
}

/// The request of this account.
fn own(work: &mut Work<'_, '_>, caller: &Caller, id: &RequestId) -> Result<Request, Stop> {
    let account = caller.person(Role::Requester, Scope::Release)?.id.clone();
    let request = request(work, id)?;
    if request.account == account { Ok(request) } else { Err(Refusal::NotFound.into()) }
}

/// No longer waits for this; answers whether it did.
fn done_waiting(work: &mut Work<'_, '_>, waiting_for: WaitingFor, request: &mut Request) -> bool {
    let due_s = match waiting_for {
        WaitingFor::Approval => request.approval_due_s.take(),
        WaitingFor::Proof => request.proof_due_s.take(),
        WaitingFor::Review => request.review_due_s.take(),
        WaitingFor::Erasure | WaitingFor::Export => None,
    };
    let Some(due_s) = due_s else { return false };
    work.world.delete::<Waiting>(key(&[&waiting_for, &due_s, &request.id]));
    true
}

fn log(work: &mut Work<'_, '_>, kind: &str, request: &mut Request, more: &[(&'static str, &str)]) -> Result<u64, Stop> {
    let said = more.iter().fold(authorise::fields(request), |said, (name, value)| said.with(name, value));
    let leaf = work.log(kind, &said.each())?;
    request.leaves.extend_from_slice(&leaf.to_be_bytes());
    Ok(leaf)
}

/// A second person's word. Never the requester's, and only over what still waits.
pub(super) fn decide(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, approve, reason): (&RequestId, bool, &str),
) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Approver, Scope::Approve)?;
    if approve {
        plain("reason", reason, (0, 500))?;
    } else {
        reasoned(reason)?;
    }
    let mut request = request(work, id)?;
    let unit: Option<Unit> = work.world.read(key(&[&request.serial]))?;
    let unit = unit.filter(|unit| serves(account, unit)).ok_or(Refusal::NotFound)?;
    if request.account == account.id {
        if seldom(work, account)?.is_some() {
            log(work, "denied", &mut request, &[("by", account.id.as_str()), ("why", "requester as second person")])?;
            work.world.put(&request);
        }
        return Err(Conflict::SamePerson.into());
    }
    let Some(due_s) = request.approval_due_s.filter(|due_s| work.world.now_s() < *due_s) else {
        return Err(Conflict::NotWaiting.into());
    };
    let still_theirs = unit.vin.is_none() || unit.vin == request.vin;
    let gone = matches!(unit.state, UnitState::Stolen | UnitState::Scrapped);
    if approve && still_theirs && !gone {
        let id = request.id.clone();
        request.approval_due_s = None;
        // What cannot be handed out goes on waiting.
        let decided = authorise::authorise(work, request, &unit, None, Authority::Person(account, reason))?;
        work.world.delete::<Waiting>(key(&[&WaitingFor::Approval, &due_s, &id]));
        return Ok(decided);
    }
    let reason = if approve { "the unit's record changed since it was asked for" } else { reason };
    request.state = RequestState::Refused;
    request.decided_by = Some(account.id.clone());
    request.decided_s = Some(work.world.now_s());
    request.reason = Some(reason.to_owned());
    done_waiting(work, WaitingFor::Approval, &mut request);
    let leaf = log(work, "refused", &mut request, &[("by", account.id.as_str()), ("reason", reason)])?;
    forget_later(work, &request);
    tell_requester(work, &request, (leaf, "refused"), reason);
    work.world.put(&request);
    Ok(Outcome::Decided(Box::new(request)))
}

/// Who asked collects what a second person approved, or what got lost on the way.
pub(super) fn collect(work: &mut Work<'_, '_>, caller: &Caller, id: &RequestId) -> Result<Outcome, Stop> {
    let request = own(work, caller, id)?;
    match request.state {
        RequestState::Authorised => authorise::hand_out(work, request),
        RequestState::Pending => Ok(Outcome::Pending(Box::new(request))),
        _ => Err(Conflict::NotWaiting.into()),
    }
}

/// The answer has left.
pub(super) fn delivered(work: &mut Work<'_, '_>, id: &RequestId) -> Outcome {
    let at_s = work.world.now_s();
    work.world.put(&Delivered { request: id.clone(), at_s });
    Outcome::Done
}

/// Who asked takes it back.
pub(super) fn withdraw(work: &mut Work<'_, '_>, caller: &Caller, id: &RequestId) -> Result<Outcome, Stop> {
    let mut request = own(work, caller, id)?;
    if request.state != RequestState::Pending {
        return Err(Conflict::NotWaiting.into());
    }
    request.state = RequestState::Withdrawn;
    request.decided_s = Some(work.world.now_s());
    done_waiting(work, WaitingFor::Approval, &mut request);
    log(work, "withdrawn", &mut request, &[])?;
    forget_later(work, &request);
    work.world.put(&request);
    Ok(Outcome::Decided(Box::new(request)))
}

/// An authorised release is taken back: it can no longer be collected. What was delivered is known to who has it, and the log says so.
pub(super) fn revoke(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, reason): (&RequestId, &str),
) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Approver, Scope::Approve)?;
    reasoned(reason)?;
    let mut request = request(work, id)?;
    if request.state != RequestState::Authorised {
        return Err(Conflict::NotWaiting.into());
    }
    let left = work.world.read::<Delivered>(key(&[id]))?.is_some();
    request.state = RequestState::Revoked;
    request.decided_by = Some(account.id.clone());
    request.reason = Some(reason.to_owned());
    let had = if left { "delivered" } else { "not delivered" };
    let more = [("by", account.id.as_str()), ("reason", reason), ("answer", had)];
    let leaf = log(work, "revoked", &mut request, &more)?;
    tell_requester(work, &request, (leaf, "revoked"), reason);
    work.world.put(&request);
    Ok(Outcome::Decided(Box::new(request)))
}

/// The document that was promised.
pub(super) fn complete_proof(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, document): (&RequestId, &Document),
) -> Result<Outcome, Stop> {
    let mut request = own(work, caller, id)?;
    check_document(document)?;
    let open = match request.proof_due_s {
        // Also of what was taken back: its account answers for the document.
        Some(due_s) => work.world.now_s() < due_s,
        // Before it is decided, or late; what was erased stays so.
        None => matches!(request.state, RequestState::Authorised | RequestState::Pending) && !request.leaves.is_empty(),
    };
    if request.document.is_some() || !open {
        return Err(Conflict::NotWaiting.into());
    }
    request.document = Some(document.digest);
    done_waiting(work, WaitingFor::Proof, &mut request);
    log(work, "proof_completed", &mut request, &[])?;
    if let Some(photo) = &document.photo {
        authorise::keep_photo(work, id, photo)?;
    }
    work.world.put(&request);
    Ok(Outcome::Decided(Box::new(request)))
}

/// What somebody else thinks of a broken glass. Unjustified, it locks the account.
pub(super) fn review(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, justified, reason): (&RequestId, bool, &str),
) -> Result<Outcome, Stop> {
    let account = match caller.person(Role::Auditor, Scope::Audit) {
        Ok(account) => account,
        Err(_) => caller.person(Role::Approver, Scope::Approve)?,
    };
    reasoned(reason)?;
    let mut request = request(work, id)?;
    if request.account == account.id {
        return Err(Conflict::SamePerson.into());
    }
    let in_time = request.review_due_s.is_some_and(|due_s| work.world.now_s() < due_s);
    if !in_time || !done_waiting(work, WaitingFor::Review, &mut request) {
        return Err(Conflict::NotWaiting.into());
    }
    let verdict = if justified { "justified" } else { "not justified" };
    log(work, "reviewed", &mut request, &[("by", account.id.as_str()), ("verdict", verdict), ("reason", reason)])?;
    if !justified {
        work.lock(&request.account, "a break-glass release was found not justified")?;
    }
    work.world.put(&request);
    Ok(Outcome::Decided(Box::new(request)))
}

/// Requests that wait for a second person and that this one may decide.
pub(super) fn waiting(work: &mut Work<'_, '_>, caller: &Caller) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Approver, Scope::Approve)?;
    let mut requests = Vec::new();
    for waiting in work.world.scan::<Waiting>(&text(WaitingFor::Approval.word()), 1_000)? {
        let Some(request) = work.world.read::<Request>(key(&[&waiting.request]))? else { continue };
        let unit: Option<Unit> = work.world.read(key(&[&request.serial]))?;
        if request.account != account.id && unit.is_some_and(|unit| serves(account, &unit)) {
            requests.push(request);
        }
    }
    Ok(Outcome::Requests(requests))
}

/// What somebody has to be told; reading it marks it as read.
pub(super) fn notices(work: &mut Work<'_, '_>, caller: &Caller) -> Result<Outcome, Stop> {
    let account: &Account = caller.anybody()?;
    let now_s = work.world.now_s();
    let notices: Vec<Notice> = work.world.scan_newest(&text(account.id.as_str()), 1_000)?;
    for notice in notices.iter().filter(|notice| notice.seen_s.is_none()) {
        work.world.put(&Notice { seen_s: Some(now_s), ..notice.clone() });
    }
    Ok(Outcome::Notices(notices))
}

fn tell_requester(work: &mut Work<'_, '_>, request: &Request, (leaf, kind): (u64, &str), reason: &str) {
    let at_s = work.world.now_s();
    let text = format!("your request for {}: {reason}", request.serial);
    let account = request.account.clone();
    work.world.put(&Notice { account, leaf, at_s, kind: kind.to_owned(), text, seen_s: None });
}

/// What is known of the owner goes when the kind of proof says so, also where nothing was released.
pub(super) fn forget_later(work: &mut Work<'_, '_>, request: &Request) {
    let days = work.house.rules.proof(&request.proof).map_or(0, |proof| proof.retention_days);
    let due_s = work.world.now_s() + u64::from(days) * 86_400;
    work.world.put(&Waiting { waiting_for: WaitingFor::Erasure, due_s, request: request.id.clone() });
}
