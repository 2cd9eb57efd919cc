//! What a unit keeps in place of its code: salt and HMAC under a key bound to the device.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::store::Charged;

/// The key bound to one device: in a secure element, in fuses that only the crypto engine reads, or, at worst, in flash
/// ([`StoredKey`]). Whoever implements it keeps it secret and answers in the same time whatever the parts are.
pub trait DeviceKey {
    /// HMAC-SHA-256 of all parts, one after the other (RFC 2104).
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32];
}

/// A device key in memory, ready for use. Its Debug is redacted and its memory is wiped.
#[derive(Clone)]
pub struct StoredKey(Hmac<Sha256>);

// The MAC's two digests hold all of the key, and wipe themselves.
const _: () = {
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    wipes_itself::<Sha256>();
};

impl StoredKey {
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
}

impl DeviceKey for StoredKey {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredKey(redacted)")
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
    /// Bytes of its image.
    pub const BYTES: usize = 48;

    /// The verifier of `code` for the device that holds `key`. The salt is random, and new with each code.
    pub fn new(key: &impl DeviceKey, salt: [u8; 16], code: &[u8]) -> Self {
        Self { salt, tag: key.mac(&[b"headlock code 1", &salt, code]) }
    }

    /// Whether `entered` is the code. Takes the same time wherever the two differ. Only who has charged the attempt can ask.
    pub fn accepts(&self, key: &impl DeviceKey, entered: &[u8], _charged: &Charged) -> bool {
        Self::new(key, self.salt, entered).tag.ct_eq(&self.tag).into()
    }

    /// The salt, which is no secret.
    pub const fn salt(&self) -> [u8; 16] {
        self.salt
    }

    /// As it is kept in memory: salt, then tag.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.salt);
        bytes[16..].copy_from_slice(&self.tag);
        bytes
    }

    /// From its image. Damage is no error here: a damaged verifier accepts nothing.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut verifier = Self { salt: [0; 16], tag: [0; 32] };
        verifier.salt.copy_from_slice(&bytes[..16]);
        verifier.tag.copy_from_slice(&bytes[16..]);
        verifier
    }
}
