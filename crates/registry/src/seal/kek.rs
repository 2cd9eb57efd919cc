//! The key over the data keys.

use std::fmt;
use std::io;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::aead::{self, OpenError};
use super::data_key::DataKey;
use crate::random;

/// Bytes of a fingerprint.
pub const FINGERPRINT_BYTES: usize = 8;

const WRAP_LABEL: &str = "headlock kek wrap";
const FINGERPRINT_LABEL: &str = "headlock kek fingerprint";

/// 32 secret bytes that wrap data keys and do nothing else. Never in the store.
///
/// Wiped on drop; Debug shows the fingerprint.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Kek([u8; 32]);

impl Kek {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut key = Self([0; 32]);
        random::fill(&mut key.0)?;
        Ok(key)
    }

    pub(super) const fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells this key from a wrong one, and nothing about its bytes: safe to store and to show.
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let derived = self.derived(FINGERPRINT_LABEL);
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint.copy_from_slice(&derived[..FINGERPRINT_BYTES]);
        fingerprint
    }

    /// A data key as it is kept: sealed for a context, such as the key's number and purpose.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn wrap(&self, key: &DataKey, context: &[u8]) -> io::Result<Vec<u8>> {
        aead::seal(&self.derived(WRAP_LABEL), key.as_bytes(), context)
    }

    /// The data key that was wrapped for this context.
    ///
    /// # Errors
    /// Another key, another context, a changed byte, or not a key that was wrapped.
    pub fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<DataKey, OpenError> {
        let bytes = aead::open(&self.derived(WRAP_LABEL), wrapped, context)?;
        let key = bytes.as_slice().try_into().map_err(|_| OpenError::Length { have: wrapped.len() })?;
        Ok(DataKey::from_bytes(key))
    }

    fn derived(&self, label: &str) -> Zeroizing<[u8; 32]> {
        DataKey::from_bytes(&self.0).derive(label, &[])
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Kek(… with fingerprint ")?;
        self.fingerprint().iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        out.write_str(")")
    }
}
