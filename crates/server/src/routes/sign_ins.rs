//! Signing in by a provider of OpenID Connect, in two steps: what a browser has to open, and what it came back with.

use std::time::Instant;

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use headlock_registry::desk::{Action, Credential, Outcome};

use super::sessions::refused;
use super::unexpected;
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::From;

/// Begins to sign in by a provider: answers what a browser has to open.
#[utoipa::path(post, path = "/v1/sign-ins", tag = "sign in", request_body = api::BeginSignIn,
    responses((status = 201, body = api::BegunSignIn), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn begin(
    State(app): State<App>,
    From(peer): From,
    Json(asked): Json<api::BeginSignIn>,
) -> Result<(StatusCode, Out<api::BegunSignIn>), Problem> {
    app.filter.attempt(peer.address)?;
    Ok((StatusCode::CREATED, Out(app.providers.begin(&asked).await?)))
}

/// Finishes it: what the provider gave, and the secret of who began, for a session.
#[utoipa::path(post, path = "/v1/sign-ins/finish", tag = "sign in", request_body = api::FinishSignIn,
    responses((status = 201, body = api::Session), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn finish(
    State(app): State<App>,
    From(peer): From,
    Json(shown): Json<api::FinishSignIn>,
) -> Result<(StatusCode, Out<api::Session>), Problem> {
    let begun = Instant::now();
    app.filter.attempt(peer.address)?;
    let answer = match app.providers.finish(shown).await {
        Ok(verified) => app.ask(Credential::Nobody, Action::SignInByIdentity(verified)).await,
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(Outcome::SignedIn { token, expires_s }) => {
            let token = token.text().into();
            Ok((StatusCode::CREATED, Out(api::Session { token, expires_s })))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Err(refused(begun, problem).await),
        Err(problem) => Err(problem),
    }
}
