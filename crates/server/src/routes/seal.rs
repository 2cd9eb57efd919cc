//! Opening the desk with shares, and sealing it.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use headlock_registry::desk::Action;
use headlock_registry::seal::Share;
use headlock_registry::sign_in::{Role, Scope};

use super::field;
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{From, In};

/// Takes in one custodian's share; with the last one that is needed the desk opens.
#[utoipa::path(post, path = "/v1/unseal", tag = "seal", request_body = api::Unseal,
    responses((status = 200, body = api::SealView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn unseal(
    State(app): State<App>,
    From(peer): From,
    Json(given): Json<api::Unseal>,
) -> Result<Out<api::SealView>, Problem> {
    app.filter.attempt(peer.address)?;
    let share = field("share", Share::parse(given.share.reveal()))?;
    let offer = move || app.gate.offer(share);
    tokio::task::spawn_blocking(offer).await.map_err(|_| Problem::unavailable())?.map(Out)
}

/// Whether the desk is open, and how many shares are there.
#[utoipa::path(get, path = "/v1/seal", tag = "seal", responses((status = 200, body = api::SealView)))]
pub(super) async fn view(State(app): State<App>) -> Out<api::SealView> {
    Out(app.gate.view())
}

/// Seals the desk: what waits is finished, then the key is wiped.
#[utoipa::path(post, path = "/v1/seal", tag = "seal", security(("bearer" = [])),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn seal(State(app): State<App>, who: In) -> Result<StatusCode, Problem> {
    let any = [(Role::Custodian, Scope::Custody), (Role::Administrator, Scope::Administer)];
    who.visitor.needs(&any, "the role custodian or administrator")?;
    tracing::warn!(account = who.visitor.account.id.as_str(), "sealing");
    let credential = who.credential;
    drop(who);
    app.ask(credential, Action::Seal).await?;
    let sealed = tokio::task::spawn_blocking(move || app.gate.seal()).await;
    sealed.map(|_| StatusCode::NO_CONTENT).map_err(|_| Problem::unavailable())
}
