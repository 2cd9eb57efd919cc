//! `headlock registry check`: whether a service could start with what it is told.

use headlock_server::{open_store, read_rules};
use serde_json::json;

use super::place::{Place, broken, setting, wrong_config};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Reads the configuration and the policy as the service would, and opens everything that they name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock registry check --config desk")]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it.
///
/// # Errors
/// What is wrong, and what would be right.
pub(super) fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let config = args.place.config()?;
    config.check().map_err(|why| wrong_config(&why))?;
    let rules = read_rules(&config).map_err(|why| wrong_config(&why))?;
    let units = match &config.catalog {
        Some(folder) => Texts::load(std::slice::from_ref(folder))?.catalog()?.units.len(),
        None => texts.catalog()?.units.len(),
    };
    let providers: Vec<&str> = config.sign_in.openid_connect.iter().map(|provider| provider.name.as_str()).collect();
    let mut store = open_store(&config).map_err(|why| wrong_config(&why))?;
    let origin = setting(&mut *store, "origin")?;
    let standing = store.standing().map_err(|why| broken(&why))?;
    if json {
        paint::say!(
            "{:#}",
            json!({ "listen": config.listen.to_string(), "tls": config.tls.is_some(), "rules": rules.rules.len(), "proofs": rules.proofs.len(),
                "units": units, "origin": origin, "leaves": standing.head.size, "sealed_at_start": config.key_file.is_none(), "providers": providers })
        );
        return Ok(());
    }
    let tls = if config.tls.is_some() { "with TLS" } else { "without TLS" };
    paint::say!("would listen on {}, {tls}", config.listen);
    paint::say!("{} rules, {} kinds of proof, {units} units in the catalogue", rules.rules.len(), rules.proofs.len());
    if !providers.is_empty() {
        paint::say!("sign-in by {}; whether they answer is not tried", providers.join(", "));
    }
    match origin {
        Some(origin) => paint::say!("the registry {origin}, with {} leaves in its log", standing.head.size),
        None => paint::say!("no registry in this store yet"),
    }
    if config.key_file.is_none() {
        paint::say!("starts sealed: shares unseal it");
    }
    Ok(())
}
