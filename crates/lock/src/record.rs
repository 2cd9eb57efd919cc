//! The record of a [`State`]: 64 bytes, authenticated under the device key.

use subtle::ConstantTimeEq;

use crate::policy::{MAX_FORGIVENESS, Span};
use crate::state::{Config, Phase, State, Tally};
use crate::verifier::DeviceKey;

/// Bytes of one record.
pub const RECORD_BYTES: usize = 64;
const TAG_BYTES: usize = 14;
const BODY_BYTES: usize = RECORD_BYTES - TAG_BYTES;
/// The longest time that a record holds, in milliseconds: 8,900 years. A longer one is kept as this.
pub const LONGEST_MS: u64 = (1 << 48) - 1;

/// What one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The how-manieth record this is.
    pub(crate) sequence: u32,
    /// Where the hardware's counter stood.
    pub(crate) epoch: u32,
    /// Pairs whose cells are worn, a bit each.
    pub(crate) retired: u64,
    pub(crate) state: State,
}

/// The bytes of a record for the region that begins at `base`; a copy of it elsewhere is no record.
pub(crate) fn seal(record: &Record, base: usize, key: &impl DeviceKey) -> [u8; RECORD_BYTES] {
    let mut out = [0; RECORD_BYTES];
    let mut at = Writer { bytes: &mut out, at: 0 };
    let State { phase, tally, config, quiet_ms } = record.state;
    let (number, for_ms, full, left, begun) = match phase {
        Phase::Open { for_ms } => (0, for_ms, Span::Endless, Span::Endless, false),
        Phase::Armed => (1, 0, Span::Endless, Span::Endless, false),
        Phase::Checking => (2, 0, Span::Endless, Span::Endless, false),
        Phase::Waiting { full, left, begun } => (3, 0, full, left, begun),
        Phase::LockedOut => (4, 0, Span::Endless, Span::Endless, false),
    };
    let ((full_kind, full), (left_kind, left)) = (numbered(full), numbered(left));
    let Config { enabled, opted_in, code_set } = config;
    at.put(&[number | full_kind << 3 | u8::from(begun) << 6]);
    at.put(&[left_kind | u8::from(enabled) << 3 | u8::from(opted_in) << 4 | u8::from(code_set) << 5]);
    at.put(&record.sequence.to_le_bytes());
    at.put(&record.epoch.to_le_bytes());
    at.put(&record.retired.to_le_bytes());
    for count in [tally.failed, tally.in_round, tally.rounds, tally.extras] {
        at.put(&count.to_le_bytes());
    }
    for amount in [full, if number == 0 { for_ms } else { left }].into_iter().chain(quiet_ms) {
        at.put(&amount.min(LONGEST_MS).to_le_bytes()[..6]);
    }
    let tag = tag(&out[..BODY_BYTES], base, key);
    out[BODY_BYTES..].copy_from_slice(&tag);
    out
}

/// The record in these bytes, if they are one.
pub(crate) fn unseal(bytes: &[u8; RECORD_BYTES], base: usize, key: &impl DeviceKey) -> Option<Record> {
    let (body, claimed) = bytes.split_at(BODY_BYTES);
    let authentic: bool = tag(body, base, key).ct_eq(claimed).into();
    if !authentic {
        return None;
    }
    let mut input = Reader { bytes: body, at: 0 };
    let [first, second] = input.take()?;
    let sequence = u32::from_le_bytes(input.take()?);
    let epoch = u32::from_le_bytes(input.take()?);
    let retired = u64::from_le_bytes(input.take()?);
    let mut count = || input.take().map(u16::from_le_bytes);
    let tally = Tally { failed: count()?, in_round: count()?, rounds: count()?, extras: count()? };
    let (full, left) = (input.amount()?, input.amount()?);
    let mut quiet_ms = [0; MAX_FORGIVENESS];
    for slot in &mut quiet_ms {
        *slot = input.amount()?;
    }
    let flag = |bit: u8| second & 1 << bit != 0;
    let config = Config { enabled: flag(3), opted_in: flag(4), code_set: flag(5) };
    let phase = match first & 7 {
        0 => Phase::Open { for_ms: left },
        1 => Phase::Armed,
        2 => Phase::Checking,
        3 => Phase::Waiting {
            full: span(first >> 3 & 7, full)?,
            left: span(second & 7, left)?,
            begun: first & 1 << 6 != 0,
        },
        4 => Phase::LockedOut,
        _ => return None,
    };
    Some(Record { sequence, epoch, retired, state: State { phase, tally, config, quiet_ms } })
}

fn tag(body: &[u8], base: usize, key: &impl DeviceKey) -> [u8; TAG_BYTES] {
    let base = u64::try_from(base).unwrap_or(u64::MAX).to_le_bytes();
    let mac = key.mac(&[b"headlock record 2", &base, body]);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&mac[..TAG_BYTES]);
    tag
}

const fn numbered(span: Span) -> (u8, u64) {
    match span {
        Span::Time { ms } => (0, ms),
        Span::IgnitionCycles(n) => (1, n as u64),
        Span::Reboots(n) => (2, n as u64),
        Span::KeyCycles(n) => (3, n as u64),
        Span::Endless => (4, 0),
    }
}

fn span(kind: u8, amount: u64) -> Option<Span> {
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

struct Writer<'a> {
    bytes: &'a mut [u8; RECORD_BYTES],
    at: usize,
}

impl Writer<'_> {
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

    fn amount(&mut self) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes[..6].copy_from_slice(&self.take::<6>()?);
        Some(u64::from_le_bytes(bytes))
    }
}
