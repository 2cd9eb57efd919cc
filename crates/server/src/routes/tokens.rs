//! Tokens for machines.

use axum::Json as Out;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headlock_registry::desk::{Action, Outcome};
use headlock_registry::lookup;
use headlock_registry::record::Session;
use headlock_wire::hex;

use super::{digest, field, unexpected};
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{In, Shown};

/// One's own sessions and tokens.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", security(("bearer" = [])),
    responses((status = 200, body = Vec<api::TokenView>), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn list(State(app): State<App>, who: In) -> Result<Out<Vec<api::TokenView>>, Problem> {
    let (visitor, now_s) = (who.visitor, app.clock.now_s());
    let sessions = who.desk.readers.read(move |read| lookup::sessions(read, &visitor, now_s)).await?;
    Ok(Out(sessions.iter().map(view).collect()))
}

fn view(session: &Session) -> api::TokenView {
    api::TokenView {
        digest: hex::digits(&session.digest),
        kind: session.kind.to_string(),
        label: session.label.clone(),
        scopes: session.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        created_s: session.created_s,
        expires_s: session.expires_s,
    }
}

/// Makes a token; it is shown once.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", security(("bearer" = [])), request_body = api::NewToken,
    responses((status = 201, body = api::IssuedToken), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn issue(
    State(app): State<App>,
    Shown(who): Shown,
    Json(new): Json<api::NewToken>,
) -> Result<(StatusCode, Out<api::IssuedToken>), Problem> {
    let scopes = field("scopes", new.scopes.join(",").parse())?;
    match app.ask(who, Action::IssueToken { label: new.label, scopes, days: new.days }).await? {
        Outcome::Token(token) => {
            let digest = hex::digits(&token.digest().0);
            Ok((StatusCode::CREATED, Out(api::IssuedToken { token: token.text().into(), digest })))
        }
        other => Err(unexpected(&other)),
    }
}

/// Ends a token.
#[utoipa::path(delete, path = "/v1/tokens/{digest}", tag = "tokens", security(("bearer" = [])),
    params(("digest" = String, Path)),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn revoke(
    State(app): State<App>,
    Shown(who): Shown,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    let digest = digest("digest", &text)?;
    app.ask(who, Action::RevokeToken { digest }).await.map(|_| StatusCode::NO_CONTENT)
}
