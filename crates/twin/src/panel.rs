//! Keys: how long they are held, which are held together, and what that means before a code is thought of.

use headlock_lock::Event;
use headlock_profile::behaviour::{From, Moment, Style};

use crate::input::KeyId;
use crate::record::{PhaseKind, Record};
use crate::spec::{Asks, Gesture, KeyRole, Role, bit};
use crate::twin::{Twin, kind};

/// The keys and what was done with them lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// Held now.
    pub(crate) held: u64,
    /// When the last of the held keys went down.
    pub(crate) down_at_ms: u64,
    /// Ignition and unit came on at these times while exactly these keys were held.
    ignition_on: Option<(u64, u64)>,
    power_on: Option<(u64, u64)>,
    /// More than one key was held since all were released.
    chord: bool,
    /// A gesture was made of this hold; its release is no press.
    used: bool,
    /// The longest gesture already made of this hold, in milliseconds.
    fired_ms: Option<u64>,
    /// Repeats already made of this hold.
    repeats: u64,
    /// This press only woke the display.
    woke: bool,
    /// The last presses, newest last.
    history: Vec<(KeyId, u64)>,
    /// When any key was last touched.
    pub(crate) touched_at_ms: u64,
}

impl Panel {
    pub(crate) const fn ignition_came_on(&mut self, now_ms: u64) {
        self.ignition_on = Some((now_ms, self.held));
    }

    pub(crate) const fn power_came_on(&mut self, now_ms: u64) {
        self.power_on = Some((now_ms, self.held));
    }

    pub(crate) fn release_all(&mut self) {
        self.held = 0;
        self.chord = false;
        self.used = false;
        self.fired_ms = None;
        self.repeats = 0;
        self.woke = false;
        self.ignition_on = None;
        self.power_on = None;
    }
}

impl Twin {
    pub(crate) fn key_down(&mut self, key: KeyId) {
        let bit = bit(key);
        if self.panel.held & bit != 0 || self.broken.dead & bit != 0 {
            return;
        }
        self.panel.chord |= self.panel.held != 0;
        self.panel.held |= bit;
        self.panel.down_at_ms = self.now_ms;
        self.panel.fired_ms = None;
        self.panel.repeats = 0;
        if !self.alive() || self.broken.frozen || self.keys_dead() {
            return;
        }
        if self.on {
            self.panel.touched_at_ms = self.now_ms;
            self.feed_all(Event::KeyTouched);
        }
        if self.asleep {
            self.asleep = false;
            self.panel.woke = true;
            self.record(Record::Woke);
            return;
        }
        if Some(key) == self.spec.power_key && !self.on && self.may_switch_on() {
            self.switch(true);
            self.panel.used = true;
        }
    }

    pub(crate) fn key_up(&mut self, key: KeyId) {
        let bit = bit(key);
        if self.panel.held & bit == 0 || self.broken.stuck & bit != 0 {
            return;
        }
        let held_ms = self.now_ms - self.panel.down_at_ms;
        let plain = !self.panel.used && !self.panel.chord && !self.panel.woke;
        self.panel.held &= !bit;
        self.panel.fired_ms = None;
        if self.panel.held == 0 {
            self.panel.release_all();
        }
        if plain && self.alive() && !self.broken.frozen && !self.keys_dead() && self.on {
            self.press(key, held_ms);
        }
    }

    fn keys_dead(&self) -> bool {
        self.fuse_feeds_out(headlock_profile::behaviour::FeedsWord::Keys)
    }

    fn may_switch_on(&self) -> bool {
        self.car.ignition != headlock_lock::Ignition::Off || self.spec.behaviour.power.runs_with_ignition_off
    }

    /// A key went down and came up, alone, and no gesture was made of it.
    fn press(&mut self, key: KeyId, held_ms: u64) {
        if Some(key) == self.spec.power_key {
            self.on_before = false;
            self.switch(false);
            return;
        }
        if self.message.is_some_and(|m| m.screen == crate::record::Screen::Starting) || self.job.is_some() {
            return;
        }
        if self.menu_press(key) {
            return;
        }
        if self.sequence_completed(key) || self.pressed_gesture(key) {
            return;
        }
        if let Some(index) = self.spec.locks.iter().position(|lock| lock.asks == Asks::OnKey(key))
            && kind(&self.locks[index].keeper.state.phase) != PhaseKind::Open
            && self.current_lock().is_none()
        {
            self.asked_for = Some(index);
            return;
        }
        self.entry_press(key, held_ms);
    }

    fn sequence_completed(&mut self, key: KeyId) -> bool {
        let now_ms = self.now_ms;
        self.panel.history.push((key, now_ms));
        if self.panel.history.len() > 12 {
            self.panel.history.remove(0);
        }
        let history = &self.panel.history;
        let completed: Vec<Role> = self
            .spec
            .gestures
            .iter()
            .filter(|gesture| {
                let wanted = &gesture.sequence;
                !wanted.is_empty() && history.len() >= wanted.len() && gesture.ignition.contains(self.car.ignition) && {
                    let tail = &history[history.len() - wanted.len()..];
                    tail.iter().map(|(key, _)| key).eq(wanted) && now_ms - tail[0].1 <= gesture.within_ms
                }
            })
            .map(|gesture| gesture.role)
            .collect();
        let done = completed.into_iter().any(|role| self.make(role));
        if done {
            self.panel.history.clear();
        }
        done
    }

    fn pressed_gesture(&mut self, key: KeyId) -> bool {
        let ignition = self.car.ignition;
        let fits =
            |g: &&Gesture| g.hold_ms == 0 && g.keys == bit(key) && g.from.is_none() && g.ignition.contains(ignition);
        let roles: Vec<Role> = self.spec.gestures.iter().filter(fits).map(|gesture| gesture.role).collect();
        roles.into_iter().any(|role| self.make(role))
    }

    /// When the held keys next mean something by being held still.
    pub(crate) fn hold_deadline(&self) -> Option<u64> {
        if self.panel.held == 0 || !self.alive() || self.broken.frozen || self.panel.woke {
            return None;
        }
        let gesture = self.next_gesture().map(|(_, at)| at);
        match (gesture, self.character_deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next gesture that holding on would make: its index and its time.
    fn next_gesture(&self) -> Option<(usize, u64)> {
        self.gestures_held().min_by_key(|(_, at)| *at)
    }

    /// Every gesture that holding on would make, and when.
    fn gestures_held(&self) -> impl Iterator<Item = (usize, u64)> {
        let panel = &self.panel;
        let candidates = self.spec.gestures.iter().enumerate().filter(move |(_, g)| {
            g.keys == panel.held && g.hold_ms > 0 && panel.fired_ms.is_none_or(|fired| g.hold_ms > fired)
        });
        candidates.filter_map(|(index, gesture)| {
            let since = match gesture.from {
                None => Some(panel.down_at_ms),
                Some(From::IgnitionOn) => panel.ignition_on.filter(|(_, held)| *held == gesture.keys).map(|(at, _)| at),
                Some(From::PowerOn) => panel
                    .power_on
                    .filter(|(_, held)| *held == gesture.keys || *held & !self.power_bit() == gesture.keys)
                    .map(|(at, _)| at),
            };
            since.map(|at| (index, at + gesture.hold_ms))
        })
    }

    fn power_bit(&self) -> u64 {
        self.spec.power_key.map_or(0, bit)
    }

    /// Held styles and repeating keys act while the key is down.
    fn character_deadline(&self) -> Option<u64> {
        let key = self.single_held()?;
        let entry = &self.spec.behaviour.entry;
        if self.current_lock().is_none() || self.menu.is_some() || !self.on {
            return None;
        }
        let role = self.spec.entry.roles.get(usize::from(key.0)).copied().unwrap_or(KeyRole::Other);
        match (entry.style, role) {
            (Style::Hold, KeyRole::Types(_)) if !self.panel.used => Some(self.panel.down_at_ms + entry.hold_ms.max(1)),
            (_, KeyRole::StepsPlace(_) | KeyRole::Dial(..) | KeyRole::Up | KeyRole::Down) => {
                entry.repeat_ms.map(|ms| self.panel.down_at_ms + ms.max(1) * (self.panel.repeats + 1))
            }
            _ => None,
        }
    }

    const fn single_held(&self) -> Option<KeyId> {
        if self.panel.held.is_power_of_two() && !self.panel.chord {
            #[expect(clippy::cast_possible_truncation, reason = "there are 64 keys at most")]
            Some(KeyId(self.panel.held.trailing_zeros() as u8))
        } else {
            None
        }
    }

    /// Carries out what holding the keys until now has made.
    pub(crate) fn hold_reached(&mut self) {
        if let Some(at) = self.character_deadline()
            && at <= self.now_ms
            && let Some(key) = self.single_held()
        {
            let hold = self.spec.behaviour.entry.style == Style::Hold;
            if self.panel.repeats == 0 && !hold {
                // The press itself counts too; it only waited to see whether it would become a long one.
                self.entry_press(key, 0);
            }
            self.panel.repeats += 1;
            self.panel.used = true;
            self.entry_press(key, if hold { self.spec.behaviour.entry.hold_ms } else { 0 });
            return;
        }
        let Some((index, at)) = self.next_gesture() else { return };
        if at > self.now_ms {
            return;
        }
        let hold_ms = self.spec.gestures[index].hold_ms;
        // One hold may mean several things: the first that means anything now is made.
        let due: Vec<Role> = self
            .gestures_held()
            .filter(|(i, due)| *due <= self.now_ms && self.spec.gestures[*i].hold_ms == hold_ms)
            .map(|(i, _)| &self.spec.gestures[i])
            .filter(|gesture| gesture.ignition.contains(self.car.ignition))
            .map(|gesture| gesture.role)
            .collect();
        self.panel.fired_ms = Some(hold_ms);
        // A confirmation that comes too early is none, but it is no press of a character either.
        let confirms = due.contains(&Role::Confirm) && self.takes_characters();
        if due.into_iter().any(|role| self.make(role)) || confirms {
            self.panel.used = true;
        }
    }

    /// Makes a gesture, if it means anything now.
    fn make(&mut self, role: Role) -> bool {
        if !self.on {
            return false;
        }
        match role {
            Role::OpenEntry => {
                let opens = !self.entry_open && self.current_lock().is_some_and(|lock| self.asks(lock));
                if opens {
                    self.entry_open = true;
                    self.entry.clear();
                    self.begin_entry();
                }
                opens
            }
            Role::Confirm => self.confirm(),
            Role::Restart => {
                let restarts = self.entry.in_progress();
                if restarts {
                    self.restart_entry();
                }
                restarts
            }
            Role::Extra => {
                let before = self.locks[0].keeper.state;
                self.feed(0, Event::ExtraAttempts);
                self.locks[0].keeper.state != before
            }
            Role::Service(service) => self.open_service(service),
        }
    }

    /// Whether a lock takes codes, now or once its wait is over.
    fn asks(&self, lock: usize) -> bool {
        matches!(kind(&self.locks[lock].keeper.state.phase), PhaseKind::Armed | PhaseKind::Waiting)
    }

    /// What the main lock is doing, in the words of the catalogue.
    pub(crate) fn moment(&self) -> Moment {
        crate::effects::moment(&self.locks[0].keeper.state.phase)
    }
}
