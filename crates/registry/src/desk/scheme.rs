//! Keyed schemes: a unit's codes follow from a key that only the registry has, and none of them is kept.

use std::collections::hash_map::Entry;

use headlock_profile::behaviour::LengthSpec;
use headlock_profile::{Code, SchemeKey, SerialChecker, SerialSpec, Unit as Catalogued, ways};
use rustc_hash::FxHashMap;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::caller::Caller;
use super::command::Outcome;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::work::Work;
use super::world::key;
use crate::record::{SecretKind, Setting, Unit};
use crate::seal::DataKey;

/// Where it stands by which scheme new units of this kind get their codes.
pub(super) fn current(unit: &str) -> String {
    format!("scheme/{unit}")
}

/// Where it stands which characters the codes of a unit have under a scheme: once decided, they never change, whatever the catalogue
/// learns.
pub(super) fn places_setting(scheme: u32, unit: &str) -> String {
    format!("places/{scheme}/{unit}")
}

/// From now on new units of this kind get their codes by this key. Those that are there keep theirs.
pub(super) fn add(work: &mut Work<'_, '_>, caller: &Caller, (unit, new): (&str, &DataKey)) -> Result<Outcome, Stop> {
    if !matches!(caller, Caller::Console) {
        return Err(Refusal::NotAllowed { needed: "the console of the machine" }.into());
    }
    let catalogued = work.house.catalog.unit(unit).ok_or_else(|| Refusal::Invalid {
        field: "unit",
        what: "an id of the catalogue; headlock units lists them".into(),
    })?;
    let places = ways::places(catalogued, &catalogued.example_serial()).ok_or(Conflict::NothingToRelease)?;
    let number = work.keys.keep(work.world, SecretKind::Scheme, new.clone())?;
    work.world.put(&Setting { name: places_setting(number, unit), value: text_of(&places) });
    work.world.put(&Setting { name: current(unit), value: number.to_string() });
    let count = number.to_string();
    work.log("scheme_added", &[("unit", unit), ("secret", &count)])?;
    Ok(Outcome::Done)
}

/// The scheme of new units of this kind, if there is one.
pub(super) fn of_new(work: &mut Work<'_, '_>, unit: &str) -> Result<Option<u32>, Stop> {
    let setting: Option<Setting> = work.world.read(key(&[&current(unit)]))?;
    let Some(setting) = setting else { return Ok(None) };
    setting.value.parse().map(Some).map_err(|_| Stop::Fault(Fault::Row { table: "setting" }))
}

/// The code of a unit under the scheme of its record.
pub(super) fn code_of(work: &mut Work<'_, '_>, unit: &Unit) -> Result<Code, Stop> {
    let code = Scheme::open(work, &unit.unit, unit.secret)?.code(unit.serial.as_str());
    code.ok_or(Stop::Refused(Refusal::Conflict(Conflict::NothingToRelease)))
}

/// The code of a unit by its scheme's key, and by which characters its places have, as they are kept.
pub(super) fn derived(
    scheme: &DataKey,
    places: &str,
    (catalogued, unit): (&headlock_profile::Unit, &Unit),
) -> Option<Code> {
    let places: Vec<Vec<char>> = places.split(' ').map(|place| place.chars().collect()).collect();
    let serial = unit.serial.as_str();
    let counted = catalogued.serial_spec(serial).map(|spec| spec.counted(serial));
    let scheme = SchemeKey::new(scheme.as_bytes()).ok()?;
    scheme.derive(&unit.unit, counted.as_deref().unwrap_or(serial), &places)
}

/// Whether the panel of this very unit takes codes of these places: a longer serial may want a longer code.
pub(super) fn fits(work: &mut Work<'_, '_>, (scheme, unit): (u32, &str), places: &[Vec<char>]) -> Result<bool, Stop> {
    let known: Option<Setting> = work.world.read(key(&[&places_setting(scheme, unit)]))?;
    Ok(known.is_some_and(|known| known.value == text_of(places)))
}

fn text_of(places: &[Vec<char>]) -> String {
    places.iter().map(|place| place.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Where the code of a new unit of a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The table, and no scheme gives another one.
    Own,
    /// The scheme of this number: the table says nothing, or the same.
    Scheme(u32),
    /// The table, and the scheme gives another one.
    Other,
    /// The table says nothing, and the scheme gives none that the unit's panel takes.
    Nothing,
}

/// Schemes that were asked for, each opened once for many serials.
#[derive(Default)]
pub(super) struct Schemes<'a> {
    /// For each unit the scheme of new ones, if it has one.
    current: FxHashMap<String, Option<u32>>,
    open: FxHashMap<u32, Scheme<'a>>,
}

impl<'a> Schemes<'a> {
    /// The scheme of a unit on record, which has one.
    pub(super) fn of(&mut self, work: &mut Work<'a, '_>, unit: &Unit) -> Result<&Scheme<'a>, Stop> {
        self.numbered(work, &unit.unit, unit.secret)
    }

    /// The code that a new unit of this serial would have by its scheme; none without one, or where its panel takes no such code.
    pub(super) fn code_of_new(
        &mut self,
        work: &mut Work<'a, '_>,
        (unit, serial): (&str, &str),
    ) -> Result<Option<Code>, Stop> {
        let scheme = self.of_new(work, unit)?;
        Ok(scheme.filter(|scheme| scheme.fits(serial)).and_then(|scheme| scheme.code(serial)))
    }

    /// Where the code of a new unit comes from, if its row states this one.
    pub(super) fn origin(
        &mut self,
        work: &mut Work<'a, '_>,
        (unit, serial): (&str, &str),
        stated: Option<impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Stop>>,
    ) -> Result<Origin, Stop> {
        let Some(scheme) = self.of_new(work, unit)? else {
            let what = "a row of a production table has its code, unless its unit has a scheme";
            return stated
                .map(|_| Origin::Own)
                .ok_or_else(|| Refusal::Invalid { field: "code", what: what.into() }.into());
        };
        let fits = scheme.fits(serial);
        let Some(stated) = stated else {
            return Ok(if fits { Origin::Scheme(scheme.number) } else { Origin::Nothing });
        };
        if !fits {
            return Ok(Origin::Own);
        }
        let stated = stated()?;
        let same = scheme.code(serial).is_some_and(|code| code.reveal().as_bytes().ct_eq(&stated).into());
        Ok(if same { Origin::Scheme(scheme.number) } else { Origin::Other })
    }

    fn of_new(&mut self, work: &mut Work<'a, '_>, unit: &str) -> Result<Option<&Scheme<'a>>, Stop> {
        let number = if let Some(known) = self.current.get(unit) {
            *known
        } else {
            let number = of_new(work, unit)?;
            self.current.insert(unit.to_owned(), number);
            number
        };
        number.map(|number| self.numbered(work, unit, number)).transpose()
    }

    fn numbered(&mut self, work: &mut Work<'a, '_>, unit: &str, number: u32) -> Result<&Scheme<'a>, Stop> {
        let scheme = match self.open.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Scheme::open(work, unit, number)?),
        };
        // A scheme is of one unit alone.
        if scheme.unit.identity.id == unit { Ok(scheme) } else { Err(Fault::Row { table: "unit" }.into()) }
    }
}

/// The scheme of one unit.
pub(super) struct Scheme<'a> {
    number: u32,
    unit: &'a Catalogued,
    key: SchemeKey,
    /// The characters of its codes, as they were decided when it was added.
    places: Vec<Vec<char>>,
    serials: Vec<(&'a SerialSpec, SerialChecker)>,
    /// Whether the panel takes such codes, whatever the serial; none where that goes by the serial.
    fits: Option<bool>,
}

impl<'a> Scheme<'a> {
    fn open(work: &mut Work<'a, '_>, unit: &str, number: u32) -> Result<Self, Stop> {
        let places: Option<Setting> = work.world.read(key(&[&places_setting(number, unit)]))?;
        let places = places.ok_or(Fault::Row { table: "setting" })?;
        let house = work.house;
        let unit = house.catalog.unit(unit).ok_or_else(|| Fault::NoUnit(unit.to_owned()))?;
        let by_serial = unit.readings.iter().flat_map(|reading| &reading.cases);
        let mut by_serial = by_serial.map(|case| matches!(case.behaviour.code.length, LengthSpec::BySerial { .. }));
        let opened = work.keys.open(work.world, number, SecretKind::Scheme)?;
        let mut scheme = Self {
            number,
            unit,
            key: SchemeKey::new(opened.as_bytes()).map_err(|_| Fault::Row { table: "secret" })?,
            places: places.value.split(' ').map(|place| place.chars().collect()).collect(),
            serials: unit.identity.serial.iter().filter_map(|spec| Some((spec, spec.checker().ok()?))).collect(),
            fits: None,
        };
        if !by_serial.any(|by_serial| by_serial) {
            scheme.fits = Some(scheme.fits(&unit.example_serial()));
        }
        Ok(scheme)
    }

    /// The code of a serial.
    pub(super) fn code(&self, serial: &str) -> Option<Code> {
        let mut cleaned = String::new();
        let spec = self.serials.iter().find(|(_, checker)| {
            checker.clean_into(serial, &mut cleaned);
            checker.fits(&cleaned)
        });
        let counted = spec.map(|(spec, _)| spec.counted(serial));
        self.key.derive(&self.unit.identity.id, counted.as_deref().unwrap_or(serial), &self.places)
    }

    /// Whether the panel of the unit of this serial takes codes of these places: a longer serial may want a longer code.
    fn fits(&self, serial: &str) -> bool {
        self.fits.unwrap_or_else(|| ways::places(self.unit, serial).is_some_and(|places| places == self.places))
    }
}
