//! What a column can hold, what it may be called, and what is said about a whole import.

use std::collections::BTreeSet;
use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum Field {
    /// The unit's number. Required.
    Serial,
    /// The code, as text. Required unless a keyed scheme gives the codes of the unit.
    Code,
    /// The unit's id in the catalogue.
    Unit,
    /// The firmware it left the maker with.
    Firmware,
    /// The market it was made for.
    Region,
    /// The vehicle it was built into.
    Vin,
    /// The second number that belongs to the serial, where the catalogue wants one.
    Companion,
    /// The part number.
    PartNumber,
    /// The day it was made.
    Produced,
    /// What became of it.
    State,
}

impl Field {
    /// All of them, in the order of their values.
    pub const ALL: [Self; 10] = [
        Self::Serial,
        Self::Code,
        Self::Unit,
        Self::Firmware,
        Self::Region,
        Self::Vin,
        Self::Companion,
        Self::PartNumber,
        Self::Produced,
        Self::State,
    ];

    /// Its name in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Code => "code",
            Self::Unit => "unit",
            Self::Firmware => "firmware",
            Self::Region => "region",
            Self::Vin => "vin",
            Self::Companion => "companion",
            Self::PartNumber => "part_number",
            Self::Produced => "produced",
            Self::State => "state",
        }
    }

    /// Bytes of the longest value.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Serial | Self::PartNumber | Self::Unit => 64,
            // No request can name a longer one.
            Self::Companion => 40,
            Self::Code | Self::Firmware | Self::Region | Self::Vin | Self::Produced | Self::State => 32,
        }
    }

    /// The field that a column of this name holds, if it is a known name: capitals, spaces and `_ - . /` do not count.
    pub fn of_name(name: &str) -> Option<Self> {
        let bare = bare(name);
        Self::ALL.into_iter().find(|field| field.bare_names().contains(&bare.as_str()))
    }

    const fn bare_names(self) -> &'static [&'static str] {
        match self {
            Self::Serial => &["serial", "serialnumber", "serialno", "serialnr", "sn"],
            Self::Code => &["code", "radiocode", "securitycode", "unlockcode", "antitheftcode"],
            Self::Unit => &["unit", "unitid", "headunit"],
            Self::Firmware => &["firmware", "firmwareversion", "fw", "software", "softwareversion", "sw"],
            Self::Region => &["region", "market"],
            Self::Vin => &["vin", "vehicleidentificationnumber", "chassisnumber"],
            Self::Companion => &["companion", "companionnumber", "secondnumber", "secondno", "secondnr"],
            Self::PartNumber => &["partnumber", "partno", "partnr", "pn"],
            Self::Produced => &["produced", "producedon", "productiondate", "manufactured", "builddate"],
            Self::State => &["state", "unitstate"],
        }
    }
}

/// What an export tells beside a unit's record: the vehicles of its past. It is not kept.
const PASSED: &str = "earliervins";

fn bare(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '.' | '/')).flat_map(char::to_lowercase).collect()
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text in UTF-8, a record a line.
    Csv {
        /// What stands between fields, an ASCII character; absent to go by the header.
        delimiter: Option<u8>,
    },
    /// Apache Parquet.
    Parquet,
}

/// Which column holds what, beyond the known names. A column is meant by its name in the file, capitals and all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(Vec<(String, Held)>);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// This.
    Field(Field),
    /// What is not read.
    Passed,
    /// Nothing that is known.
    Unknown,
}

impl Mapping {
    /// Nothing beyond the known names.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The same, and `column` holds this.
    #[must_use]
    pub fn with(mut self, column: &str, field: Field) -> Self {
        self.0.push((column.to_owned(), Held::Field(field)));
        self
    }

    /// The same, and `column` is not read, whatever its name says.
    #[must_use]
    pub fn without(mut self, column: &str) -> Self {
        self.0.push((column.to_owned(), Held::Passed));
        self
    }

    /// What a column holds, by this mapping or else by its name.
    pub(super) fn held(&self, column: &str) -> Held {
        let mapped = self.0.iter().rev().find(|(name, _)| name == column).map(|(_, held)| *held);
        let unmapped = if bare(column) == PASSED { Held::Passed } else { Held::Unknown };
        mapped.unwrap_or_else(|| Field::of_name(column).map_or(unmapped, Held::Field))
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What is said about a whole import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which column holds what.
    pub mapping: Mapping,
    /// Columns that hold nothing of [`Field`] are passed over.
    pub ignore_unknown: bool,
    /// The unit of every row, by its id; the table then needs no such column.
    pub unit: Option<String>,
    /// Characters of each code, where a Parquet file holds codes as integers and leading zeros are to be put back.
    pub integer_width: Option<u8>,
    /// Units whose codes follow from a key, by their ids: their rows need no code. An intake puts in those of its desk.
    pub keyed: BTreeSet<String>,
    /// Rows of a chunk, at least 1.
    pub chunk_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mapping: Mapping::new(),
            ignore_unknown: false,
            unit: None,
            integer_width: None,
            keyed: BTreeSet::new(),
            chunk_rows: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_means_one_field_and_every_field_is_known_by_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, index);
            assert_eq!(Field::of_name(field.name()), Some(field));
            assert!(field.bare_names().iter().all(|name| seen.insert(*name) && bare(name) == *name), "{field}");
        }
        assert_eq!(Field::of_name("S/N"), Some(Field::Serial));
        assert_eq!(Field::of_name(" Serial Number"), Some(Field::Serial));
        assert_eq!(Field::of_name("serials"), None);
    }
}
