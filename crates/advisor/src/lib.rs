//! From a situation to the readings that remain, and to what to do next, each step proved on the virtual unit.
#![forbid(unsafe_code)]

mod candidate;
mod identify;
mod plan;
mod sight;
mod situation;
mod standing;
mod steps;
#[cfg(test)]
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../../tests/support/catalog.rs"]
mod support;
mod trial;
mod typing_plan;
mod waiting;
mod ways;
pub mod words;

pub use candidate::{Candidate, CandidateState};
pub use identify::{Excluded, Identification, identify};
pub use plan::{AttemptsLeft, Entering, Plan, ReadingLine, Remark, Step, Trouble, Typing, Warning, plan};
pub use situation::{Attempts, BadSituation, Situation};
pub use standing::Standing;
pub use trial::{Action, Counterexample, Effect, Gain, Harm, Proof, attempt, prove};
pub use typing_plan::{Branch, TypingPlan};
pub use waiting::{How, Schedule, WaitPhase, actions, schedule};
pub use ways::{Cost, RefusedWay, Way};
