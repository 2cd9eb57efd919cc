//! Witnesses of a registry's log, over real sockets: who cosigned what, and what happens to a log that comes in two versions.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod witness_support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use ed25519_dalek::{Signature, VerifyingKey};
use headlock_registry::log::{Checkpoint, Hash, KeyKind, Note, SecretKey, Submission, TreeHead, VerifierKey};
use serde_json::Value;
use tempfile::TempDir;
use witness_support::{Desk, Program, make_witness, post, registry, said, serve_witness};

const LOG: &str = "desk.example/log";

fn log_key() -> SecretKey {
    SecretKey::new(LOG, KeyKind::Note, &[7; 32]).unwrap()
}

/// A witness of the log above, in a folder with its key.
fn lone_witness() -> (TempDir, Program) {
    let folder = TempDir::new().unwrap();
    make_witness(folder.path(), "w1");
    let witness = serve_witness(folder.path(), "w1", &[&log_key().public().to_string()]);
    (folder, witness)
}

/// Trees of one and two leaves, and another of two.
fn trees() -> (TreeHead, TreeHead, TreeHead) {
    let leaf = |text: &[u8]| Hash::leaf(text);
    let two = |second| TreeHead { size: 2, root: Hash::node(&leaf(b"first"), &leaf(second)) };
    (TreeHead { size: 1, root: leaf(b"first") }, two(b"second".as_slice()), two(b"other".as_slice()))
}

fn request(old_size: u64, proof: &[Hash], (origin, head, key): (&str, TreeHead, &SecretKey)) -> Vec<u8> {
    let checkpoint = Checkpoint::new(origin, head).sign(key).unwrap().to_bytes();
    Submission { old_size, proof: proof.to_vec(), checkpoint }.to_bytes()
}

#[test]
fn a_witness_answers_with_the_statuses_of_the_specification_and_forgets_nothing_over_a_kill() {
    let (folder, witness) = lone_witness();
    let (one, two, other) = trees();
    let key = log_key();
    let stranger = SecretKey::new(LOG, KeyKind::Note, &[9; 32]).unwrap();
    let ask = |witness: &Program, body: &[u8]| post(witness.address, "/add-checkpoint", body);
    let second = [Hash::leaf(b"second")];

    let first = ask(&witness, &request(0, &[], (LOG, one, &key)));
    assert_eq!(first.status, 200, "{}", first.body);
    assert!(first.body.starts_with("\u{2014} witness.example/w1 ") && first.body.ends_with('\n'), "{}", first.body);
    for (status, body) in [
        (400, b"garbage".to_vec()),
        (400, Vec::new()),
        (400, request(2, &[], (LOG, one, &key))),
        (400, request(1, &second, (LOG, two, &key))[..60].to_vec()),
        (404, request(1, &second, ("another.example", two, &key))),
        (404, request(1, &second, ("another.example", two, &stranger))),
        (403, request(1, &second, (LOG, two, &stranger))),
        (413, vec![b'x'; 100_000]),
        (413, vec![b'x'; 3_000_000]),
        (422, request(1, &[], (LOG, two, &key))),
        (422, request(1, &[Hash::leaf(b"none")], (LOG, two, &key))),
        (409, request(0, &[], (LOG, two, &key))),
    ] {
        let reply = ask(&witness, &body);
        assert_eq!(reply.status, status, "{}", reply.body);
        assert_eq!(reply.kind == "text/x.tlog.size", status == 409, "{status}: {}", reply.kind);
    }
    assert_eq!(ask(&witness, &request(0, &[], (LOG, two, &key))).body, "1\n");
    assert_eq!(post(witness.address, "/", b"").status, 404);
    let mut got = TcpStream::connect(witness.address).unwrap();
    got.write_all(b"GET /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    got.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: POST"), "{answer}");

    assert_eq!(ask(&witness, &request(1, &second, (LOG, two, &key))).status, 200);
    drop(witness);
    let again = serve_witness(folder.path(), "w1", &[&key.public().to_string()]);
    assert!(again.said.contains("2 leaves were cosigned"), "{}", again.said);
    let fork = ask(&again, &request(2, &[], (LOG, other, &key)));
    assert_eq!((fork.status, fork.kind == "text/x.tlog.size"), (409, false), "{}", fork.body);
    assert_eq!(ask(&again, &request(2, &[], (LOG, two, &key))).status, 200, "the same once more");
    assert_eq!(ask(&again, &request(1, &second, (LOG, two, &key))).body, "2\n");
    assert_eq!(again.end(), Some(0));
}

#[test]
fn several_logs_of_one_witness_know_nothing_of_each_other() {
    let folder = TempDir::new().unwrap();
    make_witness(folder.path(), "w1");
    let keys = ["a.example", "b.example"].map(|name| SecretKey::new(name, KeyKind::Note, &[3; 32]).unwrap());
    let witness = serve_witness(folder.path(), "w1", &[&keys[0].public().to_string(), &keys[1].public().to_string()]);
    let (one, two, _) = trees();
    let ask = |body: &[u8]| post(witness.address, "/add-checkpoint", body);
    assert_eq!(ask(&request(0, &[], ("a.example", two, &keys[0]))).status, 200);
    assert_eq!(ask(&request(0, &[], ("b.example", one, &keys[1]))).status, 200);
    assert_eq!(ask(&request(0, &[], ("b.example", one, &keys[1]))).body, "1\n");
    assert_eq!(ask(&request(1, &[], ("b.example", one, &keys[0]))).status, 403, "another log's key");
}

#[test]
fn a_key_is_made_once_for_its_owner_alone_and_what_is_no_key_starts_nothing() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let public = make_witness(folder, "w1");
    assert_eq!(VerifierKey::parse(&public).unwrap().kind(), KeyKind::Cosignature);
    let file = folder.join("w1.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    let again = registry(folder, &["witness", "init", "--name", "witness.example/w1", "--key", "w1.key"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert_eq!(fs::read(&file).unwrap(), before);
    let named = registry(folder, &["witness", "init", "--name", "two words", "--key", "other.key"]);
    assert!(named.status.code() == Some(2) && !folder.join("other.key").exists(), "{}", said(&named));

    let log = log_key().public().to_string();
    fs::write(folder.join("open.key"), &before).unwrap();
    fs::set_permissions(folder.join("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
    for (key, log, word) in [
        ("nowhere.key", log.as_str(), "nowhere.key"),
        ("open.key", &log, "0600"),
        ("w1.key", &public, "cosigns"),
        ("w1.key", "garbage", "--log-key"),
    ] {
        let args = ["witness", "serve", "--key", key, "--log-key", log, "--state", "seen", "--listen", "127.0.0.1:0"];
        let output = registry(folder, &args);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(word), "{word}: {}", said(&output));
    }
    let secret = String::from_utf8(before).unwrap();
    let secret = secret.trim().rsplit('+').next().unwrap();
    assert!(![said(&again), said(&named)].iter().any(|said| said.contains(secret)));
}

#[test]
fn witnesses_cosign_one_checkpoint_and_verify_says_who() {
    let desk = Desk::new(&["w1", "w2"]);
    let folder = desk.folder();
    let (first, second) = (desk.witness("w1"), desk.witness("w2"));
    let output = desk.cosign(&[&first.url(), &second.url()]);
    assert!(output.status.success(), "{}", said(&output));
    for name in ["witness.example/w1", "witness.example/w2"] {
        assert!(said(&output).contains(name), "{}", said(&output));
    }
    // By the letter of the specification, and not by this program's own reading of it.
    let note = String::from_utf8(desk.file("/witnessed")).unwrap();
    let (text, signatures) = note.rsplit_once("\n\n").unwrap();
    let text = format!("{text}\n");
    for name in ["w1", "w2"] {
        let prefix = format!("\u{2014} witness.example/{name} ");
        let line = signatures.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
        let bytes = unbase64(line);
        let time = u64::from_be_bytes(bytes[4..12].try_into().unwrap());
        let public = desk.witness_key(name);
        let key = unbase64(public.splitn(3, '+').nth(2).unwrap());
        let key = VerifyingKey::from_bytes(key[1..].try_into().unwrap()).unwrap();
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = Signature::from_slice(&bytes[12..]).unwrap();
        key.verify_strict(message.as_bytes(), &signature).unwrap();
    }

    assert!(registry(folder, &["backup", "--config", "desk", "copy"]).status.success());
    let verify = |more: &[&str]| {
        let args = [&["--json", "verify", "copy/log", "--log-key", "log.pub"][..], more].concat();
        desk.json_command(&args)
    };
    let (w1, w2) = (desk.witness_key("w1"), desk.witness_key("w2"));
    let (code, both) = verify(&["--witness", &w1, "--witness", &w2]);
    assert_eq!(code, Some(0), "{both}");
    assert_eq!(both["log"]["witnessed"]["witnesses"][1]["name"], "witness.example/w2", "{both}");
    assert!(both["log"]["witnessed"]["leaves"].as_u64().unwrap() > 0);
    let (_, nobody) = verify(&[]);
    assert_eq!(nobody["log"]["witnessed"], Value::Null);
    let stranger = make_witness(folder, "w9");
    let (code, missing) = verify(&["--witness", &w1, "--witness", &stranger]);
    assert_eq!((code, &missing["holds"]), (Some(1), &Value::Bool(false)), "{missing}");
    assert_eq!(verify(&["--witness", &w1, "--witness", &stranger, "--quorum", "1"]).0, Some(0));

    // One that the service does not know, one that is not there, and one that does not know the log.
    let unknown = serve_witness(folder, "w9", &["log.pub"]);
    make_witness(folder, "w8");
    let elsewhere = serve_witness(folder, "w8", &[&log_key().public().to_string()]);
    assert_eq!(second.end(), Some(0));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, told) = desk.cosign_json(&[&first.url(), &unknown.url(), &elsewhere.url(), &format!("http://{nobody}")]);
    assert_eq!((code, &told["complete"]), (Some(1), &Value::Bool(false)), "{told}");
    let why = |at: usize| told["witnesses"][at]["why"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told["witnesses"][0]["cosigned"], true, "{told}");
    assert!(why(1).contains("log.witnesses"), "{told}");
    assert!(why(2).contains("key that signed"), "{told}");
    assert!(why(3).contains("cannot be asked"), "{told}");
    assert!((1..4).all(|at| told["witnesses"][at]["contradiction"] == false), "{told}");
}

fn unbase64(text: &str) -> Vec<u8> {
    let digit = |char: u8| match char {
        b'A'..=b'Z' => u32::from(char - b'A'),
        b'a'..=b'z' => u32::from(char - b'a') + 26,
        b'0'..=b'9' => u32::from(char - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits = text.trim_end_matches('=').bytes().map(digit);
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for bit in bits {
        held = held << 6 | bit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count & 0xff) as u8);
        }
    }
    bytes
}

#[test]
fn an_answer_that_was_lost_with_its_witness_is_had_again() {
    let desk = Desk::new(&["w1"]);
    let witness = desk.witness("w1");
    // Between both stands somebody who lets the request through, waits for the answer, and kills the witness with the answer in hand.
    let between = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", between.local_addr().unwrap());
    let kept = desk.folder().join("w1.seen/log-desk.example%2flog/head");
    let killer = thread::spawn(move || {
        let (mut asked, _) = between.accept().unwrap();
        let mut request = Vec::new();
        let mut some = [0; 8192];
        while !complete(&request) {
            let count = asked.read(&mut some).unwrap();
            assert!(count > 0, "the request broke off");
            request.extend_from_slice(&some[..count]);
        }
        let mut passed = TcpStream::connect(witness.address).unwrap();
        passed.write_all(&request).unwrap();
        let mut answer = [0; 12];
        passed.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        assert!(kept.exists(), "it answered before it had kept anything");
        drop(witness);
    });
    let (code, lost) = desk.cosign_json(&[&url]);
    killer.join().unwrap();
    assert_eq!((code, &lost["witnesses"][0]["contradiction"]), (Some(1), &Value::Bool(false)), "{lost}");
    let again = desk.witness("w1");
    assert!(again.said.contains("leaves were cosigned"), "{}", again.said);
    let (code, told) = desk.cosign_json(&[&again.url()]);
    assert_eq!((code, &told["complete"]), (Some(0), &Value::Bool(true)), "{told}");
}

/// Whether a request has all the bytes that its head announces.
fn complete(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    request.len() >= end + 4 + length.trim().parse::<usize>().unwrap()
}

#[test]
fn a_registry_that_keeps_two_logs_is_found_out_at_every_length() {
    let mut desk = Desk::new(&["w1"]);
    let witness = desk.witness("w1");
    assert!(desk.cosign(&[&witness.url()]).status.success());
    desk.stop();
    desk.copy_as("other");
    desk.serve("desk");
    for _ in 0..3 {
        desk.add_a_leaf();
    }
    let (code, seen) = desk.cosign_json(&[&witness.url()]);
    assert_eq!(code, Some(0), "{seen}");
    let seen = seen["leaves"].as_u64().unwrap();
    desk.stop();

    desk.serve("other");
    let mut sizes = vec![desk.leaves()];
    let contradicts = |desk: &Desk, words: &str| {
        let (code, told) = desk.cosign_json(&[&witness.url()]);
        assert_eq!((code, &told["witnesses"][0]["contradiction"]), (Some(1), &Value::Bool(true)), "{told}");
        assert!(told["witnesses"][0]["why"].as_str().unwrap().contains(words), "{words}: {told}");
    };
    assert!(sizes[0] < seen, "the copy is older");
    contradicts(&desk, "shows fewer");
    while *sizes.last().unwrap() < seen {
        desk.add_a_leaf();
        sizes.push(desk.leaves());
    }
    assert_eq!(sizes.last(), Some(&seen), "one leaf at a time: {sizes:?}");
    contradicts(&desk, "another tree");
    desk.add_a_leaf();
    contradicts(&desk, "begin with");
    let loud = desk.cosign(&[&witness.url()]);
    assert_eq!(loud.status.code(), Some(1));
    assert!(said(&loud).contains("TWO LOGS"), "{}", said(&loud));
    let kept = Note::parse(&desk.file("/witnessed")).unwrap();
    assert!(Checkpoint::from_text(kept.text()).unwrap().head.size < seen, "nothing of it is kept");
}
