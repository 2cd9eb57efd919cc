//! Whom an export is for: the public half of a key that the escrow made, and keeps.

use std::fmt;
use std::str::FromStr;

use age_core::format::{FileKey, Stanza};
use age_core::primitives::bech32_decode;
use headlock_wire::hex;
use sha2::{Digest, Sha256};

/// A recipient of age.
///
/// Shape: `age1` and 58 more characters, Bech32 of an X25519 public key. Source: C2SP age v1, the X25519 recipient type.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

/// Why a text is no recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// The private half.
    #[error("this is the escrow's secret key, which stays with the escrow; the recipient begins with age1")]
    Secret,
    /// Something else, or mistyped.
    #[error("no recipient of age: age1 and 58 more characters, as age-keygen shows it")]
    NotOne,
    /// A point of small order: whatever is encrypted to it can be read by everybody.
    #[error("this recipient protects nothing: it is no key that age-keygen makes")]
    Weak,
}

/// Points whose product with any scalar is zero: the u-coordinates of small order, and those that are the same modulo 2²⁵⁵ − 19, lowest byte
/// first. Source: RFC 7748, 6.1 and 7.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    first(1, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    first(0xec, 0xff),
    first(0xed, 0xff),
    first(0xee, 0xff),
];

/// A number by its lowest byte and all that follow, below 2²⁵⁵.
const fn first(lowest: u8, rest: u8) -> [u8; 32] {
    let mut bytes = [rest; 32];
    bytes[0] = lowest;
    bytes[31] &= 0x7f;
    bytes
}

impl Recipient {
    /// SHA-256 of its text, in 64 hexadecimal digits: what the log and people compare.
    pub fn fingerprint(&self) -> String {
        hex::digits(&Sha256::digest(self.to_string()))
    }

    /// The key of one file, for this recipient alone.
    pub(super) fn wrap(&self, file_key: &[u8; 16]) -> Option<Vec<Stanza>> {
        let file_key = FileKey::init_with_mut(|place| place.copy_from_slice(file_key));
        age::Recipient::wrap_file_key(&self.0, &file_key).ok().map(|(stanzas, _)| stanzas)
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if text.get(..15).is_some_and(|front| front.eq_ignore_ascii_case("age-secret-key-")) {
            return Err(RecipientError::Secret);
        }
        let recipient: age::x25519::Recipient = text.parse().map_err(|_| RecipientError::NotOne)?;
        let mut point = bech32_decode(text, |_| (), |_| Ok(()), |_, bytes| Ok(bytes.collect::<Vec<u8>>()))
            .map_err(|()| RecipientError::NotOne)?;
        // The highest bit does not count.
        point.last_mut().into_iter().for_each(|highest| *highest &= 0x7f);
        if SMALL_ORDER.iter().any(|small| *small == point[..]) {
            return Err(RecipientError::Weak);
        }
        Ok(Self(recipient))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A public key hides nothing.
impl fmt::Debug for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Recipient({self})")
    }
}
