//! What the display shows.

use serde::Deserialize;

use crate::words::Text;

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
