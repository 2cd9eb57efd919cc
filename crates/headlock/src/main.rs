//! From CODE to playing.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use headlock::cli::Cli;
use headlock::failure::Failure;

// A plan makes and drops many small values on all cores at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Failure::paint_plainly();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(cli.json);
            failure.exit_code()
        }
    }
}

/// Help and version are no failure; a mistake on the command line is one, as JSON where JSON was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args().any(|arg| arg == "--json");
    if json && !wanted {
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let failure = Failure::input(what, "headlock help says what each command takes");
        failure.print(true);
        return failure.exit_code();
    }
    // Nobody reads any more: there is nobody to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
