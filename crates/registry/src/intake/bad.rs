//! A row that is not taken, and why, in words that never hold a code.

use std::fmt;
use std::sync::Arc;

use crate::desk::{Against, Differing};
use crate::import::{BadRow, Field, Shown, Why};
use crate::record::BadName;

/// A row that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The line of a CSV file on which the record starts, or the number of a row of a Parquet file; both from 1.
    pub line: u64,
    /// The column; absent if it is about the row as a whole.
    pub column: Option<Arc<str>>,
    /// What is wrong.
    pub why: BadWhy,
    /// The value, if it helps and cannot be a code.
    pub shown: Option<Shown>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadWhy {
    /// It does not go with the catalogue.
    #[error(transparent)]
    Row(#[from] Why),
    /// No region in the row, and none for the whole table.
    #[error("no region, and none was given for rows without one; the region decides which desks may release the code")]
    NoRegion,
    /// A name that the registry cannot keep.
    #[error("{0}")]
    Name(BadName),
    /// The serial is there, with another content.
    #[error("the registry has this serial with another {0}; nothing was changed")]
    Differs(Field),
    /// The scheme gives another code.
    #[error(
        "not the code that the key of this unit's scheme gives for its serial; leave it out if the scheme is right, and state that such codes are the units' own if the table is"
    )]
    NotByScheme,
    /// The scheme gives no code, and the row has none.
    #[error(
        "no code; the scheme on record gives none that the panel of this serial takes, so it has to stand in the row"
    )]
    BesideScheme,
    /// The serial stands in the table twice, with different contents.
    #[error("the serial stands on line {other_line} too, with another {differs}; neither row is taken")]
    Twice {
        /// The other line.
        other_line: u64,
        /// What differs.
        differs: Field,
    },
    /// The serial stands in the table twice, far apart, with different contents.
    #[error("the serial stands on line {other_line} too, and says something else there")]
    Contradicts {
        /// The other line.
        other_line: u64,
    },
}

impl Bad {
    pub(super) fn of(line: u64, field: Field, why: BadWhy) -> Self {
        Self { line, column: Some(Arc::from(field.name())), why, shown: None }
    }

    pub(super) fn twice(line: u64, other_line: u64) -> Self {
        Self::of(line, Field::Serial, BadWhy::Contradicts { other_line })
    }
}

impl From<BadRow> for Bad {
    fn from(row: BadRow) -> Self {
        Self { line: row.line, column: row.column, why: row.why.into(), shown: row.shown }
    }
}

impl From<&Differing> for Bad {
    fn from(differing: &Differing) -> Self {
        let Differing { line, field: differs, against } = *differing;
        match against {
            Against::Record => Self::of(line, Field::Serial, BadWhy::Differs(differs)),
            Against::Line(other_line) => Self::of(line, Field::Serial, BadWhy::Twice { other_line, differs }),
            Against::Scheme => Self::of(line, differs, BadWhy::NotByScheme),
            Against::Panel => Self::of(line, differs, BadWhy::BesideScheme),
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(out, ", {column}")?;
        }
        write!(out, ": {}", self.why)?;
        self.shown.iter().try_for_each(|shown| write!(out, " (it says {shown})"))
    }
}
