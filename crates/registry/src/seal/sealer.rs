//! Sealing many codes in a row: the cipher is made once, and nonces are drawn a block at a time.

use std::fmt;
use std::io;

use chacha20poly1305::ChaCha20Poly1305;

use super::aead::{self, NONCE_BYTES};
use super::data_key::DataKey;
use crate::random;

/// How many texts one data key seals.
///
/// Nonces are 96 random bits. For n texts the chance that two share one, which would show the difference of two codes and let tags be
/// forged, is below n²/2⁹⁷: 2⁻⁶⁵ at this bound. NIST SP 800-38D, 8.3, allows 2³² texts under such nonces; this is far below.
pub const MESSAGES_MAX: u32 = 65_536;

const NONCES_A_BLOCK: usize = 256;

/// Why a text was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key has sealed [`MESSAGES_MAX`] texts: a new one is due.
    #[error("this data key has sealed {MESSAGES_MAX} texts, and a new one is due")]
    Worn,
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random(#[from] io::Error),
}

/// Seals with one data key. Its cipher's key is wiped on drop; Debug shows none of it.
pub struct Sealer {
    cipher: ChaCha20Poly1305,
    nonces: Box<[[u8; NONCE_BYTES]; NONCES_A_BLOCK]>,
    next: usize,
    left: u32,
}

impl Sealer {
    /// A sealer with a key that has sealed `used` texts so far.
    pub fn new(key: &DataKey, used: u32) -> Self {
        Self {
            cipher: aead::cipher(key.as_bytes()),
            nonces: Box::new([[0; NONCE_BYTES]; NONCES_A_BLOCK]),
            next: NONCES_A_BLOCK,
            left: MESSAGES_MAX.saturating_sub(used),
        }
    }

    /// How many texts its key may still seal.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// What [`DataKey::seal`] answers.
    ///
    /// # Errors
    /// The key is worn, or the system has no randomness.
    pub fn seal(&mut self, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::with_capacity(plain.len() + aead::OVERHEAD_BYTES);
        self.seal_into(plain, aad, &mut out)?;
        Ok(out)
    }

    /// The same, appended to a buffer.
    ///
    /// # Errors
    /// The key is worn, or the system has no randomness; the buffer is then as it was.
    pub fn seal_into(&mut self, plain: &[u8], aad: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let left = self.left.checked_sub(1).ok_or(SealError::Worn)?;
        if self.next == NONCES_A_BLOCK {
            random::fill(self.nonces.as_flattened_mut())?;
            self.next = 0;
        }
        let nonce = self.nonces[self.next];
        // Used up before it is used: no path takes it twice.
        self.next += 1;
        self.left = left;
        let before = out.len();
        aead::seal_into(&self.cipher, nonce, plain, aad, out).inspect_err(|_| out.truncate(before))?;
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sealer(… with {} left)", self.left)
    }
}
