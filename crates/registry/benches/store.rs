//! Rows and commits a second of the stores, each beside a bare bound of the same run.

#[path = "../tests/store_server/mod.rs"]
mod store_server;
#[path = "../tests/store_suite/mod.rs"]
mod store_suite;

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headlock_registry::log::{Commitment, Hash, TreeHead};
use headlock_registry::store::{
    Batch, Change, Column, Committed, Migrations, Postgres, Row, Settings, Sqlite, Step, Store, Table, Value,
};
use tokio_postgres::types::ToSql;

/// As wide as a unit's record: an indexed number, two texts, a sealed code, times.
static RECORDS: Table = Table {
    name: "records",
    columns: &[
        Column::text("serial"),
        Column::text("unit"),
        Column::bytes("sealed"),
        Column::whole("at_ms"),
        Column::text("note").or_nothing(),
    ],
    key: 1,
    long: false,
};

const MIGRATIONS: Migrations = &[&[Step::Create(&RECORDS)]];

const BULK: u32 = 65_536;

fn main() {
    let root = Scratch::new();
    println!("\nthe disk");
    let fsync = fsync_time(&root);
    println!("  write of 4 KiB and fsync, median          {:>9.0} us", fsync.as_secs_f64() * 1e6);
    embedded(&root);
    shared(&root);
}

/// The embedded store, by how many rows a commit has and where they lie.
fn embedded(root: &Scratch) {
    println!("\nthe embedded store, durable");
    let mut store = Sqlite::open(root.0.join("registry.db"), MIGRATIONS).expect("a store");
    for (what, keys) in EVERY {
        println!("  {what}");
        let mut feed = Feed { next: 0, keys };
        for (rows, seconds) in [(1, 1), (32 * 5, 2), (50 * 5, 2), (512 * 5, 2), (10_000, 2), (BULK, 3)] {
            let (rate, worst) = durable(&mut store, &mut feed, rows, Duration::from_secs(seconds));
            println!(
                "  {rows:>8} rows a commit {:>9.0} us a commit, {:>9.0} at worst {rate:>12.0} rows/s",
                f64::from(rows) / rate * 1e6,
                worst.as_secs_f64() * 1e6
            );
        }
    }
}

/// The shared store beside the server's own statements, and bulks of both stores beside its COPY.
fn shared(root: &Scratch) {
    println!("\nthe shared store, durable, beside the server's own statements");
    let server = store_server::Server::start(&["shared_buffers=512MB", "max_wal_size=4GB"]);
    let address = server.address("");
    let mut store = Postgres::open(&address, Settings::default(), MIGRATIONS).expect("a store");
    for sql in ["CREATE TABLE plain (LIKE records INCLUDING ALL)", "CREATE TABLE copied (LIKE records INCLUDING ALL)"] {
        store_server::query(&address, sql);
    }
    let (mut ours, mut bare) = (Feed { next: 0, keys: Keys::InOrder }, Feed { next: 0, keys: Keys::InOrder });
    let time = Duration::from_secs(2);
    // In turns: a disk is not always the same.
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        rates[0].push(inserts(&address, &mut bare, time));
        rates[1].push(durable(&mut store, &mut ours, 32, time).0);
    }
    let [plain, committed] = rates.map(median);
    println!("  32 rows an INSERT of its own              {plain:>12.0} rows/s");
    beside("32 rows a commit", committed, plain, "of its INSERT, target 0.8");
    for rows in [50 * 5, 512 * 5] {
        beside(&format!("{rows} rows a commit"), durable(&mut store, &mut ours, rows, time).0, plain, "of its INSERT");
    }
    for (what, keys) in [EVERY[0], EVERY[2]] {
        println!("  {BULK} rows at once, {what}");
        for table in ["copied", "records"] {
            store_server::query(&address, &format!("TRUNCATE {table}"));
        }
        let mut embedded = Sqlite::open(root.0.join(format!("{what}.db")), MIGRATIONS).expect("a store");
        let feed = || Feed { next: 1 << 32, keys };
        let time = Duration::from_secs(3);
        let copied = copies(root, &address, &mut feed(), time);
        println!("  COPY                                      {copied:>12.0} rows/s");
        beside("the shared store", durable(&mut store, &mut feed(), BULK, time).0, copied, "of COPY");
        beside("the embedded store", durable(&mut embedded, &mut feed(), BULK, time).0, copied, "of COPY, target 0.5");
    }
}

fn beside(what: &str, rate: f64, bound: f64, of: &str) {
    println!("  {what:<40} {rate:>12.0} rows/s {:>7.2} x {of}", rate / bound);
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// What the server makes of INSERT statements of 32 rows, prepared, each a transaction.
fn inserts(address: &str, feed: &mut Feed, for_about: Duration) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.expect("the server");
        let connection = tokio::spawn(connection);
        let columns = RECORDS.columns.len();
        let row =
            |row: usize| (1..=columns).map(|at| format!("${}", row * columns + at)).collect::<Vec<_>>().join(", ");
        let rows: Vec<String> = (0..32).map(|at| format!("({})", row(at))).collect();
        let insert =
            client.prepare(&format!("INSERT INTO plain VALUES {}", rows.join(", "))).await.expect("a statement");
        let (mut spent, mut done) = (Duration::ZERO, 0);
        while spent < for_about {
            let rows: Vec<Row> = (0..32).map(|_| feed.row()).collect();
            let begun = Instant::now();
            let values: Vec<Box<dyn ToSql + Sync>> = rows
                .iter()
                .flatten()
                .map(|value| -> Box<dyn ToSql + Sync> {
                    match value {
                        Value::Nothing => Box::new(None::<&str>),
                        Value::Whole(whole) => Box::new(*whole),
                        Value::Text(text) => Box::new(text.as_str()),
                        Value::Bytes(bytes) => Box::new(bytes.as_slice()),
                    }
                })
                .collect();
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value).collect();
            client.execute(&insert, &values).await.expect("room for 32 rows");
            spent += begun.elapsed();
            done += 32;
        }
        drop(client);
        let _ = connection.await;
        f64::from(done) / spent.as_secs_f64()
    })
}

/// What the server makes of COPY from a file of its own machine.
fn copies(root: &Scratch, address: &str, feed: &mut Feed, for_about: Duration) -> f64 {
    let path = root.0.join("copy.txt");
    let (mut spent, mut done) = (Duration::ZERO, 0);
    while spent < for_about {
        write_copy(&path, feed);
        let begun = Instant::now();
        store_server::query(address, &format!("COPY copied FROM '{}'", path.display()));
        spent += begun.elapsed();
        done += BULK;
    }
    f64::from(done) / spent.as_secs_f64()
}

/// Rows in the format of COPY, for another user to read.
fn write_copy(path: &Path, feed: &mut Feed) {
    let mut text = String::new();
    for _ in 0..BULK {
        for (at, value) in feed.row().into_iter().enumerate() {
            text.push_str(if at == 0 { "" } else { "\t" });
            match value {
                Value::Nothing => text.push_str("\\N"),
                Value::Whole(whole) => write!(text, "{whole}").expect("a string takes all"),
                Value::Text(value) => text.push_str(&value),
                Value::Bytes(bytes) => {
                    text.push_str("\\\\x");
                    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes all"));
                }
            }
        }
        text.push('\n');
    }
    fs::write(path, text).expect("room on the disk");
    fs::set_permissions(path, Permissions::from_mode(0o644)).expect("our own file");
}

/// A folder that goes when the bench ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("headlock-store-bench-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fsync_time(root: &Scratch) -> Duration {
    let mut file = File::create(root.0.join("fsync")).expect("a file");
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("room on the disk");
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

const EVERY: [(&str, Keys); 3] = [
    ("keys in order", Keys::InOrder),
    ("one key in five anywhere", Keys::OneInFiveAnywhere),
    ("keys anywhere", Keys::Anywhere),
];

/// Where the rows of a batch lie in their table.
#[derive(Clone, Copy)]
enum Keys {
    /// Behind all others, as what is kept by time.
    InOrder,
    /// As a release: one record is found anywhere, what it leaves behind is kept by time.
    OneInFiveAnywhere,
    /// As an import of serial numbers in no order.
    Anywhere,
}

/// Rows, each another.
struct Feed {
    next: u64,
    keys: Keys,
}

impl Feed {
    fn changes(&mut self, count: u32) -> Vec<Change> {
        (0..count).map(|_| Change::Put { table: &RECORDS, row: self.row() }).collect()
    }

    fn row(&mut self) -> Row {
        self.next += 1;
        let mixed = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let anywhere = match self.keys {
            Keys::InOrder => false,
            Keys::OneInFiveAnywhere => self.next.is_multiple_of(5),
            Keys::Anywhere => true,
        };
        let key = if anywhere { format!("{mixed:016X}") } else { format!("T{:015X}", self.next) };
        vec![
            Value::Text(key),
            Value::Text("acme/nova-200".to_owned()),
            Value::Bytes(mixed.to_le_bytes().repeat(6)),
            Value::Whole(1_700_000_000_000 + i64::try_from(self.next).expect("few rows")),
            Value::Nothing,
        ]
    }
}

/// The batch after a standing, with a leaf a row.
fn batch(store: &mut dyn Store, changes: Vec<Change>) -> Batch {
    let base = store.standing().expect("a standing");
    let leaves = vec![Commitment([9; 32]); changes.len()];
    let head = TreeHead { size: base.head.size + leaves.len() as u64, root: Hash([3; 32]) };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&base.version.to_le_bytes());
    Batch { base, id, head, leaves, changes }
}

/// Rows a second in commits of so many, and the longest that one took.
fn durable(store: &mut dyn Store, feed: &mut Feed, rows: u32, for_about: Duration) -> (f64, Duration) {
    let (mut spent, mut done, mut worst) = (Duration::ZERO, 0, Duration::ZERO);
    while spent < for_about {
        let batch = batch(store, feed.changes(rows));
        let begun = Instant::now();
        let committed = store.commit(&batch).expect("a commit");
        let took = begun.elapsed();
        assert!(matches!(committed, Committed::Done(_)));
        (spent, worst, done) = (spent + took, worst.max(took), done + rows);
    }
    (f64::from(done) / spent.as_secs_f64(), worst)
}
