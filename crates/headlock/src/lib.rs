//! The `headlock` command: parse, call, print. The parts that tests drive are public.
#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod failure;
pub mod paint;
pub mod panel;
pub mod script;
pub mod store;
pub mod whole_file;
pub mod words;
