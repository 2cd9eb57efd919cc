//! The whole way of an export on the command line: asked for, agreed to, taken, opened by the escrow, and taken in by another registry.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const CODES: [&str; 3] = ["0417", "0028", "0931"];

/// A folder with registries, and the service of one of them.
struct House {
    folder: TempDir,
    service: Option<Child>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            // It may have ended.
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl House {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), service: None }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/catalog");
        let mut command = Command::new(env!("CARGO_BIN_EXE_headlock"));
        command.args(["--catalog", catalog, "registry"]).args(args).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        said(&output)
    }

    /// Somebody asks the service.
    fn by(&self, who: &str, args: &[&str]) -> Output {
        let address = fs::read_to_string(self.path().join("address")).unwrap();
        self.command(args)
            .env("HEADLOCK_SERVER", format!("http://{}", address.trim()))
            .env("HEADLOCK_TOKEN_FILE", self.path().join(format!("{who}.token")))
            .output()
            .unwrap()
    }

    fn does(&self, who: &str, args: &[&str]) -> String {
        let output = self.by(who, args);
        assert!(output.status.success(), "{who} {args:?}: {}", said(&output));
        said(&output)
    }

    fn init(&self, name: &str, more: &[&str]) {
        fs::write(self.path().join("password"), "correct horse battery staple\n").unwrap();
        let (key, one_time) = (format!("{name}.key"), format!("{name}.otpauth"));
        let args = ["init", name, "--origin", "desk.example/log", "--admin", "root", "--person", "R. Oot"];
        let files =
            ["--company", "maker", "--key-file", &key, "--password-file", "password", "--one-time-file", &one_time];
        self.done(&[&args[..], &files, more].concat());
        let rules = self.path().join(name).join("rules.toml");
        let text = fs::read_to_string(&rules).unwrap();
        fs::write(&rules, text.replace("settled_days = 7", "settled_days = 0")).unwrap();
    }

    fn serve(&mut self) {
        let log = fs::File::create(self.path().join("service.log")).unwrap();
        let args = ["serve", "--config", "desk", "--listen", "127.0.0.1:0", "--address-file", "address"];
        let service =
            self.command(&args).env("HEADLOCK_LOG", "trace").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.service = Some(service);
        let since = Instant::now();
        while !self.path().join("address").exists() {
            assert!(since.elapsed() < Duration::from_mins(2), "it does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        self.does("root", &["sign-in", "root", "--password-file", "password", "--one-time-file", "desk.otpauth"]);
        for (id, role) in [("cora", "custodian"), ("cato", "custodian"), ("ed", "auditor")] {
            let add = ["who", "add", id, "--person", id, "--company", "maker", "--role", role];
            self.does("root", &[&add[..], &["--password-file", "password"]].concat());
            let one_time = format!("{id}.otpauth");
            self.does(id, &["sign-in", id, "--password-file", "password", "--first"]);
            self.does(id, &["one-time", "--out", &one_time]);
            self.does(id, &["sign-in", id, "--password-file", "password", "--one-time-file", &one_time]);
        }
    }

    /// Lets the service end in an orderly way.
    fn stop(&mut self) {
        let mut service = self.service.take().unwrap();
        let id = service.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(service.wait().unwrap().success());
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("age"))
            .collect()
    }
}

fn ask(house: &House) -> String {
    let asked = house.does("root", &["--json", "export", "ask", "--reason", "clause 4 of the contract"]);
    let json: serde_json::Value = serde_json::from_str(&asked).unwrap();
    json["id"].as_str().unwrap().to_owned()
}

fn open(escrow: &age::x25519::Identity, file: &[u8]) -> String {
    let opened = age::Decryptor::new(file).unwrap();
    let mut text = String::new();
    let identities = std::iter::once(escrow as &dyn age::Identity);
    opened.decrypt(identities).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_export_goes_from_desk_to_desk_through_the_escrow_alone() {
    let escrow = age::x25519::Identity::generate();
    let recipient = escrow.to_public().to_string();
    let mut house = House::new();
    house.init("desk", &["--escrow", &recipient]);
    let rows: Vec<String> =
        (1..).zip(CODES).map(|(at, code)| format!("WK0000000{at},{code},wicket/scan,eu\n")).collect();
    fs::write(house.path().join("table.csv"), format!("serial,code,unit,region\n{}", rows.concat())).unwrap();
    house.done(&["import", "table.csv", "--config", "desk"]);
    house.serve();

    let id = ask(&house);
    let early = house.by("root", &["export", "take", &id, "--out", "early.age"]);
    assert!(early.status.code() == Some(2) && said(&early).contains("not enough"), "{}", said(&early));
    assert_eq!(house.names(), Vec::<String>::new(), "nothing is left of what was not begun");
    let own = house.by("root", &["export", "agree", &id, "--reason", "because I say so"]);
    assert!(!own.status.success(), "{}", said(&own));
    for custodian in ["cora", "cato"] {
        house.does(custodian, &["export", "agree", &id, "--reason", "seen the contract"]);
    }
    let list = house.does("ed", &["export", "list"]);
    for word in [&id, &recipient, "agreed", "cora agreed: seen the contract", "clause 4"] {
        assert!(list.contains(word), "{word}: {list}");
    }
    fs::write(house.path().join("there.age"), "mine").unwrap();
    let there = house.by("root", &["export", "take", &id, "--out", "there.age"]);
    assert!(there.status.code() == Some(2) && said(&there).contains("there already"), "{}", said(&there));
    assert_eq!(fs::read(house.path().join("there.age")).unwrap(), b"mine");
    fs::remove_file(house.path().join("there.age")).unwrap();
    let taken = house.does("root", &["export", "take", &id, "--out", "export.age"]);
    assert_eq!(house.names(), ["export.age"]);
    let file = fs::read(house.path().join("export.age")).unwrap();
    let text = open(&escrow, &file);
    for (at, code) in (1..).zip(CODES) {
        assert!(text.contains(&format!("WK0000000{at},{code},wicket/scan,")), "{text}");
    }
    // What the log says of what left is what is there.
    let sha256 = taken.split_whitespace().skip_while(|word| *word != "SHA-256").nth(1).unwrap().to_owned();
    let since = Instant::now();
    while !house
        .does("ed", &["export", "show", &id])
        .contains(&format!("3 units, {} bytes, SHA-256 {sha256}", file.len()))
    {
        assert!(since.elapsed() < Duration::from_mins(2), "the log never heard that it left");
        thread::sleep(Duration::from_millis(50));
    }
    let again = house.by("root", &["export", "take", &id, "--out", "again.age"]);
    assert!(again.status.code() == Some(2) && said(&again).contains("no longer"), "{}", said(&again));
    let log = house.does("ed", &["log", "--count", "1000"]);
    assert!(log.contains("export_left") && log.contains(&sha256), "{log}");
    house.stop();

    let service = fs::read_to_string(house.path().join("service.log")).unwrap();
    assert!(service.contains("/v1/exports/{id}/take"), "there is something to search: {service}");
    for words in [service, log, taken, list] {
        let mut words = words.split(|c: char| !c.is_alphanumeric());
        assert!(words.all(|word| !CODES.contains(&word)), "a code stands where none should");
    }

    house.init("heir", &[]);
    fs::write(house.path().join("opened.csv"), &text).unwrap();
    let imported = house.done(&["import", "opened.csv", "--config", "heir", "--all-or-nothing"]);
    assert!(imported.contains("3 new units, 0 known, 0 bad"), "{imported}");
    let known = house.done(&["import", "opened.csv", "--config", "desk"]);
    assert!(known.contains("0 new units, 3 known, 0 bad"), "{known}");
}

#[test]
fn another_escrow_is_asked_for_and_a_secret_key_is_refused_as_one() {
    let house = House::new();
    let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    fs::write(house.path().join("password"), "correct horse battery staple\n").unwrap();
    for (wrong, word) in [(secret, "stays with the escrow"), ("age1nothing", "age-keygen")] {
        let args = ["init", "desk", "--origin", "desk.example/log", "--admin", "root", "--person", "R. Oot"];
        let more = ["--company", "maker", "--key-file", "desk.key", "--password-file", "password", "--escrow", wrong];
        let output = house.run(&[&args[..], &more].concat());
        assert!(output.status.code() == Some(2) && said(&output).contains(word), "{}", said(&output));
        assert!(!said(&output).contains(&secret[20..]), "the secret key is repeated");
        assert!(!house.path().join("desk").exists());
    }
    let mut house = House::new();
    house.init("desk", &[]);
    house.serve();
    let nobody = house.by("root", &["export", "ask", "--reason", "clause 4 of the contract"]);
    assert!(nobody.status.code() == Some(2) && said(&nobody).contains("no escrow"), "{}", said(&nobody));
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let asked = house.does("root", &["--json", "export", "recipient", &recipient, "--reason", "the first escrow"]);
    let id = serde_json::from_str::<serde_json::Value>(&asked).unwrap()["id"].as_str().unwrap().to_owned();
    house.does("cora", &["export", "agree", &id, "--reason", "seen the contract"]);
    assert!(house.does("cora", &["export", "list"]).contains("no escrow stands yet"));
    house.does("cato", &["export", "agree", &id, "--reason", "seen the contract"]);
    assert!(house.does("cora", &["export", "list"]).contains(&format!("the escrow: {recipient}")));
    let refused = ask(&house);
    assert!(house.does("ed", &["export", "refuse", &refused, "--reason", "nobody told me"]).contains("refused"));
    house.stop();
}

/// A service that breaks off, in the ways in which a way can.
fn broken(answer: &'static [u8]) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut some = [0; 1024];
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0, "the client ends its question");
            head.extend_from_slice(&some[..count]);
        }
        stream.write_all(answer).unwrap();
    };
    (address, thread::spawn(serve))
}

#[test]
fn a_way_that_breaks_off_leaves_no_file_that_looks_whole() {
    let house = House::new();
    // A token of the right shape: this service looks at none.
    let token = headlock_registry::sign_in::Token::random().unwrap();
    fs::write(house.path().join("root.token"), token.text().as_bytes()).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n";
    for rest in [
        "transfer-encoding: chunked\r\n\r\n5\r\nage-e\r\n",
        "transfer-encoding: chunked\r\n\r\n9\r\nage-",
        "content-length: 50\r\n\r\nage-encryption.org/v1",
    ] {
        let (address, service) = broken(Box::leak(format!("{head}{rest}").into_bytes().into_boxed_slice()));
        fs::write(house.path().join("address"), address).unwrap();
        let taken = house.by("root", &["export", "take", "5f0c", "--out", "export.age"]);
        service.join().unwrap();
        assert!(!taken.status.success() && said(&taken).contains("broke off"), "{rest}: {}", said(&taken));
        assert_eq!(house.names(), Vec::<String>::new(), "{rest}");
    }
}
