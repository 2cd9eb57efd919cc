//! One row's texts against the catalogue: a record, or what is wrong with it.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;

use headlock_profile::Catalog;
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::bad_row::{BadRow, Shown, Why};
use super::code::TableCode;
use super::code_rules::{could_be_a_code, judge};
use super::failure::OpenError;
use super::field::{Field, Options};
use super::header::Columns;
use super::record::Record;
use super::unit_rules::UnitRules;
use super::vin::Vin;
use crate::record::UnitState;

/// The texts of one row, for each field, trimmed; absent where the row has nothing.
pub(super) struct Cells<'a> {
    pub(super) line: u64,
    pub(super) values: [Option<&'a str>; Field::ALL.len()],
}

/// What rows are held against.
pub(super) struct Checker<'c> {
    units: FxHashMap<&'c str, UnitRules<'c>>,
    catalog: &'c Catalog,
    whole: Option<&'c str>,
    keyed: BTreeSet<String>,
    columns: Columns,
    cleaned: String,
}

type Wrong = (Option<Field>, Why);

impl<'c> Checker<'c> {
    pub(super) fn new(catalog: &'c Catalog, columns: Columns, options: &Options) -> Result<Self, OpenError> {
        let whole = match &options.unit {
            None => None,
            Some(id) => Some(catalog.unit(id).map(|unit| unit.identity.id.as_str()).ok_or_else(|| {
                let ids: Vec<&str> = catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
                OpenError::UnknownUnit { unit: id.clone(), hint: headlock_profile::closest(id, &ids) }
            })?),
        };
        Ok(Self {
            units: FxHashMap::default(),
            catalog,
            whole,
            keyed: options.keyed.clone(),
            columns,
            cleaned: String::new(),
        })
    }

    pub(super) const fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Checks one row.
    pub(super) fn check(&mut self, cells: &Cells<'_>) -> Result<Record<'c>, BadRow> {
        self.record(cells).map_err(|(field, why)| {
            let shown = field.and_then(|field| self.shown(cells, field, &why));
            self.bad(cells.line, field, why, shown)
        })
    }

    /// A row that cannot be held against the catalogue at all.
    pub(super) fn bad(&self, line: u64, field: Option<Field>, why: Why, shown: Option<Shown>) -> BadRow {
        let column = field
            .filter(|field| self.columns.of[*field as usize].is_some())
            .map(|field| self.columns.names[field as usize].clone());
        BadRow { line, column, why, shown }
    }

    fn record(&mut self, cells: &Cells<'_>) -> Result<Record<'c>, Wrong> {
        for field in Field::ALL {
            let Some(value) = cells.values[field as usize] else { continue };
            if value.len() > field.max_bytes() {
                return Err((Some(field), Why::TooLong { field, bytes: value.len() }));
            }
            if let Some(byte) = value.bytes().find(u8::is_ascii_control) {
                return Err((Some(field), Why::Control(byte)));
            }
        }
        let value = |field: Field| cells.values[field as usize];
        let needed = |field: Field| value(field).ok_or((Some(field), Why::Missing(field)));
        let id = match self.whole {
            Some(id) => id,
            None => self.known(needed(Field::Unit)?)?,
        };
        let written = needed(Field::Serial)?;
        let rules = match self.units.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => match self.catalog.unit(id) {
                Some(unit) => place.insert(UnitRules::new(unit, self.keyed.contains(id))),
                None => return Err((Some(Field::Unit), Why::UnknownUnit { closest: None })),
            },
        };
        if rules.codes.is_empty() {
            return Err((Some(Field::Unit), Why::NoCodes { unit: Box::from(id) }));
        }
        let kind = rules.serial(written, &mut self.cleaned).map_err(|why| (Some(Field::Serial), why))?;
        let firmware = value(Field::Firmware);
        if let Some(version) = firmware {
            rules.holding(version).map_err(|why| (Some(Field::Firmware), why))?;
        }
        let code = match value(Field::Code) {
            Some(text) => Ok(Some(code(text, rules, firmware, &self.cleaned))),
            None if rules.keyed => Ok(None),
            None => Err((Some(Field::Code), Why::CodeNeeded { unit: Box::from(id) })),
        };
        let code = code?.transpose().map_err(|why| (Some(Field::Code), why))?;
        let companion = value(Field::Companion);
        rules.companion(kind, companion).map_err(|why| (Some(Field::Companion), why))?;
        let vin = value(Field::Vin).map(Vin::new).transpose().map_err(|why| (Some(Field::Vin), Why::Vin(why)))?;
        let state = value(Field::State).map(|word| UnitState::of_word(word).ok_or((Some(Field::State), Why::State)));
        let produced = value(Field::Produced).map(|text| date(text).ok_or((Some(Field::Produced), Why::Date)));
        Ok(Record {
            line: cells.line,
            unit: id,
            serial: Box::from(self.cleaned.as_str()),
            code,
            firmware: firmware.map(Box::from),
            region: value(Field::Region).map(Box::from),
            vin,
            companion: companion.map(Box::from),
            part_number: value(Field::PartNumber).map(Box::from),
            produced: produced.transpose()?,
            state: state.transpose()?,
        })
    }

    /// The catalogue's own text of a unit's id.
    fn known(&self, id: &str) -> Result<&'c str, Wrong> {
        if let Some((id, _)) = self.units.get_key_value(id) {
            return Ok(id);
        }
        self.catalog.unit(id).map(|unit| unit.identity.id.as_str()).ok_or_else(|| {
            let ids: Vec<&str> = self.catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
            let hint = headlock_profile::closest(id, &ids);
            let closest = ids.into_iter().find(|id| hint == format!("did you mean `{id}`?")).map(Box::from);
            (Some(Field::Unit), Why::UnknownUnit { closest })
        })
    }

    /// The value of a field, unless it says nothing or might be a code: columns may have been exchanged.
    fn shown(&self, cells: &Cells<'_>, field: Field, why: &Why) -> Option<Shown> {
        if field == Field::Code || matches!(why, Why::Missing(_) | Why::TooLong { .. } | Why::Control(_)) {
            return None;
        }
        let value = cells.values[field as usize]?;
        let code = cells.values[Field::Code as usize].filter(|code| !code.is_empty());
        let unit = self.whole.or(cells.values[Field::Unit as usize]).and_then(|id| self.units.get(id));
        let characters = value.chars().filter(char::is_ascii_alphanumeric).count();
        let short = characters <= 8 && TableCode::new(value).is_ok();
        let digits = value.chars().all(|c| !c.is_ascii_alphabetic());
        let hidden = code.is_some_and(|code| value.contains(code))
            || (short && (digits || unit.is_none()))
            || unit.is_some_and(|rules| could_be_a_code(&rules.codes, value));
        (!hidden).then(|| Shown::new(value))
    }
}

/// A code that some reading of the unit takes, with this firmware if it is known.
fn code(text: &str, rules: &mut UnitRules<'_>, firmware: Option<&str>, serial: &str) -> Result<TableCode, Why> {
    let Ok(code) = TableCode::new(text) else { return Err(damage(text)) };
    let judged = match firmware {
        None => judge(rules.codes.iter(), &code, serial),
        Some(version) => {
            let holding = rules.holding(version)?;
            judge(holding.iter().map(|index| &rules.codes[*index]), &code, serial)
        }
    };
    match judged {
        Ok(()) => Ok(code),
        // 12E3 has the characters of a code; where it is none of this unit's, it was a number.
        Err(_) if is_scientific(text) => Err(Why::Scientific),
        Err(why) => Err(why),
    }
}

/// What was done to a text that cannot be a code.
fn damage(text: &str) -> Why {
    let is_decimal = |text: &str| {
        text.split_once(['.', ',']).is_some_and(|(whole, part)| {
            [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    if is_scientific(text) {
        Why::Scientific
    } else if text.starts_with(['=', '\'']) {
        Why::Formula
    } else if is_decimal(text) {
        Why::Decimals
    } else {
        let place = text.chars().filter(|c| !matches!(c, ' ' | '-')).position(|c| !c.is_ascii_alphanumeric());
        Why::NotACode { place: place.map(|index| index + 1) }
    }
}

/// Like 1.2E+3.
fn is_scientific(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['e', 'E']) else { return false };
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    let digits = |text: &str, others: &[char]| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || others.contains(&c))
    };
    digits(number, &['.', ',']) && digits(power, &[])
}

/// A day as 2019-12-31.
fn date(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i16, |n, byte| byte.is_ascii_digit().then(|| n * 10 + i16::from(byte - b'0')))
    };
    let (month, day) = (i8::try_from(number(5, 7)?).ok()?, i8::try_from(number(8, 10)?).ok()?);
    Date::new(number(0, 4)?, month, day).ok()
}
