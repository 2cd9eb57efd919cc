//! What a unit keeps in place of its code: salt and HMAC under a key bound to the device.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key bound to one device, ready for use. Its Debug is redacted and its memory is wiped.
#[derive(Clone)]
pub struct DeviceKey(Hmac<Sha256>);

// The MAC's two digests hold all of the key, and wipe themselves.
const _: () = {
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    wipes_itself::<Sha256>();
};

impl DeviceKey {
    /// Wraps 32 bytes.
    pub fn new(mut bytes: [u8; 32]) -> Self {
        // HMAC pads a short key with zeros (RFC 2104, clause 2), so this is the key itself.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..bytes.len()].copy_from_slice(&bytes);
        let mac = Hmac::new(&block);
        block.zeroize();
        bytes.zeroize();
        Self(mac)
    }

    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
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
