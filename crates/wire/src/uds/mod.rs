//! Unified Diagnostic Services, ISO 14229-1: requests and responses.
//!
//! A request is a service identifier, for most services a sub-function, and parameters. A positive response repeats the
//! identifier plus 0x40; a negative one is `7F`, the identifier and a [`Nrc`].

mod dtc;
mod nrc;
mod request;
mod response;
mod service;

pub use dtc::{Dtc, DtcReport, DtcStatus};
pub use nrc::Nrc;
pub use request::{DidList, Memory, Request, Routine};
pub use response::{DtcAnswer, Response, Timing};
pub use service::{Did, Level, Reset, ServiceId, Session};

/// Set in a sub-function: no positive response is wanted.
pub const SUPPRESS_POSITIVE: u8 = 0x80;
/// What a service identifier grows by in its positive response.
pub const POSITIVE_OFFSET: u8 = 0x40;
/// The first byte of a negative response.
pub const NEGATIVE: u8 = 0x7F;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No byte at all.
    Empty,
    /// No service of that number is known here.
    UnknownService(u8),
    /// Shorter or longer than the service allows.
    Length,
    /// The service has no such sub-function.
    SubFunction(u8),
    /// A parameter stands for nothing.
    Parameter,
}

impl Malformed {
    /// What an ECU answers (ISO 14229-1, 8.7.2); none to an empty request.
    pub const fn nrc(self) -> Option<Nrc> {
        match self {
            Self::Empty => None,
            Self::UnknownService(_) => Some(Nrc::ServiceNotSupported),
            Self::Length => Some(Nrc::IncorrectMessageLengthOrInvalidFormat),
            Self::SubFunction(_) => Some(Nrc::SubFunctionNotSupported),
            Self::Parameter => Some(Nrc::RequestOutOfRange),
        }
    }
}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty message"),
            Self::UnknownService(sid) => write!(f, "no known service has the identifier {sid:02X}"),
            Self::Length => f.write_str("too short or too long for its service"),
            Self::SubFunction(value) => write!(f, "the service has no sub-function {value:02X}"),
            Self::Parameter => f.write_str("a parameter is out of range"),
        }
    }
}

impl core::error::Error for Malformed {}
