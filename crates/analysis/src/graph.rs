//! The states of a lock and what leads from one to another.

use headlock_lock::{
    Clock, Conditions, Event, Feed, Ignition, Interruption, Kind, Phase, Policy, Span, State, UnitNeed, next_change_ms,
    step,
};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::reduce::Reduction;
use crate::tools::Tool;

/// A plug pulled and put back takes a second at least.
pub const PULL_MS: u64 = 1_000;
/// The ignition turned off and on again, the key taken out and put back, or a key of the panel touched takes a second.
pub const TURN_MS: u64 = 1_000;

/// What somebody who guesses may do beside entering codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attacker {
    /// Wait, with the ignition and the unit switched as is best; use what the panel offers. The supply stays on.
    Untouched,
    /// The same, and cut the supply or the unit's fuse at will.
    Pulls,
    /// The same, and use what the unit offers: its menus, a stick, testers.
    Tools,
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A wrong code.
    Guess,
    /// Waiting.
    Wait {
        /// Where the ignition stands, as an index: off, acc, on, engine.
        ignition: u8,
        /// The unit is on.
        unit_on: bool,
    },
    /// The supply cut, at the battery or at the fuse.
    Cut {
        /// It is the unit's fuse.
        fuse: bool,
        /// The unit was on.
        unit_was_on: bool,
    },
    /// The ignition off and on.
    IgnitionCycle,
    /// The ignition key out and in.
    KeyCycle,
    /// The gesture that gives attempts back.
    Extra,
    /// A key touched, and no more.
    Touch,
    /// A tool, by its place in the list.
    Tool(u16),
}

/// What an act leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The state after, as an index.
    pub to: u32,
    /// How long it takes, in milliseconds.
    pub ms: u64,
    /// What is done.
    pub act: Act,
}

impl Edge {
    /// Whether a code is compared.
    pub const fn is_guess(&self) -> bool {
        matches!(self.act, Act::Guess)
    }
}

/// Every state that somebody can bring about, and every way between them.
#[derive(Clone, Debug)]
pub struct Graph {
    states: Vec<State>,
    /// Where each state's edges begin; one more entry than states.
    begins: Vec<u32>,
    edges: Vec<Edge>,
}

const IGNITIONS: [Ignition; 4] = [Ignition::Off, Ignition::Acc, Ignition::On, Ignition::Engine];

/// States beyond which a policy is not explored: none of the catalogue comes near.
pub(crate) const MOST_STATES: usize = 4_000_000;

impl Graph {
    /// Explores from `starts` on, each guess taking `typing_ms`.
    ///
    /// # Errors
    /// The number of states found when it was given up.
    pub fn explore(policy: &Policy, attacker: Attacker, typing_ms: u64, starts: &[State]) -> Result<Self, usize> {
        Self::follow(&Moves::of(policy, attacker, typing_ms), starts)
    }

    /// Explores from `starts` on for [`Attacker::Tools`] with these tools, each guess taking `typing_ms`.
    ///
    /// # Errors
    /// The number of states found when it was given up.
    pub fn explore_with(policy: &Policy, tools: &[Tool], typing_ms: u64, starts: &[State]) -> Result<Self, usize> {
        let moves = Moves { tools, ..Moves::of(policy, Attacker::Tools, typing_ms) };
        Self::follow(&moves, starts)
    }

    fn follow(moves: &Moves<'_>, starts: &[State]) -> Result<Self, usize> {
        let reduction = Reduction::of(moves.policy);
        let mut graph = Self { states: Vec::new(), begins: vec![0], edges: Vec::new() };
        let mut known: FxHashMap<State, u32> = FxHashMap::default();
        for start in starts {
            graph.number(&mut known, reduction.apply(*start));
        }
        let mut next = 0;
        let mut reached = Vec::new();
        while let Some(state) = graph.states.get(next).copied() {
            reached.clear();
            moves.from(state, &mut reached);
            for (to, ms, act) in reached.drain(..) {
                let to = graph.number(&mut known, reduction.apply(to));
                let index = u32::try_from(next).unwrap_or(u32::MAX);
                // Standing still is no way anywhere.
                if to == index && !matches!(act, Act::Guess) {
                    continue;
                }
                let begin = graph.begins[next] as usize;
                let same = |edge: &&mut Edge| edge.to == to && edge.is_guess() == matches!(act, Act::Guess);
                match graph.edges[begin..].iter_mut().find(same) {
                    Some(edge) if edge.ms <= ms => {}
                    Some(edge) => *edge = Edge { to, ms, act },
                    None => graph.edges.push(Edge { to, ms, act }),
                }
            }
            graph.begins.push(u32::try_from(graph.edges.len()).unwrap_or(u32::MAX));
            next += 1;
            if graph.states.len() > MOST_STATES {
                return Err(graph.states.len());
            }
        }
        Ok(graph)
    }

    fn number(&mut self, known: &mut FxHashMap<State, u32>, state: State) -> u32 {
        *known.entry(state).or_insert_with(|| {
            self.states.push(state);
            u32::try_from(self.states.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// States.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The ways from one state.
    pub fn edges(&self, from: usize) -> &[Edge] {
        &self.edges[self.begins[from] as usize..self.begins[from + 1] as usize]
    }

    /// Ways in all.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>()
            + self.begins.capacity() * size_of::<u32>()
            + self.edges.capacity() * size_of::<Edge>()
    }
}

/// What one act can lead to: what [`Graph::explore`] follows, for other explorers of the same graph.
pub struct Successors<'a> {
    moves: Moves<'a>,
    reduction: Reduction,
}

impl<'a> Successors<'a> {
    /// Under this policy, for this guesser, each guess taking `typing_ms`.
    pub fn of(policy: &'a Policy, attacker: Attacker, typing_ms: u64) -> Self {
        Self { moves: Moves::of(policy, attacker, typing_ms), reduction: Reduction::of(policy) }
    }

    /// Adds every state that follows, how long it takes in milliseconds, and what is done.
    pub fn add(&self, state: State, out: &mut Vec<(State, u64, Act)>) {
        let from = out.len();
        self.moves.from(state, out);
        out[from..].iter_mut().for_each(|(state, ..)| *state = self.reduction.apply(*state));
    }
}

/// What can be done under one policy.
struct Moves<'a> {
    policy: &'a Policy,
    typing_ms: u64,
    /// Outages that make a difference, in milliseconds.
    outages: Vec<u64>,
    pulls: bool,
    extra: bool,
    /// A clock minds that keys are touched.
    touch: bool,
    tools: &'a [Tool],
}

/// Which clocks have begun.
fn begun(state: &State) -> [bool; 1 + headlock_lock::MAX_FORGIVENESS] {
    let wait = matches!(state.phase, Phase::Waiting { begun: true, .. });
    let mut all = [wait; 1 + headlock_lock::MAX_FORGIVENESS];
    all[1..].iter_mut().zip(state.quiet_ms).for_each(|(begun, quiet_ms)| *begun = quiet_ms > 0);
    all
}

/// Whether nothing has changed but how long clocks have counted that had begun.
fn only_later(before: &State, after: &State) -> bool {
    let same_phase = match (before.phase, after.phase) {
        (
            Phase::Waiting { full, left: Span::Time { .. }, .. },
            Phase::Waiting { full: still, left: Span::Time { .. }, .. },
        ) => full == still,
        (before, after) => before == after,
    };
    same_phase && begun(before) == begun(after) && before.tally == after.tally && before.config == after.config
}

impl<'a> Moves<'a> {
    fn of(policy: &'a Policy, attacker: Attacker, typing_ms: u64) -> Self {
        let cut = &policy.supply_cut;
        let mut outages = Vec::new();
        if attacker != Attacker::Untouched {
            let thresholds = [
                cut.restarts_wait_ms,
                cut.ends_wait_ms,
                cut.restores_attempts_ms,
                cut.restores_rounds_ms,
                cut.ends_locked_out_ms,
            ];
            outages = thresholds.into_iter().flatten().map(|ms| ms.max(PULL_MS)).collect();
            outages.sort_unstable();
            outages.dedup();
        }
        let minds = |clock: &Clock| clock.on_key == Interruption::Restart;
        let touch = minds(&policy.clock) || policy.forgiveness.iter().flatten().any(|rule| minds(&rule.clock));
        Self {
            policy,
            typing_ms,
            outages,
            pulls: attacker != Attacker::Untouched,
            extra: policy.tries.extra.attempts > 0,
            touch,
            tools: &[],
        }
    }

    fn from(&self, state: State, out: &mut Vec<(State, u64, Act)>) {
        let policy = self.policy;
        // Whoever guesses wants no more than that.
        if matches!(state.phase, Phase::Open { .. }) {
            return;
        }
        let then = |event| step(policy, state, event).0;
        if matches!(state.phase, Phase::Armed) && matches!(policy.kind, Kind::Code | Kind::PairingOrCode) {
            let touched = then(Event::KeyTouched);
            let checking = step(policy, touched, Event::CodeEntered).0;
            out.push((step(policy, checking, Event::Mismatched).0, self.typing_ms, Act::Guess));
        }
        self.waits(state, out);
        match state.phase {
            Phase::Waiting { left: Span::IgnitionCycles(_), .. } => {
                out.push((then(Event::IgnitionCycled), TURN_MS, Act::IgnitionCycle));
            }
            Phase::Waiting { left: Span::KeyCycles(_), .. } => {
                out.push((then(Event::KeyCycled), TURN_MS, Act::KeyCycle));
            }
            _ => {}
        }
        if self.extra {
            out.push((then(Event::ExtraAttempts), TURN_MS, Act::Extra));
        }
        if self.touch {
            out.push((then(Event::KeyTouched), TURN_MS, Act::Touch));
        }
        for (tool, number) in self.tools.iter().zip(0_u16..) {
            out.extend(tool.after(policy, state).map(|after| (after, tool.takes_ms, Act::Tool(number))));
        }
        if self.pulls {
            self.cuts(state, out);
        }
    }

    /// Time that passes until something changes, however everything is switched.
    fn waits(&self, state: State, out: &mut Vec<(State, u64, Act)>) {
        let policy = self.policy;
        let then = |event| step(policy, state, event).0;
        for (ignition, number) in IGNITIONS.into_iter().zip(0_u8..) {
            for unit_on in [false, true] {
                // No head unit here plays with the ignition off while its owner only waits.
                if unit_on && ignition == Ignition::Off
                    || !unit_on && ignition != Ignition::Off && !self.minds_the_unit()
                {
                    continue;
                }
                let during = Conditions { ignition, unit_on };
                let change_ms = next_change_ms(policy, &state, during);
                let act = Act::Wait { ignition: number, unit_on };
                if let Some(ms) = change_ms {
                    out.push((then(Event::Elapsed { ms, during }), ms, act));
                }
                // It may pay to turn there and away again at once: a clock that has begun may go on where it would not begin, and one
                // that is better kept from ending starts again.
                let turned = then(Event::Elapsed { ms: TURN_MS, during });
                if change_ms.is_none_or(|ms| ms > TURN_MS) && begun(&turned) != begun(&state) {
                    out.push((turned, TURN_MS, act));
                }
            }
        }
    }

    /// Outages that make a difference.
    fn cuts(&self, state: State, out: &mut Vec<(State, u64, Act)>) {
        let policy = self.policy;
        let left = match state.phase {
            Phase::Waiting { left: Span::Time { ms }, .. } if policy.clock.without_supply => Some(ms.max(PULL_MS)),
            _ => None,
        };
        // What goes on counting without supply may count nowhere else.
        let quiet = policy.forgiveness.iter().zip(state.quiet_ms).filter_map(|(rule, quiet_ms)| {
            let rule = rule.filter(|rule| rule.clock.without_supply)?;
            Some(rule.after_ms.saturating_sub(quiet_ms).max(PULL_MS))
        });
        for outage_ms in self.outages.iter().copied().chain(left).chain(quiet).chain([PULL_MS]) {
            for (fuse, feed) in [(false, Feed::Battery), (true, Feed::Fuse)] {
                let unit_was_on = true;
                let restored = Event::SupplyRestored { outage_ms, feed, unit_was_on };
                let back = step(policy, state, restored).0;
                let after = step(policy, back, Event::Rebooted).0;
                // A clock that goes on without supply is better waited for than pulled for, second by second.
                if outage_ms == PULL_MS && !self.outages.contains(&PULL_MS) && only_later(&state, &after) {
                    continue;
                }
                out.push((after, outage_ms, Act::Cut { fuse, unit_was_on }));
            }
        }
    }

    /// Whether any clock asks how the unit is switched.
    fn minds_the_unit(&self) -> bool {
        let minds = |clock: &Clock| clock.unit != UnitNeed::Any;
        minds(&self.policy.clock) || self.policy.forgiveness.iter().flatten().any(|rule| minds(&rule.clock))
    }
}
