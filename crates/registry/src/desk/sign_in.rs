//! Being let in: a password and a one-time code for a session, a session for tokens.

use super::accounts::one_time_context;
use super::caller::{Caller, every_scope, is_good};
use super::command::{Outcome, SignIn};
use super::refusal::{Fault, Refusal, Stop};
use super::work::{Work, plain};
use super::world::key;
use zeroize::Zeroizing;

use crate::record::{Account, AccountState, Session, SessionKind, Tie};
use crate::sign_in::{Role, Scope, Scopes, TOTP_SECRET_BYTES, Token, TotpSecret, lockout};

/// Longest life of a token, in days.
const TOKEN_DAYS_MAX: u32 = 366;

/// Opens a session, or counts a failure. One answer for every cause.
pub(super) fn sign_in(work: &mut Work<'_, '_>, shown: &SignIn) -> Result<Outcome, Stop> {
    let account: Option<Account> = work.world.read(key(&[&shown.account]))?;
    let Some(mut account) = account.filter(|account| account.state == AccountState::Active) else {
        return Err(Refusal::SignIn.into());
    };
    let now_ms = work.world.now_ms;
    let lock = lockout::Lockout { failures: account.failures, until_ms: account.until_ms };
    if lockout::allowed(lock, now_ms) != lockout::Admission::Allowed {
        return Err(Refusal::SignIn.into());
    }
    // A password that was changed meanwhile was not checked.
    let password_fits = shown.matched && account.password.is_some() && shown.against == account.password;
    let step = match &account.totp {
        Some(sealed) => one_time_step(work, &account, (sealed, &shown.one_time_code))?,
        None => None,
    };
    if !password_fits || (account.totp.is_some() && step.is_none()) {
        let lock = lockout::fail(lock, now_ms);
        account.failures = lock.failures;
        account.until_ms = lock.until_ms;
        work.world.put(&account);
        let failures = account.failures.to_string();
        work.log("sign_in_failed", &[("account", account.id.as_str()), ("failures", &failures)])?;
        return Err(Refusal::SignIn.into());
    }
    account.failures = 0;
    account.until_ms = 0;
    account.totp_step = step.or(account.totp_step);
    work.world.put(&account);
    // Without a one-time secret a session is good for one thing: to get one.
    let scopes = if account.totp.is_some() { every_scope() } else { Scopes::NONE };
    let minutes = u64::from(work.house.rules.times.session_minutes);
    let expires_s = work.world.now_s() + minutes * 60;
    let opened = Opened { kind: SessionKind::SignIn, scopes, label: "sign-in", tie: None, expires_s };
    let token = session(work, &account, opened)?;
    work.log("signed_in", &[("account", account.id.as_str())])?;
    Ok(Outcome::SignedIn { token, expires_s })
}

/// The step whose one-time code it was, if it was one.
fn one_time_step(
    work: &mut Work<'_, '_>,
    account: &Account,
    (sealed, code): (&[u8], &str),
) -> Result<Option<u64>, Stop> {
    let (number, sealed) = sealed.split_first_chunk::<4>().ok_or(Fault::Row { table: "account" })?;
    let number = u32::from_be_bytes(*number);
    let secret = work.keys.unseal(work.world, number, sealed, &one_time_context(&account.id))?;
    let secret = <[u8; TOTP_SECRET_BYTES]>::try_from(secret.as_slice()).map(Zeroizing::new);
    let secret = TotpSecret::from_bytes(&*secret.map_err(|_| Fault::Row { table: "account" })?);
    Ok(secret.verify(code, work.world.now_s(), account.totp_step))
}

/// A session or token that is to be.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    pub(super) kind: SessionKind,
    pub(super) scopes: Scopes,
    pub(super) label: &'a str,
    pub(super) tie: Option<Tie>,
    pub(super) expires_s: u64,
}

/// Opens it.
pub(super) fn session(work: &mut Work<'_, '_>, account: &Account, opened: Opened<'_>) -> Result<Token, Stop> {
    let Opened { kind, scopes, label, tie, expires_s } = opened;
    let token = Token::random().map_err(Fault::NoRandomness)?;
    work.world.put(&Session {
        digest: token.digest().0,
        account: account.id.clone(),
        kind,
        scopes,
        label: label.to_owned(),
        created_s: work.world.now_s(),
        expires_s,
        revoked_s: None,
        tie,
    });
    Ok(token)
}

/// Ends the session that asks.
pub(super) fn sign_out(work: &mut Work<'_, '_>, caller: &Caller) -> Result<Outcome, Stop> {
    let Caller::Person { session: Some(session), .. } = caller else { return Err(Refusal::NotSignedIn.into()) };
    end(work, &session.digest)?;
    work.log("signed_out", &[("account", caller.name())])?;
    Ok(Outcome::Done)
}

/// Makes a token for who asks, for no more than they may do themselves.
pub(super) fn issue(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (label, scopes, days): (&str, Scopes, u32),
) -> Result<Outcome, Stop> {
    let Caller::Person { account, scopes: own, session: shown } = caller else {
        return Err(Refusal::NotAllowed { needed: "a person's own account" }.into());
    };
    if !own.covers(scopes) || scopes == Scopes::NONE {
        return Err(Refusal::NotAllowed { needed: "a session that may itself do what the token should" }.into());
    }
    if !(1..=TOKEN_DAYS_MAX).contains(&days) {
        return Err(Refusal::Invalid { field: "days", what: format!("1 to {TOKEN_DAYS_MAX}") }.into());
    }
    plain("label", label, (1, 80))?;
    let expires_s = work.world.now_s() + u64::from(days) * 86_400;
    if shown.as_ref().is_some_and(|shown| shown.kind == SessionKind::Token && shown.expires_s < expires_s) {
        return Err(Refusal::Invalid { field: "days", what: "no token outlives the token that makes it".into() }.into());
    }
    // What rests on an identity ends with it, also what its session made.
    let tie = shown.as_ref().and_then(|shown| shown.tie);
    let token = session(work, account, Opened { kind: SessionKind::Token, scopes, label, tie, expires_s })?;
    let scopes = scopes.to_string();
    work.log("token_issued", &[("account", account.id.as_str()), ("label", label), ("scopes", &scopes)])?;
    Ok(Outcome::Token(token))
}

/// Ends a token: one's own, or anybody's for an administrator.
pub(super) fn revoke(work: &mut Work<'_, '_>, caller: &Caller, digest: &[u8; 32]) -> Result<Outcome, Stop> {
    let session: Session = work.world.read(key(&[digest]))?.ok_or(Refusal::NotFound)?;
    let own = matches!(caller, Caller::Person { account, .. } if account.id == session.account);
    if !own && caller.keeper(Role::Administrator, Scope::Administer).is_err() {
        return Err(Refusal::NotFound.into());
    }
    if !is_good(&session, work.world.now_s()) {
        return Ok(Outcome::Done);
    }
    end(work, digest)?;
    let fields = [("account", session.account.as_str()), ("label", &session.label), ("by", caller.name())];
    work.log("token_revoked", &fields)?;
    Ok(Outcome::Done)
}

fn end(work: &mut Work<'_, '_>, digest: &[u8; 32]) -> Result<(), Stop> {
    let session: Option<Session> = work.world.read(key(&[digest]))?;
    if let Some(session) = session {
        work.world.put(&Session { revoked_s: Some(work.world.now_s()), ..session });
    }
    Ok(())
}
