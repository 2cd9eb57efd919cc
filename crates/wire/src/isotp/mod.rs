//! Messages longer than a CAN frame: ISO-TP, ISO 15765-2, over classic CAN.
//!
//! A message of up to seven bytes is a single frame. A longer one is a first frame, which the receiver answers with a flow
//! control, and consecutive frames in blocks, as many and as fast as that flow control allows.

mod pci;
mod receiver;
mod sender;

pub use pci::{Flow, FlowControl, Payload, Pci, st_min_byte, st_min_us};
pub use receiver::{ReceiveError, Received, Receiver};
pub use sender::{SendError, Sender, Sent};

/// How long a sender waits for a flow control, and a receiver for a consecutive frame (N_Bs, N_Cr), in microseconds.
pub const TIMEOUT_US: u64 = 1_000_000;
/// The longest message that a first frame of two bytes can announce.
pub const LONGEST_SHORT: u32 = 4_095;

/// How frames of one conversation look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// The address byte in front of each frame, of extended or mixed addressing.
    pub address: Option<u8>,
    /// What fills a frame up to eight bytes; none leaves it short.
    pub pad: Option<u8>,
}

impl Framing {
    /// No address byte; frames filled up with zeros, as road vehicles do.
    pub const NORMAL: Self = Self { address: None, pad: Some(0) };

    /// Bytes that the address takes.
    pub(crate) const fn address_bytes(self) -> usize {
        if self.address.is_some() { 1 } else { 0 }
    }

    /// The longest single frame.
    pub(crate) const fn longest_single(self) -> usize {
        7 - self.address_bytes()
    }
}
