//! Production tables come in whole, or not at all, or with every bad row told; twice is once; and no code is in the clear.
#![allow(clippy::unwrap_used)]

mod intake_support;

use std::collections::BTreeSet;
use std::fs;

use headlock_registry::desk::{BulkError, Credential, Desk};
use headlock_registry::import::ReadError;
use headlock_registry::intake::{Choice, Intake, IntakeError, News, Options};
use headlock_registry::log::{Commitment, Disk};
use headlock_registry::store::{Batch, Committed, Read, Row, Scan, Standing, Store, StoreError, Table};
use headlock_wire::hex;
use intake_support::{
    House, LONG, NOW_MS, SHORT, batches_of, code, place, region, row, rows, serial, summary, take, vin,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn house() -> (TempDir, House) {
    let folder = TempDir::new().unwrap();
    let house = House::begin(folder.path());
    (folder, house)
}

/// Every unit of these numbers is there, with its code, and no other.
fn has_exactly(house: &House, numbers: impl Iterator<Item = u64>) {
    let units = house.units();
    let mut expected: Vec<(String, String, String)> =
        numbers.map(|number| (serial(number), code(number), vin(number))).collect();
    expected.sort();
    let found: Vec<(String, String, String)> = units
        .iter()
        .map(|unit| (unit.serial.to_string(), house.code(unit), unit.vin.as_ref().unwrap().to_string()))
        .collect();
    assert_eq!(found, expected);
    let mut pairs: Vec<(String, String)> =
        house.pairs().into_iter().map(|pair| (pair.vin.into(), pair.serial.into())).collect();
    let mut vehicles: Vec<(String, String)> = expected.into_iter().map(|(serial, _, vin)| (vin, serial)).collect();
    pairs.sort();
    vehicles.sort();
    assert_eq!(pairs, vehicles);
}

#[test]
fn every_row_is_there_with_its_code_under_a_key_for_each_batch_and_a_leaf_for_each() {
    let (_folder, house) = house();
    let path = house.table("table.csv", &rows(0..1000));
    let (report, told) = take(&mut house.desk(), &path, &batches_of(300));
    assert_eq!(summary(&report.unwrap()), "rows 1000, new 1000, batches 4");
    assert!(told.is_empty(), "{told:?}");
    has_exactly(&house, 0..1000);
    let units = house.units();
    assert!(units.iter().all(|unit| unit.region.as_str() == "eu" && unit.firmware == "1.00" && unit.unit == LONG));
    let keys: BTreeSet<u32> = units.iter().map(|unit| unit.secret).collect();
    assert_eq!(keys.len(), 4);

    let imports = house.imports();
    let said: Vec<(Option<&str>, Option<&str>)> =
        imports.iter().map(|event| (event.field("new"), event.field("rows"))).collect();
    let all = [("300", "300"), ("300", "600"), ("300", "900"), ("100", "1000")];
    assert_eq!(said, all.map(|(new, rows)| (Some(new), Some(rows))));
    let file = hex::digits(&Sha256::digest(fs::read(&path).unwrap()));
    let mut last = Sha256::new();
    (900..1000).for_each(|number| last.update(format!("{}\0{LONG}\0", serial(number))));
    assert_eq!(imports[3].field("import"), Some(file.as_str()));
    assert_eq!(imports[3].field("units"), Some(hex::digits(&last.finalize()).as_str()));
    assert_eq!(imports[3].field("by"), Some("console"));
}

#[test]
fn equal_codes_are_sealed_unequal_and_open_nowhere_else() {
    let (_folder, house) = house();
    let same = |number| format!("{},1234,{SHORT},1.00,EU,", serial(number));
    let path = house.table("table.csv", &(0..600).map(same).collect::<Vec<_>>());
    take(&mut house.desk(), &path, &batches_of(400)).0.unwrap();
    let units = house.units();
    let sealed: BTreeSet<&Vec<u8>> = units.iter().map(|unit| unit.sealed.as_ref().unwrap()).collect();
    let nonces: BTreeSet<&[u8]> = sealed.iter().map(|sealed| &sealed[..12]).collect();
    assert_eq!((sealed.len(), nonces.len()), (600, 600));
    let (one, two) = (&units[0], &units[1]);
    let key = house.key(one.secret);
    let open = |serial: &str, unit: &str| key.open(one.sealed.as_ref().unwrap(), &place(serial, unit));
    assert_eq!(open(one.serial.as_str(), SHORT).unwrap().as_slice(), b"1234");
    assert!(open(two.serial.as_str(), SHORT).is_err());
    assert!(open(one.serial.as_str(), LONG).is_err());
    let other = house.key(units[599].secret);
    assert!(other.open(one.sealed.as_ref().unwrap(), &place(one.serial.as_str(), SHORT)).is_err());
    assert!(house.pairs().is_empty());
}

#[test]
fn no_code_is_in_the_clear_in_any_file_of_the_registry() {
    let (folder, house) = house();
    let mut desk = house.desk();
    let mut table = rows(0..500);
    table.push(format!("{},{},{LONG},1.00,EU,{}", serial(1), code(77), vin(1)));
    let path = house.table("table.csv", &table);
    let (report, told) = take(&mut desk, &path, &batches_of(200));
    assert_eq!(report.unwrap().bad, 1);
    fs::remove_file(&path).unwrap();
    let mut seen = 0;
    let mut folders = vec![folder.path().to_owned()];
    // With the desk open, so that the write-ahead log is there too.
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap();
            let is_code = |text: &[u8]| text.starts_with(b"C0DE") && text.iter().all(u8::is_ascii_hexdigit);
            assert!(!bytes.windows(16).any(is_code), "{:?} has a code", entry.path());
            seen += usize::from(bytes.windows(8).any(|eight| eight == serial(499).as_bytes()));
        }
    }
    assert!(seen > 0, "the files that have the units were looked at");
    assert!(told.iter().all(|line| !line.contains("C0DE")), "{told:?}");
    drop(desk);
}

#[test]
fn bad_rows_are_told_and_the_good_ones_kept() {
    let (_folder, house) = house();
    let mut table = rows(0..10);
    table[2] = format!("{},12345,{LONG},1.00,EU,", serial(2));
    table[4] = format!("{},{},{LONG},1.00,,", serial(4), code(4));
    table[6] = format!("{},{},{LONG},1.00,the moon,", serial(6), code(6));
    table[8] = format!("{},{},acme/none,1.00,EU,", serial(8), code(8));
    table.push(row(9));
    let path = house.table("table.csv", &table);
    let (report, told) = take(&mut house.desk(), &path, &batches_of(4));
    // The row that is there twice stands in another batch the second time.
    assert_eq!(summary(&report.unwrap()), "rows 11, new 6, bad 4, repeated 1, batches 3");
    let expected = [
        "line 4, code: ",
        "line 6, region: no region, and none was given for rows without one",
        "line 8, region: a region has a character that cannot be there",
        "line 10, unit: no unit of the catalogue",
    ];
    assert_eq!(told.len(), 4, "{told:?}");
    expected.iter().zip(&told).for_each(|(begin, line)| assert!(line.starts_with(begin), "{line}"));
    has_exactly(&house, [0, 1, 3, 5, 7, 9].into_iter());
}

#[test]
fn nothing_is_taken_of_a_table_with_a_bad_row_where_that_was_asked_for() {
    let (_folder, house) = house();
    let options = Options { choice: Choice::AllOrNothing, ..batches_of(4) };
    let mut table = rows(0..20);
    // Another content of the same serial, batches apart.
    table.push(format!("{},{},{LONG},1.00,EU,{}", serial(3), code(4), vin(3)));
    table.push(row(5));
    let path = house.table("table.csv", &table);
    let mut desk = house.desk();
    let before = desk.ledger().head();
    let (outcome, told) = take(&mut desk, &path, &options);
    assert!(matches!(outcome, Err(IntakeError::Refused { bad: 1 })), "{outcome:?}");
    assert_eq!(told, ["line 22, serial: the serial stands on line 5 too, and says something else there"]);
    assert_eq!(desk.ledger().head(), before);
    assert!(house.units().is_empty());

    table.remove(20);
    let path = house.table("table.csv", &table);
    let (report, told) = take(&mut desk, &path, &options);
    assert_eq!(summary(&report.unwrap()), "rows 21, new 20, known 1, batches 6");
    assert!(told.is_empty());
    has_exactly(&house, 0..20);
    let (report, _) = take(&mut desk, &path, &options);
    assert_eq!(summary(&report.unwrap()), "before 21, already imported");
    // What the registry says otherwise is bad as well.
    let path = house.table("other.csv", &[row(30), format!("{},{},{LONG},1.00,EU,", serial(3), code(3))]);
    let (outcome, told) = take(&mut desk, &path, &options);
    assert!(matches!(outcome, Err(IntakeError::Refused { bad: 1 })), "{outcome:?}");
    assert_eq!(told, ["line 3, serial: the registry has this serial with another vin; nothing was changed"]);
    drop(desk);
    has_exactly(&house, 0..20);
}

#[test]
fn the_same_table_again_changes_nothing_and_other_tables_find_its_units_known() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let path = house.table("table.csv", &rows(0..50));
    take(&mut desk, &path, &batches_of(20)).0.unwrap();
    let head = desk.ledger().head();
    let (report, _) = take(&mut desk, &path, &batches_of(20));
    assert_eq!(summary(&report.unwrap()), "before 50, already imported");
    assert_eq!(desk.ledger().head(), head, "nothing was logged");

    let again = Options { again: true, ..batches_of(20) };
    let (report, _) = take(&mut desk, &path, &again);
    assert_eq!(summary(&report.unwrap()), "rows 50, known 50, batches 3");
    assert_eq!(desk.ledger().head(), head, "nothing new is no news for the log");

    let mut longer = rows(0..60);
    longer[7] = format!("{},{},{LONG},1.00,EU,{}", serial(7), code(8), vin(7));
    longer[9] = format!("{},1234,{SHORT},1.00,EU,{}", serial(9), vin(9));
    longer[11] = format!("{},{},{LONG},2.00,EU,{}", serial(11), code(11), vin(11));
    longer[13] = format!("{},{},{LONG},1.00,US,{}", serial(13), code(13), vin(13));
    let path = house.table("longer.csv", &longer);
    let (report, told) = take(&mut desk, &path, &batches_of(20));
    assert_eq!(summary(&report.unwrap()), "rows 60, new 10, known 46, bad 4, batches 3");
    let with = |line: u32, what: &str| {
        format!("line {line}, serial: the registry has this serial with another {what}; nothing was changed")
    };
    assert_eq!(told, [with(9, "code"), with(11, "unit"), with(13, "firmware"), with(15, "region")]);
    drop(desk);
    has_exactly(&house, 0..60);
}

#[test]
fn one_serial_of_two_units_is_neither() {
    let (_folder, house) = house();
    let twin = format!("{},1234,{SHORT},1.00,EU,", serial(1));
    let path = house.table("table.csv", &[row(0), row(1), twin, row(2)]);
    let (report, told) = take(&mut house.desk(), &path, &batches_of(100));
    assert_eq!(summary(&report.unwrap()), "rows 4, new 2, bad 2, batches 1");
    assert_eq!(
        told,
        [
            "line 3, serial: the serial stands on line 4 too, with another unit; neither row is taken",
            "line 4, serial: the serial stands on line 3 too, with another unit; neither row is taken",
        ]
    );
    has_exactly(&house, [0, 2].into_iter());
}

#[test]
fn serials_that_look_like_one_of_the_store_are_told_and_taken() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let of = |serial: &str, number| format!("{serial},{},{LONG},1.00,EU,", code(number));
    let path = house.table("first.csv", &[of("LAXB2Y7O", 1)]);
    take(&mut desk, &path, &batches_of(10)).0.unwrap();
    let path = house.table("second.csv", &[of("LAX82Y70", 2), of("LAXB2Y70", 3), of("LAZZZZZZ", 4), of("LA010101", 5)]);
    let options = Options { check_lookalikes: true, ..batches_of(10) };
    let (report, told) = take(&mut desk, &path, &options);
    let report = report.unwrap();
    assert_eq!((report.new, report.alike, report.not_asked), (4, 3, 1));
    assert_eq!(told, ["2 and 3 look alike", "2 looks like LAXB2Y7O", "3 looks like LAXB2Y7O"]);
}

#[test]
fn a_region_for_the_whole_table_goes_for_rows_without_one() {
    let (_folder, house) = house();
    let path = house.folder.join("table.csv");
    fs::write(&path, format!("serial,code,unit\n{},{},{LONG}\n", serial(0), code(0))).unwrap();
    let mut desk = house.desk();
    assert_eq!(summary(&take(&mut desk, &path, &batches_of(10)).0.unwrap()), "rows 1, bad 1, batches 1");
    let options = Options { region: Some(region("us")), again: true, ..batches_of(10) };
    assert_eq!(summary(&take(&mut desk, &path, &options).0.unwrap()), "rows 1, new 1, batches 1");
    assert_eq!(house.units()[0].region.as_str(), "us");
}

#[test]
fn a_table_that_changes_is_another_table() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let path = house.table("table.csv", &rows(0..50));
    let all = Options { choice: Choice::AllOrNothing, ..batches_of(10) };
    let outcome = Intake {
        desk: &mut desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| {
            if let News::Checked { rows: 50 } = news {
                house.table("table.csv", &rows(0..49));
            }
        },
    }
    .run(&path, &all);
    assert!(matches!(outcome, Err(IntakeError::Read(ReadError::Changed))), "{outcome:?}");
    assert!(house.units().is_empty());

    let path = house.table("table.csv", &rows(0..50));
    let outcome = Intake {
        desk: &mut desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| {
            if let News::Taken { rows: 10, .. } = news {
                house.table("table.csv", &rows(0..60));
            }
        },
    }
    .run(&path, &batches_of(10));
    assert!(matches!(outcome, Err(IntakeError::Read(ReadError::Changed))), "{outcome:?}");
    let stands = house.units().len() as u64;
    assert!((10..50).contains(&stands), "{stands}");
    // The changed one is begun at its own start, and finds the others known.
    let (report, _) = take(&mut desk, &path, &batches_of(10));
    let expected = format!("rows 60, new {}, known {stands}, batches 6", 60 - stands);
    assert_eq!(summary(&report.unwrap()), expected);
    drop(desk);
    has_exactly(&house, 0..60);
}

/// Runs a table in, and does something else after its first batch.
fn with_a_neighbour(house: &House, desk: &mut Desk<Disk>, act: impl FnOnce()) -> Result<String, IntakeError> {
    let path = house.table("table.csv", &rows(0..60));
    let mut act = Some(act);
    let report = Intake {
        desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| {
            if let News::Taken { rows: 20, .. } = news {
                act.take().into_iter().for_each(|act| act());
            }
        },
    }
    .run(&path, &batches_of(20))?;
    Ok(summary(&report))
}

#[test]
fn a_batch_that_another_desk_overtook_is_decided_anew() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let report = with_a_neighbour(&house, &mut desk, || {
        let mut table = rows(25..30);
        table.push(format!("{},{},{LONG},1.00,EU,{}", serial(45), code(46), vin(45)));
        let path = house.table("other.csv", &table);
        take(&mut house.desk_beside(), &path, &batches_of(100)).0.unwrap();
    });
    assert_eq!(report.unwrap(), "rows 60, new 54, known 5, bad 1, batches 3");
    drop(desk);
    let units = house.units();
    assert_eq!(units.len(), 60);
    for unit in &units {
        let number = unit.serial.as_str()[2..].parse().unwrap();
        let expected = if number == 45 { code(46) } else { code(number) };
        assert_eq!(house.code(unit), expected, "{}", unit.serial);
    }
    let numbers: Vec<u32> = house.secrets().iter().map(|secret| secret.number).collect();
    assert_eq!(
        numbers,
        (0..u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(),
        "no number twice, none left out"
    );
}

#[test]
fn two_who_take_in_the_same_table_do_not_double_it() {
    let (_folder, house) = house();
    let mut desk = house.desk();
    let path = house.folder.join("table.csv");
    let outcome = with_a_neighbour(&house, &mut desk, || {
        let (report, told) = take(&mut house.desk_beside(), &path, &batches_of(20));
        assert_eq!(summary(&report.unwrap()), "before 20, rows 40, new 40, batches 2");
        assert_eq!(told, ["goes on behind 20"]);
    });
    let moved =
        |error: &IntakeError| matches!(error, IntakeError::Bulk(BulkError::Moved { found: Some(60), since: Some(20) }));
    assert!(outcome.as_ref().is_err_and(moved), "{outcome:?}");
    drop(desk);
    has_exactly(&house, 0..60);
    assert_eq!(house.imports().len(), 3);
}

/// A store whose commits are answered by an error, made or not.
struct Silent {
    store: Box<dyn Store>,
    commits: u32,
    /// Which commit, and whether it is made all the same.
    fails: (u32, bool),
}

impl Read for Silent {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.store.get(table, keys)
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.store.scan(scan)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.store.count(table)
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        self.store.standing()
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.store.leaves(from, limit)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        self.store.moment()
    }
}

impl Store for Silent {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.commits += 1;
        if self.commits != self.fails.0 {
            return self.store.commit(batch);
        }
        if self.fails.1 {
            self.store.commit(batch)?;
        }
        Err(StoreError::Unavailable("the line is cut".into()))
    }

    fn reader(&self) -> Result<Box<dyn Read>, StoreError> {
        self.store.reader()
    }
}

#[test]
fn a_commit_without_an_answer_loses_no_row_and_doubles_none() {
    for fails in [(1, true), (2, false), (2, true), (3, true), (3, false)] {
        let (_folder, house) = house();
        let silent = Silent { store: house.store(), commits: 0, fails };
        let mut desk = Desk::open(house.tools(Box::new(silent)), NOW_MS).unwrap();
        let path = house.table("table.csv", &rows(0..60));
        let (outcome, _) = take(&mut desk, &path, &batches_of(20));
        assert!(matches!(outcome, Err(IntakeError::Bulk(BulkError::Fault(_)))), "{fails:?}: {outcome:?}");
        // The desk knows what it has tried, and the same desk ends it.
        let (report, _) = take(&mut desk, &path, &batches_of(20));
        let done = u64::from(fails.0) * 20;
        let report = report.unwrap();
        assert_eq!((report.rows_before, report.rows), (done, 60 - done), "{fails:?}");
        drop(desk);
        has_exactly(&house, 0..60);
        assert_eq!(house.imports().len(), 3);
    }
}

#[test]
fn only_who_may_takes_tables_in() {
    let (_folder, house) = house();
    let path = house.table("table.csv", &rows(0..5));
    let outcome =
        Intake { desk: &mut house.desk(), credential: Credential::Nobody, clock: &mut || NOW_MS, tell: &mut |_| {} }
            .run(&path, &batches_of(5));
    assert!(matches!(outcome, Err(IntakeError::Bulk(BulkError::Refused(_)))), "{outcome:?}");
    assert!(house.units().is_empty());
}

#[test]
fn one_key_seals_no_more_than_it_may() {
    let (_folder, house) = house();
    let path = house.table("table.csv", &rows(0..5));
    let (outcome, _) = take(&mut house.desk(), &path, &batches_of(65_537));
    assert!(matches!(outcome, Err(IntakeError::LargeBatch)), "{outcome:?}");
    let (report, _) = take(&mut house.desk(), &path, &batches_of(65_536));
    assert_eq!(report.unwrap().new, 5);
}
