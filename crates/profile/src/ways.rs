//! Every way in which a unit's panel takes one code, and which codes all of its readings can take.

use std::cell::LazyCell;

use crate::behaviour::{Behaviour, LengthSpec};
use crate::code::Code;
use crate::typing::{self, CannotType, Press};
use crate::unit::{Reading, Unit};

/// One way to type a code, and the readings under which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What to do, in order.
    pub presses: Vec<Press>,
    /// Ids of the readings.
    pub readings: Vec<String>,
}

/// Why some readings have no way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoWay {
    /// Why.
    pub why: CannotType,
    /// Ids of the readings.
    pub readings: Vec<String>,
}

/// The ways to type a code on a unit under these readings, and those that have none. `serial` decides lengths where it does.
pub fn ways<'a>(
    unit: &Unit,
    readings: impl IntoIterator<Item = &'a Reading>,
    serial: Option<&str>,
    code: &Code,
) -> (Vec<Way>, Vec<NoWay>) {
    // Few units need it.
    let cleaned =
        LazyCell::new(|| serial.map_or_else(|| unit.cleaned(&unit.example_serial()), |serial| unit.cleaned(serial)));
    let given = code.reveal().chars().count();
    let (mut ways, mut none): (Vec<Way>, Vec<NoWay>) = (Vec::new(), Vec::new());
    for reading in readings {
        for case in &reading.cases {
            let lengths = lengths(&case.behaviour, || &cleaned, serial.is_some());
            let fitting = lengths.iter().find(|length| usize::from(**length) == given);
            let length = fitting.or(lengths.first()).copied().unwrap_or(4);
            let alphabets = typing::alphabets(&case.behaviour.code.alphabet, usize::from(length));
            let typed =
                typing::takes_codes(&case.behaviour).and_then(|()| typing::presses(&case.behaviour, &alphabets, code));
            match typed {
                Ok(presses) => match ways.iter_mut().find(|way| way.presses == presses) {
                    Some(way) => note(&mut way.readings, &reading.id),
                    None => ways.push(Way { presses, readings: vec![reading.id.clone()] }),
                },
                Err(why) => match none.iter_mut().find(|known| known.why == why) {
                    Some(known) => note(&mut known.readings, &reading.id),
                    None => none.push(NoWay { why, readings: vec![reading.id.clone()] }),
                },
            }
        }
    }
    (ways, none)
}

/// The characters that a code of this unit can have, place by place, so that it can be typed under every reading that has a panel and a
/// code; none if there is no such code, or its length is open.
pub fn places(unit: &Unit, serial: &str) -> Option<Vec<Vec<char>>> {
    let cleaned = unit.cleaned(serial);
    let mut common: Option<Vec<Vec<char>>> = None;
    for case in unit.readings.iter().flat_map(|reading| &reading.cases) {
        let behaviour = &case.behaviour;
        if typing::takes_codes(behaviour).is_err() {
            continue;
        }
        let &[length] = lengths(behaviour, || &cleaned, true).as_slice() else { return None };
        let mut places = typing::alphabets(&behaviour.code.alphabet, usize::from(length));
        for (place, alphabet) in places.iter_mut().enumerate() {
            *alphabet = typing::typable(&behaviour.entry, alphabet, place);
        }
        common = match common {
            None => Some(places),
            Some(known) if known.len() == places.len() => {
                let both = known.into_iter().zip(places);
                Some(both.map(|(known, new)| known.into_iter().filter(|c| new.contains(c)).collect()).collect())
            }
            Some(_) => return None,
        };
    }
    common.filter(|places| !places.is_empty() && places.iter().all(|place| !place.is_empty()))
}

/// The lengths that a code can have. Without a serial, or where a setting decides, any of the unit will do.
fn lengths<'a>(behaviour: &Behaviour, cleaned: impl FnOnce() -> &'a str, has_serial: bool) -> Vec<u8> {
    match (&behaviour.code.length, has_serial) {
        (LengthSpec::Fixed(length), _) => vec![*length],
        (length @ LengthSpec::BySerial { .. }, true) => vec![length.resolve(cleaned(), |_| None)],
        (length, _) => length.all(),
    }
}

fn note(readings: &mut Vec<String>, id: &str) {
    if !readings.iter().any(|known| known == id) {
        readings.push(id.to_owned());
    }
}
