//! Which virtual unit is to be run: one reading of it, and one case.

use crate::failure::Failure;
use crate::script::{Hidden, Running, Start, UnitRow};
use crate::store::Texts;

/// The unit, and what it left the production line with.
#[derive(Debug, clap::Args)]
pub(super) struct OneUnit {
    /// The unit's id.
    unit: String,
    /// The reading to run.
    #[arg(long)]
    reading: Option<String>,
    /// Which case of it, from 1, where it leaves values open.
    #[arg(long)]
    case: Option<String>,
    /// The unit's code.
    #[arg(long)]
    code: Option<Hidden>,
    /// Its serial.
    #[arg(long)]
    serial: Option<String>,
    /// Its firmware.
    #[arg(long)]
    firmware: Option<String>,
}

impl OneUnit {
    /// Starts it; `locked` asks for its code at once.
    pub(super) fn start(&self, texts: &Texts, locked: bool) -> Result<Running, Failure> {
        let catalog = texts.catalog()?;
        let unit = super::find_unit(&catalog, &self.unit)?;
        if self.reading.as_deref() == Some("each") || self.case.as_deref() == Some("each") {
            return Err(Failure::input(
                "one unit runs one reading and one case",
                "name one; headlock drive runs several at once",
            ));
        }
        let row = UnitRow {
            id: unit.identity.id.clone(),
            reading: self.reading.clone(),
            case: self.case.clone(),
            serials: self.serial.iter().cloned().collect(),
            codes: self.code.iter().cloned().collect(),
            other_codes: Vec::new(),
            firmware: self.firmware.clone(),
            locked,
            unpaired: false,
        };
        let started = Start { row, with: Vec::new() }.start(texts, &catalog).map_err(|wrong| {
            let help =
                wrong.help.replace("choose: reading ", "--reading with one of ").replace(", or `reading each`", "");
            Failure::input(wrong.what, help)
        })?;
        started.into_iter().next().ok_or_else(|| Failure::input("nothing to run", "name a reading"))
    }
}
