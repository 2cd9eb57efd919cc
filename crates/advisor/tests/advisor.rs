//! The advisor on the built-in catalogue: what remains, what is proved, what is refused.

#![allow(clippy::unwrap_used)]

use headlock_advisor::{Action, Attempts, BadSituation, Harm, How, Situation, attempt, identify, plan, prove};
use headlock_lock::Ignition;
use headlock_profile::Catalog;
use headlock_twin::PhaseKind;

#[allow(dead_code)]
#[path = "../../../tests/support/catalog.rs"]
mod support;

const QUARTER_HOUR_MS: u64 = 900_000;

fn waiting() -> Situation {
    Situation {
        vehicle: Some("Qashqai J10".to_owned()),
        year: Some(2011),
        serials: vec!["CL12345678".to_owned()],
        display: Some("WAIT".to_owned()),
        attempts: Attempts::Exactly(3),
        ..Situation::default()
    }
}

fn shown(display: &str, serial: Option<&str>) -> Situation {
    Situation {
        display: Some(display.to_owned()),
        serials: serial.map(str::to_owned).into_iter().collect(),
        ..Situation::default()
    }
}

fn readings(catalog: &Catalog, situation: &Situation) -> Vec<String> {
    identify(catalog, situation).unwrap().remaining.iter().map(headlock_advisor::Candidate::name).collect()
}

#[test]
fn an_unsafe_suggestion_is_refused_and_says_where_it_hurts() {
    let catalog = support::load();
    let found = identify(&catalog, &waiting()).unwrap();
    let battery = prove(&found.remaining, &[Action::BatteryOff { for_ms: QUARTER_HOUR_MS }]);
    assert!(!battery.is_safe());
    let hurt: Vec<&str> = battery.counterexamples.iter().map(|example| example.reading.as_str()).collect();
    assert!(hurt.contains(&"nissan/clarion-cl#s3-short"), "{hurt:?}");
    assert!(!hurt.contains(&"nissan/clarion-cl#s1"), "the battery helps under s1: {hurt:?}");
    assert!(battery.safe < battery.readings);

    let plan = plan(&catalog, &waiting(), None).unwrap();
    assert!(
        plan.do_not
            .iter()
            .any(|warning| warning.text.contains("battery") && !warning.hurts.is_empty() && !warning.helps.is_empty())
    );
    assert!(plan.steps.iter().all(|step| !step.text.to_lowercase().contains("take the battery off")));
    for step in plan.steps.iter().filter(|step| step.proof.is_some()) {
        let proof = step.proof.as_ref().unwrap();
        assert!(proof.is_safe(), "{}: {}", step.text, proof.words());
        assert_eq!(proof.words(), format!("safe in {0} of {0} readings", proof.readings));
    }
}

#[test]
fn guessing_is_never_a_way() {
    let catalog = support::load();
    let plan = plan(&catalog, &shown("CODE", None), None).unwrap();
    let refused: Vec<&str> = plan.refused_ways.iter().map(|way| way.id.as_str()).collect();
    for method in catalog.methods.iter().filter(|m| m.advice == headlock_profile::Advice::Never) {
        assert!(refused.contains(&method.id.as_str()), "{} is not refused", method.id);
        assert!(plan.ways.iter().all(|way| way.id != method.id));
    }
    let found = identify(&catalog, &shown("CODE", None)).unwrap();
    let guess = prove(&found.remaining, &[Action::EnterWrong]);
    assert!(guess.counterexamples.iter().any(|example| example.harm.contains(&Harm::CostsAttempt)));
}

#[test]
fn after_the_schedule_no_reading_waits_and_before_its_end_some_does() {
    let catalog = support::load();
    let situation = waiting();
    let found = identify(&catalog, &situation).unwrap();
    let schedule = headlock_advisor::schedule(&found.remaining).unwrap();
    assert!(schedule.found && schedule.proof.is_safe() && schedule.never.is_empty());
    let hows: Vec<How> = schedule.phases.iter().map(|phase| phase.how).collect();
    assert!(hows.contains(&How::IgnitionOff) && hows.contains(&How::IgnitionOn), "{hows:?}");
    let still_waits = |phases: &[headlock_advisor::WaitPhase]| {
        found
            .remaining
            .iter()
            .flat_map(|c| &c.states)
            .any(|state| attempt(state, &headlock_advisor::actions(phases)).after.phase == PhaseKind::Waiting)
    };
    assert!(!still_waits(&schedule.phases));
    for index in 0..schedule.phases.len() {
        let mut shorter = schedule.phases.clone();
        shorter[index].for_s -= 120;
        assert!(still_waits(&shorter), "phase {index} could be two minutes shorter");
        shorter.remove(index);
        assert!(still_waits(&shorter), "phase {index} is not needed");
    }
}

#[test]
fn the_schedule_is_as_short_as_brute_force_finds() {
    const GRID_S: u64 = 1_800;
    let catalog = support::load();
    for display in ["WAIT", "TRY AGAIN LATER"] {
        for attempts in 1..=4 {
            let situation = Situation { attempts: Attempts::Exactly(attempts), ..shown(display, Some("CL12345678")) };
            let Ok(found) = identify(&catalog, &situation) else { continue };
            // Short waits only, so that a coarse grid can hold every schedule.
            let short: Vec<_> = found
                .remaining
                .iter()
                .filter(|c| {
                    c.states.iter().all(|s| !matches!(s.twin().lock_view(0).wait_left, Some(headlock_lock::Span::Time { ms }) if ms > 7_200_000))
                })
                .cloned()
                .collect();
            let Some(schedule) = headlock_advisor::schedule(&short) else { continue };
            let best = brute_force(&short, GRID_S);
            let best = best.unwrap_or_else(|| panic!("{display} {attempts}: brute force finds nothing"));
            let margin = 60 * schedule.phases.len() as u64;
            assert!(
                schedule.total_s() <= best + margin,
                "{display} after {attempts}: {} s, brute force {best} s",
                schedule.total_s()
            );
        }
    }
}

/// The shortest of all sequences of two phases, ignition off and on, on a grid of times, that ends every wait.
fn brute_force(candidates: &[headlock_advisor::Candidate<'_>], grid_s: u64) -> Option<u64> {
    let mut best = None;
    for first in [Ignition::Off, Ignition::On] {
        let second = if first == Ignition::Off { Ignition::On } else { Ignition::Off };
        for a in 0..=6 {
            for b in 0..=6 {
                let total = (a + b) * grid_s;
                if best.is_some_and(|best| best <= total) {
                    continue;
                }
                let actions = [
                    Action::Ignition { to: first, for_ms: a * grid_s * 1000 + 1 },
                    Action::Ignition { to: second, for_ms: b * grid_s * 1000 + 1 },
                ];
                let ends = candidates
                    .iter()
                    .flat_map(|c| &c.states)
                    .all(|state| attempt(state, &actions).after.phase != PhaseKind::Waiting);
                if ends {
                    best = Some(total);
                }
            }
        }
    }
    best
}

#[test]
fn the_owners_observation_excludes_a_reading_and_is_named() {
    let catalog = support::load();
    let found = identify(&catalog, &waiting()).unwrap();
    let out = |unit: &str, reading: Option<&str>| {
        found.excluded.iter().find(|e| e.unit == unit && e.reading.as_deref() == reading).map(|e| e.because.clone())
    };
    assert!(out("nissan/bn", None).unwrap().contains("CL12345678"));
    assert!(out("nissan/unknown", None).unwrap().contains("nissan/clarion-cl"));
    let s3 = out("nissan/clarion-cl", Some("s3")).unwrap();
    assert!(s3.contains("never \"WAIT\"") && s3.contains("3 wrong codes"), "{s3}");
}

#[test]
fn what_is_not_known_excludes_nothing() {
    let catalog = support::load();
    let all: usize = catalog.units.iter().map(|unit| unit.readings.len()).sum();
    let found = identify(&catalog, &Situation::default()).unwrap();
    assert_eq!(found.remaining.len(), all, "{:?}", found.excluded);
}

#[test]
fn firmware_decides_whether_the_battery_resets() {
    let catalog = support::load();
    let with = |version: &str| Situation { firmware: Some(version.parse().unwrap()), ..waiting() };
    let old = readings(&catalog, &with("1.05"));
    let new = readings(&catalog, &with("2.01"));
    assert!(
        old.contains(&"nissan/clarion-cl#s1".to_owned()) && !old.contains(&"nissan/clarion-cl#s1-fw201".to_owned())
    );
    // That it "may not work" leaves both possible.
    assert!(new.contains(&"nissan/clarion-cl#s1".to_owned()) && new.contains(&"nissan/clarion-cl#s1-fw201".to_owned()));
}

#[test]
fn a_situation_that_cannot_be_is_an_error() {
    let catalog = support::load();
    let check = |situation: Situation| identify(&catalog, &situation).map(|_| ()).unwrap_err();
    let base = waiting();
    assert!(matches!(check(Situation { year: Some(-5), ..base.clone() }), BadSituation::Year { year: -5 }));
    assert!(matches!(check(Situation { year: Some(2019), ..base.clone() }), BadSituation::NotBuilt { .. }));
    assert!(matches!(
        check(Situation { vehicle: Some("Trabant".to_owned()), ..base.clone() }),
        BadSituation::Vehicle { .. }
    ));
    let misread = check(Situation { serials: vec!["CL1234567O".to_owned()], ..base.clone() });
    assert!(matches!(misread, BadSituation::Misread { ref read_as, .. } if read_as == "CL12345670"), "{misread:?}");
    let many = check(Situation {
        unit: Some("nissan/clarion-cl".to_owned()),
        attempts: Attempts::Exactly(50),
        ..Situation::default()
    });
    assert!(matches!(many, BadSituation::TooManyAttempts { attempts: 50, limit } if limit <= 20), "{many:?}");
}

#[test]
fn error_3_is_no_matter_of_a_code() {
    let catalog = support::load();
    let plan = plan(&catalog, &shown("ERROR 3", None), None).unwrap();
    assert!(plan.headline.contains("No code opens it"), "{}", plan.headline);
    assert!(!plan.entering_now.safe);
    assert!(plan.steps.iter().all(|step| !step.text.contains("With the code at hand")));
}

#[test]
fn a_display_that_nobody_knows_leaves_nothing_and_says_so() {
    let catalog = support::load();
    let found = identify(&catalog, &shown("KODE", None)).unwrap();
    assert!(found.remaining.is_empty());
    assert!(found.notes.iter().any(|note| note.contains("KODE") && note.contains("CODE")), "{:?}", found.notes);
}

#[test]
fn the_last_attempt_is_called_the_last() {
    let catalog = support::load();
    let situation =
        Situation { unit: Some("nissan/bn".to_owned()), attempts: Attempts::Exactly(5), ..shown("CODE", None) };
    let plan = plan(&catalog, &situation, None).unwrap();
    assert_eq!(plan.attempts_left.before_lock_out, Some(1), "{:?}", plan.attempts_left);
    assert!(!plan.entering_now.safe);
}

/// Every branch of a typing plan, the deepest ones too.
fn branches(plan: &headlock_advisor::TypingPlan) -> Vec<&headlock_advisor::Branch> {
    plan.then
        .iter()
        .flat_map(|branch| std::iter::once(branch).chain(branch.next.iter().flat_map(|next| branches(next))))
        .collect()
}

#[test]
fn however_the_sources_differ_a_right_code_is_typed_without_an_attempt_lost() {
    let catalog = support::load();
    let situation = shown("CODE", None);
    let plan = plan(&catalog, &situation, None).unwrap();
    assert!(plan.typing.len() > 5, "only {} ways of typing", plan.typing.len());
    let moves = plan.typing_plan.unwrap();
    let all = branches(&moves);
    let dead: Vec<_> = all.iter().filter(|branch| !branch.plays && branch.next.is_none()).collect();
    assert!(dead.is_empty(), "{dead:?}");
    let coded: Vec<String> = identify(&catalog, &situation)
        .unwrap()
        .remaining
        .iter()
        .filter(|c| c.states.iter().any(|s| s.twin().spec().policy(0).unwrap().kind == headlock_lock::Kind::Code))
        .map(headlock_advisor::Candidate::name)
        .collect();
    for name in &coded {
        assert!(all.iter().any(|branch| branch.plays && branch.under.contains(name)), "no branch opens {name}");
    }
}

#[test]
fn the_code_at_hand_decides_which_panels_are_left() {
    let catalog = support::load();
    let code = headlock_profile::Code::new("5690", headlock_profile::Provenance::Dealer).unwrap();
    let plan = plan(&catalog, &shown("CODE", None), Some(&code)).unwrap();
    assert_eq!(plan.code_from, Some("a dealer"));
    // Keys 1 to 4 or 1 to 6 that stand for their digits cannot type it.
    let typed: Vec<&str> =
        plan.typing.iter().filter(|t| t.cannot.is_none()).flat_map(|t| &t.readings).map(String::as_str).collect();
    assert!(typed.contains(&"nissan/unknown#manual-2012") && !typed.contains(&"nissan/unknown#s1"), "{typed:?}");
}
