//! The program as people run it: exit code, standard output, standard error.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const COMMANDS: [&str; 11] =
    ["units", "unit", "identify", "plan", "keys", "drive", "panel", "code", "claim", "completions", "man"];

const WAITING: [&str; 11] = [
    "plan",
    "--vehicle",
    "Qashqai J10",
    "--year",
    "2011",
    "--serial",
    "CL12345678",
    "--display",
    "WAIT",
    "--attempts",
    "3",
];

const HOLDS: &str = "unit nissan/clarion-cl reading s1 code 1234\nsupply cut 10min -> off\nignition on -> CODE\n";
const DIFFERS: &str =
    "unit nissan/clarion-cl reading s1 code 1234\nsupply cut 10min -> off\nignition on -> RADIO audio on\n";

/// What came of a run.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    /// Standard output as the one JSON value that it is.
    fn json(&self) -> Value {
        assert_eq!(self.err, "", "beside the JSON:\n{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}:\n{}", self.out))
    }

    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }
}

fn headlock(args: &[&str]) -> Done {
    fed(args, "")
}

/// Runs it with this on standard input.
fn fed(args: &[&str], input: &str) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headlock"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        command.env_remove(name);
    }
    finished(command.args(args), input)
}

fn finished(command: &mut Command, input: &str) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Without the white space and the marks that wrapping puts between words.
fn flat(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect()
}

fn holds_all(text: &str, parts: &[&str]) {
    let flat_text = flat(text);
    for part in parts {
        assert!(flat_text.contains(&flat(part)), "{part:?} is not in:\n{text}");
    }
}

/// Refused as bad input, for people and for machines.
fn refused(args: &[&str], parts: &[&str]) {
    let done = headlock(args);
    assert_eq!(done.code, 2, "{args:?}\n{}\n{}", done.out, done.err);
    assert_eq!(done.out, "", "{args:?}");
    holds_all(&done.err, parts);
    let done = headlock(&[args, &["--json"]].concat());
    assert_eq!(done.code, 2, "{args:?}");
    let error = &done.json()["error"];
    assert!(!text(&error["what"]).is_empty() && !text(&error["help"]).is_empty(), "{error}");
    holds_all(&format!("{} {}", text(&error["what"]), text(&error["help"])), parts);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| panic!("no list: {value}"), Vec::as_slice)
}

fn names<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    list(value).iter().map(|item| text(&item[field])).collect()
}

fn plan(args: &[&str]) -> Value {
    headlock(&[&["plan", "--json"], args].concat()).ok().json()
}

fn proofs(plan: &Value) -> Vec<(u64, u64)> {
    let steps = list(&plan["steps"]).iter().filter(|step| !step["proof"].is_null());
    steps.map(|step| (step["proof"]["safe"].as_u64().unwrap(), step["proof"]["readings"].as_u64().unwrap())).collect()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn at(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// A unit that loads.
const NOVA: &str = r#"id = "acme/nova-1"
name = "Nova 1"
look = ["presets-6"]

[[reading]]
id = "manual"
title = "the maker's manual"
sources = ["example"]
display = { prompt = "CODE", error = "ERROR", wait = "WAIT", locked_out = "OFF", open = "RADIO" }
entry = { style = "press-count", keys = ["1", "2", "3", "4"], initial = "0", confirm = { key = "6", hold_ms = 2000 } }
tries = { round = 3, locked_out_after_attempts = 9 }

[[reading.wait]]
after_rounds = 1
wait_s = 3600
"#;

/// A catalogue whose one unit has a mistake is refused, for people and for machines.
fn bad_catalogue(good: &str, bad: &str, line: usize, parts: &[&str]) {
    assert_eq!(NOVA.matches(good).count(), 1, "{good}");
    let folder = folder(&[("nova.toml", &NOVA.replace(good, bad))]);
    let path = folder.path().to_str().unwrap();
    let done = headlock(&["--catalog", path, "units"]);
    assert_eq!((done.code, done.out.as_str()), (3, ""), "{}", done.err);
    holds_all(&done.err, &[&format!("nova.toml:{line}:")]);
    holds_all(&done.err, parts);
    let done = headlock(&["--catalog", path, "units", "--json"]);
    assert_eq!(done.code, 3);
    let value = done.json();
    let [problem] = list(&value["error"]["problems"]) else { panic!("{value}") };
    assert_eq!(problem["line"], line, "{value}");
    assert!(text(&problem["file"]).ends_with("nova.toml"), "{value}");
    holds_all(&format!("{} {} {}", text(&problem["field"]), text(&problem["what"]), text(&problem["help"])), parts);
}

#[test]
fn a_clarion_that_waits_after_three_codes_gets_a_plan_that_is_safe_in_every_reading() {
    let shown = headlock(&WAITING).ok();
    assert_eq!(shown.err, "");
    let safe: Vec<(u32, u32)> = shown
        .out
        .split("safe in ")
        .skip(1)
        .map(|rest| {
            let words: Vec<&str> = rest.split_whitespace().collect();
            assert_eq!((words[1], words[3].trim_end_matches(':')), ("of", "readings"), "{rest}");
            (words[0].parse().unwrap(), words[2].parse().unwrap())
        })
        .collect();
    assert!(safe.len() >= 3, "{}", shown.out);
    assert!(safe.iter().all(|(safe, readings)| safe == readings && *readings > 1), "{safe:?}");

    let plan = plan(&WAITING[1..]);
    let proofs = proofs(&plan);
    assert!(proofs.len() >= 3, "{proofs:?}");
    assert!(proofs.iter().all(|(safe, readings)| safe == readings && *readings > 1), "{proofs:?}");
    assert_eq!(proofs[0].1, u64::try_from(list(&plan["readings"]).len()).unwrap());
    assert_eq!(plan["entering_now"]["safe"], false);
    assert!(text(&plan["headline"]).starts_with("Enter nothing now."));
}

#[test]
fn the_wait_of_the_clarion_has_a_part_with_the_ignition_off_and_one_with_it_on() {
    let plan = plan(&WAITING[1..]);
    let phases = names(&plan["wait"]["phases"], "how");
    assert!(phases.contains(&"ignition-off") && phases.contains(&"ignition-on"), "{phases:?}");
    assert_eq!(plan["wait"]["found"], true);
    let ended: Vec<&str> = list(&plan["wait"]["ends"]).iter().flat_map(list).map(text).collect();
    for reading in list(&plan["readings"]) {
        assert!(ended.contains(&text(&reading["name"])), "nothing ends the wait under {}", reading["name"]);
    }
}

#[test]
fn the_clarions_owner_is_warned_of_the_battery_that_helps_some_and_hurts_others() {
    let plan = plan(&WAITING[1..]);
    let warning = list(&plan["do_not"]).iter().find(|warning| text(&warning["text"]).contains("battery")).unwrap();
    let hurts = names(&warning["hurts"], "reading");
    let helps: Vec<&str> = list(&warning["helps"]).iter().map(text).collect();
    assert!(hurts.contains(&"nissan/clarion-cl#s3-short"), "{hurts:?}");
    assert!(helps.contains(&"nissan/clarion-cl#s1"), "{helps:?}");
    assert!(!list(&warning["sources"]).is_empty());
}

#[test]
fn firmware_of_a_unit_excludes_the_reading_of_newer_firmware() {
    let args = ["--serial", "BN23456789", "--firmware", "SW: 1.05"];
    let plan = plan(&args);
    let readings = names(&plan["readings"], "name");
    assert!(readings.contains(&"nissan/bn#s1") && readings.contains(&"nissan/bn#s3"), "{readings:?}");
    assert!(!readings.contains(&"nissan/bn#s1-fw201") && !readings.iter().any(|name| name.contains("clarion")));
    let excluded = list(&plan["excluded"]);
    let newer = excluded.iter().find(|out| out["unit"] == "nissan/bn" && out["reading"] == "s1-fw201").unwrap();
    assert!(text(&newer["because"]).contains("firmware 1.05"), "{newer}");
    assert!(!list(&plan["ways"]).is_empty());
    let shown = headlock(&[&["plan"], args.as_slice()].concat()).ok();
    holds_all(&shown.out, &["What to do", "What not to do", "Ways, the best first", "How the code is typed"]);
}

#[test]
fn a_panasonic_that_shows_an_error_is_told_to_enter_nothing() {
    let args = ["--serial", "PA12345678", "--display", "ERROR"];
    let plan = plan(&args);
    let readings = names(&plan["readings"], "name");
    assert!(readings.contains(&"nissan/panasonic-pa#s3-panasonic"), "{readings:?}");
    assert!(!readings.iter().any(|name| name.starts_with("nissan/clarion-cl") || name.starts_with("nissan/bn")));
    assert_eq!(plan["entering_now"]["safe"], false);
    assert!(text(&plan["headline"]).starts_with("Enter nothing now."), "{}", plan["headline"]);
    headlock(&[&["plan"], args.as_slice()].concat()).ok();
}

#[test]
fn a_late_unit_is_known_by_its_serial_alone() {
    let args = ["--serial", "28Q1234567890", "--display", "LOCK"];
    let plan = plan(&args);
    assert_eq!(names(&plan["readings"], "name"), ["nissan/28q#s4"]);
    assert_eq!(plan["entering_now"]["safe"], false);
    assert!(list(&plan["do_not"]).iter().any(|warning| text(&warning["text"]).contains("guess")));
    let shown = headlock(&[&["plan"], args.as_slice()].concat()).ok();
    holds_all(&shown.out, &["Do not guess codes", "nissan/28q", "[S4]"]);
}

#[test]
fn a_unit_that_asks_at_every_start_is_a_fault_to_check_first() {
    let plan = plan(&["--symptom", "asks-at-every-start"]);
    assert_eq!(names(&plan["symptoms"], "id"), ["asks-at-every-start"]);
    let first = text(&plan["steps"][0]["text"]);
    assert!(first.contains("asks again at every start") && first.contains("memory"), "{first}");
    let shown = headlock(&["plan", "--symptom", "asks-at-every-start"]).ok();
    holds_all(&shown.out, &["permanent supply", "fuse", "EEPROM"]);
}

#[test]
fn error_3_is_answered_with_no_code_at_all() {
    let plan = plan(&["--display", "ERROR 3"]);
    assert!(text(&plan["headline"]).contains("No code opens it"));
    assert_eq!(plan["entering_now"]["safe"], false);
    assert!(text(&plan["entering_now"]["because"]).contains("no code opens it"));
    let steps = names(&plan["steps"], "text");
    assert!(steps.contains(&"Enter nothing more."), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("code at hand") || step.contains("et the code")), "{steps:?}");
    assert!(proofs(&plan).is_empty());
    let shown = headlock(&["plan", "--display", "ERROR 3"]).ok();
    holds_all(&shown.out, &["No code opens it", "Entering a code now: not now"]);
}

#[test]
fn an_unknown_unit_is_answered_with_the_nearest_one() {
    let nearest = ["no unit \"nissan/clarion-xx\" in the catalogue", "did you mean `nissan/clarion-cl`?"];
    refused(&["unit", "nissan/clarion-xx"], &nearest);
    refused(&["plan", "--unit", "nissan/clarion-xx"], &nearest);
    refused(&["keys", "nissan/clarion-xx", "1234"], &nearest);
    refused(&["unit", ""], &["no unit \"\"", "known here: nissan/28a"]);
    refused(&["panel", "nissan/clarion-xx"], &nearest);
}

#[test]
fn an_unknown_reading_is_answered_with_the_known_ones() {
    let known = ["nissan/clarion-cl has no reading \"s9\"", "s1-faq"];
    refused(&["unit", "clarion-cl", "--reading", "s9"], &known);
    refused(&["keys", "clarion-cl", "1234", "--reading", "s9"], &known);
    refused(&["panel", "clarion-cl", "--reading", "s9"], &known);
}

#[test]
fn a_letter_in_place_of_a_digit_is_asked_about_and_not_corrected() {
    let asked = ["\"CL1234567O\" is no serial", "\"CL12345670\" would be", "the label again", "corrects no serial"];
    refused(&["plan", "--serial", "CL1234567O"], &asked);
    refused(&["identify", "--serial", "CL1234567O"], &asked);
}

#[test]
fn a_serial_of_nothing_is_refused() {
    refused(&["plan", "--serial", ""], &["\"\" is no serial number", "like CL12345678"]);
    refused(&["identify", "--serial", "  "], &["is no serial number", "label"]);
    refused(&["plan", "--serial", &"1".repeat(41)], &["is no serial number"]);
}

#[test]
fn a_serial_of_no_unit_is_a_note_and_no_error() {
    let found = headlock(&["identify", "--serial", "XX99", "--json"]).json();
    assert!(text(&found["notes"][0]).contains("no unit of the catalogue has a number like XX99"), "{found}");
}

#[test]
fn a_code_that_the_panel_cannot_type_is_refused_with_the_reason() {
    let keys = |code| ["keys", "clarion-cl", code, "--reading", "s1"];
    refused(&keys("12X4"), &["cannot type 'X' at place 3; it types 1234", "(under s1)", "look at the code again"]);
    refused(&keys("9999"), &["cannot type '9' at place 1; it types 1234", "misread"]);
    refused(&keys("12345"), &["the code has 5 characters, this unit takes 4"]);
    refused(&keys("12"), &["the code has 2 characters, this unit takes 4"]);
    refused(&keys("12345678901234567"), &["a code of 17 characters: no unit takes more than 16"]);
    refused(&keys("12?4"), &["'?' at position 3 cannot be part of a code", "digits and capital letters"]);
    refused(&keys(""), &["a code has at least one character", "leading zeros count"]);
    refused(&["plan", "--code", "12?4"], &["'?' at position 3 cannot be part of a code"]);
    refused(
        &["panel", "clarion-cl", "--reading", "s1", "--code", "12"],
        &["no code of this unit", "4 characters of 1234"],
    );
}

#[test]
fn a_year_in_which_no_car_was_built_is_refused() {
    refused(&["plan", "--year", "-5"], &["-5 is no model year", "like 2011"]);
    refused(&["plan", "--year", "99999"], &["99999 is no model year", "like 2011"]);
    refused(&["identify", "--year", "1800"], &["1800 is no model year"]);
    let not_built = ["Nissan Qashqai J10 was not built in 2019", "2007-2013"];
    refused(&["plan", "--vehicle", "Qashqai J10", "--year", "2019"], &not_built);
}

#[test]
fn a_year_that_is_no_number_is_refused() {
    let done = headlock(&["plan", "--year", "soon"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    holds_all(&done.err, &["'soon'", "--year"]);
}

#[test]
fn an_unknown_vehicle_is_answered_with_the_known_ones() {
    refused(&["plan", "--vehicle", "Lada Niva"], &["no vehicle \"Lada Niva\"", "Nissan Qashqai J11", "Nissan Juke"]);
    refused(&["plan", "--vehicle", ""], &["no vehicle \"\"", "Nissan Qashqai J10"]);
    refused(&["identify", "--vehicle", "Nissan Tiana"], &["no vehicle", "Nissan Teana"]);
}

#[test]
fn an_unknown_symptom_is_answered_with_the_nearest_one() {
    let nearest = ["no symptom \"asks-at-every-strat\"", "did you mean `asks-at-every-start`?"];
    refused(&["plan", "--symptom", "asks-at-every-strat"], &nearest);
    refused(&["plan", "--symptom", "xyz"], &["no symptom \"xyz\"", "right-code-refused", "no-reaction"]);
}

#[test]
fn an_unknown_word_is_answered_with_the_nearest_one() {
    refused(&["plan", "--has", "sticker,papres"], &["\"papres\"", "did you mean `papers`?"]);
    refused(&["plan", "--look", "touchscreen"], &["\"touchscreen\"", "did you mean `touch-screen`?"]);
    refused(&["plan", "--has", "gold"], &["\"gold\"", "papers, card, sticker"]);
}

#[test]
fn firmware_that_is_none_is_refused() {
    let like = "it reads like 1.05, SW: 1.05 or FW: 2.01";
    for bad in ["abc", "", "1.", "99999999999.1", "1.2.3.4.5"] {
        refused(&["plan", "--firmware", bad], &["is not a firmware version", like, "--firmware 1.05"]);
    }
    refused(&["panel", "clarion-cl", "--reading", "s1", "--firmware", "abc"], &["is not a firmware version", like]);
}

#[test]
fn a_count_of_attempts_that_is_none_is_refused() {
    for bad in ["many", "", "3.5", "70000", "+"] {
        refused(&["plan", "--attempts", bad], &["is no count of wrong codes", "a number like 3, or 3+"]);
    }
}

#[test]
fn more_attempts_than_any_reading_allows_are_refused() {
    let folder = folder(&[("nova.toml", NOVA)]);
    let path = folder.path().to_str().unwrap();
    let args = |attempts| ["--catalog", path, "plan", "--unit", "nova-1", "--attempts", attempts];
    headlock(&args("8")).ok();
    let told = ["50 wrong codes", "for good after 9 at the latest", "count again"];
    refused(&args("50"), &told);
    refused(&["plan", "--unit", "nissan/clarion-cl", "--attempts", "50"], &["50 wrong codes", "count again"]);
}

#[test]
fn a_catalogue_that_is_not_there_is_refused() {
    let folder = folder(&[("readme.txt", "nothing")]);
    let (here, missing) = (at(&folder, ""), at(&folder, "missing"));
    refused(&["--catalog", &missing, "units"], &["cannot read", "missing", "name a folder with .toml files"]);
    refused(&["--catalog", &here, "units"], &["holds no .toml file", "docs/catalogue.md"]);
    refused(&["--catalog", &at(&folder, "readme.txt"), "units"], &["cannot read", "readme.txt", "name a folder"]);
}

#[test]
fn a_script_that_is_not_there_is_refused() {
    let folder = folder(&[("try.txt", HOLDS)]);
    refused(&["drive", &at(&folder, "nothing.txt")], &["cannot read", "nothing.txt", "docs/scripts.md"]);
    refused(&["drive", &at(&folder, "")], &["cannot read", "docs/scripts.md"]);
    let done = headlock(&["drive"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    holds_all(&done.err, &["<SCRIPTS>"]);
}

#[test]
fn a_script_that_cannot_be_understood_says_where_and_what_would_be_right() {
    let start = "unit nissan/clarion-cl reading s1 code 1234\n";
    let scripts = [
        (format!("{start}suply cut 10min -> off\n"), 2, ["unknown word `suply`", "did you mean `supply`?"]),
        (format!("{start}supply off\n"), 2, ["`off` is neither", "did you mean `cut`?"]),
        (format!("{start}\n# a remark\nwait ten\n"), 4, ["`ten` is no time", "10min"]),
        (format!("{start}ignition on -> state opne\n"), 2, ["`opne` does not fit", "open, armed, waiting, locked-out"]),
        (format!("{start}press Q\n"), 2, ["this panel has no key \"Q\"", "`keys`"]),
        ("unit nissan/clarion-xx reading s1\n".to_owned(), 1, ["no unit \"nissan/clarion-xx\"", "nissan/clarion-cl"]),
        ("unit nissan/clarion-cl reading s9\n".to_owned(), 1, ["has no reading \"s9\"", "s1-faq"]),
        ("unit nissan/clarion-cl\n".to_owned(), 1, ["has 7 readings", "reading each"]),
        ("unit nissan/clarion-cl reading s1 case 99\n".to_owned(), 1, ["has no case 99", "1 to 12"]),
        ("unit nissan/clarion-cl reading s1 cod 1234\n".to_owned(), 1, ["`cod` is not known", "did you mean `code`?"]),
        (
            "unit nissan/clarion-cl reading s1 code 9999\n".to_owned(),
            1,
            ["no code of this unit", "4 characters of 1234"],
        ),
        ("unit nissan/clarion-cl reading s1 serial XX1\n".to_owned(), 1, ["\"XX1\" is no serial", "CL[0-9]{8}"]),
        ("wait 1s\n".to_owned(), 1, ["no unit has been started", "begin with a row like"]),
        ("define\nid = \"a/b\"\n".to_owned(), 1, ["`define` without its `end`", "row `end`"]),
    ];
    for (text, line, parts) in scripts {
        let folder = folder(&[("try.txt", &text)]);
        let done = headlock(&["drive", &at(&folder, "try.txt")]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{text}\n{}", done.err);
        holds_all(&done.err, &[&format!("try.txt:{line}:")]);
        holds_all(&done.err, &parts);
    }
}

#[test]
fn a_mistyped_field_is_told_with_file_line_and_the_nearest_field() {
    bad_catalogue("look = ", "loook = ", 3, &["unknown field `loook`", "did you mean `look`?"]);
    bad_catalogue("wait_s = ", "waits_s = ", 15, &["reading.0.wait.0.waits_s", "did you mean `wait_s`?"]);
}

#[test]
fn a_value_of_the_wrong_type_is_told() {
    bad_catalogue(
        "wait_s = 3600",
        "wait_s = \"an hour\"",
        15,
        &["reading.0.wait.0.wait_s", "found the text \"an hour\"", "a whole number"],
    );
}

#[test]
fn a_ring_of_readings_is_told_as_a_cycle() {
    bad_catalogue(
        "title = ",
        "based_on = \"manual\"\ntitle = ",
        7,
        &["based_on", "a cycle", "acme/nova-1#manual is based on acme/nova-1#manual"],
    );
}

#[test]
fn a_source_that_nobody_knows_is_told() {
    bad_catalogue(
        "sources = [\"example\"]",
        "sources = [\"exampel\"]",
        8,
        &["\"exampel\" is no claim and no source", "`example`", "[[source]]"],
    );
}

#[test]
fn text_that_is_no_toml_is_told() {
    bad_catalogue("name = \"Nova 1\"", "name = \"Nova 1", 2, &["invalid basic string", "no valid TOML"]);
}

#[test]
fn a_code_that_no_key_types_is_a_mistake_of_the_catalogue() {
    bad_catalogue(
        "\"press-count\", keys = [\"1\", \"2\", \"3\", \"4\"], initial = \"0\",",
        "\"key-is-digit\", keys = [\"1\", \"2\", \"3\", \"4\"],",
        5,
        &["this panel cannot type \"056789\" at place 1", "it types \"1234\"", "narrow the alphabet"],
    );
}

#[test]
fn two_units_of_one_id_are_a_mistake_of_the_catalogue() {
    let folder = folder(&[("a.toml", NOVA), ("b.toml", NOVA)]);
    let done = headlock(&["--catalog", folder.path().to_str().unwrap(), "units"]);
    assert_eq!((done.code, done.out.as_str()), (3, ""));
    holds_all(&done.err, &["b.toml:1:", "there is a unit \"acme/nova-1\" already", "a.toml; choose another id"]);
}

#[test]
fn one_bad_unit_beside_a_good_one_stops_every_command_that_reads_the_catalogue() {
    let bad = NOVA.replace("nova-1", "nova-2").replace("look = ", "loook = ");
    let folder = folder(&[("good.toml", NOVA), ("bad.toml", &bad)]);
    let path = folder.path().to_str().unwrap();
    for args in [["units", "nova"], ["unit", "nova-1"], ["plan", "--display=CODE"], ["identify", "--year=2011"]] {
        let done = headlock(&[&["--catalog", path], args.as_slice()].concat());
        assert_eq!((done.code, done.out.as_str()), (3, ""), "{args:?}");
        holds_all(&done.err, &["bad.toml:3:"]);
        assert!(!flat(&done.err).contains("good.toml"), "{}", done.err);
    }
    for args in [["man"].as_slice(), &["completions", "bash"]] {
        headlock(&[&["--catalog", path], args].concat()).ok();
    }
}

#[test]
fn a_good_catalogue_of_ones_own_is_listed_and_planned_with() {
    let folder = folder(&[("nova.toml", NOVA)]);
    let path = folder.path().to_str().unwrap();
    let listed = headlock(&["--catalog", path, "units", "nova", "--json"]).ok().json();
    assert_eq!(names(&listed["units"], "id"), ["acme/nova-1"]);
    let shown = headlock(&["--catalog", path, "keys", "nova-1", "0012"]).ok();
    holds_all(&shown.out, &["press 3", "press 4, 2 times", "hold 6 for 2 s"]);
}

#[test]
fn without_a_key_there_is_no_calculator() {
    for command in ["code", "calculate", "generate", "calculator"] {
        let done = headlock(&[command]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{command}");
        holds_all(&done.err, &["never shows a code that nobody issued", "no public way", "--key-file FILE"]);
        assert!(!done.err.chars().any(|c| c.is_ascii_digit()), "{}", done.err);
    }
    let done = headlock(&["code", "clarion-cl", "--serial", "CL12345678", "--reading", "s1"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(!done.err.chars().any(|c| c.is_ascii_digit()), "{}", done.err);
    refused(&["calculate"], &["never shows a code that nobody issued"]);
}

#[test]
fn a_key_derives_the_same_code_twice_and_another_for_another_serial() {
    let folder =
        folder(&[("scheme.key", "0123456789abcdef0123456789abcdef"), ("other.key", "another key of more bytes")]);
    let run = |serial: &str, key: &str| {
        let key = at(&folder, key);
        let args = ["code", "clarion-cl", "--serial", serial, "--key-file", key.as_str(), "--reading", "s1"];
        let done = headlock(&args).ok();
        let code = done.out.trim().to_owned();
        assert!(code.len() == 4 && code.chars().all(|c| "1234".contains(c)), "{code:?}");
        assert_eq!(done.err.trim(), "from a keyed scheme whose key you hold");
        let json = headlock(&[args.as_slice(), &["--json"]].concat()).ok().json();
        assert_eq!(json["code"], code.as_str());
        code
    };
    let first = run("CL12345678", "scheme.key");
    assert_eq!(first, run("CL12345678", "scheme.key"));
    assert_eq!(first, run("cl 1234 5678", "scheme.key"));
    let others: Vec<String> = (0..8).map(|n| run(&format!("CL1234567{n}"), "scheme.key")).collect();
    assert!(others.iter().any(|other| *other != first), "{others:?}");
    let by_other_key: Vec<String> = (0..8).map(|n| run(&format!("CL1234567{n}"), "other.key")).collect();
    assert_ne!(others, by_other_key);
}

#[test]
fn a_key_that_is_short_or_not_there_is_refused() {
    let folder = folder(&[("short.key", "12345678"), ("empty.key", ""), ("good.key", "0123456789abcdef")]);
    let args = |key: &str| {
        ["code", "clarion-cl", "--serial", "CL12345678", "--reading", "s1", "--key-file", key].map(str::to_owned)
    };
    let refuses = |key: &str, parts: &[&str]| {
        let args = args(&at(&folder, key));
        refused(&args.each_ref().map(String::as_str), parts);
    };
    refuses("short.key", &["a key of 8 bytes", "at least 16 random bytes", "/dev/urandom"]);
    refuses("empty.key", &["a key of 0 bytes", "at least 16"]);
    refuses("missing.key", &["cannot read", "missing.key", "the key's bytes"]);
    let good = at(&folder, "good.key");
    refused(
        &["code", "clarion-cl", "--serial", "XX1", "--reading", "s1", "--key-file", &good],
        &["is no serial", "CL[0-9]{8}"],
    );
    refused(
        &["code", "clarion-cl", "--serial", "CL12345678", "--key-file", &good],
        &["which reading", "--reading", "s1-faq"],
    );
    refused(&["code", "--key-file", &good], &["derived for one unit", "--serial SERIAL"]);
}

#[test]
fn every_command_prints_one_json_value_and_nothing_else() {
    let folder = folder(&[("try.txt", HOLDS), ("differs.txt", DIFFERS), ("scheme.key", "0123456789abcdef")]);
    let (script, differs, key) = (at(&folder, "try.txt"), at(&folder, "differs.txt"), at(&folder, "scheme.key"));
    let commands: [(&[&str], &str); 9] = [
        (&["units"], "units"),
        (&["unit", "clarion-cl"], "readings"),
        (&["identify", "--serial", "CL12345678"], "remaining"),
        (&["plan", "--serial", "CL12345678"], "steps"),
        (&["keys", "clarion-cl", "1234"], "ways"),
        (&["drive", &script], "scripts"),
        (&["drive", &script, &script], "scripts"),
        (&["claim", "S1.lock.2"], "claims"),
        (&["code", "bn", "--serial", "BN23456789", "--reading", "s1", "--key-file", &key], "code"),
    ];
    for (args, field) in commands {
        let value = headlock(&[args, &["--json"]].concat()).ok().json();
        assert!(!value[field].is_null(), "{args:?} prints no {field:?}: {value}");
        let before = headlock(&[&["--json"], args].concat()).ok();
        assert_eq!(before.json(), value, "{args:?}");
    }
    let done = headlock(&["drive", &differs, "--json"]);
    assert_eq!(done.code, 1);
    let value = done.json();
    assert_eq!(value["failed"], 1);
    let seen = &value["scripts"][0]["mismatches"][0]["seen"][0];
    assert_eq!((text(&seen["expected"]), text(&seen["is"])), ("RADIO", "CODE"));
    let done = headlock(&["plan", "--display", "GOOD MORNING", "--json"]);
    assert_eq!(done.code, 1);
    assert!(list(&done.json()["readings"]).is_empty());
}

#[test]
fn a_claim_is_shown_with_what_it_says() {
    let shown = headlock(&["claim", "S1.lock.2"]).ok();
    holds_all(&shown.out, &["S1.lock.2", "WAIT lasts"]);
    headlock(&["claim", "conflict-1"]).ok();
    refused(&["claim", "S9.nothing"], &["no claim \"S9.nothing\""]);
}

#[test]
fn a_pipe_or_no_color_gets_no_escape_codes() {
    let folder = folder(&[("try.txt", HOLDS), ("differs.txt", DIFFERS)]);
    let (script, differs) = (at(&folder, "try.txt"), at(&folder, "differs.txt"));
    let commands: [&[&str]; 10] = [
        &["units"],
        &["unit", "clarion-cl"],
        &["identify", "--serial", "CL12345678"],
        &WAITING,
        &["plan", "--all"],
        &["keys", "clarion-cl", "1234"],
        &["drive", &script, &differs],
        &["claim", "S1.lock.2"],
        &["unit", "nissan/clarion-xx"],
        &["plan", "--help"],
    ];
    for args in commands {
        let piped = headlock(args);
        let asked = finished(Command::new(env!("CARGO_BIN_EXE_headlock")).args(args).env("NO_COLOR", "1"), "");
        for done in [&piped, &asked] {
            assert!(!done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'), "{args:?}");
            assert!(!format!("{}{}", done.out, done.err).is_empty(), "{args:?}");
        }
        assert_eq!(piped.out, asked.out);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_a_full_disk_swallows_is_told() {
    for args in
        [&["units"][..], &["units", "--json"], &["keys", "owners-manual-2012", "5169"], &["completions", "bash"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_headlock")).args(args).stdout(full).output().unwrap();
        assert_eq!(done.status.code(), Some(4), "{args:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("cannot write the answer: No space left"), "{args:?}");
    }
}

#[test]
fn the_help_of_every_command_has_an_example() {
    for command in COMMANDS {
        let done = headlock(&[command, "--help"]).ok();
        assert!(done.out.contains("Example") && done.out.contains(&format!("headlock {command}")), "{}", done.out);
        assert_eq!(done.err, "");
    }
    let done = headlock(&["--help"]).ok();
    holds_all(&done.out, &COMMANDS);
    holds_all(&done.out, &["Exit codes: 0 done", "2 bad input", "3 a bad catalogue"]);
}

#[test]
fn a_command_or_an_option_that_does_not_exist_is_refused() {
    for (args, part) in [(&["paln"][..], "plan"), (&["plan", "--yaer", "2011"], "--year"), (&[], "Usage")] {
        let done = headlock(args);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
        holds_all(&done.err, &[part]);
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    for (shell, part) in [("bash", "_headlock()"), ("zsh", "#compdef headlock"), ("fish", "complete -c headlock")] {
        let done = headlock(&["completions", shell]).ok();
        holds_all(&done.out, &[part]);
        holds_all(&done.out, &COMMANDS);
    }
    let done = headlock(&["completions", "tcsh"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    holds_all(&done.err, &["bash", "zsh", "fish"]);
}

#[test]
fn the_manual_is_printed_or_written_page_by_page() {
    let done = headlock(&["man"]).ok();
    let lines = || done.out.lines().filter(|line| !line.starts_with(".ie") && !line.starts_with(".el"));
    assert!(lines().next().unwrap().starts_with(".TH headlock 1"), "{}", done.out);
    assert!(lines().any(|line| line == ".SH NAME") && lines().any(|line| line == ".SH SYNOPSIS"));
    let folder = folder(&[]);
    let written = headlock(&["man", folder.path().to_str().unwrap()]).ok();
    assert_eq!((written.out.as_str(), written.err.as_str()), ("", ""));
    for page in COMMANDS.map(|command| format!("headlock-{command}.1")).iter().chain([&"headlock.1".to_owned()]) {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
    }
    refused(&["man", &at(&folder, "no/such/folder")], &["cannot write manual pages", "a folder that exists"]);
}

#[test]
fn a_script_that_holds_and_one_that_does_not_differ_in_the_exit_code() {
    let folder = folder(&[("holds.txt", HOLDS), ("differs.txt", DIFFERS), ("wrong.txt", "suply cut\n")]);
    let [holds, differs, wrong] = ["holds.txt", "differs.txt", "wrong.txt"].map(|name| at(&folder, name));
    let done = headlock(&["drive", &holds]).ok();
    holds_all(&done.out, &["ok", "2 rows, 2 expectations"]);
    let done = headlock(&["drive", &differs]);
    assert_eq!((done.code, done.err.as_str()), (1, ""));
    holds_all(&done.out, &["differs.txt:3", "ignition on -> RADIO audio on", "nissan/clarion-cl reading s1"]);
    for line in ["- display RADIO", "+ display CODE", "- audio on", "+ audio off"] {
        assert!(done.out.lines().any(|row| row.trim() == line), "{line:?} is not in:\n{}", done.out);
    }
    let done = headlock(&["drive", &holds, &differs]);
    assert_eq!(done.code, 1);
    holds_all(&done.out, &["2 scripts, 1 failed, 0 unreadable"]);
    let done = headlock(&["drive", &wrong, &holds, &differs]);
    assert_eq!(done.code, 2);
    holds_all(&done.out, &["ok", "3 scripts, 1 failed, 1 unreadable"]);
    holds_all(&done.err, &["wrong.txt:1:", "did you mean `supply`?"]);
}

#[test]
fn a_script_comes_from_standard_input_too() {
    holds_all(&fed(&["drive", "-"], HOLDS).ok().out, &["ok", "2 rows, 2 expectations"]);
    let done = fed(&["drive", "-"], DIFFERS);
    assert_eq!(done.code, 1);
    holds_all(&done.out, &["- display RADIO", "+ display CODE"]);
    let done = fed(&["drive", "-"], "suply cut\n");
    assert_eq!((done.code, done.out.as_str()), (2, ""));
}

#[test]
fn a_plain_panel_takes_events_line_by_line() {
    let events =
        "supply cut 10min\nignition on\npress Q\nbogus\n\nenter 4321\nwait 10s, enter 1234\nquit\nenter 4321\n";
    let done = fed(&["panel", "clarion-cl", "--reading", "s1", "--code", "1234", "--plain"], events).ok();
    assert_eq!(done.err, "");
    let lines: Vec<&str> = done.out.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("nissan/clarion-cl reading s1"), "{lines:?}");
    assert!(lines[1].starts_with("keys: 1 2 3 4"), "{lines:?}");
    let order = ["[]  open", "the lock is armed", "[CODE]  armed", "has no key \"Q\"", "unknown word `bogus`"];
    let order = order.iter().chain(&["code wrong", "[ERROR]", "failed 1", "code opened", "[RADIO]  open"]);
    let mut rest = done.out.as_str();
    for part in order {
        let place = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not, or not in order, in:\n{}", done.out));
        rest = &rest[place..];
    }
    assert_eq!(done.out.matches("code wrong").count(), 1, "nothing happens behind `quit`:\n{}", done.out);
    assert!(lines.last().unwrap().ends_with("[RADIO]  open"), "{lines:?}");
}

#[test]
fn a_panel_is_one_reading_and_one_case() {
    refused(&["panel", "clarion-cl"], &["nissan/clarion-cl has 7 readings", "s1-faq"]);
    refused(&["panel", "clarion-cl", "--reading", "each"], &["one reading and one case", "headlock drive"]);
    refused(&["panel", "clarion-cl", "--reading", "s1", "--case", "99"], &["has no case 99", "1 to 12"]);
    let done = headlock(&["panel", "clarion-cl", "--reading", "s1", "--speed", "0"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    let done = fed(&["panel", "clarion-cl", "--reading", "s1", "--case", "12", "--locked"], "ignition on\n").ok();
    holds_all(&done.out, &["case 12", "[CODE]  armed"]);
}

#[test]
fn questions_that_are_not_answered_leave_the_plan_as_it_is() {
    let bare = headlock(&["plan"]).ok();
    for input in ["", "\n", "\n\n\n\n\n\n\n\n\n\n\n\n"] {
        let done = fed(&["plan", "--ask"], input).ok();
        assert_eq!(done.out, bare.out, "{input:?}");
        holds_all(&done.err, &["Which car is it?", "What does the display show now?", "(empty: not known)"]);
    }
    let json = fed(&["plan", "--ask", "--json"], "").ok();
    assert!(serde_json::from_str::<Value>(&json.out).is_ok(), "{}", json.out);
}

#[test]
fn answers_make_the_same_plan_as_options() {
    let asked = fed(&["plan", "--ask"], "Qashqai J10\n2011\nWAIT\n3\nCL12345678\n\n\n\n\n").ok();
    assert_eq!(asked.out, headlock(&WAITING).ok().out);
    let known = fed(&[&WAITING[..], &["--ask"]].concat(), "").ok();
    assert!(!known.err.contains("Which car is it?") && !known.err.contains("Which model year?"), "{}", known.err);
    assert_eq!(known.out, asked.out);
    let by_number = fed(&["identify", "--ask", "--json"], "3\n").ok();
    let by_name = headlock(&["identify", "--vehicle", "qashqai-j11", "--json"]).ok();
    assert_eq!(by_number.out, by_name.out);
}

#[test]
fn a_wrong_answer_is_asked_for_again() {
    let done =
        fed(&["plan", "--ask"], "Lada\nQashqai J10\nsoon\n1911\n2011\nWAIT\nmany\n3\nCL1234567O\nCL12345678\n\n").ok();
    for (question, times) in [
        ("Which car is it?", 2),
        ("Which model year?", 3),
        ("serial number?", 2),
        ("What does the display show now?", 1),
        ("How many wrong codes", 2),
    ] {
        assert_eq!(done.err.matches(question).count(), times, "{question}\n{}", done.err);
    }
    let told = ["no vehicle \"Lada\"", "\"soon\" is no year", "1911 is no model year", "\"CL12345670\" would be"];
    holds_all(&done.err, &told);
    holds_all(&done.err, &["\"many\" is no count of wrong codes"]);
    assert_eq!(done.out, headlock(&WAITING).ok().out);
}

#[test]
fn an_input_that_ends_after_a_wrong_answer_ends_the_questions() {
    let done = fed(&["plan", "--ask"], "Lada").ok();
    assert_eq!(done.err.matches("Which car is it?").count(), 2, "{}", done.err);
    assert_eq!(done.out, headlock(&["plan"]).ok().out);
}

#[test]
fn a_code_at_hand_is_shown_as_presses_and_nowhere_else() {
    let args = ["plan", "--unit", "nissan/clarion-cl", "--code", "2413"];
    let done = headlock(&[args.as_slice(), &["--json"]].concat()).ok();
    assert!(!done.out.contains("2413"), "{}", done.out);
    let plan = done.json();
    let presses: Vec<Vec<&str>> =
        list(&plan["typing"]).iter().map(|typing| list(&typing["presses"]).iter().map(text).collect()).collect();
    assert!(presses.contains(&vec!["press 2", "press 4", "press 1", "press 3", "hold 6 for 3 s"]), "{presses:?}");
    let too_short = list(&plan["typing"]).iter().find(|typing| !typing["cannot"].is_null()).unwrap();
    assert!(text(&too_short["cannot"]).contains("the code has 4 characters"), "{too_short}");
    let shown = headlock(&args).ok();
    assert!(!shown.out.contains("2413") && !shown.err.contains("2413"));
    holds_all(&shown.out, &["press 2, press 4, press 1, press 3, hold 6 for 3 s"]);
    let piped = fed(&["plan", "--unit", "nissan/clarion-cl", "--code", "-"], "2413\n").ok();
    assert_eq!(piped.out, shown.out);
}

#[test]
fn keys_says_each_press_and_under_which_reading() {
    let shown = headlock(&["keys", "nissan/owners-manual-2012", "5169"]).ok();
    holds_all(&shown.out, &["Under manual-2012", "press 1, 5 times", "press 3, 6 times", "hold 6 for 2 s"]);
    let piped = fed(&["keys", "nissan/owners-manual-2012", "-"], "5169\n").ok();
    assert_eq!(piped.out, shown.out);
    let keys = headlock(&["keys", "clarion-cl", "1234", "--json"]).ok().json();
    let refused = list(&keys["refused"]);
    assert!(refused.iter().any(|way| list(&way["readings"]).contains(&Value::from("s3-long-code"))), "{keys}");
}

#[test]
fn identify_names_what_remains_and_why_not_the_rest() {
    let args = ["identify", "--vehicle", "Qashqai J10", "--year", "2011", "--serial", "CL12345678"];
    let found = headlock(&[args.as_slice(), &["--json"]].concat()).ok().json();
    let remaining = list(&found["remaining"]);
    let clarion = remaining.iter().find(|one| one["unit"] == "nissan/clarion-cl" && one["reading"] == "s3").unwrap();
    let why: Vec<&str> = list(&clarion["why"]).iter().map(text).collect();
    assert!(why.contains(&"the serial CL12345678 is one of its kind"), "{why:?}");
    let excluded = list(&found["excluded"]);
    let because = |unit: &str| text(&excluded.iter().find(|out| out["unit"] == unit).unwrap()["because"]);
    assert!(because("nissan/bn").contains("does not fit BN[0-9]{8}"), "{}", because("nissan/bn"));
    assert!(because("nissan/28q").contains("not fitted in 2011"), "{}", because("nissan/28q"));
    assert!(because("nissan/j11").contains("not fitted to the Nissan Qashqai J10"), "{}", because("nissan/j11"));
    assert!(excluded.iter().all(|out| !text(&out["because"]).is_empty()));
    assert!(!remaining.iter().any(|one| one["unit"] == "nissan/bn"));
    let shown = headlock(&args).ok();
    let (left, out) = shown.out.split_once("\nOut\n").unwrap();
    holds_all(left, &["Remaining", "nissan/clarion-cl#s1", "the serial CL12345678 is one of its kind"]);
    holds_all(
        out,
        &["nissan/bn: the serial CL12345678 does not fit BN[0-9]{8}", "nissan/28q: it was not fitted in 2011"],
    );
}

#[test]
fn a_display_that_no_unit_shows_leaves_nothing_and_says_so() {
    let done = headlock(&["identify", "--display", "GOOD MORNING"]);
    assert_eq!(done.code, 1);
    holds_all(&done.out, &["Remaining", "none", "no unit of the catalogue shows \"GOOD MORNING\""]);
    let done = headlock(&["plan", "--display", "GOOD MORNING"]);
    assert_eq!(done.code, 1);
    holds_all(&done.out, &["Nothing in the catalogue behaves as you describe", "Enter no code"]);
    let dark = headlock(&["plan", "--display", " "]);
    assert_eq!((dark.code, dark.out.as_str()), (2, ""));
    holds_all(&dark.err, &["an empty text is nothing that a display shows", "--symptom no-reaction"]);
}

#[test]
fn the_units_are_listed_and_shown_with_their_sources() {
    let listed = headlock(&["units", "clarion"]).ok();
    holds_all(&listed.out, &["nissan/clarion-cl", "s1-faq"]);
    let none = headlock(&["units", "zzz"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    holds_all(&none.err, &["\"zzz\"", "headlock units lists them all"]);
    let whole = headlock(&["unit", "clarion-cl"]).ok();
    holds_all(&whole.out, &["Readings", "≠", "[S1.lock.1"]);
    let conflicts = headlock(&["unit", "clarion-cl", "--conflicts"]).ok();
    assert!(conflicts.out.len() < whole.out.len());
    let one = headlock(&["unit", "clarion-cl", "--reading", "s3", "--json"]).ok().json();
    assert!(list(&one["fields"]).iter().all(|field| {
        list(&field["values"])
            .iter()
            .all(|value| list(&value["readings"]).iter().all(|name| text(name).starts_with("s3")))
    }));
}

#[test]
fn folders_below_a_catalogue_are_read_too() {
    let folder = folder(&[]);
    let below = folder.path().join("acme/old");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("nova.toml"), NOVA).unwrap();
    fs::write(folder.path().join("notes.md"), "not a unit").unwrap();
    let listed = headlock(&["units", "nova", "--catalog", folder.path().to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(names(&listed["units"], "id"), ["acme/nova-1"]);
    assert!(text(&listed["units"][0]["file"]).ends_with("nova.toml"));
    fs::write(below.join("empty.toml"), "\n").unwrap();
    let empty = headlock(&["units", "--catalog", folder.path().to_str().unwrap()]);
    assert_eq!(empty.code, 3);
    holds_all(&empty.err, &["empty.toml", "this file says nothing", "docs/catalogue.md"]);
}
