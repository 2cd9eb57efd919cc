//! Produced units: how they come in, and what happens to them.

use headlock_profile::{Code, Fit, Provenance, ways};
use headlock_wire::hex;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::authorise;
use super::caller::Caller;
use super::command::{NewUnit, Outcome, PairingLine, Provisioned};
use super::keyring::code_context;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::scheme::{self, Origin, Schemes};
use super::work::{Work, plain};
use super::world::key;
use crate::record::{Pairing, PairingEvent, Record, Serial, Setting, Unit, UnitState, Vin, VinUnit};
use crate::sign_in::{Role, Scope};

/// Adds a line to a unit's history, and brings its record up to it.
pub(super) fn pair(
    work: &mut Work<'_, '_>,
    mut unit: Unit,
    event: PairingEvent,
    (vin, firmware): (Option<Vin>, Option<String>),
    by: &str,
) -> Result<Unit, Stop> {
    let number = unit.pairings;
    unit.pairings += 1;
    unit.state = match event {
        PairingEvent::Produced | PairingEvent::Paired | PairingEvent::Recovered => UnitState::InService,
        PairingEvent::Reflashed => unit.state,
        PairingEvent::Exchanged => UnitState::Exchanged,
        PairingEvent::Stolen => UnitState::Stolen,
        PairingEvent::Scrapped => UnitState::Scrapped,
    };
    match event {
        PairingEvent::Paired => unit.vin.clone_from(&vin),
        PairingEvent::Exchanged | PairingEvent::Scrapped => unit.vin = None,
        _ => {}
    }
    if let Some(vin) = &unit.vin {
        work.world.put(&VinUnit { vin: vin.clone(), serial: unit.serial.clone() });
    }
    if let Some(firmware) = &firmware {
        unit.firmware.clone_from(firmware);
    }
    work.world.put(&unit);
    let at_s = work.world.now_s();
    let logged = vin.as_ref().map_or("", |vin| vin.as_str()).to_owned();
    let written = firmware.clone().unwrap_or_default();
    let serial = unit.serial.clone();
    work.world.put(&Pairing { serial, number, at_s, event, vin, firmware, by: by.to_owned() });
    let fields = [
        ("serial", unit.serial.as_str()),
        ("event", event.word()),
        ("vin", &logged),
        ("firmware", &written),
        ("by", by),
    ];
    work.log("paired", &fields)?;
    Ok(unit)
}

/// A line that somebody enters.
pub(super) fn enter(work: &mut Work<'_, '_>, caller: &Caller, line: &PairingLine) -> Result<Outcome, Stop> {
    caller.keeper(Role::Operator, Scope::Import)?;
    let unit: Unit = work.world.read(key(&[&line.serial]))?.ok_or(Refusal::NotFound)?;
    if line.event == PairingEvent::Paired && line.vin.is_none() {
        return Err(Refusal::Invalid { field: "vin", what: "the vehicle that it was put into".into() }.into());
    }
    plain("firmware", line.firmware.as_deref().unwrap_or_default(), (0, 80))?;
    let by = caller.name().to_owned();
    let unit = pair(work, unit, line.event, (line.vin.clone(), line.firmware.clone()), &by)?;
    Ok(Outcome::Unit(Box::new(unit)))
}

/// Takes in rows of a production table. The same rows again change nothing.
pub(super) fn add(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (import, rows_before, position): (&str, u64, &[u8]),
    units: &[NewUnit],
) -> Result<Outcome, Stop> {
    caller.keeper(Role::Operator, Scope::Import)?;
    let keys = units.iter().map(|unit| key(&[&unit.serial])).collect();
    work.world.foresee(Unit::TABLE, keys)?;
    plain("import", import, (1, 200))?;
    // All of them, or none: a table that contradicts the record leaves nothing behind.
    let mut rows: FxHashMap<&Serial, &NewUnit> = FxHashMap::default();
    let mut schemes = Schemes::default();
    let mut origins = Vec::with_capacity(units.len());
    for unit in units {
        check(work, unit)?;
        if rows.insert(&unit.serial, unit).is_some_and(|other| !alike(other, unit)) {
            return Err(Conflict::Differs.into());
        }
        let stated = || unit.code.as_ref().map(|code| || Ok(Zeroizing::new(code.reveal().as_bytes().to_vec())));
        let origin = match work.world.read::<Unit>(key(&[&unit.serial]))? {
            Some(there) if same(work, &mut schemes, &there, unit)? => Origin::Own,
            Some(_) => return Err(Conflict::Differs.into()),
            None => schemes.origin(work, (&unit.unit, unit.serial.as_str()), stated())?,
        };
        match origin {
            Origin::Own | Origin::Scheme(_) => origins.push(origin),
            Origin::Other => return Err(Conflict::Differs.into()),
            Origin::Nothing => return Err(Conflict::NothingToRelease.into()),
        }
    }
    let (mut new, mut known) = (0, 0);
    let mut digest = Sha256::new();
    for (unit, origin) in units.iter().zip(origins) {
        digest.update(unit.serial.as_str());
        digest.update([0]);
        if work.world.read::<Unit>(key(&[&unit.serial]))?.is_none() {
            insert(work, unit, origin)?;
            new += 1;
        } else {
            known += 1;
        }
    }
    let rows = rows_before + units.len() as u64;
    let value = format!("{rows} {}", hex::digits(position));
    work.world.put(&Setting { name: format!("import/{import}"), value });
    if new > 0 {
        let digest = hex::digits(&digest.finalize());
        let (new, rows) = (new.to_string(), rows.to_string());
        let fields = [("import", import), ("new", &new), ("rows", &rows), ("serials", &digest), ("by", caller.name())];
        work.log("imported", &fields)?;
    }
    Ok(Outcome::Added { new, known })
}

fn insert(work: &mut Work<'_, '_>, new: &NewUnit, origin: Origin) -> Result<(), Stop> {
    if let Origin::Scheme(number) = origin {
        keep(work, new, (number, None));
        return Ok(());
    }
    let Some(code) = &new.code else {
        return Err(Refusal::Invalid { field: "code", what: "a row of a production table has its code".into() }.into());
    };
    let aad = code_context(&new.serial, &new.unit);
    let (secret, sealed) = work.keys.seal(work.world, code.reveal().as_bytes(), &aad)?;
    keep(work, new, (secret, Some(sealed)));
    Ok(())
}

fn keep(work: &mut Work<'_, '_>, new: &NewUnit, (secret, sealed): (u32, Option<Vec<u8>>)) -> Unit {
    let unit = Unit {
        serial: new.serial.clone(),
        unit: new.unit.clone(),
        firmware: new.firmware.clone(),
        region: new.region.clone(),
        companion: new.companion.clone(),
        vin: new.vin.clone(),
        state: UnitState::InService,
        pairings: 0,
        secret,
        sealed,
    };
    work.world.put(&unit);
    if let Some(vin) = &unit.vin {
        work.world.put(&VinUnit { vin: vin.clone(), serial: unit.serial.clone() });
    }
    unit
}

/// Whether texts of a new record can be kept, and the catalogue knows its unit.
fn check(work: &Work<'_, '_>, new: &NewUnit) -> Result<(), Refusal> {
    plain("firmware", &new.firmware, (0, 80))?;
    if let Some(companion) = &new.companion {
        plain("companion", companion, (1, 40))?;
    }
    if work.house.catalog.unit(&new.unit).is_none() {
        let what = "an id of the catalogue; headlock units lists them".into();
        return Err(Refusal::Invalid { field: "unit", what });
    }
    Ok(())
}

/// Whether the second number is there that the catalogue wants with the serial, and none where it wants none.
fn check_companion(catalogued: &headlock_profile::Unit, new: &NewUnit) -> Result<(), Refusal> {
    let wanted = catalogued.serial_spec(new.serial.as_str()).map_or(&[][..], |spec| &spec.together_with);
    let what = match (wanted, &new.companion) {
        ([], None) => return Ok(()),
        ([spec], Some(number)) if spec.fit(number) == Fit::Fits => return Ok(()),
        ([], Some(_)) => "no number goes with this serial; leave it out".to_owned(),
        ([spec], _) => format!("the {} that goes with this serial", spec.name),
        (several, _) => format!("{} numbers go with this serial, and a record keeps one", several.len()),
    };
    Err(Refusal::Invalid { field: "companion", what })
}

/// Whether two rows of one serial say the same.
fn alike(one: &NewUnit, other: &NewUnit) -> bool {
    let code = |row: &NewUnit| row.code.as_ref().map(|code| Zeroizing::new(code.reveal().to_owned()));
    one.unit == other.unit
        && one.region == other.region
        && one.companion == other.companion
        && one.vin == other.vin
        && one.firmware == other.firmware
        && code(one) == code(other)
}

/// Whether a row says what the record says, as far as the record is still as it was made.
fn same<'a>(work: &mut Work<'a, '_>, schemes: &mut Schemes<'a>, there: &Unit, row: &NewUnit) -> Result<bool, Stop> {
    let moved = there.pairings > 0;
    let fits = there.unit == row.unit
        && there.region == row.region
        && there.companion == row.companion
        && (moved || (there.vin == row.vin && there.firmware == row.firmware));
    if !fits {
        return Ok(false);
    }
    let known = match (&row.code, &there.sealed) {
        // By whichever scheme it was made: a later one changes nothing about it.
        (None, None) => return Ok(true),
        _ => authorise::code_of(work, there)?,
    };
    let derived = match &row.code {
        Some(_) => None,
        None => schemes.code_of_new(work, (&row.unit, row.serial.as_str()))?,
    };
    Ok(row.code.as_ref().or(derived.as_ref()).is_some_and(|wanted| wanted.reveal() == known.reveal()))
}

/// Takes in one unit and makes its code.
pub(super) fn provision(work: &mut Work<'_, '_>, caller: &Caller, new: &NewUnit) -> Result<Outcome, Stop> {
    caller.keeper(Role::Operator, Scope::Import)?;
    if work.world.read::<Unit>(key(&[&new.serial]))?.is_some() {
        return Err(Conflict::Exists.into());
    }
    check(work, new)?;
    let places = {
        let catalogued = work.unit(&new.unit)?;
        if catalogued.serial_spec(new.serial.as_str()).is_none() && !catalogued.identity.serial.is_empty() {
            return Err(Refusal::Invalid { field: "serial", what: "it does not fit this unit".into() }.into());
        }
        check_companion(catalogued, new)?;
        ways::places(catalogued, new.serial.as_str()).ok_or(Conflict::NothingToRelease)?
    };
    let (unit, code) = match scheme::of_new(work, &new.unit)? {
        Some(number) => {
            if !scheme::fits(work, (number, &new.unit), &places)? {
                return Err(Conflict::NothingToRelease.into());
            }
            let unit = keep(work, new, (number, None));
            let code = scheme::code_of(work, &unit)?;
            (unit, code)
        }
        None => {
            let code = random_code(&places)?;
            let aad = code_context(&new.serial, &new.unit);
            let (secret, sealed) = work.keys.seal(work.world, code.reveal().as_bytes(), &aad)?;
            (keep(work, new, (secret, Some(sealed))), code)
        }
    };
    let device_key = authorise::device_key(work, &unit)?;
    let fields = [("serial", unit.serial.as_str()), ("unit", &unit.unit), ("by", caller.name())];
    work.log("provisioned", &fields)?;
    Ok(Outcome::Provisioned(Box::new(Provisioned { unit, code, device_key })))
}

/// A code by the system's randomness, each place without bias.
fn random_code(places: &[Vec<char>]) -> Result<Code, Stop> {
    let mut text = Zeroizing::new(String::new());
    for place in places {
        let size = u8::try_from(place.len()).ok().filter(|size| *size > 0).ok_or(Conflict::NothingToRelease)?;
        let limit = u8::MAX - u8::MAX % size;
        loop {
            let mut byte = [0];
            crate::random::fill(&mut byte).map_err(Fault::NoRandomness)?;
            if byte[0] < limit {
                text.push(place[usize::from(byte[0] % size)]);
                break;
            }
        }
    }
    Code::new(&text, Provenance::Registry).map_err(|_| Conflict::NothingToRelease.into())
}

/// How far an import has come: rows, and where reading goes on.
pub(super) fn import_progress(setting: Option<&str>) -> Option<(u64, Vec<u8>)> {
    let (rows, position) = setting?.split_once(' ')?;
    Some((rows.parse().ok()?, hex::bytes(position)?))
}
