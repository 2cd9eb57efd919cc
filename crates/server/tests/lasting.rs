//! What lasts: through a stop, through a lost folder, through many at once.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::http::{connect, receive, send};
use support::{House, Service, ask, ask_without_document, code_of};

#[test]
fn of_many_approvals_at_once_exactly_one_wins() {
    let service = Service::new();
    for round in 0..5 {
        let pending = service.release("ben", &format!("round-{round}"), &ask_without_document(round));
        let id = pending.json()["request"]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/requests/{id}/approve");
        let barrier = Barrier::new(16);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let ask = |number: usize| {
                let (service, path, barrier) = (&service, &path, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    service.by(["carl", "dora"][number % 2], "POST", path, &json!({})).status
                })
            };
            let all: Vec<_> = (0..16).map(ask).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 15, "{statuses:?}");
    }
}

#[test]
fn a_lost_folder_of_the_log_costs_answers_and_hands_out_nothing() {
    let service = Service::new();
    let (log, away) = (service.house.log(), service.house.folder.path().join("away"));
    std::fs::rename(&log, &away).unwrap();
    for _ in 0..3 {
        let reply = service.release("anna", "k", &ask(1));
        assert_eq!((reply.status, reply.problem().as_str()), (503, "unavailable"), "{}", reply.text());
        assert!(reply.header("retry-after").is_some());
        assert!(!reply.text().contains(&code_of(1)), "a code without its leaf");
        assert!(!reply.text().contains("log"), "the inside shows");
    }
    assert_eq!(service.get("anna", "/v1/units/WK00000001").status, 200, "reading goes on");
    std::fs::rename(&away, &log).unwrap();
    // The desk may have noticed the folder's loss by itself, and then opens again within a few seconds.
    let begun = Instant::now();
    let reply = loop {
        let reply = service.release("anna", "k", &ask(1));
        if reply.status != 503 || begun.elapsed() > Duration::from_mins(1) {
            break reply;
        }
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(reply.json()["code"], code_of(1).as_str(), "{}", reply.text());
    let house = service.stop();
    let service = house.serve();
    assert_eq!(service.release("anna", "k", &ask(1)).json()["code"], code_of(1).as_str(), "the same request");
}

#[test]
fn a_stop_answers_what_was_asked_for() {
    let rules = headlock_registry::rules::DEFAULT.replace("burst = 40", "burst = 4000");
    let mut service = House::with_rules(&rules).serve();
    let mut streams: Vec<_> = (0..50).map(|_| connect(service.address)).collect();
    // Each connection is known to the service before the stop.
    for stream in &mut streams {
        send(stream, "GET", "/healthz", ("", b""));
        assert_eq!(receive(stream).unwrap().status, 200);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        // Few enough that nobody looks like somebody who tries serials in a row.
        let unit = u32::try_from(number % 3).unwrap();
        let body = ask(unit).to_string();
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\nidempotency-key: stop-{unit}\r\n",
            service.token("anna")
        );
        send(stream, "POST", "/v1/releases", (&headers, body.as_bytes()));
    }
    // The first answer shows that the desk is at work; the others are then anywhere between their socket and its queue.
    assert_eq!(receive(&mut streams[0]).expect("an answer").status, 200);
    let running = service.take_running();
    let begun = Instant::now();
    let stopping = service.runtime().spawn(running.stop());
    for stream in &mut streams[1..] {
        // A request that was under way when the stop came is answered; one that had not been read yet finds the connection closed.
        if let Some(reply) = receive(stream) {
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }
    service.runtime().block_on(stopping).unwrap();
    assert!(begun.elapsed() < Duration::from_mins(1));
    assert!(std::net::TcpStream::connect(service.address).is_err(), "nobody listens any more");
    let house = service.house_after();
    let service = house.serve();
    for unit in 0..3 {
        let again = service.release("anna", &format!("stop-{unit}"), &ask(unit));
        assert_eq!(again.json()["code"], code_of(unit).as_str(), "whoever was not answered asks again");
    }
}

#[test]
fn what_has_left_is_noted_as_delivered() {
    let service = Service::new();
    // The note follows the answer by itself, on a busy machine somewhat later.
    let noted = [0.7, 3.0, 12.0].into_iter().zip(1..).any(|(wait_s, unit)| {
        let released = service.release("anna", &format!("k{unit}"), &ask(unit)).json();
        let id = released["request"]["id"].as_str().unwrap().to_owned();
        thread::sleep(Duration::from_secs_f64(wait_s));
        let revoked = service.by("carl", "POST", &format!("/v1/requests/{id}/revoke"), &json!({"reason": "a mistake"}));
        assert_eq!(revoked.status, 200);
        let events = service.get("ed", "/v1/log/events?from=0&limit=1000").json();
        assert!(!events.to_string().contains(&format!("\"{}\"", code_of(unit))), "a code is in the log");
        let leaves = events["leaves"].as_array().unwrap();
        let revoked = leaves.iter().rfind(|leaf| leaf["event"]["kind"] == "revoked").expect("a leaf");
        let fields = revoked["event"]["fields"].as_array().unwrap();
        fields.iter().any(|field| *field == json!(["answer", "delivered"]))
    });
    assert!(noted, "never noted as delivered");
    assert_eq!(service.get("ed", "/v1/log/receipts/0").status, 200);
    assert_eq!(service.get("ed", "/v1/log/receipts/99999").status, 404);
    assert_eq!(service.get("anna", "/v1/log/receipts/0").status, 403);
}
