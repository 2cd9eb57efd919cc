//! Checked rows, and the chunks that they come in.

use headlock_profile::Provenance;
use jiff::civil::Date;

use super::bad_row::BadRow;
use super::code::TableCode;
use super::field::Field;
use super::position::Position;
use super::vin::Vin;
use crate::record::UnitState;

/// A row that the catalogue agrees with.
#[derive(Clone, Debug)]
pub struct Record<'c> {
    /// The line of a CSV file on which the record starts, or the number of a row of a Parquet file; both from 1.
    pub line: u64,
    /// The unit's id in the catalogue.
    pub unit: &'c str,
    /// The serial, cleaned as the unit's description says.
    pub serial: Box<str>,
    /// The code; absent if the row has none, and a keyed scheme gives it.
    pub code: Option<TableCode>,
    /// The firmware as written.
    pub firmware: Option<Box<str>>,
    /// The market.
    pub region: Option<Box<str>>,
    /// The vehicle.
    pub vin: Option<Vin>,
    /// The second number, where the catalogue wants one.
    pub companion: Option<Box<str>>,
    /// The part number.
    pub part_number: Option<Box<str>>,
    /// The day it was made.
    pub produced: Option<Date>,
    /// What became of it, where the table says so.
    pub state: Option<UnitState>,
}

impl Record<'_> {
    /// Where its code comes from.
    pub const fn provenance(&self) -> Provenance {
        match self.code {
            Some(_) => Provenance::Table,
            None => Provenance::KeyedScheme,
        }
    }

    /// The first field in which two records of the same unit and serial differ.
    pub fn differs(&self, other: &Record<'_>) -> Option<Field> {
        let equal = [
            (Field::Code, self.code == other.code),
            (Field::Firmware, self.firmware == other.firmware),
            (Field::Region, self.region == other.region),
            (Field::Vin, self.vin == other.vin),
            (Field::Companion, self.companion == other.companion),
            (Field::PartNumber, self.part_number == other.part_number),
            (Field::Produced, self.produced == other.produced),
            (Field::State, self.state == other.state),
        ];
        equal.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub enum Row<'c> {
    /// It is taken.
    Record(Record<'c>),
    /// It is not.
    Bad(BadRow),
}

/// Two serials of one unit that differ by look-alikes alone. Both are taken; somebody should look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// The earlier line.
    pub line: u64,
    /// The later line.
    pub other_line: u64,
}

/// Rows in the order of the file.
#[derive(Clone, Debug)]
pub struct Chunk<'c> {
    /// Without those that say again, word by word, what an earlier one of this chunk says.
    pub rows: Vec<Row<'c>>,
    /// Rows that said again what an earlier one says.
    pub repeated: usize,
    /// Rows with nothing in any field, which are passed over.
    pub blank: usize,
    /// Pairs to look at. Only within the chunk: beyond it, [`super::lookalike::variants`] are looked for where serials are kept.
    pub alike: Vec<Alike>,
    /// Records whose vehicle's number has no check digit. A warning where it is used, as in North America, and nothing elsewhere.
    pub vins_without_check_digit: usize,
    /// Where the next chunk starts.
    pub next: Position,
}
