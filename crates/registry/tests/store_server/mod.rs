//! A real PostgreSQL server for tests: made in a temporary folder, on a free port of this machine, and ended with the last test that uses it.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use std::{env, thread};

use headlock_registry::store::{Migrations, Postgres, Settings, Store};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::store_suite::Place;

/// The database's own user.
pub(crate) const USER: &str = "registry";

/// A program of PostgreSQL, where its packages put it, or where the shell finds it.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|folders| folders.filter_map(|folder| Some(folder.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    versions.sort_by_key(|path| path.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok()));
    versions.reverse();
    versions.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let found = versions.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("`{name}` of PostgreSQL is not installed: `cargo xtask test` installs it, as does `apt-get install postgresql`")
    })
}

/// A command as somebody whom PostgreSQL runs for: it refuses to run as root. It ends with this process, even if that is killed.
pub(crate) fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if geteuid().is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/").env("LC_ALL", "C.UTF-8");
    command
}

/// A folder that the server may write in.
pub(crate) fn owned_folder(path: &Path) {
    fs::create_dir_all(path).unwrap();
    if geteuid().is_root() {
        let id = |flag: &str| {
            let output = Command::new("id").args([flag, "postgres"]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.trim().parse::<u32>().expect("a user `postgres`, which the package of PostgreSQL makes")
        };
        chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

/// A temporary folder that others than its owner may pass through.
pub(crate) fn passable() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs to the end, or shows what it said.
pub(crate) fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

/// Starts a process on a thread that does not end before it: a process that ends with its parent ends with the thread that made it.
pub(crate) fn spawn(mut command: Command) -> Child {
    let (give, take) = std::sync::mpsc::channel();
    thread::spawn(move || {
        give.send(command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"))).unwrap();
        loop {
            thread::park();
        }
    });
    take.recv().expect("a process")
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// A new one, with these settings beside its own.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = passable();
        let data = folder.path().join("data");
        owned_folder(&data);
        // A database whose own order of texts is a language's: ours must not depend on it.
        let initdb = ["--auth=trust", "--encoding=UTF8", "--no-sync", "--locale-provider=icu", "--icu-locale=en-US"];
        must(unprivileged(&program("initdb")).arg("-D").arg(&data).args(["-U", USER]).args(initdb));
        let port = free_port();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = unprivileged(&program("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        command.args(["-c", "max_connections=200"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut server = Self { child: spawn(command), port, folder };
        server.wait();
        server
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while try_query(&self.address(""), "SELECT 1").is_err() {
            let ended = self.child.try_wait().unwrap();
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not start: {log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a schema of its own, or of none.
    pub(crate) fn address(&self, schema: &str) -> String {
        address(self.port, schema)
    }

    /// An empty schema.
    pub(crate) fn schema(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("place_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        query(&self.address(""), &format!("CREATE SCHEMA {name}"));
        name
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fast: whoever is connected is cut off.
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, Signal::INT);
        let _ = self.child.wait();
    }
}

pub(crate) fn address(port: u16, schema: &str) -> String {
    let path = if schema.is_empty() { String::new() } else { format!(" options='-c search_path={schema}'") };
    format!("host=127.0.0.1 port={port} user={USER} dbname=postgres{path}")
}

/// The one server that the tests of this program share while any of them runs.
pub(crate) fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(&[]));
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A schema of its own for each place, on the shared server.
pub(crate) fn place(settings: Settings) -> Place {
    let server = shared();
    let address = server.address(&server.schema());
    Box::new(move |migrations: Migrations| {
        let _running = &server;
        let store = Postgres::open(&address, settings, migrations)?;
        Ok(Box::new(store) as Box<dyn Store>)
    })
}

/// Asks the server past the store.
pub(crate) fn try_query(address: &str, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await?;
        drop(client);
        let _ = connection.await;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    })
}

pub(crate) fn query(address: &str, sql: &str) -> Vec<Vec<String>> {
    try_query(address, sql).unwrap_or_else(|why| panic!("{sql}: {why}"))
}
