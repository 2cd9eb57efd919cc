//! How many guesses somebody gets by when: for each guess the earliest instant at which it can be made.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::graph::{Act, Edge, Graph};
use crate::rate::{Rate, long_run_from};

/// The earliest instants of all guesses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// When the first, second, … guess is made at the earliest, in milliseconds.
    first: Vec<u64>,
    /// From `first[from]` on the instants repeat: so many guesses later the same, so many milliseconds later.
    repeats: Option<Repeat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repeat {
    from: usize,
    guesses: u64,
    ms: u64,
}

/// How many guesses there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// So many.
    Guesses(u64),
    /// No end of them at once: nothing but the fingers limits them.
    Unlimited,
}

/// Guesses after which a search for a rhythm is given up; then the rest is not known, and nothing is said of it.
const FAR: usize = 200_000;

impl Budget {
    /// For whoever starts at the first state of the graph, at the instant 0.
    pub fn of(graph: &Graph) -> Self {
        let mut front: Vec<(u32, u64)> = vec![(0, 0)];
        let mut first = Vec::new();
        // Where one stands, from the earliest instant on: the same again means that all that follows repeats.
        let mut seen: FxHashMap<Vec<(u32, u64)>, (usize, u64)> = FxHashMap::default();
        let mut search = Search::new(graph);
        while first.len() < FAR {
            let Some(earliest) = front.iter().map(|(_, at)| *at).min() else { break };
            search.drop_the_hopeless(&mut front);
            let shape = front.iter().map(|(state, at)| (*state, at - earliest)).collect();
            if let Some((from, at)) = seen.insert(shape, (first.len(), earliest)) {
                let guesses = (first.len() - from) as u64;
                return Self { first, repeats: Some(Repeat { from, guesses, ms: earliest - at }) };
            }
            front = search.next_guess(&front);
            first.extend(front.iter().map(|(_, at)| *at).min());
        }
        Self { first, repeats: None }
    }

    /// The earliest instant of the `n`th guess, counted from 1; none if it can never be made. What lies beyond 584
    /// million years is told as that.
    pub fn instant_ms(&self, n: u64) -> Option<u64> {
        let index = usize::try_from(n.checked_sub(1)?).ok()?;
        if let Some(at) = self.first.get(index) {
            return Some(*at);
        }
        let Repeat { from, guesses, ms } = self.repeats?;
        let beyond = n - 1 - from as u64;
        let (rounds, rest) = (beyond / guesses, beyond % guesses);
        let base = self.first.get(from + usize::try_from(rest).ok()?)?;
        Some(base.saturating_add(rounds.saturating_mul(ms)))
    }

    /// How many guesses can be made up to and with this instant.
    pub fn guesses_by(&self, ms: u64) -> Reach {
        let within = self.first.partition_point(|at| *at <= ms);
        let Some(Repeat { from, guesses, ms: each }) = self.repeats.filter(|_| within == self.first.len()) else {
            return Reach::Guesses(within as u64);
        };
        if each == 0 {
            return Reach::Unlimited;
        }
        // Each of the guesses of a round comes again every `each` milliseconds.
        let round = &self.first[from..];
        let more: u64 = round.iter().map(|at| (ms - at) / each).sum();
        debug_assert_eq!(round.len() as u64, guesses);
        Reach::Guesses(within as u64 + more)
    }

    /// All guesses that there ever are; none if there is no end of them.
    pub fn total(&self) -> Option<u64> {
        if self.repeats.is_some() || self.first.len() >= FAR { None } else { Some(self.first.len() as u64) }
    }

    /// Guesses and milliseconds of the rhythm that it ends in.
    pub fn rhythm(&self) -> Option<(u64, u64)> {
        self.repeats.map(|repeat| (repeat.guesses, repeat.ms))
    }
}

/// The quickest ways between guesses.
pub(crate) struct Search<'a> {
    graph: &'a Graph,
    at: Vec<u64>,
    came: Vec<Option<(u32, Act, u64)>>,
    touched: Vec<u32>,
    /// What whoever stands in a state gets in the long run, once it was asked for.
    rates: FxHashMap<u32, Rate>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        let states = graph.states().len();
        Self {
            graph,
            at: vec![u64::MAX; states],
            came: vec![None; states],
            touched: Vec::new(),
            rates: FxHashMap::default(),
        }
    }

    /// From where one may stand, and since when, to where one may stand right after one more guess.
    pub(crate) fn next_guess(&mut self, front: &[(u32, u64)]) -> Vec<(u32, u64)> {
        self.spread(front);
        let mut after: FxHashMap<u32, u64> = FxHashMap::default();
        for state in &self.touched {
            let at = self.at[*state as usize];
            for edge in self.graph.edges(*state as usize).iter().filter(|edge| edge.is_guess()) {
                let slot = after.entry(edge.to).or_insert(u64::MAX);
                *slot = (*slot).min(at.saturating_add(edge.ms));
            }
        }
        let mut after: Vec<_> = after.into_iter().collect();
        after.sort_unstable();
        after
    }

    /// Leaves out where nobody would stand who can choose: whoever stands at the earliest gets there as soon, with as many guesses
    /// made or more; or is so far ahead that nothing from there ever comes sooner.
    fn drop_the_hopeless(&mut self, front: &mut Vec<(u32, u64)>) {
        let Some((lead, earliest)) = front.iter().copied().min_by_key(|(state, at)| (*at, *state)) else { return };
        if front.len() == 1 {
            return;
        }
        self.spread_over_all(&[(lead, earliest)]);
        let reached: Vec<Option<u64>> = front.iter().map(|(state, _)| self.at(*state)).collect();
        let farthest = self.touched.iter().map(|state| self.at[*state as usize] - earliest).max().unwrap_or(0);
        let mut index = 0;
        front.retain(|(state, at)| {
            let sooner = reached[index];
            index += 1;
            *state == lead
                || sooner.is_none_or(|sooner| sooner > *at) && !self.falls_behind(lead, *state, at - earliest, farthest)
        });
    }

    /// Whether who is so far behind, and gets no more in the long run, never catches up. With n states, the one ahead loses no more
    /// than the way to its best cycle and once around that, n guesses' time; the one behind gains no more than n guesses on its way
    /// to any cycle.
    fn falls_behind(&mut self, lead: u32, state: u32, behind_ms: u64, farthest_ms: u64) -> bool {
        let graph = self.graph;
        let mut rate = |state| *self.rates.entry(state).or_insert_with(|| long_run_from(graph, state));
        let (ours, theirs) = (rate(lead), rate(state));
        let lead_ms = u128::from(behind_ms.saturating_sub(farthest_ms));
        let most = 2 * graph.states().len() as u128;
        !theirs.exceeds(&ours) && lead_ms * u128::from(ours.guesses) > most * u128::from(ours.ms)
    }

    /// The earliest instant of each state, without a guess.
    pub(crate) fn spread(&mut self, front: &[(u32, u64)]) {
        self.spread_by(front, |edge| !edge.is_guess());
    }

    /// The earliest instant of each state, whatever it takes.
    pub(crate) fn spread_over_all(&mut self, front: &[(u32, u64)]) {
        self.spread_by(front, |_| true);
    }

    fn spread_by(&mut self, front: &[(u32, u64)], wanted: impl Fn(&Edge) -> bool) {
        for state in self.touched.drain(..) {
            self.at[state as usize] = u64::MAX;
            self.came[state as usize] = None;
        }
        let mut queue = BinaryHeap::new();
        for (state, at) in front {
            self.reach(*state, *at, None, &mut queue);
        }
        while let Some(Reverse((at, state))) = queue.pop() {
            if at > self.at[state as usize] {
                continue;
            }
            for edge in self.graph.edges(state as usize).iter().filter(|edge| wanted(edge)) {
                let then = at.saturating_add(edge.ms);
                self.reach(edge.to, then, Some((state, edge.act, edge.ms)), &mut queue);
            }
        }
    }

    fn reach(
        &mut self,
        state: u32,
        at: u64,
        from: Option<(u32, Act, u64)>,
        queue: &mut BinaryHeap<Reverse<(u64, u32)>>,
    ) {
        let slot = &mut self.at[state as usize];
        if at < *slot {
            if *slot == u64::MAX {
                self.touched.push(state);
            }
            *slot = at;
            self.came[state as usize] = from;
            queue.push(Reverse((at, state)));
        }
    }

    pub(crate) fn at(&self, state: u32) -> Option<u64> {
        Some(self.at[state as usize]).filter(|at| *at < u64::MAX)
    }

    /// What was done to reach a state of the last spread, in order, and the state that it began in.
    pub(crate) fn way_to(&self, mut state: u32) -> (u32, Vec<(Act, u64)>) {
        let mut acts = Vec::new();
        while let Some((from, act, ms)) = self.came[state as usize] {
            acts.push((act, ms));
            state = from;
        }
        acts.reverse();
        (state, acts)
    }
}

/// What has to be done, in order, for the `n`th guess at its earliest instant.
pub fn attack(graph: &Graph, n: u64) -> Option<Vec<(Act, u64)>> {
    let mut search = Search::new(graph);
    let mut front: Vec<(u32, u64)> = vec![(0, 0)];
    // For each guess: where one stands after it, and from where it was made.
    let mut layers: Vec<FxHashMap<u32, (u32, u64)>> = Vec::new();
    let mut fronts = vec![front.clone()];
    for _ in 0..n {
        search.spread(&front);
        let mut from: FxHashMap<u32, (u32, u64)> = FxHashMap::default();
        for state in &search.touched {
            let at = search.at[*state as usize];
            for edge in graph.edges(*state as usize).iter().filter(|edge| edge.is_guess()) {
                let then = at.saturating_add(edge.ms);
                let slot = from.entry(edge.to).or_insert((*state, u64::MAX));
                if then < slot.1 {
                    *slot = (*state, then);
                }
            }
        }
        front = from.iter().map(|(state, (_, at))| (*state, *at)).collect();
        front.sort_unstable();
        fronts.push(front.clone());
        layers.push(from);
    }
    let (mut state, _) = front.iter().copied().min_by_key(|(_, at)| *at)?;
    let mut acts = Vec::new();
    for (layer, before) in layers.iter().zip(&fronts).rev() {
        let (made_from, _) = layer.get(&state)?;
        let typing = graph.edges(*made_from as usize).iter().find(|edge| edge.is_guess() && edge.to == state)?.ms;
        acts.push((Act::Guess, typing));
        search.spread(before);
        let (began, way) = search.way_to(*made_from);
        acts.extend(way.into_iter().rev());
        state = began;
    }
    acts.reverse();
    Some(acts)
}
