//! The shortest accident that ends in a lock-out for good: the fewest wrong codes, and of those ways the soonest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use headlock_lock::Phase;
use serde::Serialize;

use crate::graph::{Act, Graph};

/// What a child at the keys does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accident {
    /// Wrong codes.
    pub wrong_codes: u64,
    /// From the first to the last, in milliseconds, waits included.
    pub ms: u64,
    /// What is done, in order, and how long each takes in milliseconds.
    pub acts: Vec<(Act, u64)>,
}

/// Wrong codes, then milliseconds.
type Cost = (u64, u64);

/// For whoever starts at the first state; none if nothing that can be done there locks it out.
pub(crate) fn shortest(graph: &Graph) -> Option<Accident> {
    let mut best: Vec<Option<Cost>> = vec![None; graph.states().len()];
    let mut came: Vec<Option<(u32, Act, u64)>> = vec![None; graph.states().len()];
    let mut queue = BinaryHeap::from([Reverse(((0, 0), 0_u32))]);
    *best.first_mut()? = Some((0, 0));
    while let Some(Reverse((cost, state))) = queue.pop() {
        if best[state as usize] != Some(cost) {
            continue;
        }
        if matches!(graph.states()[state as usize].phase, Phase::LockedOut) {
            return Some(Accident { wrong_codes: cost.0, ms: cost.1, acts: way(&came, state) });
        }
        for edge in graph.edges(state as usize) {
            let then = (cost.0 + u64::from(edge.is_guess()), cost.1.saturating_add(edge.ms));
            let known = &mut best[edge.to as usize];
            if known.is_none_or(|known| then < known) {
                *known = Some(then);
                came[edge.to as usize] = Some((state, edge.act, edge.ms));
                queue.push(Reverse((then, edge.to)));
            }
        }
    }
    None
}

fn way(came: &[Option<(u32, Act, u64)>], mut state: u32) -> Vec<(Act, u64)> {
    let mut acts = Vec::new();
    while let Some((from, act, ms)) = came[state as usize] {
        acts.push((act, ms));
        state = from;
    }
    acts.reverse();
    acts
}
