//! Records over a memory that flips, wears, forgets and is put back, and what a lock does whose record is lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use std::thread;

use chance::Chance;
use headlock_lock::{
    AfterWait, Arming, Clock, Conditions, DeviceKey, Effect, EntryWhileWaiting, Event, ExtraAttempts, Hardware,
    Ignition, Keeper, Kind, LONGEST_MS, Ladder, Loaded, MonotonicCounter, NoCounter, Phase, Policy, RECORD_BYTES,
    Region, Rung, Scope, Span, State, Store, StoreError, StoredKey, SupplyCut, Tally, Tries, Verdict, served, step,
};
use part::{Part, QuickKey};

const MINUTE_MS: u64 = 60_000;
const PAGE_BYTES: usize = 32;
const BASE: usize = 128;

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

fn region(pairs: u8) -> Region {
    Region::new(BASE, pairs).unwrap()
}

fn counted(failed: u16) -> State {
    State { tally: Tally { failed, ..Tally::default() }, ..State::armed(&usual_policy()) }
}

fn waiting(left: u64) -> State {
    let full = Span::Time { ms: 30 * MINUTE_MS };
    State {
        phase: Phase::Waiting { full, left: Span::Time { ms: left }, begun: true },
        tally: Tally { failed: 2, ..Tally::default() },
        ..State::fresh(&usual_policy())
    }
}

/// A ring of so many pairs that has written these states.
fn saved(pairs: u8, page_bytes: usize, states: &[State]) -> (Part, Store) {
    let mut part = Part::new(BASE + region(pairs).bytes(page_bytes) + page_bytes, page_bytes);
    let mut store = Store::format(&mut part, region(pairs), &QuickKey, &NoCounter, &counted(0)).unwrap();
    for state in states {
        store.save(&mut part, &QuickKey, state).unwrap();
    }
    (part, store)
}

fn open(part: &mut Part, pairs: u8) -> (Store, Loaded) {
    Store::open(part, region(pairs), &QuickKey, &NoCounter, &usual_policy())
}

fn failed_closed(last: Option<&State>) -> Loaded {
    Loaded::FailedClosed(State::fail_closed(&usual_policy(), last))
}

#[test]
fn every_state_comes_back_as_it_was_written() {
    let mut chance = Chance::new(1);
    for (pairs, page_bytes) in [(2, 8), (3, 16), (5, 32), (64, 64), (7, 128)] {
        let (mut part, mut store) = saved(pairs, page_bytes, &[]);
        for _ in 0..4_000 {
            let state = within_a_record(chance.any_state());
            store.save(&mut part, &QuickKey, &state).unwrap();
            let (again, found) = open(&mut part, pairs);
            assert_eq!(found, Loaded::Intact(state));
            if chance.percent(20) {
                store = again;
            }
        }
        let outside = part.cells[..BASE].iter().chain(&part.cells[BASE + region(pairs).bytes(page_bytes)..]);
        assert!(outside.copied().all(|byte| byte == 0xFF), "nothing is written beside the region");
    }
}

/// A time beyond 8,900 years is kept as that.
fn within_a_record(state: State) -> State {
    let cap = |span| match span {
        Span::Time { ms } => Span::Time { ms: ms.min(LONGEST_MS) },
        other => other,
    };
    let phase = match state.phase {
        Phase::Waiting { full, left, begun } => Phase::Waiting { full: cap(full), left: cap(left), begun },
        Phase::Open { for_ms } => Phase::Open { for_ms: for_ms.min(LONGEST_MS) },
        other => other,
    };
    State { phase, quiet_ms: state.quiet_ms.map(|ms| ms.min(LONGEST_MS)), ..state }
}

/// What flipped bits may lead to: the state, the same with less of its wait over, or failing closed; and always the owner's code.
fn flipped(part: &Part, bits: &[usize], states: &[State]) {
    let mut part = part.clone();
    for bit in bits {
        part.cells[BASE + bit / 8] ^= 1 << (bit % 8);
    }
    part.reads = 0;
    let policy = usual_policy();
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
    let (mut keeper, found) = Keeper::start(&mut hardware, region(2), &policy);
    let newest = states.last().unwrap();
    match found {
        Loaded::Intact(state) if state == *newest => {}
        Loaded::Intact(state) => {
            let harmless = matches!((state.phase, newest.phase), (Phase::Waiting { left: Span::Time { ms }, .. },
                Phase::Waiting { left: Span::Time { ms: rest }, .. }) if ms >= rest);
            assert!(harmless && state.tally == newest.tally, "{bits:?}: {state:?} for {newest:?}");
        }
        Loaded::FailedClosed(state) => {
            assert!(matches!(state.phase, Phase::Waiting { .. }) && state.tally.failed > 0, "{bits:?}: {state:?}");
        }
    }
    keeper.state = headlock_lock::served(&policy, keeper.state);
    assert_eq!(keeper.enter(&mut hardware, &policy, |_| true), (Verdict::Opened, Ok(())), "{bits:?}");
    assert!(part.reads < 64, "{} reads", part.reads);
}

#[test]
fn no_one_or_two_flipped_bits_take_an_attempt_back() {
    let histories: [&[State]; 3] = [
        &[counted(1), counted(2)],
        &[counted(1), waiting(20 * MINUTE_MS), waiting(19 * MINUTE_MS)],
        &[counted(1), counted(2), counted(3), waiting(9 * MINUTE_MS), waiting(8 * MINUTE_MS), waiting(7 * MINUTE_MS)],
    ];
    let bits = 4 * RECORD_BYTES * 8;
    thread::scope(|scope| {
        for states in histories {
            scope.spawn(move || {
                let (part, _) = saved(2, PAGE_BYTES, states);
                for first in 0..bits {
                    flipped(&part, &[first], states);
                    for second in first + 1..bits {
                        flipped(&part, &[first, second], states);
                    }
                }
            });
        }
    });
}

#[test]
fn a_million_random_images_fail_closed() {
    let mut chance = Chance::new(3);
    let mut part = Part::new(BASE + region(2).bytes(PAGE_BYTES), PAGE_BYTES);
    for image in 0..1_000_000_u32 {
        match image {
            0 => part.cells.fill(0),
            1 => part.cells.fill(0xFF),
            _ => part.cells.chunks_mut(8).for_each(|cells| cells.copy_from_slice(&chance.next().to_le_bytes())),
        }
        part.reads = 0;
        assert_eq!(open(&mut part, 2).1, failed_closed(None));
        assert!(part.reads < 64);
        // What it wrote is found again.
        if image % 1_000 == 0 {
            assert_eq!(open(&mut part, 2).1, Loaded::Intact(State::fail_closed(&usual_policy(), None)));
        }
    }
}

#[test]
fn a_memory_that_takes_nothing_fails_closed_at_each_start_and_compares_nothing() {
    let policy = usual_policy();
    let mut part = Part::new(BASE + region(2).bytes(PAGE_BYTES), PAGE_BYTES);
    for _ in 0..3 {
        part.dead = true;
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
        let (mut keeper, found) = Keeper::start(&mut hardware, region(2), &policy);
        assert_eq!(found, failed_closed(None));
        keeper.state = headlock_lock::served(&policy, keeper.state);
        let compared = keeper.enter(&mut hardware, &policy, |_| panic!("nothing may be compared"));
        assert_eq!(compared, (Verdict::Refused, Err(StoreError)));
    }
}

#[test]
fn worn_cells_are_given_up_pair_by_pair_and_the_last_one_refuses() {
    let (mut part, mut store) = saved(4, PAGE_BYTES, &[counted(1)]);
    let mut failed = 1;
    for worn_pairs in 1..=3_usize {
        // One cell of the pair that comes next, in its first copy or its second.
        let pair = (worn_pairs + 1) % 4;
        let cell = BASE + pair * 2 * RECORD_BYTES + (worn_pairs % 2) * RECORD_BYTES + 2;
        part.worn.push(cell);
        for _ in 0..9 {
            failed += 1;
            // A cell that is stuck may hold what is wanted by chance; the sequence changes it soon enough.
            store.save(&mut part, &QuickKey, &counted(failed)).unwrap();
            let (again, found) = open(&mut part, 4);
            assert_eq!(found, Loaded::Intact(counted(failed)));
            store = again;
        }
    }
    assert!(store.retired_pairs() > 0);
    part.worn = (BASE..BASE + region(4).bytes(PAGE_BYTES)).collect();
    let before = open(&mut part, 4).1;
    assert_eq!(store.save(&mut part, &QuickKey, &counted(99)), Err(StoreError));
    assert_eq!(open(&mut part, 4).1, before);
}

/// The cells of one slot.
fn slot(pair: usize, copy: usize) -> std::ops::Range<usize> {
    let from = BASE + (2 * pair + copy) * RECORD_BYTES;
    from..from + RECORD_BYTES
}

/// The how-manieth record a slot holds: bytes 2 to 5 of its image.
fn sequence(part: &Part, pair: usize, copy: usize) -> u32 {
    let at = slot(pair, copy).start + 2;
    u32::from_le_bytes(part.cells[at..at + 4].try_into().unwrap())
}

#[test]
fn what_rotted_in_an_older_pair_is_written_anew_at_the_next_start() {
    let states: Vec<State> = (1..=9).map(counted).collect();
    let (whole, _) = saved(5, PAGE_BYTES, &states);
    let newest = (0..5).max_by_key(|pair| sequence(&whole, *pair, 0)).unwrap();
    for age in 0..=3 {
        let pair = (newest + 5 - age) % 5;
        for copies in [&[0][..], &[1]] {
            let mut part = whole.clone();
            copies.iter().for_each(|copy| part.cells[slot(pair, *copy).start + 9] ^= 0x10);
            assert_eq!(open(&mut part, 5).1, Loaded::Intact(counted(9)));
            assert_eq!(part.cells, whole.cells, "copy {copies:?} of the pair {age} before the newest");
        }
    }
    for age in 1..=3 {
        let pair = (newest + 5 - age) % 5;
        let mut part = whole.clone();
        [0, 1].iter().for_each(|copy| part.cells[slot(pair, *copy)].fill(0));
        assert_eq!(open(&mut part, 5).1, Loaded::Intact(counted(9)));
        // Nobody knows what it held; it takes its place in the order with what is known.
        let expected = sequence(&whole, pair, 0);
        assert_eq!([0, 1].map(|copy| sequence(&part, pair, copy)), [expected; 2]);
        assert_eq!(part.cells[slot(pair, 0)], part.cells[slot(pair, 1)]);
        (part.reads, part.written) = (0, 0);
        assert_eq!(open(&mut part, 5).1, Loaded::Intact(counted(9)));
        assert_eq!((part.reads, part.written), (12, 0), "nothing is amiss any more");
    }
}

#[test]
fn a_pair_that_was_given_up_is_never_written_again() {
    for worn_pair in 0..4 {
        let (mut part, mut store) = saved(4, PAGE_BYTES, &[counted(1)]);
        assert_eq!(store.retired_pairs(), 0);
        // The sequence's low byte, which every record changes.
        part.worn.push(slot(worn_pair, 0).start + 2);
        let mut failed = 1;
        let mut save = |part: &mut Part, store: &mut Store| {
            failed += 1;
            store.save(part, &QuickKey, &counted(failed)).unwrap();
        };
        while store.retired_pairs() == 0 {
            save(&mut part, &mut store);
        }
        assert_eq!(store.retired_pairs(), 1);
        let pages = |part: &Part| part.cycles[slot(worn_pair, 0).start / PAGE_BYTES..][..4].to_vec();
        let before = pages(&part);
        for _ in 0..9 {
            save(&mut part, &mut store);
            (store, _) = open(&mut part, 4);
        }
        // A pair beside it that rots is mended, this one is not.
        let other = (worn_pair + 2) % 4;
        part.cells[slot(other, 1).start + 9] ^= 1;
        let rotten = part.cells[slot(other, 1)].to_vec();
        (store, _) = open(&mut part, 4);
        assert_ne!(part.cells[slot(other, 1)], rotten[..], "the mended pair");
        assert_eq!(store.retired_pairs(), 1);
        assert_eq!(pages(&part), before, "pair {worn_pair}");
    }
}

/// A counter as hardware has it.
#[derive(Clone, Copy, Default)]
struct Counter {
    value: u32,
    broken: bool,
}

impl MonotonicCounter for Counter {
    fn value(&self) -> u32 {
        self.value
    }

    fn increment(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError);
        }
        self.value += 1;
        Ok(())
    }
}

#[test]
fn an_image_from_before_an_attempt_is_known_for_old_where_the_hardware_counts() {
    let policy = usual_policy();
    let mut part = Part::new(BASE + region(2).bytes(PAGE_BYTES), PAGE_BYTES);
    let mut counter = Counter::default();
    let state = State::armed(&policy);
    let store = Store::format(&mut part, region(2), &QuickKey, &counter, &state).unwrap();
    let mut keeper = Keeper { state, store };
    let image = part.clone();
    for attempts in 0..3 {
        let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
        keeper.state = headlock_lock::served(&policy, keeper.state);
        assert_eq!(keeper.enter(&mut hardware, &policy, |_| false).0, Verdict::Wrong);
        let (again, found) = Keeper::start(&mut hardware, region(2), &policy);
        assert_eq!(found, Loaded::Intact(*keeper.store.last()), "{attempts}");
        keeper = again;
    }
    let mut replayed = image.clone();
    let (_, found) = Store::open(&mut replayed, region(2), &QuickKey, &counter, &policy);
    assert_eq!(found, failed_closed(None));
    // Failed closed once, it goes on from there.
    let (_, found) = Store::open(&mut replayed, region(2), &QuickKey, &counter, &policy);
    assert_eq!(found, Loaded::Intact(State::fail_closed(&policy, None)));
    // Without a counter nobody can tell, and the documents say so.
    let (_, found) = Store::open(&mut image.clone(), region(2), &QuickKey, &NoCounter, &policy);
    assert_eq!(found, Loaded::Intact(state));
}

#[test]
fn where_the_hardware_cannot_count_nothing_is_compared() {
    let policy = usual_policy();
    let (mut part, store) = saved(2, PAGE_BYTES, &[]);
    let mut counter = Counter { value: 0, broken: true };
    let mut keeper = Keeper { state: counted(0), store };
    let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
    let compared = keeper.enter(&mut hardware, &policy, |_| panic!("nothing may be compared"));
    assert_eq!(compared, (Verdict::Refused, Err(StoreError)));
    assert_eq!(keeper.state, counted(0), "an attempt that was not compared is not owed");
}

#[test]
fn only_a_charged_attempt_may_be_compared() {
    let (mut part, mut store) = saved(2, PAGE_BYTES, &[]);
    for state in [counted(1), waiting(1), State::fresh(&usual_policy())] {
        assert!(store.charge(&mut part, &QuickKey, &mut NoCounter, &state).is_err());
    }
}

#[test]
fn the_record_of_another_device_or_another_lock_is_none() {
    let key = |byte: usize| {
        let mut bytes = [7; 32];
        if let Some(byte) = bytes.get_mut(byte) {
            *byte ^= 1;
        }
        StoredKey::new(bytes)
    };
    let mut part = Part::new(2 * BASE + 2 * region(2).bytes(PAGE_BYTES), PAGE_BYTES);
    let state = counted(1);
    Store::format(&mut part, region(2), &key(32), &NoCounter, &state).unwrap();
    for byte in 0..32 {
        let found = Store::open(&mut part.clone(), region(2), &key(byte), &NoCounter, &usual_policy()).1;
        assert_eq!(found, failed_closed(None));
    }
    let elsewhere = BASE + region(2).bytes(PAGE_BYTES);
    let image = part.cells[BASE..elsewhere].to_vec();
    part.cells[elsewhere..elsewhere + image.len()].copy_from_slice(&image);
    let second = Region::new(elsewhere, 2).unwrap();
    assert_eq!(Store::open(&mut part.clone(), second, &key(32), &NoCounter, &usual_policy()).1, failed_closed(None));
    assert_eq!(Store::open(&mut part, region(2), &key(32), &NoCounter, &usual_policy()).1, Loaded::Intact(state));
}

#[test]
fn a_start_that_finds_nothing_amiss_reads_each_slot_once_and_the_newest_pair_again() {
    for pairs in [2, 5, 64] {
        let (mut part, _) = saved(pairs, PAGE_BYTES, &[counted(1), counted(2)]);
        (part.reads, part.written) = (0, 0);
        assert_eq!(open(&mut part, pairs).1, Loaded::Intact(counted(2)));
        assert_eq!((part.reads, part.written), (2 * u32::from(pairs) + 2, 0));
    }
}

#[test]
fn a_ring_that_does_not_begin_with_a_page_takes_nothing() {
    for (base, page_bytes, takes) in [(64, 64, true), (64, 128, false), (32, 32, true), (33, 32, false), (0, 24, false)]
    {
        let region = Region::new(base, 2).unwrap();
        let mut part = Part::new(1024 / page_bytes * page_bytes, page_bytes);
        let formatted = Store::format(&mut part, region, &QuickKey, &NoCounter, &counted(0));
        assert_eq!(formatted.is_ok(), takes, "{base} in pages of {page_bytes}");
        assert!(takes || part.written == 0);
    }
}

#[test]
fn a_ring_has_two_pairs_at_least_and_sixty_four_at_most() {
    assert_eq!([0, 1, 2, 64, 65].map(|pairs| Region::new(0, pairs).is_some()), [false, false, true, true, false]);
    assert_eq!(region(5).pairs(), 5);
    assert_eq!([8, 32, 64, 128].map(|page| region(5).bytes(page)), [640, 640, 640, 1280]);
}

#[test]
fn a_lock_that_failed_closed_waits_its_longest_finite_wait_and_then_takes_the_right_code() {
    let policy = usual_policy();
    let mut part = Part::new(BASE + region(2).bytes(PAGE_BYTES), PAGE_BYTES);
    part.cells.fill(0x5A);
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
    let (mut keeper, found) = Keeper::start(&mut hardware, region(2), &policy);
    let full = Span::Time { ms: 30 * MINUTE_MS };
    assert_eq!(found.state().phase, Phase::Waiting { full, left: full, begun: false });
    assert_eq!(step(&policy, keeper.state, Event::CodeEntered), (keeper.state, Effect::Refuse));
    let during = Conditions { ignition: Ignition::Off, unit_on: false };
    keeper.feed(&mut hardware, &policy, Event::Elapsed { ms: 30 * MINUTE_MS - 1, during });
    assert!(matches!(keeper.state.phase, Phase::Waiting { .. }));
    keeper.feed(&mut hardware, &policy, Event::Elapsed { ms: 1, during });
    assert_eq!(keeper.enter(&mut hardware, &policy, |_| true), (Verdict::Opened, Ok(())));
}

#[test]
fn a_wait_that_was_served_leaves_what_its_policy_says() {
    let tally = Tally { failed: 5, in_round: 2, rounds: 3, extras: 1 };
    let full = Span::Time { ms: MINUTE_MS };
    for (after_wait, left) in [
        (AfterWait::Keeps, tally),
        (AfterWait::ClearsAttempts, Tally { failed: 0, in_round: 0, ..tally }),
        (AfterWait::ClearsAll, Tally::default()),
    ] {
        let policy = Policy { after_wait, ..usual_policy() };
        let waits = State { phase: Phase::Waiting { full, left: full, begun: true }, tally, ..State::fresh(&policy) };
        let after = served(&policy, waits);
        assert_eq!((after.phase, after.tally), (Phase::Armed, left), "{after_wait:?}");
        for phase in [Phase::Armed, Phase::LockedOut, Phase::Open { for_ms: 5 }] {
            let state = State { phase, tally, ..State::fresh(&policy) };
            assert_eq!(served(&policy, state), state, "{phase:?} is no wait");
        }
    }
}

#[test]
fn a_charge_that_was_never_answered_is_not_counted_twice() {
    let policy = usual_policy();
    let (checking, _) = step(&policy, counted(1), Event::CodeEntered);
    assert_eq!((checking.phase, checking.tally.failed), (Phase::Checking, 2));
    assert_eq!(State::fail_closed(&policy, Some(&checking)).tally.failed, 2);
    // What may have been lost behind an armed state is one failure.
    assert_eq!(State::fail_closed(&policy, Some(&counted(2))).tally.failed, 3);
}

#[test]
fn who_loses_its_record_stands_where_the_next_failure_is_the_worst() {
    let ends = Policy {
        tries: Tries { locked_out_after_attempts: Some(7), ..usual_policy().tries },
        ..policy(&[Span::Time { ms: 0 }])
    };
    assert_eq!(State::fail_closed(&ends, None).tally.failed, 6);
    assert_eq!(State::fail_closed(&usual_policy(), None).tally.failed, 1, "the second failure brings the longest wait");
    let last = State { tally: Tally { failed: 3, ..Tally::default() }, ..State::armed(&ends) };
    assert_eq!(State::fail_closed(&ends, Some(&last)).tally.failed, 4, "what is lost may have been one failure");
    let brink = State { tally: Tally { failed: 6, ..Tally::default() }, ..last };
    assert_eq!(State::fail_closed(&ends, Some(&brink)).tally.failed, 6, "and never the last");
    let charged = State { phase: Phase::Checking, ..brink };
    assert_eq!(State::fail_closed(&ends, Some(&charged)).tally.failed, 6, "a charge is counted already");
    assert_eq!(State::fail_closed(&usual_policy(), Some(&waiting(5))).tally.failed, 3, "while it waited, too");
    assert_eq!(State::fail_closed(&ends, Some(&State::fresh(&ends))).tally.failed, 1, "while it played, too");
    let gone = State { phase: Phase::LockedOut, ..brink };
    assert_eq!(State::fail_closed(&ends, Some(&gone)), gone, "what was locked out stays so");
}

#[test]
fn a_lock_without_a_finite_wait_fails_closed_by_asking_for_its_code() {
    for waits in [&[][..], &[Span::Endless], &[Span::Reboots(2), Span::Time { ms: 0 }]] {
        assert_eq!(State::fail_closed(&policy(waits), None).phase, Phase::Armed);
    }
}

#[test]
fn no_policy_fails_open() {
    for seed in 0..100_000 {
        let mut chance = Chance::new(seed);
        let policy = chance.policy();
        let last = chance.flip().then(|| chance.first_state(&policy));
        let was_out = last.is_some_and(|last| last.phase == Phase::LockedOut);
        match State::fail_closed(&policy, last.as_ref()).phase {
            Phase::Armed | Phase::Waiting { .. } => {}
            Phase::LockedOut => assert!(was_out, "seed {seed}"),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}

fn fails_closed_for(rung: Rung) -> Option<u64> {
    let policy = Policy { ladder: Ladder::EMPTY.with(rung).unwrap(), ..usual_policy() };
    match State::fail_closed(&policy, None).phase {
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
fn a_quick_key_is_a_key() {
    assert_ne!(QuickKey.mac(&[b"a"]), QuickKey.mac(&[b"b"]));
    assert_ne!(QuickKey.mac(&[b"a", b"b"])[..16], [0; 16]);
}
