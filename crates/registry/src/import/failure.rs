//! Why a table cannot be opened, or not be read to its end.

use std::fmt;
use std::io;

use parquet::errors::ParquetError;

use super::csv_records::MAX_RECORD_BYTES;
use super::field::Field;

/// Why a table cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The table of an export that was opened only in part.
    #[error("this export breaks off: its last line is not `# end`. Did age say that the file is truncated?")]
    BrokenOff,
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Text in UTF-16.
    #[error("the file is in UTF-16; save it as CSV in UTF-8")]
    Utf16,
    /// Text in another encoding.
    #[error("the file is not in UTF-8 (line {line}), perhaps in Latin-1; save it as CSV in UTF-8")]
    NotUtf8 {
        /// The first line that shows it.
        line: u64,
    },
    /// A file of another kind.
    #[error("the file is {0}, no table in CSV or Parquet; export it as one")]
    OtherKind(&'static str),
    /// A delimiter that cannot be one.
    #[error("a delimiter is one ASCII character, and no quote and no line end")]
    Delimiter,
    /// No chunk can have no rows.
    #[error("a chunk has at least one row")]
    NoChunk,
    /// The first line names no column.
    #[error("the first line names no known column: is there a header? Known are {}", known())]
    NoHeader,
    /// Columns that hold nothing that is known.
    #[error("unknown columns {}; map them, ignore them, or rename them. Known are {}", list(.0), known())]
    UnknownColumns(Vec<UnknownColumn>),
    /// A required column is not there.
    #[error("no column for {field}; the columns are {}", list(.columns))]
    MissingColumn {
        /// What is missing.
        field: Field,
        /// The columns that are there.
        columns: Vec<ColumnName>,
    },
    /// Two columns for the same.
    #[error("columns {first} and {second} are both for {field}; map one of them away")]
    DoubledColumn {
        /// What they hold.
        field: Field,
        /// The earlier.
        first: ColumnName,
        /// The later.
        second: ColumnName,
    },
    /// A mapping speaks of a column that is not there.
    #[error("the mapping speaks of a column {column}, which the file does not have; it has {}", list(.columns))]
    NoSuchColumn {
        /// The column of the mapping.
        column: ColumnName,
        /// The columns that are there.
        columns: Vec<ColumnName>,
    },
    /// A column of a field that is given for the whole import.
    #[error("column {column} holds the {field}, which is given for the whole import; map it away")]
    GivenTwice {
        /// What it holds.
        field: Field,
        /// The column.
        column: ColumnName,
    },
    /// The unit of the whole import is not in the catalogue.
    #[error("no unit {unit:?} in the catalogue; {hint}")]
    UnknownUnit {
        /// As given.
        unit: String,
        /// The closest, or the known ones.
        hint: String,
    },
    /// A Parquet column of a type that cannot hold the field.
    #[error("column {column} holds {physical}, and {field} is read from text")]
    ColumnType {
        /// The column.
        column: ColumnName,
        /// What it should hold.
        field: Field,
        /// What it holds.
        physical: &'static str,
    },
    /// Codes as numbers: whatever leading zeros they had are gone.
    #[error(
        "column {column} holds codes as {physical}, so leading zeros are lost; export it as text, or state how many digits a code has"
    )]
    NumericCodes {
        /// The column.
        column: ColumnName,
        /// What it holds.
        physical: &'static str,
    },
    /// The position is of another file, or of another kind of file.
    #[error("this is not the file that the import began with")]
    OtherFile,
    /// The Parquet file cannot be read.
    #[error("the Parquet file cannot be read: {0}")]
    Parquet(#[from] ParquetError),
    /// Reading its first line failed.
    #[error(transparent)]
    Read(ReadError),
}

/// Why a table cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A record without an end.
    #[error("line {line} goes on for more than {MAX_RECORD_BYTES} bytes: is this a table?")]
    RecordTooLong {
        /// On which it starts.
        line: u64,
    },
    /// A record of too many fields.
    #[error("line {line} has more than {most} fields: is this a table?")]
    TooManyFields {
        /// On which it starts.
        line: u64,
        /// Fields of the widest record.
        most: usize,
    },
    /// A quote that nothing closes.
    #[error("the quote opened on line {line} is not closed")]
    QuoteNotClosed {
        /// On which it stands.
        line: u64,
    },
    /// The file is not what it was when it was opened.
    #[error("the file was changed while it was read")]
    Changed,
    /// A Parquet file has fewer rows than it says.
    #[error("row {row} is not there, though the file says so")]
    NoSuchRow {
        /// Counted from 1.
        row: u64,
    },
    /// The Parquet file is damaged.
    #[error("the Parquet file cannot be read on from row {row}: {why}")]
    Parquet {
        /// The next row, counted from 1.
        row: u64,
        /// Why.
        why: ParquetError,
    },
}

/// A column's name, shortened; of one without letters only its length, since it may be a value of a table without a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName(Box<str>);

impl ColumnName {
    /// Characters that are shown.
    const MOST: usize = 40;

    pub(super) fn new(name: &str) -> Self {
        if !name.chars().any(char::is_alphabetic) {
            return Self(format!("({} characters without a letter)", name.chars().count()).into_boxed_str());
        }
        let mut short: String = name.chars().take(Self::MOST).flat_map(char::escape_debug).collect();
        if name.chars().nth(Self::MOST).is_some() {
            short.push('…');
        }
        Self(format!("`{short}`").into_boxed_str())
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A column that holds nothing that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownColumn {
    /// Its name.
    pub name: ColumnName,
    /// The field whose name is close.
    pub closest: Option<Field>,
}

impl fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match self.closest {
            Some(field) => write!(f, " (did you mean `{field}`?)"),
            None => Ok(()),
        }
    }
}

fn list<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn known() -> String {
    list(&Field::ALL)
}
