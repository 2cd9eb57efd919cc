//! From a table to the owner: what a factory wrote is what a dealer is told, from CSV and from Parquet.
#![allow(clippy::unwrap_used)]

mod desk_support;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use desk_support::{Bench, PAIR, UNIT, catalog, code, code_of, released, serial, serial_of, vin_of};
use headlock_profile::{SchemeKey, ways};
use headlock_registry::desk::{Action, Ask, Credential, Refusal};
use headlock_registry::intake::{Intake, IntakeError, News, Options, Report};
use headlock_registry::rules::DEFAULT;
use headlock_registry::seal::DataKey;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const COLUMNS: [&str; 6] = ["serial", "code", "unit", "firmware", "region", "vin"];

fn values(number: u32) -> [String; 6] {
    [serial_of(number), code_of(number), UNIT.to_owned(), "1.00".to_owned(), "EU".to_owned(), vin_of(number)]
}

fn csv(path: &Path, numbers: std::ops::Range<u32>) {
    csv_of(path, COLUMNS, &numbers.map(values).collect::<Vec<_>>());
}

fn parquet(path: &Path, numbers: std::ops::Range<u32>) {
    parquet_of(path, COLUMNS, &numbers.map(values).collect::<Vec<_>>());
}

fn csv_of<const N: usize>(path: &Path, columns: [&str; N], values: &[[String; N]]) {
    let mut text = columns.join(",");
    values.iter().for_each(|row| write!(text, "\n{}", row.join(",")).unwrap());
    fs::write(path, text).unwrap();
}

fn parquet_of<const N: usize>(path: &Path, columns: [&str; N], values: &[[String; N]]) {
    let columns = columns.map(|name| format!("required binary {name} (STRING);")).join(" ");
    let schema = Arc::new(parse_message_type(&format!("message table {{ {columns} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_data_page_row_count_limit(50).build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    for column in 0..N {
        let all: Vec<ByteArray> = values.iter().map(|row| row[column].clone().into_bytes().into()).collect();
        let mut out = rows.next_column().unwrap().unwrap();
        out.typed::<ByteArrayType>().write_batch(&all, None, None).unwrap();
        out.close().unwrap();
    }
    rows.close().unwrap();
    writer.close().unwrap();
}

fn bench() -> Bench {
    let generous = DEFAULT.replace("burst = 40,", "burst = 80000000,").replace("burst = 200,", "burst = 80000000,");
    Bench::with_rules(&format!("{generous}\n[watch]\nsequence_count = 32\nsequence_span = 1\n"))
}

fn take(bench: &mut Bench, credential: Credential, path: &Path) -> Result<Report, IntakeError> {
    let mut options = Options::default();
    options.table.chunk_rows = 150;
    let now_ms = bench.now_ms;
    Intake { desk: bench.desk(), credential, clock: &mut || now_ms, tell: &mut |_| {} }.run(path, &options)
}

#[test]
fn every_code_of_a_table_is_released_as_it_was_written() {
    let mut bench = bench();
    let (first, second) = (bench.folder.path().join("table.csv"), bench.folder.path().join("table.parquet"));
    csv(&first, 5..400);
    parquet(&second, 390..700);
    // Asked for before it is there, and not found; after its import it is.
    let early = bench.ask(650);
    assert!(bench.by("anna", Action::Release(early)).is_err());
    let console = Credential::Console;
    let report = take(&mut bench, console, &first).unwrap();
    assert_eq!((report.new, report.known, report.batches), (390, 5, 3));
    let report = take(&mut bench, console, &second).unwrap();
    assert_eq!((report.new, report.known, report.bad), (300, 10, 0));
    // In no order: whoever asks for one serial after the other is taken for somebody who guesses.
    for number in (0..700).map(|at| at * 271 % 700) {
        let ask = bench.ask(number);
        let released = released(bench.by("anna", Action::Release(ask)));
        assert_eq!(code(&released), code_of(number), "{number}");
    }
}

#[test]
fn an_operator_may_and_a_dealer_may_not() {
    let mut bench = bench();
    let path = bench.folder.path().join("table.csv");
    csv(&path, 100..110);
    let dealer = bench.credential("anna");
    assert!(take(&mut bench, dealer, &path).is_err());
    let operator = bench.credential("olga");
    assert_eq!(take(&mut bench, operator, &path).unwrap().new, 10);
}

/// Takes in two batches of 150 rows, and is gone.
fn leave_behind_300(bench: &mut Bench, path: &Path) {
    let mut taken = 0;
    let now_ms = bench.now_ms;
    let mut options = Options::default();
    options.table.chunk_rows = 150;
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut tell = |news: News<'_>| {
            if let News::Taken { rows, .. } = news {
                taken = rows;
                assert!(rows < 300, "this is where it is left");
            }
        };
        Intake { desk: bench.desk(), credential: Credential::Console, clock: &mut || now_ms, tell: &mut tell }
            .run(path, &options)
    }));
    assert!(ended.is_err() && taken == 300);
    bench.restart();
}

#[test]
fn a_parquet_file_goes_on_where_it_was_left() {
    let mut bench = bench();
    let path = bench.folder.path().join("table.parquet");
    parquet(&path, 100..700);
    leave_behind_300(&mut bench, &path);
    let report = take(&mut bench, Credential::Console, &path).unwrap();
    assert_eq!((report.rows_before, report.new), (300, 300));
    for number in [100, 399, 400, 699] {
        let ask = bench.ask(number);
        assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), code_of(number));
    }
}

/// Units of two kinds, of which every other has a second number, and none a code.
fn without_code(number: u32) -> [String; 5] {
    let companion = if number.is_multiple_of(2) { String::new() } else { format!("C7{number:04}") };
    let (serial, unit) = if number.is_multiple_of(2) { (serial_of(number), UNIT) } else { (pair_of(number), PAIR) };
    [serial, unit.to_owned(), "EU".to_owned(), vin_of(number), companion]
}

fn pair_of(number: u32) -> String {
    format!("PB{number:08}")
}

#[test]
fn tables_of_schemes_and_second_numbers_go_on_where_they_were_left_and_release_what_follows_from_the_key() {
    let columns = ["serial", "unit", "region", "vin", "companion"];
    let rows: Vec<[String; 5]> = (100..550).map(without_code).collect();
    for name in ["table.csv", "table.parquet"] {
        let mut bench = bench();
        for (unit, byte) in [(UNIT, 9), (PAIR, 10)] {
            bench.console(Action::AddScheme { unit: unit.to_owned(), key: DataKey::from_bytes(&[byte; 32]) }).unwrap();
        }
        let path = bench.folder.path().join(name);
        if name.ends_with("csv") {
            csv_of(&path, columns, &rows);
        } else {
            parquet_of(&path, columns, &rows);
        }
        leave_behind_300(&mut bench, &path);
        let report = take(&mut bench, Credential::Console, &path).unwrap();
        assert_eq!((report.rows_before, report.new, report.bad), (300, 150, 0), "{name}");
        for number in [100, 101, 248, 249, 250, 251, 399, 400, 548, 549] {
            let [written, unit, ..] = without_code(number);
            let catalog = catalog();
            let catalogued = catalog.unit(&unit).unwrap();
            let key = SchemeKey::new(&[if unit == UNIT { 9 } else { 10 }; 32]).unwrap();
            let counted = catalogued.serial_spec(&written).unwrap().counted(&written);
            let wanted = key.derive(&unit, &counted, &ways::places(catalogued, &written).unwrap()).unwrap();
            let companion = (unit == PAIR).then(|| format!("C7{number:04}"));
            let ask = Ask { serial: serial(&written), companion, ..bench.ask(number) };
            assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), wanted.reveal(), "{name}: {written}");
        }
        for companion in [None, Some("C70101".to_owned())] {
            let ask = Ask { serial: serial(&pair_of(103)), companion, ..bench.ask(103) };
            assert_eq!(bench.by("anna", Action::Release(ask)).unwrap_err(), Refusal::NotFound, "{name}");
        }
    }
}
