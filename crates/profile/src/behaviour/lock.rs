//! What opens a unit, what it counts, and what lets a wait count.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::entry::GestureSpec;
use crate::words::{Text, Threshold};

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

    pub(super) fn any() -> Vec<Self> {
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

const fn one() -> u16 {
    1
}
