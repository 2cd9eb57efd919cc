//! What a unit keeps in place of its code: salt and HMAC under a key bound to the device.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key bound to one device. Its Debug is redacted and its memory is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DeviceKey([u8; 32]);

impl DeviceKey {
    /// Wraps 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes a key of any length, so this cannot fail for 32 bytes; a zero tag would match nothing.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(redacted)")
    }
}

/// Recognises one code without holding it.
///
/// With the device key unknown, an image tells nothing of the code. With it known, four digits fall at once: 10,000
/// HMACs are no work. The key, not this construction, is the protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verifier {
    salt: [u8; 16],
    tag: [u8; 32],
}

impl Verifier {
    /// The verifier of `code` for the device that holds `key`.
    pub fn new(key: &DeviceKey, salt: [u8; 16], code: &[u8]) -> Self {
        Self { salt, tag: key.mac(&[&salt, code]) }
    }

    /// Whether `entered` is the code. Takes the same time wherever the two differ.
    pub fn accepts(&self, key: &DeviceKey, entered: &[u8]) -> bool {
        key.mac(&[&self.salt, entered]).ct_eq(&self.tag).into()
    }
}
