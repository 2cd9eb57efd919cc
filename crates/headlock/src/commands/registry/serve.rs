//! `headlock registry serve`: the service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headlock_server::{Clock, Host, start};

use super::place::Place;
use super::signals::End;
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Serves a registry over HTTP until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tells its address, then `ready`. SIGINT and SIGTERM end it: what was asked for is answered first. SIGHUP reads certificates again.\nHEADLOCK_LOG=debug says more on standard error; --json makes it lines of JSON.\n\nExamples:\n  headlock registry serve --config desk"
)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Listens here instead; port 0 is any free one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Writes the address into this file once it listens.
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
}

/// Serves.
///
/// # Errors
/// The configuration, the store, the log or the address.
pub(super) fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    trace(json);
    let mut config = args.place.config()?;
    config.listen = args.listen.unwrap_or(config.listen);
    let texts = match &config.catalog {
        Some(folder) => Texts::load(std::slice::from_ref(folder))?,
        None => texts.clone(),
    };
    let host = Host { catalog: Arc::new(texts.catalog()?), clock: Clock::system() };
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::input(format!("the service does not start: {why}"), "headlock registry check says what is wrong")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|why| unusable(&why))?;
    runtime.block_on(async {
        let mut end = End::listen().map_err(|why| unusable(&why))?;
        let running = start(config, host).await.map_err(|why| unusable(&why))?;
        let address = running.address();
        tell_address(args.address_file.as_deref(), address)?;
        paint::say!("registry on {address}\nready");
        end.told().await;
        running.stop().await;
        Ok(())
    })
}

/// Writes an address into a file, if one is wanted.
pub(super) fn tell_address(file: Option<&Path>, address: SocketAddr) -> Result<(), Failure> {
    let Some(path) = file else { return Ok(()) };
    crate::whole_file::write(path, format!("{address}\n").as_bytes())
        .map_err(|why| Failure::input(format!("cannot write {}: {why}", path.display()), "another file"))
}

/// Tracing on standard error, as the environment wants it.
pub(super) fn trace(json: bool) {
    use tracing_subscriber::filter::LevelFilter;
    let level = std::env::var("HEADLOCK_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // Set once; a second call changes nothing.
    let _ = if json { lines.json().try_init() } else { lines.try_init() };
}
