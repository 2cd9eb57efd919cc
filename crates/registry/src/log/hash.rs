//! The hashes of the tree: RFC 6962, section 2.1, with SHA-256.

use std::fmt;

use sha2::{Digest, Sha256};

use super::base64;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// The hash of a leaf, of a node, or of a whole tree.
///
/// Shape: 32 bytes; in text, standard base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The tree without leaves: SHA-256 of nothing.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae,
        0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The hash of an entry: SHA-256 of 0x00 and the entry.
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
    }

    /// The hash of a node over two others: SHA-256 of 0x01, the left and the right.
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut bytes = [0x01; 1 + 2 * HASH_BYTES];
        bytes[1..=HASH_BYTES].copy_from_slice(&left.0);
        bytes[1 + HASH_BYTES..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }

    /// Reads the base64 of a hash, if it is one, in its only spelling.
    pub fn from_base64(text: &str) -> Option<Self> {
        base64::decode(text)?.try_into().ok().map(Self)
    }

    /// Reads the hashes of a tile; a rest that is no whole hash is left out.
    pub fn split(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().map(|hash| Self(*hash)).collect()
    }

    /// The bytes of a tile with these hashes.
    pub fn join(hashes: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
        hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&base64::encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Hash({self})")
    }
}
