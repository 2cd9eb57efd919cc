//! What somebody gets in the long run: the cycle of the graph with the most guesses in its time, by Howard's policy iteration, in
//! whole numbers throughout.

use serde::Serialize;

use crate::graph::Graph;

/// Guesses in a time, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Guesses.
    pub guesses: u64,
    /// In so many milliseconds; 0 where nothing but the fingers limits them.
    pub ms: u64,
}

impl Rate {
    /// No guess at all, in the long run.
    pub const NONE: Self = Self { guesses: 0, ms: 1 };

    pub(crate) fn new(guesses: u64, ms: u64) -> Self {
        let (mut a, mut b) = (guesses, ms);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        match (guesses.checked_div(a), ms.checked_div(a)) {
            (Some(guesses), Some(ms)) => Self { guesses, ms },
            _ => Self::NONE,
        }
    }

    /// Guesses a day, for people; none where nothing limits them.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn per_day(&self) -> Option<f64> {
        (self.ms > 0).then(|| self.guesses as f64 * 86_400_000.0 / self.ms as f64)
    }

    pub(crate) const fn exceeds(&self, other: &Self) -> bool {
        self.guesses as u128 * other.ms as u128 > other.guesses as u128 * self.ms as u128
    }
}

/// A way on: to which state, with how many guesses, in how many milliseconds.
type Way = (usize, u64, u64);

/// The best rate of any cycle. All states of a graph can be reached from its first, so it is what whoever starts there gets.
pub fn long_run(graph: &Graph) -> Rate {
    best_of(&endless_ways(graph))
}

/// The same for who starts at another state.
pub(crate) fn long_run_from(graph: &Graph, start: u32) -> Rate {
    let mut ways = endless_ways(graph);
    let mut reached = vec![false; ways.len()];
    let mut open = vec![start as usize];
    while let Some(state) = open.pop() {
        if !std::mem::replace(&mut reached[state], true) {
            open.extend(graph.edges(state).iter().map(|edge| edge.to as usize));
        }
    }
    ways.iter_mut().zip(reached).filter(|(_, reached)| !reached).for_each(|(ways, _)| ways.clear());
    best_of(&ways)
}

fn best_of(ways: &[Vec<Way>]) -> Rate {
    let alive: Vec<usize> = (0..ways.len()).filter(|state| !ways[*state].is_empty()).collect();
    let mut chosen = vec![0; ways.len()];
    let mut worth = vec![0_i128; ways.len()];
    // It ends in a few rounds; what it says is then true whatever led there, for no way gains anything beside the rate.
    for _ in 0..ways.len() {
        let Some((rate, head)) = best_cycle(ways, &chosen, &alive) else { return Rate::NONE };
        if rate.ms == 0 {
            return rate;
        }
        evaluate(ways, &chosen, &alive, (rate, head), &mut worth);
        let mut better = false;
        for from in alive.iter().copied() {
            for (index, (to, guesses, ms)) in ways[from].iter().enumerate() {
                let then = worth[*to] + gain(&rate, *guesses, *ms);
                if then > worth[from] {
                    (worth[from], chosen[from], better) = (then, index, true);
                }
            }
        }
        if !better {
            return rate;
        }
    }
    // Each cycle found is better than the one before, so this ends, too.
    let mut best = best_cycle(ways, &chosen, &alive).map_or(Rate::NONE, |(rate, _)| rate);
    while let Some(rate) = better_cycle(ways, &best).filter(|_| best.ms > 0) {
        best = rate;
    }
    best
}

/// The ways of each state that can go on for ever; none of a state that cannot.
fn endless_ways(graph: &Graph) -> Vec<Vec<Way>> {
    let count = graph.states().len();
    let mut leaves: Vec<usize> = (0..count).map(|from| graph.edges(from).len()).collect();
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); count];
    for from in 0..count {
        graph.edges(from).iter().for_each(|edge| into[edge.to as usize].push(from));
    }
    let mut dead: Vec<usize> = (0..count).filter(|state| leaves[*state] == 0).collect();
    while let Some(state) = dead.pop() {
        for from in std::mem::take(&mut into[state]) {
            leaves[from] -= 1;
            if leaves[from] == 0 {
                dead.push(from);
            }
        }
    }
    let on = |from: usize| {
        let edges = graph.edges(from).iter().filter(|edge| leaves[from] > 0 && leaves[edge.to as usize] > 0);
        edges.map(|edge| (edge.to as usize, u64::from(edge.is_guess()), edge.ms)).collect()
    };
    (0..count).map(on).collect()
}

/// A way's worth beside the rate: positive where it is better.
fn gain(rate: &Rate, guesses: u64, ms: u64) -> i128 {
    i128::from(guesses) * i128::from(rate.ms) - i128::from(ms) * i128::from(rate.guesses)
}

/// The best cycle of those that the choices make, and a state on it.
fn best_cycle(ways: &[Vec<Way>], chosen: &[usize], alive: &[usize]) -> Option<(Rate, usize)> {
    let mut mark = vec![0_usize; ways.len()];
    let mut best: Option<(Rate, usize)> = None;
    for start in alive.iter().copied() {
        let mut state = start;
        while mark[state] == 0 {
            mark[state] = start + 1;
            state = ways[state][chosen[state]].0;
        }
        if mark[state] != start + 1 {
            continue;
        }
        let (head, mut guesses, mut ms) = (state, 0, 0);
        loop {
            let (to, more, longer) = ways[state][chosen[state]];
            (guesses, ms, state) = (guesses + more, ms + longer, to);
            if state == head {
                break;
            }
        }
        let rate = Rate::new(guesses, ms);
        if best.is_none_or(|(known, _)| rate.exceeds(&known)) {
            best = Some((rate, head));
        }
    }
    best
}

/// What each state whose choices lead to the head of the best cycle is worth beside it.
fn evaluate(ways: &[Vec<Way>], chosen: &[usize], alive: &[usize], (rate, head): (Rate, usize), worth: &mut [i128]) {
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); ways.len()];
    alive.iter().for_each(|from| into[ways[*from][chosen[*from]].0].push(*from));
    worth.fill(i128::MIN / 4);
    worth[head] = 0;
    let mut open = vec![head];
    while let Some(state) = open.pop() {
        for from in into[state].iter().copied().filter(|from| *from != head) {
            let (_, guesses, ms) = ways[from][chosen[from]];
            worth[from] = worth[state] + gain(&rate, guesses, ms);
            open.push(from);
        }
    }
}

/// A cycle whose ways gain something beside the rate (Bellman's and Ford's test).
fn better_cycle(ways: &[Vec<Way>], rate: &Rate) -> Option<Rate> {
    let count = ways.len();
    let mut worth = vec![0_i128; count];
    let mut came: Vec<Option<(usize, u64, u64)>> = vec![None; count];
    let mut last = None;
    for _ in 0..count {
        last = None;
        for from in 0..count {
            for (to, guesses, ms) in &ways[from] {
                let then = worth[from] + gain(rate, *guesses, *ms);
                if then > worth[*to] {
                    worth[*to] = then;
                    came[*to] = Some((from, *guesses, *ms));
                    last = Some(*to);
                }
            }
        }
        last?;
    }
    let mut state = last?;
    for _ in 0..count {
        state = came[state]?.0;
    }
    let (head, mut guesses, mut ms) = (state, 0, 0);
    loop {
        let (from, more, longer) = came[state]?;
        (guesses, ms, state) = (guesses + more, ms + longer, from);
        if state == head {
            return Some(Rate::new(guesses, ms));
        }
    }
}
