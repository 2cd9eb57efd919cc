//! The desk that releases a code to its owner and to nobody else: domain only, no HTTP and no pages.
#![forbid(unsafe_code)]

pub mod desk;
pub mod escrow;
pub mod import;
pub mod intake;
pub mod limit;
pub mod log;
pub mod lookup;
mod random;
pub mod record;
pub mod rules;
pub mod seal;
pub mod sign_in;
pub mod store;
pub mod watch;
