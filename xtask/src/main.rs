//! Everything that a maintainer runs: `cargo xtask test`, `tidy`, `bench`.
#![forbid(unsafe_code)]

mod bench;
mod run;
mod test;
mod tidy;

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
    /// Measures, each figure beside its bound in the same run.
    Bench,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test => test::run(),
        Task::Tidy => tidy::run(),
        Task::Bench => bench::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
