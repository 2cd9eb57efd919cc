//! The entry of a code: places, what keys put into them, and when it is complete.

use std::fmt;

use headlock_lock::{Phase, Verdict};
use headlock_profile::MAX_CODE;
use headlock_profile::behaviour::{
    ConfirmSpec, IgnitionLostSpec, LongPressWord, OtherKeysSpec, Style, TimeoutSpec, TooShortSpec,
};
use headlock_profile::typing;

use crate::input::KeyId;
use crate::record::{Record, Screen};
use crate::spec::KeyRole;
use crate::twin::{Message, Twin};

/// A code while it is being entered. Debug is redacted.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    /// The characters; `'\0'` is an empty place.
    places: [char; MAX_CODE],
    cursor: u8,
    /// The tapped or typed character at the cursor still waits to stand.
    tentative: bool,
    tapped: Option<(KeyId, u64)>,
    spoiled: bool,
    started_at_ms: Option<u64>,
    last_at_ms: u64,
    /// Goes up with every change.
    pub(crate) revision: u16,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry(redacted, in progress: {})", self.in_progress())
    }
}

impl Entry {
    pub(crate) fn clear(&mut self) {
        let revision = self.revision;
        *self = Self { revision, ..Self::default() };
    }

    pub(crate) const fn in_progress(&self) -> bool {
        self.started_at_ms.is_some()
    }
}

impl Twin {
    /// The lock that takes characters now.
    fn entering_lock(&self) -> Option<usize> {
        let index = self.current_lock()?;
        let phase = self.locks[index].keeper.state.phase;
        let asks = matches!(phase, Phase::Armed | Phase::Waiting { .. });
        let free = self.message.is_none_or(|message| message.screen != Screen::Starting) && self.job.is_none();
        let possible = self.on && self.entry_open && asks && free && !self.broken.hardware_lock;
        (possible && self.spec.entry_ignition.contains(self.car.ignition)).then_some(index)
    }

    pub(crate) fn takes_characters(&self) -> bool {
        self.entering_lock().is_some()
    }

    pub(crate) fn begin_entry(&mut self) {
        self.message = None;
        if self.entry.started_at_ms.is_none() {
            self.entry.started_at_ms = Some(self.now_ms);
            if let Some(index) = self.current_lock() {
                let length = self.length(index);
                for place in 0..length {
                    self.entry.places[place] = self.initial(place).unwrap_or('\0');
                }
            }
        }
        self.entry.last_at_ms = self.now_ms;
        self.entry.revision = self.entry.revision.wrapping_add(1);
    }

    fn initial(&self, place: usize) -> Option<char> {
        let entry = &self.spec.behaviour.entry;
        match (entry.style, entry.initial_at(place)) {
            (Style::Dials, None) => Some('0'),
            (_, initial) => initial,
        }
    }

    /// A key was pressed alone while nothing else claimed it.
    pub(crate) fn entry_press(&mut self, key: KeyId, held_ms: u64) {
        let Some(index) = self.entering_lock() else { return };
        let role = self.spec.entry.roles.get(usize::from(key.0)).copied().unwrap_or(KeyRole::Other);
        let entry = &self.spec.behaviour.entry;
        if matches!(role, KeyRole::Other | KeyRole::Confirms) {
            if self.entry.in_progress() && role == KeyRole::Other {
                match entry.other_keys {
                    OtherKeysSpec::Ignored => {}
                    OtherKeysSpec::SpoilsEntry => self.entry.spoiled = true,
                    OtherKeysSpec::Restarts => self.restart_entry(),
                }
            }
            return;
        }
        if entry.style == Style::Hold && matches!(role, KeyRole::Types(_)) && held_ms < entry.hold_ms {
            return;
        }
        let mut times = 1;
        let mut backwards = false;
        let types = matches!(role, KeyRole::Types(_) | KeyRole::StepsPlace(_) | KeyRole::Dial(..));
        if let (true, Some(long)) = (types && entry.style != Style::Hold, entry.long_press)
            && held_ms > long.over_ms
        {
            match long.does {
                LongPressWord::Ignored => return,
                LongPressWord::SpoilsEntry => self.entry.spoiled = true,
                LongPressWord::Backwards => backwards = true,
                LongPressWord::Repeats => times = 1 + held_ms / long.over_ms.max(1),
            }
        }
        self.begin_entry();
        for _ in 0..times {
            self.act(index, key, role, backwards);
        }
        self.submit_if_complete(index);
    }

    fn act(&mut self, index: usize, key: KeyId, role: KeyRole, backwards: bool) {
        match role {
            KeyRole::Types(which) if self.spec.behaviour.entry.style == Style::MultiTap => self.tap(index, key, which),
            KeyRole::Types(which) => {
                let c = typing::types(&self.spec.behaviour.entry, usize::from(which)).chars().next();
                if let Some(c) = c {
                    self.put(index, c);
                }
            }
            KeyRole::StepsPlace(place) => self.step_place(index, usize::from(place), if backwards { -1 } else { 1 }),
            KeyRole::Dial(which, up) => self.turn_dial(usize::from(which), up != backwards),
            KeyRole::Up => self.step_place(index, usize::from(self.entry.cursor), 1),
            KeyRole::Down => self.step_place(index, usize::from(self.entry.cursor), -1),
            KeyRole::Next => self.next_place(index),
            KeyRole::Previous => self.entry.cursor = self.entry.cursor.saturating_sub(1),
            KeyRole::ConfirmEach => {
                if self.entry.tentative {
                    self.entry.tentative = false;
                    self.go_on();
                }
            }
            KeyRole::Erase => self.erase(index),
            KeyRole::Other | KeyRole::Confirms => {}
        }
    }

    /// Takes the last character back; where places are stepped, sets them back to what they showed at first.
    fn erase(&mut self, index: usize) {
        match self.spec.behaviour.entry.style {
            Style::PressCount | Style::Dials => {
                for place in 0..self.length(index) {
                    self.entry.places[place] = self.initial(place).unwrap_or('\0');
                }
            }
            Style::Cursor | Style::Rotary => {
                let place = usize::from(self.entry.cursor).min(MAX_CODE - 1);
                self.entry.places[place] = self.initial(place).unwrap_or('\0');
            }
            _ => {
                if !self.entry.tentative {
                    self.entry.cursor = self.entry.cursor.saturating_sub(1);
                }
                self.entry.tentative = false;
                self.entry.tapped = None;
                let place = usize::from(self.entry.cursor).min(MAX_CODE - 1);
                self.entry.places[place] = '\0';
            }
        }
    }

    fn length(&self, index: usize) -> usize {
        self.locks[index].alphabets.len().min(MAX_CODE)
    }

    fn put(&mut self, index: usize, c: char) {
        let place = usize::from(self.entry.cursor);
        if place >= self.length(index) {
            return;
        }
        self.entry.places[place] = c;
        if self.spec.behaviour.entry.confirm_each.is_some() {
            self.entry.tentative = true;
        } else {
            self.go_on();
        }
    }

    /// The next place; behind the last one the cursor stands still.
    fn go_on(&mut self) {
        let last = u8::try_from(MAX_CODE).unwrap_or(u8::MAX);
        self.entry.cursor = (self.entry.cursor + 1).min(last);
    }

    fn tap(&mut self, index: usize, key: KeyId, which: u8) {
        let cycle: Vec<char> = typing::types(&self.spec.behaviour.entry, usize::from(which)).chars().collect();
        let again = self.entry.tentative && self.entry.tapped.is_some_and(|(last, _)| last == key);
        if self.entry.tentative && !again && self.spec.behaviour.entry.confirm_each.is_none() {
            self.settle_tap();
        }
        let place = usize::from(self.entry.cursor);
        if place >= self.length(index) || cycle.is_empty() {
            return;
        }
        let next =
            if again { cycle.iter().position(|c| *c == self.entry.places[place]).map_or(0, |at| at + 1) } else { 0 };
        self.entry.places[place] = cycle[next % cycle.len()];
        self.entry.tentative = true;
        self.entry.tapped = Some((key, self.now_ms));
    }

    fn settle_tap(&mut self) {
        self.entry.tentative = false;
        self.entry.tapped = None;
        self.go_on();
    }

    fn step_place(&mut self, index: usize, place: usize, by: i32) {
        let Some(alphabet) = self.locks[index].alphabets.get(place) else { return };
        let size = i64::try_from(alphabet.len()).unwrap_or(1).max(1);
        let by = i64::from(by);
        let at = alphabet.iter().position(|c| *c == self.entry.places[place]).and_then(|at| i64::try_from(at).ok());
        let to = match (at, by) {
            (Some(at), by) => (at + by).rem_euclid(size),
            (None, by) if by > 0 => (by - 1).rem_euclid(size),
            (None, by) => by.rem_euclid(size),
        };
        self.entry.places[place] = alphabet[usize::try_from(to).unwrap_or(0)];
    }

    fn turn_dial(&mut self, which: usize, up: bool) {
        let Some(dial) = self.spec.behaviour.entry.dials.get(which) else { return };
        let modulo = dial.positions();
        let digit =
            |place: &u8| self.entry.places.get(usize::from(*place) - 1).and_then(|c| c.to_digit(10)).unwrap_or(0);
        let number = dial.places.iter().fold(0, |number, place| number * 10 + digit(place));
        let mut rest = if up { (number + 1) % modulo } else { (number + modulo - 1) % modulo };
        for place in dial.places.clone().iter().rev() {
            if let Some(slot) = self.entry.places.get_mut(usize::from(*place) - 1) {
                *slot = char::from_digit(rest % 10, 10).unwrap_or('0');
            }
            rest /= 10;
        }
    }

    fn next_place(&mut self, index: usize) {
        let last = self.length(index);
        let cursor = usize::from(self.entry.cursor);
        if self.spec.behaviour.entry.style == Style::Rotary {
            if cursor < last && self.entry.places[cursor] != '\0' {
                self.entry.cursor += 1;
            }
        } else if cursor + 1 < last {
            self.entry.cursor += 1;
        }
    }

    pub(crate) fn turn_knob(&mut self, knob: KeyId, clicks: i32) {
        if !self.alive() || self.broken.frozen || !self.on {
            return;
        }
        self.panel.touched_at_ms = self.now_ms;
        self.feed_all(headlock_lock::Event::KeyTouched);
        if self.asleep {
            self.asleep = false;
            self.record(Record::Woke);
            return;
        }
        if self.menu_turn(knob, clicks) {
            return;
        }
        let Some(index) = self.entering_lock() else { return };
        if Some(knob) == self.spec.entry.knob && clicks != 0 {
            self.begin_entry();
            let place = usize::from(self.entry.cursor);
            if place < self.length(index) {
                self.step_place(index, place, clicks);
            }
        }
    }

    pub(crate) fn keyboard(&mut self, c: char) {
        if !self.spec.behaviour.entry.keyboard {
            self.record(Record::Refused("this unit takes no external keyboard under this reading"));
            return;
        }
        let Some(index) = self.entering_lock() else { return };
        if c == '\n' {
            self.finish(index);
            return;
        }
        self.begin_entry();
        let place = usize::from(self.entry.cursor);
        if place < self.length(index) {
            self.entry.places[place] = c.to_ascii_uppercase();
            self.entry.tentative = false;
            self.entry.tapped = None;
            self.go_on();
        }
        self.submit_if_complete(index);
    }

    fn is_full(&self, index: usize) -> bool {
        let length = self.length(index);
        self.entry.in_progress() && self.entry.places[..length].iter().all(|c| *c != '\0') && !self.entry.tentative
    }

    fn submit_if_complete(&mut self, index: usize) {
        let style = self.spec.behaviour.entry.style;
        let by_last = matches!(self.spec.behaviour.entry.confirm, ConfirmSpec::Word(_));
        let past_last = usize::from(self.entry.cursor) >= self.length(index);
        if by_last
            && past_last
            && !matches!(style, Style::PressCount | Style::Dials | Style::Cursor)
            && self.is_full(index)
        {
            self.finish(index);
        }
    }

    /// The gesture that confirms the whole code.
    pub(crate) fn confirm(&mut self) -> bool {
        let Some(index) = self.entering_lock() else { return false };
        if self.entry.tentative && self.spec.behaviour.entry.style == Style::MultiTap {
            self.settle_tap();
        }
        let nothing_typed = !self.entry.in_progress();
        if nothing_typed && self.initial(0).is_some() {
            self.begin_entry();
        }
        if self.is_full(index) {
            self.finish(index);
            return true;
        }
        match self.spec.behaviour.entry.too_short {
            TooShortSpec::Counts if !nothing_typed => {
                self.entry.spoiled = true;
                self.finish(index);
                true
            }
            _ => false,
        }
    }

    fn finish(&mut self, index: usize) {
        let length = self.length(index);
        let code: String = if self.entry.spoiled {
            String::new()
        } else {
            self.entry.places[..length].iter().filter(|c| **c != '\0').collect()
        };
        self.entry.clear();
        let verdict = self.submit(index, &code);
        self.tell(verdict);
    }

    /// Shows what came of an entry.
    pub(crate) fn tell(&mut self, verdict: Verdict) {
        let display = &self.spec.behaviour.display;
        let (screen, ms, beep) = match verdict {
            Verdict::Opened => (Screen::Welcome, display.welcome_ms, display.beep_right),
            Verdict::Wrong => (Screen::Error, display.error_ms, display.beep_wrong),
            Verdict::Refused => (Screen::Refused, display.error_ms, display.beep_wrong),
            Verdict::Ignored => return,
        };
        if beep && self.powered() {
            self.record(Record::Beep);
        }
        if ms > 0 {
            self.message = Some(Message { screen, until_ms: self.now_ms.saturating_add(ms) });
        }
        if self.spec.behaviour.entry.open_with.is_some() && verdict == Verdict::Wrong {
            self.entry_open = false;
        }
    }

    /// The entry is dropped; the next key begins it anew.
    fn cancel_entry(&mut self) {
        self.entry.clear();
        self.record(Record::EntryRestarted);
        if self.spec.behaviour.entry.beep_on_restart {
            self.record(Record::Beep);
        }
    }

    pub(crate) fn restart_entry(&mut self) {
        self.cancel_entry();
        if self.spec.behaviour.entry.open_with.is_some() && self.entering_lock().is_some() {
            self.begin_entry();
        }
    }

    pub(crate) fn entry_lost_ignition(&mut self) {
        if !self.entry.in_progress() {
            return;
        }
        match self.spec.behaviour.entry.ignition_lost {
            IgnitionLostSpec::Cancels => self.restart_entry(),
            IgnitionLostSpec::Counts => self.spoil(),
            IgnitionLostSpec::Freezes => {
                self.restart_entry();
                self.freeze();
            }
        }
    }

    fn spoil(&mut self) {
        if let Some(index) = self.current_lock() {
            self.entry.spoiled = true;
            self.finish(index);
        }
    }

    /// When the entry next changes by time alone.
    pub(crate) fn entry_deadline(&self) -> Option<u64> {
        let started = self.entry.started_at_ms?;
        let entry = &self.spec.behaviour.entry;
        let settle = match (entry.style, self.entry.tentative, self.entry.tapped) {
            (Style::MultiTap, true, Some((_, at))) if entry.confirm_each.is_none() => Some(at + entry.settle_ms),
            _ => None,
        };
        let digit = entry.digit_timeout_s.map(|s| self.entry.last_at_ms.saturating_add(s.saturating_mul(1000)));
        let whole = entry.timeout_s.map(|s| started.saturating_add(s.saturating_mul(1000)));
        [settle, digit, whole].into_iter().flatten().min()
    }

    pub(crate) fn entry_deadline_reached(&mut self) {
        let entry = &self.spec.behaviour.entry;
        if entry.style == Style::MultiTap
            && self.entry.tentative
            && entry.confirm_each.is_none()
            && self.entry.tapped.is_some_and(|(_, at)| at + entry.settle_ms <= self.now_ms)
        {
            self.settle_tap();
            self.entry.revision = self.entry.revision.wrapping_add(1);
            if let Some(index) = self.entering_lock() {
                self.submit_if_complete(index);
            }
            return;
        }
        match entry.on_timeout {
            TimeoutSpec::Cancels => self.cancel_entry(),
            TimeoutSpec::Counts => self.spoil(),
            TimeoutSpec::Closes => {
                self.entry.clear();
                self.entry_open = self.spec.behaviour.entry.open_with.is_none();
                self.record(Record::EntryRestarted);
            }
        }
    }

    /// What has been entered, for the display.
    pub(crate) fn entered(&self, index: usize) -> String {
        let empty = &self.spec.behaviour.display.empty;
        let length = self.length(index);
        let mut out = String::with_capacity(length);
        for c in &self.entry.places[..length] {
            if *c == '\0' { out.push_str(empty) } else { out.push(*c) }
        }
        out
    }
}
