//! Sign-ins that were begun: so many, for so long, each finished once and by who began it.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Sign-ins that may be under way; whoever begins another hears that too many are.
const MOST: usize = 4_096;

/// How long somebody may take at their provider, in seconds.
const LASTS_S: u64 = 600;

/// Too many are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What is kept of one. It is bound to who began it by the digest of a secret that stays with them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) provider: usize,
    pub(super) nonce: String,
    /// SHA-256 of the code verifier. Source: RFC 7636, 4.2.
    pub(super) challenge: [u8; 32],
    pub(super) redirect_uri: String,
}

/// All of them, by the digest of their state.
#[derive(Default)]
pub(super) struct Pending(HashMap<[u8; 32], (Begun, u64)>);

impl Pending {
    pub(super) fn keep(&mut self, state: &str, begun: Begun, now_s: u64) -> Result<(), Full> {
        self.0.retain(|_, (_, until_s)| *until_s > now_s);
        if self.0.len() >= MOST {
            return Err(Full);
        }
        self.0.insert(Sha256::digest(state).into(), (begun, now_s.saturating_add(LASTS_S)));
        Ok(())
    }

    /// Takes one out, for who shows the secret; it stays for who does, whoever else asks.
    pub(super) fn take(&mut self, state: &str, verifier: &str, now_s: u64) -> Option<Begun> {
        let key: [u8; 32] = Sha256::digest(state).into();
        let shown: [u8; 32] = Sha256::digest(verifier).into();
        let (begun, until_s) = self.0.get(&key)?;
        if *until_s <= now_s {
            self.0.remove(&key);
            return None;
        }
        if begun.challenge != shown {
            return None;
        }
        self.0.remove(&key).map(|(begun, _)| begun)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn begun(verifier: &str) -> Begun {
        let challenge = Sha256::digest(verifier).into();
        Begun { provider: 0, nonce: "n".to_owned(), challenge, redirect_uri: "http://127.0.0.1/".to_owned() }
    }

    #[test]
    fn one_is_finished_once_in_time_and_by_who_has_the_secret() {
        let mut pending = Pending::default();
        for state in ["a", "b"] {
            pending.keep(state, begun("mine"), 1_000).unwrap();
        }
        assert!(pending.take("a", "a thief's", 1_000).is_none());
        assert!(pending.take("c", "mine", 1_000).is_none());
        assert!(pending.take("a", "mine", 1_000 + LASTS_S - 1).is_some(), "a thief's try took nothing away");
        assert!(pending.take("a", "mine", 1_000).is_none(), "once");
        assert!(pending.take("b", "mine", 1_000 + LASTS_S).is_none(), "too late");
        assert!(pending.take("b", "mine", 1_000).is_none(), "and it stays so");
    }

    #[test]
    fn too_many_are_refused_until_some_are_over_and_none_is_pushed_out() {
        let mut pending = Pending::default();
        for number in 0..MOST {
            pending.keep(&number.to_string(), begun("mine"), 1_000 + (number as u64 % 2)).unwrap();
        }
        assert_eq!(pending.keep("one more", begun("mine"), 1_000 + LASTS_S - 1), Err(Full));
        pending.keep("one more", begun("mine"), 1_000 + LASTS_S).unwrap();
        assert!(pending.take("1", "mine", 1_000 + LASTS_S).is_some());
        assert!(pending.take("0", "mine", 1_000 + LASTS_S).is_none());
        assert!(pending.0.len() <= MOST / 2 + 1);
    }
}
