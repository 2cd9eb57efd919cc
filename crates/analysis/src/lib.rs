//! What a policy is worth: the shipped lock, explored over every state that matters, with time jumping to the next instant at which
//! anything changes. Every figure is exact: whole milliseconds, whole guesses, and rates as fractions of them.
#![forbid(unsafe_code)]

mod accident;
mod budget;
mod file_name;
mod gestures;
mod graph;
mod offers;
mod owner;
mod rate;
mod reduce;
mod script;
mod space;
mod steps;
mod tools;
mod wear;
mod worth;

pub use accident::Accident;
pub use budget::{Budget, Reach, attack};
pub use graph::{Act, Attacker, Edge, Graph, PULL_MS, Successors, TURN_MS};
pub use offers::{Gain, Offered, Opening};
pub use owner::Owner;
pub use rate::{Rate, long_run};
pub use script::ScriptFor;
pub use space::Space;
pub use tools::{Deed, Risk, Tool, ToolKind, tools, word};
pub use wear::{LIFE_CYCLES, Wear, wear};
pub use worth::{Bypass, CaseWorth, Explored, ReadingWorth, Worth, case_worth, policy_worth, reading_worth};
