//! The SQL that tables come to in PostgreSQL, as far as engines that distribute its tables speak it too: no advisory locks, no sequences, no
//! notifications, and no unique key without the first column.

use crate::store::{Column, Kind, Scan, Table, Value};

/// What the store keeps for itself.
pub(super) const OWN_TABLES: &str = "
CREATE TABLE store_schema (one bigint PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE store_standing (
    one bigint PRIMARY KEY, version bigint NOT NULL, size bigint NOT NULL, root bytea NOT NULL
);
CREATE TABLE store_batch (version bigint PRIMARY KEY, id bytea NOT NULL);
CREATE TABLE store_leaves (first bigint PRIMARY KEY, leaves bytea NOT NULL);
INSERT INTO store_schema (one, version) VALUES (0, 0);
";

pub(super) const FIND_STORE: &str = "SELECT to_regclass('store_schema') IS NOT NULL";
pub(super) const READ_SCHEMA: &str = "SELECT version FROM store_schema WHERE one = 0";
/// Two that migrate at once come one after the other here.
pub(super) const MOVE_SCHEMA: &str = "UPDATE store_schema SET version = $1 WHERE one = 0 AND version = $2";
pub(super) const FIRST_STANDING: &str = "INSERT INTO store_standing (one, version, size, root) VALUES (0, 0, 0, $1)";

/// The server waits for whoever reads as long as that one may take to pass on what was read.
pub(super) const BEGIN_MOMENT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 600000";
pub(super) const READ_STANDING: &str = "SELECT version, size, root FROM store_standing WHERE one = 0";
/// The comparison and the swap. It waits for whoever is swapping, and locks out the others until the end of the transaction.
pub(super) const MOVE_STANDING: &str = "
UPDATE store_standing SET version = $1, size = $2, root = $3
WHERE one = 0 AND version = $4 AND size = $5 AND root = $6";
/// Where the store stands, and whose the commit of a version was.
pub(super) const READ_OUTCOME: &str = "
SELECT version, size, root, (SELECT id FROM store_batch WHERE version = $1) FROM store_standing WHERE one = 0";
pub(super) const ADD_BATCH: &str = "INSERT INTO store_batch (version, id) VALUES ($1, $2)";
pub(super) const FORGET_BATCHES: &str = "DELETE FROM store_batch WHERE version <= $1";
pub(super) const ADD_LEAVES: &str = "INSERT INTO store_leaves (first, leaves) VALUES ($1, $2)";
/// From the row that holds the leaf on.
pub(super) const READ_LEAVES: &str = "
SELECT first, leaves FROM store_leaves
WHERE first >= (SELECT max(first) FROM store_leaves WHERE first <= $1) AND first < $2 ORDER BY first";

/// Settings under which an acknowledged commit may be lost.
pub(super) const READ_SETTINGS: &str =
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')";

pub(super) fn create(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    let key = names(table.key_columns());
    format!("CREATE TABLE \"{}\" ({}, PRIMARY KEY ({key}))", table.name, columns.join(", "))
}

pub(super) fn add(table: &str, added: &Column) -> String {
    format!("ALTER TABLE \"{table}\" ADD COLUMN {}", column(added))
}

/// Of an array for each column.
pub(super) fn put(table: &Table) -> String {
    let rest: Vec<String> =
        table.columns[table.key..].iter().map(|column| format!("\"{0}\" = excluded.\"{0}\"", column.name)).collect();
    let change = if rest.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", rest.join(", ")) };
    let (all, key) = (names(table.columns), names(table.key_columns()));
    let rows = unnest(table.columns);
    format!("INSERT INTO \"{}\" ({all}) SELECT * FROM {rows} ON CONFLICT ({key}) DO {change}", table.name)
}

/// Of an array for each column of the key.
pub(super) fn delete(table: &Table) -> String {
    let key = table.key_columns();
    format!("DELETE FROM \"{}\" WHERE ({}) IN (SELECT * FROM {})", table.name, names(key), unnest(key))
}

/// Of an array for each column of the key.
pub(super) fn some(table: &Table) -> String {
    let key = table.key_columns();
    let (all, names) = (names(table.columns), names(key));
    format!("SELECT {all} FROM \"{}\" WHERE ({names}) IN (SELECT * FROM {})", table.name, unnest(key))
}

pub(super) fn count(table: &Table) -> String {
    format!("SELECT count(*) FROM \"{}\"", table.name)
}

/// The prefix, then the rest of the key that `after` leads on from, then the limit.
pub(super) fn scan(scan: &Scan<'_>, after: Option<&[Value]>) -> String {
    let key = scan.table.key_columns();
    let (fixed, free) = key.split_at(scan.prefix.len());
    let mut conditions: Vec<String> =
        fixed.iter().enumerate().map(|(at, column)| format!("\"{}\" = ${}", column.name, at + 1)).collect();
    if after.is_some() {
        let beyond = if scan.backwards { '<' } else { '>' };
        let marks: Vec<String> = (fixed.len()..key.len()).map(|at| format!("${}", at + 1)).collect();
        conditions.push(format!("({}) {beyond} ({})", names(free), marks.join(", ")));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let turn = if scan.backwards { " DESC" } else { "" };
    let order: Vec<String> = key.iter().map(|column| format!("\"{}\"{turn}", column.name)).collect();
    let (columns, table, order) = (names(scan.table.columns), scan.table.name, order.join(", "));
    let limit = fixed.len() + after.map_or(0, <[Value]>::len) + 1;
    format!("SELECT {columns} FROM \"{table}\"{filter} ORDER BY {order} LIMIT ${limit}")
}

fn kind(column: &Column) -> &'static str {
    match column.kind {
        Kind::Text => "text",
        Kind::Bytes => "bytea",
        Kind::Whole => "bigint",
    }
}

fn column(column: &Column) -> String {
    // The order of bytes, whatever the database's language is.
    let order = if column.kind == Kind::Text { " COLLATE \"C\"" } else { "" };
    format!("\"{}\" {}{order}{}", column.name, kind(column), if column.optional { "" } else { " NOT NULL" })
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn unnest(columns: &[Column]) -> String {
    let array = |(at, column): (usize, &Column)| format!("${}::{}[]", at + 1, kind(column));
    format!("unnest({})", columns.iter().enumerate().map(array).collect::<Vec<_>>().join(", "))
}
