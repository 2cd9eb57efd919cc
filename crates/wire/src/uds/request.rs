//! What a tester asks.

use super::{Did, DtcReport, DtcStatus, Level, Malformed, Reset, SUPPRESS_POSITIVE, ServiceId, Session};
use crate::put::{NoRoom, Put, uint};

/// A request. Source of the shapes: ISO 14229-1, clauses 10 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `10`: change the session.
    DiagnosticSessionControl {
        /// Which.
        session: Session,
    },
    /// `11`: restart.
    EcuReset {
        /// How.
        reset: Reset,
    },
    /// `14`: clear trouble codes.
    ClearDiagnosticInformation {
        /// Three bytes; FFFFFF is all.
        group: u32,
    },
    /// `19`: read trouble codes.
    ReadDtcInformation(DtcReport),
    /// `22`: read data.
    ReadDataByIdentifier(DidList<'a>),
    /// `27`, odd: a seed.
    RequestSeed {
        /// Of which level.
        level: Level,
        /// Anything that the ECU wants with it.
        record: &'a [u8],
    },
    /// `27`, even: the key to the seed.
    SendKey {
        /// Of which level.
        level: Level,
        /// One byte at least.
        key: &'a [u8],
    },
    /// `31`: start, stop, or ask for the result.
    RoutineControl {
        /// What is to be done.
        action: Routine,
        /// Its number.
        routine: u16,
        /// Whatever the routine wants.
        option: &'a [u8],
    },
    /// `34`: data is to come.
    RequestDownload {
        /// How it is compressed (high nibble) and encrypted (low); 0 is neither.
        data_format: u8,
        /// Where it goes.
        memory: Memory,
    },
    /// `36`: a block of it.
    TransferData {
        /// 1 first, then up, and from FF to 00.
        counter: u8,
        /// The block.
        data: &'a [u8],
    },
    /// `37`: that was all.
    RequestTransferExit {
        /// Whatever the ECU wants with it.
        record: &'a [u8],
    },
    /// `3E`: the tester is still there.
    TesterPresent,
    /// `85`: trouble codes are set, or no more.
    ControlDtcSetting {
        /// They are.
        on: bool,
        /// Whatever the ECU wants with it.
        record: &'a [u8],
    },
}

/// What is to be done with a routine: the sub-functions of `31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Routine {
    /// `01`.
    Start,
    /// `02`.
    Stop,
    /// `03`.
    Results,
}

impl Routine {
    /// Its sub-function.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Stop => 2,
            Self::Results => 3,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Start),
            2 => Some(Self::Stop),
            3 => Some(Self::Results),
            _ => None,
        }
    }
}

/// A range of memory, with the widths in which it is told: 1 to 8 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its first byte.
    pub address: u64,
    /// Its bytes.
    pub size: u64,
    /// Bytes in which the address is told.
    pub address_bytes: u8,
    /// Bytes in which the size is told.
    pub size_bytes: u8,
}

/// The identifiers of one request. Shape: at least one, two bytes each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DidList<'a>(&'a [u8]);

impl<'a> DidList<'a> {
    /// From the bytes behind the service identifier.
    pub const fn of(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() % 2 == 1 { None } else { Some(Self(bytes)) }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Did> + use<'a> {
        self.0.chunks_exact(2).map(|pair| Did(u16::from_be_bytes([pair[0], pair[1]])))
    }
}

impl core::fmt::Debug for DidList<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Request<'a> {
    /// Reads a request, and whether it wants no positive response.
    ///
    /// The order of checks is the standard's: the service, the least length, the sub-function, the whole length, parameters.
    ///
    /// # Errors
    /// What is wrong with it, and so how an ECU answers.
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, bool), Malformed> {
        let (sid, rest) = bytes.split_first().ok_or(Malformed::Empty)?;
        let service = ServiceId::of(*sid).ok_or(Malformed::UnknownService(*sid))?;
        if !service.has_sub_function() {
            return Ok((Self::plain(service, rest)?, false));
        }
        let (byte, rest) = rest.split_first().ok_or(Malformed::Length)?;
        let sub = byte & !SUPPRESS_POSITIVE;
        Ok((Self::with_sub_function(service, sub, rest)?, byte & SUPPRESS_POSITIVE != 0))
    }

    fn plain(service: ServiceId, rest: &'a [u8]) -> Result<Self, Malformed> {
        match service {
            ServiceId::ClearDiagnosticInformation => match *rest {
                [high, middle, low] => {
                    Ok(Self::ClearDiagnosticInformation { group: u32::from_be_bytes([0, high, middle, low]) })
                }
                _ => Err(Malformed::Length),
            },
            ServiceId::ReadDataByIdentifier => {
                DidList::of(rest).map(Self::ReadDataByIdentifier).ok_or(Malformed::Length)
            }
            ServiceId::RequestDownload => Self::download(rest),
            ServiceId::TransferData => {
                let (counter, data) = rest.split_first().ok_or(Malformed::Length)?;
                Ok(Self::TransferData { counter: *counter, data })
            }
            _ => Ok(Self::RequestTransferExit { record: rest }),
        }
    }

    fn download(rest: &'a [u8]) -> Result<Self, Malformed> {
        let [data_format, widths, rest @ ..] = rest else { return Err(Malformed::Length) };
        let (size_bytes, address_bytes) = (widths >> 4, widths & 0x0F);
        if !(1..=8).contains(&size_bytes) || !(1..=8).contains(&address_bytes) {
            return Err(Malformed::Parameter);
        }
        if rest.len() != usize::from(address_bytes) + usize::from(size_bytes) {
            return Err(Malformed::Length);
        }
        let (address, size) = rest.split_at(usize::from(address_bytes));
        let address = uint(address).ok_or(Malformed::Parameter)?;
        let size = uint(size).ok_or(Malformed::Parameter)?;
        let memory = Memory { address, size, address_bytes, size_bytes };
        Ok(Self::RequestDownload { data_format: *data_format, memory })
    }

    fn with_sub_function(service: ServiceId, sub: u8, rest: &'a [u8]) -> Result<Self, Malformed> {
        let no_such = Malformed::SubFunction(sub);
        let alone = |request| if rest.is_empty() { Ok(request) } else { Err(Malformed::Length) };
        match service {
            ServiceId::DiagnosticSessionControl => {
                alone(Self::DiagnosticSessionControl { session: Session::of(sub).ok_or(no_such)? })
            }
            ServiceId::EcuReset => alone(Self::EcuReset { reset: Reset::of(sub).ok_or(no_such)? }),
            ServiceId::ReadDtcInformation => Ok(Self::ReadDtcInformation(match (sub, rest) {
                (0x01, [mask]) => DtcReport::NumberByStatusMask(DtcStatus(*mask)),
                (0x02, [mask]) => DtcReport::ByStatusMask(DtcStatus(*mask)),
                (0x0A, []) => DtcReport::Supported,
                (0x01 | 0x02 | 0x0A, _) => return Err(Malformed::Length),
                _ => return Err(no_such),
            })),
            ServiceId::SecurityAccess => {
                let level = Level::of(sub).ok_or(no_such)?;
                match rest {
                    _ if sub == level.request_seed() => Ok(Self::RequestSeed { level, record: rest }),
                    [] => Err(Malformed::Length),
                    key => Ok(Self::SendKey { level, key }),
                }
            }
            ServiceId::RoutineControl => {
                // The least length comes before the sub-function.
                let [high, low, option @ ..] = rest else { return Err(Malformed::Length) };
                let action = Routine::of(sub).ok_or(no_such)?;
                Ok(Self::RoutineControl { action, routine: u16::from_be_bytes([*high, *low]), option })
            }
            ServiceId::ControlDtcSetting => match sub {
                1 | 2 => Ok(Self::ControlDtcSetting { on: sub == 1, record: rest }),
                _ => Err(no_such),
            },
            _ if sub == 0 => alone(Self::TesterPresent),
            _ => Err(no_such),
        }
    }

    /// Its service.
    pub const fn service(&self) -> ServiceId {
        match self {
            Self::DiagnosticSessionControl { .. } => ServiceId::DiagnosticSessionControl,
            Self::EcuReset { .. } => ServiceId::EcuReset,
            Self::ClearDiagnosticInformation { .. } => ServiceId::ClearDiagnosticInformation,
            Self::ReadDtcInformation(_) => ServiceId::ReadDtcInformation,
            Self::ReadDataByIdentifier(_) => ServiceId::ReadDataByIdentifier,
            Self::RequestSeed { .. } | Self::SendKey { .. } => ServiceId::SecurityAccess,
            Self::RoutineControl { .. } => ServiceId::RoutineControl,
            Self::RequestDownload { .. } => ServiceId::RequestDownload,
            Self::TransferData { .. } => ServiceId::TransferData,
            Self::RequestTransferExit { .. } => ServiceId::RequestTransferExit,
            Self::TesterPresent => ServiceId::TesterPresent,
            Self::ControlDtcSetting { .. } => ServiceId::ControlDtcSetting,
        }
    }

    /// Writes it; `suppress` asks for no positive response, where the service knows that. Answers its length.
    ///
    /// # Errors
    /// The room is too small, or a width for its number.
    pub fn encode(&self, suppress: bool, room: &mut [u8]) -> Result<usize, NoRoom> {
        let mut put = Put::into(room);
        put.u8(self.service().byte())?;
        let sub = |value: u8| value | if suppress { SUPPRESS_POSITIVE } else { 0 };
        match *self {
            Self::DiagnosticSessionControl { session } => put.u8(sub(session.byte()))?,
            Self::EcuReset { reset } => put.u8(sub(reset.byte()))?,
            Self::ClearDiagnosticInformation { group } => put.uint(group.into(), 3)?,
            Self::ReadDtcInformation(report) => {
                put.u8(sub(report.sub_function()))?;
                match report {
                    DtcReport::NumberByStatusMask(mask) | DtcReport::ByStatusMask(mask) => put.u8(mask.0)?,
                    DtcReport::Supported => &mut put,
                }
            }
            Self::ReadDataByIdentifier(dids) => put.bytes(dids.0)?,
            Self::RequestSeed { level, record } => put.u8(sub(level.request_seed()))?.bytes(record)?,
            Self::SendKey { level, key } => put.u8(sub(level.send_key()))?.bytes(key)?,
            Self::RoutineControl { action, routine, option } => {
                put.u8(sub(action.byte()))?.u16(routine)?.bytes(option)?
            }
            Self::RequestDownload { data_format, memory } => {
                let (size, address) = (memory.size_bytes, memory.address_bytes);
                put.bytes(&[data_format, size << 4 | address])?
                    .uint(memory.address, address)?
                    .uint(memory.size, size)?
            }
            Self::TransferData { counter, data } => put.u8(counter)?.bytes(data)?,
            Self::RequestTransferExit { record } => put.bytes(record)?,
            Self::TesterPresent => put.u8(sub(0))?,
            Self::ControlDtcSetting { on, record } => put.u8(sub(if on { 1 } else { 2 }))?.bytes(record)?,
        };
        Ok(put.written())
    }
}
