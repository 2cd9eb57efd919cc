//! What a unit does whose newest record is lost.

use crate::event::Event;
use crate::policy::{AfterWait, Clears, Policy, Span};
use crate::state::{Phase, State};
use crate::step::step;

/// Wrong codes after which the search for the worst count gives up.
const FAR: u16 = 1_000;

impl State {
    /// It waits the longest finite wait that it knows, or asks for its code where it knows none, and has counted as much as may
    /// have been lost: one failure more than the `last` record that could be read, or, without one, so many that the next failure
    /// brings the longest wait or the end. Never open, never fresh; the owner's code still works, unless it was locked out before.
    pub fn fail_closed(policy: &Policy, last: Option<&Self>) -> Self {
        let counted = match last {
            Some(Self { phase: Phase::LockedOut, .. }) => return last.copied().unwrap_or_else(|| Self::armed(policy)),
            Some(last) => one_more(policy, last),
            None => worst(policy),
        };
        let phase = match policy.ladder.longest_finite_ms() {
            Some(ms) if ms > 0 => Phase::Waiting { full: Span::Time { ms }, left: Span::Time { ms }, begun: false },
            _ => Phase::Armed,
        };
        Self { phase, ..counted }
    }
}

/// One failure more, unless that locks it out. A charge that was never answered is counted already.
fn one_more(policy: &Policy, last: &State) -> State {
    match last.phase {
        Phase::Checking => {
            let (settled, _) = step(policy, *last, Event::Mismatched);
            if matches!(settled.phase, Phase::LockedOut) { *last } else { settled }
        }
        _ => {
            let armed = State { phase: Phase::Armed, ..*last };
            failed(policy, armed).unwrap_or(armed)
        }
    }
}

/// The count at which the next failure brings the longest wait, or locks it out.
fn worst(policy: &Policy) -> State {
    let longest = policy.ladder.longest_finite_ms();
    let mut state = State::armed(policy);
    for _ in 0..FAR {
        let Some(next) = failed(policy, state) else { return state };
        if matches!(next.phase, Phase::Waiting { full: Span::Time { ms }, .. } if Some(ms) == longest) {
            return state;
        }
        state = served(policy, next);
    }
    state
}

/// The state after one wrong code; none if that locks it out.
fn failed(policy: &Policy, state: State) -> Option<State> {
    let (checking, _) = step(policy, state, Event::CodeEntered);
    let (failed, _) = step(policy, checking, Event::Mismatched);
    (!matches!(failed.phase, Phase::LockedOut)).then_some(failed)
}

/// The state once a wait that runs is over.
pub const fn served(policy: &Policy, state: State) -> State {
    if !matches!(state.phase, Phase::Waiting { .. }) {
        return state;
    }
    let clears = match policy.after_wait {
        AfterWait::Keeps => Clears { wait: true, ..Clears::NOTHING },
        AfterWait::ClearsAttempts => Clears { wait: true, attempts: true, ..Clears::NOTHING },
        AfterWait::ClearsAll => Clears { wait: true, attempts: true, rounds: true, locked_out: false },
    };
    step(policy, state, Event::Cleared(clears)).0
}
