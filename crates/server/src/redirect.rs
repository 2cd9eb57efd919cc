//! The other end of a sign-in by a provider: a socket on this machine to which a browser comes back, once.
//!
//! Source: RFC 8252, 7.3.

use std::io;
use std::net::{Ipv4Addr, TcpListener as Bound};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::api::Secret;

/// The path that is come back to.
pub const PATH: &str = "/callback";

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long a browser may take to send one. Some connect and send nothing.
const HEAD: Duration = Duration::from_secs(10);

/// Why nobody came back as they should.
#[derive(Debug, thiserror::Error)]
pub enum RedirectError {
    /// The socket.
    #[error("the socket on this machine: {0}")]
    Socket(#[from] io::Error),
    /// The provider says no.
    #[error("the provider let nobody through: {error}")]
    Refused {
        /// Its word. Source: RFC 6749, 4.1.2.1.
        error: String,
    },
    /// Nobody came.
    #[error("nobody came back in {waited_s} seconds")]
    Nobody {
        /// How long that was.
        waited_s: u64,
    },
}

/// A secret of who begins a sign-in, by which they finish it. Source: RFC 7636, 4.1 and 4.2, with S256.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The secret: 43 characters.
    pub verifier: Secret,
    /// What may be known of it.
    pub challenge: String,
}

impl Proof {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let filled = rustix::rand::getrandom(bytes.as_mut_slice(), rustix::rand::GetRandomFlags::empty())?;
        if filled != bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let verifier = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_str()));
        Ok(Self { verifier: verifier.into(), challenge })
    }
}

/// What somebody came back with.
#[derive(Clone, Debug)]
pub struct Returned {
    /// What the provider gives for it.
    pub code: Secret,
    /// Who it says that it is.
    pub iss: Option<String>,
}

/// A socket that waits for one redirect.
#[derive(Debug)]
pub struct Redirect {
    listener: Bound,
    uri: String,
}

impl Redirect {
    /// Listens on 127.0.0.1; port 0 is any free one.
    ///
    /// # Errors
    /// The port cannot be had.
    pub fn listen(port: u16) -> io::Result<Self> {
        let listener = Bound::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let uri = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, uri })
    }

    /// Where to come back to.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Waits for whoever comes back with this state. Others hear that nothing is here, and it goes on.
    ///
    /// # Errors
    /// [`RedirectError`].
    pub fn wait(self, state: &str, patience: Duration) -> Result<Returned, RedirectError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::from_std(self.listener)?;
            let waited = timeout(patience, come_back(&listener, state)).await;
            waited.unwrap_or(Err(RedirectError::Nobody { waited_s: patience.as_secs() }))
        })
    }
}

async fn come_back(listener: &TcpListener, state: &str) -> Result<Returned, RedirectError> {
    let (back, mut came) = mpsc::channel(1);
    loop {
        tokio::select! {
            Some(came) = came.recv() => return came,
            accepted = listener.accept() => {
                let (back, state) = (back.clone(), state.to_owned());
                let (stream, _) = accepted?;
                tokio::spawn(async move {
                    if let Ok(Some(came)) = timeout(HEAD, visit(stream, &state)).await {
                        // Only the first of them is waited for.
                        let _ = back.send(came).await;
                    }
                });
            }
        }
    }
}

/// One connection: who comes back is told so, and everybody else that there is nothing.
async fn visit(mut stream: TcpStream, state: &str) -> Option<Result<Returned, RedirectError>> {
    let mut head = Zeroizing::new(Vec::with_capacity(HEAD_BYTES_MAX));
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut some = Zeroizing::new([0; 2_048]);
        let count = stream.read(some.as_mut_slice()).await.ok().filter(|count| *count > 0)?;
        if head.len() + count > HEAD_BYTES_MAX {
            return None;
        }
        head.extend_from_slice(&some[..count]);
    }
    let came = std::str::from_utf8(&head).ok().and_then(|head| read(head, state));
    let (status, words) = match &came {
        Some(Ok(_)) => ("200 OK", "This page can be closed. The sign-in goes on where it was begun."),
        Some(Err(_)) => ("200 OK", "The provider let nobody through. This page can be closed."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let length = words.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{words}"
    );
    // Whoever came back has done so, also if they do not hear it.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    came
}

/// What a request's head brings back; none if it is another request.
fn read(head: &str, state: &str) -> Option<Result<Returned, RedirectError>> {
    let mut line = head.lines().next()?.split(' ');
    let (Some("GET"), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (line.next(), line.next(), line.next(), line.next())
    else {
        return None;
    };
    let (path, query) = target.split_once('?')?;
    if path != PATH {
        return None;
    }
    let parameter = |name: &str| {
        let mut all = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(known, _)| *known == name);
        match (all.next(), all.next()) {
            (Some((_, value)), None) => decoded(value),
            _ => None,
        }
    };
    if *parameter("state")? != state {
        return None;
    }
    if let Some(error) = parameter("error") {
        // It is shown: what is in it is the provider's, or anybody's.
        let error = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
        return Some(Err(RedirectError::Refused { error }));
    }
    let iss = parameter("iss").map(|iss| iss.to_string());
    Some(Ok(Returned { code: parameter("code")?.into(), iss }))
}

/// A value of `application/x-www-form-urlencoded`.
fn decoded(value: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(16 * high + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Zeroizing::new)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_redirect_with_the_state_is_one() {
        let good = "GET /callback?state=s%2B1&code=a%20b+c&iss=https%3A%2F%2Fid.example HTTP/1.1\r\nhost: x\r\n\r\n";
        let returned = read(good, "s+1").unwrap().unwrap();
        assert_eq!(returned.code.reveal(), "a b c");
        assert_eq!(returned.iss.as_deref(), Some("https://id.example"));
        for bad in [
            "GET /callback?state=another&code=c HTTP/1.1",
            "GET /callback?state=s%2B1 HTTP/1.1",
            "GET /callback?code=c HTTP/1.1",
            "GET /callback?state=s%2B1&state=s%2B1&code=c HTTP/1.1",
            "GET /callback?state=s%2B1&code=c&code=d HTTP/1.1",
            "GET /callback?state=s%2B1&code=%ff HTTP/1.1",
            "GET /callback?state=s%2B1&code=%f HTTP/1.1",
            "GET /callback HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "GET /callback/more?state=s%2B1&code=c HTTP/1.1",
            "POST /callback?state=s%2B1&code=c HTTP/1.1",
            "GET /callback?state=s%2B1&code=c",
            "",
        ] {
            assert!(read(bad, "s+1").is_none(), "{bad}");
        }
        let said = read("GET /callback?error=access_denied%1b[2J&state=s%2B1 HTTP/1.1", "s+1").unwrap().unwrap_err();
        assert_eq!(said.to_string(), "the provider let nobody through: access_denied2J");
    }
}
