//! The eight bytes in front of every message: ISO 13400-2, table 16.

use super::HEADER_BYTES;

/// A header. Shape: version, its complement, type (two bytes), length of the payload (four).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 to 4, or FF in a request for identification.
    pub version: u8,
    /// What the payload is.
    pub payload_type: PayloadType,
    /// Its bytes.
    pub length: u32,
}

/// What a payload is. Source: ISO 13400-2, table 17.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum PayloadType {
    HeaderNack,
    IdentificationRequest,
    IdentificationRequestEid,
    IdentificationRequestVin,
    Announcement,
    RoutingActivationRequest,
    RoutingActivationResponse,
    AliveCheckRequest,
    AliveCheckResponse,
    EntityStatusRequest,
    EntityStatusResponse,
    PowerModeRequest,
    PowerModeResponse,
    Diagnostic,
    DiagnosticAck,
    DiagnosticNack,
    /// Any other.
    Unknown(u16),
}

const TYPES: [(u16, PayloadType); 16] = [
    (0x0000, PayloadType::HeaderNack),
    (0x0001, PayloadType::IdentificationRequest),
    (0x0002, PayloadType::IdentificationRequestEid),
    (0x0003, PayloadType::IdentificationRequestVin),
    (0x0004, PayloadType::Announcement),
    (0x0005, PayloadType::RoutingActivationRequest),
    (0x0006, PayloadType::RoutingActivationResponse),
    (0x0007, PayloadType::AliveCheckRequest),
    (0x0008, PayloadType::AliveCheckResponse),
    (0x4001, PayloadType::EntityStatusRequest),
    (0x4002, PayloadType::EntityStatusResponse),
    (0x4003, PayloadType::PowerModeRequest),
    (0x4004, PayloadType::PowerModeResponse),
    (0x8001, PayloadType::Diagnostic),
    (0x8002, PayloadType::DiagnosticAck),
    (0x8003, PayloadType::DiagnosticNack),
];

impl PayloadType {
    /// What a number stands for.
    pub fn of(number: u16) -> Self {
        // The one that nearly every message has.
        if number == 0x8001 {
            return Self::Diagnostic;
        }
        TYPES.iter().find(|(known, _)| *known == number).map_or(Self::Unknown(number), |(_, kind)| *kind)
    }

    /// Whether its sender may not know the version yet.
    const fn is_identification_request(self) -> bool {
        matches!(self, Self::IdentificationRequest | Self::IdentificationRequestEid | Self::IdentificationRequestVin)
    }

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Self::Unknown(number) => number,
            Self::Diagnostic => 0x8001,
            known => TYPES.iter().find(|(_, kind)| *kind == known).map_or(0, |(number, _)| *number),
        }
    }
}

/// Why a header is refused: what a negative acknowledge says (ISO 13400-2, table 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Nack {
    IncorrectPattern,
    UnknownPayloadType,
    MessageTooLarge,
    OutOfMemory,
    InvalidPayloadLength,
    /// Any other.
    Other(u8),
}

impl Nack {
    /// Its byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::IncorrectPattern => 0,
            Self::UnknownPayloadType => 1,
            Self::MessageTooLarge => 2,
            Self::OutOfMemory => 3,
            Self::InvalidPayloadLength => 4,
            Self::Other(byte) => byte,
        }
    }

    /// What a byte stands for.
    pub const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::IncorrectPattern,
            1 => Self::UnknownPayloadType,
            2 => Self::MessageTooLarge,
            3 => Self::OutOfMemory,
            4 => Self::InvalidPayloadLength,
            other => Self::Other(other),
        }
    }

    /// Whether the socket is closed after it.
    pub const fn closes(self) -> bool {
        matches!(self, Self::IncorrectPattern | Self::InvalidPayloadLength)
    }
}

/// The first two bytes are no version and its complement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError;

impl core::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the message does not begin with a DoIP version and its complement")
    }
}

impl core::error::Error for HeaderError {}

impl Header {
    /// Reads it.
    ///
    /// # Errors
    /// The bytes do not begin with a version that this type may have and its complement.
    pub fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, HeaderError> {
        let [version, inverse, high, low, length @ ..] = bytes;
        let payload_type = PayloadType::of(u16::from_be_bytes([high, low]));
        let is_known = match version {
            1..=4 => true,
            0xFF => payload_type.is_identification_request(),
            _ => false,
        };
        if version != !inverse || !is_known {
            return Err(HeaderError);
        }
        Ok(Self { version, payload_type, length: u32::from_be_bytes(length) })
    }

    /// Writes it.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let [high, low] = self.payload_type.number().to_be_bytes();
        let [a, b, c, d] = self.length.to_be_bytes();
        [self.version, !self.version, high, low, a, b, c, d]
    }
}
