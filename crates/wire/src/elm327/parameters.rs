//! The programmable parameters: 48 bytes that outlive a reset, each on or off.

use alloc::vec::Vec;

use crate::hex;

/// How many there are.
const COUNT: usize = 0x30;

/// Their values as they come.
///
/// Source: the listing that an adapter of version 1.5 prints, as recorded.
const FACTORY: [u8; COUNT] = [
    0xFF, 0xFF, 0xFF, 0x32, 0x01, 0xFF, 0xF1, 0x09, 0xFF, 0x00, 0x0A, 0xFF, 0x68, 0x0D, 0x9A, 0xFF, 0x0D, 0x00, 0xFF,
    0x32, 0xFF, 0x0A, 0xFF, 0x92, 0x00, 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00,
    0x00, 0xFF, 0xFF, 0xFF, 0x38, 0x02, 0xE0, 0x04, 0x80, 0x0A,
];

/// Print headers: 00 is yes.
pub(super) const HEADERS: usize = 0x01;
/// The time-out, in units of 4 ms.
pub(super) const TIMEOUT: usize = 0x03;
/// Adaptive timing: 0, 1 or 2.
pub(super) const ADAPTIVE: usize = 0x04;
/// The tester's address on a bus with 29-bit identifiers.
pub(super) const TESTER: usize = 0x06;
/// Echo: 00 is yes.
pub(super) const ECHO: usize = 0x09;
/// The byte that fills frames up.
pub(super) const FILLER: usize = 0x26;
/// Print the length of frames: 00 is yes.
pub(super) const DLC: usize = 0x29;

#[derive(Clone, Debug)]
pub(super) struct Parameters {
    values: [u8; COUNT],
    on: u64,
}

impl Parameters {
    pub(super) const fn new() -> Self {
        Self { values: FACTORY, on: 0 }
    }

    /// What holds after the next reset.
    pub(super) fn value(&self, at: usize) -> u8 {
        let source = if self.on >> at & 1 == 1 { &self.values } else { &FACTORY };
        source.get(at).copied().unwrap_or(0xFF)
    }

    /// Carries out what follows `AT PP`: `xx ON`, `xx OFF` or `xx SV yy`; number FF is all of them.
    pub(super) fn change(&mut self, text: &str) -> Option<()> {
        let number = usize::from(hex::byte(text.get(..2)?)?);
        let all = number == 0xFF;
        if number >= COUNT && !all {
            return None;
        }
        let bits = if all { u64::MAX } else { 1 << number };
        match text.get(2..)? {
            "ON" => self.on |= bits,
            "OFF" => self.on &= !bits,
            other => *self.values.get_mut(number)? = hex::byte(other.strip_prefix("SV")?)?,
        }
        Some(())
    }

    /// The listing: twelve lines of four.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        let rows = self.values.chunks(4).zip((0u8..).step_by(4));
        rows.map(|(row, first)| {
            let mut line = Vec::new();
            for (value, number) in row.iter().zip(first..) {
                if number > first {
                    line.extend(b"  ");
                }
                hex::push(number, &mut line);
                line.push(b':');
                hex::push(*value, &mut line);
                line.extend(if self.on >> number & 1 == 1 { b" N" } else { b" F" });
            }
            line
        })
        .collect()
    }
}
