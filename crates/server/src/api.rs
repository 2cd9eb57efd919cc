//! What goes over the wire, in both directions: the types that the service and its client share.

use std::fmt;

use headlock_registry::escrow::Recipient;
use headlock_registry::record::{
    Account, Export, ExportWord, Notice as Told, Pairing, PairingEvent, Request, UnitState,
};
use headlock_wire::hex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A text that is not for everybody: wiped on drop, redacted in Debug.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    /// From a text that is then the caller's to wipe.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self::new(&text)
    }
}

/// Why something was not done. Shape: RFC 9457, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// Which kind, as a URN that does not change.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status of HTTP.
    pub status: u16,
    /// What it is in this case.
    pub detail: String,
    /// Which field of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// When it may be tried again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// As in the header `x-request-id`; left out where answers must not differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A name, a password, and what the authenticator shows.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account.
    pub name: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: Secret,
    /// Six digits; empty for an account that has no one-time secret yet.
    #[schema(value_type = String)]
    #[serde(default = "empty")]
    pub one_time_code: Secret,
}

fn empty() -> Secret {
    Secret::new("")
}

/// A session that was opened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// What to show as a bearer token.
    #[schema(value_type = String)]
    pub token: Secret,
    /// Until, in seconds since 1970.
    pub expires_s: u64,
}

/// A sign-in by a provider that is to begin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginSignIn {
    /// The provider's name in the service's configuration.
    pub with: String,
    /// Where to come back to.
    pub redirect_uri: String,
    /// SHA-256 of a secret that stays with who begins, in base64url: `S256` of RFC 7636.
    pub code_challenge: String,
}

/// A sign-in that was begun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BegunSignIn {
    /// What a browser has to open.
    pub open: String,
    /// What comes back with it.
    pub state: String,
}

/// What somebody came back with from a provider.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSignIn {
    /// As it was begun with.
    pub state: String,
    /// What the provider gave.
    #[schema(value_type = String)]
    pub code: Secret,
    /// The secret that stayed with who began.
    #[schema(value_type = String)]
    pub code_verifier: Secret,
    /// Who the provider says that it is, if it does: RFC 9207.
    #[serde(default)]
    pub iss: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub account: AccountView,
    /// What they were let in for.
    pub scopes: Vec<String>,
    /// Until, in seconds since 1970; nothing for a certificate.
    pub expires_s: Option<u64>,
}

/// A token to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is called.
    pub label: String,
    /// For what.
    pub scopes: Vec<String>,
    /// How long, in days.
    pub days: u32,
}

/// A token, shown once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// It.
    #[schema(value_type = String)]
    pub token: Secret,
    /// What it is ended by.
    pub digest: String,
}

/// A session or token of one's own.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// What it is ended by.
    pub digest: String,
    /// `sign-in` or `token`.
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// For what.
    pub scopes: Vec<String>,
    /// From, in seconds since 1970.
    pub created_s: u64,
    /// To.
    pub expires_s: u64,
}

/// An account, without anything that would let somebody in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The name to sign in with.
    pub id: String,
    /// The person's own.
    pub person: String,
    /// Whom they work for.
    pub company: String,
    /// Where; `*` is everywhere.
    pub regions: Vec<String>,
    /// What they do.
    pub roles: Vec<String>,
    /// `active`, `locked` or `closed`.
    pub state: String,
    /// Why not active.
    pub state_reason: Option<String>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether there is a one-time secret.
    pub has_one_time_secret: bool,
    /// In seconds since 1970.
    pub created_s: u64,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            person: account.person.clone(),
            company: account.company.to_string(),
            regions: account.regions.split(' ').map(str::to_owned).collect(),
            roles: account.roles.iter().map(|role| role.name().to_owned()).collect(),
            state: account.state.to_string(),
            state_reason: account.state_reason.clone(),
            has_password: account.password.is_some(),
            has_one_time_secret: account.totp.is_some(),
            created_s: account.created_s,
        }
    }
}

/// An account to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The name to sign in with.
    pub id: String,
    /// The person's own.
    pub person: String,
    /// Whom they work for.
    pub company: String,
    /// Where; none is everywhere.
    #[serde(default)]
    pub regions: Vec<String>,
    /// What they do.
    pub roles: Vec<String>,
    /// A password to begin with.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub password: Option<Secret>,
}

/// One change of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AccountChange {
    /// What they do.
    Roles {
        /// All of them.
        roles: Vec<String>,
    },
    /// Where.
    Regions {
        /// All of them; none is everywhere.
        regions: Vec<String>,
    },
    /// Whether it works.
    State {
        /// `active`, `locked` or `closed`.
        state: String,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Another password.
    Password {
        /// It.
        #[schema(value_type = String)]
        password: Secret,
    },
    /// A new secret for one-time codes.
    OneTimeSecret,
}

/// What a change came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Changed {
    /// The secret of one-time codes, shown once.
    OneTimeSecret {
        /// What an authenticator reads.
        #[schema(value_type = String)]
        otpauth: Secret,
    },
    /// The account as it stands.
    Account(AccountView),
}

/// A certificate that is to stand for an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// SHA-256 of its DER, in 64 hexadecimal digits.
    pub sha256: String,
    /// What it is called.
    pub label: String,
}

/// A certificate of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    /// SHA-256 of its DER.
    pub sha256: String,
    /// What it is called.
    pub label: String,
    /// From, in seconds since 1970.
    pub added_s: u64,
    /// Ended.
    pub revoked_s: Option<u64>,
}

/// Somebody at a provider who is to stand for an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentity {
    /// The provider, as its ID tokens name it.
    pub issuer: String,
    /// How it names them: the `sub` of its ID tokens.
    pub subject: String,
    /// What it is called.
    pub label: String,
}

/// An identity of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    /// SHA-256 of the issuer, a byte 0, and the subject: what the log has.
    pub sha256: String,
    /// The provider.
    pub issuer: String,
    /// How it names them.
    pub subject: String,
    /// What it is called.
    pub label: String,
    /// From, in seconds since 1970.
    pub added_s: u64,
    /// Ended.
    pub revoked_s: Option<u64>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wanted {
    /// The unit's code.
    Code,
    /// The key for one seed of SecurityAccess.
    Key {
        /// The level's odd sub-function.
        level: u8,
        /// 16 bytes, in hexadecimal digits.
        seed: String,
    },
}

/// A photo as a request has it: in base64.
pub fn photo(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// A request for a release. Its idempotency key is a header.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The unit's number.
    pub serial: String,
    /// The vehicle.
    #[serde(default)]
    pub vin: Option<String>,
    /// The unit's second number.
    #[serde(default)]
    pub companion: Option<String>,
    /// What for.
    pub what: Wanted,
    /// How ownership is proved: the id of a `[[proof]]`.
    pub proof: String,
    /// SHA-256 of the document, if it is at hand, in 64 hexadecimal digits.
    #[serde(default)]
    pub document_sha256: Option<String>,
    /// A photo of it in base64, if one is to be kept.
    #[serde(default)]
    pub photo: Option<String>,
}

/// A release that cannot wait for the second person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// What.
    pub release: Release,
    /// Why.
    pub reason: String,
}

/// The document that was promised.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// SHA-256 of it, in 64 hexadecimal digits.
    pub document_sha256: String,
    /// A photo of it in base64, if one is to be kept.
    #[serde(default)]
    pub photo: Option<String>,
}

/// Why.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// In words.
    #[serde(default)]
    pub reason: String,
}

/// What somebody thinks of a broken glass.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Whether it was right.
    pub justified: bool,
    /// Why.
    pub reason: String,
}

/// A request as it stands. Never with what was released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestView {
    /// Its id.
    pub id: String,
    /// In seconds since 1970.
    pub at_s: u64,
    /// Who asked.
    pub account: String,
    /// For whom.
    pub company: String,
    /// The unit's number.
    pub serial: String,
    /// The unit's id in the catalogue.
    pub unit: String,
    /// The vehicle.
    pub vin: Option<String>,
    /// `code` or `key`.
    pub what: String,
    /// How ownership is proved.
    pub proof: String,
    /// SHA-256 of the document.
    pub document_sha256: Option<String>,
    /// How far it is.
    pub state: String,
    /// The rule that decided.
    pub rule: String,
    /// The second person.
    pub decided_by: Option<String>,
    /// When.
    pub decided_s: Option<u64>,
    /// Why, where it is for the reader.
    pub reason: Option<String>,
    /// Whether the second person was passed over.
    pub glass_broken: bool,
    /// Until when a second person may decide.
    pub approval_due_s: Option<u64>,
    /// Until when the document has to be there.
    pub proof_due_s: Option<u64>,
    /// Until when a broken glass has to be reviewed.
    pub review_due_s: Option<u64>,
    /// The leaf that says that it was authorised.
    pub leaf: Option<u64>,
}

impl RequestView {
    /// As its requester may see it: not why the watch wants a second person.
    pub fn for_requester(request: &Request) -> Self {
        let reason = request.reason.clone().filter(|_| request.decided_s.is_some() || request.glass_broken);
        Self { reason, ..Self::from(request) }
    }
}

impl From<&Request> for RequestView {
    fn from(request: &Request) -> Self {
        Self {
            id: request.id.to_string(),
            at_s: request.at_s,
            account: request.account.to_string(),
            company: request.company.to_string(),
            serial: request.serial.to_string(),
            unit: request.unit.clone(),
            vin: request.vin.as_ref().map(ToString::to_string),
            what: request.what.to_string(),
            proof: request.proof.clone(),
            document_sha256: request.document.as_ref().map(|digest| hex::digits(digest)),
            state: request.state.to_string(),
            rule: request.rule.clone(),
            decided_by: request.decided_by.as_ref().map(ToString::to_string),
            decided_s: request.decided_s,
            reason: request.reason.clone(),
            glass_broken: request.glass_broken,
            approval_due_s: request.approval_due_s,
            proof_due_s: request.proof_due_s,
            review_due_s: request.review_due_s,
            leaf: request.leaf,
        }
    }
}

/// One way to type a code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WayView {
    /// What to do, in order, in words.
    #[schema(value_type = Vec<String>)]
    pub presses: Vec<Secret>,
    /// The readings of the catalogue under which it holds.
    pub readings: Vec<String>,
}

/// A release.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Released {
    /// The code, if that was asked for.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// The key, if that was asked for, in hexadecimal digits.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Every way to type the code.
    #[serde(default)]
    pub ways: Vec<WayView>,
    /// The request.
    pub request: RequestView,
    /// That it is in the log: a tlog-proof.
    pub receipt: String,
    /// Until when the document has still to be brought, in seconds since 1970.
    pub proof_due_s: Option<u64>,
}

/// It waits for a second person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    /// The request.
    pub request: RequestView,
}

/// What a request for a release came to.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status 200.
    Released(Box<Released>),
    /// Status 202.
    Pending(Box<Pending>),
}

/// Requests.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// Them.
    pub requests: Vec<RequestView>,
}

/// Records that are to leave for the escrow.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// Only units of this kind.
    #[serde(default)]
    pub unit: Option<String>,
    /// Only units of this region.
    #[serde(default)]
    pub region: Option<String>,
    /// Why.
    pub reason: String,
}

/// Another escrow that is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecipient {
    /// A recipient of age: `age1…`.
    pub recipient: String,
    /// Why.
    pub reason: String,
}

/// Somebody's yes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgreementView {
    /// Whose.
    pub account: String,
    /// In seconds since 1970.
    pub at_s: u64,
    /// Why.
    pub reason: String,
}

/// An export, or another escrow, as it stands. Never with a code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExportView {
    /// Its id.
    pub id: String,
    /// `records` or `recipient`.
    pub what: String,
    /// `waiting`, `agreed`, `taken`, `left`, `refused` or `expired`.
    pub state: String,
    /// When it was asked for, in seconds since 1970.
    pub at_s: u64,
    /// Who asked.
    pub account: String,
    /// Why.
    pub reason: String,
    /// Only units of this kind.
    pub unit: Option<String>,
    /// Only units of this region.
    pub region: Option<String>,
    /// The escrow that it is for, or that is to be.
    pub recipient: String,
    /// SHA-256 of that text, in 64 hexadecimal digits.
    pub fingerprint: String,
    /// How many others had to agree when it was asked for.
    pub quorum: u32,
    /// Who said yes. Whose yes counts is worked out when it is counted.
    pub agreements: Vec<AgreementView>,
    /// Until when it may be agreed to, or be taken, in seconds since 1970.
    pub due_s: u64,
    /// When enough had agreed.
    pub agreed_s: Option<u64>,
    /// How often a file was begun.
    pub attempts: u32,
    /// Who refused it.
    pub refused_by: Option<String>,
    /// Why.
    pub refused_why: Option<String>,
    /// Units in the file that left.
    pub units: Option<u64>,
    /// Those of them whose code could not be opened.
    pub without_code: Option<u64>,
    /// Its bytes.
    pub bytes: Option<u64>,
    /// SHA-256 of it, in 64 hexadecimal digits.
    pub sha256: Option<String>,
}

impl ExportView {
    /// Of an export and what was said to it.
    pub fn new(export: &Export, words: &[ExportWord]) -> Self {
        let agreement = |word: &ExportWord| AgreementView {
            account: word.account.to_string(),
            at_s: word.at_s,
            reason: word.reason.clone(),
        };
        Self {
            id: export.id.to_string(),
            what: export.what.to_string(),
            state: export.state.to_string(),
            at_s: export.at_s,
            account: export.account.to_string(),
            reason: export.reason.clone(),
            unit: export.unit.clone(),
            region: export.region.as_ref().map(ToString::to_string),
            recipient: export.recipient.clone(),
            fingerprint: fingerprint(&export.recipient),
            quorum: export.quorum,
            agreements: words.iter().map(agreement).collect(),
            due_s: export.due_s,
            agreed_s: export.agreed_s,
            attempts: export.attempts,
            refused_by: export.refused_by.as_ref().map(ToString::to_string),
            refused_why: export.refused_why.clone(),
            units: export.units,
            without_code: export.without_code,
            bytes: export.bytes,
            sha256: export.digest.as_ref().map(|digest| hex::digits(digest)),
        }
    }
}

/// The escrow, and what was asked for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Exports {
    /// The escrow that stands: a recipient of age.
    pub recipient: Option<String>,
    /// SHA-256 of that text, in 64 hexadecimal digits.
    pub fingerprint: Option<String>,
    /// The oldest first.
    pub exports: Vec<ExportView>,
}

impl Exports {
    /// Of a registry.
    pub fn new(recipient: Option<String>, exports: &[(Export, Vec<ExportWord>)]) -> Self {
        let exports = exports.iter().map(|(export, words)| ExportView::new(export, words)).collect();
        Self { fingerprint: recipient.as_deref().map(fingerprint), recipient, exports }
    }
}

fn fingerprint(recipient: &str) -> String {
    // What is kept is a recipient.
    recipient.parse().map(|recipient: Recipient| recipient.fingerprint()).unwrap_or_default()
}

/// Something that somebody must be told.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// The leaf that it is about.
    pub leaf: u64,
    /// In seconds since 1970.
    pub at_s: u64,
    /// What happened.
    pub kind: String,
    /// In words.
    pub text: String,
    /// When it was read before.
    pub seen_s: Option<u64>,
}

impl From<&Told> for NoticeView {
    fn from(notice: &Told) -> Self {
        let Told { leaf, at_s, kind, text, seen_s, .. } = notice;
        Self { leaf: *leaf, at_s: *at_s, kind: kind.clone(), text: text.clone(), seen_s: *seen_s }
    }
}

/// Notices.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Notices {
    /// Them.
    pub notices: Vec<NoticeView>,
}

/// What a look-up tells: never the code, never the vehicle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitView {
    /// Its number.
    pub serial: String,
    /// Its id in the catalogue.
    pub unit: String,
    /// What became of it.
    pub state: String,
    /// Whether a vehicle is on record.
    pub vehicle_on_record: bool,
}

impl UnitView {
    /// Of a unit of this number.
    pub fn new(serial: &str, unit: &str, (state, vehicle_on_record): (UnitState, bool)) -> Self {
        Self { serial: serial.to_owned(), unit: unit.to_owned(), state: state.to_string(), vehicle_on_record }
    }
}

/// A line to be added to a unit's history.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// What happened.
    #[schema(value_type = String)]
    pub event: PairingEvent,
    /// The vehicle, where it was about one.
    #[serde(default)]
    pub vin: Option<String>,
    /// The firmware afterwards, where it changed.
    #[serde(default)]
    pub firmware: Option<String>,
}

/// A line of a unit's history.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Counted from 0.
    pub number: u32,
    /// In seconds since 1970.
    pub at_s: u64,
    /// What happened.
    #[schema(value_type = String)]
    pub event: PairingEvent,
    /// The vehicle.
    pub vin: Option<String>,
    /// The firmware.
    pub firmware: Option<String>,
    /// Who entered it.
    pub by: String,
}

impl From<&Pairing> for LineView {
    fn from(line: &Pairing) -> Self {
        Self {
            number: line.number,
            at_s: line.at_s,
            event: line.event,
            vin: line.vin.as_ref().map(ToString::to_string),
            firmware: line.firmware.clone(),
            by: line.by.clone(),
        }
    }
}

/// A unit's history.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// Oldest first.
    pub lines: Vec<LineView>,
}

/// A unit for which the registry makes a code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUnit {
    /// Its number.
    pub serial: String,
    /// Its id in the catalogue.
    pub unit: String,
    /// Its firmware.
    #[serde(default)]
    pub firmware: String,
    /// Where it is sold.
    pub region: String,
    /// A second number.
    #[serde(default)]
    pub companion: Option<String>,
    /// The vehicle.
    #[serde(default)]
    pub vin: Option<String>,
}

/// What a new unit is given where it is made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Provisioned {
    /// The unit.
    pub unit: UnitView,
    /// Its code.
    #[schema(value_type = String)]
    pub code: Secret,
    /// Its key for SecurityAccess, in hexadecimal digits.
    #[schema(value_type = String)]
    pub device_key: Secret,
}

/// One leaf of the log with what it says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LeafView {
    /// Which.
    pub leaf: u64,
    /// What it says; nothing where that was erased.
    pub event: Option<EventView>,
}

/// What a leaf says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// In seconds since 1970.
    pub at_s: u64,
    /// What happened.
    pub kind: String,
    /// What belongs to it, in order.
    pub fields: Vec<(String, String)>,
}

/// Leaves of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// Them.
    pub leaves: Vec<LeafView>,
}

/// What witnesses answered to a checkpoint of this log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosignatures {
    /// The checkpoint that they were given.
    pub checkpoint: String,
    /// Their lines.
    pub lines: String,
}

/// Which checkpoint witnesses have cosigned, as it is kept now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Witnessed {
    /// Leaves of its tree.
    pub leaves: u64,
    /// Those whose keys the service knows.
    pub witnesses: Vec<WitnessView>,
}

/// A witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WitnessView {
    /// Its name.
    pub name: String,
    /// When, in seconds since 1970.
    pub at_s: u64,
}

/// One custodian's share.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unseal {
    /// As it is printed.
    #[schema(value_type = String)]
    pub share: Secret,
}

/// Whether the desk is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealView {
    /// `sealed`, `opening`, `unsealed` or `failed`.
    pub state: String,
    /// Shares of this set that are there.
    pub have: usize,
    /// Shares of this set that are needed; 0 while nobody has handed one in.
    pub need: usize,
    /// Whether shares of other sets are there too: one of the sets is not this registry's.
    pub other_sets: bool,
}

/// Whether the service lives.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `sealed`, `opening`, `unsealed` or `failed`.
    pub state: String,
}
