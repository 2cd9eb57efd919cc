//! Opening a file: making it, refusing what is not ours, and bringing its schema up to date.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::failure::failure;
use super::reads::{Link, PATIENCE, connect};
use super::sql;
use crate::log::TreeHead;
use crate::store::schema::Schema;
use crate::store::{Damage, Migrations, Step, StoreError};

/// Marks the file as a registry's: `HLKR`.
const APPLICATION: i32 = 0x484c_4b52;

/// Pages of 4 KiB in the write-ahead log at which they are copied to the file.
const CHECKPOINT_PAGES: i32 = 32_768;

/// Bytes that an emptied write-ahead log may keep.
const KEPT_LOG_BYTES: i64 = 256 << 20;

/// Opens the file for writing.
pub(super) fn open(path: &Path, migrations: Migrations) -> Result<Link, StoreError> {
    let schema = Schema::of(migrations)?;
    touch(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => StoreError::Unavailable(Box::new(why)),
        _ => StoreError::Unwritable(Box::new(why)),
    })?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unopened)?;
    write_ahead(&connection).map_err(unopened)?;
    migrate(&connection, migrations, &schema)?;
    Ok(Link::new(connection, Arc::new(schema)))
}

/// SQLite cannot open the files beside the database where it may not write in the folder.
fn unopened(why: rusqlite::Error) -> StoreError {
    match why.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => StoreError::Unwritable(Box::new(why)),
        _ => failure(why),
    }
}

/// Makes an empty file that only its owner can read: it holds what people entrusted. SQLite gives its other files the same rights.
fn touch(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) => Err(why),
        Ok(file) => {
            file.sync_all()?;
            sync_folder_of(path)
        }
    }
}

/// A new name is on disk once its folder is.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite does not wait by itself here, where another process is opening the same new file.
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(why) if why.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => break other?,
        }
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // What is erased is overwritten, and does not lie about in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", KEPT_LOG_BYTES)
}

fn migrate(connection: &Connection, migrations: Migrations, schema: &Schema) -> Result<(), StoreError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failure)?;
    let found = version(connection)?;
    let known = schema.version;
    let done = match found {
        Some(found) if found > known => return Err(StoreError::Newer { found, known }),
        Some(found) if found == known => return Ok(()),
        Some(found) => found,
        None => {
            found_store(connection)?;
            0
        }
    };
    let run = |sql: &str| connection.execute_batch(sql).map_err(failure);
    for step in migrations.iter().skip(done as usize).copied().flatten() {
        match step {
            Step::Create(table) => run(&sql::create(table))?,
            Step::Add { table, column } => run(&sql::add(table, column))?,
        }
    }
    connection.execute("UPDATE store_schema SET version = ?1", [known]).map_err(failure)?;
    transaction.commit().map_err(failure)
}

/// The schema's version; nothing in a file without tables.
fn version(connection: &Connection) -> Result<Option<u32>, StoreError> {
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).optional().map_err(failure);
    let tables = one("SELECT count(*) FROM sqlite_schema")?;
    if tables == Some(0) {
        return Ok(None);
    }
    if one("PRAGMA application_id")? != Some(i64::from(APPLICATION)) {
        return Err(Damage::Foreign.into());
    }
    let version = one("SELECT version FROM store_schema")?.and_then(|version| u32::try_from(version).ok());
    version.map(Some).ok_or_else(|| Damage::NoStanding.into())
}

/// Makes the store's own tables in an empty file.
fn found_store(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", APPLICATION).map_err(failure)?;
    connection.execute_batch(sql::OWN_TABLES).map_err(failure)?;
    connection.execute("INSERT INTO store_schema VALUES (0, 0)", []).map_err(failure)?;
    connection
        .execute("INSERT INTO store_standing VALUES (0, 0, 0, ?1)", [TreeHead::EMPTY.root.0])
        .map(drop)
        .map_err(failure)
}
