//! A lock with its record: events in, and what each asks for carried out in the right order.

use crate::eeprom::{Eeprom, MonotonicCounter, StoreError};
use crate::event::{Effect, Event};
use crate::policy::Policy;
use crate::state::State;
use crate::step::step;
use crate::store::{Charged, Loaded, Region, Store};
use crate::verifier::DeviceKey;

/// What a lock runs on.
#[derive(Debug)]
pub struct Hardware<'a, M, K, C> {
    /// The memory of its records.
    pub memory: &'a mut M,
    /// The key of this device.
    pub key: &'a K,
    /// A count that never goes down, or [`NoCounter`](crate::NoCounter).
    pub counter: &'a mut C,
}

/// A lock and where its record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// How the lock stands.
    pub state: State,
    /// Where its record does.
    pub store: Store,
}

/// What an event led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// What the lock asked for; a comparison is asked for by [`Keeper::enter`] alone.
    pub effect: Effect,
    /// Whether what had to be written was. Where it was not, the state holds until the supply is cut.
    pub saved: Result<(), StoreError>,
}

/// What came of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Right: the lock is open.
    Opened,
    /// Wrong.
    Wrong,
    /// Not compared, and said so.
    Refused,
    /// Not compared, in silence.
    Ignored,
}

impl Keeper {
    /// What a start finds; the caller then feeds [`Event::SupplyRestored`].
    pub fn start<M: Eeprom, K: DeviceKey, C: MonotonicCounter>(
        hardware: &mut Hardware<'_, M, K, C>,
        region: Region,
        policy: &Policy,
    ) -> (Self, Loaded) {
        let Hardware { memory, key, counter } = hardware;
        let (store, loaded) = Store::open(*memory, region, *key, *counter, policy);
        (Self { state: loaded.state(), store }, loaded)
    }

    /// Feeds one event that is no entry of a code, and writes what has to be written.
    pub fn feed<M: Eeprom, K: DeviceKey, C: MonotonicCounter>(
        &mut self,
        hardware: &mut Hardware<'_, M, K, C>,
        policy: &Policy,
        event: Event,
    ) -> Fed {
        let before = self.state;
        let (after, effect) = step(policy, before, event);
        self.state = after;
        let saved = match effect {
            Effect::Persist | Effect::PersistOpened | Effect::PersistRefuse if after != before => self.save(hardware),
            _ => Ok(()),
        };
        Fed { effect, saved }
    }

    /// A completed entry: charged, written, read back, and only then compared. `compare` is not called unless the charge stands.
    pub fn enter<M: Eeprom, K: DeviceKey, C: MonotonicCounter>(
        &mut self,
        hardware: &mut Hardware<'_, M, K, C>,
        policy: &Policy,
        compare: impl FnOnce(&Charged) -> bool,
    ) -> (Verdict, Result<(), StoreError>) {
        let Fed { effect, saved } = self.feed(hardware, policy, Event::CodeEntered);
        match effect {
            Effect::PersistThenCompare => {
                let Hardware { memory, key, counter } = hardware;
                match self.store.charge(*memory, *key, *counter, &self.state) {
                    Ok(charged) => {
                        let right = compare(&charged);
                        let event = if right { Event::Matched } else { Event::Mismatched };
                        let fed = self.feed(hardware, policy, event);
                        (if right { Verdict::Opened } else { Verdict::Wrong }, fed.saved)
                    }
                    Err(error) => {
                        let _ = self.feed(hardware, policy, Event::PersistFailed);
                        (Verdict::Refused, Err(error))
                    }
                }
            }
            Effect::Refuse | Effect::PersistRefuse => (Verdict::Refused, saved),
            Effect::None | Effect::Persist | Effect::PersistOpened => (Verdict::Ignored, saved),
        }
    }

    /// Writes the state as it is.
    ///
    /// # Errors
    /// It could not be written; the record before stands.
    pub fn save<M: Eeprom, K: DeviceKey, C: MonotonicCounter>(
        &mut self,
        hardware: &mut Hardware<'_, M, K, C>,
    ) -> Result<(), StoreError> {
        self.store.save(hardware.memory, hardware.key, &self.state)
    }
}
