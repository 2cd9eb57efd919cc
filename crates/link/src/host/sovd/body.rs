//! Bodies: JSON, small, and in time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::problem::Problem;

/// The longest body, in bytes.
const BYTES_MAX: usize = 2_048;
/// A body comes within this time, or its request is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a request brings. No body at all is an empty object.
pub(super) struct Sent<T>(pub(super) T);

/// What may be sent somewhere.
pub(super) trait Shape: DeserializeOwned {
    /// What fits, for who sent something else.
    const SHAPE: &'static str;
}

/// A code or a key: not printed, and wiped.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

impl<T: Shape, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(&parts.headers, body).await?;
        if bytes.is_empty() {
            return read(b"{}");
        }
        if is_json(&parts.headers) { read(&bytes) } else { Err(Problem::media_type()) }
    }
}

/// Never repeats what is wrong, only what would be right.
fn read<T: Shape>(bytes: &[u8]) -> Result<Sent<T>, Problem> {
    serde_json::from_slice(bytes).map(Sent).map_err(|error| match error.classify() {
        Category::Data => Problem::invalid(&format!("send {}", T::SHAPE)),
        _ => Problem::malformed(&format!("no JSON from line {}, column {} on", error.line(), error.column())),
    })
}

async fn bytes(headers: &HeaderMap, body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > BYTES_MAX) {
        return Err(Problem::too_large(BYTES_MAX));
    }
    match tokio::time::timeout(PATIENCE, to_bytes(body, BYTES_MAX)).await {
        Err(_) => Err(Problem::slow()),
        // Without a length told: it broke off, which nobody is left to hear of, or it went on for too long.
        Ok(Err(_)) => Err(Problem::too_large(BYTES_MAX)),
        Ok(Ok(bytes)) => Ok(Zeroizing::new(Vec::from(bytes))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
