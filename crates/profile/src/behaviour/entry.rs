//! Gestures, and the entry of a code.

use serde::Deserialize;

use super::lock::{Position, Positions};

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

impl DialSpec {
    /// Numbers that it can show, from 0; at least 1.
    pub fn positions(&self) -> u32 {
        let digits = u32::try_from(self.places.len()).unwrap_or(0).min(9);
        self.modulo.unwrap_or(10_u32.pow(digits)).max(1)
    }
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

const fn ten_seconds_ms() -> u64 {
    10_000
}
