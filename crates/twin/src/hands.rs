//! Hands: presses, and codes typed as a person would type them, turned into timed inputs.

use headlock_lock::Ignition;
use headlock_profile::Code;
use headlock_profile::behaviour::From;
use headlock_profile::typing::{CannotType, PRESS_MS, Press, presses};

use crate::input::{Input, KeyId};
use crate::record::Record;
use crate::twin::Twin;

/// Milliseconds between two presses.
pub const BETWEEN_MS: u64 = 200;

/// Whoever switches off to switch on again with keys held waits so many milliseconds.
pub const MOMENT_MS: u64 = 1_000;

/// Somebody who presses keys on a twin and remembers what happened.
#[derive(Debug)]
pub struct Hands<'a> {
    twin: &'a mut Twin,
    /// All records since these hands started.
    pub records: Vec<Record>,
}

/// A press that this panel does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchKey {
    /// The key asked for.
    pub wanted: String,
    /// The keys there are.
    pub has: Vec<String>,
}

impl std::fmt::Display for NoSuchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "this panel has no key {:?}; it has {}", self.wanted, self.has.join(" "))
    }
}

impl std::error::Error for NoSuchKey {}

impl<'a> Hands<'a> {
    /// Hands on this twin.
    pub const fn on(twin: &'a mut Twin) -> Self {
        Self { twin, records: Vec::new() }
    }

    /// Applies one input now.
    pub fn now(&mut self, input: Input) {
        let now_ms = self.twin.now_ms();
        self.records.extend_from_slice(self.twin.apply(now_ms, input));
    }

    /// Lets time pass.
    pub fn wait(&mut self, ms: u64) {
        let at = self.twin.now_ms().saturating_add(ms);
        self.records.extend_from_slice(self.twin.apply(at, Input::Tick));
    }

    /// Presses a key down, or lets it up.
    ///
    /// # Errors
    /// The panel has no such key.
    pub fn half_press(&mut self, name: &str, down: bool) -> Result<(), NoSuchKey> {
        let key = self.key(name)?;
        self.now(if down { Input::KeyDown(key) } else { Input::KeyUp(key) });
        Ok(())
    }

    /// The unit as it stands.
    pub fn view(&self) -> crate::view::View {
        self.twin.view()
    }

    /// Some key of the panel, if it has any that is not the power key.
    pub fn any_key(&self) -> Option<String> {
        let spec = self.twin.spec();
        let power = spec.behaviour().power.key.as_ref();
        spec.keys().iter().find(|key| Some(*key) != power).cloned()
    }

    /// The key of this name.
    ///
    /// # Errors
    /// The panel has no such key.
    pub fn key(&self, name: &str) -> Result<KeyId, NoSuchKey> {
        self.twin.spec().key(name).ok_or_else(|| no_such_key(self.twin, name))
    }

    /// The answer that the maker's desk would give to what the unit asks.
    pub fn answer(&self) -> Option<Code> {
        self.twin.answer_to_challenge()
    }

    /// Makes one press.
    ///
    /// # Errors
    /// The panel has no such key.
    pub fn press(&mut self, press: &Press) -> Result<(), NoSuchKey> {
        let key = |name: &str| self.twin.spec().key(name).ok_or_else(|| no_such_key(self.twin, name));
        match press {
            Press::Key { key: name, hold_ms } => {
                let key = key(name)?;
                self.now(Input::KeyDown(key));
                self.wait((*hold_ms).max(1));
                self.now(Input::KeyUp(key));
            }
            Press::Together { keys, hold_ms } => {
                let keys = keys.iter().map(|name| key(name)).collect::<Result<Vec<_>, _>>()?;
                keys.iter().for_each(|key| self.now(Input::KeyDown(*key)));
                self.wait((*hold_ms).max(1));
                keys.iter().for_each(|key| self.now(Input::KeyUp(*key)));
            }
            Press::Turn { knob, clicks } => {
                let knob = key(knob)?;
                self.now(Input::Turn { knob, clicks: *clicks });
            }
            Press::Start { keys, from, hold_ms } => self.start_holding(keys, *from, *hold_ms)?,
            Press::Pause { ms } => self.wait(*ms),
        }
        Ok(())
    }

    /// Switches off, holds keys, switches on again, and holds on.
    fn start_holding(&mut self, keys: &[String], from: From, hold_ms: u64) -> Result<(), NoSuchKey> {
        let power = self.twin.spec().behaviour().power.key.clone().filter(|_| from == From::PowerOn);
        let ignition = match self.twin.car.ignition {
            Ignition::Off => Ignition::On,
            other => other,
        };
        match &power {
            Some(key) if self.twin.on && self.twin.car.ignition != Ignition::Off => self.press(&plain(key))?,
            Some(_) if self.twin.car.ignition != Ignition::Off => {}
            _ => self.now(Input::Ignition(Ignition::Off)),
        }
        self.wait(MOMENT_MS);
        let held: Vec<&String> = keys.iter().filter(|key| Some(*key) != power.as_ref()).collect();
        for key in &held {
            self.half_press(key, true)?;
        }
        self.now(Input::Ignition(ignition));
        if let Some(power) = &power
            && !self.twin.on
        {
            let stays_down = keys.contains(power);
            self.half_press(power, true)?;
            if stays_down {
                self.wait(hold_ms);
            }
            self.half_press(power, false)?;
        }
        self.wait(hold_ms);
        for key in &held {
            self.half_press(key, false)?;
        }
        Ok(())
    }

    /// Makes presses one after the other.
    ///
    /// # Errors
    /// The panel lacks a key; the presses before it were made.
    pub fn press_all(&mut self, all: &[Press]) -> Result<(), NoSuchKey> {
        for (index, press) in all.iter().enumerate() {
            if index > 0 {
                self.wait(BETWEEN_MS);
            }
            self.press(press)?;
        }
        Ok(())
    }

    /// The presses that type this code on the panel as it stands.
    ///
    /// # Errors
    /// The panel cannot type it.
    pub fn presses_for(&self, code: &Code) -> Result<Vec<Press>, CannotType> {
        let lock = self.twin.current_lock().unwrap_or(0);
        let behaviour = self.twin.spec().behaviour();
        let mut all = presses(behaviour, &self.twin.locks[lock].alphabets, code)?;
        // An entry that is open already is not opened again.
        if let (true, Some(opens)) = (self.twin.entry_open, &behaviour.entry.open_with) {
            all.drain(..headlock_profile::typing::gesture(opens).len());
        }
        Ok(all)
    }

    /// Types a code and confirms it.
    ///
    /// # Errors
    /// The panel cannot type it; nothing was pressed.
    pub fn enter(&mut self, code: &Code) -> Result<(), CannotType> {
        let all = self.presses_for(code)?;
        // The presses come from the unit's own panel, so it has their keys.
        let _ = self.press_all(&all);
        Ok(())
    }
}

fn no_such_key(twin: &Twin, name: &str) -> NoSuchKey {
    NoSuchKey { wanted: name.to_owned(), has: twin.spec().keys().to_vec() }
}

/// A plain press of a key.
pub fn plain(key: &str) -> Press {
    Press::Key { key: key.to_owned(), hold_ms: PRESS_MS }
}
