//! Everything that can happen to a head unit. The list is closed.

use std::sync::Arc;

use headlock_lock::Ignition;
use headlock_profile::Code;

/// A key of the panel, by its number in the [`Spec`](crate::Spec).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) u8);

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing but the passing of time.
    Tick,
    /// The supply.
    Supply(Supply),
    /// A fuse of the car, by its designation.
    Fuse {
        /// Like F37; `supply` for the one that feeds the unit, whatever it is called.
        id: Arc<str>,
        /// In, and whole.
        inserted: bool,
    },
    /// The ignition is turned.
    Ignition(Ignition),
    /// The ignition key is taken out or put in.
    KeyFob {
        /// In the lock.
        inserted: bool,
    },
    /// A key of the panel goes down.
    KeyDown(KeyId),
    /// A key of the panel comes up.
    KeyUp(KeyId),
    /// A knob is turned; positive is clockwise.
    Turn {
        /// Which.
        knob: KeyId,
        /// Clicks.
        clicks: i32,
    },
    /// A character, or a line feed, from an external keyboard.
    Keyboard(char),
    /// The driver's door.
    Door {
        /// Open.
        open: bool,
    },
    /// The pinhole.
    Pinhole {
        /// A paper clip is in it.
        pressed: bool,
    },
    /// A USB stick, or its removal.
    Usb(Option<Stick>),
    /// A request through the diagnostic connector, at the level of its meaning.
    Diagnostic {
        /// Which tester asks.
        tester: Arc<str>,
        /// What it asks.
        request: Request,
    },
    /// A tester restarts the unit's software.
    Restart,
    /// Firmware that was taken and checked is written, and the unit restarts.
    Install(Install),
    /// The unit is taken out of the dashboard, or put back.
    Fitted(bool),
    /// The unit is in the vehicle that it was paired with, or in another.
    Vehicle {
        /// It is the one.
        home: bool,
    },
    /// The owner uses the settings of an open unit.
    Owner(OwnerAction),
    /// Somebody looks for the label.
    ReadLabel,
    /// Something breaks.
    Plant(Fault),
    /// It is repaired.
    Mend(Fault),
}

/// What can happen to the supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// It stands at so many millivolts.
    Millivolts(u32),
    /// It is cut.
    Cut,
    /// It is back.
    Restored,
    /// It jumps to so many millivolts and back.
    Surge(u32),
}

/// Firmware that was taken and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// It does not check codes.
    pub unprotected: bool,
    /// Its version.
    pub firmware: headlock_profile::Firmware,
}

/// A USB stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stick {
    /// Its file system, like fat32.
    pub filesystem: Arc<str>,
    /// The files in its root.
    pub files: Vec<StickFile>,
}

/// One file in the root of a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickFile {
    /// Its name.
    pub name: Arc<str>,
    /// It is firmware for another unit.
    pub for_another_unit: bool,
}

/// What a tester asks.
#[derive(Clone, Debug)]
pub enum Request {
    /// The serial.
    ReadSerial,
    /// The firmware version.
    ReadFirmware,
    /// Attempts left and the wait.
    ReadState,
    /// Enter the code.
    EnterCode(Code),
    /// Clear the attempt counter and end a wait.
    ClearAttempts,
    /// Open the lock without the code.
    ResetLock,
    /// Clear a permanent lock.
    ClearLockedOut,
    /// Switch code checking off.
    DisableChecking,
    /// Write firmware without protection.
    Reflash,
    /// Pair with this vehicle.
    Pair,
}

/// What the owner does in the settings.
#[derive(Clone, Debug)]
pub enum OwnerAction {
    /// Sets a code.
    SetCode(Code),
    /// Erases the code, giving it where the unit asks for it.
    EraseCode(Option<Code>),
    /// Asks for the lock, or for none.
    OptIn(bool),
    /// Sets another setting.
    Set {
        /// Which.
        setting: Arc<str>,
        /// To what.
        word: Arc<str>,
    },
}

/// What can be broken.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The EEPROM loses what was written since now whenever the unit is switched off.
    EepromForgets,
    /// The EEPROM takes no write.
    EepromWorn,
    /// One bit of the EEPROM flips.
    EepromRot(u32),
    /// One cell of the EEPROM keeps the value that it has.
    EepromCell(u32),
    /// A key that is down all the time.
    StuckKey(KeyId),
    /// A key that does nothing.
    DeadKey(KeyId),
    /// The panel takes no key until it is woken.
    Frozen,
    /// The sound is muted.
    Muted,
    /// The software refuses any code until the supply was away for some minutes.
    Glitch,
    /// A surge has killed display and sound.
    SurgeDamage,
    /// Locked by the hardware.
    HardwareLock,
    /// Another unit of the same model sits in the dashboard: other serial, other code.
    Exchanged,
    /// The unit was reflashed: it takes another code than the one issued for its serial.
    OtherCode,
}
