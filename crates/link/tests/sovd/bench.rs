//! An ECU on SOVD, and an HTTP client of a few lines.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use headlock_link::host::{Clock, Endpoint, Handle, Host};
use headlock_lock::Ignition;
use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_twin::ecu::{Ecu, HmacKeys, KeyProvider, Provisioned, SEED_BYTES};
use headlock_twin::{Input, Provision, Spec, Twin};
use headlock_wire::uds::Level;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const UNIT: &str = include_str!("../../../../tests/catalog/units/wicket/scan.toml");
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a test\"\n\n[[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a test\"\n";
const SECRET: [u8; 32] = [7; 32];
/// The owner's code.
pub(crate) const CODE: &str = "5169";
/// The number of the vehicle.
pub(crate) const VIN: &str = "SJNFDNJ10U1234567";
/// The one component.
pub(crate) const UNIT_PATH: &str = "/sovd/v1/components/head-unit";

/// A running ECU.
pub(crate) struct Bench {
    host: Rc<Host>,
    at: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// Runs a test against an ECU whose clock is so many times as fast as the wall's.
pub(crate) fn against<F: Future<Output = ()>>(reading: &str, speed: u32, test: impl FnOnce(Bench) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let ecu = ecu(reading);
        let clock = Clock::new(ecu.twin().now_ms(), speed);
        let mut host = Host::start(ecu, clock, None);
        let any = "127.0.0.1:0".parse().expect("an address");
        let at = host.open(Endpoint::Sovd(any)).await.expect("a port").at;
        test(Bench { host: Rc::new(host), at }).await;
    });
}

fn ecu(reading: &str) -> Ecu {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: UNIT }];
    let catalog = Catalog::load(files).expect("the test's own unit");
    let unit = catalog.unit("wicket/scan").expect("the test's own unit");
    let reading = unit.readings.iter().find(|known| known.id == reading).expect("one of its readings");
    let code = Code::new(CODE, Provenance::Stated).expect("a code");
    let provision = Provision::example(unit, &reading.firmware, vec![code]);
    let spec = Spec::new(unit, &reading.cases[0], provision).expect("a small unit");
    let provisioned = Provisioned {
        vin: *VIN.as_bytes().first_chunk().expect("17 characters"),
        part_number: "28185-JD00A".to_owned(),
        keys: Box::new(HmacKeys::new(SECRET)),
        maker: None,
        entropy: [3; 32],
    };
    let mut ecu = Ecu::new(Twin::new_armed(Arc::new(spec)), provisioned);
    ecu.happen(0, Input::Ignition(Ignition::On));
    ecu
}

/// The key that a seed wants, as digits.
pub(crate) fn key(level: u8, seed: &str) -> String {
    let bytes: Vec<u8> = (0..seed.len() / 2)
        .map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).expect("hexadecimal digits"))
        .collect();
    let seed: &[u8; SEED_BYTES] = bytes.first_chunk().expect("a whole seed");
    let key = HmacKeys::new(SECRET).key(Level::of(level).expect("a level"), seed).expect("a level that there is");
    format!("{:032x}", u128::from_be_bytes(key))
}

impl Bench {
    pub(crate) fn handle(&self) -> &Handle {
        self.host.handle()
    }

    /// Sends these bytes, and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.at).await.expect("the server listens");
        let mut answer = Vec::new();
        // What is garbage may be answered, or closed, before all of it is sent.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    /// A connection of one's own.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.at).await.expect("the server listens")
    }

    /// One request; `token` says who asks.
    pub(crate) async fn send(&self, token: &str, method: &str, path: &str, body: &str) -> Got {
        self.send_as("application/json", token, method, path, body).await
    }

    /// One request whose body says that it is of this kind.
    pub(crate) async fn send_as(&self, kind: &str, token: &str, method: &str, path: &str, body: &str) -> Got {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{UNIT_PATH}/{path}") };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        if !token.is_empty() {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        if !body.is_empty() {
            request += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        let mut stream = TcpStream::connect(&self.at).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Got::of(&answer, &request)
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Got {
        self.send(token, "GET", path, "").await
    }

    pub(crate) async fn put(&self, token: &str, path: &str, body: &Value) -> Got {
        self.send(token, "PUT", path, &body.to_string()).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Got {
        self.send(token, "POST", path, &body.to_string()).await
    }

    /// A POST without a body.
    pub(crate) async fn send_empty(&self, token: &str, path: &str) -> Got {
        self.send(token, "POST", path, "").await
    }

    pub(crate) async fn delete(&self, token: &str, path: &str) -> Got {
        self.send(token, "DELETE", path, "").await
    }

    /// Takes the lock for so many seconds, and answers its name.
    pub(crate) async fn lock(&self, token: &str, seconds: u64) -> String {
        let got = self.post(token, "locks", &json!({ "lock_expiration": seconds })).await;
        assert_eq!(got.status, 201, "{got:?}");
        got.body["id"].as_str().expect("a name").to_owned()
    }

    pub(crate) async fn enter_session(&self, token: &str, session: &str) {
        let got = self.put(token, "modes/session", &json!({ "value": session })).await;
        assert_eq!((got.status, &got.body), (200, &json!({ "id": "session", "value": session })));
    }

    /// Unlocks a level, with its key.
    pub(crate) async fn unlock(&self, token: &str, level: u8) {
        let seed = self.seed(token, level).await;
        let got = self.send_key(token, level, &key(level, &seed)).await;
        assert_eq!((got.status, &got.body["value"]), (200, &json!(format!("level_{level}"))), "{got:?}");
    }

    pub(crate) async fn seed(&self, token: &str, level: u8) -> String {
        let got = self.put(token, "modes/security", &json!({ "value": format!("level_{level}_requestseed") })).await;
        assert_eq!(got.status, 200, "{got:?}");
        got.body["seed"]["Request_Seed"].as_str().expect("a seed").to_owned()
    }

    pub(crate) async fn send_key(&self, token: &str, level: u8, key: &str) -> Got {
        let wish = json!({ "value": format!("Level_{level}"), "Key": { "Send_Key": key } });
        self.put(token, "modes/security", &wish).await
    }

    /// Enters a code, and answers what came of it.
    pub(crate) async fn enter(&self, token: &str, code: &str) -> Got {
        self.post(token, "operations/enter-code/executions", &json!({ "parameters": { "code": code } })).await
    }

    pub(crate) async fn data(&self, token: &str, id: &str) -> Value {
        let got = self.get(token, &format!("data/{id}")).await;
        assert_eq!((got.status, &got.body["id"]), (200, &json!(id)), "{got:?}");
        got.body["data"].clone()
    }
}

impl Got {
    fn of(answer: &[u8], request: &str) -> Self {
        let answer = str::from_utf8(answer).expect("text");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {request:?}"));
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status");
        let body = serde_json::from_str(text).unwrap_or(Value::Null);
        Self { status, head: head.to_ascii_lowercase(), text: text.to_owned(), body }
    }

    /// Whether it refuses like this: its status, the standard's code, and the vendor's where there is one.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, error_code: &str, vendor_code: Option<&str>) {
        let vendor = vendor_code.map_or(Value::Null, |code| json!(code));
        assert_eq!(
            (self.status, &self.body["error_code"], &self.body["vendor_code"]),
            (status, &json!(error_code), &vendor),
            "{self:?}"
        );
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        assert!(self.body["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
    }

    /// Whether it carries this refusal of the ECU.
    #[track_caller]
    pub(crate) fn refused_by_ecu(&self, service: u8, nrc: u8) {
        self.refuses(502, "error-response", Some(&format!("nrc-{nrc:02x}")));
        assert_eq!(self.body["parameters"], json!({ "service": service, "nrc": nrc }));
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }
}

/// Sends this and no more, and reads until the server closes.
pub(crate) async fn talk(stream: &mut TcpStream, bytes: &[u8]) -> String {
    let mut answer = String::new();
    stream.write_all(bytes).await.expect("a part of a request");
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

/// Waits in real time.
pub(crate) async fn ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
