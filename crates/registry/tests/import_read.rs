//! Tables in text, and the exact words for whatever is wrong with them.
#![allow(clippy::unwrap_used)]

mod import_read_support;

use headlock_registry::import::{Alike, Field, Format, Mapping, OpenError, Options, Row, Source};
use import_read_support::{CATALOG, chunks, file, lines, refusal};

fn nova() -> Options {
    Options { unit: Some("acme/nova-200".to_owned()), ..Options::default() }
}

/// One data row below a header; what came of it.
fn row(header: &str, row: &str) -> String {
    lines(&chunks(format!("{header}\n{row}\n").as_bytes(), &Options::default())).join("\n")
}

#[test]
fn every_field_of_a_row_is_read_trimmed_and_cleaned() {
    let table = "\u{feff}Serial Number;CODE;Unit;FW;Market;VIN;Part No.;Production Date\r\n\
                 nv 1;0169;acme/nova-200;;;;;\r\n\
                 \" sp-00 0001\";12-34;acme/span;SW: 1.05;EU;sjnfaaj10u1234567;28185 BR00A;2009-02-28\r\n\
                 \r\n\
                 ;;;;;;;\r\n\
                 SP000002;123456;acme/span;2.01;\"a \"\"region\"\"\";1M8GDM9AXKP042788;;";
    let got = chunks(table.as_bytes(), &Options::default());
    assert_eq!(
        lines(&got),
        [
            "line 2, Serial Number: no serial of acme/nova-200 (it says \"nv 1\")",
            "3: acme/span SP000001 1234 SW: 1.05 EU SJNFAAJ10U1234567 28185 BR00A 2009-02-28",
            "6: acme/span SP000002 123456 2.01 a \"region\" 1M8GDM9AXKP042788",
        ]
    );
    assert_eq!((got[0].blank, got[0].repeated, got[0].vins_without_check_digit), (1, 0, 1));
}

#[test]
fn every_kind_of_bad_value_has_its_words() {
    const PLAIN: &str = "serial,code,unit";
    const FULL: &str = "serial,code,unit,firmware,region,vin,part_number,produced";
    let table = [
        (PLAIN, "NV00000001,1234", "line 2: 2 fields, and the header has 3"),
        (PLAIN, "NV00000001,1234,acme/nova-200,", "line 2: 4 fields, and the header has 3"),
        (
            PLAIN,
            "NV00000001,\"12\"34,acme/nova-200",
            "line 2: characters behind a closing quote; a quote inside quotes is written twice",
        ),
        (PLAIN, ",1234,acme/nova-200", "line 2, serial: no serial"),
        (
            PLAIN,
            "NV00000001, ,acme/nova-200",
            "line 2, code: no code; acme/nova-200 has no scheme on record that would give it, so the code has to stand in the row",
        ),
        (PLAIN, "NV00000001,1234,", "line 2, unit: no unit"),
        (
            PLAIN,
            "NV00000001,1234,acme/nova-20",
            "line 2, unit: no unit of the catalogue; did you mean acme/nova-200? (it says \"acme/nova-20\")",
        ),
        (
            PLAIN,
            "NV00000001,1234,radio of ours",
            "line 2, unit: no unit of the catalogue; its ids read like maker/unit (it says \"radio of ours\")",
        ),
        (
            PLAIN,
            "NV0000000O,1234,acme/nova-200",
            "line 2, serial: looks like NV00000000, with a letter or digit misread; which is it? It is not corrected \
             (it says \"NV0000000O\")",
        ),
        (
            PLAIN,
            "NV0000000,1234,acme/nova-200",
            "line 2, serial: only the beginning of a serial of acme/nova-200 (it says \"NV0000000\")",
        ),
        (PLAIN, "XX99999999,1234,acme/nova-200", "line 2, serial: no serial of acme/nova-200 (it says \"XX99999999\")"),
        (
            PLAIN,
            "DT0123456789,123456,dovetail/nav-touch",
            "line 2, unit: dovetail/nav-touch takes no code that a table could hold (it says \"dovetail/nav-touch\")",
        ),
        (
            PLAIN,
            "GT123456789,1234,gantry/toolbox",
            "line 2, unit: gantry/toolbox takes no code that a table could hold (it says \"gantry/toolbox\")",
        ),
        (
            PLAIN,
            "NV00000001,1.2E+3,acme/nova-200",
            "line 2, code: a code in scientific notation, as spreadsheets write it; the code is lost, export the column \
             as text",
        ),
        (
            PLAIN,
            "NV00000001,12E34,acme/nova-200",
            "line 2, code: a code in scientific notation, as spreadsheets write it; the code is lost, export the column \
             as text",
        ),
        (
            PLAIN,
            "NV00000001,1234.0,acme/nova-200",
            "line 2, code: a code with decimals, as spreadsheets write numbers; export the column as text",
        ),
        (
            PLAIN,
            "NV00000001,\"=\"\"0169\"\"\",acme/nova-200",
            "line 2, code: a code written as a spreadsheet's formula; export the column as text",
        ),
        (
            PLAIN,
            "NV00000001,'0169,acme/nova-200",
            "line 2, code: a code written as a spreadsheet's formula; export the column as text",
        ),
        (
            PLAIN,
            "NV00000001,12?4,acme/nova-200",
            "line 2, code: no code: at place 3 stands neither a digit nor a letter",
        ),
        (
            PLAIN,
            "NV00000001,12345678901234567,acme/nova-200",
            "line 2, code: no code: codes have 1 to 16 digits and letters",
        ),
        (PLAIN, "NV00000001,--,acme/nova-200", "line 2, code: no code: codes have 1 to 16 digits and letters"),
        (
            PLAIN,
            "NV00000001,169,acme/nova-200",
            "line 2, code: leading zeros lost? A code of 3 digits, and this unit's have 4; export the column as text",
        ),
        (
            PLAIN,
            "KE00001,169,ember/keeper",
            "line 2, code: leading zeros lost? A code of 3 digits, and this unit's have 4 or 6; export the column as text",
        ),
        (PLAIN, "KE00001,12345,ember/keeper", "line 2, code: a code of 5 characters, and this unit's have 4 or 6"),
        (PLAIN, "OL000777,123,osprey/letters", "line 2, code: a code of 3 characters, and this unit's have 4"),
        (
            PLAIN,
            "PA12345678,1234,quill/number",
            "line 2, code: leading zeros lost? A code of 4 digits, and this unit's have 6; export the column as text",
        ),
        (PLAIN, "PB12345678,123456,quill/number", "line 2, code: a code of 6 characters, and this unit's have 4"),
        (
            PLAIN,
            "OL000777,1274,osprey/letters",
            "line 2, code: at place 3 of the code stands what no code of this unit has there; it has 123456",
        ),
        (
            PLAIN,
            "IK0001,12G4,indigo/knob-1",
            "line 2, code: at place 3 of the code stands what no code of this unit has there; it has 0123456789ABCDEF",
        ),
        (
            PLAIN,
            "T4-000001,2100,borealis/tide-4",
            "line 2, code: at place 1 of the code stands what no code of this unit has there; it has 01",
        ),
        (
            FULL,
            "SP000001,1234,acme/span,new,,,,",
            "line 2, firmware: no firmware version; it reads like 1.05, SW: 1.05 or FW: 2.01 (it says \"new\")",
        ),
        (
            FULL,
            "SP000001,1234,acme/span,3.0,,,,",
            "line 2, firmware: the catalogue knows nothing of acme/span with this firmware (it says \"3.0\")",
        ),
        (FULL, "SP000001,1234,acme/span,2.0,,,,", "line 2, code: a code of 4 characters, and this unit's have 6"),
        (FULL, "SP000001,123456,acme/span,1.0,,,,", "line 2, code: a code of 6 characters, and this unit's have 4"),
        (PLAIN, "AH000001,2459,acme/hours", "line 2, code: no panel of this unit can type place 1 of the code"),
        (PLAIN, "AH000001,2359,acme/hours", "2: acme/hours AH000001 2359"),
        (
            FULL,
            "SP000001,1234,acme/span,,,SJNFAAJ1OU9999999,,",
            "line 2, vin: 'O' at place 9 is in no VIN: digits and letters without I, O and Q are \
             (it says \"SJNFAAJ1OU9999999\")",
        ),
        (
            FULL,
            "SP000001,1234,acme/span,,,SJNFAAJ10U99999,,",
            "line 2, vin: a VIN has 17 characters, this has 15 (it says \"SJNFAAJ10U99999\")",
        ),
        (
            FULL,
            "SP000001,1234,acme/span,,,,,31.12.2019",
            "line 2, produced: no date; a day is written 2019-12-31 (it says \"31.12.2019\")",
        ),
        (FULL, "SP000001,1234,acme/span,,,,,2019-02-29", "line 2, produced: no date; a day is written 2019-12-31"),
        (FULL, "SP000001,1234,acme/span,,E\u{0}U,,,", "line 2, region: holds the control character 0x00"),
        (FULL, "SP000001,12\u{0}4,acme/span,,,,,", "line 2, code: holds the control character 0x00"),
        (FULL, "SP000001,1234,acme/span,,\"a\nb\",,,", "line 2, region: holds the control character 0x0a"),
    ];
    for (header, data, want) in table {
        assert_eq!(row(header, data), want, "{data:?}");
    }
    let long = format!("NV00000001,1234,{}", "u".repeat(65));
    assert_eq!(row(PLAIN, &long), "line 2, unit: 65 bytes; a unit has no more than 64");
}

#[test]
fn a_code_with_letters_is_no_number_in_scientific_notation() {
    assert_eq!(row("serial,code,unit", "IK0001,12e4,indigo/knob-1"), "2: indigo/knob-1 IK0001 12E4");
    let got = row("serial,code,unit,companion", "PA12345678,001234,quill/number,C70123");
    assert_eq!(got, "2: quill/number PA12345678 001234 with C70123");
    assert_eq!(row("serial,code,unit", "T4-000001,1959,borealis/tide-4"), "2: borealis/tide-4 T4-000001 1959");
}

#[test]
fn a_code_is_in_no_words_whatever_column_it_stands_in() {
    let header = "serial,code,unit,firmware,region,vin,part_number,produced";
    for data in [
        "5169,NV00000001,acme/nova-200,,,,,",
        "5169,,acme/nova-200,,,,,",
        "XX5169XX99,5169,acme/nova-200,,,,,",
        "NV00000001,5169?,acme/nova-200,,,,,",
        "NV00000001,5169.0,acme/nova-200,,,,,",
        "NV00000001,,5169,,,,,",
        "SP000001,1234,acme/span,v5169,,,,",
        "SP000001,1234,acme/span,,,5169,,",
        "SP000001,1234,acme/span,,,,,5169",
        "NV00000001,5169,acme/nova-200,,,,,,",
        "NV00000001,\"5169\"1,acme/nova-200,,,,,",
        "NV00000001,51\u{0}69,acme/nova-200,,,,,",
    ] {
        let got = chunks(format!("{header}\n{data}\n").as_bytes(), &Options::default());
        let Row::Bad(bad) = &got[0].rows[0] else { panic!("{data:?} was taken") };
        // A text that holds more than a code may be shown, if the code column does not say that it is one.
        let shown = data.contains("v5169");
        assert_eq!(format!("{bad} {bad:?}").contains("5169"), shown, "{data:?}: {bad}");
    }
    // A second number in the place of the code, with and without the code in its own.
    for (serial, code, companion) in [
        ("NV00000001", "1234", "5169"),
        ("NV00000001", "5169", "X5169X"),
        ("PB12345678", "1234", "516O"),
        ("PB12345678", "5169", "C75169X"),
    ] {
        let unit = if serial.starts_with('N') { "acme/nova-200" } else { "quill/number" };
        let table = format!("serial,code,unit,companion,vin\n{serial},{code},{unit},{companion},x\n");
        let got = chunks(table.as_bytes(), &Options::default());
        let Row::Bad(bad) = &got[0].rows[0] else { panic!("{table:?} was taken") };
        assert!(!["5169", "5160"].iter().any(|code| format!("{bad} {bad:?}").contains(code)), "{table:?}: {bad}");
    }
    let got = chunks(format!("{header}\nNV00000001,5169,acme/nova-200,,,,,").as_bytes(), &Options::default());
    assert_eq!(lines(&got), ["2: acme/nova-200 NV00000001 5169"]);
    assert!(!format!("{got:?}").contains("5169"));
}

#[test]
fn the_same_row_again_is_dropped_and_another_with_its_serial_takes_both_away() {
    let table = "serial,code,region\n\
                 NV00000001,1234,EU\n\
                 NV00000002,1234,EU\n\
                 NV00000001,1234,EU\n\
                 NV00000002,1235,EU\n\
                 NV00000002,1234,EU\n\
                 NV00000003,1234,EU\n\
                 NV00000003,1234,US\n\
                 NV00000003,1239,EU\n";
    let got = chunks(table.as_bytes(), &nova());
    assert_eq!(
        lines(&got),
        [
            "2: acme/nova-200 NV00000001 1234 EU",
            "line 3, serial: the serial stands on line 5 too, with another code; neither row is taken",
            "line 5, serial: the serial stands on line 3 too, with another code; neither row is taken",
            "line 7, serial: the serial stands on line 8 too, with another region; neither row is taken",
            "line 8, serial: the serial stands on line 7 too, with another region; neither row is taken",
            "line 9, serial: the serial stands on line 7 too, with another code; neither row is taken",
        ]
    );
    assert_eq!(got[0].repeated, 2);
}

#[test]
fn serials_that_differ_by_look_alikes_are_both_taken_and_told() {
    let table = "serial,code,unit\nSP0000O1,1234,acme/span\nSP000001,1234,acme/span\nSPOOOOOI,1234,acme/span\n\
                 SP000002,1234,acme/span\n";
    let got = chunks(table.as_bytes(), &Options::default());
    assert_eq!(got[0].rows.len(), 4);
    assert!(got[0].rows.iter().all(|row| matches!(row, Row::Record(_))));
    assert_eq!(got[0].alike, [Alike { line: 2, other_line: 3 }, Alike { line: 2, other_line: 4 }]);
}

#[test]
fn units_of_a_keyed_scheme_need_no_code_and_others_do() {
    let keyed = Options { keyed: ["acme/nova-200".to_owned()].into(), ..Options::default() };
    let got = chunks(b"serial\nNV00000001\n", &Options { keyed: keyed.keyed.clone(), ..nova() });
    assert_eq!(lines(&got), ["2: acme/nova-200 NV00000001"]);
    let Row::Record(record) = &got[0].rows[0] else { panic!() };
    assert_eq!(record.provenance(), headlock_profile::Provenance::KeyedScheme);
    let span = "no code; acme/span has no scheme on record that would give it, so the code has to stand in the row";
    let table = b"serial,unit\nNV00000001,acme/nova-200\nSP000001,acme/span\n";
    assert_eq!(lines(&chunks(table, &keyed)), ["2: acme/nova-200 NV00000001".to_owned(), format!("line 3: {span}")]);
    let table = b"serial,code,unit\nNV00000001,,acme/nova-200\nSP000001,,acme/span\nNV00000002,1234,acme/nova-200\n\
                  NV00000003,12345,acme/nova-200\nSP000002,1234,acme/span\n";
    assert_eq!(
        lines(&chunks(table, &keyed)),
        [
            "2: acme/nova-200 NV00000001".to_owned(),
            format!("line 3, code: {span}"),
            "4: acme/nova-200 NV00000002 1234".to_owned(),
            "line 5, code: a code of 5 characters, and this unit's have 4".to_owned(),
            "6: acme/span SP000002 1234".to_owned(),
        ]
    );
    let other = Options { unit: Some("acme/span".to_owned()), ..keyed };
    assert_eq!(refusal(b"serial\nSP000001\n", &other), "no column for code; the columns are `serial`");
    let twice = b"serial,code\nNV00000001,\nNV00000001,1234\n";
    let got = chunks(twice, &Options { keyed: other.keyed.clone(), ..nova() });
    assert!(
        lines(&got).iter().all(|line| line.contains("with another code; neither row is taken")),
        "{:?}",
        lines(&got)
    );
}

#[test]
fn a_second_number_is_read_where_the_serial_has_one_and_nowhere_else() {
    let options = Options { unit: Some("quill/number".to_owned()), ..Options::default() };
    let of = |header: &str, row: &str| lines(&chunks(format!("{header}\n{row}\n").as_bytes(), &options)).join("\n");
    let table = [
        ("PB12345678,1234, C70123 ", "2: quill/number PB12345678 1234 with C70123"),
        (
            "PB12345678,1234,",
            "line 2, Second No.: no companion; with this serial of quill/number goes its code number, in a column \
             `companion`",
        ),
        (
            "PB12345678,1234,C7O123",
            "line 2, Second No.: looks like C70123, with a letter or digit misread; which is it? It is not corrected \
             (it says \"C7O123\")",
        ),
        (
            "PB12345678,1234,c70123",
            "line 2, Second No.: looks like C70123, with a letter or digit misread; which is it? It is not corrected (it says \"c70123\")",
        ),
        ("PB12345678,1234,XY9876543", "line 2, Second No.: no code number of quill/number (it says \"XY9876543\")"),
        // What may be a code in the wrong column is not shown.
        ("PB12345678,1234,4321", "line 2, Second No.: no code number of quill/number"),
        ("PB12345678,1234,XY1234", "line 2, Second No.: no code number of quill/number"),
    ];
    for (row, want) in table {
        assert_eq!(of("serial,code,Second No.", row), want, "{row}");
    }
    let long = format!("PB12345678,1234,C7{}", "1".repeat(39));
    assert_eq!(of("serial,code,companion", &long), "line 2, companion: 41 bytes; a companion has no more than 40");
    assert_eq!(
        of("serial,code", "PB12345678,1234"),
        "line 2: no companion; with this serial of quill/number goes its code number, in a column `companion`"
    );
    assert_eq!(
        row("serial,code,unit,companion", "NV00000001,1234,acme/nova-200,C70123"),
        "line 2, companion: no number goes with this serial of acme/nova-200; leave it empty (it says \"C70123\")"
    );
    assert_eq!(row("serial,code,unit,companion", "NV00000001,1234,acme/nova-200,"), "2: acme/nova-200 NV00000001 1234");
    // Two kinds of serials of one unit, of which one has a second number.
    for (serial, companion, taken) in [
        ("CL12345678", "", true),
        ("CL12345678", "C7A1", false),
        ("CL0410X0014698", "", false),
        ("CL0410X0014698", "C7A1", true),
    ] {
        let got = row("serial,code,unit,companion", &format!("{serial},1234,nissan/clarion-cl,{companion}"));
        assert_eq!(got.starts_with("2: "), taken, "{got}");
    }
    let twice = b"serial,code,companion\nPB12345678,1234,C70123\nPB12345678,1234,C70124\n";
    assert_eq!(
        lines(&chunks(twice, &options))[0],
        "line 2, serial: the serial stands on line 3 too, with another companion; neither row is taken"
    );
}

#[test]
fn the_delimiter_goes_by_the_header_and_lines_end_in_any_way() {
    for delimiter in [",", ";", "\t"] {
        for end in ["\n", "\r\n", "\r"] {
            let table = ["\u{feff}serial,code,region", "NV00000001,1234,EU", "", "\"NV00000002\",0001,\"a, b; c\""];
            let table = table.join(end).replace(", ", "\u{1}").replace(',', delimiter).replace('\u{1}', ", ");
            let got = lines(&chunks(table.as_bytes(), &nova()));
            let want = ["2: acme/nova-200 NV00000001 1234 EU", "4: acme/nova-200 NV00000002 0001 a, b; c"];
            assert_eq!(got, want, "{delimiter:?} {end:?}");
        }
    }
    let file = file(b"serial|code\nNV00000001|1234\n");
    let source = Source::open(file.path(), Some(Format::Csv { delimiter: Some(b'|') }), &mut |_| {}).unwrap();
    let mut rows = source.rows(&CATALOG, &nova()).unwrap();
    assert_eq!(rows.next_chunk().unwrap().unwrap().rows.len(), 1);
    for bad in [b'"', b'\n', 0xe9] {
        let opened = Source::open(file.path(), Some(Format::Csv { delimiter: Some(bad) }), &mut |_| {});
        assert!(matches!(opened, Err(OpenError::Delimiter)));
    }
}

#[test]
fn every_header_that_is_not_understood_has_its_words() {
    const KNOWN: &str = "Known are serial, code, unit, firmware, region, vin, companion, part_number, produced, state";
    let default = Options::default();
    let table = [
        ("serial,code\n", "no column for unit; the columns are `serial`, `code`".to_owned()),
        ("serial,unit\n", "no column for code; the columns are `serial`, `unit`".to_owned()),
        ("code,unit\n", "no column for serial; the columns are `code`, `unit`".to_owned()),
        ("serial,S/N,code,unit\n", "columns `serial` and `S/N` are both for serial; map one of them away".to_owned()),
        (
            "seriel,code,unit,colour\n",
            format!(
                "unknown columns `seriel` (did you mean `serial`?), `colour`; map them, ignore them, or rename them. {KNOWN}"
            ),
        ),
        ("NV00000001,5169,x\n", format!("the first line names no known column: is there a header? {KNOWN}")),
        (
            "serial,5169\n",
            format!("unknown columns (4 characters without a letter); map them, ignore them, or rename them. {KNOWN}"),
        ),
    ];
    for (header, want) in table {
        assert_eq!(refusal(header.as_bytes(), &default), want, "{header:?}");
    }
    assert_eq!(
        refusal(b"serial,code,unit\n", &nova()),
        "column `unit` holds the unit, which is given for the whole import; map it away"
    );
    let unit = |id: &str| Options { unit: Some(id.to_owned()), ..Options::default() };
    assert_eq!(
        refusal(b"serial,code\n", &unit("acme/nova-201")),
        "no unit \"acme/nova-201\" in the catalogue; did you mean `acme/nova-200`?"
    );
    let mapped = Options { mapping: Mapping::new().with("Nr.", Field::Serial), ..nova() };
    assert_eq!(
        refusal(b"serial,code\n", &mapped),
        "the mapping speaks of a column `Nr.`, which the file does not have; it has `serial`, `code`"
    );
    assert_eq!(refusal(b"serial,code\n", &Options { chunk_rows: 0, ..nova() }), "a chunk has at least one row");
}

#[test]
fn columns_are_mapped_passed_over_and_ignored() {
    let table = b"Nr.,serial,code,colour\nNV00000001,old,1234,red\n";
    let mapping = Mapping::new().with("Nr.", Field::Serial).without("serial");
    assert_eq!(
        refusal(table, &Options { mapping: mapping.clone(), ..nova() }),
        "unknown columns `colour`; map them, ignore them, or rename them. Known are serial, code, unit, firmware, \
         region, vin, companion, part_number, produced, state"
    );
    let options = Options { mapping, ignore_unknown: true, ..nova() };
    assert_eq!(lines(&chunks(table, &options)), ["2: acme/nova-200 NV00000001 1234"]);
    let bad = b"Nr.,serial,code,colour\nXX00000001,old,1234,red\n";
    assert_eq!(lines(&chunks(bad, &options)), ["line 2, Nr.: no serial of acme/nova-200 (it says \"XX00000001\")"]);
}

#[test]
fn files_of_other_kinds_and_encodings_are_refused_by_name() {
    let utf16: Vec<u8> = "serial,code\nNV00000001,1234\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [b"\xff\xfe".as_slice(), &utf16].concat();
    let latin = b"serial,code,region\nNV00000001,1234,EU\nNV00000002,1234,Espa\xf1a\n";
    let late = [b"serial,code\n".as_slice(), &b"NV00000001,1234\n".repeat(40_000), b"\xe9\n"].concat();
    let table: [(&[u8], &str); 10] = [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\n\r\n\n", "the file is empty"),
        (&utf16, "the file is in UTF-16; save it as CSV in UTF-8"),
        (&marked, "the file is in UTF-16; save it as CSV in UTF-8"),
        (latin, "the file is not in UTF-8 (line 3), perhaps in Latin-1; save it as CSV in UTF-8"),
        (&late, "the file is not in UTF-8 (line 40002), perhaps in Latin-1; save it as CSV in UTF-8"),
        (
            b"PK\x03\x04 and so on",
            "the file is a zip archive, as spreadsheets are, no table in CSV or Parquet; export it as one",
        ),
        (b"\x1f\x8b and so on", "the file is compressed with gzip, no table in CSV or Parquet; export it as one"),
        (b"PARE and so on", "the file is an encrypted Parquet file, no table in CSV or Parquet; export it as one"),
    ];
    for (content, want) in table {
        assert_eq!(refusal(content, &nova()), want);
    }
    assert!(chunks(b"serial,code\n", &nova()).is_empty());
    assert!(chunks(b"serial,code", &nova()).is_empty());
}

#[test]
fn what_became_of_a_unit_and_its_second_number_are_read_and_held_to_what_they_can_be() {
    const HEADER: &str = "serial,code,unit,state,second number";
    let read = |row: &str| {
        let got = chunks(format!("{HEADER}\n{row}\n").as_bytes(), &Options::default());
        match &got[0].rows[0] {
            Row::Record(record) => {
                format!(
                    "{} {}",
                    record.state.map_or("-", |state| state.word()),
                    record.companion.as_deref().unwrap_or("-")
                )
            }
            Row::Bad(bad) => bad.to_string(),
        }
    };
    for (row, want) in [
        ("NV00000001,1234,acme/nova-200,,", "- -".to_owned()),
        ("NV00000001,1234,acme/nova-200,in-service,", "in-service -".to_owned()),
        ("PA12345678,001234,quill/number,stolen,C70123", "stolen C70123".to_owned()),
        (
            "NV00000001,1234,acme/nova-200,lost,",
            "line 2, state: no state of a unit: in-service, stolen, exchanged or scrapped (it says \"lost\")"
                .to_owned(),
        ),
    ] {
        assert_eq!(read(row), want);
    }
    let twice = "NV00000001,1234,acme/nova-200,stolen,\nNV00000001,1234,acme/nova-200,scrapped,";
    let got = lines(&chunks(format!("{HEADER}\n{twice}\n").as_bytes(), &Options::default()));
    assert!(got.iter().all(|line| line.contains("state")), "{got:?}");
}

#[test]
fn notes_stand_between_the_rows_of_an_export_and_nowhere_else() {
    let rows = "serial,code,unit,earlier_vins\n# units, \"1\nNV00000001,1234,acme/nova-200,x y\n#\n\"NV00000002\",5169,acme/nova-200,\n# end\n";
    let export = format!("# headlock-export/v1\n# origin desk.example/log\n{rows}");
    let want = ["5: acme/nova-200 NV00000001 1234", "7: acme/nova-200 NV00000002 5169"];
    for chunk_rows in [1, 100] {
        let options = Options { chunk_rows, ..Options::default() };
        assert_eq!(lines(&chunks(export.as_bytes(), &options)), want);
    }
    // Half of one is not taken for the whole: what opens the file has handed out its front by then.
    for cut in [1, 4, 6, 20, 60] {
        let half = &export.as_bytes()[..export.len() - 1 - cut];
        assert!(refusal(half, &Options::default()).starts_with("this export breaks off"), "{cut}");
    }
    // Elsewhere a line that begins so is a row, and a column can be called so.
    let got = lines(&chunks(b"serial,code,unit\n#7,1234,acme/nova-200\n", &Options::default()));
    assert_eq!(got, ["line 2, serial: no serial of acme/nova-200 (it says \"#7\")"]);
    let mapped = Options { mapping: Mapping::new().without("#"), ..Options::default() };
    assert_eq!(
        lines(&chunks(b"#,serial,code,unit\n1,NV00000001,1234,acme/nova-200\n", &mapped)),
        ["2: acme/nova-200 NV00000001 1234"]
    );
    // What is quoted is no note, also in an export.
    let quoted = "# headlock-export/v1\nserial,code,unit\n\"#7\",1234,acme/nova-200\n# end\r\n";
    let got = lines(&chunks(quoted.as_bytes(), &Options::default()));
    assert_eq!(got, ["line 3, serial: no serial of acme/nova-200 (it says \"#7\")"]);
}
