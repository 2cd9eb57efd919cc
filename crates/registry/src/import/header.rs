//! From the names in a header to the fields that the columns hold.

use std::sync::Arc;

use super::failure::{ColumnName, OpenError, UnknownColumn};
use super::field::{Field, Held, Options};

/// Which column holds which field.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Columns of the file.
    pub(super) count: usize,
    /// For each field its column, from 0.
    pub(super) of: [Option<usize>; Field::ALL.len()],
    /// For each field the column's name in the file.
    pub(super) names: [Arc<str>; Field::ALL.len()],
}

impl Columns {
    /// Names each column once, and each field that is needed.
    pub(super) fn new(header: &[&str], options: &Options) -> Result<Self, OpenError> {
        let header: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let named = || header.iter().map(|name| ColumnName::new(name)).collect::<Vec<_>>();
        for column in options.mapping.columns() {
            if !header.contains(&column) {
                return Err(OpenError::NoSuchColumn { column: ColumnName::new(column), columns: named() });
            }
        }
        let held: Vec<Held> = header.iter().map(|name| options.mapping.held(name)).collect();
        if !held.iter().any(|held| matches!(held, Held::Field(_))) {
            return Err(OpenError::NoHeader);
        }
        let mut of = [None; Field::ALL.len()];
        let mut unknown = Vec::new();
        for (index, (name, held)) in header.iter().zip(&held).enumerate() {
            match held {
                Held::Passed => {}
                Held::Unknown => unknown.push(UnknownColumn { name: ColumnName::new(name), closest: closest(name) }),
                Held::Field(field) => {
                    if let Some(first) = of[*field as usize].replace(index) {
                        let (first, second) = (ColumnName::new(header[first]), ColumnName::new(name));
                        return Err(OpenError::DoubledColumn { field: *field, first, second });
                    }
                }
            }
        }
        if !unknown.is_empty() && !options.ignore_unknown {
            return Err(OpenError::UnknownColumns(unknown));
        }
        let needed =
            [(Field::Serial, true), (Field::Code, needs_codes(options)), (Field::Unit, options.unit.is_none())];
        for (field, needed) in needed {
            if needed && of[field as usize].is_none() {
                return Err(OpenError::MissingColumn { field, columns: named() });
            }
        }
        if let (Some(index), Some(_)) = (of[Field::Unit as usize], &options.unit) {
            return Err(OpenError::GivenTwice { field: Field::Unit, column: ColumnName::new(header[index]) });
        }
        let name = |field: Field| of[field as usize].map_or_else(|| field.name(), |index| header[index]);
        Ok(Self { count: header.len(), of, names: Field::ALL.map(|field| Arc::from(name(field))) })
    }
}

/// Whether no row could do without a code.
fn needs_codes(options: &Options) -> bool {
    match &options.unit {
        Some(unit) => !options.keyed.contains(unit),
        None => options.keyed.is_empty(),
    }
}

/// How many columns of a header are known.
pub(super) fn known(header: &[&str], options: &Options) -> usize {
    header.iter().filter(|name| matches!(options.mapping.held(name.trim()), Held::Field(_) | Held::Passed)).count()
}

/// The field whose name is nearly this one.
fn closest(name: &str) -> Option<Field> {
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    let hint = headlock_profile::closest(&name.to_lowercase(), &names);
    Field::ALL.into_iter().find(|field| hint == format!("did you mean `{field}`?"))
}
