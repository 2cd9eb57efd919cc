//! What nobody honest sends, and what must not come of it.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::http::{call, connect, receive, send};
use support::{House, PASSWORD, START_S, Service, ask, code_of, one_time_code, serial_of, vin_of};

fn headers(service: &Service, id: &str, more: &str) -> String {
    format!("authorization: Bearer {}\r\nidempotency-key: k\r\n{more}", service.token(id))
}

#[test]
fn what_is_no_json_of_ours_is_told_apart() {
    let service = Service::new();
    let json_type = "content-type: application/json\r\n";
    for (kind, body, status, problem) in [
        (json_type, "{", 400, "malformed"),
        (json_type, "", 400, "malformed"),
        (json_type, "{\"serial\":\"WK00000001\" \"vin\"}", 400, "malformed"),
        (json_type, "{\"serial\":17}", 422, "invalid"),
        (json_type, "{\"surprise\":1}", 422, "invalid"),
        (json_type, "[]", 422, "invalid"),
        (json_type, "\u{0}", 400, "malformed"),
        ("content-type: text/plain\r\n", "{}", 415, "media-type"),
        ("", "{}", 415, "media-type"),
        ("content-type: application/json; charset=utf-8\r\n", "{", 400, "malformed"),
    ] {
        let headers = headers(&service, "anna", kind);
        let reply = call(service.address, "POST", "/v1/releases", (&headers, body.as_bytes()));
        assert_eq!((reply.status, reply.problem().as_str()), (status, problem), "{body:?}: {}", reply.text());
    }
    let deep = "[".repeat(50_000);
    let headers = headers(&service, "anna", json_type);
    assert_eq!(call(service.address, "POST", "/v1/releases", (&headers, deep.as_bytes())).status, 422);
    assert_eq!(service.by("anna", "PUT", "/v1/releases", &json!({})).problem(), "method");
    assert_eq!(service.get("anna", "/v1/nothing").problem(), "no-route");
}

#[test]
fn ten_megabytes_are_refused_and_the_service_goes_on() {
    let service = Service::new();
    let headers = headers(&service, "anna", "content-type: application/json\r\n");
    let large = vec![b' '; 10 << 20];
    let reply = call(service.address, "POST", "/v1/releases", (&headers, &large));
    assert_eq!((reply.status, reply.problem().as_str()), (413, "too-large"));
    // Small where no photo belongs.
    let reply = call(service.address, "POST", "/v1/tokens", (&headers, &large[..100_000]));
    assert_eq!(reply.status, 413);
    // Without saying how much will come.
    let mut stream = connect(service.address);
    let head = format!("POST /v1/tokens HTTP/1.1\r\nhost: x\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..20 {
        if stream
            .write_all(b"2000\r\n")
            .and_then(|()| stream.write_all(&[b' '; 0x2000]))
            .and_then(|()| stream.write_all(b"\r\n"))
            .is_err()
        {
            break;
        }
    }
    if let Some(reply) = receive(&mut stream) {
        assert_eq!(reply.status, 413);
    }
    assert_eq!(service.release("anna", "k", &ask(1)).status, 200);
}

#[test]
fn a_photo_within_the_limit_is_taken() {
    let service = Service::new();
    let mut body = ask(2);
    body["photo"] = "AAAA".repeat(100_000).into();
    assert_eq!(service.release("anna", "photo", &body).status, 200);
    body["photo"] = "no base64!".into();
    assert_eq!(service.release("anna", "photo2", &body).json()["field"], "photo");
}

#[test]
fn line_ends_in_a_field_end_no_line() {
    let service = Service::new();
    let evil = "x\r\nset-cookie: a=b\r\n\r\n";
    let mut bodies = Vec::new();
    for field in ["serial", "vin", "companion", "proof", "document_sha256"] {
        let mut body = ask(1);
        body[field] = evil.into();
        bodies.push(service.release("anna", "crlf", &body));
    }
    bodies.push(service.by("anna", "POST", "/v1/tokens", &json!({"label": evil, "scopes": ["read"], "days": 1})));
    bodies.push(service.by(
        "root",
        "PATCH",
        "/v1/accounts/anna",
        &json!({"change": "state", "state": "locked", "reason": evil}),
    ));
    bodies.push(service.get("anna", "/v1/units/x%0d%0aset-cookie:%20a=b"));
    for reply in bodies {
        assert!((400..500).contains(&reply.status), "{}: {}", reply.status, reply.text());
        assert!(reply.header("set-cookie").is_none());
    }
    // In a header of the request: the head is refused, or ends there.
    let mut stream = connect(service.address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nidempotency-key: a\rb\r\n\r\n").unwrap();
    assert_eq!(receive(&mut stream).map(|reply| reply.status), Some(400));
}

#[test]
fn serials_that_look_like_sql_are_serials_of_no_unit() {
    let service = Service::new();
    for serial in ["';DROP", "1'--", "\"OR\"1\"=\"1", "%", "_", "WK0000000_", "WK%"] {
        let mut body = ask(1);
        body["serial"] = serial.into();
        let reply = service.release("anna", &format!("sql-{}", serial.len()), &body);
        assert!(matches!(reply.status, 404 | 409 | 422 | 429), "{serial}: {}", reply.text());
    }
    assert_eq!(service.get("ben", &format!("/v1/units/{}", serial_of(1))).status, 200, "the table is still there");
}

#[test]
fn one_idempotency_key_is_one_request() {
    let service = Service::new();
    let first = service.release("anna", "same", &ask(1));
    assert_eq!(first.status, 200);
    let again = service.release("anna", "same", &ask(1));
    assert_eq!(again.json()["request"]["id"], first.json()["request"]["id"]);
    assert_eq!(again.json()["code"], code_of(1).as_str());
    assert_eq!(service.release("anna", "same", &ask(2)).problem(), "conflict");
    let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", service.token("anna"));
    let without = call(service.address, "POST", "/v1/releases", (&headers, ask(3).to_string().as_bytes()));
    assert_eq!((without.status, without.json()["field"].as_str().unwrap()), (422, "Idempotency-Key"));
    let long = service.release("anna", &"k".repeat(65), &ask(3));
    assert_eq!(long.status, 422);
    assert_eq!(service.release("ben", "same", &ask(2)).status, 200, "another account's key is another key");
}

#[test]
fn tokens_end_when_they_expire_and_when_they_are_revoked() {
    let service = Service::new();
    let new = json!({"label": "script", "scopes": ["read"], "days": 1});
    let issued = service.by("anna", "POST", "/v1/tokens", &new);
    assert_eq!(issued.status, 201);
    let (token, digest) = (issued.json()["token"].as_str().unwrap().to_owned(), issued.json()["digest"].clone());
    let with = |token: &str, path: &str| {
        call(service.address, "GET", path, (&format!("authorization: Bearer {token}\r\n"), b""))
    };
    assert_eq!(with(&token, "/v1/me").status, 200);
    assert_eq!(with(&token, "/v1/requests?waiting").status, 403);
    assert_eq!(
        service.by("anna", "DELETE", &format!("/v1/tokens/{}", digest.as_str().unwrap()), &json!({})).status,
        204
    );
    assert_eq!(with(&token, "/v1/me").problem(), "not-signed-in", "at once, whatever was kept of it");
    for wrong in ["", "hlt_", "x", &token[..token.len() - 1], &format!("{token}x")] {
        let reply = with(wrong, "/v1/me");
        assert_eq!(reply.problem(), "not-signed-in");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    let two = format!("authorization: Bearer {0}\r\nauthorization: Bearer {0}\r\n", service.token("anna"));
    assert_eq!(call(service.address, "GET", "/v1/me", (&two, b"")).status, 401);
    // Sessions last 480 minutes.
    service.house.pass(480 * 60 - 1);
    assert_eq!(service.get("anna", "/v1/me").status, 200);
    service.house.pass(1);
    assert_eq!(service.get("anna", "/v1/me").status, 401);
    assert_eq!(service.release("anna", "late", &ask(1)).status, 401);
}

#[test]
fn a_clock_that_is_set_back_brings_nothing_back() {
    let service = Service::new();
    service.house.pass(480 * 60);
    assert_eq!(service.get("anna", "/v1/me").status, 401);
    assert_eq!(service.release("anna", "a", &ask(1)).status, 401);
    service.house.now_ms.store(START_S * 1000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(service.get("anna", "/v1/me").status, 401);
    assert_eq!(service.release("anna", "a", &ask(1)).status, 401);
}

#[test]
fn a_wrong_sign_in_says_nothing_about_what_was_wrong() {
    let service = Service::new();
    service.house.pass(120);
    let good = one_time_code(&service.house.secrets["anna"], START_S + 120);
    let shown =
        |name: &str, password: &str, code: &str| json!({"name": name, "password": password, "one_time_code": code});
    let mut bodies = Vec::new();
    for shown in [
        shown("nobody", PASSWORD, &good),
        shown("anna", "wrong battery horse", &good),
        shown("anna", PASSWORD, "000000"),
        shown("NO NAME", PASSWORD, &good),
    ] {
        let begun = Instant::now();
        let reply = call(
            service.address,
            "POST",
            "/v1/sessions",
            ("content-type: application/json\r\n", shown.to_string().as_bytes()),
        );
        assert!(begun.elapsed() >= Duration::from_millis(500), "answered when it was known, not at a step");
        assert_eq!(reply.status, 401, "{}", reply.text());
        let mut body = reply.json();
        body["request_id"] = "".into();
        bodies.push(body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert!(!bodies[0].to_string().contains(PASSWORD));
}

#[test]
fn sign_ins_from_one_address_are_filtered() {
    let house = House::new();
    let mut config = house.config();
    config.limits.attempts_a_minute = 2;
    let service = house.serve_with(config);
    let shown = json!({"name": "anna", "password": "x", "one_time_code": "000000"}).to_string();
    let statuses: Vec<u16> = (0..3)
        .map(|_| {
            call(service.address, "POST", "/v1/sessions", ("content-type: application/json\r\n", shown.as_bytes()))
        })
        .inspect(|reply| assert_eq!(reply.status == 429, reply.header("retry-after").is_some()))
        .map(|reply| reply.status)
        .collect();
    assert_eq!(statuses, [401, 401, 429]);
}

#[test]
fn slow_clients_are_let_go() {
    let house = House::new();
    let mut config = house.config();
    config.limits.idle_timeout_s = 1;
    config.limits.request_timeout_s = 2;
    let service = house.serve_with(config);
    let mut head = connect(service.address);
    head.write_all(b"GET /healthz HTTP/1.1\r\nhost:").unwrap();
    let mut body = connect(service.address);
    let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", service.token("anna"));
    body.write_all(format!("POST /v1/tokens HTTP/1.1\r\nhost: x\r\n{headers}content-length: 10\r\n\r\n{{").as_bytes())
        .unwrap();
    let begun = Instant::now();
    assert!(receive(&mut head).is_none_or(|reply| reply.status == 408));
    assert_eq!(receive(&mut body).map(|reply| reply.status), Some(408));
    assert!(begun.elapsed() < Duration::from_mins(1));
}

#[test]
fn public_files_are_tiles_and_nothing_else() {
    let service = Service::new();
    let get = |path: &str| call(service.address, "GET", path, ("", b""));
    let checkpoint = get("/checkpoint");
    assert!(checkpoint.text().starts_with("desk.example/log\n"), "{}", checkpoint.text());
    let size: u64 = checkpoint.text().lines().nth(1).unwrap().parse().unwrap();
    let tile = get(&format!("/tile/0/000.p/{size}"));
    assert_eq!(tile.body.len() as u64, size * 32);
    assert!(tile.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(tile.header("content-type"), Some("application/octet-stream"));
    for path in [
        "/tile/0/../../registry.db",
        "/tile/..%2f..%2fregistry.db",
        "/tile/0/%2e%2e/%2e%2e/registry.db",
        "/tile/0/999",
        "/tile//etc/passwd",
        "/tile/0/000.p/999",
        "/tile/0/x000",
        "/registry.db",
        "/key",
        "/checkpoint/../key",
    ] {
        assert_eq!(get(path).status, 404, "{path}");
    }
}

#[test]
fn a_thousand_idle_connections_are_in_nobodys_way() {
    let service = Service::new();
    let idle: Vec<_> = (0..1_000).map(|_| connect(service.address)).collect();
    assert_eq!(service.release("anna", "k", &ask(1)).status, 200);
    assert_eq!(service.get("anna", "/v1/me").status, 200);
    // Theirs and the one that asks; those before it are counted until the service has seen their end.
    let begun = Instant::now();
    loop {
        let metrics = call(service.address, "GET", "/metrics", ("", b"")).text();
        let counted = metrics.lines().find_map(|line| line.strip_prefix("headlock_connections "));
        if counted == Some("1001") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{counted:?} connections");
        thread::sleep(Duration::from_millis(20));
    }
    drop(idle);
}

#[test]
fn several_requests_on_one_connection_are_answered_in_order() {
    let service = Service::new();
    let mut stream = connect(service.address);
    let headers = headers(&service, "anna", "content-type: application/json\r\n");
    send(&mut stream, "POST", "/v1/releases", (&headers, ask(1).to_string().as_bytes()));
    assert_eq!(receive(&mut stream).unwrap().json()["code"], code_of(1).as_str());
    send(&mut stream, "POST", "/v1/releases", (&headers, b"{"));
    assert_eq!(receive(&mut stream).unwrap().status, 400);
    send(&mut stream, "GET", &format!("/v1/units/{}", serial_of(2)), (&headers, b""));
    assert_eq!(receive(&mut stream).unwrap().status, 200);
    let _ = vin_of(2);
}
