//! Modes: the session, and security access.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use headlock_wire::uds::{Did, DidList, Level, Request, Response, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Secret, Sent, Shape};
use super::client::Asker;
use super::exchange::Failure;
use super::problem::Problem;
use super::{App, Shared, encoded};

/// The longest time for which a mode is given, in seconds.
const LONGEST_S: u64 = 86_400;
/// What asks for the seed of a level.
const SEED_SUFFIX: &str = "_requestseed";

const SESSIONS: [(&str, Session); 3] =
    [("default", Session::Default), ("extended", Session::Extended), ("programming", Session::Programming)];

/// A session that is wanted.
#[derive(Deserialize)]
pub(super) struct SessionWish {
    value: String,
    mode_expiration: Option<u64>,
}

impl Shape for SessionWish {
    const SHAPE: &'static str =
        "{\"value\": \"default\", \"extended\" or \"programming\", \"mode_expiration\": seconds}";
}

/// A seed that is wanted, or the key to it.
#[derive(Deserialize)]
pub(super) struct SecurityWish {
    value: String,
    #[serde(rename = "Key")]
    key: Option<Key>,
    mode_expiration: Option<u64>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "Send_Key")]
    send_key: Secret,
}

impl Shape for SecurityWish {
    const SHAPE: &'static str = "{\"value\": \"level_1_requestseed\"}, then {\"value\": \"level_1\", \"Key\": {\"Send_Key\": \"hexadecimal digits\"}}";
}

pub(super) async fn list() -> Json<Value> {
    let session = json!({ "id": "session", "name": "Diagnostic session" });
    let security = json!({ "id": "security", "name": "Security access" });
    Json(json!({ "items": [session, security] }))
}

pub(super) async fn session(State(app): State<Shared>, asker: Asker) -> Result<Json<Value>, Problem> {
    let session = app.session(asker).await?;
    Ok(Json(json!({ "id": "session", "name": "Diagnostic session", "value": word(session) })))
}

pub(super) async fn change_session(
    State(app): State<Shared>,
    asker: Asker,
    Sent(wish): Sent<SessionWish>,
) -> Result<Json<Value>, Problem> {
    let known = SESSIONS.iter().find(|(word, _)| wish.value.eq_ignore_ascii_case(word));
    let (word, session) = known.ok_or_else(|| Problem::invalid(&format!("send {}", SessionWish::SHAPE)))?;
    let lasts = lasts(wish.mode_expiration)?;
    let tester = app.holder(asker)?;
    tester.ask(encoded(&Request::DiagnosticSessionControl { session: *session })?, lasts).await?;
    Ok(Json(json!({ "id": "session", "value": word })))
}

pub(super) async fn security(State(app): State<Shared>, asker: Asker) -> Result<Json<Value>, Problem> {
    let level = app.locks().tester_of(asker)?.and_then(|tester| tester.level());
    // A session that ended without us, by a restart or in silence, has taken its level along.
    let level = match level {
        Some(level) if app.session(asker).await? != Session::Default => Some(level),
        _ => None,
    };
    let value = level.map_or_else(|| "locked".to_owned(), level_word);
    Ok(Json(json!({ "id": "security", "name": "Security access", "value": value })))
}

pub(super) async fn change_security(
    State(app): State<Shared>,
    asker: Asker,
    Sent(wish): Sent<SecurityWish>,
) -> Result<Json<Value>, Problem> {
    let wrong = || Problem::invalid(&format!("send {}", SecurityWish::SHAPE));
    let value = wish.value.to_ascii_lowercase();
    let (name, wants_seed) = value.strip_suffix(SEED_SUFFIX).map_or((value.as_str(), false), |name| (name, true));
    let level = level_of(name).ok_or_else(wrong)?;
    let lasts = lasts(wish.mode_expiration)?;
    let tester = app.holder(asker)?;
    match (wants_seed, wish.key) {
        (true, None) => {
            let answer = tester.ask(encoded(&Request::RequestSeed { level, record: &[] })?, None).await?;
            let Ok(Response::Seed { seed, .. }) = Response::decode(&answer) else {
                return Err(Failure::Garbled.into());
            };
            let seed = headlock_wire::hex::digits(seed).to_ascii_lowercase();
            Ok(Json(json!({ "id": "security", "seed": { "Request_Seed": seed } })))
        }
        (false, Some(Key { send_key })) => {
            let key = zeroize::Zeroizing::new(headlock_wire::hex::bytes(send_key.as_bytes()).ok_or_else(wrong)?);
            if key.is_empty() {
                return Err(wrong());
            }
            tester.ask(encoded(&Request::SendKey { level, key: &key })?, lasts).await?;
            Ok(Json(json!({ "id": "security", "value": level_word(level) })))
        }
        (false, None) => Err(Problem::incomplete("the key is missing; ask for the seed first")),
        (true, Some(_)) => Err(wrong()),
    }
}

impl App {
    /// The session of who asks.
    async fn session(&self, asker: Asker) -> Result<Session, Problem> {
        let did = Did::ACTIVE_SESSION.0.to_be_bytes();
        let dids = DidList::of(&did).ok_or(Failure::Garbled)?;
        let answer = self.read(asker, &Request::ReadDataByIdentifier(dids)).await?;
        let [_, _, _, session] = answer[..] else { return Err(Failure::Garbled.into()) };
        Ok(Session::of(session).ok_or(Failure::Garbled)?)
    }
}

fn word(session: Session) -> &'static str {
    SESSIONS.iter().find(|(_, known)| *known == session).map_or("default", |(word, _)| word)
}

fn level_word(level: Level) -> String {
    format!("level_{}", level.request_seed())
}

/// Levels go by the number that requests their seed.
fn level_of(word: &str) -> Option<Level> {
    let number: u8 = word.strip_prefix("level_").filter(|digits| !digits.starts_with('+'))?.parse().ok()?;
    Level::of(number).filter(|level| level.request_seed() == number)
}

fn lasts(seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    match seconds {
        None => Ok(None),
        Some(seconds @ 1..=LONGEST_S) => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(Problem::invalid(&format!("mode_expiration is 1 to {LONGEST_S} seconds"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_named_by_the_number_that_requests_their_seed() {
        let number = |word| level_of(word).map(Level::request_seed);
        assert_eq!(number("level_1"), Some(1));
        assert_eq!(number("level_125"), Some(125));
        for wrong in ["level_2", "level_0", "level_127", "level_+1", "level_", "level_256", "1", ""] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
