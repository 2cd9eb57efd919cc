//! The file of an export that was authorised. It is written beside the desk, from records as they stood at one moment, and only for the
//! escrow: nothing here hands a code to anybody else.

use std::io::{self, Write};
use std::sync::Arc;

use headlock_profile::Catalog;
use rustc_hash::FxHashMap;
use zeroize::Zeroizing;

use super::keyring::{code_context_into, context};
use super::rotate::FINGERPRINT;
use super::scheme;
use super::work::House;
use crate::escrow::{AgeFile, Manifest, Recipient, SealedFile, Table};
use crate::log::TreeHead;
use crate::record::{Export, Field, Pairing, Record, RequestId, Secret, SecretKind, Setting, Unit, Vin};
use crate::seal::{DataKey, Kek};
use crate::store::{Read, Row, Scan, StoreError};

/// Rows that are read at once, and after which somebody is asked whether to go on.
const PAGE: usize = 1_000;

/// Keys that are kept open at once: each is of tens of thousands of units in a row.
const KEYS_MAX: usize = 1_024;

/// Earlier vehicles of one unit that are told of.
const EARLIER_MAX: usize = 64;

/// What writes the file of one export. Debug shows which, and no key; its keys are wiped on drop.
pub struct Exporter {
    export: Export,
    recipient: Recipient,
    origin: String,
    at_s: u64,
    catalog: Arc<Catalog>,
    /// With its fingerprint.
    kek: (String, Kek),
}

/// What a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its rows.
    pub units: u64,
    /// Those of them whose code could not be opened.
    pub without_code: u64,
    /// The log as the records stood.
    pub head: TreeHead,
    /// The file.
    pub file: SealedFile,
}

/// Why a file breaks off. What was written of it does not open to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is not what the registry wrote.
    #[error("a row of table {table} is not what the registry wrote")]
    Row {
        /// Which table.
        table: &'static str,
    },
    /// The registry went on to another key-encryption key.
    #[error("the registry is under another key-encryption key by now")]
    Rotated,
    /// Whoever takes it has gone, or it cannot be written.
    #[error("the file cannot be written on: {0}")]
    Write(#[from] io::Error),
    /// It was told to stop.
    #[error("it was told to stop")]
    Stopped,
}

impl Exporter {
    pub(super) fn new((house, at_s): (&House, u64), export: Export, recipient: Recipient, kek: (String, Kek)) -> Self {
        Self { export, recipient, origin: house.origin.clone(), at_s, catalog: Arc::clone(&house.catalog), kek }
    }

    /// Of which export it is.
    pub const fn id(&self) -> &RequestId {
        &self.export.id
    }

    /// Which file of it, from 1.
    pub const fn attempt(&self) -> u32 {
        self.export.attempts
    }

    /// Writes the file from what `read` shows, which should be one moment. `go_on` is told the rows so far, and can stop it.
    ///
    /// # Errors
    /// [`ExportError`]; what was written by then is no whole file.
    pub fn write(
        &self,
        read: &mut dyn Read,
        out: &mut dyn Write,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Exported, ExportError> {
        let stands: Option<Setting> = one(read, vec![FINGERPRINT.to_owned().value()])?;
        if stands.is_none_or(|stands| stands.value != self.kek.0) {
            return Err(ExportError::Rotated);
        }
        let head = read.standing()?.head;
        let manifest = Manifest {
            origin: &self.origin,
            export: self.export.id.as_str(),
            attempt: self.export.attempts,
            at_s: self.at_s,
            head,
            unit: self.export.unit.as_deref(),
            region: self.export.region.as_ref().map(crate::record::Region::as_str),
        };
        let mut table = Table::begin(AgeFile::begin(&self.recipient, out)?, &manifest)?;
        let mut opener = Opener { kek: &self.kek.1, catalog: &self.catalog, open: FxHashMap::default(), places: None };
        let mut histories = Histories::default();
        let mut after: Option<Row> = None;
        loop {
            let page: Vec<Unit> = page(read, &mut after)?;
            if page.is_empty() {
                break;
            }
            for unit in page.iter().filter(|unit| self.is_wanted(unit)) {
                let earlier = histories.earlier(read, unit)?;
                match opener.code(read, unit)? {
                    Opened::Sealed(code) => table.row(unit, std::str::from_utf8(&code).ok(), &earlier)?,
                    Opened::Derived(code) => table.row(unit, Some(code.reveal()), &earlier)?,
                    Opened::Not => table.row(unit, None, &earlier)?,
                }
            }
            if !go_on(table.units()) {
                return Err(ExportError::Stopped);
            }
        }
        let (units, without_code) = (table.units(), table.without_code());
        Ok(Exported { units, without_code, head, file: table.finish()? })
    }

    fn is_wanted(&self, unit: &Unit) -> bool {
        self.export.unit.as_ref().is_none_or(|wanted| *wanted == unit.unit)
            && self.export.region.as_ref().is_none_or(|wanted| *wanted == unit.region)
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Exporter({}, {}.)", self.export.id, self.export.attempts)
    }
}

/// Opens codes, one after the other.
struct Opener<'a> {
    kek: &'a Kek,
    catalog: &'a Catalog,
    open: FxHashMap<u32, Option<DataKey>>,
    /// The last scheme and unit, and the characters of their codes' places.
    places: Option<(String, Option<String>)>,
}

enum Opened {
    Sealed(Zeroizing<Vec<u8>>),
    Derived(headlock_profile::Code),
    /// Its key or its sealed bytes are damaged, or the catalogue no longer has its unit.
    Not,
}

impl Opener<'_> {
    fn code(&mut self, read: &mut dyn Read, unit: &Unit) -> Result<Opened, ExportError> {
        let Some(sealed) = &unit.sealed else { return self.derived(read, unit) };
        let Some(key) = self.key(read, unit.secret, SecretKind::Data)? else { return Ok(Opened::Not) };
        let mut context = Vec::new();
        code_context_into(&unit.serial, &unit.unit, &mut context);
        Ok(key.open(sealed, &context).map_or(Opened::Not, Opened::Sealed))
    }

    fn derived(&mut self, read: &mut dyn Read, unit: &Unit) -> Result<Opened, ExportError> {
        let name = scheme::places_setting(unit.secret, &unit.unit);
        if self.places.as_ref().is_none_or(|(known, _)| *known != name) {
            let setting: Option<Setting> = one(read, vec![name.value()])?;
            self.places = Some((name, setting.map(|setting| setting.value)));
        }
        let places = self.places.as_ref().and_then(|(_, places)| places.clone());
        let (Some(places), Some(catalogued)) = (places, self.catalog.unit(&unit.unit)) else { return Ok(Opened::Not) };
        let Some(key) = self.key(read, unit.secret, SecretKind::Scheme)? else { return Ok(Opened::Not) };
        Ok(scheme::derived(key, &places, (catalogued, unit)).map_or(Opened::Not, Opened::Derived))
    }

    fn key(&mut self, read: &mut dyn Read, number: u32, kind: SecretKind) -> Result<Option<&DataKey>, ExportError> {
        if !self.open.contains_key(&number) {
            if self.open.len() >= KEYS_MAX {
                self.open.clear();
            }
            let secret: Option<Secret> = one(read, vec![number.value()])?;
            let opened = secret.filter(|secret| secret.kind == kind);
            let opened = opened.and_then(|secret| self.kek.unwrap(&secret.wrapped, &context(kind, number)).ok());
            self.open.insert(number, opened);
        }
        Ok(self.open.get(&number).and_then(Option::as_ref))
    }
}

/// Lines of units' histories, which are read along with the units: both lie in the order of serials.
#[derive(Default)]
struct Histories {
    lines: std::collections::VecDeque<Pairing>,
    after: Option<Row>,
    ended: bool,
}

impl Histories {
    /// The vehicles that a unit was in before, the oldest first.
    fn earlier(&mut self, read: &mut dyn Read, unit: &Unit) -> Result<Vec<Vin>, ExportError> {
        let mut earlier: Vec<Vin> = Vec::new();
        while let Some(line) = self.first(read)? {
            if line.serial > unit.serial {
                break;
            }
            let Some(line) = self.lines.pop_front() else { break };
            let of_this = line.serial == unit.serial && line.vin != unit.vin;
            if let Some(vin) = line.vin.filter(|vin| of_this && !earlier.contains(vin))
                && earlier.len() < EARLIER_MAX
            {
                earlier.push(vin);
            }
        }
        Ok(earlier)
    }

    fn first(&mut self, read: &mut dyn Read) -> Result<Option<&Pairing>, ExportError> {
        if self.lines.is_empty() && !self.ended {
            self.lines = page::<Pairing>(read, &mut self.after)?.into();
            self.ended = self.lines.is_empty();
        }
        Ok(self.lines.front())
    }
}

fn one<T: Record>(read: &mut dyn Read, key: Row) -> Result<Option<T>, ExportError> {
    let row = read.get(T::TABLE, &[key])?.pop().flatten();
    row.map(|row| T::from_row(row).ok_or(ExportError::Row { table: T::TABLE.name })).transpose()
}

/// The next records of a table.
fn page<T: Record>(read: &mut dyn Read, after: &mut Option<Row>) -> Result<Vec<T>, ExportError> {
    let scan = Scan { table: T::TABLE, prefix: &[], after: after.as_deref(), backwards: false, limit: PAGE };
    let rows = read.scan(&scan)?;
    if let Some(last) = rows.last() {
        *after = Some(last.iter().take(T::TABLE.key).cloned().collect());
    }
    rows.into_iter().map(|row| T::from_row(row).ok_or(ExportError::Row { table: T::TABLE.name })).collect()
}
