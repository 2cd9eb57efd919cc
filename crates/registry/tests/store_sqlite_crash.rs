//! Processes that are killed in mid-commit, several at once on one file, disks that are full, and folders that are read only.
#![allow(clippy::unwrap_used)]

mod store_suite;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use headlock_registry::store::{Change, Committed, Read, Sqlite, Standing, Store, StoreError, Value};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store_suite::histories::batch;
use store_suite::random::Random;
use store_suite::tables::{MIGRATIONS, RECORDS, record, text};

/// Rows of a batch beside the counter.
const ROWS: u64 = 40;

/// Where a child finds its store.
const PLACE: &str = "HEADLOCK_TEST_STORE";

fn of_the_child() -> PathBuf {
    env::var_os(PLACE).map(PathBuf::from).expect("only ever run as a process of another test")
}

/// The arguments with which this very program runs one of the children below.
fn child(name: &str) -> [String; 4] {
    [name, "--exact", "--ignored", "--nocapture"].map(str::to_owned)
}

fn command(name: &str, store: &Path) -> Command {
    command_of(&env::current_exe().unwrap(), name, store)
}

fn command_of(program: &Path, name: &str, store: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(child(name)).env(PLACE, store).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The batch after a standing: rows that name it, and a counter that every batch counts up.
fn next(store: &mut Sqlite) -> headlock_registry::store::Batch {
    let base = store.standing().unwrap();
    let version = i64::try_from(base.version).unwrap() + 1;
    let put = |row| Change::Put { table: &RECORDS, row };
    let mut changes: Vec<Change> = (0..ROWS).map(|at| put(record(&format!("{version:08}-{at}"), version))).collect();
    let counted = store.get(&RECORDS, &[vec![text("counter")]]).unwrap().remove(0);
    let count = counted.map_or(0, |row| if let Value::Whole(count) = row[1] { count } else { panic!("a number") });
    changes.push(put(record("counter", count + 1)));
    batch(base, ROWS, changes, &mut Random::new(u64::from(std::process::id()) << 32 | base.version))
}

/// Every batch up to the standing is whole, and nothing of another is there.
fn is_whole(store: &mut Sqlite) -> Standing {
    let standing = store.standing().unwrap();
    let version = standing.version;
    assert_eq!(standing.head.size, version * ROWS);
    assert_eq!(store.leaves(0, usize::MAX).unwrap().len() as u64, version * ROWS);
    let expected = if version == 0 { 0 } else { version * ROWS + 1 };
    assert_eq!(store.count(&RECORDS).unwrap(), expected);
    if version > 0 {
        let counter = store.get(&RECORDS, &[vec![text("counter")]]).unwrap().remove(0);
        assert_eq!(counter, Some(record("counter", i64::try_from(version).unwrap())));
    }
    standing
}

#[test]
#[ignore = "a process of other tests"]
fn child_that_writes_until_it_is_killed() {
    let mut store = Sqlite::open(of_the_child(), MIGRATIONS).unwrap();
    let mut out = std::io::stdout();
    loop {
        let next = next(&mut store);
        assert!(matches!(store.commit(&next).unwrap(), Committed::Done(_)));
        writeln!(out, "\ndone {}", next.base.version + 1).and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn a_killed_process_leaves_whole_batches_and_every_one_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut random = Random::new(1);
    let (mut last, mut unanswered) = (0, 0);
    for round in 0..40 {
        let mut writer = command("child_that_writes_until_it_is_killed", &path).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut acknowledged = last;
        let mut heard = |line: String| {
            if let Some(version) = line.strip_prefix("done ") {
                acknowledged = version.parse().unwrap();
            }
            acknowledged
        };
        // Into some commit, anywhere in it.
        let after = last + random.below(20);
        while lines.next().is_some_and(|line| heard(line.unwrap()) <= after) {}
        thread::sleep(Duration::from_micros(random.below(4000)));
        writer.kill().unwrap();
        assert!(!writer.wait().unwrap().success());
        for line in lines {
            heard(line.unwrap());
        }

        assert!(acknowledged > after, "round {round}: the child has come so far");
        let stands = is_whole(&mut Sqlite::open(&path, MIGRATIONS).unwrap()).version;
        assert!(stands == acknowledged || stands == acknowledged + 1, "round {round}: {acknowledged}, stands {stands}");
        unanswered += u64::from(stands > acknowledged);
        last = stands;
    }
    println!("{last} batches, {unanswered} of them durable and unanswered");
}

#[test]
#[ignore = "a process of other tests"]
fn child_that_counts_to_a_hundred() {
    let mut store = Sqlite::open(of_the_child(), MIGRATIONS).unwrap();
    let mut done = 0;
    while done < 100 {
        let next = next(&mut store);
        done += u32::from(matches!(store.commit(&next).unwrap(), Committed::Done(_)));
    }
}

#[test]
fn processes_on_one_file_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let writers: Vec<_> = (0..3).map(|_| command("child_that_counts_to_a_hundred", &path).spawn().unwrap()).collect();
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(is_whole(&mut Sqlite::open(&path, MIGRATIONS).unwrap()).version, 300);
}

/// Writes until it is refused; what was acknowledged is there, can be read, and the refused batch goes through when there is room.
fn fill(make_room: impl FnOnce()) {
    let path = of_the_child();
    let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
    let refused = loop {
        let next = next(&mut store);
        match store.commit(&next) {
            Ok(Committed::Done(_)) => assert!(next.base.version < 100_000, "the disk is never full"),
            Err(StoreError::Unwritable(_)) => break next,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused.base.version > 3, "some went through");
    assert_eq!(is_whole(&mut store), refused.base);
    assert!(matches!(store.commit(&refused), Err(StoreError::Unwritable(_))), "still full");
    assert_eq!(is_whole(&mut Sqlite::open(&path, MIGRATIONS).unwrap()), refused.base, "also to whoever comes anew");
    make_room();
    assert!(matches!(store.commit(&refused).unwrap(), Committed::Done(_)));
    drop(store);
    assert_eq!(is_whole(&mut Sqlite::open(&path, MIGRATIONS).unwrap()).version, refused.base.version + 1);
}

#[test]
#[ignore = "a process of other tests"]
fn child_whose_disk_is_full() {
    let ballast = of_the_child().with_file_name("ballast");
    fs::write(&ballast, vec![7; 4 << 20]).unwrap();
    fill(|| fs::remove_file(&ballast).unwrap());
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A file system of its own that only this child sees; it needs no rights but those of a user's own name space.
    let script = "mount -t tmpfs -o size=8m none \"$0\" && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .args(child("child_whose_disk_is_full"))
        .env(PLACE, folder.path().join("registry.db"))
        .output()
        .expect("`unshare` of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "a process of other tests"]
fn child_whose_files_may_not_grow() {
    fill(|| {
        let all = Rlimit { current: getrlimit(Resource::Fsize).maximum, ..getrlimit(Resource::Fsize) };
        setrlimit(Resource::Fsize, all).unwrap();
    });
}

#[test]
fn a_file_that_may_not_grow_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ && ulimit -S -f 4096 && exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(child("child_whose_files_may_not_grow"))
        .env(PLACE, folder.path().join("registry.db"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "a process of other tests"]
fn child_that_may_only_read() {
    let path = of_the_child();
    assert!(File::create(path.with_file_name("other")).is_err(), "the folder is read only");
    let opened = Sqlite::open(&path, MIGRATIONS);
    assert!(matches!(opened, Err(StoreError::Unwritable(_))), "{opened:?}");
}

#[test]
fn a_folder_that_is_read_only_is_unwritable() {
    let folder = tempfile::tempdir().unwrap();
    for there in [false, true] {
        let path = folder.path().join(if there { "there.db" } else { "new.db" });
        if there {
            let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
            let next = next(&mut store);
            store.commit(&next).unwrap();
            drop(store);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let mut reading = command("child_that_may_only_read", &path);
        if rustix::process::geteuid().is_root() {
            // Whom no rights stop has to become somebody else, who may not come to this program by its name.
            reading = command_of(Path::new("/proc/self/exe"), "child_that_may_only_read", &path);
            reading.uid(65_534).gid(65_534);
        }
        let output = reading.output().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
