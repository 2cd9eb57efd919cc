//! The file of an export on its way out: a thread writes it as fast as whoever takes it reads, and breaks off when the desk is sealed.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use headlock_registry::desk::{Action, Exported, Exporter};
use headlock_registry::record::RequestId;
use headlock_registry::store::Read;
use http_body::Frame;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::delivery::Leaving;
use crate::gate::Open;

/// Bytes that leave at once.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces that wait for the socket.
const PIECES: usize = 4;

/// How long a seal waits for a file to break off.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The exports of an open desk: one at a time, and none after its end.
#[derive(Debug)]
pub(crate) struct Exports {
    one: Arc<Semaphore>,
    ended: watch::Sender<bool>,
}

/// The right to write the file that is under way.
pub(crate) struct Turn {
    ended: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Exports {
    pub(crate) fn new() -> Self {
        Self { one: Arc::new(Semaphore::new(1)), ended: watch::Sender::new(false) }
    }

    /// The turn of the next file; none while another one is under way.
    pub(crate) fn turn(&self) -> Option<Turn> {
        let permit = Arc::clone(&self.one).try_acquire_owned().ok()?;
        Some(Turn { ended: self.ended.subscribe(), _permit: permit })
    }

    /// Has the file that is under way break off, and waits until its keys are wiped.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
        let since = Instant::now();
        while self.one.available_permits() == 0 && since.elapsed() < ENDS_WITHIN {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

enum Piece {
    Bytes(Bytes),
    /// The file is whole.
    End(Exported),
}

/// Begins to write a file; the answer's body.
pub(crate) fn stream(
    exporter: Exporter,
    (mut moment, turn): (Box<dyn Read>, Turn),
    (desk, connection): (Arc<Open>, Arc<Leaving>),
) -> Body {
    let (to, pieces) = mpsc::channel(PIECES);
    let (id, attempt) = (exporter.id().clone(), exporter.attempt());
    let mut writer = Pieces { to, ended: turn.ended.clone(), runtime: Handle::current(), gathered: Vec::new() };
    let left = Some((id.clone(), attempt, desk));
    tokio::task::spawn_blocking(move || {
        let ended = turn.ended.clone();
        let written = exporter.write(&mut *moment, &mut writer, &mut |_| !*ended.borrow());
        drop(exporter);
        match written {
            Ok(exported) => drop(writer.pass(Piece::End(exported))),
            Err(why) => tracing::warn!(%why, export = id.as_str(), attempt, "an export broke off"),
        }
        drop(turn);
    });
    Body::new(Outgoing { pieces, left, connection })
}

/// Where the thread writes to.
struct Pieces {
    to: mpsc::Sender<Piece>,
    ended: watch::Receiver<bool>,
    runtime: Handle,
    gathered: Vec<u8>,
}

impl Pieces {
    /// Waits until there is room, or nobody is there any more to take it.
    fn pass(&mut self, piece: Piece) -> io::Result<()> {
        let (to, ended) = (&self.to, &mut self.ended);
        self.runtime.block_on(async {
            tokio::select! {
                passed = to.send(piece) => passed.map_err(|_| io::ErrorKind::BrokenPipe.into()),
                _ = ended.wait_for(|ended| *ended) => Err(io::ErrorKind::Interrupted.into()),
            }
        })
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() { Ok(()) } else { self.pass(Piece::Bytes(gathered.into())) }
    }
}

/// A file broke off before its end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the export broke off")]
struct BrokeOff;

/// The answer's body.
struct Outgoing {
    pieces: mpsc::Receiver<Piece>,
    /// Which file it is, and the desk that is told when all of it has left.
    left: Option<(RequestId, u32, Arc<Open>)>,
    connection: Arc<Leaving>,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End(exported)) => {
                if let Some((export, attempt, desk)) = self.left.take() {
                    self.connection.add(Action::ExportLeft { export, attempt, exported }, desk);
                }
                None
            }
            // The connection is then closed without the end that a whole answer has.
            None => self.left.is_some().then_some(Err(BrokeOff)),
        })
    }
}
