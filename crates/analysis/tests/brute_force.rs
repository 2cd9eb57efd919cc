//! The analyser against brute force: the shipped lock, driven second by second through everything that can be done, over random
//! policies, pulls, touched keys and a tool that clears counts included.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::thread;

use headlock_analysis::{Attacker, Budget, Graph, Tool};
use headlock_lock::{
    AfterWait, Arming, Clears, Clock, Conditions, EntryWhileWaiting, Event, ExtraAttempts, Feed, Forgiveness, Ignition,
    IgnitionSet, Interruption, Kind, Ladder, Phase, Policy, Rung, Scope, Span, State, SupplyCut, Tries, UnitNeed, step,
};
use headlock_profile::behaviour::Moment;

const POLICIES: u64 = 20_000;
const SECOND_MS: u64 = 1_000;
/// Beyond this nothing is compared.
const HORIZON_S: u64 = 14;
const GUESSES: usize = 6;
const LONGEST_S: u64 = 3;

/// A splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    fn small(&mut self, least: u16, most: u16) -> u16 {
        least + u16::try_from(self.below(u64::from(most - least) + 1)).unwrap()
    }

    fn time_ms(&mut self) -> u64 {
        (1 + self.below(LONGEST_S)) * SECOND_MS
    }

    fn perhaps(&mut self, n: u64) -> Option<u64> {
        self.one_in(n).then(|| self.below(LONGEST_S + 1) * SECOND_MS)
    }

    fn clock(&mut self) -> Clock {
        let ignition = match self.below(4) {
            0 => IgnitionSet::NONE.with(Ignition::Off),
            1 => IgnitionSet::NONE.with(Ignition::On).with(Ignition::Engine),
            _ => IgnitionSet::ANY,
        };
        let interruptions = [Interruption::Pause, Interruption::Restart, Interruption::Harmless];
        Clock {
            ignition,
            on_ignition: self.of(&interruptions),
            unit: self.of(&[UnitNeed::Any, UnitNeed::Any, UnitNeed::On, UnitNeed::Off]),
            on_unit: self.of(&interruptions),
            on_key: self.of(&interruptions),
            without_supply: self.one_in(4),
        }
    }

    fn policy(&mut self) -> Policy {
        let rounds = self.one_in(3);
        let mut ladder = Ladder::EMPTY;
        for _ in 0..self.below(4) {
            let scopes: &[Scope] =
                if rounds { &[Scope::Failures, Scope::FailuresInRound, Scope::Rounds] } else { &[Scope::Failures] };
            let wait = match self.below(8) {
                0 => Span::IgnitionCycles(u32::from(self.small(1, 3))),
                1 => Span::KeyCycles(u32::from(self.small(1, 3))),
                2 => Span::Reboots(u32::from(self.small(1, 2))),
                _ => Span::Time { ms: self.time_ms() },
            };
            let cap = if matches!(wait, Span::Time { .. }) { LONGEST_S * SECOND_MS } else { 4 };
            let rung =
                Rung { scope: self.of(scopes), from: self.small(1, 4), wait, factor: self.small(1, 2), cap: Some(cap) };
            ladder = ladder.with(rung).unwrap();
        }
        let (first_round, later_rounds) = if rounds { (self.small(1, 3), self.small(1, 3)) } else { (0, 0) };
        let mut forgiveness = [None; 2];
        for rule in forgiveness.iter_mut().take(usize::try_from(self.below(3)).unwrap()) {
            let clears = Clears {
                attempts: self.one_in(2),
                rounds: self.one_in(3),
                wait: self.one_in(3),
                locked_out: self.one_in(6),
            };
            *rule = Some(Forgiveness { after_ms: self.time_ms(), clock: self.clock(), clears });
        }
        let extra = if self.one_in(6) {
            ExtraAttempts {
                attempts: self.small(1, 2),
                times: self.small(1, 2),
                while_armed: self.one_in(2),
                while_waiting: self.one_in(2),
                while_locked_out: self.one_in(2),
            }
        } else {
            ExtraAttempts::NEVER
        };
        Policy {
            kind: Kind::Code,
            tries: Tries {
                first_round,
                later_rounds,
                locked_out_after_attempts: self.one_in(3).then(|| self.small(2, 6)),
                locked_out_after_rounds: (rounds && self.one_in(3)).then(|| self.small(1, 3)),
                extra,
            },
            ladder,
            clock: self.clock(),
            entry_while_waiting: EntryWhileWaiting::Refused,
            after_wait: self.of(&[AfterWait::Keeps, AfterWait::ClearsAttempts, AfterWait::ClearsAll]),
            forgiveness,
            supply_cut: SupplyCut {
                restarts_wait_ms: self.perhaps(3),
                ends_wait_ms: self.perhaps(4),
                restores_attempts_ms: self.perhaps(4),
                restores_rounds_ms: self.perhaps(6),
                ends_locked_out_ms: self.perhaps(8),
            },
            arming: Arming::NEVER,
        }
    }
}

/// The earliest second of each guess, by trying everything each second.
fn earliest(policy: &Policy, attacker: Attacker, clearing: &Clearing) -> Vec<Option<u64>> {
    let start = State { phase: Phase::Armed, ..State::fresh(policy) };
    let mut at: HashMap<(State, usize), u64> = HashMap::from([((start, 0), 0)]);
    // States are found by number: a heap cannot order them.
    let mut list = vec![(start, 0)];
    let mut queue = BinaryHeap::from([Reverse((0_u64, 0_usize))]);
    let mut found = vec![None; GUESSES];
    while let Some(Reverse((now_s, index))) = queue.pop() {
        let (state, guesses) = list[index];
        if at[&(state, guesses)] < now_s {
            continue;
        }
        let mut next = Vec::new();
        let feed = |event| step(policy, state, event).0;
        if matches!(state.phase, Phase::Armed) && guesses < GUESSES {
            found[guesses] = Some(found[guesses].map_or(now_s, |known: u64| known.min(now_s)));
            let touched = feed(Event::KeyTouched);
            let checking = step(policy, touched, Event::CodeEntered).0;
            next.push((step(policy, checking, Event::Mismatched).0, guesses + 1, 0));
        }
        for (ignition, unit_on) in [
            (Ignition::Off, false),
            (Ignition::Acc, false),
            (Ignition::Acc, true),
            (Ignition::On, false),
            (Ignition::On, true),
            (Ignition::Engine, false),
            (Ignition::Engine, true),
        ] {
            let during = Conditions { ignition, unit_on };
            next.push((feed(Event::Elapsed { ms: SECOND_MS, during }), guesses, 1));
        }
        next.push((feed(Event::IgnitionCycled), guesses, 1));
        next.push((feed(Event::KeyCycled), guesses, 1));
        next.push((feed(Event::ExtraAttempts), guesses, 1));
        next.push((feed(Event::KeyTouched), guesses, 1));
        if let (Attacker::Tools, Some(after)) = (attacker, clearing.used(policy, state)) {
            next.push((after, guesses, clearing.takes_s));
        }
        if attacker != Attacker::Untouched {
            for outage_s in 1..=LONGEST_S + 1 {
                for feed_cut in [Feed::Battery, Feed::Fuse] {
                    for unit_was_on in [false, true] {
                        let outage_ms = outage_s * SECOND_MS;
                        let back = feed(Event::SupplyRestored { outage_ms, feed: feed_cut, unit_was_on });
                        next.push((step(policy, back, Event::Rebooted).0, guesses, outage_s));
                    }
                }
            }
        }
        for (state, guesses, takes_s) in next {
            let then_s = now_s + takes_s;
            if then_s > HORIZON_S || guesses > GUESSES {
                continue;
            }
            let known = at.entry((state, guesses)).or_insert(u64::MAX);
            if then_s < *known {
                *known = then_s;
                list.push((state, guesses));
                queue.push(Reverse((then_s, list.len() - 1)));
            }
        }
    }
    found
}

/// A tool that clears some of what was counted, at some moments, after some seconds with the ignition on.
struct Clearing {
    takes_s: u64,
    works_while: Vec<Moment>,
    clears: Clears,
}

impl Clearing {
    fn of(chance: &mut Chance) -> Self {
        let all = [Moment::Armed, Moment::Waiting, Moment::LockedOut];
        let works_while = all.into_iter().filter(|_| chance.one_in(2)).collect();
        let clears = Clears {
            attempts: chance.one_in(2),
            rounds: chance.one_in(2),
            wait: chance.one_in(2),
            locked_out: chance.one_in(3),
        };
        Self { takes_s: chance.below(LONGEST_S + 1), works_while, clears }
    }

    fn works(&self, state: &State) -> bool {
        self.works_while.contains(&match state.phase {
            Phase::Open { .. } => Moment::Open,
            Phase::Armed | Phase::Checking => Moment::Armed,
            Phase::Waiting { .. } => Moment::Waiting,
            Phase::LockedOut => Moment::LockedOut,
        })
    }

    /// Where it leads, second by second; it has to work when it is begun and when it is done.
    fn used(&self, policy: &Policy, state: State) -> Option<State> {
        let during = Conditions { ignition: Ignition::On, unit_on: true };
        let second = |state, _| step(policy, state, Event::Elapsed { ms: SECOND_MS, during }).0;
        let then = (0..self.takes_s).fold(state, second);
        (self.works(&state) && self.works(&then)).then(|| step(policy, then, Event::Cleared(self.clears)).0)
    }

    fn tool(&self) -> Tool {
        Tool::plain("clears", self.takes_s * SECOND_MS, &self.works_while, &[Event::Cleared(self.clears)])
    }
}

fn agree(seed: u64) -> [u64; 3] {
    let mut chance = Chance(seed);
    let policy = chance.policy();
    let clearing = Clearing::of(&mut chance);
    let start = State { phase: Phase::Armed, ..State::fresh(&policy) };
    let mut ever = [0; 3];
    for (attacker, ever) in [Attacker::Untouched, Attacker::Pulls, Attacker::Tools].into_iter().zip(&mut ever) {
        let graph = match attacker {
            Attacker::Tools => Graph::explore_with(&policy, &[clearing.tool()], 0, &[start]).unwrap(),
            attacker => Graph::explore(&policy, attacker, 0, &[start]).unwrap(),
        };
        let budget = Budget::of(&graph);
        let brute = earliest(&policy, attacker, &clearing);
        for (n, by_brute_force) in (1..).zip(brute) {
            let at_s = budget.instant_ms(n).map(|ms| ms.div_ceil(SECOND_MS)).filter(|s| *s <= HORIZON_S);
            assert_eq!(at_s, by_brute_force, "seed {seed}, {attacker:?}, guess {n}: {policy:?}");
            *ever += at_s.unwrap_or(HORIZON_S + 1);
        }
    }
    [u64::from(ever[1] < ever[0]), u64::from(ever[2] < ever[1]), 1]
}

fn add(sum: [u64; 3], one: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|index| sum[index] + one[index])
}

#[test]
fn the_analyser_finds_what_brute_force_finds() {
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let sums: Vec<[u64; 3]> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mine = (thread..POLICIES).step_by(usize::try_from(threads).unwrap());
                    mine.map(agree).fold([0; 3], add)
                })
            })
            .collect();
        running.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let [pulled, cleared, all] = sums.into_iter().fold([0; 3], add);
    println!("{all} policies; pulling helps under {pulled}, and a tool beside it under {cleared}");
    assert!(all == POLICIES && pulled > POLICIES / 20 && cleared > POLICIES / 20);
}
