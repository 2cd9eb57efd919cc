//! How a unit behaves under one reading: the fields of a `[[reading]]`, typed.
//!
//! Every table and field is described, with an example, in `docs/catalogue.md`. Absent fields take the defaults given
//! here. Times carry their unit in the name.

mod display;
mod entry;
mod lock;
mod service;
mod supply;

use serde::Deserialize;

pub use self::display::*;
pub use self::entry::*;
pub use self::lock::*;
pub use self::service::*;
pub use self::supply::*;

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
