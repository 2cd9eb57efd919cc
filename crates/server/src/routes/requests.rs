//! What happens to a request after it was made, and what somebody is told of it.

use axum::Json as Out;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use headlock_registry::desk::{Action, Credential, Outcome, Refusal};
use headlock_registry::lookup;
use headlock_registry::record::RequestId;
use serde::Deserialize;

use super::releases::{document, handed_out};
use super::unexpected;
use crate::api;
use crate::body::{Json, Large, Optional};
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{From, In, Shown};

/// Which requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Those that wait for a second person.
    waiting: Option<String>,
}

/// Requests that wait for one's decision.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", security(("bearer" = [])),
    params(("waiting" = Option<String>, Query, description = "those that wait for a second person")),
    responses((status = 200, body = api::Requests), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn waiting(
    State(app): State<App>,
    Shown(who): Shown,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Out<api::Requests>, Problem> {
    if !which.is_ok_and(|Query(which)| which.waiting.is_some()) {
        return Err(Problem::invalid("waiting", "only /v1/requests?waiting is there"));
    }
    match app.ask(who, Action::ReadWaiting).await? {
        Outcome::Requests(requests) => Ok(Out(api::Requests { requests: requests.iter().map(Into::into).collect() })),
        other => Err(unexpected(&other)),
    }
}

/// One request.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn one(who: In, Path(id): Path<String>) -> Result<Out<api::RequestView>, Problem> {
    let (id, visitor) = (of(&id)?, who.visitor);
    let own = visitor.account.id.clone();
    let request = who.desk.readers.read(move |read| lookup::request(read, &visitor, &id)).await?;
    let view = api::RequestView::for_requester;
    Ok(Out(if request.account == own { view(&request) } else { (&request).into() }))
}

/// A second person approves.
#[utoipa::path(post, path = "/v1/requests/{id}/approve", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = Option<api::Reason>,
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn approve(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Optional(said): Optional<api::Reason>,
) -> Result<Out<api::RequestView>, Problem> {
    let action = Action::Decide { request: of(&id)?, approve: true, reason: said.reason };
    decided(&app, who, action).await
}

/// A second person refuses, and says why.
#[utoipa::path(post, path = "/v1/requests/{id}/refuse", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Reason,
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn refuse(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Json(said): Json<api::Reason>,
) -> Result<Out<api::RequestView>, Problem> {
    let action = Action::Decide { request: of(&id)?, approve: false, reason: said.reason };
    decided(&app, who, action).await
}

/// Who asked takes it back.
#[utoipa::path(post, path = "/v1/requests/{id}/withdraw", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn withdraw(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
) -> Result<Out<api::RequestView>, Problem> {
    decided(&app, who, Action::Withdraw { request: of(&id)? }).await
}

/// Who asked collects what was authorised, again if an answer was lost.
#[utoipa::path(post, path = "/v1/requests/{id}/collect", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = api::Released), (status = 202, body = api::Pending),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn collect(
    State(app): State<App>,
    Shown(who): Shown,
    From(peer): From,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    handed_out(&app, (who, Action::Collect { request: of(&id)? }), &peer).await
}

/// An authorised release is taken back.
#[utoipa::path(post, path = "/v1/requests/{id}/revoke", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Reason,
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn revoke(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Json(said): Json<api::Reason>,
) -> Result<Out<api::RequestView>, Problem> {
    decided(&app, who, Action::Revoke { request: of(&id)?, reason: said.reason }).await
}

/// The document that was promised.
#[utoipa::path(post, path = "/v1/requests/{id}/proof", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Proof,
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn proof(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Large(proof): Large<api::Proof>,
) -> Result<Out<api::RequestView>, Problem> {
    let document = document(&proof.document_sha256, proof.photo.as_deref())?;
    decided(&app, who, Action::CompleteProof { request: of(&id)?, document }).await
}

/// What somebody else thinks of a broken glass.
#[utoipa::path(post, path = "/v1/requests/{id}/review", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Review,
    responses((status = 200, body = api::RequestView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn review(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Json(said): Json<api::Review>,
) -> Result<Out<api::RequestView>, Problem> {
    let action = Action::Review { request: of(&id)?, justified: said.justified, reason: said.reason };
    decided(&app, who, action).await
}

/// Forgets what a request says of people and vehicles.
#[utoipa::path(post, path = "/v1/requests/{id}/erase", tag = "requests", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn erase(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.ask(who, Action::Erase { request: of(&id)? }).await.map(|_| StatusCode::NO_CONTENT)
}

/// What one has to be told; reading marks it as read.
#[utoipa::path(get, path = "/v1/notices", tag = "requests", security(("bearer" = [])),
    responses((status = 200, body = api::Notices), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn notices(State(app): State<App>, Shown(who): Shown) -> Result<Out<api::Notices>, Problem> {
    match app.ask(who, Action::ReadNotices).await? {
        Outcome::Notices(notices) => Ok(Out(api::Notices { notices: notices.iter().map(Into::into).collect() })),
        other => Err(unexpected(&other)),
    }
}

async fn decided(app: &App, who: Credential, action: Action) -> Result<Out<api::RequestView>, Problem> {
    let requesters = matches!(action, Action::Withdraw { .. } | Action::CompleteProof { .. });
    match app.ask(who, action).await? {
        Outcome::Decided(request) if requesters => Ok(Out(api::RequestView::for_requester(&request))),
        Outcome::Decided(request) => Ok(Out((&*request).into())),
        other => Err(unexpected(&other)),
    }
}

/// A text that is no id is the id of no request.
pub(super) fn of(id: &str) -> Result<RequestId, Problem> {
    Ok(RequestId::new(id).map_err(|_| Refusal::NotFound)?)
}
