//! A reading that the observations still allow, ready to be tried on the twin.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use headlock_lock::{Ignition, Phase, State};
use headlock_profile::behaviour::DisplaySpec;
use headlock_profile::{Case, Code, Firmware, Reading, Text, Unit};
use headlock_twin::{Input, PhaseKind, Provision, Spec, Twin, unknown_code};

use crate::situation::{Attempts, Situation};

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
    /// Wrong codes so far.
    pub failed: u16,
    /// The unit as it stands now: ignition on, and a wait, if one runs, at its beginning.
    pub twin: Twin,
    /// Its code, known to nobody but the proof.
    pub(crate) code: Code,
}

impl Candidate<'_> {
    /// Unit and reading.
    pub fn name(&self) -> String {
        format!("{}#{}", self.unit.identity.id, self.reading.id)
    }
}

/// What two states share that behave and stand the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    fingerprint: u64,
    firmware: String,
    serial: usize,
    state: Option<State>,
}

impl CandidateState<'_> {
    /// Whether the main lock waits.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.twin.lock_state(0).map(|lock| lock.phase), Some(Phase::Waiting { .. }))
    }

    /// Whether the main lock is locked out for good.
    pub(crate) fn is_locked_out(&self) -> bool {
        matches!(self.twin.lock_state(0).map(|lock| lock.phase), Some(Phase::LockedOut))
    }

    /// The same for states that behave and stand the same.
    pub(crate) fn class(&self) -> Class {
        let state = self.twin.lock_state(0).copied();
        let spec = self.twin.spec();
        Class {
            fingerprint: self.case.fingerprint,
            firmware: spec.firmware().to_owned(),
            serial: spec.serial().len(),
            state,
        }
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

/// The states of a reading that fit what was observed.
pub(crate) fn states<'a>(
    unit: &'a Unit,
    reading: &'a Reading,
    situation: &Situation,
    limits: &mut Limits,
) -> Result<Vec<CandidateState<'a>>, Out> {
    let mut fitting = Vec::new();
    let mut classes = HashSet::new();
    let mut shown = BTreeSet::new();
    let mut limit = None;
    for case in &reading.cases {
        for (spec, code) in specs(unit, reading, case, situation) {
            if matches!(spec.policy(0).map(|p| p.kind), Some(headlock_lock::Kind::None)) {
                return if situation.display.is_some() || situation.attempts.least() > 0 {
                    Err(Out::NothingToOpen)
                } else {
                    Ok(Vec::new())
                };
            }
            for failed in counts(situation, case) {
                let (twin, passed) = match Twin::new_failed(Arc::clone(&spec), failed) {
                    Ok(twin) => (Some(twin), false),
                    Err(locked_out_at) => {
                        limit = limit.max(Some(locked_out_at));
                        limits.passed = limits.passed.max(Some(locked_out_at));
                        // Who goes on entering codes into a unit that is locked out finds it as it was.
                        let known = situation.display.is_some();
                        (Twin::new_failed(Arc::clone(&spec), locked_out_at).ok().filter(|_| known), true)
                    }
                };
                limits.ahead |= !passed
                    && failed >= situation.attempts.least()
                    && twin.as_ref().is_some_and(|twin| twin.attempts_left(0).is_some());
                for twin in twin.into_iter().flat_map(|twin| standing(twin, situation, &mut shown)) {
                    let new = CandidateState { case, failed, twin, code: code.clone() };
                    if classes.insert(new.class()) {
                        fitting.push(new);
                    }
                }
                if passed {
                    break;
                }
            }
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

/// The unit as it may be provisioned: once for each kind of firmware that its menus and answers tell apart, unless that is known.
fn specs(unit: &Unit, reading: &Reading, case: &Case, situation: &Situation) -> Vec<(Arc<Spec>, Code)> {
    let fitting = situation.serials.iter().find(|serial| unit.serial_spec(serial).is_some());
    let serial = fitting.or(situation.serials.first()).cloned().unwrap_or_else(|| unit.example_serial());
    let Some(code) = unknown_code(unit, case, &serial) else { return Vec::new() };
    let mut provision = Provision::example(unit, &reading.firmware, vec![code.clone()]);
    provision.serial = serial;
    let versions = match &situation.firmware {
        Some(version) => vec![version.clone()],
        None => firmware_kinds(unit, reading, case, &provision.firmware),
    };
    versions
        .into_iter()
        .filter_map(|firmware| {
            let provision = Provision { firmware, ..provision.clone() };
            Some((Arc::new(Spec::new(unit, case, provision).ok()?), code.clone()))
        })
        .collect()
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
    let display = twin.spec().behaviour().display.clone();
    let mut ways = vec![twin];
    if ways[0].view().locks[0].phase == PhaseKind::Waiting {
        let mut served = ways[0].clone();
        served.serve_wait();
        ways.push(served);
    }
    let Some(wanted) = situation.display.as_deref() else { return ways.into_iter().map(switched_on).collect() };
    ways.into_iter()
        .map(switched_on)
        .filter(|twin| {
            let texts: Vec<&str> = texts(twin, &display).into_iter().chain(hardware_lock(&display)).collect();
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

/// Every text that this unit may show as it stands.
fn texts<'a>(twin: &Twin, display: &'a DisplaySpec) -> Vec<&'a str> {
    let view = twin.view();
    let lock = view.locks[0];
    let failed = lock.tally.failed > 0 || lock.tally.rounds > 0;
    let prompt = || {
        let again: Box<dyn Iterator<Item = &'a str>> = match &display.prompt_again {
            Some(text) if failed => Box::new(text.all()),
            _ => Box::new(std::iter::empty()),
        };
        display.prompt.all().chain(again)
    };
    let mut all: Vec<&str> = match lock.phase {
        PhaseKind::Open | PhaseKind::Checking => Vec::new(),
        PhaseKind::Armed => prompt().collect(),
        PhaseKind::Waiting if display.silent_wait => prompt().collect(),
        PhaseKind::Waiting => display.wait.all().collect(),
        PhaseKind::LockedOut => {
            display.locked_out.all().chain(display.locked_out_again.iter().flat_map(Text::all)).collect()
        }
    };
    // The text of an error goes after a moment; where the unit is locked out, that text has long gone.
    if failed && matches!(lock.phase, PhaseKind::Armed | PhaseKind::Waiting) {
        all.extend(display.error.all());
        all.extend(display.refused.iter().flat_map(Text::all));
    }
    all
}

/// Whether its own texts, the lock of its hardware apart, explain what somebody reads.
pub(crate) fn explains(state: &CandidateState<'_>, seen: &str) -> bool {
    let display = &state.case.behaviour.display;
    texts(&state.twin, display).iter().any(|text| shows(text, seen))
}

fn hardware_lock(display: &DisplaySpec) -> impl Iterator<Item = &str> {
    let text: &Text = &display.hardware_lock;
    text.all()
}

/// Whether a display's text, placeholders and all, is what somebody reads.
pub(crate) fn shows(template: &str, seen: &str) -> bool {
    /// Whether the parts stand in the text in their order, the first at its beginning, the last at its end.
    fn matches(parts: &[&str], text: &str) -> bool {
        let [first, middle @ .., last] = parts else { return parts.first().is_some_and(|only| *only == text) };
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
    let plain = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        text.trim_end_matches(['.', '!', '…', ':']).trim_end().to_owned()
    };
    let (template, seen) = (plain(template), plain(seen));
    let mut parts = Vec::new();
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        parts.push(before);
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    parts.push(rest);
    // A placeholder may be empty, and a space before it then goes, too.
    matches(&parts, &seen) || plain(&parts.concat()) == seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_placeholders_recognises_what_is_read() {
        assert!(shows("CODE", "code"));
        assert!(shows("WAIT {wait_min} MIN", "WAIT 42 MIN"));
        assert!(shows("{left} TRIES", "3  tries"));
        assert!(shows("LOCKED{failed}", "LOCKED10"));
        assert!(!shows("WAIT {wait_min} MIN", "WAIT"));
        assert!(!shows("CODE", "CODE 2"));
    }
}
