//! A reading that the observations still allow, ready to be tried on the twin.

use std::collections::BTreeSet;
use std::sync::Arc;

use headlock_lock::{Ignition, Phase};
use headlock_profile::{Case, Code, Firmware, Reading, Unit};
use headlock_twin::{Glance, Input, PhaseKind, Provision, Spec, Twin, unknown_code};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::sight::{hardware_lock, shows, texts};
use crate::situation::{Attempts, Situation};
use crate::standing::{Prospect, Standing, fresh};

/// One reading of one unit, and everything that it can still be.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// The reading.
    pub reading: &'a Reading,
    /// Why it remains.
    pub why: Vec<String>,
    /// Each case in each state that fits what was observed.
    pub states: Vec<CandidateState<'a>>,
}

/// One case of a reading in one state.
#[derive(Clone, Debug)]
pub struct CandidateState<'a> {
    /// The case.
    pub case: &'a Case,
    /// How the unit stands now.
    pub standing: Arc<Standing>,
}

impl Candidate<'_> {
    /// Unit and reading.
    pub fn name(&self) -> String {
        format!("{}#{}", self.unit.identity.id, self.reading.id)
    }
}

impl CandidateState<'_> {
    /// The unit as it stands now.
    pub fn twin(&self) -> &Twin {
        self.standing.twin()
    }

    /// What tells harm from none, as it stands now.
    pub fn glance(&self) -> &Glance {
        self.standing.glance()
    }

    /// What the main lock does.
    pub(crate) fn phase(&self) -> PhaseKind {
        self.glance().lock.phase
    }

    /// Whether the main lock waits.
    pub(crate) fn waits(&self) -> bool {
        self.phase() == PhaseKind::Waiting
    }

    /// Whether the main lock is locked out for good.
    pub(crate) fn is_locked_out(&self) -> bool {
        self.phase() == PhaseKind::LockedOut
    }
}

/// What the readings say about a lock-out for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The highest limit that the count of wrong codes has passed.
    pub(crate) passed: Option<u16>,
    /// There is a limit that it has not passed.
    pub(crate) ahead: bool,
}

/// Why a reading is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// It never shows that.
    Display(String),
    /// It would be locked out by then.
    LockedOutBefore(u16),
    /// It has no lock.
    NothingToOpen,
}

/// What two units share that behave the same in the same state.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    fingerprint: u64,
    firmware: String,
    serial: usize,
    code_length: u8,
}

/// The ways in which one kind of unit can stand.
struct Stands {
    fitting: Vec<Arc<Standing>>,
    /// Every text that it may show, whether it fits or not.
    shown: BTreeSet<String>,
    limits: Limits,
    has_lock: bool,
}

/// The kinds of unit that may be meant in one situation, and how each can stand: units share readings.
pub(crate) struct Pool(FxHashMap<Kind, Stands>);

impl Pool {
    /// Looks at everything that these units can be, each kind once.
    pub(crate) fn of(units: &[&Unit], situation: &Situation) -> Self {
        let mut kinds = FxHashMap::default();
        for unit in units {
            for (reading, case) in unit.readings.iter().flat_map(|r| r.cases.iter().map(move |case| (r, case))) {
                for (kind, firmware) in kinds_of(unit, reading, case, situation) {
                    kinds.entry(kind).or_insert((*unit, reading, case, firmware));
                }
            }
        }
        let kinds: Vec<_> = kinds.into_iter().collect();
        let look_at = |(kind, (unit, reading, case, firmware)): (Kind, (&Unit, &Reading, &Case, Firmware))| {
            let serial = serial_of(unit, situation);
            let code = unknown_code(unit, case, &serial)?;
            let mut provision = Provision::example(unit, &reading.firmware, vec![code.clone()]);
            provision.serial = serial;
            provision.firmware = firmware;
            let spec = Spec::new(unit, case, provision).ok()?;
            Some((kind, stands(Arc::new(spec), &code, case, situation)))
        };
        Self(kinds.into_par_iter().filter_map(look_at).collect::<Vec<_>>().into_iter().collect())
    }
}

/// The states of a reading that fit what was observed.
pub(crate) fn states<'a>(
    unit: &'a Unit,
    reading: &'a Reading,
    situation: &Situation,
    pool: &Pool,
    limits: &mut Limits,
) -> Result<Vec<CandidateState<'a>>, Out> {
    let mut fitting = Vec::new();
    let mut seen = FxHashSet::default();
    let mut shown = BTreeSet::new();
    let mut limit = None;
    for case in &reading.cases {
        for kind in kinds_of(unit, reading, case, situation).iter().filter_map(|(kind, _)| pool.0.get(kind)) {
            if !kind.has_lock {
                return if situation.display.is_some() || situation.attempts.least() > 0 {
                    Err(Out::NothingToOpen)
                } else {
                    Ok(Vec::new())
                };
            }
            limit = limit.max(kind.limits.passed);
            limits.passed = limits.passed.max(kind.limits.passed);
            limits.ahead |= kind.limits.ahead;
            shown.extend(kind.shown.iter().cloned());
            let new = kind.fitting.iter().filter(|standing| seen.insert(standing.id()));
            fitting.extend(new.map(|standing| CandidateState { case, standing: Arc::clone(standing) }));
        }
    }
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    Err(match (limit, &situation.display) {
        (Some(limit), _) if shown.is_empty() => Out::LockedOutBefore(limit),
        (_, Some(_)) => Out::Display(shown.into_iter().collect::<Vec<_>>().join(", ")),
        _ => Out::LockedOutBefore(limit.unwrap_or(0)),
    })
}

/// Every way in which a unit of this kind can stand.
fn stands(spec: Arc<Spec>, code: &Code, case: &Case, situation: &Situation) -> Stands {
    let mut out = Stands { fitting: Vec::new(), shown: BTreeSet::new(), limits: Limits::default(), has_lock: true };
    let policy = spec.policy(0).copied();
    let Some(policy) = policy.filter(|policy| policy.kind != headlock_lock::Kind::None) else {
        return Stands { has_lock: false, ..out };
    };
    let kind = fresh();
    let armed = Twin::new_armed(spec);
    let counts = counts(situation, case);
    let after: Vec<_> = (0..=counts.last().copied().unwrap_or(0)).zip(armed.after_wrong_codes()).collect();
    let (last, locked_out) = *after.last().expect("it stands somehow after none");
    let mut ways = Vec::new();
    // Of counts that promise the same, the highest is the worst.
    let mut promised = FxHashSet::default();
    for (failed, state) in after.into_iter().rev().filter(|(failed, _)| counts.contains(failed)) {
        out.limits.ahead |=
            failed >= situation.attempts.least() && headlock_twin::attempts_until(&policy, state, false).is_some();
        if promised.insert(Prospect::of(&policy, state)) {
            ways.push(state);
        }
    }
    ways.reverse();
    if counts.last().is_some_and(|most| *most > last) {
        out.limits.passed = Some(last);
        // Who goes on entering codes into a unit that is locked out finds it as it was.
        if situation.display.is_some() && !counts.contains(&last) {
            ways.push(locked_out);
        }
    }
    let mut seen = FxHashSet::default();
    for state in ways {
        for twin in standing(armed.clone().standing_at(state), situation, &mut out.shown) {
            if twin.lock_state(0).is_some_and(|state| seen.insert(*state)) {
                out.fitting.push(Standing::new(kind, twin, code.clone()));
            }
        }
    }
    out
}

/// The counts of failures that a unit may hold after the wrong codes that were told of: fewer where something may have cleared them,
/// and, where nobody counted, those around every limit and rung.
fn counts(situation: &Situation, case: &Case) -> BTreeSet<u16> {
    let told = situation.counts();
    let first = if may_forget(case) { 0 } else { *told.start() };
    let mut counts: BTreeSet<u16> = (first..=*told.end()).collect();
    if !matches!(situation.attempts, Attempts::Exactly(_)) && !situation.says_nothing_of_now() {
        let policy = &case.policies[0];
        let limit = policy.tries.locked_out_after_attempts.into_iter();
        for count in limit.chain(policy.ladder.rungs().map(|rung| rung.from)) {
            counts.extend([count.saturating_sub(1), count].into_iter().filter(|n| n >= told.start()));
        }
    }
    counts
}

/// Whether anything but the right code and the end of a wait can lower the count of failures.
fn may_forget(case: &Case) -> bool {
    use headlock_profile::behaviour::{DoesWord, RequestWord};
    let policy = &case.policies[0];
    let cut = &policy.supply_cut;
    let clears = |does: DoesWord| matches!(does, DoesWord::ClearsAttempts | DoesWord::ClearsAll);
    cut.restores_attempts_ms.is_some()
        || cut.restores_rounds_ms.is_some()
        || cut.ends_locked_out_ms.is_some()
        || policy
            .forgiveness
            .iter()
            .flatten()
            .any(|rule| rule.clears.attempts || rule.clears.rounds || rule.clears.locked_out)
        || policy.tries.extra.attempts > 0
        || case.behaviour.service.iter().any(|menu| menu.supported && menu.item.iter().any(|item| clears(item.does)))
        || case.behaviour.diagnostic.iter().any(|offer| {
            offer.supported && matches!(offer.request, RequestWord::ClearAttempts | RequestWord::ClearLockedOut)
        })
}

/// The number that the unit has, as far as is known.
fn serial_of(unit: &Unit, situation: &Situation) -> String {
    let fitting = situation.serials.iter().find(|serial| unit.serial_spec(serial).is_some());
    fitting.or(situation.serials.first()).cloned().unwrap_or_else(|| unit.example_serial())
}

/// The kinds of unit that this case may be: one for each kind of firmware that its menus and answers tell apart, unless that is known.
fn kinds_of(unit: &Unit, reading: &Reading, case: &Case, situation: &Situation) -> Vec<(Kind, Firmware)> {
    let serial = unit.cleaned(&serial_of(unit, situation));
    let versions = match &situation.firmware {
        Some(version) => vec![version.clone()],
        None => firmware_kinds(unit, reading, case, &headlock_twin::example_firmware(unit, &reading.firmware)),
    };
    let kind = |firmware: &Firmware| Kind {
        fingerprint: case.fingerprint,
        firmware: firmware.to_string(),
        serial: serial.len(),
        code_length: case.behaviour.code.length.resolve(&serial, |_| None),
    };
    versions.into_iter().map(|firmware| (kind(&firmware), firmware)).collect()
}

/// One version for each combination of gates that some version passes; the usual one first.
fn firmware_kinds(unit: &Unit, reading: &Reading, case: &Case, usual: &Firmware) -> Vec<Firmware> {
    let menus = case.behaviour.service.iter().map(|menu| &menu.firmware);
    let gates: Vec<_> = menus
        .chain(case.behaviour.diagnostic.iter().map(|offer| &offer.firmware))
        .filter(|gate| !gate.is_any())
        .collect();
    let bounds = gates.iter().flat_map(|gate| [&gate.from, &gate.to, &gate.below].into_iter().flatten());
    let near = bounds.flat_map(|version| std::iter::once(version.clone()).chain(version.neighbours()));
    let mut kinds: Vec<(Vec<bool>, Firmware)> = Vec::new();
    for version in std::iter::once(usual.clone()).chain(near) {
        let allowed = reading.firmware.contains(&version) && unit.identity.firmware.contains(&version);
        let passes: Vec<bool> = gates.iter().map(|gate| gate.contains(&version)).collect();
        if (allowed || version == *usual) && !kinds.iter().any(|(known, _)| *known == passes) {
            kinds.push((passes, version));
        }
    }
    kinds.into_iter().map(|(_, version)| version).collect()
}

/// The ways in which this unit can stand now, given what the display shows: its wait running, or over.
fn standing(twin: Twin, situation: &Situation, shown: &mut BTreeSet<String>) -> Vec<Twin> {
    let waits = matches!(twin.lock_state(0).map(|lock| lock.phase), Some(Phase::Waiting { .. }));
    let mut ways = vec![twin];
    if waits {
        let mut served = ways[0].clone();
        served.serve_wait();
        ways.push(served);
    }
    let Some(wanted) = situation.display.as_deref() else { return ways.into_iter().map(switched_on).collect() };
    ways.into_iter()
        .map(switched_on)
        .filter(|twin| {
            let display = &twin.spec().behaviour().display;
            let texts: Vec<&str> = texts(twin, display).into_iter().chain(hardware_lock(display)).collect();
            shown.extend(texts.iter().map(|text| (*text).to_owned()));
            texts.iter().any(|text| shows(text, wanted))
        })
        .collect()
}

/// Somebody reads the display, so the ignition is on.
fn switched_on(mut twin: Twin) -> Twin {
    // A unit that knows its vehicle asks in another one.
    if matches!(
        twin.spec().policy(0).map(|p| p.kind),
        Some(headlock_lock::Kind::Pairing | headlock_lock::Kind::PairingOrCode)
    ) {
        twin.apply(0, Input::Vehicle { home: false });
    }
    twin.apply(0, Input::Ignition(Ignition::On));
    if !twin.view().on
        && let Some(key) = twin.spec().behaviour().power.key.clone()
        && let Some(key) = twin.spec().key(&key)
    {
        twin.apply(0, Input::KeyDown(key));
        twin.apply(100, Input::KeyUp(key));
    }
    twin
}
