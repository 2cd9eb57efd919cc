//! What can happen to a lock, and what it asks of its caller.

use crate::policy::{Clears, Ignition};

/// One thing that happened. The list is closed: whoever adds one must say what every phase does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The supply is back.
    SupplyRestored {
        /// How long it was away, in milliseconds.
        outage_ms: u64,
        /// What had cut it.
        feed: Feed,
        /// Whether the unit was switched on when it went.
        unit_was_on: bool,
    },
    /// The supply stands at this many millivolts, outside of its usual range.
    Voltage {
        /// Millivolts.
        mv: u32,
    },
    /// Firmware was written.
    Reflashed,
    /// The vehicle has told who it is.
    VehicleSeen {
        /// It is the one that the unit was paired with.
        home: bool,
    },
    /// The panel, or a tester, completed the entry of a code.
    CodeEntered,
    /// The code entered is one of the unit's.
    Matched,
    /// It is not.
    Mismatched,
    /// The record could not be written or did not read back.
    PersistFailed,
    /// Time passed under unchanged conditions.
    Elapsed {
        /// Milliseconds.
        ms: u64,
        /// How the unit stood meanwhile.
        during: Conditions,
    },
    /// A key of the panel was touched.
    KeyTouched,
    /// The ignition came on.
    IgnitionCycled,
    /// The unit restarted.
    Rebooted,
    /// The ignition key was taken out and put back.
    KeyCycled,
    /// The gesture that gives attempts back.
    ExtraAttempts,
    /// A tool or a menu cleared counters.
    Cleared(Clears),
    /// A tool, a menu or an online release opened the lock without the code.
    Released,
    /// Code checking was switched on or off by configuration.
    Enabled(bool),
    /// The owner asked for the lock, or for none.
    OptedIn(bool),
    /// The owner set a code, or erased it.
    CodeSet(bool),
}

/// What had cut the supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// The battery, or the whole car.
    Battery,
    /// The unit's own fuse.
    Fuse,
    /// The unit was out of the dashboard.
    Removal,
}

/// How the unit stands while time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conditions {
    /// The ignition.
    pub ignition: Ignition,
    /// Whether the unit is switched on.
    pub unit_on: bool,
}

/// What the caller must do next, before it feeds another event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// Write the state to the record.
    Persist,
    /// Write the state, read it back, and only then compare the code; answer with [`Event::Matched`],
    /// [`Event::Mismatched`] or, when the write failed, [`Event::PersistFailed`].
    PersistThenCompare,
    /// Write the state; the lock has opened.
    PersistOpened,
    /// Tell the user that the entry was refused; it was not compared.
    Refuse,
    /// Write the state, and tell the user that the entry was refused; it was not compared.
    PersistRefuse,
}
