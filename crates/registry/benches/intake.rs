//! A million rows from a CSV file to durable, sealed, logged records, in the order of their serials and in none, beside bare inserts of the
//! same rows. Targets: 415 thousand rows a second, 256 MB.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use headlock_profile::{Catalog, File};
use headlock_registry::desk::{Credential, Desk, NewAccount, Tools};
use headlock_registry::intake::{Intake, Options, Report};
use headlock_registry::log::Disk;
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Region};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::Kek;
use headlock_registry::sign_in::{Role, Roles};
use headlock_registry::store::Sqlite;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: u64 = 1_000_000;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../tests/catalog/units/wicket/scan.toml");
const START_MS: u64 = 1_767_225_600_000;
/// Odd, so that it permutes the numbers below a power of ten that it has no factor of.
const STRIDE: u64 = 618_033_989;

/// Each figure in a process of its own: the most memory that a process had never goes down.
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--one") {
        return one(&arguments[at + 1], Path::new(&arguments[at + 2]), &arguments[at + 3..]);
    }
    let rows = arguments.iter().position(|argument| argument == "--rows").map(|at| arguments[at + 1].clone());
    let folder = tempfile::tempdir().expect("a temporary folder");
    for what in ["bare-sorted", "sorted", "sorted-alike", "bare-shuffled", "shuffled"] {
        let place = folder.path().join(what);
        std::fs::create_dir(&place).expect("a folder");
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
        child.args(["--one", what]).arg(&place).args(&rows);
        assert!(child.status().expect("a process").success());
        std::fs::remove_dir_all(&place).expect("a folder of ours");
    }
}

fn one(what: &str, place: &Path, rest: &[String]) {
    let rows = rest.first().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let batch = rest.get(1).and_then(|rows| rows.parse().ok());
    let sorted = !what.ends_with("shuffled");
    if what.starts_with("bare") {
        return bare(what, place, rows, sorted);
    }
    let table = place.join("table.csv");
    write_csv(&table, rows, sorted);
    let mut desk = desk(place);
    let (before_mb, cpu, committing) = (peak_mb(), cpu_s(), thread_cpu_s());
    let start = Instant::now();
    let mut options = Options { check_lookalikes: what.ends_with("alike"), ..Options::default() };
    if let Some(batch) = batch {
        options.table.chunk_rows = batch;
    }
    let intake =
        Intake { desk: &mut desk, credential: Credential::Console, clock: &mut || START_MS, tell: &mut |_| {} };
    let report: Report = intake.run(&table, &options).expect("a table that can be taken");
    let took_s = start.elapsed().as_secs_f64();
    assert_eq!((report.new, report.bad), (rows, 0));
    drop(desk);
    line(what, rows, took_s, cpu_s() - cpu, disk_bytes(place));
    let committing_us = (thread_cpu_s() - committing) * 1e6 / f64::from(u32::try_from(rows).expect("a few million"));
    println!(
        "{:>14} {committing_us:.2} us of it on the thread that commits; {before_mb} MB before, {} batches",
        "", report.batches
    );
}

#[expect(clippy::cast_precision_loss, reason = "a few million rows")]
fn line(what: &str, rows: u64, took_s: f64, cpu: f64, bytes: u64) {
    println!(
        "{what:<14} {:>9.0} rows/s, {:.2} us of a core a row, {:>4} MB at most, {:>4} bytes of disk a row",
        rows as f64 / took_s,
        cpu / rows as f64 * 1e6,
        peak_mb(),
        bytes / rows,
    );
}

/// The same rows and nothing else, in one transaction for each batch: no reading, no sealing, no log.
fn bare(what: &str, place: &Path, rows: u64, sorted: bool) {
    let mut connection = rusqlite::Connection::open(place.join("bare.db")).expect("a file");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;
             PRAGMA wal_autocheckpoint = 32768;
             CREATE TABLE unit (serial TEXT NOT NULL PRIMARY KEY, unit TEXT NOT NULL, firmware TEXT NOT NULL,
                region TEXT NOT NULL, companion TEXT, vin TEXT, state TEXT NOT NULL, pairings INTEGER NOT NULL,
                secret INTEGER NOT NULL, sealed BLOB) STRICT, WITHOUT ROWID;
             CREATE TABLE vin_unit (vin TEXT NOT NULL, serial TEXT NOT NULL, PRIMARY KEY (vin, serial)) STRICT, WITHOUT ROWID;",
        )
        .expect("tables");
    let cpu = cpu_s();
    let start = Instant::now();
    let (mut next, sealed) = (0, [7_u8; 32]);
    while next < rows {
        let transaction = connection.transaction().expect("a transaction");
        {
            let mut unit = transaction
                .prepare_cached("INSERT INTO unit VALUES (?1, ?2, ?3, ?4, NULL, ?5, 'in-service', 0, 1, ?6)")
                .expect("a statement");
            let mut vin_unit = transaction.prepare_cached("INSERT INTO vin_unit VALUES (?1, ?2)").expect("a statement");
            for at in next..(next + 32_768).min(rows) {
                let (serial, vin) = (serial(number(at, rows, sorted)), vin(at));
                unit.execute((&serial, "wicket/scan", "1.00", "eu", &vin, &sealed)).expect("a new row");
                vin_unit.execute((&vin, &serial)).expect("a new row");
            }
        }
        transaction.commit().expect("a commit");
        next += 32_768;
    }
    let took_s = start.elapsed().as_secs_f64();
    drop(connection);
    line(what, rows, took_s, cpu_s() - cpu, disk_bytes(place));
}

fn number(at: u64, rows: u64, sorted: bool) -> u64 {
    if sorted { at } else { at.wrapping_mul(STRIDE) % rows }
}

fn serial(number: u64) -> String {
    format!("WK{number:08}")
}

fn vin(at: u64) -> String {
    format!("SJNFAAJ10{at:08}")
}

fn write_csv(path: &PathBuf, rows: u64, sorted: bool) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut text = "serial,code,unit,firmware,region,vin".to_owned();
    for at in 0..rows {
        let code = at.wrapping_mul(7919) % 10_000;
        let serial = serial(number(at, rows, sorted));
        let _ = write!(text, "\n{serial},{code:04},wicket/scan,1.00,EU,{}", vin(at));
        file.write_all(text.as_bytes()).expect("room on the disk");
        text.clear();
    }
}

fn desk(place: &Path) -> Desk<Disk> {
    let store = Sqlite::open(place.join("registry.db"), MIGRATIONS).expect("a store");
    std::fs::create_dir(place.join("log")).expect("a folder");
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: SCAN }];
    let tools = Tools {
        store: Box::new(store),
        files: Disk::new(place.join("log")),
        catalog: Arc::new(Catalog::load(files).expect("the bench's unit")),
        rules: Rules::parse(DEFAULT).expect("rules"),
        kek: Kek::random().expect("a key"),
    };
    let first = NewAccount {
        id: AccountId::new("root").expect("a name"),
        person: "Root".to_owned(),
        company: Company::new("maker").expect("a name"),
        regions: vec![Region::new("eu").expect("a region")],
        roles: Roles::NONE.with(Role::Administrator).expect("a role"),
        password: None,
    };
    Desk::begin(tools, "bench.example/log", &first, START_MS).expect("a new registry")
}

fn disk_bytes(place: &Path) -> u64 {
    let files = std::fs::read_dir(place).expect("a folder").filter_map(Result::ok);
    let ours = files.filter(|file| file.file_name().to_string_lossy().contains(".db"));
    ours.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Seconds that the process was on a core so far, all threads.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state is no number: user and system time are the 14th and 15th of all.
    fields.get(10..12).map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}

/// The same of this thread alone.
fn thread_cpu_s() -> f64 {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    status.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).map_or(0.0, |ns| ns / 1e9)
}

/// The most memory that the process had so far.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
