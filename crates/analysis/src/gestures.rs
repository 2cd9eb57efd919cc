//! How an item of a service menu is reached and done, key by key.

use headlock_lock::{Conditions, Ignition, IgnitionSet};
use headlock_profile::behaviour::{Behaviour, From, ServiceSpec};
use headlock_profile::ignition_set;
use headlock_profile::typing::{self, PRESS_MS, Press};
use headlock_twin::effects::{self};
use headlock_twin::{BETWEEN_MS, MOMENT_MS, plain};

use crate::steps::Step;
use crate::tools::{Deed, Done};

/// Does the item of this number; none if no key leads to it.
pub(crate) fn item(behaviour: &Behaviour, service: &ServiceSpec, index: usize) -> Option<Done> {
    let ignition = position(service.gesture.ignition.as_ref().map_or(IgnitionSet::ANY, ignition_set))?;
    let mut done = Done::default();
    let mut presses = typing::gesture(&service.gesture);
    for (number, press) in presses.iter().enumerate() {
        if number > 0 {
            done.steps.push(Step::pass(BETWEEN_MS, ignition));
        }
        held(&mut done, behaviour, press, (ignition, service.gesture.hold_ms));
    }
    // Keys that are held longer than the gesture asks for are let go once it has been made.
    let rest = done.steps.iter().rposition(|step| *step == Step::Works);
    let rest = rest.map_or_else(Vec::new, |at| done.steps.split_off(at + 1));
    match (&service.confirm, &service.next) {
        (Some(confirm), next) => {
            done.steps.extend(rest);
            let moves = (0..index).map(|_| next.as_ref()).collect::<Option<Vec<_>>>()?;
            for key in moves.into_iter().chain([confirm]) {
                pressed(&mut done, &mut presses, key, ignition);
            }
            perform(&mut done, service, index);
        }
        (None, _) if index == 0 => {
            perform(&mut done, service, 0);
            done.steps.extend(rest);
        }
        (None, Some(next)) => {
            let stays =
                |number: usize| service.item[number].shows.is_some() && service.item[number].reboot_ms.is_none();
            if !(0..index).all(stays) {
                return None;
            }
            perform(&mut done, service, 0);
            done.steps.extend(rest);
            for number in 1..=index {
                pressed(&mut done, &mut presses, next, ignition);
                perform(&mut done, service, number);
            }
        }
        (None, None) => return None,
    }
    done.deeds.insert(0, Deed::Presses(presses));
    Some(done)
}

/// Where the ignition stands while keys are pressed: on, if the gesture works there.
fn position(allowed: IgnitionSet) -> Option<Ignition> {
    [Ignition::On, Ignition::Acc, Ignition::Engine].into_iter().find(|position| allowed.contains(*position))
}

/// One press of the gesture, up to where it is made, and what follows of it.
fn held(done: &mut Done, behaviour: &Behaviour, press: &Press, (ignition, wanted_ms): (Ignition, u64)) {
    let steps = &mut done.steps;
    match press {
        Press::Key { hold_ms, .. } | Press::Together { hold_ms, .. } => {
            let made_ms = if wanted_ms == 0 { *hold_ms } else { wanted_ms };
            steps.push(Step::Touch);
            steps.push(Step::pass(made_ms, ignition));
            steps.push(Step::Works);
            steps.push(Step::pass(hold_ms.saturating_sub(made_ms), ignition));
        }
        Press::Start { keys, from, hold_ms } => {
            let power = behaviour.power.key.as_ref().filter(|_| *from == From::PowerOn);
            match power {
                Some(_) => {
                    steps.push(Step::Touch);
                    steps.push(Step::pass(PRESS_MS, ignition));
                    steps.push(Step::Pass { ms: MOMENT_MS, during: Conditions { ignition, unit_on: false } });
                }
                None => {
                    let during = Conditions { ignition: Ignition::Off, unit_on: false };
                    steps.push(Step::Pass { ms: MOMENT_MS, during });
                    steps.push(Step::Turn);
                }
            }
            // The power key is let go first, and the others are held on.
            let again_ms = if power.is_some_and(|power| keys.contains(power)) { *hold_ms } else { 0 };
            steps.push(Step::pass(wanted_ms, ignition));
            steps.push(Step::Works);
            steps.push(Step::pass(hold_ms.saturating_sub(wanted_ms) + again_ms, ignition));
        }
        Press::Turn { .. } => {}
        Press::Pause { ms } => steps.push(Step::pass(*ms, ignition)),
    }
}

/// A key of the open menu.
fn pressed(done: &mut Done, presses: &mut Vec<Press>, key: &str, ignition: Ignition) {
    presses.push(plain(key));
    done.steps.push(Step::pass(BETWEEN_MS, ignition));
    done.steps.push(Step::Touch);
    done.steps.push(Step::pass(PRESS_MS, ignition));
}

/// The item does what it does.
fn perform(done: &mut Done, service: &ServiceSpec, index: usize) {
    let item = &service.item[index];
    done.steps.extend((0..item.costs_attempts).map(|_| Step::Charge));
    done.feeds(effects::of_item(item.does));
    if let Some(ms) = item.reboot_ms {
        done.restarts(ms);
    }
}
