//! What a store is, in memory and in the shortest words: the specification that real ones are held against.

use std::collections::BTreeMap;

use headlock_registry::log::Commitment;
use headlock_registry::store::{Batch, Change, Committed, REMEMBERED_BATCHES, Row, Scan, Standing, Table};

/// A store that forgets everything when it ends.
pub(crate) struct Model {
    standing: Standing,
    rows: BTreeMap<&'static str, BTreeMap<Row, Row>>,
    leaves: Vec<Commitment>,
    /// Of every commit, in order.
    ids: Vec<[u8; 16]>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { standing: Standing::EMPTY, rows: BTreeMap::new(), leaves: Vec::new(), ids: Vec::new() }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn commit(&mut self, batch: &Batch) -> Committed {
        if batch.base != self.standing {
            let at = usize::try_from(batch.base.version).expect("few commits");
            let ours = self.ids.get(at) == Some(&batch.id);
            let remembered = batch.base.version + REMEMBERED_BATCHES >= self.standing.version;
            return if ours && remembered {
                Committed::Done(self.standing)
            } else {
                Committed::Overtaken(self.standing)
            };
        }
        for change in &batch.changes {
            match change {
                Change::Put { table, row } => {
                    self.rows.entry(table.name).or_default().insert(row[..table.key].to_vec(), row.clone());
                }
                Change::Delete { table, key } => {
                    self.rows.entry(table.name).or_default().remove(key);
                }
            }
        }
        self.leaves.extend(&batch.leaves);
        self.ids.push(batch.id);
        self.standing = Standing { version: self.standing.version + 1, head: batch.head };
        Committed::Done(self.standing)
    }

    pub(crate) fn get(&self, table: &Table, keys: &[Row]) -> Vec<Option<Row>> {
        keys.iter().map(|key| self.rows.get(table.name)?.get(key).cloned()).collect()
    }

    pub(crate) fn scan(&self, scan: &Scan<'_>) -> Vec<Row> {
        let mut rows: Vec<&Row> = self.rows.get(scan.table.name).into_iter().flat_map(BTreeMap::values).collect();
        if scan.backwards {
            rows.reverse();
        }
        let key = |row: &Row| row[..scan.table.key].to_vec();
        rows.into_iter()
            .filter(|row| row.starts_with(scan.prefix))
            .filter(|row| match scan.after {
                None => true,
                Some(after) if scan.backwards => key(row).as_slice() < after,
                Some(after) => key(row).as_slice() > after,
            })
            .take(scan.limit)
            .cloned()
            .collect()
    }

    pub(crate) fn count(&self, table: &Table) -> u64 {
        self.rows.get(table.name).map_or(0, BTreeMap::len) as u64
    }

    pub(crate) fn leaves(&self) -> &[Commitment] {
        &self.leaves
    }
}
