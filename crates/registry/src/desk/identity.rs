//! Somebody whom a provider knows: let in for the account that an administrator tied them to, and for no other.
//!
//! Whether the provider said so was checked beside the desk, which is handed who it is. Waits after wrong passwords are neither looked at nor
//! ended here: nobody guesses an identity, and a stranger who guesses at a name does not keep its owner out by this door.

use headlock_wire::hex;

use super::caller::every_scope;
use super::command::{Outcome, Verified};
use super::refusal::{Conflict, Refusal, Stop};
use super::sign_in::{Opened, session};
use super::work::{Work, plain};
use super::world::key;
use crate::record::{Account, AccountId, AccountState, Identity, Issuer, Session, SessionKind, Subject};

/// Opens a session for whoever this identity is tied to. One answer for every cause.
pub(super) fn sign_in(work: &mut Work<'_, '_>, shown: &Verified) -> Result<Outcome, Stop> {
    let digest = Identity::digest_of(&shown.issuer, &shown.subject);
    let identity: Option<Identity> = work.world.read(key(&[&digest]))?;
    let identity = identity.filter(|identity| identity.revoked_s.is_none()).ok_or(Refusal::SignIn)?;
    let account: Option<Account> = work.world.read(key(&[&identity.account]))?;
    let account = account.filter(|account| account.state == AccountState::Active).ok_or(Refusal::SignIn)?;
    let minutes = u64::from(work.house.rules.times.session_minutes);
    let expires_s = work.world.now_s() + minutes * 60;
    let opened = Opened {
        kind: SessionKind::OpenIdConnect,
        scopes: every_scope(),
        label: "openid-connect",
        tie: Some(identity.tie()),
        expires_s,
    };
    let token = session(work, &account, opened)?;
    work.log("signed_in", &[("account", account.id.as_str()), ("identity", &hex::digits(&digest))])?;
    Ok(Outcome::SignedIn { token, expires_s })
}

/// Whether what a session rests on still stands; a session that rests on nothing does.
pub(super) fn holds(work: &mut Work<'_, '_>, session: &Session) -> Result<bool, Stop> {
    let Some(tie) = session.tie else { return Ok(true) };
    let identity: Option<Identity> = work.world.read(key(&[&tie.identity]))?;
    Ok(identity.is_some_and(|identity| identity.holds(tie, &session.account)))
}

/// Ties an identity to an account; answers how the log names it. One that was untied can be tied again, here or elsewhere.
pub(super) fn tie(
    work: &mut Work<'_, '_>,
    account: &AccountId,
    (issuer, subject, label): (&Issuer, &Subject, &str),
) -> Result<String, Stop> {
    plain("label", label, (1, 80))?;
    let digest = Identity::digest_of(issuer, subject);
    let before: Option<Identity> = work.world.read(key(&[&digest]))?;
    if before.as_ref().is_some_and(|identity| identity.revoked_s.is_none()) {
        return Err(Conflict::Exists.into());
    }
    work.world.put(&Identity {
        digest,
        account: account.clone(),
        issuer: issuer.clone(),
        subject: subject.clone(),
        label: label.to_owned(),
        times: before.map_or(0, |identity| identity.times).saturating_add(1),
        added_s: work.world.now_s(),
        revoked_s: None,
    });
    Ok(hex::digits(&digest))
}

/// Unties one from its account: sessions and tokens that rest on it are over.
pub(super) fn untie(work: &mut Work<'_, '_>, account: &AccountId, digest: &[u8; 32]) -> Result<String, Stop> {
    let identity: Option<Identity> = work.world.read(key(&[digest]))?;
    let identity = identity.filter(|identity| identity.account == *account).ok_or(Refusal::NotFound)?;
    let revoked_s = identity.revoked_s.or(Some(work.world.now_s()));
    work.world.put(&Identity { revoked_s, ..identity });
    Ok(hex::digits(digest))
}
