//! What a batch comes to: per table, the last change of each row, in the order of the keys.

use super::schema::{self, Schema};
use super::{Batch, Change, Row, StoreError, Table, Value};

/// The changes of one table. No key stands in it twice, so their order is free; that of the keys is what a tree of pages likes best.
#[derive(Debug)]
pub(super) struct Net<'a> {
    pub(super) table: &'static Table,
    pub(super) puts: Vec<&'a Row>,
    /// Keys.
    pub(super) deletes: Vec<&'a Row>,
}

/// Checks a batch against the schema and works out what it comes to.
pub(super) fn net<'a>(schema: &Schema, batch: &'a Batch) -> Result<Vec<Net<'a>>, StoreError> {
    let (from, to) = (batch.base.head.size, batch.head.size);
    if from.checked_add(batch.leaves.len() as u64) != Some(to) {
        return Err(StoreError::Leaves { from, to, leaves: batch.leaves.len() });
    }
    let mut groups: Vec<(&'static Table, Vec<&'a Change>)> = Vec::new();
    // Changes of one table mostly come one after the other, or in the same few turns.
    let mut last = 0;
    for change in &batch.changes {
        let table = checked(change)?;
        if groups.get(last).is_none_or(|(known, _)| !is(known, table)) {
            last = groups.iter().position(|(known, _)| is(known, table)).unwrap_or(groups.len());
        }
        if last == groups.len() {
            schema.table(table)?;
            groups.push((table, Vec::new()));
        }
        groups[last].1.push(change);
    }
    Ok(groups.into_iter().map(|(table, changes)| settle(table, changes)).collect())
}

/// The table's name is enough: a second one of the same name is not in the schema, and of the same shape is the same.
fn is(known: &Table, table: &Table) -> bool {
    std::ptr::eq(known, table) || known == table
}

fn checked(change: &Change) -> Result<&'static Table, StoreError> {
    match change {
        Change::Put { table, row } => schema::row(table, row).map(|()| *table),
        Change::Delete { table, key } => schema::key(table, key).map(|()| *table),
    }
}

fn settle<'a>(table: &'static Table, mut changes: Vec<&'a Change>) -> Net<'a> {
    let key = |change: &&'a Change| -> &'a [Value] {
        match *change {
            Change::Put { row, .. } => &row[..table.key],
            Change::Delete { key, .. } => key,
        }
    };
    // Stable: of the changes of one row the last stays the last.
    changes.sort_by(|one, other| key(one).cmp(key(other)));
    let mut net = Net { table, puts: Vec::with_capacity(changes.len()), deletes: Vec::new() };
    for (at, change) in changes.iter().enumerate() {
        if changes.get(at + 1).is_some_and(|next| key(next) == key(change)) {
            continue;
        }
        match change {
            Change::Put { row, .. } => net.puts.push(row),
            Change::Delete { key, .. } => net.deletes.push(key),
        }
    }
    net
}
