//! What the tools of a unit are worth: the ways that open it without any code, and the guesses that those which give back what was
//! counted allow.

use headlock_lock::{Phase, Policy, State};

use crate::budget::{Budget, Search};
use crate::graph::{Act, Graph};
use crate::rate::{Rate, long_run};
use crate::tools::{Tool, ToolKind};
use crate::worth::{Bypass, Explored, first_sooner};

/// What the tools of one case are worth.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The tools that change anything for whoever guesses.
    pub tools: Vec<Tool>,
    /// Each tool that opens it without a code, the soonest first.
    pub openings: Vec<Opening>,
    /// Guesses of whoever has hands, plugs and the panel; none where the panel gives nothing back.
    pub hands: Option<Gain>,
    /// Guesses of whoever also has sticks and testers; none where those give nothing back.
    pub all: Option<Gain>,
    /// States and ways explored for that, and bytes that they took.
    pub explored: Explored,
}

/// A way to open it without a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The tool, by its place in the list.
    pub tool: usize,
    /// The earliest instant at which it is open, in milliseconds.
    pub at_ms: u64,
    /// What is done, in order, and how long each takes in milliseconds; the tool is the last.
    pub acts: Vec<(Act, u64)>,
}

/// What tools that give back what was counted allow.
#[derive(Clone, Debug)]
pub struct Gain {
    /// The instants of all guesses.
    pub budget: Budget,
    /// In the long run.
    pub rate: Rate,
    /// The first guess that comes sooner than for who only pulls plugs.
    pub first: Option<Bypass>,
}

impl Offered {
    /// Of these tools, for who gets `pulls` by pulling plugs; each guess takes `typing_ms`.
    ///
    /// # Errors
    /// The number of states at which the search was given up.
    pub fn of(policy: &Policy, tools: Vec<Tool>, pulls: &Budget, typing_ms: u64) -> Result<Self, usize> {
        let mut offered = Self { tools, openings: Vec::new(), hands: None, all: None, explored: Explored::default() };
        let by_hand = |tool: &Tool| tool.kind == ToolKind::Panel;
        let clears = |tool: &Tool| !tool.opens();
        // An attempt or a wait given back by hand is given back to who has a tester, too.
        if offered.tools.iter().any(|tool| by_hand(tool) && clears(tool)) {
            let graph = offered.graph(policy, typing_ms, by_hand)?;
            offered.hands = Some(Gain::of(&graph, pulls));
        }
        if offered.tools.is_empty() {
            return Ok(offered);
        }
        let graph = offered.graph(policy, typing_ms, |_| true)?;
        if offered.tools.iter().any(|tool| !by_hand(tool) && clears(tool)) {
            offered.all = Some(Gain::of(&graph, pulls));
        }
        offered.openings = openings(policy, &offered.tools, &graph);
        Ok(offered)
    }

    /// Everything that can be done with the tools that are wanted and give something back.
    fn graph(&mut self, policy: &Policy, typing_ms: u64, wanted: impl Fn(&Tool) -> bool) -> Result<Graph, usize> {
        // Those that open it end the guessing. A tool keeps its place in the list.
        let used = |tool: &Tool| if wanted(tool) && !tool.opens() { tool.clone() } else { tool.unused() };
        let tools: Vec<Tool> = self.tools.iter().map(used).collect();
        let graph = Graph::explore_with(policy, &tools, typing_ms, &[State::armed(policy)])?;
        self.explored.add(&graph);
        Ok(graph)
    }
}

impl Gain {
    fn of(graph: &Graph, pulls: &Budget) -> Self {
        let budget = Budget::of(graph);
        let first = first_sooner(graph, &budget, pulls);
        Self { rate: long_run(graph), budget, first }
    }
}

/// For each tool that opens it, the earliest instant.
fn openings(policy: &Policy, tools: &[Tool], graph: &Graph) -> Vec<Opening> {
    let mut search = Search::new(graph);
    search.spread_over_all(&[(0, 0)]);
    let opened = |tool: &Tool, state: &State| {
        tool.after(policy, *state).is_some_and(|after| matches!(after.phase, Phase::Open { .. }))
    };
    let mut all = Vec::new();
    for (number, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.opens()) {
        let reached =
            (0_u32..).zip(graph.states()).filter_map(|(index, state)| Some((search.at(index)?, index, state)));
        let Some((at_ms, index, _)) =
            reached.filter(|(_, _, state)| opened(tool, state)).min_by_key(|(at, index, _)| (*at, *index))
        else {
            continue;
        };
        let (_, mut acts) = search.way_to(index);
        acts.push((Act::Tool(u16::try_from(number).unwrap_or(u16::MAX)), tool.takes_ms));
        all.push(Opening { tool: number, at_ms: at_ms.saturating_add(tool.takes_ms), acts });
    }
    all.sort_by_key(|opening| (opening.at_ms, opening.tool));
    all
}
