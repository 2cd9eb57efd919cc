//! The catalogue's types: parse, validate, cite, match serials. Text in, values out; no file is touched here.
#![forbid(unsafe_code)]

pub mod behaviour;
mod catalog;
mod code;
mod decode;
mod evidence;
mod guidance;
mod node;
mod policy;
mod policy_file;
mod problem;
mod serial;
mod shape;
pub mod typing;
mod unit;
mod validate;
pub mod ways;
mod words;

pub use catalog::{Catalog, File, MAX_CASES, reading_with};
pub use code::{BadCode, Code, MAX_CODE, NO_CALCULATOR, Provenance, SchemeKey, ShortKey};
pub use evidence::{CitedValue, Evidence, Grade};
pub use guidance::{
    Advice, Answer, Caution, Check, Claim, Conflict, Effort, Estimate, Fault, Gives, Method, Question, Source, Trial,
    Unmodelled, Vehicle, When,
};
pub use node::{Place, SourceFile};
pub use policy::{ignition, ignition_set};
pub use policy_file::{PolicyFile, policy_file};
pub use problem::{Problem, closest};
pub use serial::{
    BadPattern, Cleaning, CompanionSpec, Fit, Fragment, ScreenSpec, SerialChecker, SerialSpec, TextPattern, in_parts,
};
pub use unit::{Case, Identity, Reading, Unit, Years};
pub use words::{BadFirmware, Firmware, Text, Threshold};
