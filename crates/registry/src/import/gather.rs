//! Rows of one chunk, with doubles and look-alikes found among them.

use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::bad_row::{BadRow, Why};
use super::check::Checker;
use super::field::Field;
use super::lookalike::folded;
use super::position::Position;
use super::record::{Alike, Chunk, Record, Row};

/// Rows for which there is room from the start.
const MOST_AT_ONCE: usize = 100_000;

/// A chunk that is being filled.
pub(super) struct Gather<'c> {
    rows: Vec<Row<'c>>,
    /// Where the first record of a unit and serial stands, by their hash or the next free number.
    serials: FxHashMap<u64, usize>,
    /// The same of a unit and skeleton.
    skeletons: FxHashMap<u64, usize>,
    /// Records that a later one contradicts: they stay until the end, for others to be compared with.
    contradicted: FxHashMap<usize, BadRow>,
    read: usize,
    repeated: usize,
    blank: usize,
    alike: Vec<Alike>,
}

impl<'c> Gather<'c> {
    pub(super) fn new(rows: usize) -> Self {
        // Rows of a usual chunk at once: growing would leave codes behind in outgrown memory.
        Self {
            rows: Vec::with_capacity(rows.min(MOST_AT_ONCE)),
            serials: FxHashMap::default(),
            skeletons: FxHashMap::default(),
            contradicted: FxHashMap::default(),
            read: 0,
            repeated: 0,
            blank: 0,
            alike: Vec::new(),
        }
    }

    /// Rows so far, whatever became of them.
    pub(super) const fn read(&self) -> usize {
        self.read
    }

    pub(super) const fn blank(&mut self) {
        self.read += 1;
        self.blank += 1;
    }

    pub(super) fn bad(&mut self, row: BadRow) {
        self.read += 1;
        self.rows.push(Row::Bad(row));
    }

    pub(super) fn record(&mut self, record: Record<'c>, checker: &Checker<'c>) {
        self.read += 1;
        let index = self.rows.len();
        let same = |known: &Record<'_>| known.unit == record.unit && known.serial == record.serial;
        if let Some(first) = find(&mut self.serials, &self.rows, hash(&record), index, same) {
            let Row::Record(known) = &self.rows[first] else { return };
            let Some(field) = record.differs(known) else {
                self.repeated += 1;
                return;
            };
            let (line, other_line) = (known.line, record.line);
            self.contradicted.entry(first).or_insert_with(|| contradiction(checker, line, other_line, field));
            self.rows.push(Row::Bad(contradiction(checker, other_line, line, field)));
            return;
        }
        let alike = |known: &Record<'_>| {
            known.unit == record.unit && known.serial.chars().map(folded).eq(record.serial.chars().map(folded))
        };
        if let Some(first) = find(&mut self.skeletons, &self.rows, skeleton_hash(&record), index, alike)
            && let Row::Record(known) = &self.rows[first]
        {
            self.alike.push(Alike { line: known.line, other_line: record.line });
        }
        self.rows.push(Row::Record(record));
    }

    pub(super) fn finish(mut self, next: Position) -> Chunk<'c> {
        for (index, bad) in self.contradicted {
            self.rows[index] = Row::Bad(bad);
        }
        let records = self.rows.iter().filter_map(|row| match row {
            Row::Record(record) => Some(record),
            Row::Bad(_) => None,
        });
        let vins_without_check_digit =
            records.filter(|record| record.vin.is_some_and(|vin| !vin.check_digit_holds())).count();
        let Self { rows, repeated, blank, alike, .. } = self;
        Chunk { rows, repeated, blank, alike, vins_without_check_digit, next }
    }
}

/// The record that `same` knows again; if there is none, the one at `index` will be it.
fn find(
    known: &mut FxHashMap<u64, usize>,
    rows: &[Row<'_>],
    mut key: u64,
    index: usize,
    same: impl Fn(&Record<'_>) -> bool,
) -> Option<usize> {
    loop {
        match known.entry(key) {
            Entry::Vacant(place) => {
                place.insert(index);
                return None;
            }
            Entry::Occupied(place) => match rows.get(*place.get()) {
                Some(Row::Record(record)) if same(record) => return Some(*place.get()),
                _ => key = key.wrapping_add(1),
            },
        }
    }
}

fn contradiction(checker: &Checker<'_>, line: u64, other_line: u64, differs: Field) -> BadRow {
    checker.bad(line, Some(Field::Serial), Why::Contradicts { other_line, differs }, None)
}

fn hash(record: &Record<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    (record.unit, &record.serial).hash(&mut hasher);
    hasher.finish()
}

fn skeleton_hash(record: &Record<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    record.unit.hash(&mut hasher);
    record.serial.chars().for_each(|c| hasher.write_u32(u32::from(folded(c))));
    hasher.finish()
}
