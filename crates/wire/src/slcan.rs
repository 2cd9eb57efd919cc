//! CAN frames as lines of text over a serial line: the LAWICEL protocol, that SLCAN adapters speak.
//!
//! A line ends in a carriage return. An adapter answers each command with a carriage return, or a bell where it refuses.

use embedded_can::{ExtendedId, Id, StandardId};

use crate::can::{CanFrame, raw_id};
use crate::put::{NoRoom, Put};

/// Ends a line, and says yes.
pub const OK: u8 = b'\r';
/// Says no.
pub const BELL: u8 = 0x07;
/// The longest line, without its carriage return: `T`, eight digits, length, sixteen digits, and a time stamp of four.
pub const LONGEST_LINE: usize = 30;

/// A line to an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `t` or `T`: send a frame.
    Transmit(CanFrame),
    /// `r` or `R`: send a remote frame, which diagnostics never does.
    TransmitRemote,
    /// `S0` to `S8`: 10 kbit/s to 1 Mbit/s; `S6` is 500 kbit/s.
    Bitrate(u8),
    /// `s`: the bit timing by register.
    BitTiming,
    /// `O`: open the channel.
    Open,
    /// `L`: open it to listen only.
    ListenOnly,
    /// `C`: close it.
    Close,
    /// `V`: versions of hardware and software.
    Version,
    /// `N`: serial number.
    SerialNumber,
    /// `F`: status flags.
    Status,
    /// `Z0` and `Z1`: frames with a time stamp.
    TimeStamps(bool),
    /// `M`, `m`: acceptance filters, which most adapters take and ignore.
    Filter,
    /// An empty line, sent to get out of whatever was half said.
    Empty,
}

/// The line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCommand;

impl core::fmt::Display for NoCommand {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no SLCAN command")
    }
}

impl core::error::Error for NoCommand {}

impl Command {
    /// Reads a line, without its carriage return.
    ///
    /// # Errors
    /// It is no command.
    pub fn decode(line: &[u8]) -> Result<Self, NoCommand> {
        let Some((first, rest)) = line.split_first() else { return Ok(Self::Empty) };
        match (first, rest) {
            (b't' | b'T', _) => match frame(line) {
                Some((frame, [])) => Ok(Self::Transmit(frame)),
                _ => Err(NoCommand),
            },
            (b'r' | b'R', _) => match head(line) {
                Some((_, _, [])) => Ok(Self::TransmitRemote),
                _ => Err(NoCommand),
            },
            (b'S', [digit @ b'0'..=b'8']) => Ok(Self::Bitrate(digit - b'0')),
            (b's', [_, ..]) => Ok(Self::BitTiming),
            (b'O', []) => Ok(Self::Open),
            (b'L', []) => Ok(Self::ListenOnly),
            (b'C', []) => Ok(Self::Close),
            (b'V' | b'v', []) => Ok(Self::Version),
            (b'N', []) => Ok(Self::SerialNumber),
            (b'F', []) => Ok(Self::Status),
            (b'Z', [digit @ (b'0' | b'1')]) => Ok(Self::TimeStamps(*digit == b'1')),
            (b'M' | b'm', [_, ..]) => Ok(Self::Filter),
            _ => Err(NoCommand),
        }
    }
}

/// A frame in a line, without its carriage return, and what follows it (a time stamp, where the adapter sends them).
pub fn frame(line: &[u8]) -> Option<(CanFrame, &[u8])> {
    if !matches!(line, [b't' | b'T', ..]) {
        return None;
    }
    let (id, length, rest) = head(line)?;
    let (digits, rest) = rest.split_at_checked(2 * length)?;
    let mut data = [0; 8];
    for (cell, pair) in data.iter_mut().zip(digits.chunks_exact(2)) {
        *cell = u8::try_from(hex(pair)?).ok()?;
    }
    Some((CanFrame::new(id, &data[..length])?, rest))
}

/// Identifier and length of a line that is about a frame, and what follows them.
fn head(line: &[u8]) -> Option<(Id, usize, &[u8])> {
    let (first, rest) = line.split_first()?;
    let (id, rest) = match first {
        b't' | b'r' => {
            let (digits, rest) = rest.split_at_checked(3)?;
            (Id::Standard(StandardId::new(u16::try_from(hex(digits)?).ok()?)?), rest)
        }
        b'T' | b'R' => {
            let (digits, rest) = rest.split_at_checked(8)?;
            (Id::Extended(ExtendedId::new(hex(digits)?)?), rest)
        }
        _ => return None,
    };
    let (length, rest) = rest.split_first()?;
    Some((id, usize::from(length.checked_sub(b'0').filter(|length| *length <= 8)?), rest))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value: u32, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// Writes a frame as a line, its carriage return included, and answers its length. A time stamp is in milliseconds of the last
/// minute.
///
/// # Errors
/// The room is too small.
pub fn encode(frame: &CanFrame, stamp_ms: Option<u16>, room: &mut [u8]) -> Result<usize, NoRoom> {
    let mut put = Put::into(room);
    match frame.id() {
        Id::Standard(_) => put.u8(b't')?,
        Id::Extended(_) => put.u8(b'T')?,
    };
    let digits = if matches!(frame.id(), Id::Standard(_)) { 3 } else { 8 };
    put_hex(&mut put, raw_id(frame.id()), digits)?;
    put.u8(b'0' + u8::try_from(frame.data().len()).unwrap_or(8))?;
    frame.data().iter().try_for_each(|byte| put_hex(&mut put, u32::from(*byte), 2))?;
    if let Some(stamp_ms) = stamp_ms {
        put_hex(&mut put, u32::from(stamp_ms), 4)?;
    }
    put.u8(OK)?;
    Ok(put.written())
}

/// The low digits of a value, in capitals.
pub(crate) fn put_hex(put: &mut Put<'_>, value: u32, digits: u8) -> Result<(), NoRoom> {
    (0..digits).rev().try_for_each(|digit| {
        let nibble = usize::try_from(value >> (4 * u32::from(digit)) & 0xF).unwrap_or(0);
        put.u8(b"0123456789ABCDEF"[nibble]).map(|_| ())
    })
}
