//! A release over HTTP: who gets what, after whom, and what never shows.
#![allow(clippy::unwrap_used)]

mod support;

use headlock_registry::log::Receipt;
use headlock_server::api;
use headlock_server::client::{Address, Client};
use serde_json::json;
use support::http::call;
use support::{PASSWORD, START_S, Service, ask, ask_without_document, code_of, one_time_code, serial_of, vin_of};

fn client(service: &Service) -> Client {
    Client::new(&Address { url: format!("http://{}", service.address), ..Address::default() }).unwrap()
}

#[test]
fn a_dealer_signs_in_and_gets_the_code_how_to_type_it_and_a_receipt() {
    let service = Service::new();
    service.house.pass(120);
    let mut client = client(&service);
    let name = "anna".to_owned();
    let code = one_time_code(&service.house.secrets["anna"], START_S + 120);
    let shown = api::SignIn { name, password: api::Secret::new(PASSWORD), one_time_code: api::Secret::new(&code) };
    client.sign_in(&shown).expect("a session");
    assert_eq!(client.me().unwrap().account.id, "anna");
    let release: api::Release = serde_json::from_value(ask(3)).unwrap();
    let answer = client.release("first", &release).expect("an answer");
    let api::Answer::Released(released) = answer else { panic!("{answer:?}") };
    assert_eq!(released.code.as_ref().unwrap().reveal(), code_of(3));
    assert_eq!(released.ways.iter().map(|way| way.readings.len()).sum::<usize>(), 2, "every reading has its way");
    assert!(released.ways.iter().all(|way| !way.presses.is_empty()));
    let receipt = Receipt::from_bytes(released.receipt.as_bytes()).expect("a receipt");
    assert_eq!(receipt.opening.expect("what the leaf says").event.kind(), "authorised");
    let again = client.release("first", &release).expect("the same answer");
    let api::Answer::Released(again) = again else { panic!("{again:?}") };
    assert_eq!(again.request.id, released.request.id);
    client.sign_out().unwrap();
    assert_eq!(service.get("anna", "/v1/me").status, 200, "the other session goes on");
}

#[test]
fn a_second_person_approves_and_who_asked_collects() {
    let service = Service::new();
    let pending = service.release("ben", "a", &ask_without_document(4));
    assert_eq!(pending.status, 202, "{}", pending.text());
    let id = pending.json()["request"]["id"].as_str().unwrap().to_owned();
    let path = |what: &str| format!("/v1/requests/{id}/{what}");
    assert_eq!(service.by("ben", "POST", &path("approve"), &json!({})).problem(), "conflict", "not one's own");
    assert_eq!(service.get("anna", &format!("/v1/requests/{id}")).status, 404, "not a stranger's");
    let waiting = service.get("carl", "/v1/requests?waiting").json();
    assert_eq!(waiting["requests"][0]["id"], id.as_str());
    assert_eq!(service.by("ben", "POST", &path("collect"), &json!({})).status, 202);
    assert_eq!(service.by("carl", "POST", &path("approve"), &json!({"reason": "papers seen"})).status, 200);
    assert_eq!(service.by("dora", "POST", &path("approve"), &json!({})).problem(), "conflict");
    assert_eq!(service.by("anna", "POST", &path("collect"), &json!({})).status, 404);
    let collected = service.by("ben", "POST", &path("collect"), &json!({}));
    assert_eq!(collected.json()["code"], code_of(4).as_str());
    assert!(collected.json()["proof_due_s"].is_u64(), "the document has still to come");
    let proof = json!({"document_sha256": "08".repeat(32)});
    assert_eq!(service.by("ben", "POST", &path("proof"), &proof).status, 200);
    let notices = service.get("ben", "/v1/notices").json();
    assert!(notices["notices"].is_array());
}

#[test]
fn what_is_not_there_is_answered_byte_for_byte_alike() {
    let service = Service::new();
    let changed = |field: &str, value: &str| {
        let mut body = ask(1);
        body[field] = value.into();
        body
    };
    let mut replies = vec![
        service.release("anna", "k1", &changed("serial", "WK99999999")),
        service.release("anna", "k2", &changed("vin", &vin_of(7))),
        service.release("anna", "k3", &ask(50)),
        service.get("anna", "/v1/units/WK99999999"),
        service.get("anna", &format!("/v1/units/{}", serial_of(50))),
        service.get("anna", "/v1/units/'%20OR%201=1--"),
        service.get("anna", "/v1/requests/00000000000000000000000000000000"),
        service.get("anna", "/v1/requests/x"),
    ];
    let first = replies.remove(0);
    assert_eq!(first.status, 404);
    for reply in replies {
        assert_eq!((reply.status, &reply.body), (404, &first.body));
        assert_ne!(reply.header("x-request-id"), first.header("x-request-id"));
        let names = |reply: &support::http::Reply| -> Vec<String> {
            reply.headers.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&reply), names(&first));
    }
}

#[test]
fn a_look_up_shows_neither_code_nor_vehicle() {
    let service = Service::new();
    let reply = service.get("anna", &format!("/v1/units/{}", serial_of(3)));
    assert_eq!(reply.status, 200);
    let expected =
        json!({"serial": serial_of(3), "unit": "wicket/scan", "state": "in-service", "vehicle_on_record": true});
    assert_eq!(reply.json(), expected);
}

#[test]
fn everything_below_v1_is_never_kept_and_has_an_id_of_its_own() {
    let service = Service::new();
    let headers = format!("authorization: Bearer {}\r\nx-request-id: mine\r\n", service.token("anna"));
    for path in ["/v1/me", "/v1/nothing", "/v1/units/X", "/v1/seal"] {
        let reply = call(service.address, "GET", path, (&headers, b""));
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("x-request-id").map(str::len), Some(32), "an incoming id is not taken over");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[test]
fn the_description_lists_every_route() {
    let service = Service::new();
    let openapi = call(service.address, "GET", "/openapi.json", ("", b"")).json();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/v1/sessions", "/v1/releases", "/v1/requests/{id}/approve", "/v1/units/{serial}", "/checkpoint"] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
    let metrics = call(service.address, "GET", "/metrics", ("", b"")).text();
    assert!(metrics.contains("headlock_unsealed 1"), "{metrics}");
    assert!(metrics.contains("route=\"/openapi.json\""), "{metrics}");
}
