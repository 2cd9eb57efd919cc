//! Somebody whom a provider knows, and the account that an administrator tied them to.

use sha2::{Digest, Sha256};

use super::field::{Field, record};
use super::names::{AccountId, Issuer, Subject};
use crate::store::{Kind, Value};

record!(
    /// Somebody at a provider who stands for a person here.
    Identity in "identity", key 1 {
        /// [`Identity::digest_of`] issuer and subject.
        digest: [u8; 32],
        /// Whose.
        account: AccountId,
        /// The provider.
        issuer: Issuer,
        /// How the provider names them.
        subject: Subject,
        /// What it is called.
        label: String,
        /// How often it was tied, this time included.
        times: u32,
        /// From, in seconds since 1970.
        added_s: u64,
        /// Ended.
        revoked_s: Option<u64>,
    }
);

impl Identity {
    /// What an identity is kept and logged by: SHA-256 of the issuer, a byte 0, and the subject. Neither of them has such a byte.
    pub fn digest_of(issuer: &Issuer, subject: &Subject) -> [u8; 32] {
        let hash = Sha256::new().chain_update(issuer.as_str()).chain_update([0]).chain_update(subject.as_str());
        hash.finalize().into()
    }

    /// What a session that this identity opens now rests on.
    pub fn tie(&self) -> Tie {
        Tie { identity: self.digest, times: self.times }
    }

    /// Whether it still stands for this account, as it did when the session was opened.
    pub fn holds(&self, tie: Tie, account: &AccountId) -> bool {
        self.revoked_s.is_none() && self.account == *account && self.tie() == tie
    }
}

/// One time that an identity was tied to an account: what a session rests on.
///
/// Shape: in its column the digest, and the count in four bytes, big-endian.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// The identity's digest.
    pub identity: [u8; 32],
    /// Which time.
    pub times: u32,
}

impl Field for Tie {
    const KIND: Kind = Kind::Bytes;

    fn value(&self) -> Value {
        Value::Bytes([&self.identity[..], &self.times.to_be_bytes()].concat())
    }

    fn of(value: Value) -> Option<Self> {
        let Value::Bytes(bytes) = value else { return None };
        let (identity, times) = bytes.split_first_chunk()?;
        Some(Self { identity: *identity, times: u32::from_be_bytes(times.try_into().ok()?) })
    }
}
