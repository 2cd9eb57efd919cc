//! Requests for a release, what they wait for, and what was handed out.

use super::field::{record, words};
use super::names::{AccountId, Company, RequestId, Serial, Vin};

words!(
    /// What is asked for.
    What {
        /// The unit's code.
        Code = "code",
        /// The key for one seed of SecurityAccess (ISO 14229-1, 10.4).
        Key = "key",
    }
);

words!(
    /// How far a request is.
    RequestState {
        /// It waits for a second person.
        Pending = "pending",
        /// It was authorised, and may be collected by who asked.
        Authorised = "authorised",
        /// A person refused it.
        Refused = "refused",
        /// Who asked took it back.
        Withdrawn = "withdrawn",
        /// Nobody decided in time.
        Expired = "expired",
        /// It was authorised and then taken back.
        Revoked = "revoked",
    }
);

words!(
    /// What a request waits for.
    WaitingFor {
        /// A second person.
        Approval = "approval",
        /// The document that proves ownership.
        Proof = "proof",
        /// The review of a broken glass.
        Review = "review",
        /// Its personal data to be erased.
        Erasure = "erasure",
        /// An export that waits to be agreed to, or to be taken.
        Export = "export",
    }
);

record!(
    /// One request.
    Request in "request", key 1 long {
        /// Its id.
        id: RequestId,
        /// When it was made, in seconds since 1970.
        at_s: u64,
        /// Who asked.
        account: AccountId,
        /// For whom.
        company: Company,
        /// The unit.
        serial: Serial,
        /// The unit's id in the catalogue.
        unit: String,
        /// The vehicle.
        vin: Option<Vin>,
        /// What was asked for.
        what: What,
        /// Of SecurityAccess: the level's odd sub-function, then the seed.
        seed: Option<Vec<u8>>,
        /// How ownership is proved.
        proof: String,
        /// SHA-256 of the document.
        document: Option<[u8; 32]>,
        /// How far it is.
        state: RequestState,
        /// The rule that decided.
        rule: String,
        /// The second person, or who refused or revoked it.
        decided_by: Option<AccountId>,
        /// When.
        decided_s: Option<u64>,
        /// Why, where somebody said.
        reason: Option<String>,
        /// Whether the rule was overridden.
        glass_broken: bool,
        /// Until when a second person may decide, while nobody has.
        approval_due_s: Option<u64>,
        /// Until when the document has to be there, while it is not.
        proof_due_s: Option<u64>,
        /// Until when a broken glass has to be reviewed, while it is not.
        review_due_s: Option<u64>,
        /// The leaf that says that it was authorised.
        leaf: Option<u64>,
        /// All leaves about it, eight bytes each, the highest first.
        leaves: Vec<u8>,
    }
);

record!(
    /// That an answer has left.
    Delivered in "delivered", key 1 {
        /// Of this request.
        request: RequestId,
        /// When, in seconds since 1970.
        at_s: u64,
    }
);

record!(
    /// Something that has to be done by a time.
    Waiting in "waiting", key 3 {
        /// What for.
        waiting_for: WaitingFor,
        /// By when, in seconds since 1970.
        due_s: u64,
        /// Which request.
        request: RequestId,
    }
);

record!(
    /// A photo of a document, sealed.
    Photo in "photo", key 1 long {
        /// Of this request.
        request: RequestId,
        /// The data key.
        secret: u32,
        /// The picture.
        sealed: Vec<u8>,
    }
);

record!(
    /// Something that somebody must be told.
    Notice in "notice", key 2 {
        /// Whom.
        account: AccountId,
        /// The leaf that it is about.
        leaf: u64,
        /// When, in seconds since 1970.
        at_s: u64,
        /// What happened: the kind of the leaf's event.
        kind: String,
        /// In words.
        text: String,
        /// When it was read.
        seen_s: Option<u64>,
    }
);

record!(
    /// A seed that was answered; it is never answered again.
    UsedSeed in "used_seed", key 1 {
        /// SHA-256 over serial, level and seed.
        digest: [u8; 32],
        /// For this request.
        request: RequestId,
    }
);
