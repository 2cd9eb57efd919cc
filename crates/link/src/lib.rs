//! Every socket and serial port of diagnostics: [`host`] puts a virtual ECU on them, [`tester`] talks to a real one.
#![forbid(unsafe_code)]

pub mod host;
pub mod tester;
