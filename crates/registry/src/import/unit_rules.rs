//! What a unit of the catalogue demands of its serials, compiled once.

use std::sync::Arc;

use headlock_profile::{CompanionSpec, Fit, SerialChecker, SerialSpec, TextPattern, Unit};
use rustc_hash::FxHashMap;

use super::bad_row::Why;
use super::code_rules::{CodeRule, code_rules, could_be_a_code};

/// Firmware versions of one unit whose rules are remembered.
const REMEMBERED: usize = 256;

/// All that rows of one unit are held against.
pub(super) struct UnitRules<'c> {
    pub(super) unit: &'c Unit,
    /// Whether its codes follow from a key, so that a row needs none.
    pub(super) keyed: bool,
    serials: Vec<SerialRule<'c>>,
    /// One for each way in which some reading takes codes.
    pub(super) codes: Vec<CodeRule<'c>>,
    /// For each firmware that came so far the rules that hold for it; nothing if it is no firmware.
    by_firmware: FxHashMap<Box<str>, Option<Arc<[usize]>>>,
}

/// One kind of serials, and the numbers that go with each of them.
struct SerialRule<'c> {
    checker: SerialChecker,
    companions: Vec<(&'c CompanionSpec, Option<TextPattern>)>,
}

impl<'c> UnitRules<'c> {
    pub(super) fn new(unit: &'c Unit, keyed: bool) -> Self {
        let companion = |spec: &'c CompanionSpec| (spec, TextPattern::new(&spec.pattern).ok());
        let serial = |spec: &'c SerialSpec| {
            let companions = spec.together_with.iter().map(companion).collect();
            Some(SerialRule { checker: spec.checker().ok()?, companions })
        };
        Self {
            unit,
            keyed,
            serials: unit.identity.serial.iter().filter_map(serial).collect(),
            codes: code_rules(unit),
            by_firmware: FxHashMap::default(),
        }
    }

    pub(super) fn id(&self) -> &'c str {
        &self.unit.identity.id
    }

    /// Puts the serial as it is compared in place of what `cleaned` held; answers which of its kinds of serials it is.
    pub(super) fn serial(&self, written: &str, cleaned: &mut String) -> Result<usize, Why> {
        for (kind, SerialRule { checker, .. }) in self.serials.iter().enumerate() {
            checker.clean_into(written, cleaned);
            if checker.fits(cleaned) {
                return Ok(kind);
            }
        }
        if self.serials.is_empty() {
            cleaned.clear();
            cleaned.push_str(written);
            return Ok(0);
        }
        let unit = || Box::from(self.id());
        let mut why = Why::NotASerial { unit: unit() };
        for SerialRule { checker, .. } in &self.serials {
            checker.clean_into(written, cleaned);
            match checker.fit(cleaned) {
                Fit::Misread { read_as } => return Err(Why::Misread { read_as: read_as.into_boxed_str() }),
                Fit::Incomplete => why = Why::IncompleteSerial { unit: unit() },
                Fit::Fits | Fit::No => {}
            }
        }
        Err(why)
    }

    /// Whether a row with a serial of this kind has the number that goes with it, and none where none does.
    pub(super) fn companion(&self, kind: usize, written: Option<&str>) -> Result<(), Why> {
        let unit = || Box::from(self.id());
        let wanted = self.serials.get(kind).map_or(&[][..], |rule| rule.companions.as_slice());
        match (wanted, written) {
            ([], None) => Ok(()),
            ([], Some(_)) => Err(Why::NoCompanion { unit: unit() }),
            ([(spec, _)], None) => Err(Why::CompanionNeeded { unit: unit(), name: Box::from(spec.name.as_str()) }),
            ([(spec, pattern)], Some(written)) => {
                let fits = pattern.as_ref().is_some_and(|pattern| pattern.is_match(written));
                if fits && !written.chars().any(char::is_control) {
                    return Ok(());
                }
                Err(match spec.fit(written) {
                    // Columns may have been exchanged: what could be a code is in no words.
                    Fit::Misread { read_as } if !could_be_a_code(&self.codes, &read_as) => {
                        Why::Misread { read_as: read_as.into_boxed_str() }
                    }
                    _ => Why::NotACompanion { unit: unit(), name: Box::from(spec.name.as_str()) },
                })
            }
            (several, _) => Err(Why::SeveralCompanions { unit: unit(), wanted: several.len() }),
        }
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
