//! The desk that releases a code to its owner and to nobody else: domain only, no HTTP and no pages.
#![forbid(unsafe_code)]

pub mod log;
pub mod store;
