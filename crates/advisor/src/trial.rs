//! Trying an action on the twin, under every reading that remains.

use std::sync::Arc;

use headlock_lock::{Ignition, Span};
use headlock_profile::behaviour::{DoesWord, LossWord, ShowsWord};
use headlock_profile::typing::{self, Press};
use headlock_twin::{Fault, Glance, Hands, Input, LockView, PhaseKind, Request, Screen, Supply, Twin};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::candidate::{Candidate, CandidateState};
use crate::standing::{Standing, Successors};

/// Something an owner can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Turn the ignition and leave it so.
    Ignition {
        /// Where to.
        to: Ignition,
        /// For so long, in milliseconds.
        for_ms: u64,
    },
    /// Take the battery off and put it back.
    BatteryOff {
        /// For so long, in milliseconds.
        for_ms: u64,
    },
    /// Take the unit out, look, and put it back.
    TakeOut {
        /// For so long, in milliseconds.
        for_ms: u64,
    },
    /// Touch a key of the panel.
    TouchKey,
    /// Enter the right code.
    EnterRight,
    /// Enter a wrong code.
    EnterWrong,
    /// The gesture that shows the serial.
    ShowSerial,
    /// The service menu's reset.
    ServiceReset,
    /// A tester asks for a reset.
    TesterReset,
    /// A tester reads the serial.
    TesterSerial,
    /// Press these keys.
    Press(Vec<Press>),
}

impl Action {
    /// Whether a unit that offers no such thing is left untouched by it.
    const fn is_nothing_where_not_offered(&self) -> bool {
        matches!(self, Self::ShowSerial | Self::ServiceReset | Self::TesterReset | Self::TesterSerial)
    }
}

/// What an action did under one state of one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The main lock after.
    pub after: LockView,
    /// What it did to the owner's chances.
    pub harm: Vec<Harm>,
    /// What got better.
    pub gain: Vec<Gain>,
    /// The unit offers no such thing under this reading.
    pub not_offered: bool,
}

/// Something that got worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Locked out for good.
    LocksOut,
    /// The unit is dead.
    Bricks,
    /// An attempt is gone.
    CostsAttempt,
    /// A wait starts, or starts again.
    LengthensWait,
    /// It asks for its code where it did not.
    Arms,
    /// Something stored is lost.
    LosesData,
    /// The panel takes no key any more.
    Freezes,
}

impl Harm {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::LocksOut => "locks it out for good",
            Self::Bricks => "kills the unit",
            Self::CostsAttempt => "costs an attempt",
            Self::LengthensWait => "makes the wait longer",
            Self::Arms => "makes it ask for its code",
            Self::LosesData => "loses stored data",
            Self::Freezes => "freezes the panel",
        }
    }
}

/// Something that got better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gain {
    /// It plays.
    Opens,
    /// The wait is over.
    EndsWait,
    /// Attempts are back.
    RestoresAttempts,
    /// It is locked out no more.
    EndsLockedOut,
}

impl Gain {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Opens => "opens it",
            Self::EndsWait => "ends the wait",
            Self::RestoresAttempts => "gives attempts back",
            Self::EndsLockedOut => "ends the lock-out",
        }
    }
}

/// What an action does under every reading that remains.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Readings that were tried.
    pub readings: usize,
    /// States of their cases that were tried.
    pub states: usize,
    /// Readings under which no state was harmed.
    pub safe: usize,
    /// Where it harms.
    pub counterexamples: Vec<Counterexample>,
}

/// A reading under which an action harms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counterexample {
    /// Unit and reading.
    pub reading: String,
    /// What was decided of its open values; empty if none are open.
    pub case: String,
    /// What it does.
    pub harm: Vec<Harm>,
}

impl Proof {
    /// Whether nothing is harmed under any reading.
    pub const fn is_safe(&self) -> bool {
        self.readings > 0 && self.safe == self.readings
    }

    /// "safe in 7 of 7 readings".
    pub fn words(&self) -> String {
        format!("safe in {} of {} readings", self.safe, self.readings)
    }
}

/// Runs actions, one after the other, under every state of every reading that remains.
pub fn prove(candidates: &[Candidate<'_>], actions: &[Action]) -> Proof {
    Bench::default().run(candidates, actions).proof(candidates, |effect| effect.harm.clone())
}

/// The trials of one plan: no unit that stands the same is put through the same twice.
#[derive(Default)]
pub(crate) struct Bench(Vec<(Vec<Action>, Trials)>);

impl Bench {
    /// What the actions do to these candidates, among others.
    pub(crate) fn run(&mut self, candidates: &[Candidate<'_>], actions: &[Action]) -> &Trials {
        let known = self.0.iter().position(|(known, _)| known == actions);
        let index = known.unwrap_or_else(|| {
            self.0.push((actions.to_vec(), Trials(FxHashMap::default())));
            self.0.len() - 1
        });
        let trials = &mut self.0[index].1;
        let mut new = distinct(candidates.iter().flat_map(|candidate| &candidate.states));
        new.retain(|standing| !trials.0.contains_key(&standing.id()));
        trials.0.par_extend(new.par_iter().map(|standing| (standing.id(), try_on(standing, actions).0)));
        trials
    }
}

/// Actions, run on every state of some candidates. Units share readings: what behaves the same and stands the same is tried once.
pub(crate) struct Trials(FxHashMap<u64, Effect>);

impl Trials {
    /// Runs the actions for good: what they did, and how the candidates stand then.
    pub(crate) fn run_for_good<'a>(candidates: &[Candidate<'a>], actions: &[Action]) -> (Self, Vec<Candidate<'a>>) {
        let distinct = distinct(candidates.iter().flat_map(|candidate| &candidate.states));
        let ran = distinct.par_iter().map(|standing| try_on(standing, actions)).collect::<Vec<_>>();
        let mut effects = FxHashMap::default();
        let mut later = FxHashMap::default();
        let mut successors = Successors::among(&distinct);
        for (standing, (effect, twin)) in distinct.iter().zip(ran) {
            effects.insert(standing.id(), effect);
            later.insert(standing.id(), successors.of(standing, twin));
        }
        let stand_then = |candidate: &Candidate<'a>| {
            let mut seen = FxHashSet::default();
            let then = candidate
                .states
                .iter()
                .map(|state| CandidateState { case: state.case, standing: Arc::clone(&later[&state.standing.id()]) });
            Candidate { states: then.filter(|state| seen.insert(state.standing.id())).collect(), ..candidate.clone() }
        };
        let then = candidates.iter().map(stand_then).collect();
        (Self(effects), then)
    }

    pub(crate) fn effect(&self, state: &CandidateState<'_>) -> Option<&Effect> {
        self.0.get(&state.standing.id())
    }

    /// What the runs show, at worst. A state that was not run is no proof of anything, so it counts as harmed.
    pub(crate) fn proof(&self, candidates: &[Candidate<'_>], harm: impl Fn(&Effect) -> Vec<Harm>) -> Proof {
        let mut proof = Proof { readings: 0, states: 0, safe: 0, counterexamples: Vec::new() };
        for candidate in candidates.iter().filter(|candidate| !candidate.states.is_empty()) {
            proof.readings += 1;
            let mut all_run = true;
            let mut worst: Option<(Vec<Harm>, &CandidateState<'_>)> = None;
            for state in &candidate.states {
                proof.states += 1;
                let harm = self.effect(state).map(&harm);
                all_run &= harm.is_some();
                if let Some(harm) = harm.filter(|harm| worse(harm, worst.as_ref().map_or(&[], |(harm, _)| harm))) {
                    worst = Some((harm, state));
                }
            }
            proof.safe += usize::from(all_run && worst.is_none());
            proof.counterexamples.extend(worst.map(|(harm, state)| Counterexample {
                reading: candidate.name(),
                case: state.case.label(),
                harm,
            }));
        }
        proof
    }
}

/// Each standing once.
pub(crate) fn distinct<'s, 'a: 's>(states: impl Iterator<Item = &'s CandidateState<'a>>) -> Vec<&'s Arc<Standing>> {
    let mut seen = FxHashSet::default();
    states.map(|state| &state.standing).filter(|standing| seen.insert(standing.id())).collect()
}

/// Whether the first harm is worse than the second: the gravest counts, then the next.
fn worse(first: &[Harm], second: &[Harm]) -> bool {
    if first.is_empty() || first == second {
        return false;
    }
    let grave = |harm: &[Harm]| {
        let mut sorted = harm.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().map(std::cmp::Reverse).collect::<Vec<_>>()
    };
    grave(first) > grave(second)
}

/// Runs actions on one state.
pub fn attempt(state: &CandidateState<'_>, actions: &[Action]) -> Effect {
    try_on(&state.standing, actions).0
}

/// Runs actions on one unit, and gives it back as it stands then.
pub(crate) fn try_on(standing: &Standing, actions: &[Action]) -> (Effect, Twin) {
    let mut twin = standing.twin().clone();
    let mut not_offered = false;
    let mut touched = false;
    for action in actions {
        let offered = perform(&mut twin, action, standing);
        not_offered |= !offered;
        touched |= offered || !action.is_nothing_where_not_offered();
    }
    let before = standing.glance();
    if !touched {
        let effect = Effect { after: before.lock, harm: Vec::new(), gain: Vec::new(), not_offered };
        return (effect, twin);
    }
    // What would have become of it had only the time passed, ignition on: a wait that restarts is longer than that.
    let idle = if twin.now_ms() == standing.twin().now_ms() {
        before.clone()
    } else {
        let mut control = standing.twin().clone();
        control.apply(twin.now_ms(), Input::Tick);
        control.glance_since(before)
    };
    let after = twin.glance_since(&idle);
    let effect = Effect {
        harm: harm(before, &idle, &after),
        gain: gained(before, &idle, &after),
        after: after.lock,
        not_offered,
    };
    (effect, twin)
}

/// Runs actions on a unit for good.
pub(crate) fn run(standing: &Standing, actions: &[Action]) -> Twin {
    let mut twin = standing.twin().clone();
    for action in actions {
        perform(&mut twin, action, standing);
    }
    twin
}

/// False if the unit offers no such thing.
fn perform(twin: &mut Twin, action: &Action, standing: &Standing) -> bool {
    let behaviour = standing.twin().spec().behaviour();
    let wrong = matches!(action, Action::EnterWrong).then(|| twin.wrong_code()).flatten();
    let mut hands = Hands::on(twin);
    match action {
        Action::Ignition { to, for_ms } => {
            hands.now(Input::Ignition(*to));
            if *to == Ignition::Off {
                hands.now(Input::KeyFob { inserted: false });
            }
            hands.wait(*for_ms);
            hands.now(Input::KeyFob { inserted: true });
            true
        }
        Action::BatteryOff { for_ms } => {
            hands.now(Input::Ignition(Ignition::Off));
            hands.now(Input::Supply(Supply::Cut));
            hands.wait(*for_ms);
            hands.now(Input::Supply(Supply::Restored));
            hands.now(Input::Ignition(Ignition::On));
            true
        }
        Action::TakeOut { for_ms } => {
            hands.now(Input::Ignition(Ignition::Off));
            hands.now(Input::Fitted(false));
            hands.wait(*for_ms);
            hands.now(Input::Fitted(true));
            hands.now(Input::Ignition(Ignition::On));
            true
        }
        Action::TouchKey => {
            let key = hands.any_key();
            key.is_some_and(|key| hands.press(&headlock_twin::plain(&key)).is_ok())
        }
        Action::EnterRight => {
            hands.now(Input::Mend(Fault::OtherCode));
            hands.wait(behaviour.display.error_ms);
            make_ready(&mut hands, behaviour);
            let code = hands.answer().unwrap_or_else(|| standing.code().clone());
            let done = hands.enter(&code).is_ok();
            hands.wait(behaviour.display.welcome_ms);
            done
        }
        Action::EnterWrong => {
            hands.wait(behaviour.display.error_ms);
            make_ready(&mut hands, behaviour);
            let code =
                wrong.and_then(|text| headlock_profile::Code::new(&text, headlock_profile::Provenance::Stated).ok());
            code.is_some_and(|code| hands.enter(&code).is_ok())
        }
        Action::ShowSerial => service(&mut hands, behaviour, |item| item.shows == Some(ShowsWord::Serial)),
        Action::ServiceReset => service(&mut hands, behaviour, |item| {
            matches!(
                item.does,
                DoesWord::Opens | DoesWord::ErasesCode | DoesWord::ClearsAll | DoesWord::DisablesChecking
            )
        }),
        Action::TesterReset => {
            tester(&mut hands, behaviour, headlock_profile::behaviour::RequestWord::ResetLock, Request::ResetLock)
        }
        Action::TesterSerial => {
            tester(&mut hands, behaviour, headlock_profile::behaviour::RequestWord::ReadSerial, Request::ReadSerial)
        }
        Action::Press(presses) => hands.press_all(presses).is_ok(),
    }
}

/// Switches the unit on and wakes its display, as anybody does before typing.
fn make_ready(hands: &mut Hands<'_>, behaviour: &headlock_profile::behaviour::Behaviour) {
    if !hands.view().on
        && let Some(power) = &behaviour.power.key
    {
        let _ = hands.press(&headlock_twin::plain(power));
        hands.wait(500);
    }
    if hands.view().screen == Screen::Asleep
        && let Some(key) = behaviour.entry.keys.first()
    {
        let _ = hands.press(&headlock_twin::plain(key));
        hands.wait(500);
    }
}

/// Opens the service menu that has such an item, goes to it and confirms it.
fn service(
    hands: &mut Hands<'_>,
    behaviour: &headlock_profile::behaviour::Behaviour,
    wanted: impl Fn(&headlock_profile::behaviour::ItemSpec) -> bool,
) -> bool {
    let found =
        behaviour.service.iter().filter(|s| s.supported).find_map(|s| Some((s, s.item.iter().position(&wanted)?)));
    let Some((menu, item)) = found else { return false };
    let mut ok = hands.press_all(&typing::gesture(&menu.gesture)).is_ok();
    if let Some(next) = &menu.next {
        for _ in 0..item {
            hands.wait(300);
            ok &= hands.press(&headlock_twin::plain(next)).is_ok();
        }
    }
    if let Some(confirm) = &menu.confirm {
        hands.wait(300);
        ok &= hands.press(&headlock_twin::plain(confirm)).is_ok();
    }
    hands.wait((menu.timeout_s + 60) * 1000);
    ok
}

fn tester(
    hands: &mut Hands<'_>,
    behaviour: &headlock_profile::behaviour::Behaviour,
    word: headlock_profile::behaviour::RequestWord,
    request: Request,
) -> bool {
    let Some(offer) = behaviour.diagnostic.iter().find(|offer| offer.request == word && offer.supported) else {
        return false;
    };
    let tester = offer.testers.first().map_or("any", String::as_str);
    hands.now(Input::Diagnostic { tester: tester.into(), request });
    hands.wait(offer.takes_s * 1000);
    true
}

/// The harm that lies between two instants of one unit.
pub(crate) fn harm_between(before: &Twin, after: &Twin) -> Vec<Harm> {
    let mut control = before.clone();
    control.apply(after.now_ms(), Input::Tick);
    let before = before.glance();
    let idle = control.glance_since(&before);
    harm(&before, &idle, &after.glance_since(&idle))
}

fn harm(before: &Glance, idle: &Glance, after: &Glance) -> Vec<Harm> {
    let (b, a) = (before.lock, after.lock);
    let mut harm = Vec::new();
    if a.phase == PhaseKind::LockedOut && b.phase != PhaseKind::LockedOut {
        harm.push(Harm::LocksOut);
    }
    if after.bricked && !before.bricked {
        harm.push(Harm::Bricks);
    }
    let counted = a.phase != PhaseKind::Open && a.tally.failed > b.tally.failed;
    if counted
        || fewer(b.attempts_left, a.attempts_left)
        || fewer(b.attempts_before_penalty, a.attempts_before_penalty) && a.phase != PhaseKind::Open
    {
        harm.push(Harm::CostsAttempt);
    }
    if longer(idle.lock.wait_left, a.wait_left) {
        harm.push(Harm::LengthensWait);
    }
    if b.phase == PhaseKind::Open && a.phase == PhaseKind::Armed {
        harm.push(Harm::Arms);
    }
    let lost = |loss: &&LossWord| !before.lost.contains(loss);
    if after.lost.iter().any(|loss| lost(&loss)) {
        harm.push(Harm::LosesData);
    }
    if after.frozen && !before.frozen {
        harm.push(Harm::Freezes);
    }
    harm
}

/// What got better, and would not have by waiting alone.
fn gained(before: &Glance, idle: &Glance, after: &Glance) -> Vec<Gain> {
    let by_itself = gain(before, idle);
    gain(before, after).into_iter().filter(|gain| !by_itself.contains(gain)).collect()
}

fn gain(before: &Glance, after: &Glance) -> Vec<Gain> {
    let (b, a) = (before.lock, after.lock);
    let mut gain = Vec::new();
    if b.phase != PhaseKind::Open && a.phase == PhaseKind::Open {
        gain.push(Gain::Opens);
    }
    if b.phase == PhaseKind::Waiting && a.phase == PhaseKind::Armed {
        gain.push(Gain::EndsWait);
    }
    let forgiven = a.tally.failed < b.tally.failed || a.tally.rounds < b.tally.rounds;
    if forgiven && matches!(a.phase, PhaseKind::Armed) {
        gain.push(Gain::RestoresAttempts);
    }
    if b.phase == PhaseKind::LockedOut && a.phase == PhaseKind::Armed {
        gain.push(Gain::EndsLockedOut);
    }
    gain
}

/// Whether the second is fewer than the first; no limit is more than any.
fn fewer(first: Option<u16>, second: Option<u16>) -> bool {
    match (first, second) {
        (None, Some(_)) => true,
        (Some(first), Some(second)) => second < first,
        (_, None) => false,
    }
}

/// A wait is longer only if it is so by more than the presses themselves take.
const SLACK_MS: u64 = 5_000;

/// Whether a wait grew, or one began.
fn longer(before: Option<Span>, after: Option<Span>) -> bool {
    let amount = |span: Span| match span {
        Span::Time { ms } => ms,
        Span::IgnitionCycles(n) | Span::Reboots(n) | Span::KeyCycles(n) => u64::from(n) * 2 * SLACK_MS,
        Span::Endless => u64::MAX,
    };
    match (before, after) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => amount(after) > amount(before).saturating_add(SLACK_MS),
        (_, None) => false,
    }
}
