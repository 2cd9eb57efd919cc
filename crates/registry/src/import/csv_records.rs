//! Records of a CSV file with the line on which each starts, in bounded memory.
//!
//! Stricter than most readers, since half a quoted field is half a code: characters behind a closing quote are told, and so is a quote that
//! nothing closes.

use std::io::{self, Read};
use std::ops::Range;

use zeroize::Zeroizing;

use super::failure::ReadError;

/// Bytes of the longest record, without its quotes and delimiters.
pub const MAX_RECORD_BYTES: usize = 64 << 10;
/// Fields of the widest record.
const MAX_FIELDS: usize = 1024;
const BUFFER_BYTES: usize = 128 << 10;

/// Reads record after record into the same memory.
pub(super) struct Records<R> {
    input: R,
    buffer: Zeroizing<Vec<u8>>,
    at: usize,
    filled: usize,
    /// Of the first byte of the buffer.
    offset: u64,
    line: u64,
    delimiter: u8,
    data: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
    quoted: bool,
    loose: bool,
    /// Lines that begin with `#` are passed over.
    has_notes: bool,
}

/// One record.
pub(super) struct CsvRecord<'a> {
    /// On which it starts.
    pub(super) line: u64,
    data: &'a [u8],
    ends: &'a [usize],
    /// Characters stand behind a closing quote.
    pub(super) loose: bool,
}

impl<'a> CsvRecord<'a> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a field.
    pub(super) fn field(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.data.get(start..end)
    }

    /// Whether there is nothing but spaces in it.
    pub(super) fn is_blank(&self) -> bool {
        self.data.iter().all(u8::is_ascii_whitespace)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted { line: u64 },
    QuoteSeen { line: u64 },
    RecordEnd,
}

impl<R: Read> Records<R> {
    /// Reads on from a byte of the file, at which a line starts.
    pub(super) fn new(input: R, delimiter: u8, (offset, line): (u64, u64)) -> Self {
        Self {
            input,
            buffer: Zeroizing::new(vec![0; BUFFER_BYTES]),
            at: 0,
            filled: 0,
            offset,
            line,
            delimiter,
            // Never more than this, so that no outgrown memory is left unwiped.
            data: Zeroizing::new(Vec::with_capacity(MAX_RECORD_BYTES)),
            ends: Vec::new(),
            quoted: false,
            loose: false,
            has_notes: false,
        }
    }

    /// The same of a file that may have notes between its records: lines that begin with `#`.
    pub(super) const fn with_notes(mut self, has_notes: bool) -> Self {
        self.has_notes = has_notes;
        self
    }

    /// The byte and the line at which the next record starts.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.offset + self.at as u64, self.line)
    }

    /// The next record; empty lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<CsvRecord<'_>>, ReadError> {
        loop {
            let line = self.line;
            self.data.clear();
            self.ends.clear();
            (self.quoted, self.loose) = (false, false);
            if !self.read(line)? {
                return Ok(None);
            }
            if self.has_notes && !self.quoted && self.data.first() == Some(&b'#') {
                continue;
            }
            if self.ends.len() > 1 || self.quoted || !self.data.is_empty() {
                let (data, ends, loose) = (&self.data, &self.ends, self.loose);
                return Ok(Some(CsvRecord { line, data, ends, loose }));
            }
        }
    }

    /// Reads one record with the end of its line; false at the end of the file.
    fn read(&mut self, line: u64) -> Result<bool, ReadError> {
        let mut state = State::FieldStart;
        let mut begun = false;
        loop {
            if self.at == self.filled && !self.fill()? {
                return match state {
                    State::Quoted { line } => Err(ReadError::QuoteNotClosed { line }),
                    _ if begun => {
                        self.end_field(line)?;
                        Ok(true)
                    }
                    _ => Ok(false),
                };
            }
            begun = true;
            state = match state {
                State::FieldStart if self.buffer[self.at] == b'"' => {
                    self.at += 1;
                    self.quoted = true;
                    State::Quoted { line: self.line }
                }
                State::FieldStart | State::Plain => {
                    let (delimiter, from) = (self.delimiter, self.at);
                    let rest = &self.buffer[from..self.filled];
                    let ends = |byte: &u8| *byte == delimiter || *byte == b'\n' || *byte == b'\r';
                    let size = rest.iter().position(ends).unwrap_or(rest.len());
                    self.take(from..from + size, state, line)?;
                    if self.at == self.filled { State::Plain } else { self.special(line)? }
                }
                State::Quoted { line: opened } => {
                    let from = self.at;
                    let rest = &self.buffer[from..self.filled];
                    let size = rest.iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r')).unwrap_or(rest.len());
                    self.take(from..from + size, state, line)?;
                    match self.buffer[..self.filled].get(self.at) {
                        Some(b'"') => {
                            self.at += 1;
                            State::QuoteSeen { line: opened }
                        }
                        Some(_) => {
                            self.inner_line_end(state, line)?;
                            state
                        }
                        None => state,
                    }
                }
                State::QuoteSeen { line: opened } => match self.buffer[self.at] {
                    b'"' => {
                        self.take(self.at..self.at + 1, state, line)?;
                        State::Quoted { line: opened }
                    }
                    byte if byte == self.delimiter || byte == b'\n' || byte == b'\r' => self.special(line)?,
                    _ => {
                        self.loose = true;
                        State::Plain
                    }
                },
                State::RecordEnd => state,
            };
            if state == State::RecordEnd {
                return Ok(true);
            }
        }
    }

    /// What stands behind a field: a delimiter, or the end of the line.
    fn special(&mut self, line: u64) -> Result<State, ReadError> {
        self.end_field(line)?;
        if self.buffer[self.at] == self.delimiter {
            self.at += 1;
            return Ok(State::FieldStart);
        }
        self.line_end()?;
        Ok(State::RecordEnd)
    }

    /// Passes one end of a line: LF, CR LF, or CR alone. Answers whether it was CR LF.
    fn line_end(&mut self) -> io::Result<bool> {
        let first = self.buffer[self.at];
        self.at += 1;
        self.line += 1;
        if first != b'\r' || (self.at == self.filled && !self.fill()?) || self.buffer[self.at] != b'\n' {
            return Ok(false);
        }
        self.at += 1;
        Ok(true)
    }

    /// The end of a line inside quotes belongs to the field.
    fn inner_line_end(&mut self, state: State, line: u64) -> Result<(), ReadError> {
        self.take(self.at..self.at + 1, state, line)?;
        self.at -= 1;
        if self.line_end()? {
            self.room(1, state, line)?;
            self.data.push(b'\n');
        }
        Ok(())
    }

    /// Moves bytes of the buffer to the record.
    fn take(&mut self, bytes: Range<usize>, state: State, line: u64) -> Result<(), ReadError> {
        self.room(bytes.len(), state, line)?;
        self.at = bytes.end;
        self.data.extend_from_slice(&self.buffer[bytes]);
        Ok(())
    }

    fn room(&self, bytes: usize, state: State, line: u64) -> Result<(), ReadError> {
        match state {
            _ if self.data.len() + bytes <= MAX_RECORD_BYTES => Ok(()),
            State::Quoted { line } | State::QuoteSeen { line } => Err(ReadError::QuoteNotClosed { line }),
            _ => Err(ReadError::RecordTooLong { line }),
        }
    }

    fn end_field(&mut self, line: u64) -> Result<(), ReadError> {
        if self.ends.len() == MAX_FIELDS {
            return Err(ReadError::TooManyFields { line, most: MAX_FIELDS });
        }
        self.ends.push(self.data.len());
        Ok(())
    }

    /// Reads more once all was taken; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.offset += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(read) => {
                    self.filled = read;
                    return Ok(read > 0);
                }
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
    }
}
