//! `cargo xtask test`: all that must hold before a change lands.

use std::path::Path;

use crate::engines;
use crate::interop;
use crate::run::{root, run as call};
use crate::tidy;

/// Runs everything; stops at the first failure.
pub(crate) fn run() -> Result<(), String> {
    let strict = [("RUSTFLAGS", "-D warnings")];
    call("formatting", "cargo", &["fmt", "--all", "--check"], &[])?;
    call("lints", "cargo", &["clippy", "--workspace", "--all-targets", "--all-features", "--locked"], &strict)?;
    tidy::run()?;
    engines::install()?;
    call("tests", "cargo", &["test", "--workspace", "--all-features", "--locked"], &strict)?;
    // What a build without everything says of what it leaves out.
    call(
        "tests of the small build",
        "cargo",
        &["test", "--package", "headlock-server", "--test", "openid_config", "--locked"],
        &strict,
    )?;
    call(
        "documentation",
        "cargo",
        &["doc", "--workspace", "--all-features", "--no-deps", "--locked"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    interop::run(&[])?;
    // With the binary that the foreign peers have just talked to.
    call(
        "the registry, end to end",
        "bash",
        &["tests/scripts/registry-end-to-end.sh", "target/release/headlock"],
        &[],
    )?;
    licences()
}

/// cargo-deny, installed below `target/` where the machine lacks it.
fn licences() -> Result<(), String> {
    let own = root().join("target/tools/bin/cargo-deny");
    if !Path::new(&own).exists() {
        let folder = root().join("target/tools");
        let folder = folder.to_string_lossy();
        call("installing cargo-deny", "cargo", &["install", "cargo-deny", "--locked", "--root", &folder], &[])?;
    }
    let own = own.to_string_lossy().into_owned();
    // Advisories come from a repository on the network; licences, bans and sources need none.
    call("licences", &own, &["check", "licenses", "bans", "sources"], &[])
}
