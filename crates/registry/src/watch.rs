//! What one account's questions look like: one serial after the other, guesses, or a trade in codes.
//!
//! A [`Sign`] is a reason for a second pair of eyes, never a refusal by itself. Each is raised by the question that makes it, and again by
//! each that makes it worse; asking for the same serial again raises nothing.
//!
//! **Decided:** a dealer who bought a box of twelve radios with adjacent serials and sees them come back over the years raises nothing:
//! four of one box must be asked for within a week. All twelve in one afternoon is what somebody does who found a box, or a list; the
//! dealer who has that box of radios in front of them for a good reason can tell it to the one who approves.
//!
//! **Out of reach:** whoever spreads the questions over many accounts, or asks more slowly than the windows; the rate limits bound those.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// How many questions are remembered; no count above it is ever reached.
pub const REMEMBERED: usize = 32;

/// The longest blob of a [`Watch`].
pub const WATCH_BYTES_MAX: usize = 2 + REMEMBERED * SEEN_BYTES;

const VERSION: u8 = 1;
const SEEN_BYTES: usize = 18;

/// Longer numbers give their first digits to the prefix: 13 digits fit into 44 bits.
const DIGITS_MAX: usize = 13;
const NUMBER_BITS: u32 = 44;

/// Steps of any width are looked for from so many digits on: among fewer, honest numbers fall into step by chance.
const DIGITS_FOR_STEPS: usize = 4;

/// One question of an account, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The serial, in its one spelling.
    pub serial: &'a str,
    /// The unit it is of, or was said to be.
    pub unit: &'a str,
    /// Where the car is registered, if that was told.
    pub region: Option<&'a str>,
    /// When, in seconds since 1970.
    pub at_s: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The code was released, or will be when it is approved.
    Released,
    /// The serial is known, and the code was refused.
    Refused,
    /// No such serial.
    NotFound,
}

/// What an account's questions look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Serials of one series that lie close together or an equal step apart, in whatever order they were asked.
    Sequential {
        /// How many of them, this one included.
        count: usize,
    },
    /// Serials that do not exist.
    Guessing {
        /// How many different ones.
        not_found: usize,
        /// Of how many that were asked for.
        of: usize,
    },
    /// More kinds of unit, or cars from more regions, than one desk sees in a day.
    Broker {
        /// Different units.
        units: usize,
        /// Different regions.
        regions: usize,
    },
}

/// From when on something is a sign. Each value that configuration does not name keeps its default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchRules {
    /// So many serials of one series are sequential. Default: 4.
    pub sequence_count: usize,
    /// The first and the last of serials that lie close together differ by this at most, and never by more than a hundredth of the
    /// numbers that their digits can write. Default: 64, which sees neighbours also behind a check digit.
    pub sequence_span: u64,
    /// Within how long. Default: 7 days.
    pub sequence_within_s: u64,
    /// So many serials that do not exist are guesses. Default: 5.
    pub guess_count: usize,
    /// And at least this share of all that was asked for. Default: 50.
    pub guess_percent: usize,
    /// Within how long. Default: 1 day.
    pub guess_within_s: u64,
    /// More units than this are a trade. Default: 8.
    pub broker_units_max: usize,
    /// More regions than this are a trade. Default: 4.
    pub broker_regions_max: usize,
    /// Within how long. Default: 1 day.
    pub broker_within_s: u64,
}

impl Default for WatchRules {
    fn default() -> Self {
        const DAY_S: u64 = 86_400;
        Self {
            sequence_count: 4,
            sequence_span: 64,
            sequence_within_s: 7 * DAY_S,
            guess_count: 5,
            guess_percent: 50,
            guess_within_s: DAY_S,
            broker_units_max: 8,
            broker_regions_max: 4,
            broker_within_s: DAY_S,
        }
    }
}

/// Why rules are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchRulesError {
    /// More than is remembered: it would never be a sign.
    #[error("{rule} is above what is remembered: {REMEMBERED}")]
    Never {
        /// Which.
        rule: &'static str,
    },
    /// One serial alone would be a sequence or a guess.
    #[error("{rule} is below 2: every question would be a sign")]
    Always {
        /// Which.
        rule: &'static str,
    },
}

impl WatchRules {
    /// Whether each rule can be met and can be missed.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), WatchRulesError> {
        for (rule, count) in [("sequence_count", self.sequence_count), ("guess_count", self.guess_count)] {
            if count > REMEMBERED {
                return Err(WatchRulesError::Never { rule });
            }
            if count < 2 {
                return Err(WatchRulesError::Always { rule });
            }
        }
        for (rule, max) in
            [("broker_units_max", self.broker_units_max), ("broker_regions_max", self.broker_regions_max)]
        {
            if max >= REMEMBERED {
                return Err(WatchRulesError::Never { rule });
            }
            if max < 1 {
                return Err(WatchRulesError::Always { rule });
            }
        }
        if self.guess_percent > 100 { Err(WatchRulesError::Never { rule: "guess_percent" }) } else { Ok(()) }
    }
}

/// Why bytes are not a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// Written by another version.
    #[error("a watch of version {found}, and this reads version {VERSION}")]
    Version {
        /// Which.
        found: u8,
    },
    /// Not as long as it says, or longer than any.
    #[error("{have} bytes are not the length of a watch")]
    Length {
        /// Bytes that are there.
        have: usize,
    },
    /// An outcome that does not exist.
    #[error("an outcome that does not exist")]
    Outcome,
}

/// The last questions of one account.
///
/// Shape: as bytes, a version, a count, and 18 bytes for each question: at most [`WATCH_BYTES_MAX`]. Of a serial it holds a number and a
/// hash of what stands before it; of units and regions, hashes. Debug shows how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// The oldest first.
    seen: Vec<Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// A hash of the serial up to its number.
    prefix: u32,
    number: u64,
    at_min: u32,
    unit: u16,
    /// 0 is none.
    region: u16,
    outcome: Outcome,
}

impl Watch {
    /// Remembers a question, and answers what it looks like together with those before it.
    ///
    /// The clock: what was asked later than now, because the clock was set back, counts as asked now.
    pub fn observe(&mut self, rules: &WatchRules, asked: &Asked<'_>) -> Vec<Sign> {
        let (prefix, digits) = series(asked.serial);
        let newest = Seen {
            prefix: hash("prefix", prefix),
            number: digits.parse().unwrap_or(0),
            at_min: u32::try_from(asked.at_s / 60).unwrap_or(u32::MAX),
            unit: short("unit", asked.unit),
            region: asked.region.map_or(0, |region| short("region", region).max(1)),
            outcome: asked.outcome,
        };
        let signs = [
            self.sequence(rules, newest, digits.len()).map(|count| Sign::Sequential { count }),
            self.guesses(rules, newest),
            self.trade(rules, newest),
        ];
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(newest);
        signs.into_iter().flatten().collect()
    }

    fn within(&self, newest: Seen, within_s: u64) -> impl Iterator<Item = &Seen> {
        // The oldest falls out as the newest comes in.
        let kept = &self.seen[self.seen.len().saturating_sub(REMEMBERED - 1)..];
        kept.iter().filter(move |seen| u64::from(newest.at_min.saturating_sub(seen.at_min)) * 60 <= within_s)
    }

    fn sequence(&self, rules: &WatchRules, newest: Seen, digits: usize) -> Option<usize> {
        let series = self.within(newest, rules.sequence_within_s).filter(|seen| seen.prefix == newest.prefix);
        let mut numbers: Vec<u64> = series.map(|seen| seen.number).collect();
        // The same serial again is a question about the same car.
        if digits == 0 || numbers.len() + 1 < rules.sequence_count || numbers.contains(&newest.number) {
            return None;
        }
        numbers.push(newest.number);
        numbers.sort_unstable();
        numbers.dedup();
        let span = rules.sequence_span.min((0..digits).fold(1, |power: u64, _| power * 10) / 100);
        let steps = if digits >= DIGITS_FOR_STEPS { in_steps(&numbers, newest.number) } else { 0 };
        let count = close_together(&numbers, newest.number, span).max(steps);
        (count >= rules.sequence_count).then_some(count)
    }

    fn guesses(&self, rules: &WatchRules, newest: Seen) -> Option<Sign> {
        if newest.outcome != Outcome::NotFound {
            return None;
        }
        let mut asked: Vec<(u32, u64)> = Vec::new();
        let mut missed: Vec<(u32, u64)> = Vec::new();
        for seen in self.within(newest, rules.guess_within_s) {
            asked.push((seen.prefix, seen.number));
            if seen.outcome == Outcome::NotFound {
                missed.push((seen.prefix, seen.number));
            }
        }
        let this = (newest.prefix, newest.number);
        if missed.contains(&this) {
            return None;
        }
        asked.push(this);
        missed.push(this);
        let (not_found, of) = (distinct(missed), distinct(asked));
        let guessed = not_found >= rules.guess_count && not_found * 100 >= of * rules.guess_percent;
        guessed.then_some(Sign::Guessing { not_found, of })
    }

    fn trade(&self, rules: &WatchRules, newest: Seen) -> Option<Sign> {
        let day = || self.within(newest, rules.broker_within_s);
        let new_unit = day().all(|seen| seen.unit != newest.unit);
        let new_region = newest.region != 0 && day().all(|seen| seen.region != newest.region);
        if !new_unit && !new_region {
            return None;
        }
        let with_newest = || day().chain([&newest]);
        let units = distinct(with_newest().map(|seen| seen.unit).collect());
        let regions = distinct(with_newest().map(|seen| seen.region).filter(|region| *region != 0).collect());
        let trade = new_unit && units > rules.broker_units_max || new_region && regions > rules.broker_regions_max;
        trade.then_some(Sign::Broker { units, regions })
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + self.seen.len() * SEEN_BYTES);
        bytes.extend_from_slice(&[VERSION, u8::try_from(self.seen.len()).unwrap_or(u8::MAX)]);
        for seen in &self.seen {
            let packed = seen.number | (seen.outcome as u64) << NUMBER_BITS;
            bytes.extend_from_slice(&seen.prefix.to_be_bytes());
            bytes.extend_from_slice(&packed.to_be_bytes()[2..]);
            bytes.extend_from_slice(&seen.at_min.to_be_bytes());
            bytes.extend_from_slice(&seen.unit.to_be_bytes());
            bytes.extend_from_slice(&seen.region.to_be_bytes());
        }
        bytes
    }

    /// Reads bytes that were kept. No bytes at all are a watch that has seen nothing.
    ///
    /// # Errors
    /// Another version, another length, or an outcome that does not exist.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WatchError> {
        let length = WatchError::Length { have: bytes.len() };
        let Some((version, rest)) = bytes.split_first() else { return Ok(Self::default()) };
        if *version != VERSION {
            return Err(WatchError::Version { found: *version });
        }
        let (count, rest) = rest.split_first().ok_or(length)?;
        let (seen, left) = rest.as_chunks::<SEEN_BYTES>();
        if usize::from(*count) > REMEMBERED || seen.len() != usize::from(*count) || !left.is_empty() {
            return Err(length);
        }
        Ok(Self { seen: seen.iter().map(Seen::read).collect::<Result<_, _>>()? })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Watch({} questions)", self.seen.len())
    }
}

impl Seen {
    fn read(bytes: &[u8; SEEN_BYTES]) -> Result<Self, WatchError> {
        let [p0, p1, p2, p3, n0, n1, n2, n3, n4, n5, a0, a1, a2, a3, u0, u1, r0, r1] = *bytes;
        let packed = u64::from_be_bytes([0, 0, n0, n1, n2, n3, n4, n5]);
        let outcome = match packed >> NUMBER_BITS {
            0 => Outcome::Released,
            1 => Outcome::Refused,
            2 => Outcome::NotFound,
            _ => return Err(WatchError::Outcome),
        };
        Ok(Self {
            prefix: u32::from_be_bytes([p0, p1, p2, p3]),
            number: packed & ((1 << NUMBER_BITS) - 1),
            at_min: u32::from_be_bytes([a0, a1, a2, a3]),
            unit: u16::from_be_bytes([u0, u1]),
            region: u16::from_be_bytes([r0, r1]),
            outcome,
        })
    }
}

/// What stands before the number of a serial, and the number's digits: the longest run of them, the last of equally long ones. What
/// stands behind it, such as a check letter, belongs to neither.
fn series(serial: &str) -> (&str, &str) {
    let (mut best, mut begun) = (0..0, 0);
    for (index, byte) in serial.bytes().enumerate() {
        if !byte.is_ascii_digit() {
            begun = index + 1;
        } else if index + 1 - begun >= best.len() {
            best = begun..index + 1;
        }
    }
    if best.is_empty() {
        return (serial, "");
    }
    let start = best.start.max(best.end.saturating_sub(DIGITS_MAX));
    (&serial[..start], &serial[start..best.end])
}

/// How many of the numbers lie within `span` of each other, this one among them.
fn close_together(sorted: &[u64], this: u64, span: u64) -> usize {
    let first = sorted.iter().copied().filter(|first| *first <= this && this - first <= span);
    first
        .map(|first| sorted.iter().filter(|number| (first..=first + span).contains(*number)).count())
        .max()
        .unwrap_or(0)
}

/// How many of the numbers lie an equal step apart in a row, this one among them.
fn in_steps(sorted: &[u64], this: u64) -> usize {
    let has = |number: Option<u64>| number.filter(|number| sorted.binary_search(number).is_ok());
    let widths = sorted.iter().map(|number| number.abs_diff(this)).filter(|width| *width > 0);
    let in_a_row = widths.map(|width| {
        let up = std::iter::successors(Some(this), |number| has(number.checked_add(width))).count();
        let down = std::iter::successors(Some(this), |number| has(number.checked_sub(width))).count();
        up + down - 1
    });
    in_a_row.max().unwrap_or(0)
}

fn distinct<T: Ord>(mut values: Vec<T>) -> usize {
    values.sort_unstable();
    values.dedup();
    values.len()
}

fn hash(kind: &str, text: &str) -> u32 {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

fn short(kind: &str, text: &str) -> u16 {
    (hash(kind, text) >> 16) as u16
}
