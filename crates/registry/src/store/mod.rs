//! Where the registry's rows are. One trait, two stores: an embedded one, and PostgreSQL.
//!
//! Whatever changes goes through [`Store::commit`], all of a batch or nothing, and only if the store still stands where the batch was
//! worked out: the version moves with each commit. So whoever reads rows, decides, and commits, has decided on what still holds, also
//! beside other writers on the same database, at any isolation that keeps a single row's update whole.

mod damage;
mod leaves;
mod net;
mod page;
mod postgres;
mod schema;
mod sqlite;
mod table;

pub use damage::Damage;
pub use postgres::{Isolation, Postgres, Said, Settings, Unfit};
pub use sqlite::{Sqlite, backup, check_backup};
pub use table::{Column, Kind, Row, Table, Value};

use crate::log::{Commitment, TreeHead};

/// How many of the last commits a store can still tell from others.
pub const REMEMBERED_BATCHES: u64 = 1000;

/// How far a store has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Commits so far.
    pub version: u64,
    /// The log's head, which moves with the rows that it tells of.
    pub head: TreeHead,
}

impl Standing {
    /// An empty store.
    pub const EMPTY: Self = Self { version: 0, head: TreeHead::EMPTY };
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row stands there afterwards, whatever stood there.
    Put {
        /// Of this table.
        table: &'static Table,
        /// All of its columns.
        row: Row,
    },
    /// No row of this key stands there afterwards.
    Delete {
        /// Of this table.
        table: &'static Table,
        /// The columns of its key.
        key: Row,
    },
}

/// All or nothing.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where the store stood when the batch was worked out.
    pub base: Standing,
    /// Random. Tells a commit whose answer was lost from another's.
    pub id: [u8; 16],
    /// The head afterwards.
    pub head: TreeHead,
    /// The leaves that lead from the base's head to it.
    pub leaves: Vec<Commitment>,
    /// Rows, in this order. A later change of the same row stands.
    pub changes: Vec<Change>,
}

/// How a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable, and the store stands here: further than the batch, if others have gone on from it.
    Done(Standing),
    /// Another writer was first; nothing of this batch is there. The store stands here: behind the batch's base only if somebody has put an
    /// older copy in its place.
    Overtaken(Standing),
}

/// Which rows a scan answers.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    /// Of this table.
    pub table: &'static Table,
    /// Whose key begins with these values; all if there are none.
    pub prefix: &'a [Value],
    /// Whose whole key comes after this one, in the direction of the scan: the last row of a page begins the next.
    pub after: Option<&'a [Value]>,
    /// The last first.
    pub backwards: bool,
    /// No more than these.
    pub limit: usize,
}

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is busy beyond patience. It may be tried again; nothing is known to have changed.
    #[error("the store cannot be reached: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No space, or read-only.
    #[error("the store cannot be written: {0}")]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What stands there is not what the registry wrote.
    #[error("the store is damaged: {0}")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its schema is of a later release.
    #[error("the store's schema is version {found}; this release knows up to {known}")]
    Newer {
        /// There.
        found: u32,
        /// Here.
        known: u32,
    },
    /// A batch's leaves do not lead from its base's head to its own: an error of this program.
    #[error("{leaves} leaves do not lead from {from} to {to}")]
    Leaves {
        /// Leaves at the base.
        from: u64,
        /// Leaves afterwards.
        to: u64,
        /// Leaves given.
        leaves: usize,
    },
    /// Something asked for what the table does not have: an error of this program.
    #[error("table {table} has no such row shape")]
    Shape {
        /// Its name.
        table: &'static str,
    },
    /// The store refused for another reason.
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads rows, each call as they stand at one moment.
pub trait Read: Send {
    /// The rows of these whole keys, in this order.
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError>;

    /// Rows in the order of their keys: numbers by size, texts and bytes by their bytes.
    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError>;

    /// Rows of a table.
    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError>;

    /// Where the store stands.
    fn standing(&mut self) -> Result<Standing, StoreError>;

    /// The leaves from this one on, at least one if there is one, about `limit` at most.
    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError>;

    /// Another way to read, on a connection of its own, in which everything stands as it does now for as long as it is kept. Writers go on.
    ///
    /// It has to be let go of: what changes meanwhile is kept twice.
    fn moment(&self) -> Result<Box<dyn Read>, StoreError>;
}

/// A store, as its writer holds it.
pub trait Store: Read {
    /// Makes a batch durable if the store still stands at its base.
    ///
    /// An error may leave open whether it did; the same batch given again answers [`Committed::Done`] if it had, as long as no more than
    /// [`REMEMBERED_BATCHES`] others have come after it.
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError>;

    /// Many rows are to come, anywhere in large tables: more memory makes that fast.
    ///
    /// # Errors
    /// [`StoreError`].
    fn expect_many(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Another way to read the same store, beside this one and other threads.
    fn reader(&self) -> Result<Box<dyn Read>, StoreError>;
}

/// One step of a migration.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A table that was not there.
    Create(&'static Table),
    /// A column behind the others; old rows have nothing there.
    Add {
        /// The table's name.
        table: &'static str,
        /// The column, optional.
        column: Column,
    },
}

/// What each version of a schema adds to the one before; a store runs those that it lacks.
pub type Migrations = &'static [&'static [Step]];
