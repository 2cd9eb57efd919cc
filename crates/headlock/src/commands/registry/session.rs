//! `headlock registry sign-in`, `sign-out`, `one-time`, `token`: who one is to the service.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_registry::sign_in::one_time_code;
use headlock_server::api::{self, AccountChange, Changed, Secret};
use serde_json::json;
use zeroize::Zeroizing;

use super::place::{ask, keep_secret, now_ms, secret};
use super::provider::{self, Back};
use super::remote::{Server, failed};
use crate::failure::Failure;
use crate::paint;

/// Signs in with name, password and one-time code, or by a provider in a browser, and keeps the session in the token file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock registry sign-in anna --server https://desk.example:8443\n  headlock registry sign-in anna --password-file anna.password --one-time-file anna.otpauth\n  headlock registry sign-in --with maker --server https://desk.example:8443"
)]
pub struct SignInArgs {
    /// The account.
    #[arg(required_unless_present = "with")]
    name: Option<String>,
    #[command(flatten)]
    server: Server,
    /// By this provider of the service's configuration: it tells what to open in a browser, and waits.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "password_file", "one_time_file", "first"])]
    with: Option<String>,
    #[command(flatten)]
    back: Back,
    /// A file whose first line is the password; without it the password is asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with the otpauth address that makes the one-time codes; without it the code is asked for.
    #[arg(long, value_name = "FILE")]
    one_time_file: Option<PathBuf>,
    /// The account has no one-time secret yet: the session is good for `one-time` alone.
    #[arg(long, conflicts_with = "one_time_file")]
    first: bool,
}

/// Ends the session.
#[derive(Debug, clap::Args)]
pub struct SignOutArgs {
    #[command(flatten)]
    server: Server,
}

/// Makes a new secret for one's own one-time codes, and shows it once.
#[derive(Debug, clap::Args)]
pub struct OneTimeArgs {
    #[command(flatten)]
    server: Server,
    /// Writes the otpauth address into this new file instead of showing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Makes a token of one's own, for a machine, and writes it into a new file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  headlock registry token till-2 --scope release --days 90 --out till-2.token")]
pub struct TokenArgs {
    /// What it is called.
    label: String,
    #[command(flatten)]
    server: Server,
    /// What it may be used for: release, approve, administer, audit, import, custody, read; may be repeated.
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<String>,
    /// How long, in days.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Signs in.
///
/// # Errors
/// The service does not let this person in, or cannot be reached.
pub(super) fn sign_in(args: &SignInArgs, json: bool) -> Result<(), Failure> {
    let (session, who) = match (&args.with, &args.name) {
        (Some(with), _) => {
            let mut client = args.server.anybody()?;
            let session = provider::sign_in(&mut client, with, args.back, json)?;
            // Who that is here, the service alone knows.
            let who = client.me().map_err(|why| failed(&why))?.account.id;
            (session, who)
        }
        (None, name) => {
            let name = name.clone().unwrap_or_default();
            (by_password(args, &name)?, name)
        }
    };
    let path = &args.server.token_file;
    // An older session of the same file is over for whoever had it.
    if path.exists() {
        fs::remove_file(path)
            .map_err(|why| Failure::input(format!("cannot replace {}: {why}", path.display()), "--token-file FILE"))?;
    }
    keep_secret(path, session.token.reveal())?;
    if json {
        paint::say!("{:#}", json!({ "account": who, "token_file": path, "expires_s": session.expires_s }));
    } else {
        paint::say!("signed in as {who}; the session is in {}", path.display());
    }
    Ok(())
}

fn by_password(args: &SignInArgs, name: &str) -> Result<api::Session, Failure> {
    let password = secret(args.password_file.as_deref(), "password")?;
    let one_time_code = match (&args.one_time_file, args.first) {
        (_, true) => Zeroizing::new(String::new()),
        (Some(path), _) => of_file(path)?,
        (None, _) => ask("one-time code")?,
    };
    let shown = api::SignIn {
        name: name.to_owned(),
        password: Secret::new(&password),
        one_time_code: Secret::new(&one_time_code),
    };
    args.server.anybody()?.sign_in(&shown).map_err(|why| failed(&why))
}

/// The code that an authenticator with this secret shows now.
fn of_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let wrong = |why: String| {
        Failure::input(
            format!("{}: {why}", path.display()),
            "a file with an otpauth address, as one-time --out writes it",
        )
    };
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|why| wrong(why.to_string()))?;
    one_time_code(text.trim(), now_ms() / 1000).ok_or_else(|| wrong("no otpauth address".to_owned()))
}

/// Signs out.
///
/// # Errors
/// The service cannot be reached.
pub(super) fn sign_out(args: &SignOutArgs) -> Result<(), Failure> {
    args.server.client()?.sign_out().map_err(|why| failed(&why))?;
    let path = &args.server.token_file;
    fs::remove_file(path)
        .map_err(|why| Failure::input(format!("cannot remove {}: {why}", path.display()), "remove it by hand"))?;
    paint::say!("signed out");
    Ok(())
}

/// A new one-time secret.
///
/// # Errors
/// The service refuses, or cannot be reached.
pub(super) fn one_time(args: &OneTimeArgs, json: bool) -> Result<(), Failure> {
    let client = args.server.client()?;
    let id = client.me().map_err(|why| failed(&why))?.account.id;
    let changed = client.change_account(&id, &AccountChange::OneTimeSecret).map_err(|why| failed(&why))?;
    show_one_time(&changed, &id, args.out.as_deref(), json)
}

/// Shows a one-time secret, once, or keeps it in a file.
pub(super) fn show_one_time(changed: &Changed, id: &str, out: Option<&Path>, json: bool) -> Result<(), Failure> {
    let Changed::OneTimeSecret { otpauth } = changed else { return Err(Failure::No) };
    match out {
        Some(path) => {
            keep_secret(path, otpauth.reveal())?;
            paint::say!("the one-time secret of {id} is in {}", path.display());
        }
        None if json => paint::say!("{:#}", json!({ "account": id, "one_time_secret": otpauth.reveal() })),
        None => paint::say!("One-time codes of {id}, for an authenticator; shown once:\n  {}", otpauth.reveal()),
    }
    Ok(())
}

/// A token.
///
/// # Errors
/// The service refuses, or cannot be reached; the file is there.
pub(super) fn token(args: &TokenArgs, json: bool) -> Result<(), Failure> {
    let new = api::NewToken { label: args.label.clone(), scopes: args.scope.clone(), days: args.days };
    let issued = args.server.client()?.issue_token(&new).map_err(|why| failed(&why))?;
    keep_secret(&args.out, issued.token.reveal())?;
    if json {
        paint::say!("{:#}", json!({ "file": args.out, "digest": issued.digest }));
    } else {
        paint::say!("{} is in {}; it is ended by {}", args.label, args.out.display(), issued.digest);
    }
    Ok(())
}
