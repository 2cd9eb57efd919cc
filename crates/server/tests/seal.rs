//! Sealed, unsealed by shares, and sealed again.
#![allow(clippy::unwrap_used)]

mod support;

use headlock_registry::seal::Kek;
use serde_json::json;
use support::http::{Reply, call};
use support::{House, Service, ask, code_of};

fn sealed() -> (Service, Vec<String>) {
    let house = House::new();
    let mut config = house.config();
    config.key_file = None;
    let shares = house.kek.split(3, 5).unwrap().iter().map(|share| share.text().to_string()).collect();
    (house.serve_with(config), shares)
}

fn offer(service: &Service, share: &str) -> Reply {
    let body = json!({ "share": share }).to_string();
    call(service.address, "POST", "/v1/unseal", ("content-type: application/json\r\n", body.as_bytes()))
}

#[test]
fn a_sealed_desk_answers_health_and_shares_alone() {
    let (service, _) = sealed();
    let get = |path: &str| call(service.address, "GET", path, ("", b""));
    for path in ["/healthz", "/openapi.json", "/metrics", "/v1/seal"] {
        assert_eq!(get(path).status, 200, "{path}");
    }
    assert_eq!(get("/readyz").status, 503);
    assert_eq!(get("/healthz").json()["state"], "sealed");
    for path in ["/v1/me", "/checkpoint", "/v1/units/WK00000001", "/v1/nothing", "/tile/0/000"] {
        assert_eq!(get(path).problem(), "sealed", "{path}");
    }
    assert_eq!(service.release("anna", "k", &ask(1)).problem(), "sealed");
    let malformed = call(service.address, "POST", "/v1/releases", ("content-type: application/json\r\n", b"{"));
    assert_eq!(malformed.problem(), "sealed");
}

#[test]
fn three_of_five_shares_open_the_desk_and_wrong_ones_do_not() {
    let (service, shares) = sealed();
    let mistyped = shares[0].replacen(|c: char| c.is_ascii_digit(), "X", 2);
    let reply = offer(&service, &mistyped);
    assert_eq!((reply.status, reply.json()["field"].as_str().unwrap()), (422, "share"));
    let first = offer(&service, &shares[0]).json();
    assert_eq!((&first["have"], &first["need"], &first["state"]), (&1.into(), &3.into(), &"sealed".into()));
    assert_eq!(offer(&service, &shares[0]).problem(), "conflict", "the same one again");
    // Somebody's own key, in shares of its own: it neither opens anything nor keeps the right ones out.
    let others: Vec<String> =
        Kek::random().unwrap().split(3, 5).unwrap().iter().map(|share| share.text().to_string()).collect();
    let other = offer(&service, &others[0]).json();
    assert_eq!((&other["have"], &other["other_sets"]), (&1.into(), &true.into()));
    offer(&service, &others[1]);
    let wrong = offer(&service, &others[2]);
    assert_eq!(wrong.problem(), "conflict");
    assert!(wrong.text().contains("another key"), "{}", wrong.text());
    let second = offer(&service, &shares[3]).json();
    assert_eq!(second["have"], 2);
    assert_eq!(service.release("anna", "k", &ask(1)).problem(), "sealed");
    let third = offer(&service, &shares[4]);
    assert_eq!((third.status, third.json()["state"].as_str().unwrap()), (200, "unsealed"));
    assert_eq!(service.release("anna", "k", &ask(1)).json()["code"], code_of(1).as_str());
    assert_eq!(offer(&service, &shares[1]).problem(), "conflict", "it is open already");
}

#[test]
fn a_custodian_seals_the_desk_and_shares_open_it_again() {
    let (service, shares) = sealed();
    for share in &shares[..3] {
        offer(&service, share);
    }
    assert_eq!(service.by("anna", "POST", "/v1/seal", &json!({})).problem(), "not-allowed");
    assert_eq!(service.by("cora", "POST", "/v1/seal", &json!({})).status, 204);
    assert_eq!(service.release("anna", "k", &ask(1)).problem(), "sealed");
    assert_eq!(service.get("anna", "/v1/me").problem(), "sealed");
    for share in &shares[2..] {
        offer(&service, share);
    }
    assert_eq!(service.release("anna", "k", &ask(1)).status, 200);
}
