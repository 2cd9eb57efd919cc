//! From a reading's fields to the lock's [`Policy`].

use headlock_lock as lock;
use headlock_lock::{Ignition, Policy, Scope, Span};

use crate::behaviour::{
    AfterWaitSpec, ArmingSpec, AtCutSpec, Behaviour, ClearsWord, ConditionsSpec, EntryWhileWaitingSpec, ForgiveSpec,
    InterruptionSpec, InterruptionWord, KeysNeedSpec, LockKind, Moment, OtherLockSpec, Position, Positions,
    SupplyCutSpec, SupplyNeedSpec, TriesSpec, UnitNeedSpec, WaitSpec, WaitingSpec,
};
use crate::words::Threshold;

/// A field that cannot be carried out, by its path within the reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: String,
    pub(crate) what: String,
    pub(crate) help: String,
}

impl Fault {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into(), help: help.into() }
    }
}

/// The policies of all locks, the main one first.
pub(crate) fn policies(b: &Behaviour) -> Result<Vec<Policy>, Fault> {
    let mut all = vec![policy(&Tables::main(b))?];
    for (index, other) in b.also.iter().enumerate() {
        all.push(policy(&Tables::other(b, index, other))?);
    }
    Ok(all)
}

/// The tables one lock is made of, and where they stand.
struct Tables<'a> {
    prefix: String,
    kind: LockKind,
    tries: &'a TriesSpec,
    wait: &'a [WaitSpec],
    waiting: &'a WaitingSpec,
    forgive: &'a [ForgiveSpec],
    supply_cut: &'a SupplyCutSpec,
    arming: &'a ArmingSpec,
}

impl<'a> Tables<'a> {
    fn main(b: &'a Behaviour) -> Self {
        Self {
            prefix: String::new(),
            kind: b.kind,
            tries: &b.tries,
            wait: &b.wait,
            waiting: &b.waiting,
            forgive: &b.forgive,
            supply_cut: &b.supply_cut,
            arming: &b.arming,
        }
    }

    fn other(b: &'a Behaviour, index: usize, other: &'a OtherLockSpec) -> Self {
        Self {
            prefix: format!("also.{index}."),
            kind: other.kind,
            tries: other.tries.as_ref().unwrap_or(&b.tries),
            wait: other.wait.as_deref().unwrap_or(&b.wait),
            waiting: other.waiting.as_ref().unwrap_or(&b.waiting),
            forgive: other.forgive.as_deref().unwrap_or(&b.forgive),
            supply_cut: other.supply_cut.as_ref().unwrap_or(&b.supply_cut),
            arming: other.arming.as_ref().unwrap_or(&b.arming),
        }
    }
}

fn policy(t: &Tables<'_>) -> Result<Policy, Fault> {
    Ok(Policy {
        kind: match t.kind {
            LockKind::None => lock::Kind::None,
            LockKind::Code => lock::Kind::Code,
            LockKind::Pairing => lock::Kind::Pairing,
            LockKind::PairingOrCode => lock::Kind::PairingOrCode,
            LockKind::Tool => lock::Kind::Tool,
        },
        tries: tries(t)?,
        ladder: ladder(t)?,
        clock: clock(&t.waiting.counts_while, t.waiting.on_interruption, &format!("{}waiting", t.prefix))?,
        entry_while_waiting: match t.waiting.entry {
            EntryWhileWaitingSpec::Ignored => lock::EntryWhileWaiting::Ignored,
            EntryWhileWaitingSpec::Refused => lock::EntryWhileWaiting::Refused,
            EntryWhileWaitingSpec::RestartsWait => lock::EntryWhileWaiting::RestartsWait,
            EntryWhileWaitingSpec::Charged => lock::EntryWhileWaiting::Charged,
        },
        after_wait: match t.waiting.afterwards {
            AfterWaitSpec::Keeps => lock::AfterWait::Keeps,
            AfterWaitSpec::ClearsAttempts => lock::AfterWait::ClearsAttempts,
            AfterWaitSpec::ClearsAll => lock::AfterWait::ClearsAll,
        },
        forgiveness: forgiveness(t)?,
        supply_cut: supply_cut(t.supply_cut),
        arming: arming(t)?,
    })
}

fn tries(t: &Tables<'_>) -> Result<lock::Tries, Fault> {
    let path = |name: &str| format!("{}tries.{name}", t.prefix);
    for (name, size) in [("round", t.tries.round), ("first_round", t.tries.first_round)] {
        if size == Some(0) {
            return Err(Fault::new(path(name), "a round of 0 attempts", "leave it out where there are no rounds"));
        }
    }
    if t.tries.first_round.is_some() && t.tries.round.is_none() {
        return Err(Fault::new(
            path("first_round"),
            "a first round without later ones",
            "add `round`, the attempts of each later round",
        ));
    }
    let limit = |threshold: Threshold, name: &str| match threshold.number() {
        None => Ok(None),
        Some(0) => {
            Err(Fault::new(path(name), "0 locks the unit out before any attempt", "count from 1, or write \"never\""))
        }
        Some(n) => u16::try_from(n).map(Some).map_err(|_| too_large(path(name), u64::from(u16::MAX))),
    };
    let by_rounds = limit(t.tries.locked_out_after_rounds, "locked_out_after_rounds")?;
    if by_rounds.is_some() && t.tries.round.is_none() {
        return Err(Fault::new(
            path("locked_out_after_rounds"),
            "rounds are counted, but there are none",
            "add `round`, the attempts of a round",
        ));
    }
    if t.tries.extra.as_ref().is_some_and(|extra| extra.attempts == 0 || extra.times == 0) {
        return Err(Fault::new(
            path("extra"),
            "a gesture that gives nothing back",
            "attempts and times count from 1; or leave it out",
        ));
    }
    let extra = t.tries.extra.as_ref().map_or(lock::ExtraAttempts::NEVER, |extra| lock::ExtraAttempts {
        attempts: extra.attempts,
        times: extra.times,
        while_armed: extra.works_while.contains(&Moment::Armed),
        while_waiting: extra.works_while.contains(&Moment::Waiting),
        while_locked_out: extra.works_while.contains(&Moment::LockedOut),
    });
    Ok(lock::Tries {
        first_round: t.tries.first_round.or(t.tries.round).unwrap_or(0),
        later_rounds: t.tries.round.unwrap_or(0),
        locked_out_after_attempts: limit(t.tries.locked_out_after_attempts, "locked_out_after_attempts")?,
        locked_out_after_rounds: by_rounds,
        extra,
    })
}

fn too_large(path: String, limit: u64) -> Fault {
    Fault::new(path, "this number is too large", format!("it goes to {limit}"))
}

fn ladder(t: &Tables<'_>) -> Result<lock::Ladder, Fault> {
    let mut ladder = lock::Ladder::EMPTY;
    for (index, spec) in t.wait.iter().enumerate() {
        let path = format!("{}wait.{index}", t.prefix);
        ladder = ladder.with(rung(spec, &path, t)?).ok_or_else(|| {
            Fault::new(
                &path,
                format!("more than {} rungs", lock::MAX_RUNGS),
                "a ladder that grows evenly is one rung with a `factor`",
            )
        })?;
    }
    Ok(ladder)
}

fn rung(spec: &WaitSpec, path: &str, t: &Tables<'_>) -> Result<lock::Rung, Fault> {
    let starts = [
        (Scope::Failures, spec.after_failures),
        (Scope::FailuresInRound, spec.after_failures_in_round),
        (Scope::Rounds, spec.after_rounds),
    ];
    let mut given = starts.iter().filter_map(|(scope, from)| from.map(|from| (*scope, from)));
    let (Some((scope, from)), None) = (given.next(), given.next()) else {
        return Err(Fault::new(
            path,
            "a wait starts after exactly one kind of count",
            "give one of after_failures, after_failures_in_round, after_rounds",
        ));
    };
    if from == 0 {
        return Err(Fault::new(path, "a wait after a count of 0", "count failures and rounds from 1"));
    }
    if scope != Scope::Failures && t.tries.round.is_none() {
        return Err(Fault::new(
            path,
            "rounds are counted, but there are none",
            "add `round` to `tries`, or use after_failures",
        ));
    }
    let lengths = [
        spec.wait_s.map(|s| seconds(s, &format!("{path}.wait_s")).map(|ms| Span::Time { ms })),
        spec.wait_ignition_cycles.map(|n| Ok(Span::IgnitionCycles(n))),
        spec.wait_reboots.map(|n| Ok(Span::Reboots(n))),
        spec.wait_key_cycles.map(|n| Ok(Span::KeyCycles(n))),
        spec.endless.then_some(Ok(Span::Endless)),
    ];
    let mut given = lengths.into_iter().flatten();
    let (Some(wait), None) = (given.next(), given.next()) else {
        return Err(Fault::new(
            path,
            "a wait has exactly one length",
            "give one of wait_s, wait_ignition_cycles, wait_reboots, wait_key_cycles, endless = true",
        ));
    };
    let wait = wait?;
    let cap = match (wait, spec.cap_s, spec.cap_cycles) {
        (_, None, None) => None,
        (Span::Time { .. }, Some(cap_s), None) => Some(seconds(cap_s, &format!("{path}.cap_s"))?),
        (Span::IgnitionCycles(_) | Span::Reboots(_) | Span::KeyCycles(_), None, Some(cap)) => Some(u64::from(cap)),
        _ => {
            return Err(Fault::new(
                path,
                "the cap has another unit than the wait",
                "cap_s goes with wait_s, cap_cycles with waits in cycles",
            ));
        }
    };
    let factor = spec.factor.unwrap_or(1);
    // Nobody waits longer than a century, whatever the count.
    let cap = match (wait, cap) {
        (Span::Time { .. }, None) if factor > 1 => Some(CENTURY_S * 1000),
        (_, cap) => cap,
    };
    if factor == 0 {
        return Err(Fault::new(
            format!("{path}.factor"),
            "a factor of 0",
            "2 doubles; leave it out for a wait that stays",
        ));
    }
    if let (Span::Time { ms }, Some(cap)) = (wait, cap)
        && cap < ms
    {
        return Err(Fault::new(path, "the cap is shorter than the wait itself", "make cap_s at least wait_s"));
    }
    Ok(lock::Rung { scope, from, wait, factor, cap })
}

const CENTURY_S: u64 = 100 * 366 * 86_400;

fn seconds(s: u64, path: &str) -> Result<u64, Fault> {
    if s > CENTURY_S {
        return Err(too_large(path.to_owned(), CENTURY_S));
    }
    Ok(s * 1000)
}

/// The positions as the lock's set.
pub fn ignition_set(positions: &Positions) -> lock::IgnitionSet {
    positions.list().iter().fold(lock::IgnitionSet::NONE, |set, position| set.with(ignition(*position)))
}

/// The position as the lock's.
pub const fn ignition(position: Position) -> Ignition {
    match position {
        Position::Off => Ignition::Off,
        Position::Acc => Ignition::Acc,
        Position::On => Ignition::On,
        Position::Engine => Ignition::Engine,
    }
}

fn clock(spec: &ConditionsSpec, interruption: InterruptionSpec, path: &str) -> Result<lock::Clock, Fault> {
    let set = spec.ignition.as_ref().map_or(lock::IgnitionSet::ANY, ignition_set);
    if set.is_empty() {
        return Err(Fault::new(
            format!("{path}.counts_while.ignition"),
            "no position at all: this clock can never count",
            "list positions, or leave it out for any",
        ));
    }
    let word = |word| match word {
        InterruptionWord::Pause => lock::Interruption::Pause,
        InterruptionWord::Restart => lock::Interruption::Restart,
        InterruptionWord::Harmless => lock::Interruption::Harmless,
    };
    let (on_ignition, on_unit, keys) = match interruption {
        InterruptionSpec::Same(same) => (same, same, Some(same)),
        InterruptionSpec::Each { ignition, unit, keys } => (ignition, unit, keys),
    };
    let on_key = match spec.keys {
        KeysNeedSpec::Any => lock::Interruption::Harmless,
        KeysNeedSpec::Untouched => word(keys.unwrap_or(InterruptionWord::Restart)),
    };
    Ok(lock::Clock {
        ignition: set,
        on_ignition: word(on_ignition),
        unit: match spec.unit {
            UnitNeedSpec::Any => lock::UnitNeed::Any,
            UnitNeedSpec::On => lock::UnitNeed::On,
            UnitNeedSpec::Off => lock::UnitNeed::Off,
        },
        on_unit: word(on_unit),
        on_key,
        without_supply: spec.supply == SupplyNeedSpec::NotNeeded,
    })
}

fn forgiveness(t: &Tables<'_>) -> Result<[Option<lock::Forgiveness>; lock::MAX_FORGIVENESS], Fault> {
    let mut rules = [None; lock::MAX_FORGIVENESS];
    if t.forgive.len() > rules.len() {
        return Err(Fault::new(format!("{}forgive", t.prefix), "too many rules", format!("{} at most", rules.len())));
    }
    for (index, spec) in t.forgive.iter().enumerate() {
        let path = format!("{}forgive.{index}", t.prefix);
        if spec.after_s == 0 {
            return Err(Fault::new(format!("{path}.after_s"), "0 s forgives before anything is counted", "1 or more"));
        }
        rules[index] = Some(lock::Forgiveness {
            after_ms: seconds(spec.after_s, &format!("{path}.after_s"))?,
            clock: clock(&spec.counts_while, spec.on_interruption, &path)?,
            clears: clears(&spec.clears),
        });
    }
    Ok(rules)
}

fn clears(words: &[ClearsWord]) -> lock::Clears {
    lock::Clears {
        attempts: words.contains(&ClearsWord::Attempts),
        rounds: words.contains(&ClearsWord::Rounds),
        wait: words.contains(&ClearsWord::Wait),
        locked_out: words.contains(&ClearsWord::LockedOut),
    }
}

fn supply_cut(spec: &SupplyCutSpec) -> lock::SupplyCut {
    let ms = |threshold: Threshold| threshold.number().map(|s| s.saturating_mul(1000));
    lock::SupplyCut {
        restarts_wait_ms: ms(spec.restarts_wait_after_s),
        ends_wait_ms: ms(spec.ends_wait_after_s),
        restores_attempts_ms: ms(spec.restores_attempts_after_s),
        restores_rounds_ms: ms(spec.restores_rounds_after_s),
        ends_locked_out_ms: ms(spec.ends_locked_out_after_s),
    }
}

fn arming(t: &Tables<'_>) -> Result<lock::Arming, Fault> {
    let spec = t.arming;
    let ms = |threshold: Threshold| threshold.number().map(|s| s.saturating_mul(1000));
    let millivolts = |volts: Option<f64>, name: &str| match volts {
        None => Ok(None),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 1 to 60 V")]
        Some(volts) if (1.0..=60.0).contains(&volts) => Ok(Some((volts * 1000.0).round() as u32)),
        Some(volts) => Err(Fault::new(
            format!("{}arming.{name}", t.prefix),
            format!("{volts} V is no supply of a car"),
            "1 to 60 V",
        )),
    };
    Ok(lock::Arming {
        battery_ms: ms(spec.battery_after_s),
        fuse_ms: ms(spec.fuse_after_s),
        removal_ms: ms(spec.removal_after_s),
        at_cut: match spec.at_cut {
            AtCutSpec::Any => lock::AtCut::Any,
            AtCutSpec::UnitOn => lock::AtCut::UnitOn,
            AtCutSpec::UnitOff => lock::AtCut::UnitOff,
        },
        low_voltage_mv: millivolts(spec.low_voltage_v, "low_voltage_v")?,
        surge_mv: millivolts(spec.surge_v, "surge_v")?,
        reflash: spec.reflash,
        other_vehicle: spec.other_vehicle,
        calendar_ms: spec.calendar_days.map(|days| u64::from(days) * 86_400_000),
        opt_in: spec.opt_in,
    })
}
