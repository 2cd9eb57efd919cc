//! Exports over HTTP: agreed to by others, streamed, and never whole where they broke off.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{self, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use headlock_profile::{Code, Provenance};
use headlock_registry::desk::{Desk, NewUnit};
use headlock_registry::escrow::Recipient;
use headlock_registry::rules::DEFAULT;
use headlock_server::api;
use headlock_server::client::{Address, Client};
use serde_json::{Value, json};
use support::http::{call, connect, send};
use support::{House, Service, ask, code_of, new_unit, serial_of};

const REASON: &str = "the maker ends, the escrow takes over";

struct Vault {
    service: Service,
    escrow: age::x25519::Identity,
}

fn house(escrow: &age::x25519::Identity) -> House {
    let recipient: Recipient = escrow.to_public().to_string().parse().unwrap();
    let rules = DEFAULT.replace("settled_days = 7", "settled_days = 0");
    House::with_rules_and_escrow(&rules, Some(&recipient))
}

impl Vault {
    fn new() -> Self {
        let escrow = age::x25519::Identity::generate();
        Self { service: house(&escrow).serve(), escrow }
    }

    /// With so many more units that no socket holds all of their rows.
    fn large() -> Self {
        let escrow = age::x25519::Identity::generate();
        let house = house(&escrow);
        let mut desk = Desk::open(house.tools(), house.now_ms()).unwrap();
        for from in [100_000, 150_000] {
            let unit = |number| NewUnit {
                firmware: "x".repeat(80),
                companion: Some("y".repeat(40)),
                vin: None,
                code: Some(Code::new("0042", Provenance::Table).unwrap()),
                ..new_unit(number, "eu")
            };
            house.add(&mut desk, (from..from + 50_000).map(unit).collect());
        }
        drop(desk);
        let mut config = house.config();
        config.limits.stop_timeout_s = 1;
        Self { service: house.serve_with(config), escrow }
    }

    fn client(&self, id: &str) -> Client {
        let client = Client::new(&Address { url: format!("http://{}", self.service.address), ..Address::default() });
        client.unwrap().with_token(api::Secret::new(self.service.token(id)))
    }

    fn asked(&self) -> String {
        let new = api::NewExport { unit: None, region: None, reason: REASON.to_owned() };
        self.client("root").ask_export(&new).unwrap().id
    }

    fn agreed(&self) -> String {
        let id = self.asked();
        let reason = api::Reason { reason: "seen the contract".to_owned() };
        for custodian in ["cora", "cato"] {
            self.client(custodian).agree_export(&id, &reason).unwrap();
        }
        id
    }

    /// A connection on which the file has been asked for, with its first bytes read.
    fn begun(&self, id: &str) -> (TcpStream, Vec<u8>) {
        let mut stream = connect(self.service.address);
        let token = self.service.token("root");
        let headers = format!("authorization: Bearer {token}\r\n");
        send(&mut stream, "POST", &format!("/v1/exports/{id}/take"), (&headers, b""));
        let mut read = vec![0; 8192];
        let mut begun = Vec::new();
        while !begun.windows(8).any(|window| window == b"age-encr") {
            let count = stream.read(&mut read).unwrap();
            assert!(count > 0, "it ended: {}", String::from_utf8_lossy(&begun));
            begun.extend_from_slice(&read[..count]);
        }
        (stream, begun)
    }

    /// How an export stands, once the desk has heard of what happened to it.
    fn once(&self, id: &str, holds: impl Fn(&api::ExportView) -> bool) -> api::ExportView {
        let since = Instant::now();
        loop {
            let export = self.client("ed").export(id).unwrap();
            if holds(&export) {
                return export;
            }
            assert!(since.elapsed() < Duration::from_mins(2), "{export:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn open(&self, file: &[u8]) -> io::Result<String> {
        let broken = |why: age::DecryptError| io::Error::other(why);
        let opened = age::Decryptor::new(file).map_err(broken)?;
        let mut opened = opened.decrypt(std::iter::once(&self.escrow as &dyn age::Identity)).map_err(broken)?;
        let mut text = String::new();
        opened.read_to_string(&mut text).map(|_| text)
    }
}

fn all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    from.read_to_end(&mut file).map(|_| file)
}

#[test]
fn two_custodians_agree_who_asked_takes_and_the_log_knows_what_left() {
    let vault = Vault::new();
    let id = vault.asked();
    let path = |what: &str| format!("/v1/exports/{id}/{what}");
    let why = json!({"reason": "seen the contract"});
    let by = |who: &str, what: &str, body: &Value| vault.service.by(who, "POST", &path(what), body);
    assert_eq!(by("root", "take", &json!({})).problem(), "conflict");
    assert_eq!(by("root", "agree", &why).problem(), "not-allowed");
    assert_eq!(by("cora", "agree", &json!({"reason": ""})).json()["field"], "reason");
    assert_eq!(by("cora", "agree", &why).json()["agreements"][0]["account"], "cora");
    assert_eq!(by("cora", "agree", &why).problem(), "conflict");
    assert_eq!(by("root", "take", &json!({})).problem(), "conflict");
    assert_eq!(by("cato", "agree", &why).json()["state"], "agreed");
    for nobody in ["cora", "ed", "olga", "anna", "carl"] {
        assert_eq!(by(nobody, "take", &json!({})).problem(), "not-allowed", "{nobody}");
    }
    let file = all(vault.client("root").take_export(&id).unwrap()).unwrap();
    let text = vault.open(&file).unwrap();
    assert!(text.contains(&format!("{},{},", serial_of(7), code_of(7))), "{text}");
    let export = vault.once(&id, |export| export.state == "left");
    assert_eq!((export.units, export.bytes, export.without_code), (Some(11), Some(file.len() as u64), Some(0)));
    assert_eq!(export.recipient, vault.escrow.to_public().to_string());
    assert_eq!(by("root", "take", &json!({})).problem(), "conflict", "once");
    let events = vault.service.get("ed", "/v1/log/events?from=0&limit=1000").json();
    let said: Vec<&Value> = events["leaves"].as_array().unwrap().iter().map(|leaf| &leaf["event"]["kind"]).collect();
    for kind in ["escrow_set", "export_asked", "export_agreed", "export_taken", "export_left"] {
        assert!(said.iter().any(|said| *said == kind), "{kind}");
    }
    assert!(!events.to_string().contains(&code_of(7)));
    let told = vault.service.get("ed", "/v1/notices").text();
    assert!(told.contains("export_asked") && told.contains("export_taken"), "{told}");
}

#[test]
fn what_is_on_record_of_exports_is_for_those_who_watch_and_says_no_code() {
    let vault = Vault::new();
    let id = vault.agreed();
    for who in ["root", "cora", "ed"] {
        let list = vault.service.get(who, "/v1/exports").json();
        assert_eq!(list["recipient"], vault.escrow.to_public().to_string().as_str());
        assert_eq!(list["exports"][0]["id"], id.as_str(), "{who}");
        assert_eq!(list["exports"][0]["agreements"].as_array().unwrap().len(), 2);
        assert_eq!(vault.service.get(who, &format!("/v1/exports/{id}")).json()["reason"], REASON);
    }
    for nobody in ["anna", "carl", "olga"] {
        assert_eq!(vault.service.get(nobody, "/v1/exports").problem(), "not-allowed");
        assert_eq!(vault.service.get(nobody, &format!("/v1/exports/{id}")).problem(), "not-allowed");
    }
    assert_eq!(vault.service.get("ed", "/v1/exports/x").status, 404);
    let bad = json!({"recipient": "age1nothing", "reason": REASON});
    assert_eq!(vault.service.by("root", "POST", "/v1/escrow", &bad).json()["field"], "recipient");
    let refuse = json!({"reason": "nobody told me of this"});
    let refused = vault.service.by("ed", "POST", &format!("/v1/exports/{id}/refuse"), &refuse).json();
    assert_eq!((&refused["state"], &refused["refused_by"]), (&"refused".into(), &"ed".into()));
    let taken = vault.service.by("root", "POST", &format!("/v1/exports/{id}/take"), &json!({}));
    assert_eq!(taken.problem(), "conflict");
}

#[test]
fn a_file_that_breaks_off_is_not_whole_and_meanwhile_the_desk_goes_on() {
    let vault = Vault::large();
    let id = vault.agreed();
    let (stream, begun) = vault.begun(&id);
    assert!(String::from_utf8_lossy(&begun).contains("transfer-encoding: chunked"));
    // Nobody reads on: releases and look-ups wait for nothing.
    for number in [1, 5, 3] {
        assert_eq!(vault.service.release("anna", &format!("k{number}"), &ask(number)).status, 200);
    }
    let second = vault.service.by("root", "POST", &format!("/v1/exports/{id}/take"), &json!({}));
    assert_eq!(second.problem(), "conflict", "one at a time");
    assert_eq!(vault.client("ed").export(&id).unwrap().attempts, 1);
    drop(stream);
    // As soon as the service has noticed, another file may be begun, and comes whole.
    let since = Instant::now();
    let file = loop {
        match vault.client("root").take_export(&id) {
            Ok(body) => break all(body).unwrap(),
            Err(why) => assert!(why.problem().is_some_and(|problem| problem.status == 409), "{why}"),
        }
        assert!(since.elapsed() < Duration::from_mins(2), "the first one never ended");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(vault.open(&file).unwrap().lines().filter(|line| line.starts_with("WK")).count(), 100_011);
    let export = vault.once(&id, |export| export.state == "left");
    assert_eq!((export.attempts, export.units), (2, Some(100_011)));
}

#[test]
fn sealing_the_desk_breaks_an_export_off_without_its_end() {
    let vault = Vault::large();
    let id = vault.agreed();
    let (mut stream, mut file) = vault.begun(&id);
    // A seal does not wait for whoever does not read.
    let sealed = vault.service.by("cora", "POST", "/v1/seal", &json!({}));
    assert_eq!(sealed.status, 204, "{}", sealed.text());
    let mut rest = Vec::new();
    // It ends with the connection, in an orderly way or not.
    let _ = stream.read_to_end(&mut rest);
    file.extend_from_slice(&rest);
    assert!(!file.ends_with(b"\r\n0\r\n\r\n"), "it looks whole");
    assert_eq!(vault.service.get("ed", "/v1/exports").problem(), "sealed");
}

#[test]
fn a_client_hears_that_a_file_broke_off() {
    let vault = Vault::large();
    let id = vault.agreed();
    let mut body = vault.client("root").take_export(&id).unwrap();
    let mut begun = [0; 100];
    body.read_exact(&mut begun).unwrap();
    assert_eq!(vault.service.by("cora", "POST", "/v1/seal", &json!({})).status, 204);
    let rest = all(body);
    assert!(rest.is_err(), "{} bytes came as if they were all", rest.unwrap().len());
}

#[test]
fn a_service_that_ends_in_mid_file_lets_it_be_taken_again() {
    let mut vault = Vault::large();
    let id = vault.agreed();
    let (stream, _) = vault.begun(&id);
    // It waits no longer than it was told for whoever does not read.
    let house = vault.service.stop();
    drop(stream);
    house.pass(60);
    vault.service = house.serve();
    let export = vault.client("ed").export(&id).unwrap();
    assert_eq!((export.state.as_str(), export.attempts), ("taken", 1));
    let file = all(vault.client("root").take_export(&id).unwrap()).unwrap();
    assert!(vault.open(&file).unwrap().contains(&format!("{},{},", serial_of(3), code_of(3))));
    assert_eq!(vault.once(&id, |export| export.state == "left").attempts, 2);
}

#[test]
fn codes_are_in_no_metric_and_in_no_answer_but_the_file_and_it_is_counted() {
    let vault = Vault::new();
    let id = vault.agreed();
    let reply = vault.service.by("root", "POST", &format!("/v1/exports/{id}/take"), &json!({}));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/octet-stream")));
    let metrics = call(vault.service.address, "GET", "/metrics", ("", b"")).text();
    assert!(metrics.contains("headlock_exports_total 1"), "{metrics}");
    for text in [metrics, vault.service.get("root", "/v1/exports").text()] {
        assert!(!text.contains(&serial_of(3)) && !text.contains("WK000"));
    }
}
