//! One unit of the catalogue under one reading, ready to run: names become numbers, gestures become key sets.

use std::collections::HashMap;
use std::sync::Arc;

use headlock_lock::{IgnitionSet, Policy, StoredKey};
use headlock_profile::behaviour::{
    AsksSpec, AsksWord, Behaviour, ConfirmSpec, FirmwareRange, From, GestureSpec, Guarded, Style,
};
use headlock_profile::typing;
use headlock_profile::{Case, Code, Firmware, SerialSpec, Unit, ignition_set};

use crate::input::KeyId;

/// Locks that one unit can have.
pub(crate) const MAX_LOCKS: usize = 4;

/// What one virtual unit is: behaviour, policies, and what it was provisioned with.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) behaviour: Arc<Behaviour>,
    pub(crate) locks: Vec<LockSpec>,
    pub(crate) keys: Vec<String>,
    pub(crate) gestures: Vec<Gesture>,
    pub(crate) entry: EntryKeys,
    pub(crate) power_key: Option<KeyId>,
    pub(crate) entry_ignition: IgnitionSet,
    pub(crate) auto_off_ignition: IgnitionSet,
    pub(crate) works_above_mv: u32,
    pub(crate) saves_above_mv: u32,
    pub(crate) menus: Vec<MenuKeys>,
    pub(crate) device_key: StoredKey,
    pub(crate) serial: String,
    pub(crate) paired: bool,
    pub(crate) companions: Vec<String>,
    pub(crate) serial_spec: Option<SerialSpec>,
    pub(crate) firmware: Firmware,
    pub(crate) unit_id: String,
}

/// One lock.
#[derive(Clone, Debug)]
pub(crate) struct LockSpec {
    pub(crate) policy: Policy,
    pub(crate) guards: Vec<Guarded>,
    pub(crate) code: headlock_profile::behaviour::CodeSpec,
    pub(crate) codes: Vec<Code>,
    pub(crate) prompt: Option<String>,
    pub(crate) asks: Asks,
    pub(crate) checking: bool,
}

/// When the panel asks for a lock's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    AtStart,
    OnKey(KeyId),
    Never,
}

#[derive(Clone, Debug)]
pub(crate) struct Gesture {
    /// Keys held together; empty for a sequence.
    pub(crate) keys: u64,
    pub(crate) sequence: Vec<KeyId>,
    pub(crate) hold_ms: u64,
    pub(crate) within_ms: u64,
    pub(crate) from: Option<From>,
    pub(crate) ignition: IgnitionSet,
    pub(crate) role: Role,
}

/// What a gesture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    OpenEntry,
    Confirm,
    Restart,
    Extra,
    Service(u8),
}

/// The keys of the entry style, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryKeys {
    /// What each key does.
    pub(crate) roles: Vec<KeyRole>,
    /// The knob of a rotary entry.
    pub(crate) knob: Option<KeyId>,
}

/// What a key does while a code is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRole {
    Other,
    /// Types: index into the entry keys.
    Types(u8),
    /// Steps one place.
    StepsPlace(u8),
    /// Turns a dial up or down.
    Dial(u8, bool),
    Next,
    Previous,
    Up,
    Down,
    ConfirmEach,
    Erase,
    /// Only confirms the whole code.
    Confirms,
}

/// The keys of one service menu.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MenuKeys {
    pub(crate) next: Option<KeyId>,
    pub(crate) previous: Option<KeyId>,
    pub(crate) confirm: Option<KeyId>,
    pub(crate) leave: Option<KeyId>,
}

/// What a unit leaves the production line with.
#[derive(Clone, Debug)]
pub struct Provision {
    /// Its serial.
    pub serial: String,
    /// The numbers that belong to its serial.
    pub companions: Vec<String>,
    /// Its firmware.
    pub firmware: Firmware,
    /// The codes that open its main lock.
    pub codes: Vec<Code>,
    /// The codes of its further locks, in order; missing ones are those of the main lock.
    pub other_codes: Vec<Code>,
    /// It was paired with the vehicle it is in; otherwise it adopts the first one that it meets.
    pub paired: bool,
    /// Bytes that the device key is made from.
    pub device_secret: [u8; 32],
}

/// Why a unit cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// More locks than fit.
    Locks(usize),
    /// More keys than fit.
    Keys(usize),
}

impl std::fmt::Display for SpecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Locks(count) => write!(f, "{count} locks in one unit; {MAX_LOCKS} at most"),
            Self::Keys(count) => write!(f, "{count} keys on one panel; 64 at most"),
        }
    }
}

impl std::error::Error for SpecError {}

impl Provision {
    /// A unit with its example serial and these codes, and the newest firmware that its reading holds for.
    pub fn example(unit: &Unit, firmware: &FirmwareRange, codes: Vec<Code>) -> Self {
        Self {
            serial: unit.example_serial(),
            companions: unit.example_companions(),
            firmware: example_firmware(unit, firmware),
            codes,
            other_codes: Vec::new(),
            paired: true,
            device_secret: *b"a virtual unit's own device key.",
        }
    }
}

/// A code for a virtual unit whose code nobody is told: of the right shape, and always the same.
pub fn unknown_code(unit: &Unit, case: &Case, serial: &str) -> Option<Code> {
    let serial = &unit.cleaned(serial);
    let length = usize::from(case.behaviour.code.length.resolve(serial, |_| None));
    let alphabets = typing::alphabets(&case.behaviour.code.alphabet, length);
    let key = headlock_profile::SchemeKey::new(b"nobody is told this code of a virtual unit").ok()?;
    key.derive("virtual", serial, &alphabets)
}

/// A firmware version that both the unit and the reading allow.
pub fn example_firmware(unit: &Unit, reading: &FirmwareRange) -> Firmware {
    let named = [&reading.to, &reading.from, &unit.identity.firmware.to, &unit.identity.firmware.from];
    let fits = |version: &Firmware| reading.contains(version) && unit.identity.firmware.contains(version);
    let usual = ["1.05", "1.00", "2.00", "2.01", "0.01"].iter().filter_map(|text| text.parse().ok());
    usual.chain(named.into_iter().flatten().cloned()).find(fits).unwrap_or_else(|| {
        named.into_iter().flatten().next().cloned().unwrap_or_else(|| "1.05".parse().expect("a version"))
    })
}

impl Spec {
    /// Prepares one case of a reading.
    ///
    /// # Errors
    /// It has more locks or keys than the twin can hold.
    pub fn new(unit: &Unit, case: &Case, provision: Provision) -> Result<Self, SpecError> {
        let b = &case.behaviour;
        if case.policies.len() > MAX_LOCKS {
            return Err(SpecError::Locks(case.policies.len()));
        }
        let mut names = Names::default();
        names.add_all(b);
        if names.list.len() > 64 {
            return Err(SpecError::Keys(names.list.len()));
        }
        let gestures = gestures(b, &names);
        let serial_spec = unit.serial_spec(&provision.serial).cloned();
        let menus = b
            .service
            .iter()
            .map(|s| MenuKeys {
                next: names.optional(s.next.as_ref()),
                previous: names.optional(s.previous.as_ref()),
                confirm: names.optional(s.confirm.as_ref()),
                leave: names.optional(s.leave.as_ref()),
            })
            .collect();
        Ok(Self {
            locks: locks(case, &provision, &names),
            entry: entry_keys(b, &names),
            gestures,
            power_key: names.optional(b.power.key.as_ref()),
            entry_ignition: ignition_set(&b.entry.ignition),
            auto_off_ignition: ignition_set(&b.power.auto_off_while),
            works_above_mv: millivolts(b.supply.works_above_v),
            saves_above_mv: millivolts(b.supply.saves_above_v),
            menus,
            device_key: StoredKey::new(provision.device_secret),
            paired: provision.paired,
            serial: provision.serial,
            companions: provision.companions.clone(),
            serial_spec,
            firmware: provision.firmware,
            unit_id: unit.identity.id.clone(),
            keys: names.list,
            behaviour: Arc::clone(b),
        })
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<KeyId> {
        let exact = self.keys.iter().position(|key| key == name);
        exact
            .or_else(|| self.keys.iter().position(|key| key.eq_ignore_ascii_case(name)))
            .and_then(|i| u8::try_from(i).ok())
            .map(KeyId)
    }

    /// The names of all keys.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The behaviour it runs.
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// The policy of a lock; 0 is the main one.
    pub fn policy(&self, lock: usize) -> Option<&Policy> {
        self.locks.get(lock).map(|lock| &lock.policy)
    }

    /// A serial as it is compared.
    pub(crate) fn cleaned(&self, serial: &str) -> String {
        self.serial_spec.as_ref().map_or_else(|| serial.trim().to_owned(), |spec| spec.cleaned(serial))
    }

    /// The part of the serial that counts for its code.
    pub fn counted_serial(&self) -> String {
        self.serial_spec.as_ref().map_or_else(|| self.serial.clone(), |spec| spec.counted(&self.serial))
    }

    /// A serial and the numbers that belong to it, as the unit's screen shows them.
    pub(crate) fn serial_screens(&self, serial: &str) -> Vec<String> {
        let own = self.serial_spec.as_ref().map_or_else(|| vec![serial.to_owned()], |spec| spec.shown(serial));
        own.into_iter().chain(self.companions.iter().cloned()).collect()
    }

    /// The serial it was provisioned with.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The firmware it was provisioned with.
    pub fn firmware(&self) -> &str {
        self.firmware.as_str()
    }

    /// The catalogue's id of the unit.
    pub fn unit_id(&self) -> &str {
        &self.unit_id
    }

    /// The name of a key.
    pub fn key_name(&self, key: KeyId) -> &str {
        self.keys.get(usize::from(key.0)).map_or("", String::as_str)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the catalogue checks 0 to 60 V")]
fn millivolts(volts: f64) -> u32 {
    (volts * 1000.0).round() as u32
}

fn locks(case: &Case, provision: &Provision, names: &Names) -> Vec<LockSpec> {
    use headlock_profile::behaviour::Switch;
    let b = &case.behaviour;
    let main = LockSpec {
        policy: case.policies[0],
        guards: if b.guards.is_empty() { vec![Guarded::Audio] } else { b.guards.clone() },
        code: b.code.clone(),
        codes: provision.codes.clone(),
        prompt: None,
        asks: Asks::AtStart,
        checking: b.checking == Switch::On,
    };
    let others = b.also.iter().zip(&case.policies[1..]).enumerate().map(|(index, (other, policy))| LockSpec {
        policy: *policy,
        guards: other.guards.clone(),
        code: other.code.clone().unwrap_or_else(|| b.code.clone()),
        codes: match provision.other_codes.get(index) {
            Some(code) => vec![code.clone()],
            None => provision.codes.clone(),
        },
        prompt: other.prompt.as_ref().map(|text| text.first().to_owned()),
        asks: match &other.asks {
            AsksSpec::Word(AsksWord::AtStart) | AsksSpec::Default => Asks::AtStart,
            AsksSpec::Word(AsksWord::Never) => Asks::Never,
            AsksSpec::Key { key } => names.optional(Some(key)).map_or(Asks::Never, Asks::OnKey),
        },
        checking: other.checking == Switch::On,
    });
    std::iter::once(main).chain(others).collect()
}

/// Names of keys, numbered in the order in which they are first met.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    index: HashMap<String, u8>,
}

impl Names {
    fn add(&mut self, name: &str) {
        if !name.is_empty() && !self.index.contains_key(name) {
            self.index.insert(name.to_owned(), u8::try_from(self.list.len()).unwrap_or(u8::MAX));
            self.list.push(name.to_owned());
        }
    }

    fn add_gesture(&mut self, gesture: &GestureSpec) {
        gesture.key.iter().chain(&gesture.keys).chain(&gesture.sequence).for_each(|name| self.add(name));
    }

    fn add_all(&mut self, b: &Behaviour) {
        let e = &b.entry;
        e.keys.iter().for_each(|name| self.add(name));
        for dial in &e.dials {
            self.add(&dial.key);
            dial.down.iter().for_each(|name| self.add(name));
        }
        for name in [&e.next, &e.previous, &e.up, &e.down, &e.knob, &e.confirm_each, &e.erase, &b.power.key]
            .into_iter()
            .flatten()
        {
            self.add(name);
        }
        b.keys.iter().for_each(|name| self.add(name));
        e.open_with.iter().chain(&e.restart).for_each(|gesture| self.add_gesture(gesture));
        if let ConfirmSpec::Gesture(gesture) = &e.confirm {
            self.add_gesture(gesture);
        }
        b.tries.extra.iter().for_each(|extra| self.add_gesture(&extra.gesture));
        for service in &b.service {
            self.add_gesture(&service.gesture);
            for name in [&service.next, &service.previous, &service.confirm, &service.leave].into_iter().flatten() {
                self.add(name);
            }
        }
        for other in &b.also {
            if let AsksSpec::Key { key } = &other.asks {
                self.add(key);
            }
        }
    }

    fn optional(&self, name: Option<&String>) -> Option<KeyId> {
        name.and_then(|name| self.index.get(name)).copied().map(KeyId)
    }

    fn ids(&self, names: &[String]) -> Vec<KeyId> {
        names.iter().filter_map(|name| self.optional(Some(name))).collect()
    }
}

fn gestures(b: &Behaviour, names: &Names) -> Vec<Gesture> {
    let mut all = Vec::new();
    let mut add = |spec: &GestureSpec, role| {
        let held: Vec<String> = spec.key.iter().chain(&spec.keys).cloned().collect();
        all.push(Gesture {
            keys: names.ids(&held).iter().fold(0, |set, key| set | bit(*key)),
            sequence: names.ids(&spec.sequence),
            // Keys pressed together are held together, however shortly.
            hold_ms: if held.len() > 1 { spec.hold_ms.max(1) } else { spec.hold_ms },
            within_ms: spec.within_ms,
            from: spec.from,
            ignition: spec.ignition.as_ref().map_or(IgnitionSet::ANY, ignition_set),
            role,
        });
    };
    if let Some(gesture) = &b.entry.open_with {
        add(gesture, Role::OpenEntry);
    }
    if let ConfirmSpec::Gesture(gesture) = &b.entry.confirm {
        add(gesture, Role::Confirm);
    }
    if let Some(gesture) = &b.entry.restart {
        add(gesture, Role::Restart);
    }
    if let Some(extra) = &b.tries.extra {
        add(&extra.gesture, Role::Extra);
    }
    for (index, service) in (0_u8..).zip(&b.service) {
        add(&service.gesture, Role::Service(index));
    }
    all
}

pub(crate) const fn bit(key: KeyId) -> u64 {
    1 << key.0
}

fn entry_keys(b: &Behaviour, names: &Names) -> EntryKeys {
    let e = &b.entry;
    let mut roles = vec![KeyRole::Other; names.list.len()];
    let mut set = |name: Option<&String>, role| {
        if let Some(key) = names.optional(name) {
            let slot: &mut KeyRole = &mut roles[usize::from(key.0)];
            if matches!(slot, KeyRole::Other | KeyRole::Confirms) {
                *slot = role;
            }
        }
    };
    if let ConfirmSpec::Gesture(gesture) = &e.confirm {
        gesture.key.iter().chain(&gesture.keys).for_each(|name| set(Some(name), KeyRole::Confirms));
    }
    match e.style {
        Style::KeyIsDigit | Style::TouchPad | Style::Hold | Style::MultiTap => {
            for (index, name) in (0_u8..).zip(&e.keys) {
                set(Some(name), KeyRole::Types(index));
            }
        }
        Style::PressCount => {
            for (index, name) in (0_u8..).zip(&e.keys) {
                set(Some(name), KeyRole::StepsPlace(index));
            }
        }
        Style::Dials => {
            for (index, dial) in (0_u8..).zip(&e.dials) {
                set(Some(&dial.key), KeyRole::Dial(index, true));
                set(dial.down.as_ref(), KeyRole::Dial(index, false));
            }
        }
        Style::Cursor | Style::Rotary => {
            set(e.up.as_ref(), KeyRole::Up);
            set(e.down.as_ref(), KeyRole::Down);
            set(e.next.as_ref(), KeyRole::Next);
            set(e.previous.as_ref(), KeyRole::Previous);
        }
        Style::Diagnostics => {}
    }
    set(e.confirm_each.as_ref(), KeyRole::ConfirmEach);
    set(e.erase.as_ref(), KeyRole::Erase);
    EntryKeys { roles, knob: names.optional(e.knob.as_ref()) }
}

impl LockSpec {
    /// Characters of its code for this serial and these settings.
    pub(crate) fn length(&self, serial: &str, setting: impl Fn(&str) -> Option<String>) -> usize {
        usize::from(self.code.length.resolve(serial, setting))
    }

    /// The alphabets of its places.
    pub(crate) fn alphabets(&self, length: usize) -> Vec<Vec<char>> {
        typing::alphabets(&self.code.alphabet, length)
    }
}
