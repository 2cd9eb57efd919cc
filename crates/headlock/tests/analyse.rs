//! `headlock analyse`, through the real command: figures, attacks that replay, designs, a chart.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn headlock(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headlock")).args(args).env("NO_COLOR", "1").output().unwrap()
}

fn text(args: &[&str]) -> String {
    let done = headlock(args);
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn refused(args: &[&str], parts: &[&str]) {
    let done = headlock(args);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.stdout.is_empty() && !done.status.success(), "{args:?}");
    let plain = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(parts.iter().all(|part| plain.contains(part)), "{args:?}: {told}");
}

fn json(args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&text(&[args, &["--json"]].concat())).unwrap()
}

/// The scripts of a folder, by what they are of.
fn scripts_of(folder: &Path, what: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
    let behind_the_case = |name: &String| name.rsplit("-case-").next().unwrap().trim_end_matches(".txt").to_owned();
    let is = |name: &String| {
        let kind = behind_the_case(name);
        let kind = kind.trim_start_matches(|c: char| c.is_ascii_digit());
        kind == what || !what.is_empty() && kind.starts_with(what)
    };
    names.filter(is).collect()
}

fn sum(all: &serde_json::Value, of: impl Fn(&serde_json::Value) -> u64) -> u64 {
    let units = all["units"].as_array().unwrap().iter();
    units.flat_map(|unit| unit["readings"].as_array().unwrap()).map(of).sum()
}

#[test]
fn every_attack_accident_and_opening_replays_on_the_whole_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let fictional = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/catalog");
    let all = json(&["analyse", "--scripts", path, "--catalog", fictional]);
    let attacks = scripts_of(folder.path(), "").len() as u64;
    let bypassed = sum(&all, |reading| reading["bypassed_cases"].as_u64().unwrap());
    assert!(bypassed > 50 && attacks == bypassed, "{bypassed} cases, {attacks} scripts");
    let openings = scripts_of(folder.path(), "-opens").len() as u64;
    let opened = sum(&all, |reading| {
        reading["tools"]["openings"].as_array().unwrap().iter().map(|way| way["cases"].as_u64().unwrap()).sum()
    });
    assert!(opened > 300 && openings == opened, "{opened} openings, {openings} scripts");
    let gained = |key: &str| sum(&all, |reading| u64::from(!reading["tools"][key]["first"].is_null()));
    for (what, least) in [("-accident", 300), ("-panel", gained("panel")), ("-testers", gained("testers"))] {
        let count = scripts_of(folder.path(), what).len() as u64;
        assert!(count > 0 && count >= least, "{count} scripts of {what}");
    }
    let everything: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    let mut args = vec!["drive", "--catalog", fictional];
    args.extend(everything.iter().map(String::as_str));
    let driven = text(&args);
    assert!(driven.contains(&format!("{} scripts, 0 failed, 0 unreadable", everything.len())), "{driven}");
}

/// A strict policy, and tools that give back what it counted: the figures are those of the way round, not of the policy.
#[test]
fn what_menus_and_testers_give_back_is_counted() {
    let fictional = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/catalog");
    let all = json(&["analyse", "vesper/doors", "--catalog", fictional]);
    let readings = all["units"][0]["readings"].as_array().unwrap();
    let reading = |name: &str| readings.iter().find(|reading| reading["reading"] == name).unwrap();
    // Three guesses, then the menu: two plain presses and a third, and four seconds to restart.
    let menus = &reading("menus")["tools"]["panel"];
    let each_ms = 3 * 120 + 2 * 200 + 4_000;
    assert_eq!(menus["long_run"]["most"], serde_json::json!({ "guesses": 3, "ms": each_ms }));
    assert_eq!(menus["first"]["guess"], 4);
    assert!(
        reading("menus")["pulls"]["exhausted_ms"]["earliest"].is_null() && menus["exhausted_ms"]["latest"].is_u64()
    );
    let workshop = &reading("workshop")["tools"];
    assert_eq!(workshop["panel"]["long_run"]["most"], serde_json::json!({ "guesses": 1, "ms": 1_250 }));
    assert_eq!(workshop["testers"]["guesses"][0]["most"], "unlimited");
    let elsewhere = &reading("elsewhere")["tools"]["openings"][0];
    assert_eq!(elsewhere["needs"], serde_json::json!(["in another vehicle"]));
    assert_eq!(elsewhere["loses"], serde_json::json!(["bluetooth-pairings"]));
    let shown = text(&["analyse", "connect-2"]);
    assert!(shown.contains("tester consult, reset-lock: after 0 s"), "{shown}");
    assert!(shown.contains("no menu, stick or tester of this reading helps whoever guesses"), "{shown}");
}

/// Whoever is killed while a chart or a script is written leaves the old one; a folder never holds a part of a file under its name.
#[test]
fn a_file_is_written_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("budget.svg"), folder.path().join("link.svg"));
    fs::write(&file, "old").unwrap();
    let open = fs::File::open(&file).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    text(&["analyse", "tpm-2.0", "--svg", link.to_str().unwrap()]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().trim_end().ends_with("</svg>"));
    // Whoever had the old file open still reads all of it: it was replaced, not written over.
    assert_eq!(std::io::read_to_string(open).unwrap(), "old");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let through = text(&["analyse", "tpm-2.0", "--svg", "/dev/stdout"]);
    assert!(through.starts_with("<svg") && Path::new("/dev/stdout").exists());
}

#[test]
fn a_policy_of_a_well_known_system_is_named_and_a_file_is_read() {
    let tpm = json(&["analyse", "tpm-2.0"]);
    assert_eq!(tpm["untouched"]["long_run"]["most"], serde_json::json!({ "guesses": 1, "ms": 1_000_000 }));
    assert!(tpm["bypass"].is_null() && tpm["owner"]["always_gets_in"].as_bool().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "name = \"mine\"\n[tries]\nround = 3\n[[wait]]\nafter_rounds = 1\nwait_s = 3600\n").unwrap();
    let shown = text(&["analyse", file.to_str().unwrap()]);
    assert!(shown.contains("72.0") && shown.contains("138.8 days"), "{shown}");
    let week = json(&["analyse", "three-an-hour", "--within", "7d"]);
    assert_eq!(week["pulls"]["guesses"][4], serde_json::json!({ "by_ms": 604_800_000, "least": 507, "most": 507 }));
    assert_eq!(week["best_chance_percent"][4], "5.07 %");
    refused(&["analyse", "three-an-hour", "--within", "a while"], &["a while"]);
    fs::write(&file, "name = \"mine\"\n[[wait]]\nafter_failures = 3\nwait_s = -1\n").unwrap();
    refused(&["analyse", file.to_str().unwrap()], &["wait_s", "-1", "mine.toml"]);
    fs::write(&file, "a".repeat(100_001)).unwrap();
    refused(&["analyse", file.to_str().unwrap()], &["100001 bytes", "docs/analysis.md"]);
    refused(&["analyse", "tpm-2.0", "--typing-s", "3601"], &["3601", "0..=3600"]);
    refused(&["analyse", "tmp-2.0"], &["no unit and no policy", "tpm-2.0"]);
    refused(&["analyse", "clarion-cl", "--reading", "s9"], &["no reading", "s3"]);
    refused(&["analyse", folder.path().join("none.toml").to_str().unwrap()], &["cannot read"]);
}

#[test]
fn a_design_keeps_to_its_limits_and_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let design = text(&["analyse", "--design", "--owner-wait", "30min", "--digits", "5"]);
    assert!(design.contains("wait_s = 1800") && design.contains("All 100000 codes"), "{design}");
    let file = folder.path().join("design.toml");
    fs::write(&file, &design).unwrap();
    let worth = json(&["analyse", file.to_str().unwrap()]);
    assert_eq!(worth["owner"]["worst_wait_ms"], 1_800_000);
    assert_eq!(worth["pulls"]["exhausted_ms"]["latest"], (100_000_u64 - 3) * 1_800_000);
    assert!(worth["wear"]["cycles"].as_u64().unwrap() <= 100_000);
    refused(&["analyse", "--design", "--owner-wait", "1min"], &["wear", "a longer --owner-wait"]);
    refused(&["analyse", "--design", "--owner-wait", "soon"], &["soon"]);
    let long = text(&["analyse", "--design", "--owner-wait", "365d", "--digits", "12"]);
    assert!(long.contains("up to 1 year\"") && long.contains("All 1000000000000 codes take 5849424"), "{long}");
}

#[test]
fn the_chart_holds_the_readings_and_the_systems_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("budget.svg");
    text(&["analyse", "clarion-cl", "--svg", file.to_str().unwrap()]);
    let svg = fs::read_to_string(&file).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for name in ["nissan/clarion-cl#s1", "aosp-gatekeeper", "aosp-2025", "apple", "tpm-2.0", "three-an-hour"] {
        assert!(svg.contains(&format!("<title>{name}</title>")), "{name}");
    }
    let nowhere = Path::new("/nonexistent/budget.svg").to_str().unwrap();
    refused(&["analyse", "clarion-cl", "--svg", nowhere], &["cannot write"]);
}
