//! A process that takes a table in and is killed at any moment, again and again: in the end the table is there once, row for row.
#![allow(clippy::unwrap_used)]

mod intake_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use headlock_registry::desk::Credential;
use headlock_registry::intake::{Intake, News};
use headlock_registry::record::SecretKind;
use intake_support::{House, KEYED, LONG, NOW_MS, PAIR, add_scheme, batches_of, code, row, serial, vin};
use tempfile::TempDir;

const PLACE: &str = "HEADLOCK_TEST_INTAKE";
const ROWS: u64 = 30_000;
const BATCH: usize = 150;
const KILLS: u32 = 40;

fn number(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

#[test]
#[ignore = "a process of another test"]
fn child_that_takes_a_table_in_until_it_is_killed() {
    let folder = PathBuf::from(env::var_os(PLACE).expect("only ever run as a process of another test"));
    let mut desk = House::there(&folder).desk();
    let mut out = std::io::stdout();
    writeln!(out, "\nopen").unwrap();
    let report = Intake {
        desk: &mut desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| {
            if let News::Taken { rows, .. } = news {
                writeln!(out, "\ntaken {rows}").and_then(|()| out.flush()).unwrap();
            }
        },
    }
    .run(&folder.join("table.csv"), &batches_of(BATCH))
    .unwrap();
    println!("\nended {}", report.already_imported);
}

/// What a child said: the rows that it had durable at last, and whether it came to the end.
struct Said {
    taken: u64,
    ended: bool,
}

fn run(folder: &std::path::Path, kill: Option<(u64, Duration)>) -> Said {
    let arguments = ["child_that_takes_a_table_in_until_it_is_killed", "--exact", "--ignored", "--nocapture"];
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments).env(PLACE, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Said { taken: 0, ended: false };
    let mut hear = |line: &str| {
        if let Some(rows) = line.strip_prefix("taken ") {
            said.taken = rows.parse().unwrap();
        }
        said.ended |= line.starts_with("ended ");
    };
    if let Some((batches, after)) = kill {
        let mut heard = 0;
        while heard <= batches {
            let Some(line) = lines.next().transpose().unwrap() else { break };
            heard += u64::from(line.starts_with("open") || line.starts_with("taken "));
            hear(&line);
        }
        thread::sleep(after);
        child.kill().unwrap();
    }
    for line in lines {
        hear(&line.unwrap());
    }
    child.wait().unwrap();
    said
}

#[test]
fn a_table_is_there_once_however_often_its_intake_was_killed() {
    let folder = TempDir::new().unwrap();
    let house = House::begin(folder.path());
    // Every third row behind all others, so that batches lie among earlier ones.
    let order = |at: u64| if at.is_multiple_of(3) { at / 3 + ROWS } else { at };
    house.table("table.csv", &(0..ROWS).map(|at| row(order(at))).collect::<Vec<_>>());
    let mut seed = 7;
    let (mut last, mut moved) = (0, 0);
    for round in 0..KILLS {
        let batches = number(&mut seed, 5);
        let said = run(folder.path(), Some((batches, Duration::from_micros(number(&mut seed, 6_000)))));
        assert!(!said.ended, "round {round}: the table is too short for this test");
        let (rows, _) = house.desk().import_progress(&import(&house)).unwrap().unwrap_or_default();
        assert!(rows >= said.taken.max(last), "round {round}: {rows} of {} acknowledged", said.taken);
        assert_eq!(rows % BATCH as u64, 0, "round {round}: a batch is whole or not there");
        assert_eq!(house.units().len() as u64, rows, "round {round}");
        moved += u32::from(rows > last);
        last = rows;
    }
    assert!(moved > KILLS / 2, "most runs came further: {moved}");
    assert!(run(folder.path(), None).ended);
    assert_eq!(run(folder.path(), None).taken, 0, "there is nothing left to do");

    let units = house.units();
    let keys: BTreeMap<u32, _> = units
        .iter()
        .map(|unit| unit.secret)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|number| (number, house.key(number)))
        .collect();
    let mut expected: Vec<u64> = (0..ROWS).map(order).collect();
    expected.sort_unstable();
    assert_eq!(units.len(), expected.len());
    let mut nonces = BTreeSet::new();
    for (unit, number) in units.iter().zip(expected) {
        assert_eq!((unit.serial.as_str(), unit.vin.as_ref().unwrap().as_str()), (&*serial(number), &*vin(number)));
        let sealed = unit.sealed.as_ref().unwrap();
        let place = intake_support::place(unit.serial.as_str(), &unit.unit);
        assert_eq!(keys[&unit.secret].open(sealed, &place).unwrap().as_slice(), code(number).as_bytes());
        assert!(nonces.insert((unit.secret, sealed[..12].to_vec())), "a nonce twice");
    }
    assert_eq!(house.pairs().len(), units.len());
    let imports = house.imports();
    let rows: Vec<u64> = imports.iter().map(|event| event.field("rows").unwrap().parse().unwrap()).collect();
    assert_eq!(rows, (1..=ROWS / BATCH as u64).map(|batch| batch * BATCH as u64).collect::<Vec<_>>(), "a leaf a batch");
    assert!(imports.iter().all(|event| event.field("new") == Some(&BATCH.to_string())));
}

#[test]
fn a_table_with_second_numbers_and_without_codes_is_there_once_too() {
    const UNITS: u64 = 9_000;
    let folder = TempDir::new().unwrap();
    let house = House::begin(folder.path());
    add_scheme(&mut house.desk(), KEYED, 9);
    let row = |at: u64| match at % 3 {
        0 => format!("KD{at:06},,{KEYED},eu,"),
        1 => format!("PR{at:06},{:04},{PAIR},eu,C7{at:06}", at % 10_000),
        _ => format!("{},{},{LONG},eu,", serial(at), code(at)),
    };
    house.table_of("serial,code,unit,region,companion", "table.csv", &(0..UNITS).map(row).collect::<Vec<_>>());
    let mut seed = 11;
    let mut last = 0;
    for round in 0..10 {
        let batches = number(&mut seed, 4);
        let said = run(folder.path(), Some((batches, Duration::from_micros(number(&mut seed, 6_000)))));
        let (rows, _) = house.desk().import_progress(&import(&house)).unwrap().unwrap_or_default();
        assert!(rows >= said.taken.max(last), "round {round}: {rows} of {} acknowledged", said.taken);
        assert_eq!(house.units().len() as u64, rows, "round {round}");
        last = rows;
    }
    assert!(run(folder.path(), None).ended);
    let scheme = house.secrets().into_iter().find(|secret| secret.kind == SecretKind::Scheme).unwrap().number;
    let units = house.units();
    assert_eq!(units.len() as u64, UNITS);
    let numbers: BTreeSet<u32> = units.iter().map(|unit| unit.secret).collect();
    let keys: BTreeMap<u32, _> =
        numbers.into_iter().filter(|number| *number != scheme).map(|number| (number, house.key(number))).collect();
    for unit in units {
        let at: u64 = unit.serial.as_str()[2..].parse().unwrap();
        assert_eq!(unit.companion, (at % 3 == 1).then(|| format!("C7{at:06}")), "{}", unit.serial);
        if at.is_multiple_of(3) {
            assert_eq!((unit.secret, unit.sealed), (scheme, None), "{}", unit.serial);
            continue;
        }
        let place = intake_support::place(unit.serial.as_str(), &unit.unit);
        let opened = keys[&unit.secret].open(unit.sealed.as_ref().unwrap(), &place).unwrap();
        let wanted = if at % 3 == 1 { format!("{:04}", at % 10_000) } else { code(at) };
        assert_eq!(opened.as_slice(), wanted.as_bytes(), "{}", unit.serial);
    }
}

fn import(house: &House) -> String {
    use sha2::{Digest, Sha256};
    headlock_wire::hex::digits(&Sha256::digest(std::fs::read(house.folder.join("table.csv")).unwrap()))
}
