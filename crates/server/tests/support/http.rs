//! HTTP/1.1 by hand, so that nothing between the test and the service tidies up what is sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What kind of problem it is.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status);
        body["type"].as_str().expect("a type").trim_start_matches("urn:headlock:problem:").to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) fn call(address: SocketAddr, method: &str, path: &str, (headers, body): (&str, &[u8])) -> Reply {
    let mut stream = connect(address);
    send(&mut stream, method, path, (headers, body));
    receive(&mut stream).expect("an answer")
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit");
    stream.set_nodelay(true).expect("no delay");
    stream
}

pub(crate) fn send(stream: &mut impl Write, method: &str, path: &str, (headers, body): (&str, &[u8])) {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: desk.example\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).expect("a request is taken");
}

/// Reads one answer; none if the connection ends first.
pub(crate) fn receive(stream: &mut impl Read) -> Option<Reply> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut some = [0; 4096];
        match stream.read(&mut some) {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&some[..count]),
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).expect("a head of text");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = read[end..].to_vec();
    while body.len() < length {
        let mut some = [0; 16_384];
        match stream.read(&mut some) {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&some[..count]),
        }
    }
    body.truncate(length);
    Some(Reply { status, headers, body })
}
