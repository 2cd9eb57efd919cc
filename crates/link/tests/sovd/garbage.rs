//! Whatever is sent, something is answered, and the next request is served.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::{Bench, CODE, UNIT_PATH, VIN, against};

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.roll(all.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.roll(most)).map(|_| u8::try_from(self.roll(256)).expect("a byte")).collect()
    }
}

const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "BREW"];
const PARTS: [&str; 30] = [
    "data",
    "vin",
    "lock-state",
    "data-categories",
    "faults",
    "U3003-16",
    "F00316",
    "operations",
    "enter-code",
    "self-test",
    "clear-attempts",
    "executions",
    "1",
    "modes",
    "session",
    "security",
    "locks",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "",
    "a b",
    "?status[mask]=zz",
    "?status[testFailed]=1",
    "?categories=%%%",
    "\u{e4}",
    "{id}",
    "99999999999999999999",
];
/// What leads somewhere, so that not all is refused at the door.
const PATHS: [(&str, &str); 12] = [
    ("PUT", "modes/session"),
    ("PUT", "modes/session"),
    ("PUT", "modes/security"),
    ("PUT", "modes/security"),
    ("POST", "locks"),
    ("POST", "locks"),
    ("POST", "operations/enter-code/executions"),
    ("POST", "operations/clear-attempts/executions"),
    ("POST", "operations/self-test/executions"),
    ("GET", "data/lock-state"),
    ("DELETE", "faults"),
    ("DELETE", "operations/self-test/executions/1"),
];
const BODIES: [&str; 16] = [
    "",
    "{}",
    "[]",
    "null",
    "\"\"",
    "{\"value\":\"extended\"}",
    "{\"value\":\"level_1_requestseed\"}",
    "{\"value\":\"level_1\",\"Key\":{\"Send_Key\":\"00\"}}",
    "{\"lock_expiration\":60,\"break_lock\":true}",
    "{\"lock_expiration\":18446744073709551615}",
    "{\"parameters\":{\"code\":\"\u{1F512}\"}}",
    "{\"parameters\":{\"code\":\"0\"}}",
    "{\"parameters\":{}}",
    "{\"value\":\"programming\",\"mode_expiration\":1}",
    "{\"a\":{\"a\":{\"a\":[[[[[[[]]]]]]]}}}",
    "\u{feff}{}",
];
const TOKENS: [&str; 5] = ["", "Bearer me", "Bearer you", "Basic x", "Bearer "];

fn request(dice: &mut Dice) -> Vec<u8> {
    let mut path = UNIT_PATH.to_owned();
    let mut method = dice.one_of(&METHODS);
    if dice.roll(2) == 0 {
        let (known, leads) = PATHS[dice.roll(PATHS.len())];
        method = known;
        path += "/";
        path += leads;
    } else {
        for _ in 0..dice.roll(5) {
            path += "/";
            path += dice.one_of(&PARTS);
        }
    }
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n");
    match dice.one_of(&TOKENS) {
        "" => {}
        token => head += &format!("Authorization: {token}\r\n"),
    }
    let body = if dice.roll(4) == 0 { dice.bytes(64) } else { dice.one_of(&BODIES).as_bytes().to_vec() };
    let kind = dice.one_of(&["application/json", "application/json", "text/plain"]);
    head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

#[test]
fn ten_thousand_random_requests_are_all_answered() {
    against("manual", 200, async |bench| {
        let mut dice = Dice(0x1234_5678_9ABC_DEF1);
        let mut stream: Option<TcpStream> = None;
        let mut statuses = [0_usize; 6];
        for number in 0..10_000 {
            let request = request(&mut dice);
            let open = match stream.take() {
                Some(open) => open,
                None => bench.connect().await,
            };
            let (status, left) = answered(open, &request, number).await;
            assert_ne!(status, 500, "{}", String::from_utf8_lossy(&request));
            statuses[usize::from(status / 100)] += 1;
            stream = left;
        }
        assert!(statuses[2] > 500 && statuses[4] > 2_000 && statuses[5] > 10, "a fair mixture: {statuses:?}");
        still_serves(&bench).await;
    });
}

/// One answer on a connection that is kept, where the server keeps it.
async fn answered(mut stream: TcpStream, request: &[u8], number: usize) -> (u16, Option<TcpStream>) {
    let said = || format!("request {number}: {}", String::from_utf8_lossy(request));
    stream.write_all(request).await.unwrap_or_else(|why| panic!("{why}: {}", said()));
    let mut answer = Vec::new();
    let mut room = [0; 4_096];
    loop {
        let length = stream.read(&mut room).await.unwrap_or(0);
        assert!(length > 0, "no answer to {}", said());
        answer.extend(&room[..length]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() < told.unwrap_or(0) {
            continue;
        }
        let status = head[9..12].parse().expect("a status");
        // What is no HTTP is answered by the transport below, without a body.
        let bare = status == 400 && body.is_empty();
        let ours = status < 400 || bare || head.contains("content-type: application/json");
        assert!(ours, "{head}\n{}", said());
        let closes = bare || head.contains("connection: close");
        return (status, (!closes).then_some(stream));
    }
}

#[test]
fn what_is_no_http_hurts_nobody() {
    against("manual", 1, async |bench| {
        let mut dice = Dice(42);
        for _ in 0..500 {
            let mut bytes = if dice.roll(2) == 0 { request(&mut dice) } else { dice.bytes(300) };
            for _ in 0..dice.roll(4) {
                let at = dice.roll(bytes.len().max(1));
                let byte = u8::try_from(dice.roll(256)).expect("a byte");
                if let Some(there) = bytes.get_mut(at) {
                    *there = byte;
                }
            }
            bytes.truncate(dice.roll(bytes.len() + 1));
            bench.raw(&bytes).await;
        }
        still_serves(&bench).await;
    });
}

async fn still_serves(bench: &Bench) {
    assert_eq!(bench.data("", "vin").await, VIN);
    let got = bench.post("last", "locks", &json!({ "lock_expiration": 60, "break_lock": true })).await;
    assert_eq!(got.status, 201, "{got:?}");
    bench.enter_session("last", "extended").await;
    assert_eq!(bench.enter("last", CODE).await.status, 200);
}
