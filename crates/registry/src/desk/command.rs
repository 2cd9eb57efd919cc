//! What a desk can be asked, and what it answers.

use std::fmt;

use headlock_profile::ways::{self, Way};
use headlock_profile::{Catalog, Code};
use zeroize::Zeroizing;

use super::exporter::{Exported, Exporter};
use crate::escrow::Recipient;
use crate::log::Receipt;
use crate::record::{
    Account, AccountId, AccountState, Company, Export, Issuer, Notice, PairingEvent, Region, Request, RequestId,
    Serial, Subject, Unit, Vin,
};
use crate::seal::{DataKey, Kek};
use crate::sign_in::{Roles, Scopes};

/// How somebody shows who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// SHA-256 of a session's token or of an API token.
    Token([u8; 32]),
    /// SHA-256 of a client's certificate, whose chain and possession the host has checked.
    Certificate([u8; 32]),
    /// Whoever holds the machine and the key-encryption key. It keeps house; it releases nothing and reads no code.
    Console,
    /// Nobody yet.
    Nobody,
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Certificate(_) => "Certificate(…)",
            Self::Console => "Console",
            Self::Nobody => "Nobody",
        })
    }
}

/// One thing to do.
#[derive(Debug)]
pub struct Command {
    /// Who asks.
    pub credential: Credential,
    /// What for.
    pub action: Action,
}

/// What can be asked of a desk.
#[derive(Debug)]
pub enum Action {
    /// A release.
    Release(Ask),
    /// A release that the rules would keep waiting, now; reviewed afterwards.
    BreakGlass {
        /// What.
        ask: Ask,
        /// Why it cannot wait.
        reason: String,
    },
    /// A second person's word.
    Decide {
        /// Over this request.
        request: RequestId,
        /// Yes.
        approve: bool,
        /// Why; needed for no.
        reason: String,
    },
    /// What was authorised is handed out, again where an answer was lost.
    Collect {
        /// To who asked for this.
        request: RequestId,
    },
    /// Who asked takes it back.
    Withdraw {
        /// This.
        request: RequestId,
    },
    /// An authorised release is taken back.
    Revoke {
        /// This.
        request: RequestId,
        /// Why.
        reason: String,
    },
    /// The answer has left.
    Delivered {
        /// Of this request.
        request: RequestId,
    },
    /// The document that was promised.
    CompleteProof {
        /// For this request.
        request: RequestId,
        /// It.
        document: Document,
    },
    /// What somebody else thinks of a broken glass.
    Review {
        /// Of this request.
        request: RequestId,
        /// Whether it was right.
        justified: bool,
        /// Why.
        reason: String,
    },
    /// A password and a one-time code were shown.
    SignIn(SignIn),
    /// A provider said who somebody is.
    SignInByIdentity(Verified),
    /// The session ends.
    SignOut,
    /// A token of one's own.
    IssueToken {
        /// What it is called.
        label: String,
        /// For what.
        scopes: Scopes,
        /// How long, in days.
        days: u32,
    },
    /// A token of one's own, or anybody's for an administrator, ends.
    RevokeToken {
        /// Its digest.
        digest: [u8; 32],
    },
    /// A new account.
    AddAccount(NewAccount),
    /// Something about an account.
    ChangeAccount {
        /// Which.
        account: AccountId,
        /// What.
        change: AccountChange,
    },
    /// A unit's history goes on.
    Pair(PairingLine),
    /// Units from a production table.
    AddUnits {
        /// What the rows came from.
        import: String,
        /// Rows that were read before these.
        rows_before: u64,
        /// Where reading goes on, in the reader's own bytes.
        position: Vec<u8>,
        /// Them.
        units: Vec<NewUnit>,
    },
    /// One unit, for which the registry makes the code.
    Provision {
        /// It; its code is left out.
        unit: NewUnit,
    },
    /// From now on the codes of new units of a kind follow from a key.
    AddScheme {
        /// Their id in the catalogue.
        unit: String,
        /// The key.
        key: DataKey,
    },
    /// Leaves of the log with what they say.
    ReadLog {
        /// From this leaf.
        from: u64,
        /// No more than these.
        limit: u32,
    },
    /// Others are asked to agree that records leave for the escrow.
    AskExport {
        /// Only units of this kind.
        unit: Option<String>,
        /// Only units of this region.
        region: Option<Region>,
        /// Why.
        reason: String,
    },
    /// Others are asked to agree to another escrow.
    AskRecipient {
        /// It.
        recipient: Recipient,
        /// Why.
        reason: String,
    },
    /// A yes to one of both.
    AgreeExport {
        /// Which.
        export: RequestId,
        /// Why.
        reason: String,
    },
    /// A no, which is enough.
    RefuseExport {
        /// To this.
        export: RequestId,
        /// Why.
        reason: String,
    },
    /// What was agreed to is begun.
    TakeExport {
        /// Which.
        export: RequestId,
    },
    /// All of a file has left.
    ExportLeft {
        /// Of this export.
        export: RequestId,
        /// Which file of it.
        attempt: u32,
        /// What it came to.
        exported: Exported,
    },
    /// What this account has to be told.
    ReadNotices,
    /// Requests that wait for a second person.
    ReadWaiting,
    /// Personal data of a request is forgotten.
    Erase {
        /// Which.
        request: RequestId,
    },
    /// Whatever is due by now.
    Tick,
    /// The desk was opened with its key.
    Unsealed,
    /// The desk is about to forget its keys.
    Seal,
    /// Another key-encryption key.
    Rotate {
        /// It.
        kek: Kek,
    },
}

/// What a request for a release says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Chosen by who asks: the same key is the same request. 1 to 64 visible ASCII characters.
    pub idempotency_key: String,
    /// The unit's number.
    pub serial: Serial,
    /// The vehicle.
    pub vin: Option<Vin>,
    /// The unit's second number.
    pub companion: Option<String>,
    /// What is asked for.
    pub wanted: Wanted,
    /// How ownership is proved.
    pub proof: String,
    /// The document, if it is at hand.
    pub document: Option<Document>,
}

/// What is asked for. Debug shows no seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The code.
    Code,
    /// The key for a seed.
    Key {
        /// The level's odd sub-function.
        level: u8,
        /// What the unit sent.
        seed: [u8; 16],
    },
}

impl fmt::Debug for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => out.write_str("Code"),
            Self::Key { level, .. } => write!(out, "Key(level {level})"),
        }
    }
}

/// A document that proves ownership.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// A photo, if one is to be kept.
    pub photo: Option<Vec<u8>>,
}

impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.photo.is_some() { "Document(…, with a photo)" } else { "Document(…)" })
    }
}

/// Bytes of the longest photo.
pub const PHOTO_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a host found out about a try to sign in: checking a password takes long, and is done beside the desk.
#[derive(Clone)]
pub struct SignIn {
    /// Who.
    pub account: AccountId,
    /// The password hash that it was held against; none if there is no such account, or no password.
    pub against: Option<String>,
    /// Whether it matched.
    pub matched: bool,
    /// The one-time code.
    pub one_time_code: Zeroizing<String>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SignIn(…)")
    }
}

/// Who somebody is, as a provider said to the host, which has checked that it did. Debug shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider.
    pub issuer: Issuer,
    /// How it names them.
    pub subject: Subject,
}

impl fmt::Debug for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Verified(…)")
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// The name to sign in with.
    pub id: AccountId,
    /// The person's own.
    pub person: String,
    /// Whom they work for.
    pub company: Company,
    /// Where they may release; none for everywhere.
    pub regions: Vec<Region>,
    /// What they do.
    pub roles: Roles,
    /// Their password, as a PHC string.
    pub password: Option<String>,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NewAccount({})", self.id)
    }
}

/// What can change of an account.
#[derive(Clone)]
pub enum AccountChange {
    /// What they do.
    Roles(Roles),
    /// Where.
    Regions(Vec<Region>),
    /// Whether it works, and why.
    State(AccountState, String),
    /// Their password, as a PHC string.
    Password(String),
    /// A new secret for one-time codes; it is answered once.
    NewOneTimeSecret,
    /// A certificate that stands for them, by the SHA-256 of its DER.
    AddCertificate([u8; 32], String),
    /// One that does no longer.
    RevokeCertificate([u8; 32]),
    /// Somebody at a provider who stands for them, and what that is called.
    TieIdentity(Issuer, Subject, String),
    /// One who does no longer, by [`Identity::digest_of`](crate::record::Identity::digest_of): what rests on it is over.
    UntieIdentity([u8; 32]),
}

impl fmt::Debug for AccountChange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl AccountChange {
    /// What changes, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Roles(_) => "roles",
            Self::Regions(_) => "regions",
            Self::State(..) => "state",
            Self::Password(_) => "password",
            Self::NewOneTimeSecret => "one-time-secret",
            Self::AddCertificate(..) => "certificate-added",
            Self::RevokeCertificate(_) => "certificate-revoked",
            Self::TieIdentity(..) => "identity-tied",
            Self::UntieIdentity(_) => "identity-untied",
        }
    }
}

/// One line to be added to a unit's history.
#[derive(Clone, Debug)]
pub struct PairingLine {
    /// Which unit.
    pub serial: Serial,
    /// What happened.
    pub event: PairingEvent,
    /// The vehicle, where it was about one.
    pub vin: Option<Vin>,
    /// The firmware afterwards, where it changed.
    pub firmware: Option<String>,
}

/// A unit to be kept.
#[derive(Clone, Debug)]
pub struct NewUnit {
    /// Its number.
    pub serial: Serial,
    /// Its id in the catalogue.
    pub unit: String,
    /// Its firmware.
    pub firmware: String,
    /// Where it is sold.
    pub region: Region,
    /// A second number.
    pub companion: Option<String>,
    /// The vehicle.
    pub vin: Option<Vin>,
    /// Its code.
    pub code: Option<Code>,
}

/// What a desk answers. Debug shows what kind of answer it is, and nothing secret.
pub enum Outcome {
    /// Done; there is nothing to show.
    Done,
    /// It waits for a second person.
    Pending(Box<Request>),
    /// Handed out.
    Released(Box<Released>),
    /// A second person's word, kept.
    Decided(Box<Request>),
    /// Somebody is let in.
    SignedIn {
        /// The token.
        token: crate::sign_in::Token,
        /// Until, in seconds since 1970.
        expires_s: u64,
    },
    /// A token, shown once.
    Token(crate::sign_in::Token),
    /// An account as it stands.
    Account(Box<Account>),
    /// The secret of one-time codes, as an `otpauth` address; shown once.
    OneTimeSecret(Zeroizing<String>),
    /// A unit as it stands.
    Unit(Box<Unit>),
    /// How many units are new, and how many were there already.
    Added {
        /// New.
        new: u64,
        /// There, and the same.
        known: u64,
    },
    /// What a new unit is to be given.
    Provisioned(Box<Provisioned>),
    /// Leaves with what they say; nothing for those erased.
    Log(Vec<(u64, Option<crate::log::Event>)>),
    /// What has to be told.
    Notices(Vec<Notice>),
    /// Requests.
    Requests(Vec<Request>),
    /// An export, or another escrow, as it stands.
    Export(Box<Export>),
    /// A file may be written.
    Exporter(Box<Exporter>),
    /// How many things were due.
    Due(u64),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => out.write_str("Done"),
            Self::Pending(request) => write!(out, "Pending({request:?})"),
            Self::Released(released) => write!(out, "{released:?}"),
            Self::Decided(request) => write!(out, "Decided({request:?})"),
            Self::SignedIn { expires_s, .. } => write!(out, "SignedIn(until {expires_s})"),
            Self::Token(_) => out.write_str("Token(redacted)"),
            Self::Account(account) => write!(out, "{account:?}"),
            Self::OneTimeSecret(_) => out.write_str("OneTimeSecret(redacted)"),
            Self::Unit(unit) => write!(out, "{unit:?}"),
            Self::Added { new, known } => write!(out, "Added({new} new, {known} known)"),
            Self::Provisioned(provisioned) => write!(out, "{provisioned:?}"),
            Self::Log(leaves) => write!(out, "Log({} leaves)", leaves.len()),
            Self::Notices(notices) => write!(out, "Notices({})", notices.len()),
            Self::Requests(requests) => write!(out, "Requests({})", requests.len()),
            Self::Export(export) => write!(out, "{export:?}"),
            Self::Exporter(exporter) => write!(out, "{exporter:?}"),
            Self::Due(count) => write!(out, "Due({count})"),
        }
    }
}

/// A release, as it leaves. Debug shows what is to come, and neither secret nor receipt.
pub struct Released {
    /// The request.
    pub request: Request,
    /// What was asked for.
    pub secret: Handed,
    /// That it is in the log; there as soon as its batch stands.
    pub receipt: Option<Receipt>,
    /// Whether the document has still to be brought, and by when, in seconds since 1970.
    pub proof_due_s: Option<u64>,
}

impl Released {
    /// Every way to type the code; none for a key.
    pub fn ways(&self, catalog: &Catalog) -> Vec<Way> {
        let (Handed::Code(code), Some(unit)) = (&self.secret, catalog.unit(&self.request.unit)) else {
            return Vec::new();
        };
        ways::ways(unit, &unit.readings, Some(self.request.serial.as_str()), code).0
    }

    /// The receipt, as a tlog-proof.
    pub fn receipt_bytes(&self) -> Vec<u8> {
        self.receipt.as_ref().map(Receipt::to_bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Released({:?}, {:?})", self.request, self.secret)
    }
}

/// What is handed out. Debug is redacted.
pub enum Handed {
    /// A code.
    Code(Code),
    /// The key for one seed.
    Key(SecurityKey),
}

impl fmt::Debug for Handed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Code(_) => "Code(redacted)",
            Self::Key(_) => "Key(redacted)",
        })
    }
}

/// A key of SecurityAccess. Debug is redacted; memory is wiped.
pub struct SecurityKey(pub Zeroizing<[u8; 16]>);

impl fmt::Debug for SecurityKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecurityKey(redacted)")
    }
}

/// What a new unit is given where it is made.
pub struct Provisioned {
    /// The record.
    pub unit: Unit,
    /// Its code.
    pub code: Code,
    /// Its key for SecurityAccess.
    pub device_key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Provisioned {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Provisioned(redacted)")
    }
}
