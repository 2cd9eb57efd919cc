//! What somebody in front of the unit sees and hears.

use headlock_lock::{Event, Phase, Policy, Span, State, Tally, served, step};
use headlock_profile::behaviour::{FeedsWord, Guarded, LossWord};

use crate::record::{PhaseKind, Record, Screen};
use crate::twin::{Twin, kind};

/// The unit from outside, as plain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The text of the display; empty when it is dark.
    pub display: String,
    /// What the display means.
    pub screen: Screen,
    /// Switched on.
    pub on: bool,
    /// Radio and media can be heard.
    pub audio: bool,
    /// Navigation works.
    pub navigation: bool,
    /// The card slot works.
    pub card: bool,
    /// It can never be used again.
    pub bricked: bool,
    /// The panel takes no key.
    pub frozen: bool,
    /// What is gone.
    pub lost: Vec<LossWord>,
    /// Its locks, the main one first.
    pub locks: Vec<LockView>,
}

/// One lock from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockView {
    /// What it does.
    pub phase: PhaseKind,
    /// What it counted.
    pub tally: Tally,
    /// What is left of a wait.
    pub wait_left: Option<Span>,
    /// Attempts left before it is locked out for good; `None` if it never is.
    pub attempts_left: Option<u16>,
    /// Attempts left before the next wait or the lock-out; `None` if neither ever comes.
    pub attempts_before_penalty: Option<u16>,
    /// Code checking is on.
    pub enabled: bool,
    /// A code is set, and the owner wants it where the unit asks.
    pub wanted: bool,
}

/// What tells harm from none: the main lock and what is broken, without a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The main lock.
    pub lock: LockView,
    /// It can never be used again.
    pub bricked: bool,
    /// The panel takes no key.
    pub frozen: bool,
    /// What is gone.
    pub lost: Vec<LossWord>,
    state: State,
}

impl Twin {
    /// What tells harm from none.
    pub fn glance(&self) -> Glance {
        self.glance_with(self.lock_view(0))
    }

    /// The same, sparing the count of attempts where the lock stands as it stood at an earlier glance.
    pub fn glance_since(&self, earlier: &Glance) -> Glance {
        let same = self.locks[0].keeper.state == earlier.state;
        self.glance_with(if same { earlier.lock } else { self.lock_view(0) })
    }

    fn glance_with(&self, lock: LockView) -> Glance {
        let state = self.locks[0].keeper.state;
        Glance { lock, bricked: self.broken.bricked, frozen: self.broken.frozen, lost: self.lost.clone(), state }
    }

    /// The unit from outside.
    pub fn view(&self) -> View {
        let works = self.on && self.alive() && !self.asleep_starting();
        View {
            display: self.display(),
            screen: self.screen_now(),
            on: self.on,
            audio: works
                && self.unlocked(Guarded::Audio)
                && !self.broken.muted
                && !self.broken.surge
                && !self.fuse_feeds_out(FeedsWord::Sound),
            navigation: works && self.unlocked(Guarded::Navigation),
            card: works && self.unlocked(Guarded::Card),
            bricked: self.broken.bricked,
            frozen: self.broken.frozen,
            lost: self.lost.clone(),
            locks: (0..self.locks.len()).map(|index| self.lock_view(index)).collect(),
        }
    }

    fn asleep_starting(&self) -> bool {
        self.message.is_some_and(|m| m.screen == Screen::Starting) || self.job.is_some()
    }

    fn unlocked(&self, what: Guarded) -> bool {
        !self.broken.hardware_lock
            && self.locks.iter().zip(&self.spec.locks).all(|(lock, spec)| {
                !spec.guards.contains(&what) || matches!(lock.keeper.state.phase, Phase::Open { .. })
            })
    }

    /// One lock from outside.
    pub fn lock_view(&self, index: usize) -> LockView {
        let state = self.locks[index].keeper.state;
        LockView {
            phase: kind(&state.phase),
            tally: state.tally,
            wait_left: match state.phase {
                Phase::Waiting { left, .. } => Some(left),
                _ => None,
            },
            attempts_left: self.attempts_left(index),
            attempts_before_penalty: attempts_until(&self.spec.locks[index].policy, state, true),
            enabled: state.config.enabled,
            wanted: state.config.code_set && state.config.opted_in,
        }
    }

    /// Attempts left before a lock is out for good, if it ever is.
    pub fn attempts_left(&self, index: usize) -> Option<u16> {
        attempts_until(&self.spec.locks[index].policy, self.locks[index].keeper.state, false)
    }

    /// Records a change of the display.
    pub(crate) fn show(&mut self) {
        let now = self.screen_now();
        if now != self.screen {
            self.screen = now;
            self.record(Record::Screen(now));
        }
    }

    /// What the display means.
    pub fn screen_now(&self) -> Screen {
        if !self.on || !self.alive() || self.broken.surge || self.fuse_feeds_out(FeedsWord::Display) {
            return Screen::Off;
        }
        if self.asleep {
            return Screen::Asleep;
        }
        if self.job.is_some() {
            return Screen::Updating;
        }
        if let Some(message) = self.message.filter(|m| m.screen == Screen::Starting) {
            return message.screen;
        }
        if let Some(menu) = self.menu {
            return match menu.shows {
                Some(part) => Screen::Shows(menu.service, menu.item, part),
                None => Screen::Menu(menu.service, menu.item),
            };
        }
        if self.broken.hardware_lock {
            return Screen::HardwareLock;
        }
        if let Some(message) = self.message {
            return message.screen;
        }
        let Some(index) = self.current_lock() else { return Screen::Open };
        let lock = u8::try_from(index).unwrap_or(u8::MAX);
        match self.locks[index].keeper.state.phase {
            Phase::LockedOut => Screen::LockedOut(lock),
            Phase::Waiting { .. } if !self.spec.behaviour.display.silent_wait => Screen::Wait(lock),
            _ if self.entry.in_progress() => Screen::Entering(lock, self.entry.revision),
            _ => Screen::Prompt(lock),
        }
    }

    /// The text of the display.
    pub fn display(&self) -> String {
        let display = &self.spec.behaviour.display;
        let text = match self.screen_now() {
            Screen::Off | Screen::Asleep | Screen::Starting => return String::new(),
            Screen::Prompt(lock) => match &self.spec.locks[usize::from(lock)].prompt {
                Some(prompt) => prompt.as_str(),
                None if self.locks[usize::from(lock)].keeper.state.tally.failed > 0 => {
                    display.prompt_again.as_ref().unwrap_or(&display.prompt).first()
                }
                None => display.prompt.first(),
            },
            Screen::Entering(..) => display.entering.first(),
            Screen::Error => display.error.first(),
            Screen::Refused => display.refused.as_ref().unwrap_or(&display.error).first(),
            Screen::Wait(_) => display.wait.first(),
            Screen::LockedOut(lock) if self.locks[usize::from(lock)].keeper.state.tally.extras > 0 => {
                display.locked_out_again.as_ref().unwrap_or(&display.locked_out).first()
            }
            Screen::LockedOut(_) => display.locked_out.first(),
            Screen::HardwareLock => display.hardware_lock.first(),
            Screen::Welcome => display.welcome.first(),
            Screen::Open => display.open.first(),
            Screen::Menu(service, item) => self
                .spec
                .behaviour
                .service
                .get(usize::from(service))
                .and_then(|s| s.item.get(usize::from(item)))
                .map_or("", |item| item.name.as_str()),
            Screen::Shows(service, item, part) => {
                return self.shown(service, item).get(usize::from(part)).cloned().unwrap_or_default();
            }
            Screen::Updating => "UPDATE",
        };
        if text.contains('{') { self.fill(text) } else { text.to_owned() }
    }

    fn fill(&self, template: &str) -> String {
        let index = self.current_lock().unwrap_or(0);
        let state = &self.locks[index].keeper.state;
        let policy = &self.spec.locks[index].policy;
        let number = |n: Option<u16>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let letter = state.tally.failed.checked_sub(1).and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 26);
        let (wait_ms, cycles) = match state.phase {
            Phase::Waiting { left: Span::Time { ms }, .. } => (ms, 0),
            Phase::Waiting { left: Span::IgnitionCycles(n) | Span::Reboots(n) | Span::KeyCycles(n), .. } => (0, n),
            _ => (0, 0),
        };
        let mut out = template.to_owned();
        for (name, value) in [
            ("{failed}", state.tally.failed.to_string()),
            ("{attempt}", state.tally.failed.saturating_add(1).to_string()),
            ("{tried}", tried(policy, &state.tally).to_string()),
            ("{in_round}", in_round(policy, state).to_string()),
            ("{rounds}", state.tally.rounds.to_string()),
            ("{left_for_good}", number(attempts_until(policy, *state, false))),
            ("{left}", number(attempts_until(policy, *state, true))),
            ("{letter}", letter.map_or_else(String::new, |n| char::from(b'A' + n).to_string())),
            ("{wait_s}", wait_ms.div_ceil(1000).to_string()),
            ("{wait_min}", wait_ms.div_ceil(60_000).to_string()),
            ("{wait_h}", wait_ms.div_ceil(3_600_000).to_string()),
            ("{cycles}", cycles.to_string()),
            ("{entered}", self.entered(index)),
            ("{serial}", self.serial.clone()),
        ] {
            if out.contains(name) {
                out = out.replace(name, &value);
            }
        }
        if out.contains("{challenge}") {
            out = out.replace("{challenge}", &self.challenge_shown().unwrap_or_default());
        }
        out
    }
}

/// Failures of the running round; of the round just completed while its wait runs.
fn in_round(policy: &Policy, state: &State) -> u16 {
    let tries = &policy.tries;
    match (state.phase, state.tally.in_round, state.tally.rounds) {
        (Phase::Waiting { .. } | Phase::LockedOut, 0, 1) => tries.first_round,
        (Phase::Waiting { .. } | Phase::LockedOut, 0, 2..) => tries.later_rounds,
        (_, in_round, _) => in_round,
    }
}

/// Failures with those that extra attempts have taken back.
fn tried(policy: &Policy, tally: &Tally) -> u32 {
    u32::from(tally.failed) + u32::from(tally.extras) * u32::from(policy.tries.extra.attempts)
}

/// Wrong codes until the next penalty, or until the lock is out for good, on the shipped lock itself; waits in between are
/// taken as served.
pub fn attempts_until(policy: &Policy, state: State, any_penalty: bool) -> Option<u16> {
    const HORIZON: u16 = u16::MAX - 1;
    if matches!(state.phase, Phase::LockedOut) {
        return Some(0);
    }
    let tries = &policy.tries;
    let limited = tries.locked_out_after_attempts.is_some() || tries.locked_out_after_rounds.is_some();
    if !limited && policy.ladder.rungs().next().is_none() {
        return None;
    }
    if !any_penalty && tries.locked_out_after_attempts.is_none() && tries.locked_out_after_rounds.is_none() {
        return None;
    }
    let mut state = served(policy, state);
    if matches!(state.phase, Phase::Open { .. }) {
        state.phase = Phase::Armed;
    }
    let start = state;
    for n in 1..=HORIZON {
        let (checking, _) = step(policy, state, Event::CodeEntered);
        let (after, _) = step(policy, checking, Event::Mismatched);
        match after.phase {
            Phase::LockedOut => return Some(n),
            Phase::Waiting { .. } if any_penalty => return Some(n),
            _ => {}
        }
        let next = served(policy, after);
        if next == state || next == start {
            return None;
        }
        state = next;
    }
    None
}
