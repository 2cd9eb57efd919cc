//! Which units this can be, under which readings, and why not the others.

use headlock_profile::{Catalog, Fit, Unit, Vehicle, closest};
use serde::Serialize;

use crate::candidate::{Candidate, CandidateState, Limits, Out, Pool, states};
use crate::situation::{Attempts, BadSituation, Situation, vehicles};

/// What a situation leaves.
#[derive(Clone, Debug)]
pub struct Identification<'a> {
    /// Readings that remain.
    pub remaining: Vec<Candidate<'a>>,
    /// Units and readings that are out, and what excluded them.
    pub excluded: Vec<Excluded>,
    /// Remarks: a serial that no unit has, and the like.
    pub notes: Vec<String>,
}

/// Something that is out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The unit.
    pub unit: String,
    /// The reading; absent if all of the unit is out.
    pub reading: Option<String>,
    /// The observation that excluded it.
    pub because: String,
}

/// Finds the readings that remain.
///
/// # Errors
/// The situation cannot be: a vehicle that does not exist, a serial that is nearly one, more attempts than any reading allows.
pub fn identify<'a>(catalog: &'a Catalog, situation: &Situation) -> Result<Identification<'a>, BadSituation> {
    check_words(catalog, situation)?;
    let vehicles = vehicles(catalog, situation)?;
    let mut out = Identification { remaining: Vec::new(), excluded: Vec::new(), notes: Vec::new() };
    let named = named_by_serial(catalog, situation, vehicles.as_deref(), &mut out.notes)?;
    let fits =
        |id: &&str| catalog.unit(id).is_some_and(|unit| fits_vehicle(unit, situation, vehicles.as_deref()).is_ok());
    let any_fits = named.iter().any(fits);
    for id in named.iter().filter(|_| !any_fits) {
        if let Some(unit) = catalog.unit(id)
            && let Err(because) = fits_vehicle(unit, situation, vehicles.as_deref())
        {
            out.notes.push(format!(
                "the serial is one of {id}, though {because}: check label and year, or the unit was exchanged"
            ));
        }
    }
    let mut limits = Limits::default();
    let units: Vec<(&Unit, Result<Vec<String>, String>)> = catalog
        .units
        .iter()
        .map(|unit| (unit, unit_fits(unit, situation, vehicles.as_deref(), &named, any_fits)))
        .collect();
    let fitting: Vec<&Unit> = units.iter().filter(|(_, why)| why.is_ok()).map(|(unit, _)| *unit).collect();
    let pool = Pool::of(&fitting, situation);
    for (unit, why) in units {
        match why {
            Err(because) => out.excluded.push(Excluded { unit: unit.identity.id.clone(), reading: None, because }),
            Ok(why) => readings(unit, situation, &why, &mut out, &pool, &mut limits),
        }
    }
    // Readings that name no limit cannot vouch for a count that all others exclude.
    if let (Attempts::Exactly(attempts), Limits { passed: Some(limit), ahead: false }) = (situation.attempts, limits)
        && !(situation.display.is_some()
            && out.remaining.iter().flat_map(|c| &c.states).any(CandidateState::is_locked_out))
    {
        return Err(BadSituation::TooManyAttempts { attempts, limit });
    }
    if out.remaining.is_empty()
        && let Some(display) = &situation.display
    {
        out.notes.push(unknown_display(catalog, display));
    }
    Ok(out)
}

fn check_words(catalog: &Catalog, situation: &Situation) -> Result<(), BadSituation> {
    if let Some(named) = &situation.unit
        && catalog.unit(named).is_none()
    {
        let ids: Vec<&str> = catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
        return Err(BadSituation::Unit { named: named.clone(), help: closest(named, &ids) });
    }
    for named in &situation.symptoms {
        if !catalog.faults.iter().any(|fault| fault.id == *named) {
            let ids: Vec<&str> = catalog.faults.iter().map(|fault| fault.id.as_str()).collect();
            return Err(BadSituation::Symptom { named: named.clone(), help: closest(named, &ids) });
        }
    }
    for (question, words) in [("look", &situation.look), ("has", &situation.has)] {
        let Some(found) = catalog.questions.iter().find(|q| q.id == question) else { continue };
        let known: Vec<&str> = found.answers.iter().map(|answer| answer.id.as_str()).collect();
        if let Some(named) = words.iter().find(|word| !known.contains(&word.as_str())) {
            return Err(BadSituation::Word {
                named: named.clone(),
                question: format!("--{question}"),
                help: closest(named, &known),
            });
        }
    }
    Ok(())
}

/// The units that a serial names, or none if no serial is known or no unit has such a one.
fn named_by_serial<'a>(
    catalog: &'a Catalog,
    situation: &Situation,
    vehicles: Option<&[&Vehicle]>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a str>, BadSituation> {
    let mut named = Vec::new();
    for number in &situation.serials {
        let mut misread: Option<(String, &Unit)> = None;
        let mut fits = false;
        let (mut whole, mut incomplete) = (false, false);
        for unit in &catalog.units {
            for spec in &unit.identity.serial {
                let all = std::iter::once(spec.fit(number))
                    .chain(spec.together_with.iter().map(|companion| companion.fit(number)));
                for fit in all {
                    match fit {
                        Fit::Fits | Fit::Incomplete => {
                            incomplete |= fit == Fit::Incomplete;
                            whole |= fit == Fit::Fits;
                            fits = true;
                            if !unit.identity.catch_all && !named.contains(&unit.identity.id.as_str()) {
                                named.push(unit.identity.id.as_str());
                            }
                        }
                        Fit::Misread { read_as } if fits_vehicle(unit, situation, vehicles).is_ok() => {
                            misread.get_or_insert((read_as, unit));
                        }
                        Fit::Misread { .. } | Fit::No => {}
                    }
                }
            }
        }
        match (fits, misread) {
            (true, _) if incomplete && !whole => {
                notes.push(format!("the number {number} seems incomplete; the whole one tells more"));
            }
            (true, _) => {}
            (false, Some((read_as, unit))) => {
                return Err(BadSituation::Misread {
                    number: number.clone(),
                    read_as,
                    unit: unit.identity.name.clone(),
                });
            }
            (false, None) => {
                notes.push(format!(
                    "no unit of the catalogue has a number like {number}, so units whose numbers are known are left out; compare it with the label"
                ));
            }
        }
    }
    Ok(named)
}

/// Whether the unit's identity fits, and what speaks for it.
fn unit_fits(
    unit: &Unit,
    situation: &Situation,
    vehicles: Option<&[&Vehicle]>,
    named: &[&str],
    any_named_fits: bool,
) -> Result<Vec<String>, String> {
    let identity = &unit.identity;
    if let Some(wanted) = &situation.unit {
        return if *wanted == identity.id {
            Ok(vec!["you named it".to_owned()])
        } else {
            Err(format!("you named {wanted}"))
        };
    }
    let is_named = named.contains(&identity.id.as_str());
    let mut why = match fits_vehicle(unit, situation, vehicles) {
        Ok(why) => why,
        // The label outranks what is said of the car: the unit may have been exchanged.
        Err(because) if is_named && !any_named_fits => vec![format!("{because}, but the serial is one of its kind")],
        Err(because) => return Err(because),
    };
    if let Some(serial) = situation.serials.first()
        && !identity.catch_all
        && !identity.serial.is_empty()
    {
        if !named.contains(&identity.id.as_str()) {
            let patterns: Vec<&str> = identity.serial.iter().map(|spec| spec.pattern.as_str()).collect();
            return Err(format!("the serial {serial} does not fit {}", patterns.join(" or ")));
        }
        if !why.iter().any(|reason| reason.contains("one of its kind")) {
            why.push(format!("the serial {serial} is one of its kind"));
        }
    }
    if let Some(look) = situation.look.iter().find(|look| !identity.look.is_empty() && !identity.look.contains(look)) {
        return Err(format!("its front is not {look}"));
    }
    if let Some(version) = &situation.firmware
        && !identity.firmware.contains(version)
    {
        return Err(format!("it does not come with firmware {version}"));
    }
    if identity.catch_all {
        if !named.is_empty() {
            return Err(format!("the serial names {}", named.join(", ")));
        }
        why.push("nobody knows yet which unit it is".to_owned());
    }
    Ok(why)
}

fn fits_vehicle(unit: &Unit, situation: &Situation, vehicles: Option<&[&Vehicle]>) -> Result<Vec<String>, String> {
    let identity = &unit.identity;
    let mut why = Vec::new();
    if let Some(vehicles) = vehicles
        && !identity.vehicles.is_empty()
    {
        let fitting: Vec<&str> =
            vehicles.iter().filter(|v| identity.vehicles.contains(&v.id)).map(|v| v.name.as_str()).collect();
        if fitting.is_empty() {
            return Err(format!(
                "it is not fitted to the {}",
                vehicles.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(" or the ")
            ));
        }
        why.push(format!("it is fitted to the {}", fitting.join(" and the ")));
    }
    if let Some(year) = situation.year {
        if !identity.years.contains(year) {
            return Err(format!("it was not fitted in {year}"));
        }
        if identity.years.from.is_some() || identity.years.to.is_some() {
            why.push(format!("it was fitted in {year}"));
        }
    }
    Ok(why)
}

fn readings<'a>(
    unit: &'a Unit,
    situation: &Situation,
    why: &[String],
    out: &mut Identification<'a>,
    pool: &Pool,
    limits: &mut Limits,
) {
    for reading in &unit.readings {
        let mut exclude = |because: String| {
            out.excluded.push(Excluded { unit: unit.identity.id.clone(), reading: Some(reading.id.clone()), because });
        };
        if let Some(version) = &situation.firmware
            && !reading.firmware.contains(version)
        {
            exclude(format!("this reading does not hold for firmware {version}"));
            continue;
        }
        match states(unit, reading, situation, pool, limits) {
            Ok(states) => {
                let mut why = why.to_vec();
                if let Some(display) = &situation.display {
                    why.push(format!("it can show {display:?}{}", attempts_words(situation.attempts)));
                }
                out.remaining.push(Candidate { unit, reading, why, states });
            }
            Err(Out::Display(shown)) => {
                let display = situation.display.as_deref().unwrap_or_default();
                exclude(format!("{}it shows {shown}, never {display:?}", attempts_clause(situation.attempts)));
            }
            Err(Out::LockedOutBefore(limit)) => {
                exclude(format!("it is locked out for good after {limit} wrong codes"));
            }
            Err(Out::NothingToOpen) => exclude("it has no lock".to_owned()),
        }
    }
}

fn attempts_words(attempts: Attempts) -> String {
    match attempts {
        Attempts::Unknown => String::new(),
        Attempts::Exactly(n) => format!(" after {n} wrong codes"),
        Attempts::AtLeast(n) => format!(" after {n} or more wrong codes"),
    }
}

fn attempts_clause(attempts: Attempts) -> String {
    match attempts {
        Attempts::Unknown => String::new(),
        Attempts::Exactly(n) => format!("after {n} wrong codes "),
        Attempts::AtLeast(n) => format!("after {n} or more wrong codes "),
    }
}

fn unknown_display(catalog: &Catalog, seen: &str) -> String {
    let mut known: Vec<&str> = catalog
        .units
        .iter()
        .flat_map(|unit| &unit.readings)
        .flat_map(|reading| &reading.cases)
        .flat_map(|case| {
            let display = &case.behaviour.display;
            display
                .prompt
                .all()
                .chain(display.error.all())
                .chain(display.wait.all())
                .chain(display.locked_out.all())
                .chain(display.hardware_lock.all())
        })
        .filter(|text| !text.is_empty())
        .collect();
    known.sort_unstable();
    known.dedup();
    if known.iter().any(|text| crate::sight::shows(text, seen)) {
        format!("units show {seen:?}, but none under what else you told")
    } else {
        let symptom = fault_like(catalog, seen).map_or_else(String::new, |id| {
            format!("; if that is what happens rather than what it shows, say --symptom {id}")
        });
        format!("no unit of the catalogue shows {seen:?}; {}{symptom}", closest(seen, &known))
    }
}

/// The fault whose title shares most words with what somebody wrote.
fn fault_like<'a>(catalog: &'a Catalog, seen: &str) -> Option<&'a str> {
    const ENOUGH: usize = 3;
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).map(str::to_lowercase).collect()
    };
    let wanted = words(seen);
    let shared = |title: &str| words(title).iter().filter(|word| wanted.contains(word)).count();
    let best = catalog.faults.iter().max_by_key(|fault| shared(&fault.title))?;
    (shared(&best.title) >= ENOUGH).then_some(best.id.as_str())
}
