//! What using a tool does to the lock, step by step: keys touched, time that passes meanwhile, and the events that the unit feeds.

use headlock_lock::{Conditions, Event, Feed, Ignition, Phase, Policy, State, next_change_ms, step};
use headlock_profile::behaviour::Moment;
use headlock_twin::effects::moment;

use crate::graph::PULL_MS;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key goes down.
    Touch,
    /// The ignition comes on.
    Turn,
    /// Time passes.
    Pass {
        /// Milliseconds.
        ms: u64,
        /// How the unit stands meanwhile.
        during: Conditions,
    },
    /// From here on it does nothing unless it works at this moment.
    Works,
    /// An attempt is used up without a code.
    Charge,
    /// The unit feeds this to its lock.
    Feed(Event),
    /// A plug is pulled and put back.
    Pull,
}

impl Step {
    /// Time passes with the ignition so, the unit on.
    pub(crate) const fn pass(ms: u64, ignition: Ignition) -> Self {
        Self::Pass { ms, during: Conditions { ignition, unit_on: true } }
    }

    /// Milliseconds.
    pub(crate) const fn ms(&self) -> u64 {
        match self {
            Self::Pass { ms, .. } => *ms,
            Self::Pull => PULL_MS,
            Self::Touch | Self::Turn | Self::Works | Self::Charge | Self::Feed(_) => 0,
        }
    }
}

/// Where the lock stands after all steps; none if the tool works at none of the moments that count, or does nothing that the same
/// handling without it would not have done.
pub(crate) fn run(steps: &[Step], works_while: &[Moment], policy: &Policy, state: State) -> Option<State> {
    if !works_while.contains(&moment(&state.phase)) {
        return None;
    }
    let (mut with, mut without) = (state, state);
    for each in steps {
        match each {
            Step::Works if !works_while.contains(&moment(&with.phase)) => return None,
            Step::Works => {}
            Step::Charge if matches!(with.phase, Phase::Armed) => {
                let checking = step(policy, with, Event::CodeEntered).0;
                with = step(policy, checking, Event::Mismatched).0;
            }
            Step::Charge => {}
            Step::Feed(event) => with = step(policy, with, *event).0,
            Step::Touch | Step::Turn | Step::Pass { .. } | Step::Pull => {
                with = handled(each, policy, with);
                without = handled(each, policy, without);
            }
        }
    }
    // How long it has played does not matter to who wanted it open.
    if matches!(with.phase, Phase::Open { .. }) {
        with.phase = Phase::Open { for_ms: 0 };
    }
    (with != without).then_some(with)
}

/// What handling alone does.
fn handled(each: &Step, policy: &Policy, state: State) -> State {
    match each {
        Step::Touch => step(policy, state, Event::KeyTouched).0,
        Step::Turn => step(policy, state, Event::IgnitionCycled).0,
        Step::Pass { ms, during } => pass(policy, state, *ms, *during),
        Step::Pull => {
            let restored = Event::SupplyRestored { outage_ms: PULL_MS, feed: Feed::Battery, unit_was_on: true };
            step(policy, step(policy, state, restored).0, Event::Rebooted).0
        }
        Step::Works | Step::Charge | Step::Feed(_) => state,
    }
}

/// Lets time pass, from one change to the next.
fn pass(policy: &Policy, mut state: State, ms: u64, during: Conditions) -> State {
    let mut left_ms = ms;
    while left_ms > 0 {
        let slice_ms = next_change_ms(policy, &state, during).map_or(left_ms, |next_ms| next_ms.clamp(1, left_ms));
        state = step(policy, state, Event::Elapsed { ms: slice_ms, during }).0;
        left_ms -= slice_ms;
    }
    state
}
