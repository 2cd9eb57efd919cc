//! Bearer tokens: what a machine shows instead of a password.

use std::fmt;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random;

const HEAD: &str = "hlt_";
const SECRET_BYTES: usize = 32;
const SUM_BYTES: usize = 4;
const TEXT_CHARACTERS: usize = HEAD.len() + (SECRET_BYTES + SUM_BYTES) * 4 / 3;

/// 32 random bytes that stand for an account and some scopes. Wiped on drop; Debug shows nothing.
///
/// Shape: in text, `hlt_` and 48 characters of base64url: the bytes and a checksum of four. The head lets scanners find one that was
/// committed somewhere; the checksum tells a mistyped one without a look-up.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; SECRET_BYTES]);

/// SHA-256 of a token's bytes: what is kept of it and looked up. Nobody finds 32 random bytes from it, so it needs no salt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// Why a text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with `hlt_`.
    #[error("a token begins with {HEAD}")]
    Head,
    /// Of another length.
    #[error("a token has {TEXT_CHARACTERS} characters, and this has {have}")]
    Length {
        /// Characters that are there.
        have: usize,
    },
    /// A character that is not base64url, or a checksum that does not fit.
    #[error("this token is mistyped")]
    Mistyped,
}

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut token = Self([0; SECRET_BYTES]);
        random::fill(&mut token.0)?;
        Ok(token)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// It is no token, or a mistyped one.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let rest = text.strip_prefix(HEAD).ok_or(TokenError::Head)?;
        if text.len() != TEXT_CHARACTERS {
            return Err(TokenError::Length { have: text.chars().count() });
        }
        let mut bytes = Zeroizing::new([0; SECRET_BYTES + SUM_BYTES]);
        let read = URL_SAFE_NO_PAD.decode_slice(rest, bytes.as_mut_slice());
        let (secret, sum) = bytes.split_first_chunk().ok_or(TokenError::Mistyped)?;
        let token = Self(*secret);
        let right = read == Ok(SECRET_BYTES + SUM_BYTES) && bool::from(token.sum().ct_eq(sum));
        if right { Ok(token) } else { Err(TokenError::Mistyped) }
    }

    /// The text that its holder keeps; the desk shows it once.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES + SUM_BYTES]);
        bytes[..SECRET_BYTES].copy_from_slice(&self.0);
        bytes[SECRET_BYTES..].copy_from_slice(&self.sum());
        let mut text = Zeroizing::new(String::with_capacity(TEXT_CHARACTERS + 4));
        text.push_str(HEAD);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        text
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0).into())
    }

    fn sum(&self) -> [u8; SUM_BYTES] {
        let hash = Sha256::new().chain_update("headlock token sum\0").chain_update(self.0).finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TokenDigest(")?;
        self.0[..4].iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        out.write_str("…)")
    }
}
