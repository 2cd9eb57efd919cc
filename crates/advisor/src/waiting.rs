//! How to wait so that every remaining reading has stopped waiting: contradictory clocks make this a sequence.
//!
//! An exact search: states of all readings together, uniform cost in time, phases that end where some reading's wait does. It runs
//! on the shipped lock; what it finds is then proved on whole twins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use headlock_lock::{
    Conditions, Event, Feed, Ignition, Interruption, Phase, Policy, Span, State, UnitNeed, next_change_ms, step,
};
use headlock_profile::behaviour::OnWith;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::candidate::Candidate;
use crate::standing::{Standing, Successors};
use crate::trial::{Action, Effect, Harm, Proof, Trials, distinct, run};

/// One part of the waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct WaitPhase {
    /// What to do.
    pub how: How,
    /// For how long, in seconds, rounded up.
    pub for_s: u64,
}

/// How the car stands while one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Ignition off, key out.
    IgnitionOff,
    /// Ignition at accessories.
    IgnitionAcc,
    /// Ignition on, unit on, no key touched.
    IgnitionOn,
    /// Engine running.
    EngineOn,
    /// The battery is off.
    BatteryOff,
}

/// What a search for a way to wait found.
#[derive(Clone, Debug, Serialize)]
pub struct Schedule {
    /// What to do, in order; empty if nothing waits.
    pub phases: Vec<WaitPhase>,
    /// False if no sequence was found that serves every reading: then nothing here may be relied on.
    pub found: bool,
    /// The run on every remaining reading.
    pub proof: Proof,
    /// Readings whose wait never ends by itself.
    pub never: Vec<String>,
    /// For each phase, the readings whose wait ends in it.
    pub ends: Vec<Vec<String>>,
}

impl Schedule {
    /// The whole of it, in seconds.
    pub fn total_s(&self) -> u64 {
        self.phases.iter().map(|phase| phase.for_s).sum()
    }
}

/// A battery taken off costs the owner more than its time: half an hour more.
const BATTERY_COST_S: u64 = 1_800;
/// Ends a phase surely after a wait that ends at its very end.
const MARGIN_S: u64 = 60;
const MAX_PHASES: usize = 6;
const MAX_NODES: usize = 20_000;

struct Member<'a> {
    policy: &'a Policy,
    on_with_ignition: bool,
}

/// One belief: the states of all members after the phases of its parent and one more. Most are never looked at, so the states are
/// made when one is.
struct Node {
    parent: usize,
    phase: Option<WaitPhase>,
    states: Vec<State>,
}

/// Finds the shortest way to wait, and proves it. `None` if no reading waits.
pub fn schedule(candidates: &[Candidate<'_>]) -> Option<Schedule> {
    wait_out(candidates).map(|(schedule, _)| schedule)
}

/// The same, and the candidates as they stand after the waiting; those whose wait never ends still wait.
pub(crate) fn wait_out<'a>(candidates: &[Candidate<'a>]) -> Option<(Schedule, Vec<Candidate<'a>>)> {
    let mut members = Vec::new();
    let mut start = Vec::new();
    let mut never = Vec::new();
    for candidate in candidates {
        for state in &candidate.states {
            let (Some(policy), Some(lock)) = (state.twin().spec().policy(0), state.twin().lock_state(0)) else {
                continue;
            };
            if !pending(policy, lock) {
                continue;
            }
            if !can_end(policy, *lock) {
                let name = candidate.name();
                if !never.contains(&name) {
                    never.push(name);
                }
                continue;
            }
            let on_with_ignition = state.twin().spec().behaviour().power.on_with == OnWith::Ignition;
            add(&mut members, &mut start, Member { policy, on_with_ignition }, *lock);
        }
    }
    if members.is_empty() && never.is_empty() {
        return None;
    }
    let phases = if members.is_empty() { Some(Vec::new()) } else { search(&members, start) };
    let phases = phases.unwrap_or_default();
    let (trials, mut after) = Trials::run_for_good(candidates, &actions(&phases));
    let proof = proof(candidates, &trials, &never);
    // What the lock alone promises must hold on the whole unit, too.
    let found = proof.readings == 0 || proof.is_safe();
    if !found {
        after = Trials::run_for_good(candidates, &actions(&[])).1;
    }
    let phases = if found { phases } else { Vec::new() };
    let ends = ends(candidates, &phases);
    Some((Schedule { phases, found, proof, never, ends }, after))
}

/// Adds a member, unless one with the same clock waits at least as long; it replaces those that wait less.
fn add<'a>(members: &mut Vec<Member<'a>>, start: &mut Vec<State>, new: Member<'a>, lock: State) {
    let left = |state: &State| match state.phase {
        Phase::Waiting { left: Span::Time { ms }, begun: false, .. } => Some(ms),
        _ => None,
    };
    for (member, state) in members.iter().zip(start.iter_mut()) {
        let same_clock = member.on_with_ignition == new.on_with_ignition
            && member.policy.clock == new.policy.clock
            && member.policy.supply_cut == new.policy.supply_cut
            && member.policy.forgiveness == new.policy.forgiveness;
        match (left(state), left(&lock)) {
            (Some(old_ms), Some(new_ms)) if same_clock => {
                if new_ms > old_ms {
                    *state = lock;
                }
                return;
            }
            _ if *state == lock && same_clock => return,
            _ => {}
        }
    }
    members.push(new);
    start.push(lock);
}

/// The actions that carry a schedule out; a wait that ends at the end of a phase gets a minute more.
pub fn actions(phases: &[WaitPhase]) -> Vec<Action> {
    phases
        .iter()
        .map(|phase| {
            let for_ms = phase.for_s.saturating_mul(1000);
            match phase.how {
                How::IgnitionOff => Action::Ignition { to: Ignition::Off, for_ms },
                How::IgnitionAcc => Action::Ignition { to: Ignition::Acc, for_ms },
                How::IgnitionOn => Action::Ignition { to: Ignition::On, for_ms },
                How::EngineOn => Action::Ignition { to: Ignition::Engine, for_ms },
                How::BatteryOff => Action::BatteryOff { for_ms },
            }
        })
        .chain([Action::Ignition { to: Ignition::On, for_ms: 0 }])
        .collect()
}

/// Under every reading that can stop waiting it has stopped, and nothing else got worse.
fn proof(candidates: &[Candidate<'_>], trials: &Trials, never: &[String]) -> Proof {
    let able: Vec<Candidate<'_>> = candidates.iter().filter(|c| !never.contains(&c.name())).cloned().collect();
    trials.proof(&able, |effect: &Effect| {
        let mut harm = effect.harm.clone();
        let still = effect.after.phase == headlock_twin::PhaseKind::Waiting;
        if still && !harm.contains(&Harm::LengthensWait) {
            harm.push(Harm::LengthensWait);
        }
        harm
    })
}

/// For each phase, the readings whose last wait ends in it.
fn ends(candidates: &[Candidate<'_>], phases: &[WaitPhase]) -> Vec<Vec<String>> {
    let waits = |standing: &Arc<Standing>| standing.glance().lock.phase == headlock_twin::PhaseKind::Waiting;
    let waiting =
        |c: &Candidate<'_>| distinct(c.states.iter().filter(|state| state.waits())).into_iter().cloned().collect();
    let mut still: Vec<(String, Vec<Arc<Standing>>)> = candidates.iter().map(|c| (c.name(), waiting(c))).collect();
    still.retain(|(_, standings)| !standings.is_empty());
    phases
        .iter()
        .map(|phase| {
            let action = &actions(std::slice::from_ref(phase))[..1];
            let mut seen = FxHashSet::default();
            let now: Vec<_> = still.iter().flat_map(|(_, all)| all).filter(|one| seen.insert(one.id())).collect();
            let mut successors = Successors::default();
            let ran: Vec<_> = now.par_iter().map(|standing| run(standing, action)).collect();
            let later: FxHashMap<u64, Arc<Standing>> =
                ran.into_iter().zip(&now).map(|(twin, before)| (before.id(), successors.of(before, twin))).collect();
            let mut done = Vec::new();
            still.retain_mut(|(name, standings)| {
                standings.iter_mut().for_each(|standing| *standing = Arc::clone(&later[&standing.id()]));
                let waits = standings.iter().any(waits);
                if !waits {
                    done.push(std::mem::take(name));
                }
                waits
            });
            done
        })
        .collect()
}

/// Whether it takes no code now, and something an owner can do may change that.
fn pending(policy: &Policy, state: &State) -> bool {
    match state.phase {
        Phase::Waiting { .. } => true,
        Phase::LockedOut => {
            policy.supply_cut.ends_locked_out_ms.is_some()
                || policy.forgiveness.iter().flatten().any(|rule| rule.clears.locked_out)
        }
        Phase::Open { .. } | Phase::Armed | Phase::Checking => false,
    }
}

/// Whether anything an owner can do ends this wait.
fn can_end(policy: &Policy, state: State) -> bool {
    let by_cut = match state.phase {
        Phase::LockedOut => policy.supply_cut.ends_locked_out_ms,
        _ => policy.supply_cut.ends_wait_ms,
    };
    let in_cycles = matches!(
        state.phase,
        Phase::Waiting { left: Span::IgnitionCycles(_) | Span::Reboots(_) | Span::KeyCycles(_), .. }
    );
    by_cut.is_some()
        || in_cycles
        || [Ignition::Off, Ignition::Acc, Ignition::On, Ignition::Engine].into_iter().any(|ignition| {
            let stands = |unit_on| next_change_ms(policy, &state, Conditions { ignition, unit_on }).is_some();
            // A clock that has not begun may only begin in another position.
            stands(true) || stands(false)
        })
}

fn search(members: &[Member<'_>], start: Vec<State>) -> Option<Vec<WaitPhase>> {
    // Each cycle takes a phase off and a phase on.
    let cycles = start.iter().map(|state| match state.phase {
        Phase::Waiting { left: Span::IgnitionCycles(n) | Span::Reboots(n) | Span::KeyCycles(n), .. } => n.min(20),
        _ => 0,
    });
    let most = MAX_PHASES + 2 * usize::try_from(cycles.max().unwrap_or(0)).unwrap_or(0);
    let mut nodes = vec![Node { parent: 0, phase: None, states: start }];
    let mut queue = BinaryHeap::from([Reverse((0_u64, 0_usize, 0_usize, 0_u64))]);
    let mut seen: FxHashSet<(Vec<State>, Option<How>)> = FxHashSet::default();
    while let Some(Reverse((looked_s, depth, index, cost_s))) = queue.pop() {
        let last = nodes[index].phase.map(|phase| phase.how);
        if let Some(WaitPhase { how, for_s }) = nodes[index].phase {
            let before = &nodes[nodes[index].parent];
            let came_by = before.phase.map(|phase| phase.how);
            let states = members.iter().zip(&before.states).map(|(m, s)| after(m, *s, how, for_s, came_by)).collect();
            nodes[index].states = states;
        }
        let states = &nodes[index].states;
        if members.iter().zip(states).all(|(member, state)| !pending(member.policy, state)) {
            return Some(phases_to(&nodes, index));
        }
        // The way may have turned out longer than it looked: then others come first.
        let at_least_s = cost_s + still_needs_s(members, states);
        if at_least_s > looked_s {
            queue.push(Reverse((at_least_s, depth, index, cost_s)));
            continue;
        }
        if depth >= most || nodes.len() > MAX_NODES || !seen.insert((states.clone(), last)) {
            continue;
        }
        for how in [How::IgnitionOff, How::IgnitionOn, How::IgnitionAcc, How::EngineOn, How::BatteryOff] {
            if last == Some(how) {
                continue;
            }
            for for_s in lengths(members, &nodes[index].states, how) {
                let extra = match how {
                    How::BatteryOff => BATTERY_COST_S,
                    // Nobody runs the engine where standing will do.
                    How::EngineOn => for_s + MARGIN_S,
                    How::IgnitionOff | How::IgnitionAcc | How::IgnitionOn => 0,
                };
                nodes.push(Node { parent: index, phase: Some(WaitPhase { how, for_s }), states: Vec::new() });
                let cost_s = cost_s + for_s + extra;
                queue.push(Reverse((cost_s.max(looked_s), depth + 1, nodes.len() - 1, cost_s)));
            }
        }
    }
    None
}

/// The least time that any way from here takes: the longest wait that only time ends, where waits that count with the ignition off
/// alone and those that count with it on alone come one after the other.
fn still_needs_s(members: &[Member<'_>], states: &[State]) -> u64 {
    let (mut any, mut off, mut on) = (0, 0, 0);
    for (Member { policy, .. }, state) in members.iter().zip(states) {
        let Phase::Waiting { left: Span::Time { ms }, .. } = state.phase else { continue };
        let cut = &policy.supply_cut;
        let forgiven = policy.forgiveness.iter().flatten().any(|rule| rule.clears.wait);
        if forgiven || cut.ends_wait_ms.is_some() || policy.clock.without_supply {
            continue;
        }
        let left_s = ms.div_ceil(1000);
        let clock = &policy.clock;
        let goes_on = clock.on_ignition == Interruption::Harmless;
        let counts = |ignition| goes_on || clock.ignition.contains(ignition);
        let counts_off =
            counts(Ignition::Off) && (clock.unit != UnitNeed::On || clock.on_unit == Interruption::Harmless);
        let counts_on = [Ignition::Acc, Ignition::On, Ignition::Engine].into_iter().any(counts);
        any = left_s.max(any);
        if !counts_on {
            off = left_s.max(off);
        } else if !counts_off {
            on = left_s.max(on);
        }
    }
    any.max(off + on)
}

fn phases_to(nodes: &[Node], index: usize) -> Vec<WaitPhase> {
    let parent = |at: &usize| nodes[*at].phase.map(|_| nodes[*at].parent);
    let mut phases: Vec<WaitPhase> =
        std::iter::successors(Some(index), parent).filter_map(|at| nodes[at].phase).collect();
    phases.reverse();
    phases
}

/// The lengths of a phase after which some reading has changed, in seconds.
fn lengths(members: &[Member<'_>], states: &[State], how: How) -> Vec<u64> {
    let mut all = Vec::new();
    for (member, state) in members.iter().zip(states) {
        if !pending(member.policy, state) {
            continue;
        }
        let cut = &member.policy.supply_cut;
        let ms = match (how, state.phase) {
            (How::BatteryOff, Phase::LockedOut) => cut.ends_locked_out_ms,
            (How::BatteryOff, Phase::Waiting { left: Span::Reboots(_), .. }) => Some(cut.ends_wait_ms.unwrap_or(0)),
            (How::BatteryOff, _) => cut.ends_wait_ms,
            (_, Phase::Waiting { left: Span::IgnitionCycles(_) | Span::KeyCycles(_), .. }) => Some(0),
            (_, _) => next_change_ms(member.policy, state, conditions(member, how)),
        };
        all.extend(ms.map(|ms| ms.div_ceil(1000) + MARGIN_S));
    }
    all.sort_unstable();
    all.dedup();
    all
}

const fn conditions(member: &Member<'_>, how: How) -> Conditions {
    match how {
        How::IgnitionOff | How::BatteryOff => Conditions { ignition: Ignition::Off, unit_on: false },
        How::IgnitionAcc => Conditions { ignition: Ignition::Acc, unit_on: member.on_with_ignition },
        How::IgnitionOn => Conditions { ignition: Ignition::On, unit_on: true },
        How::EngineOn => Conditions { ignition: Ignition::Engine, unit_on: true },
    }
}

/// A member after one phase.
fn after(member: &Member<'_>, state: State, how: How, for_s: u64, last: Option<How>) -> State {
    let policy = member.policy;
    let mut state = state;
    if how == How::BatteryOff {
        let event =
            Event::SupplyRestored { outage_ms: for_s.saturating_mul(1000), feed: Feed::Battery, unit_was_on: false };
        state = step(policy, state, event).0;
        state = step(policy, state, Event::Rebooted).0;
        return step(policy, state, Event::IgnitionCycled).0;
    }
    if matches!(last, Some(How::IgnitionOff)) {
        state = step(policy, state, Event::KeyCycled).0;
        state = step(policy, state, Event::IgnitionCycled).0;
    }
    let during = conditions(member, how);
    let mut left_ms = for_s.saturating_mul(1000);
    while left_ms > 0 {
        let ms = next_change_ms(policy, &state, during).map_or(left_ms, |ms| ms.min(left_ms));
        state = step(policy, state, Event::Elapsed { ms, during }).0;
        left_ms -= ms;
    }
    state
}
