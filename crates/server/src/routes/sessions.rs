//! Signing in and out, and who one is.

use std::time::{Duration, Instant};

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use headlock_registry::desk::{Action, Credential, Outcome, Refusal, SignIn};
use headlock_registry::lookup;
use headlock_registry::record::AccountId;
use headlock_registry::sign_in::{Password, PasswordHash};
use zeroize::Zeroizing;

use super::unexpected;
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{From, In, Shown};

/// A refused sign-in is answered at a multiple of this: what was done on the way does not show in the time that it took.
const REFUSED_AFTER: Duration = Duration::from_millis(500);

/// How long a password waits to be checked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Signs in: a password and what the authenticator shows, for a session.
#[utoipa::path(post, path = "/v1/sessions", tag = "sign in", request_body = api::SignIn,
    responses((status = 201, body = api::Session), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn sign_in(
    State(app): State<App>,
    From(peer): From,
    Json(shown): Json<api::SignIn>,
) -> Result<(StatusCode, Out<api::Session>), Problem> {
    let begun = Instant::now();
    app.filter.attempt(peer.address)?;
    match check(&app, shown).await {
        Ok(Outcome::SignedIn { token, expires_s }) => {
            let token = token.text().into();
            Ok((StatusCode::CREATED, Out(api::Session { token, expires_s })))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(problem) => Err(refused(begun, problem).await),
    }
}

/// The same problem, once the time has come at which any refusal could.
pub(super) async fn refused(begun: Instant, problem: Problem) -> Problem {
    let steps = begun.elapsed().as_millis() / REFUSED_AFTER.as_millis() + 1;
    let until = REFUSED_AFTER * u32::try_from(steps).unwrap_or(1);
    tokio::time::sleep(until.saturating_sub(begun.elapsed())).await;
    problem
}

/// Checks the password beside the desk, as long for a name that nobody has, and then asks the desk.
async fn check(app: &App, shown: api::SignIn) -> Result<Outcome, Problem> {
    let desk = app.gate.open()?;
    let waited = tokio::time::timeout(PATIENCE, app.passwords.acquire()).await;
    let permit = waited.ok().and_then(Result::ok).ok_or_else(Problem::busy)?;
    let account = AccountId::new(&shown.name).ok();
    let against = match account.clone() {
        Some(account) => desk.readers.read(move |read| lookup::password_of(read, &account)).await?,
        None => None,
    };
    let hash = against.as_deref().and_then(|text| PasswordHash::parse(text).ok());
    let one_time_code = Zeroizing::new(shown.one_time_code.reveal().to_owned());
    let verify = move || match &hash {
        Some(hash) => hash.verify(shown.password.reveal()),
        None => {
            Password::dummy_verify(shown.password.reveal());
            false
        }
    };
    let matched = tokio::task::spawn_blocking(verify).await.map_err(|_| Problem::unavailable())?;
    drop(permit);
    let account = account.ok_or(Refusal::SignIn)?;
    let action = Action::SignIn(SignIn { account, against, matched, one_time_code });
    app.ask(Credential::Nobody, action).await
}

/// Ends the session that asks.
#[utoipa::path(delete, path = "/v1/sessions", tag = "sign in", security(("bearer" = [])),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn sign_out(State(app): State<App>, Shown(who): Shown) -> Result<StatusCode, Problem> {
    app.ask(who, Action::SignOut).await.map(|_| StatusCode::NO_CONTENT)
}

/// Who one is.
#[utoipa::path(get, path = "/v1/me", tag = "sign in", security(("bearer" = [])),
    responses((status = 200, body = api::Me), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn me(who: In) -> Out<api::Me> {
    let visitor = &who.visitor;
    Out(api::Me {
        account: (&visitor.account).into(),
        scopes: visitor.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        expires_s: visitor.expires_s,
    })
}
