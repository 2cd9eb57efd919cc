//! Running other programs, and saying which one failed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Runs a program in the root and waits for it.
pub(crate) fn run(title: &str, program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<(), String> {
    println!("== {title}: {program} {}", args.join(" "));
    let started = Instant::now();
    let status = Command::new(program).args(args).envs(env.iter().copied()).current_dir(root()).status();
    let status = status.map_err(|why| format!("{title}: cannot start {program}: {why}"))?;
    println!("== {title}: {:.0} s", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("{title} failed: {program} {}", args.join(" "))) }
}
