//! How a unit behaves under one reading: the fields of a `[[reading]]`, typed.
//!
//! Every table and field is described, with an example, in `docs/catalogue.md`. Absent fields take the defaults given
//! here. Times carry their unit in the name.

use std::collections::BTreeMap;

use serde::Deserialize;

pub use crate::words::{Text, Threshold};

/// One reading's behaviour, complete and without open values.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// What opens the main lock.
    pub kind: LockKind,
    /// Whether code checking is on when the unit leaves the maker.
    pub checking: Switch,
    /// What the main lock guards.
    pub guards: Vec<Guarded>,
    /// The code of the main lock.
    pub code: CodeSpec,
    /// Attempts and rounds.
    pub tries: TriesSpec,
    /// The ladder of waits.
    pub wait: Vec<WaitSpec>,
    /// What lets a wait count, and what else holds while it runs.
    pub waiting: WaitingSpec,
    /// Quiet times that clear counters.
    pub forgive: Vec<ForgiveSpec>,
    /// What an outage does to a penalty.
    pub supply_cut: SupplyCutSpec,
    /// What makes the unit ask for its code.
    pub arming: ArmingSpec,
    /// Further locks in the same unit.
    pub also: Vec<OtherLockSpec>,
    /// The supply.
    pub supply: SupplySpec,
    /// Switching on and off.
    pub power: PowerSpec,
    /// Keys of the panel that no other field names.
    pub keys: Vec<String>,
    /// Entering the code.
    pub entry: EntrySpec,
    /// What the display shows.
    pub display: DisplaySpec,
    /// What the owner may change.
    pub owner: OwnerSpec,
    /// Hidden menus and gestures.
    pub service: Vec<ServiceSpec>,
    /// What answers through the diagnostic connector.
    pub diagnostic: Vec<DiagnosticSpec>,
    /// Firmware by USB.
    pub update: Option<UpdateSpec>,
    /// The pinhole reset.
    pub pinhole: Option<PinholeSpec>,
    /// Fuses that matter to the unit.
    pub fuse: Vec<FuseSpec>,
    /// The label with the serial.
    pub label: LabelSpec,
    /// Frozen keys wake when the driver's door is opened and closed with the ignition off.
    pub door_reset: bool,
}

/// What opens a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// There is no lock.
    None,
    /// The code.
    #[default]
    Code,
    /// The vehicle it was paired with.
    Pairing,
    /// The vehicle it was paired with or, elsewhere, the code.
    PairingOrCode,
    /// A tool or an online release.
    Tool,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// What a lock keeps silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarded {
    /// Radio and media.
    Audio,
    /// Navigation.
    Navigation,
    /// A card or module slot.
    Card,
}

/// What a code looks like and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodeSpec {
    /// Whose it is.
    pub belongs_to: CodeOwner,
    /// How long it is.
    pub length: LengthSpec,
    /// What it is written in: one alphabet, or one for each position.
    pub alphabet: AlphabetSpec,
    /// Accepted only in the vehicle that the unit was paired with.
    pub bound_to_vin: bool,
    /// A right code pairs the unit with the vehicle it is in.
    pub pairs: bool,
    /// Codes said to work on every unit of the kind.
    pub defaults: Vec<String>,
    /// What the unit asks, if its answer opens it too; `belongs_to = "challenge"` needs it.
    pub challenge: Option<ChallengeSpec>,
}

/// Whose a code is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeOwner {
    /// The unit's, for its life.
    #[default]
    Unit,
    /// The vehicle's.
    Vehicle,
    /// The owner's, who may set or erase it.
    Owner,
    /// The answer to what the unit shows.
    Challenge,
}

/// How long a code is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "this must be a number of characters, { by_serial = [{ pattern, length }], otherwise = 4 } or { by_setting = { setting, lengths = { word = 4 } } }"
)]
pub enum LengthSpec {
    /// Always so many characters.
    Fixed(u8),
    /// By the serial.
    BySerial {
        /// The first whose pattern fits decides.
        by_serial: Vec<SerialLength>,
        /// If none fits.
        otherwise: u8,
    },
    /// By a setting of the owner's.
    BySetting {
        /// Which setting, and the length for each of its words.
        by_setting: SettingLength,
    },
}

impl Default for LengthSpec {
    fn default() -> Self {
        Self::Fixed(4)
    }
}

/// A code length for serials of one pattern.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialLength {
    /// A regular expression for the whole serial.
    pub pattern: String,
    /// Characters of the code.
    pub length: u8,
}

/// A code length by setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingLength {
    /// The name of the setting.
    pub setting: String,
    /// The length for each of its words.
    pub lengths: BTreeMap<String, u8>,
    /// The word it starts with.
    pub initially: String,
}

/// What a code is written in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "this must be text with every character of the alphabet, or a list with one such text for each position"
)]
pub enum AlphabetSpec {
    /// The same everywhere.
    Same(String),
    /// One for each position.
    Positions(Vec<String>),
}

impl Default for AlphabetSpec {
    fn default() -> Self {
        Self::Same("0123456789".to_owned())
    }
}

/// What a unit shows whose code is the answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeSpec {
    /// Digits shown.
    pub digits: u8,
    /// When it changes.
    #[serde(default)]
    pub renewed: Renewal,
}

/// When a challenge changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// With every failed attempt.
    #[default]
    EveryAttempt,
    /// Whenever the unit starts.
    EveryStart,
    /// Never.
    Never,
}

/// Attempts and rounds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TriesSpec {
    /// Failed attempts that complete a round; absent where there are no rounds.
    pub round: Option<u16>,
    /// The same for the first round, where it differs.
    pub first_round: Option<u16>,
    /// Failed attempts in total that lock out for good.
    pub locked_out_after_attempts: Threshold,
    /// Completed rounds that lock out for good.
    pub locked_out_after_rounds: Threshold,
    /// A gesture that gives attempts back.
    pub extra: Option<ExtraSpec>,
}

/// A gesture that gives attempts back.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraSpec {
    /// The gesture.
    pub gesture: GestureSpec,
    /// Attempts given back.
    pub attempts: u16,
    /// How often.
    #[serde(default = "one")]
    pub times: u16,
    /// When it works.
    #[serde(default = "Moment::penalties")]
    pub works_while: Vec<Moment>,
}

/// What the main lock is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Open.
    Open,
    /// Asking for the code.
    Armed,
    /// Waiting.
    Waiting,
    /// Locked out.
    LockedOut,
}

impl Moment {
    fn penalties() -> Vec<Self> {
        vec![Self::Waiting, Self::LockedOut]
    }

    fn any() -> Vec<Self> {
        vec![Self::Open, Self::Armed, Self::Waiting, Self::LockedOut]
    }
}

/// One rung of the ladder: exactly one `after_…`, exactly one length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WaitSpec {
    /// From this many failures on.
    pub after_failures: Option<u16>,
    /// From this many failures of the running round on.
    pub after_failures_in_round: Option<u16>,
    /// From this many completed rounds on.
    pub after_rounds: Option<u16>,
    /// Seconds.
    pub wait_s: Option<u64>,
    /// Times the ignition comes on.
    pub wait_ignition_cycles: Option<u32>,
    /// Restarts of the unit.
    pub wait_reboots: Option<u32>,
    /// Times the key is taken out and put back.
    pub wait_key_cycles: Option<u32>,
    /// It never ends by itself.
    pub endless: bool,
    /// Grows by this factor at each further count.
    pub factor: Option<u16>,
    /// And never beyond this many seconds.
    pub cap_s: Option<u64>,
    /// Or this many cycles.
    pub cap_cycles: Option<u32>,
}

/// What lets a wait count, and what else holds while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WaitingSpec {
    /// What lets it count.
    pub counts_while: ConditionsSpec,
    /// What an interruption does.
    pub on_interruption: InterruptionSpec,
    /// What an entry meanwhile does.
    pub entry: EntryWhileWaitingSpec,
    /// What its end does to the counters.
    pub afterwards: AfterWaitSpec,
}

/// What lets time count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionsSpec {
    /// Ignition positions; absent for any.
    pub ignition: Option<Positions>,
    /// Whether the unit must be switched on.
    pub unit: UnitNeedSpec,
    /// Whether keys must stay untouched.
    pub keys: KeysNeedSpec,
    /// Whether supply is needed.
    pub supply: SupplyNeedSpec,
}

/// One ignition position or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this must be an ignition position (off, acc, on, engine) or a list of them")]
pub enum Positions {
    /// One.
    One(Position),
    /// Several.
    Many(Vec<Position>),
}

impl Positions {
    /// As a list.
    pub fn list(&self) -> &[Position] {
        match self {
            Self::One(position) => std::slice::from_ref(position),
            Self::Many(positions) => positions,
        }
    }
}

/// Where the ignition key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Off.
    Off,
    /// Accessories.
    Acc,
    /// On.
    On,
    /// Engine running.
    Engine,
}

/// Whether the unit must be switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitNeedSpec {
    /// Either way.
    #[default]
    Any,
    /// On.
    On,
    /// Off.
    Off,
}

/// Whether keys must stay untouched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeysNeedSpec {
    /// Either way.
    #[default]
    Any,
    /// Untouched.
    Untouched,
}

/// Whether a clock needs supply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupplyNeedSpec {
    /// It stands still without.
    #[default]
    Needed,
    /// It counts through an outage.
    NotNeeded,
}

/// What an interruption does: the same for every condition, or each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "this must be `pause`, `restart` or `harmless`, or a table { ignition = …, unit = …, keys = … } of those"
)]
pub enum InterruptionSpec {
    /// The same for all.
    Same(InterruptionWord),
    /// Each on its own.
    Each {
        /// Another ignition position.
        #[serde(default)]
        ignition: InterruptionWord,
        /// The unit switched otherwise.
        #[serde(default)]
        unit: InterruptionWord,
        /// A touched key.
        keys: Option<InterruptionWord>,
    },
}

impl Default for InterruptionSpec {
    fn default() -> Self {
        Self::Each { ignition: InterruptionWord::Pause, unit: InterruptionWord::Pause, keys: None }
    }
}

/// What an interruption does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterruptionWord {
    /// The clock stands still.
    #[default]
    Pause,
    /// The clock starts again.
    Restart,
    /// Once begun the clock counts on.
    Harmless,
}

/// What an entry during a wait does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryWhileWaitingSpec {
    /// Nothing.
    #[default]
    Ignored,
    /// Refused, not counted.
    Refused,
    /// Refused; the wait starts again.
    RestartsWait,
    /// Counted without being compared.
    Charged,
}

/// What the end of a wait does to the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterWaitSpec {
    /// Nothing.
    #[default]
    Keeps,
    /// Forgets failures.
    ClearsAttempts,
    /// Forgets failures and rounds.
    ClearsAll,
}

/// A quiet time that clears counters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgiveSpec {
    /// Seconds after the last failure.
    pub after_s: u64,
    /// What lets them count.
    #[serde(default)]
    pub counts_while: ConditionsSpec,
    /// What an interruption does.
    #[serde(default)]
    pub on_interruption: InterruptionSpec,
    /// What is cleared.
    #[serde(default = "ClearsWord::attempts")]
    pub clears: Vec<ClearsWord>,
}

/// What may be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClearsWord {
    /// Failures.
    Attempts,
    /// Rounds.
    Rounds,
    /// The running wait.
    Wait,
    /// The permanent lock.
    LockedOut,
}

impl ClearsWord {
    fn attempts() -> Vec<Self> {
        vec![Self::Attempts]
    }
}

/// What an outage does to a penalty: the shortest outage for each, in seconds, or `"never"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupplyCutSpec {
    /// The wait starts again.
    pub restarts_wait_after_s: Threshold,
    /// The wait is over.
    pub ends_wait_after_s: Threshold,
    /// Failures are forgotten.
    pub restores_attempts_after_s: Threshold,
    /// Rounds are forgotten.
    pub restores_rounds_after_s: Threshold,
    /// The permanent lock is over.
    pub ends_locked_out_after_s: Threshold,
}

/// What makes the unit ask for its code.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArmingSpec {
    /// Shortest outage by the battery, in seconds, or `"never"`.
    pub battery_after_s: Threshold,
    /// By the unit's own fuse.
    pub fuse_after_s: Threshold,
    /// By taking it out.
    pub removal_after_s: Threshold,
    /// How the unit had to be at the cut.
    pub at_cut: AtCutSpec,
    /// Below this many volts.
    pub low_voltage_v: Option<f64>,
    /// Above this many volts.
    pub surge_v: Option<f64>,
    /// With new firmware.
    pub reflash: bool,
    /// In another vehicle.
    pub other_vehicle: bool,
    /// This many days after it last opened.
    pub calendar_days: Option<u32>,
    /// Only if the owner asked for it.
    pub opt_in: bool,
}

impl Default for ArmingSpec {
    fn default() -> Self {
        let at_once = Threshold::At(0);
        Self {
            battery_after_s: at_once,
            fuse_after_s: at_once,
            removal_after_s: at_once,
            at_cut: AtCutSpec::Any,
            low_voltage_v: None,
            surge_v: None,
            reflash: false,
            other_vehicle: false,
            calendar_days: None,
            opt_in: false,
        }
    }
}

/// How the unit had to be when the supply went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtCutSpec {
    /// Either way.
    #[default]
    Any,
    /// On.
    UnitOn,
    /// Off.
    UnitOff,
}

/// Another lock of the same unit. Absent tables are those of the main lock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherLockSpec {
    /// What it guards.
    pub guards: Vec<Guarded>,
    /// What opens it.
    #[serde(default)]
    pub kind: LockKind,
    /// Whether it is checked.
    #[serde(default)]
    pub checking: Switch,
    /// Its code.
    pub code: Option<CodeSpec>,
    /// Its attempts.
    pub tries: Option<TriesSpec>,
    /// Its waits.
    pub wait: Option<Vec<WaitSpec>>,
    /// Its clock.
    pub waiting: Option<WaitingSpec>,
    /// Its forgiveness.
    pub forgive: Option<Vec<ForgiveSpec>>,
    /// What an outage does to its penalty.
    pub supply_cut: Option<SupplyCutSpec>,
    /// What arms it.
    pub arming: Option<ArmingSpec>,
    /// What the display asks for it.
    pub prompt: Option<Text>,
    /// When the panel asks for it.
    #[serde(default)]
    pub asks: AsksSpec,
}

/// When the panel asks for the code of a further lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this must be `at-start`, `never` or { key = \"…\" }")]
pub enum AsksSpec {
    /// As a word.
    Word(AsksWord),
    /// When this key is pressed.
    Key {
        /// The key.
        key: String,
    },
    /// Once the locks before it are open.
    #[default]
    #[serde(skip)]
    Default,
}

/// When the panel asks for the code of a further lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsksWord {
    /// Once the locks before it are open.
    AtStart,
    /// Never; it opens by diagnostics alone.
    Never,
}

/// The supply.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupplySpec {
    /// Below this many volts the unit is off.
    pub works_above_v: f64,
    /// Below this many volts nothing can be written, and no code is compared.
    pub saves_above_v: f64,
}

impl Default for SupplySpec {
    fn default() -> Self {
        Self { works_above_v: 8.0, saves_above_v: 9.0 }
    }
}

/// Switching on and off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PowerSpec {
    /// What switches the unit on.
    pub on_with: OnWith,
    /// The power key.
    pub key: Option<String>,
    /// The power key works with the ignition off too.
    pub runs_with_ignition_off: bool,
    /// It switches itself off after this many seconds without a key.
    pub auto_off_s: Option<u64>,
    /// In these ignition positions.
    pub auto_off_while: Positions,
    /// The display sleeps after this many seconds without a key; the first press then only wakes it.
    pub sleeps_after_s: Option<u64>,
}

impl Default for PowerSpec {
    fn default() -> Self {
        Self {
            on_with: OnWith::Ignition,
            key: None,
            runs_with_ignition_off: false,
            auto_off_s: None,
            auto_off_while: Positions::One(Position::Off),
            sleeps_after_s: None,
        }
    }
}

/// What switches a unit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnWith {
    /// The ignition.
    Ignition,
    /// The power key, each time.
    Key,
    /// The ignition, if it was on when the ignition went off.
    Memory,
}

/// A gesture on the panel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GestureSpec {
    /// One key.
    pub key: Option<String>,
    /// Or several held together.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Or pressed one after the other.
    #[serde(default)]
    pub sequence: Vec<String>,
    /// Held for this long; 0 is a press.
    #[serde(default)]
    pub hold_ms: u64,
    /// Held already while this happens, and `hold_ms` more.
    pub from: Option<From>,
    /// Works in these ignition positions.
    pub ignition: Option<Positions>,
    /// A sequence must be done within this time.
    #[serde(default = "ten_seconds_ms")]
    pub within_ms: u64,
}

/// What happens while a gesture's keys are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The ignition comes on.
    IgnitionOn,
    /// The unit is switched on.
    PowerOn,
}

/// Entering the code.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntrySpec {
    /// How characters are chosen.
    pub style: Style,
    /// The keys that choose them: digit keys, or one for each place, or multi-tap keys.
    pub keys: Vec<String>,
    /// What each of `keys` types, where that is not its own name; for multi-tap all that it cycles through.
    pub types: Vec<String>,
    /// For `dials`: which key turns which places.
    pub dials: Vec<DialSpec>,
    /// For `cursor` and `rotary`: the next place.
    pub next: Option<String>,
    /// The place before.
    pub previous: Option<String>,
    /// The next character.
    pub up: Option<String>,
    /// The character before.
    pub down: Option<String>,
    /// For `rotary`: the knob that is turned.
    pub knob: Option<String>,
    /// What the places show before they are set: one character for all, or one for each place; absent for nothing.
    pub initial: Option<String>,
    /// How entry is opened, if not at once.
    pub open_with: Option<GestureSpec>,
    /// How the whole code is confirmed.
    pub confirm: ConfirmSpec,
    /// A key that confirms each character.
    pub confirm_each: Option<String>,
    /// For `hold`: how long a key is held until the next place appears.
    pub hold_ms: u64,
    /// A held key acts again each time this many milliseconds have passed.
    pub repeat_ms: Option<u64>,
    /// What a long press of a character key does.
    pub long_press: Option<LongPressSpec>,
    /// Milliseconds without a tap after which a multi-tap character stands.
    pub settle_ms: u64,
    /// Seconds without a key after which entry ends.
    pub digit_timeout_s: Option<u64>,
    /// Seconds for the whole entry.
    pub timeout_s: Option<u64>,
    /// What such a time-out does.
    pub on_timeout: TimeoutSpec,
    /// Takes the last character back.
    pub erase: Option<String>,
    /// Starts the entry again.
    pub restart: Option<GestureSpec>,
    /// Whether a beep tells that the entry has started again.
    pub beep_on_restart: bool,
    /// Ignition positions in which entry is taken.
    pub ignition: Positions,
    /// What losing that position in the middle does.
    pub ignition_lost: IgnitionLostSpec,
    /// What any other key does in the middle.
    pub other_keys: OtherKeysSpec,
    /// What confirming too few characters does.
    pub too_short: TooShortSpec,
    /// An external keyboard works.
    pub keyboard: bool,
}

impl Default for EntrySpec {
    fn default() -> Self {
        Self {
            style: Style::KeyIsDigit,
            keys: Vec::new(),
            types: Vec::new(),
            dials: Vec::new(),
            next: None,
            previous: None,
            up: None,
            down: None,
            knob: None,
            initial: None,
            open_with: None,
            confirm: ConfirmSpec::default(),
            confirm_each: None,
            hold_ms: 1000,
            repeat_ms: None,
            long_press: None,
            settle_ms: 1000,
            digit_timeout_s: None,
            timeout_s: None,
            on_timeout: TimeoutSpec::Cancels,
            erase: None,
            restart: None,
            beep_on_restart: false,
            ignition: Positions::Many(vec![Position::Acc, Position::On, Position::Engine]),
            ignition_lost: IgnitionLostSpec::Cancels,
            other_keys: OtherKeysSpec::Ignored,
            too_short: TooShortSpec::Ignored,
            keyboard: false,
        }
    }
}

impl EntrySpec {
    /// What a place shows before it is set, if anything.
    pub fn initial_at(&self, place: usize) -> Option<char> {
        let text = self.initial.as_ref()?;
        text.chars().nth(place).filter(|_| text.chars().count() > 1).or_else(|| text.chars().next())
    }
}

/// How characters are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Each key types its character.
    #[default]
    KeyIsDigit,
    /// Key *i* steps the character of place *i*.
    PressCount,
    /// Each key turns a group of places as one number, as hour and minute keys do.
    Dials,
    /// A cursor, and keys that step the character under it.
    Cursor,
    /// A knob steps the character; a press goes on.
    Rotary,
    /// A touch screen with every character.
    TouchPad,
    /// Each key cycles through several characters.
    MultiTap,
    /// Each key types its character when held until the next place appears.
    Hold,
    /// The panel takes no code; a tester does.
    Diagnostics,
}

/// Which key turns which places.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialSpec {
    /// The key.
    pub key: String,
    /// A key that turns them back.
    pub down: Option<String>,
    /// The places, counted from 1.
    pub places: Vec<u8>,
    /// Where it starts again from 0; absent for all that the places can show.
    pub modulo: Option<u32>,
}

/// How the whole code is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this must be `automatic` or a gesture such as { key = \"6\", hold_ms = 2000 }")]
pub enum ConfirmSpec {
    /// By the last character.
    Word(ConfirmWord),
    /// By a gesture.
    Gesture(GestureSpec),
}

impl Default for ConfirmSpec {
    fn default() -> Self {
        Self::Word(ConfirmWord::Automatic)
    }
}

/// How the whole code is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmWord {
    /// By the last character.
    Automatic,
}

/// What a long press of a character key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPressSpec {
    /// Longer than this is long.
    pub over_ms: u64,
    /// What it does.
    pub does: LongPressWord,
}

/// What a long press of a character key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongPressWord {
    /// It counts as one press for each `over_ms` begun.
    Repeats,
    /// It is ignored.
    Ignored,
    /// It spoils the entry: whatever follows, the code is wrong.
    SpoilsEntry,
    /// It steps back in place of forward.
    Backwards,
}

/// What an entry time-out does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeoutSpec {
    /// The entry starts again from the first place.
    Cancels,
    /// It counts as a failed attempt.
    Counts,
    /// An entry that a gesture has opened is closed again.
    Closes,
}

/// What losing the ignition in the middle of an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgnitionLostSpec {
    /// The entry starts again.
    Cancels,
    /// It counts as a failed attempt.
    Counts,
    /// The panel freezes.
    Freezes,
}

/// What another key in the middle of an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherKeysSpec {
    /// Nothing.
    Ignored,
    /// It spoils the entry.
    SpoilsEntry,
    /// The entry starts again.
    Restarts,
}

/// What confirming too few characters does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TooShortSpec {
    /// Nothing.
    Ignored,
    /// It counts as a failed attempt.
    Counts,
}

/// What the display shows. Texts may hold `{failed}`, `{left}`, `{attempt}`, `{rounds}`, `{letter}`, `{wait_min}`, `{wait_h}`,
/// `{cycles}`, `{challenge}`, `{entered}`, `{serial}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisplaySpec {
    /// The code is wanted.
    pub prompt: Text,
    /// It is wanted again, after a failure; absent for the same text.
    pub prompt_again: Option<Text>,
    /// It is being entered.
    pub entering: Text,
    /// It was wrong.
    pub error: Text,
    /// For this long.
    pub error_ms: u64,
    /// It was refused without being compared; absent for the same text.
    pub refused: Option<Text>,
    /// Waiting.
    pub wait: Text,
    /// The wait does not show: the display asks for the code all the while.
    pub silent_wait: bool,
    /// Locked out for good.
    pub locked_out: Text,
    /// The same once extra attempts were given; absent for the same text.
    pub locked_out_again: Option<Text>,
    /// Locked by the hardware.
    pub hardware_lock: Text,
    /// The code was right.
    pub welcome: Text,
    /// For this long.
    pub welcome_ms: u64,
    /// Plays.
    pub open: Text,
    /// A beep when the code was right.
    pub beep_right: bool,
    /// A beep when it was wrong.
    pub beep_wrong: bool,
    /// The character of an empty place.
    pub empty: String,
}

impl Default for DisplaySpec {
    fn default() -> Self {
        Self {
            prompt: Text::one("CODE"),
            prompt_again: None,
            entering: Text::one("{entered}"),
            error: Text::one("ERROR"),
            error_ms: 3000,
            refused: None,
            wait: Text::one("WAIT"),
            silent_wait: false,
            locked_out: Text::one("LOCKED"),
            locked_out_again: None,
            hardware_lock: Text::one("ERROR 3"),
            welcome: Text::one(""),
            welcome_ms: 0,
            open: Text::one("RADIO"),
            beep_right: false,
            beep_wrong: false,
            empty: "-".to_owned(),
        }
    }
}

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

const fn one() -> u16 {
    1
}

const fn yes() -> bool {
    true
}

const fn half_a_minute() -> u64 {
    30
}

const fn ten_seconds_ms() -> u64 {
    10_000
}

const fn three_seconds_ms() -> u64 {
    3_000
}

const fn five_minutes_s() -> u64 {
    300
}
