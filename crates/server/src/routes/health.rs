//! Whether the service lives, whether it can answer, what it counts, and what it offers.

use axum::Json as Out;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};

use crate::api;
use crate::problem::Problem;
use crate::serve::App;

/// Whether the service lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = api::Health)))]
pub(super) async fn healthz(State(app): State<App>) -> Out<api::Health> {
    Out(api::Health { state: app.gate.view().state })
}

/// Whether the desk answers: it is unsealed.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = api::Health), (status = 503, body = api::Health)))]
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, Out<api::Health>) {
    let status = if app.gate.is_open() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Out(api::Health { state: app.gate.view().state }))
}

/// What is counted, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(app): State<App>) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let text = app.metrics.text().ok_or_else(Problem::unavailable)?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

/// What the service offers.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, body = serde_json::Value, content_type = "application/json")))]
pub(super) async fn openapi(State(app): State<App>) -> ([(HeaderName, &'static str); 1], bytes::Bytes) {
    ([(CONTENT_TYPE, "application/json")], app.openapi.clone())
}
