//! The supply, and switching on and off.

use serde::Deserialize;

use super::lock::{Position, Positions};

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
