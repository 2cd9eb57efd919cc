//! Who may sign in, with what, and what they may do.

use headlock_wire::hex;

use super::caller::Caller;
use super::command::{AccountChange, NewAccount, Outcome};
use super::identity;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::work::{ALL, Work, plain};
use super::world::key;
use crate::record::{Account, AccountId, AccountState, Certificate, Region, Settled};
use crate::sign_in::{Role, Roles, Scope, TotpSecret};

/// What one-time secrets are sealed for.
pub(super) fn one_time_context(account: &AccountId) -> Vec<u8> {
    [b"totp", account.as_str().as_bytes()].join(&0)
}

/// Whether an account can be made like this.
pub(super) fn check(new: &NewAccount) -> Result<(), Refusal> {
    // Events would tell it from the machine's console by nothing.
    if new.id.as_str() == Caller::Console.name() {
        return Err(Refusal::Invalid {
            field: "id",
            what: "another name: this one stands for the machine itself".into(),
        });
    }
    plain("person", new.person.trim(), (1, 100))?;
    check_hash(new.password.as_deref().unwrap_or_default())
}

/// A PHC string is printable ASCII.
fn check_hash(hash: &str) -> Result<(), Refusal> {
    if hash.len() <= 1_000 && hash.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Refusal::Invalid { field: "password", what: "a PHC string".into() })
}

/// Makes an account.
pub(super) fn add(work: &mut Work<'_, '_>, caller: &Caller, new: &NewAccount) -> Result<Outcome, Stop> {
    caller.keeper(Role::Administrator, Scope::Administer)?;
    if work.world.read::<Account>(key(&[&new.id]))?.is_some() {
        return Err(Conflict::Exists.into());
    }
    check(new)?;
    let account = Account {
        id: new.id.clone(),
        person: new.person.clone(),
        company: new.company.clone(),
        regions: regions(&new.regions),
        roles: new.roles,
        state: AccountState::Active,
        state_reason: None,
        password: new.password.clone(),
        totp: None,
        totp_step: None,
        failures: 0,
        until_ms: 0,
        created_s: work.world.now_s(),
        sessions_from_s: 0,
    };
    work.world.put(&account);
    unsettle(work, &new.id);
    let roles = names(new.roles);
    work.log(
        "account_added",
        &[
            ("account", new.id.as_str()),
            ("company", new.company.as_str()),
            ("roles", &roles),
            ("regions", &account.regions),
            ("by", caller.name()),
        ],
    )?;
    Ok(Outcome::Account(Box::new(account)))
}

/// Changes one.
pub(super) fn change(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, change): (&AccountId, &AccountChange),
) -> Result<Outcome, Stop> {
    let own = matches!(caller, Caller::Person { account, .. } if account.id == *id);
    let of_their_own = matches!(change, AccountChange::Password(_) | AccountChange::NewOneTimeSecret);
    if own && of_their_own {
        caller.in_person()?;
    } else {
        caller.keeper(Role::Administrator, Scope::Administer)?;
    }
    if own && matches!(change, AccountChange::Roles(_) | AccountChange::Regions(_) | AccountChange::State(..)) {
        return Err(Conflict::SamePerson.into());
    }
    let mut account: Account = work.world.read(key(&[id]))?.ok_or(Refusal::NotFound)?;
    let was_administrator = works_as_administrator(&account);
    let mut shown = None;
    let mut what = String::new();
    let now_s = work.world.now_s();
    match change {
        AccountChange::Roles(roles) => {
            account.roles = *roles;
            what = names(*roles);
        }
        AccountChange::Regions(wanted) => {
            account.regions = regions(wanted);
            what.clone_from(&account.regions);
        }
        AccountChange::State(state, reason) => {
            plain("reason", reason, (0, 500))?;
            account.state = *state;
            account.state_reason = (*state != AccountState::Active).then(|| reason.clone());
            if *state == AccountState::Active {
                account.failures = 0;
                account.until_ms = 0;
                work.world.delete::<crate::record::Watched>(key(&[id]));
            }
            what = format!("{state} {reason}");
        }
        AccountChange::Password(hash) => {
            check_hash(hash)?;
            account.password = Some(hash.clone());
            // Whoever came in by the old one is out.
            account.sessions_from_s = now_s;
        }
        // A session from before the first secret is good for that one alone.
        AccountChange::NewOneTimeSecret if caller.is_new() && account.totp.is_some() => {
            return Err(Refusal::NotAllowed { needed: "a new session, by the one-time secret" }.into());
        }
        AccountChange::NewOneTimeSecret => {
            let secret = TotpSecret::random().map_err(Fault::NoRandomness)?;
            let (number, sealed) = work.keys.seal(work.world, secret.as_bytes(), &one_time_context(id))?;
            account.totp = Some([&number.to_be_bytes()[..], &sealed].concat());
            account.totp_step = None;
            shown = Some(secret.uri(&work.house.origin, id.as_str()));
        }
        AccountChange::AddCertificate(fingerprint, label) => {
            plain("label", label, (1, 80))?;
            if work.world.read::<Certificate>(key(&[fingerprint]))?.is_some() {
                return Err(Conflict::Exists.into());
            }
            let (account, label) = (id.clone(), label.clone());
            work.world.put(&Certificate { fingerprint: *fingerprint, account, label, added_s: now_s, revoked_s: None });
            what = hex::digits(fingerprint);
        }
        AccountChange::RevokeCertificate(fingerprint) => {
            let certificate: Option<Certificate> = work.world.read(key(&[fingerprint]))?;
            let certificate = certificate.filter(|certificate| certificate.account == *id).ok_or(Refusal::NotFound)?;
            work.world.put(&Certificate { revoked_s: Some(now_s), ..certificate });
            what = hex::digits(fingerprint);
        }
        AccountChange::TieIdentity(issuer, subject, label) => {
            what = identity::tie(work, id, (issuer, subject, label))?;
        }
        AccountChange::UntieIdentity(digest) => what = identity::untie(work, id, digest)?,
    }
    if was_administrator && !works_as_administrator(&account) {
        another_administrator(work, id)?;
    }
    work.world.put(&account);
    let harmless = matches!(
        change,
        AccountChange::Regions(_) | AccountChange::RevokeCertificate(_) | AccountChange::UntieIdentity(_)
    );
    if !own && !harmless {
        unsettle(work, id);
    }
    let fields = [("account", id.as_str()), ("change", change.word()), ("to", &what), ("by", caller.name())];
    work.log("account_changed", &fields)?;
    Ok(shown.map_or_else(|| Outcome::Account(Box::new(account)), Outcome::OneTimeSecret))
}

/// Somebody else has just now decided who this account is, or how its person is let in: its word in an export counts again after a while.
fn unsettle(work: &mut Work<'_, '_>, id: &AccountId) {
    let since_s = work.world.now_s();
    work.world.put(&Settled { account: id.clone(), since_s });
}

fn works_as_administrator(account: &Account) -> bool {
    account.state == AccountState::Active && account.roles.has(Role::Administrator)
}

fn another_administrator(work: &mut Work<'_, '_>, but: &AccountId) -> Result<(), Stop> {
    let all: Vec<Account> = work.world.scan(&[], ALL)?;
    let another = all.iter().any(|account| account.id != *but && works_as_administrator(account));
    if another { Ok(()) } else { Err(Conflict::LastAdministrator.into()) }
}

fn names(roles: Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(" ")
}

fn regions(regions: &[Region]) -> String {
    if regions.is_empty() {
        return "*".to_owned();
    }
    regions.iter().map(Region::as_str).collect::<Vec<_>>().join(" ")
}
