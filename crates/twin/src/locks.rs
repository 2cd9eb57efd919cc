//! The locks of the unit: events in, records to the memory, codes compared.

use std::sync::Arc;

use headlock_lock::{
    Charged, Conditions, Effect, Event, Fed, Hardware, NoCounter, Phase, State, StoreError, Verdict, Verifier,
};
use headlock_profile::Code;
use headlock_profile::behaviour::{CodeOwner, Renewal};

use crate::effects::{Effect as Caused, Locks};
use crate::record::Record;
use crate::spec::Asks;
use crate::twin::{Twin, kind};

impl Twin {
    /// Sets up what each lock recognises and what may stand at each of its places.
    pub(crate) fn provision(&mut self) {
        for index in 0..self.locks.len() {
            let codes = self.spec.locks[index].codes.clone();
            self.set_codes(index, &codes);
        }
        self.refresh_alphabets();
    }

    pub(crate) fn set_codes(&mut self, index: usize, codes: &[Code]) {
        let key = &self.spec.device_key;
        let verifiers = codes.iter().zip(0_u8..);
        let verifiers = verifiers.map(|(code, number)| Verifier::new(key, [number; 16], code.reveal().as_bytes()));
        self.locks[index].verifiers = Arc::new(verifiers.collect());
    }

    /// The owner's code in place of the first one.
    pub(crate) fn replace_code(&mut self, code: &Code) {
        let fresh = Verifier::new(&self.spec.device_key, [u8::MAX; 16], code.reveal().as_bytes());
        let verifiers = Arc::make_mut(&mut self.locks[0].verifiers);
        match verifiers.first_mut() {
            Some(first) => *first = fresh,
            None => verifiers.push(fresh),
        }
    }

    pub(crate) fn refresh_alphabets(&mut self) {
        for index in 0..self.locks.len() {
            let lock = &self.spec.locks[index];
            let length = lock.length(&self.spec.cleaned(&self.serial), |name| self.settings.get(name).cloned());
            self.locks[index].alphabets = Arc::new(lock.alphabets(length));
        }
    }

    pub(crate) const fn conditions(&self) -> Conditions {
        Conditions { ignition: self.car.ignition, unit_on: self.on }
    }

    /// The lock that the panel is about: the first that is not open and that asks.
    pub(crate) fn current_lock(&self) -> Option<usize> {
        self.locks.iter().enumerate().position(|(index, lock)| {
            !matches!(lock.keeper.state.phase, Phase::Open { .. })
                && match self.spec.locks[index].asks {
                    Asks::AtStart => true,
                    Asks::OnKey(_) => self.asked_for == Some(index),
                    Asks::Never => false,
                }
        })
    }

    /// Feeds one event to one lock, and writes what it asks for.
    pub(crate) fn feed(&mut self, index: usize, event: Event) -> Effect {
        let before = self.locks[index].keeper.state;
        let is_current = self.current_lock() == Some(index);
        self.memory.inhibited = !self.can_save();
        let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let Fed { effect, saved } = self.locks[index].keeper.feed(&mut board, &self.spec.locks[index].policy, event);
        self.note_saved(saved);
        let after = self.locks[index].keeper.state;
        self.note_phase(index, &before, &after, is_current);
        effect
    }

    pub(crate) fn note_saved(&mut self, saved: Result<(), StoreError>) {
        if saved.is_err() && !self.memory.was_cut {
            self.records.push(Record::WriteFailed);
        }
    }

    pub(crate) fn feed_all(&mut self, event: Event) {
        for index in 0..self.locks.len() {
            self.feed(index, event);
        }
    }

    /// Carries out effects, in their order.
    pub(crate) fn cause(&mut self, effects: &[Caused]) {
        for Caused { locks, event } in effects {
            match locks {
                Locks::Main => {
                    self.feed(0, *event);
                }
                Locks::All => self.feed_all(*event),
            }
        }
    }

    fn note_phase(&mut self, index: usize, before: &State, after: &State, is_current: bool) {
        let (from, to) = (kind(&before.phase), kind(&after.phase));
        if from != to {
            self.records.push(Record::Phase { lock: u8::try_from(index).unwrap_or(u8::MAX), to });
            // What is typed for another lock stays.
            if is_current {
                self.entry.clear();
            }
        }
    }

    pub(crate) fn persist(&mut self, index: usize) -> bool {
        self.memory.inhibited = !self.can_save();
        let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
        self.locks[index].keeper.save(&mut board).is_ok()
    }

    /// Whether supply, fuse and memory allow a write.
    pub(crate) fn can_save(&self) -> bool {
        !self.memory.read_only && self.supply_allows_writes()
    }

    /// The same, whatever the memory makes of it.
    pub(crate) fn supply_allows_writes(&self) -> bool {
        self.car.mv >= self.spec.saves_above_mv && !self.fuse_feeds_out(headlock_profile::behaviour::FeedsWord::Memory)
    }

    /// A completed entry.
    pub(crate) fn submit(&mut self, index: usize, code: &str) -> Verdict {
        let verdict = self.enter(index, |twin, charged| twin.accepts(index, code, charged));
        if verdict == Verdict::Opened {
            self.car.at_home |= self.spec.locks[index].code.pairs;
        }
        if !self.memory.was_cut {
            self.records.push(Record::Attempt { lock: u8::try_from(index).unwrap_or(u8::MAX), verdict });
            self.renew_challenge(index, verdict);
        }
        verdict
    }

    /// Uses an attempt of the lock on whatever `compare` says.
    pub(crate) fn enter(&mut self, index: usize, compare: impl FnOnce(&Self, &Charged) -> bool) -> Verdict {
        let before = self.locks[index].keeper.state;
        let is_current = self.current_lock() == Some(index);
        self.memory.inhibited = !self.can_save();
        let (mut keeper, mut memory) = (self.locks[index].keeper, std::mem::take(&mut self.memory));
        let mut board = Hardware { memory: &mut memory, key: &self.spec.device_key, counter: &mut NoCounter };
        let policy = &self.spec.locks[index].policy;
        let (verdict, saved) = keeper.enter(&mut board, policy, |charged| compare(self, charged));
        (self.locks[index].keeper, self.memory) = (keeper, memory);
        self.note_saved(saved);
        let after = keeper.state;
        if matches!(verdict, Verdict::Opened | Verdict::Wrong) || saved.is_err() {
            let checking = State { phase: Phase::Checking, ..before };
            self.note_phase(index, &before, &checking, is_current);
            self.note_phase(index, &checking, &after, is_current);
        } else {
            self.note_phase(index, &before, &after, is_current);
        }
        verdict
    }

    fn accepts(&self, index: usize, entered: &str, charged: &Charged) -> bool {
        let spec = &self.spec.locks[index];
        if self.broken.other_code || self.broken.glitch || self.broken.hardware_lock {
            return false;
        }
        if spec.code.bound_to_vin && !self.car.at_home {
            return false;
        }
        let answers =
            spec.code.challenge.is_some() && self.challenge_answer(index).is_some_and(|answer| answer == entered);
        if spec.code.belongs_to == CodeOwner::Challenge || answers {
            return answers;
        }
        // Every verifier is asked, so that time does not tell which one it was.
        let (key, entered) = (&self.spec.device_key, entered.as_bytes());
        let verifiers = self.locks[index].verifiers.iter();
        verifiers.fold(false, |known, verifier| verifier.accepts(key, entered, charged) | known)
    }

    /// A code of the right shape that does not open the lock that is asked for; none if every code does.
    pub fn wrong_code(&self) -> Option<String> {
        let index = self.current_lock().unwrap_or(0);
        let alphabets = &self.locks[index].alphabets;
        let count = alphabets.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
        (0..count.min(64)).find_map(|mut number| {
            // Counting from the last place up, so that the first candidates differ least.
            let mut code = vec![' '; alphabets.len()];
            for (slot, alphabet) in code.iter_mut().zip(alphabets.iter()).rev() {
                *slot = alphabet[number % alphabet.len()];
                number /= alphabet.len();
            }
            let code: String = code.into_iter().collect();
            (!self.would_open(index, &code)).then_some(code)
        })
    }

    /// Whether each of its characters may stand at its place in a code of the lock that is asked for.
    pub(crate) fn has_shape_of_code(&self, code: &str) -> bool {
        let alphabets = &self.locks[self.current_lock().unwrap_or(0)].alphabets;
        code.chars().count() == alphabets.len()
            && code.chars().zip(alphabets.iter()).all(|(c, known)| known.contains(&c))
    }

    pub(crate) fn would_open(&self, index: usize, code: &str) -> bool {
        let asks = self.spec.locks[index].code.challenge.is_some();
        let challenge = asks && self.challenge_answer(index).is_some_and(|answer| answer == code);
        let key = &self.spec.device_key;
        // Who made the unit knows its codes; nothing is charged for asking that.
        let verifiers = self.locks[index].verifiers.iter();
        challenge || verifiers.into_iter().any(|known| Verifier::new(key, known.salt(), code.as_bytes()) == *known)
    }

    fn renew_challenge(&mut self, index: usize, verdict: Verdict) {
        let renewed = self.spec.locks[index].code.challenge.as_ref().map(|challenge| challenge.renewed);
        if verdict == Verdict::Wrong && renewed == Some(Renewal::EveryAttempt) {
            self.challenge = self.challenge.wrapping_add(1);
        }
    }

    /// What the unit shows for its owner to have answered, if it is of that kind.
    pub fn challenge_shown(&self) -> Option<String> {
        let index = self.spec.locks.iter().position(|lock| lock.code.challenge.is_some())?;
        let digits = usize::from(self.spec.locks[index].code.challenge.as_ref()?.digits);
        let alphabet = vec![('0'..='9').collect::<Vec<_>>(); digits];
        let key = self.challenge_key()?;
        let code = key.derive("challenge", &format!("{}/{}", self.serial, self.challenge), &alphabet)?;
        Some(code.reveal().to_owned())
    }

    /// The answer to what a lock shows: who holds the first code of the unit as its secret can work it out.
    pub(crate) fn challenge_answer(&self, index: usize) -> Option<String> {
        let shown = self.challenge_shown()?;
        let key = self.challenge_key()?;
        let code = key.derive("answer", &format!("{}/{shown}", self.serial), &self.locks[index].alphabets)?;
        Some(code.reveal().to_owned())
    }

    /// The answer that the maker's desk would give to what the unit shows now.
    pub fn answer_to_challenge(&self) -> Option<Code> {
        let index = self.spec.locks.iter().position(|lock| lock.code.challenge.is_some())?;
        let answer = self.challenge_answer(index)?;
        Code::new(&answer, headlock_profile::Provenance::KeyedScheme).ok()
    }

    fn challenge_key(&self) -> Option<headlock_profile::SchemeKey> {
        let secret = self.spec.locks.iter().find(|lock| lock.code.challenge.is_some())?.codes.first();
        let mut bytes = b"headlock challenge".to_vec();
        bytes.extend(secret.map(|code| code.reveal().as_bytes()).unwrap_or_default());
        headlock_profile::SchemeKey::new(&bytes).ok()
    }
}
