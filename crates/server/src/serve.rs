//! From a socket to an answer and back: connections, ids, time limits, headers, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use headlock_profile::Catalog;
use headlock_registry::seal::key_file;
use headlock_wire::hex;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, TlsConfig, read_rules};
use crate::connection::{Peer, Wire};
use crate::delivery::Leaving;
use crate::filter::Filter;
use crate::gate::{Gate, House, OpenFailure};
use crate::metrics::{Metrics, Route};
use crate::problem::Problem;
use crate::routes;
use crate::tls;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a peer may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often files of TLS are looked at, and the filters forget.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Bytes of a request's head, and of what is read ahead.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// What a host gives to a service beside its configuration.
#[derive(Clone, Debug)]
pub struct Host {
    /// Units: those built in, and those of `catalog` in the configuration.
    pub catalog: Arc<Catalog>,
    /// The time.
    pub clock: Clock,
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be had.
    #[error("listen: {listen}: {why}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// The desk does not open with the key file.
    #[error("the desk does not open: {0}")]
    Open(#[from] OpenFailure),
}

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The inside of [`App`].
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    pub(crate) filter: Filter,
    pub(crate) metrics: Arc<Metrics>,
    /// Passwords that may be checked at once.
    pub(crate) passwords: Semaphore,
    pub(crate) witnesses: Vec<headlock_registry::log::VerifierKey>,
    /// Who else says who somebody is.
    #[cfg(feature = "oidc")]
    pub(crate) providers: crate::openid::Providers,
    /// The description of it all.
    pub(crate) openapi: bytes::Bytes,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// A service that runs. Dropped, it stops too, and nobody waits for it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no further connections; what was asked for is answered; the log is durable.
    pub async fn stop(self) {
        // It has ended already if nobody listens.
        let _ = self.stop.send(true);
        let _ = self.ended.await;
    }

    /// Waits until it ends by itself, which it does not.
    pub async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }
}

/// Starts a service on the runtime that this is called on.
///
/// # Errors
/// [`StartError`]. With a key file the desk is open when this answers; without one it is sealed.
pub async fn start(config: Config, host: Host) -> Result<Running, StartError> {
    let listen = config.listen;
    let rules = read_rules(&config)?;
    let witnesses = config.witnesses()?;
    let tls = config.tls.as_ref().map(tls::load).transpose().map_err(ConfigError::from)?;
    let tls = tls.map(|server| Arc::new(RwLock::new(server)));
    let config = Arc::new(config);
    let metrics = Arc::new(Metrics::new());
    let Host { catalog, clock } = host;
    let house =
        House { config: Arc::clone(&config), catalog, rules, clock: clock.clone(), metrics: Arc::clone(&metrics) };
    let (router, openapi) = routes::routes();
    let at_once = match config.limits.passwords_at_once {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => count,
    };
    #[cfg(feature = "oidc")]
    let providers = crate::openid::Providers::new(&config.sign_in.openid_connect, clock.clone())?;
    let app = App(Arc::new(Shared {
        #[cfg(feature = "oidc")]
        providers,
        filter: Filter::new(&config.limits),
        clock,
        gate: Gate::new(house),
        metrics,
        passwords: Semaphore::new(at_once),
        witnesses,
        openapi: openapi.to_json().unwrap_or_default().into(),
        config,
    }));
    if let Some(path) = &app.config.key_file {
        let kek = key_file::read(path).map_err(ConfigError::from)?;
        // A store may wait for its server in its own way, which no thread of this runtime may.
        let opening = app.clone();
        let opened = tokio::task::spawn_blocking(move || opening.gate.unseal(kek)).await;
        opened.map_err(|why| OpenFailure::Thread(why.into()))??;
    }
    let listener = TcpListener::bind(listen).await.map_err(|why| StartError::Listen { listen, why })?;
    let address = listener.local_addr().map_err(|why| StartError::Listen { listen, why })?;
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    tokio::spawn(keep_house(app.clone(), tls.clone(), stopped.clone()));
    tokio::spawn(async move {
        let router = router.with_state(app.clone());
        accept(&listener, &app, (router, tls), stopped).await;
        // Whoever connects now hears that nobody listens.
        drop(listener);
        let sealing = tokio::task::spawn_blocking(move || app.gate.seal());
        let _ = sealing.await;
        let _ = end.send(());
    });
    tracing::info!(%address, "listening");
    Ok(Running { address, stop, ended })
}

type Tls = Option<Arc<RwLock<Arc<ServerConfig>>>>;

/// Accepts until it is told to stop, then waits for those who are being answered.
async fn accept(listener: &TcpListener, app: &App, (router, tls): (Router, Tls), mut stopped: watch::Receiver<bool>) {
    let most = app.config.limits.connections_max;
    let permits = Arc::new(Semaphore::new(most));
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = next => accepted,
            () = told(&mut stopped) => break,
        };
        let (Ok(permit), Ok((stream, address))) = (permit, accepted) else {
            // Out of file descriptors, most likely: others end meanwhile.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let tls = tls.as_ref().map(|tls| Arc::clone(&tls.read().unwrap_or_else(PoisonError::into_inner)));
        let (app, router, stopped) = (app.clone(), router.clone(), stopped.clone());
        tokio::spawn(async move {
            app.metrics.connected();
            connect(stream, address, (&app, router, tls), stopped).await;
            app.metrics.disconnected();
            drop(permit);
        });
    }
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    let patience = Duration::from_secs(app.config.limits.stop_timeout_s);
    if timeout(patience, permits.acquire_many(all)).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

async fn connect(
    stream: TcpStream,
    address: SocketAddr,
    (app, router, tls): (&App, Router, Option<Arc<ServerConfig>>),
    stopped: watch::Receiver<bool>,
) {
    // Answers are written in one piece: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return talk(stream, (address, None), (app, router), stopped).await;
    };
    let Ok(Ok(stream)) = timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream)).await else {
        tracing::debug!("no TLS with a peer");
        return;
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.map(|certificate| Sha256::digest(certificate).into());
    talk(stream, (address, certificate), (app, router), stopped).await;
}

async fn talk<S>(
    stream: S,
    (address, certificate): (SocketAddr, Option<[u8; 32]>),
    (app, router): (&App, Router),
    mut stopped: watch::Receiver<bool>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let limits = &app.config.limits;
    let leaving = Arc::<Leaving>::default();
    let wire = Wire::new(stream, Arc::clone(&leaving), Duration::from_secs(limits.write_timeout_s));
    let peer = Arc::new(Peer { address: address.ip(), certificate, leaving, route: Mutex::default() });
    let service = service_fn(|request| {
        let (app, router, peer) = (app.clone(), router.clone(), Arc::clone(&peer));
        async move { Ok::<_, std::convert::Infallible>(answer(&app, router, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.idle_timeout_s))
        .max_buf_size(HEAD_BYTES_MAX)
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

/// Answers one request: with an id, in time, and with what every answer has.
async fn answer(app: &App, mut router: Router, peer: Arc<Peer>, request: Request<Incoming>) -> Response<Body> {
    let begun = Instant::now();
    let id = request_id();
    let private = request.uri().path().starts_with("/v1");
    let method = request.method().clone();
    let mut request = request.map(Body::new);
    let answered = if !app.gate.is_open() && !is_for_sealed(request.uri().path()) {
        app.gate.open().map_or_else(IntoResponse::into_response, |_| Problem::unavailable().into_response())
    } else {
        request.extensions_mut().insert(Arc::clone(&peer));
        let patience = Duration::from_secs(app.config.limits.request_timeout_s);
        match timeout(patience, router.call(request)).await {
            Ok(Ok(response)) => response,
            Err(_) => Problem::late().into_response(),
        }
    };
    let response = dressed(answered, &id, private);
    let matched = peer.route.lock().unwrap_or_else(PoisonError::into_inner).take();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(id, %method, route, status, took_us, "answered");
    app.metrics.answered(Route(route.into()), status, took);
    response
}

/// Gives an answer its headers, and a problem its body.
fn dressed(response: Response<Body>, id: &str, private: bool) -> Response<Body> {
    let mut response = response;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let retry_after_s = problem.retry_after_s();
        let body = serde_json::to_vec(&problem.body(id)).unwrap_or_default();
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        // The router has counted a body that was not there yet.
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(retry_after_s) = retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    } else if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers().get(ALLOW).cloned();
        let mut problem = dressed(Problem::method().into_response(), id, private);
        allow.map(|allow| problem.headers_mut().insert(ALLOW, allow));
        return problem;
    }
    let headers = response.headers_mut();
    if private || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Waits until the service is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// What is answered while the desk is sealed.
fn is_for_sealed(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics" | "/openapi.json" | "/v1/unseal" | "/v1/seal")
}

/// 16 random bytes.
fn request_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness the desk answers nothing that matters; an id of zeros then does not matter either.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
    hex::digits(&bytes)
}

/// Loads certificates anew when their files change or SIGHUP comes, and lets the filters forget.
async fn keep_house(app: App, tls: Tls, mut stopped: watch::Receiver<bool>) {
    let mut hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
    let files = || app.config.tls.as_ref().map(tls::changed);
    let mut known = files();
    loop {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            _ = hangup => true,
            () = tokio::time::sleep(HOUSEKEEPING) => false,
            () = told(&mut stopped) => return,
        };
        app.filter.forget();
        let now = files();
        if asked || now != known {
            known = now;
            load_again(app.config.tls.as_ref(), tls.as_ref());
        }
    }
}

fn load_again(config: Option<&TlsConfig>, tls: Option<&Arc<RwLock<Arc<ServerConfig>>>>) {
    let (Some(config), Some(tls)) = (config, tls) else { return };
    match tls::load(config) {
        Ok(server) => {
            *tls.write().unwrap_or_else(PoisonError::into_inner) = server;
            tracing::info!("certificates loaded anew");
        }
        Err(why) => tracing::error!(%why, "the certificates of before stay"),
    }
}
