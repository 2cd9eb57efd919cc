//! A registry's own machine, given what people give by mistake: a clear word, and nothing left behind or lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn registry(folder: &Path, args: &[&str]) -> Output {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/catalog");
    Command::new(env!("CARGO_BIN_EXE_headlock"))
        .args(["--catalog", catalog, "registry"])
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn init(folder: &Path, changed: &[(&str, &str)]) -> Output {
    let value = |name: &'static str, usual: &'static str| {
        let changed = changed.iter().find(|(known, _)| *known == name);
        [name.to_owned(), changed.map_or(usual, |(_, value)| value).to_owned()]
    };
    let options = [
        value("--origin", "desk.example/log"),
        value("--admin", "root"),
        value("--person", "R. Oot"),
        value("--company", "maker"),
        value("--key-file", "desk.key"),
        value("--password-file", "password"),
        value("--one-time-file", "otpauth"),
    ];
    let args: Vec<&str> = ["init", "desk"].into_iter().chain(options.iter().flatten().map(String::as_str)).collect();
    registry(folder, &args)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn with_password() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("password"), "correct horse battery staple\n").unwrap();
    folder
}

#[test]
fn a_registry_that_does_not_come_to_be_leaves_nothing_and_the_mended_command_works() {
    let folder = with_password();
    let folder = folder.path();
    fs::write(folder.join("short"), "short\n").unwrap();
    for (option, value, word) in [
        ("--origin", "a name with spaces", "key's name"),
        ("--admin", "BAD NAME", "--admin"),
        ("--person", "", "person"),
        ("--company", "", "--company"),
        ("--password-file", "short", "12 characters"),
        ("--password-file", "nowhere", "nowhere"),
        ("--key-file", "nowhere/desk.key", "nowhere/desk.key"),
        ("--one-time-file", "short", "there already"),
    ] {
        let output = init(folder, &[(option, value)]);
        assert_eq!(output.status.code(), Some(2), "{option} {value}: {}", said(&output));
        assert!(said(&output).contains(word), "{option} {value}: {}", said(&output));
        assert_eq!(names(folder), ["password", "short"], "{option} {value}");
    }
    let output = init(folder, &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(names(folder), ["desk", "desk.key", "otpauth", "password", "short"]);
    let again = init(folder, &[("--key-file", "other.key"), ("--one-time-file", "other")]);
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(names(folder), ["desk", "desk.key", "otpauth", "password", "short"], "what stood there stands");
    assert!(registry(folder, &["check", "--config", "desk"]).status.success());
}

#[test]
fn every_bad_row_is_told_with_its_line_and_the_good_one_is_taken_once() {
    let folder = with_password();
    let folder = folder.path();
    assert!(init(folder, &[]).status.success());
    let table = "serial,code,unit\nWK0000000I,1234,wicket/scan\nWK00000001,12345,wicket/scan\nWK00000002,1234,wicket/nope\nWK00000003,0417,wicket/scan\n";
    fs::write(folder.join("table.csv"), table).unwrap();
    let args = ["import", "table.csv", "--config", "desk", "--region", "eu"];
    let all_or_nothing = registry(folder, &[&args[..], &["--all-or-nothing"]].concat());
    assert_eq!(all_or_nothing.status.code(), Some(2), "{}", said(&all_or_nothing));
    let output = registry(folder, &args);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for word in ["line 2, serial", "WK00000001", "line 3, code", "line 4, unit", "1 new units", "3 bad"] {
        assert!(said(&output).contains(word), "{word}: {}", said(&output));
    }
    for code in ["1234\n", "12345", "0417"] {
        assert!(!said(&output).contains(code), "a code is in what was said: {}", said(&output));
    }
    let again = registry(folder, &args);
    assert!(said(&again).contains("nothing changed"), "{}", said(&again));
    fs::write(folder.join("empty.csv"), "").unwrap();
    let empty = registry(folder, &["import", "empty.csv", "--config", "desk"]);
    assert!(empty.status.code() == Some(2) && said(&empty).contains("empty"), "{}", said(&empty));
}

#[test]
fn the_table_of_the_documentation_is_taken_in_and_its_units_with_a_scheme_need_no_code() {
    let folder = with_password();
    let folder = folder.path();
    assert!(init(folder, &[]).status.success());
    let documentation = include_str!("../../../docs/registry.md");
    let (_, table) = documentation.split_once("```csv\n").unwrap();
    fs::write(folder.join("table.csv"), table.split_once("```").unwrap().0).unwrap();
    let import =
        |table: &str, more: &[&str]| registry(folder, &[&["import", table, "--config", "desk"], more].concat());
    let early = import("table.csv", &[]);
    assert_eq!(early.status.code(), Some(1), "{}", said(&early));
    for words in ["line 4, code: no code; wicket/scan has no scheme on record", "2 new units", "1 bad"] {
        assert!(said(&early).contains(words), "{words}: {}", said(&early));
    }
    let of_one = ["--unit", "wicket/scan", "--region", "eu"];
    fs::write(folder.join("bare.csv"), "serial\nWK20260002\n").unwrap();
    let bare = import("bare.csv", &of_one);
    assert!(bare.status.code() == Some(2) && said(&bare).contains("headlock registry scheme"), "{}", said(&bare));
    fs::write(folder.join("scheme.key"), [7; 32]).unwrap();
    let scheme = registry(folder, &["scheme", "wicket/scan", "--scheme-key", "scheme.key", "--config", "desk"]);
    assert!(scheme.status.success(), "{}", said(&scheme));
    let again = import("table.csv", &["--again"]);
    assert!(again.status.success() && said(&again).contains("1 new units, 2 known, 0 bad"), "{}", said(&again));
    let bare = import("bare.csv", &of_one);
    assert!(bare.status.success() && said(&bare).contains("1 new units"), "{}", said(&bare));
    fs::write(folder.join("before.csv"), "serial,code\nWK20250003,1234\n").unwrap();
    let before = import("before.csv", &of_one);
    assert_eq!(before.status.code(), Some(1), "{}", said(&before));
    assert!(said(&before).contains("line 2, code") && said(&before).contains("--own-codes"), "{}", said(&before));
    assert!(!said(&before).contains("1234"), "{}", said(&before));
    let own = import("before.csv", &[&of_one[..], &["--own-codes", "--again"]].concat());
    assert!(own.status.success() && said(&own).contains("1 new units"), "{}", said(&own));
}

#[test]
fn a_copy_is_whole_a_changed_one_is_not_and_another_key_opens_nothing() {
    let folder = with_password();
    let folder = folder.path();
    let output = init(folder, &[]);
    let key = said(&output).lines().find(|line| line.contains("desk.example/log+")).unwrap().trim().to_owned();
    assert!(registry(folder, &["backup", "--config", "desk", "copy"]).status.success());
    let verify = || registry(folder, &["verify", "copy/log", "--log-key", &key]);
    assert!(verify().status.success(), "{}", said(&verify()));
    let checkpoint = folder.join("copy/log/checkpoint");
    let text = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, text.replacen("desk.example", "disk.example", 1)).unwrap();
    assert_eq!(verify().status.code(), Some(1), "{}", said(&verify()));
    let rotated = registry(folder, &["rotate", "--config", "desk", "--new-key-file", "new.key"]);
    assert!(rotated.status.success(), "{}", said(&rotated));
    fs::write(folder.join("table.csv"), "serial,code\n").unwrap();
    let import = |key: &str| {
        registry(
            folder,
            &["import", "table.csv", "--config", "desk", "--key-file", key, "--unit", "wicket/scan", "--region", "eu"],
        )
    };
    let old = import("desk.key");
    assert!(old.status.code() == Some(2) && said(&old).contains("not the key"), "{}", said(&old));
    assert!(import("new.key").status.success(), "{}", said(&import("new.key")));
}
