//! The rows as a batch sees them: what stands in the store, with all that the batch has changed so far on top.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::recent::{Added, Recent, Subject};
use super::refusal::{Fault, Stop};
use crate::log::{Commitment, Event, EventError, Salt};
use crate::record::{Field, Opened, Record, RequestId};
use crate::store::{Change, Row, Scan, Store, Table, Value};

/// Rows kept between batches; beyond this many, all but those of the batch are forgotten.
const ROWS_MAX: usize = 100_000;

/// Rows that were read or changed. Between batches they hold as long as nobody else commits.
#[derive(Default)]
pub(super) struct Rows {
    /// By table and key.
    tables: Vec<(&'static str, FxHashMap<Row, Slot>)>,
    changed: Vec<(&'static Table, Row)>,
}

struct Slot {
    row: Option<Row>,
    changed: bool,
}

impl Rows {
    /// Forgets everything: another writer went on, or a commit failed.
    pub(super) fn forget(&mut self) {
        self.tables.clear();
        self.changed.clear();
    }

    /// Forgets the rows of these tables, which were changed beside a batch's own.
    pub(super) fn forget_tables(&mut self, tables: &[&str]) {
        self.tables.retain(|(table, _)| !tables.contains(table));
    }

    /// After a commit: what was changed stands in the store now.
    pub(super) fn committed(&mut self) {
        for (table, key) in std::mem::take(&mut self.changed) {
            if let Some(slot) = self.slots(table).get_mut(&key) {
                slot.changed = false;
            }
        }
        self.tables.iter_mut().filter(|(name, _)| !is_kept(name)).for_each(|(_, slots)| slots.clear());
        if self.tables.iter().map(|(_, slots)| slots.len()).sum::<usize>() > ROWS_MAX {
            self.tables.clear();
        }
    }

    fn slots(&mut self, table: &'static Table) -> &mut FxHashMap<Row, Slot> {
        let known = self.tables.iter().position(|(name, _)| *name == table.name);
        let at = known.unwrap_or_else(|| {
            self.tables.push((table.name, FxHashMap::default()));
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    /// The changes of the batch, in the order in which they were first made.
    fn changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        let change = |(table, key): &(&'static Table, Row)| {
            let slot = self.slots(table).get_mut(key);
            // Rows that nobody will ask for go out of here with the commit, or with its failure.
            let row = slot.and_then(|slot| if is_kept(table.name) { slot.row.clone() } else { slot.row.take() });
            match row {
                Some(row) => Change::Put { table, row },
                None => Change::Delete { table, key: key.clone() },
            }
        };
        let changes = changed.iter().map(change).collect();
        self.changed = changed;
        changes
    }
}

/// Whether rows of a table are asked for again and again.
fn is_kept(table: &str) -> bool {
    matches!(table, "account" | "session" | "certificate" | "identity" | "flood" | "watched" | "secret" | "setting")
}

/// One batch under way.
pub(super) struct World<'a> {
    store: &'a mut dyn Store,
    rows: &'a mut Rows,
    recent: &'a Recent,
    added: Added,
    first_leaf: u64,
    logged: Vec<Event>,
    /// The time, in milliseconds since 1970. It never goes back.
    pub(super) now_ms: u64,
}

/// What a batch comes to.
pub(super) struct Written {
    pub(super) openings: Vec<(Salt, Event)>,
    pub(super) added: Added,
    pub(super) changes: Vec<Change>,
    pub(super) leaves: Vec<Commitment>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        store: &'a mut dyn Store,
        (rows, recent): (&'a mut Rows, &'a Recent),
        first_leaf: u64,
        now_ms: u64,
    ) -> Self {
        Self { store, rows, recent, added: Added::default(), first_leaf, logged: Vec::new(), now_ms }
    }

    /// The state of a limit.
    pub(super) fn tat_ms(&self, subject: Subject) -> u64 {
        self.recent.tat_ms(&self.added, subject)
    }

    /// Another state of a limit.
    pub(super) fn charge(&mut self, subject: Subject, tat_ms: u64) {
        self.added.charge(subject, tat_ms);
    }

    /// The request that an idempotency key stands for.
    pub(super) fn request(&self, subject: Subject) -> Option<RequestId> {
        self.recent.request(&self.added, subject)
    }

    /// A new request for an idempotency key.
    pub(super) fn new_request(&mut self, subject: Subject) -> Result<RequestId, Stop> {
        let id = self.new_id()?;
        self.added.remember(subject, id);
        Ok(RequestId::from_bytes(&id))
    }

    /// A new id. Ids go up, so that requests lie one behind the other.
    pub(super) fn new_id(&self) -> Result<[u8; 16], Stop> {
        let mut id = [0; 16];
        crate::random::fill(&mut id[8..]).map_err(Fault::NoRandomness)?;
        let leaf = self.first_leaf + self.logged.len() as u64;
        id[..8].copy_from_slice(&leaf.to_be_bytes());
        Ok(id)
    }

    pub(super) const fn now_s(&self) -> u64 {
        self.now_ms / 1000
    }

    /// Reads rows that will be asked for, all of a table at once.
    pub(super) fn foresee(&mut self, table: &'static Table, keys: Vec<Row>) -> Result<(), Stop> {
        let known = self.rows.slots(table);
        let mut wanted: Vec<Row> = keys.into_iter().filter(|key| !known.contains_key(key)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let found = self.store.get(table, &wanted)?;
        let slots = self.rows.slots(table);
        slots.extend(wanted.into_iter().zip(found).map(|(key, row)| (key, Slot { row, changed: false })));
        Ok(())
    }

    /// The record of this key.
    pub(super) fn read<R: Record>(&mut self, key: Row) -> Result<Option<R>, Stop> {
        let slot = match self.rows.slots(R::TABLE).entry(key) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => {
                let row = self.store.get(R::TABLE, std::slice::from_ref(slot.key()))?.pop().flatten();
                slot.insert(Slot { row, changed: false })
            }
        };
        let Some(row) = &slot.row else { return Ok(None) };
        R::from_row(row.clone()).map(Some).ok_or(Stop::Fault(Fault::Row { table: R::TABLE.name }))
    }

    /// Puts a record, whatever stood there.
    pub(super) fn put<R: Record>(&mut self, record: &R) {
        let row = record.to_row();
        let key = row[..R::TABLE.key].to_vec();
        self.change(R::TABLE, key, Some(row));
    }

    /// Removes the record of this key.
    pub(super) fn delete<R: Record>(&mut self, key: Row) {
        self.change(R::TABLE, key, None);
    }

    fn change(&mut self, table: &'static Table, key: Row, row: Option<Row>) {
        let slots = self.rows.slots(table);
        if let Some(slot) = slots.get_mut(&key).filter(|slot| slot.changed) {
            slot.row = row;
            return;
        }
        slots.insert(key.clone(), Slot { row, changed: true });
        self.rows.changed.push((table, key));
    }

    /// The first records whose key begins so, in the order of their keys.
    pub(super) fn scan<R: Record>(&mut self, prefix: &[Value], limit: usize) -> Result<Vec<R>, Stop> {
        self.scan_towards(prefix, limit, false)
    }

    /// The last records whose key begins so, also in the order of their keys.
    pub(super) fn scan_newest<R: Record>(&mut self, prefix: &[Value], limit: usize) -> Result<Vec<R>, Stop> {
        let mut records = self.scan_towards(prefix, limit, true)?;
        records.reverse();
        Ok(records)
    }

    fn scan_towards<R: Record>(&mut self, prefix: &[Value], limit: usize, backwards: bool) -> Result<Vec<R>, Stop> {
        let table = R::TABLE;
        let of_table = |(of, key): &&(&'static Table, Row)| of.name == table.name && key.starts_with(prefix);
        let changed: Vec<Row> = self.rows.changed.iter().filter(of_table).map(|(_, key)| key.clone()).collect();
        let scan = Scan { table, prefix, after: None, backwards, limit: limit.saturating_add(changed.len()) };
        let mut rows = self.store.scan(&scan)?;
        for key in changed {
            rows.retain(|row| row[..table.key] != key[..]);
            rows.extend(self.rows.slots(table).get(&key).and_then(|slot| slot.row.clone()));
        }
        rows.sort_unstable_by(|a, b| a[..table.key].cmp(&b[..table.key]));
        if backwards {
            rows.reverse();
        }
        rows.truncate(limit);
        let record = |row| R::from_row(row).ok_or(Stop::Fault(Fault::Row { table: table.name }));
        rows.into_iter().map(record).collect()
    }

    /// The leaf of the event that was logged last.
    pub(super) const fn newest_leaf(&self) -> u64 {
        (self.first_leaf + self.logged.len() as u64).saturating_sub(1)
    }

    /// Logs an event; answers its leaf.
    pub(super) fn log(&mut self, event: Event) -> u64 {
        let leaf = self.first_leaf + self.logged.len() as u64;
        self.logged.push(event);
        leaf
    }

    /// An event of now, with these fields; empty ones are left out, and control characters become spaces.
    pub(super) fn event(&self, kind: &str, fields: &[(&str, &str)]) -> Result<Event, Stop> {
        let mut said: Vec<(&str, &str)> = fields.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        match Event::of(kind, self.now_s(), &mut said) {
            Err(EventError::Value) => {
                let clean = |value: &str| value.replace(char::is_control, " ");
                let cleaned: Vec<_> = said.iter().map(|(name, value)| (*name, clean(value))).collect();
                let mut said: Vec<(&str, &str)> = cleaned.iter().map(|(name, value)| (*name, value.as_str())).collect();
                Ok(Event::of(kind, self.now_s(), &mut said)?)
            }
            event => Ok(event?),
        }
    }

    /// What the batch comes to: changes in the order in which they were first made, and leaves.
    pub(super) fn finish(mut self, version: u64) -> Result<Written, Stop> {
        if let Some(row) = self.added.to_row(version, self.now_ms) {
            self.put(&row);
        }
        let mut salts = vec![0; self.logged.len() * 32];
        crate::random::fill(&mut salts).map_err(Fault::NoRandomness)?;
        let (salts, _) = salts.as_chunks::<32>();
        let mut leaves = Vec::with_capacity(self.logged.len());
        let logged = std::mem::take(&mut self.logged);
        let mut openings = Vec::with_capacity(logged.len());
        for ((event, bytes), leaf) in logged.into_iter().zip(salts).zip(self.first_leaf..) {
            let salt = Salt::from_bytes(*bytes);
            let spelt = event.to_bytes();
            leaves.push(salt.commit_bytes(&spelt));
            self.put(&Opened { leaf, salt: Some(*bytes), event: Some(spelt) });
            openings.push((salt, event));
        }
        let changes = self.rows.changes();
        Ok(Written { openings, changes, leaves, added: self.added })
    }
}

/// The columns of a key.
pub(super) fn key(fields: &[&dyn KeyField]) -> Row {
    fields.iter().map(|field| field.key()).collect()
}

/// A field that can be part of a key.
pub(super) trait KeyField {
    fn key(&self) -> Value;
}

impl<T: Field> KeyField for T {
    fn key(&self) -> Value {
        self.value()
    }
}

impl From<EventError> for Stop {
    fn from(why: EventError) -> Self {
        Self::Fault(Fault::Event(why))
    }
}
