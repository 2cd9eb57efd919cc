//! A table on disk, and its rows chunk by chunk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use headlock_profile::Catalog;
use jiff::civil::Date;
use zeroize::{Zeroize, Zeroizing};

use super::bad_row::Why;
use super::check::{Cells, Checker};
use super::csv_records::{CsvRecord, MAX_RECORD_BYTES, Records};
use super::digest::{FileDigest, Progress, scan};
use super::failure::{OpenError, ReadError};
use super::field::{Field, Format, Options};
use super::gather::Gather;
use super::header::{Columns, known};
use super::parquet_rows::{Cell, Opened, ParquetRows};
use super::position::{Place, Position};
use super::record::Chunk;
use super::sniff::{BOM, Kind, SNIFFED_BYTES, kind};
use crate::escrow::{END, MARK};

/// A table whose content is known by its digest. Its columns are not looked at yet.
#[derive(Debug)]
pub struct Source {
    file: File,
    format: Format,
    digest: FileDigest,
    modified: Option<SystemTime>,
}

impl Source {
    /// Opens a file and reads it once. Without a format its first bytes tell it.
    ///
    /// # Errors
    /// It cannot be read, or is no table.
    pub fn open(path: &Path, format: Option<Format>, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenError> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut front = Vec::with_capacity(SNIFFED_BYTES);
        (&mut file).take(SNIFFED_BYTES as u64).read_to_end(&mut front)?;
        let kind = kind(&front);
        front.zeroize();
        let format = match (kind?, format) {
            (_, Some(format)) => format,
            (Kind::Parquet, None) => Format::Parquet,
            (Kind::Text, None) => Format::Csv { delimiter: None },
        };
        if let Format::Csv { delimiter: Some(byte) } = format
            && (!byte.is_ascii() || matches!(byte, b'"' | b'\n' | b'\r' | 0))
        {
            return Err(OpenError::Delimiter);
        }
        file.seek(SeekFrom::Start(0))?;
        let scanned = scan(&mut file, metadata.len(), progress)?;
        match (format, scanned.not_utf8) {
            (Format::Csv { .. }, Some(line)) => Err(OpenError::NotUtf8 { line }),
            _ => Ok(Self { file, format, digest: scanned.digest, modified: metadata.modified().ok() }),
        }
    }

    /// How it is written, as far as it is known before the header is read.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// What identifies its content.
    pub const fn digest(&self) -> FileDigest {
        self.digest
    }

    /// All rows.
    ///
    /// # Errors
    /// Its columns are not what they should be, or the options are not.
    pub fn rows<'c>(self, catalog: &'c Catalog, options: &Options) -> Result<Rows<'c>, OpenError> {
        self.start(catalog, options, None)
    }

    /// The rows from a position on, which an earlier run over the same content has come to.
    ///
    /// # Errors
    /// The content is another; or as [`Source::rows`].
    pub fn rows_at<'c>(
        self,
        catalog: &'c Catalog,
        options: &Options,
        position: Position,
    ) -> Result<Rows<'c>, OpenError> {
        if position.digest != self.digest {
            return Err(OpenError::OtherFile);
        }
        self.start(catalog, options, Some(position.place))
    }

    fn start<'c>(mut self, catalog: &'c Catalog, options: &Options, at: Option<Place>) -> Result<Rows<'c>, OpenError> {
        if options.chunk_rows == 0 {
            return Err(OpenError::NoChunk);
        }
        let own = self.file.try_clone()?;
        let (input, columns) = match self.format {
            Format::Csv { delimiter } => {
                let header = csv_header(&mut self.file, delimiter, options)?;
                let place = match at {
                    None => header.behind,
                    Some(Place::Csv { offset, line }) if offset >= header.behind.0 => (offset, line),
                    Some(_) => return Err(OpenError::OtherFile),
                };
                self.file.seek(SeekFrom::Start(place.0))?;
                let records = Records::new(self.file, header.delimiter, place).with_notes(header.has_notes);
                (Input::Csv(records), header.columns)
            }
            Format::Parquet => {
                let opened = Opened::new(self.file)?;
                let header = opened.header();
                let names: Vec<&str> = header.iter().map(String::as_str).collect();
                let columns = Columns::new(&names, options)?;
                let before = match at {
                    None => 0,
                    Some(Place::Parquet { rows }) => rows,
                    Some(Place::Csv { .. }) => return Err(OpenError::OtherFile),
                };
                let rows = opened.rows(&columns, options.integer_width, before)?;
                (Input::Parquet(Box::new(rows)), columns)
            }
        };
        Ok(Rows {
            input,
            checker: Checker::new(catalog, columns, options)?,
            digest: self.digest,
            file: own,
            modified: self.modified,
            chunk_rows: options.chunk_rows,
            integer_width: options.integer_width,
            failed: None,
        })
    }
}

/// What a CSV file begins with.
struct Header {
    columns: Columns,
    delimiter: u8,
    /// The byte and the line behind it.
    behind: (u64, u64),
    /// It is an export's, which has notes in front and behind.
    has_notes: bool,
}

fn csv_header(file: &mut File, delimiter: Option<u8>, options: &Options) -> Result<Header, OpenError> {
    file.seek(SeekFrom::Start(0))?;
    let mut front = Zeroizing::new(Vec::with_capacity(MAX_RECORD_BYTES * 2));
    file.take(MAX_RECORD_BYTES as u64 * 2).read_to_end(&mut front)?;
    let bom = if front.starts_with(BOM) { BOM.len() } else { 0 };
    let has_notes = front[bom..].starts_with(MARK.as_bytes());
    if has_notes && !is_ended(file)? {
        return Err(OpenError::BrokenOff);
    }
    let mut best: Option<(usize, usize, u8)> = None;
    for candidate in delimiter.map_or_else(|| vec![b',', b';', b'\t'], |one| vec![one]) {
        let mut records = Records::new(&front[bom..], candidate, (bom as u64, 1)).with_notes(has_notes);
        let Some(record) = records.next().map_err(OpenError::Read)? else { return Err(OpenError::Empty) };
        let names = names(&record);
        let score = (known(&names, options), names.len(), candidate);
        if best.is_none_or(|best| (score.0, score.1) > (best.0, best.1)) {
            best = Some(score);
        }
    }
    let delimiter = best.map_or(b',', |(_, _, delimiter)| delimiter);
    let mut records = Records::new(&front[bom..], delimiter, (bom as u64, 1)).with_notes(has_notes);
    let columns = match records.next().map_err(OpenError::Read)? {
        Some(record) => Columns::new(&names(&record), options)?,
        None => return Err(OpenError::Empty),
    };
    Ok(Header { columns, delimiter, behind: records.place(), has_notes })
}

/// Whether an export's last line is there: what opens a file hands out its front before it knows that the rest is lacking.
fn is_ended(file: &mut File) -> std::io::Result<bool> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(SNIFFED_BYTES as u64)))?;
    let mut back = Zeroizing::new(Vec::with_capacity(SNIFFED_BYTES));
    file.take(SNIFFED_BYTES as u64).read_to_end(&mut back)?;
    let back = back.trim_ascii_end();
    Ok(back.strip_suffix(END.as_bytes()).is_some_and(|before| before.ends_with(b"\n")))
}

fn names<'a>(record: &CsvRecord<'a>) -> Vec<&'a str> {
    (0..record.len())
        .map(|index| record.field(index).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default())
        .collect()
}

enum Input {
    Csv(Records<File>),
    Parquet(Box<ParquetRows>),
}

/// The rows of a table, chunk by chunk.
pub struct Rows<'c> {
    input: Input,
    checker: Checker<'c>,
    digest: FileDigest,
    file: File,
    modified: Option<SystemTime>,
    chunk_rows: usize,
    integer_width: Option<u8>,
    /// What stopped a chunk that had rows already.
    failed: Option<ReadError>,
}

impl<'c> Rows<'c> {
    /// What identifies the content of the file.
    pub const fn digest(&self) -> FileDigest {
        self.digest
    }

    /// Where the next chunk starts.
    pub fn position(&self) -> Position {
        let place = match &self.input {
            Input::Csv(records) => {
                let (offset, line) = records.place();
                Place::Csv { offset, line }
            }
            Input::Parquet(rows) => Place::Parquet { rows: rows.before() },
        };
        Position { digest: self.digest, place }
    }

    /// The next rows; nothing behind the last.
    ///
    /// # Errors
    /// The file cannot be read on. What was read before it has been given.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'c>>, ReadError> {
        if let Some(why) = self.failed.take() {
            return Err(why);
        }
        let mut gather = Gather::new(self.chunk_rows);
        let mut next = self.position();
        while gather.read() < self.chunk_rows {
            match self.row(&mut gather) {
                Ok(true) => next = self.position(),
                Ok(false) => break,
                Err(why) if gather.read() == 0 => return Err(why),
                Err(why) => {
                    self.failed = Some(why);
                    break;
                }
            }
        }
        let metadata = self.file.metadata()?;
        if metadata.len() != self.digest.length || metadata.modified().ok() != self.modified {
            return Err(ReadError::Changed);
        }
        Ok((gather.read() > 0).then(|| gather.finish(next)))
    }

    fn row(&mut self, gather: &mut Gather<'c>) -> Result<bool, ReadError> {
        match &mut self.input {
            Input::Csv(records) => {
                let Some(record) = records.next()? else { return Ok(false) };
                csv_row(&record, &mut self.checker, gather);
            }
            Input::Parquet(rows) => {
                if !rows.advance()? {
                    return Ok(false);
                }
                parquet_row(rows, self.integer_width, &mut self.checker, gather);
            }
        }
        Ok(true)
    }
}

fn csv_row<'c>(record: &CsvRecord<'_>, checker: &mut Checker<'c>, gather: &mut Gather<'c>) {
    if record.is_blank() {
        return gather.blank();
    }
    let wanted = checker.columns().count;
    let whole = match record.len() {
        _ if record.loose => Some(Why::Quoting),
        found if found != wanted => Some(Why::Fields { found, wanted }),
        _ => None,
    };
    if let Some(why) = whole {
        return gather.bad(checker.bad(record.line, None, why, None));
    }
    let mut cells = Cells { line: record.line, values: [None; Field::ALL.len()] };
    for field in Field::ALL {
        let Some(bytes) = checker.columns().of[field as usize].and_then(|column| record.field(column)) else {
            continue;
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => cells.values[field as usize] = Some(text.trim()).filter(|text| !text.is_empty()),
            Err(_) => return gather.bad(checker.bad(record.line, Some(field), Why::NotUtf8, None)),
        }
    }
    judge(&cells, checker, gather);
}

fn parquet_row<'c>(rows: &ParquetRows, width: Option<u8>, checker: &mut Checker<'c>, gather: &mut Gather<'c>) {
    let line = rows.before();
    let mut cells = Cells { line, values: [None; Field::ALL.len()] };
    let mut code = Zeroizing::new(String::new());
    let mut day = String::new();
    let mut wrong = None;
    if let (Cell::Integer(number), Some(width)) = (rows.cell(Field::Code), width) {
        // Room from the start, so that no outgrown memory is left unwiped.
        code.reserve_exact(usize::from(u8::MAX));
        let digits = Zeroizing::new(number.to_string());
        if number < 0 || digits.len() > usize::from(width) {
            wrong = Some((Field::Code, Why::IntegerWidth { width }));
        }
        (digits.len()..usize::from(width)).for_each(|_| code.push('0'));
        code.push_str(&digits);
    }
    if let Cell::Integer(days) = rows.cell(Field::Produced) {
        match date_of(days) {
            Some(date) => day = date.to_string(),
            None => wrong = Some((Field::Produced, Why::Date)),
        }
    }
    for field in Field::ALL {
        let text = match (rows.cell(field), field) {
            (Cell::Absent, _) => continue,
            (Cell::Integer(_), Field::Code) => code.as_str(),
            (Cell::Integer(_), _) => day.as_str(),
            (Cell::Bytes(bytes), _) => match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return gather.bad(checker.bad(line, Some(field), Why::NotUtf8, None)),
            },
        };
        cells.values[field as usize] = Some(text.trim()).filter(|text| !text.is_empty());
    }
    if cells.values.iter().all(Option::is_none) {
        return gather.blank();
    }
    if let Some((field, why)) = wrong {
        return gather.bad(checker.bad(line, Some(field), why, None));
    }
    judge(&cells, checker, gather);
}

fn judge<'c>(cells: &Cells<'_>, checker: &mut Checker<'c>, gather: &mut Gather<'c>) {
    match checker.check(cells) {
        Ok(record) => gather.record(record, checker),
        Err(bad) => gather.bad(bad),
    }
}

/// The day so many days after 1970-01-01.
fn date_of(days: i64) -> Option<Date> {
    let span = jiff::Span::new().try_days(days).ok()?;
    Date::constant(1970, 1, 1).checked_add(span).ok()
}
