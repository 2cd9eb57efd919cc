//! A witness on a socket: the witness's side of c2sp.org/tlog-witness. Nothing secret goes over it, and what it says is signed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use headlock_registry::log::{Lookout, MAX_NOTE_BYTES, Refusal};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::connection::Wire;

/// The type of an answer that tells a size.
pub(crate) const SIZE_TYPE: &str = "text/x.tlog.size";

/// Bytes of a request: a note, and 63 lines of proof before it.
const BODY_BYTES_MAX: usize = MAX_NOTE_BYTES + 4096;

/// Bytes that are read and thrown away, so that whoever sends too much hears why.
const THROWN_AWAY: usize = 16 << 20;

/// Connections at once; further ones wait.
const CONNECTIONS_MAX: u32 = 256;

/// How long a peer may take for a head, for a body, and to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A witness that runs. Dropped, it stops too, and nobody waits for it.
#[derive(Debug)]
pub struct WitnessRunning {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl WitnessRunning {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no further connections; what was asked for is answered.
    pub async fn stop(self) {
        // It has ended already if nobody listens.
        let _ = self.stop.send(true);
        let _ = self.ended.await;
    }
}

/// Starts a witness on the runtime that this is called on.
///
/// # Errors
/// The address cannot be had.
pub async fn start(listen: SocketAddr, lookout: Lookout, clock: Clock) -> io::Result<WitnessRunning> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    let lookout = Arc::new(lookout);
    tokio::spawn(async move {
        accept(listener, &lookout, &clock, stopped).await;
        let _ = end.send(());
    });
    Ok(WitnessRunning { address, stop, ended })
}

async fn accept(listener: TcpListener, lookout: &Arc<Lookout>, clock: &Clock, mut stopped: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = next => accepted,
            () = told(&mut stopped) => break,
        };
        let (Ok(permit), Ok((stream, _))) = (permit, accepted) else {
            // Out of file descriptors, most likely: others end meanwhile.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (lookout, clock, stopped) = (Arc::clone(lookout), clock.clone(), stopped.clone());
        tokio::spawn(async move {
            talk(stream, lookout, clock, stopped).await;
            drop(permit);
        });
    }
    // Whoever connects now hears that nobody listens.
    drop(listener);
    if timeout(PATIENCE, permits.acquire_many(CONNECTIONS_MAX)).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

async fn talk(stream: TcpStream, lookout: Arc<Lookout>, clock: Clock, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(|request| {
        let (lookout, clock) = (Arc::clone(&lookout), clock.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(request, lookout, clock).await) }
    });
    let wire = Wire::new(stream, Arc::default(), PATIENCE);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = ended {
        tracing::debug!(%why, "a connection ended early");
    }
}

async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn answer(request: Request<Incoming>, lookout: Arc<Lookout>, clock: Clock) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return said(StatusCode::NOT_FOUND, "a witness answers at /add-checkpoint alone");
    }
    if request.method() != Method::POST {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "add-checkpoint is a POST");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let body = match timeout(PATIENCE, whole(request.into_body())).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return refused,
        Err(_) => return closing(said(StatusCode::REQUEST_TIMEOUT, "the request did not come in time")),
    };
    let now_s = clock.now_s();
    // What is answered is on the disk before, which may take a while.
    let checked = tokio::task::spawn_blocking(move || lookout.add_checkpoint(&body, now_s)).await;
    match checked {
        Ok(Ok(lines)) => {
            tracing::info!("cosigned");
            typed(StatusCode::OK, "text/plain; charset=utf-8", lines)
        }
        Ok(Err(refusal)) => refused(&refusal),
        Err(why) => {
            tracing::error!(%why, "a request ended in the middle");
            said(StatusCode::INTERNAL_SERVER_ERROR, "nothing can be said of that")
        }
    }
}

fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match refusal {
        Refusal::Stale { size } => typed(status, SIZE_TYPE, format!("{size}\n")),
        Refusal::Head(why) => {
            tracing::error!(%why, "what was seen cannot be read or kept");
            said(status, "the witness cannot keep what it sees; nothing was signed")
        }
        Refusal::Fork { .. } | Refusal::Inconsistent { .. } => {
            tracing::error!(%refusal, "a contradiction is refused");
            said(status, refusal)
        }
        refusal => {
            tracing::info!(%refusal, "refused");
            said(status, refusal)
        }
    }
}

/// All of a body, or why it is not taken.
async fn whole(mut body: Incoming) -> Result<Vec<u8>, Response<Full<Bytes>>> {
    let (mut bytes, mut read) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| closing(said(StatusCode::BAD_REQUEST, "the request broke off")))?;
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        if read <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if read > THROWN_AWAY {
            break;
        }
    }
    if read <= BODY_BYTES_MAX {
        return Ok(bytes);
    }
    let words = format!("a request here has {BODY_BYTES_MAX} bytes at most");
    Err(closing(said(StatusCode::PAYLOAD_TOO_LARGE, words)))
}

/// A sentence.
fn said(status: StatusCode, words: impl std::fmt::Display) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", format!("{words}\n"))
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The last answer of its connection: what else comes on it cannot be told from the rest of the request.
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
