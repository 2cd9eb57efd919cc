//! What becomes of each row of a batch: it is new, or known, or says something else than the record, the table or the scheme of its unit.

use rustc_hash::FxHashMap;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::authorise;
use super::keyring::code_context;
use super::refusal::{Fault, Stop};
use super::scheme::{Origin, Schemes};
use super::sealed::{SEALED, SealedUnits};
use super::work::Work;
use crate::import::Field;
use crate::record::{Record, Unit, UnitState};
use crate::store::{Row, Value};

/// A row that says something else than what is known of its serial. It is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The row's line.
    pub line: u64,
    /// What it says otherwise.
    pub field: Field,
    /// What it contradicts.
    pub against: Against,
}

/// What a row contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The record.
    Record,
    /// Another line of the table.
    Line(u64),
    /// The scheme of its unit, whose key gives this serial another code.
    Scheme,
    /// The scheme of its unit, which gives this serial no code that its panel takes; the row has none either.
    Panel,
}

/// What becomes of each row.
pub(super) struct Sorted {
    /// Rows to be added, in the order of the table.
    pub(super) new: Vec<usize>,
    /// Those of them whose codes follow from a scheme, with its number: they are kept without a code.
    pub(super) by_scheme: FxHashMap<usize, u32>,
    pub(super) known: u64,
    pub(super) differing: Vec<Differing>,
}

/// Holds every row against what is there of its serial, and against others of its serial.
pub(super) fn sort(work: &mut Work<'_, '_>, units: &SealedUnits, there: Vec<Option<Row>>) -> Result<Sorted, Stop> {
    let line = |at: usize| units.lines.get(at).copied().unwrap_or_default();
    let new = Vec::with_capacity(units.len());
    let mut sorted = Sorted { new, by_scheme: FxHashMap::default(), known: 0, differing: Vec::new() };
    let mut schemes = Schemes::default();
    let mut twins: FxHashMap<usize, u64> = FxHashMap::default();
    for run in units.twins() {
        let all: Vec<usize> = units.order[run].iter().map(|at| *at as usize).collect();
        for (place, at) in all.iter().enumerate() {
            twins.insert(*at, line(all[usize::from(place == 0)]));
        }
    }
    for (at, there) in there.into_iter().enumerate() {
        // Of the same serial and unit there is one row at most, so such rows differ in the unit.
        if let Some(other_line) = twins.get(&at) {
            let against = Against::Line(*other_line);
            sorted.differing.push(Differing { line: line(at), field: Field::Unit, against });
            continue;
        }
        let row = &units.rows[at];
        let against = match there {
            Some(there) => match differs(work, &mut schemes, there, row, units)? {
                Some(field) => Some((field, Against::Record)),
                None => {
                    sorted.known += 1;
                    None
                }
            },
            None => match origin(work, &mut schemes, row, units)? {
                Origin::Other if !units.own_codes => Some((Field::Code, Against::Scheme)),
                Origin::Nothing => Some((Field::Code, Against::Panel)),
                Origin::Scheme(number) => {
                    sorted.by_scheme.insert(at, number);
                    sorted.new.push(at);
                    None
                }
                Origin::Own | Origin::Other => {
                    sorted.new.push(at);
                    None
                }
            },
        };
        sorted.differing.extend(against.map(|(field, against)| Differing { line: line(at), field, against }));
    }
    Ok(sorted)
}

/// Where the code of a new unit comes from.
fn origin<'a>(
    work: &mut Work<'a, '_>,
    schemes: &mut Schemes<'a>,
    row: &Row,
    units: &SealedUnits,
) -> Result<Origin, Stop> {
    let damaged = || Stop::Fault(Fault::Row { table: Unit::TABLE.name });
    let [Value::Text(serial), Value::Text(unit), ..] = row.as_slice() else { return Err(damaged()) };
    let stated =
        sealed_of(row).map(|sealed| move || opened(sealed, &Unit::from_row(row.clone()).ok_or_else(damaged)?, units));
    schemes.origin(work, (unit, serial), stated)
}

/// The code that a row states, still sealed.
fn sealed_of(row: &Row) -> Option<&[u8]> {
    match row.get(SEALED) {
        Some(Value::Bytes(sealed)) => Some(sealed),
        _ => None,
    }
}

fn opened(sealed: &[u8], ours: &Unit, units: &SealedUnits) -> Result<Zeroizing<Vec<u8>>, Stop> {
    Ok(units.key.open(sealed, &code_context(&ours.serial, &ours.unit))?)
}

/// In what a row says something else than the record, as far as the record is still as it was made.
fn differs<'a>(
    work: &mut Work<'a, '_>,
    schemes: &mut Schemes<'a>,
    there: Row,
    row: &Row,
    units: &SealedUnits,
) -> Result<Option<Field>, Stop> {
    let damaged = Fault::Row { table: Unit::TABLE.name };
    let Some(there) = Unit::from_row(there) else { return Err(damaged.into()) };
    let Some(ours) = Unit::from_row(row.clone()) else { return Err(damaged.into()) };
    let moved = there.pairings > 0;
    let same = [
        (Field::Unit, there.unit == ours.unit),
        (Field::Region, there.region == ours.region),
        (Field::Vin, moved || there.vin == ours.vin),
        (Field::Firmware, moved || there.firmware == ours.firmware),
        // A table that says nothing of these contradicts nothing.
        (Field::Companion, ours.companion.is_none() || there.companion == ours.companion),
        (Field::State, moved || ours.state == UnitState::InService || there.state == ours.state),
    ];
    if let Some((field, _)) = same.into_iter().find(|(_, same)| !same) {
        return Ok(Some(field));
    }
    let same = if let Some(sealed) = sealed_of(row) {
        let code = opened(sealed, &ours, units)?;
        let known = match &there.sealed {
            Some(_) => Some(authorise::code_of(work, &there)?),
            None => schemes.of(work, &there)?.code(there.serial.as_str()),
        };
        known.is_some_and(|known| code.as_slice().ct_eq(known.reveal().as_bytes()).into())
    } else if there.sealed.is_some() {
        // Without a code a row says that it follows from the scheme; the record has one of its own.
        let known = authorise::code_of(work, &there)?;
        let derived = schemes.code_of_new(work, (&ours.unit, ours.serial.as_str()))?;
        derived.is_some_and(|derived| derived.reveal().as_bytes().ct_eq(known.reveal().as_bytes()).into())
    } else {
        // By whichever scheme it was made: a later one changes nothing about it.
        true
    };
    Ok((!same).then_some(Field::Code))
}
