//! `cargo xtask bench`: figures beside their bounds, in one run.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{root, run as call};

const ROUNDS: usize = 40;

/// Runs the benches of the twin, the analyser, the registry from its log to its service, the codecs and the lines, then measures cold starts of the command.
pub(crate) fn run() -> Result<(), String> {
    call("the twin", "cargo", &["bench", "--package", "headlock-twin", "--bench", "inputs"], &[])?;
    call("the analyser", "cargo", &["bench", "--package", "headlock-analysis", "--bench", "states"], &[])?;
    call("the registry's log", "cargo", &["bench", "--package", "headlock-registry", "--bench", "log"], &[])?;
    crate::engines::install()?;
    call("the registry's stores", "cargo", &["bench", "--package", "headlock-registry", "--bench", "store"], &[])?;
    call("the registry's desk", "cargo", &["bench", "--package", "headlock-registry", "--bench", "releases"], &[])?;
    call("the registry's exports", "cargo", &["bench", "--package", "headlock-registry", "--bench", "export"], &[])?;
    call("the registry's intake", "cargo", &["bench", "--package", "headlock-registry", "--bench", "intake"], &[])?;
    call("the registry's sizes", "cargo", &["bench", "--package", "headlock-registry", "--bench", "sizes"], &[])?;
    call("the registry's service", "cargo", &["bench", "--package", "headlock-server", "--bench", "releases"], &[])?;
    call("the codecs", "cargo", &["bench", "--package", "headlock-wire", "--bench", "codecs"], &[])?;
    // The peer that the ELM327 is measured beside.
    crate::interop::install()?;
    call("the lines", "cargo", &["bench", "--package", "headlock-link", "--bench", "lines"], &[])?;
    call("building", "cargo", &["build", "--release", "--package", "headlock"], &[])?;
    cold_starts()
}

fn cold_starts() -> Result<(), String> {
    let headlock = root().join("target/release/headlock");
    let headlock = headlock.to_string_lossy().into_owned();
    let plans: [(&str, &[&str]); 9] = [
        (
            "plan: J10 of 2011, CL…, WAIT after three",
            &[
                "--vehicle",
                "Qashqai J10",
                "--year",
                "2011",
                "--serial",
                "CL12345678",
                "--display",
                "WAIT",
                "--attempts",
                "3",
            ],
        ),
        ("plan: BN…, firmware 1.05", &["--serial", "BN23456789", "--firmware", "SW: 1.05"]),
        ("plan: PA…, ERROR", &["--serial", "PA12345678", "--display", "ERROR"]),
        ("plan: 28Q…, LOCK", &["--serial", "28Q1234567890", "--display", "LOCK"]),
        ("plan: asks at every start", &["--symptom", "asks-at-every-start"]),
        ("plan: ERROR 3", &["--display", "ERROR 3"]),
        ("plan: CODE, and nothing else known", &["--display", "CODE"]),
        ("plan: WAIT, and nothing else known", &["--display", "WAIT"]),
        ("plan: ERROR, and nothing else known", &["--display", "ERROR"]),
    ];
    let mut cases: Vec<(&str, &str, Vec<&str>)> = vec![
        ("true (the bound: starting a process)", "true", vec![]),
        ("headlock --version", &headlock, vec!["--version"]),
        ("headlock units", &headlock, vec!["units"]),
        ("headlock analyse, every reading", &headlock, vec!["analyse"]),
    ];
    cases.extend(plans.iter().map(|(name, args)| (*name, headlock.as_str(), [&["plan"], *args].concat())));
    println!("\ncold starts, median of {ROUNDS}");
    let mut bound = None;
    for (name, program, args) in cases {
        let median = median(program, &args)?;
        let bound = *bound.get_or_insert(median);
        println!(
            "  {name:<42} {:>8.2} ms  {:>7.1} x the bound",
            median.as_secs_f64() * 1e3,
            median.as_secs_f64() / bound.as_secs_f64()
        );
    }
    Ok(())
}

fn median(program: &str, args: &[&str]) -> Result<Duration, String> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.map_err(|why| format!("cannot start {program}: {why}"))?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}
