//! The tester of a lock: its line to the ECU, with the session and the level that live on it.
//!
//! A task of its own, so that a client that hangs up leaves no half of an exchange behind.

use std::future::pending;
use std::time::Duration;

use headlock_twin::ecu::S3_MS;
use headlock_wire::uds::{Level, POSITIVE_OFFSET, ServiceId, Session};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use super::REQUEST_BYTES_MAX;
use super::exchange::{Failure, exchange};
use crate::host::{Handle, Line};

/// Requests of one client that wait.
const WAITING: usize = 8;
/// So often the ECU is told that its tester is still there, in milliseconds of its clock.
const PRESENT_MS: u64 = S3_MS * 2 / 5;
/// TesterPresent, whose answer nobody wants.
const TESTER_PRESENT: [u8; 2] = [0x3E, 0x80];

/// A way to the tester, while its lock lives.
#[derive(Clone)]
pub(super) struct Tester {
    orders: mpsc::Sender<Order>,
    level: watch::Receiver<Option<Level>>,
}

/// Until when a tester lives; dropping it ends the tester at once.
pub(super) type Expiry = watch::Sender<Instant>;

struct Order {
    request: Zeroizing<Vec<u8>>,
    lasts: Option<Duration>,
    started: Option<oneshot::Sender<()>>,
    answer: oneshot::Sender<Result<Vec<u8>, Failure>>,
}

/// The answer to come.
pub(super) type Answer = oneshot::Receiver<Result<Vec<u8>, Failure>>;

impl Tester {
    /// Comes to the ECU, and stays until then.
    pub(super) fn start(handle: Handle, until: Instant) -> (Self, Expiry) {
        let (orders, inbox) = mpsc::channel(WAITING);
        let (expiry, mut expires) = watch::channel(until);
        let (level, seen) = watch::channel(None);
        tokio::spawn(async move {
            let line = handle.join().await;
            let task = Task { line, inbox, level, session: Session::Default, session_ends: None, level_ends: None };
            tokio::select! {
                biased;
                () = expired(&mut expires) => {}
                () = task.run() => {}
            }
        });
        (Self { orders, level: seen }, expiry)
    }

    /// Asks. A session or a level that the answer grants ends after `lasts`, where that is told.
    pub(super) async fn ask(&self, request: Zeroizing<Vec<u8>>, lasts: Option<Duration>) -> Result<Vec<u8>, Failure> {
        self.order(request, lasts, None)?.await.unwrap_or(Err(Failure::Ended))
    }

    /// Asks, and lets the answer come later: first whether the ECU has started, then its answer.
    pub(super) fn begin(&self, request: Zeroizing<Vec<u8>>) -> Result<(oneshot::Receiver<()>, Answer), Failure> {
        let (sender, started) = oneshot::channel();
        Ok((started, self.order(request, None, Some(sender))?))
    }

    /// The level that was last unlocked, unless the session was changed since.
    pub(super) fn level(&self) -> Option<Level> {
        *self.level.borrow()
    }

    fn order(
        &self,
        request: Zeroizing<Vec<u8>>,
        lasts: Option<Duration>,
        started: Option<oneshot::Sender<()>>,
    ) -> Result<Answer, Failure> {
        let (answer, receiver) = oneshot::channel();
        self.orders.try_send(Order { request, lasts, started, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::Busy,
            mpsc::error::TrySendError::Closed(_) => Failure::Ended,
        })?;
        Ok(receiver)
    }
}

async fn expired(expires: &mut watch::Receiver<Instant>) {
    loop {
        let until = *expires.borrow_and_update();
        tokio::select! {
            () = sleep_until(until) => return,
            changed = expires.changed() => if changed.is_err() { return },
        }
    }
}

struct Task {
    line: Line,
    inbox: mpsc::Receiver<Order>,
    level: watch::Sender<Option<Level>>,
    session: Session,
    session_ends: Option<Instant>,
    level_ends: Option<Instant>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let ends = [self.session_ends, self.level_ends].into_iter().flatten().min();
            let present = self.next_present();
            tokio::select! {
                biased;
                () = at(ends) => self.end_mode().await,
                order = self.inbox.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    None => return,
                },
                () = at(present) => {
                    self.line.request(false, REQUEST_BYTES_MAX, TESTER_PRESENT.to_vec()).await;
                }
            }
        }
    }

    /// Only a session that is not the default one ends by itself.
    fn next_present(&self) -> Option<Instant> {
        let clock = self.line.handle().clock();
        let due = Instant::from_std(clock.instant(clock.now_ms().saturating_add(PRESENT_MS)));
        // However fast the ECU's clock runs, others want to be served, too.
        (self.session != Session::Default).then(|| due.max(Instant::now() + Duration::from_millis(5)))
    }

    async fn carry_out(&mut self, order: Order) {
        let Order { request, lasts, mut started, answer } = order;
        let pending = || {
            if let Some(started) = started.take() {
                let _ = started.send(());
            }
        };
        let got = exchange(&mut self.line, &request, pending).await;
        if let Ok(bytes) = &got {
            self.note(bytes, lasts.map(|lasts| Instant::now() + lasts));
        }
        let _ = answer.send(got);
    }

    /// What an answer says of session and level.
    fn note(&mut self, bytes: &[u8], ends: Option<Instant>) {
        let [sid, sub, ..] = *bytes else { return };
        match ServiceId::of(sid.wrapping_sub(POSITIVE_OFFSET)) {
            Some(ServiceId::DiagnosticSessionControl) => {
                self.session = Session::of(sub).unwrap_or(Session::Default);
                self.session_ends = ends.filter(|_| self.session != Session::Default);
                self.level_ends = None;
                self.level.send_replace(None);
            }
            Some(ServiceId::SecurityAccess) => {
                if let Some(level) = Level::of(sub).filter(|level| sub == level.send_key()) {
                    self.level_ends = ends;
                    self.level.send_replace(Some(level));
                }
            }
            _ => {}
        }
    }

    /// A mode has expired: the session ends, or is entered anew, which locks its level.
    async fn end_mode(&mut self) {
        let session_over = self.session_ends.is_some_and(|ends| ends <= Instant::now());
        let next = if session_over { Session::Default } else { self.session };
        let lasts_until = self.session_ends.filter(|_| !session_over);
        (self.session_ends, self.level_ends) = (None, None);
        let request = [ServiceId::DiagnosticSessionControl.byte(), next.byte()];
        match exchange(&mut self.line, &request, || ()).await {
            Ok(bytes) => self.note(&bytes, lasts_until),
            // Nothing keeps the session alive any more: the ECU ends it, and its level with it.
            Err(_) => {
                self.session = Session::Default;
                self.level.send_replace(None);
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
