//! Data: what the ECU answers by identifier. Nothing can be written.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use headlock_twin::ecu::{ATTEMPTS_LEFT, LOCK_STATE, SUPPLY_MV, WAIT_LEFT};
use headlock_wire::uds::{Did, DidList, Request};
use serde_json::{Value, json};

use super::Shared;
use super::client::Asker;
use super::exchange::Failure;
use super::problem::Problem;
use super::query::pairs;

/// One item. Source of the categories: ISO 17978-3, data.
struct Item {
    id: &'static str,
    name: &'static str,
    category: &'static str,
    did: Did,
    value: fn(&[u8]) -> Option<Value>,
}

const IDENT: &str = "identData";
const CURRENT: &str = "currentData";

const ITEMS: [Item; 9] = [
    Item { id: "vin", name: "Vehicle identification number", category: IDENT, did: Did::VIN, value: text },
    Item { id: "serial-number", name: "Serial of the unit", category: IDENT, did: Did::SERIAL, value: text },
    Item { id: "part-number", name: "Part number", category: IDENT, did: Did::PART_NUMBER, value: text },
    Item { id: "software-number", name: "Software number", category: IDENT, did: Did::SOFTWARE_NUMBER, value: text },
    Item { id: "software-version", name: "Software version", category: IDENT, did: Did::SOFTWARE_VERSION, value: text },
    Item { id: "lock-state", name: "State of the code lock", category: CURRENT, did: LOCK_STATE, value: lock_state },
    Item { id: "attempts-left", name: "Attempts left", category: CURRENT, did: ATTEMPTS_LEFT, value: attempts_left },
    Item { id: "wait-left", name: "Wait left", category: CURRENT, did: WAIT_LEFT, value: wait_left },
    Item { id: "supply", name: "Supply", category: CURRENT, did: SUPPLY_MV, value: supply },
];

pub(super) async fn list(RawQuery(query): RawQuery) -> Json<Value> {
    let wanted: Vec<String> =
        pairs(query.as_deref()).into_iter().filter(|(name, _)| name == "categories").map(|(_, value)| value).collect();
    let fits = |item: &&Item| wanted.is_empty() || wanted.iter().any(|category| category == item.category);
    let items: Vec<Value> = ITEMS
        .iter()
        .filter(fits)
        .map(|item| json!({ "id": item.id, "name": item.name, "category": item.category }))
        .collect();
    Json(json!({ "items": items }))
}

pub(super) async fn categories() -> Json<Value> {
    Json(json!({ "items": [{ "item": IDENT }, { "item": CURRENT }] }))
}

pub(super) async fn read(
    State(app): State<Shared>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let item = ITEMS.iter().find(|item| item.id == id).ok_or_else(|| Problem::not_found("no such data"))?;
    let did = item.did.0.to_be_bytes();
    let dids = DidList::of(&did).ok_or(Failure::Garbled)?;
    let answer = app.read(asker, &Request::ReadDataByIdentifier(dids)).await?;
    let value = answer.get(3..).and_then(item.value).ok_or(Failure::Garbled)?;
    Ok(Json(json!({ "id": item.id, "data": value })))
}

fn text(bytes: &[u8]) -> Option<Value> {
    let text = str::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))?;
    Some(json!(text))
}

fn lock_state(bytes: &[u8]) -> Option<Value> {
    let [state, high, low] = *bytes else { return None };
    let word = ["open", "armed", "checking", "waiting", "locked-out"].get(usize::from(state))?;
    Some(json!({ "state": word, "failed_attempts": u16::from_be_bytes([high, low]) }))
}

fn attempts_left(bytes: &[u8]) -> Option<Value> {
    let left = u16::from_be_bytes(bytes.try_into().ok()?);
    Some(json!({ "attempts_left": (left != u16::MAX).then_some(left) }))
}

fn wait_left(bytes: &[u8]) -> Option<Value> {
    let left = u32::from_be_bytes(bytes.try_into().ok()?);
    Some(json!({ "wait_s": (left != u32::MAX).then_some(left) }))
}

fn supply(bytes: &[u8]) -> Option<Value> {
    Some(json!({ "supply_mv": u32::from_be_bytes(bytes.try_into().ok()?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_wrong_length_is_no_value() {
        for item in ITEMS.iter().filter(|item| item.category == CURRENT) {
            assert_eq!((item.value)(&[]), None, "{}", item.id);
            assert_eq!((item.value)(&[0; 5]), None, "{}", item.id);
        }
        assert_eq!(text(&[0xFF]), None);
        assert_eq!(text(b"a\x07"), None);
        assert_eq!(lock_state(&[9, 0, 0]), None);
    }

    #[test]
    fn no_limit_and_no_time_are_null() {
        assert_eq!(attempts_left(&[0xFF, 0xFF]), Some(json!({ "attempts_left": null })));
        assert_eq!(attempts_left(&[0, 9]), Some(json!({ "attempts_left": 9 })));
        assert_eq!(wait_left(&[0xFF; 4]), Some(json!({ "wait_s": null })));
        assert_eq!(wait_left(&[0, 0, 0, 60]), Some(json!({ "wait_s": 60 })));
    }
}
