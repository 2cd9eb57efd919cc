//! A long request on its way, cut into frames as ISO 15765-2 has it.

use alloc::vec::Vec;

/// How often a receiver may ask to wait.
const WAITS_MAX: u8 = 8;

#[derive(Clone, Debug)]
pub(super) struct Segments {
    payload: Vec<u8>,
    sent: usize,
    sequence: u8,
    /// Frames that may still be sent before the next flow control; none if it has to come first.
    allowance: Option<Allowance>,
    gap_us: u64,
    waits: u8,
    /// Bytes of a frame after its address.
    room: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowance {
    All,
    Frames(u8),
}

/// What a flow control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Wait,
    Refused,
}

impl Segments {
    /// At most 4,095 bytes; `room` is 8, or 7 with an extended address.
    pub(super) const fn new(payload: Vec<u8>, room: usize) -> Self {
        Self { payload, sent: 0, sequence: 0, allowance: None, gap_us: 0, waits: 0, room }
    }

    /// The first frame.
    pub(super) fn first(&mut self) -> Vec<u8> {
        let length = u16::try_from(self.payload.len()).unwrap_or(0xFFF).min(0xFFF);
        let mut frame = (0x1000 | length).to_be_bytes().to_vec();
        self.take(self.room - 2, &mut frame);
        frame
    }

    /// The next consecutive frame, if one may be sent now.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.allowance = match self.allowance? {
            Allowance::All => Some(Allowance::All),
            Allowance::Frames(left) => left.checked_sub(2).map(|less| Allowance::Frames(less + 1)),
        };
        self.sequence = (self.sequence + 1) & 0x0F;
        let mut frame = [0x20 | self.sequence].to_vec();
        self.take(self.room - 1, &mut frame);
        Some(frame)
    }

    pub(super) const fn is_done(&self) -> bool {
        self.sent >= self.payload.len()
    }

    /// A flow control has to come first.
    pub(super) const fn waits_for_flow(&self) -> bool {
        self.allowance.is_none()
    }

    pub(super) const fn gap_us(&self) -> u64 {
        self.gap_us
    }

    /// Takes a flow control: its bytes after the address.
    pub(super) fn flow(&mut self, bytes: &[u8]) -> Flow {
        match *bytes {
            [0x30, block, gap, ..] => {
                self.allowance = Some(if block == 0 { Allowance::All } else { Allowance::Frames(block) });
                self.gap_us = separation_us(gap);
                self.waits = 0;
                Flow::Go
            }
            [0x31, ..] if self.waits < WAITS_MAX => {
                self.waits += 1;
                Flow::Wait
            }
            _ => Flow::Refused,
        }
    }

    fn take(&mut self, count: usize, frame: &mut Vec<u8>) {
        let end = self.payload.len().min(self.sent + count);
        frame.extend(self.payload.get(self.sent..end).unwrap_or_default());
        self.sent = end;
    }
}

/// STmin; reserved values mean the longest.
const fn separation_us(st_min: u8) -> u64 {
    match st_min {
        0..=0x7F => st_min as u64 * 1_000,
        0xF1..=0xF9 => (st_min as u64 - 0xF0) * 100,
        _ => 127_000,
    }
}
