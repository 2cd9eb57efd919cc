//! A tester: requests to a real ECU, or to a virtual one, over whatever reaches it.
//!
//! Blocking, with a deadline for everything. An answer counts only if it is to what was asked: what comes late is recognised and
//! dropped, never taken for something else.

mod can;
mod car;
mod doip;
mod elm327;
mod error;
mod hex_lines;
mod mask;
mod slcan;
#[cfg(feature = "socketcan")]
mod socketcan;
mod socketcand;
mod stream;
mod trace;

use std::time::{Duration, Instant};

use headlock_wire::uds::{Nrc, POSITIVE_OFFSET, Response};

pub use can::CanTransport;
pub use car::{Flash, KeyFor, LockReport, ReadDtc};
pub use doip::{DoipTransport, TESTER};
pub use elm327::Elm327;
pub use error::LinkError;
pub use hex_lines::HexLines;
pub use slcan::Slcan;
#[cfg(feature = "socketcan")]
pub use socketcan::Socketcan;
pub use socketcand::Socketcand;
pub use stream::Stream;
pub use trace::{Direction, Trace};

/// What carries requests and responses.
pub trait Transport {
    /// Sends one request.
    ///
    /// # Errors
    /// It could not be sent.
    fn send(&mut self, request: &[u8]) -> Result<(), LinkError>;

    /// Waits for the next message from the ECU.
    ///
    /// # Errors
    /// [`LinkError::TimedOut`] at the deadline, or what went wrong.
    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, LinkError>;

    /// Drops what has arrived and was not asked for.
    ///
    /// # Errors
    /// The line is dead.
    fn drain(&mut self) -> Result<(), LinkError>;

    /// The longest request that it carries, in bytes.
    fn bytes_max(&self) -> usize;

    /// The supply at the connector, in millivolts, where the adapter measures it.
    ///
    /// # Errors
    /// It does not answer.
    fn supply_mv(&mut self) -> Result<Option<u32>, LinkError> {
        Ok(None)
    }

    /// Makes sure that firmware can be sent through it.
    ///
    /// # Errors
    /// [`LinkError::Unfit`], and why.
    fn prepare_for_flashing(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    /// What it writes down of what it sees.
    fn trace(&mut self) -> Option<&mut Trace> {
        None
    }
}

/// How long a tester waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For an answer: P2 at the ECU, and the way there and back.
    pub p2: Duration,
    /// For an answer after a response pending.
    pub p2_star: Duration,
    /// For an answer in all, however many responses pending come.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { p2: Duration::from_secs(1), p2_star: Duration::from_millis(5_500), total: Duration::from_mins(1) }
    }
}

/// How often a busy ECU is asked again.
const ASKED_AGAIN: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// A tester and the line to its ECU.
pub struct Tester {
    transport: Box<dyn Transport>,
    patience: Patience,
}

impl std::fmt::Debug for Tester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tester").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Tester {
    /// On this line, with the usual patience.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, patience: Patience::default() }
    }

    /// With another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The line.
    pub fn transport(&mut self) -> &mut dyn Transport {
        &mut *self.transport
    }

    /// Asks, and waits for the answer, through responses pending.
    ///
    /// # Errors
    /// [`LinkError::Negative`] where the ECU refuses; otherwise what went wrong on the way.
    pub fn request(&mut self, request: &[u8]) -> Result<Vec<u8>, LinkError> {
        for _ in 0..ASKED_AGAIN {
            match self.ask(request) {
                Err(LinkError::Negative { nrc: Nrc::BusyRepeatRequest, .. }) => std::thread::sleep(BUSY_PAUSE),
                answered => return answered,
            }
        }
        self.ask(request)
    }

    fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, LinkError> {
        let Some(sid) = request.first().copied() else { return Err(LinkError::EmptyRequest) };
        if request.len() > self.transport.bytes_max() {
            return Err(LinkError::RequestTooLong { bytes: request.len(), most: self.transport.bytes_max() });
        }
        self.transport.drain()?;
        self.transport.send(request)?;
        let started = Instant::now();
        let mut deadline = started + self.patience.p2;
        let most = started + self.patience.total;
        let mut pending = false;
        loop {
            let answer = match self.transport.receive(deadline) {
                Err(LinkError::TimedOut) if pending && Instant::now() >= most => {
                    return Err(LinkError::PendingTooLong { after: self.patience.total });
                }
                answer => answer?,
            };
            match Response::decode(&answer) {
                Ok(Response::Negative { sid: refused, nrc }) if refused == sid => {
                    if nrc != Nrc::RequestCorrectlyReceivedResponsePending {
                        return Err(LinkError::Negative { sid, nrc });
                    }
                    pending = true;
                    if Instant::now() >= most {
                        return Err(LinkError::PendingTooLong { after: self.patience.total });
                    }
                    deadline = most.min(Instant::now() + self.patience.p2_star);
                }
                _ if answers(request, &answer) => return Ok(answer),
                // Late, or meant for somebody else.
                _ => {}
            }
        }
    }

    /// Sends what is not to be answered.
    ///
    /// # Errors
    /// It could not be sent.
    pub fn tell(&mut self, request: &[u8]) -> Result<(), LinkError> {
        self.transport.send(request)
    }
}

/// Whether a positive response can be to this request: the service, and what of the request it repeats.
fn answers(request: &[u8], answer: &[u8]) -> bool {
    let Some(sid) = request.first() else { return false };
    if answer.first().copied() != sid.checked_add(POSITIVE_OFFSET) {
        return false;
    }
    let echo = match sid {
        // Sub-function; its highest bit is not repeated.
        0x10 | 0x11 | 0x19 | 0x27 | 0x3E | 0x85 => {
            return request.get(1).map(|sub| sub & 0x7F) == answer.get(1).copied();
        }
        // Identifier, parameter or block.
        0x22 => 1..3,
        0x31 => 1..4,
        0x01 | 0x09 | 0x36 => 1..2,
        _ => 1..1,
    };
    request.get(echo.clone()) == answer.get(echo)
}
