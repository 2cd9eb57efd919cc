//! What may be read beside the desk, without waiting for it: who somebody is, whether a unit is there, how far a request is.
//!
//! Nothing here is in the log, and nothing here shows a code. Rows are read as they stand; whoever changes something asks the desk, which
//! lets everybody in once more.

use crate::desk::{Credential, Refusal, is_good, serves};
use crate::record::{
    Account, AccountId, AccountState, Certificate, Export, ExportWord, Field, Identity, Pairing, Record, Request,
    RequestId, Serial, Session, Setting, Unit,
};
use crate::sign_in::{Role, Scope, Scopes};
use crate::store::{Read, Row, Scan, StoreError, Value};

/// Rows of one page.
const PAGE: usize = 1_000;

/// Why something is not read.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Who asked may not, or there is nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is not what the registry wrote.
    #[error("a row of table {table} is not what the registry wrote")]
    Row {
        /// Which table.
        table: &'static str,
    },
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their account.
    pub account: Account,
    /// What they were let in for.
    pub scopes: Scopes,
    /// Until, in seconds since 1970; none for a certificate.
    pub expires_s: Option<u64>,
    /// From, for the same.
    created_s: u64,
}

impl Visitor {
    /// Whether they are in this role and let in for this.
    pub const fn may(&self, role: Role, scope: Scope) -> bool {
        self.account.roles.has(role) && self.scopes.has(scope)
    }

    /// The same, or a refusal that says what is needed.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`].
    pub fn needs(&self, any: &[(Role, Scope)], needed: &'static str) -> Result<(), Refusal> {
        let may = any.iter().any(|(role, scope)| self.may(*role, *scope));
        if may { Ok(()) } else { Err(Refusal::NotAllowed { needed }) }
    }

    /// Whether their session or token still lets in at this time, as far as time goes.
    pub fn lasts(&self, now_s: u64) -> bool {
        self.expires_s.is_none_or(|expires_s| (self.created_s..expires_s).contains(&now_s))
    }
}

/// Who somebody is. One refusal for every cause but a lock.
///
/// # Errors
/// [`LookupError`].
pub fn visitor(read: &mut dyn Read, credential: Credential, now_s: u64) -> Result<Visitor, LookupError> {
    let (id, scopes, created_s, expires_s) = match credential {
        Credential::Token(digest) => {
            let session: Option<Session> = one(read, vec![digest.value()])?;
            let session = session.filter(|session| is_good(session, now_s)).ok_or(Refusal::NotSignedIn)?;
            if !holds(read, &session)? {
                return Err(Refusal::NotSignedIn.into());
            }
            (session.account, session.scopes, session.created_s, Some(session.expires_s))
        }
        Credential::Certificate(fingerprint) => {
            let certificate: Option<Certificate> = one(read, vec![fingerprint.value()])?;
            let certificate = certificate.filter(|certificate| certificate.revoked_s.is_none());
            let every = Scope::ALL.into_iter().fold(Scopes::NONE, Scopes::with);
            (certificate.ok_or(Refusal::NotSignedIn)?.account, every, 0, None)
        }
        Credential::Console | Credential::Nobody => return Err(Refusal::NotSignedIn.into()),
    };
    let account: Account = one(read, vec![id.value()])?.ok_or(Refusal::NotSignedIn)?;
    if matches!(credential, Credential::Token(_)) && created_s < account.sessions_from_s {
        return Err(Refusal::NotSignedIn.into());
    }
    match account.state {
        AccountState::Active => Ok(Visitor { account, scopes, expires_s, created_s }),
        AccountState::Locked => Err(Refusal::Locked { reason: account.state_reason.unwrap_or_default() }.into()),
        AccountState::Closed => Err(Refusal::NotSignedIn.into()),
    }
}

/// The password hash to hold a password against, if there is such an account and it works.
///
/// # Errors
/// [`LookupError`].
pub fn password_of(read: &mut dyn Read, account: &AccountId) -> Result<Option<String>, LookupError> {
    let account: Option<Account> = one(read, vec![account.value()])?;
    Ok(account.filter(|account| account.state == AccountState::Active).and_then(|account| account.password))
}

/// A unit, for somebody whose desk serves it. One refusal for an unknown serial and for another region.
///
/// # Errors
/// [`LookupError`].
pub fn unit(read: &mut dyn Read, visitor: &Visitor, serial: &Serial) -> Result<Unit, LookupError> {
    if !visitor.scopes.has(Scope::Read) {
        return Err(Refusal::NotAllowed { needed: "a session, or a token for read" }.into());
    }
    let unit: Option<Unit> = one(read, vec![serial.value()])?;
    Ok(unit.filter(|unit| serves(&visitor.account, unit)).ok_or(Refusal::NotFound)?)
}

/// A unit's history, oldest first: for operators and auditors.
///
/// # Errors
/// [`LookupError`].
pub fn history(read: &mut dyn Read, visitor: &Visitor, serial: &Serial) -> Result<Vec<Pairing>, LookupError> {
    let who = [(Role::Operator, Scope::Import), (Role::Auditor, Scope::Audit)];
    visitor.needs(&who, "the role operator or auditor")?;
    let known: Option<Unit> = one(read, vec![serial.value()])?;
    known.ok_or(Refusal::NotFound)?;
    all(read, &[serial.value()])
}

/// A request, for who asked, for approvers whose desk serves its unit, and for auditors. The same refusal for everybody else.
///
/// # Errors
/// [`LookupError`].
pub fn request(read: &mut dyn Read, visitor: &Visitor, id: &RequestId) -> Result<Request, LookupError> {
    let request: Request = one(read, vec![id.value()])?.ok_or(Refusal::NotFound)?;
    let own = request.account == visitor.account.id
        && (visitor.scopes.has(Scope::Release) || visitor.scopes.has(Scope::Read));
    if own || visitor.may(Role::Auditor, Scope::Audit) {
        return Ok(request);
    }
    if visitor.may(Role::Approver, Scope::Approve) {
        let unit: Option<Unit> = one(read, vec![request.serial.value()])?;
        if unit.is_some_and(|unit| serves(&visitor.account, &unit)) {
            return Ok(request);
        }
    }
    Err(Refusal::NotFound.into())
}

/// The escrow that stands, and all exports with what was said to them, the oldest first: for administrators, custodians and auditors.
///
/// # Errors
/// [`LookupError`].
pub fn exports(read: &mut dyn Read, visitor: &Visitor) -> Result<(Option<String>, Vec<ExportAndWords>), LookupError> {
    of_exports(visitor)?;
    let escrow: Option<Setting> = one(read, vec!["escrow".to_owned().value()])?;
    let exports: Vec<Export> = all(read, &[])?;
    let said = exports.into_iter().map(|export| {
        let words = all(read, &[export.id.value()])?;
        Ok((export, words))
    });
    Ok((escrow.map(|setting| setting.value), said.collect::<Result<_, LookupError>>()?))
}

/// One of them.
///
/// # Errors
/// [`LookupError`].
pub fn export(read: &mut dyn Read, visitor: &Visitor, id: &RequestId) -> Result<ExportAndWords, LookupError> {
    of_exports(visitor)?;
    let export: Export = one(read, vec![id.value()])?.ok_or(Refusal::NotFound)?;
    let words = all(read, &[id.value()])?;
    Ok((export, words))
}

/// An export, and what was said to it.
pub type ExportAndWords = (Export, Vec<ExportWord>);

fn of_exports(visitor: &Visitor) -> Result<(), Refusal> {
    let who =
        [(Role::Administrator, Scope::Administer), (Role::Custodian, Scope::Custody), (Role::Auditor, Scope::Audit)];
    visitor.needs(&who, "the role administrator, custodian or auditor")
}

/// All accounts, by name: for administrators and auditors.
///
/// # Errors
/// [`LookupError`].
pub fn accounts(read: &mut dyn Read, visitor: &Visitor) -> Result<Vec<Account>, LookupError> {
    let who = [(Role::Administrator, Scope::Administer), (Role::Auditor, Scope::Audit)];
    visitor.needs(&who, "the role administrator or auditor")?;
    all(read, &[])
}

/// Certificates of an account: one's own, or anybody's for an administrator.
///
/// # Errors
/// [`LookupError`].
pub fn certificates(
    read: &mut dyn Read,
    visitor: &Visitor,
    account: &AccountId,
) -> Result<Vec<Certificate>, LookupError> {
    if visitor.account.id != *account {
        visitor.needs(&[(Role::Administrator, Scope::Administer)], "the role administrator")?;
    }
    let all: Vec<Certificate> = all(read, &[])?;
    Ok(all.into_iter().filter(|certificate| certificate.account == *account).collect())
}

/// Identities that were ever tied to an account: one's own, or anybody's for an administrator.
///
/// # Errors
/// [`LookupError`].
pub fn identities(read: &mut dyn Read, visitor: &Visitor, account: &AccountId) -> Result<Vec<Identity>, LookupError> {
    if visitor.account.id != *account {
        visitor.needs(&[(Role::Administrator, Scope::Administer)], "the role administrator")?;
    }
    let all: Vec<Identity> = all(read, &[])?;
    Ok(all.into_iter().filter(|identity| identity.account == *account).collect())
}

/// One's own sessions and tokens that still let in.
///
/// # Errors
/// [`LookupError`].
pub fn sessions(read: &mut dyn Read, visitor: &Visitor, now_s: u64) -> Result<Vec<Session>, LookupError> {
    let all: Vec<Session> = all(read, &[])?;
    let mut own = Vec::new();
    for session in all {
        if session.account == visitor.account.id && is_good(&session, now_s) && holds(read, &session)? {
            own.push(session);
        }
    }
    Ok(own)
}

/// Whether what a session rests on still stands; a session that rests on nothing does.
fn holds(read: &mut dyn Read, session: &Session) -> Result<bool, LookupError> {
    let Some(tie) = session.tie else { return Ok(true) };
    let identity: Option<Identity> = one(read, vec![tie.identity.value()])?;
    Ok(identity.is_some_and(|identity| identity.holds(tie, &session.account)))
}

/// The fingerprint of the key-encryption key, in hexadecimal digits; none where there is no registry yet.
///
/// # Errors
/// [`LookupError`].
pub fn key_fingerprint(read: &mut dyn Read) -> Result<Option<String>, LookupError> {
    let setting: Option<Setting> = one(read, vec!["kek".to_owned().value()])?;
    Ok(setting.map(|setting| setting.value))
}

fn one<T: Record>(read: &mut dyn Read, key: Row) -> Result<Option<T>, LookupError> {
    let row = read.get(T::TABLE, &[key])?.pop().flatten();
    row.map(|row| T::from_row(row).ok_or(LookupError::Row { table: T::TABLE.name })).transpose()
}

fn all<T: Record>(read: &mut dyn Read, prefix: &[Value]) -> Result<Vec<T>, LookupError> {
    let mut records = Vec::new();
    let mut after: Option<Row> = None;
    loop {
        let scan = Scan { table: T::TABLE, prefix, after: after.as_deref(), backwards: false, limit: PAGE };
        let rows = read.scan(&scan)?;
        let Some(last) = rows.last() else { return Ok(records) };
        let key = last.iter().take(T::TABLE.key).cloned().collect();
        let full = rows.len() == PAGE;
        for row in rows {
            records.push(T::from_row(row).ok_or(LookupError::Row { table: T::TABLE.name })?);
        }
        if !full {
            return Ok(records);
        }
        after = Some(key);
    }
}
