//! The embedded store: one SQLite file, durable with each commit, open to other processes beside this one.
//!
//! Shape: a table of SQLite for each table, without row ids where rows are short, so that they lie in the order of their keys; and four of the store's own. A
//! write-ahead log lets readers and backups see one moment while the writer goes on.

mod backup;
mod failure;
mod open;
mod reads;
mod room;
mod sql;

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, ToSql, Transaction, TransactionBehavior};

use self::failure::failure;
use self::reads::{Link, bind};
use self::room::Room;
use super::net::{Net, net};
use super::{
    Batch, Committed, Migrations, REMEMBERED_BATCHES, Read, Row, Scan, Standing, Store, StoreError, Table, leaves,
};
use crate::log::Commitment;

pub use backup::{backup, check_backup};

/// What the writer may keep of the file while many rows come, in KiB: with the batches under way an import stays below 256 MB.
const MANY_CACHE_KIB: i64 = 128 << 10;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    link: Link,
    path: PathBuf,
    room: Room,
}

impl Sqlite {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// Invariant: what [`Store::commit`] says is done is on disk, as far as the disk is honest. Other processes may have the same file
    /// open, on the same machine; a network file system will not do.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] if the file cannot be made or written, [`StoreError::Damaged`] if it is something else's,
    /// [`StoreError::Newer`] if a later release has written to it, [`StoreError::Shape`] if the migrations make no schema.
    pub fn open(path: impl Into<PathBuf>, migrations: Migrations) -> Result<Self, StoreError> {
        let path = path.into();
        let link = open::open(&path, migrations)?;
        Ok(Self { link, path, room: Room::default() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the store as it stands now to another file, while it goes on; see [`backup`].
    ///
    /// # Errors
    /// As [`backup`].
    pub fn backup(&self, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Standing, StoreError> {
        backup(&self.path, to, progress)
    }

    fn write(&self, batch: &Batch, changes: &[Net<'_>]) -> Result<Committed, StoreError> {
        let connection = &self.link.connection;
        // Rolled back when dropped.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failure)?;
        let stands = self.link.standing()?;
        let next = batch.base.version + 1;
        if stands != batch.base {
            let mut statement = connection.prepare_cached(sql::READ_BATCH).map_err(failure)?;
            let id: Option<Vec<u8>> =
                statement.query_row([signed(next)?], |row| row.get(0)).optional().map_err(failure)?;
            let ours = id.is_some_and(|id| id == batch.id);
            return Ok(if ours { Committed::Done(stands) } else { Committed::Overtaken(stands) });
        }
        for net in changes {
            self.apply(net)?;
        }
        let run = |sql: &str, parameters: &[&dyn ToSql]| {
            connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(failure)
        };
        if !batch.leaves.is_empty() {
            run(sql::ADD_LEAVES, &[&signed(batch.base.head.size)?, &leaves::joined(&batch.leaves)])?;
        }
        run(sql::ADD_BATCH, &[&signed(next)?, &batch.id])?;
        run(sql::FORGET_BATCHES, &[&signed(next.saturating_sub(REMEMBERED_BATCHES))?])?;
        run(sql::MOVE_STANDING, &[&signed(next)?, &signed(batch.head.size)?, &batch.head.root.0])?;
        transaction.commit().map_err(failure)?;
        Ok(Committed::Done(Standing { version: next, head: batch.head }))
    }

    fn apply(&self, net: &Net<'_>) -> Result<(), StoreError> {
        let each = |sql: &str, rows: &[&Row]| {
            if rows.is_empty() {
                return Ok(());
            }
            let mut statement = self.link.connection.prepare_cached(sql).map_err(failure)?;
            rows.iter().try_for_each(|row| {
                bind(&mut statement, *row)?;
                statement.raw_execute().map(drop).map_err(failure)
            })
        };
        let texts = self.link.texts(net.table)?;
        each(&texts.delete, &net.deletes)?;
        each(&texts.put, &net.puts)
    }
}

impl Read for Sqlite {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.link.get(table, keys)
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.link.scan(scan)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.link.count(table)
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        self.link.standing()
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.link.leaves(from, limit)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        self.link.moment()
    }
}

impl Store for Sqlite {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let changes = net(&self.link.schema, batch)?;
        let committed = self.write(batch, &changes)?;
        self.room.after(&self.link.connection, &self.path, batch);
        Ok(committed)
    }

    fn expect_many(&mut self) -> Result<(), StoreError> {
        self.link.connection.pragma_update(None, "cache_size", -MANY_CACHE_KIB).map_err(failure)
    }

    fn reader(&self) -> Result<Box<dyn Read>, StoreError> {
        Ok(Box::new(self.link.reading()?))
    }
}

/// SQLite's numbers are signed.
fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|why| StoreError::Failed(Box::new(why)))
}
