//! What an input led to.

use headlock_lock::Verdict;
use headlock_profile::behaviour::LossWord;

/// One thing that the unit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The display shows something else.
    Screen(Screen),
    /// It beeped.
    Beep,
    /// A code was entered.
    Attempt {
        /// Which lock; 0 is the main one.
        lock: u8,
        /// What came of it.
        verdict: Verdict,
    },
    /// A lock does something else.
    Phase {
        /// Which lock.
        lock: u8,
        /// What it does now.
        to: PhaseKind,
    },
    /// The unit lost its supply.
    SupplyLost,
    /// The supply is back.
    SupplyBack,
    /// The unit was switched on or off.
    Switched(bool),
    /// The unit restarted.
    Restarted,
    /// A write did not succeed.
    WriteFailed,
    /// The record was damaged; the lock failed closed.
    FailedClosed,
    /// Something is gone.
    Lost(LossWord),
    /// The entry started again from its first place.
    EntryRestarted,
    /// The first press only woke the display.
    Woke,
    /// The panel takes no key any more.
    Froze,
    /// The unit is dead.
    Bricked,
    /// Firmware is being written.
    UpdateStarted,
    /// Firmware was written.
    UpdateDone,
    /// Firmware was refused.
    UpdateRefused(&'static str),
    /// A tester got an answer.
    Answer(Answer),
    /// What the label says, or `None` where it cannot be seen.
    Label(Option<String>),
    /// The input could not be done, and why.
    Refused(&'static str),
}

/// What a lock does, without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhaseKind {
    /// Plays.
    Open,
    /// Asks.
    Armed,
    /// Compares.
    Checking,
    /// Waits.
    Waiting,
    /// Refuses for good.
    LockedOut,
}

impl PhaseKind {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Armed => "armed",
            Self::Checking => "checking",
            Self::Waiting => "waiting",
            Self::LockedOut => "locked-out",
        }
    }
}

/// What the display shows, by its meaning; [`View`](crate::View) has the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Nothing.
    Off,
    /// Nothing, until a key is touched.
    Asleep,
    /// The unit is starting.
    Starting,
    /// The code of this lock is wanted.
    Prompt(u8),
    /// It is being entered; the number changes with every change.
    Entering(u8, u16),
    /// It was wrong.
    Error,
    /// It was refused without being compared.
    Refused,
    /// This lock waits.
    Wait(u8),
    /// This lock is locked out.
    LockedOut(u8),
    /// Locked by the hardware.
    HardwareLock,
    /// The code was right.
    Welcome,
    /// It plays.
    Open,
    /// A service menu and its item.
    Menu(u8, u8),
    /// What an item of a menu shows, and which part of it.
    Shows(u8, u8, u8),
    /// Firmware is being written.
    Updating,
}

/// What a tester got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// The serial.
    Serial(String),
    /// The firmware version.
    Firmware(String),
    /// The main lock.
    State {
        /// What it does.
        phase: PhaseKind,
        /// Failed attempts.
        failed: u16,
        /// Attempts left before it is locked out for good, if it ever is.
        attempts_left: Option<u16>,
        /// Seconds left of a wait in time.
        wait_left_s: Option<u64>,
    },
    /// What came of a code.
    Verdict(Verdict),
    /// This unit does not answer that, or not to this tester.
    Refused(&'static str),
}
