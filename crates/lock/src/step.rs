//! The transition function.

use crate::event::{Conditions, Effect, Event, Feed};
use crate::policy::{
    AfterWait, Arming, AtCut, Clears, Clock, EntryWhileWaiting, Ignition, Interruption, Kind, MAX_FORGIVENESS, Policy,
    Scope, Span, UnitNeed,
};
use crate::state::{CHECKPOINT_MS, Phase, State, Tally};

/// Answers one event with the next state and the effect that the caller must carry out.
///
/// Total: a pair that means nothing keeps the state. Invariant: an attempt is counted and persisted before its code is
/// compared, so a cut in mid-check never buys a free one. An [`Event::Elapsed`] should not reach beyond
/// [`next_change_ms`]: what would have followed that change in the same time does not happen.
pub const fn step(policy: &Policy, state: State, event: Event) -> (State, Effect) {
    use Event as E;
    match event {
        E::SupplyRestored { outage_ms, feed, unit_was_on } => {
            supply_restored(policy, state, outage_ms, feed, unit_was_on)
        }
        E::Voltage { mv } => arm_if(policy, state, voltage_arms(&policy.arming, mv)),
        E::Reflashed => arm_if(policy, state, policy.arming.reflash),
        E::VehicleSeen { home } => vehicle_seen(policy, state, home),
        E::CodeEntered => code_entered(policy, state),
        E::Matched => matched(state),
        E::Mismatched => mismatched(policy, state),
        E::PersistFailed => persist_failed(state),
        E::Elapsed { ms, during } => elapsed(policy, state, ms, during),
        E::KeyTouched => key_touched(policy, state),
        E::IgnitionCycled => cycled(policy, state, Cycle::Ignition),
        E::Rebooted => cycled(policy, state, Cycle::Reboot),
        E::KeyCycled => cycled(policy, state, Cycle::Key),
        E::ExtraAttempts => extra_attempts(policy, state),
        E::Cleared(clears) => cleared(policy, state, clears),
        E::Released => released(state),
        E::Enabled(on) => enabled(state, on),
        E::OptedIn(on) => opted_in(state, on),
        E::CodeSet(on) => code_set(state, on),
    }
}

/// Milliseconds until time alone changes more than a counter, under conditions that stay as they are; `None` if it
/// never will. A caller that jumps from one such instant to the next misses nothing.
pub const fn next_change_ms(policy: &Policy, state: &State, during: Conditions) -> Option<u64> {
    let mut next = None;
    if let Phase::Waiting { left: Span::Time { ms }, begun, .. } = state.phase
        && matches!(tick(&policy.clock, during, begun), Tick::Counts)
    {
        next = Some(ms);
    }
    if let (Phase::Open { for_ms }, Some(calendar_ms)) = (state.phase, policy.arming.calendar_ms)
        && may_arm(policy, state)
    {
        next = Some(sooner(next, at_least_one(calendar_ms.saturating_sub(for_ms))));
    }
    let mut i = 0;
    while i < MAX_FORGIVENESS {
        if let Some(rule) = policy.forgiveness[i]
            && forgivable(state, rule.clears)
            && matches!(tick(&rule.clock, during, state.quiet_ms[i] > 0), Tick::Counts)
        {
            next = Some(sooner(next, at_least_one(rule.after_ms.saturating_sub(state.quiet_ms[i]))));
        }
        i += 1;
    }
    next
}

/// Of `ms` to come, how many to feed in one [`Event::Elapsed`], so that a running wait is persisted at each checkpoint of its rest,
/// the last of them included, whatever the caller's time steps are. At least 1, at most `ms`.
pub const fn next_checkpoint_ms(policy: &Policy, state: &State, ms: u64, during: Conditions) -> u64 {
    let Phase::Waiting { left: Span::Time { ms: left }, begun, .. } = state.phase else { return ms };
    if !matches!(tick(&policy.clock, during, begun), Tick::Counts) {
        return ms;
    }
    if !begun && ms > 0 {
        return 1;
    }
    if ms >= left {
        return ms;
    }
    let boundary = (left - ms).div_ceil(CHECKPOINT_MS) * CHECKPOINT_MS;
    if boundary < left { left - boundary } else { ms }
}

/// A change that is due already happens with the next millisecond, so a caller that jumps always moves.
const fn at_least_one(ms: u64) -> u64 {
    if ms == 0 { 1 } else { ms }
}

const fn sooner(next: Option<u64>, candidate: u64) -> u64 {
    match next {
        Some(next) if next <= candidate => next,
        _ => candidate,
    }
}

const fn code_entered(policy: &Policy, state: State) -> (State, Effect) {
    if !matches!(policy.kind, Kind::Code | Kind::PairingOrCode) {
        return (state, Effect::None);
    }
    match state.phase {
        Phase::Armed => {
            let tally = charged(state.tally);
            (
                State { phase: Phase::Checking, tally, quiet_ms: [0; MAX_FORGIVENESS], ..state },
                Effect::PersistThenCompare,
            )
        }
        Phase::Waiting { full, .. } => match policy.entry_while_waiting {
            EntryWhileWaiting::Ignored => (state, Effect::None),
            EntryWhileWaiting::Refused => (state, Effect::Refuse),
            EntryWhileWaiting::RestartsWait => {
                (State { phase: Phase::Waiting { full, left: full, begun: false }, ..state }, Effect::PersistRefuse)
            }
            EntryWhileWaiting::Charged => {
                let counted = State { tally: charged(state.tally), quiet_ms: [0; MAX_FORGIVENESS], ..state };
                let failed = after_failure(policy, counted);
                // A count that calls for no wait of its own must not end the one that runs.
                let phase = match failed.phase {
                    Phase::Armed => Phase::Waiting { full, left: full, begun: false },
                    other => other,
                };
                (State { phase, ..failed }, Effect::PersistRefuse)
            }
        },
        Phase::Open { .. } | Phase::Checking | Phase::LockedOut => (state, Effect::None),
    }
}

const fn matched(state: State) -> (State, Effect) {
    match state.phase {
        Phase::Checking => (opened(state), Effect::PersistOpened),
        Phase::Open { .. } | Phase::Armed | Phase::Waiting { .. } | Phase::LockedOut => (state, Effect::None),
    }
}

const fn mismatched(policy: &Policy, state: State) -> (State, Effect) {
    match state.phase {
        Phase::Checking => (after_failure(policy, state), Effect::Persist),
        Phase::Open { .. } | Phase::Armed | Phase::Waiting { .. } | Phase::LockedOut => (state, Effect::None),
    }
}

/// Nothing was compared, so nothing is owed: the charge is taken back in memory. If the failed write did reach the record,
/// the next boot counts it as a failure, which is the safe side.
const fn persist_failed(state: State) -> (State, Effect) {
    match state.phase {
        Phase::Checking => {
            let tally = Tally {
                failed: state.tally.failed.saturating_sub(1),
                in_round: state.tally.in_round.saturating_sub(1),
                ..state.tally
            };
            (State { phase: Phase::Armed, tally, ..state }, Effect::Refuse)
        }
        Phase::Open { .. } | Phase::Armed | Phase::Waiting { .. } | Phase::LockedOut => (state, Effect::None),
    }
}

const fn charged(tally: Tally) -> Tally {
    Tally { failed: tally.failed.saturating_add(1), in_round: tally.in_round.saturating_add(1), ..tally }
}

/// What a failure that is already in the tally leads to.
const fn after_failure(policy: &Policy, state: State) -> State {
    let mut tally = state.tally;
    if reached(tally.failed, policy.tries.locked_out_after_attempts) {
        return State { phase: Phase::LockedOut, ..state };
    }
    let size = round_size(policy, tally.rounds);
    let completes_round = size > 0 && tally.in_round >= size;
    let mut wait = None;
    if completes_round {
        tally.rounds = tally.rounds.saturating_add(1);
        if reached(tally.rounds, policy.tries.locked_out_after_rounds) {
            return State { phase: Phase::LockedOut, tally, ..state };
        }
        wait = policy.ladder.wait_for(Scope::Rounds, tally.rounds);
    }
    if wait.is_none() && size > 0 {
        wait = policy.ladder.wait_for(Scope::FailuresInRound, tally.in_round);
    }
    if wait.is_none() {
        wait = policy.ladder.wait_for(Scope::Failures, tally.failed);
    }
    if completes_round {
        tally.in_round = 0;
    }
    let phase = match wait {
        Some(full) if !is_nothing(full) => Phase::Waiting { full, left: full, begun: false },
        _ => Phase::Armed,
    };
    State { phase, tally, ..state }
}

const fn reached(count: u16, limit: Option<u16>) -> bool {
    matches!(limit, Some(limit) if count >= limit)
}

const fn round_size(policy: &Policy, completed: u16) -> u16 {
    if completed == 0 { policy.tries.first_round } else { policy.tries.later_rounds }
}

const fn is_nothing(span: Span) -> bool {
    matches!(span, Span::Time { ms: 0 } | Span::IgnitionCycles(0) | Span::Reboots(0) | Span::KeyCycles(0))
}

const fn extra_attempts(policy: &Policy, state: State) -> (State, Effect) {
    let extra = policy.tries.extra;
    let works = match state.phase {
        Phase::Armed => extra.while_armed,
        Phase::Waiting { .. } => extra.while_waiting,
        Phase::LockedOut => extra.while_locked_out,
        Phase::Open { .. } | Phase::Checking => false,
    };
    if !works || extra.attempts == 0 || state.tally.extras >= extra.times {
        return (state, Effect::None);
    }
    let mut tally = state.tally;
    tally.extras += 1;
    tally.failed = tally.failed.saturating_sub(extra.attempts);
    let round_just_ended = tally.in_round == 0 && tally.rounds > 0 && !matches!(state.phase, Phase::Armed);
    let locked_by_round =
        matches!(state.phase, Phase::LockedOut) && reached(tally.rounds, policy.tries.locked_out_after_rounds);
    if locked_by_round || round_just_ended {
        tally.rounds = tally.rounds.saturating_sub(1);
        tally.in_round = round_size(policy, tally.rounds).saturating_sub(extra.attempts);
    } else {
        tally.in_round = tally.in_round.saturating_sub(extra.attempts);
    }
    (State { phase: Phase::Armed, tally, ..state }, Effect::Persist)
}

const fn opened(state: State) -> State {
    State {
        phase: Phase::Open { for_ms: 0 },
        tally: Tally { failed: 0, in_round: 0, rounds: 0, extras: 0 },
        config: state.config,
        quiet_ms: [0; MAX_FORGIVENESS],
    }
}

const fn released(state: State) -> (State, Effect) {
    match state.phase {
        Phase::Armed | Phase::Checking | Phase::Waiting { .. } | Phase::LockedOut => {
            (opened(state), Effect::PersistOpened)
        }
        Phase::Open { .. } => (state, Effect::None),
    }
}

const fn cleared(policy: &Policy, state: State, clears: Clears) -> (State, Effect) {
    let settled = settle(policy, state);
    (clear(settled, clears), Effect::Persist)
}

const fn clear(state: State, clears: Clears) -> State {
    let mut tally = state.tally;
    if matches!(state.phase, Phase::LockedOut) && !clears.locked_out {
        return state;
    }
    if clears.attempts {
        tally.failed = 0;
        tally.in_round = 0;
    }
    if clears.rounds {
        tally.rounds = 0;
        tally.extras = 0;
    }
    let phase = match state.phase {
        Phase::Waiting { .. } if clears.wait => Phase::Armed,
        // Where that is not cleared nothing is.
        Phase::LockedOut => Phase::Armed,
        other => other,
    };
    State { phase, tally, ..state }
}

/// A check that never got its answer has failed: the attempt was used.
const fn settle(policy: &Policy, state: State) -> State {
    match state.phase {
        Phase::Checking => after_failure(policy, state),
        Phase::Open { .. } | Phase::Armed | Phase::Waiting { .. } | Phase::LockedOut => state,
    }
}

const fn enabled(state: State, on: bool) -> (State, Effect) {
    let mut config = state.config;
    config.enabled = on;
    let state = State { config, ..state };
    match state.phase {
        Phase::Armed | Phase::Checking | Phase::Waiting { .. } | Phase::LockedOut if !on => {
            (opened(state), Effect::PersistOpened)
        }
        _ => (state, Effect::Persist),
    }
}

/// Only the owner of an open unit may change what arms it.
const fn opted_in(state: State, on: bool) -> (State, Effect) {
    match state.phase {
        Phase::Open { .. } => {
            let mut config = state.config;
            config.opted_in = on;
            (State { config, ..state }, Effect::Persist)
        }
        Phase::Armed | Phase::Checking | Phase::Waiting { .. } | Phase::LockedOut => (state, Effect::None),
    }
}

const fn code_set(state: State, on: bool) -> (State, Effect) {
    match state.phase {
        Phase::Open { .. } => {
            let mut config = state.config;
            config.code_set = on;
            (State { config, ..state }, Effect::Persist)
        }
        Phase::Armed | Phase::Checking | Phase::Waiting { .. } | Phase::LockedOut => (state, Effect::None),
    }
}

const fn may_arm(policy: &Policy, state: &State) -> bool {
    !matches!(policy.kind, Kind::None)
        && state.config.enabled
        && state.config.code_set
        && (state.config.opted_in || !policy.arming.opt_in)
}

const fn arm_if(policy: &Policy, state: State, cause: bool) -> (State, Effect) {
    match state.phase {
        Phase::Open { .. } if cause && may_arm(policy, &state) => {
            (State { phase: Phase::Armed, quiet_ms: [0; MAX_FORGIVENESS], ..state }, Effect::Persist)
        }
        Phase::Open { .. } | Phase::Armed | Phase::Checking | Phase::Waiting { .. } | Phase::LockedOut => {
            (state, Effect::None)
        }
    }
}

const fn voltage_arms(arming: &Arming, mv: u32) -> bool {
    matches!(arming.low_voltage_mv, Some(limit) if mv < limit) || matches!(arming.surge_mv, Some(limit) if mv > limit)
}

const fn outage_arms(arming: &Arming, outage_ms: u64, feed: Feed, unit_was_on: bool) -> bool {
    let shortest = match feed {
        Feed::Battery => arming.battery_ms,
        Feed::Fuse => arming.fuse_ms,
        Feed::Removal => arming.removal_ms,
    };
    let stood_right = match arming.at_cut {
        AtCut::Any => true,
        AtCut::UnitOn => unit_was_on,
        AtCut::UnitOff => !unit_was_on,
    };
    stood_right && at_least(outage_ms, shortest)
}

const fn at_least(outage_ms: u64, shortest: Option<u64>) -> bool {
    matches!(shortest, Some(shortest) if outage_ms >= shortest)
}

const fn vehicle_seen(policy: &Policy, state: State, home: bool) -> (State, Effect) {
    let paired = matches!(policy.kind, Kind::Pairing | Kind::PairingOrCode);
    match state.phase {
        Phase::Open { .. } => arm_if(policy, state, !home && (paired || policy.arming.other_vehicle)),
        Phase::Armed | Phase::Waiting { .. } if home && paired => (opened(state), Effect::PersistOpened),
        Phase::Armed | Phase::Waiting { .. } | Phase::Checking | Phase::LockedOut => (state, Effect::None),
    }
}

const fn supply_restored(
    policy: &Policy,
    state: State,
    outage_ms: u64,
    feed: Feed,
    unit_was_on: bool,
) -> (State, Effect) {
    let settled = settle(policy, state);
    let kept = count_outage(policy, settled, outage_ms);
    let cut = &policy.supply_cut;
    let restarted = match kept.phase {
        Phase::Waiting { full, .. } if at_least(outage_ms, cut.restarts_wait_ms) => {
            State { phase: Phase::Waiting { full, left: full, begun: false }, ..kept }
        }
        _ => kept,
    };
    let clears = Clears {
        attempts: at_least(outage_ms, cut.restores_attempts_ms),
        rounds: at_least(outage_ms, cut.restores_rounds_ms),
        wait: at_least(outage_ms, cut.ends_wait_ms),
        locked_out: at_least(outage_ms, cut.ends_locked_out_ms),
    };
    let cleared = clear(restarted, clears);
    let (armed, _) = arm_if(policy, cleared, outage_arms(&policy.arming, outage_ms, feed, unit_was_on));
    (armed, Effect::Persist)
}

/// Clocks that run without supply have counted the outage.
const fn count_outage(policy: &Policy, state: State, outage_ms: u64) -> State {
    let mut state = state;
    if let Phase::Waiting { full, left: Span::Time { ms }, begun } = state.phase
        && policy.clock.without_supply
        && (begun || policy.clock.ignition.contains(Ignition::Off))
    {
        state = if ms <= outage_ms {
            wait_over(policy, state)
        } else {
            State { phase: Phase::Waiting { full, left: Span::Time { ms: ms - outage_ms }, begun: true }, ..state }
        };
    }
    let mut i = 0;
    while i < MAX_FORGIVENESS {
        if let Some(rule) = policy.forgiveness[i]
            && rule.clock.without_supply
            && forgivable(&state, rule.clears)
        {
            state = quiet(state, i, outage_ms, rule.after_ms, rule.clears);
        }
        i += 1;
    }
    state
}

/// What a clock does with time that passes under given conditions.
enum Tick {
    Counts,
    Stands,
    Restarts,
}

const fn tick(clock: &Clock, during: Conditions, begun: bool) -> Tick {
    let ignition = clock.ignition.contains(during.ignition);
    let unit = match clock.unit {
        UnitNeed::Any => true,
        UnitNeed::On => during.unit_on,
        UnitNeed::Off => !during.unit_on,
    };
    if ignition && unit {
        return Tick::Counts;
    }
    let restarts = (!ignition && matches!(clock.on_ignition, Interruption::Restart))
        || (!unit && matches!(clock.on_unit, Interruption::Restart));
    if restarts {
        return Tick::Restarts;
    }
    let harmless = (ignition || matches!(clock.on_ignition, Interruption::Harmless))
        && (unit || matches!(clock.on_unit, Interruption::Harmless));
    if harmless && begun { Tick::Counts } else { Tick::Stands }
}

const fn elapsed(policy: &Policy, state: State, ms: u64, during: Conditions) -> (State, Effect) {
    if ms == 0 {
        return (state, Effect::None);
    }
    let (state, forgave) = forgive(policy, state, ms, during);
    let (state, effect) = match state.phase {
        Phase::Waiting { full, left: Span::Time { ms: left }, begun } => match tick(&policy.clock, during, begun) {
            Tick::Counts if ms >= left => (wait_over(policy, state), Effect::Persist),
            Tick::Counts => {
                let rest = left - ms;
                let effect = if left.div_ceil(CHECKPOINT_MS) == rest.div_ceil(CHECKPOINT_MS) && begun {
                    Effect::None
                } else {
                    Effect::Persist
                };
                (State { phase: Phase::Waiting { full, left: Span::Time { ms: rest }, begun: true }, ..state }, effect)
            }
            Tick::Stands => (state, Effect::None),
            Tick::Restarts if begun => {
                (State { phase: Phase::Waiting { full, left: full, begun: false }, ..state }, Effect::Persist)
            }
            Tick::Restarts => (state, Effect::None),
        },
        Phase::Open { for_ms } => {
            let total = for_ms.saturating_add(ms);
            let state = State { phase: Phase::Open { for_ms: total }, ..state };
            match policy.arming.calendar_ms {
                Some(calendar_ms) => arm_if(policy, state, total >= calendar_ms),
                None => (state, Effect::None),
            }
        }
        Phase::Waiting { .. } | Phase::Armed | Phase::Checking | Phase::LockedOut => (state, Effect::None),
    };
    match effect {
        Effect::None if forgave => (state, Effect::Persist),
        other => (state, other),
    }
}

const fn wait_over(policy: &Policy, state: State) -> State {
    let mut tally = state.tally;
    match policy.after_wait {
        AfterWait::Keeps => {}
        AfterWait::ClearsAttempts => {
            tally.failed = 0;
            tally.in_round = 0;
        }
        AfterWait::ClearsAll => tally = Tally { failed: 0, in_round: 0, rounds: 0, extras: 0 },
    }
    State { phase: Phase::Armed, tally, ..state }
}

/// Whether a forgiveness rule has anything to forgive here.
const fn forgivable(state: &State, clears: Clears) -> bool {
    let tally = &state.tally;
    let counted = (clears.attempts && (tally.failed > 0 || tally.in_round > 0))
        || (clears.rounds && (tally.rounds > 0 || tally.extras > 0));
    match state.phase {
        Phase::Armed => counted,
        Phase::Waiting { .. } => clears.wait || counted,
        Phase::LockedOut => clears.locked_out,
        Phase::Open { .. } | Phase::Checking => false,
    }
}

const fn forgive(policy: &Policy, state: State, ms: u64, during: Conditions) -> (State, bool) {
    // Judged by how the lock stood while the time passed, so that one long step and many short ones come to the same.
    let before = state;
    let mut state = state;
    let mut forgave = false;
    let mut i = 0;
    while i < MAX_FORGIVENESS {
        if let Some(rule) = policy.forgiveness[i]
            && forgivable(&before, rule.clears)
        {
            match tick(&rule.clock, during, state.quiet_ms[i] > 0) {
                Tick::Counts => {
                    forgave = forgave || state.quiet_ms[i].saturating_add(ms) >= rule.after_ms;
                    state = quiet(state, i, ms, rule.after_ms, rule.clears);
                }
                Tick::Stands => {}
                Tick::Restarts => state.quiet_ms[i] = 0,
            }
        }
        i += 1;
    }
    (state, forgave)
}

const fn quiet(state: State, rule: usize, ms: u64, after_ms: u64, clears: Clears) -> State {
    let mut state = state;
    let total = state.quiet_ms[rule].saturating_add(ms);
    if total < after_ms {
        state.quiet_ms[rule] = total;
        return state;
    }
    state.quiet_ms[rule] = 0;
    clear(state, clears)
}

const fn key_touched(policy: &Policy, state: State) -> (State, Effect) {
    let mut state = state;
    let mut i = 0;
    while i < MAX_FORGIVENESS {
        if let Some(rule) = policy.forgiveness[i]
            && matches!(rule.clock.on_key, Interruption::Restart)
        {
            state.quiet_ms[i] = 0;
        }
        i += 1;
    }
    match state.phase {
        Phase::Waiting { full, begun: true, .. } if matches!(policy.clock.on_key, Interruption::Restart) => {
            (State { phase: Phase::Waiting { full, left: full, begun: false }, ..state }, Effect::Persist)
        }
        Phase::Waiting { .. } | Phase::Open { .. } | Phase::Armed | Phase::Checking | Phase::LockedOut => {
            (state, Effect::None)
        }
    }
}

/// What a wait that is not a time is counted in.
#[derive(Clone, Copy)]
enum Cycle {
    Ignition,
    Reboot,
    Key,
}

const fn cycled(policy: &Policy, state: State, cycle: Cycle) -> (State, Effect) {
    let Phase::Waiting { full, left, .. } = state.phase else { return (state, Effect::None) };
    let left = match (left, cycle) {
        (Span::IgnitionCycles(n), Cycle::Ignition) => Span::IgnitionCycles(n.saturating_sub(1)),
        (Span::Reboots(n), Cycle::Reboot) => Span::Reboots(n.saturating_sub(1)),
        (Span::KeyCycles(n), Cycle::Key) => Span::KeyCycles(n.saturating_sub(1)),
        _ => return (state, Effect::None),
    };
    if is_nothing(left) {
        (wait_over(policy, state), Effect::Persist)
    } else {
        (State { phase: Phase::Waiting { full, left, begun: true }, ..state }, Effect::Persist)
    }
}
