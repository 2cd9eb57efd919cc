//! Keyed schemes: a unit's codes follow from a key that only the registry has, and none of them is kept.

use headlock_profile::{Code, SchemeKey, ways};

use super::caller::Caller;
use super::command::Outcome;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::work::Work;
use super::world::key;
use crate::record::{SecretKind, Setting, Unit};
use crate::seal::DataKey;

/// Where it stands by which scheme new units of this kind get their codes.
fn current(unit: &str) -> String {
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
    let places: Option<Setting> = work.world.read(key(&[&places_setting(unit.secret, &unit.unit)]))?;
    let places = places.ok_or(Fault::Row { table: "setting" })?;
    let catalogued = work.house.catalog.unit(&unit.unit).ok_or_else(|| Fault::NoUnit(unit.unit.clone()))?;
    let scheme = work.keys.open(work.world, unit.secret, SecretKind::Scheme)?;
    let code = derived(scheme, &places.value, (catalogued, unit));
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
