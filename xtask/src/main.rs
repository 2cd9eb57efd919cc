//! Everything that a maintainer runs: `cargo xtask test`, `tidy`, `interop`, `bench`, `torture`.
#![forbid(unsafe_code)]

mod bench;
mod debian;
mod engines;
mod interop;
mod run;
mod test;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Everything that a maintainer runs")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Passes every test, from a bare machine with Rust on: formatting, lints, tidy, tests, documentation, licences.
    Test,
    /// Checks what ARCHITECTURE.md promises.
    Tidy,
    /// Installs the foreign peers below `target/interop` and lets them meet the release build.
    Interop {
        /// For pytest, such as `-k doip`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// What takes too long for every day: random histories of the record store, and fuzzing.
    Torture {
        /// Histories.
        #[arg(long, default_value_t = 100_000_000)]
        histories: u64,
        /// Minutes for each fuzz target.
        #[arg(long, default_value_t = 10)]
        fuzz_minutes: u64,
    },
    /// Measures, each figure beside its bound in the same run.
    Bench,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test => test::run(),
        Task::Tidy => tidy::run(),
        Task::Interop { arguments } => interop::run(&arguments),
        Task::Bench => bench::run(),
        Task::Torture { histories, fuzz_minutes } => torture::run(histories, fuzz_minutes),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
