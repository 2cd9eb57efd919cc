//! `headlock registry sign-in --with`: by a provider, in a browser of one's own.

use std::time::Duration;

use headlock_server::api::{BeginSignIn, FinishSignIn, Session};
use headlock_server::client::{Client, ClientError};
use headlock_server::redirect::{Proof, Redirect, RedirectError};

use super::remote::failed;
use crate::failure::Failure;
use crate::paint;

/// How a browser comes back.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Back {
    /// The port of this machine that the browser comes back to; 0 is any free one.
    #[arg(long, default_value_t = 0, requires = "with")]
    port: u16,
    /// How long it is waited for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "with",
        value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: u64,
}

/// Tells what to open, waits for the one redirect, and opens the session.
pub(super) fn sign_in(client: &mut Client, with: &str, back: Back, json: bool) -> Result<Session, Failure> {
    let proof = Proof::random()
        .map_err(|why| Failure::input(format!("this machine has no randomness: {why}"), "try again later"))?;
    let redirect = Redirect::listen(back.port).map_err(|why| {
        Failure::input(format!("cannot listen on 127.0.0.1, port {}: {why}", back.port), "--port PORT, or none")
    })?;
    let asked = BeginSignIn {
        with: with.to_owned(),
        redirect_uri: redirect.uri().to_owned(),
        code_challenge: proof.challenge.clone(),
    };
    let begun = client.begin_sign_in(&asked).map_err(|why| not_there(&why))?;
    // It goes to a terminal, and from there into a browser.
    if !begun.open.chars().all(|c| c.is_ascii_graphic()) {
        return Err(failed(&ClientError::Answer { status: 201 }));
    }
    let words = format!("Open this in a browser on this machine:\n  {}", begun.open);
    if json {
        anstream::eprintln!("{words}");
    } else {
        paint::say!("{words}");
    }
    let returned = redirect.wait(&begun.state, Duration::from_secs(back.wait)).map_err(|why| match why {
        RedirectError::Refused { .. } => Failure::input(why.to_string(), "sign in there as who the account is tied to"),
        RedirectError::Nobody { .. } => Failure::input(why.to_string(), "begin again; --wait SECONDS gives more time"),
        RedirectError::Socket(_) => Failure::input(why.to_string(), "begin again, or with another --port"),
    })?;
    let shown =
        FinishSignIn { state: begun.state, code: returned.code, code_verifier: proof.verifier, iss: returned.iss };
    client.finish_sign_in(&shown).map_err(|why| not_let_in(&why))
}

/// A service without such sign-ins has nothing at these paths.
pub(super) fn not_there(why: &ClientError) -> Failure {
    match why.problem() {
        Some(problem) if problem.kind.ends_with(":no-route") => Failure::input(
            "this service was built without sign-in by OpenID Connect",
            "a headlock that was built with --features oidc",
        ),
        _ => provider(why),
    }
}

fn not_let_in(why: &ClientError) -> Failure {
    match why.problem() {
        Some(problem) if problem.status == 401 => Failure::input(
            "the service lets nobody in by this",
            "an administrator ties you to your account: headlock registry who identity; then begin again",
        ),
        _ => provider(why),
    }
}

/// A provider that fails is not the service that fails.
fn provider(why: &ClientError) -> Failure {
    match why.problem() {
        Some(problem) if problem.kind.ends_with(":provider") => Failure::Link {
            word: "unavailable",
            what: format!("the provider of this sign-in cannot be relied on now: {}", problem.detail),
            help: "try again later; a password and a one-time code do not need it".to_owned(),
        },
        _ => failed(why),
    }
}
