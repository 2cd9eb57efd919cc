//! Random policies, states and events, the same ones in every run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "not every test that includes it needs everything")]

use headlock_lock::{
    AfterWait, Arming, AtCut, Clears, Clock, Conditions, Config, EntryWhileWaiting, Event, ExtraAttempts, Feed,
    Forgiveness, Ignition, IgnitionSet, Interruption, Kind, Ladder, MAX_RUNGS, Phase, Policy, Rung, Scope, Span, State,
    SupplyCut, Tally, Tries, UnitNeed, next_change_ms,
};

pub(crate) const IGNITIONS: [Ignition; 4] = [Ignition::Off, Ignition::Acc, Ignition::On, Ignition::Engine];
pub(crate) const TEN_YEARS_MS: u64 = 3_653 * 86_400_000;

const INTERRUPTIONS: [Interruption; 3] = [Interruption::Pause, Interruption::Restart, Interruption::Harmless];
const SCOPES: [Scope; 3] = [Scope::Failures, Scope::FailuresInRound, Scope::Rounds];
const TIMES_MS: [u64; 12] = [0, 1, 300, 700, 1_000, 5_000, 59_999, 60_000, 60_001, 120_000, 150_000, 600_000];

/// A splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    pub(crate) fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.percent(50)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    fn small(&mut self, least: u16, most: u16) -> u16 {
        least + u16::try_from(self.below(u64::from(most - least) + 1)).unwrap()
    }

    fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.percent(percent).then(|| make(self))
    }

    fn time(&mut self) -> u64 {
        match self.below(40) {
            0 => u64::MAX - self.below(3),
            1 => TEN_YEARS_MS,
            2..10 => self.below(200_000),
            _ => self.one_of(&TIMES_MS),
        }
    }

    pub(crate) fn conditions(&mut self) -> Conditions {
        Conditions { ignition: self.one_of(&IGNITIONS), unit_on: self.flip() }
    }

    fn clears(&mut self) -> Clears {
        Clears { attempts: self.flip(), rounds: self.flip(), wait: self.flip(), locked_out: self.flip() }
    }

    fn clock(&mut self) -> Clock {
        let mut ignition = self.one_of(&[IgnitionSet::ANY, IgnitionSet::NONE, IgnitionSet::NONE]);
        for position in IGNITIONS {
            if self.flip() {
                ignition = ignition.with(position);
            }
        }
        Clock {
            ignition,
            on_ignition: self.one_of(&INTERRUPTIONS),
            unit: self.one_of(&[UnitNeed::Any, UnitNeed::Any, UnitNeed::On, UnitNeed::Off]),
            on_unit: self.one_of(&INTERRUPTIONS),
            on_key: self.one_of(&INTERRUPTIONS),
            without_supply: self.flip(),
        }
    }

    fn span(&mut self) -> Span {
        let cycles = if self.percent(3) { u32::MAX } else { u32::from(self.small(0, 3)) };
        match self.below(10) {
            0 => Span::IgnitionCycles(cycles),
            1 => Span::Reboots(cycles),
            2 => Span::KeyCycles(cycles),
            3 => Span::Endless,
            _ => Span::Time { ms: self.time() },
        }
    }

    fn ladder(&mut self) -> Ladder {
        let rungs = if self.percent(5) { MAX_RUNGS as u64 } else { self.below(5) };
        let mut ladder = Ladder::EMPTY;
        for _ in 0..rungs {
            let rung = Rung {
                scope: self.one_of(&SCOPES),
                from: self.small(1, 4),
                wait: self.span(),
                factor: if self.percent(3) { u16::MAX } else { self.small(1, 3) },
                cap: self.maybe(30, |chance| if chance.flip() { chance.time() } else { chance.below(5) }),
            };
            ladder = ladder.with(rung).unwrap();
        }
        ladder
    }

    pub(crate) fn policy(&mut self) -> Policy {
        let mut kind = Kind::Code;
        if self.flip() {
            kind = self.one_of(&[Kind::None, Kind::Code, Kind::Pairing, Kind::PairingOrCode, Kind::Tool]);
        }
        Policy {
            kind,
            tries: Tries {
                first_round: self.small(0, 4),
                later_rounds: self.small(0, 3),
                locked_out_after_attempts: self.maybe(30, |chance| chance.small(0, 6)),
                locked_out_after_rounds: self.maybe(30, |chance| chance.small(1, 4)),
                extra: if self.percent(30) {
                    ExtraAttempts::NEVER
                } else {
                    ExtraAttempts {
                        attempts: self.small(0, 4),
                        times: self.small(0, 3),
                        while_armed: self.flip(),
                        while_waiting: self.flip(),
                        while_locked_out: self.flip(),
                    }
                },
            },
            ladder: self.ladder(),
            clock: if self.percent(20) { Clock::SUPPLY_ALONE } else { self.clock() },
            entry_while_waiting: self.one_of(&[
                EntryWhileWaiting::Ignored,
                EntryWhileWaiting::Refused,
                EntryWhileWaiting::RestartsWait,
                EntryWhileWaiting::Charged,
            ]),
            after_wait: self.one_of(&[AfterWait::Keeps, AfterWait::ClearsAttempts, AfterWait::ClearsAll]),
            forgiveness: std::array::from_fn(|_| {
                self.maybe(60, |chance| Forgiveness {
                    after_ms: chance.time(),
                    clock: chance.clock(),
                    clears: chance.clears(),
                })
            }),
            supply_cut: SupplyCut {
                restarts_wait_ms: self.maybe(40, Self::time),
                ends_wait_ms: self.maybe(30, Self::time),
                restores_attempts_ms: self.maybe(30, Self::time),
                restores_rounds_ms: self.maybe(30, Self::time),
                ends_locked_out_ms: self.maybe(30, Self::time),
            },
            arming: Arming {
                battery_ms: self.maybe(60, Self::time),
                fuse_ms: self.maybe(60, Self::time),
                removal_ms: self.maybe(60, Self::time),
                at_cut: self.one_of(&[AtCut::Any, AtCut::UnitOn, AtCut::UnitOff]),
                low_voltage_mv: self.maybe(50, |chance| u32::from(chance.small(5, 9)) * 1_000),
                surge_mv: self.maybe(50, |chance| u32::from(chance.small(15, 17)) * 1_000),
                reflash: self.flip(),
                other_vehicle: self.flip(),
                calendar_ms: self.maybe(40, Self::time),
                opt_in: self.percent(30),
            },
        }
    }

    fn counter(&mut self) -> u16 {
        match self.below(20) {
            0 => u16::MAX - self.small(0, 1),
            1 => self.small(60, 90),
            2..8 => 0,
            _ => self.small(0, 6),
        }
    }

    pub(crate) fn any_state(&mut self) -> State {
        let phase = match self.below(5) {
            0 => Phase::Open { for_ms: self.time() },
            1 => Phase::Armed,
            2 => Phase::Checking,
            3 => self.waiting(),
            _ => Phase::LockedOut,
        };
        State {
            phase,
            tally: Tally {
                failed: self.counter(),
                in_round: self.counter(),
                rounds: self.counter(),
                extras: self.counter(),
            },
            config: Config { enabled: self.percent(85), opted_in: self.percent(85), code_set: self.percent(85) },
            quiet_ms: std::array::from_fn(|_| if self.flip() { 0 } else { self.time() }),
        }
    }

    fn waiting(&mut self) -> Phase {
        let full = match self.span() {
            Span::Time { ms } => Span::Time { ms: ms.max(1) },
            Span::IgnitionCycles(n) => Span::IgnitionCycles(n.max(1)),
            Span::Reboots(n) => Span::Reboots(n.max(1)),
            Span::KeyCycles(n) => Span::KeyCycles(n.max(1)),
            Span::Endless => Span::Endless,
        };
        let begun = full != Span::Endless && self.flip();
        let left = match full {
            Span::Time { ms } if begun => Span::Time { ms: 1 + self.below(ms) },
            Span::IgnitionCycles(n) if begun => Span::IgnitionCycles(1.max(n - 1)),
            Span::Reboots(n) if begun => Span::Reboots(1.max(n - 1)),
            Span::KeyCycles(n) if begun => Span::KeyCycles(1.max(n - 1)),
            _ => full,
        };
        Phase::Waiting { full, left, begun }
    }

    pub(crate) fn first_state(&mut self, policy: &Policy) -> State {
        match self.below(10) {
            0 => State::fail_closed(policy, None),
            1..3 => State::fresh(policy),
            3..6 => State::armed(policy),
            _ => self.any_state(),
        }
    }

    fn around(&mut self, ms: u64) -> u64 {
        match self.below(4) {
            0 => ms.saturating_sub(1),
            1 => ms.saturating_add(1),
            _ => ms,
        }
    }

    /// A time that may matter to this state: what is left of something, or any other.
    fn span_of_time(&mut self, policy: &Policy, state: &State, during: Conditions) -> u64 {
        let exact = match self.below(6) {
            0 | 1 => next_change_ms(policy, state, during),
            2 => match state.phase {
                Phase::Waiting { left: Span::Time { ms }, .. } => Some(ms),
                Phase::Open { for_ms } => policy.arming.calendar_ms.map(|after| after.saturating_sub(for_ms)),
                _ => None,
            },
            3 => {
                let at = usize::from(self.flip());
                policy.forgiveness[at].map(|rule| rule.after_ms.saturating_sub(state.quiet_ms[at]))
            }
            _ => None,
        };
        match exact {
            Some(ms) => self.around(ms),
            None => match self.below(12) {
                0 => 0,
                1 => 1,
                2 => TEN_YEARS_MS,
                3 => u64::MAX,
                4..8 => self.below(2_000),
                _ => self.time(),
            },
        }
    }

    fn outage(&mut self, policy: &Policy, state: &State, feed: Feed) -> u64 {
        let SupplyCut { restarts_wait_ms, ends_wait_ms, restores_attempts_ms, restores_rounds_ms, ends_locked_out_ms } =
            policy.supply_cut;
        let shortest = match feed {
            Feed::Battery => policy.arming.battery_ms,
            Feed::Fuse => policy.arming.fuse_ms,
            Feed::Removal => policy.arming.removal_ms,
        };
        let threshold = self.one_of(&[
            restarts_wait_ms,
            ends_wait_ms,
            restores_attempts_ms,
            restores_rounds_ms,
            ends_locked_out_ms,
            shortest,
            shortest,
        ]);
        match threshold {
            Some(ms) if self.percent(60) => self.around(ms),
            _ => {
                let during = self.conditions();
                self.span_of_time(policy, state, during)
            }
        }
    }

    /// The next event of a history; `usual` is how the car stands most of the time.
    pub(crate) fn event(&mut self, policy: &Policy, state: &State, usual: Conditions) -> Event {
        if matches!(state.phase, Phase::Checking) && self.percent(80) {
            return match self.below(10) {
                0 => Event::Matched,
                1 => Event::PersistFailed,
                _ => Event::Mismatched,
            };
        }
        match self.below(40) {
            0..10 => Event::CodeEntered,
            10..20 => {
                let during = if self.percent(80) { usual } else { self.conditions() };
                Event::Elapsed { ms: self.span_of_time(policy, state, during), during }
            }
            20..24 => {
                let feed = self.one_of(&[Feed::Battery, Feed::Fuse, Feed::Removal]);
                Event::SupplyRestored { outage_ms: self.outage(policy, state, feed), feed, unit_was_on: self.flip() }
            }
            24 => {
                let mv = self.one_of(&[policy.arming.low_voltage_mv, policy.arming.surge_mv]).unwrap_or(12_000);
                Event::Voltage { mv: self.one_of(&[mv - 1, mv, mv + 1, 0, u32::MAX]) }
            }
            25 => Event::Reflashed,
            26 => Event::VehicleSeen { home: self.flip() },
            27 => Event::Matched,
            28 => Event::Mismatched,
            29 => Event::PersistFailed,
            30 => Event::KeyTouched,
            31 => Event::IgnitionCycled,
            32 => Event::Rebooted,
            33 => Event::KeyCycled,
            34 | 35 => Event::ExtraAttempts,
            36 => Event::Cleared(self.clears()),
            37 => Event::Released,
            38 => Event::Enabled(self.percent(75)),
            _ => {
                let on = self.percent(80);
                if self.flip() { Event::OptedIn(on) } else { Event::CodeSet(on) }
            }
        }
    }
}
