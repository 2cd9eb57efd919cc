//! The primary of a synchronous pair is killed under load; Patroni makes the other one primary, and the writer goes on with every batch once.
#![allow(clippy::unwrap_used)]

mod store_server;
mod store_suite;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headlock_registry::log::Commitment;
use headlock_registry::store::{
    Change, Committed, Isolation, Postgres, Read, Scan, Settings, Standing, Store, StoreError, Value,
};
use rustix::process::{Pid, Signal, kill_process};
use store_server::{free_port, owned_folder, passable, program, query, spawn, try_query, unprivileged};
use store_suite::End;
use store_suite::histories::batch;
use store_suite::random::Random;
use store_suite::tables::{MIGRATIONS, RECORDS, record};

/// The user that Patroni makes.
const USER: &str = "postgres";

fn installed(name: &str, package: &str) -> PathBuf {
    let found =
        ["/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name)).into_iter().find(|p| p.is_file());
    found.unwrap_or_else(|| {
        panic!("`{name}` is not installed: `cargo xtask test` installs it, as does `apt-get install {package}`")
    })
}

/// A process that is ended with the test.
struct Process(Child);

impl Process {
    fn start(mut command: Command, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(spawn(command))
    }

    fn end(&mut self, signal: Signal) {
        if self.0.try_wait().unwrap().is_none() {
            let _ = kill_process(Pid::from_child(&self.0), signal);
            let _ = self.0.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

/// A server, and the Patroni that watches over it.
struct Node {
    patroni: Process,
    port: u16,
    data: PathBuf,
    log: PathBuf,
}

impl Node {
    fn start(name: &str, folder: &Path, etcd: u16) -> Self {
        let (port, rest) = (free_port(), free_port());
        let own = folder.join(name);
        owned_folder(&own);
        let data = own.join("data");
        let bin = program("postgres").parent().unwrap().display().to_string();
        let config = format!(
            "
scope: headlock
name: {name}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{host: '127.0.0.1:{etcd}'}}
bootstrap:
  dcs:
    ttl: 6
    loop_wait: 1
    retry_timeout: 2
    maximum_lag_on_failover: 16777216
    synchronous_mode: true
    postgresql: {{parameters: {{max_connections: 50, shared_buffers: 32MB}}}}
  initdb: [encoding: UTF8, auth: trust, no-sync]
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
postgresql:
  listen: '127.0.0.1:{port}'
  connect_address: '127.0.0.1:{port}'
  data_dir: '{data}'
  bin_dir: '{bin}'
  pgpass: '{own}/pgpass'
  parameters: {{unix_socket_directories: '{own}'}}
  authentication: {{superuser: {{username: {USER}, password: none}}, replication: {{username: copier, password: none}}}}
",
            data = data.display(),
            own = own.display(),
        );
        let path = folder.join(format!("{name}.yml"));
        fs::write(&path, config).unwrap();
        let log = folder.join(format!("{name}.log"));
        let mut command = unprivileged(&installed("patroni", "patroni python3-etcd"));
        command.arg(path);
        Self { patroni: Process::start(command, &log), port, data, log }
    }

    fn address(&self) -> String {
        format!("host=127.0.0.1 port={} user={USER} dbname=postgres", self.port)
    }

    fn ask(&self, sql: &str) -> Option<String> {
        Some(try_query(&self.address(), sql).ok()?.first()?.first()?.clone())
    }

    fn is_primary(&self) -> bool {
        self.ask("SELECT NOT pg_is_in_recovery()").as_deref() == Some("t")
    }

    /// Both at once, as if the machine were gone.
    fn kill(&mut self) {
        let first = fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        let postmaster = Pid::from_raw(first.lines().next().unwrap().parse().unwrap()).unwrap();
        self.patroni.end(Signal::KILL);
        kill_process(postmaster, Signal::KILL).unwrap();
    }

    fn wait(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            let ended = self.patroni.0.try_wait().unwrap();
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_mins(1),
                "{what}: not within a minute\n{}",
                log()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn etcd(folder: &Path) -> (Process, u16) {
    let (port, peers) = (free_port(), free_port());
    let (own, others) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
    let data = folder.join("etcd");
    owned_folder(&data);
    let mut command = unprivileged(&installed("etcd", "etcd-server"));
    command.arg("--data-dir").arg(data);
    command.args(["--listen-client-urls", &own, "--advertise-client-urls", &own]);
    command.args(["--listen-peer-urls", &others, "--initial-advertise-peer-urls", &others]);
    command.args(["--initial-cluster", &format!("default={others}")]);
    (Process::start(command, &folder.join("etcd.log")), port)
}

/// What a writer was told.
#[derive(Default)]
struct Told {
    names: BTreeSet<String>,
    leaves: Vec<Commitment>,
    /// The last one.
    standing: Option<Standing>,
    last_at: Option<Instant>,
    /// The longest time between two answers.
    gap: Duration,
}

/// Writes until it is told to end; every batch is given until it is done.
fn write(address: &str, told: &Mutex<Told>, end: &AtomicBool) {
    let settings = Settings { isolation: Isolation::ReadCommitted, connections: 2, patience: Duration::from_secs(5) };
    let mut store = Postgres::open(address, settings, MIGRATIONS).unwrap();
    let (mut base, mut random) = (store.standing().unwrap(), Random::new(1));
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("{number:08}");
        let changes = [record("counter", number), record(&name, number)];
        let changes = changes.map(|row| Change::Put { table: &RECORDS, row }).to_vec();
        let next = batch(base, 2, changes, &mut random);
        base = loop {
            match store.commit(&next) {
                Ok(Committed::Done(standing)) => break standing,
                Ok(Committed::Overtaken(standing)) => panic!("by whom? {standing:?} after {:?}", next.base),
                Err(StoreError::Unavailable(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(
            base,
            Standing { version: next.base.version + 1, head: next.head },
            "no other goes on from the same base"
        );
        let mut told = told.lock().unwrap();
        told.names.insert(name);
        told.leaves.extend(next.leaves);
        told.standing = Some(base);
        let now = Instant::now();
        told.gap = told.last_at.replace(now).map_or(told.gap, |last| told.gap.max(now - last));
    }
}

#[test]
fn a_killed_primary_costs_no_acknowledged_batch_and_doubles_none() {
    let folder = passable();
    let (_etcd, etcd) = etcd(folder.path());
    let mut one = Node::start("one", folder.path(), etcd);
    one.wait("the first is primary", Node::is_primary);
    let two = Node::start("two", folder.path(), etcd);
    one.wait("the second copies synchronously", |one| {
        one.ask("SELECT sync_state FROM pg_stat_replication").as_deref() == Some("sync")
    });

    let hosts = format!("host=127.0.0.1,127.0.0.1 port={},{} user={USER} dbname=postgres", one.port, two.port);
    let (told, end) = (Mutex::new(Told::default()), AtomicBool::new(false));
    let count = || told.lock().unwrap().names.len();
    let (before, waited) = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&hosts, &told, &end));
        let (_end, begun) = (End(&end), Instant::now());
        while begun.elapsed() < Duration::from_secs(3) || count() < 100 {
            assert!(!writer.is_finished() && begun.elapsed() < Duration::from_secs(30), "the writer does not come on");
            thread::sleep(Duration::from_millis(10));
        }
        one.kill();
        let (killed, before) = (Instant::now(), count());
        while count() < before + 100 {
            assert!(!writer.is_finished() && killed.elapsed() < Duration::from_mins(1), "the writer does not go on");
            thread::sleep(Duration::from_millis(10));
        }
        (before, killed.elapsed())
    });
    let told = told.into_inner().unwrap();
    println!(
        "{} batches, {before} before the kill; the longest silence {:.1} s, a hundred more after {:.1} s",
        told.names.len(),
        told.gap.as_secs_f64(),
        waited.as_secs_f64()
    );

    assert!(two.is_primary() && told.gap > Duration::from_secs(1), "the other one has taken over");
    let mut store = Postgres::open(&two.address(), Settings::default(), MIGRATIONS).unwrap();
    let standing = store.standing().unwrap();
    assert_eq!(Some(standing), told.standing, "it stands where the last answer said");
    assert_eq!(standing.version, told.names.len() as u64, "a version for each batch: none lost, none doubled");
    let scan = Scan { table: &RECORDS, prefix: &[], after: None, backwards: false, limit: usize::MAX };
    let rows = store.scan(&scan).unwrap();
    let found: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| if let Value::Text(name) = &row[0] { Some(name.clone()) } else { None })
        .filter(|name| name != "counter")
        .collect();
    assert_eq!(found, told.names);
    assert!(store.leaves(0, usize::MAX).unwrap() == told.leaves, "the leaves are those of one line of batches");
    let sum = i64::try_from(standing.version).unwrap();
    assert!(rows.contains(&record("counter", sum)));
    assert_eq!(query(&two.address(), "SELECT pg_is_in_recovery()"), [["f"]]);
}
