//! Parquet files: types, nulls, dictionaries, row groups, and damage.
#![allow(clippy::unwrap_used)]

mod import_read_support;

use std::sync::Arc;

use headlock_registry::import::{OpenError, Options, ReadError};
use import_read_support::{CATALOG, chunks, file, lines, refusal, source};
use parquet::basic::Compression;
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

enum Column {
    Text(Vec<Option<&'static str>>),
    Raw(Vec<&'static [u8]>),
    Fixed(Vec<&'static [u8]>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
}

/// Text that is always there.
fn texts<const N: usize>(all: [&'static str; N]) -> Column {
    Column::Text(all.into_iter().map(Some).collect())
}

fn properties(dictionary: bool) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(if dictionary {
            Compression::SNAPPY
        } else {
            Compression::ZSTD(parquet::basic::ZstdLevel::default())
        })
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(3)
        .set_write_batch_size(2)
        .build()
}

fn written(schema: &str, dictionary: bool, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message table {{ {schema} }}")).unwrap());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties(dictionary))).unwrap();
    for group in groups {
        let mut rows = writer.next_row_group().unwrap();
        group.iter().for_each(|column| write(&mut rows, column));
        rows.close().unwrap();
    }
    writer.close().unwrap();
    out
}

fn write(rows: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>, column: &Column) {
    let mut writer = rows.next_column().unwrap().unwrap();
    match column {
        Column::Text(all) => {
            let levels: Vec<i16> = all.iter().map(|one| i16::from(one.is_some())).collect();
            let values: Vec<ByteArray> = all.iter().flatten().map(|text| ByteArray::from(*text)).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
        }
        Column::Raw(all) => {
            let values: Vec<ByteArray> = all.iter().map(|bytes| ByteArray::from(bytes.to_vec())).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, None, None)
        }
        Column::Fixed(all) => {
            let values: Vec<FixedLenByteArray> = all.iter().map(|bytes| bytes.to_vec().into()).collect();
            writer.typed::<FixedLenByteArrayType>().write_batch(&values, None, None)
        }
        Column::Int32(all) => {
            let levels: Vec<i16> = all.iter().map(|one| i16::from(one.is_some())).collect();
            let values: Vec<i32> = all.iter().flatten().copied().collect();
            writer.typed::<Int32Type>().write_batch(&values, Some(&levels), None)
        }
        Column::Int64(all) => writer.typed::<Int64Type>().write_batch(all, None, None),
        Column::Double(all) => writer.typed::<DoubleType>().write_batch(all, None, None),
    }
    .unwrap();
    writer.close().unwrap();
}

const FULL: &str =
    "optional binary serial (STRING); optional binary Radio_Code (STRING); optional binary unit (STRING);
                    optional binary region (STRING); optional int32 produced (DATE);";

fn two_groups(dictionary: bool) -> Vec<u8> {
    let nova = "acme/nova-200";
    let first = vec![
        texts(["NV00000001", "NV00000002", "NV00000003", "NV00000004", "NV00000005"]),
        texts(["0001", "1234", "1234", "0169", "1234"]),
        Column::Text(vec![Some(nova), Some(nova), None, Some(nova), Some(nova)]),
        Column::Text(vec![Some("EU"), None, Some("EU"), None, Some("EU")]),
        Column::Int32(vec![Some(0), None, Some(-1), Some(18_000), None]),
    ];
    let second = vec![
        Column::Text(vec![Some("NV00000006"), None, None, Some("NV0000000O")]),
        Column::Text(vec![None, Some("1234"), None, Some("1234")]),
        Column::Text(vec![Some(nova), Some(nova), None, Some(nova)]),
        Column::Text(vec![None; 4]),
        Column::Int32(vec![None; 4]),
    ];
    written(FULL, dictionary, &[first, second])
}

const TWO_GROUPS: [&str; 8] = [
    "1: acme/nova-200 NV00000001 0001 EU 1970-01-01",
    "2: acme/nova-200 NV00000002 1234",
    "line 3, unit: no unit",
    "4: acme/nova-200 NV00000004 0169 2019-04-14",
    "5: acme/nova-200 NV00000005 1234 EU",
    "line 6, Radio_Code: no code; acme/nova-200 has no scheme on record that would give it, so the code has to stand in the row",
    "line 7, serial: no serial",
    "line 9, serial: looks like NV00000000, with a letter or digit misread; which is it? It is not corrected (it says \
     \"NV0000000O\")",
];

#[test]
fn row_groups_nulls_and_dictionaries_are_read_with_the_number_of_each_row() {
    for dictionary in [false, true] {
        let got = chunks(&two_groups(dictionary), &Options::default());
        assert_eq!(lines(&got), TWO_GROUPS);
        assert_eq!((got.len(), got[0].blank), (1, 1));
    }
}

#[test]
fn an_import_goes_on_from_every_row_of_a_parquet_file() {
    let content = two_groups(true);
    let file = file(&content);
    for size in 1..=9 {
        let options = Options { chunk_rows: size, ..Options::default() };
        let mut got = Vec::new();
        let mut rows = source(&file).unwrap().rows(&CATALOG, &options).unwrap();
        while let Some(chunk) = rows.next_chunk().unwrap() {
            rows = source(&file).unwrap().rows_at(&CATALOG, &options, chunk.next).unwrap();
            got.push(chunk);
        }
        assert_eq!(lines(&got), TWO_GROUPS, "chunks of {size}");
    }
}

fn codes(schema: &str, column: Column) -> Vec<u8> {
    written(
        &format!("required binary serial; {schema};"),
        false,
        &[vec![Column::Raw(vec![b"NV00000001", b"NV00000002"]), column]],
    )
}

fn with(integer_width: Option<u8>) -> Options {
    Options { unit: Some("acme/nova-200".to_owned()), integer_width, ..Options::default() }
}

#[test]
fn codes_as_numbers_are_refused_unless_their_width_is_stated() {
    let long = codes("required int64 code", Column::Int64(vec![169, 12_345]));
    let short = codes("optional int32 code", Column::Int32(vec![Some(7), None]));
    let want = "column `code` holds codes as integers, so leading zeros are lost; export it as text, or state how many \
                digits a code has";
    assert_eq!((refusal(&long, &with(None)), refusal(&short, &with(None))), (want.to_owned(), want.to_owned()));
    assert_eq!(
        lines(&chunks(&long, &with(Some(4)))),
        ["1: acme/nova-200 NV00000001 0169", "line 2, code: a code as an integer that does not fit in 4 digits"]
    );
    let keyed = Options { keyed: ["acme/nova-200".to_owned()].into(), ..with(Some(4)) };
    assert_eq!(
        lines(&chunks(&short, &with(Some(4)))),
        [
            "1: acme/nova-200 NV00000001 0007",
            "line 2, code: no code; acme/nova-200 has no scheme on record that would give it, so the code has to stand in \
             the row"
        ]
    );
    assert_eq!(lines(&chunks(&short, &keyed)), ["1: acme/nova-200 NV00000001 0007", "2: acme/nova-200 NV00000002"]);
    let negative = codes("required int64 code", Column::Int64(vec![-16, i64::MIN]));
    assert!(lines(&chunks(&negative, &with(Some(4)))).iter().all(|line| line.ends_with("fit in 4 digits")));
    let fractions = codes("required double code", Column::Double(vec![169.0, 1.0]));
    assert_eq!(refusal(&fractions, &with(Some(4))), "column `code` holds fractions, and code is read from text");
}

#[test]
fn columns_of_types_that_are_no_text_are_refused() {
    let serials = written("required int64 serial; required binary code;", false, &[]);
    assert_eq!(refusal(&serials, &with(None)), "column `serial` holds integers, and serial is read from text");
    let lists = written("repeated binary serial (STRING); required binary code;", false, &[]);
    assert_eq!(refusal(&lists, &with(None)), "column `serial` holds lists, and serial is read from text");
    let times = written("required binary serial; required int64 code (TIMESTAMP(MILLIS,true));", false, &[]);
    assert_eq!(refusal(&times, &with(Some(4))), "column `code` holds times or decimals, and code is read from text");
    let decimals = written("required binary serial; required binary code (DECIMAL(9,2));", false, &[]);
    assert_eq!(
        refusal(&decimals, &with(None)),
        "column `code` holds bytes that are no text, and code is read from text"
    );
}

#[test]
fn text_may_be_of_a_fixed_length_and_must_be_utf8() {
    let fixed = codes("required fixed_len_byte_array(4) code", Column::Fixed(vec![b"0123", b"12\xff4"]));
    assert_eq!(lines(&chunks(&fixed, &with(None))), ["1: acme/nova-200 NV00000001 0123", "line 2, code: not UTF-8"]);
}

#[test]
fn a_parquet_file_without_rows_is_an_empty_table() {
    assert!(chunks(&written("required binary serial; required binary code;", false, &[]), &with(None)).is_empty());
    assert_eq!(
        refusal(&written("required binary serial;", false, &[]), &with(None)),
        "no column for code; the columns are `serial`"
    );
}

#[test]
fn second_numbers_are_read_from_a_column_of_text_and_codes_may_be_left_out() {
    let schema = "optional binary serial (STRING); optional binary unit (STRING); optional binary companion (STRING);";
    let columns = || {
        vec![
            texts(["PB12345678", "PB12345679", "NV00000001", "NV00000002"]),
            texts(["quill/number", "quill/number", "acme/nova-200", "acme/nova-200"]),
            Column::Text(vec![Some("C70123"), None, None, Some("C70124")]),
        ]
    };
    let keyed = ["quill/number", "acme/nova-200"].map(str::to_owned).into();
    let options = Options { keyed, ..Options::default() };
    for dictionary in [false, true] {
        let got = chunks(&written(schema, dictionary, &[columns(), columns()]), &options);
        let lines = lines(&got);
        assert_eq!(
            lines[..4],
            [
                "1: quill/number PB12345678 with C70123",
                "line 2, companion: no companion; with this serial of quill/number goes its code number, in a column \
                 `companion`",
                "3: acme/nova-200 NV00000001",
                "line 4, companion: no number goes with this serial of acme/nova-200; leave it empty (it says \"C70124\")",
            ]
        );
        assert_eq!(got[0].repeated, 2, "the second row group says the same again");
    }
    let numbers = written("required binary serial; required binary unit; required int64 companion;", false, &[]);
    assert_eq!(refusal(&numbers, &options), "column `companion` holds integers, and companion is read from text");
}

#[test]
fn a_truncated_parquet_file_is_not_opened() {
    let content = two_groups(true);
    for length in [4, 5, 12, content.len() / 2, content.len() - 1] {
        let file = file(&content[..length]);
        let opened = source(&file).and_then(|source| source.rows(&CATALOG, &Options::default()));
        assert!(matches!(opened.err(), Some(OpenError::Parquet(_))), "{length} bytes");
    }
}

#[test]
fn a_damaged_parquet_file_ends_in_an_error_or_in_rows_and_never_in_a_panic() {
    let content = two_groups(false);
    let (mut refused, mut broken) = (0, 0);
    for at in 4..content.len() {
        for flip in [1, 0xff] {
            let mut damaged = content.clone();
            damaged[at] ^= flip;
            let file = file(&damaged);
            let Ok(mut rows) = source(&file).and_then(|source| source.rows(&CATALOG, &Options::default())) else {
                refused += 1;
                continue;
            };
            for _ in 0..20 {
                match rows.next_chunk() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(why) => {
                        assert!(matches!(why, ReadError::Parquet { .. } | ReadError::NoSuchRow { .. }), "{why}");
                        broken += 1;
                        break;
                    }
                }
            }
        }
    }
    assert!(refused > 100 && broken > 50, "{refused} refused, {broken} broken");
}
