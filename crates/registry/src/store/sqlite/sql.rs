//! The SQL that tables come to in SQLite.

use crate::store::{Column, Kind, Scan, Table, Value};

/// What the store keeps for itself.
pub(super) const OWN_TABLES: &str = "
CREATE TABLE store_schema (one INTEGER PRIMARY KEY CHECK (one = 0), version INTEGER NOT NULL) STRICT;
CREATE TABLE store_standing (
    one INTEGER PRIMARY KEY CHECK (one = 0), version INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL
) STRICT;
CREATE TABLE store_batch (version INTEGER PRIMARY KEY, id BLOB NOT NULL) STRICT;
CREATE TABLE store_leaves (first INTEGER PRIMARY KEY, leaves BLOB NOT NULL) STRICT;
";

pub(super) const READ_STANDING: &str = "SELECT version, size, root FROM store_standing";
pub(super) const MOVE_STANDING: &str = "UPDATE store_standing SET version = ?1, size = ?2, root = ?3";
pub(super) const READ_BATCH: &str = "SELECT id FROM store_batch WHERE version = ?1";
pub(super) const ADD_BATCH: &str = "INSERT INTO store_batch (version, id) VALUES (?1, ?2)";
pub(super) const FORGET_BATCHES: &str = "DELETE FROM store_batch WHERE version <= ?1";
pub(super) const ADD_LEAVES: &str = "INSERT INTO store_leaves (first, leaves) VALUES (?1, ?2)";
/// From the row that holds the leaf on.
pub(super) const READ_LEAVES: &str = "
SELECT first, leaves FROM store_leaves
WHERE first >= (SELECT max(first) FROM store_leaves WHERE first <= ?1) ORDER BY first";

pub(super) const LEAF_LENGTHS: &str = "SELECT first, length(leaves) FROM store_leaves ORDER BY first";

/// What is asked of one table again and again.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) put: String,
    pub(super) delete: String,
    pub(super) one: String,
}

impl Texts {
    pub(super) fn of(table: &Table) -> Self {
        Self { put: put(table), delete: delete(table), one: one(table) }
    }
}

pub(super) fn create(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    let key = names(table.key_columns());
    // Rows in the order of their keys, in one tree; but a tree whose inner pages hold long rows is deep, and its pages are shared out anew with
    // every few rows. Those go behind each other, with a tree of their keys beside them.
    let layout = if table.long { "STRICT" } else { "STRICT, WITHOUT ROWID" };
    format!("CREATE TABLE \"{}\" ({}, PRIMARY KEY ({key})) {layout}", table.name, columns.join(", "))
}

pub(super) fn add(table: &str, added: &Column) -> String {
    format!("ALTER TABLE \"{table}\" ADD COLUMN {}", column(added))
}

fn put(table: &Table) -> String {
    let marks = marks(table.columns.len(), 1);
    let (all, key) = (names(table.columns), names(table.key_columns()));
    let rest: Vec<String> =
        table.columns[table.key..].iter().map(|column| format!("\"{0}\" = excluded.\"{0}\"", column.name)).collect();
    let change = if rest.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", rest.join(", ")) };
    format!("INSERT INTO \"{}\" ({all}) VALUES ({marks}) ON CONFLICT ({key}) DO {change}", table.name)
}

fn delete(table: &Table) -> String {
    format!("DELETE FROM \"{}\" WHERE {}", table.name, equal(table.key_columns()))
}

fn one(table: &Table) -> String {
    format!("SELECT {} FROM \"{}\" WHERE {}", names(table.columns), table.name, equal(table.key_columns()))
}

pub(super) fn count(table: &Table) -> String {
    format!("SELECT count(*) FROM \"{}\"", table.name)
}

/// The prefix, then the rest of the key that `after` leads on from, then the limit.
pub(super) fn scan(scan: &Scan<'_>, after: Option<&[Value]>) -> String {
    let key = scan.table.key_columns();
    let (fixed, free) = key.split_at(scan.prefix.len());
    let mut conditions: Vec<String> = Vec::new();
    if !fixed.is_empty() {
        conditions.push(equal(fixed));
    }
    if after.is_some() {
        let beyond = if scan.backwards { '<' } else { '>' };
        conditions.push(format!("({}) {beyond} ({})", names(free), marks(free.len(), fixed.len() + 1)));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let turn = if scan.backwards { " DESC" } else { "" };
    let order: Vec<String> = key.iter().map(|column| format!("\"{}\"{turn}", column.name)).collect();
    let (columns, table, order) = (names(scan.table.columns), scan.table.name, order.join(", "));
    let limit = fixed.len() + after.map_or(0, <[Value]>::len) + 1;
    format!("SELECT {columns} FROM \"{table}\"{filter} ORDER BY {order} LIMIT ?{limit}")
}

fn column(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Text => "TEXT",
        Kind::Bytes => "BLOB",
        Kind::Whole => "INTEGER",
    };
    format!("\"{}\" {kind}{}", column.name, if column.optional { "" } else { " NOT NULL" })
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn marks(count: usize, from: usize) -> String {
    (from..from + count).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ")
}

fn equal(columns: &[Column]) -> String {
    let one = |(at, column): (usize, &Column)| format!("\"{}\" = ?{}", column.name, at + 1);
    columns.iter().enumerate().map(one).collect::<Vec<_>>().join(" AND ")
}
