//! Room in the write-ahead log, made ahead where much is written.
//!
//! A commit that makes its file longer waits for the file system's journal too, which costs several times what its own bytes cost. A log
//! that has its length already does not. SQLite keeps the length, and begins again at the front.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::Batch;

/// Leaves of a batch from which on it tells of load.
const LOAD_LEAVES: usize = 8;

/// Batches of this kind after which room is made.
const LOAD_BATCHES: u32 = 16;

/// How much: what the log comes to between two emptyings.
const ROOM_BYTES: i64 = 144 << 20;

/// A disk on which less than this is free is left as it is.
const FREE_BYTES: u64 = 1 << 30;

/// Pages that may be held back while room is made; fewer than there are, so that they go to the log.
const HELD_PAGES: i64 = 256;

/// Looks whether it is time.
#[derive(Debug, Default)]
pub(super) struct Room {
    batches: u32,
}

impl Room {
    /// After a commit. Where room cannot be made all goes on as before, only slower.
    pub(super) fn after(&mut self, connection: &Connection, path: &Path, batch: &Batch) {
        if self.batches < LOAD_BATCHES && batch.leaves.len() >= LOAD_LEAVES {
            self.batches += 1;
            if self.batches == LOAD_BATCHES && free_bytes(path) >= FREE_BYTES {
                let _ = make(connection);
            }
        }
    }
}

fn free_bytes(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Writes pages to the log that are never committed: nobody sees them, the next commit lies over them, and the file stays as long.
fn make(connection: &Connection) -> rusqlite::Result<()> {
    let kept: i64 = connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    connection.pragma_update(None, "cache_size", HELD_PAGES)?;
    let written = write(connection);
    connection.pragma_update(None, "cache_size", kept)?;
    written
}

fn write(connection: &Connection) -> rusqlite::Result<()> {
    // Rolled back when dropped, too.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch("CREATE TABLE store_room (bytes BLOB)")?;
    transaction.execute("INSERT INTO store_room VALUES (zeroblob(?1))", [ROOM_BYTES])?;
    transaction.rollback()
}
