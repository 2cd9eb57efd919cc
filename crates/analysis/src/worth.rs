//! All figures of one policy, and of every case of a reading.

use headlock_lock::{Phase, Policy, State};
use headlock_profile::{Case, Reading, Unit};
use rayon::prelude::*;
use serde::Serialize;

use crate::budget::{Budget, attack};
use crate::graph::{Act, Attacker, Graph};
use crate::offers::Offered;
use crate::owner::Owner;
use crate::rate::{Rate, long_run};
use crate::space::Space;
use crate::tools::tools;

/// What a policy is worth.
#[derive(Clone, Debug)]
pub struct Worth {
    /// Guesses with the supply untouched.
    pub untouched: Budget,
    /// In the long run.
    pub untouched_rate: Rate,
    /// Guesses of whoever pulls plugs at will.
    pub pulls: Budget,
    /// In the long run.
    pub pulls_rate: Rate,
    /// What the owner can count on.
    pub owner: Owner,
    /// Where pulling pays: which guess it brings sooner first, and everything that has to be done for it.
    pub bypass: Option<Bypass>,
    /// States and ways explored, and bytes that they took.
    pub explored: Explored,
}

/// The first guess that comes sooner for who can do more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bypass {
    /// The how-manieth guess.
    pub guess: u64,
    /// When, in milliseconds.
    pub at_ms: u64,
    /// When it would come for who can do less; never if none.
    pub otherwise_ms: Option<u64>,
    /// What is done, in order, and how long each takes in milliseconds.
    pub acts: Vec<(Act, u64)>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explored {
    /// States.
    pub states: usize,
    /// Ways between them.
    pub ways: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Explored {
    /// One more graph.
    pub(crate) fn add(&mut self, graph: &Graph) {
        self.states += graph.states().len();
        self.ways += graph.edge_count();
        self.bytes += graph.bytes();
    }
}

/// One case of a reading.
#[derive(Clone, Debug)]
pub struct CaseWorth {
    /// What was decided of its open values.
    pub label: String,
    /// Its number, from 1.
    pub number: usize,
    /// Codes.
    pub space: Space,
    /// The figures; none where it takes no codes.
    pub worth: Option<Worth>,
    /// What its tools are worth.
    pub offered: Offered,
}

/// A reading: every case that its open values leave.
#[derive(Clone, Debug)]
pub struct ReadingWorth<'a> {
    /// The reading.
    pub reading: &'a Reading,
    /// Its cases, in their order.
    pub cases: Vec<CaseWorth>,
}

/// Guesses after which a search for the first that pulling brings sooner is given up.
const LOOK_AHEAD: u64 = 2_000;

/// The figures of a policy; each guess takes `typing_ms`.
///
/// # Errors
/// The number of states at which the search was given up.
pub fn policy_worth(policy: &Policy, typing_ms: u64) -> Result<Worth, usize> {
    let start = State { phase: Phase::Armed, ..State::fresh(policy) };
    let calm = Graph::explore(policy, Attacker::Untouched, typing_ms, &[start])?;
    let plugs = Graph::explore(policy, Attacker::Pulls, typing_ms, &[start])?;
    let (untouched, pulls) = (Budget::of(&calm), Budget::of(&plugs));
    let bypass = first_sooner(&plugs, &pulls, &untouched);
    let mut explored = Explored::default();
    explored.add(&calm);
    explored.add(&plugs);
    Ok(Worth {
        untouched_rate: long_run(&calm),
        pulls_rate: long_run(&plugs),
        owner: Owner::of(policy, &calm, &plugs)?,
        untouched,
        pulls,
        bypass,
        explored,
    })
}

/// The first guess that comes sooner, by the ways of this graph, than for who cannot do as much.
pub(crate) fn first_sooner(graph: &Graph, budget: &Budget, others: &Budget) -> Option<Bypass> {
    (1..=LOOK_AHEAD).find_map(|guess| {
        let at_ms = budget.instant_ms(guess)?;
        let otherwise_ms = others.instant_ms(guess);
        let sooner = otherwise_ms.is_none_or(|otherwise_ms| at_ms < otherwise_ms);
        sooner.then(|| attack(graph, guess)).flatten().map(|acts| Bypass { guess, at_ms, otherwise_ms, acts })
    })
}

/// The figures of one case, for the number that its unit has as an example.
///
/// # Errors
/// The number of states at which the search was given up.
pub fn case_worth(
    unit: &Unit,
    reading: &Reading,
    case: &Case,
    number: usize,
    typing_ms: u64,
) -> Result<CaseWorth, usize> {
    let serial = unit.cleaned(&unit.example_serial());
    let policy = &case.policies[0];
    let takes_codes = headlock_profile::typing::takes_codes(&case.behaviour).is_ok();
    let worth = if takes_codes { Some(policy_worth(policy, typing_ms)?) } else { None };
    let none = Budget::default();
    let pulls = worth.as_ref().map_or(&none, |worth| &worth.pulls);
    Ok(CaseWorth {
        label: case.label(),
        number,
        space: Space::of(&case.behaviour, &serial),
        offered: Offered::of(policy, tools(unit, reading, case), pulls, typing_ms)?,
        worth,
    })
}

/// The figures of every case of a reading.
///
/// # Errors
/// The number of states at which the search was given up.
pub fn reading_worth<'a>(unit: &Unit, reading: &'a Reading, typing_ms: u64) -> Result<ReadingWorth<'a>, usize> {
    let cases: Vec<_> = reading.cases.iter().enumerate().collect();
    let worth = |(index, case)| case_worth(unit, reading, case, index + 1, typing_ms);
    let cases: Result<_, _> = cases.into_par_iter().map(worth).collect();
    Ok(ReadingWorth { reading, cases: cases? })
}
