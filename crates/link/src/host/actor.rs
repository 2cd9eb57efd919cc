//! The one task that owns the ECU.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use headlock_twin::Input;
use headlock_twin::ecu::{Ecu, Peer, Reply, TesterId};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::clock::Clock;
use super::state_file::{StateError, StateFile};
use super::{MOST_CONNECTIONS, StateError as Error};

/// Requests that wait for the ECU, of all connections together: beyond that connections are not read.
const WAITING_REQUESTS: usize = 64;
/// Replies that wait for one connection. A tester that does not read loses what is beyond.
const WAITING_REPLIES: usize = 32;

/// How long the ECU stays awake after a request: longer than a tester on this machine needs for its next one.
const LINGER: std::time::Duration = std::time::Duration::from_micros(80);

enum Ask {
    Join(TesterId, mpsc::Sender<Reply>),
    Leave(TesterId),
    Request(Peer, Vec<u8>),
    Happen(Input),
    Vin(oneshot::Sender<[u8; 17]>),
    Stop,
}

/// A way to talk to the ECU, for as many as want one.
#[derive(Clone, Debug)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
    next_id: Arc<AtomicU64>,
    supply_mv: Arc<AtomicU32>,
    connections: Arc<Semaphore>,
    clock: Clock,
}

/// One tester's line to the ECU. Dropping it ends its session.
#[derive(Debug)]
pub struct Line {
    tester: TesterId,
    handle: Handle,
    replies: mpsc::Receiver<Reply>,
}

impl Handle {
    /// A line of one's own.
    pub async fn join(&self) -> Line {
        let tester = TesterId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (sender, replies) = mpsc::channel(WAITING_REPLIES);
        // Where the ECU has ended the line is dead, which its replies tell.
        let _ = self.asks.send(Ask::Join(tester, sender)).await;
        Line { tester, handle: self.clone(), replies }
    }

    /// A place for one more connection; none if there are too many.
    pub fn admit(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.connections.clone().try_acquire_owned().ok()
    }

    /// Connections that there are.
    pub fn connections(&self) -> usize {
        MOST_CONNECTIONS - self.connections.available_permits()
    }

    /// The supply, in millivolts.
    pub fn supply_mv(&self) -> u32 {
        self.supply_mv.load(Ordering::Relaxed)
    }

    /// The vehicle's number; none once the ECU has ended.
    pub async fn vin(&self) -> Option<[u8; 17]> {
        let (sender, answer) = oneshot::channel();
        self.asks.send(Ask::Vin(sender)).await.ok()?;
        answer.await.ok()
    }

    /// Lets something happen to the unit.
    pub async fn happen(&self, input: Input) {
        let _ = self.asks.send(Ask::Happen(input)).await;
    }

    /// Ends the ECU.
    pub async fn stop(&self) {
        let _ = self.asks.send(Ask::Stop).await;
    }

    /// Its clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Line {
    /// Sends a request; waits while the ECU has too many.
    pub async fn request(&self, functional: bool, bytes_max: usize, bytes: Vec<u8>) {
        let peer = Peer { tester: self.tester, functional, bytes_max };
        let _ = self.handle.asks.send(Ask::Request(peer, bytes)).await;
    }

    /// The next reply; none once the ECU has ended.
    pub async fn reply(&mut self) -> Option<Reply> {
        self.replies.recv().await
    }

    /// A reply that is there already.
    pub fn try_reply(&mut self) -> Option<Reply> {
        self.replies.try_recv().ok()
    }

    /// The ECU's clock, supply and other lines.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let (asks, tester) = (self.handle.asks.clone(), self.tester);
        if let Err(mpsc::error::TrySendError::Full(ask)) = asks.try_send(Ask::Leave(tester))
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { asks.send(ask).await });
        }
    }
}

/// The ECU's task, to be run, and a handle to it.
pub(super) fn start(
    ecu: Ecu,
    clock: Clock,
    file: Option<StateFile>,
) -> (Handle, impl Future<Output = Result<(), StateError>>) {
    let (asks, inbox) = mpsc::channel(WAITING_REQUESTS);
    let supply_mv = Arc::new(AtomicU32::new(ecu.supply_mv()));
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let handle = Handle { asks, next_id: Arc::default(), supply_mv: supply_mv.clone(), connections, clock };
    let actor = Actor { ecu, clock, file, lines: HashMap::new(), supply_mv, replies: Vec::new() };
    (handle, actor.run(inbox))
}

/// What is asked within a moment: who asks one thing after the other is answered without the thread going to sleep in between.
async fn linger(inbox: &mut mpsc::Receiver<Ask>) -> Option<Ask> {
    let until = std::time::Instant::now() + LINGER;
    loop {
        match inbox.try_recv() {
            Ok(ask) => return Some(ask),
            Err(_) if std::time::Instant::now() >= until => return None,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

struct Actor {
    ecu: Ecu,
    clock: Clock,
    file: Option<StateFile>,
    lines: HashMap<TesterId, mpsc::Sender<Reply>>,
    supply_mv: Arc<AtomicU32>,
    replies: Vec<Reply>,
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) -> Result<(), Error> {
        self.keep()?;
        loop {
            let due = self.ecu.deadline_ms().map(|ms| Instant::from_std(self.clock.instant(ms)));
            let ask = match due {
                None => inbox.recv().await,
                Some(due) => tokio::select! {
                    biased;
                    ask = inbox.recv() => ask,
                    () = tokio::time::sleep_until(due) => {
                        self.ecu.poll(self.clock.now_ms(), &mut self.replies);
                        self.deliver()?;
                        continue;
                    }
                },
            };
            let mut next = ask;
            loop {
                match next {
                    None | Some(Ask::Stop) => return self.end(),
                    Some(ask) => self.handle(ask)?,
                }
                match linger(&mut inbox).await {
                    Some(ask) => next = Some(ask),
                    None => break,
                }
            }
        }
    }

    fn handle(&mut self, ask: Ask) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        match ask {
            Ask::Join(tester, line) => {
                self.lines.insert(tester, line);
            }
            Ask::Leave(tester) => {
                self.lines.remove(&tester);
                self.ecu.leave(tester);
            }
            Ask::Request(peer, bytes) => self.ecu.request(now_ms, peer, &bytes, &mut self.replies),
            Ask::Happen(input) => self.ecu.happen(now_ms, input),
            Ask::Vin(answer) => {
                let _ = answer.send(self.ecu.vin());
            }
            Ask::Stop => {}
        }
        self.deliver()
    }

    /// First the file, then the replies: nobody knows what a kill could still undo.
    fn deliver(&mut self) -> Result<(), Error> {
        self.keep()?;
        self.supply_mv.store(self.ecu.supply_mv(), Ordering::Relaxed);
        for reply in self.replies.drain(..) {
            if let Some(line) = self.lines.get(&reply.to) {
                let _ = line.try_send(reply);
            }
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), |file| file.keep(&self.ecu))
    }

    /// The supply goes: what time has done to a wait is kept.
    fn end(mut self) -> Result<(), Error> {
        self.ecu.poll(self.clock.now_ms(), &mut self.replies);
        self.ecu.happen(self.clock.now_ms(), Input::Tick);
        self.file.as_mut().map_or(Ok(()), |file| file.finish(&self.ecu))
    }
}
