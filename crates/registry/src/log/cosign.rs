//! Cosignatures: what a witness says of a checkpoint, and how many witnesses an outsider wants. c2sp.org/tlog-cosignature.

use super::key::{KeyKind, SecretKey, VerifierKey};
use super::note::{Note, NoteError, Signed};

/// What a witness signs over the text of a checkpoint; none for a time that no cosignature may have.
pub(super) fn message(at_s: u64, text: &str) -> Option<Vec<u8>> {
    i64::try_from(at_s).ok()?;
    Some(format!("cosignature/v1\ntime {at_s}\n{text}").into_bytes())
}

impl Note {
    /// Adds a witness's cosignature with its time, in seconds since 1970. False, and nothing added, if the time is past 2^63.
    pub fn cosign(&mut self, key: &SecretKey, at_s: u64) -> bool {
        debug_assert_eq!(key.public().kind(), KeyKind::Cosignature);
        let Some(message) = message(at_s, self.text()) else { return false };
        let signature = [at_s.to_be_bytes().as_slice(), &key.sign(&message)].concat();
        self.push(key.public(), &signature);
        true
    }
}

/// So many of these witnesses must have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    needed: usize,
    witnesses: Vec<VerifierKey>,
}

/// Why a policy is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A key that does not cosign.
    #[error("a witness's key cosigns (kind 4); a log's does not")]
    Kind,
    /// The same witness twice: it would count twice.
    #[error("a witness stands there twice")]
    Twice,
    /// More are needed than there are.
    #[error("more witnesses are needed than there are")]
    TooMany,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwitnessed {
    /// A signature is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few.
    #[error("{found} of {needed} witnesses cosigned it")]
    TooFew {
        /// Who did.
        found: usize,
        /// Who had to.
        needed: usize,
    },
}

impl Policy {
    /// `needed` of these witnesses; 0 of none asks for nothing.
    ///
    /// # Errors
    /// It cannot be met, or one witness would count twice: by the same name or with the same key.
    pub fn new(needed: usize, witnesses: Vec<VerifierKey>) -> Result<Self, PolicyError> {
        if witnesses.iter().any(|witness| witness.kind() != KeyKind::Cosignature) {
            return Err(PolicyError::Kind);
        }
        for (at, witness) in witnesses.iter().enumerate() {
            // A cosignature does not say whose it is: one key under two names could sign once for both.
            if witnesses[..at].iter().any(|other| other.name() == witness.name() || other.same_key(witness)) {
                return Err(PolicyError::Twice);
            }
        }
        if needed > witnesses.len() { Err(PolicyError::TooMany) } else { Ok(Self { needed, witnesses }) }
    }

    /// Nobody needs to have cosigned.
    pub const fn none() -> Self {
        Self { needed: 0, witnesses: Vec::new() }
    }

    /// How many it asks for.
    pub const fn needed(&self) -> usize {
        self.needed
    }

    /// Those it knows.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// Who cosigned this checkpoint and when; enough of them.
    ///
    /// # Errors
    /// Too few, or a known witness's cosignature is wrong.
    pub fn check(&self, note: &Note) -> Result<Vec<Signed<'_>>, Unwitnessed> {
        let signed = note.verified_any(&self.witnesses)?;
        if signed.len() < self.needed {
            return Err(Unwitnessed::TooFew { found: signed.len(), needed: self.needed });
        }
        Ok(signed)
    }
}
