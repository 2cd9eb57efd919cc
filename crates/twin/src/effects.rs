//! What a menu's item, a request and new firmware do to the locks: the words of the catalogue as events, for whoever carries them
//! out and for whoever only asks what they would do.

use headlock_lock::{Clears, Event, Phase};
use headlock_profile::behaviour::{DoesWord, Moment, RequestWord};

/// Restarts after firmware and by the pinhole take so long, in milliseconds.
pub const RESTART_MS: u64 = 2_000;

/// Which locks of a unit something reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// The main one.
    Main,
    /// All of them.
    All,
}

/// One event, and the locks that it is fed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Which locks.
    pub locks: Locks,
    /// What happens to them.
    pub event: Event,
}

const CLEARS_ATTEMPTS: Event = Event::Cleared(Clears { attempts: true, rounds: true, wait: true, locked_out: false });

/// Every restart of the unit's software.
pub const RESTARTS: &[Effect] = &[all(Event::Rebooted)];

const fn main_lock(event: Event) -> Effect {
    Effect { locks: Locks::Main, event }
}

const fn all(event: Event) -> Effect {
    Effect { locks: Locks::All, event }
}

/// What an item of a menu, or the pinhole, does.
pub const fn of_item(does: DoesWord) -> &'static [Effect] {
    match does {
        DoesWord::Nothing => &[],
        DoesWord::Opens => const { &[main_lock(Event::Released)] },
        DoesWord::ClearsAttempts => const { &[main_lock(CLEARS_ATTEMPTS)] },
        DoesWord::ClearsAll => const { &[main_lock(Event::Cleared(Clears::ALL))] },
        DoesWord::ErasesCode => const { &[main_lock(Event::Released), main_lock(Event::CodeSet(false))] },
        DoesWord::DisablesChecking => const { &[main_lock(Event::Enabled(false))] },
    }
}

/// What a tester's request does to the locks at once. A code is an attempt, not an effect; firmware comes at its end
/// ([`of_firmware`]).
pub const fn of_request(request: RequestWord) -> &'static [Effect] {
    match request {
        RequestWord::ReadSerial
        | RequestWord::ReadFirmware
        | RequestWord::ReadState
        | RequestWord::EnterCode
        | RequestWord::Reflash => &[],
        RequestWord::ClearAttempts => const { &[all(CLEARS_ATTEMPTS)] },
        RequestWord::ResetLock => const { &[all(Event::Released)] },
        RequestWord::ClearLockedOut => const { &[all(Event::Cleared(Clears::ALL))] },
        RequestWord::DisableChecking => const { &[all(Event::Enabled(false))] },
        RequestWord::Pair => const { &[all(Event::VehicleSeen { home: true })] },
    }
}

/// Which firmware was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// The maker's.
    Update {
        /// The unit is open afterwards.
        opens: bool,
    },
    /// One without protection.
    Unprotected,
}

/// What new firmware does, once it is written; a restart follows.
pub const fn of_firmware(firmware: Firmware) -> &'static [Effect] {
    match firmware {
        Firmware::Update { opens: false } => const { &[all(Event::Reflashed)] },
        Firmware::Update { opens: true } => const { &[all(Event::Reflashed), main_lock(Event::Released)] },
        Firmware::Unprotected => const { &[all(Event::Enabled(false))] },
    }
}

/// What a lock is doing, in the words of the catalogue.
pub const fn moment(phase: &Phase) -> Moment {
    match phase {
        Phase::Open { .. } => Moment::Open,
        Phase::Armed | Phase::Checking => Moment::Armed,
        Phase::Waiting { .. } => Moment::Waiting,
        Phase::LockedOut => Moment::LockedOut,
    }
}
