//! Diagnostics over IP: ISO 13400-2.
//!
//! Every message is a [`Header`] of eight bytes and a payload; [`Message`] is what the payload says.

mod header;
mod message;

pub use header::{Header, HeaderError, Nack, PayloadType};
pub use message::{Activation, ActivationRefusal, Announcement, DiagnosticNack, Message, PayloadError, PowerMode};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 8;
/// The port for UDP and for TCP without TLS.
pub const PORT: u16 = 13_400;
/// A connection on which no routing was activated is closed after this long, in milliseconds.
pub const INITIAL_INACTIVITY_MS: u64 = 2_000;
/// A connection on which nothing was sent is closed after this long, in milliseconds.
pub const GENERAL_INACTIVITY_MS: u64 = 300_000;
/// How long an alive check is waited for, in milliseconds.
pub const ALIVE_CHECK_MS: u64 = 500;
/// Announcements at the start, and the time between them in milliseconds.
pub const ANNOUNCE: (u32, u64) = (3, 500);

/// A logical address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub u16);

impl Address {
    /// Whether a tester may have it (ISO 13400-2, table 13: 0E00 to 0FFF).
    pub const fn is_tester(self) -> bool {
        matches!(self.0, 0x0E00..=0x0FFF)
    }
}

impl core::fmt::Debug for Address {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl core::fmt::Display for Address {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}
