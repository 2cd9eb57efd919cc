//! What testers and ECUs say to each other: bytes in, values out.
//!
//! `no_std`, without I/O and without a clock: time is an argument, in microseconds. Only [`elm327`] allocates, for the
//! lines of text that it speaks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod can;
pub mod elm327;
