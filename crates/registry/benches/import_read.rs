//! Rows a second and peak memory of a million rows in CSV and in Parquet. Target: 500 thousand rows a second, 64 MB.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use headlock_profile::{Catalog, File};
use headlock_registry::import::{Options, Row, Source};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const ROWS: usize = 1_000_000;
const COLUMNS: [&str; 7] = ["serial", "code", "unit", "firmware", "region", "vin", "produced"];
const UNIT: &str = r#"
id = "acme/nova-200"
name = "Nova 200"
grade = "documented"
sources = ["example"]
serial = [{ pattern = "NV[0-9]{8}", example = "NV00012345", cleaned_by = ["spaces", "punctuation", "capitals"] }]

[[reading]]
id = "manual"
title = "the maker's manual"
sources = ["example"]
grade = "documented"
entry = { style = "key-is-digit", keys = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
"#;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"forum\"\nabout = \"an example\"\n";

fn main() {
    let texts = [File { name: "units/acme/nova-200.toml", text: UNIT }, File { name: "sources.toml", text: SOURCES }];
    let catalog = match Catalog::load(texts) {
        Ok(catalog) => catalog,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            std::process::exit(1);
        }
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("\nbefore: {} MB at most", peak_mb());
    let csv = folder.path().join("table.csv");
    write_csv(&csv);
    println!("the CSV file is written: {} MB at most", peak_mb());
    read(&csv, &catalog);
    if std::env::args().any(|argument| argument == "--csv-only") {
        return;
    }
    let parquet = folder.path().join("table.parquet");
    write_parquet(&parquet);
    println!("the Parquet file is written: {} MB at most, of which the writer has most", peak_mb());
    read(&parquet, &catalog);
}

fn read(path: &Path, catalog: &Catalog) {
    let started = Instant::now();
    let source = Source::open(path, None, &mut |_| {}).expect("a table");
    let opened = started.elapsed();
    let mut rows = source.rows(catalog, &Options::default()).expect("columns");
    let (mut records, mut bad, mut chunks) = (0_u32, 0_u32, 0_u32);
    let (started, on_cpu_s) = (Instant::now(), cpu_s());
    while let Some(chunk) = rows.next_chunk().expect("a chunk") {
        chunks += 1;
        for row in &chunk.rows {
            match row {
                Row::Record(_) => records += 1,
                Row::Bad(_) => bad += 1,
            }
        }
    }
    let (took, on_cpu_s) = (started.elapsed(), cpu_s() - on_cpu_s);
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    println!(
        "{}: {records} records and {bad} bad rows of {} MB in {chunks} chunks; opened in {opened:?}, read in {took:?}, \
         {on_cpu_s:.3} s of them on a core: {:.0} rows a second of a core; {} MB at most",
        path.extension().unwrap_or_default().display(),
        length / 1_000_000,
        f64::from(records + bad) / on_cpu_s,
        peak_mb(),
    );
}

fn values(n: usize) -> [String; 7] {
    let code = n.wrapping_mul(7919) % 10_000;
    [
        format!("NV{n:08}"),
        format!("{code:04}"),
        "acme/nova-200".to_owned(),
        format!("1.{:02}", n % 40),
        "EU".to_owned(),
        format!("SJNFAAJ10U{:07}", n % 10_000_000),
        format!("20{:02}-{:02}-{:02}", n % 20, n % 12 + 1, n % 28 + 1),
    ]
}

fn write_csv(path: &Path) {
    let mut text = COLUMNS.join(",");
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    for n in 0..ROWS {
        let _ = write!(text, "\n{}", values(n).join(","));
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
        text.clear();
    }
}

fn write_parquet(path: &Path) {
    let columns = COLUMNS.map(|name| format!("required binary {name} (STRING);")).join(" ");
    let schema = Arc::new(parse_message_type(&format!("message table {{ {columns} }}")).expect("a schema"));
    let file = std::fs::File::create(path).expect("a file");
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).expect("a writer");
    for group in 0..4 {
        let mut rows = writer.next_row_group().expect("a row group");
        for column in 0..COLUMNS.len() {
            let mut out = rows.next_column().expect("a column").expect("a column");
            for part in 0..25 {
                let from = group * ROWS / 4 + part * 10_000;
                let all: Vec<ByteArray> =
                    (from..from + 10_000).map(|n| values(n)[column].clone().into_bytes().into()).collect();
                out.typed::<ByteArrayType>().write_batch(&all, None, None).expect("written");
            }
            out.close().expect("closed");
        }
        rows.close().expect("closed");
    }
    writer.close().expect("closed");
}

/// Seconds that the process was on a core so far.
fn cpu_s() -> f64 {
    let status = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    status.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).map_or(0.0, |ns| ns / 1e9)
}

/// The most memory that the process had so far.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
