//! A message in, frames out.

use super::{Flow, FlowControl, Framing, Payload, Pci, TIMEOUT_US};

/// Takes one message at a time apart.
#[derive(Clone, Debug)]
pub struct Sender<B> {
    framing: Framing,
    message: Option<B>,
    at: usize,
    index: u8,
    state: State,
    waits: u8,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    AwaitsFlowControl { deadline_us: u64 },
    Sending { due_us: u64, st_min_us: u32, block_left: Option<u8> },
}

/// What time, or a flow control, led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing is due.
    Nothing,
    /// This frame must go.
    Frame(Payload),
    /// This frame must go, and it is the last one.
    Last(Payload),
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It is empty, or longer than 2^32 - 1 bytes.
    Length,
    /// Another message is not through yet.
    Busy,
    /// No flow control came in time (N_TIMEOUT_Bs).
    TimedOut,
    /// The receiver has no room for it (N_BUFFER_OVFLW).
    Overflow,
    /// The receiver said too often that it is not ready (N_WFT_OVRN).
    TooManyWaits,
    /// The receiver said what no flow control says (N_INVALID_FS).
    InvalidFlow,
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "an empty message, or one of four gigabytes",
            Self::Busy => "another message is not through yet",
            Self::TimedOut => "the receiver did not ask for the rest of the message in time",
            Self::Overflow => "the receiver has no room for the message",
            Self::TooManyWaits => "the receiver asked too often to wait",
            Self::InvalidFlow => "the receiver answered what no flow control says",
        })
    }
}

impl core::error::Error for SendError {}

/// Waits in a row that a sender bears (N_WFTmax).
const MOST_WAITS: u8 = 10;

impl<B: AsRef<[u8]>> Sender<B> {
    /// With nothing to send.
    pub const fn new(framing: Framing) -> Self {
        Self { framing, message: None, at: 0, index: 1, state: State::Idle, waits: 0 }
    }

    /// Whether nothing is on its way.
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Begins a message and gives its first frame.
    ///
    /// # Errors
    /// [`SendError::Length`], [`SendError::Busy`].
    pub fn start(&mut self, now_us: u64, message: B) -> Result<Payload, SendError> {
        if !self.is_idle() {
            return Err(SendError::Busy);
        }
        let bytes = message.as_ref();
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length > 0).ok_or(SendError::Length)?;
        if bytes.len() <= self.framing.longest_single() {
            return Ok(Pci::Single(bytes).encode(self.framing));
        }
        let head = if length <= super::LONGEST_SHORT { 2 } else { 6 };
        self.at = 8 - self.framing.address_bytes() - head;
        let first = Pci::First { length, data: &bytes[..self.at] }.encode(self.framing);
        self.index = 1;
        self.waits = 0;
        self.state = State::AwaitsFlowControl { deadline_us: now_us.saturating_add(TIMEOUT_US) };
        self.message = Some(message);
        Ok(first)
    }

    /// Takes a frame from the receiver; only flow controls that are waited for count.
    ///
    /// # Errors
    /// The message was given up.
    pub fn frame(&mut self, now_us: u64, frame: &[u8]) -> Result<(), SendError> {
        let State::AwaitsFlowControl { deadline_us } = self.state else { return Ok(()) };
        let Some(Pci::FlowControl(FlowControl { flow, block_size, st_min_us })) = Pci::decode(self.framing, frame)
        else {
            return Ok(());
        };
        if now_us > deadline_us {
            return Err(self.give_up(SendError::TimedOut));
        }
        match flow {
            Flow::Overflow => return Err(self.give_up(SendError::Overflow)),
            Flow::Reserved(_) => return Err(self.give_up(SendError::InvalidFlow)),
            Flow::Wait if self.waits == MOST_WAITS => return Err(self.give_up(SendError::TooManyWaits)),
            Flow::Wait => {
                self.waits += 1;
                self.state = State::AwaitsFlowControl { deadline_us: now_us.saturating_add(TIMEOUT_US) };
            }
            Flow::ContinueToSend => {
                self.waits = 0;
                let block_left = (block_size > 0).then_some(block_size);
                self.state = State::Sending { due_us: now_us, st_min_us, block_left };
            }
        }
        Ok(())
    }

    /// The next frame, where it is due.
    ///
    /// # Errors
    /// The message was given up.
    pub fn poll(&mut self, now_us: u64) -> Result<Sent, SendError> {
        match self.state {
            State::AwaitsFlowControl { deadline_us } if now_us > deadline_us => Err(self.give_up(SendError::TimedOut)),
            State::Sending { due_us, st_min_us, block_left } if now_us >= due_us => {
                Ok(self.consecutive(now_us, st_min_us, block_left))
            }
            _ => Ok(Sent::Nothing),
        }
    }

    fn consecutive(&mut self, now_us: u64, st_min_us: u32, block_left: Option<u8>) -> Sent {
        let bytes = self.message.as_ref().map(AsRef::as_ref).unwrap_or_default();
        let end = bytes.len().min(self.at + 7 - self.framing.address_bytes());
        let payload = Pci::Consecutive { index: self.index, data: &bytes[self.at..end] }.encode(self.framing);
        let is_last = end == bytes.len();
        self.at = end;
        self.index = (self.index + 1) & 0x0F;
        self.state = match block_left.map(|left| left - 1) {
            _ if is_last => State::Idle,
            Some(0) => State::AwaitsFlowControl { deadline_us: now_us.saturating_add(TIMEOUT_US) },
            block_left => State::Sending { due_us: now_us.saturating_add(st_min_us.into()), st_min_us, block_left },
        };
        if is_last {
            self.message = None;
            Sent::Last(payload)
        } else {
            Sent::Frame(payload)
        }
    }

    fn give_up(&mut self, why: SendError) -> SendError {
        self.state = State::Idle;
        self.message = None;
        why
    }

    /// When [`Self::poll`] is next due, in microseconds.
    pub const fn deadline_us(&self) -> Option<u64> {
        match self.state {
            State::Idle => None,
            // The deadline itself is still in time.
            State::AwaitsFlowControl { deadline_us } => Some(deadline_us.saturating_add(1)),
            State::Sending { due_us, .. } => Some(due_us),
        }
    }
}
