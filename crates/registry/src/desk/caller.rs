//! Who asks, and whether they may.

use super::command::Credential;
use super::identity;
use super::refusal::{Refusal, Stop};
use super::work::Work;
use super::world::key;
use crate::record::{Account, AccountState, Certificate, Session, SessionKind, Unit};
use crate::sign_in::{Role, Scope, Scopes};

/// Who asks.
pub(super) enum Caller {
    /// A person.
    Person {
        account: Box<Account>,
        scopes: Scopes,
        /// The session or token that let them in, if one did.
        session: Option<Session>,
    },
    /// Whoever holds the machine.
    Console,
}

impl Caller {
    /// Lets somebody in, or not: one answer for every cause.
    pub(super) fn of(work: &mut Work<'_, '_>, credential: Credential) -> Result<Self, Stop> {
        let now_s = work.world.now_s();
        let (account, scopes, session) = match credential {
            Credential::Console => return Ok(Self::Console),
            Credential::Nobody => return Err(Refusal::NotSignedIn.into()),
            Credential::Token(digest) => {
                let session: Option<Session> = work.world.read(key(&[&digest]))?;
                let session = session.filter(|session| is_good(session, now_s)).ok_or(Refusal::NotSignedIn)?;
                if !identity::holds(work, &session)? {
                    return Err(Refusal::NotSignedIn.into());
                }
                (session.account.clone(), session.scopes, Some(session))
            }
            Credential::Certificate(fingerprint) => {
                let certificate: Option<Certificate> = work.world.read(key(&[&fingerprint]))?;
                let certificate = certificate.filter(|certificate| certificate.revoked_s.is_none());
                (certificate.ok_or(Refusal::NotSignedIn)?.account, every_scope(), None)
            }
        };
        let account: Option<Account> = work.world.read(key(&[&account]))?;
        let account = account.ok_or(Refusal::NotSignedIn)?;
        if session.as_ref().is_some_and(|session| session.created_s < account.sessions_from_s) {
            return Err(Refusal::NotSignedIn.into());
        }
        match account.state {
            AccountState::Active => Ok(Self::Person { account: Box::new(account), scopes, session }),
            AccountState::Locked => Err(Refusal::Locked { reason: account.state_reason.unwrap_or_default() }.into()),
            AccountState::Closed => Err(Refusal::NotSignedIn.into()),
        }
    }

    /// The person, in this role, let in for this.
    pub(super) fn person(&self, role: Role, scope: Scope) -> Result<&Account, Refusal> {
        let Self::Person { account, scopes, .. } = self else {
            return Err(Refusal::NotAllowed { needed: "a person's own account" });
        };
        if !account.roles.has(role) {
            return Err(Refusal::NotAllowed { needed: role_needed(role) });
        }
        if !scopes.has(scope) {
            return Err(Refusal::NotAllowed { needed: scope_needed(scope) });
        }
        Ok(account)
    }

    /// The person in this role, or the console.
    pub(super) fn keeper(&self, role: Role, scope: Scope) -> Result<(), Refusal> {
        if matches!(self, Self::Console) { Ok(()) } else { self.person(role, scope).map(|_| ()) }
    }

    /// Whether they have to get a one-time secret before they can do anything else.
    pub(super) fn is_new(&self) -> bool {
        matches!(self, Self::Person { scopes, .. } if *scopes == Scopes::NONE)
    }

    /// Who is there themselves, and not a token of theirs, nor a provider's word for them: for what would let its holder in for
    /// everything, and for longer than that token or word.
    pub(super) fn in_person(&self) -> Result<(), Refusal> {
        match self {
            Self::Person { session: Some(session), .. } if session.tie.is_some() => {
                Err(Refusal::NotAllowed { needed: "a session by password and one-time code, or an administrator" })
            }
            Self::Person { session: Some(session), .. } if session.kind == SessionKind::Token => {
                Err(Refusal::NotAllowed { needed: "a session, not a token" })
            }
            _ => Ok(()),
        }
    }

    /// Anybody who has an account.
    pub(super) fn anybody(&self) -> Result<&Account, Refusal> {
        match self {
            Self::Person { account, .. } => Ok(account),
            Self::Console => Err(Refusal::NotAllowed { needed: "a person's own account" }),
        }
    }

    /// As the log names them.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Person { account, .. } => account.id.as_str(),
            Self::Console => "console",
        }
    }

    /// Their company, as the log names it.
    pub(super) fn company(&self) -> &str {
        match self {
            Self::Person { account, .. } => account.company.as_str(),
            Self::Console => "",
        }
    }
}

/// What a person may do who is there themselves.
pub(super) fn every_scope() -> Scopes {
    Scope::ALL.into_iter().fold(Scopes::NONE, Scopes::with)
}

const fn role_needed(role: Role) -> &'static str {
    match role {
        Role::Requester => "the role requester",
        Role::Approver => "the role approver",
        Role::Administrator => "the role administrator",
        Role::Auditor => "the role auditor",
        Role::Operator => "the role operator",
        Role::Custodian => "the role custodian",
    }
}

const fn scope_needed(scope: Scope) -> &'static str {
    match scope {
        Scope::Release => "a session, or a token for release",
        Scope::Approve => "a session, or a token for approve",
        Scope::Administer => "a session, or a token for administer",
        Scope::Audit => "a session, or a token for audit",
        Scope::Import => "a session, or a token for import",
        Scope::Custody => "a session, or a token for custody",
        Scope::Read => "a session, or a token for read",
    }
}

/// Whether a session or token lets in now.
pub fn is_good(session: &Session, now_s: u64) -> bool {
    session.revoked_s.is_none() && (session.created_s..session.expires_s).contains(&now_s)
}

/// Whether an account's desk may release this unit.
pub fn serves(account: &Account, unit: &Unit) -> bool {
    account.regions.split(' ').any(|region| region == "*" || region == unit.region.as_str())
}
