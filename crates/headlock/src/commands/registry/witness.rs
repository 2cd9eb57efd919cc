//! `headlock registry witness`: an outsider's own witness, its key and its service.

use std::net::SocketAddr;
use std::path::PathBuf;

use headlock_registry::log::{Lookout, VerifierKey, WitnessKeyError, make_witness_key, read_witness_key};
use headlock_server::{Clock, witness};
use serde_json::json;

use super::place::broken;
use super::serve::{tell_address, trace};
use super::signals::End;
use super::verify::verifier_key;
use crate::failure::Failure;
use crate::paint;

/// A witness of logs: what it cosigned once, no log can take back without being refused from then on.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Makes the witness's key, and shows the public one.
    Init(InitArgs),
    /// Answers logs at /add-checkpoint (c2sp.org/tlog-witness).
    Serve(ServeArgs),
}

/// Makes a witness's key in a new file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The public key goes into log.witnesses of the registry's configuration, and to whoever verifies the log.\n\nExamples:\n  headlock registry witness init --name witness.example/w1 --key w1.key"
)]
pub struct InitArgs {
    /// What the witness is called for good, like witness.example/w1.
    #[arg(long)]
    name: String,
    /// The new file for its key, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Serves a witness until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tells its address, then `ready`. SIGINT and SIGTERM end it: what was asked for is answered first. HEADLOCK_LOG=debug says more on standard error.\nNothing secret goes over its socket; TLS, where it is wanted, is a proxy's. Never put an older state folder back: a witness that forgets can be shown two logs.\n\nExamples:\n  headlock registry witness serve --key w1.key --log-key desk.key.pub --state seen --listen 127.0.0.1:9001\n  headlock registry witness serve --key w1.key --log-key 'desk.example/log+1b2c3d4e+AQ...' --log-key other.pub --state seen"
)]
pub struct ServeArgs {
    /// The file with the witness's key, as init made it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A log's public key, or a file with it; may be repeated for several logs.
    #[arg(long, value_name = "KEY", required = true)]
    log_key: Vec<String>,
    /// The folder of what was seen; the first start makes it.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// Listens here; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
    /// Writes the address into this file once it listens.
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// A key, a file, a folder or an address.
pub(super) fn run(command: &Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init(args, json),
        Command::Serve(args) => serve(args, json),
    }
}

fn init(args: &InitArgs, json: bool) -> Result<(), Failure> {
    let public = make_witness_key(&args.key, &args.name).map_err(|why| {
        let help = match why {
            WitnessKeyError::Key(_) | WitnessKeyError::File(_) => "a name like witness.example/w1",
            _ => "--key with a new file where you may write",
        };
        Failure::input(format!("{}: {why}", args.key.display()), help)
    })?;
    if json {
        paint::say!("{:#}", json!({ "key": args.key, "witness": public.to_string() }));
        return Ok(());
    }
    paint::say!("The key of {} is in {}.", args.name, args.key.display());
    paint::say!("Its public key, for log.witnesses of a registry and for whoever verifies its log:\n  {public}");
    Ok(())
}

fn serve(args: &ServeArgs, json: bool) -> Result<(), Failure> {
    trace(json);
    let key = read_witness_key(&args.key).map_err(|why| {
        Failure::input(format!("{}: {why}", args.key.display()), "the file that headlock registry witness init wrote")
    })?;
    let logs: Vec<VerifierKey> =
        args.log_key.iter().map(|text| verifier_key("--log-key", text)).collect::<Result<_, _>>()?;
    let lookout = Lookout::open(key, &logs, &args.state).map_err(|why| {
        Failure::input(format!("the witness does not start: {why}"), "a log's key, and a folder of this witness's own")
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|why| broken(&why))?;
    runtime.block_on(async {
        let mut end = End::listen().map_err(|why| broken(&why))?;
        for (origin, seen) in lookout.seen().map_err(|why| broken(&why))? {
            match seen {
                Some(head) => paint::say!("{origin}: {} leaves were cosigned", head.size),
                None => paint::say!("{origin}: nothing was cosigned yet"),
            }
        }
        let name = lookout.public().name().to_owned();
        let running = witness::start(args.listen, lookout, Clock::system()).await.map_err(|why| {
            Failure::input(format!("--listen {}: {why}", args.listen), "an address of this machine with a free port")
        })?;
        tell_address(args.address_file.as_deref(), running.address())?;
        paint::say!("witness {name} on {}\nready", running.address());
        end.told().await;
        running.stop().await;
        Ok(())
    })
}
