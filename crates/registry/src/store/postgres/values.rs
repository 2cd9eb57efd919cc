//! Values on their way to PostgreSQL and back.

use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use crate::store::{Column, Damage, Kind, Row, StoreError, Table, Value};

/// A parameter of a statement.
pub(super) type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// One value as a parameter.
pub(super) fn parameter(value: &Value) -> Parameter<'_> {
    match value {
        // No column of a key is optional, and only keys are asked for one by one.
        Value::Nothing => Box::new(None::<i64>),
        Value::Whole(whole) => Box::new(*whole),
        Value::Text(text) => Box::new(text.as_str()),
        Value::Bytes(bytes) => Box::new(bytes.as_slice()),
    }
}

/// An array for each of the columns, with a value from each row.
pub(super) fn arrays<'a>(columns: &[Column], rows: &[&'a Row]) -> Vec<Parameter<'a>> {
    let array = |(at, column): (usize, &Column)| -> Parameter<'a> {
        let values = rows.iter().map(move |row| &row[at]);
        match column.kind {
            Kind::Whole => Box::new(values.map(whole).collect::<Vec<Option<i64>>>()),
            Kind::Text => Box::new(values.map(text).collect::<Vec<Option<&'a str>>>()),
            Kind::Bytes => Box::new(values.map(bytes).collect::<Vec<Option<&'a [u8]>>>()),
        }
    };
    columns.iter().enumerate().map(array).collect()
}

fn whole(value: &Value) -> Option<i64> {
    if let Value::Whole(whole) = value { Some(*whole) } else { None }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}

/// About how many bytes a row takes on the way.
pub(super) fn size_bytes(row: &Row) -> usize {
    let of = |value: &Value| match value {
        Value::Nothing | Value::Whole(_) => 8,
        Value::Text(text) => text.len() + 8,
        Value::Bytes(bytes) => bytes.len() + 8,
    };
    row.iter().map(of).sum()
}

/// A row as it was found.
pub(super) fn taken(table: &'static Table, found: &Found) -> Result<Row, StoreError> {
    let value = |(at, column): (usize, &Column)| {
        let value = match column.kind {
            Kind::Whole => found.try_get::<_, Option<i64>>(at).map(|whole| whole.map(Value::Whole)),
            Kind::Text => found.try_get::<_, Option<String>>(at).map(|text| text.map(Value::Text)),
            Kind::Bytes => found.try_get::<_, Option<Vec<u8>>>(at).map(|bytes| bytes.map(Value::Bytes)),
        };
        match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) if column.optional => Ok(Value::Nothing),
            Ok(None) | Err(_) => Err(Damage::Row { table: table.name }.into()),
        }
    };
    table.columns.iter().enumerate().map(value).collect()
}
