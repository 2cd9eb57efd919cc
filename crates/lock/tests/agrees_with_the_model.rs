//! The lock against a model that was written from the prose alone, over random policies and histories.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod model;

use std::collections::HashSet;
use std::thread;

use chance::{Chance, TEN_YEARS_MS};
use headlock_lock::{Conditions, Effect, Event, Phase, Policy, State, next_change_ms, step};
use model::Lock;

const HISTORIES: u64 = 1_000_000;
const HISTORIES_FOR_TIME: u64 = 200_000;
const EVENTS: usize = 30;
const EFFECTS: [Effect; 6] = [
    Effect::None,
    Effect::Persist,
    Effect::PersistThenCompare,
    Effect::PersistOpened,
    Effect::Refuse,
    Effect::PersistRefuse,
];

fn phase_kind(phase: &Phase) -> &'static str {
    match phase {
        Phase::Open { .. } => "open",
        Phase::Armed => "armed",
        Phase::Checking => "checking",
        Phase::Waiting { .. } => "waiting",
        Phase::LockedOut => "locked-out",
    }
}

fn event_kind(event: &Event) -> &'static str {
    match event {
        Event::SupplyRestored { .. } => "supply-restored",
        Event::Voltage { .. } => "voltage",
        Event::Reflashed => "reflashed",
        Event::VehicleSeen { .. } => "vehicle-seen",
        Event::CodeEntered => "code-entered",
        Event::Matched => "matched",
        Event::Mismatched => "mismatched",
        Event::PersistFailed => "persist-failed",
        Event::Elapsed { .. } => "elapsed",
        Event::KeyTouched => "key-touched",
        Event::IgnitionCycled => "ignition-cycled",
        Event::Rebooted => "rebooted",
        Event::KeyCycled => "key-cycled",
        Event::ExtraAttempts => "extra-attempts",
        Event::Cleared(_) => "cleared",
        Event::Released => "released",
        Event::Enabled(_) => "enabled",
        Event::OptedIn(_) => "opted-in",
        Event::CodeSet(_) => "code-set",
    }
}

#[derive(Default)]
struct Seen {
    pairs: HashSet<(&'static str, &'static str)>,
    effects: HashSet<Effect>,
}

/// A policy, a first state, and how the car mostly stands.
fn beginning(seed: u64) -> (Chance, Policy, State, Conditions) {
    let mut chance = Chance::new(seed);
    let policy = chance.policy();
    let state = chance.first_state(&policy);
    let usual = chance.conditions();
    (chance, policy, state, usual)
}

fn compare_one_history(seed: u64, history: &mut Vec<Event>, seen: &mut Seen) {
    let (mut chance, policy, first, usual) = beginning(seed);
    let mut state = first;
    let mut lock = Lock::new(&policy, &first);
    history.clear();
    for _ in 0..EVENTS {
        let event = chance.event(&policy, &state, usual);
        history.push(event);
        let (next, effect) = step(&policy, state, event);
        let expected_effect = lock.hear(event);
        let expected = lock.state();
        assert!(
            (next, effect) == (expected, expected_effect),
            "seed {seed}\n{policy:#?}\nfirst {first:?}\nhistory {history:#?}\nbefore   {state:?}\nexpected {expected:?} \
             {expected_effect:?}\nactual   {next:?} {effect:?}"
        );
        seen.pairs.insert((phase_kind(&state.phase), event_kind(&event)));
        seen.effects.insert(effect);
        state = next;
    }
}

#[test]
fn a_million_random_histories_go_as_the_model_says() {
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let seen = thread::scope(|scope| {
        let running: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    let mut history = Vec::with_capacity(EVENTS);
                    for seed in (worker..HISTORIES).step_by(usize::try_from(workers).unwrap()) {
                        compare_one_history(seed, &mut history, &mut seen);
                    }
                    seen
                })
            })
            .collect();
        let mut all = Seen::default();
        for worker in running {
            let seen = worker.join().unwrap();
            all.pairs.extend(seen.pairs);
            all.effects.extend(seen.effects);
        }
        all
    });
    assert_eq!(seen.pairs.len(), 5 * 19, "pairs that came up: {:?}", seen.pairs);
    assert_eq!(seen.effects, HashSet::from(EFFECTS));
}

fn changed(before: &State, after: &State) -> bool {
    phase_kind(&before.phase) != phase_kind(&after.phase) || before.tally != after.tally
}

#[test]
fn time_alone_changes_a_lock_exactly_when_it_says() {
    let mut predicted = [0_u64; 2];
    for seed in 0..HISTORIES_FOR_TIME {
        let (mut chance, policy, mut state, usual) = beginning(seed);
        for _ in 0..EVENTS {
            let during = chance.conditions();
            let passed = |ms| step(&policy, state, Event::Elapsed { ms, during }).0;
            let told = next_change_ms(&policy, &state, during);
            predicted[usize::from(told.is_some())] += 1;
            if let Some(n) = told {
                assert!(n > 0, "seed {seed}: a change after no time\n{policy:#?}\n{state:?} {during:?}");
                let mut forgiving = Lock::new(&policy, &state);
                forgiving.hear(Event::Elapsed { ms: n, during });
                assert!(
                    changed(&state, &passed(n)) || forgiving.forgave(),
                    "seed {seed}: nothing changed after {n}\n{policy:#?}\n{state:?} {during:?}"
                );
                for less in [n - 1, chance.below(n)] {
                    assert!(
                        !changed(&state, &passed(less)),
                        "seed {seed}: changed after {less}, before {n}\n{policy:#?}\n{state:?} {during:?}"
                    );
                }
            } else {
                for ms in [TEN_YEARS_MS, u64::MAX] {
                    assert!(
                        !changed(&state, &passed(ms)),
                        "seed {seed}: changed after {ms}, though never\n{policy:#?}\n{state:?} {during:?}"
                    );
                }
            }
            let event = chance.event(&policy, &state, usual);
            (state, _) = step(&policy, state, event);
        }
    }
    assert!(predicted.iter().all(|n| *n > 100_000), "one answer was rare: {predicted:?}");
}

#[test]
fn time_in_two_parts_is_time_at_once_until_the_next_change() {
    for seed in 0..HISTORIES_FOR_TIME {
        let (mut chance, policy, mut state, usual) = beginning(seed);
        for _ in 0..EVENTS {
            let during = chance.conditions();
            let passed = |from, ms| step(&policy, from, Event::Elapsed { ms, during }).0;
            let ms = next_change_ms(&policy, &state, during).unwrap_or(TEN_YEARS_MS);
            let part = chance.below(ms) + 1;
            let (parts, at_once) = (passed(passed(state, part), ms - part), passed(state, ms));
            // At the instant itself a rule left without anything to forgive may keep a different rest, and one that
            // comes after a rule which ends the lockout counts all of the time or none.
            if state.phase != Phase::LockedOut {
                assert_eq!(
                    State { quiet_ms: at_once.quiet_ms, ..parts },
                    at_once,
                    "seed {seed}: {part} of {ms}\n{policy:#?}\n{state:?} {during:?}"
                );
            }
            let part = chance.below(part);
            let before = part + chance.below(ms - part);
            assert_eq!(passed(passed(state, part), before - part), passed(state, before), "seed {seed}");
            let event = chance.event(&policy, &state, usual);
            (state, _) = step(&policy, state, event);
        }
    }
}
