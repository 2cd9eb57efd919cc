//! A reading that the observations still allow, ready to be tried on the twin.

use std::collections::BTreeSet;
use std::sync::Arc;

use headlock_lock::{Ignition, Phase, State};
use headlock_profile::behaviour::DisplaySpec;
use headlock_profile::{Case, Code, Reading, Text, Unit};
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
    pub(crate) fn class(&self) -> Option<(u64, State)> {
        Some((self.case.fingerprint, *self.twin.lock_state(0)?))
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
    let mut shown = BTreeSet::new();
    let mut limit = None;
    for case in &reading.cases {
        let Some((spec, code)) = spec(unit, reading, case, situation) else { continue };
        if matches!(spec.policy(0).map(|p| p.kind), Some(headlock_lock::Kind::None)) {
            return if situation.display.is_some() || situation.attempts.least() > 0 {
                Err(Out::NothingToOpen)
            } else {
                Ok(Vec::new())
            };
        }
        for failed in situation.counts() {
            let twin = match Twin::new_failed(Arc::clone(&spec), failed) {
                Ok(twin) => twin,
                Err(locked_out_at) => {
                    limit = limit.max(Some(locked_out_at));
                    limits.passed = limits.passed.max(Some(locked_out_at));
                    // Who goes on entering codes into a unit that is locked out finds it as it was.
                    if let (true, Ok(twin)) =
                        (situation.display.is_some(), Twin::new_failed(Arc::clone(&spec), locked_out_at))
                    {
                        for twin in standing(twin, situation, &mut shown) {
                            fitting.push(CandidateState { case, failed, twin, code: code.clone() });
                        }
                    }
                    break;
                }
            };
            limits.ahead |= twin.attempts_left(0).is_some();
            for twin in standing(twin, situation, &mut shown) {
                if fitting.iter().any(|other: &CandidateState<'_>| alike(other, case, &twin)) {
                    continue;
                }
                fitting.push(CandidateState { case, failed, twin, code: code.clone() });
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

fn alike(other: &CandidateState<'_>, case: &Case, twin: &Twin) -> bool {
    std::ptr::eq(other.case, case) && other.twin.lock_state(0) == twin.lock_state(0)
}

fn spec(unit: &Unit, reading: &Reading, case: &Case, situation: &Situation) -> Option<(Arc<Spec>, Code)> {
    let serial = situation.serials.first().cloned().unwrap_or_else(|| unit.example_serial());
    let code = unknown_code(unit, case, &serial)?;
    let mut provision = Provision::example(unit, &reading.firmware, vec![code.clone()]);
    provision.serial = serial;
    if let Some(firmware) = &situation.firmware {
        provision.firmware = firmware.clone();
    }
    Some((Arc::new(Spec::new(unit, case, provision).ok()?), code))
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
            let texts = texts(twin, &display);
            shown.extend(texts.iter().map(|text| (*text).to_owned()));
            texts.iter().any(|text| shows(text, wanted))
        })
        .collect()
}

/// Somebody reads the display, so the ignition is on.
fn switched_on(mut twin: Twin) -> Twin {
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
        PhaseKind::LockedOut => display.locked_out.all().collect(),
    };
    // The text of an error goes after a moment; where the unit is locked out, that text has long gone.
    if failed && matches!(lock.phase, PhaseKind::Armed | PhaseKind::Waiting) {
        all.extend(display.error.all());
    }
    all.extend(hardware_lock(display));
    all
}

fn hardware_lock(display: &DisplaySpec) -> impl Iterator<Item = &str> {
    let text: &Text = &display.hardware_lock;
    text.all()
}

/// Whether a display's text, placeholders and all, is what somebody reads.
pub(crate) fn shows(template: &str, seen: &str) -> bool {
    fn matches(template: &[&str], text: &str) -> bool {
        match template {
            [] => text.is_empty(),
            [last] => text == *last,
            [first, rest @ ..] => text.strip_prefix(first).is_some_and(|tail| {
                (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| {
                    let next = rest[0];
                    if rest.len() == 1 {
                        tail[at..] == *next
                    } else {
                        tail[at..].starts_with(next) && matches(rest, &tail[at..])
                    }
                })
            }),
        }
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
    matches(&parts, &seen)
}

impl Situation {
    /// Whether the count of wrong codes can be this.
    pub(crate) fn allows(&self, failed: u16) -> bool {
        match self.attempts {
            Attempts::Unknown => true,
            Attempts::Exactly(n) => n == failed,
            Attempts::AtLeast(n) => failed >= n,
        }
    }
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
