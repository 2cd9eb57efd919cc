//! All figures of one policy, and of every case of a reading.

use headlock_lock::{Phase, Policy, State};
use headlock_profile::{Case, Reading, Unit};
use rayon::prelude::*;
use serde::Serialize;

use crate::budget::{Budget, attack};
use crate::graph::{Act, Attacker, Graph};
use crate::owner::Owner;
use crate::rate::{Rate, long_run};
use crate::space::Space;

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

/// The first guess that pulling plugs brings sooner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bypass {
    /// The how-manieth guess.
    pub guess: u64,
    /// When, in milliseconds.
    pub at_ms: u64,
    /// When it would come with the supply untouched; never if none.
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

/// One case of a reading.
#[derive(Clone, Debug)]
pub struct CaseWorth {
    /// What was decided of its open values.
    pub label: String,
    /// Its number, from 1.
    pub number: usize,
    /// Codes.
    pub space: Space,
    /// The figures.
    pub worth: Worth,
}

/// A reading: every case that its open values leave.
#[derive(Clone, Debug)]
pub struct ReadingWorth<'a> {
    /// The reading.
    pub reading: &'a Reading,
    /// Its cases; empty where it takes no codes.
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
    let bypass = (1..=LOOK_AHEAD).find_map(|guess| {
        let at_ms = pulls.instant_ms(guess)?;
        let otherwise_ms = untouched.instant_ms(guess);
        let sooner = otherwise_ms.is_none_or(|otherwise_ms| at_ms < otherwise_ms);
        sooner.then(|| attack(&plugs, guess)).flatten().map(|acts| Bypass { guess, at_ms, otherwise_ms, acts })
    });
    let explored = Explored {
        states: calm.states().len() + plugs.states().len(),
        ways: calm.edge_count() + plugs.edge_count(),
        bytes: calm.bytes() + plugs.bytes(),
    };
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

/// The figures of one case, for the number that its unit has as an example.
///
/// # Errors
/// The number of states at which the search was given up.
pub fn case_worth(unit: &Unit, case: &Case, number: usize, typing_ms: u64) -> Result<CaseWorth, usize> {
    let serial = unit.cleaned(&unit.example_serial());
    Ok(CaseWorth {
        label: case.label(),
        number,
        space: Space::of(&case.behaviour, &serial),
        worth: policy_worth(&case.policies[0], typing_ms)?,
    })
}

/// The figures of every case of a reading.
///
/// # Errors
/// The number of states at which the search was given up.
pub fn reading_worth<'a>(unit: &Unit, reading: &'a Reading, typing_ms: u64) -> Result<ReadingWorth<'a>, usize> {
    let takes_codes = |case: &&Case| headlock_profile::typing::takes_codes(&case.behaviour).is_ok();
    let cases: Vec<_> = reading.cases.iter().filter(takes_codes).enumerate().collect();
    let cases: Result<_, _> =
        cases.into_par_iter().map(|(index, case)| case_worth(unit, case, index + 1, typing_ms)).collect();
    Ok(ReadingWorth { reading, cases: cases? })
}
