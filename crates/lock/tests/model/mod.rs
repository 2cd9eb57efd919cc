//! The lock as `docs/lock.md` tells it: one mutable thing, and a list of rules of which the first that fits acts.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "not every test that includes the model asks it everything")]

use headlock_lock::{
    AfterWait, AtCut, Clears, Clock, Conditions, Config, Effect, EntryWhileWaiting, Event, Feed, Forgiveness, Ignition,
    Interruption, Kind, Phase, Policy, Scope, Span, State, Tally, UnitNeed,
};

const MOST: u32 = 65_535;
const LONGEST: u128 = u64::MAX as u128;
const MOST_CYCLES: u128 = u32::MAX as u128;

/// A lock that changes in place.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    policy: Policy,
    place: Place,
    open_for: u128,
    wait: Option<Wait>,
    failed: u32,
    in_round: u32,
    rounds: u32,
    extras: u32,
    enabled: bool,
    opted_in: bool,
    code_set: bool,
    quiet: Vec<u128>,
    asked: Effect,
    forgave: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Open,
    Armed,
    Checking,
    Waiting,
    LockedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Ignitions,
    Reboots,
    Keys,
    Forever,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    unit: Unit,
    full: u128,
    left: u128,
    begun: bool,
}

impl Wait {
    fn of(span: Span) -> Self {
        let (unit, full) = measure(span);
        Self { unit, full, left: full, begun: false }
    }

    fn start_again(&mut self) {
        self.left = self.full;
        self.begun = false;
    }
}

fn measure(span: Span) -> (Unit, u128) {
    match span {
        Span::Time { ms } => (Unit::Milliseconds, u128::from(ms)),
        Span::IgnitionCycles(n) => (Unit::Ignitions, u128::from(n)),
        Span::Reboots(n) => (Unit::Reboots, u128::from(n)),
        Span::KeyCycles(n) => (Unit::Keys, u128::from(n)),
        Span::Endless => (Unit::Forever, 1),
    }
}

fn spanned(unit: Unit, amount: u128) -> Span {
    let cycles = u32::try_from(amount.min(MOST_CYCLES)).unwrap();
    match unit {
        Unit::Milliseconds => Span::Time { ms: narrow(amount) },
        Unit::Ignitions => Span::IgnitionCycles(cycles),
        Unit::Reboots => Span::Reboots(cycles),
        Unit::Keys => Span::KeyCycles(cycles),
        Unit::Forever => Span::Endless,
    }
}

fn narrow(ms: u128) -> u64 {
    u64::try_from(ms.min(LONGEST)).unwrap()
}

fn one_more(counter: &mut u32) {
    *counter = MOST.min(*counter + 1);
}

fn fewer(counter: &mut u32, by: u32) {
    *counter = counter.saturating_sub(by);
}

fn reached(count: u32, limit: Option<u16>) -> bool {
    limit.is_some_and(|limit| count >= u32::from(limit))
}

fn lasted(outage: u128, threshold: Option<u64>) -> bool {
    threshold.is_some_and(|threshold| outage >= u128::from(threshold))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    Counts,
    Restarts,
    Stands,
}

fn hand(clock: Clock, during: Conditions, begun: bool) -> Hand {
    let wishes = [
        (clock.ignition.contains(during.ignition), clock.on_ignition),
        (clock.unit == UnitNeed::Any || (clock.unit == UnitNeed::On) == during.unit_on, clock.on_unit),
    ];
    let mut broken = wishes.iter().filter(|(holds, _)| !holds).map(|(_, says)| *says);
    if broken.clone().next().is_none() {
        Hand::Counts
    } else if broken.clone().any(|says| says == Interruption::Restart) {
        Hand::Restarts
    } else if begun && broken.all(|says| says == Interruption::Harmless) {
        Hand::Counts
    } else {
        Hand::Stands
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Supply,
    Voltage,
    Reflashed,
    Vehicle,
    CodeEntered,
    Matched,
    Mismatched,
    PersistFailed,
    Elapsed,
    KeyTouched,
    Ignition,
    Reboot,
    KeyCycle,
    Extra,
    Cleared,
    Released,
    Enabled,
    OptedIn,
    CodeSet,
}

/// An event with all that any event may carry.
#[derive(Clone, Copy)]
struct Heard {
    word: Word,
    yes: bool,
    ms: u128,
    millivolts: u32,
    feed: Feed,
    during: Conditions,
    what: Clears,
}

fn heard(event: Event) -> Heard {
    let mut heard = Heard {
        word: Word::Released,
        yes: false,
        ms: 0,
        millivolts: 0,
        feed: Feed::Battery,
        during: Conditions { ignition: Ignition::Off, unit_on: false },
        what: Clears::NOTHING,
    };
    heard.word = match event {
        Event::SupplyRestored { outage_ms, feed, unit_was_on } => {
            (heard.ms, heard.feed, heard.yes) = (u128::from(outage_ms), feed, unit_was_on);
            Word::Supply
        }
        Event::Voltage { mv } => {
            heard.millivolts = mv;
            Word::Voltage
        }
        Event::VehicleSeen { home } => {
            heard.yes = home;
            Word::Vehicle
        }
        Event::Elapsed { ms, during } => {
            (heard.ms, heard.during) = (u128::from(ms), during);
            Word::Elapsed
        }
        Event::Cleared(what) => {
            heard.what = what;
            Word::Cleared
        }
        Event::Enabled(on) => {
            heard.yes = on;
            Word::Enabled
        }
        Event::OptedIn(on) => {
            heard.yes = on;
            Word::OptedIn
        }
        Event::CodeSet(on) => {
            heard.yes = on;
            Word::CodeSet
        }
        Event::Reflashed => Word::Reflashed,
        Event::CodeEntered => Word::CodeEntered,
        Event::Matched => Word::Matched,
        Event::Mismatched => Word::Mismatched,
        Event::PersistFailed => Word::PersistFailed,
        Event::KeyTouched => Word::KeyTouched,
        Event::IgnitionCycled => Word::Ignition,
        Event::Rebooted => Word::Reboot,
        Event::KeyCycled => Word::KeyCycle,
        Event::ExtraAttempts => Word::Extra,
        Event::Released => Word::Released,
    };
    heard
}

struct Rule {
    on: Word,
    within: &'static [Place],
    provided: fn(&Lock, &Heard) -> bool,
    then: fn(&mut Lock, &Heard),
}

const fn rule(
    on: Word,
    within: &'static [Place],
    provided: fn(&Lock, &Heard) -> bool,
    then: fn(&mut Lock, &Heard),
) -> Rule {
    Rule { on, within, provided, then }
}

const ANYWHERE: &[Place] = &[Place::Open, Place::Armed, Place::Checking, Place::Waiting, Place::LockedOut];
const SHUT: &[Place] = &[Place::Armed, Place::Checking, Place::Waiting, Place::LockedOut];
const OPEN: &[Place] = &[Place::Open];
const ARMED: &[Place] = &[Place::Armed];
const CHECKING: &[Place] = &[Place::Checking];
const WAITING: &[Place] = &[Place::Waiting];

fn always(_: &Lock, _: &Heard) -> bool {
    true
}

/// In the order of the prose. What no rule names means nothing.
const RULES: &[Rule] = &[
    rule(Word::CodeEntered, ANYWHERE, |lock, _| !lock.takes_a_code(), |_, _| {}),
    rule(Word::CodeEntered, ARMED, always, |lock, _| {
        lock.count_a_failure();
        lock.place = Place::Checking;
        lock.asked = Effect::PersistThenCompare;
    }),
    rule(
        Word::CodeEntered,
        WAITING,
        |lock, _| lock.entry_is(EntryWhileWaiting::Refused),
        |lock, _| {
            lock.asked = Effect::Refuse;
        },
    ),
    rule(
        Word::CodeEntered,
        WAITING,
        |lock, _| lock.entry_is(EntryWhileWaiting::RestartsWait),
        |lock, _| {
            lock.start_the_wait_again();
            lock.asked = Effect::PersistRefuse;
        },
    ),
    rule(
        Word::CodeEntered,
        WAITING,
        |lock, _| lock.entry_is(EntryWhileWaiting::Charged),
        |lock, _| {
            let present = lock.wait;
            lock.count_a_failure();
            lock.settle();
            if lock.place == Place::Armed {
                lock.place = Place::Waiting;
                lock.wait = present;
                lock.start_the_wait_again();
            }
            lock.asked = Effect::PersistRefuse;
        },
    ),
    rule(Word::Matched, CHECKING, always, |lock, _| lock.open()),
    rule(Word::Mismatched, CHECKING, always, |lock, _| {
        lock.settle();
        lock.asked = Effect::Persist;
    }),
    rule(Word::PersistFailed, CHECKING, always, |lock, _| {
        fewer(&mut lock.failed, 1);
        fewer(&mut lock.in_round, 1);
        lock.place = Place::Armed;
        lock.asked = Effect::Refuse;
    }),
    rule(Word::Extra, SHUT, |lock, _| lock.gives_extra_attempts(), |lock, _| lock.give_extra_attempts()),
    rule(Word::Released, SHUT, always, |lock, _| lock.open()),
    rule(Word::Cleared, ANYWHERE, always, |lock, heard| {
        lock.settle_a_check();
        lock.clear(heard.what);
        lock.asked = Effect::Persist;
    }),
    rule(
        Word::Enabled,
        SHUT,
        |_, heard| !heard.yes,
        |lock, _| {
            lock.enabled = false;
            lock.open();
        },
    ),
    rule(Word::Enabled, ANYWHERE, always, |lock, heard| {
        lock.enabled = heard.yes;
        lock.asked = Effect::Persist;
    }),
    rule(Word::OptedIn, OPEN, always, |lock, heard| {
        lock.opted_in = heard.yes;
        lock.asked = Effect::Persist;
    }),
    rule(Word::CodeSet, OPEN, always, |lock, heard| {
        lock.code_set = heard.yes;
        lock.asked = Effect::Persist;
    }),
    rule(
        Word::Voltage,
        OPEN,
        |lock, heard| {
            let arming = lock.policy.arming;
            arming.low_voltage_mv.is_some_and(|low| heard.millivolts < low)
                || arming.surge_mv.is_some_and(|surge| heard.millivolts > surge)
        },
        |lock, _| lock.arm_if_it_may(),
    ),
    rule(Word::Reflashed, OPEN, |lock, _| lock.policy.arming.reflash, |lock, _| lock.arm_if_it_may()),
    rule(
        Word::Vehicle,
        OPEN,
        |lock, heard| !heard.yes && (lock.is_paired() || lock.policy.arming.other_vehicle),
        |lock, _| lock.arm_if_it_may(),
    ),
    rule(Word::Vehicle, ARMED, |lock, heard| heard.yes && lock.is_paired(), |lock, _| lock.open()),
    rule(Word::Vehicle, WAITING, |lock, heard| heard.yes && lock.is_paired(), |lock, _| lock.open()),
    rule(Word::Supply, ANYWHERE, always, Lock::get_supply_back),
    rule(Word::Elapsed, ANYWHERE, |_, heard| heard.ms > 0, |lock, heard| lock.pass_time(heard.ms, heard.during)),
    rule(Word::KeyTouched, ANYWHERE, always, |lock, _| lock.feel_a_key()),
    rule(Word::Ignition, WAITING, |lock, _| lock.waits_in(Unit::Ignitions), |lock, _| lock.count_a_cycle()),
    rule(Word::Reboot, WAITING, |lock, _| lock.waits_in(Unit::Reboots), |lock, _| lock.count_a_cycle()),
    rule(Word::KeyCycle, WAITING, |lock, _| lock.waits_in(Unit::Keys), |lock, _| lock.count_a_cycle()),
];

impl Lock {
    pub(crate) fn new(policy: &Policy, state: &State) -> Self {
        let mut lock = Self {
            policy: *policy,
            place: Place::Armed,
            open_for: 0,
            wait: None,
            failed: u32::from(state.tally.failed),
            in_round: u32::from(state.tally.in_round),
            rounds: u32::from(state.tally.rounds),
            extras: u32::from(state.tally.extras),
            enabled: state.config.enabled,
            opted_in: state.config.opted_in,
            code_set: state.config.code_set,
            quiet: state.quiet_ms.iter().map(|&ms| u128::from(ms)).collect(),
            asked: Effect::None,
            forgave: false,
        };
        match state.phase {
            Phase::Open { for_ms } => (lock.place, lock.open_for) = (Place::Open, u128::from(for_ms)),
            Phase::Armed => {}
            Phase::Checking => lock.place = Place::Checking,
            Phase::Waiting { full, left, begun } => {
                lock.place = Place::Waiting;
                lock.wait = Some(Wait { left: measure(left).1, begun, ..Wait::of(full) });
            }
            Phase::LockedOut => lock.place = Place::LockedOut,
        }
        lock
    }

    /// Takes in one event and says what the caller must do.
    pub(crate) fn hear(&mut self, event: Event) -> Effect {
        let heard = heard(event);
        self.asked = Effect::None;
        self.forgave = false;
        let fits =
            |rule: &&Rule| rule.on == heard.word && rule.within.contains(&self.place) && (rule.provided)(self, &heard);
        if let Some(rule) = RULES.iter().find(fits) {
            (rule.then)(self, &heard);
        }
        if self.place != Place::Waiting {
            self.wait = None;
        }
        if self.place != Place::Open {
            self.open_for = 0;
        }
        self.asked
    }

    /// Whether the last event made a forgiveness rule forgive.
    pub(crate) fn forgave(&self) -> bool {
        self.forgave
    }

    pub(crate) fn state(&self) -> State {
        let counter = |n: u32| u16::try_from(n).unwrap();
        State {
            phase: match (self.place, self.wait) {
                (Place::Open, _) => Phase::Open { for_ms: narrow(self.open_for) },
                (Place::Armed, _) => Phase::Armed,
                (Place::Checking, _) => Phase::Checking,
                (Place::Waiting, wait) => {
                    let Wait { unit, full, left, begun } = wait.unwrap();
                    Phase::Waiting { full: spanned(unit, full), left: spanned(unit, left), begun }
                }
                (Place::LockedOut, _) => Phase::LockedOut,
            },
            tally: Tally {
                failed: counter(self.failed),
                in_round: counter(self.in_round),
                rounds: counter(self.rounds),
                extras: counter(self.extras),
            },
            config: Config { enabled: self.enabled, opted_in: self.opted_in, code_set: self.code_set },
            quiet_ms: [narrow(self.quiet[0]), narrow(self.quiet[1])],
        }
    }

    fn takes_a_code(&self) -> bool {
        [Kind::Code, Kind::PairingOrCode].contains(&self.policy.kind)
    }

    fn is_paired(&self) -> bool {
        [Kind::Pairing, Kind::PairingOrCode].contains(&self.policy.kind)
    }

    fn entry_is(&self, rule: EntryWhileWaiting) -> bool {
        self.policy.entry_while_waiting == rule
    }

    fn waits_in(&self, unit: Unit) -> bool {
        self.wait.is_some_and(|wait| wait.unit == unit)
    }

    fn be_quiet_from_now(&mut self) {
        self.quiet.fill(0);
    }

    fn forget_everything_counted(&mut self) {
        (self.failed, self.in_round, self.rounds, self.extras) = (0, 0, 0, 0);
    }

    fn open(&mut self) {
        self.place = Place::Open;
        self.open_for = 0;
        self.forget_everything_counted();
        self.be_quiet_from_now();
        self.asked = Effect::PersistOpened;
    }

    fn count_a_failure(&mut self) {
        one_more(&mut self.failed);
        one_more(&mut self.in_round);
        self.be_quiet_from_now();
    }

    fn start_the_wait_again(&mut self) {
        if let Some(wait) = &mut self.wait {
            wait.start_again();
        }
    }

    fn round_size(&self) -> u32 {
        let tries = self.policy.tries;
        u32::from(if self.rounds == 0 { tries.first_round } else { tries.later_rounds })
    }

    /// What a failure leads to.
    fn settle(&mut self) {
        let tries = self.policy.tries;
        if reached(self.failed, tries.locked_out_after_attempts) {
            self.place = Place::LockedOut;
            return;
        }
        let size = self.round_size();
        let completed = size > 0 && self.in_round >= size;
        if completed {
            one_more(&mut self.rounds);
            if reached(self.rounds, tries.locked_out_after_rounds) {
                self.place = Place::LockedOut;
                return;
            }
        }
        let wait = [
            (completed, Scope::Rounds, self.rounds),
            (size > 0, Scope::FailuresInRound, self.in_round),
            (true, Scope::Failures, self.failed),
        ]
        .into_iter()
        .filter(|(applies, ..)| *applies)
        .find_map(|(_, scope, count)| self.look_up(scope, count));
        if completed {
            self.in_round = 0;
        }
        self.wait = wait.filter(|wait| wait.full > 0);
        self.place = if self.wait.is_some() { Place::Waiting } else { Place::Armed };
    }

    fn look_up(&self, scope: Scope, count: u32) -> Option<Wait> {
        let rungs = self.policy.ladder.rungs().filter(|rung| rung.scope == scope && u32::from(rung.from) <= count);
        let rung = rungs.max_by_key(|rung| rung.from)?;
        let (unit, mut amount) = measure(rung.wait);
        if unit != Unit::Forever {
            for _ in 0..(count - u32::from(rung.from)).min(64) {
                amount = (amount * u128::from(rung.factor)).min(LONGEST);
            }
            amount = rung.cap.map_or(amount, |cap| amount.min(u128::from(cap)));
        }
        Some(Wait::of(spanned(unit, amount)))
    }

    fn settle_a_check(&mut self) {
        if self.place == Place::Checking {
            self.settle();
        }
    }

    fn gives_extra_attempts(&self) -> bool {
        let extra = self.policy.tries.extra;
        let named = [
            (Place::Armed, extra.while_armed),
            (Place::Waiting, extra.while_waiting),
            (Place::LockedOut, extra.while_locked_out),
        ];
        named.contains(&(self.place, true)) && extra.attempts > 0 && self.extras < u32::from(extra.times)
    }

    fn give_extra_attempts(&mut self) {
        let given = u32::from(self.policy.tries.extra.attempts);
        one_more(&mut self.extras);
        fewer(&mut self.failed, given);
        let locked_by_rounds =
            self.place == Place::LockedOut && reached(self.rounds, self.policy.tries.locked_out_after_rounds);
        let between_rounds = self.place != Place::Armed && self.in_round == 0 && self.rounds > 0;
        if locked_by_rounds || between_rounds {
            fewer(&mut self.rounds, 1);
            self.in_round = self.round_size();
        }
        fewer(&mut self.in_round, given);
        self.place = Place::Armed;
        self.asked = Effect::Persist;
    }

    fn clear(&mut self, what: Clears) {
        if self.place == Place::LockedOut && !what.locked_out {
            return;
        }
        if what.attempts {
            (self.failed, self.in_round) = (0, 0);
        }
        if what.rounds {
            (self.rounds, self.extras) = (0, 0);
        }
        if (what.wait && self.place == Place::Waiting) || (what.locked_out && self.place == Place::LockedOut) {
            self.place = Place::Armed;
            self.wait = None;
        }
    }

    fn may_arm(&self) -> bool {
        let wanted = !self.policy.arming.opt_in || self.opted_in;
        self.policy.kind != Kind::None && self.enabled && self.code_set && wanted
    }

    fn arm_if_it_may(&mut self) {
        if self.place == Place::Open && self.may_arm() {
            self.place = Place::Armed;
            self.be_quiet_from_now();
            self.asked = Effect::Persist;
        }
    }

    fn get_supply_back(&mut self, heard: &Heard) {
        let outage = heard.ms;
        self.settle_a_check();

        let clock = self.policy.clock;
        if clock.without_supply && self.waits_in(Unit::Milliseconds) {
            let wait = self.wait.as_mut().unwrap();
            if wait.begun || clock.ignition.contains(Ignition::Off) {
                if wait.left <= outage {
                    self.end_the_wait();
                } else {
                    wait.left -= outage;
                    wait.begun = true;
                }
            }
        }
        for (at, forgiveness) in self.forgiveness() {
            if forgiveness.clock.without_supply && self.has_something_for(&forgiveness) {
                self.stay_quiet(at, &forgiveness, outage);
            }
        }

        let cut = self.policy.supply_cut;
        if lasted(outage, cut.restarts_wait_ms) {
            self.start_the_wait_again();
        }
        self.clear(Clears {
            attempts: lasted(outage, cut.restores_attempts_ms),
            rounds: lasted(outage, cut.restores_rounds_ms),
            wait: lasted(outage, cut.ends_wait_ms),
            locked_out: lasted(outage, cut.ends_locked_out_ms),
        });

        let arming = self.policy.arming;
        let shortest = match heard.feed {
            Feed::Battery => arming.battery_ms,
            Feed::Fuse => arming.fuse_ms,
            Feed::Removal => arming.removal_ms,
        };
        let stood_so = arming.at_cut == AtCut::Any || (arming.at_cut == AtCut::UnitOn) == heard.yes;
        if lasted(outage, shortest) && stood_so {
            self.arm_if_it_may();
        }
        self.asked = Effect::Persist;
    }

    fn forgiveness(&self) -> impl Iterator<Item = (usize, Forgiveness)> + use<> {
        self.policy.forgiveness.into_iter().enumerate().filter_map(|(at, rule)| rule.map(|rule| (at, rule)))
    }

    fn has_something_for(&self, rule: &Forgiveness) -> bool {
        let counted = (rule.clears.attempts && (self.failed > 0 || self.in_round > 0))
            || (rule.clears.rounds && (self.rounds > 0 || self.extras > 0));
        match self.place {
            Place::Armed => counted,
            Place::Waiting => rule.clears.wait || counted,
            Place::LockedOut => rule.clears.locked_out,
            Place::Open | Place::Checking => false,
        }
    }

    fn stay_quiet(&mut self, at: usize, rule: &Forgiveness, ms: u128) {
        self.quiet[at] = LONGEST.min(self.quiet[at] + ms);
        if self.quiet[at] >= u128::from(rule.after_ms) {
            self.quiet[at] = 0;
            self.clear(rule.clears);
            self.forgave = true;
        }
    }

    fn pass_time(&mut self, ms: u128, during: Conditions) {
        let concerned: Vec<_> = self.forgiveness().filter(|(_, rule)| self.has_something_for(rule)).collect();
        for (at, rule) in concerned {
            match hand(rule.clock, during, self.quiet[at] > 0) {
                Hand::Counts => self.stay_quiet(at, &rule, ms),
                Hand::Restarts => self.quiet[at] = 0,
                Hand::Stands => {}
            }
        }
        if self.place == Place::Open {
            self.open_for = LONGEST.min(self.open_for + ms);
            if lasted(self.open_for, self.policy.arming.calendar_ms) {
                self.arm_if_it_may();
            }
        } else if self.waits_in(Unit::Milliseconds) {
            self.wait_on(ms, during);
        }
        if self.forgave {
            self.asked = Effect::Persist;
        }
    }

    fn wait_on(&mut self, ms: u128, during: Conditions) {
        let wait = self.wait.as_mut().unwrap();
        match hand(self.policy.clock, during, wait.begun) {
            Hand::Counts if ms >= wait.left => {
                self.end_the_wait();
                self.asked = Effect::Persist;
            }
            Hand::Counts => {
                let minutes = wait.left.div_ceil(60_000);
                wait.left -= ms;
                if !wait.begun || wait.left.div_ceil(60_000) != minutes {
                    self.asked = Effect::Persist;
                }
                wait.begun = true;
            }
            Hand::Restarts if wait.begun => {
                wait.start_again();
                self.asked = Effect::Persist;
            }
            Hand::Restarts | Hand::Stands => {}
        }
    }

    fn end_the_wait(&mut self) {
        self.place = Place::Armed;
        self.wait = None;
        match self.policy.after_wait {
            AfterWait::Keeps => {}
            AfterWait::ClearsAttempts => (self.failed, self.in_round) = (0, 0),
            AfterWait::ClearsAll => self.forget_everything_counted(),
        }
    }

    fn feel_a_key(&mut self) {
        for (at, rule) in self.forgiveness() {
            if rule.clock.on_key == Interruption::Restart {
                self.quiet[at] = 0;
            }
        }
        let restarts = self.policy.clock.on_key == Interruption::Restart;
        if restarts && self.wait.is_some_and(|wait| wait.begun) {
            self.start_the_wait_again();
            self.asked = Effect::Persist;
        }
    }

    fn count_a_cycle(&mut self) {
        let wait = self.wait.as_mut().unwrap();
        wait.left = wait.left.saturating_sub(1);
        wait.begun = true;
        if wait.left == 0 {
            self.end_the_wait();
        }
        self.asked = Effect::Persist;
    }
}
