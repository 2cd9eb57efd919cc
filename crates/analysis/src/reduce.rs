//! Which states are one: counts beyond the last rung and the last limit change nothing any more.

use headlock_lock::{Ladder, MAX_FORGIVENESS, Policy, Rung, Scope, State, Tally};

/// The highest counts that still tell two states apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reduction {
    failed: u16,
    in_round: u16,
    rounds: u16,
    extras: u16,
    quiet: [bool; MAX_FORGIVENESS],
}

impl Reduction {
    pub(crate) fn of(policy: &Policy) -> Self {
        let tries = &policy.tries;
        let last = |scope| policy.ladder.rungs().filter(|rung| rung.scope == scope).map(still_grows).max();
        // What a gesture gives back has to be counted beyond what it is taken from.
        let given = tries.extra.attempts.saturating_mul(tries.extra.times);
        let failed = last(Scope::Failures).max(tries.locked_out_after_attempts).unwrap_or(0);
        // Whether anything is counted matters to what clears it.
        let failed = failed.max(1).saturating_add(given);
        let has_rounds = tries.first_round > 0 || tries.later_rounds > 0;
        let in_round = last(Scope::FailuresInRound).unwrap_or(0).max(tries.first_round).max(tries.later_rounds);
        let rounds = last(Scope::Rounds).max(tries.locked_out_after_rounds).unwrap_or(0).max(1);
        Self {
            failed,
            // What is beyond the round completes it, whatever it is, unless a rung still tells it apart.
            in_round: if has_rounds { in_round.saturating_add(given) } else { 0 },
            rounds: if has_rounds { rounds.saturating_add(given) } else { 0 },
            extras: tries.extra.times,
            quiet: policy.forgiveness.map(|rule| rule.is_some()),
        }
    }

    /// The state that stands for this one.
    pub(crate) fn apply(&self, state: State) -> State {
        let Tally { failed, in_round, rounds, extras } = state.tally;
        let tally = Tally {
            failed: failed.min(self.failed),
            in_round: in_round.min(self.in_round),
            rounds: rounds.min(self.rounds),
            extras: extras.min(self.extras),
        };
        let mut quiet_ms = state.quiet_ms;
        for (quiet, used) in quiet_ms.iter_mut().zip(self.quiet) {
            *quiet = if used { *quiet } else { 0 };
        }
        State { tally, quiet_ms, ..state }
    }
}

/// The count from which a rung's wait no longer changes.
fn still_grows(rung: &Rung) -> u16 {
    let alone = Ladder::EMPTY.with(*rung).unwrap_or(Ladder::EMPTY);
    let wait = |count| alone.wait_for(rung.scope, count);
    (rung.from..u16::MAX).find(|count| wait(*count) == wait(count + 1)).unwrap_or(u16::MAX)
}
