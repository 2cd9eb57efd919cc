//! A registry with an auditor, and witnesses beside it: programs of their own, on free ports of this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Far more than anything here takes, also on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(2);

fn command(folder: &Path) -> Command {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/catalog");
    let mut command = Command::new(env!("CARGO_BIN_EXE_headlock"));
    command.args(["--catalog", catalog]).current_dir(folder).stdin(Stdio::null());
    command
}

/// `headlock registry` with these arguments; `--json` may be the first of them.
pub(crate) fn registry(folder: &Path, args: &[&str]) -> Output {
    let (json, args) = if let [first @ "--json", rest @ ..] = args { (Some(*first), rest) } else { (None, args) };
    command(folder).args(json).arg("registry").args(args).output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A program that has said that it is ready. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) said: String,
}

impl Program {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut started = command(folder);
        started.arg("registry").args(args).args(["--listen", "127.0.0.1:0"]);
        let mut child = started.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut said, mut lines) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        while !said.ends_with("ready\n") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{args:?} ended: {said}");
        }
        let address = said.lines().rev().find_map(|line| line.rsplit_once(" on ")?.1.parse().ok());
        Self { child, address: address.unwrap(), said }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to end, and answers with which exit code it did.
    pub(crate) fn end(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the key `NAME.key` of a witness, and answers the public one.
pub(crate) fn make_witness(folder: &Path, name: &str) -> String {
    let (full, file) = (format!("witness.example/{name}"), format!("{name}.key"));
    let output = registry(folder, &["--json", "witness", "init", "--name", &full, "--key", &file]);
    assert!(output.status.success(), "{}", said(&output));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["witness"].as_str().unwrap().to_owned()
}

pub(crate) fn serve_witness(folder: &Path, name: &str, logs: &[&str]) -> Program {
    let (key, state) = (format!("{name}.key"), format!("{name}.seen"));
    let logs = logs.iter().flat_map(|log| ["--log-key", log]);
    let args: Vec<&str> = ["witness", "serve", "--key", &key, "--state", &state].into_iter().chain(logs).collect();
    Program::start(folder, &args)
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: String,
}

/// One request by hand, on a connection of its own.
pub(crate) fn post(address: SocketAddr, path: &str, body: &[u8]) -> Reply {
    call(address, &format!("POST {path}"), body)
}

fn call(address: SocketAddr, line: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: witness\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), kind: kind.to_owned(), body: body.to_owned() }
}

/// A registry that serves, and its auditor `ed`, who is signed in.
pub(crate) struct Desk {
    folder: TempDir,
    service: Option<Program>,
    keys: Vec<(String, String)>,
}

impl Desk {
    /// With these witnesses' keys in its configuration.
    pub(crate) fn new(witnesses: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        for who in ["root", "ed"] {
            fs::write(at.join(format!("{who}.password")), "correct horse battery staple\n").unwrap();
        }
        let init = ["--json", "init", "desk", "--origin", "desk.example/log", "--admin", "root", "--person", "R. Oot"];
        let more = ["--company", "maker", "--key-file", "desk.key", "--password-file", "root.password"];
        let output = registry(at, &[&init[..], &more, &["--one-time-file", "root.otpauth"]].concat());
        assert!(output.status.success(), "{}", said(&output));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        fs::write(at.join("log.pub"), made["log_key"].as_str().unwrap()).unwrap();
        let keys: Vec<(String, String)> =
            witnesses.iter().map(|name| ((*name).to_owned(), make_witness(at, name))).collect();
        let known: Vec<&String> = keys.iter().map(|(_, key)| key).collect();
        let config = at.join("desk/registry.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}\n[log]\nwitnesses = {known:?}\n")).unwrap();
        let mut desk = Self { folder, service: None, keys };
        desk.serve("desk");
        desk.let_in_the_auditor();
        desk
    }

    fn let_in_the_auditor(&self) {
        let (root, ed) = (["--password-file", "root.password"], ["--password-file", "ed.password"]);
        let sign_in = ["sign-in", "root", "--one-time-file", "root.otpauth"];
        self.by("root", &[&sign_in[..], &root].concat());
        let add = ["who", "add", "ed", "--person", "Ed Holm", "--company", "maker", "--region", "eu"];
        self.by("root", &[&add[..], &["--role", "auditor"], &ed].concat());
        self.by("ed", &[&["sign-in", "ed", "--first"][..], &ed].concat());
        self.by("ed", &["one-time", "--out", "ed.otpauth"]);
        self.by("ed", &[&["sign-in", "ed", "--one-time-file", "ed.otpauth"][..], &ed].concat());
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Serves the registry of this folder.
    pub(crate) fn serve(&mut self, name: &str) {
        self.service = Some(Program::start(self.folder(), &["serve", "--config", name]));
    }

    /// Ends the service, everything on the disk.
    pub(crate) fn stop(&mut self) {
        assert_eq!(self.service.take().and_then(Program::end), Some(0));
    }

    /// What somebody does who holds the machine: all of the registry a second time.
    pub(crate) fn copy_as(&self, name: &str) {
        copy(&self.folder().join("desk"), &self.folder().join(name));
    }

    fn address(&self) -> SocketAddr {
        self.service.as_ref().unwrap().address
    }

    fn output(&self, who: &str, args: &[&str]) -> Output {
        let (json, args) = if let [first @ "--json", rest @ ..] = args { (Some(*first), rest) } else { (None, args) };
        let mut command = command(self.folder());
        command.env("HEADLOCK_SERVER", format!("http://{}", self.address()));
        command.env("HEADLOCK_TOKEN_FILE", format!("{who}.token"));
        command.args(json).arg("registry").args(args).output().unwrap()
    }

    fn by(&self, who: &str, args: &[&str]) {
        let output = self.output(who, args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }

    pub(crate) fn json_command(&self, args: &[&str]) -> (Option<i32>, Value) {
        let output = self.output("ed", args);
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", said(&output)));
        (output.status.code(), value)
    }

    /// A leaf that says that the auditor read the log.
    pub(crate) fn add_a_leaf(&self) {
        let before = self.leaves();
        self.by("ed", &["log", "--count", "1"]);
        let deadline = Instant::now() + PATIENCE;
        while self.leaves() == before {
            assert!(Instant::now() < deadline, "the leaf is not published");
            std::thread::yield_now();
        }
    }

    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        let reply = call(self.address(), &format!("GET {path}"), b"");
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body.into_bytes()
    }

    /// Leaves of the published checkpoint.
    pub(crate) fn leaves(&self) -> u64 {
        let checkpoint = String::from_utf8(self.file("/checkpoint")).unwrap();
        checkpoint.lines().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn witness(&self, name: &str) -> Program {
        serve_witness(self.folder(), name, &["log.pub"])
    }

    pub(crate) fn witness_key(&self, name: &str) -> String {
        self.keys.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    fn cosign_args<'a>(first: &[&'a str], witnesses: &[&'a str]) -> Vec<&'a str> {
        let witnesses = witnesses.iter().flat_map(|url| ["--witness", *url]);
        first.iter().copied().chain(witnesses).collect()
    }

    pub(crate) fn cosign(&self, witnesses: &[&str]) -> Output {
        self.output("ed", &Self::cosign_args(&["cosign"], witnesses))
    }

    pub(crate) fn cosign_json(&self, witnesses: &[&str]) -> (Option<i32>, Value) {
        self.json_command(&Self::cosign_args(&["--json", "cosign"], witnesses))
    }
}

fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
