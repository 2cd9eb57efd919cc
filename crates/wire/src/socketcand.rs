//! CAN frames as text over TCP: the protocol of socketcand.
//!
//! Everything is said between angle brackets: `< send 7E0 3 02 3E 00 >` to the server, `< frame 7E8 1.000000 027E00 >` from it.

use core::fmt::Write;

use embedded_can::{ExtendedId, Id, StandardId};

use crate::can::{CanFrame, IdText};
use crate::put::NoRoom;

/// The longest message that is taken, brackets included.
pub const LONGEST: usize = 256;

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `open BUS`.
    Open(&'a str),
    /// `rawmode`: every frame of the bus, as it comes.
    RawMode,
    /// `bcmmode`: frames by subscription; what a new connection starts with.
    BcmMode,
    /// `send ID LENGTH BYTES…`.
    Send(CanFrame),
    /// `echo`.
    Echo,
    /// Anything else; socketcand has more, for other purposes.
    Other(&'a str),
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// `hi`: connected.
    Hi,
    /// `ok`.
    Ok,
    /// `error …`.
    Error(&'a str),
    /// `frame ID SECONDS BYTES`.
    Frame(CanFrame),
    /// `echo`.
    Echo,
    /// Anything else.
    Other(&'a str),
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No `<` at the beginning of what is left.
    NoBracket,
    /// Longer than [`LONGEST`] without a `>`.
    TooLong,
    /// Not text.
    NoText,
    /// A frame without identifier or length, or with other bytes than it says.
    Frame,
}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoBracket => "a socketcand message begins with <",
            Self::TooLong => "a socketcand message without an end",
            Self::NoText => "a socketcand message is text",
            Self::Frame => "a frame has an identifier, a length and as many bytes",
        })
    }
}

impl core::error::Error for Malformed {}

/// The first message in `bytes`, without its brackets, and the bytes that it takes with what stands before it; none if it is not
/// complete yet.
///
/// # Errors
/// What stands there is none.
pub fn message(bytes: &[u8]) -> Result<Option<(&str, usize)>, Malformed> {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = &bytes[blank..];
    match rest.first() {
        None => return Ok(None),
        Some(b'<') => {}
        Some(_) => return Err(Malformed::NoBracket),
    }
    match rest.iter().take(LONGEST).position(|byte| *byte == b'>') {
        Some(end) => {
            let text = core::str::from_utf8(&rest[1..end]).map_err(|_| Malformed::NoText)?;
            Ok(Some((text.trim(), blank + end + 1)))
        }
        None if rest.len() >= LONGEST => Err(Malformed::TooLong),
        None => Ok(None),
    }
}

impl<'a> Command<'a> {
    /// Reads a message, without its brackets.
    ///
    /// # Errors
    /// A frame that is none.
    pub fn decode(text: &'a str) -> Result<Self, Malformed> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Ok(match word {
            "open" => Self::Open(rest.trim()),
            "rawmode" => Self::RawMode,
            "bcmmode" => Self::BcmMode,
            "echo" => Self::Echo,
            "send" => Self::Send(sent(rest).ok_or(Malformed::Frame)?),
            _ => Self::Other(text),
        })
    }
}

fn sent(text: &str) -> Option<CanFrame> {
    let mut words = text.split_ascii_whitespace();
    let id = identifier(words.next()?)?;
    let length = usize::try_from(hex(words.next()?, 1)?).ok().filter(|length| *length <= 8)?;
    let mut data = [0; 8];
    for cell in data.iter_mut().take(length) {
        *cell = u8::try_from(hex(words.next()?, 2)?).ok()?;
    }
    if words.next().is_some() { None } else { CanFrame::new(id, &data[..length]) }
}

impl<'a> Event<'a> {
    /// Reads a message, without its brackets.
    ///
    /// # Errors
    /// A frame that is none.
    pub fn decode(text: &'a str) -> Result<Self, Malformed> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Ok(match word {
            "hi" => Self::Hi,
            "ok" => Self::Ok,
            "echo" => Self::Echo,
            "error" => Self::Error(rest.trim()),
            "frame" => Self::Frame(received(rest).ok_or(Malformed::Frame)?),
            _ => Self::Other(text),
        })
    }
}

fn received(text: &str) -> Option<CanFrame> {
    let mut words = text.split_ascii_whitespace();
    let id = identifier(words.next()?)?;
    let (seconds, fraction) = words.next().map(|time| time.split_once('.').unwrap_or((time, "0")))?;
    if [seconds, fraction].iter().any(|digits| digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let mut data = [0; 8];
    let mut length = 0;
    for word in words {
        for pair in word.as_bytes().chunks(2) {
            let pair = core::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            *data.get_mut(length)? = u8::try_from(hex(pair, 2)?).ok()?;
            length += 1;
        }
    }
    CanFrame::new(id, &data[..length])
}

/// Hexadecimal digits, no more than so many, without a sign.
fn hex(text: &str, most: usize) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.len() <= most;
    digits.then(|| u32::from_str_radix(text, 16).ok())?
}

/// Up to three digits are 11 bits; eight are 29.
fn identifier(text: &str) -> Option<Id> {
    let raw = hex(text, 8)?;
    match text.len() {
        1..=3 => Some(Id::Standard(StandardId::new(u16::try_from(raw).ok()?)?)),
        8 => Some(Id::Extended(ExtendedId::new(raw)?)),
        _ => None,
    }
}

/// Writes what a client says to have a frame sent, and answers its length.
///
/// # Errors
/// The room is too small.
pub fn encode_send(frame: &CanFrame, room: &mut [u8]) -> Result<usize, NoRoom> {
    let mut text = Text { room, at: 0 };
    write!(text, "< send {} {}", IdText(frame.id()), frame.data().len()).map_err(|_| NoRoom)?;
    frame.data().iter().try_for_each(|byte| write!(text, " {byte:02X}")).map_err(|_| NoRoom)?;
    text.write_str(" >").map_err(|_| NoRoom)?;
    Ok(text.at)
}

/// Writes what a server says of a frame that it saw, and answers its length.
///
/// # Errors
/// The room is too small.
pub fn encode_frame(frame: &CanFrame, now_us: u64, room: &mut [u8]) -> Result<usize, NoRoom> {
    let mut text = Text { room, at: 0 };
    let (seconds, us) = (now_us / 1_000_000, now_us % 1_000_000);
    write!(text, "< frame {} {seconds}.{us:06} ", IdText(frame.id())).map_err(|_| NoRoom)?;
    frame.data().iter().try_for_each(|byte| write!(text, "{byte:02X}")).map_err(|_| NoRoom)?;
    text.write_str(" >").map_err(|_| NoRoom)?;
    Ok(text.at)
}

struct Text<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.at + text.len();
        self.room.get_mut(self.at..end).ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.at = end;
        Ok(())
    }
}
