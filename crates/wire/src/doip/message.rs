//! What a payload says: ISO 13400-2, clauses 7 to 9.

use super::{Address, HEADER_BYTES, Header, Nack, PayloadType};
use crate::put::{NoRoom, Put};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A message was refused for its header.
    HeaderNack(Nack),
    /// Who is there?
    IdentificationRequest,
    /// Who is there, with this entity identifier?
    IdentificationRequestEid([u8; 6]),
    /// Who is there, in this vehicle?
    IdentificationRequestVin([u8; 17]),
    /// I am.
    Announcement(Announcement),
    /// A tester wants to talk.
    RoutingActivationRequest {
        /// Its address.
        source: Address,
        /// 00 is the usual one, 01 by law, E0 central security.
        activation: u8,
        /// The maker's own.
        oem: Option<[u8; 4]>,
    },
    /// Whether it may.
    RoutingActivationResponse {
        /// The tester.
        tester: Address,
        /// Who answers.
        entity: Address,
        /// Whether it may.
        result: Activation,
        /// The maker's own.
        oem: Option<[u8; 4]>,
    },
    /// Still there?
    AliveCheckRequest,
    /// Still there.
    AliveCheckResponse {
        /// The tester.
        source: Address,
    },
    /// How full are you?
    EntityStatusRequest,
    /// So full.
    EntityStatusResponse {
        /// 00 a gateway, 01 a node.
        node_type: u8,
        /// Connections that it takes.
        sockets_max: u8,
        /// Connections that it has.
        sockets_open: u8,
        /// Bytes of the longest message that it takes.
        message_bytes_max: Option<u32>,
    },
    /// Is the vehicle ready?
    PowerModeRequest,
    /// Whether it is.
    PowerModeResponse(PowerMode),
    /// A request or a response.
    Diagnostic {
        /// From.
        source: Address,
        /// To.
        target: Address,
        /// UDS.
        data: &'a [u8],
    },
    /// It was taken.
    DiagnosticAck {
        /// From.
        source: Address,
        /// To.
        target: Address,
        /// The beginning of what was taken, or nothing.
        previous: &'a [u8],
    },
    /// It was not.
    DiagnosticNack {
        /// From.
        source: Address,
        /// To.
        target: Address,
        /// Why.
        reason: DiagnosticNack,
        /// The beginning of what was not taken, or nothing.
        previous: &'a [u8],
    },
}

/// Who an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The vehicle identification number.
    pub vin: [u8; 17],
    /// Its address.
    pub address: Address,
    /// Its entity identifier, like a MAC address.
    pub eid: [u8; 6],
    /// Its group.
    pub gid: [u8; 6],
    /// 00 nothing more is needed, 10 routing must be activated first.
    pub further_action: u8,
    /// 00 VIN and group are in step, 10 they are not yet; not every version tells.
    pub sync_status: Option<u8>,
}

/// Whether a tester may talk. Source: ISO 13400-2, table 49.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `10`: it may.
    Routed,
    /// `11`: once somebody in the vehicle has confirmed it.
    NeedsConfirmation,
    /// It may not.
    Refused(ActivationRefusal),
}

/// Why a tester may not talk. Source: ISO 13400-2, table 49.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationRefusal {
    /// `00`: its address is not known.
    UnknownSource,
    /// `01`: all sockets are taken.
    NoSocket,
    /// `02`: this socket was activated for another address.
    SourceMismatch,
    /// `03`: its address is active on another socket.
    SourceActive,
    /// `04`: it has to authenticate itself first.
    MissingAuthentication,
    /// `05`: it was not confirmed.
    RejectedConfirmation,
    /// `06`: no such kind of activation.
    UnsupportedType,
    /// `07`: only over TLS.
    NeedsTls,
    /// Any other.
    Other(u8),
}

impl Activation {
    /// Its byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Routed => 0x10,
            Self::NeedsConfirmation => 0x11,
            Self::Refused(why) => match why {
                ActivationRefusal::UnknownSource => 0,
                ActivationRefusal::NoSocket => 1,
                ActivationRefusal::SourceMismatch => 2,
                ActivationRefusal::SourceActive => 3,
                ActivationRefusal::MissingAuthentication => 4,
                ActivationRefusal::RejectedConfirmation => 5,
                ActivationRefusal::UnsupportedType => 6,
                ActivationRefusal::NeedsTls => 7,
                ActivationRefusal::Other(byte) => byte,
            },
        }
    }

    /// What a byte stands for.
    pub const fn of(byte: u8) -> Self {
        Self::Refused(match byte {
            0x10 => return Self::Routed,
            0x11 => return Self::NeedsConfirmation,
            0 => ActivationRefusal::UnknownSource,
            1 => ActivationRefusal::NoSocket,
            2 => ActivationRefusal::SourceMismatch,
            3 => ActivationRefusal::SourceActive,
            4 => ActivationRefusal::MissingAuthentication,
            5 => ActivationRefusal::RejectedConfirmation,
            6 => ActivationRefusal::UnsupportedType,
            7 => ActivationRefusal::NeedsTls,
            other => ActivationRefusal::Other(other),
        })
    }
}

/// Why a diagnostic message was not taken. Source: ISO 13400-2, table 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum DiagnosticNack {
    InvalidSource,
    UnknownTarget,
    MessageTooLarge,
    OutOfMemory,
    TargetUnreachable,
    UnknownNetwork,
    TransportError,
    /// Any other.
    Other(u8),
}

impl DiagnosticNack {
    /// Its byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::InvalidSource => 2,
            Self::UnknownTarget => 3,
            Self::MessageTooLarge => 4,
            Self::OutOfMemory => 5,
            Self::TargetUnreachable => 6,
            Self::UnknownNetwork => 7,
            Self::TransportError => 8,
            Self::Other(byte) => byte,
        }
    }

    /// What a byte stands for.
    pub const fn of(byte: u8) -> Self {
        match byte {
            2 => Self::InvalidSource,
            3 => Self::UnknownTarget,
            4 => Self::MessageTooLarge,
            5 => Self::OutOfMemory,
            6 => Self::TargetUnreachable,
            7 => Self::UnknownNetwork,
            8 => Self::TransportError,
            other => Self::Other(other),
        }
    }
}

/// Whether the vehicle is ready for diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerMode {
    /// `00`.
    NotReady,
    /// `01`.
    Ready,
    /// `02`, and whatever else.
    NotSupported,
}

/// The payload has another length than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// A length that the type does not have.
    Length,
    /// A type that nobody knows here.
    UnknownType(u16),
}

impl PayloadError {
    /// What the header is refused with.
    pub const fn nack(self) -> Nack {
        match self {
            Self::Length => Nack::InvalidPayloadLength,
            Self::UnknownType(_) => Nack::UnknownPayloadType,
        }
    }
}

impl core::fmt::Display for PayloadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Length => f.write_str("a DoIP payload of a length that its type does not have"),
            Self::UnknownType(number) => write!(f, "no known DoIP payload has the type {number:04X}"),
        }
    }
}

impl core::error::Error for PayloadError {}

impl<'a> Message<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// Its length does not fit its type, or the type is unknown.
    pub fn decode(kind: PayloadType, payload: &'a [u8]) -> Result<Self, PayloadError> {
        let mut take = Take(payload);
        let message = match kind {
            PayloadType::Diagnostic => {
                let (source, target) = take.addresses()?;
                return match take.rest() {
                    [] => Err(PayloadError::Length),
                    data => Ok(Self::Diagnostic { source, target, data }),
                };
            }
            PayloadType::DiagnosticAck => {
                let (source, target) = take.addresses()?;
                let [_code] = take.array()?;
                return Ok(Self::DiagnosticAck { source, target, previous: take.rest() });
            }
            PayloadType::DiagnosticNack => {
                let (source, target) = take.addresses()?;
                let [code] = take.array()?;
                let reason = DiagnosticNack::of(code);
                return Ok(Self::DiagnosticNack { source, target, reason, previous: take.rest() });
            }
            PayloadType::HeaderNack => Self::HeaderNack(Nack::of(take.array::<1>()?[0])),
            PayloadType::IdentificationRequest => Self::IdentificationRequest,
            PayloadType::IdentificationRequestEid => Self::IdentificationRequestEid(take.array()?),
            PayloadType::IdentificationRequestVin => Self::IdentificationRequestVin(take.array()?),
            PayloadType::Announcement => Self::Announcement(Announcement {
                vin: take.array()?,
                address: take.address()?,
                eid: take.array()?,
                gid: take.array()?,
                further_action: take.array::<1>()?[0],
                sync_status: take.optional()?.map(|[status]| status),
            }),
            PayloadType::RoutingActivationRequest => {
                let (source, [activation]) = (take.address()?, take.array()?);
                let _reserved: [u8; 4] = take.array()?;
                Self::RoutingActivationRequest { source, activation, oem: take.optional()? }
            }
            PayloadType::RoutingActivationResponse => {
                let (tester, entity) = take.addresses()?;
                let [code] = take.array()?;
                let _reserved: [u8; 4] = take.array()?;
                let result = Activation::of(code);
                Self::RoutingActivationResponse { tester, entity, result, oem: take.optional()? }
            }
            PayloadType::AliveCheckRequest => Self::AliveCheckRequest,
            PayloadType::AliveCheckResponse => Self::AliveCheckResponse { source: take.address()? },
            PayloadType::EntityStatusRequest => Self::EntityStatusRequest,
            PayloadType::EntityStatusResponse => {
                let [node_type, sockets_max, sockets_open] = take.array()?;
                let message_bytes_max = take.optional()?.map(u32::from_be_bytes);
                Self::EntityStatusResponse { node_type, sockets_max, sockets_open, message_bytes_max }
            }
            PayloadType::PowerModeRequest => Self::PowerModeRequest,
            PayloadType::PowerModeResponse => Self::PowerModeResponse(match take.array()? {
                [0] => PowerMode::NotReady,
                [1] => PowerMode::Ready,
                [_] => PowerMode::NotSupported,
            }),
            PayloadType::Unknown(number) => return Err(PayloadError::UnknownType(number)),
        };
        if take.rest().is_empty() { Ok(message) } else { Err(PayloadError::Length) }
    }

    /// What it is.
    pub const fn payload_type(&self) -> PayloadType {
        match self {
            Self::HeaderNack(_) => PayloadType::HeaderNack,
            Self::IdentificationRequest => PayloadType::IdentificationRequest,
            Self::IdentificationRequestEid(_) => PayloadType::IdentificationRequestEid,
            Self::IdentificationRequestVin(_) => PayloadType::IdentificationRequestVin,
            Self::Announcement(_) => PayloadType::Announcement,
            Self::RoutingActivationRequest { .. } => PayloadType::RoutingActivationRequest,
            Self::RoutingActivationResponse { .. } => PayloadType::RoutingActivationResponse,
            Self::AliveCheckRequest => PayloadType::AliveCheckRequest,
            Self::AliveCheckResponse { .. } => PayloadType::AliveCheckResponse,
            Self::EntityStatusRequest => PayloadType::EntityStatusRequest,
            Self::EntityStatusResponse { .. } => PayloadType::EntityStatusResponse,
            Self::PowerModeRequest => PayloadType::PowerModeRequest,
            Self::PowerModeResponse(_) => PayloadType::PowerModeResponse,
            Self::Diagnostic { .. } => PayloadType::Diagnostic,
            Self::DiagnosticAck { .. } => PayloadType::DiagnosticAck,
            Self::DiagnosticNack { .. } => PayloadType::DiagnosticNack,
        }
    }

    /// Writes header and payload, and answers their length.
    ///
    /// # Errors
    /// The room is too small.
    pub fn encode(&self, version: u8, room: &mut [u8]) -> Result<usize, NoRoom> {
        let payload = room.get_mut(HEADER_BYTES..).ok_or(NoRoom)?;
        let mut put = Put::into(payload);
        self.payload(&mut put)?;
        let written = put.written();
        let length = u32::try_from(written).map_err(|_| NoRoom)?;
        let header = Header { version, payload_type: self.payload_type(), length };
        room[..HEADER_BYTES].copy_from_slice(&header.encode());
        Ok(HEADER_BYTES + written)
    }

    fn payload(&self, put: &mut Put<'_>) -> Result<(), NoRoom> {
        match self {
            Self::Diagnostic { source, target, data } => put.u16(source.0)?.u16(target.0)?.bytes(data)?,
            Self::DiagnosticAck { source, target, previous } => {
                put.u16(source.0)?.u16(target.0)?.u8(0)?.bytes(previous)?
            }
            Self::DiagnosticNack { source, target, reason, previous } => {
                put.u16(source.0)?.u16(target.0)?.u8(reason.byte())?.bytes(previous)?
            }
            Self::HeaderNack(nack) => put.u8(nack.byte())?,
            Self::IdentificationRequestEid(eid) => put.bytes(eid)?,
            Self::IdentificationRequestVin(vin) => put.bytes(vin)?,
            Self::Announcement(who) => put
                .bytes(&who.vin)?
                .u16(who.address.0)?
                .bytes(&who.eid)?
                .bytes(&who.gid)?
                .u8(who.further_action)?
                .bytes(who.sync_status.as_slice())?,
            Self::RoutingActivationRequest { source, activation, oem } => {
                put.u16(source.0)?.u8(*activation)?.bytes(&[0; 4])?.bytes(oem.as_ref().map_or(&[], |oem| oem))?
            }
            Self::RoutingActivationResponse { tester, entity, result, oem } => put
                .u16(tester.0)?
                .u16(entity.0)?
                .u8(result.byte())?
                .bytes(&[0; 4])?
                .bytes(oem.as_ref().map_or(&[], |oem| oem))?,
            Self::AliveCheckResponse { source } => put.u16(source.0)?,
            Self::EntityStatusResponse { node_type, sockets_max, sockets_open, message_bytes_max } => {
                put.bytes(&[*node_type, *sockets_max, *sockets_open])?;
                match message_bytes_max {
                    Some(most) => put.u32(*most)?,
                    None => put,
                }
            }
            Self::PowerModeResponse(mode) => put.u8(match mode {
                PowerMode::NotReady => 0,
                PowerMode::Ready => 1,
                PowerMode::NotSupported => 2,
            })?,
            Self::IdentificationRequest
            | Self::AliveCheckRequest
            | Self::EntityStatusRequest
            | Self::PowerModeRequest => put,
        };
        Ok(())
    }
}

/// Bytes taken one after another.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], PayloadError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(PayloadError::Length)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The last field, where it is there.
    fn optional<const N: usize>(&mut self) -> Result<Option<[u8; N]>, PayloadError> {
        if self.0.is_empty() { Ok(None) } else { self.array().map(Some) }
    }

    fn address(&mut self) -> Result<Address, PayloadError> {
        self.array().map(|bytes| Address(u16::from_be_bytes(bytes)))
    }

    fn addresses(&mut self) -> Result<(Address, Address), PayloadError> {
        Ok((self.address()?, self.address()?))
    }

    const fn rest(&mut self) -> &'a [u8] {
        self.0
    }
}
