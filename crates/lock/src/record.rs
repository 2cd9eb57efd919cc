//! The record that keeps a [`State`] through power cuts: two slots, written in turn, each with a sequence number and a
//! MAC under the device key. A write that is cut leaves the other slot untouched.

use subtle::ConstantTimeEq;

use crate::policy::{MAX_FORGIVENESS, Policy, Span};
use crate::state::{Config, Phase, State, Tally};
use crate::verifier::DeviceKey;

/// Bytes of one slot.
pub const RECORD_BYTES: usize = 72;
const TAG_BYTES: usize = 8;
const BODY_BYTES: usize = RECORD_BYTES - TAG_BYTES;
const FORMAT: u8 = 1;

/// A small byte-writable memory.
///
/// Tear contract: a write that is cut may leave any value in the addressed byte, and only there.
pub trait Eeprom {
    /// Reads the byte at `address`.
    fn read(&self, address: usize) -> u8;
    /// Writes one byte.
    ///
    /// # Errors
    /// The byte could not be written; its value is then unknown.
    fn write(&mut self, address: usize, byte: u8) -> Result<(), StoreError>;
}

/// The write failed, or did not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

/// What a boot found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The newest intact record.
    Intact(State),
    /// No slot is intact; this is [`State::fail_closed`].
    FailedClosed(State),
}

impl Loaded {
    /// The state to go on with.
    pub const fn state(self) -> State {
        match self {
            Self::Intact(state) | Self::FailedClosed(state) => state,
        }
    }
}

/// Two slots of [`RECORD_BYTES`] from `base` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    base: usize,
    sequence: u32,
    next_slot: u8,
}

impl Store {
    /// Finds the newest intact record.
    pub fn open(memory: &impl Eeprom, base: usize, key: &DeviceKey, policy: &Policy) -> (Self, Loaded) {
        let mut newest: Option<(u32, u8, State)> = None;
        for slot in 0..2_u8 {
            if let Some((sequence, state)) = read_slot(memory, slot_address(base, slot), key)
                && newest.is_none_or(|(seen, ..)| sequence > seen)
            {
                newest = Some((sequence, slot, state));
            }
        }
        match newest {
            Some((sequence, slot, state)) => (Self { base, sequence, next_slot: 1 - slot }, Loaded::Intact(state)),
            None => (Self { base, sequence: 0, next_slot: 0 }, Loaded::FailedClosed(State::fail_closed(policy))),
        }
    }

    /// Writes the state and reads it back.
    ///
    /// # Errors
    /// A byte could not be written or did not read back; the record before this one still stands.
    pub fn save(&mut self, memory: &mut impl Eeprom, key: &DeviceKey, state: &State) -> Result<(), StoreError> {
        let sequence = self.sequence.checked_add(1).ok_or(StoreError)?;
        let body = encode(sequence, state);
        let tag = key.mac(&[&body]);
        let address = slot_address(self.base, self.next_slot);
        let bytes = || body.iter().chain(&tag[..TAG_BYTES]).enumerate();
        for (offset, byte) in bytes() {
            memory.write(address + offset, *byte)?;
        }
        if bytes().any(|(offset, byte)| memory.read(address + offset) != *byte) {
            return Err(StoreError);
        }
        self.sequence = sequence;
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }
}

const fn slot_address(base: usize, slot: u8) -> usize {
    base + slot as usize * RECORD_BYTES
}

fn read_slot(memory: &impl Eeprom, address: usize, key: &DeviceKey) -> Option<(u32, State)> {
    let mut bytes = [0; RECORD_BYTES];
    for (offset, byte) in bytes.iter_mut().enumerate() {
        *byte = memory.read(address + offset);
    }
    let (body, tag) = bytes.split_at(BODY_BYTES);
    let authentic: bool = key.mac(&[body])[..TAG_BYTES].ct_eq(tag).into();
    if authentic { decode(body) } else { None }
}

fn encode(sequence: u32, state: &State) -> [u8; BODY_BYTES] {
    let mut out = Writer { bytes: [0; BODY_BYTES], at: 0 };
    out.put(&[FORMAT]);
    out.put(&sequence.to_le_bytes());
    let (phase, for_ms, full, left, begun) = match state.phase {
        Phase::Open { for_ms } => (0, for_ms, Span::Endless, Span::Endless, false),
        Phase::Armed => (1, 0, Span::Endless, Span::Endless, false),
        Phase::Checking => (2, 0, Span::Endless, Span::Endless, false),
        Phase::Waiting { full, left, begun } => (3, 0, full, left, begun),
        Phase::LockedOut => (4, 0, Span::Endless, Span::Endless, false),
    };
    out.put(&[phase, u8::from(begun)]);
    out.put(&for_ms.to_le_bytes());
    for span in [full, left] {
        let (kind, amount) = match span {
            Span::Time { ms } => (0, ms),
            Span::IgnitionCycles(n) => (1, u64::from(n)),
            Span::Reboots(n) => (2, u64::from(n)),
            Span::KeyCycles(n) => (3, u64::from(n)),
            Span::Endless => (4, 0),
        };
        out.put(&[kind]);
        out.put(&amount.to_le_bytes());
    }
    for count in [state.tally.failed, state.tally.in_round, state.tally.rounds, state.tally.extras] {
        out.put(&count.to_le_bytes());
    }
    let Config { enabled, opted_in, code_set } = state.config;
    out.put(&[u8::from(enabled) | u8::from(opted_in) << 1 | u8::from(code_set) << 2]);
    for quiet_ms in state.quiet_ms {
        out.put(&quiet_ms.to_le_bytes());
    }
    out.bytes
}

fn decode(body: &[u8]) -> Option<(u32, State)> {
    let mut input = Reader { bytes: body, at: 0 };
    if input.u8()? != FORMAT {
        return None;
    }
    let sequence = u32::from_le_bytes(input.take()?);
    let phase = input.u8()?;
    let begun = input.u8()? != 0;
    let for_ms = input.u64()?;
    let full = input.span()?;
    let left = input.span()?;
    let tally = Tally { failed: input.u16()?, in_round: input.u16()?, rounds: input.u16()?, extras: input.u16()? };
    let flags = input.u8()?;
    let config = Config { enabled: flags & 1 != 0, opted_in: flags & 2 != 0, code_set: flags & 4 != 0 };
    let mut quiet_ms = [0; MAX_FORGIVENESS];
    for slot in &mut quiet_ms {
        *slot = input.u64()?;
    }
    let phase = match phase {
        0 => Phase::Open { for_ms },
        1 => Phase::Armed,
        2 => Phase::Checking,
        3 => Phase::Waiting { full, left, begun },
        4 => Phase::LockedOut,
        _ => return None,
    };
    Some((sequence, State { phase, tally, config, quiet_ms }))
}

struct Writer {
    bytes: [u8; BODY_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, part: &[u8]) {
        self.bytes[self.at..self.at + part.len()].copy_from_slice(part);
        self.at += part.len();
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let part = self.bytes.get(self.at..self.at + N)?;
        self.at += N;
        part.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn span(&mut self) -> Option<Span> {
        let kind = self.u8()?;
        let amount = self.u64()?;
        let count = u32::try_from(amount);
        Some(match kind {
            0 => Span::Time { ms: amount },
            1 => Span::IgnitionCycles(count.ok()?),
            2 => Span::Reboots(count.ok()?),
            3 => Span::KeyCycles(count.ok()?),
            4 => Span::Endless,
            _ => return None,
        })
    }
}
