//! `cargo xtask torture`: what takes too long for every day.

use std::path::Path;

use crate::run::{root, run as call};

/// Runs so many random histories over the record store, then each fuzz target for so many minutes.
pub(crate) fn run(histories: u64, fuzz_minutes: u64) -> Result<(), String> {
    let histories = histories.to_string();
    let args = ["test", "--release", "--package", "headlock-lock", "--test", "histories", "--", "--nocapture"];
    call("random histories", "cargo", &args, &[("HEADLOCK_HISTORIES", &histories)])?;
    let tool = root().join("target/tools/bin/cargo-fuzz");
    if !Path::new(&tool).exists() {
        let folder = root().join("target/tools");
        let folder = folder.to_string_lossy();
        call("installing cargo-fuzz", "cargo", &["install", "cargo-fuzz", "--locked", "--root", &folder], &[])?;
    }
    let tool = tool.to_string_lossy().into_owned();
    let time = format!("-max_total_time={}", fuzz_minutes * 60);
    for target in ["image", "events", "uds", "isotp", "doip", "slcan", "socketcand", "elm327"] {
        // The sanitisers are not in the stable toolchain's promise; the compiler has them all the same.
        let args = ["run", "--fuzz-dir", "fuzz", target, "--", &time];
        call(&format!("fuzzing {target}"), &tool, &args, &[("RUSTC_BOOTSTRAP", "1")])?;
    }
    Ok(())
}
