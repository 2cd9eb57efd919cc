//! Where records live: a ring of pairs, two copies of each record, so that a cut anywhere leaves the old state or the new, and a
//! record that is lost is noticed.
//!
//! A record is written to the two slots of the next pair, one after the other, each read back. A slot fills whole pages, so a torn
//! write destroys one copy at most, and the other copy of that pair is whole: of every pair at least one copy can always be read.
//! A pair of which none can be read was therefore not torn but damaged, and if it stands where the newest record belongs, the
//! store fails closed instead of going back to the record before.
//!
//! The progress of a wait is written once, not twice: were it lost, the wait would be longer, never shorter.

use crate::eeprom::{Eeprom, MonotonicCounter, StoreError};
use crate::policy::{Policy, Span};
use crate::record::{RECORD_BYTES, Record, seal, unseal};
use crate::state::{Phase, State};
use crate::verifier::DeviceKey;

/// Pairs that a ring can have.
pub const MAX_PAIRS: u8 = 64;

/// The part of the memory that one lock's records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    base: usize,
    pairs: u8,
}

impl Region {
    /// `pairs` pairs from `base` on, which is the first byte of a page: elsewhere nothing can be written. More pairs wear each cell
    /// less; 2 to [`MAX_PAIRS`].
    pub const fn new(base: usize, pairs: u8) -> Option<Self> {
        if pairs < 2 || pairs > MAX_PAIRS { None } else { Some(Self { base, pairs }) }
    }

    /// Pairs.
    pub const fn pairs(&self) -> u8 {
        self.pairs
    }

    /// Bytes of the memory that it takes, where a page has so many.
    pub const fn bytes(&self, page_bytes: usize) -> usize {
        2 * self.pairs as usize * slot_bytes(page_bytes)
    }

    const fn address(&self, pair: u8, copy: u8, page_bytes: usize) -> usize {
        self.base + (2 * pair as usize + copy as usize) * slot_bytes(page_bytes)
    }

    const fn after(&self, pair: u8) -> u8 {
        (pair + 1) % self.pairs
    }
}

/// Whole pages that hold a record.
const fn slot_bytes(page_bytes: usize) -> usize {
    if page_bytes > RECORD_BYTES { page_bytes } else { RECORD_BYTES }
}

/// What a start found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The newest record.
    Intact(State),
    /// The newest record is lost, or older than the hardware's counter: this is [`State::fail_closed`].
    FailedClosed(State),
}

impl Loaded {
    /// The state to go on with.
    pub const fn state(self) -> State {
        match self {
            Self::Intact(state) | Self::FailedClosed(state) => state,
        }
    }
}

/// Stands for one charged attempt, and so for the right to one comparison: only [`Store::charge`] makes it.
#[derive(Debug)]
pub struct Charged(());

/// The records of one lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    region: Region,
    /// The pair of the newest record.
    pair: u8,
    /// Its second copy may still be written over: the first alone is the newest record.
    half: bool,
    sequence: u32,
    epoch: u32,
    retired: u64,
    /// What the newest record says.
    last: State,
}

impl Store {
    /// Prepares a memory at the maker's or after a repair: every pair holds this state.
    ///
    /// # Errors
    /// Some byte could not be written or did not read back.
    pub fn format(
        memory: &mut impl Eeprom,
        region: Region,
        key: &impl DeviceKey,
        counter: &impl MonotonicCounter,
        state: &State,
    ) -> Result<Self, StoreError> {
        let epoch = counter.value();
        let mut store = Self { region, pair: 0, half: false, sequence: 0, epoch, retired: 0, last: *state };
        for pair in 0..region.pairs {
            let record = Record { sequence: u32::from(pair) + 1, epoch, retired: 0, state: *state };
            store.write_pair(memory, pair, &seal(&record, region.base, key))?;
            (store.pair, store.sequence) = (pair, record.sequence);
        }
        Ok(store)
    }

    /// Finds the newest record, makes firm what a cut left half done, and fails closed where the newest is lost.
    ///
    /// A cut in here leaves what a cut before it left. It reads each slot once, and again what it wrote.
    pub fn open(
        memory: &mut impl Eeprom,
        region: Region,
        key: &impl DeviceKey,
        counter: &impl MonotonicCounter,
        policy: &Policy,
    ) -> (Self, Loaded) {
        let mut newest: Option<(u8, Record)> = None;
        // Pairs of which a copy reads, and pairs of which both do; a bit each.
        let (mut readable, mut whole) = (0_u64, 0_u64);
        for pair in 0..region.pairs {
            let copies = [0, 1].map(|copy| read(memory, region, pair, copy, key));
            for record in copies.into_iter().flatten() {
                readable |= 1 << pair;
                if newest.is_none_or(|(_, known)| record.sequence > known.sequence) {
                    newest = Some((pair, record));
                }
            }
            whole |= u64::from(copies.iter().all(Option::is_some)) << pair;
        }
        let now = counter.value();
        let Some((pair, record)) = newest else {
            let state = State::fail_closed(policy, None);
            let store = Self { region, pair: 0, half: false, sequence: 0, epoch: now, retired: 0, last: state };
            // Where this cannot be written, the next start finds the same and fails closed again.
            return (Self::format(memory, region, key, counter, &state).unwrap_or(store), Loaded::FailedClosed(state));
        };
        let Record { sequence, retired, epoch, state } = record;
        let epoch_now = if epoch < now { now } else { epoch };
        let mut store = Self { region, pair, half: false, sequence, epoch: epoch_now, retired, last: state };
        let loaded = if epoch < now {
            Loaded::FailedClosed(State::fail_closed(policy, None))
        } else if (readable | retired) & 1 << store.next_pair() == 0 {
            Loaded::FailedClosed(State::fail_closed(policy, Some(&state)))
        } else {
            Loaded::Intact(state)
        };
        // Where this cannot be written, the next start finds the same again.
        let _ = match loaded {
            Loaded::FailedClosed(state) => store.save(memory, key, &state),
            Loaded::Intact(_) => store.make_firm(memory, key),
        };
        if whole | retired != u64::MAX >> (64 - region.pairs) {
            store.mend(memory, key);
        }
        (store, loaded)
    }

    /// Writes the state and reads it back.
    ///
    /// # Errors
    /// No pair took it; the record before this one still stands.
    pub fn save(&mut self, memory: &mut impl Eeprom, key: &impl DeviceKey, state: &State) -> Result<(), StoreError> {
        let sequence = self.sequence.checked_add(1).ok_or(StoreError)?;
        let progress = is_progress(&self.last, state);
        if progress && self.half {
            let record = Record { sequence, epoch: self.epoch, retired: self.retired, state: *state };
            if write(memory, self.region, self.pair, 1, &seal(&record, self.region.base, key)).is_ok() {
                (self.half, self.sequence, self.last) = (false, sequence, *state);
                return Ok(());
            }
        }
        let (mut retired, mut pair) = (self.retired, self.next_pair());
        for _ in 0..self.region.pairs {
            let record = Record { sequence, epoch: self.epoch, retired, state: *state };
            let bytes = seal(&record, self.region.base, key);
            let copies = if progress { 1 } else { 2 };
            if (0..copies).try_for_each(|copy| write(memory, self.region, pair, copy, &bytes)).is_ok() {
                (self.pair, self.half, self.sequence) = (pair, progress, sequence);
                (self.retired, self.last) = (retired, *state);
                return Ok(());
            }
            // Its cells are worn, or the memory takes nothing at all: then the others do not either, and nothing is held against them.
            retired |= 1 << pair;
            match self.next_live(pair, retired) {
                Some(next) => pair = next,
                None => break,
            }
        }
        Err(StoreError)
    }

    /// Writes the state of a charged attempt, counts it where the hardware counts, and gives the right to compare one code.
    ///
    /// # Errors
    /// It could not be written or counted: nothing may be compared.
    pub fn charge(
        &mut self,
        memory: &mut impl Eeprom,
        key: &impl DeviceKey,
        counter: &mut impl MonotonicCounter,
        state: &State,
    ) -> Result<Charged, StoreError> {
        if !matches!(state.phase, Phase::Checking) {
            return Err(StoreError);
        }
        let before = self.epoch;
        self.epoch = counter.value().saturating_add(1);
        if let Err(error) = self.save(memory, key, state) {
            self.epoch = before;
            return Err(error);
        }
        counter.increment()?;
        Ok(Charged(()))
    }

    /// What the newest record says.
    pub const fn last(&self) -> &State {
        &self.last
    }

    /// Pairs whose cells no longer hold what is written.
    pub const fn retired_pairs(&self) -> u32 {
        self.retired.count_ones()
    }

    fn next_pair(&self) -> u8 {
        self.next_live(self.pair, self.retired).unwrap_or(self.pair)
    }

    /// The next pair that is not retired; none if there is no other.
    fn next_live(&self, pair: u8, retired: u64) -> Option<u8> {
        let mut next = self.region.after(pair);
        while next != pair {
            if retired & 1 << next == 0 {
                return Some(next);
            }
            next = self.region.after(next);
        }
        None
    }

    /// Both copies, the second only once the first reads back: so at each moment one of the two is whole.
    fn write_pair(&self, memory: &mut impl Eeprom, pair: u8, bytes: &[u8; RECORD_BYTES]) -> Result<(), StoreError> {
        (0..2).try_for_each(|copy| write(memory, self.region, pair, copy, bytes))
    }

    /// Sees to it that both copies of the newest pair are the newest record: what a cut left half done is done, and a byte that reads
    /// so today and otherwise tomorrow changes nothing any more.
    fn make_firm(&self, memory: &mut impl Eeprom, key: &impl DeviceKey) -> Result<(), StoreError> {
        let copies = [0, 1].map(|copy| read(memory, self.region, self.pair, copy, key));
        for (copy, other) in [(0, copies[1]), (1, copies[0])] {
            let Some(newest) = other.filter(|other| other.sequence == self.sequence) else { continue };
            if copies[usize::from(copy)] != Some(newest) {
                return write(memory, self.region, self.pair, copy, &seal(&newest, self.region.base, key));
            }
        }
        Ok(())
    }

    /// Writes anew what cannot be read: a torn copy from the whole one beside it, a lost pair from the newest record.
    fn mend(&self, memory: &mut impl Eeprom, key: &impl DeviceKey) {
        for age in 1..self.region.pairs {
            let pair = (self.pair + self.region.pairs - age) % self.region.pairs;
            if self.retired & 1 << pair != 0 {
                continue;
            }
            let seal = |record: &Record| seal(record, self.region.base, key);
            // Where a cell is worn this fails; the other copy stands, and the next save to this pair retires it.
            let _ = match [0, 1].map(|copy| read(memory, self.region, pair, copy, key)) {
                [Some(_), Some(_)] => Ok(()),
                [Some(first), None] => write(memory, self.region, pair, 1, &seal(&first)),
                [None, Some(second)] => write(memory, self.region, pair, 0, &seal(&second)),
                [None, None] => {
                    let sequence = self.sequence.saturating_sub(u32::from(age));
                    let Self { epoch, retired, last: state, .. } = *self;
                    self.write_pair(memory, pair, &seal(&Record { sequence, epoch, retired, state }))
                }
            };
        }
    }
}

/// Whether the second state is the first with some of its wait over: to fall back from it to the first makes nobody's wait shorter.
fn is_progress(before: &State, after: &State) -> bool {
    let (Phase::Waiting { full, left, .. }, Phase::Waiting { full: same, left: rest, .. }) =
        (before.phase, after.phase)
    else {
        return false;
    };
    let shrinks = matches!((left, rest), (Span::Time { ms }, Span::Time { ms: rest_ms }) if rest_ms <= ms);
    shrinks && full == same && before.tally == after.tally && before.config == after.config
}

fn read(memory: &mut impl Eeprom, region: Region, pair: u8, copy: u8, key: &impl DeviceKey) -> Option<Record> {
    let mut bytes = [0; RECORD_BYTES];
    let address = region.address(pair, copy, memory.page_bytes());
    memory.read(address, &mut bytes).ok()?;
    unseal(&bytes, region.base, key)
}

/// Writes one slot, page by page, and reads it back.
fn write(
    memory: &mut impl Eeprom,
    region: Region,
    pair: u8,
    copy: u8,
    bytes: &[u8; RECORD_BYTES],
) -> Result<(), StoreError> {
    let page_bytes = memory.page_bytes();
    let address = region.address(pair, copy, page_bytes);
    // A slot that shared a page with another could lose both in one cut.
    if !page_bytes.is_power_of_two() || !address.is_multiple_of(page_bytes) {
        return Err(StoreError);
    }
    let part_bytes = page_bytes.min(RECORD_BYTES);
    for (number, part) in bytes.chunks(part_bytes).enumerate() {
        memory.write(address + number * part_bytes, part)?;
    }
    let mut found = [0; RECORD_BYTES];
    memory.read(address, &mut found)?;
    if found == *bytes { Ok(()) } else { Err(StoreError) }
}
