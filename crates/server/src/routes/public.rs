//! The log's folder as outsiders read it: c2sp.org/tlog-tiles.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use headlock_registry::desk::Refusal;
use headlock_registry::log::{CHECKPOINT, Disk, ReadFiles as _, WITNESSED};

use crate::api;
use crate::problem::Problem;
use crate::serve::App;

/// Tiles never change.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// The newest checkpoint does.
const A_MOMENT: &str = "public, max-age=1";

/// The newest checkpoint.
#[utoipa::path(get, path = "/checkpoint", tag = "log",
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response<Body>, Problem> {
    read(&app, CHECKPOINT.to_owned(), ("text/plain; charset=utf-8", A_MOMENT)).await
}

/// The newest checkpoint that witnesses cosigned.
#[utoipa::path(get, path = "/witnessed", tag = "log",
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn witnessed(State(app): State<App>) -> Result<Response<Body>, Problem> {
    read(&app, WITNESSED.to_owned(), ("text/plain; charset=utf-8", A_MOMENT)).await
}

/// A tile of hashes or of entries.
#[utoipa::path(get, path = "/tile/{*path}", tag = "log",
    params(("path" = String, Path, description = "a tile's path as c2sp.org/tlog-tiles has it, its slashes as they are")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn tile(State(app): State<App>, Path(path): Path<String>) -> Result<Response<Body>, Problem> {
    if !is_tile(&path) {
        return Err(Refusal::NotFound.into());
    }
    read(&app, format!("tile/{path}"), ("application/octet-stream", FOR_GOOD)).await
}

async fn read(app: &App, path: String, (kind, cache): (&'static str, &'static str)) -> Result<Response<Body>, Problem> {
    let files = Disk::new(app.config.log_folder());
    let bytes = tokio::task::spawn_blocking(move || files.read(&path)).await.map_err(|_| Problem::unavailable())?;
    let bytes = bytes.map_err(|why| {
        tracing::error!(%why, "the log's folder cannot be read");
        Problem::unavailable()
    })?;
    let mut response = Response::new(Body::from(bytes.ok_or(Refusal::NotFound)?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

/// Whether this is the path of a tile below `tile/`: a layer, then groups of three digits of which all but the last begin with `x`,
/// then for a partial tile its width. Nothing else is ever asked of the file system.
fn is_tile(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_layer = |layer: &str| layer == "entries" || (layer.len() == 1 && matches!(layer.as_bytes(), [b'0'..=b'7']));
    if !parts.next().is_some_and(is_layer) {
        return false;
    }
    let group = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let width = |text: &str| !text.starts_with('0') && text.parse::<u16>().is_ok_and(|width| (1..256).contains(&width));
    let mut groups = 0;
    while let Some(part) = parts.next() {
        groups += 1;
        if groups > 7 {
            return false;
        }
        if part.strip_prefix('x').is_some_and(group) {
            continue;
        }
        return match (part.strip_suffix(".p"), parts.next(), parts.next()) {
            (None, None, None) => group(part),
            (Some(last), Some(partial), None) => group(last) && width(partial),
            _ => false,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_tile;

    #[test]
    fn only_paths_of_tiles_reach_the_file_system() {
        for path in ["0/000", "entries/x001/234", "7/x123/x456/789", "0/001.p/17", "entries/000.p/255"] {
            assert!(is_tile(path), "{path}");
        }
        for path in [
            "",
            "0",
            "8/000",
            "0/",
            "0/00",
            "0/../../registry.db",
            "0/x001",
            "0/000.p",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/1/2",
            "../registry.db",
            "entries/000/..",
            "0/x001/..",
            "00/000",
            "0/+01",
            "0/0é1",
        ] {
            assert!(!is_tile(path), "{path}");
        }
    }
}
