//! Second numbers of units come in with their serials, and units of a scheme without codes: once, whole, and never with a code that
//! somebody else gave them.
#![allow(clippy::unwrap_used)]

mod intake_support;

use std::fs;

use headlock_registry::desk::{Credential, Desk};
use headlock_registry::import::OpenError;
use headlock_registry::intake::{Choice, Intake, IntakeError, News, Options};
use headlock_registry::log::Disk;
use headlock_registry::record::{SecretKind, Unit};
use intake_support::{
    House, KEYED, LONG, NOW_MS, PAIR, SHORT, add_scheme, batches_of, code, derived, row, serial, summary, take,
};
use tempfile::TempDir;

const WITH_COMPANION: &str = "serial,code,unit,firmware,region,vin,companion";
const WITHOUT_CODE: &str = "serial,unit,region";

fn house() -> (TempDir, House) {
    let folder = TempDir::new().unwrap();
    let house = House::begin(folder.path());
    (folder, house)
}

fn keyed(number: u64) -> String {
    format!("KD{number:06}")
}

/// A row of a unit of a scheme, with what stands in the column of codes.
fn keyed_row(number: u64, code: &str) -> String {
    format!("{},{code},{KEYED},1.00,EU,", keyed(number))
}

/// A row whose code is the one that a key of these bytes gives.
fn derived_row(number: u64, byte: u8) -> String {
    keyed_row(number, &derived(KEYED, &keyed(number), byte))
}

/// A code of four digits that the scheme does not give.
fn other_code(number: u64, byte: u8) -> String {
    let given: u32 = derived(KEYED, &keyed(number), byte).parse().unwrap();
    format!("{:04}", (given + 1) % 10_000)
}

fn data_keys(house: &House) -> usize {
    house.secrets().iter().filter(|secret| secret.kind == SecretKind::Data).count()
}

fn all_by_scheme(units: &[Unit], number: u32) {
    assert!(units.iter().all(|unit| unit.sealed.is_none() && unit.secret == number), "{units:?}");
}

#[test]
fn a_second_number_is_kept_with_its_unit_and_with_no_other() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    // Batches with such numbers first, so that those without one come into memory that had some.
    let pair = |number: u64| format!("PR{number:06},{:04},{PAIR},1.00,EU,,C7{number:06}", number % 10_000);
    let single = |number: u64| format!("PS{number:06},{:04},{PAIR},1.00,EU,,", number % 10_000);
    let table: Vec<String> =
        (0..20).map(pair).chain((20..60).map(single)).chain((0..20).map(|n| format!("{},", row(n)))).collect();
    let path = house.table_of(WITH_COMPANION, "table.csv", &table);
    let (report, told) = take(&mut desk, &path, &batches_of(8));
    assert_eq!(summary(&report.unwrap()), "rows 80, new 80, batches 10");
    assert!(told.is_empty(), "{told:?}");
    for unit in house.units() {
        let wanted = unit.serial.as_str().strip_prefix("PR").map(|number| format!("C7{number}"));
        assert_eq!(unit.companion, wanted, "{}", unit.serial);
    }
    let again = Options { again: true, ..batches_of(8) };
    assert_eq!(summary(&take(&mut desk, &path, &again).0.unwrap()), "rows 80, known 80, batches 10");
    let other = vec![pair(0).replace("C7000000", "C7000009"), pair(1), single(20)];
    let path = house.table_of(WITH_COMPANION, "other.csv", &other);
    let (report, told) = take(&mut desk, &path, &batches_of(8));
    assert_eq!(summary(&report.unwrap()), "rows 3, known 2, bad 1, batches 1");
    assert_eq!(told, ["line 2, serial: the registry has this serial with another companion; nothing was changed"]);
}

#[test]
fn a_missing_a_wrong_and_a_needless_second_number_are_bad_rows() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let table = [
        format!("PR000001,1234,{PAIR},1.00,EU,,C7000001"),
        format!("PR000002,1234,{PAIR},1.00,EU,,"),
        format!("PR000003,1234,{PAIR},1.00,EU,,C7-3"),
        format!("PS000004,1234,{PAIR},1.00,EU,,C7000004"),
        format!("PS000005,1234,{PAIR},1.00,EU,,"),
    ];
    let path = house.table_of(WITH_COMPANION, "table.csv", &table);
    let wanted = [
        "line 3, companion: no companion; with this serial of acme/pair goes its second number, in a column `companion`",
        "line 4, companion: no second number of acme/pair (it says \"C7-3\")",
        "line 5, companion: no number goes with this serial of acme/pair; leave it empty (it says \"C7000004\")",
    ];
    let whole = Options { choice: Choice::AllOrNothing, ..batches_of(2) };
    let (outcome, told) = take(&mut desk, &path, &whole);
    assert!(matches!(outcome, Err(IntakeError::Refused { bad: 3 })), "{outcome:?}");
    assert_eq!(told, wanted);
    assert!(house.units().is_empty());
    let (report, told) = take(&mut desk, &path, &batches_of(2));
    assert_eq!(summary(&report.unwrap()), "rows 5, new 2, bad 3, batches 3");
    assert_eq!(told, wanted);
    // Rows of one serial that differ in it alone, batches apart.
    let mut table: Vec<String> = (10..20).map(|n| format!("PR{n:06},1234,{PAIR},1.00,EU,,C7{n:06}")).collect();
    table.push(format!("PR000011,1234,{PAIR},1.00,EU,,C7000099"));
    let path = house.table_of(WITH_COMPANION, "twice.csv", &table);
    let (outcome, told) = take(&mut desk, &path, &whole);
    assert!(matches!(outcome, Err(IntakeError::Refused { bad: 1 })), "{outcome:?}");
    assert_eq!(told, ["line 12, serial: the serial stands on line 3 too, and says something else there"]);
}

#[test]
fn units_of_a_scheme_come_in_without_codes_and_are_kept_without_one() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, KEYED, 9);
    let number = house.secrets().iter().find(|secret| secret.kind == SecretKind::Scheme).unwrap().number;
    let before = data_keys(&house);
    let bare: Vec<String> = (0..50).map(|number| format!("{},{KEYED},EU", keyed(number))).collect();
    let path = house.table_of(WITHOUT_CODE, "table.csv", &bare);
    let whole = Options { choice: Choice::AllOrNothing, ..batches_of(20) };
    let (report, told) = take(&mut desk, &path, &whole);
    assert_eq!(summary(&report.unwrap()), "rows 50, new 50, batches 3");
    assert!(told.is_empty(), "{told:?}");
    all_by_scheme(&house.units(), number);
    assert_eq!(data_keys(&house), before, "nothing was sealed, so there is no key for it");
    let imports = house.imports();
    assert_eq!(imports.iter().map(|event| event.field("new").unwrap()).collect::<Vec<_>>(), ["20", "20", "10"]);

    let head = desk.ledger().head();
    assert_eq!(summary(&take(&mut desk, &path, &whole).0.unwrap()), "before 50, already imported");
    let again = Options { again: true, ..batches_of(20) };
    assert_eq!(summary(&take(&mut desk, &path, &again).0.unwrap()), "rows 50, known 50, batches 3");
    assert_eq!(desk.ledger().head(), head, "nothing new is no news for the log");

    // With a column of codes, beside units that need it, and in no order of serials.
    let table: Vec<String> =
        (0..40).rev().map(|at| if at % 2 == 0 { keyed_row(100 + at, "") } else { row(at) }).collect();
    let path = house.table("mixed.csv", &table);
    let (report, told) = take(&mut desk, &path, &batches_of(15));
    assert_eq!(summary(&report.unwrap()), "rows 40, new 40, batches 3");
    assert!(told.is_empty(), "{told:?}");
    let (by_scheme, own): (Vec<Unit>, Vec<Unit>) = house.units().into_iter().partition(|unit| unit.unit == KEYED);
    all_by_scheme(&by_scheme, number);
    assert_eq!((by_scheme.len(), own.len()), (70, 20));
    for unit in own {
        assert_eq!(house.code(&unit), code(unit.serial.as_str()[2..].parse().unwrap()));
    }
    // A later scheme is for later units.
    add_scheme(&mut desk, KEYED, 10);
    let (report, _) = take(&mut desk, &house.folder.join("table.csv"), &again);
    assert_eq!(summary(&report.unwrap()), "rows 50, known 50, batches 3");
}

#[test]
fn a_code_beside_a_scheme_has_to_be_its_code_or_to_be_called_the_units_own() {
    let (folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, KEYED, 9);
    let number = house.secrets().iter().find(|secret| secret.kind == SecretKind::Scheme).unwrap().number;
    let table = vec![derived_row(1, 9), keyed_row(2, &other_code(2, 9)), derived_row(3, 9), keyed_row(4, "")];
    let path = house.table("table.csv", &table);
    let wanted = "line 3, code: not the code that the key of this unit's scheme gives for its serial; leave it out if the \
                  scheme is right, and state that such codes are the units' own if the table is";
    let whole = Options { choice: Choice::AllOrNothing, ..batches_of(10) };
    let (outcome, told) = take(&mut desk, &path, &whole);
    assert!(matches!(outcome, Err(IntakeError::Refused { bad: 1 })), "{outcome:?}");
    assert_eq!(told, [wanted]);
    let (report, told) = take(&mut desk, &path, &batches_of(10));
    assert_eq!(summary(&report.unwrap()), "rows 4, new 3, bad 1, batches 1");
    assert_eq!(told, [wanted]);
    all_by_scheme(&house.units(), number);

    let own = Options { own_codes: true, again: true, ..batches_of(10) };
    let (report, told) = take(&mut desk, &path, &own);
    assert_eq!(summary(&report.unwrap()), "rows 4, new 1, known 3, batches 1");
    assert!(told.is_empty(), "{told:?}");
    let units = house.units();
    assert_eq!(units.len(), 4);
    for unit in &units {
        if unit.serial.as_str() == keyed(2) {
            assert_eq!(house.code(unit), other_code(2, 9));
        } else {
            all_by_scheme(std::slice::from_ref(unit), number);
        }
    }
    // Whatever a later table says: no code takes the place of another.
    let table =
        vec![keyed_row(1, &other_code(1, 9)), keyed_row(2, ""), derived_row(2, 9), keyed_row(2, &other_code(2, 9))];
    for (at, (row, differs)) in table.into_iter().zip([true, true, true, false]).enumerate() {
        let path = house.table(&format!("later-{at}.csv"), &[row]);
        let (report, told) = take(&mut desk, &path, &own);
        let summary = summary(&report.unwrap());
        if differs {
            assert_eq!(summary, "rows 1, bad 1, batches 1", "{at}");
            assert_eq!(told, ["line 2, serial: the registry has this serial with another code; nothing was changed"]);
        } else {
            assert_eq!(summary, "rows 1, known 1, batches 1", "{at}");
        }
    }
    assert_eq!(house.units(), units);
    drop((desk, folder));
}

#[test]
fn a_serial_whose_panel_takes_no_code_of_the_scheme_needs_its_own() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, KEYED, 9);
    let long = |number: u64, code: &str| format!("KX{number:06},{code},{KEYED},1.00,EU,");
    let path = house.table("table.csv", &[long(1, ""), long(2, "123456"), keyed_row(3, "")]);
    let (report, told) = take(&mut desk, &path, &batches_of(10));
    assert_eq!(summary(&report.unwrap()), "rows 3, new 2, bad 1, batches 1");
    assert_eq!(
        told,
        [
            "line 2, code: no code; the scheme on record gives none that the panel of this serial takes, so it has to stand in \
          the row"
        ]
    );
    let units = house.units();
    let own = units.iter().find(|unit| unit.serial.as_str() == "KX000002").unwrap();
    assert_eq!(house.code(own), "123456");
    assert!(units.iter().any(|unit| unit.serial.as_str() == keyed(3) && unit.sealed.is_none()));
}

#[test]
fn a_unit_without_a_scheme_needs_its_code() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let bare = house.table_of(WITHOUT_CODE, "bare.csv", &[format!("{},{KEYED},EU", keyed(1))]);
    let (outcome, _) = take(&mut desk, &bare, &batches_of(10));
    assert!(matches!(outcome, Err(IntakeError::Open(OpenError::MissingColumn { .. }))), "{outcome:?}");
    add_scheme(&mut desk, KEYED, 9);
    let rows = [format!("{},{KEYED},EU", keyed(1)), format!("{},{SHORT},EU", serial(2))];
    let path = house.table_of(WITHOUT_CODE, "table.csv", &rows);
    let (report, told) = take(&mut desk, &path, &batches_of(10));
    assert_eq!(summary(&report.unwrap()), "rows 2, new 1, bad 1, batches 1");
    let words = "no code; acme/short has no scheme on record that would give it, so the code has to stand in the row";
    assert_eq!(told, [format!("line 3: {words}")]);
    let path = house.table("column.csv", &[format!("{},,{LONG},1.00,EU,", serial(3))]);
    let (report, told) = take(&mut desk, &path, &batches_of(10));
    assert_eq!(summary(&report.unwrap()), "rows 1, bad 1, batches 1");
    assert_eq!(told, [format!("line 2, code: {}", words.replace("short", "long"))]);
}

/// Takes a table in, and does something else after its first batch of 20 rows.
fn with_a_neighbour(desk: &mut Desk<Disk>, path: &std::path::Path, act: impl FnOnce()) -> (String, u64) {
    let mut act = Some(act);
    let mut told = 0;
    let report = Intake {
        desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| match news {
            News::Taken { rows: 20, .. } => act.take().into_iter().for_each(|act| act()),
            News::Bad(bad) => {
                assert!(bad.to_string().contains("not the code that the key"), "{bad}");
                told += 1;
            }
            _ => {}
        },
    }
    .run(path, &batches_of(20));
    (summary(&report.unwrap()), told)
}

#[test]
fn a_batch_that_was_overtaken_loses_no_code_on_the_way() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, KEYED, 9);
    let number = house.secrets().iter().find(|secret| secret.kind == SecretKind::Scheme).unwrap().number;
    let path = house.table("table.csv", &(0..60).map(|number| derived_row(number, 9)).collect::<Vec<_>>());
    let (said, _) = with_a_neighbour(&mut desk, &path, || {
        let path = house.table("other.csv", &[row(1), keyed_row(25, "")]);
        take(&mut house.desk_beside(), &path, &batches_of(10)).0.unwrap();
    });
    assert_eq!(said, "rows 60, new 59, known 1, batches 3");
    let units: Vec<Unit> = house.units().into_iter().filter(|unit| unit.unit == KEYED).collect();
    assert_eq!(units.len(), 60);
    all_by_scheme(&units, number);
}

#[test]
fn a_scheme_that_another_desk_adds_on_the_way_gives_no_unit_another_code_than_its_row_says() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, KEYED, 9);
    let path = house.table("table.csv", &(0..60).map(|number| derived_row(number, 9)).collect::<Vec<_>>());
    let (said, told) = with_a_neighbour(&mut desk, &path, || add_scheme(&mut house.desk_beside(), KEYED, 10));
    let alike = (20..60).filter(|number| derived(KEYED, &keyed(*number), 9) == derived(KEYED, &keyed(*number), 10));
    let told_at_best = 40 - alike.count() as u64;
    assert_eq!(
        (said, told),
        (format!("rows 60, new {}, bad {told_at_best}, batches 3", 60 - told_at_best), told_at_best)
    );
    assert!(told_at_best > 30);
}

#[test]
fn no_code_that_a_scheme_gives_is_in_any_file_of_the_registry() {
    let (folder, house) = house();
    let mut desk = house.desk();
    // Codes of 16 characters, so that none stands anywhere by chance.
    add_scheme(&mut desk, LONG, 9);
    let of = |number: u64| derived(LONG, &serial(number), 9);
    let mut table: Vec<String> = (0..40).map(|n| format!("{},{},{LONG},1.00,EU,", serial(n), of(n))).collect();
    table.push(format!("{},{},{LONG},1.00,EU,", serial(41), of(0)));
    let path = house.table("table.csv", &table);
    let (report, told) = take(&mut desk, &path, &batches_of(30));
    assert_eq!(summary(&report.unwrap()), "rows 41, new 40, bad 1, batches 2");
    fs::remove_file(&path).unwrap();
    let codes: Vec<String> = (0..41).map(of).collect();
    assert!(codes.iter().all(|code| told.iter().all(|line| !line.contains(code))), "{told:?}");
    let mut seen = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap();
            let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!codes.iter().any(|code| has(code)), "{:?} has a code", entry.path());
            seen += usize::from(has(&serial(39)));
        }
    }
    assert!(seen > 0, "the files that have the units were looked at");
    assert!(house.units().iter().all(|unit| unit.sealed.is_none()));
}

#[test]
fn look_alikes_among_units_of_a_scheme_are_told_as_among_others() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    add_scheme(&mut desk, LONG, 9);
    let of = |serial: &str| format!("{serial},{LONG},EU");
    let path = house.table_of(WITHOUT_CODE, "first.csv", &[of("LAXB2Y7O")]);
    take(&mut desk, &path, &batches_of(10)).0.unwrap();
    let path = house.table_of(WITHOUT_CODE, "second.csv", &["LAX82Y70", "LAXB2Y70", "LAZZZZZZ"].map(of));
    let options = Options { check_lookalikes: true, ..batches_of(10) };
    let (report, told) = take(&mut desk, &path, &options);
    let report = report.unwrap();
    assert_eq!((report.new, report.alike, report.not_asked), (3, 3, 0));
    assert_eq!(told, ["2 and 3 look alike", "2 looks like LAXB2Y7O", "3 looks like LAXB2Y7O"]);
    assert!(house.units().iter().all(|unit| unit.sealed.is_none()));
}
