//! What the owner, a menu, a tester, a stick or a paper clip can do.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::entry::GestureSpec;
use super::lock::Moment;

/// What the owner may change while the unit is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnerSpec {
    /// Set a code of one's own.
    pub sets_code: bool,
    /// Erase it.
    pub erases_code: bool,
    /// Erasing it asks for it.
    pub erase_needs_code: bool,
    /// Ask for the lock, or for none; absent: where arming wants it.
    pub opts_in: Option<bool>,
    /// Further settings and their words.
    pub settings: BTreeMap<String, Vec<String>>,
}

/// A hidden menu, or a gesture that acts at once.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Its name.
    pub id: String,
    /// How it is opened.
    pub gesture: GestureSpec,
    /// Firmware that has it.
    #[serde(default)]
    pub firmware: FirmwareRange,
    /// Whether this unit has it at all.
    #[serde(default = "yes")]
    pub supported: bool,
    /// When it works.
    #[serde(default = "Moment::any")]
    pub works_while: Vec<Moment>,
    /// In which vehicle it works.
    #[serde(default)]
    pub vehicle: VehicleNeed,
    /// The key for the next item; absent where the gesture does the first item at once.
    pub next: Option<String>,
    /// The item before.
    pub previous: Option<String>,
    /// Do it.
    pub confirm: Option<String>,
    /// Leaves the menu.
    pub leave: Option<String>,
    /// Leaves by itself after this many seconds without a key.
    #[serde(default = "half_a_minute")]
    pub timeout_s: u64,
    /// What it offers.
    pub item: Vec<ItemSpec>,
}

/// In which vehicle something works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VehicleNeed {
    /// In any.
    #[default]
    Any,
    /// In the one that the unit was paired with.
    Home,
    /// In any other.
    Other,
}

/// One item of a service menu.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemSpec {
    /// What the display calls it.
    pub name: String,
    /// What it shows.
    pub shows: Option<ShowsWord>,
    /// In which parts, where that is not one.
    #[serde(default)]
    pub screens: Vec<crate::serial::ScreenSpec>,
    /// The next part follows by itself after this long, and the first after the last.
    pub turns_after_ms: Option<u64>,
    /// What it does.
    #[serde(default)]
    pub does: DoesWord,
    /// What is lost with it.
    #[serde(default)]
    pub loses: Vec<LossWord>,
    /// The unit restarts for this long.
    pub reboot_ms: Option<u64>,
    /// Attempts it uses up.
    #[serde(default)]
    pub costs_attempts: u16,
}

/// What a menu item shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShowsWord {
    /// The serial, as the unit's screen can show it.
    Serial,
    /// The firmware version.
    Firmware,
    /// The production date.
    ProductionDate,
    /// What the unit asks.
    Challenge,
    /// Attempts left.
    AttemptsLeft,
}

/// What an item, a pinhole or a request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoesWord {
    /// Nothing but what is lost.
    #[default]
    Nothing,
    /// Opens the lock without the code.
    Opens,
    /// Clears the failures and ends a wait.
    ClearsAttempts,
    /// Clears everything that was counted, the permanent lock too.
    ClearsAll,
    /// Erases the code: the unit asks no more.
    ErasesCode,
    /// Switches code checking off.
    DisablesChecking,
}

/// What can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossWord {
    /// Stored stations.
    Stations,
    /// Bluetooth pairings.
    BluetoothPairings,
    /// Navigation settings.
    NavigationSettings,
    /// The licence of the map.
    MapLicence,
    /// Keys on the steering wheel.
    SteeringWheelKeys,
    /// Data of the trip computer on the display.
    TripComputer,
    /// The owner's other settings.
    Settings,
}

/// What a tester can ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagnosticSpec {
    /// The request.
    pub request: RequestWord,
    /// Testers that can; empty for any.
    #[serde(default)]
    pub testers: Vec<String>,
    /// Whether this unit answers it at all.
    #[serde(default = "yes")]
    pub supported: bool,
    /// Firmware that answers it.
    #[serde(default)]
    pub firmware: FirmwareRange,
    /// What is lost with it.
    #[serde(default)]
    pub loses: Vec<LossWord>,
    /// The unit may become unstable: it freezes at the next start.
    #[serde(default)]
    pub unstable: bool,
    /// How long it takes.
    #[serde(default)]
    pub takes_s: u64,
    /// The level of SecurityAccess that it is behind, by its odd sub-function: 1, 3 or 5; 0 is none. Absent: what its kind wants.
    pub security: Option<u8>,
}

/// A diagnostic request at the level of its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestWord {
    /// The serial.
    ReadSerial,
    /// The firmware version.
    ReadFirmware,
    /// Attempts left and the wait.
    ReadState,
    /// Enter the code.
    EnterCode,
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

/// Firmware by USB.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateSpec {
    /// The file system that the stick must have.
    #[serde(default)]
    pub filesystem: Option<String>,
    /// A regular expression for the file's name.
    pub file: String,
    /// Seconds it takes.
    #[serde(default = "five_minutes_s")]
    pub takes_s: u64,
    /// What a file for another unit does.
    #[serde(default)]
    pub wrong_file: WrongFileSpec,
    /// What a cut in the middle does.
    #[serde(default)]
    pub cut: WrongFileSpec,
    /// Whether the unit is open afterwards.
    #[serde(default)]
    pub opens: bool,
    /// What is lost with it.
    #[serde(default)]
    pub loses: Vec<LossWord>,
}

/// What goes wrong with a wrong file or a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrongFileSpec {
    /// The unit is dead.
    #[default]
    Bricks,
    /// Nothing.
    Refused,
}

/// The pinhole reset.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinholeSpec {
    /// How long it is pressed.
    #[serde(default = "three_seconds_ms")]
    pub hold_ms: u64,
    /// What it does.
    #[serde(default)]
    pub does: DoesWord,
    /// What is lost with it.
    #[serde(default)]
    pub loses: Vec<LossWord>,
}

/// A fuse.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FuseSpec {
    /// Its designation.
    pub id: String,
    /// Its rating in amperes.
    pub rating_a: Option<u16>,
    /// What it feeds.
    pub feeds: FeedsWord,
}

/// What a fuse feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedsWord {
    /// The unit, all of it.
    Supply,
    /// Its memory: without it nothing is written and no code accepted.
    Memory,
    /// The sound.
    Sound,
    /// The display.
    Display,
    /// The keys.
    Keys,
}

/// The label with the serial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSpec {
    /// Where it is.
    pub place: LabelPlace,
}

/// Where the label is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelPlace {
    /// On the case: the unit has to come out.
    #[default]
    Case,
    /// Under a panel that can be pried off.
    UnderPanel,
    /// There is none.
    None,
}

/// A range of firmware versions, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirmwareRange {
    /// First version.
    pub from: Option<crate::words::Firmware>,
    /// Last version.
    pub to: Option<crate::words::Firmware>,
    /// First version that is beyond the range.
    pub below: Option<crate::words::Firmware>,
}

impl FirmwareRange {
    /// Whether a version lies in the range.
    pub fn contains(&self, version: &crate::words::Firmware) -> bool {
        self.from.as_ref().is_none_or(|from| version >= from)
            && self.to.as_ref().is_none_or(|to| version <= to)
            && self.below.as_ref().is_none_or(|below| version < below)
    }

    /// Whether every version lies in it.
    pub fn is_any(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.below.is_none()
    }
}

const fn yes() -> bool {
    true
}

const fn half_a_minute() -> u64 {
    30
}

const fn three_seconds_ms() -> u64 {
    3_000
}

const fn five_minutes_s() -> u64 {
    300
}
