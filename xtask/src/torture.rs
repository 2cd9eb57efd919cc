//! `cargo xtask torture`: what takes too long for every day.

use crate::run::run as call;

/// Runs so many random histories over the record store.
pub(crate) fn run(histories: u64) -> Result<(), String> {
    let histories = histories.to_string();
    let args = ["test", "--release", "--package", "headlock-lock", "--test", "histories", "--", "--nocapture"];
    call("random histories", "cargo", &args, &[("HEADLOCK_HISTORIES", &histories)])
}
