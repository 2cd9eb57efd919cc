//! Every cut at every byte: whatever tears, the lock stands as it stood or as it was charged.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::thread;

use headlock_lock::{
    AfterWait, Arming, Clears, Clock, Conditions, EntryWhileWaiting, Event, ExtraAttempts, Feed, Hardware, Ignition,
    Keeper, Kind, Ladder, Loaded, NoCounter, Phase, Policy, Region, Rung, Scope, Span, State, Store, SupplyCut, Tries,
    Verdict, served, step,
};
use part::{Part, QuickKey, TEARS, Tear};

const DEPTH: usize = 6;
const MINUTE_MS: u64 = 60_000;
const PAGE_BYTES: usize = 32;
const BEYOND: u32 = 100_000;

/// Three free attempts, then ten minutes after each, five and no more.
fn ladder() -> Policy {
    let rung = Rung { scope: Scope::Failures, from: 3, wait: Span::Time { ms: 10 * MINUTE_MS }, factor: 1, cap: None };
    Policy {
        kind: Kind::Code,
        tries: Tries {
            first_round: 0,
            later_rounds: 0,
            locked_out_after_attempts: Some(5),
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder: Ladder::EMPTY.with(rung).unwrap(),
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Refused,
        after_wait: AfterWait::Keeps,
        forgiveness: [None; 2],
        supply_cut: SupplyCut::NOTHING,
        arming: Arming { battery_ms: Some(0), reflash: true, ..Arming::NEVER },
    }
}

/// A wait of an hour after every second failure, which also restarts when the supply is cut, and no end.
fn rounds() -> Policy {
    let rung = Rung { scope: Scope::Rounds, from: 1, wait: Span::Time { ms: 60 * MINUTE_MS }, factor: 2, cap: None };
    Policy {
        tries: Tries { first_round: 2, later_rounds: 2, locked_out_after_attempts: None, ..ladder().tries },
        ladder: Ladder::EMPTY.with(rung).unwrap(),
        supply_cut: SupplyCut { restarts_wait_ms: Some(0), ..SupplyCut::NOTHING },
        arming: Arming { reflash: true, ..Arming::NEVER },
        ..ladder()
    }
}

/// What is done to the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Wrong,
    Right,
    /// So much of a wait passes that it is written.
    Minute,
    /// A wait passes whole.
    Wait,
    /// The supply goes and comes back.
    Restart,
    /// A tester clears what was counted.
    Clear,
    /// What makes an open unit ask for its code.
    Arm,
}

const OPERATIONS: [Operation; 7] = [
    Operation::Wrong,
    Operation::Right,
    Operation::Minute,
    Operation::Wait,
    Operation::Restart,
    Operation::Clear,
    Operation::Arm,
];

/// What a run was seen to do.
#[derive(Default)]
struct Trace {
    /// The states that were written, in order, the last perhaps not whole.
    saved: Vec<State>,
    /// A code was compared.
    compared: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Unit {
    part: Part,
    keeper: Keeper,
}

impl Unit {
    fn new(policy: &Policy) -> Self {
        let region = Region::new(0, 2).unwrap();
        let mut part = Part::new(region.bytes(PAGE_BYTES), PAGE_BYTES);
        let state = State::armed(policy);
        let store = Store::format(&mut part, region, &QuickKey, &NoCounter, &state).unwrap();
        Self { part, keeper: Keeper { state, store } }
    }

    fn run(&mut self, policy: &Policy, operation: Operation) -> Trace {
        let mut trace = Trace::default();
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut self.part, key: &QuickKey, counter: &mut counter };
        let during = Conditions { ignition: Ignition::On, unit_on: true };
        match operation {
            Operation::Wrong | Operation::Right => {
                let (charged, _) = step(policy, self.keeper.state, Event::CodeEntered);
                let mut asked = false;
                let _ = self.keeper.enter(&mut hardware, policy, |_| {
                    asked = true;
                    operation == Operation::Right
                });
                trace.saved.push(charged);
                trace.compared = asked;
                trace.saved.push(self.keeper.state);
            }
            Operation::Minute => {
                self.keeper.feed(&mut hardware, policy, Event::Elapsed { ms: MINUTE_MS, during });
                trace.saved.push(self.keeper.state);
            }
            Operation::Wait => {
                self.keeper.feed(&mut hardware, policy, Event::Elapsed { ms: 48 * 60 * MINUTE_MS, during });
                trace.saved.push(self.keeper.state);
            }
            Operation::Restart => trace.saved.extend(self.boot(policy).saved),
            Operation::Clear => {
                let clears = Clears { attempts: true, rounds: true, wait: true, locked_out: true };
                self.keeper.feed(&mut hardware, policy, Event::Cleared(clears));
                trace.saved.push(self.keeper.state);
            }
            Operation::Arm => {
                self.keeper.feed(&mut hardware, policy, Event::Reflashed);
                trace.saved.push(self.keeper.state);
            }
        }
        trace
    }

    /// A start, and what it wrote beside what it found. Panics where it fails closed: no cut may lead to that.
    fn boot(&mut self, policy: &Policy) -> Trace {
        let mut trace = Trace::default();
        self.part.supply_back_keeping_cut();
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut self.part, key: &QuickKey, counter: &mut counter };
        let (keeper, loaded) = Keeper::start(&mut hardware, Region::new(0, 2).unwrap(), policy);
        assert!(matches!(loaded, Loaded::Intact(_)), "a cut alone never fails closed");
        self.keeper = keeper;
        let restored = Event::SupplyRestored { outage_ms: 0, feed: Feed::Battery, unit_was_on: true };
        self.keeper.feed(&mut hardware, policy, restored);
        trace.saved.push(loaded.state());
        trace.saved.push(self.keeper.state);
        trace
    }

    /// What two units share that behave the same from now on: a slot that is no record is as good as any other that is none.
    fn essence(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}", self.keeper).hash(&mut hasher);
        for slot in self.part.cells.chunks(headlock_lock::RECORD_BYTES) {
            is_record(slot).then_some(slot).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn is_record(slot: &[u8]) -> bool {
    use headlock_lock::DeviceKey;
    let (body, tag) = slot.split_at(50);
    QuickKey.mac(&[b"headlock record 2", &0_u64.to_le_bytes(), body])[..14] == *tag
}

/// A state as a start leaves it.
fn restored(policy: &Policy, state: State) -> State {
    step(policy, state, Event::SupplyRestored { outage_ms: 0, feed: Feed::Battery, unit_was_on: true }).0
}

/// Every tear for the byte at `at`, of which the first cut showed what it was and was to be.
fn tears(torn: (usize, u8, u8)) -> Vec<Tear> {
    let (at, old, new) = torn;
    let offset = at % headlock_lock::RECORD_BYTES;
    // Sequence, epoch, retired pairs and tally: what counts anything.
    let counts = (2..26).contains(&offset);
    let changed = old ^ new;
    let subsets = (0..=u8::MAX).filter(|mask| counts && mask & !changed == 0).map(Tear::Bits);
    TEARS.into_iter().chain(subsets).collect()
}

struct Tally {
    cuts: u64,
    nested: u64,
    units: u64,
}

/// From each unit every operation, cut at each byte in every way, and each start after it cut in every way again.
fn explore(policy: &Policy, depth: usize) -> Tally {
    let mut tally = Tally { cuts: 0, nested: 0, units: 0 };
    let mut seen = HashSet::new();
    let mut front = vec![Unit::new(policy)];
    for _ in 0..depth {
        let half = front.len().div_ceil(2);
        let parts: Vec<(Vec<Unit>, Tally)> = thread::scope(|scope| {
            let running: Vec<_> = front
                .chunks(half)
                .map(|units| {
                    scope.spawn(move || {
                        let mut tally = Tally { cuts: 0, nested: 0, units: 0 };
                        let next = units
                            .iter()
                            .flat_map(|unit| OPERATIONS.map(|operation| (unit, operation)))
                            .flat_map(|(unit, operation)| cut_everywhere(policy, unit, operation, &mut tally))
                            .collect();
                        (next, tally)
                    })
                })
                .collect();
            running.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        tally.units += front.len() as u64;
        front = Vec::new();
        for (units, part) in parts {
            tally.cuts += part.cuts;
            tally.nested += part.nested;
            front.extend(units.into_iter().filter(|unit| seen.insert(unit.essence())));
        }
    }
    tally
}

/// One operation on one unit: what comes of it whole, and of each cut; each unit that comes of one, once.
fn cut_everywhere(policy: &Policy, unit: &Unit, operation: Operation, tally: &mut Tally) -> Vec<Unit> {
    let mut whole = unit.clone();
    whole.part.written = 0;
    let trace = whole.run(policy, operation);
    let bytes = whole.part.written;
    let mut known = HashSet::from([whole.essence()]);
    let mut out = vec![whole];
    let mut tried = HashSet::new();
    // The record that stands, and every one that is to follow it.
    let allowed: Vec<State> =
        std::iter::once(*unit.keeper.store.last()).chain(trace.saved).map(|state| restored(policy, state)).collect();
    for at in 0..bytes {
        let mut first = unit.clone();
        first.part.cut = Some((at, Tear::Old));
        first.run(policy, operation);
        for tear in tears(first.part.torn.unwrap()) {
            let mut torn = unit.clone();
            torn.part.cut = Some((at, tear));
            let cut = torn.run(policy, operation);
            assert!(torn.part.dead);
            tally.cuts += 1;
            torn.part.supply_back();
            if !tried.insert((torn.essence(), cut.compared)) {
                continue;
            }
            let name = || format!("{operation:?} cut at {at}, {tear:?}");
            for booted in boot_everywhere(policy, &torn, tally) {
                let state = booted.keeper.state;
                assert!(allowed.contains(&state), "{}: {state:?} is none of {allowed:?}", name());
                // Once a code was compared, the record before the attempt is gone for good.
                assert!(!cut.compared || allowed[1..].contains(&state), "{}: a free guess", name());
                opens(policy, &booted);
                if known.insert(booted.essence()) {
                    out.push(booted);
                }
            }
        }
    }
    out
}

/// A start, and every start that is itself cut, each followed by one that is not.
fn boot_everywhere(policy: &Policy, torn: &Unit, tally: &mut Tally) -> Vec<Unit> {
    let mut whole = torn.clone();
    whole.part.written = 0;
    whole.boot(policy);
    let bytes = whole.part.written;
    let found = whole.keeper.state;
    let mut out = vec![whole];
    let mut known = HashSet::new();
    for at in 0..bytes {
        let mut first = torn.clone();
        first.part.cut = Some((at, Tear::Old));
        first.boot(policy);
        for tear in tears(first.part.torn.unwrap()) {
            let mut again = torn.clone();
            again.part.cut = Some((at, tear));
            again.boot(policy);
            assert!(again.part.dead);
            tally.nested += 1;
            again.part.supply_back();
            if !known.insert(again.essence()) {
                continue;
            }
            again.boot(policy);
            assert_eq!(again.keeper.state, found, "what a start has found no later start denies");
            out.push(again);
        }
    }
    out
}

/// The owner's code opens it after its wait, unless it is locked out for good.
fn opens(policy: &Policy, unit: &Unit) {
    let mut unit = unit.clone();
    if matches!(unit.keeper.state.phase, Phase::LockedOut | Phase::Open { .. }) {
        return;
    }
    unit.keeper.state = served(policy, unit.keeper.state);
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory: &mut unit.part, key: &QuickKey, counter: &mut counter };
    assert_eq!(unit.keeper.enter(&mut hardware, policy, |_| true), (Verdict::Opened, Ok(())));
}

#[test]
fn no_cut_rolls_back_nor_bricks_under_a_ladder_with_an_end() {
    let tally = explore(&ladder(), DEPTH);
    println!("{} units, {} cuts, {} cuts of a start", tally.units, tally.cuts, tally.nested);
    assert!(tally.cuts > u64::from(BEYOND) && tally.nested > u64::from(BEYOND));
}

#[test]
fn no_cut_rolls_back_nor_bricks_under_rounds_whose_wait_restarts() {
    let tally = explore(&rounds(), DEPTH);
    println!("{} units, {} cuts, {} cuts of a start", tally.units, tally.cuts, tally.nested);
    assert!(tally.cuts > u64::from(BEYOND) && tally.nested > u64::from(BEYOND));
}
