//! What one frame says: the protocol control information of ISO 15765-2, clause 9.

use super::{Framing, LONGEST_SHORT};

/// The bytes of one frame: 1 to 8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    len: u8,
    data: [u8; 8],
}

impl Payload {
    pub(crate) fn build(framing: Framing, head: &[u8], body: &[u8]) -> Self {
        let mut data = [framing.pad.unwrap_or(0); 8];
        let mut at = 0;
        for part in [framing.address.as_slice(), head, body] {
            let taken = part.len().min(data.len() - at);
            data[at..at + taken].copy_from_slice(&part[..taken]);
            at += taken;
        }
        let len = if framing.pad.is_some() { 8 } else { at };
        Self { len: u8::try_from(len).unwrap_or(8), data }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pci<'a> {
    /// `0L`: a whole message.
    Single(&'a [u8]),
    /// `1LLL`, or `10 00` and four bytes: how long the message is, and its beginning.
    First {
        /// Bytes of the message.
        length: u32,
        /// Those of this frame.
        data: &'a [u8],
    },
    /// `2N`: the next bytes.
    Consecutive {
        /// 1 first, then up, and from 15 to 0.
        index: u8,
        /// As many as the frame has.
        data: &'a [u8],
    },
    /// `3x`.
    FlowControl(FlowControl),
}

/// How a receiver wants the rest of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowControl {
    /// Whether it wants it.
    pub flow: Flow,
    /// Frames until the next flow control; 0 is all.
    pub block_size: u8,
    /// The least time between two frames, in microseconds: 0 to 127,000.
    pub st_min_us: u32,
}

/// Whether the rest of a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// `0`: go on.
    ContinueToSend,
    /// `1`: not yet.
    Wait,
    /// `2`: it is too long.
    Overflow,
    /// Any other, which ends the message.
    Reserved(u8),
}

/// The separation time that a byte stands for, in microseconds. Reserved values mean the longest, 127 ms (ISO 15765-2, 9.6.5.4).
pub const fn st_min_us(byte: u8) -> u32 {
    match byte {
        0x00..=0x7F => byte as u32 * 1_000,
        0xF1..=0xF9 => (byte - 0xF0) as u32 * 100,
        _ => 127_000,
    }
}

/// The byte for a separation time, rounded up to one that can be told; beyond 127 ms it is 127 ms.
#[allow(clippy::cast_possible_truncation, reason = "each arm bounds what it casts")]
pub const fn st_min_byte(us: u32) -> u8 {
    match us {
        0 => 0,
        1..=900 => 0xF0 + us.div_ceil(100) as u8,
        901..=127_000 => us.div_ceil(1_000) as u8,
        _ => 0x7F,
    }
}

impl<'a> Pci<'a> {
    /// Reads a frame; none where it is no frame of this framing, or too short: such frames are ignored (ISO 15765-2, 9.6).
    pub fn decode(framing: Framing, frame: &'a [u8]) -> Option<Self> {
        let rest = match (framing.address, frame) {
            (None, rest) => rest,
            (Some(own), [address, rest @ ..]) if *address == own => rest,
            _ => return None,
        };
        let (first, rest) = rest.split_first()?;
        let low = first & 0x0F;
        match first >> 4 {
            0 => {
                let fits = (1..=framing.longest_single()).contains(&usize::from(low));
                fits.then(|| rest.get(..usize::from(low)).map(Self::Single)).flatten()
            }
            1 => {
                let (second, data) = rest.split_first()?;
                let length = u32::from(low) << 8 | u32::from(*second);
                let full = frame.len() == 8;
                if length > 0 {
                    let too_short = usize::try_from(length).is_ok_and(|length| length <= framing.longest_single());
                    return (full && !too_short).then_some(Self::First { length, data });
                }
                let (length, data) = data.split_first_chunk::<4>()?;
                let length = u32::from_be_bytes(*length);
                (full && length > LONGEST_SHORT).then_some(Self::First { length, data })
            }
            2 => (!rest.is_empty()).then_some(Self::Consecutive { index: low, data: rest }),
            3 => {
                let [block_size, st_min, ..] = rest else { return None };
                let flow = match low {
                    0 => Flow::ContinueToSend,
                    1 => Flow::Wait,
                    2 => Flow::Overflow,
                    reserved => Flow::Reserved(reserved),
                };
                Some(Self::FlowControl(FlowControl { flow, block_size: *block_size, st_min_us: st_min_us(*st_min) }))
            }
            _ => None,
        }
    }

    /// Writes a frame. The data of a first or consecutive frame is what fits; more is left out.
    pub fn encode(&self, framing: Framing) -> Payload {
        match *self {
            Self::Single(data) => {
                let data = &data[..data.len().min(framing.longest_single())];
                Payload::build(framing, &[u8::try_from(data.len()).unwrap_or(0)], data)
            }
            Self::First { length, data } if length <= LONGEST_SHORT => {
                let [_, _, high, low] = length.to_be_bytes();
                Payload::build(framing, &[0x10 | high, low], data)
            }
            Self::First { length, data } => {
                let [a, b, c, d] = length.to_be_bytes();
                Payload::build(framing, &[0x10, 0, a, b, c, d], data)
            }
            Self::Consecutive { index, data } => Payload::build(framing, &[0x20 | index & 0x0F], data),
            Self::FlowControl(FlowControl { flow, block_size, st_min_us }) => {
                let flow = match flow {
                    Flow::ContinueToSend => 0,
                    Flow::Wait => 1,
                    Flow::Overflow => 2,
                    Flow::Reserved(status) => status & 0x0F,
                };
                Payload::build(framing, &[0x30 | flow, block_size, st_min_byte(st_min_us)], &[])
            }
        }
    }
}
