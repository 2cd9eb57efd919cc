//! `headlock registry unseal`, `seal`, `status`: whether a service can open what it keeps.

use std::path::PathBuf;

use headlock_server::api::{SealView, Secret, Unseal};
use serde_json::json;

use super::place::secret;
use super::remote::{Server, failed};
use super::requests::ServerArgs;
use crate::failure::Failure;
use crate::paint;

/// Hands in one share; when enough are there, the service opens.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry unseal --server https://desk.example:8443\n  headlock registry unseal --share-file share-2.txt"
)]
pub struct UnsealArgs {
    /// A file whose first line is the share; without it the share is asked for.
    #[arg(long, value_name = "FILE")]
    share_file: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// Hands in a share.
///
/// # Errors
/// It is no share of this registry, or the service cannot be reached.
pub(super) fn unseal(args: &UnsealArgs, json: bool) -> Result<(), Failure> {
    let share = secret(args.share_file.as_deref(), "share")?;
    let view = args.server.anybody()?.unseal(&Unseal { share: Secret::new(&share) }).map_err(|why| failed(&why))?;
    say(&view, json);
    Ok(())
}

/// Seals the service.
///
/// # Errors
/// Only a custodian or an administrator seals; or the service cannot be reached.
pub(super) fn seal(args: &ServerArgs) -> Result<(), Failure> {
    args.server.client()?.seal().map_err(|why| failed(&why))?;
    paint::say!("sealed");
    Ok(())
}

/// How the service stands.
///
/// # Errors
/// The service cannot be reached.
pub(super) fn status(args: &ServerArgs, json: bool) -> Result<(), Failure> {
    say(&args.server.anybody()?.seal_view().map_err(|why| failed(&why))?, json);
    Ok(())
}

fn say(view: &SealView, json: bool) {
    if json {
        paint::say!("{:#}", json!(view));
        return;
    }
    match view.need {
        0 => paint::say!("{}", view.state),
        need => paint::say!("{}: {} of {need} shares", view.state, view.have),
    }
    if view.other_sets {
        paint::say!("shares of another set are there too: one of the sets is not this registry's");
    }
}
