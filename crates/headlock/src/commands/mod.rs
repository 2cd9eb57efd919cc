//! The commands, one a file.

pub mod analyse;
pub mod claim;
pub mod code;
pub mod completions;
pub mod drive;
pub mod ecu;
pub mod firmware;
pub mod identify;
pub mod keys;
pub mod man;
mod one_unit;
pub mod panel;
pub mod plan;
pub mod registry;
pub mod scan;
mod situation;
pub mod unit;
pub mod units;

use headlock_profile::{Catalog, Unit, closest};

use crate::failure::Failure;

/// The unit of this id, or of this name behind a maker's.
pub(crate) fn find_unit<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a Unit, Failure> {
    let short: Vec<&Unit> =
        catalog.units.iter().filter(|unit| unit.identity.id.rsplit('/').next() == Some(text)).collect();
    match (catalog.unit(text), short.as_slice()) {
        (Some(unit), _) => Ok(unit),
        (None, [unit]) => Ok(*unit),
        (None, []) => {
            let ids: Vec<&str> = catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
            Err(Failure::input(format!("no unit {text:?} in the catalogue"), closest(text, &ids)))
        }
        (None, several) => {
            let ids: Vec<&str> = several.iter().map(|unit| unit.identity.id.as_str()).collect();
            Err(Failure::input(format!("{text:?} can be several units"), format!("name one: {}", ids.join(", "))))
        }
    }
}
