//! Keeping house over HTTP: accounts, units, history, broken glass, the log's readers and witnesses.
#![allow(clippy::unwrap_used)]

mod support;

use std::thread;

use headlock_registry::log::{Checkpoint, KeyKind, Note, SecretKey, Submission};
use serde_json::json;
use support::http::call;
use support::{House, PASSWORD, START_S, Service, UNIT, ask, ask_without_document, code_of, one_time_code, serial_of};

#[test]
fn a_new_account_gets_a_password_then_a_one_time_secret_then_everything_else() {
    let service = Service::new();
    let new = json!({"id": "fred", "person": "Mr Fred", "company": "acme", "regions": ["eu"], "roles": ["requester"], "password": PASSWORD});
    assert_eq!(service.by("anna", "POST", "/v1/accounts", &new).problem(), "not-allowed");
    let short = json!({"id": "fred", "person": "x", "company": "acme", "roles": ["requester"], "password": "short"});
    assert_eq!(service.by("root", "POST", "/v1/accounts", &short).json()["field"], "password");
    let made = service.by("root", "POST", "/v1/accounts", &new);
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.text().contains("argon2"), "a hash shows");
    assert_eq!(service.by("root", "POST", "/v1/accounts", &new).problem(), "conflict");
    let sign_in = |code: &str| {
        let shown = json!({"name": "fred", "password": PASSWORD, "one_time_code": code}).to_string();
        call(service.address, "POST", "/v1/sessions", ("content-type: application/json\r\n", shown.as_bytes()))
    };
    let first = sign_in("");
    assert_eq!(first.status, 201, "{}", first.text());
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let with = |token: &str, method: &str, path: &str, body: &str| {
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\nidempotency-key: f\r\n");
        call(service.address, method, path, (&headers, body.as_bytes()))
    };
    let release = ask(1).to_string();
    assert_eq!(with(&token, "POST", "/v1/releases", &release).status, 403, "good for nothing but a one-time secret");
    let secret = with(&token, "PATCH", "/v1/accounts/fred", "{\"change\":\"one-time-secret\"}");
    let otpauth = secret.json()["otpauth"].as_str().unwrap().to_owned();
    assert_eq!(sign_in("").status, 401);
    let second = sign_in(&one_time_code(&otpauth, START_S));
    let token = second.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(with(&token, "POST", "/v1/releases", &release).json()["code"], code_of(1).as_str());
    let lock = json!({"change": "state", "state": "locked", "reason": "left the company"});
    assert_eq!(service.by("root", "PATCH", "/v1/accounts/fred", &lock).json()["state"], "locked");
    assert_eq!(with(&token, "GET", "/v1/me", "").problem(), "locked", "at once");
    assert_eq!(with(&token, "POST", "/v1/releases", &release).problem(), "locked");
    let accounts = service.get("root", "/v1/accounts");
    assert!(accounts.json().as_array().unwrap().iter().any(|account| account["id"] == "fred"));
    assert!(!accounts.text().contains("argon2"));
}

#[test]
fn a_unit_is_made_with_its_code_and_its_history_goes_on() {
    let service = Service::new();
    let new = json!({"serial": "WK00000777", "unit": UNIT, "region": "eu"});
    assert_eq!(service.by("anna", "POST", "/v1/units", &new).problem(), "not-allowed");
    let made = service.by("olga", "POST", "/v1/units", &new);
    assert_eq!(made.status, 201, "{}", made.text());
    let code = made.json()["code"].as_str().unwrap().to_owned();
    assert_eq!((code.len(), made.json()["device_key"].as_str().unwrap().len()), (4, 64));
    let path = "/v1/units/WK00000777/history";
    let paired = json!({"event": "paired", "vin": "SJNFAAJ10U1000777"});
    assert_eq!(service.by("olga", "POST", path, &paired).json()["vehicle_on_record"], true);
    assert_eq!(service.by("olga", "POST", path, &json!({"event": "flown"})).status, 422);
    let lines = service.get("olga", path).json();
    assert_eq!((&lines["lines"][0]["event"], &lines["lines"][0]["by"]), (&"paired".into(), &"olga".into()));
    assert_eq!(service.get("anna", path).problem(), "not-allowed");
    let mut body = ask(777);
    body["vin"] = "SJNFAAJ10U1000777".into();
    assert_eq!(service.release("anna", "new", &body).json()["code"], code.as_str());
    service.by("olga", "POST", path, &json!({"event": "stolen"}));
    assert_eq!(service.release("anna", "new2", &body).problem(), "rule");
}

#[test]
fn broken_glass_is_reviewed_by_somebody_else() {
    let service = Service::new();
    let glass = json!({"release": ask_without_document(2), "reason": "a child is locked in the car"});
    let headers = format!(
        "authorization: Bearer {}\r\ncontent-type: application/json\r\nidempotency-key: glass\r\n",
        service.token("anna")
    );
    let broken = call(service.address, "POST", "/v1/break-glass", (&headers, glass.to_string().as_bytes()));
    assert_eq!(broken.json()["code"], code_of(2).as_str(), "{}", broken.text());
    let id = broken.json()["request"]["id"].as_str().unwrap().to_owned();
    let review = json!({"justified": true, "reason": "seen the report"});
    assert_eq!(service.by("anna", "POST", &format!("/v1/requests/{id}/review"), &review).problem(), "not-allowed");
    assert_eq!(service.by("ed", "POST", &format!("/v1/requests/{id}/review"), &review).status, 200);
    let told = service.get("carl", "/v1/notices").json();
    assert!(!told["notices"].as_array().unwrap().is_empty(), "approvers are told");
    let erase = format!("/v1/requests/{id}/erase");
    assert_eq!(service.by("root", "POST", &erase, &json!({})).problem(), "conflict", "the document has still to come");
}

#[test]
fn a_witness_is_kept_that_the_configuration_names_and_no_other() {
    let house = House::new();
    let witness = SecretKey::new("witness.example", KeyKind::Cosignature, &[9; 32]).unwrap();
    let mut config = house.config();
    config.log.witnesses = vec![witness.public().to_string()];
    let service = house.serve_with(config);
    let checkpoint = call(service.address, "GET", "/checkpoint", ("", b"")).text();
    let mut note = Note::parse(checkpoint.as_bytes()).expect("a checkpoint");
    assert!(note.cosign(&witness, START_S));
    let cosigned = String::from_utf8(note.to_bytes()).unwrap();
    let line = cosigned.lines().find(|line| line.contains("witness.example")).unwrap();
    let given = |line: &str| json!({"checkpoint": checkpoint, "lines": format!("{line}\n")});
    assert_eq!(service.by("anna", "POST", "/v1/log/cosignatures", &given(line)).problem(), "not-allowed");
    let kept = service.by("ed", "POST", "/v1/log/cosignatures", &given(line));
    assert_eq!(kept.status, 200);
    let head = Checkpoint::from_text(note.text()).unwrap().head;
    assert_eq!(kept.json(), json!({"leaves": head.size, "witnesses": [{"name": "witness.example", "at_s": START_S}]}));
    assert_eq!(call(service.address, "GET", "/witnessed", ("", b"")).text(), cosigned);
    let kept = std::fs::read_to_string(service.house.log().join("witnessed")).unwrap();
    assert!(kept.contains(line));
    let foreign = json!({"checkpoint": checkpoint.replace("desk.example", "other.example"), "lines": "x\n"});
    assert_eq!(service.by("ed", "POST", "/v1/log/cosignatures", &foreign).status, 422);
}

#[test]
fn whoever_carries_checkpoints_to_witnesses_gets_them_with_proofs_from_and_to_any_size() {
    let service = House::new().serve();
    let ask = |query: &str| service.get("ed", &format!("/v1/log/submission{query}"));
    for who in ["anna", "carl", "root", "cora"] {
        assert_eq!(service.get(who, "/v1/log/submission").problem(), "not-allowed", "{who}");
    }
    assert_eq!(call(service.address, "GET", "/v1/log/submission", ("", b"")).problem(), "not-signed-in");
    assert_eq!(service.get("olga", "/v1/log/submission").status, 200);
    let read = |query: &str| {
        let reply = ask(query);
        assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"), "{}", reply.text());
        let submission = Submission::from_bytes(&reply.body).expect("a submission");
        let head = submission.claimed().expect("a checkpoint").head;
        (submission, head)
    };
    let (newest, head) = read("");
    assert_eq!((newest.old_size, newest.proof.len()), (0, 0));
    let (earlier, old) = read("?size=1");
    assert_eq!(old.size, 1);
    assert_eq!(read("?old=0&size=1").0, earlier, "the same checkpoint however often it is made");
    let (onward, same) = read(&format!("?old=1&size={}", head.size));
    assert_eq!(onward.checkpoint, newest.checkpoint);
    assert!(head.size > 1 && same.extends(&old, &onward.proof));
    for (query, field) in [
        (format!("?old={}", head.size + 1_000), "old"),
        ("?old=2&size=1".to_owned(), "old"),
        (format!("?size={}", head.size + 1_000), "size"),
        ("?old=-1".to_owned(), "old"),
    ] {
        let reply = ask(&query);
        assert_eq!(reply.problem(), "invalid", "{query}");
        assert_eq!(reply.json()["field"], field, "{query}");
    }
    assert_eq!(call(service.address, "GET", "/witnessed", ("", b"")).problem(), "not-found", "nobody cosigned yet");
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let rules = headlock_registry::rules::DEFAULT.replace("burst = 40", "burst = 4000");
    let house = House::with_rules(&rules);
    let mut config = house.config();
    (config.limits.queue, config.limits.batch) = (1, 1);
    let service = house.serve_with(config);
    let busy = thread::scope(|scope| {
        let ask = |thread: u32| {
            let service = &service;
            scope.spawn(move || {
                let ask = |number| service.release("anna", &format!("{thread}-{number}"), &ask(thread % 10));
                (0..20)
                    .map(ask)
                    .filter(|reply| reply.status == 503)
                    .inspect(|reply| {
                        assert_eq!(reply.problem(), "busy");
                        assert_eq!(reply.header("retry-after"), Some("1"));
                    })
                    .count()
            })
        };
        let all: Vec<_> = (0..32).map(ask).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert!(busy > 0, "32 at once never filled a queue of one");
    let _ = serial_of(1);
}
