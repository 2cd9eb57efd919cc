//! What can go wrong between a tester and an ECU.

use std::io;
use std::time::Duration;

use headlock_wire::doip::{ActivationRefusal, DiagnosticNack, Nack};
use headlock_wire::elm327::ElmError;
use headlock_wire::isotp::{ReceiveError, SendError};
use headlock_wire::uds::{Malformed, Nrc};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The port or the connection cannot be had.
    #[error("cannot open {at}: {why}")]
    Open {
        /// Which.
        at: String,
        /// Why.
        why: io::Error,
    },
    /// The line broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The other side closed it.
    #[error("the other side closed the connection")]
    Closed,
    /// Nothing came.
    #[error("no answer in time")]
    TimedOut,
    /// Responses pending, and nothing else.
    #[error("the ECU kept saying that it needs time, for {} s", after.as_secs())]
    PendingTooLong {
        /// How long it was waited for.
        after: Duration,
    },
    /// Nothing was asked.
    #[error("an empty request")]
    EmptyRequest,
    /// Longer than the line carries.
    #[error("a request of {bytes} bytes; {most} is the most that this connection carries")]
    RequestTooLong {
        /// Of the request.
        bytes: usize,
        /// Of the longest one.
        most: usize,
    },
    /// The ECU refuses.
    #[error("the ECU refuses service {sid:02X}: {nrc}")]
    Negative {
        /// What was asked.
        sid: u8,
        /// Why not.
        nrc: Nrc,
    },
    /// The answer is none of its service.
    #[error("an answer that cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// The answer is of another shape than this value has.
    #[error("{what} of {bytes} bytes, which is none")]
    Shape {
        /// What was read.
        what: &'static str,
        /// Its bytes.
        bytes: usize,
    },
    /// The gateway does not let this tester talk.
    #[error("the gateway refuses this tester: {0:?}")]
    NotActivated(ActivationRefusal),
    /// The gateway wants a confirmation in the car.
    #[error("the gateway wants somebody in the car to confirm this tester")]
    NeedsConfirmation,
    /// The gateway does not pass the message on.
    #[error("the gateway does not pass the request on: {0:?}")]
    NotDelivered(DiagnosticNack),
    /// The gateway takes no such message.
    #[error("the gateway refuses the message: {0:?}")]
    HeaderRefused(Nack),
    /// The other side speaks something else.
    #[error("the other side does not speak {0}")]
    OtherProtocol(&'static str),
    /// The adapter says what went wrong.
    #[error("the adapter says: {0}")]
    Adapter(#[from] ElmError),
    /// A message was lost on the bus.
    #[error("{0}")]
    Received(#[from] ReceiveError),
    /// The ECU took no message.
    #[error("{0}")]
    Sent(#[from] SendError),
    /// The adapter cannot carry this.
    #[error("this adapter is not fit for that: {0}")]
    Unfit(String),
    /// The package is none, or none for this ECU.
    #[error("{0}")]
    Package(#[from] headlock_twin::ecu::PackageError),
    /// What was written is not what runs.
    #[error("the ECU now says that it runs {found:?}, not {wanted:?}")]
    OtherVersion {
        /// What it says.
        found: String,
        /// What was written.
        wanted: String,
    },
}

impl LinkError {
    /// A word for machines.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open { .. } => "cannot-open",
            Self::Io(_) => "io",
            Self::Closed => "closed",
            Self::TimedOut => "timed-out",
            Self::PendingTooLong { .. } => "pending-too-long",
            Self::EmptyRequest => "empty-request",
            Self::RequestTooLong { .. } => "request-too-long",
            Self::Negative { .. } => "negative-response",
            Self::Malformed(_) | Self::Shape { .. } => "malformed-answer",
            Self::NotActivated(_) | Self::NeedsConfirmation => "not-activated",
            Self::NotDelivered(_) | Self::HeaderRefused(_) => "not-delivered",
            Self::OtherProtocol(_) => "other-protocol",
            Self::Adapter(_) => "adapter",
            Self::Received(_) | Self::Sent(_) => "transport",
            Self::Unfit(_) => "unfit-adapter",
            Self::Package(_) => "bad-package",
            Self::OtherVersion { .. } => "other-version",
        }
    }
}
