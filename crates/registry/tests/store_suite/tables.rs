//! Tables that have every kind of column in every place, and rows for them.

use headlock_registry::store::{Column, Migrations, Row, Step, Table, Value};

use super::random::Random;

/// A text, and everything else that a row can hold.
pub(crate) static RECORDS: Table = Table {
    name: "records",
    columns: &[
        Column::text("serial"),
        Column::whole("at_ms"),
        Column::bytes("sealed"),
        Column::text("note").or_nothing(),
        Column::bytes("seal").or_nothing(),
        Column::whole("until_ms").or_nothing(),
    ],
    key: 1,
    long: true,
};

/// A key of all kinds; the names are words of SQL.
pub(crate) static EVENTS: Table = Table {
    name: "order",
    columns: &[Column::text("group"), Column::whole("limit"), Column::bytes("from"), Column::text("select")],
    key: 3,
    long: false,
};

/// Nothing but a key.
pub(crate) static MARKS: Table =
    Table { name: "marks", columns: &[Column::whole("at_ms"), Column::text("mark")], key: 2, long: false };

pub(crate) static TABLES: [&Table; 3] = [&RECORDS, &EVENTS, &MARKS];

pub(crate) const MIGRATIONS: Migrations = &[&[Step::Create(&RECORDS), Step::Create(&EVENTS)], &[Step::Create(&MARKS)]];

/// Texts whose order by bytes is not that of any language, the empty one, and some that SQL could trip over.
const TEXTS: [&str; 14] =
    ["", " ", "'", "\"; --", "%_\\", "A", "B", "a", "ab", "Z", "ä", "z\u{301}", "\u{ffff}", "\u{10ffff}"];

const WHOLES: [i64; 9] = [i64::MIN, -256, -2, -1, 0, 1, 2, 255, i64::MAX];

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn bytes(random: &mut Random) -> Vec<u8> {
    const BYTES: [u8; 5] = [0, 1, 0x7f, 0x80, 0xff];
    (0..random.below(4)).map(|_| *random.of(&BYTES)).collect()
}

fn value(column: &Column, random: &mut Random) -> Value {
    use headlock_registry::store::Kind;
    if column.optional && random.below(3) == 0 {
        return Value::Nothing;
    }
    match column.kind {
        Kind::Text => text(random.of::<&str>(&TEXTS)),
        Kind::Bytes => Value::Bytes(bytes(random)),
        Kind::Whole => Value::Whole(*random.of(&WHOLES)),
    }
}

/// A row out of few, so that histories meet the same ones again.
pub(crate) fn row(table: &'static Table, random: &mut Random) -> Row {
    table.columns.iter().map(|column| value(column, random)).collect()
}

/// The first columns of a key.
pub(crate) fn key(table: &'static Table, columns: usize, random: &mut Random) -> Row {
    table.columns[..columns].iter().map(|column| value(column, random)).collect()
}

/// A row of [`RECORDS`] that is told by a number.
pub(crate) fn record(serial: &str, number: i64) -> Row {
    vec![
        text(serial),
        Value::Whole(number),
        Value::Bytes(number.to_be_bytes().to_vec()),
        Value::Nothing,
        Value::Nothing,
        Value::Nothing,
    ]
}
