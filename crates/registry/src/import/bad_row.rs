//! What is wrong with a row, in words that never hold a code.

use std::fmt;
use std::sync::Arc;

use super::field::Field;
use super::vin::BadVin;

/// A row that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The line of a CSV file on which the record starts, or the number of a row of a Parquet file; both from 1.
    pub line: u64,
    /// The column as the file names it; absent if it is about the row as a whole.
    pub column: Option<Arc<str>>,
    /// What is wrong.
    pub why: Why,
    /// The value, if it helps and cannot be a code.
    pub shown: Option<Shown>,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        write!(f, ": {}", self.why)?;
        if let Some(shown) = &self.shown {
            write!(f, " (it says {shown})")?;
        }
        Ok(())
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Not as many fields as the header has.
    #[error("{found} fields, and the header has {wanted}")]
    Fields {
        /// Fields of the row.
        found: usize,
        /// Columns.
        wanted: usize,
    },
    /// Something stands between a closing quote and the next delimiter.
    #[error("characters behind a closing quote; a quote inside quotes is written twice")]
    Quoting,
    /// Nothing there.
    #[error("no {0}")]
    Missing(Field),
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Longer than any value of its kind.
    #[error("{bytes} bytes; a {field} has no more than {}", field.max_bytes())]
    TooLong {
        /// What it should be.
        field: Field,
        /// Its bytes.
        bytes: usize,
    },
    /// No state of a unit.
    #[error("no state of a unit: in-service, stolen, exchanged or scrapped")]
    State,
    /// A control character.
    #[error("holds the control character {0:#04x}")]
    Control(u8),
    /// The catalogue has no such unit.
    #[error("no unit of the catalogue; {}", Hint(closest.as_deref()))]
    UnknownUnit {
        /// The nearest id, if one is near.
        closest: Option<Box<str>>,
    },
    /// The serial would fit if look-alikes were misread.
    #[error("looks like {read_as}, with a letter or digit misread; which is it? It is not corrected")]
    Misread {
        /// The serial that fits.
        read_as: Box<str>,
    },
    /// The serial would fit with more characters behind it.
    #[error("only the beginning of a serial of {unit}")]
    IncompleteSerial {
        /// The unit.
        unit: Box<str>,
    },
    /// The serial is none of the unit.
    #[error("no serial of {unit}")]
    NotASerial {
        /// The unit.
        unit: Box<str>,
    },
    /// No code, and nothing that it would follow from.
    #[error("no code; {unit} has no scheme on record that would give it, so the code has to stand in the row")]
    CodeNeeded {
        /// The unit.
        unit: Box<str>,
    },
    /// No second number, where the serial has one.
    #[error("no companion; with this serial of {unit} goes its {name}, in a column `companion`")]
    CompanionNeeded {
        /// The unit.
        unit: Box<str>,
        /// What its papers call the number.
        name: Box<str>,
    },
    /// A second number, where the serial has none.
    #[error("no number goes with this serial of {unit}; leave it empty")]
    NoCompanion {
        /// The unit.
        unit: Box<str>,
    },
    /// The second number is none of the serial's.
    #[error("no {name} of {unit}")]
    NotACompanion {
        /// The unit.
        unit: Box<str>,
        /// What its papers call the number.
        name: Box<str>,
    },
    /// More numbers go with the serial than a record keeps.
    #[error(
        "{wanted} numbers go with this serial of {unit}, and a record keeps one: such units are not taken from tables"
    )]
    SeveralCompanions {
        /// The unit.
        unit: Box<str>,
        /// How many.
        wanted: usize,
    },
    /// The unit takes no code that could stand in a table.
    #[error("{unit} takes no code that a table could hold")]
    NoCodes {
        /// The unit.
        unit: Box<str>,
    },
    /// A spreadsheet made a number in scientific notation of it.
    #[error("a code in scientific notation, as spreadsheets write it; the code is lost, export the column as text")]
    Scientific,
    /// A spreadsheet made a decimal fraction of it.
    #[error("a code with decimals, as spreadsheets write numbers; export the column as text")]
    Decimals,
    /// A spreadsheet's formula or apostrophe around it.
    #[error("a code written as a spreadsheet's formula; export the column as text")]
    Formula,
    /// Too long for any unit, or with a character that is in no code.
    #[error("no code{}", At(*place))]
    NotACode {
        /// Where the character stands, counted from 1; absent if the code is too long or has no character at all.
        place: Option<usize>,
    },
    /// Too short, and all digits.
    #[error("leading zeros lost? A code of {found} digits, and this unit's have {wanted}; export the column as text")]
    LeadingZeros {
        /// Its characters.
        found: usize,
        /// Characters of a code.
        wanted: Lengths,
    },
    /// Another length.
    #[error("a code of {found} characters, and this unit's have {wanted}")]
    CodeLength {
        /// Its characters.
        found: usize,
        /// Characters of a code.
        wanted: Lengths,
    },
    /// A character that is in no code of the unit.
    #[error("at place {place} of the code stands what no code of this unit has there; it has {alphabet}")]
    CodeCharacter {
        /// Counted from 1.
        place: usize,
        /// What can stand there.
        alphabet: Box<str>,
    },
    /// A code that no panel of the unit can type.
    #[error("no panel of this unit can type place {place} of the code")]
    CodeNotTyped {
        /// Counted from 1.
        place: usize,
    },
    /// An integer that no code of the stated width is.
    #[error("a code as an integer that does not fit in {width} digits")]
    IntegerWidth {
        /// The stated width.
        width: u8,
    },
    /// No vehicle's number.
    #[error(transparent)]
    Vin(#[from] BadVin),
    /// No firmware version.
    #[error("no firmware version; it reads like 1.05, SW: 1.05 or FW: 2.01")]
    Firmware,
    /// No reading of the unit holds for this firmware.
    #[error("the catalogue knows nothing of {unit} with this firmware")]
    FirmwareUnknown {
        /// The unit.
        unit: Box<str>,
    },
    /// No day.
    #[error("no date; a day is written 2019-12-31")]
    Date,
    /// Another row has the same serial and not the same content. Neither is taken.
    #[error("the serial stands on line {other_line} too, with another {differs}; neither row is taken")]
    Contradicts {
        /// The other line.
        other_line: u64,
        /// The first field that differs.
        differs: Field,
    },
}

struct At(Option<usize>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => write!(f, ": at place {place} stands neither a digit nor a letter"),
            None => write!(f, ": codes have 1 to {} digits and letters", headlock_profile::MAX_CODE),
        }
    }
}

struct Hint<'a>(Option<&'a str>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(closest) => write!(f, "did you mean {closest}?"),
            None => f.write_str("its ids read like maker/unit"),
        }
    }
}

/// Lengths of codes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lengths(Box<[u8]>);

impl Lengths {
    pub(super) fn new(mut all: Vec<u8>) -> Self {
        all.sort_unstable();
        all.dedup();
        Self(all.into_boxed_slice())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, length) in self.0.iter().enumerate() {
            let between = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{between}{length}")?;
        }
        Ok(())
    }
}

/// A value of a file, shortened, without control characters. Invariant: it cannot be a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Box<str>);

impl Shown {
    /// Characters that are shown.
    const MOST: usize = 32;

    /// Shows a value that the caller knows to be no code.
    pub(super) fn new(value: &str) -> Self {
        let mut short: String = value.chars().take(Self::MOST).flat_map(char::escape_debug).collect();
        if value.chars().nth(Self::MOST).is_some() {
            short.push('…');
        }
        Self(short.into_boxed_str())
    }

    /// As it is shown, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}
