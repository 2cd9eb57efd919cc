//! Keys of notes: names, ids, and the text in which an outsider is given a public key.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{base64, cosign};

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The text of a note: a log.
    Note,
    /// That it saw a checkpoint at a time, and none that contradicts it: a witness.
    Cosignature,
}

impl KeyKind {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Why something is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name is empty, or has a space, a plus or a control character.
    #[error("a key's name is not empty and has no space, no plus and no control character")]
    Name,
    /// Not of the form `name+id+key`.
    #[error("a key has the form name+id+key: eight hexadecimal digits, then base64")]
    Form,
    /// The id is not that of the name and the key: one of them was changed or mistyped.
    #[error("the id does not belong to this name and this key")]
    Id,
    /// A kind of key that is not known here.
    #[error("neither a key that signs notes (1) nor one that cosigns (4), on Ed25519")]
    Kind,
    /// Not a point of the curve, or one that verifies what nobody signed.
    #[error("no Ed25519 key")]
    Point,
}

/// A public key with its name.
///
/// Shape: in text, `name+id+key`: the id in eight hexadecimal digits, the key in base64 behind a byte for its kind.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: VerifyingKey,
    id: u32,
}

impl VerifierKey {
    fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        let hash =
            Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key.as_bytes()).finalize();
        Ok(Self { name: name.to_owned(), kind, key, id: u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) })
    }

    /// Reads the text of a key.
    ///
    /// # Errors
    /// It is none, or its id is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let key = base64::decode(key).ok_or(KeyError::Form)?;
        let (kind, point) = key.split_first().ok_or(KeyError::Form)?;
        let kind = [KeyKind::Note, KeyKind::Cosignature].into_iter().find(|known| known.byte() == *kind);
        let kind = kind.ok_or(KeyError::Kind)?;
        let point = point.try_into().map_err(|_| KeyError::Form)?;
        let key = Self::new(name, kind, VerifyingKey::from_bytes(&point).map_err(|_| KeyError::Point)?)?;
        if format!("{:08x}", key.id) == id { Ok(key) } else { Err(KeyError::Id) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// With the name, tells which signatures of a note are this key's.
    pub const fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// The signature, without the id before it, is this key's over this text; answers the time of a cosignature, 0 for a note.
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let (time, message, signature) = match self.kind {
            KeyKind::Note => (0, text.as_bytes().to_vec(), signature),
            KeyKind::Cosignature => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                (time, cosign::message(time, text)?, signature)
            }
        };
        let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().ok()?;
        self.key.verify_strict(&message, &Signature::from_bytes(signature)).ok()?;
        Some(time)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        write!(out, "{}+{:08x}+{}", self.name, self.id, base64::encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "VerifierKey({self})")
    }
}

/// A secret key with its name. Debug shows the public half; the secret one is wiped on drop.
pub struct SecretKey {
    public: VerifierKey,
    key: SigningKey,
}

impl SecretKey {
    /// The key of 32 secret bytes, which the caller keeps and wipes.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn new(name: &str, kind: KeyKind, secret: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(secret);
        Ok(Self { public: VerifierKey::new(name, kind, key.verifying_key())?, key })
    }

    /// The half for everybody.
    pub const fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(… of {})", self.public)
    }
}

/// Not empty, and without what would end it in a line or in a key's text.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|char| char.is_whitespace() || char.is_control() || char == '+')
}
