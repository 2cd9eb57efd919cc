//! Rows of a Parquet file: the needed columns, a batch at a time, in memory bounded by one page of each.

use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, FileReader, Length};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::ColumnDescriptor;

use super::failure::{ColumnName, OpenError, ReadError};
use super::field::Field;
use super::header::Columns;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1024;
/// Bytes of the largest page, footer or index that is read. Writers make pages of about one megabyte.
const MAX_READ_BYTES: usize = 16 << 20;

/// Reads row after row.
pub(super) struct ParquetRows {
    reader: SerializedFileReader<Guarded>,
    needed: Vec<Needed>,
    /// The next row group.
    group: usize,
    /// Rows of the open row group that are still to be read into a batch.
    left_in_group: usize,
    /// The row in the batch, and rows of the batch.
    at: usize,
    filled: usize,
    /// Rows before the next one.
    before: u64,
    total: u64,
}

/// One column that holds a field.
struct Needed {
    field: Field,
    column: usize,
    max_level: i16,
    reader: Option<ColumnReader>,
    levels: Vec<i16>,
    values: Values,
    /// For each row of the batch its value among those that are there.
    index: Vec<Option<usize>>,
}

enum Values {
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
}

/// A value of the row.
pub(super) enum Cell<'a> {
    Absent,
    Bytes(&'a [u8]),
    Integer(i64),
}

/// The columns of a file.
pub(super) struct Opened {
    reader: SerializedFileReader<Guarded>,
}

impl Opened {
    pub(super) fn new(file: File) -> Result<Self, OpenError> {
        Ok(Self { reader: unwound(|| SerializedFileReader::new(Guarded(Arc::new(file))))? })
    }

    /// The names of its columns.
    pub(super) fn header(&self) -> Vec<String> {
        self.reader.metadata().file_metadata().schema_descr().columns().iter().map(|c| c.path().string()).collect()
    }

    /// Starts behind so many rows.
    pub(super) fn rows(
        self,
        columns: &Columns,
        integer_width: Option<u8>,
        before: u64,
    ) -> Result<ParquetRows, OpenError> {
        let metadata = self.reader.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let mut needed = Vec::new();
        for field in Field::ALL {
            let Some(column) = columns.of[field as usize] else { continue };
            let description = schema.column(column);
            needed.push(Needed {
                field,
                column,
                max_level: description.max_def_level(),
                reader: None,
                levels: Vec::new(),
                values: values(field, &description, integer_width)?,
                index: Vec::new(),
            });
        }
        let sizes = metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        let total = sizes.fold(0, u64::saturating_add);
        if before > total {
            return Err(OpenError::OtherFile);
        }
        let reader = self.reader;
        let mut rows = ParquetRows { reader, needed, group: 0, left_in_group: 0, at: 0, filled: 0, before: 0, total };
        unwound(|| rows.skip(before))?;
        Ok(rows)
    }
}

impl ParquetRows {
    /// Rows before the next one.
    pub(super) const fn before(&self) -> u64 {
        self.before
    }

    /// Goes to the next row; false behind the last.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        self.at += 1;
        if self.at > self.filled || self.filled == 0 {
            if self.before == self.total {
                return Ok(false);
            }
            let row = self.before + 1;
            unwound(|| self.fill()).map_err(|why| ReadError::Parquet { row, why })?;
            if self.filled == 0 {
                return Err(ReadError::NoSuchRow { row });
            }
            self.at = 1;
        }
        self.before += 1;
        Ok(true)
    }

    /// The value of a field in the row that [`Self::advance`] went to.
    pub(super) fn cell(&self, field: Field) -> Cell<'_> {
        let Some(needed) = self.needed.iter().find(|needed| needed.field == field) else { return Cell::Absent };
        let Some(Some(index)) = needed.index.get(self.at.wrapping_sub(1)) else { return Cell::Absent };
        match &needed.values {
            Values::Bytes(all) => all.get(*index).map_or(Cell::Absent, |value| Cell::Bytes(value.data())),
            Values::Fixed(all) => all.get(*index).map_or(Cell::Absent, |value| Cell::Bytes(value.data())),
            Values::Int32(all) => all.get(*index).map_or(Cell::Absent, |value| Cell::Integer(i64::from(*value))),
            Values::Int64(all) => all.get(*index).map_or(Cell::Absent, |value| Cell::Integer(*value)),
        }
    }

    fn skip(&mut self, rows: u64) -> Result<(), ParquetError> {
        let mut left = usize::try_from(rows)?;
        self.before = rows;
        while left > 0 {
            let size = usize::try_from(self.reader.metadata().row_group(self.group).num_rows())?;
            if left >= size {
                self.group += 1;
                left -= size;
                continue;
            }
            self.open_group()?;
            for needed in &mut self.needed {
                if needed.skip(left)? != left {
                    return Err(ParquetError::General("a row group with fewer rows than it says".to_owned()));
                }
            }
            self.left_in_group -= left;
            left = 0;
        }
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), ParquetError> {
        let group = self.reader.get_row_group(self.group)?;
        for needed in &mut self.needed {
            needed.reader = Some(group.get_column_reader(needed.column)?);
        }
        self.left_in_group = usize::try_from(group.metadata().num_rows())?;
        self.group += 1;
        Ok(())
    }

    fn fill(&mut self) -> Result<(), ParquetError> {
        (self.at, self.filled) = (0, 0);
        while self.left_in_group == 0 && self.group < self.reader.metadata().num_row_groups() {
            self.open_group()?;
        }
        let rows = self.left_in_group.min(BATCH_ROWS);
        for needed in &mut self.needed {
            if needed.read(rows)? != rows {
                return Err(ParquetError::General("a column with fewer rows than its row group".to_owned()));
            }
        }
        self.left_in_group -= rows;
        self.filled = rows;
        Ok(())
    }
}

impl Needed {
    /// Reads so many rows in place of those before; answers how many there are.
    fn read(&mut self, rows: usize) -> Result<usize, ParquetError> {
        self.levels.clear();
        let levels = (self.max_level > 0).then_some(&mut self.levels);
        let read = match (&mut self.reader, &mut self.values) {
            (Some(ColumnReader::ByteArrayColumnReader(reader)), Values::Bytes(out)) => read(reader, rows, levels, out),
            (Some(ColumnReader::FixedLenByteArrayColumnReader(reader)), Values::Fixed(out)) => {
                read(reader, rows, levels, out)
            }
            (Some(ColumnReader::Int32ColumnReader(reader)), Values::Int32(out)) => read(reader, rows, levels, out),
            (Some(ColumnReader::Int64ColumnReader(reader)), Values::Int64(out)) => read(reader, rows, levels, out),
            _ => Err(ParquetError::General("a column of another type than the schema says".to_owned())),
        };
        let (records, values) = read?;
        let mut next = 0;
        self.index.clear();
        let present = |row: usize| self.max_level == 0 || self.levels.get(row) == Some(&self.max_level);
        for row in 0..records {
            let there = present(row) && next < values;
            self.index.push(there.then_some(next));
            next += usize::from(there);
        }
        Ok(records)
    }

    fn skip(&mut self, rows: usize) -> Result<usize, ParquetError> {
        match &mut self.reader {
            Some(ColumnReader::ByteArrayColumnReader(reader)) => reader.skip_records(rows),
            Some(ColumnReader::FixedLenByteArrayColumnReader(reader)) => reader.skip_records(rows),
            Some(ColumnReader::Int32ColumnReader(reader)) => reader.skip_records(rows),
            Some(ColumnReader::Int64ColumnReader(reader)) => reader.skip_records(rows),
            _ => Ok(0),
        }
    }
}

/// The library panics at some damage. Since panics unwind in every profile of this workspace, that is an error as any other.
fn unwound<T>(read: impl FnOnce() -> ParquetResult<T>) -> ParquetResult<T> {
    let broken = |_| Err(ParquetError::General("its structure is damaged".to_owned()));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(broken)
}

/// Records, and values that are there.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    levels: Option<&mut Vec<i16>>,
    out: &mut Vec<T::T>,
) -> Result<(usize, usize), ParquetError> {
    out.clear();
    let (records, values, _) = reader.read_records(rows, levels, None, out)?;
    Ok((records, values))
}

/// Memory for the values of a column, if its type can hold the field.
fn values(field: Field, column: &ColumnDescriptor, integer_width: Option<u8>) -> Result<Values, OpenError> {
    let name = || ColumnName::new(&column.path().string());
    let refused = |physical| Err(OpenError::ColumnType { column: name(), field, physical });
    let logical = column.logical_type_ref();
    let is_text = matches!(logical, None | Some(LogicalType::String | LogicalType::Enum));
    let is_integer = matches!(logical, None | Some(LogicalType::Integer { .. }));
    if column.max_rep_level() > 0 {
        return refused("lists");
    }
    let integers = |values| match integer_width {
        _ if field != Field::Code => refused("integers"),
        Some(_) => Ok(values),
        None => Err(OpenError::NumericCodes { column: name(), physical: "integers" }),
    };
    match column.physical_type() {
        Type::BYTE_ARRAY if is_text => Ok(Values::Bytes(Vec::new())),
        Type::FIXED_LEN_BYTE_ARRAY if is_text => Ok(Values::Fixed(Vec::new())),
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => refused("bytes that are no text"),
        Type::INT32 if field == Field::Produced && matches!(logical, Some(LogicalType::Date)) => {
            Ok(Values::Int32(Vec::new()))
        }
        Type::INT32 if is_integer => integers(Values::Int32(Vec::new())),
        Type::INT64 if is_integer => integers(Values::Int64(Vec::new())),
        Type::INT32 | Type::INT64 | Type::INT96 => refused("times or decimals"),
        Type::FLOAT | Type::DOUBLE => refused("fractions"),
        Type::BOOLEAN => refused("yes or no"),
    }
}

/// A file of which nothing large is read at once.
struct Guarded(Arc<File>);

impl Length for Guarded {
    fn len(&self) -> u64 {
        Length::len(self.0.as_ref())
    }
}

impl ChunkReader for Guarded {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if length > MAX_READ_BYTES {
            let why = format!("a page of {length} bytes; write it with pages of at most {MAX_READ_BYTES}");
            return Err(ParquetError::General(why));
        }
        self.0.get_bytes(start, length)
    }
}
