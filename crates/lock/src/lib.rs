//! The code lock of a head unit: [`Policy`] in, [`step`] by step, and nothing else.
//!
//! The crate runs in the radio: `no_std`, no allocation, no unsafe code, no clock. Time arrives as
//! [`Event::Elapsed`], the result of a comparison as [`Event::Matched`] or [`Event::Mismatched`], and what the
//! caller must do leaves as an [`Effect`]. `docs/lock.md` describes the same rules in prose.
#![no_std]
#![forbid(unsafe_code)]

mod eeprom;
mod event;
mod fail_closed;
mod keeper;
mod policy;
mod record;
mod state;
mod step;
mod store;
mod verifier;

#[cfg(feature = "embedded-storage")]
pub use eeprom::Embedded;
pub use eeprom::{Eeprom, MonotonicCounter, NoCounter, StoreError};
pub use event::{Conditions, Effect, Event, Feed};
pub use fail_closed::served;
pub use keeper::{Fed, Hardware, Keeper, Verdict};
pub use policy::{
    AfterWait, Arming, AtCut, Clears, Clock, EntryWhileWaiting, ExtraAttempts, Forgiveness, Ignition, IgnitionSet,
    Interruption, Kind, Ladder, MAX_FORGIVENESS, MAX_RUNGS, Policy, Rung, Scope, Span, SupplyCut, Tries, UnitNeed,
};
pub use record::{LONGEST_MS, RECORD_BYTES};
pub use state::{CHECKPOINT_MS, Config, Phase, State, Tally};
pub use step::{next_change_ms, next_checkpoint_ms, step};
pub use store::{Charged, Loaded, MAX_PAIRS, Region, Store};
pub use verifier::{DeviceKey, StoredKey, Verifier};
