//! The embedded store keeps the promises of every store, and its own: what is no store of ours, what was tampered with, copies while it goes on.
#![allow(clippy::unwrap_used)]

mod store_suite;

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headlock_registry::store::{
    Change, Committed, Damage, Migrations, Read, Row, Scan, Sqlite, Standing, Store, StoreError, backup, check_backup,
};
use rusqlite::Connection;
use store_suite::histories::batch;
use store_suite::random::Random;
use store_suite::tables::{MIGRATIONS, RECORDS, record, text};
use store_suite::{End, Place};

fn place() -> Place {
    let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
    Box::new(move |migrations: Migrations| {
        let store = Sqlite::open(folder.path().join("registry.db"), migrations)?;
        Ok(Box::new(store) as Box<dyn Store>)
    })
}

store_suite!(place, histories: 0..150);

fn put(row: Row) -> Change {
    Change::Put { table: &RECORDS, row }
}

/// A commit of so many records, told by the version that it leads to, with a leaf each.
fn grow(store: &mut dyn Store, rows: i64) -> Standing {
    let base = store.standing().unwrap();
    let version = i64::try_from(base.version).unwrap() + 1;
    let changes = (0..rows).map(|at| put(record(&format!("{version}-{at}"), version))).collect();
    let next = batch(base, rows.unsigned_abs(), changes, &mut Random::new(base.version));
    let done = store.commit(&next).unwrap();
    assert_eq!(done, Committed::Done(Standing { version: base.version + 1, head: next.head }));
    store.standing().unwrap()
}

fn everything(store: &mut dyn Read) -> Result<usize, StoreError> {
    let scan = Scan { table: &RECORDS, prefix: &[], after: None, backwards: false, limit: usize::MAX };
    store.leaves(0, usize::MAX)?;
    store.scan(&scan).map(|rows| rows.len())
}

fn is(damage: Damage, found: &Result<impl Sized, StoreError>) -> bool {
    matches!(found, Err(StoreError::Damaged(why)) if why.downcast_ref() == Some(&damage))
}

#[test]
fn room_is_made_where_much_is_written_and_nobody_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let log_bytes = || fs::metadata(folder.path().join("registry.db-wal")).unwrap().len();
    let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
    for _ in 0..15 {
        grow(&mut store, 8);
    }
    assert!(log_bytes() < 10 << 20, "little was written so far");
    let before = grow(&mut store, 8);
    assert!(log_bytes() > 128 << 20, "no room: {} bytes", log_bytes());
    assert_eq!(store.standing().unwrap(), before);
    let reader = Connection::open(&path).unwrap();
    let rooms: u32 =
        reader.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'store_room'", [], |row| row.get(0)).unwrap();
    assert_eq!(rooms, 0);
    assert!(fs::metadata(&path).unwrap().len() < 10 << 20, "it came into the file");
    let bytes = log_bytes();
    let after = grow(&mut store, 8);
    assert_eq!(log_bytes(), bytes, "what is written lies in the room");
    // What a crash leaves: the file and its log, as they lie there.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(folder.path().join("registry.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    let mut copy = Sqlite::open(&copy, MIGRATIONS).unwrap();
    assert_eq!((copy.standing().unwrap(), everything(&mut copy).unwrap()), (after, 17 * 8));
}

#[test]
fn what_is_no_store_of_ours_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text_file = folder.path().join("text.db");
    fs::write(&text_file, "no database at all, and long enough to have a header of one hundred bytes ".repeat(20))
        .unwrap();
    assert!(matches!(Sqlite::open(&text_file, MIGRATIONS), Err(StoreError::Damaged(_))));
    assert!(fs::read(&text_file).unwrap().starts_with(b"no database"));

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(is(Damage::Foreign, &Sqlite::open(&foreign, MIGRATIONS)));
    let tables: i64 = Connection::open(&foreign)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_folder_that_is_not_there_is_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Sqlite::open(folder.path().join("none/registry.db"), MIGRATIONS);
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
}

#[test]
fn only_its_owner_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(folder.path().join("registry.db"), MIGRATIONS).unwrap();
    grow(&mut store, 10);
    store.backup(&folder.path().join("copy.db"), &mut |_, _| {}).unwrap();
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        files += 1;
    }
    assert_eq!(files, 4, "the database, its log, the log's index, the copy");
}

/// A store with a few thousand rows, closed, so that all of it is in the one file.
fn closed(path: &Path) -> Standing {
    let mut store = Sqlite::open(path, MIGRATIONS).unwrap();
    (0..4).map(|_| grow(&mut store, 1000)).last().unwrap()
}

#[test]
fn rows_of_its_own_that_are_missing_or_mangled_are_damage() {
    let cases: [(&str, Damage); 6] = [
        ("DELETE FROM store_standing", Damage::NoStanding),
        ("UPDATE store_standing SET size = -1", Damage::Standing),
        ("UPDATE store_standing SET root = x'00'", Damage::Standing),
        ("DELETE FROM store_leaves WHERE first = 1000", Damage::Leaves { first: 1000 }),
        ("UPDATE store_leaves SET leaves = substr(leaves, 2) WHERE first = 2000", Damage::Leaves { first: 2000 }),
        ("UPDATE store_leaves SET first = 999 WHERE first = 1000", Damage::Leaves { first: 1000 }),
    ];
    for (tampering, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        closed(&path);
        Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
        let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
        let found = store.standing().and_then(|_| everything(&mut store));
        assert!(is(damage, &found), "{tampering}: {found:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    closed(&path);
    Connection::open(&path).unwrap().execute_batch("DELETE FROM store_schema").unwrap();
    assert!(is(Damage::NoStanding, &Sqlite::open(&path, MIGRATIONS)));
}

#[test]
fn a_page_of_nonsense_is_found_wherever_it_lies() {
    const PAGE: [u8; 4096] = [0xff; 4096];
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    let standing = closed(&whole);
    assert_eq!(check_backup(&whole).unwrap(), standing);
    let pages = fs::metadata(&whole).unwrap().len() / PAGE.len() as u64;
    assert!(pages > 40);
    for page in 0..pages {
        let path = folder.path().join("damaged.db");
        fs::copy(&whole, &path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&PAGE, page * PAGE.len() as u64).unwrap();
        let checked = check_backup(&path);
        assert!(matches!(checked, Err(StoreError::Damaged(_))), "page {page}: {checked:?}");
        // The store itself reads not every page; what it does read is right, or is said to be damaged.
        let read = Sqlite::open(&path, MIGRATIONS).and_then(|mut store| everything(&mut store));
        assert!(matches!(read, Ok(4000) | Err(StoreError::Damaged(_))), "page {page}: {read:?}");
    }
}

#[test]
fn a_database_that_another_holds_too_long_is_unavailable_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
    let base = grow(&mut store, 1);
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let next = batch(base, 1, vec![put(record("held", 1))], &mut Random::new(1));
    let refused = store.commit(&next);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.standing().unwrap(), base, "reading goes on");
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(store.commit(&next).unwrap(), Committed::Done(_)));
}

#[test]
fn every_copy_of_a_store_that_goes_on_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
    for _ in 0..20 {
        grow(&mut store, 10_000);
    }
    let (end, version) = (AtomicBool::new(false), AtomicU64::new(20));
    // True once the writer has committed again; false if it has not within seconds.
    let one_more = || {
        let (before, begun) = (version.load(Ordering::Acquire), Instant::now());
        while version.load(Ordering::Acquire) == before && begun.elapsed() < Duration::from_secs(5) {
            thread::yield_now();
        }
        version.load(Ordering::Acquire) > before
    };
    thread::scope(|scope| {
        let _writer = scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                version.store(grow(&mut store, 50).version, Ordering::Release);
            }
        });
        let _end = End(&end);
        let mut last = 0;
        for round in 0..4 {
            let copy = folder.path().join("copy #1 100%?.db");
            let (mut steps, mut met) = (Vec::new(), 0);
            let made = backup(&path, &copy, &mut |done, all| {
                // The writer goes on between the first steps, so that each of them could meet another moment.
                met += u32::from(steps.len() < 2 && one_more());
                steps.push((done, all));
            });
            let standing = made.unwrap();
            assert!(standing.version > last, "round {round}");
            last = standing.version;
            assert_eq!(met, 2, "the writer has gone on meanwhile");
            assert!(steps.len() > 2 && steps.is_sorted() && steps.last().is_some_and(|(done, all)| done == all));
            assert_eq!(check_backup(&copy).unwrap(), standing);
            let mut opened = Sqlite::open(&copy, MIGRATIONS).unwrap();
            assert_eq!(opened.standing().unwrap(), standing);
            let rows = 20 * 10_000 + (standing.version - 20) * 50;
            assert_eq!(opened.count(&RECORDS).unwrap(), rows, "round {round}");
            assert_eq!(opened.leaves(0, usize::MAX).unwrap().len() as u64, rows);
            grow(&mut opened, 1);
        }
    });
}

#[test]
fn a_copy_that_cannot_be_made_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(folder.path().join("registry.db"), MIGRATIONS).unwrap();
    let standing = grow(&mut store, 100);
    let refused = store.backup(&folder.path().join("none/copy.db"), &mut |_, _| {});
    assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");

    let copy = folder.path().join("copy.db");
    store.backup(&copy, &mut |_, _| {}).unwrap();
    let before = fs::read(&copy).unwrap();
    // What a copy that was interrupted has left does not stand in the way of the next.
    fs::write(folder.path().join("copy.db.part"), "half a copy").unwrap();
    grow(&mut store, 100);
    store.backup(&copy, &mut |_, _| {}).unwrap();
    assert_ne!(fs::read(&copy).unwrap(), before);
    assert!(!folder.path().join("copy.db.part").exists());

    fs::write(&copy, &before[..before.len() / 2]).unwrap();
    assert!(matches!(check_backup(&copy), Err(StoreError::Damaged(_))));
    fs::write(&copy, &before).unwrap();
    assert_eq!(check_backup(&copy).unwrap(), standing);
    assert!(matches!(check_backup(&folder.path().join("none.db")), Err(StoreError::Unavailable(_))));
    assert_eq!(store.get(&RECORDS, &[vec![text("1-0")]]).unwrap(), [Some(record("1-0", 1))]);
}
