//! Reading: what the writer's connection and the readers' have in common.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Statement, ToSql};

use super::failure::failure;
use super::sql::{self, Texts};
use crate::log::{Commitment, HASH_BYTES, Hash, TreeHead};
use crate::store::leaves;
use crate::store::page::{Beyond, beyond};
use crate::store::schema::{self, Schema};
use crate::store::{Column, Damage, Kind, Read, Row, Scan, Standing, StoreError, Table, Value};

/// How long a connection waits for another that writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection may keep of the file, in KiB: the upper pages of the trees. The rest is the operating system's to keep.
const CACHE_KIB: i64 = 8 << 10;

/// The same of a connection that reads on and on: a page that was read is not read again.
const MOMENT_KIB: i64 = 16 << 10;

/// What a reader may map of the file, in bytes. It is never made shorter.
const MAPPED_BYTES: i64 = 64 << 30;

/// Statements kept ready on a connection: several for each table.
const STATEMENTS: usize = 256;

/// A connection, and the schema that it is asked by.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) schema: Arc<Schema>,
    /// Of tables that were asked for, and that are of the schema.
    texts: RefCell<Vec<(&'static Table, Arc<Texts>)>>,
}

/// Opens a connection and sets what SQLite keeps for each connection anew.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

impl Link {
    pub(super) fn new(connection: Connection, schema: Arc<Schema>) -> Self {
        Self { connection, schema, texts: RefCell::default() }
    }

    /// What is asked of this table, if it is one of the schema.
    pub(super) fn texts(&self, table: &'static Table) -> Result<Arc<Texts>, StoreError> {
        let mut known = self.texts.borrow_mut();
        if let Some((_, texts)) = known.iter().find(|(known, _)| std::ptr::eq(*known, table)) {
            return Ok(Arc::clone(texts));
        }
        self.schema.table(table)?;
        let texts = Arc::new(Texts::of(table));
        known.push((table, Arc::clone(&texts)));
        Ok(texts)
    }

    /// Another connection to the same file, which only reads.
    pub(super) fn reading(&self) -> Result<Self, StoreError> {
        let path = self.connection.path().ok_or(Damage::Foreign)?;
        let connection = connect(Path::new(path), OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failure)?;
        // Rows anywhere in a large file are read where the operating system has them, without a copy of ours.
        connection.pragma_update(None, "mmap_size", MAPPED_BYTES).map_err(failure)?;
        Ok(Self::new(connection, Arc::clone(&self.schema)))
    }

    /// Where the store stands, as the connection's transaction sees it.
    pub(super) fn standing(&self) -> Result<Standing, StoreError> {
        let mut statement = self.connection.prepare_cached(sql::READ_STANDING).map_err(failure)?;
        let row = statement.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?)));
        let (version, size, root): (i64, i64, Vec<u8>) = row.optional().map_err(failure)?.ok_or(Damage::NoStanding)?;
        let root = <[u8; HASH_BYTES]>::try_from(root).map_err(|_| Damage::Standing)?;
        let whole = |number: i64| u64::try_from(number).map_err(|_| Damage::Standing);
        Ok(Standing { version: whole(version)?, head: TreeHead { size: whole(size)?, root: Hash(root) } })
    }

    fn rows_of(&self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        let texts = self.texts(table)?;
        let mut statement = self.connection.prepare_cached(&texts.one).map_err(failure)?;
        keys.iter()
            .map(|key| {
                bind(&mut statement, key)?;
                let mut found = statement.raw_query();
                found.next().map_err(failure)?.map(|row| taken(table, row)).transpose()
            })
            .collect()
    }
}

impl Read for Link {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.texts(table)?;
        for key in keys {
            schema::key(table, key)?;
        }
        // One statement sees one moment by itself; several need a transaction around them, if there is none.
        if keys.len() < 2 || !self.connection.is_autocommit() {
            return self.rows_of(table, keys);
        }
        let moment = self.connection.unchecked_transaction().map_err(failure)?;
        let rows = self.rows_of(table, keys)?;
        moment.commit().map_err(failure)?;
        Ok(rows)
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.schema.scan(scan)?;
        let free = match beyond(scan) {
            Beyond::Nothing => return Ok(Vec::new()),
            Beyond::All => None,
            Beyond::Rest(rest) => Some(rest),
        };
        let mut statement = self.connection.prepare_cached(&sql::scan(scan, free)).map_err(failure)?;
        bind(&mut statement, scan.prefix.iter().chain(free.into_iter().flatten()))?;
        let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX);
        let last = statement.parameter_count();
        statement.raw_bind_parameter(last, limit).map_err(failure)?;
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failure)? {
            rows.push(taken(scan.table, row)?);
        }
        Ok(rows)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.schema.table(table)?;
        let mut statement = self.connection.prepare_cached(&sql::count(table)).map_err(failure)?;
        let rows: i64 = statement.query_row([], |row| row.get(0)).map_err(failure)?;
        u64::try_from(rows).map_err(|_| Damage::Row { table: table.name }.into())
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        Self::standing(self)
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        let Ok(start) = i64::try_from(from) else { return Ok(Vec::new()) };
        let limit = limit.max(1);
        let mut statement = self.connection.prepare_cached(sql::READ_LEAVES).map_err(failure)?;
        let mut found = statement.query([start]).map_err(failure)?;
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some(row) = found.next().map_err(failure)? else { break };
            let first: i64 = row.get(0).map_err(failure)?;
            let ValueRef::Blob(bytes) = row.get_ref(1).map_err(failure)? else {
                return Err(Damage::Leaves { first: from }.into());
            };
            leaves::take(u64::try_from(first).ok(), bytes, from, limit, &mut taken)?;
        }
        Ok(taken)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        let link = self.reading()?;
        // It ends with its connection. The first thing that is read is what fixes the moment.
        link.connection.execute_batch("BEGIN DEFERRED").map_err(failure)?;
        link.connection.pragma_update(None, "cache_size", -MOMENT_KIB).map_err(failure)?;
        Self::standing(&link)?;
        Ok(Box::new(link))
    }
}

/// Binds the values to the parameters from the first on, without a copy of ours.
pub(super) fn bind<'a>(
    statement: &mut Statement<'_>,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<(), StoreError> {
    for (at, value) in values.into_iter().enumerate() {
        statement.raw_bind_parameter(at + 1, Bound(value)).map_err(failure)?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Nothing => ValueRef::Null,
            Value::Whole(whole) => ValueRef::Integer(*whole),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn taken(table: &'static Table, row: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
    let value = |(at, column): (usize, &Column)| {
        let value = match (row.get_ref(at).map_err(failure)?, column.kind) {
            (ValueRef::Null, _) if column.optional => Some(Value::Nothing),
            (ValueRef::Integer(whole), Kind::Whole) => Some(Value::Whole(whole)),
            (ValueRef::Text(text), Kind::Text) => str::from_utf8(text).ok().map(|text| Value::Text(text.to_owned())),
            (ValueRef::Blob(bytes), Kind::Bytes) => Some(Value::Bytes(bytes.to_vec())),
            _ => None,
        };
        value.ok_or_else(|| Damage::Row { table: table.name }.into())
    };
    table.columns.iter().enumerate().map(value).collect()
}
