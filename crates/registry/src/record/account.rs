//! Who may sign in, with what, and how much they may do.

use super::field::{record, words};
use super::identity::Tie;
use super::names::{AccountId, Company};
use crate::sign_in::{Roles, Scopes};

words!(
    /// Whether an account works.
    AccountState {
        /// It does.
        Active = "active",
        /// It does not, until an administrator says otherwise.
        Locked = "locked",
        /// Its person has gone.
        Closed = "closed",
    }
);

words!(
    /// How somebody was let in.
    SessionKind {
        /// By a password and a one-time code.
        SignIn = "sign-in",
        /// By a provider that said who they are.
        OpenIdConnect = "openid-connect",
        /// By a token.
        Token = "token",
    }
);

record!(
    /// One person.
    Account in "account", key 1 {
        /// The name to sign in with.
        id: AccountId,
        /// The person's own.
        person: String,
        /// Whom they work for.
        company: Company,
        /// Regions, separated by spaces; `*` is all.
        regions: String,
        /// What they do.
        roles: Roles,
        /// Whether it works.
        state: AccountState,
        /// Why not.
        state_reason: Option<String>,
        /// Argon2id, as a PHC string.
        password: Option<String>,
        /// The secret of one-time codes, sealed.
        totp: Option<Vec<u8>>,
        /// The last step whose one-time code was used.
        totp_step: Option<u64>,
        /// Failures to sign in since the last success.
        failures: u32,
        /// When signing in may be tried again, in milliseconds since 1970.
        until_ms: u64,
        /// When it was made, in seconds since 1970.
        created_s: u64,
        /// Sessions and tokens from before count no more, in seconds since 1970.
        sessions_from_s: u64,
    }
);

record!(
    /// A session, or a token.
    Session in "session", key 1 {
        /// SHA-256 of the token.
        digest: [u8; 32],
        /// Whose.
        account: AccountId,
        /// How it came to be.
        kind: SessionKind,
        /// What it may be used for.
        scopes: Scopes,
        /// What its owner calls it.
        label: String,
        /// From, in seconds since 1970.
        created_s: u64,
        /// To.
        expires_s: u64,
        /// Ended before.
        revoked_s: Option<u64>,
        /// The identity that it rests on, if it rests on one: it counts as long as that stands.
        tie: Option<Tie>,
    }
);

record!(
    /// A certificate that stands for a person.
    Certificate in "certificate", key 1 {
        /// SHA-256 of its DER.
        fingerprint: [u8; 32],
        /// Whose.
        account: AccountId,
        /// What it is called.
        label: String,
        /// From, in seconds since 1970.
        added_s: u64,
        /// Ended.
        revoked_s: Option<u64>,
    }
);

record!(
    /// How often an account was refused for its number since it was last allowed something.
    Flood in "flood", key 1 {
        /// The account.
        account: AccountId,
        /// Refusals.
        refused: u64,
    }
);

record!(
    /// What an account asked for lately.
    Watched in "watched", key 1 {
        /// The account.
        account: AccountId,
        /// The watch's own bytes.
        state: Vec<u8>,
    }
);
