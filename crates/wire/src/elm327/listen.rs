//! Frames as lines of text.

use alloc::vec::Vec;

use embedded_can::Id;

use super::adapter::{Adapter, Outbox};
use super::settings::Settings;
use crate::can::CanFrame;
use crate::hex;

/// What the first byte of a frame says, as far as printing goes (ISO 15765-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pci {
    Single(usize),
    First(u16),
    Consecutive(u8),
    FlowControl,
    /// Not ISO 15765-2.
    Other,
}

impl Pci {
    /// Of the bytes after an extended address.
    pub(super) fn of(body: &[u8]) -> Self {
        match *body {
            [0, ..] => Self::Single(0),
            [length @ 1..=7, ..] if usize::from(length) < body.len() => Self::Single(length.into()),
            [high @ 0x10..=0x1F, low, ..] => Self::First(u16::from(high & 0x0F) << 8 | u16::from(low)),
            [number @ 0x20..=0x2F, ..] => Self::Consecutive(number & 0x0F),
            [0x30..=0x3F, ..] => Self::FlowControl,
            _ => Self::Other,
        }
    }
}

/// The bytes after the extended address, if one is in use.
pub(super) fn body<'a>(settings: &Settings, data: &'a [u8]) -> &'a [u8] {
    data.get(usize::from(settings.extended.is_some())..).unwrap_or_default()
}

/// Prints a frame as the settings have it.
pub(super) fn print(adapter: &Adapter, frame: &CanFrame, out: &mut Outbox) {
    let settings = &adapter.settings;
    let body = body(settings, frame.data());
    let mut line = Vec::new();
    head(settings, frame.id(), Some(frame.data().len()), &mut line);
    match (settings.formatting, Pci::of(body)) {
        (true, Pci::Single(length @ 1..)) => {
            let before = frame.data().len() - body.len();
            let from = if settings.headers { 0 } else { before + 1 };
            bytes(settings, frame.data().get(from..before + 1 + length).unwrap_or_default(), &mut line);
        }
        (true, Pci::First(length)) if !settings.headers => {
            let [high, low] = length.to_be_bytes();
            let digits = [hex::digit(high), hex::digit(low >> 4), hex::digit(low)];
            line.extend(digits);
            space(settings, &mut line);
            adapter.print(&line, out);
            line = b"0:".to_vec();
            space(settings, &mut line);
            bytes(settings, body.get(2..).unwrap_or_default(), &mut line);
        }
        (true, Pci::Consecutive(number)) if !settings.headers => {
            line.extend([hex::digit(number), b':']);
            space(settings, &mut line);
            bytes(settings, body.get(1..).unwrap_or_default(), &mut line);
        }
        (formatting, pci) => {
            bytes(settings, frame.data(), &mut line);
            if formatting && pci == Pci::Other {
                line.extend(b"<DATA ERROR");
            }
        }
    }
    adapter.print(&line, out);
}

/// Prints a whole message, put together from its frames.
pub(super) fn print_message(adapter: &Adapter, from: Id, message: &[u8], out: &mut Outbox) {
    let mut line = Vec::new();
    head(&adapter.settings, from, None, &mut line);
    bytes(&adapter.settings, message, &mut line);
    adapter.print(&line, out);
}

fn head(settings: &Settings, id: Id, length: Option<usize>, line: &mut Vec<u8>) {
    if !settings.headers {
        return;
    }
    match id {
        Id::Standard(id) => {
            let [high, low] = id.as_raw().to_be_bytes();
            line.push(hex::digit(high));
            hex::push(low, line);
            space(settings, line);
        }
        Id::Extended(id) => bytes(settings, &id.as_raw().to_be_bytes(), line),
    }
    if let Some(length) = length.filter(|_| settings.show_dlc) {
        line.push(hex::digit(u8::try_from(length).unwrap_or(8)));
        space(settings, line);
    }
}

/// Each byte with a space behind it: the chip ends its lines with one.
fn bytes(settings: &Settings, bytes: &[u8], line: &mut Vec<u8>) {
    for &byte in bytes {
        hex::push(byte, line);
        space(settings, line);
    }
}

fn space(settings: &Settings, line: &mut Vec<u8>) {
    if settings.spaces {
        line.push(b' ');
    }
}
