//! What an ECU answers.

use super::{Dtc, DtcStatus, Level, Malformed, NEGATIVE, Nrc, POSITIVE_OFFSET, Reset, Routine, ServiceId, Session};
use crate::put::{NoRoom, Put, uint};

/// A response. Source of the shapes: ISO 14229-1, clauses 8 and 10 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// `7F`: no, and why; or not yet.
    Negative {
        /// The service that was asked for, as its byte: an ECU refuses unknown ones too.
        sid: u8,
        /// Why.
        nrc: Nrc,
    },
    /// `50`.
    DiagnosticSessionControl {
        /// The session now.
        session: Session,
        /// How long the tester has to wait for answers.
        timing: Timing,
    },
    /// `51`.
    EcuReset {
        /// How.
        reset: Reset,
    },
    /// `54`.
    ClearDiagnosticInformation,
    /// `59`.
    ReadDtcInformation(DtcAnswer<'a>),
    /// `62`: each identifier with its data, of one byte at least; only who asked knows how long each is.
    ReadDataByIdentifier(&'a [u8]),
    /// `67`, odd: the seed; all zero where that level is unlocked.
    Seed {
        /// Of which level.
        level: Level,
        /// One byte at least.
        seed: &'a [u8],
    },
    /// `67`, even: unlocked.
    Unlocked {
        /// Which level.
        level: Level,
    },
    /// `71`.
    RoutineControl {
        /// What was done.
        action: Routine,
        /// Its number.
        routine: u16,
        /// What the routine says.
        status: &'a [u8],
    },
    /// `74`.
    RequestDownload {
        /// The most bytes that a `36` may have, its service identifier and counter included.
        block_bytes_max: u64,
    },
    /// `76`.
    TransferData {
        /// The block that was taken.
        counter: u8,
        /// What the ECU says.
        record: &'a [u8],
    },
    /// `77`.
    RequestTransferExit {
        /// What the ECU says.
        record: &'a [u8],
    },
    /// `7E`.
    TesterPresent,
    /// `C5`.
    ControlDtcSetting {
        /// Trouble codes are set.
        on: bool,
    },
}

/// How long a tester has to wait. Shape: 1 ms and 10 ms a bit, two bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For an answer, in milliseconds.
    pub p2_ms: u16,
    /// For an answer after a response pending, in units of ten milliseconds.
    pub p2_star_10ms: u16,
}

/// The answers of `59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtcAnswer<'a> {
    /// `01`.
    Number {
        /// The bits of a status that the ECU knows.
        available: DtcStatus,
        /// How codes are written: 0 is ISO 15031-6, 1 ISO 14229-1.
        format: u8,
        /// How many.
        count: u16,
    },
    /// `02` and `0A`.
    List {
        /// Which of the two.
        sub_function: u8,
        /// The bits of a status that the ECU knows.
        available: DtcStatus,
        /// Four bytes each: three of code, one of status.
        records: &'a [u8],
    },
}

impl<'a> DtcAnswer<'a> {
    /// The codes and their status, one after the other; none of a number.
    pub fn iter(&self) -> impl Iterator<Item = (Dtc, DtcStatus)> + use<'a> {
        let records: &'a [u8] = match self {
            Self::Number { .. } => &[],
            Self::List { records, .. } => records,
        };
        records.chunks_exact(4).map(|record| (Dtc::of([record[0], record[1], record[2]]), DtcStatus(record[3])))
    }
}

impl<'a> Response<'a> {
    /// Reads a response.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (first, rest) = bytes.split_first().ok_or(Malformed::Empty)?;
        if *first == NEGATIVE {
            return match *rest {
                [sid, nrc] => Ok(Self::Negative { sid, nrc: Nrc::of(nrc) }),
                _ => Err(Malformed::Length),
            };
        }
        let service = first.checked_sub(POSITIVE_OFFSET).and_then(ServiceId::of);
        match service.ok_or(Malformed::UnknownService(*first))? {
            ServiceId::ClearDiagnosticInformation if rest.is_empty() => Ok(Self::ClearDiagnosticInformation),
            ServiceId::ClearDiagnosticInformation => Err(Malformed::Length),
            ServiceId::ReadDataByIdentifier if rest.len() > 2 => Ok(Self::ReadDataByIdentifier(rest)),
            ServiceId::ReadDataByIdentifier => Err(Malformed::Length),
            ServiceId::RequestDownload => Self::download(rest),
            ServiceId::TransferData => {
                let (counter, record) = rest.split_first().ok_or(Malformed::Length)?;
                Ok(Self::TransferData { counter: *counter, record })
            }
            ServiceId::RequestTransferExit => Ok(Self::RequestTransferExit { record: rest }),
            service => {
                let (sub, rest) = rest.split_first().ok_or(Malformed::Length)?;
                Self::with_sub_function(service, *sub, rest)
            }
        }
    }

    fn download(rest: &'a [u8]) -> Result<Self, Malformed> {
        let (widths, rest) = rest.split_first().ok_or(Malformed::Length)?;
        let width = usize::from(widths >> 4);
        if width == 0 || width != rest.len() {
            return Err(Malformed::Length);
        }
        uint(rest).map(|block_bytes_max| Self::RequestDownload { block_bytes_max }).ok_or(Malformed::Parameter)
    }

    fn with_sub_function(service: ServiceId, sub: u8, rest: &'a [u8]) -> Result<Self, Malformed> {
        let no_such = Malformed::SubFunction(sub);
        let alone = |response| if rest.is_empty() { Ok(response) } else { Err(Malformed::Length) };
        match service {
            ServiceId::DiagnosticSessionControl => {
                let session = Session::of(sub).ok_or(no_such)?;
                let [p2_high, p2_low, star_high, star_low] = *rest else { return Err(Malformed::Length) };
                let timing = Timing {
                    p2_ms: u16::from_be_bytes([p2_high, p2_low]),
                    p2_star_10ms: u16::from_be_bytes([star_high, star_low]),
                };
                Ok(Self::DiagnosticSessionControl { session, timing })
            }
            ServiceId::EcuReset => alone(Self::EcuReset { reset: Reset::of(sub).ok_or(no_such)? }),
            ServiceId::ReadDtcInformation => Ok(Self::ReadDtcInformation(dtc_answer(sub, rest)?)),
            ServiceId::SecurityAccess => {
                let level = Level::of(sub).ok_or(no_such)?;
                match (sub == level.request_seed(), rest) {
                    (true, []) => Err(Malformed::Length),
                    (true, seed) => Ok(Self::Seed { level, seed }),
                    (false, _) => alone(Self::Unlocked { level }),
                }
            }
            ServiceId::RoutineControl => {
                let [high, low, status @ ..] = rest else { return Err(Malformed::Length) };
                let action = match sub {
                    1 => Routine::Start,
                    2 => Routine::Stop,
                    3 => Routine::Results,
                    _ => return Err(no_such),
                };
                Ok(Self::RoutineControl { action, routine: u16::from_be_bytes([*high, *low]), status })
            }
            ServiceId::ControlDtcSetting => match sub {
                1 | 2 => alone(Self::ControlDtcSetting { on: sub == 1 }),
                _ => Err(no_such),
            },
            _ if sub == 0 => alone(Self::TesterPresent),
            _ => Err(no_such),
        }
    }

    /// Writes it, and answers its length.
    ///
    /// # Errors
    /// The room is too small.
    pub fn encode(&self, room: &mut [u8]) -> Result<usize, NoRoom> {
        let mut put = Put::into(room);
        let positive = |service: ServiceId| service.byte() + POSITIVE_OFFSET;
        match *self {
            Self::Negative { sid, nrc } => put.bytes(&[NEGATIVE, sid, nrc.byte()])?,
            Self::DiagnosticSessionControl { session, timing } => put
                .bytes(&[positive(ServiceId::DiagnosticSessionControl), session.byte()])?
                .u16(timing.p2_ms)?
                .u16(timing.p2_star_10ms)?,
            Self::EcuReset { reset } => put.bytes(&[positive(ServiceId::EcuReset), reset.byte()])?,
            Self::ClearDiagnosticInformation => put.u8(positive(ServiceId::ClearDiagnosticInformation))?,
            Self::ReadDtcInformation(answer) => {
                put.u8(positive(ServiceId::ReadDtcInformation))?;
                match answer {
                    DtcAnswer::Number { available, format, count } => {
                        put.bytes(&[0x01, available.0, format])?.u16(count)?
                    }
                    DtcAnswer::List { sub_function, available, records } => {
                        put.bytes(&[sub_function, available.0])?.bytes(records)?
                    }
                }
            }
            Self::ReadDataByIdentifier(records) => put.u8(positive(ServiceId::ReadDataByIdentifier))?.bytes(records)?,
            Self::Seed { level, seed } => {
                put.bytes(&[positive(ServiceId::SecurityAccess), level.request_seed()])?.bytes(seed)?
            }
            Self::Unlocked { level } => put.bytes(&[positive(ServiceId::SecurityAccess), level.send_key()])?,
            Self::RoutineControl { action, routine, status } => {
                put.bytes(&[positive(ServiceId::RoutineControl), action.byte()])?.u16(routine)?.bytes(status)?
            }
            Self::RequestDownload { block_bytes_max } => {
                // Two bytes at least, as in the standard's example: some testers read no other width.
                let width = (8 - block_bytes_max.leading_zeros() / 8).max(2);
                let width = u8::try_from(width).unwrap_or(8);
                put.bytes(&[positive(ServiceId::RequestDownload), width << 4])?.uint(block_bytes_max, width)?
            }
            Self::TransferData { counter, record } => {
                put.bytes(&[positive(ServiceId::TransferData), counter])?.bytes(record)?
            }
            Self::RequestTransferExit { record } => put.u8(positive(ServiceId::RequestTransferExit))?.bytes(record)?,
            Self::TesterPresent => put.bytes(&[positive(ServiceId::TesterPresent), 0])?,
            Self::ControlDtcSetting { on } => {
                put.bytes(&[positive(ServiceId::ControlDtcSetting), if on { 1 } else { 2 }])?
            }
        };
        Ok(put.written())
    }
}

fn dtc_answer(sub: u8, rest: &[u8]) -> Result<DtcAnswer<'_>, Malformed> {
    match (sub, rest) {
        (0x01, [available, format, high, low]) => Ok(DtcAnswer::Number {
            available: DtcStatus(*available),
            format: *format,
            count: u16::from_be_bytes([*high, *low]),
        }),
        (0x02 | 0x0A, [available, records @ ..]) if records.len() % 4 == 0 => {
            Ok(DtcAnswer::List { sub_function: sub, available: DtcStatus(*available), records })
        }
        (0x01 | 0x02 | 0x0A, _) => Err(Malformed::Length),
        _ => Err(Malformed::SubFunction(sub)),
    }
}
