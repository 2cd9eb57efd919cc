//! Production tables, CSV or Parquet, read as a stream of checked rows: nothing is corrected, guessed or kept of a bad row but its words.
//!
//! [`Source::open`] reads the file once: its format, its encoding, its [`FileDigest`]. [`Rows`] then gives [`Chunk`]s, each with the
//! [`Position`] at which a later run goes on. Memory does not grow with the file.
//!
//! Invariant: no code is in any error, any [`BadRow`], or any Debug. Buffers of this module that held codes are wiped; pages of a Parquet
//! file lie in its library's memory, which is not.

mod bad_row;
mod check;
mod code;
mod code_rules;
mod csv_records;
mod digest;
mod failure;
mod field;
mod gather;
mod header;
pub mod lookalike;
mod parquet_rows;
mod position;
mod record;
mod rows;
mod sniff;
mod unit_rules;
mod vin;

pub use bad_row::{BadRow, Lengths, Shown, Why};
pub use code::TableCode;
pub use csv_records::MAX_RECORD_BYTES;
pub use digest::{FileDigest, Progress};
pub use failure::{ColumnName, OpenError, ReadError, UnknownColumn};
pub use field::{Field, Format, Mapping, Options};
pub use position::{BadPosition, Position};
pub use record::{Alike, Chunk, Record, Row};
pub use rows::{Rows, Source};
pub use vin::{BadVin, Vin};
