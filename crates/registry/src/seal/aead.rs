//! ChaCha20-Poly1305 (RFC 8439) in the one shape that is stored: nonce, ciphertext, tag.

use std::io;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use crate::random;

pub(super) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// How much longer than its plain text a sealed one is, in bytes.
pub const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Why something sealed stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Shorter than a nonce and a tag, or not as long as a key.
    #[error("{have} bytes are too few or too many for what was sealed")]
    Length {
        /// Bytes that are there.
        have: usize,
    },
    /// Sealed with another key or for another place, or changed since. Which of these, nobody can tell.
    #[error("sealed with another key or for another place, or changed since")]
    Forged,
}

pub(super) fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

/// Appends nonce, ciphertext and tag. Fails only for texts of 256 GiB, which the cipher cannot count.
pub(super) fn seal_into(
    cipher: &ChaCha20Poly1305,
    nonce: [u8; NONCE_BYTES],
    plain: &[u8],
    aad: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    out.reserve(plain.len() + OVERHEAD_BYTES);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let sealed = cipher.encrypt_inout_detached(&Nonce::from(nonce), aad, out[start..].as_mut().into());
    let tag = sealed.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    out.extend_from_slice(&tag);
    Ok(())
}

/// Seals under a fresh nonce.
pub(super) fn seal(key: &[u8; 32], plain: &[u8], aad: &[u8]) -> io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_BYTES];
    random::fill(&mut nonce)?;
    let mut out = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
    seal_into(&cipher(key), nonce, plain, aad, &mut out)?;
    Ok(out)
}

pub(super) fn open(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let short = OpenError::Length { have: sealed.len() };
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(short)?;
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(short)?;
    let mut plain = Zeroizing::new(text.to_vec());
    cipher(key)
        .decrypt_inout_detached(&Nonce::from(*nonce), aad, plain.as_mut_slice().into(), &Tag::from(*tag))
        .map_err(|_| OpenError::Forged)?;
    Ok(plain)
}
