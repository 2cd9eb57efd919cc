//! Hosting a virtual ECU: on DoIP, behind an ELM327, on SLCAN, on socketcand, and as SOVD.
//!
//! One task owns the [`Ecu`]; connections send it requests and get replies through bounded queues. What must outlast the process
//! is in its file before any reply that tells of it leaves.

mod actor;
mod channel;
mod clock;
pub mod doip;
mod elm327;
mod node;
mod pty;
mod slcan;
#[cfg(feature = "socketcan")]
mod socketcan;
mod socketcand;
mod sovd;
mod state_file;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use headlock_twin::ecu::Ecu;
use headlock_wire::elm327::Persona;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use actor::{Handle, Line};
pub use clock::Clock;
pub use state_file::{Names, StateError, StateFile};

/// The ECU's CAN identifiers: physical requests, its answers, and requests to all (ISO 15765-4, 10.2).
pub const CAN_REQUEST: u16 = 0x7E0;
/// Its answers.
pub const CAN_RESPONSE: u16 = 0x7E8;
/// Requests to all.
pub const CAN_FUNCTIONAL: u16 = 0x7DF;

/// Connections at once, over all listeners; more are closed at once.
pub const MOST_CONNECTIONS: usize = 1_200;

/// How long a peer may take to see that its connection is over.
const LINGER: Duration = Duration::from_millis(500);

/// Where the ECU is to be reached.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// DoIP, on TCP and UDP.
    Doip(SocketAddr),
    /// An ELM327 on TCP.
    Elm327Tcp(SocketAddr, Persona),
    /// An ELM327 on a pseudo-terminal; a symbolic link to it, where one is wanted.
    Elm327Pty(Option<PathBuf>, Persona),
    /// An SLCAN adapter on a pseudo-terminal.
    SlcanPty(Option<PathBuf>),
    /// socketcand on TCP.
    Socketcand(SocketAddr),
    /// SOVD on HTTP.
    Sovd(SocketAddr),
    /// A CAN interface of the kernel.
    #[cfg(feature = "socketcan")]
    Socketcan(String),
}

/// Where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What is spoken there.
    pub protocol: &'static str,
    /// An address, or a path.
    pub at: String,
}

/// Why an endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at}: {why}")]
pub struct ListenError {
    /// Where.
    pub at: String,
    /// Why.
    pub why: io::Error,
}

/// A running ECU. Everything runs on the thread that polls it; dropping it ends it.
#[derive(Debug)]
pub struct Host {
    handle: Handle,
    actor: JoinHandle<Result<(), StateError>>,
    /// What listens, each with the connections that it took.
    lines: JoinSet<()>,
    links: Vec<PathBuf>,
}

impl Host {
    /// Starts the ECU; needs a [`tokio::task::LocalSet`].
    pub fn start(ecu: Ecu, clock: Clock, file: Option<StateFile>) -> Self {
        let (handle, run) = actor::start(ecu, clock, file);
        Self { handle, actor: tokio::task::spawn_local(run), lines: JoinSet::new(), links: Vec::new() }
    }

    /// A way to talk to the ECU.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Opens an endpoint and says where it is.
    ///
    /// # Errors
    /// The address or path cannot be had.
    pub async fn open(&mut self, endpoint: Endpoint) -> Result<Reached, ListenError> {
        match endpoint {
            Endpoint::Doip(at) => {
                let entity = doip::Entity::bind(at).await.map_err(|why| ListenError { at: at.to_string(), why })?;
                let at = entity.address().to_string();
                self.lines.spawn_local(entity.run(self.handle.clone()));
                Ok(Reached { protocol: "doip", at })
            }
            Endpoint::Elm327Tcp(at, persona) => {
                let (listener, at) = listen(at).await?;
                self.lines.spawn_local(elm327::serve_tcp(listener, self.handle.clone(), persona));
                Ok(Reached { protocol: "elm327", at })
            }
            Endpoint::Elm327Pty(link, persona) => {
                let (port, at) = self.pty(link)?;
                self.lines.spawn_local(elm327::serve(port, self.handle.clone(), persona));
                Ok(Reached { protocol: "elm327", at })
            }
            Endpoint::SlcanPty(link) => {
                let (port, at) = self.pty(link)?;
                self.lines.spawn_local(slcan::serve(port, self.handle.clone()));
                Ok(Reached { protocol: "slcan", at })
            }
            Endpoint::Socketcand(at) => {
                let (listener, at) = listen(at).await?;
                self.lines.spawn_local(socketcand::serve_tcp(listener, self.handle.clone()));
                Ok(Reached { protocol: "socketcand", at })
            }
            Endpoint::Sovd(at) => {
                let (listener, at) = listen(at).await?;
                self.lines.spawn_local(sovd::serve(listener, self.handle.clone()));
                Ok(Reached { protocol: "sovd", at })
            }
            #[cfg(feature = "socketcan")]
            Endpoint::Socketcan(interface) => {
                let socket = socketcan::open(&interface).map_err(|why| ListenError { at: interface.clone(), why })?;
                self.lines.spawn_local(socketcan::serve(socket, self.handle.clone()));
                Ok(Reached { protocol: "socketcan", at: interface })
            }
        }
    }

    fn pty(&mut self, link: Option<PathBuf>) -> Result<(pty::Port, String), ListenError> {
        let failed = |why| ListenError { at: "a pseudo-terminal".to_owned(), why };
        let (port, path) = pty::open().map_err(failed)?;
        if let Some(link) = link {
            // One that a killed ECU left leads nowhere, or to the terminal that is ours now.
            let left = std::fs::read_link(&link);
            if left.is_ok_and(|to| to == std::path::Path::new(&path) || (to.starts_with("/dev/pts") && !to.exists())) {
                let _ = std::fs::remove_file(&link);
            }
            std::os::unix::fs::symlink(&path, &link)
                .map_err(|why| ListenError { at: link.display().to_string(), why })?;
            self.links.push(link);
        }
        Ok((port, path))
    }

    /// Ends it: what must outlast it is in its file.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn stop(mut self) -> Result<(), StateError> {
        self.handle.stop().await;
        let ended = (&mut self.actor).await.unwrap_or(Ok(()));
        // Also those that wait for somebody who does not read.
        self.lines.shutdown().await;
        ended
    }

    /// Waits until the ECU ends by itself: its file can no longer be written.
    ///
    /// # Errors
    /// Why.
    pub async fn ended(&mut self) -> Result<(), StateError> {
        (&mut self.actor).await.unwrap_or(Ok(()))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.actor.abort();
        for link in &self.links {
            let _ = std::fs::remove_file(link);
        }
    }
}

/// Takes connections and serves them, all of them for as long as this is polled.
async fn serve_each<F>(listener: TcpListener, handle: Handle, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener, &handle) => {
                if let Some((stream, permit)) = accepted {
                    let served = serve(stream);
                    open.spawn_local(async move {
                        served.await;
                        drop(permit);
                    });
                }
            }
            Some(_) = open.join_next() => {}
        }
    }
}

/// The next connection; none if it went again, or there is no room for it.
async fn accept(listener: &TcpListener, handle: &Handle) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((stream, _)) => {
            let permit = handle.admit()?;
            // An answer is one write; without this the next one would wait for the peer.
            stream.set_nodelay(true).ok()?;
            Some((stream, permit))
        }
        // No descriptor is left, or no memory: somebody has to go first.
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Closes a connection to a peer that may still be talking: a close with bytes unread would be a reset, and take with it what was
/// said last, which is why.
async fn hang_up(mut stream: TcpStream) {
    let mut dropped = [0; 4_096];
    let talks = async {
        stream.shutdown().await?;
        while stream.read(&mut dropped).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever never stops, or never reads, is cut off.
    let _ = timeout(LINGER, talks).await;
}

/// Lets this process have as many open files as its system allows.
///
/// # Errors
/// The system refuses.
pub fn raise_file_limit() -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })?)
}

/// Random bytes of the system.
///
/// # Errors
/// It has none.
pub fn entropy() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    if got == bytes.len() { Ok(bytes) } else { Err(io::Error::other("too few random bytes")) }
}

async fn listen(at: SocketAddr) -> Result<(TcpListener, String), ListenError> {
    let failed = |why| ListenError { at: at.to_string(), why };
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?.to_string();
    Ok((listener, at))
}
