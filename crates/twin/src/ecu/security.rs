//! SecurityAccess (ISO 14229-1, 10.4): a seed, a key, and a counter of wrong keys that no restart forgets.
//!
//! The counter and its delay are a lock of their own on the shipped `headlock-lock`, in the same memory as the unit's records: a
//! wrong key is charged and read back before it is compared, and a cut of the supply starts the delay again.

use headlock_lock::{
    AfterWait, Arming, AtCut, Clock, Conditions, DeviceKey, EntryWhileWaiting, Event, ExtraAttempts, Feed, Hardware,
    Keeper, Kind, Ladder, Loaded, NoCounter, Phase, Policy, Rung, Scope, Span, State, Store, StoredKey, SupplyCut,
    Tries, Verdict,
};
use headlock_wire::uds::{Level, Nrc, Response};
use subtle::ConstantTimeEq;

use super::{Ecu, Outcome, Peer, Served};
use crate::eeprom::region;
use crate::record::Record;
use crate::twin::Twin;

/// Bytes of a seed.
pub const SEED_BYTES: usize = 16;
/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// Wrong keys until the delay starts.
const WRONG_KEYS: u16 = 3;
/// The delay, in milliseconds.
const DELAY_MS: u64 = 10_000;

/// Knows which key a seed wants. A registry holds the secret in a maker's network; a virtual ECU may hold its own.
pub trait KeyProvider {
    /// The key that opens `level` for this seed; none if there is no such level.
    fn key(&self, level: Level, seed: &[u8; SEED_BYTES]) -> Option<[u8; KEY_BYTES]>;
}

/// Keys made by HMAC: the first half of HMAC-SHA-256 over a name, the level's odd sub-function, and the seed.
#[derive(Clone, Debug)]
pub struct HmacKeys(StoredKey);

impl HmacKeys {
    /// Under 32 secret bytes of this one ECU.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(StoredKey::new(secret))
    }
}

impl KeyProvider for HmacKeys {
    fn key(&self, level: Level, seed: &[u8; SEED_BYTES]) -> Option<[u8; KEY_BYTES]> {
        if !LEVELS.contains(&level.request_seed()) {
            return None;
        }
        let mac = self.0.mac(&[b"headlock security access", &[level.request_seed()], seed]);
        mac.first_chunk().copied()
    }
}

/// The levels that there are, by their odd sub-functions: counters, the lock itself, firmware.
const LEVELS: [u8; 3] = [0x01, 0x03, 0x05];

/// Three wrong keys, then ten seconds after each; only time with supply counts, and a cut starts it again.
pub(crate) const POLICY: Policy = Policy {
    kind: Kind::Code,
    tries: Tries {
        first_round: 0,
        later_rounds: 0,
        locked_out_after_attempts: None,
        locked_out_after_rounds: None,
        extra: ExtraAttempts::NEVER,
    },
    ladder: match Ladder::EMPTY.with(Rung {
        scope: Scope::Failures,
        from: WRONG_KEYS,
        wait: Span::Time { ms: DELAY_MS },
        factor: 1,
        cap: None,
    }) {
        Some(ladder) => ladder,
        None => Ladder::EMPTY,
    },
    clock: Clock::SUPPLY_ALONE,
    entry_while_waiting: EntryWhileWaiting::Refused,
    after_wait: AfterWait::Keeps,
    forgiveness: [None; headlock_lock::MAX_FORGIVENESS],
    supply_cut: SupplyCut { restarts_wait_ms: Some(0), ..SupplyCut::NOTHING },
    arming: Arming { battery_ms: Some(0), at_cut: AtCut::Any, ..Arming::NEVER },
};

/// Arms it again: what is unlocked is unlocked for one conversation, never in the memory.
const ARMS: Event = Event::SupplyRestored { outage_ms: 0, feed: Feed::Battery, unit_was_on: true };

impl Twin {
    /// Gives the unit the record of SecurityAccess.
    pub(crate) fn attach_security(&mut self) {
        let board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let state = State::armed(&POLICY);
        let at = region(self.locks.len());
        let store = Store::format(board.memory, at, board.key, board.counter, &state);
        self.security = store.ok().map(|store| Keeper { state, store });
    }

    /// What a start finds of it.
    pub(crate) fn load_security(&mut self) {
        if self.security.is_none() {
            return;
        }
        let at = region(self.locks.len());
        let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let (mut keeper, loaded) = Keeper::start(&mut board, at, &POLICY);
        keeper.feed(&mut board, &POLICY, ARMS);
        self.security = Some(keeper);
        if matches!(loaded, Loaded::FailedClosed(_)) {
            self.record(Record::FailedClosed);
        }
    }

    pub(crate) fn pass_security(&mut self, ms: u64, during: Conditions) {
        if self.security.is_some_and(|keeper| matches!(keeper.state.phase, Phase::Waiting { .. })) {
            self.feed_security(Event::Elapsed { ms, during });
        }
    }

    fn feed_security(&mut self, event: Event) {
        self.memory.inhibited = !self.can_save();
        let Some(keeper) = &mut self.security else { return };
        let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let saved = keeper.feed(&mut board, &POLICY, event).saved;
        self.note_saved(saved);
    }

    /// Charges a wrong key, and only then asks whether it is one.
    fn try_key(&mut self, given: &[u8], expected: &[u8; KEY_BYTES]) -> Verdict {
        self.memory.inhibited = !self.can_save();
        let Some(keeper) = &mut self.security else { return Verdict::Refused };
        let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let (verdict, saved) = keeper.enter(&mut board, &POLICY, |_| given.ct_eq(expected).into());
        self.note_saved(saved);
        if verdict == Verdict::Opened {
            self.feed_security(ARMS);
        }
        verdict
    }

    fn security_waits(&self) -> bool {
        self.security.is_none_or(|keeper| matches!(keeper.state.phase, Phase::Waiting { .. }))
    }
}

/// What makes seeds and knows their keys.
pub(super) struct Security {
    keys: Box<dyn KeyProvider + Send>,
    seeds: StoredKey,
    seeds_given: u64,
}

impl Security {
    pub(super) fn new(keys: Box<dyn KeyProvider + Send>, entropy: [u8; 32]) -> Self {
        Self { keys, seeds: StoredKey::new(entropy), seeds_given: 0 }
    }

    fn seed(&mut self) -> [u8; SEED_BYTES] {
        self.seeds_given += 1;
        let mac = self.seeds.mac(&[b"headlock seed", &self.seeds_given.to_be_bytes()]);
        // All zeros would say that it is unlocked.
        mac.first_chunk().copied().filter(|seed| *seed != [0; SEED_BYTES]).unwrap_or([1; SEED_BYTES])
    }
}

impl Ecu {
    pub(super) fn request_seed(&mut self, peer: Peer, level: Level, record: &[u8]) -> Served {
        if !record.is_empty() {
            return Err(Nrc::IncorrectMessageLengthOrInvalidFormat);
        }
        let unlocked = self.conversations.get(&peer.tester).is_some_and(|c| c.unlocked == Some(level));
        if unlocked {
            return Ok(Outcome::of(&Response::Seed { level, seed: &[0; SEED_BYTES] }));
        }
        if self.twin.security_waits() {
            return Err(Nrc::RequiredTimeDelayNotExpired);
        }
        let seed = self.security.seed();
        let conversation = self.conversations.get_mut(&peer.tester).ok_or(Nrc::ConditionsNotCorrect)?;
        conversation.seed = Some((level, seed));
        Ok(Outcome::of(&Response::Seed { level, seed: &seed }))
    }

    pub(super) fn send_key(&mut self, peer: Peer, level: Level, key: &[u8]) -> Served {
        if key.len() != KEY_BYTES {
            return Err(Nrc::IncorrectMessageLengthOrInvalidFormat);
        }
        let Some(conversation) = self.conversations.get_mut(&peer.tester) else {
            return Err(Nrc::RequestSequenceError);
        };
        // A seed is good for one key, right or wrong.
        let seed = match conversation.seed.take() {
            Some((asked, seed)) if asked == level => seed,
            _ => return Err(Nrc::RequestSequenceError),
        };
        if self.twin.security_waits() {
            return Err(Nrc::RequiredTimeDelayNotExpired);
        }
        let expected = self.security.keys.key(level, &seed).ok_or(Nrc::SubFunctionNotSupported)?;
        match self.twin.try_key(key, &expected) {
            Verdict::Opened => {
                if let Some(conversation) = self.conversations.get_mut(&peer.tester) {
                    conversation.unlocked = Some(level);
                }
                Ok(Outcome::of(&Response::Unlocked { level }))
            }
            Verdict::Wrong if self.twin.security_waits() => Err(Nrc::ExceededNumberOfAttempts),
            Verdict::Wrong => Err(Nrc::InvalidKey),
            // The charge could not be written: nothing was compared.
            Verdict::Refused | Verdict::Ignored => Err(Nrc::ConditionsNotCorrect),
        }
    }

    /// Whether there is a level whose seed this sub-function requests, or whose key it sends.
    pub(super) fn has_level(&self, sub_function: u8) -> bool {
        Level::of(sub_function).is_some_and(|level| self.security.keys.key(level, &[0; SEED_BYTES]).is_some())
    }

    /// Whether this tester has unlocked the level, or none is asked for.
    pub(super) fn unlocked(&self, peer: Peer, level: Option<u8>) -> Result<(), Nrc> {
        let has = self.conversations.get(&peer.tester).and_then(|c| c.unlocked).map(Level::request_seed);
        if level.is_none() || has == level { Ok(()) } else { Err(Nrc::SecurityAccessDenied) }
    }
}
