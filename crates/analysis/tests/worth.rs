//! The analyser against known figures, and against brute force on the shipped lock.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use headlock_analysis::{Attacker, Budget, Graph, Rate, Reach, ScriptFor, long_run, policy_worth, reading_worth};
use headlock_lock::{
    AfterWait, Arming, Clears, Clock, EntryWhileWaiting, ExtraAttempts, Forgiveness, Kind, Ladder, Phase, Policy, Rung,
    Scope, Span, State, SupplyCut, Tries,
};
use headlock_profile::behaviour::Behaviour;

#[allow(dead_code)]
#[path = "../../../tests/support/catalog.rs"]
mod support;

fn ladder(rungs: &[(Scope, u16, u64)], round: u16, limit: Option<u16>) -> Policy {
    let ladder = rungs.iter().fold(Ladder::EMPTY, |ladder, (scope, from, wait_s)| {
        let wait = Span::Time { ms: wait_s * 1_000 };
        ladder.with(Rung { scope: *scope, from: *from, wait, factor: 1, cap: None }).unwrap()
    });
    Policy {
        kind: Kind::Code,
        tries: Tries {
            first_round: round,
            later_rounds: round,
            locked_out_after_attempts: limit,
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder,
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Refused,
        after_wait: AfterWait::Keeps,
        forgiveness: [None; 2],
        supply_cut: SupplyCut::NOTHING,
        arming: Arming::NEVER,
    }
}

fn budget(policy: &Policy, attacker: Attacker) -> (Graph, Budget) {
    let graph = Graph::explore(policy, attacker, 0, &[State { phase: Phase::Armed, ..State::fresh(policy) }]).unwrap();
    let budget = Budget::of(&graph);
    (graph, budget)
}

#[test]
fn three_an_hour_is_seventy_two_a_day() {
    let policy = ladder(&[(Scope::Rounds, 1, 3_600)], 3, None);
    let (graph, budget) = budget(&policy, Attacker::Untouched);
    assert_eq!(long_run(&graph), Rate { guesses: 1, ms: 1_200_000 });
    assert_eq!(long_run(&graph).per_day(), Some(72.0));
    assert_eq!(budget.instant_ms(10_000), Some(3_333 * 3_600_000));
    assert_eq!(budget.guesses_by(3_599_999), Reach::Guesses(3));
    assert_eq!(budget.guesses_by(3_600_000), Reach::Guesses(6));
    assert_eq!(budget.guesses_by(86_400_000), Reach::Guesses(75));
}

#[test]
fn a_limit_is_the_end() {
    let policy = ladder(&[(Scope::Failures, 3, 60)], 0, Some(10));
    let (graph, budget) = budget(&policy, Attacker::Pulls);
    assert_eq!(budget.total(), Some(10));
    assert_eq!(budget.instant_ms(10), Some(7 * 60_000));
    assert_eq!(budget.instant_ms(11), None);
    assert_eq!(long_run(&graph), Rate { guesses: 0, ms: 1 });
    let worth = policy_worth(&policy, 0).unwrap();
    assert_eq!(worth.owner.accident.as_ref().map(|accident| (accident.wrong_codes, accident.ms)), Some((10, 420_000)));
    assert!(worth.owner.always_gets_in && worth.bypass.is_none());
}

#[test]
fn an_accident_is_told_where_patience_would_have_gone_on_for_ever() {
    let mut policy = ladder(&[(Scope::Failures, 3, 60)], 0, Some(5));
    let clears = Clears { attempts: true, rounds: true, wait: false, locked_out: false };
    policy.forgiveness[0] = Some(Forgiveness { after_ms: 600_000, clock: Clock::SUPPLY_ALONE, clears });
    let worth = policy_worth(&policy, 0).unwrap();
    assert_eq!(worth.untouched.total(), None, "whoever waits after each guess is never locked out");
    let accident = worth.owner.accident.unwrap();
    assert_eq!((accident.wrong_codes, accident.ms, accident.acts.len()), (5, 120_000, 7));
}

#[test]
fn a_cut_that_gives_attempts_back_is_a_bypass() {
    let mut policy = ladder(&[(Scope::Failures, 3, 3_600)], 0, None);
    policy.supply_cut.restores_attempts_ms = Some(900_000);
    let worth = policy_worth(&policy, 0).unwrap();
    assert_eq!(worth.untouched_rate, Rate { guesses: 1, ms: 3_600_000 });
    assert_eq!(worth.pulls_rate, Rate { guesses: 1, ms: 450_000 });
    let bypass = worth.bypass.unwrap();
    assert!(bypass.at_ms < bypass.otherwise_ms.unwrap());
}

#[test]
fn nothing_but_the_fingers_limits_a_lock_without_waits() {
    let (graph, budget) = budget(&ladder(&[], 0, None), Attacker::Untouched);
    assert_eq!(long_run(&graph), Rate { guesses: 1, ms: 0 });
    assert_eq!(budget.guesses_by(0), Reach::Unlimited);
}

#[test]
fn every_reading_of_the_catalogue_is_analysed() {
    let catalog = support::load();
    let (mut readings, mut cases, mut states) = (0, 0, 0);
    let mut bypassed = Vec::new();
    for unit in &catalog.units {
        for reading in &unit.readings {
            let worth = reading_worth(unit, reading, 0).unwrap();
            readings += 1;
            for case in &worth.cases {
                let (Some(own), offered) = (&case.worth, &case.offered) else { continue };
                cases += 1;
                states += own.explored.states + offered.explored.states;
                let gains = [&offered.hands, &offered.all].into_iter().flatten();
                let gains = gains.map(|gain| (&gain.budget, gain.rate));
                // The budget's rhythm and Howard's iteration find the same, each by its own way.
                for (budget, rate) in
                    [(&own.untouched, own.untouched_rate), (&own.pulls, own.pulls_rate)].into_iter().chain(gains)
                {
                    match budget.rhythm() {
                        Some((guesses, ms)) => assert_eq!(
                            u128::from(guesses) * u128::from(rate.ms),
                            u128::from(rate.guesses) * u128::from(ms),
                            "{}#{} {}",
                            unit.identity.id,
                            reading.id,
                            case.label
                        ),
                        None => assert_eq!(rate.guesses, 0),
                    }
                }
            }
            if worth.cases.iter().any(|case| case.worth.as_ref().is_some_and(|worth| worth.bypass.is_some())) {
                bypassed.push(format!("{}#{}", unit.identity.id, reading.id));
            }
        }
    }
    println!("{readings} readings, {cases} cases, {states} states; pulls help under {}", bypassed.join(", "));
    assert!(readings > 60 && cases > 300);
}

fn published(name: &str) -> Budget {
    let path = format!("{}/../../catalog/policies/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let file = headlock_profile::policy_file(name, &std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!file.sources.is_empty());
    let worth = policy_worth(&file.policy, 0).unwrap();
    assert!(worth.bypass.is_none(), "{name}: none of these is known to be walked around by a restart");
    worth.untouched
}

const DAY_S: u64 = 86_400;

#[test]
fn the_published_policies_are_worth_what_is_known_of_them() {
    let second = |budget: &Budget, guess| budget.instant_ms(guess).map(|ms| ms / 1_000);
    let gatekeeper = published("aosp-gatekeeper");
    assert_eq!(second(&gatekeeper, 100), Some(38_730));
    assert_eq!(second(&gatekeeper, 141), Some(701_130), "8.1 days");
    assert_eq!(second(&gatekeeper, 10_000).map(|s| s / DAY_S), Some(9_867));
    let aosp = published("aosp-2025");
    assert_eq!(second(&aosp, 10), Some(8_460), "2.35 h");
    assert_eq!(second(&aosp, 15).map(|s| s * 10 / DAY_S), Some(192), "19.3 days, rounded");
    assert_eq!(second(&aosp, 20).map(|s| s * 10 / (365 * DAY_S)), Some(135), "13.5 years");
    assert_eq!(second(&aosp, 21), None);
    let tpm = published("tpm-2.0");
    assert_eq!(tpm.rhythm(), Some((1, 1_000_000)), "86.4 a day");
    let three = published("three-an-hour");
    assert_eq!(second(&three, 10_000).map(|s| s.div_ceil(DAY_S)), Some(139));
    let apple = published("apple");
    assert_eq!((second(&apple, 10), second(&apple, 11)), (Some(60 + 300 + 900 + 900 + 3_600), None));
}

#[test]
fn a_policy_file_that_no_lock_could_carry_out_is_refused_with_its_line() {
    let refused = |text: &str| headlock_profile::policy_file("bad.toml", text).unwrap_err().to_string();
    let holds = |text: &str, parts: &[&str]| {
        let message = refused(text);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let head = "name = \"x\"\n";
    holds(&format!("{head}[[wait]]\nafter_failures = 3\nwait_s = -5\n"), &["bad.toml:4", "wait_s", "-5"]);
    holds(
        &format!(
            "{head}[tries]\nlocked_out_after_attempts = 5\n[[wait]]\nafter_failures = 3\nwait_s = 5\n[[wait]]\nafter_failures = 5\nwait_s = 9\n"
        ),
        &["bad.toml:7", "wait.1", "no count ever reaches"],
    );
    holds(
        &format!("{head}[waiting]\ncounts_while = {{ ignition = [] }}\n[[wait]]\nafter_failures = 3\nwait_s = 5\n"),
        &["bad.toml:3", "never count"],
    );
    holds(
        &format!(
            "{head}[waiting]\ncounts_while = {{ ignition = [\"off\"], unit = \"on\" }}\n[[wait]]\nafter_failures = 3\nwait_s = 5\n"
        ),
        &["bad.toml:3", "no clock can count"],
    );
    holds(&format!("{head}[[reading]]\nid = \"s\"\n"), &["reading", "this describes a unit"]);
    holds("[tries]\nround = 3\n", &["without a name"]);
}

/// Every attack that the analyser names is replayed on the whole twin by the command's own tests; here, that it can be written down.
#[test]
fn an_attack_is_a_script() {
    let mut policy = ladder(&[(Scope::Failures, 3, 3_600)], 0, None);
    policy.supply_cut.ends_wait_ms = Some(900_000);
    let bypass = policy_worth(&policy, 0).unwrap().bypass.unwrap();
    let behaviour = &Behaviour::default();
    let script = ScriptFor { unit: "acme/nova", reading: "manual", case: 1, behaviour, tools: &[] };
    let script = script.attack(&bypass, "with the supply untouched");
    assert_eq!(
        script,
        "# Guess 4 after 15min; with the supply untouched it comes only after 1h.\nunit acme/nova reading manual case 1 locked\n\
         ignition on\nenter wrong -> verdict wrong\nenter wrong -> verdict wrong\nenter wrong -> verdict wrong\nsupply cut 15min\n\
         enter wrong -> verdict wrong\n"
    );
}

#[test]
fn wear_is_what_the_store_writes() {
    let hour = headlock_analysis::wear(&ladder(&[(Scope::Failures, 1, 3_600)], 0, None), 15);
    assert!((60_000..75_000).contains(&hour.cycles), "{}", hour.cycles);
    let ends = headlock_analysis::wear(&ladder(&[], 0, Some(10)), 15);
    assert!(ends.cycles < 10);
    let none = headlock_analysis::wear(&ladder(&[], 0, None), 15);
    assert!(none.cycles > headlock_analysis::LIFE_CYCLES, "nothing limits a lock without waits");
}
