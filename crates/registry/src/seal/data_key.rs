//! The keys that codes are sealed with, and the keys that are derived from them.

use std::fmt;
use std::io;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::aead::{self, OpenError};
use crate::random;

/// 32 secret bytes that seal codes, or from which other keys are derived. Kept only wrapped.
///
/// Wiped on drop; Debug shows nothing. How many texts one key may seal is told at [`super::MESSAGES_MAX`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut key = Self([0; 32]);
        random::fill(&mut key.0)?;
        Ok(key)
    }

    /// A key that was made elsewhere, such as a maker's master key. The caller wipes its own copy.
    pub const fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a text for one place, which `aad` names and which must be named again to open it: a row cannot be moved to another.
    ///
    /// Shape: 12 bytes nonce, the ciphertext, 16 bytes tag. For many texts in a row a [`super::Sealer`] is faster.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn seal(&self, plain: &[u8], aad: &[u8]) -> io::Result<Vec<u8>> {
        aead::seal(&self.0, plain, aad)
    }

    /// The text that was sealed for this place.
    ///
    /// # Errors
    /// Another key, another place, or a changed byte.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        aead::open(&self.0, sealed, aad)
    }

    /// A key for one purpose: HKDF-SHA256 (RFC 5869) without salt, its info the label, a zero byte, the input.
    ///
    /// Invariant: two purposes never share a key, since no label has a zero byte; the text of a label is the caller's constant.
    pub fn derive(&self, label: &str, input: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        // HKDF gives up to 8,160 bytes: 32 cannot fail.
        let expanded =
            Hkdf::<Sha256>::new(None, &self.0).expand_multi_info(&[label.as_bytes(), &[0], input], key.as_mut_slice());
        debug_assert!(expanded.is_ok() && !label.contains('\0'));
        key
    }

    /// The SecurityAccess key of one unit, when this is the master key: HMAC-SHA256 over `headlock device key`, a zero byte, the serial.
    ///
    /// A unit that is taken apart gives up its own key and no other.
    pub fn device_key(&self, serial: &str) -> Zeroizing<[u8; 32]> {
        // The extraction of HKDF is HMAC with the salt as its key (RFC 5869, 2.2), and cannot fail for any length of key.
        let message = [b"headlock device key\0", serial.as_bytes()].concat();
        let (mac, _) = Hkdf::<Sha256>::extract(Some(&self.0), &message);
        Zeroizing::new(mac.into())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DataKey(…)")
    }
}
