//! Records for the escrow: asked for, agreed to by others, and taken as one file that only the escrow opens.

use std::sync::Arc;

use axum::Json as Out;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use headlock_registry::desk::{Action, Outcome};
use headlock_registry::escrow::Recipient;
use headlock_registry::lookup;
use headlock_registry::record::{Region, RequestId};
use headlock_registry::sign_in::{Role, Scope};

use super::requests::of;
use super::{field, named, unexpected};
use crate::api;
use crate::body::Json;
use crate::exports::stream;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{From, In};

/// The escrow, and all exports.
#[utoipa::path(get, path = "/v1/exports", tag = "exports", security(("bearer" = [])),
    responses((status = 200, body = api::Exports), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn list(State(app): State<App>, who: In) -> Result<Out<api::Exports>, Problem> {
    app.filter.look_up(who.credential)?;
    let visitor = who.visitor;
    let (recipient, exports) = who.desk.readers.read(move |read| lookup::exports(read, &visitor)).await?;
    Ok(Out(api::Exports::new(recipient, &exports)))
}

/// Asks others to agree to an export.
#[utoipa::path(post, path = "/v1/exports", tag = "exports", security(("bearer" = [])), request_body = api::NewExport,
    responses((status = 201, body = api::ExportView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn ask(
    State(app): State<App>,
    who: In,
    Json(new): Json<api::NewExport>,
) -> Result<(StatusCode, Out<api::ExportView>), Problem> {
    let action = Action::AskExport {
        unit: new.unit.map(|unit| named("unit", unit)).transpose()?,
        region: new.region.map(|region| field("region", Region::new(&region))).transpose()?,
        reason: new.reason,
    };
    Ok((StatusCode::CREATED, done(&app, who, action).await?))
}

/// Asks others to agree to another escrow.
#[utoipa::path(post, path = "/v1/escrow", tag = "exports", security(("bearer" = [])), request_body = api::NewRecipient,
    responses((status = 201, body = api::ExportView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn recipient(
    State(app): State<App>,
    who: In,
    Json(new): Json<api::NewRecipient>,
) -> Result<(StatusCode, Out<api::ExportView>), Problem> {
    let recipient = field("recipient", new.recipient.parse::<Recipient>())?;
    Ok((StatusCode::CREATED, done(&app, who, Action::AskRecipient { recipient, reason: new.reason }).await?))
}

/// One export.
#[utoipa::path(get, path = "/v1/exports/{id}", tag = "exports", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = api::ExportView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn one(
    State(app): State<App>,
    who: In,
    Path(id): Path<String>,
) -> Result<Out<api::ExportView>, Problem> {
    app.filter.look_up(who.credential)?;
    shown(who, of(&id)?).await
}

/// Agrees, and says why.
#[utoipa::path(post, path = "/v1/exports/{id}/agree", tag = "exports", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Reason,
    responses((status = 200, body = api::ExportView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn agree(
    State(app): State<App>,
    who: In,
    Path(id): Path<String>,
    Json(said): Json<api::Reason>,
) -> Result<Out<api::ExportView>, Problem> {
    done(&app, who, Action::AgreeExport { export: of(&id)?, reason: said.reason }).await
}

/// Refuses, and says why: one is enough.
#[utoipa::path(post, path = "/v1/exports/{id}/refuse", tag = "exports", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::Reason,
    responses((status = 200, body = api::ExportView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn refuse(
    State(app): State<App>,
    who: In,
    Path(id): Path<String>,
    Json(said): Json<api::Reason>,
) -> Result<Out<api::ExportView>, Problem> {
    done(&app, who, Action::RefuseExport { export: of(&id)?, reason: said.reason }).await
}

/// The file: of age, version 1, for the escrow. It is in the log before its first byte; one that broke off has no end.
#[utoipa::path(post, path = "/v1/exports/{id}/take", tag = "exports", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn take(
    State(app): State<App>,
    who: In,
    From(peer): From,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let export = of(&id)?;
    who.visitor.needs(&[(Role::Administrator, Scope::Administer)], "the role administrator")?;
    let another = || Problem::conflict("another export is under way at this service; take this one when that has left");
    let turn = who.desk.exports.turn().ok_or_else(another)?;
    let exporter = match app.ask(who.credential, Action::TakeExport { export }).await? {
        Outcome::Exporter(exporter) => *exporter,
        other => return Err(unexpected(&other)),
    };
    let moment = who.desk.readers.moment().await?;
    let name = format!("attachment; filename=\"{}-{}.age\"", exporter.id(), exporter.attempt());
    let body = stream(exporter, (moment, turn), (who.desk, Arc::clone(&peer.leaving)));
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn done(app: &App, who: In, action: Action) -> Result<Out<api::ExportView>, Problem> {
    match app.ask(who.credential, action).await? {
        Outcome::Export(export) => shown(who, export.id).await,
        other => Err(unexpected(&other)),
    }
}

async fn shown(who: In, id: RequestId) -> Result<Out<api::ExportView>, Problem> {
    let visitor = who.visitor;
    let (export, words) = who.desk.readers.read(move |read| lookup::export(read, &visitor, &id)).await?;
    Ok(Out(api::ExportView::new(&export, &words)))
}
