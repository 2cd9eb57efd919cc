//! What a policy does to its owner: whether the right code always still gets in, how long the worst wait is, and which accident ends
//! in a lock-out for good.

use headlock_lock::{Kind, Phase, Policy, State};
use serde::Serialize;

use crate::budget::{Budget, Search};
use crate::graph::{Attacker, Graph};

/// What the owner can count on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// From every state that anybody can bring about, short of a lock-out for good, the right code still gets in after some wait.
    pub always_gets_in: bool,
    /// The longest wait, in milliseconds, with the supply on and everything switched as is best; none if nothing waits.
    pub worst_wait_ms: Option<u64>,
    /// States in which no waiting ends, though the unit is not locked out for good.
    pub endless_states: usize,
    /// The shortest outage of the supply that makes a wait start again, in milliseconds; none if none does.
    pub cut_restarts_wait_ms: Option<u64>,
    /// The shortest accident that locks it out for good; none if none does.
    pub accident: Option<Accident>,
}

/// What a child at the keys does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Accident {
    /// Wrong codes.
    pub wrong_codes: u64,
    /// From the first to the last, in milliseconds, waits included.
    pub ms: u64,
}

impl Owner {
    /// Of a policy, over every state that an attacker at the plug can bring about.
    ///
    /// # Errors
    /// The number of states at which the search was given up.
    pub fn of(policy: &Policy, untouched: &Graph, pulls: &Graph) -> Result<Self, usize> {
        let takes_codes = matches!(policy.kind, Kind::Code | Kind::PairingOrCode);
        let mut worst_wait_ms = None;
        let mut endless_states = 0;
        for graph in [untouched, pulls] {
            // Only what the owner can do without a plug counts as a way out.
            let calm = Graph::explore(policy, Attacker::Untouched, 0, graph.states())?;
            let mut search = Search::new(&calm);
            for (index, state) in calm.states().iter().enumerate() {
                if !matches!(state.phase, Phase::Waiting { .. }) {
                    continue;
                }
                search.spread(&[(u32::try_from(index).unwrap_or(u32::MAX), 0)]);
                let armed = |state: &State| matches!(state.phase, Phase::Armed | Phase::Open { .. });
                let ends = (0_u32..).zip(calm.states()).filter(|(_, state)| armed(state));
                match ends.filter_map(|(state, _)| search.at(state)).min() {
                    Some(ms) => worst_wait_ms = worst_wait_ms.max(Some(ms)),
                    None => endless_states += 1,
                }
            }
        }
        let waits = untouched.states().iter().any(|state| matches!(state.phase, Phase::Waiting { .. }));
        let cut_restarts_wait_ms = policy.supply_cut.restarts_wait_ms.filter(|_| waits);
        let last = untouched.states().iter().any(|state| matches!(state.phase, Phase::LockedOut));
        let budget = Budget::of(untouched);
        let accident = budget
            .total()
            .filter(|total| last && *total > 0)
            .map(|total| Accident { wrong_codes: total, ms: budget.instant_ms(total).unwrap_or(u64::MAX) });
        Ok(Self {
            always_gets_in: takes_codes && endless_states == 0,
            worst_wait_ms,
            endless_states,
            cut_restarts_wait_ms,
            accident,
        })
    }
}
