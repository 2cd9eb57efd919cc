//! The plan in sentences: what it comes to, and what to do, in order.

use headlock_profile::Code;
use headlock_twin::PhaseKind;

use crate::candidate::Candidate;
use crate::plan::{Plan, Step, Typing};
use crate::situation::Situation;
use crate::trial::Proof;
use crate::waiting::{How, Schedule};
use crate::words;

pub(crate) fn headline(plan: &Plan, situation: &Situation, hardware_lock: bool) -> String {
    if hardware_lock {
        return "The unit is locked by its hardware. No code opens it; a dealer or a chip workshop does.".to_owned();
    }
    if plan.readings.is_empty() {
        return "Nothing in the catalogue behaves as you describe. Enter no code; have the unit looked at.".to_owned();
    }
    if plan.typing.iter().any(|typing| typing.cannot.is_some())
        && plan.typing.iter().all(|typing| typing.cannot.is_some())
    {
        return "This code cannot be typed on this unit: it is another unit's, or misread. Do not enter it.".to_owned();
    }
    let doing = |what| plan.readings.iter().any(|reading| reading.doing.contains(&what));
    if plan.readings.iter().all(|reading| reading.doing.iter().all(|d| matches!(*d, "has no lock" | "plays"))) {
        return "This unit has no lock that asks for a code.".to_owned();
    }
    let left = match plan.attempts_left.before_lock_out {
        Some(0) => "it may be locked out for good already".to_owned(),
        Some(1) => "one wrong code may be the last".to_owned(),
        Some(n) => format!("{n} wrong codes are left at worst before it locks out for good"),
        None => "no remaining reading locks it out for good".to_owned(),
    };
    let wait = plan.wait.as_ref();
    match wait {
        Some(schedule) if schedule.phases.is_empty() => {
            format!("Enter nothing now: it waits, and waiting alone does not end that; {left}.")
        }
        Some(schedule) => format!("Enter nothing now. Wait {} as below; {left}.", words::time_s(schedule.total_s())),
        None if doing("is locked out for good") => format!("Enter nothing more: {left}. Get it cleared by a dealer."),
        None if plan.symptoms.iter().any(|t| t.id == "right-code-refused" || t.id == "dealer-code-does-not-fit") => {
            format!("Enter nothing more before the checks below; {left}.")
        }
        None if !plan.symptoms.is_empty() && situation.display.is_none() => {
            "This looks like a fault rather than a lock; check it first.".to_owned()
        }
        None => format!("Get the right code first, then enter it once; {left}."),
    }
}

pub(crate) fn steps(
    plan: &Plan,
    situation: &Situation,
    after: &[Candidate<'_>],
    code: Option<&Code>,
    hardware_lock: bool,
) -> Vec<Step> {
    let say = |text: String| Step { text, under: Vec::new(), ends_wait_under: Vec::new(), proof: None };
    let mut steps = Vec::new();
    for trouble in &plan.symptoms {
        steps.push(say(format!("{}: {}", trouble.title, trouble.means)));
        steps.extend(trouble.check.iter().map(|check| say(check.text.clone())));
    }
    if hardware_lock || after.is_empty() {
        return steps;
    }
    // Who says that the right code is refused, or asked for again, has it.
    let implied = ["asks-at-every-start", "right-code-refused", "dealer-code-does-not-fit", "after-unlocking"];
    let code_at_hand = code.is_some()
        || situation.has.iter().any(|has| has == "code")
        || situation.symptoms.iter().any(|symptom| implied.contains(&symptom.as_str()));
    if let Some(schedule) = &plan.wait {
        steps.extend(waiting_steps(schedule));
    }
    let locked_out = |c: &&Candidate<'_>| c.states.iter().any(|s| s.phase() == PhaseKind::LockedOut);
    let out: Vec<String> = after.iter().filter(locked_out).map(Candidate::name).collect();
    if !out.is_empty() {
        let when = if out.len() == after.len() {
            "It is locked out for good"
        } else {
            "If it takes no code even then, it is locked out for good"
        };
        let text =
            format!("{when}: have a dealer or a workshop with the maker's tester clear that; no code is taken before.");
        steps.push(Step { text, under: out.clone(), ends_wait_under: Vec::new(), proof: None });
    }
    if !code_at_hand {
        steps.extend(getting_steps(plan));
    }
    let at_hand = plan.code_from.map_or_else(|| "at hand".to_owned(), |from| format!("from {from}"));
    let text = match plan.typing.as_slice() {
        [] => return steps,
        [one] if one.cannot.is_some() => return steps,
        [one] => format!("With the code {at_hand}, ignition on: {}.", typed(one)),
        several if several.iter().all(|typing| typing.cannot.is_some()) => return steps,
        _ => {
            let how = if plan.typing_plan.is_some() {
                "follow the moves below, which cost no attempt while the code is right"
            } else {
                "see below"
            };
            format!("With the code {at_hand}, ignition on: the sources differ in how it is typed; {how}.")
        }
    };
    steps.push(Step {
        text,
        under: Vec::new(),
        ends_wait_under: Vec::new(),
        proof: Some(plan.entering_now.proof.clone()),
    });
    if !plan.entering_now.not_under.is_empty() && out.is_empty() {
        let text = "If it takes no code at all, only a dealer's equipment opens it.".to_owned();
        steps.push(Step { text, under: plan.entering_now.not_under.clone(), ends_wait_under: Vec::new(), proof: None });
    }
    steps.push(say("If a right code is refused, stop and check the list below before another attempt.".to_owned()));
    steps
}

/// The best way to the code, and the next; during a wait only what the wait allows.
fn getting_steps(plan: &Plan) -> Vec<Step> {
    let waits = plan.wait.is_some();
    let good = || plan.ways.iter().filter(|way| !way.careful && way.gives == "the code");
    let step = |text: String, proof: &Option<Proof>| Step {
        text,
        under: Vec::new(),
        ends_wait_under: Vec::new(),
        proof: proof.clone(),
    };
    let mut steps = Vec::new();
    let mut first = good().filter(|way| way.fits_the_wait()).take(2);
    if let Some(way) = first.next() {
        let text = format!("{}et the code: {}.", if waits { "Meanwhile g" } else { "G" }, lower(&way.title));
        steps.push(step(text, if waits { &way.proof_while_waiting } else { &way.proof }));
    }
    if let Some(way) = first.next() {
        let proof = if waits { &way.proof_while_waiting } else { &way.proof };
        steps.push(step(format!("If that fails: {}.", lower(&way.title)), proof));
    }
    if let Some(way) = good().find(|way| !way.fits_the_wait()) {
        steps.push(step(format!("Only after the wait, if you still need it: {}.", lower(&way.title)), &way.proof));
    }
    steps
}

fn typed(typing: &Typing) -> String {
    if typing.presses.is_empty() { typing.words.clone() } else { typing.presses.join(", ") }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn waiting_steps(schedule: &Schedule) -> Vec<Step> {
    let mut steps: Vec<Step> = schedule
        .phases
        .iter()
        .zip(&schedule.ends)
        .map(|(phase, ends)| {
            let time = words::time_s(phase.for_s);
            let charger = if phase.for_s > 2 * 3600 {
                " Put a charger on the battery: a flat one would cut the supply."
            } else {
                ""
            };
            let how = match phase.how {
                How::IgnitionOff => {
                    format!("Switch the ignition off, take the key out, leave the battery connected, and wait {time}.")
                }
                How::IgnitionAcc => {
                    format!("Turn the ignition to ACC, touch no key of the unit, and wait {time}.{charger}")
                }
                How::IgnitionOn => {
                    format!("Switch the ignition on, leave the unit on, touch no key of it, and wait {time}.{charger}")
                }
                How::EngineOn => {
                    format!("Run the engine, in the open air, leave the unit on, touch no key of it, and wait {time}.")
                }
                How::BatteryOff => format!("Take the battery off for {time}, then put it back."),
            };
            Step { text: how, under: Vec::new(), ends_wait_under: ends.clone(), proof: Some(schedule.proof.clone()) }
        })
        .collect();
    if !schedule.never.is_empty() {
        steps.push(Step {
            under: Vec::new(),
            text: format!(
                "Under {} the wait never ends by itself: a dealer or a tester has to end it.",
                schedule.never.join(", ")
            ),
            ends_wait_under: Vec::new(),
            proof: None,
        });
    }
    if !schedule.phases.is_empty() {
        steps.push(Step {
            text: "If it still waits then, more wrong codes were entered than you know of: enter nothing, and plan again without their number.".to_owned(),
            under: Vec::new(),
            ends_wait_under: Vec::new(),
            proof: None,
        });
    }
    if !schedule.found {
        steps.push(Step {
            under: Vec::new(),
            text: "No way to wait was found that serves every reading that remains. Tell more about the car, or ask a dealer; enter nothing.".to_owned(),
            ends_wait_under: Vec::new(),
            proof: None,
        });
    }
    steps
}
