//! Why a desk does not do what it was asked.

use crate::log::EventError;
use crate::seal;
use crate::store::StoreError;

/// No, and why, as far as who asked may know it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Whoever asked is not let in. One answer for every cause.
    #[error("not signed in: the token or certificate is unknown, expired or revoked")]
    NotSignedIn,
    /// Signing in failed. One answer for every cause.
    #[error("name, password or one-time code are not right, or the account waits after failures")]
    SignIn,
    /// The account is locked.
    #[error("this account is locked: {reason}")]
    Locked {
        /// Why.
        reason: String,
    },
    /// The role, or the token's scope, does not allow it.
    #[error("this needs {needed}")]
    NotAllowed {
        /// A role or a scope, in words.
        needed: &'static str,
    },
    /// There is nothing here for who asked. One answer for an unknown serial, another vehicle, another region.
    #[error(
        "no release for this serial and vehicle at this desk. Read the serial again from the label: O and 0, I and 1, B and 8 look alike"
    )]
    NotFound,
    /// Too often.
    #[error("too many requests; the next is possible in {retry_after_s} seconds")]
    TooMany {
        /// When it may be tried again, in seconds.
        retry_after_s: u64,
    },
    /// The desk's policy refuses.
    #[error("refused by the rule \"{rule}\": {why}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// Why, in its words.
        why: String,
    },
    /// What was asked for does not go with how things stand.
    #[error("{0}")]
    Conflict(Conflict),
    /// Something in the request is wrong.
    #[error("{field}: {what}")]
    Invalid {
        /// Where.
        field: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
}

/// What does not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The idempotency key was used for something else.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The request was decided already, or taken back.
    #[error("the request is no longer waiting")]
    NotWaiting,
    /// Something about it is still open.
    #[error("something about this request is still open: an approval, a document or a review")]
    StillWaiting,
    /// The requester decides over their own request.
    #[error("who asked cannot be the second person")]
    SamePerson,
    /// The time to collect is over.
    #[error("the time to collect this release is over; ask again")]
    TooLate,
    /// A seed is answered once.
    #[error("this seed was answered already; let the unit make a new one")]
    SeedUsed,
    /// It is there already.
    #[error("there is one of that name already")]
    Exists,
    /// The last administrator.
    #[error("this is the last administrator who can sign in")]
    LastAdministrator,
    /// A broken glass waits for its review.
    #[error("an earlier break-glass release of this account waits for its review")]
    ReviewFirst,
    /// The unit's code cannot be typed, or there is none.
    #[error("this unit has no such thing to release")]
    NothingToRelease,
    /// There is nobody to export to.
    #[error("no escrow stands in this registry; a quorum sets one: headlock registry export recipient")]
    NoEscrow,
    /// Another escrow stands by now.
    #[error("another escrow stands by now than this was asked for; ask again")]
    OtherEscrow,
    /// A word that counts already.
    #[error("you have agreed to it already")]
    AgreedAlready,
    /// Too few, or of too many the account was locked or changed since.
    #[error(
        "not enough others agree to this export, or no longer: who is locked, has another role or was changed by somebody since does not count"
    )]
    NotAgreed,
    /// Its time is over, or its file has left.
    #[error("this export can no longer be taken: its time is over, or its file has left; ask for another")]
    ExportOver,
    /// Nobody loses sight of so many.
    #[error("too many exports of yours wait already")]
    TooManyExports,
    /// The same row with other content.
    #[error("the record is there already, and says something else")]
    Differs,
}

/// Why the desk cannot answer now. Nothing is said about what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is not what the registry wrote.
    #[error("a row of table {table} is not what the registry wrote")]
    Row {
        /// Which table.
        table: &'static str,
    },
    /// A sealed value does not open: another key, or it was changed.
    #[error("a sealed value does not open: {0}")]
    Sealed(#[from] seal::OpenError),
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    NoRandomness(std::io::Error),
    /// Something that does not fit into an event.
    #[error("an event could not be written: {0}")]
    Event(EventError),
    /// The log.
    #[error("the log: {0}")]
    Log(String),
    /// Another instance went on to another key-encryption key.
    #[error("the registry is under another key-encryption key by now; open the desk with that one")]
    Rotated,
    /// Other writers were faster, again and again.
    #[error("other writers on the same store were faster, again and again")]
    Contended,
    /// A record names a unit that the catalogue no longer has.
    #[error("the catalogue has no unit {0}")]
    NoUnit(String),
}

/// Why one command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is refused; what was logged and charged stands.
    Refused(Refusal),
    /// The whole batch fails.
    Fault(Fault),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Conflict> for Stop {
    fn from(conflict: Conflict) -> Self {
        Self::Refused(Refusal::Conflict(conflict))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Stop {
    fn from(why: StoreError) -> Self {
        Self::Fault(Fault::Store(why))
    }
}

impl From<seal::OpenError> for Stop {
    fn from(why: seal::OpenError) -> Self {
        Self::Fault(Fault::Sealed(why))
    }
}
