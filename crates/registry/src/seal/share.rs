//! The key over the keys in parts: any quorum of the custodians has it, and fewer have nothing.

use std::fmt;
use std::io;

use blahaj::Sharks;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::kek::{FINGERPRINT_BYTES, Kek};
use super::paper::{self, PaperError};
use crate::random;

const HEAD: &str = "headlock-share-1";
const SET_BYTES: usize = 4;
const KEY_BYTES: usize = 32;
const SHARE_BYTES: usize = SET_BYTES + 2 + KEY_BYTES;

/// One custodian's part of a [`Kek`].
///
/// Shape: as text `headlock-share-1` and 17 groups of five characters: 4 bytes that all shares of one split have in common, the quorum,
/// the share's number from 1, 32 bytes of a Shamir share over GF(2⁸) and a check. Wiped on drop; Debug shows the numbers only.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Share {
    set: [u8; SET_BYTES],
    quorum: u8,
    number: u8,
    part: [u8; KEY_BYTES],
}

/// Why a key is not split.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// One share alone would be the key.
    #[error("a quorum of {quorum} protects nothing: two at least")]
    Quorum {
        /// What was asked for.
        quorum: u8,
    },
    /// Nobody could ever join the key again.
    #[error("{shares} shares never make a quorum of {quorum}")]
    TooFew {
        /// Shares that were asked for.
        shares: u8,
        /// Shares that would be needed.
        quorum: u8,
    },
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random(#[from] io::Error),
}

/// Why a text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// It was mistyped.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// Typed as printed, but with a quorum or a number that no split gives.
    #[error("no share has this quorum or this number")]
    Numbers,
}

/// Why shares do not make the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// More are needed.
    #[error("{have} of the {need} shares that are needed")]
    TooFew {
        /// Shares that are there.
        have: usize,
        /// Shares that are needed; 2, the least, while there is none to tell.
        need: u8,
    },
    /// A share of another split than the first.
    #[error("share {number} is of another set than the first")]
    OtherSet {
        /// Its number in its own set.
        number: u8,
    },
    /// A share was typed twice.
    #[error("share {number} is there twice")]
    Twice {
        /// Its number.
        number: u8,
    },
    /// The shares make a key, and it is not the one that was looked for.
    #[error("these shares make another key than the one that was used here")]
    Fingerprint,
}

impl Kek {
    /// The key in `shares` parts, any `quorum` of which have it. Each split is a set of its own: parts of two do not mix.
    ///
    /// Source: A. Shamir, How to share a secret, 1979.
    ///
    /// # Errors
    /// The numbers make no sense, or the system has no randomness.
    pub fn split(&self, quorum: u8, shares: u8) -> Result<Vec<Share>, SplitError> {
        if quorum < 2 {
            return Err(SplitError::Quorum { quorum });
        }
        if shares < quorum {
            return Err(SplitError::TooFew { shares, quorum });
        }
        // Asked first: the dealer's own generator is seeded from the system and would panic without it.
        let mut set = [0; SET_BYTES];
        random::fill(&mut set)?;
        let dealt = Sharks(quorum).dealer(self.as_bytes()).take(usize::from(shares));
        let shares = dealt.zip(1..=shares).map(|(dealt, number)| {
            let mut share = Share { set, quorum, number, part: [0; KEY_BYTES] };
            share.part.iter_mut().zip(&dealt.y).for_each(|(byte, element)| *byte = element.0);
            share
        });
        Ok(shares.collect())
    }

    /// The key that the shares make, if it has this fingerprint. More shares than the quorum are welcome, and all must agree.
    ///
    /// # Errors
    /// Too few shares, one twice, one of another set, or another key.
    pub fn join(shares: &[Share], fingerprint: [u8; FINGERPRINT_BYTES]) -> Result<Self, JoinError> {
        let first = shares.first().ok_or(JoinError::TooFew { have: 0, need: 2 })?;
        for (index, share) in shares.iter().enumerate() {
            if (share.set, share.quorum) != (first.set, first.quorum) {
                return Err(JoinError::OtherSet { number: share.number });
            }
            if shares[..index].iter().any(|before| before.number == share.number) {
                return Err(JoinError::Twice { number: share.number });
            }
        }
        if shares.len() < usize::from(first.quorum) {
            return Err(JoinError::TooFew { have: shares.len(), need: first.quorum });
        }
        let parts: Vec<blahaj::Share> = shares.iter().filter_map(Share::dealt).collect();
        let sharks = Sharks(first.quorum);
        let joined = sharks.recover(&parts).ok().map(Zeroizing::new);
        let key = joined.and_then(|bytes| Some(Self::from_bytes(bytes.as_slice().try_into().ok()?)));
        key.filter(|key| key.fingerprint() == fingerprint).ok_or(JoinError::Fingerprint)
    }
}

impl Share {
    /// Which share of its set, from 1.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// How many shares make the key.
    pub const fn quorum(&self) -> u8 {
        self.quorum
    }

    /// What the shares of one split have in common: tells sets apart, and says nothing of the key.
    pub const fn set(&self) -> [u8; SET_BYTES] {
        self.set
    }

    /// The text to print.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SHARE_BYTES));
        bytes.extend_from_slice(&self.set);
        bytes.extend_from_slice(&[self.quorum, self.number]);
        bytes.extend_from_slice(&self.part);
        paper::encode(HEAD, &bytes)
    }

    /// Reads a typed text.
    ///
    /// # Errors
    /// It was mistyped, and where if that can be told; or it is no share.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let bytes = paper::decode(HEAD, SHARE_BYTES, text)?;
        let read = || {
            let (set, rest) = bytes.split_first_chunk()?;
            let ([quorum, number], part) = rest.split_first_chunk()?;
            Some(Self { set: *set, quorum: *quorum, number: *number, part: part.try_into().ok()? })
        };
        read().filter(|share| share.quorum >= 2 && share.number >= 1).ok_or(ShareError::Numbers)
    }

    fn dealt(&self) -> Option<blahaj::Share> {
        let mut bytes = Zeroizing::new([0; 1 + KEY_BYTES]);
        bytes[0] = self.number;
        bytes[1..].copy_from_slice(&self.part);
        blahaj::Share::try_from(bytes.as_slice()).ok()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Share(number {}, {} make the key, …)", self.number, self.quorum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_no_split_is_refused_though_its_check_is_right() {
        let parse = |quorum, number| {
            let mut bytes = [7; SHARE_BYTES];
            bytes[SET_BYTES..SET_BYTES + 2].copy_from_slice(&[quorum, number]);
            Share::parse(&paper::encode(HEAD, &bytes))
        };
        assert!(parse(2, 1).is_ok_and(|share| (share.quorum(), share.number()) == (2, 1)));
        assert!(parse(255, 255).is_ok());
        for (quorum, number) in [(0, 1), (1, 1), (2, 0)] {
            assert_eq!(parse(quorum, number), Err(ShareError::Numbers));
        }
    }
}
