//! Locks: taken for a time, extended, broken, released. Source: ISO 17978-3, locking.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Sent, Shape};
use super::client::Asker;
use super::lock_table::{Acquired, Wanted, no_such};
use super::problem::Problem;
use super::stamp::rfc3339;
use super::tester::Tester;
use super::{COMPONENT, Shared};
use crate::host::entropy;

/// The longest time for which a lock is given at once, in seconds.
const LONGEST_S: u64 = 86_400;

/// How long a lock is wanted.
#[derive(Deserialize)]
pub(super) struct Wish {
    lock_expiration: u64,
    #[serde(default)]
    break_lock: bool,
}

impl Shape for Wish {
    const SHAPE: &'static str = "{\"lock_expiration\": seconds, \"break_lock\": true or false}";
}

impl Wish {
    fn lasts(&self) -> Result<Duration, Problem> {
        match self.lock_expiration {
            seconds @ 1..=LONGEST_S => Ok(Duration::from_secs(seconds)),
            _ => Err(Problem::invalid(&format!("lock_expiration is 1 to {LONGEST_S} seconds"))),
        }
    }
}

pub(super) async fn list(State(app): State<Shared>, asker: Asker) -> Json<Value> {
    let items: Vec<Value> =
        app.locks().all(asker).iter().map(|lock| json!({ "id": lock.id, "owned": lock.owned })).collect();
    Json(json!({ "items": items }))
}

pub(super) async fn acquire(
    State(app): State<Shared>,
    asker: Asker,
    Sent(wish): Sent<Wish>,
) -> Result<Response, Problem> {
    let wanted = Wanted { owner: asker.client()?, lasts: wish.lasts()?, breaks: wish.break_lock };
    let start = |until| Tester::start(app.handle.clone(), until);
    let (id, acquired) = app.locks().acquire(new_id()?, &wanted, start)?;
    let status = match acquired {
        Acquired::New => StatusCode::CREATED,
        Acquired::Extended => StatusCode::OK,
    };
    let location = [(LOCATION, format!("{COMPONENT}/locks/{id}"))];
    Ok((status, location, Json(json!({ "id": id, "owned": true }))).into_response())
}

pub(super) async fn read(
    State(app): State<Shared>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let lock = app.locks().all(asker).into_iter().find(|lock| lock.id == id).ok_or_else(no_such)?;
    let mut body = json!({ "id": lock.id, "owned": lock.owned, "lock_expiration": rfc3339(lock.ends) });
    if lock.broken {
        body["x-headlock-broken"] = json!(true);
    }
    Ok(Json(body))
}

pub(super) async fn extend(
    State(app): State<Shared>,
    asker: Asker,
    Path(id): Path<String>,
    Sent(wish): Sent<Wish>,
) -> Result<StatusCode, Problem> {
    app.locks().extend(&id, asker.client()?, wish.lasts()?)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn release(
    State(app): State<Shared>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.locks().release(&id, asker.client()?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A random UUID (RFC 9562, 5.4).
fn new_id() -> Result<String, Problem> {
    let random = entropy().map_err(|_| Problem::internal("the system has no random bytes"))?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&random[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let digits = headlock_wire::hex::digits(&bytes).to_ascii_lowercase();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(parts.join("-"))
}
