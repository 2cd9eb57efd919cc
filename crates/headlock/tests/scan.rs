//! The tester and the virtual ECU as commands: what a workshop would type.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn headlock(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headlock")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
        panic!("{why}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// A running ECU; it ends with the test.
struct Ecu {
    child: Child,
    endpoints: Vec<(String, String)>,
}

impl Ecu {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_headlock"))
            .args(["ecu", "--doip", "127.0.0.1:0", "--elm327", "tcp:127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut endpoints = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            match line.split_once(' ') {
                Some((protocol, at)) => endpoints.push((protocol.to_owned(), at.to_owned())),
                None => break,
            }
        }
        Self { child, endpoints }
    }

    fn at(&self, protocol: &str) -> &str {
        self.endpoints.iter().find(|(known, _)| known == protocol).map(|(_, at)| at.as_str()).unwrap()
    }
}

impl Drop for Ecu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn units() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/catalog").to_string_lossy().into_owned()
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_scanned_is_what_a_plan_starts_from() {
    let folder = TempDir::new().unwrap();
    let ecu = Ecu::start(&["clarion-cl", "--reading", "s1-faq", "--code", "1234", "--serial", "CL87654321"]);
    let out = folder.path().join("car.json").to_string_lossy().into_owned();
    let report = json(&headlock(&["--json", "scan", "--doip", ecu.at("doip"), "--out", &out]));
    assert_eq!(report["vin"], "SJNFDNJ10U1234567");
    assert_eq!(report["supply_mv"], 12_600);
    assert_eq!(report["serial"], "CL87654321");
    assert_eq!(report["lock"]["state"], "armed");
    assert_eq!(report["dtcs"], serde_json::json!([]));
    let plan = json(&headlock(&["--json", "plan", "--scan", &out]));
    let typed = json(&headlock(&["--json", "plan", "--serial", "CL87654321", "--firmware", "1.05", "--attempts", "0"]));
    assert_eq!(plan, typed);
    let other = json(&headlock(&["--json", "plan", "--scan", &out, "--attempts", "2"]));
    assert_ne!(plan, other, "what is said beside the file counts more");
}

#[test]
fn a_file_that_no_scan_wrote_is_refused() {
    let folder = TempDir::new().unwrap();
    for text in ["", "{}", "[1]", "{\"situation\": "] {
        let path = file(&folder, "car.json", text).to_string_lossy().into_owned();
        let refused = headlock(&["plan", "--scan", &path]);
        assert_eq!(refused.status.code(), Some(2), "{text:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("headlock scan --out"), "{text:?}");
    }
}

#[test]
fn nothing_is_written_to_a_car_unasked() {
    let ecu = Ecu::start(&["scan", "--reading", "manual", "--code", "1234", "--catalog", &units()]);
    for args in [&["--enter-code", "9999"][..], &["--run", "clear-attempts"], &["--clear-dtcs"], &["--reset"]] {
        let line = ["scan", "--doip", ecu.at("doip")];
        let refused = headlock(&[&line, args].concat());
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"), "{args:?}");
    }
    let report = json(&headlock(&["--json", "scan", "--doip", ecu.at("doip")]));
    assert_eq!(report["lock"]["failed"], 0);
}

#[test]
fn a_code_is_entered_through_an_elm327_and_a_wrong_one_is_told() {
    let ecu = Ecu::start(&["scan", "--reading", "manual", "--code", "1234", "--catalog", &units()]);
    let port = format!("tcp:{}", ecu.at("elm327"));
    let enter = |code: &str| headlock(&["--json", "scan", "--elm327", &port, "--enter-code", code, "--yes"]);
    let wrong = enter("4321");
    assert_eq!(wrong.status.code(), Some(5));
    assert_eq!(json(&wrong)["error"]["kind"], "code-not-accepted");
    let right = json(&enter("1234"));
    assert_eq!(right["lock"]["state"], "open");
    assert_eq!(right["adapter"]["claims"], "ELM327 v1.5");
}

#[test]
fn a_code_comes_from_standard_input_and_is_in_no_trace() {
    let folder = TempDir::new().unwrap();
    let key = file(&folder, "key", KEY).to_string_lossy().into_owned();
    let trace = folder.path().join("trace");
    for protocol in ["doip", "elm327"] {
        let ecu =
            Ecu::start(&["scan", "--reading", "manual", "--code", "5169", "--key-file", &key, "--catalog", &units()]);
        let at = if protocol == "doip" { ecu.at("doip").to_owned() } else { format!("tcp:{}", ecu.at("elm327")) };
        let scan = |more: &[&str], input: &str| {
            let mut child = Command::new(env!("CARGO_BIN_EXE_headlock"))
                .args(["--json", "scan", &format!("--{protocol}"), &at, "--yes", "--trace"])
                .arg(&trace)
                .args(more)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            json(&child.wait_with_output().unwrap())
        };
        let shown = || {
            let uds = fs::read_to_string(trace.join("uds.txt")).unwrap();
            let pcap = fs::read(trace.join("trace.pcap")).unwrap();
            (uds + &fs::read_to_string(trace.join("trace.txt")).unwrap(), pcap)
        };
        assert_eq!(scan(&["--enter-code", "-"], "5169\n")["lock"]["state"], "open");
        let (text, pcap) = shown();
        assert!(text.contains("> 3101FD102A2A2A2A"), "{text}");
        assert!(!text.contains("35313639"), "the code");
        assert!(!pcap.windows(4).any(|bytes| bytes == b"5169"), "the code");
        assert_eq!(scan(&["--run", "clear-attempts", "--key-file", &key], "")["lock"]["state"], "open");
        let (text, pcap) = shown();
        let asterisks = "2A".repeat(16);
        assert!(text.contains(&format!("> 2702{asterisks}")), "{text}");
        assert!(pcap.windows(5).any(|bytes| bytes == b"*****"));
    }
}

#[test]
fn no_code_is_entered_while_the_unit_waits() {
    let ecu = Ecu::start(&["scan", "--reading", "manual", "--code", "1234", "--catalog", &units()]);
    let enter = |code: &str| headlock(&["scan", "--doip", ecu.at("doip"), "--enter-code", code, "--yes"]);
    for _ in 0..3 {
        assert_eq!(enter("4321").status.code(), Some(5));
    }
    let refused = enter("1234");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the unit waits"));
    let report = json(&headlock(&["--json", "scan", "--doip", ecu.at("doip")]));
    assert_eq!(report["lock"]["state"], "waiting");
    assert_eq!(report["lock"]["failed"], 3);
    assert_eq!(report["lock"]["attempts_left"], 6);
}

#[test]
fn who_holds_the_key_unlocks_and_who_does_not_is_told() {
    let folder = TempDir::new().unwrap();
    let key = file(&folder, "key", KEY).to_string_lossy().into_owned();
    let other = file(&folder, "other", &KEY.replace('0', "f")).to_string_lossy().into_owned();
    let ecu = Ecu::start(&["scan", "--reading", "manual", "--key-file", &key, "--catalog", &units()]);
    let run = |more: &[&str]| {
        headlock(&[&["--json", "scan", "--doip", ecu.at("doip"), "--run", "clear-security", "--yes"], more].concat())
    };
    assert_eq!(json(&run(&[]))["error"]["kind"], "unfit-adapter");
    assert_eq!(json(&run(&["--key-file", &other]))["error"]["kind"], "negative-response");
    assert_eq!(json(&run(&["--key-file", &key]))["lock"]["state"], "open");
}

#[test]
fn firmware_is_signed_written_and_runs_and_another_maker_s_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let key = file(&folder, "key", KEY).to_string_lossy().into_owned();
    let payload = file(&folder, "payload", &"firmware ".repeat(9_000)).to_string_lossy().into_owned();
    let sign = |maker: &str, unit: &str, out: &str| {
        let args = ["firmware", "sign", &payload, "--unit", unit, "--version", "2.10", "--key", maker, "--out", out];
        assert_eq!(headlock(&args).status.code(), Some(0));
    };
    for maker in ["maker", "stranger"] {
        assert_eq!(headlock(&["firmware", "keygen", &at(maker)]).status.code(), Some(0));
    }
    assert_eq!(headlock(&["firmware", "keygen", &at("maker")]).status.code(), Some(2), "a key is never written over");
    let nameless = ["firmware", "sign", &payload, "--unit", "", "--version", "1", "--key", &at("maker"), "--out", "x"];
    assert_eq!(headlock(&nameless).status.code(), Some(2), "a package for no unit");
    sign(&at("maker"), "wicket/scan", &at("good"));
    sign(&at("stranger"), "wicket/scan", &at("strange"));
    sign(&at("maker"), "wicket/other", &at("other"));
    let public = at("maker.pub");
    let shown = |package: &str| headlock(&["--json", "firmware", "show", &at(package), "--maker-key", &public]);
    assert_eq!(json(&shown("good"))["signed"], true);
    assert_eq!(shown("strange").status.code(), Some(2));
    let ecu =
        Ecu::start(&["scan", "--reading", "manual", "--key-file", &key, "--maker-key", &public, "--catalog", &units()]);
    let flash = |package: &str| {
        let package = at(package);
        headlock(&["--json", "scan", "--doip", ecu.at("doip"), "--key-file", &key, "--yes", "--flash", &package])
    };
    for package in ["strange", "other"] {
        assert_eq!(json(&flash(package))["error"]["kind"], "negative-response", "{package}");
    }
    let still = json(&headlock(&["--json", "scan", "--doip", ecu.at("doip")]));
    assert_eq!(still["software"], "1.05");
    assert_eq!(json(&flash("good"))["software"], "2.10");
}

#[test]
fn the_link_of_a_killed_ecu_is_taken_again_and_a_file_is_not() {
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("elm");
    let port = format!("pty:{}", link.display());
    for _ in 0..3 {
        // Dropped, it is killed, and cannot take its link away.
        let ecu = Ecu::start(&["clarion-cl", "--reading", "s1-faq", "--elm327", &port]);
        let report = json(&headlock(&["--json", "scan", "--elm327", &link.to_string_lossy()]));
        assert_eq!(report["serial"], "CL12345678");
        drop(ecu);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    let kept = file(&folder, "file", "mine");
    let port = format!("pty:{}", kept.display());
    let refused = headlock(&["ecu", "clarion-cl", "--reading", "s1-faq", "--elm327", &port]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "mine");
}

#[test]
fn a_key_that_is_not_all_digits_is_none() {
    let folder = TempDir::new().unwrap();
    for text in ["", "00", &KEY[2..], &format!("+{}", &KEY[1..]), &format!("{KEY}0"), &KEY.replace('0', "g")] {
        let key = file(&folder, "key", text).to_string_lossy().into_owned();
        let refused =
            headlock(&["ecu", "clarion-cl", "--reading", "s1-faq", "--key-file", &key, "--doip", "127.0.0.1:0"]);
        assert_eq!(refused.status.code(), Some(2), "{text:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("64 hexadecimal digits"), "{text:?}");
    }
    for id in ["+E0", "", "7E", "800", "7E00", "18DA10F1F"] {
        let refused = headlock(&["scan", "--doip", "127.0.0.1:1", "--request-id", id]);
        // Two digits are an identifier of 11 bits, too.
        assert_eq!(refused.status.code(), Some(if id == "7E" { 5 } else { 2 }), "{id:?}");
    }
}

#[test]
fn two_byte_copies_get_no_firmware() {
    let folder = TempDir::new().unwrap();
    let key = file(&folder, "key", KEY).to_string_lossy().into_owned();
    let ecu = Ecu::start(&[
        "scan",
        "--reading",
        "manual",
        "--key-file",
        &key,
        "--clone",
        "two-byte-v2.1",
        "--catalog",
        &units(),
    ]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    assert_eq!(headlock(&["firmware", "keygen", &at("maker")]).status.code(), Some(0));
    let payload = file(&folder, "payload", "firmware").to_string_lossy().into_owned();
    let args = ["firmware", "sign", &payload, "--unit", "wicket/scan", "--version", "2.10", "--key", &at("maker")];
    assert_eq!(headlock(&[&args[..], &["--out", &at("package")]].concat()).status.code(), Some(0));
    let port = format!("tcp:{}", ecu.at("elm327"));
    let refused =
        headlock(&["--json", "scan", "--elm327", &port, "--flash", &at("package"), "--key-file", &key, "--yes"]);
    assert_eq!(refused.status.code(), Some(5));
    assert_eq!(json(&refused)["error"]["kind"], "unfit-adapter");
}

#[test]
fn where_nobody_answers_that_is_said_in_time() {
    let closed = headlock(&["--json", "scan", "--doip", "127.0.0.1:1"]);
    assert_eq!(closed.status.code(), Some(5));
    assert_eq!(json(&closed)["error"]["kind"], "cannot-open");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let started = std::time::Instant::now();
    let timed_out = headlock(&["--json", "scan", "--doip", &silent]);
    assert_eq!(json(&timed_out)["error"]["kind"], "timed-out");
    assert!(started.elapsed().as_secs() < 10);
}
