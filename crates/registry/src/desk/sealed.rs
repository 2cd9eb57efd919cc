//! Rows of a production table on their way into the store: each code is sealed before the desk sees the row, on any thread.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::keyring::code_context_into;
use crate::import::TableCode;
use crate::record::{Region, Serial, UnitState, Vin};
use crate::seal::{DataKey, MESSAGES_MAX, SealError, Sealer};
use crate::store::{Row, Value};

/// Columns of a unit's row, in the order of its fields, and some of them.
const COLUMNS: usize = 10;
const COMPANION: usize = 4;
pub(super) const VIN: usize = 5;
const STATE: usize = 6;
const PAIRINGS: usize = 7;
pub(super) const SECRET: usize = 8;
pub(super) const SEALED: usize = 9;

/// A unit as a row of a production table has it.
#[derive(Clone, Debug)]
pub struct BulkUnit<'c> {
    /// The row's line, or its number in a Parquet file.
    pub line: u64,
    /// Its number.
    pub serial: Serial,
    /// Its id in the catalogue.
    pub unit: &'c str,
    /// Its firmware; empty where nobody said.
    pub firmware: String,
    /// Where it is sold.
    pub region: Region,
    /// The second number that belongs to it, where the catalogue wants one.
    pub companion: Option<Box<str>>,
    /// The vehicle.
    pub vin: Option<Vin>,
    /// What became of it.
    pub state: UnitState,
    /// Its code; absent if it follows from the scheme of such units.
    pub code: Option<TableCode>,
}

/// Units whose codes are sealed, under a data key of their own that is in no store yet. Nothing of them is in the clear any more.
pub struct SealedUnits {
    pub(super) key: DataKey,
    /// In the order of the table. What stands in the other lists behind these many is left from earlier units, and its memory is used again.
    pub(super) lines: Vec<u64>,
    /// Rows of the table of units. Which key they are sealed with is put in when its number is known.
    pub(super) rows: Vec<Row>,
    /// Rows of the table of vehicles; those of units without one say nothing.
    pub(super) vins: Vec<Row>,
    /// The rows by their serials; of the same serial in the order of the table.
    pub(super) order: Vec<u32>,
    /// Whether each serial comes after the one before it.
    in_order: bool,
    /// SHA-256 over all serials and units.
    pub(super) digest: [u8; 32],
    /// Whether a code other than the one that its unit's scheme gives is kept, as the unit's own, and not told as differing.
    pub own_codes: bool,
}

impl SealedUnits {
    /// Units of one batch, at most.
    pub const MOST: usize = MESSAGES_MAX as usize;

    /// Seals the codes of up to [`SealedUnits::MOST`] units under a new data key. What is sealed is never sealed again: where the store
    /// was changed by somebody else, the same bytes are given to it anew.
    ///
    /// # Errors
    /// Too many units, or the system has no randomness.
    pub fn seal<'c>(units: impl IntoIterator<Item = BulkUnit<'c>>) -> Result<Self, SealError> {
        let mut sealed = Self {
            key: DataKey::random()?,
            lines: Vec::new(),
            rows: Vec::new(),
            vins: Vec::new(),
            order: Vec::new(),
            in_order: true,
            digest: [0; 32],
            own_codes: false,
        };
        sealed.seal_anew(units)?;
        Ok(sealed)
    }

    /// Lets go of its units and seals others, under another new key, in the same memory.
    ///
    /// # Errors
    /// As [`SealedUnits::seal`]; it then has no units.
    pub fn seal_anew<'c>(&mut self, units: impl IntoIterator<Item = BulkUnit<'c>>) -> Result<(), SealError> {
        self.clear();
        let filled = self.fill(units);
        if filled.is_err() {
            self.clear();
        }
        filled
    }

    /// Lets go of its units.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.order.clear();
    }

    fn fill<'c>(&mut self, units: impl IntoIterator<Item = BulkUnit<'c>>) -> Result<(), SealError> {
        self.key = DataKey::random()?;
        let mut sealer = Sealer::new(&self.key, 0);
        let mut digest = Sha256::new();
        let mut context = Vec::with_capacity(128);
        self.in_order = true;
        for (at, new) in units.into_iter().enumerate() {
            if at == self.rows.len() {
                self.rows.push(Vec::new());
                self.vins.push(Vec::new());
            }
            let (row, pair) = (&mut self.rows[at], &mut self.vins[at]);
            row.resize(COLUMNS, Value::Nothing);
            pair.resize(2, Value::Nothing);
            let room = std::mem::replace(&mut row[SEALED], Value::Nothing);
            if let Some(code) = &new.code {
                context.clear();
                code_context_into(&new.serial, new.unit, &mut context);
                let mut sealed = match room {
                    Value::Bytes(bytes) => bytes,
                    _ => Vec::new(),
                };
                sealed.clear();
                sealer.seal_into(code.reveal().as_bytes(), &context, &mut sealed)?;
                row[SEALED] = Value::Bytes(sealed);
            }
            add(&mut digest, new.serial.as_str(), new.unit);
            let texts = [new.serial.as_str(), new.unit, &new.firmware, new.region.as_str()];
            texts.iter().zip(row.iter_mut()).for_each(|(text, value)| put(value, text));
            match &new.vin {
                Some(vin) => {
                    put(&mut row[VIN], vin.as_str());
                    put(&mut pair[0], vin.as_str());
                    put(&mut pair[1], new.serial.as_str());
                }
                None => row[VIN] = Value::Nothing,
            }
            put(&mut row[STATE], new.state.word());
            match &new.companion {
                Some(companion) => put(&mut row[COMPANION], companion),
                None => row[COMPANION] = Value::Nothing,
            }
            row[PAIRINGS] = Value::Whole(0);
            row[SECRET] = Value::Whole(0);
            self.lines.push(new.line);
            self.in_order &= at == 0 || self.rows[at - 1][0] < self.rows[at][0];
        }
        self.digest = digest.finalize().into();
        self.order.extend(0..u32::try_from(self.lines.len()).unwrap_or(u32::MAX));
        let rows = &self.rows;
        if !self.in_order {
            self.order.sort_by(|one, other| rows[*one as usize][0].cmp(&rows[*other as usize][0]));
        }
        Ok(())
    }

    /// How many units.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The serial of a row.
    pub(super) fn serial(&self, at: usize) -> &Value {
        self.rows.get(at).and_then(|row| row.first()).unwrap_or(&Value::Nothing)
    }

    /// Runs of rows of the same serial, as places in the order by serials.
    pub(super) fn twins(&self) -> Vec<Range<usize>> {
        let mut twins = Vec::new();
        if self.in_order {
            return twins;
        }
        let mut from = 0;
        for to in 1..=self.order.len() {
            let serial = |place: usize| self.order.get(place).map(|at| self.serial(*at as usize));
            if serial(to) != serial(from) {
                if to - from > 1 {
                    twins.push(from..to);
                }
                from = to;
            }
        }
        twins
    }

    /// SHA-256 over serials and units of these rows.
    pub(super) fn digest_of(&self, rows: &[usize]) -> [u8; 32] {
        if rows.len() == self.len() {
            return self.digest;
        }
        let mut digest = Sha256::new();
        for row in rows.iter().filter_map(|at| self.rows.get(*at)) {
            if let [Value::Text(serial), Value::Text(unit), ..] = row.as_slice() {
                add(&mut digest, serial, unit);
            }
        }
        digest.finalize().into()
    }
}

/// Puts a text in place of another.
fn put(value: &mut Value, text: &str) {
    match value {
        Value::Text(there) => {
            there.clear();
            there.push_str(text);
        }
        _ => *value = Value::Text(text.to_owned()),
    }
}

fn add(digest: &mut Sha256, serial: &str, unit: &str) {
    digest.update(serial);
    digest.update([0]);
    digest.update(unit);
    digest.update([0]);
}

impl std::fmt::Debug for SealedUnits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SealedUnits({} of them)", self.len())
    }
}
