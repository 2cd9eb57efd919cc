//! A million random histories under every policy of the catalogue: the shipped lock and the independent model agree.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::thread;

use headlock_lock::{Policy, step};

// Both modules belong to the lock's own tests; each uses a part of them.
#[path = "../../lock/tests/chance/mod.rs"]
mod chance;
#[path = "../../lock/tests/model/mod.rs"]
mod model;
#[allow(dead_code)]
#[path = "../../../tests/support/catalog.rs"]
mod support;

const HISTORIES: u64 = 1_000_000;
const EVENTS: usize = 12;

#[test]
fn the_lock_and_the_model_agree_on_a_million_histories_a_reading() {
    let policies = policies();
    assert!(policies.len() >= 20, "only {} policies found", policies.len());
    println!("{} distinct policies, {HISTORIES} histories each", policies.len());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            let mine: Vec<_> = policies.iter().skip(worker).step_by(workers).collect();
            scope.spawn(move || {
                for (name, policy) in mine {
                    agree(name, policy);
                }
            });
        }
    });
}

fn agree(name: &str, policy: &Policy) {
    for history in 0..HISTORIES {
        let mut chance = chance::Chance::new(history);
        let mut state = chance.first_state(policy);
        let usual = chance.conditions();
        let mut model = model::Lock::new(policy, &state);
        let mut told = Vec::new();
        for _ in 0..EVENTS {
            let event = chance.event(policy, &state, usual);
            told.push(event);
            let (next, effect) = step(policy, state, event);
            let said = model.hear(event);
            assert!(
                (next, effect) == (model.state(), said),
                "{name}, history {history}: after {told:?} the lock says {next:?} {effect:?}, the model {:?} {said:?}",
                model.state()
            );
            state = next;
        }
    }
}

/// Every policy of every case of every reading, the same ones once.
fn policies() -> Vec<(String, Policy)> {
    let catalog = support::load();
    let mut distinct: HashMap<Policy, String> = HashMap::new();
    for unit in &catalog.units {
        for reading in &unit.readings {
            for policy in reading.cases.iter().flat_map(|case| &case.policies) {
                distinct.entry(*policy).or_insert_with(|| format!("{}#{}", unit.identity.id, reading.id));
            }
        }
    }
    let mut all: Vec<(String, Policy)> = distinct.into_iter().map(|(policy, name)| (name, policy)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
