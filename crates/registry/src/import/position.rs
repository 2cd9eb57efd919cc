//! Where an import went on to, in a few bytes.

use super::digest::FileDigest;

/// The place behind a chunk, bound to the file's content. Opaque: [`Position::to_bytes`] and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(super) digest: FileDigest,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The byte at which the next record starts, and its line.
    Csv { offset: u64, line: u64 },
    /// Rows before the next.
    Parquet { rows: u64 },
}

/// Not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no position in an import")]
pub struct BadPosition;

const CSV: u8 = 1;
const PARQUET: u8 = 2;

impl Position {
    /// Bytes of a position.
    pub const BYTES: usize = 57;

    /// Shape: kind (1 byte), length of the file, two numbers of the place (each 8 bytes, the highest first), SHA-256 (32 bytes).
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (kind, first, second) = match self.place {
            Place::Csv { offset, line } => (CSV, offset, line),
            Place::Parquet { rows } => (PARQUET, rows, 0),
        };
        let mut out = [0; Self::BYTES];
        out[0] = kind;
        out[1..9].copy_from_slice(&self.digest.length.to_be_bytes());
        out[9..17].copy_from_slice(&first.to_be_bytes());
        out[17..25].copy_from_slice(&second.to_be_bytes());
        out[25..].copy_from_slice(&self.digest.sha256);
        out
    }

    /// Reads one again.
    ///
    /// # Errors
    /// It is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPosition> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| BadPosition)?;
        let number = |from: usize| bytes[from..from + 8].iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let place = match (bytes[0], number(9), number(17)) {
            (CSV, offset, line) => Place::Csv { offset, line },
            (PARQUET, rows, 0) => Place::Parquet { rows },
            _ => return Err(BadPosition),
        };
        let sha256 = bytes[25..].try_into().map_err(|_| BadPosition)?;
        Ok(Self { digest: FileDigest { length: number(1), sha256 }, place })
    }

    /// The file that it is a place in.
    pub const fn digest(&self) -> FileDigest {
        self.digest
    }
}
