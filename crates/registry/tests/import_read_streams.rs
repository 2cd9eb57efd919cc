//! Tables of any quoting and size: read as another reader does, from any position, in bounded memory.
#![allow(clippy::unwrap_used)]

mod import_read_support;

use std::fs;
use std::io::Write;

use headlock_registry::import::{MAX_RECORD_BYTES, OpenError, Options, Position, Progress, ReadError, Row, Source};
use import_read_support::{CATALOG, chunks, file, lines, source};
use proptest::prelude::*;

fn nova() -> Options {
    Options { unit: Some("acme/nova-200".to_owned()), ignore_unknown: true, ..Options::default() }
}

fn many(rows: usize) -> String {
    let mut table = "serial,code,note\r\n".to_owned();
    for n in 1..=rows {
        match n % 10 {
            3 => table.push_str("\r\n"),
            5 => table.push_str(&format!("NV{n:08},{:04},\"two\nlines, {n}\r\nor three\"\r\n", n % 10_000)),
            7 => table.push_str(&format!("NV{n:07}O,1234,\r\n")),
            _ => table.push_str(&format!("NV{n:08},{:04},x\r\n", n % 10_000)),
        }
    }
    table
}

#[test]
fn an_import_goes_on_from_every_chunk_and_gives_the_same_rows() {
    let table = many(300);
    let whole = lines(&chunks(table.as_bytes(), &nova()));
    assert_eq!(whole.len(), 270);
    let file = file(table.as_bytes());
    for size in [1, 2, 7, 50, 299] {
        let options = Options { chunk_rows: size, ..nova() };
        let mut got = Vec::new();
        let mut rows = source(&file).unwrap().rows(&CATALOG, &options).unwrap();
        while let Some(chunk) = rows.next_chunk().unwrap() {
            let next = Position::from_bytes(&chunk.next.to_bytes()).unwrap();
            assert_eq!((next, rows.position()), (chunk.next, chunk.next));
            rows = source(&file).unwrap().rows_at(&CATALOG, &options, next).unwrap();
            got.push(chunk);
        }
        assert_eq!(lines(&got), whole, "chunks of {size}");
    }
}

#[test]
fn a_position_holds_only_in_the_content_that_it_was_made_in() {
    let table = many(30);
    let first = chunks(table.as_bytes(), &Options { chunk_rows: 5, ..nova() });
    let position = first[0].next;
    let other = file(table.replace("NV00000022", "NV99000022").as_bytes());
    let opened = source(&other).unwrap().rows_at(&CATALOG, &nova(), position);
    assert!(matches!(opened.err(), Some(OpenError::OtherFile)));
    let bytes = position.to_bytes();
    assert!(Position::from_bytes(&bytes[1..]).is_err());
    assert!(Position::from_bytes(&[9; Position::BYTES]).is_err());
    assert_eq!(position.digest(), source(&file(table.as_bytes())).unwrap().digest());
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let file = file(many(3000).as_bytes());
    let mut rows = source(&file).unwrap().rows(&CATALOG, &Options { chunk_rows: 10, ..nova() }).unwrap();
    rows.next_chunk().unwrap();
    fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"NV99999999,1234,\n").unwrap();
    assert!(matches!(rows.next_chunk(), Err(ReadError::Changed)));
}

#[test]
fn progress_counts_every_byte_of_the_file() {
    let table = many(40_000);
    let file = file(table.as_bytes());
    let mut seen = Vec::new();
    let source = Source::open(file.path(), None, &mut |progress| seen.push(progress)).unwrap();
    let total_bytes = table.len() as u64;
    assert!(seen.len() > 1 && seen.is_sorted_by_key(|progress| progress.done_bytes));
    assert_eq!(seen.last(), Some(&Progress { done_bytes: total_bytes, total_bytes }));
    assert_eq!(source.digest().length, total_bytes);
}

/// What stops a table, and the rows before it.
fn stopped(content: &[u8]) -> (usize, String) {
    let file = file(content);
    let mut rows = match source(&file).and_then(|source| source.rows(&CATALOG, &nova())) {
        Ok(rows) => rows,
        Err(why) => return (0, why.to_string()),
    };
    let mut before = 0;
    loop {
        match rows.next_chunk() {
            Ok(Some(chunk)) => before += chunk.rows.len(),
            Ok(None) => return (before, "ended".to_owned()),
            Err(why) => return (before, why.to_string()),
        }
    }
}

#[test]
fn a_record_without_an_end_stops_the_import_where_it_starts() {
    let long = "x".repeat(10 << 20);
    let rows = "serial,code,note\nNV00000001,1234,\nNV00000002,1234,\n";
    let endless = |what: String| stopped(format!("{rows}{what}").as_bytes());
    let too_long = |line| format!("line {line} goes on for more than {MAX_RECORD_BYTES} bytes: is this a table?");
    assert_eq!(endless(format!("NV00000003,1234,{long}\n")), (2, too_long(4)));
    assert_eq!(
        endless(format!("NV00000003,1234,\"{long}\"\n")),
        (2, "the quote opened on line 4 is not closed".to_owned())
    );
    assert_eq!(
        endless(format!("\nNV00000003,1234,\"a\n\n\"\nNV00000004,\"12{}", "34,\nNV00000005,1234\n".repeat(9))),
        (3, "the quote opened on line 8 is not closed".to_owned())
    );
    assert_eq!(endless(",".repeat(10 << 20)), (2, "line 4 has more than 1024 fields: is this a table?".to_owned()));
    assert_eq!(stopped(long.as_bytes()), (0, too_long(1)));
    assert_eq!(stopped(&vec![b'"'; 1 << 20]).0, 0);
    let widest = "x".repeat(MAX_RECORD_BYTES - "NV000000031234".len());
    assert_eq!(endless(format!("NV00000003,1234,{widest}\n")), (3, "ended".to_owned()));
    assert_eq!(endless(format!("NV00000003,1234,{widest}x\n")), (2, too_long(4)));
}

#[test]
fn no_input_of_random_bytes_does_more_than_be_refused() {
    let mut state = 1_u64;
    for length in 0..2000 {
        let mut content = b"serial,code,note\n".to_vec();
        content.extend((0..length % 97).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"\",\n\rN0 \0;=-E.'\t1"[usize::try_from(state >> 33).unwrap() % 16]
        }));
        let file = file(&content);
        let Ok(source) = source(&file) else { continue };
        let Ok(mut rows) = source.rows(&CATALOG, &nova()) else { continue };
        while let Ok(Some(chunk)) = rows.next_chunk() {
            assert!(chunk.rows.iter().all(|row| matches!(row, Row::Bad(_))), "{content:?}");
        }
    }
}

fn quoting() -> impl Strategy<Value = csv::QuoteStyle> {
    prop_oneof![Just(csv::QuoteStyle::Necessary), Just(csv::QuoteStyle::Always), Just(csv::QuoteStyle::NonNumeric)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the writer of another crate quotes comes back, each record on the line on which it starts.
    #[test]
    fn what_another_writer_quotes_is_read_with_its_lines(
        notes in prop::collection::vec("[a-zü\",;\r\n\t' ]{0,12}", 1..40),
        style in quoting(),
        crlf in any::<bool>(),
        delimiter in prop_oneof![Just(b','), Just(b';'), Just(b'\t')],
        size in 1_usize..50,
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(terminator).delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["note", "serial", "code", "more"]).unwrap();
        let mut line = 2;
        let mut want = Vec::new();
        for (n, note) in notes.iter().enumerate() {
            writer.write_record([note, &format!("NV{n:08}"), "0123", note]).unwrap();
            want.push(format!("{line}: acme/nova-200 NV{n:08} 0123"));
            line += 1 + 2 * line_ends(note);
        }
        let content = writer.into_inner().unwrap();
        let got = chunks(&content, &Options { chunk_rows: size, ..nova() });
        prop_assert_eq!(lines(&got), want);
    }

    /// The values come back too, trimmed, and as the reader of another crate has them.
    #[test]
    fn values_come_back_as_another_reader_has_them(regions in prop::collection::vec("[a-zü\",;' ]{0,12}", 1..40), style in quoting()) {
        let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
        writer.write_record(["serial", "region", "code"]).unwrap();
        for (n, region) in regions.iter().enumerate() {
            writer.write_record([&format!("NV{n:08}"), region, "0123"]).unwrap();
        }
        let content = writer.into_inner().unwrap();
        let got = chunks(&content, &nova());
        let records = got.iter().flat_map(|chunk| &chunk.rows).map(|row| match row {
            Row::Record(record) => record.region.as_deref().unwrap_or_default().to_owned(),
            Row::Bad(bad) => panic!("{bad}"),
        });
        let mut other = csv::Reader::from_reader(content.as_slice());
        let want: Vec<String> = other.records().map(|record| record.unwrap()[1].trim().to_owned()).collect();
        prop_assert_eq!(records.collect::<Vec<_>>(), want);
    }
}

/// CR LF, LF and CR alone each end a line.
fn line_ends(text: &str) -> usize {
    let joined = text.replace("\r\n", "\n");
    joined.chars().filter(|c| matches!(c, '\n' | '\r')).count()
}
