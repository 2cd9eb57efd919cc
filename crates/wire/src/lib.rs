//! What testers and ECUs say to each other: bytes in, values out.
//!
//! `no_std`, without I/O and without a clock: time is an argument, in microseconds. Only [`elm327`] and [`hex`] allocate, for
//! text.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod can;
pub mod doip;
pub mod elm327;
pub mod hex;
pub mod isotp;
mod put;
pub mod slcan;
pub mod socketcand;
pub mod uds;

pub use put::NoRoom;
