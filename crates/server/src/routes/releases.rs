//! Asking for a code or a key.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headlock_advisor::words;
use headlock_profile::Catalog;
use headlock_registry::desk::{Action, Ask, Credential, Document, Handed, Outcome, Released, Wanted};
use headlock_registry::record::{Serial, Vin};
use headlock_wire::hex;

use super::{digest, field, named, unexpected};
use crate::api;
use crate::body::Large;
use crate::connection::Peer;
use crate::delivery::Handout;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{From, Shown};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Asks for a unit's code, or for the key to a seed.
#[utoipa::path(post, path = "/v1/releases", tag = "releases", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters: the same key is the same request")),
    request_body = api::Release,
    responses((status = 200, body = api::Released), (status = 202, body = api::Pending),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn release(
    State(app): State<App>,
    Shown(who): Shown,
    From(peer): From,
    headers: HeaderMap,
    Large(asked): Large<api::Release>,
) -> Result<Response<Body>, Problem> {
    let ask = ask(&headers, asked)?;
    handed_out(&app, (who, Action::Release(ask)), &peer).await
}

/// The same where the rules want a second person and nobody can wait; somebody reviews it afterwards.
#[utoipa::path(post, path = "/v1/break-glass", tag = "releases", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header)), request_body = api::BreakGlass,
    responses((status = 200, body = api::Released), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn break_glass(
    State(app): State<App>,
    Shown(who): Shown,
    From(peer): From,
    headers: HeaderMap,
    Large(asked): Large<api::BreakGlass>,
) -> Result<Response<Body>, Problem> {
    let action = Action::BreakGlass { ask: ask(&headers, asked.release)?, reason: asked.reason };
    handed_out(&app, (who, action), &peer).await
}

/// Asks the desk for something that may hand out a code.
pub(super) async fn handed_out(
    app: &App,
    (who, action): (Credential, Action),
    peer: &Arc<Peer>,
) -> Result<Response<Body>, Problem> {
    let desk = app.gate.open()?;
    let answer = desk.queue.run(who, action).await.map_err(|why| app.unqueued(why))?;
    match answer.map_err(|_| Problem::unavailable())?? {
        Outcome::Released(released) => {
            let id = released.request.id.clone();
            let body = serde_json::to_vec(&view(*released, app.gate.catalog())).map_err(|_| Problem::unavailable())?;
            let handout = Handout::new(body, (id, desk), Arc::clone(&peer.leaving));
            let mut response = Response::new(Body::new(handout));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
        Outcome::Pending(request) => {
            let pending = api::Pending { request: api::RequestView::for_requester(&request) };
            Ok((StatusCode::ACCEPTED, axum::Json(pending)).into_response())
        }
        other => Err(unexpected(&other)),
    }
}

fn view(released: Released, catalog: &Catalog) -> api::Released {
    let ways = released.ways(catalog);
    let request = api::RequestView::for_requester(&released.request);
    // A tlog-proof is text.
    let receipt = String::from_utf8(released.receipt_bytes()).unwrap_or_default();
    let (code, key, ways) = match released.secret {
        Handed::Code(code) => {
            let ways = ways.into_iter().map(|way| api::WayView {
                presses: words::presses(&way.presses).iter().map(|press| api::Secret::new(press)).collect(),
                readings: way.readings,
            });
            (Some(api::Secret::new(code.reveal())), None, ways.collect())
        }
        Handed::Key(key) => {
            let digits = zeroize::Zeroizing::new(hex::digits(key.0.as_slice()));
            (None, Some(digits.into()), Vec::new())
        }
    };
    api::Released { code, key, ways, request, receipt, proof_due_s: released.proof_due_s }
}

fn ask(headers: &HeaderMap, asked: api::Release) -> Result<Ask, Problem> {
    let key =
        headers.get(IDEMPOTENCY_KEY).ok_or_else(|| Problem::invalid("Idempotency-Key", "the header is missing"))?;
    let key = key.to_str().map_err(|_| Problem::invalid("Idempotency-Key", "visible ASCII characters are wanted"))?;
    let wanted = match asked.what {
        api::Wanted::Code => Wanted::Code,
        api::Wanted::Key { level, seed } => {
            let bytes = hex::bytes(&seed).and_then(|bytes| bytes.try_into().ok());
            let seed = bytes.ok_or_else(|| Problem::invalid("what.key.seed", "32 hexadecimal digits are wanted"))?;
            Wanted::Key { level, seed }
        }
    };
    let document = match (asked.document_sha256, asked.photo) {
        (None, None) => None,
        (None, Some(_)) => return Err(Problem::invalid("photo", "a photo comes with the document's document_sha256")),
        (Some(sha256), photo) => Some(document(&sha256, photo.as_deref())?),
    };
    Ok(Ask {
        idempotency_key: key.to_owned(),
        serial: field("serial", Serial::new(&asked.serial))?,
        vin: asked.vin.map(|vin| field("vin", Vin::new(&vin))).transpose()?,
        companion: asked.companion.map(|companion| named("companion", companion)).transpose()?,
        wanted,
        proof: asked.proof,
        document,
    })
}

/// A document, with its photo.
pub(super) fn document(sha256: &str, photo: Option<&str>) -> Result<Document, Problem> {
    let digest = digest("document_sha256", sha256)?;
    let photo =
        photo.map(|photo| field("photo", STANDARD.decode(photo).map_err(|_| "base64 is wanted"))).transpose()?;
    Ok(Document { digest, photo })
}
