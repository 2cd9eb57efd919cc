//! The record over a memory that tears, flips, sticks and lies, and the verifier of the code.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;

use chance::Chance;
use headlock_lock::{
    AfterWait, Arming, Clock, Conditions, DeviceKey, Eeprom, Effect, EntryWhileWaiting, Event, ExtraAttempts, Ignition,
    Kind, Ladder, Loaded, Phase, Policy, RECORD_BYTES, Rung, Scope, Span, State, Store, StoreError, SupplyCut, Tries,
    Verifier, step,
};

const BASE: usize = 16;
const SIZE: usize = BASE + 2 * RECORD_BYTES + 16;
const MINUTE_MS: u64 = 60_000;

#[derive(Clone)]
struct Memory {
    cells: Vec<u8>,
    /// Bytes that can still be written before the supply goes, and what the one that it interrupts then holds.
    cut: Option<(usize, u8)>,
    /// The cell that always reads as this.
    stuck: Option<(usize, u8)>,
    written: Vec<usize>,
}

impl Memory {
    fn filled(byte: u8) -> Self {
        Self { cells: vec![byte; SIZE], cut: None, stuck: None, written: Vec::new() }
    }

    fn slot(&self, slot: usize) -> &[u8] {
        &self.cells[BASE + slot * RECORD_BYTES..][..RECORD_BYTES]
    }

    fn with_flipped(&self, bits: &[usize]) -> Self {
        let mut memory = self.clone();
        for bit in bits {
            memory.cells[BASE + bit / 8] ^= 1 << (bit % 8);
        }
        memory
    }
}

impl Eeprom for Memory {
    fn read(&self, address: usize) -> u8 {
        match self.stuck {
            Some((cell, byte)) if cell == address => byte,
            _ => self.cells[address],
        }
    }

    fn write(&mut self, address: usize, byte: u8) -> Result<(), StoreError> {
        self.written.push(address);
        match &mut self.cut {
            Some((0, torn)) => {
                self.cells[address] = *torn;
                Err(StoreError)
            }
            cut => {
                if let Some((left, _)) = cut {
                    *left -= 1;
                }
                self.cells[address] = byte;
                Ok(())
            }
        }
    }
}

fn key() -> DeviceKey {
    DeviceKey::new([7; 32])
}

fn policy(waits: &[Span]) -> Policy {
    let ladder = (1..).zip(waits).fold(Ladder::EMPTY, |ladder, (from, &wait)| {
        ladder.with(Rung { scope: Scope::Failures, from, wait, factor: 1, cap: None }).unwrap()
    });
    Policy {
        kind: Kind::Code,
        tries: Tries {
            first_round: 0,
            later_rounds: 0,
            locked_out_after_attempts: None,
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder,
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Refused,
        after_wait: AfterWait::Keeps,
        forgiveness: [None; 2],
        supply_cut: SupplyCut::NOTHING,
        arming: Arming { battery_ms: Some(0), ..Arming::NEVER },
    }
}

fn usual_policy() -> Policy {
    policy(&[
        Span::Time { ms: MINUTE_MS },
        Span::Time { ms: 30 * MINUTE_MS },
        Span::Time { ms: 5 * MINUTE_MS },
        Span::KeyCycles(3),
        Span::Endless,
    ])
}

fn open(memory: &Memory) -> (Store, Loaded) {
    Store::open(memory, BASE, &key(), &usual_policy())
}

fn loaded(memory: &Memory) -> Loaded {
    open(memory).1
}

fn failed_closed() -> Loaded {
    Loaded::FailedClosed(State::fail_closed(&usual_policy()))
}

fn waiting(left: u64) -> State {
    let full = Span::Time { ms: 30 * MINUTE_MS };
    State {
        phase: Phase::Waiting { full, left: Span::Time { ms: left }, begun: true },
        ..State::fresh(&usual_policy())
    }
}

fn saved(states: &[State]) -> (Memory, Store) {
    let mut memory = Memory::filled(0xFF);
    let (mut store, _) = open(&memory);
    for state in states {
        store.save(&mut memory, &key(), state).unwrap();
    }
    (memory, store)
}

#[test]
fn every_state_comes_back_as_it_was_written() {
    let mut memory = Memory::filled(0);
    let (mut store, _) = open(&memory);
    let mut chance = Chance::new(1);
    for _ in 0..20_000 {
        let state = chance.any_state();
        store.save(&mut memory, &key(), &state).unwrap();
        assert_eq!(loaded(&memory), Loaded::Intact(state));
    }
}

#[test]
fn saves_go_to_the_two_slots_in_turn_and_nowhere_else() {
    let mut memory = Memory::filled(0xFF);
    let (mut store, _) = open(&memory);
    for n in 1..=10 {
        let before = memory.clone();
        memory.written.clear();
        store.save(&mut memory, &key(), &waiting(n)).unwrap();
        let slot = usize::try_from((n + 1) % 2).unwrap();
        let from = BASE + slot * RECORD_BYTES;
        assert!(memory.written.iter().all(|address| (from..from + RECORD_BYTES).contains(address)));
        assert_eq!(memory.slot(1 - slot), before.slot(1 - slot));
        if n % 3 == 0 {
            (store, _) = open(&memory);
        }
        assert_eq!(loaded(&memory), Loaded::Intact(waiting(n)));
    }
    assert!(memory.cells[..BASE].iter().chain(&memory.cells[BASE + 2 * RECORD_BYTES..]).all(|byte| *byte == 0xFF));
}

#[test]
fn a_cut_at_any_byte_leaves_the_old_state_or_the_new() {
    let mut chance = Chance::new(2);
    let states: Vec<State> = (1..=4).map(|n| waiting(n * 1_000)).chain([State::armed(&usual_policy())]).collect();
    let mut seen_new = 0;
    for saves in 0..states.len() {
        let (memory, store) = saved(&states[..saves]);
        let old = loaded(&memory);
        let new = Loaded::Intact(states[saves]);
        for at in 0..RECORD_BYTES {
            let slot = BASE + saves % 2 * RECORD_BYTES;
            let mut whole = memory.clone();
            store.clone().save(&mut whole, &key(), &states[saves]).unwrap();
            let mut values = vec![memory.cells[slot + at], whole.cells[slot + at], 0x00, 0xFF];
            values.extend((0..8).map(|_| chance.byte()));
            for torn in values {
                let mut memory = memory.clone();
                memory.cut = Some((at, torn));
                assert_eq!(store.clone().save(&mut memory, &key(), &states[saves]), Err(StoreError));
                let found = loaded(&memory);
                if memory.slot(saves % 2) == whole.slot(saves % 2) {
                    assert_eq!(found, new);
                    seen_new += 1;
                } else {
                    assert_eq!(found, old, "cut at {at} with {torn:#04x}");
                }
            }
        }
    }
    assert!(seen_new >= states.len(), "a cut in the last byte may leave it written");
}

#[test]
fn any_row_of_cuts_and_boots_keeps_the_last_state_that_was_written() {
    for seed in 0..2_000 {
        let mut chance = Chance::new(seed);
        let mut memory = Memory::filled(chance.byte());
        let (mut store, mut stands) = open(&memory);
        for _ in 0..30 {
            let state = chance.any_state();
            memory.cut = chance.flip().then(|| (usize::try_from(chance.below(72)).unwrap(), chance.byte()));
            let answer = store.save(&mut memory, &key(), &state);
            assert_eq!(answer.is_ok(), memory.cut.is_none());
            memory.cut = None;
            let (booted, found) = open(&memory);
            if answer.is_ok() {
                assert_eq!(found, Loaded::Intact(state), "seed {seed}");
            } else {
                assert!(found == stands || found == Loaded::Intact(state), "seed {seed}");
            }
            stands = found;
            // Either the unit lost its supply with the write, or only the write failed.
            if answer.is_err() && (chance.flip() || found == Loaded::Intact(state)) {
                store = booted;
            }
        }
    }
}

#[test]
fn every_flipped_bit_loads_the_other_slot() {
    let (older, newer) = (waiting(1_000), State::armed(&usual_policy()));
    let (memory, _) = saved(&[older, newer]);
    for bit in 0..RECORD_BYTES * 8 {
        assert_eq!(loaded(&memory.with_flipped(&[bit])), Loaded::Intact(newer));
        assert_eq!(loaded(&memory.with_flipped(&[RECORD_BYTES * 8 + bit])), Loaded::Intact(older));
    }
}

#[test]
fn a_flipped_bit_in_each_slot_fails_closed() {
    let (memory, _) = saved(&[waiting(1_000), State::fresh(&usual_policy())]);
    for first in 0..RECORD_BYTES * 8 {
        for second in (RECORD_BYTES * 8..RECORD_BYTES * 16).skip(first % 7).step_by(7) {
            assert_eq!(loaded(&memory.with_flipped(&[first, second])), failed_closed());
        }
    }
}

#[test]
fn a_slot_copied_over_the_other_invents_nothing() {
    let (older, newer) = (waiting(1_000), waiting(500));
    let (memory, _) = saved(&[older, newer]);
    for (from, to, expected) in [(0, 1, older), (1, 0, newer)] {
        let mut copied = memory.clone();
        let image = memory.slot(from).to_vec();
        copied.cells[BASE + to * RECORD_BYTES..][..RECORD_BYTES].copy_from_slice(&image);
        let (mut store, found) = open(&copied);
        assert_eq!(found, Loaded::Intact(expected));
        store.save(&mut copied, &key(), &waiting(250)).unwrap();
        assert_eq!(loaded(&copied), Loaded::Intact(waiting(250)));
    }
}

#[test]
fn a_hundred_thousand_random_images_fail_closed() {
    let mut memory = Memory::filled(0);
    assert_eq!(loaded(&memory), failed_closed());
    assert_eq!(loaded(&Memory::filled(0xFF)), failed_closed());
    let mut chance = Chance::new(3);
    for _ in 0..100_000 {
        for cell in &mut memory.cells {
            *cell = chance.byte();
        }
        assert_eq!(loaded(&memory), failed_closed());
    }
}

#[test]
fn a_record_that_tells_of_an_open_lock_but_lacks_the_tag_fails_closed() {
    let (mut memory, _) = saved(&[State::fresh(&usual_policy())]);
    for cell in &mut memory.cells[BASE + RECORD_BYTES - 8..BASE + RECORD_BYTES] {
        *cell = 0;
    }
    assert_eq!(loaded(&memory), failed_closed());
}

#[test]
fn a_write_error_is_told_and_the_previous_record_stands() {
    let (older, newer) = (waiting(1_000), waiting(500));
    for at in 0..RECORD_BYTES {
        let (mut memory, mut store) = saved(&[waiting(2_000), older]);
        memory.cut = Some((at, !0x55));
        assert_eq!(store.save(&mut memory, &key(), &newer), Err(StoreError));
        assert_eq!(loaded(&memory), Loaded::Intact(older));
        memory.cut = None;
        store.save(&mut memory, &key(), &newer).unwrap();
        assert_eq!(loaded(&memory), Loaded::Intact(newer));
        store.save(&mut memory, &key(), &older).unwrap();
        assert_eq!(loaded(&memory), Loaded::Intact(older));
    }
}

#[test]
fn a_byte_that_does_not_read_back_is_told_and_the_previous_record_stands() {
    let older = waiting(1_000);
    for at in 0..RECORD_BYTES {
        let (mut memory, mut store) = saved(&[waiting(2_000), older]);
        let mut whole = memory.clone();
        store.clone().save(&mut whole, &key(), &waiting(500)).unwrap();
        memory.stuck = Some((BASE + at, !whole.cells[BASE + at]));
        assert_eq!(store.save(&mut memory, &key(), &waiting(500)), Err(StoreError));
        assert_eq!(loaded(&memory), Loaded::Intact(older));
    }
}

#[test]
fn the_record_of_another_device_fails_closed() {
    let (memory, _) = saved(&[State::fresh(&usual_policy()), State::armed(&usual_policy())]);
    for byte in 0..32 {
        let mut other = [7; 32];
        other[byte] ^= 1;
        let (_, found) = Store::open(&memory, BASE, &DeviceKey::new(other), &usual_policy());
        assert_eq!(found, failed_closed());
    }
}

#[test]
fn a_lock_that_failed_closed_waits_its_longest_finite_wait_and_then_takes_the_right_code() {
    let policy = usual_policy();
    let mut memory = Memory::filled(0x5A);
    let (mut store, found) = open(&memory);
    let mut state = found.state();
    let full = Span::Time { ms: 30 * MINUTE_MS };
    assert_eq!(found, failed_closed());
    assert_eq!(state.phase, Phase::Waiting { full, left: full, begun: false });

    let verifier = Verifier::new(&key(), [1; 16], b"4711");
    assert_eq!(step(&policy, state, Event::CodeEntered), (state, Effect::Refuse));
    let during = Conditions { ignition: Ignition::Off, unit_on: false };
    let mut take = |event| {
        let (next, effect) = step(&policy, state, event);
        if !matches!(effect, Effect::None | Effect::Refuse) {
            store.save(&mut memory, &key(), &next).unwrap();
            assert_eq!(loaded(&memory), Loaded::Intact(next));
        }
        state = next;
        (next.phase, effect)
    };
    let (phase, _) = take(Event::Elapsed { ms: 30 * MINUTE_MS - 1, during });
    assert!(matches!(phase, Phase::Waiting { .. }));
    assert_eq!(take(Event::Elapsed { ms: 1, during }), (Phase::Armed, Effect::Persist));
    assert_eq!(take(Event::CodeEntered), (Phase::Checking, Effect::PersistThenCompare));
    assert!(verifier.accepts(&key(), b"4711"));
    assert_eq!(take(Event::Matched), (Phase::Open { for_ms: 0 }, Effect::PersistOpened));
}

#[test]
fn a_lock_without_a_finite_wait_fails_closed_by_asking_for_its_code() {
    for waits in [&[][..], &[Span::Endless], &[Span::Reboots(2), Span::Time { ms: 0 }]] {
        assert_eq!(State::fail_closed(&policy(waits)).phase, Phase::Armed);
    }
}

#[test]
fn no_policy_fails_open() {
    for seed in 0..100_000 {
        let state = State::fail_closed(&Chance::new(seed).policy());
        assert!(matches!(state.phase, Phase::Armed | Phase::Waiting { .. }), "seed {seed}");
    }
}

fn fails_closed_for(rung: Rung) -> Option<u64> {
    let policy = Policy { ladder: Ladder::EMPTY.with(rung).unwrap(), ..usual_policy() };
    match State::fail_closed(&policy).phase {
        Phase::Waiting { full: Span::Time { ms }, .. } => Some(ms),
        _ => None,
    }
}

#[test]
fn a_growing_wait_counts_with_its_cap_when_a_lock_fails_closed() {
    let rung = Rung { scope: Scope::Failures, from: 1, wait: Span::Time { ms: 1_000 }, factor: 2, cap: Some(9_000) };
    assert_eq!(fails_closed_for(rung), Some(9_000));
    assert_eq!(fails_closed_for(Rung { factor: 1, ..rung }), Some(1_000));
}

#[test]
fn a_cap_below_the_first_wait_counts_when_a_lock_fails_closed() {
    let rung = Rung { scope: Scope::Failures, from: 1, wait: Span::Time { ms: 5_000 }, factor: 1, cap: Some(1_000) };
    assert_eq!(fails_closed_for(rung), Some(1_000));
    assert_eq!(fails_closed_for(Rung { factor: 2, ..rung }), Some(1_000));
}

#[test]
fn a_zero_wait_never_grows_when_a_lock_fails_closed() {
    let rung = Rung { scope: Scope::Failures, from: 1, wait: Span::Time { ms: 0 }, factor: 2, cap: Some(9_000) };
    assert_eq!(fails_closed_for(rung), None);
}

#[test]
fn a_verifier_accepts_its_code_and_no_other() {
    let verifier = Verifier::new(&key(), [9; 16], b"1234");
    let accepted: Vec<String> =
        (0..10_000).map(|n| format!("{n:04}")).filter(|code| verifier.accepts(&key(), code.as_bytes())).collect();
    assert_eq!(accepted, ["1234"]);
    for other in [&b""[..], b"123", b"12345", b"1234\0", b"\x001234", b"\x09\x091234"] {
        assert!(!verifier.accepts(&key(), other));
    }
}

#[test]
fn a_verifier_is_worth_nothing_on_another_device_or_with_another_salt() {
    let verifier = Verifier::new(&key(), [9; 16], b"1234");
    assert!(!verifier.accepts(&DeviceKey::new([8; 32]), b"1234"));
    assert_ne!(verifier, Verifier::new(&key(), [8; 16], b"1234"));
    assert_eq!(verifier, Verifier::new(&key(), [9; 16], b"1234"));
}

#[test]
fn a_device_key_never_shows_itself() {
    for shown in [format!("{:?}", DeviceKey::new([0xAB; 32])), format!("{:#?}", DeviceKey::new([171; 32]))] {
        assert_eq!(shown, "DeviceKey(redacted)");
    }
}
