//! Leaves appended, proofs and an outsider's verification at ten million leaves, each beside its target and a bare bound.

use std::convert::Infallible;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use headlock_registry::log::{
    Commitment, Disk, FileHead, Growth, Hash, KeyKind, Ledger, Log, Outsider, Rim, SecretKey, Tiles, TreeHead,
    inclusion,
};

const ORIGIN: &str = "bench.example/log";
const LARGE: u64 = 10_000_000;

fn main() {
    let root = Scratch::new();
    let only = std::env::args().nth(1).filter(|only| only == "settled");
    if only.is_some() {
        [32, 64, 256].into_iter().for_each(|batch| settled(&root, batch));
        return;
    }
    println!("\nleaves a second (target: 200 thousand)");
    in_memory();
    for batch in [1, 32, 256, 1024, 8192, 65_536] {
        durable(&root, batch);
    }
    println!("\nleaves a second beside a database, with a receipt in bytes for each (target: 100 thousand)");
    for batch in [32, 64, 256] {
        settled(&root, batch);
    }
    println!("\nten million leaves on disk");
    let (disk, head) = large(&root);
    proofs(&disk, head);
    outsider(&disk, head);
}

/// A folder that goes when the bench ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("headlock-log-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn folder(&self, name: &str) -> Disk {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Disk::new(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn key() -> SecretKey {
    SecretKey::new(ORIGIN, KeyKind::Note, &[1; 32]).expect("a key")
}

fn leaves(from: u64, count: u64) -> Vec<Commitment> {
    (from..from + count)
        .map(|at| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            Commitment(bytes)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
const fn spread(count: u64) -> f64 {
    count as f64
}

fn rate(count: u64, elapsed: Duration) -> f64 {
    spread(count) / elapsed.as_secs_f64()
}

fn in_memory() {
    const COUNT: u64 = 1_000_000;
    let all = leaves(0, COUNT);
    let hash = all[0].leaf();
    let bare = fastest(|| {
        let mut sum = hash;
        for leaf in &all {
            sum = Hash::node(&sum, &leaf.leaf());
        }
        sum
    });
    for batch in [256, 8192] {
        let grown = fastest(|| {
            let mut rim = Rim::default();
            let mut head = TreeHead::EMPTY;
            for batch in all.chunks(batch) {
                let growth = Growth::of(&rim, batch);
                head = growth.head();
                rim = growth.rim().clone();
            }
            head.root
        });
        let name = format!("in memory, {batch} a batch");
        let times = grown.as_secs_f64() / bare.as_secs_f64();
        println!("  {name:<34} {:>10.0}/s   {times:>5.2} x the two hashes that a leaf needs", rate(COUNT, grown));
    }
}

/// Batches with every file and folder synced, the head swapped and the checkpoint signed and published.
fn durable(root: &Scratch, batch: u64) {
    let disk = root.folder(&format!("durable-{batch}"));
    let mut head = FileHead::new(disk.clone());
    let mut log = Log::open(disk, ORIGIN, key(), &mut head).expect("a new log");
    let started = Instant::now();
    let mut rounds = 0_u32;
    while started.elapsed() < Duration::from_secs(2) {
        let next = leaves(log.head().size, batch);
        black_box(log.append(&mut head, &next).expect("an append"));
        rounds += 1;
    }
    let elapsed = started.elapsed();
    let name = format!("durable, {batch} a batch");
    let each = elapsed.as_secs_f64() * 1e3 / f64::from(rounds);
    println!("  {name:<34} {:>10.0}/s   {each:>7.2} ms a batch", rate(log.head().size, elapsed));
}

/// Batches prepared, settled, and each leaf's receipt made; all is synced every 4096 leaves, which is timed apart.
fn settled(root: &Scratch, batch: u64) {
    const COUNT: u64 = 400_000;
    let disk = root.folder(&format!("settled-{batch}"));
    let none = |_, _| Ok::<_, Infallible>(Vec::new());
    let mut ledger = Ledger::open(disk, ORIGIN, key(), TreeHead::EMPTY, none).expect("a new ledger");
    let mut spent = [Duration::ZERO; 4];
    let mut longest = Duration::ZERO;
    let mut bytes = 0_u64;
    while ledger.head().size < COUNT {
        let size = ledger.head().size;
        let next = leaves(size, batch);
        let started = Instant::now();
        let prepared = ledger.prepare(&next);
        let prepared_at = Instant::now();
        ledger.settle(prepared).expect("a disk");
        let settled_at = Instant::now();
        for index in size..size + batch {
            bytes += black_box(ledger.receipt(index).expect("a leaf").to_bytes()).len() as u64;
        }
        let shown_at = Instant::now();
        if ledger.head().size - ledger.synced().size >= 4096 {
            ledger.sync().expect("a disk");
        }
        let synced_at = Instant::now();
        let steps = [prepared_at - started, settled_at - prepared_at, shown_at - settled_at, synced_at - shown_at];
        (0..4).for_each(|step| spent[step] += steps[step]);
        longest = longest.max(steps[3]);
    }
    let size = ledger.head().size;
    let in_all: Duration = spent[..3].iter().sum();
    let us = |step: usize| spent[step].as_secs_f64() * 1e6 / spread(size);
    println!(
        "  {:<34} {:>10.0}/s   {:>7.2} us a leaf",
        format!("settled, {batch} a batch"),
        rate(size, in_all),
        us(0) + us(1) + us(2)
    );
    println!(
        "    prepare {:.2} us, settle {:.2} us, receipt {:.2} us of {} bytes; beside them sync {:.2} us, the longest {:.1} ms",
        us(0),
        us(1),
        us(2),
        bytes / size,
        us(3),
        longest.as_secs_f64() * 1e3
    );
}

fn large(root: &Scratch) -> (Disk, TreeHead) {
    let disk = root.folder("large");
    let mut head = FileHead::new(disk.clone());
    let mut log = Log::open(disk.clone(), ORIGIN, key(), &mut head).expect("a new log");
    let started = Instant::now();
    while log.head().size < LARGE {
        let size = log.head().size;
        let next = leaves(size, (LARGE - size).min(1 << 18));
        log.append(&mut head, &next).expect("an append");
    }
    println!("  appended durably                   {:>10.0}/s", rate(LARGE, started.elapsed()));
    (disk, log.head())
}

fn proofs(disk: &Disk, head: TreeHead) {
    const COUNT: u64 = 20_000;
    let tiles = Tiles::new(disk.clone());
    let mut place = 0x1234_5678_u64;
    let mut times = Vec::new();
    for round in 0..COUNT {
        place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = (place >> 16) % head.size;
        let started = Instant::now();
        let path = inclusion(&tiles.tree(head.size), index, head.size).expect("tiles").expect("a leaf");
        times.push(started.elapsed());
        if round % 100 == 0 {
            assert!(head.includes(index, &leaves(index, 1)[0].leaf(), &path));
        }
    }
    times.sort_unstable();
    let us = |at: usize| times[at].as_secs_f64() * 1e6;
    let (middle, high) = (times.len() / 2, times.len() * 99 / 100);
    println!("  an inclusion proof (target: 50 us) {:>10.1} us  99 of 100 within {:.1} us", us(middle), us(high));
}

fn outsider(disk: &Disk, head: TreeHead) {
    let outsider = Outsider::new(ORIGIN, vec![key().public().clone()]);
    let started = Instant::now();
    let report = outsider.verify(disk, &mut |_| {});
    let elapsed = started.elapsed();
    assert!(report.is_clean() && report.head == Some(head), "{report:?}");
    println!("  an outsider verifies (target: 15 s){:>10.2} s   {} tiles", elapsed.as_secs_f64(), report.tiles);
}

fn fastest<T>(mut work: impl FnMut() -> T) -> Duration {
    (0..5)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .min()
        .unwrap_or_default()
}
