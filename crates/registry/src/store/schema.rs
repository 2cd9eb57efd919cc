//! What tables a store has, worked out from its migrations: whoever asks for another shape is refused before any SQL.

use super::{Column, Migrations, Row, Scan, Step, StoreError, Table, Value};

/// The tables after all migrations.
#[derive(Debug)]
pub(super) struct Schema {
    tables: Vec<Shape>,
    /// How many migrations made it.
    pub(super) version: u32,
}

#[derive(Debug)]
struct Shape {
    name: &'static str,
    columns: Vec<Column>,
    key: usize,
}

/// Names that the stores keep for themselves begin so.
const OWN: &str = "store_";

impl Schema {
    /// The tables that these migrations lead to; [`StoreError::Shape`] names one that cannot be.
    pub(super) fn of(migrations: Migrations) -> Result<Self, StoreError> {
        let mut tables: Vec<Shape> = Vec::new();
        for step in migrations.iter().copied().flatten() {
            match step {
                Step::Create(table) => {
                    let whole = (1..=table.columns.len()).contains(&table.key)
                        && is_name(table.name)
                        && !table.name.starts_with(OWN)
                        && table.columns.iter().all(|column| is_name(column.name))
                        && table.key_columns().iter().all(|column| !column.optional)
                        && tables.iter().all(|other| other.name != table.name)
                        && !has_twins(table.columns);
                    if !whole {
                        return Err(StoreError::Shape { table: table.name });
                    }
                    tables.push(Shape { name: table.name, columns: table.columns.to_vec(), key: table.key });
                }
                Step::Add { table, column } => {
                    let shape = tables.iter_mut().find(|shape| shape.name == *table);
                    let shape = shape.ok_or(StoreError::Shape { table })?;
                    shape.columns.push(*column);
                    if !column.optional || !is_name(column.name) || has_twins(&shape.columns) {
                        return Err(StoreError::Shape { table });
                    }
                }
            }
        }
        let version = u32::try_from(migrations.len()).map_err(|why| StoreError::Failed(Box::new(why)))?;
        Ok(Self { tables, version })
    }

    /// The table is one of this schema, as it is now.
    pub(super) fn table(&self, table: &'static Table) -> Result<(), StoreError> {
        let same = |shape: &&Shape| shape.name == table.name;
        match self.tables.iter().find(same) {
            Some(shape) if shape.key == table.key && shape.columns == table.columns => Ok(()),
            _ => Err(StoreError::Shape { table: table.name }),
        }
    }

    /// The scan fits its table.
    pub(super) fn scan(&self, scan: &Scan<'_>) -> Result<(), StoreError> {
        self.table(scan.table)?;
        let columns = scan.table.key_columns();
        if scan.prefix.len() > columns.len() || !fit(scan.prefix, &columns[..scan.prefix.len()]) {
            return Err(StoreError::Shape { table: scan.table.name });
        }
        scan.after.map_or(Ok(()), |after| key(scan.table, after))
    }
}

/// The row has the table's columns.
pub(super) fn row(table: &'static Table, row: &Row) -> Result<(), StoreError> {
    if fit(row, table.columns) { Ok(()) } else { Err(StoreError::Shape { table: table.name }) }
}

/// The values are a whole key of the table.
pub(super) fn key(table: &'static Table, key: &[Value]) -> Result<(), StoreError> {
    if fit(key, table.key_columns()) { Ok(()) } else { Err(StoreError::Shape { table: table.name }) }
}

fn fit(values: &[Value], columns: &[Column]) -> bool {
    values.len() == columns.len() && values.iter().zip(columns).all(|(value, column)| value.fits(column))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn has_twins(columns: &[Column]) -> bool {
    columns.iter().enumerate().any(|(at, column)| columns[..at].iter().any(|other| other.name == column.name))
}
