//! The analyser against known figures, and against brute force on the shipped lock.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use headlock_analysis::{Attacker, Budget, Graph, Rate, Reach, long_run, policy_worth, reading_worth};
use headlock_lock::{
    AfterWait, Arming, Clock, EntryWhileWaiting, ExtraAttempts, Kind, Ladder, Phase, Policy, Rung, Scope, Span, State,
    SupplyCut, Tries,
};

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
    assert_eq!(worth.owner.accident.map(|accident| (accident.wrong_codes, accident.ms)), Some((10, 420_000)));
    assert!(worth.owner.always_gets_in && worth.bypass.is_none());
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
                cases += 1;
                states += case.worth.explored.states;
                // The budget's rhythm and Howard's iteration find the same, each by its own way.
                let ends = |budget: &Budget| budget.rhythm().map(|(guesses, ms)| (guesses, ms));
                for (budget, rate) in
                    [(&case.worth.untouched, case.worth.untouched_rate), (&case.worth.pulls, case.worth.pulls_rate)]
                {
                    match ends(budget) {
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
            if worth.cases.iter().any(|case| case.worth.bypass.is_some()) {
                bypassed.push(format!("{}#{}", unit.identity.id, reading.id));
            }
        }
    }
    println!("{readings} readings, {cases} cases, {states} states; pulls help under {}", bypassed.join(", "));
    assert!(readings > 60 && cases > 300);
}
