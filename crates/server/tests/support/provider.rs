//! A provider of OpenID Connect on 127.0.0.1 that can lie in every way. Its tokens are made with `ring`, by none of the service's means.
#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};

pub(crate) const CLIENT: &str = "headlock";
pub(crate) const CLIENT_SECRET: &str = "a secret of two, with: marks & spaces";
pub(crate) const SUBJECT: &str = "248289761001";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// ES256, under the key that is published.
    Well,
    /// ES256, under another key, by the name of the one that is published.
    ByAnother,
    /// ES256, under a key that is published nowhere, by its own name.
    ByNobody,
    /// `alg` is `none`.
    Not,
    /// `alg` is `none`, over a signature.
    NotButSo,
    /// HS256 under the public key, as it is published.
    ByPublicKey,
    /// HS256 under the client's secret.
    BySecret,
    /// Well, and changed afterwards.
    Changed,
}

/// What an endpoint does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What it should.
    Well,
    /// Nothing at all, on an open connection.
    Never,
    /// A byte now and then.
    Trickle,
    /// More than anybody would read.
    Endless,
    /// This status and text, as JSON.
    Other(u16, String),
    /// Somewhere else.
    Moved(String),
    /// The connection ends.
    Cut,
}

/// How it behaves; tests change it while it runs.
pub(crate) struct Behaviour {
    pub(crate) signed: Signed,
    /// Claims that are put over the right ones; null takes one away.
    pub(crate) claims: Map<String, Value>,
    /// The same for its description.
    pub(crate) description: Map<String, Value>,
    pub(crate) at: HashMap<&'static str, Answer>,
    pub(crate) now_s: u64,
    /// Which key it signs with.
    pub(crate) key: usize,
    codes: HashMap<String, HashMap<String, String>>,
    asked: HashMap<String, usize>,
    tokens: usize,
    browsed: usize,
}

/// A provider that runs until it is dropped.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) behaviour: Arc<Mutex<Behaviour>>,
    thread: Option<JoinHandle<()>>,
}

struct Keys(Vec<(String, EcdsaKeyPair)>);

impl Provider {
    pub(crate) fn new(now_s: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour {
            signed: Signed::Well,
            claims: Map::new(),
            description: Map::new(),
            at: HashMap::new(),
            now_s,
            key: 0,
            codes: HashMap::new(),
            asked: HashMap::new(),
            tokens: 0,
            browsed: 0,
        }));
        let random = SystemRandom::new();
        let key = |number| {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
            (format!("key-{number}"), pair)
        };
        let keys = Arc::new(Keys((0..4).map(key).collect()));
        let known = Arc::clone(&behaviour);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (known, keys) = (Arc::clone(&known), Arc::clone(&keys));
                let mut first = [0; 1];
                // A connection that is closed without a word ends it.
                if !matches!(stream.peek(&mut first), Ok(1)) {
                    return;
                }
                thread::spawn(move || serve(stream, address, &known, &keys));
            }
        });
        Self { address, behaviour, thread: Some(thread) }
    }

    pub(crate) fn issuer(&self) -> String {
        issuer(self.address)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.behaviour.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }

    /// ID tokens that it has given out.
    pub(crate) fn tokens(&self) -> usize {
        self.behaviour.lock().unwrap().tokens
    }

    /// What somebody's browser does with the address that they were told: it signs in there, and is sent back. Answers the code, the state,
    /// and all that was asked with.
    pub(crate) fn browse(&self, open: &str) -> (String, String, HashMap<String, String>) {
        let (at, query) = open.split_once('?').expect("a query");
        assert_eq!(at, format!("{}/authorize", self.issuer()), "{open}");
        let asked = form(query);
        let mut behaviour = self.behaviour.lock().unwrap();
        behaviour.browsed += 1;
        // No code is another one's, also when that one is used up.
        let code = format!("code {}&=", behaviour.browsed);
        behaviour.codes.insert(code.clone(), asked.clone());
        (code, asked["state"].clone(), asked)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the provider of the tests failed");
        }
    }
}

fn issuer(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, address: SocketAddr, behaviour: &Mutex<Behaviour>, keys: &Keys) {
    let Some((path, headers, body)) = request(&mut stream) else { return };
    let (how, answered) = {
        let mut behaviour = behaviour.lock().unwrap();
        *behaviour.asked.entry(path.clone()).or_default() += 1;
        let how = behaviour.at.get(path.as_str()).cloned().unwrap_or(Answer::Well);
        let answered = (how == Answer::Well).then(|| answer(&mut behaviour, address, keys, (&path, &headers, &body)));
        (how, answered)
    };
    let (status, text) = match how {
        Answer::Well => answered.unwrap(),
        Answer::Other(status, text) => (status, text),
        Answer::Never => {
            // Until the other end gives up, or the test does.
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let goes_on = || behaviour.lock().unwrap().at.get(path.as_str()) == Some(&Answer::Never);
            while stream.read(&mut [0; 1]).is_err() && goes_on() {}
            return;
        }
        Answer::Trickle => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
            return;
        }
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\":\"");
            while stream.write_all(&[b'a'; 4_096]).is_ok() {}
            return;
        }
        Answer::Moved(to) => {
            let _ = write!(stream, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            return;
        }
        Answer::Cut => return,
    };
    let length = text.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
    );
}

type Headers = HashMap<String, String>;

fn request(stream: &mut TcpStream) -> Option<(String, Headers, String)> {
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut some = [0; 2_048];
        let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&some[..count]);
    };
    let head = String::from_utf8(read[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |value| value.parse().unwrap());
    while read.len() < end + length {
        let mut some = [0; 2_048];
        let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&some[..count]);
    }
    Some((path, headers, String::from_utf8(read[end..].to_vec()).ok()?))
}

fn answer(
    behaviour: &mut Behaviour,
    address: SocketAddr,
    keys: &Keys,
    (path, headers, body): (&str, &Headers, &str),
) -> (u16, String) {
    let issuer = issuer(address);
    match path {
        "/.well-known/openid-configuration" => {
            let right = json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            });
            (200, laid_over(right, &behaviour.description).to_string())
        }
        "/keys" => (200, json!({ "keys": [keys.published(behaviour.key)] }).to_string()),
        "/token" => token(behaviour, &issuer, keys, (headers, &form(body))),
        _ => (404, "{}".to_owned()),
    }
}

/// The token endpoint, as strict as RFC 6749, 4.1.3, and RFC 7636, 4.6, want it.
fn token(
    behaviour: &mut Behaviour,
    issuer: &str,
    keys: &Keys,
    (headers, shown): (&Headers, &Headers),
) -> (u16, String) {
    let escaped: String = CLIENT_SECRET.replace(':', "%3A").replace('&', "%26").replace(',', "%2C").replace(' ', "+");
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{escaped}")));
    let is_client = headers.get("authorization") == Some(&basic)
        || (shown.get("client_id").map(String::as_str), shown.get("client_secret").map(String::as_str))
            == (Some(CLIENT), Some(CLIENT_SECRET));
    if !is_client {
        return (401, json!({ "error": "invalid_client" }).to_string());
    }
    // A code is good once.
    let asked = shown.get("code").and_then(|code| behaviour.codes.remove(code));
    let right = asked.filter(|asked| {
        let verifier = shown.get("code_verifier").map(String::as_str).unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        shown.get("grant_type").is_some_and(|kind| kind == "authorization_code")
            && shown.get("redirect_uri") == asked.get("redirect_uri")
            && asked.get("code_challenge") == Some(&challenge)
            && asked.get("code_challenge_method").is_some_and(|method| method == "S256")
    });
    let Some(asked) = right else { return (400, json!({ "error": "invalid_grant" }).to_string()) };
    behaviour.tokens += 1;
    let claims = json!({
        "iss": issuer,
        "sub": SUBJECT,
        "aud": CLIENT,
        "exp": behaviour.now_s + 300,
        "iat": behaviour.now_s,
        "nonce": asked.get("nonce"),
        "acr": "two", "amr": ["pwd", "otp"],
        "email": "anna@acme.example",
    });
    let claims = laid_over(claims, &behaviour.claims);
    let id_token = keys.signed(&claims, behaviour.signed, behaviour.key);
    let answer =
        json!({ "access_token": "an access token", "token_type": "Bearer", "expires_in": 300, "id_token": id_token });
    (200, answer.to_string())
}

impl Keys {
    fn published(&self, which: usize) -> Value {
        let (name, pair) = &self.0[which];
        let point = pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": name,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }

    fn signed(&self, claims: &Value, how: Signed, which: usize) -> String {
        let (name, other) = (&self.0[which].0, (which + 1) % self.0.len());
        let (algorithm, kid) = match how {
            Signed::Not | Signed::NotButSo => ("none", name),
            Signed::ByPublicKey | Signed::BySecret => ("HS256", name),
            Signed::ByNobody => ("ES256", &self.0[other].0),
            Signed::Well | Signed::ByAnother | Signed::Changed => ("ES256", name),
        };
        let head = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(claims));
        let ecdsa = |which: usize| {
            let signature = self.0[which].1.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
            URL_SAFE_NO_PAD.encode(signature.as_ref())
        };
        let mac = |key: &[u8]| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
            URL_SAFE_NO_PAD.encode(tag.as_ref())
        };
        let signature = match how {
            Signed::Well | Signed::NotButSo | Signed::Changed => ecdsa(which),
            Signed::ByAnother | Signed::ByNobody => ecdsa(other),
            Signed::Not => String::new(),
            Signed::ByPublicKey => mac(self.0[which].1.public_key().as_ref()),
            Signed::BySecret => mac(CLIENT_SECRET.as_bytes()),
        };
        if how == Signed::Changed {
            let mut claims = claims.clone();
            claims["sub"] = "somebody else".into();
            return format!("{}.{}.{signature}", part(&head), part(&claims));
        }
        format!("{text}.{signature}")
    }
}

/// A value with others laid over it; null takes one away.
fn laid_over(right: Value, over: &Map<String, Value>) -> Value {
    let Value::Object(mut all) = right else { panic!("an object") };
    for (name, value) in over {
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value.clone());
        }
    }
    Value::Object(all)
}

/// The pairs of `application/x-www-form-urlencoded`.
pub(crate) fn form(text: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
