//! Copying a store as it stands at one moment, and finding out whether a copy is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::failure::failure;
use super::open::sync_folder_of;
use super::reads::{Link, connect};
use super::sql;
use crate::log::COMMITMENT_BYTES;
use crate::store::schema::Schema;
use crate::store::{Damage, Standing, StoreError};

/// Pages copied between two calls of the progress.
const STEP_PAGES: i32 = 1024;

/// Copies the store in the file `from`, as it stands at this moment, to the file `to`; writers go on meanwhile, in this process or another.
///
/// The copy has another name until it is whole and on disk, so `to` is either the whole copy or what stood there before. `progress` is told the pages
/// copied and all pages. Answers where the copy stands.
///
/// # Errors
/// [`StoreError::Unwritable`] where `to` cannot be written; those of reading `from`.
pub fn backup(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Standing, StoreError> {
    let part = part_of(to);
    let copied = copy(from, &part, progress).and_then(|standing| {
        let kept = || {
            File::open(&part)?.sync_all()?;
            fs::rename(&part, to)?;
            sync_folder_of(to)
        };
        kept().map(|()| standing).map_err(unwritable)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied
}

fn copy(from: &Path, part: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Standing, StoreError> {
    match fs::remove_file(part) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(unwritable(why)),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(part).map_err(unwritable)?;
    let source = reading(connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failure)?)?;
    // The moment that is copied: as long as this transaction reads, its pages stay.
    let moment = source.connection.unchecked_transaction().map_err(failure)?;
    let standing = source.standing()?;
    let mut copy = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failure)?;
    // It is synced once, whole.
    copy.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").map_err(failure)?;
    let backup = Backup::new(&source.connection, &mut copy).map_err(failure)?;
    loop {
        let step = backup.step(STEP_PAGES).map_err(failure)?;
        let pages = backup.progress();
        let all = u64::try_from(pages.pagecount).unwrap_or(0);
        progress(all.saturating_sub(u64::try_from(pages.remaining).unwrap_or(0)), all);
        match step {
            StepResult::Done => break,
            // Nobody else has the copy open, and the source is only read.
            StepResult::Busy | StepResult::Locked => std::thread::yield_now(),
            _ => {}
        }
    }
    drop(backup);
    drop(moment);
    copy.close().map_err(|(_, why)| failure(why))?;
    Ok(standing)
}

/// Reads the whole copy: the database's own check, and that the leaves are all there. Answers where it stands.
///
/// The file must be a copy that nobody writes.
///
/// # Errors
/// [`StoreError::Damaged`] if anything is wrong with it.
pub fn check_backup(path: &Path) -> Result<Standing, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let whole = fs::canonicalize(path).map_err(|why| StoreError::Unavailable(Box::new(why)))?;
    let copy = reading(connect(&immutable(&whole), flags).map_err(failure)?)?;
    let verdict: String =
        copy.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failure)?;
    if verdict != "ok" {
        return Err(Damage::Integrity.into());
    }
    let standing = copy.standing()?;
    let mut rows = copy.connection.prepare(sql::LEAF_LENGTHS).map_err(failure)?;
    let mut rows = rows.query([]).map_err(failure)?;
    let mut next = 0;
    while let Some(row) = rows.next().map_err(failure)? {
        let (first, bytes): (i64, i64) = (row.get(0).map_err(failure)?, row.get(1).map_err(failure)?);
        let leaves = u64::try_from(bytes).unwrap_or(0) / COMMITMENT_BYTES as u64;
        if u64::try_from(first) != Ok(next) || leaves == 0 {
            return Err(Damage::Leaves { first: next }.into());
        }
        next += leaves;
    }
    if next == standing.head.size { Ok(standing) } else { Err(Damage::Leaves { first: next }.into()) }
}

/// A link for the store's own tables alone.
fn reading(connection: Connection) -> Result<Link, StoreError> {
    Ok(Link::new(connection, Arc::new(Schema::of(&[])?)))
}

fn unwritable(why: io::Error) -> StoreError {
    StoreError::Unwritable(Box::new(why))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The address of a file that nobody writes: SQLite then makes no other files beside it.
fn immutable(path: &Path) -> PathBuf {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            _ => address.push_str(&format!("%{byte:02x}")),
        }
    }
    address.push_str("?immutable=1");
    address.into()
}
