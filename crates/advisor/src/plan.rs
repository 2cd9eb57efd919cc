//! What to do next, step by step, every step proved on the virtual unit.

use headlock_profile::{Catalog, Code, Fault, Provenance, When};
use headlock_twin::{Hands, PhaseKind};
use serde::Serialize;

use crate::candidate::{Candidate, CandidateState};
use crate::identify::{Excluded, Identification, identify};
use crate::sight::explains;
use crate::situation::{Attempts, BadSituation, Situation};
use crate::steps::{headline, steps};
use crate::trial::{Action, Bench, Gain, Proof};
use crate::typing_plan::{TypingPlan, typing_plan};
use crate::waiting::{How, Schedule, wait_out};
use crate::ways::{RefusedWay, Way, ways};
use crate::words;

/// A whole plan.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What it comes to, in one sentence.
    pub headline: String,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// The readings that remain.
    pub readings: Vec<ReadingLine>,
    /// What is out, and why.
    pub excluded: Vec<Excluded>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Wrong codes left before a lock-out for good, in the worst remaining reading.
    pub attempts_left: AttemptsLeft,
    /// Whether a code may be entered now.
    pub entering_now: Entering,
    /// How to wait, if anything waits.
    pub wait: Option<Schedule>,
    /// What not to do, and where it hurts.
    pub do_not: Vec<Warning>,
    /// Ways to the code, the best first.
    pub ways: Vec<Way>,
    /// Ways that are not advised.
    pub refused_ways: Vec<RefusedWay>,
    /// Who issued the code at hand, if there is one.
    pub code_from: Option<&'static str>,
    /// How to type the code.
    pub typing: Vec<Typing>,
    /// How to find out by typing, where the sources differ; absent where they do not.
    pub typing_plan: Option<TypingPlan>,
    /// What the owner described.
    pub symptoms: Vec<Trouble>,
    /// What to check when a right code is refused.
    pub if_refused: Vec<Trouble>,
    /// How to keep it from happening again.
    pub keep: Vec<Remark>,
}

/// One thing to do.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What to do.
    pub text: String,
    /// The readings that it is for; empty for all.
    pub under: Vec<String>,
    /// The readings whose wait ends with it.
    pub ends_wait_under: Vec<String>,
    /// The run that shows it safe, where it touches the unit.
    pub proof: Option<Proof>,
}

/// A reading that remains.
#[derive(Clone, Debug, Serialize)]
pub struct ReadingLine {
    /// Unit and reading.
    pub name: String,
    /// The unit's name.
    pub unit: String,
    /// The reading's title.
    pub title: String,
    /// What it rests on.
    pub sources: Vec<String>,
    /// Its grade.
    pub grade: &'static str,
    /// Why it remains.
    pub why: Vec<String>,
    /// What the unit is doing under it.
    pub doing: Vec<&'static str>,
    /// Wrong codes left before a lock-out for good, at worst; absent if it never locks out.
    pub attempts_left: Option<u16>,
}

/// Attempts left at worst.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptsLeft {
    /// Before a lock-out for good; absent if no remaining reading ever locks out.
    pub before_lock_out: Option<u16>,
    /// The reading with the fewest.
    pub worst_reading: Option<String>,
    /// Before the next penalty of any kind.
    pub before_penalty: Option<u16>,
}

/// Whether a code may be entered now.
#[derive(Clone, Debug, Serialize)]
pub struct Entering {
    /// Yes or no.
    pub safe: bool,
    /// `safe`, `only a code you are sure of`, or `not now`.
    pub verdict: &'static str,
    /// Why.
    pub because: String,
    /// A right code, typed as the reading wants it, does no harm under any remaining reading, after the waiting of this plan.
    pub proof: Proof,
    /// Readings under which it then opens.
    pub opens_under: Vec<String>,
    /// Readings under which it may not: locked out for good, or open to a dealer's tool alone.
    pub not_under: Vec<String>,
}

/// Something not to do.
#[derive(Clone, Debug, Serialize)]
pub struct Warning {
    /// What.
    pub text: String,
    /// Where it hurts, and how.
    pub hurts: Vec<crate::trial::Counterexample>,
    /// Readings under which it would help.
    pub helps: Vec<String>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// A way to type the code, and the readings that have it.
#[derive(Clone, Debug, Serialize)]
pub struct Typing {
    /// In words.
    pub words: String,
    /// The presses for the code at hand, if there is one; empty otherwise.
    pub presses: Vec<String>,
    /// Why the code at hand cannot be typed so.
    pub cannot: Option<String>,
    /// The readings.
    pub readings: Vec<String>,
}

/// Something that looks like the lock, and what to check.
#[derive(Clone, Debug, Serialize)]
pub struct Trouble {
    /// Its short name.
    pub id: String,
    /// What the owner sees.
    pub title: String,
    /// What it means.
    pub means: String,
    /// What to check.
    pub check: Vec<Remark>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// A sentence with its sources.
#[derive(Clone, Debug, Serialize)]
pub struct Remark {
    /// The sentence.
    pub text: String,
    /// Who says so.
    pub sources: Vec<String>,
}

/// Makes the plan. `code` is the code at hand, if there is one.
///
/// # Errors
/// The situation cannot be.
pub fn plan(catalog: &Catalog, situation: &Situation, code: Option<&Code>) -> Result<Plan, BadSituation> {
    let mut found = identify(catalog, situation)?;
    let mut assumed = situation.clone();
    if found.remaining.is_empty() && situation.display.is_some() && situation.attempts != Attempts::Unknown {
        // The display outranks the count: somebody else may have entered codes.
        assumed.attempts = Attempts::Unknown;
        let without_count = identify(catalog, &assumed)?;
        if !without_count.remaining.is_empty() {
            found = without_count;
            found.notes.push(
                "no reading shows that after so many wrong codes: others must have been entered than you know of, and this plan does without the count"
                    .to_owned(),
            );
        }
    }
    let situation = &assumed;
    let Identification { remaining, excluded, mut notes } = found;
    if situation.says_nothing_of_now() {
        notes.push(
            "you said neither what the display shows nor how many wrong codes were entered: this plan is for a unit that asks for its code and has seen no wrong one"
                .to_owned(),
        );
    }
    let locked: Vec<Candidate<'_>> = remaining.iter().filter(|c| !c.states.is_empty()).cloned().collect();
    let mut symptoms = symptoms(catalog, situation);
    // A text that a lock's own counting explains is no sign of its hardware.
    let explained = situation
        .display
        .as_deref()
        .is_some_and(|seen| locked.iter().flat_map(|c| &c.states).any(|s| explains(s, seen)));
    let told = situation.symptoms.iter().any(|symptom| symptom == "error-3");
    let hardware_lock = told || (!explained && symptoms.iter().any(|t| t.id == "error-3"));
    symptoms.retain(|trouble| hardware_lock || trouble.id != "error-3");
    let waited = if hardware_lock { None } else { wait_out(&locked) };
    let (wait, after) = waited.map_or_else(|| (None, locked.clone()), |(schedule, after)| (Some(schedule), after));
    let mut bench = Bench::default();
    let open_to_codes: &[Candidate<'_>] = if hardware_lock { &[] } else { &after };
    let (ways, refused_ways) = if locked.is_empty() || hardware_lock {
        (Vec::new(), Vec::new())
    } else {
        ways(catalog, situation, &locked, &after, &mut bench)
    };
    // Where the hardware locks, no count and no wait is left to be hurt.
    let counting: &[Candidate<'_>] = if hardware_lock { &[] } else { &locked };
    let typing = typing_groups(open_to_codes, code);
    let mut plan = Plan {
        headline: String::new(),
        steps: Vec::new(),
        readings: remaining.iter().map(line).collect(),
        excluded,
        notes,
        attempts_left: attempts_left(&locked),
        entering_now: entering(&locked, open_to_codes, hardware_lock, &mut bench),
        do_not: warnings(catalog, counting, wait.as_ref(), &refused_ways, &mut bench),
        wait,
        ways,
        refused_ways,
        code_from: code.filter(|code| code.provenance() != Provenance::Stated).map(|code| code.provenance().words()),
        typing,
        typing_plan: typing_plan(open_to_codes, code),
        symptoms,
        if_refused: troubles(catalog, |fault| {
            let about = ["right-code-refused", "dealer-code-does-not-fit", "no-reaction"];
            about.contains(&fault.id.as_str())
                && !situation.symptoms.contains(&fault.id)
                && !hardware_lock
                && !locked.is_empty()
        }),
        keep: catalog
            .cautions
            .iter()
            .filter(|caution| caution.when == When::Keeping)
            .map(|caution| Remark { text: caution.text.clone(), sources: caution.sources.clone() })
            .collect(),
    };
    if code.is_some() && !plan.typing.is_empty() && plan.typing.iter().all(|typing| typing.cannot.is_some()) {
        plan.entering_now.safe = false;
        plan.entering_now.verdict = "not now";
        "no panel that remains can type this code: it is another unit's, or misread"
            .clone_into(&mut plan.entering_now.because);
    }
    plan.headline = headline(&plan, situation, hardware_lock);
    plan.steps = steps(&plan, situation, &after, code, hardware_lock);
    Ok(plan)
}

fn line(candidate: &Candidate<'_>) -> ReadingLine {
    let mut doing: Vec<&'static str> = candidate
        .states
        .iter()
        .map(|state| match state.phase() {
            PhaseKind::Open => "plays",
            PhaseKind::Armed | PhaseKind::Checking => "asks for its code",
            PhaseKind::Waiting => "waits",
            PhaseKind::LockedOut => "is locked out for good",
        })
        .collect();
    doing.sort_unstable();
    doing.dedup();
    if candidate.states.is_empty() {
        doing.push("has no lock");
    }
    let left: Vec<Option<u16>> = candidate.states.iter().map(|state| state.glance().lock.attempts_left).collect();
    ReadingLine {
        name: candidate.name(),
        unit: candidate.unit.identity.name.clone(),
        title: candidate.reading.title.clone(),
        sources: candidate.reading.sources.clone(),
        grade: candidate.reading.grade.word(),
        why: candidate.why.clone(),
        doing,
        attempts_left: left.into_iter().flatten().min(),
    }
}

fn attempts_left(candidates: &[Candidate<'_>]) -> AttemptsLeft {
    let views = || candidates.iter().flat_map(|c| c.states.iter().map(move |s| (c, s.glance().lock)));
    let worst = views().filter_map(|(c, lock)| Some((lock.attempts_left?, c))).min_by_key(|(left, _)| *left);
    AttemptsLeft {
        before_lock_out: worst.map(|(left, _)| left),
        worst_reading: worst.map(|(_, candidate)| candidate.name()),
        before_penalty: views().filter_map(|(_, lock)| lock.attempts_before_penalty).min(),
    }
}

fn entering(now: &[Candidate<'_>], after: &[Candidate<'_>], hardware_lock: bool, bench: &mut Bench) -> Entering {
    let trials = bench.run(after, &[Action::EnterRight]);
    let proof = trials.proof(after, |effect| effect.harm.clone());
    let opens = |state: &CandidateState<'_>| {
        state.phase() == PhaseKind::Open
            || trials.effect(state).is_some_and(|effect| effect.gain.contains(&Gain::Opens))
    };
    let mut opens_under = Vec::new();
    let mut not_under = Vec::new();
    for candidate in after.iter().filter(|c| !c.states.is_empty()) {
        let states: Vec<bool> = candidate.states.iter().map(opens).collect();
        if states.contains(&true) {
            opens_under.push(candidate.name());
        }
        if states.contains(&false) {
            not_under.push(candidate.name());
        }
    }
    let states = || now.iter().flat_map(|c| c.states.iter().map(move |s| (c, s.glance().lock)));
    let find = |phase| states().find(|(_, lock)| lock.phase == phase).map(|(c, _)| c.name());
    let fewest = states().filter_map(|(_, lock)| lock.attempts_left).min();
    let last = !hardware_lock
        && fewest == Some(1)
        && proof.is_safe()
        && !opens_under.is_empty()
        && find(PhaseKind::LockedOut).is_none()
        && find(PhaseKind::Waiting).is_none();
    let (safe, because) = if hardware_lock {
        (false, "the unit is locked by its hardware; no code opens it".to_owned())
    } else if now.is_empty() {
        (false, "nothing is known that asks for a code here".to_owned())
    } else if let Some(name) = find(PhaseKind::LockedOut) {
        (false, format!("under {name} it is locked out for good and takes no code"))
    } else if let Some(name) = find(PhaseKind::Waiting) {
        (false, format!("under {name} it waits; a code entered now is lost, or worse"))
    } else if let Some(example) = proof.counterexamples.first() {
        let harm: Vec<&str> = example.harm.iter().map(|harm| harm.words()).collect();
        (false, format!("under {} even a right code {}", example.reading, harm.join(", ")))
    } else if opens_under.is_empty() {
        (false, "no code opens it under any reading that remains".to_owned())
    } else if fewest == Some(1) {
        (false, "one wrong digit would lock it out for good under the worst reading; be sure of the code and of how it is typed first".to_owned())
    } else {
        let wrong = match fewest {
            Some(left) => format!("costs one of {left} attempts under the worst reading"),
            None => "does not lock it out".to_owned(),
        };
        (true, format!("a right code does no harm under any reading that remains, and a wrong one {wrong}"))
    };
    let verdict = match (safe, last) {
        (true, _) => "safe",
        (false, true) => "only a code that you are sure of",
        (false, false) => "not now",
    };
    Entering { safe, verdict, because, proof, opens_under, not_under }
}

fn warnings(
    catalog: &Catalog,
    now: &[Candidate<'_>],
    wait: Option<&Schedule>,
    refused: &[RefusedWay],
    bench: &mut Bench,
) -> Vec<Warning> {
    const QUARTER_HOUR_MS: u64 = 900_000;
    let uses = |how: How| wait.is_some_and(|schedule| schedule.phases.iter().any(|phase| phase.how == how));
    let mut tried: Vec<(&str, Vec<Action>, &[&str])> = vec![(
        "Do not guess codes, and do not try codes from lists.",
        vec![Action::EnterWrong],
        &["S0.lock.1", "S3.code.2", "S4.lock.5"],
    )];
    if !uses(How::BatteryOff) {
        tried.push((
            "Do not take the battery off to reset it.",
            vec![Action::BatteryOff { for_ms: QUARTER_HOUR_MS }],
            &["S1.lock.4", "S3.lock.5", "S4.lock.3"],
        ));
    }
    if wait.is_some() {
        tried.push((
            "Do not touch any key while it waits.",
            vec![Action::Ignition { to: headlock_lock::Ignition::On, for_ms: 60_000 }, Action::TouchKey],
            &["S2.lock.2"],
        ));
        tried.push(("Do not enter anything while it waits.", vec![Action::EnterRight], &["S2.lock.2", "S4.lock.2"]));
        if !uses(How::IgnitionOff) {
            tried.push((
                "Do not switch the ignition off while it waits.",
                vec![Action::Ignition { to: headlock_lock::Ignition::Off, for_ms: QUARTER_HOUR_MS }],
                &["S2.lock.3", "S4.lock.3"],
            ));
        }
    }
    let mut out = Vec::new();
    for (text, actions, sources) in tried {
        let trials = bench.run(now, &actions);
        let proof = trials.proof(now, |effect| effect.harm.clone());
        if proof.counterexamples.is_empty() {
            continue;
        }
        let helps = now
            .iter()
            .filter(|c| c.states.iter().any(|state| trials.effect(state).is_some_and(|effect| !effect.gain.is_empty())))
            .map(Candidate::name)
            .collect();
        let known = sources.iter().filter(|id| catalog.claim(id).is_some()).map(|id| (*id).to_owned()).collect();
        // That a guess may help is no advice.
        let helps = if actions == [Action::EnterWrong] { Vec::new() } else { helps };
        out.push(Warning { text: text.to_owned(), hurts: proof.counterexamples, helps, sources: known });
    }
    for way in refused {
        if catalog.methods.iter().any(|m| m.id == way.id && m.advice == headlock_profile::Advice::Never) {
            let hurts = way.proof.as_ref().map(|proof| proof.counterexamples.clone()).unwrap_or_default();
            // It hurts as guessing does, which is said above.
            let hurts = if out.iter().any(|warning| warning.hurts == hurts) { Vec::new() } else { hurts };
            out.push(Warning {
                text: format!("{}: do not. {}", way.title, way.because),
                hurts,
                helps: Vec::new(),
                sources: way.sources.clone(),
            });
        }
    }
    out
}

fn typing_groups(after: &[Candidate<'_>], code: Option<&Code>) -> Vec<Typing> {
    let mut groups: Vec<Typing> = Vec::new();
    for candidate in after {
        for state in &candidate.states {
            if state.phase() == PhaseKind::Open {
                continue;
            }
            let behaviour = &state.case.behaviour;
            let words = words::typing(behaviour);
            let mut twin = state.twin().clone();
            let typed = code.map(|code| {
                headlock_profile::typing::takes_codes(behaviour).and_then(|()| Hands::on(&mut twin).presses_for(code))
            });
            let (presses, cannot) = match typed {
                None => (Vec::new(), None),
                Some(Ok(presses)) => (words::presses(&presses), None),
                Some(Err(error)) => (Vec::new(), Some(error.to_string())),
            };
            let name = candidate.name();
            match groups.iter_mut().find(|g| g.words == words && g.presses == presses) {
                Some(group) if group.readings.contains(&name) => {}
                Some(group) => group.readings.push(name),
                None => groups.push(Typing { words, presses, cannot, readings: vec![name] }),
            }
        }
    }
    groups
}

fn symptoms(catalog: &Catalog, situation: &Situation) -> Vec<Trouble> {
    let shown = situation.display.as_deref();
    troubles(catalog, |fault| {
        situation.symptoms.contains(&fault.id)
            || shown.is_some_and(|seen| fault.display.iter().any(|text| crate::sight::shows(text, seen)))
    })
}

fn troubles(catalog: &Catalog, wanted: impl Fn(&Fault) -> bool) -> Vec<Trouble> {
    let trouble = |fault: &Fault| Trouble {
        id: fault.id.clone(),
        title: fault.title.clone(),
        means: fault.means.clone(),
        check: fault
            .check
            .iter()
            .map(|check| Remark { text: check.text.clone(), sources: check.sources.clone() })
            .collect(),
        sources: fault.sources.clone(),
    };
    catalog.faults.iter().filter(|fault| wanted(fault)).map(trouble).collect()
}
