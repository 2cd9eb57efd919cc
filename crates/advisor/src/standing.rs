//! One way in which a unit can stand, made once and shared by every reading and case that has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headlock_lock::{Event, MAX_FORGIVENESS, Phase, Policy, State, step};
use headlock_profile::Code;
use headlock_twin::{Glance, Screen, Twin};
use rustc_hash::FxHashMap;

/// A unit as it stands: ignition on, and a wait, if one runs, at its beginning.
#[derive(Debug)]
pub struct Standing {
    id: u64,
    kind: u64,
    twin: Twin,
    glance: Glance,
    /// Its code, known to nobody but the proof.
    code: Code,
}

impl Standing {
    /// Of a kind that no other standing has.
    pub(crate) fn new(kind: u64, twin: Twin, code: Code) -> Arc<Self> {
        let glance = twin.glance();
        Arc::new(Self { id: fresh(), kind, twin, glance, code })
    }

    /// The unit.
    pub const fn twin(&self) -> &Twin {
        &self.twin
    }

    /// What tells harm from none, as it stands.
    pub const fn glance(&self) -> &Glance {
        &self.glance
    }

    pub(crate) const fn code(&self) -> &Code {
        &self.code
    }

    /// No two standings share it.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }
}

/// A number that was not given before.
pub(crate) fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What two units of one kind share that stand the same.
type Stance = (u64, State, Screen);

fn stance(kind: u64, twin: &Twin) -> Stance {
    let state = *twin.lock_state(0).expect("a unit with a lock");
    (kind, state, twin.screen_now())
}

/// Standings that came of others: what behaves and stands the same is one.
#[derive(Default)]
pub(crate) struct Successors(FxHashMap<Stance, Arc<Standing>>);

impl Successors {
    /// Those that stand as one of these is that one.
    pub(crate) fn among(known: &[&Arc<Standing>]) -> Self {
        Self(known.iter().map(|one| (stance(one.kind, &one.twin), Arc::clone(one))).collect())
    }

    pub(crate) fn of(&mut self, before: &Standing, after: Twin) -> Arc<Standing> {
        let entry = self.0.entry(stance(before.kind, &after));
        Arc::clone(entry.or_insert_with(|| Standing::new(before.kind, after, before.code.clone())))
    }
}

/// What tells two counts of wrong codes apart in anything that an owner may do next: how the lock stands, whether there is
/// anything to forgive, and what the next two wrong codes lead to.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Prospect {
    phase: Phase,
    counted: [bool; 3],
    quiet_ms: [u64; MAX_FORGIVENESS],
    during_wait: Phase,
    next: [Phase; 2],
    /// Where a gesture gives attempts back, every count is its own.
    count: Option<u16>,
}

impl Prospect {
    pub(crate) fn of(policy: &Policy, state: State) -> Self {
        let wrong = |state| step(policy, step(policy, state, Event::CodeEntered).0, Event::Mismatched).0;
        let tally = state.tally;
        let first = wrong(headlock_lock::served(policy, state));
        let second = wrong(headlock_lock::served(policy, first));
        Self {
            phase: state.phase,
            counted: [tally.failed > 0, tally.in_round > 0, tally.rounds > 0],
            quiet_ms: state.quiet_ms,
            during_wait: wrong(state).phase,
            next: [first.phase, second.phase],
            count: (policy.tries.extra.attempts > 0).then_some(tally.failed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use headlock_lock::Ignition;
    use headlock_twin::{Input, Provision, Spec, unknown_code};

    use super::*;
    use crate::support;
    use crate::trial::{Action, try_on};

    const HOUR_MS: u64 = 3_600_000;

    fn actions() -> Vec<Vec<Action>> {
        let wait =
            |to| vec![Action::Ignition { to, for_ms: 30 * HOUR_MS }, Action::Ignition { to: Ignition::On, for_ms: 0 }];
        vec![
            vec![Action::EnterRight],
            vec![Action::EnterWrong],
            vec![Action::BatteryOff { for_ms: HOUR_MS / 4 }],
            vec![Action::TakeOut { for_ms: HOUR_MS / 2 }],
            vec![Action::ServiceReset],
            vec![Action::TesterReset],
            wait(Ignition::Off),
            wait(Ignition::On),
        ]
    }

    /// What promises the same keeps it: counts that are taken as one come to the same whatever one does.
    #[test]
    fn counts_of_one_prospect_stand_for_each_other() {
        let catalog = support::load();
        let (mut compared, mut told_apart) = (0, 0);
        let mut seen = std::collections::HashSet::new();
        for unit in &catalog.units {
            let cases = unit.readings.iter().flat_map(|reading| reading.cases.iter().map(move |case| (reading, case)));
            for (reading, case) in cases.filter(|(_, case)| seen.insert(case.fingerprint)) {
                let Some(code) = unknown_code(unit, case, &unit.example_serial()) else { continue };
                let provision = Provision::example(unit, &reading.firmware, vec![code.clone()]);
                let armed = Twin::new_armed(Arc::new(Spec::new(unit, case, provision).unwrap()));
                let policy = case.policies[0];
                let mut first: FxHashMap<Prospect, Vec<crate::trial::Effect>> = FxHashMap::default();
                for state in armed.after_wrong_codes().take(24) {
                    // As it stands, and with its wait over.
                    let effects = [state, headlock_lock::served(&policy, state)].map(|state| {
                        let mut twin = armed.clone().standing_at(state);
                        twin.apply(0, Input::Ignition(Ignition::On));
                        let standing = Standing::new(0, twin, code.clone());
                        actions().iter().map(|actions| try_on(&standing, actions).0).collect::<Vec<_>>()
                    });
                    let effects = effects.concat();
                    match first.entry(Prospect::of(&policy, state)) {
                        std::collections::hash_map::Entry::Vacant(new) => {
                            told_apart += 1;
                            new.insert(effects);
                        }
                        std::collections::hash_map::Entry::Occupied(known) => {
                            compared += 1;
                            for ((known, new), actions) in
                                known.get().iter().zip(&effects).zip(actions().iter().cycle())
                            {
                                let what = |effect: &crate::trial::Effect| {
                                    (
                                        effect.harm.clone(),
                                        effect.gain.clone(),
                                        effect.after.phase,
                                        effect.after.wait_left,
                                    )
                                };
                                let name = format!("{}#{} {}", unit.identity.id, reading.id, case.label());
                                assert_eq!(what(known), what(new), "{name} after {:?}: {actions:?}", state.tally);
                            }
                        }
                    }
                }
            }
        }
        assert!(compared > 500 && told_apart > 500, "{compared} {told_apart}");
    }
}
