//! Lines of digits as frames and messages.

use alloc::string::String;
use alloc::vec::Vec;

use embedded_can::Id;

use super::answer::{ElmError, Reply};
use super::listen::Pci;
use super::route;
use crate::can::CanFrame;
use crate::hex;

/// What an ECU said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who said it, if headers were on.
    pub from: Option<Id>,
    /// At most 4,095 bytes.
    pub bytes: Vec<u8>,
}

/// How the adapter was told to print (formatting on, `ATCAF1`, and no lengths, `ATD0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `ATH0`: bytes alone; long messages as a length and numbered lines.
    Bare,
    /// `ATH1`: each frame with its identifier.
    Headers,
    /// `ATH1` and `STCSEGR1`: each whole message with its identifier.
    Assembled,
}

impl Reply {
    /// The frames of an answer with headers, spaces or not.
    ///
    /// Errors: [`ElmError::Garbage`] if a line is no identifier of 3 or 8 digits and up to eight bytes.
    pub fn frames(&self) -> Result<Vec<CanFrame>, ElmError> {
        let frames = self.lines.iter().map(|line| {
            let (id, bytes) = headed(line)?;
            CanFrame::new(id, &bytes)
        });
        frames.collect::<Option<_>>().ok_or(ElmError::Garbage)
    }

    /// The messages, in the order in which they became whole.
    ///
    /// Errors: [`ElmError::Garbage`] for lines of another shape, [`ElmError::Incomplete`] if a frame is missing,
    /// [`ElmError::Mixed`] if bare lines of two long messages are interleaved.
    pub fn messages(&self, shape: Shape) -> Result<Vec<Message>, ElmError> {
        match shape {
            Shape::Bare => bare(&self.lines),
            Shape::Headers => assemble(&self.frames()?),
            Shape::Assembled => {
                let messages = self.lines.iter().map(|line| {
                    let (id, bytes) = headed(line).filter(|(_, bytes)| bytes.len() <= super::exchange::LONGEST)?;
                    Some(Message { from: Some(id), bytes })
                });
                messages.collect::<Option<_>>().ok_or(ElmError::Garbage)
            }
        }
    }
}

/// An identifier and bytes: an identifier of 11 bits makes an odd number of digits.
fn headed(line: &str) -> Option<(Id, Vec<u8>)> {
    let digits = digits(line)?;
    let id_digits = if digits.len() % 2 == 1 { 3 } else { 8 };
    let (id, bytes) = digits.split_at_checked(id_digits)?;
    let raw = hex::number(id)?;
    let fits = raw < if id_digits == 3 { 0x800 } else { 0x2000_0000 };
    Some((route::named(id).filter(|_| fits)?, hex::bytes(bytes)?))
}

fn digits(line: &str) -> Option<String> {
    let digits: String = line.chars().filter(|character| *character != ' ').collect();
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)
}

/// A long message that is not whole yet.
struct Open {
    from: Option<Id>,
    length: usize,
    next: u8,
    bytes: Vec<u8>,
}

impl Open {
    /// Takes the bytes of the frame with a number; the message, once it is whole.
    fn take(&mut self, number: u8, bytes: &[u8]) -> Result<Option<Message>, ElmError> {
        if number != self.next {
            return Err(ElmError::Incomplete);
        }
        self.next = (number + 1) & 0x0F;
        self.bytes.extend(bytes);
        if self.bytes.len() < self.length {
            return Ok(None);
        }
        self.bytes.truncate(self.length);
        Ok(Some(Message { from: self.from, bytes: core::mem::take(&mut self.bytes) }))
    }
}

fn assemble(frames: &[CanFrame]) -> Result<Vec<Message>, ElmError> {
    let mut open: Vec<Open> = Vec::new();
    let mut messages = Vec::new();
    for frame in frames {
        let (from, data) = (Some(frame.id()), frame.data());
        match Pci::of(data) {
            Pci::Single(length @ 1..) => {
                messages.push(Message { from, bytes: data.get(1..=length).unwrap_or_default().to_vec() });
            }
            Pci::First(length) => {
                let bytes = data.get(2..).unwrap_or_default().to_vec();
                if usize::from(length) <= bytes.len() || open.iter().any(|open| open.from == from) {
                    return Err(ElmError::Garbage);
                }
                open.push(Open { from, length: length.into(), next: 1, bytes });
            }
            Pci::Consecutive(number) => {
                let at = open.iter().position(|open| open.from == from).ok_or(ElmError::Incomplete)?;
                let sender = open.get_mut(at).ok_or(ElmError::Incomplete)?;
                if let Some(message) = sender.take(number, data.get(1..).unwrap_or_default())? {
                    messages.push(message);
                    open.remove(at);
                }
            }
            Pci::FlowControl => {}
            Pci::Single(_) | Pci::Other => return Err(ElmError::Garbage),
        }
    }
    if open.is_empty() { Ok(messages) } else { Err(ElmError::Incomplete) }
}

fn bare(lines: &[String]) -> Result<Vec<Message>, ElmError> {
    let mut open: Option<Open> = None;
    let mut messages = Vec::new();
    for line in lines {
        if let Some((number, rest)) = line.split_once(':') {
            let number =
                hex::number(number.trim()).and_then(|number| u8::try_from(number).ok()).ok_or(ElmError::Garbage)?;
            let bytes = digits(rest).and_then(|digits| hex::bytes(&digits)).ok_or(ElmError::Garbage)?;
            let message = open.as_mut().ok_or(ElmError::Incomplete)?.take(number, &bytes)?;
            if let Some(message) = message {
                messages.push(message);
                open = None;
            }
            continue;
        }
        let digits = digits(line).ok_or(ElmError::Garbage)?;
        if digits.len() == 3 {
            if open.is_some() {
                return Err(ElmError::Mixed);
            }
            let length =
                hex::number(&digits).and_then(|length| usize::try_from(length).ok()).ok_or(ElmError::Garbage)?;
            open = Some(Open { from: None, length, next: 0, bytes: Vec::new() });
        } else {
            messages.push(Message { from: None, bytes: hex::bytes(&digits).ok_or(ElmError::Garbage)? });
        }
    }
    if open.is_none() { Ok(messages) } else { Err(ElmError::Incomplete) }
}
