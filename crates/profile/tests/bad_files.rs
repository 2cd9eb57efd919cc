//! One mistake in a unit's file is one problem: it names file, line and field, what is wrong, and what would be right.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use headlock_profile::{Catalog, File, Problem};

const GUIDANCE: &str = r#"
[[source]]
id = "example"
kind = "manual"
about = "an invented manual"

[[vehicle]]
id = "roadster"
name = "Roadster"
years = {}
"#;

const GOOD: &str = r#"id = "acme/base-1"
name = "Base 1"
summary = "Six presets, a service menu, a tester, a USB port."
vehicles = ["roadster"]
years = { from = 1998, to = 2003 }
look = ["presets-6"]
sources = ["example"]
grade = "documented"

[[serial]]
pattern = "NV[0-9]{8}"
example = "NV00012345"
cleaned_by = ["spaces", "capitals"]

[[reading]]
id = "manual"
title = "the maker's manual"
kind = "code"
guards = ["audio"]
firmware = { from = "1.0", to = "1.9" }
keys = ["SCAN", "VOL+"]
door_reset = false

[reading.code]
belongs_to = "unit"
length = 4
alphabet = "0123456789"
defaults = ["0000"]

[reading.entry]
style = "press-count"
keys = ["1", "2", "3", "4"]
initial = "0"
confirm = { key = "6", hold_ms = 2000 }
digit_timeout_s = 20
on_timeout = "cancels"
ignition = ["on", "engine"]

[reading.tries]
round = 3
locked_out_after_attempts = 9
extra = { gesture = { keys = ["1", "6"], hold_ms = 5000 }, attempts = 3 }

[[reading.wait]]
after_rounds = 1
wait_s = { value = 3600, sources = ["example"], grade = "observed" }
factor = 2
cap_s = 7200

[reading.waiting]
counts_while = { ignition = "on", unit = "on" }
on_interruption = "pause"
entry = "refused"

[[reading.forgive]]
after_s = 86400
clears = ["attempts"]

[reading.supply_cut]
restarts_wait_after_s = 0

[reading.arming]
battery_after_s = { rivals = [{ value = 0 }, { value = 60 }] }
low_voltage_v = 7.5

[reading.supply]
works_above_v = 8.0

[reading.power]
on_with = "key"
key = "POWER"

[reading.display]
prompt = "CODE {left}"
error_ms = 3000

[reading.owner]
settings = { "beep" = ["on", "off"] }

[[reading.service]]
id = "menu"
gesture = { keys = ["1", "6"], hold_ms = 10000, from = "ignition-on" }
next = "3"
[[reading.service.item]]
name = "Show"
shows = "serial"

[[reading.diagnostic]]
request = "reset-lock"
testers = ["consult"]

[[reading.fuse]]
id = "F37"
feeds = "supply"

[reading.update]
file = "HU_.*[.]bin"

[[reading.also]]
guards = ["navigation"]
asks = { key = "NAV" }
"#;

/// A mistake: what stands in the good text, what stands there instead, the line of the problem, its field, and a piece of
/// what it says and of what it advises.
type Mistake = (&'static str, &'static str, usize, &'static str, &'static str, &'static str);

fn load(unit: &str) -> Result<Catalog, Vec<Problem>> {
    Catalog::load([File { name: "guidance.toml", text: GUIDANCE }, File { name: "unit.toml", text: unit }])
}

fn all(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes every mistake alone and holds the one problem that it leads to against the table.
fn each_is_told(mistakes: &[Mistake]) {
    let mut failures = Vec::new();
    for (good, bad, line, field, what, help) in mistakes {
        assert_eq!(GOOD.matches(good).count(), 1, "{good:?} must stand once in the good text");
        let Err(problems) = load(&GOOD.replace(good, bad)) else {
            failures.push(format!("{bad}\n    loads"));
            continue;
        };
        let [problem] = problems.as_slice() else {
            failures.push(format!("{bad}\n    {} problems: {}", problems.len(), all(&problems)));
            continue;
        };
        let told = problem.place.file.name == "unit.toml"
            && problem.place.line_and_column().0 == *line
            && problem.field == *field
            && problem.what.contains(what)
            && problem.help.contains(help);
        if !told {
            failures.push(format!("{bad}\n    expected unit.toml:{line}: {field}: {what} ({help})\n    is {problem}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), mistakes.len(), failures.join("\n"));
}

#[test]
fn the_text_without_a_mistake_loads() {
    let catalog = load(GOOD).unwrap_or_else(|problems| panic!("{}", all(&problems)));
    let unit = catalog.unit("acme/base-1").unwrap();
    assert_eq!(unit.readings[0].cases.len(), 2);
}

#[test]
fn a_mistake_in_who_it_is_is_told() {
    each_is_told(&[
        (r#"id = "acme/base-1""#, r#"id = "base-1""#, 1, "id", r#""base-1" is no id of a unit"#, "maker/unit"),
        (
            r#"id = "acme/base-1""#,
            r#"id = "Acme/Base 1""#,
            1,
            "id",
            "is no id of a unit",
            "small letters, digits and hyphens",
        ),
        (
            r#"id = "acme/base-1""#,
            r#"ident = "acme/base-1""#,
            1,
            "ident",
            "unknown field `ident`",
            "did you mean `id`?",
        ),
        (r#"name = "Base 1""#, r#"nam = "Base 1""#, 2, "nam", "unknown field `nam`", "did you mean `name`?"),
        (r#"name = "Base 1""#, "name = 1", 2, "name", "found the number 1", "text in quotes"),
        (
            r#"vehicles = ["roadster"]"#,
            r#"vehicles = ["roadstar"]"#,
            4,
            "vehicles",
            r#"no vehicle "roadstar""#,
            "did you mean `roadster`?",
        ),
        (
            r#"vehicles = ["roadster"]"#,
            r#"vehicles = "roadster""#,
            4,
            "vehicles",
            r#"found the text "roadster""#,
            "a list",
        ),
        (
            "from = 1998, to = 2003",
            "from = 2004, to = 2003",
            5,
            "years",
            "2004 comes after 2003",
            "from is the earlier year",
        ),
        ("from = 1998, to = 2003", "from = 98, to = 2003", 5, "years", "98 is no model year", "like 2011"),
        (
            "from = 1998, to = 2003",
            "form = 1998, to = 2003",
            5,
            "years.form",
            "unknown field `form`",
            "did you mean `from`?",
        ),
        (
            "from = 1998, to = 2003",
            r#"from = "1998", to = 2003"#,
            5,
            "years.from",
            r#"found the text "1998""#,
            "a whole number",
        ),
        (r#"look = ["presets-6"]"#, r#"lok = ["presets-6"]"#, 6, "lok", "unknown field `lok`", "did you mean `look`?"),
        (
            "sources = [\"example\"]\n",
            "sources = [\"exampel\"]\n",
            7,
            "sources",
            r#""exampel" is no claim and no source"#,
            "did you mean `example`?",
        ),
        (
            r#"grade = "documented""#,
            r#"grade = "document""#,
            8,
            "grade",
            r#""document" is not a grade"#,
            "did you mean `documented`?",
        ),
        (
            r#"pattern = "NV[0-9]{8}""#,
            r#"pattern = "NV[0-9""#,
            11,
            "serial.0.pattern",
            r#""NV[0-9" is no regular expression"#,
            "like CL[0-9]{8}",
        ),
        (
            r#"pattern = "NV[0-9]{8}""#,
            r#"patern = "NV[0-9]{8}""#,
            11,
            "serial.0.patern",
            "unknown field `patern`",
            "did you mean `pattern`?",
        ),
        (
            r#"example = "NV00012345""#,
            r#"example = "NV0001234""#,
            12,
            "serial.0.example",
            r#""NV0001234" does not fit "NV[0-9]{8}""#,
            "must fit its own pattern",
        ),
        (
            r#""spaces", "capitals""#,
            r#""space", "capitals""#,
            13,
            "serial.0.cleaned_by.0",
            "`space` is not a word for this",
            "did you mean `spaces`?",
        ),
        ("[[serial]]", "[serial]", 10, "serial", "found a table", "a list"),
    ]);
}

#[test]
fn a_mistake_in_the_code_is_told() {
    each_is_told(&[
        (
            r#"kind = "code""#,
            r#"kind = "cod""#,
            18,
            "reading.0.kind",
            "`cod` is not a word for this",
            "did you mean `code`?",
        ),
        (
            r#"kind = "code""#,
            r#"kindd = "code""#,
            18,
            "reading.0.kindd",
            "unknown field `kindd`",
            "did you mean `kind`?",
        ),
        (
            r#"guards = ["audio"]"#,
            r#"guards = ["radio"]"#,
            19,
            "reading.0.guards.0",
            "`radio` is not a word for this",
            "did you mean `audio`?",
        ),
        (r#"guards = ["audio"]"#, r#"guards = "audio""#, 19, "reading.0.guards", r#"found the text "audio""#, "a list"),
        (
            r#"belongs_to = "unit""#,
            r#"belongs_to = "car""#,
            25,
            "reading.0.code.belongs_to",
            "`car` is not a word for this",
            "unit, vehicle, owner, challenge",
        ),
        (
            r#"belongs_to = "unit""#,
            r#"belongs_to = "challenge""#,
            24,
            "reading.0.code.challenge",
            "answers a challenge needs one",
            "add challenge = { digits = 6 }",
        ),
        ("length = 4", "length = 0", 26, "reading.0.code.length", "a code of 0 characters", "1 to 16"),
        (
            "length = 4",
            r#"length = "four""#,
            26,
            "reading.0.code.length",
            "does not fit here",
            "a number of characters",
        ),
        (
            r#"alphabet = "0123456789""#,
            r#"alphabet = "00123456789""#,
            27,
            "reading.0.code.alphabet",
            "'0' stands twice",
            "every character once",
        ),
        (
            r#"alphabet = "0123456789""#,
            r#"alphabet = "abc""#,
            27,
            "reading.0.code.alphabet",
            "'a' is no character of a code",
            "digits and capital letters",
        ),
        (
            r#"alphabet = "0123456789""#,
            r#"alphabet = """#,
            27,
            "reading.0.code.alphabet",
            "nothing can stand at place 1",
            "list every character",
        ),
        (
            r#"alphabet = "0123456789""#,
            r#"alphabet = ["01", "0123456789"]"#,
            27,
            "reading.0.code.alphabet",
            "2 alphabets for 4 positions",
            "one for each position",
        ),
        (
            r#"defaults = ["0000"]"#,
            r#"defaults = ["00000"]"#,
            28,
            "reading.0.code.defaults",
            r#""00000" is no code of this unit"#,
            "length and alphabet of `code`",
        ),
        (
            r#"defaults = ["0000"]"#,
            r#"defaults = ["00A0"]"#,
            28,
            "reading.0.code.defaults",
            r#""00A0" is no code of this unit"#,
            "typable on the panel",
        ),
    ]);
}

#[test]
fn a_mistake_in_the_entry_is_told() {
    each_is_told(&[
        (
            r#"style = "press-count""#,
            r#"style = "press-counts""#,
            31,
            "reading.0.entry.style",
            "`press-counts` is not a word for this",
            "did you mean `press-count`?",
        ),
        (
            r#"style = "press-count""#,
            r#"style = "key-is-digit""#,
            27,
            "reading.0.code.alphabet",
            r#"this panel cannot type "056789" at place 1"#,
            r#"it types "1234""#,
        ),
        (
            r#"style = "press-count""#,
            r#"style = "dials""#,
            30,
            "reading.0.entry.dials",
            "this style needs it",
            "places = [1, 2]",
        ),
        (
            r#"style = "press-count""#,
            r#"style = "cursor""#,
            30,
            "reading.0.entry.next",
            "this style needs it",
            "name `next`, and `up` or `down`",
        ),
        (
            r#"style = "press-count""#,
            r#"style = "rotary""#,
            30,
            "reading.0.entry.knob",
            "this style needs it",
            "the `knob` that turns",
        ),
        (
            r#"keys = ["1", "2", "3", "4"]"#,
            r#"keys = ["1", "2", "3"]"#,
            32,
            "reading.0.entry.keys",
            "this style needs it",
            "one key for each of 4 places",
        ),
        (
            r#"keys = ["1", "2", "3", "4"]"#,
            "keys = [1, 2, 3, 4]",
            32,
            "reading.0.entry.keys.0",
            "found the number 1",
            "text in quotes",
        ),
        (
            r#"initial = "0""#,
            r#"initial = "X""#,
            33,
            "reading.0.entry.initial",
            "'X' cannot stand there",
            "the code's alphabet",
        ),
        (
            r#"initial = "0""#,
            r#"initial = "00""#,
            33,
            "reading.0.entry.initial",
            "2 characters for 4 places",
            "one for each place",
        ),
        (
            r#"confirm = { key = "6", hold_ms = 2000 }"#,
            r#"confirm = "automatic""#,
            34,
            "reading.0.entry.confirm",
            "no character is the last",
            "name the key",
        ),
        (
            r#"confirm = { key = "6", hold_ms = 2000 }"#,
            r#"confirm = { key = "1" }"#,
            34,
            "reading.0.entry.confirm",
            r#""1" does something else in the entry"#,
            "add hold_ms, 300 or more, or name another key",
        ),
        (
            r#"confirm = { key = "6", hold_ms = 2000 }"#,
            "confirm = { hold_ms = 2000 }",
            34,
            "reading.0.entry.confirm",
            "a gesture is one key, several keys held, or a sequence",
            "exactly one of key, keys, sequence",
        ),
        (
            r#"confirm = { key = "6", hold_ms = 2000 }"#,
            r#"confirm = { key = "6", keys = ["5"] }"#,
            34,
            "reading.0.entry.confirm",
            "a gesture is one key",
            "exactly one of key, keys, sequence",
        ),
        (
            r#"confirm = { key = "6", hold_ms = 2000 }"#,
            r#"confirm = { sequence = ["A", "B"], hold_ms = 500 }"#,
            34,
            "reading.0.entry.confirm",
            "a sequence is pressed, not held",
            "leave out hold_ms",
        ),
        (
            "digit_timeout_s = 20",
            r#"digit_timeout_s = "20s""#,
            35,
            "reading.0.entry.digit_timeout_s",
            r#"found the text "20s""#,
            "without a unit: the field's name has it",
        ),
        (
            "digit_timeout_s = 20",
            "digit_timeout_ms = 20",
            35,
            "reading.0.entry.digit_timeout_ms",
            "unknown field `digit_timeout_ms`",
            "did you mean `digit_timeout_s`?",
        ),
        (
            "digit_timeout_s = 20",
            "digit_timeout_s = -20",
            35,
            "reading.0.entry.digit_timeout_s",
            "the number -20 does not fit here",
            "0 or more",
        ),
        (
            "digit_timeout_s = 20",
            "digit_timeout_s = 2.5",
            35,
            "reading.0.entry.digit_timeout_s",
            "found the number 2.5",
            "a whole number",
        ),
        (
            r#"on_timeout = "cancels""#,
            r#"on_timeout = "cancel""#,
            36,
            "reading.0.entry.on_timeout",
            "`cancel` is not a word for this",
            "did you mean `cancels`?",
        ),
        (
            r#"ignition = ["on", "engine"]"#,
            "ignition = []",
            37,
            "reading.0.entry.ignition",
            "no position at all",
            "list positions",
        ),
        (
            r#"ignition = ["on", "engine"]"#,
            r#"ignition = ["run"]"#,
            37,
            "reading.0.entry.ignition",
            "does not fit here",
            "off, acc, on, engine",
        ),
    ]);
}

#[test]
fn a_mistake_in_tries_and_waits_is_told() {
    each_is_told(&[
        ("round = 3", "round = 0", 40, "reading.0.tries.round", "a round of 0 attempts", "leave it out"),
        (
            "round = 3",
            "first_round = 3",
            40,
            "reading.0.tries.first_round",
            "a first round without later ones",
            "add `round`",
        ),
        ("round = 3", "rounds = 3", 40, "reading.0.tries.rounds", "unknown field `rounds`", "did you mean `round`?"),
        (
            "round = 3",
            "round = 70000",
            40,
            "reading.0.tries.round",
            "the number 70000 does not fit here",
            "from 0 to 65,535",
        ),
        (
            "attempts = 9",
            "attempts = 0",
            41,
            "reading.0.tries.locked_out_after_attempts",
            "0 locks the unit out before any attempt",
            r#"count from 1, or write "never""#,
        ),
        (
            "attempts = 9",
            r#"attempts = "nver""#,
            41,
            "reading.0.tries.locked_out_after_attempts",
            r#"the text "nver" does not fit here"#,
            r#"or "never""#,
        ),
        (
            "attempts = 9",
            "attempts = 99999",
            41,
            "reading.0.tries.locked_out_after_attempts",
            "this number is too large",
            "65535",
        ),
        (
            "attempts = 3 }",
            "atempts = 3 }",
            42,
            "reading.0.tries.extra.atempts",
            "unknown field `atempts`",
            "did you mean `attempts`?",
        ),
        (
            "after_rounds = 1",
            "after_rounds = 1\nafter_failures = 2",
            44,
            "reading.0.wait.0",
            "exactly one kind of count",
            "after_failures, after_failures_in_round, after_rounds",
        ),
        (
            "after_rounds = 1",
            "# after nothing",
            44,
            "reading.0.wait.0",
            "exactly one kind of count",
            "give one of after_failures",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_h = 1",
            46,
            "reading.0.wait.0.wait_h",
            "unknown field `wait_h`",
            "did you mean `wait_s`?",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = 3600\nendless = true",
            44,
            "reading.0.wait.0",
            "a wait has exactly one length",
            "endless = true",
        ),
        ("factor = 2", "factor = 0", 47, "reading.0.wait.0.factor", "a factor of 0", "2 doubles"),
        (
            "cap_s = 7200",
            "cap_s = 60",
            44,
            "reading.0.wait.0",
            "the cap is shorter than the wait itself",
            "make cap_s at least wait_s",
        ),
        (
            "cap_s = 7200",
            "cap_cycles = 5",
            44,
            "reading.0.wait.0",
            "the cap has another unit than the wait",
            "cap_s goes with wait_s",
        ),
        (
            r#"ignition = "on", unit"#,
            "ignition = [], unit",
            51,
            "reading.0.waiting.counts_while.ignition",
            "this clock can never count",
            "leave it out for any",
        ),
        (
            r#"on", unit = "on""#,
            r#"on", units = "on""#,
            51,
            "reading.0.waiting.counts_while.units",
            "unknown field `units`",
            "did you mean `unit`?",
        ),
        (
            r#"entry = "refused""#,
            r#"entry = "refuse""#,
            53,
            "reading.0.waiting.entry",
            "`refuse` is not a word for this",
            "did you mean `refused`?",
        ),
        (
            "after_s = 86400",
            "after_s = 0",
            56,
            "reading.0.forgive.0.after_s",
            "0 s forgives before anything is counted",
            "1 or more",
        ),
        (
            r#"clears = ["attempts"]"#,
            r#"clears = ["attempt"]"#,
            57,
            "reading.0.forgive.0.clears.0",
            "`attempt` is not a word for this",
            "did you mean `attempts`?",
        ),
        (
            "restarts_wait_after_s = 0",
            "restart_wait_after_s = 0",
            60,
            "reading.0.supply_cut.restart_wait_after_s",
            "unknown field `restart_wait_after_s`",
            "did you mean `restarts_wait_after_s`?",
        ),
        (
            "restarts_wait_after_s = 0",
            r#"restarts_wait_after_s = "always""#,
            60,
            "reading.0.supply_cut.restarts_wait_after_s",
            r#"the text "always" does not fit here"#,
            r#"or "never""#,
        ),
        ("[[reading.wait]]", "[reading.wait]", 44, "reading.0.wait", "found a table", "a list"),
        (
            "[[reading.wait]]",
            "[[reading.waits]]",
            44,
            "reading.0.waits",
            "unknown field `waits`",
            "did you mean `wait`?",
        ),
        ("[reading.tries]", "[reading.try]", 39, "reading.0.try", "unknown field `try`", "tries"),
    ]);
}

#[test]
fn a_mistake_in_what_is_cited_or_left_open_is_told() {
    each_is_told(&[
        (
            r#"value = 3600, sources = ["example"]"#,
            r#"value = 3600, sources = ["exmple"]"#,
            46,
            "reading.0.wait.0.wait_s.sources",
            r#""exmple" is no claim and no source"#,
            "[[source]]",
        ),
        ("value = 3600", r#"value = "1h""#, 46, "reading.0.wait.0.wait_s", r#"found the text "1h""#, "a whole number"),
        (
            r#"grade = "observed""#,
            r#"grade = "seen""#,
            46,
            "wait.0.wait_s.grade",
            r#""seen" is not a grade"#,
            "documented, observed, inferred, unknown",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = { min = 3600 }",
            46,
            "wait.0.wait_s",
            "a range needs both of its ends",
            "min = …, max = …",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = { min = 3600, max = 60 }",
            46,
            "wait.0.wait_s",
            "3600 to 60 is not a range",
            "min the smaller",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = { unknown = [] }",
            46,
            "wait.0.wait_s",
            "no alternatives to try",
            "unknown = [first, second, …]",
        ),
        (
            "{ rivals = [{ value = 0 }, { value = 60 }] }",
            "{ rivals = [{ value = 0 }] }",
            63,
            "arming.battery_after_s",
            "rivals need at least two values",
            "with one value",
        ),
        (
            "{ rivals = [{ value = 0 }, { value = 60 }] }",
            "{ rivals = [{ value = 0 }, { vale = 60 }] }",
            63,
            "arming.battery_after_s.rivals.1.vale",
            "unknown field `vale`",
            "did you mean `value`?",
        ),
        (
            "{ rivals = [{ value = 0 }, { value = 60 }] }",
            "{ rivals = [0, 60] }",
            63,
            "arming.battery_after_s.rivals.0",
            "a rival without a value",
            "write { value = …",
        ),
        (
            "low_voltage_v = 7.5",
            r#"low_voltage_v = "unknown""#,
            64,
            "arming.low_voltage_v",
            "nothing says what to try",
            "unknown = [first, second, …]",
        ),
    ]);
}

#[test]
fn a_mistake_in_supply_display_or_service_is_told() {
    each_is_told(&[
        (r#"to = "1.9" }"#, "to = 1.9 }", 20, "reading.0.firmware.to", "found the number 1.9", "text in quotes"),
        (
            r#"to = "1.9" }"#,
            r#"to = "v1.9" }"#,
            20,
            "reading.0.firmware.to",
            r#""v1.9" is not a firmware version"#,
            r#"like "1.05""#,
        ),
        (
            "door_reset = false",
            r#"door_reset = "no""#,
            22,
            "reading.0.door_reset",
            r#"found the text "no""#,
            "true or false",
        ),
        (
            "low_voltage_v = 7.5",
            "low_voltage_v = 75",
            64,
            "reading.0.arming.low_voltage_v",
            "75 V is no supply of a car",
            "1 to 60 V",
        ),
        (
            "works_above_v = 8.0",
            "works_above_v = -8.0",
            67,
            "reading.0.supply.works_above_v",
            "-8 V is no supply of a car",
            "0 to 60 V",
        ),
        (
            r#"on_with = "key""#,
            r#"on_with = "button""#,
            70,
            "reading.0.power.on_with",
            "`button` is not a word for this",
            "ignition, key, memory",
        ),
        (
            r#"key = "POWER""#,
            "# no key",
            69,
            "reading.0.power.key",
            "switched on with a key that is not named",
            r#"add key = "POWER""#,
        ),
        (
            r#"prompt = "CODE {left}""#,
            r#"prompt = "CODE {lefft}""#,
            74,
            "reading.0.display.prompt",
            "unknown placeholder {lefft}",
            "did you mean `left`?",
        ),
        (
            r#"prompt = "CODE {left}""#,
            "prompt = 5",
            74,
            "reading.0.display.prompt",
            "does not fit here",
            "text in quotes, or a list of them",
        ),
        (
            r#"prompt = "CODE {left}""#,
            r#"promt = "CODE""#,
            74,
            "reading.0.display.promt",
            "unknown field `promt`",
            "did you mean `prompt`?",
        ),
        (
            "error_ms = 3000",
            r#"error_ms = "3s""#,
            75,
            "reading.0.display.error_ms",
            r#"found the text "3s""#,
            "without a unit",
        ),
        (
            r#"["on", "off"] }"#,
            "[] }",
            78,
            "reading.0.owner.settings.beep",
            "a setting without words",
            "what it can be set to",
        ),
        (
            "settings = {",
            "sets_code = true\nsettings = {",
            78,
            "reading.0.owner.sets_code",
            "belongs to the unit for its life",
            r#"belongs_to = "owner""#,
        ),
        (
            r#"id = "menu""#,
            r#"ident = "menu""#,
            81,
            "reading.0.service.0.ident",
            "unknown field `ident`",
            "did you mean `id`?",
        ),
        (
            r#"from = "ignition-on""#,
            r#"from = "ignition""#,
            82,
            "reading.0.service.0.gesture.from",
            "`ignition` is not a word for this",
            "did you mean `ignition-on`?",
        ),
        (
            r#"shows = "serial""#,
            r#"shows = "serials""#,
            86,
            "reading.0.service.0.item.0.shows",
            "`serials` is not a word for this",
            "did you mean `serial`?",
        ),
        (
            "[[reading.service.item]]",
            "[[reading.service.items]]",
            84,
            "reading.0.service.0.items",
            "unknown field `items`",
            "did you mean `item`?",
        ),
        (
            r#"request = "reset-lock""#,
            r#"request = "reset""#,
            89,
            "reading.0.diagnostic.0.request",
            "`reset` is not a word for this",
            "did you mean `reset-lock`?",
        ),
        (
            r#"feeds = "supply""#,
            r#"feeds = "suply""#,
            94,
            "reading.0.fuse.0.feeds",
            "`suply` is not a word for this",
            "did you mean `supply`?",
        ),
        (
            r#"file = "HU_.*[.]bin""#,
            r#"file = "HU_(.bin""#,
            97,
            "reading.0.update.file",
            r#""HU_(.bin" is no regular expression"#,
            "",
        ),
        (r#"file = "HU_.*[.]bin""#, "takes_s = 5", 96, "reading.0.update", "`file` is missing", "add `file = …` here"),
        (
            r#"guards = ["navigation"]"#,
            r#"prompt = "NAV""#,
            99,
            "reading.0.also.0",
            "`guards` is missing",
            "add `guards = …` here",
        ),
        (
            r#"asks = { key = "NAV" }"#,
            r#"asks = "sometimes""#,
            101,
            "reading.0.also.0.asks",
            "does not fit here",
            "`at-start`, `never`",
        ),
        (
            r#"asks = { key = "NAV" }"#,
            r#"asks = { key = "" }"#,
            101,
            "reading.0.also.0.asks",
            "a key without a name",
            "name the key",
        ),
    ]);
}

#[test]
fn a_mistake_in_the_shape_of_the_file_is_told() {
    each_is_told(&[
        (r#"name = "Base 1""#, r#"name = "Base 1"#, 2, "", "invalid basic string", "no valid TOML"),
        ("factor = 2", "factor = 2\nfactor = 3", 48, "", "duplicate key", "no valid TOML"),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = 99999999999999999999",
            46,
            "",
            "this number is too large",
            "9,223,372,036,854,775,807",
        ),
        (
            r#"wait_s = { value = 3600, sources = ["example"], grade = "observed" }"#,
            "wait_s = 2011-01-01",
            46,
            "",
            "the catalogue holds no dates",
            "text in quotes",
        ),
        ("[[reading]]", "[reading]", 15, "reading", "a unit has a list of readings", "two brackets"),
        (r#"id = "manual""#, "# no id", 15, "reading.0.id", "a reading without an id", "add id = "),
        (r#"id = "manual""#, "id = \"manual\"\nbased_on = \"manual\"", 17, "based_on", "a cycle", "stand on its own"),
        (
            r#"id = "manual""#,
            "id = \"manual\"\nbased_on = \"manaul\"",
            17,
            "based_on",
            r#"has no reading "manaul""#,
            "did you mean `manual`?",
        ),
        (
            r#"id = "manual""#,
            "id = \"manual\"\nbased_on = \"acme/nope#s9\"",
            17,
            "based_on",
            r#"no unit "acme/nope""#,
            "unit#reading",
        ),
    ]);
}

#[test]
fn a_ring_of_readings_names_every_reading_in_it() {
    let more =
        "\n[[reading]]\nid = \"second\"\nbased_on = \"third\"\n\n[[reading]]\nid = \"third\"\nbased_on = \"second\"\n";
    let problems = load(&format!("{GOOD}{more}")).unwrap_err();
    assert_eq!(problems.len(), 2, "{}", all(&problems));
    for problem in &problems {
        assert!(problem.what.contains("cycle"), "{problem}");
        assert!(problem.what.contains("acme/base-1#second") && problem.what.contains("acme/base-1#third"), "{problem}");
        assert!(!problem.what.contains("#manual"), "{problem}");
    }
}

#[test]
fn two_readings_of_one_id_are_told() {
    let more = "\n[[reading]]\nid = \"second\"\nbased_on = \"manual\"\n".repeat(2);
    let problems = load(&format!("{GOOD}{more}")).unwrap_err();
    let line = GOOD.lines().count() + 6;
    let [problem] = problems.as_slice() else { panic!("{}", all(&problems)) };
    assert_eq!(problem.place.line_and_column().0, line, "{problem}");
    assert!(problem.what.contains("there is a reading \"second\" already"), "{problem}");
    assert_eq!(problem.help, "choose another id");
}

#[test]
fn two_units_of_one_id_name_both_files() {
    let files = [("guidance.toml", GUIDANCE), ("first.toml", GOOD), ("second.toml", GOOD)];
    let problems = Catalog::load(files.map(|(name, text)| File { name, text })).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{}", all(&problems)) };
    assert_eq!((problem.place.file.name.as_str(), problem.place.line_and_column().0), ("second.toml", 1));
    assert!(problem.what.contains("there is a unit \"acme/base-1\" already"), "{problem}");
    assert!(problem.help.contains("first.toml"), "{problem}");
}

#[test]
fn the_mistakes_of_several_files_are_told_at_once() {
    let first = GOOD.replace("look =", "lok =");
    let second = GOOD.replace("acme/base-1", "acme/base-2").replace("round = 3", "rounds = 3");
    let files = [("guidance.toml", GUIDANCE), ("first.toml", first.as_str()), ("second.toml", second.as_str())];
    let problems = Catalog::load(files.map(|(name, text)| File { name, text })).unwrap_err();
    let places: Vec<_> =
        problems.iter().map(|p| (p.place.file.name.as_str(), p.place.line_and_column().0, p.field.as_str())).collect();
    assert_eq!(places, [("first.toml", 6, "lok"), ("second.toml", 40, "reading.0.tries.rounds")]);
}

#[test]
fn open_values_of_too_many_combinations_are_told() {
    let open = "{ unknown = [1, 2, 3, 4, 5, 6] }";
    let bad =
        GOOD.replace("round = 3", &format!("round = {open}")).replace("attempts = 9", &format!("attempts = {open}"));
    let problems = load(&bad).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{}", all(&problems)) };
    assert_eq!(problem.place.line_and_column().0, 15, "{problem}");
    assert!(problem.what.contains("72 combinations"), "{problem}");
    assert!(problem.help.contains("64 at most") && problem.help.contains("tries.round"), "{problem}");
}

#[test]
fn every_whole_unit_of_the_documentation_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalogue.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> =
        text.split("```toml unit\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(!blocks.is_empty(), "no unit in the documentation");
    for block in blocks {
        let catalog = load(block).unwrap_or_else(|problems| panic!("{}", all(&problems)));
        assert_eq!(catalog.units.len(), 1);
    }
}
