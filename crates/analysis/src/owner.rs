//! What a policy does to its owner: whether the right code always still gets in, how long the worst wait is, and which accident ends
//! in a lock-out for good.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use headlock_lock::{Kind, Phase, Policy};
use serde::Serialize;

use crate::accident::{Accident, shortest};
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
            for (state, back_ms) in calm.states().iter().zip(back_ms(&calm)) {
                match back_ms {
                    _ if !matches!(state.phase, Phase::Waiting { .. }) => {}
                    Some(ms) => worst_wait_ms = worst_wait_ms.max(Some(ms)),
                    None => endless_states += 1,
                }
            }
        }
        let waits = untouched.states().iter().any(|state| matches!(state.phase, Phase::Waiting { .. }));
        let cut_restarts_wait_ms = policy.supply_cut.restarts_wait_ms.filter(|_| waits);
        Ok(Self {
            always_gets_in: takes_codes && endless_states == 0,
            worst_wait_ms,
            endless_states,
            cut_restarts_wait_ms,
            accident: shortest(untouched),
        })
    }
}

/// From each state, the shortest time without a guess until a code is taken or wanted no more, in milliseconds; none if that never
/// comes.
fn back_ms(graph: &Graph) -> Vec<Option<u64>> {
    let mut into: Vec<Vec<(u32, u64)>> = vec![Vec::new(); graph.states().len()];
    let mut best = vec![None; graph.states().len()];
    let mut queue = BinaryHeap::new();
    for (index, state) in (0_u32..).zip(graph.states()) {
        for edge in graph.edges(index as usize).iter().filter(|edge| !edge.is_guess()) {
            into[edge.to as usize].push((index, edge.ms));
        }
        if matches!(state.phase, Phase::Armed | Phase::Open { .. }) {
            best[index as usize] = Some(0);
            queue.push(Reverse((0_u64, index)));
        }
    }
    while let Some(Reverse((ms, state))) = queue.pop() {
        if best[state as usize] != Some(ms) {
            continue;
        }
        for (from, takes_ms) in &into[state as usize] {
            let then = ms.saturating_add(*takes_ms);
            let known: &mut Option<u64> = &mut best[*from as usize];
            if known.is_none_or(|known| then < known) {
                *known = Some(then);
                queue.push(Reverse((then, *from)));
            }
        }
    }
    best
}
