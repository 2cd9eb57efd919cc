//! The shared store: a PostgreSQL database, or an engine that speaks its language, beside any number of other instances.
//!
//! Shape: a table for each table, and four of the store's own, where the connection's `search_path` leads. Every commit swaps the one row
//! that says where the store stands, so commits come one after the other at any isolation. A commit whose answer is lost, also in a
//! failover, is tried again and finds out by that row whether it went through.
//!
//! There is no TLS on the way to the database: it is on the same machine, or behind a network or tunnel of one's own.

mod commit;
mod failure;
mod link;
mod moment;
mod open;
mod reads;
mod sql;
mod values;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;

use self::commit::Plan;
use self::link::{Link, WhenLost};
use self::reads::Reads;
use super::net::net;
use super::schema::Schema;
use super::{Batch, Committed, Migrations, Read, Row, Scan, Standing, Store, StoreError, Table};
use crate::log::Commitment;

pub use failure::{Said, Unfit};

/// The isolation of a commit. Reads are single statements and need none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// PostgreSQL's own: enough, since the swap of one row decides.
    ReadCommitted,
    /// For engines that have only this, or know it better.
    Serializable,
}

/// How a store uses its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of commits.
    pub isolation: Isolation,
    /// Connections at once, at most; the writer and each reader that is reading need one.
    pub connections: usize,
    /// How long a call goes on trying before it says [`StoreError::Unavailable`]. A failover should fit in.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { isolation: Isolation::ReadCommitted, connections: 8, patience: Duration::from_secs(30) }
    }
}

/// A store in a PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    reads: Reads,
    isolation: Isolation,
}

impl Postgres {
    /// Opens the database at this address, makes the store in it if there is none, and brings its schema up to date.
    ///
    /// Shape of an address: `host=one,two port=5432 user=registry dbname=registry`, or a `postgresql://` URL. Of several hosts the one that takes
    /// writes is used, now and after each loss of a connection. Called on a thread that runs no asynchronous work.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] at once if no host takes writes; [`StoreError::Failed`] with [`Unfit::Lax`] if the server may lose what it has
    /// acknowledged; [`StoreError::Newer`] if a later release has written to it; [`StoreError::Shape`] if the migrations make no schema.
    pub fn open(address: &str, settings: Settings, migrations: Migrations) -> Result<Self, StoreError> {
        let schema = Schema::of(migrations)?;
        let link = Link::new(address, &settings)?;
        open::migrate(&link, migrations, &schema)?;
        let reads = Reads { link: Arc::new(link), schema: Arc::new(schema), moment: None };
        Ok(Self { reads, isolation: settings.isolation })
    }
}

impl Read for Postgres {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.reads.get(table, keys)
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.reads.scan(scan)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.reads.count(table)
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        self.reads.standing()
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.reads.leaves(from, limit)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        self.reads.moment()
    }
}

impl Store for Postgres {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let changes = net(&self.reads.schema, batch)?;
        let plan = Plan::new(batch, &changes, self.isolation)?;
        self.reads.link.run(WhenLost::TryAgain, &async |client: &Object| plan.attempt(client).await)
    }

    fn reader(&self) -> Result<Box<dyn Read>, StoreError> {
        Ok(Box::new(Reads { link: Arc::clone(&self.reads.link), schema: Arc::clone(&self.reads.schema), moment: None }))
    }
}
