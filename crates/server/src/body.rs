//! Requests' bodies: JSON of one shape, of so many bytes, and a problem that says what is wrong.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;

use crate::problem::Problem;
use crate::serve::App;

/// Bytes of a body without a photo.
const SMALL: usize = 64 << 10;

/// Bytes that are read and thrown away, so that whoever sends too much hears why.
const THROWN_AWAY: usize = 16 << 20;

/// A body of JSON, without a photo.
pub(crate) struct Json<T>(pub(crate) T);

/// A body of JSON that may have a photo in it.
pub(crate) struct Large<T>(pub(crate) T);

/// A body of JSON, or none at all.
pub(crate) struct Optional<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        is_json(&request)?;
        Ok(Self(parse(&bytes(request, (app, SMALL)).await?)?))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Large<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        is_json(&request)?;
        Ok(Self(parse(&bytes(request, (app, app.config.limits.body_bytes_max)).await?)?))
    }
}

impl<T: DeserializeOwned + Default> FromRequest<App> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let typed = request.headers().contains_key(CONTENT_TYPE).then(|| is_json(&request));
        let bytes = bytes(request, (app, SMALL)).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        typed.unwrap_or_else(|| Err(Problem::media_type()))?;
        Ok(Self(parse(&bytes)?))
    }
}

fn is_json(request: &Request) -> Result<(), Problem> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Problem::media_type()) }
}

/// All of a body, in half the time that its request has.
async fn bytes(request: Request, (app, bytes_max): (&App, usize)) -> Result<bytes::Bytes, Problem> {
    let patience = Duration::from_millis(app.config.limits.request_timeout_s * 500);
    timeout(patience, whole(request, bytes_max)).await.map_err(|_| Problem::slow())?
}

async fn whole(request: Request, bytes_max: usize) -> Result<bytes::Bytes, Problem> {
    let headers = request.headers();
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = headers.contains_key(EXPECT);
    let mut body = request.into_body();
    if let Some(announced) = announced.filter(|bytes| *bytes > bytes_max) {
        // Whoever waits for a word before sending has sent nothing yet.
        while !waits && announced <= THROWN_AWAY && matches!(body.frame().await, Some(Ok(_))) {}
        return Err(Problem::too_large(bytes_max));
    }
    to_bytes(body, bytes_max).await.map_err(|why| {
        let why = why.into_inner();
        let long = why.is::<http_body_util::LengthLimitError>();
        if long { Problem::too_large(bytes_max) } else { Problem::malformed("the body broke off") }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|why| {
        let (line, column) = (why.line(), why.column());
        match why.classify() {
            // It names fields and what was expected there.
            Category::Data => Problem::shape(why.to_string()),
            Category::Eof => Problem::malformed("the JSON ends too early"),
            Category::Syntax | Category::Io => {
                Problem::malformed(format!("this is no JSON from line {line}, column {column} on"))
            }
        }
    })
}
