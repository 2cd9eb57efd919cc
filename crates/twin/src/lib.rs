//! A whole head unit as a value: [`Twin`], driven by [`Twin::apply`].
//!
//! Supply, panel, display, service menus, memory, USB and tester are inputs and records; time is an argument. Live
//! sessions, scripts, tests and the advisor's proofs all drive the same function.
#![forbid(unsafe_code)]

mod diagnostics;
pub mod ecu;
mod eeprom;
pub mod effects;
mod entry;
mod hands;
mod input;
mod locks;
mod panel;
mod record;
mod service;
mod spec;
mod supply;
mod time;
mod twin;
mod update;
mod view;

pub use eeprom::Tear;
pub use hands::{BETWEEN_MS, Hands, MOMENT_MS, NoSuchKey, plain};
pub use headlock_lock::Verdict;
pub use input::{Fault, Input, Install, KeyId, OwnerAction, Request, Stick, StickFile, Supply};
pub use record::{Answer, PhaseKind, Record, Screen};
pub use spec::{Provision, Spec, SpecError, example_firmware, unknown_code};
pub use twin::Twin;
pub use view::{Glance, LockView, View, attempts_until};
