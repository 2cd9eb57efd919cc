//! What a unit of the catalogue demands of its serials, compiled once.

use std::sync::Arc;

use headlock_profile::{Fit, SerialChecker, Unit};
use rustc_hash::FxHashMap;

use super::bad_row::Why;
use super::code_rules::{CodeRule, code_rules};

/// Firmware versions of one unit whose rules are remembered.
const REMEMBERED: usize = 256;

/// All that rows of one unit are held against.
pub(super) struct UnitRules<'c> {
    pub(super) unit: &'c Unit,
    serials: Vec<SerialChecker>,
    /// One for each way in which some reading takes codes.
    pub(super) codes: Vec<CodeRule<'c>>,
    /// For each firmware that came so far the rules that hold for it; nothing if it is no firmware.
    by_firmware: FxHashMap<Box<str>, Option<Arc<[usize]>>>,
}

impl<'c> UnitRules<'c> {
    pub(super) fn new(unit: &'c Unit) -> Self {
        Self {
            unit,
            serials: unit.identity.serial.iter().filter_map(|spec| spec.checker().ok()).collect(),
            codes: code_rules(unit),
            by_firmware: FxHashMap::default(),
        }
    }

    pub(super) fn id(&self) -> &'c str {
        &self.unit.identity.id
    }

    /// Puts the serial as it is compared in place of what `cleaned` held.
    pub(super) fn serial(&self, written: &str, cleaned: &mut String) -> Result<(), Why> {
        for checker in &self.serials {
            checker.clean_into(written, cleaned);
            if checker.fits(cleaned) {
                return Ok(());
            }
        }
        if self.serials.is_empty() {
            cleaned.clear();
            cleaned.push_str(written);
            return Ok(());
        }
        let unit = || Box::from(self.id());
        let mut why = Why::NotASerial { unit: unit() };
        for checker in &self.serials {
            checker.clean_into(written, cleaned);
            match checker.fit(cleaned) {
                Fit::Misread { read_as } => return Err(Why::Misread { read_as: read_as.into_boxed_str() }),
                Fit::Incomplete => why = Why::IncompleteSerial { unit: unit() },
                Fit::Fits | Fit::No => {}
            }
        }
        Err(why)
    }

    /// The rules of the readings that hold for a firmware.
    pub(super) fn holding(&mut self, firmware: &str) -> Result<Arc<[usize]>, Why> {
        if !self.by_firmware.contains_key(firmware) {
            if self.by_firmware.len() == REMEMBERED {
                self.by_firmware.clear();
            }
            let holding = firmware.parse().ok().map(|version| {
                let holds = |rule: &CodeRule<'_>| rule.holds_for.iter().any(|range| range.contains(&version));
                (0..self.codes.len()).filter(|index| holds(&self.codes[*index])).collect()
            });
            self.by_firmware.insert(Box::from(firmware), holding);
        }
        match self.by_firmware.get(firmware) {
            Some(Some(rules)) if rules.is_empty() && !self.codes.is_empty() => {
                Err(Why::FirmwareUnknown { unit: Box::from(self.id()) })
            }
            Some(Some(rules)) => Ok(Arc::clone(rules)),
            _ => Err(Why::Firmware),
        }
    }
}
