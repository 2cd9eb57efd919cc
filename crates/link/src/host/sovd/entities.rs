//! What there is: the version, the server, its one component.

use axum::Json;
use serde_json::{Value, json};

use super::{BASE, COMPONENT};

/// The version of the standard's interface.
const SOVD_VERSION: &str = "1.1";

pub(super) async fn version_info() -> Json<Value> {
    let vendor = json!({ "name": "Headlock", "version": env!("CARGO_PKG_VERSION") });
    Json(json!({ "sovd_info": [{ "version": SOVD_VERSION, "base_uri": BASE, "vendor_info": vendor }] }))
}

pub(super) async fn server() -> Json<Value> {
    Json(json!({ "id": "", "name": "", "components": format!("{BASE}/components") }))
}

pub(super) async fn components() -> Json<Value> {
    Json(json!({ "items": [{ "id": "head-unit", "name": "Head unit", "href": COMPONENT }] }))
}

pub(super) async fn component() -> Json<Value> {
    let mut body = json!({ "id": "head-unit", "name": "Head unit" });
    for collection in ["data", "data-categories", "faults", "operations", "modes", "locks"] {
        body[collection] = json!(format!("{COMPONENT}/{collection}"));
    }
    Json(body)
}
