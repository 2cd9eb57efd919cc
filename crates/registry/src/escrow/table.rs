//! The table in an export: CSV that an import takes as it is, with notes in front and behind that say what it is.

use std::io;

use super::age_file::{AgeFile, SealedFile};
use crate::log::TreeHead;
use crate::record::{Unit, Vin};

/// What an export begins with. A table that begins so may have notes: lines that begin with `#` outside quotes.
pub(crate) const MARK: &str = "# headlock-export/v1";

/// What it ends with, as a line.
pub(crate) const END: &str = "# end";

const COLUMNS: &str = "serial,code,unit,firmware,region,companion,vin,state,earlier_vins\n";

/// What is said of an export before its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest<'a> {
    /// The registry's name.
    pub origin: &'a str,
    /// The export's id.
    pub export: &'a str,
    /// Which file of this export.
    pub attempt: u32,
    /// When it was begun, in seconds since 1970.
    pub at_s: u64,
    /// The log as the records stand.
    pub head: TreeHead,
    /// Only this kind of unit.
    pub unit: Option<&'a str>,
    /// Only this region.
    pub region: Option<&'a str>,
}

/// A table under way.
#[derive(Debug)]
pub struct Table<'a> {
    file: AgeFile<'a>,
    units: u64,
    without_code: u64,
}

impl<'a> Table<'a> {
    /// Writes the notes in front, and the header.
    ///
    /// # Errors
    /// The file cannot be written on.
    pub fn begin(mut file: AgeFile<'a>, manifest: &Manifest<'_>) -> io::Result<Self> {
        let Manifest { origin, export, attempt, at_s, head, unit, region } = manifest;
        let TreeHead { size, root } = head;
        let mut notes = format!(
            "{MARK}\n# origin {origin}\n# export {export}\n# attempt {attempt}\n# at_s {at_s}\n# tree_size {size}\n# root {root}\n"
        );
        for (name, value) in [("unit", unit), ("region", region)] {
            if let Some(value) = value {
                notes.push_str(&format!("# only_{name} {value}\n"));
            }
        }
        file.put(notes.as_bytes())?;
        file.put(COLUMNS.as_bytes())?;
        Ok(Self { file, units: 0, without_code: 0 })
    }

    /// Writes a row. A code that cannot be opened is left out, and counted.
    ///
    /// # Errors
    /// The file cannot be written on.
    pub fn row(&mut self, unit: &Unit, code: Option<&str>, earlier: &[Vin]) -> io::Result<()> {
        self.units += 1;
        self.without_code += u64::from(code.is_none());
        let earlier: Vec<&str> = earlier.iter().map(Vin::as_str).collect();
        let fields = [
            unit.serial.as_str(),
            code.unwrap_or_default(),
            &unit.unit,
            &unit.firmware,
            unit.region.as_str(),
            unit.companion.as_deref().unwrap_or_default(),
            unit.vin.as_ref().map(Vin::as_str).unwrap_or_default(),
            unit.state.word(),
            &earlier.join(" "),
        ];
        for (at, field) in fields.into_iter().enumerate() {
            if at > 0 {
                self.file.put(b",")?;
            }
            self.field(field)?;
        }
        self.file.put(b"\n")
    }

    /// Straight into the file: no copy of a code is made on the way.
    fn field(&mut self, text: &str) -> io::Result<()> {
        let plain = |byte: u8| !matches!(byte, b',' | b'"' | b'\n' | b'\r' | b'#' | b' ');
        if text.bytes().all(plain) {
            return self.file.put(text.as_bytes());
        }
        self.file.put(b"\"")?;
        for (at, part) in text.split('"').enumerate() {
            if at > 0 {
                self.file.put(b"\"\"")?;
            }
            self.file.put(part.as_bytes())?;
        }
        self.file.put(b"\"")
    }

    /// Rows so far.
    pub const fn units(&self) -> u64 {
        self.units
    }

    /// Rows so far whose code is left out.
    pub const fn without_code(&self) -> u64 {
        self.without_code
    }

    /// Writes the notes behind, and ends the file.
    ///
    /// # Errors
    /// The file cannot be written on.
    pub fn finish(mut self) -> io::Result<SealedFile> {
        let notes = format!("# units {}\n# without_code {}\n{END}\n", self.units, self.without_code);
        self.file.put(notes.as_bytes())?;
        self.file.finish()
    }
}
