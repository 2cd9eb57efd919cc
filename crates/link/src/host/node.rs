//! The ECU as a node on CAN: frames to requests, replies to frames.

use std::collections::VecDeque;

use headlock_wire::can::{CanFrame, standard};
use headlock_wire::isotp::{Framing, Payload, Pci, Received, Receiver, Sender, Sent};

use super::{CAN_FUNCTIONAL, CAN_REQUEST, CAN_RESPONSE};

/// The longest message that CAN carries here, in bytes.
pub(super) const CAN_BYTES_MAX: usize = 4_095;
/// Replies that wait until the one before has gone.
const WAITING_REPLIES: usize = 8;

/// One ECU on one bus.
pub(super) struct Node {
    receiver: Receiver<Vec<u8>>,
    sender: Sender<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
}

/// What a frame brought.
pub(super) struct Asked {
    pub(super) functional: bool,
    pub(super) bytes: Vec<u8>,
}

impl Node {
    pub(super) fn new() -> Self {
        Self {
            receiver: Receiver::new(Framing::NORMAL, vec![0; CAN_BYTES_MAX]),
            sender: Sender::new(Framing::NORMAL),
            waiting: VecDeque::new(),
        }
    }

    /// A frame of the bus; what must be sent is added to `out`.
    pub(super) fn frame(&mut self, now_us: u64, frame: &CanFrame, out: &mut Vec<CanFrame>) -> Option<Asked> {
        if frame.id() == standard(CAN_FUNCTIONAL) {
            // All at once are asked in single frames alone (ISO 15765-2, 8.2).
            return match Pci::decode(Framing::NORMAL, frame.data()) {
                Some(Pci::Single(bytes)) => Some(Asked { functional: true, bytes: bytes.to_vec() }),
                _ => None,
            };
        }
        if frame.id() != standard(CAN_REQUEST) {
            return None;
        }
        // A receiver that wants no more gets no more.
        let _ = self.sender.frame(now_us, frame.data());
        let asked = match self.receiver.frame(now_us, frame.data()) {
            Received::Message(bytes) => Some(Asked { functional: false, bytes: bytes.to_vec() }),
            Received::Reply(payload) => {
                out.extend(answer(&payload));
                None
            }
            Received::Nothing | Received::Failed(_) => None,
        };
        self.poll(now_us, out);
        asked
    }

    /// Sends a reply, after those that wait.
    pub(super) fn send(&mut self, now_us: u64, bytes: Vec<u8>, out: &mut Vec<CanFrame>) {
        if self.waiting.len() < WAITING_REPLIES {
            self.waiting.push_back(bytes);
        }
        self.poll(now_us, out);
    }

    /// Sends what is due, and gives up what is overdue.
    pub(super) fn poll(&mut self, now_us: u64, out: &mut Vec<CanFrame>) {
        let _ = self.receiver.poll(now_us);
        loop {
            match self.sender.poll(now_us) {
                Ok(Sent::Frame(payload) | Sent::Last(payload)) => out.extend(answer(&payload)),
                Ok(Sent::Nothing) if self.sender.is_idle() => match self.waiting.pop_front() {
                    Some(bytes) => out.extend(self.sender.start(now_us, bytes).ok().as_ref().and_then(answer)),
                    None => return,
                },
                Ok(Sent::Nothing) => return,
                // Nobody asked for the rest: the next reply may have better luck.
                Err(_) => {}
            }
        }
    }

    /// When [`Self::poll`] is next due, in microseconds.
    pub(super) fn deadline_us(&self) -> Option<u64> {
        let receiver = self.receiver.deadline_us().map(|us| us + 1);
        [receiver, self.sender.deadline_us()].into_iter().flatten().min()
    }
}

fn answer(payload: &Payload) -> Option<CanFrame> {
    CanFrame::new(standard(CAN_RESPONSE), payload.bytes())
}
