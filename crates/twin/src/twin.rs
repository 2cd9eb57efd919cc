//! The head unit itself: one value, driven by [`Twin::apply`].

use std::collections::BTreeMap;
use std::sync::Arc;

use headlock_lock::{Config, Feed, Hardware, Ignition, Keeper, Loaded, NoCounter, Phase, State, Store, Verifier};
use headlock_profile::Firmware;
use headlock_profile::behaviour::{CodeOwner, LossWord};

use crate::eeprom::{Memory, Tear, region};
use crate::effects;
use crate::entry::Entry;
use crate::input::{Fault, Input};
use crate::panel::Panel;
use crate::record::{PhaseKind, Record, Screen};
use crate::spec::Spec;
use crate::update::Job;

/// A whole head unit in its car.
///
/// Deterministic: the same inputs at the same times give the same records. Time is an argument, in milliseconds; it never
/// goes back (an earlier time counts as now).
#[derive(Clone, Debug)]
pub struct Twin {
    pub(crate) spec: Arc<Spec>,
    pub(crate) now_ms: u64,
    pub(crate) locks: Vec<Lock>,
    pub(crate) memory: Memory,
    /// The record of SecurityAccess, where the unit is an ECU.
    pub(crate) security: Option<Keeper>,
    pub(crate) car: Car,
    pub(crate) on: bool,
    pub(crate) on_before: bool,
    pub(crate) asleep: bool,
    pub(crate) asked_for: Option<usize>,
    pub(crate) panel: Panel,
    pub(crate) entry: Entry,
    pub(crate) entry_open: bool,
    pub(crate) message: Option<Message>,
    pub(crate) menu: Option<Menu>,
    pub(crate) job: Option<Job>,
    pub(crate) stick: Option<crate::input::Stick>,
    pub(crate) broken: Broken,
    pub(crate) lost: Vec<LossWord>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) serial: String,
    pub(crate) firmware: Firmware,
    pub(crate) challenge: u32,
    pub(crate) screen: Screen,
    pub(crate) records: Vec<Record>,
}

/// One lock, its record in the memory, and what it recognises.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) keeper: Keeper,
    pub(crate) verifiers: Arc<Vec<Verifier>>,
    pub(crate) alphabets: Arc<Vec<Vec<char>>>,
}

/// What surrounds the unit.
#[derive(Clone, Debug)]
pub(crate) struct Car {
    pub(crate) mv: u32,
    pub(crate) cut: bool,
    pub(crate) fuses_out: Vec<Arc<str>>,
    pub(crate) fitted: bool,
    pub(crate) ignition: Ignition,
    pub(crate) fob: bool,
    /// The vehicle it is in is the one it was paired with.
    pub(crate) at_home: bool,
    /// It was paired with any.
    pub(crate) paired: bool,
    pub(crate) door_open: bool,
    pub(crate) outage: Option<Outage>,
    pub(crate) pinhole_since: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) since_ms: u64,
    pub(crate) feed: Feed,
    pub(crate) unit_was_on: bool,
}

/// What is broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Broken {
    pub(crate) stuck: u64,
    pub(crate) dead: u64,
    pub(crate) frozen: bool,
    /// The ignition was off while the panel was frozen, and the door was opened then.
    pub(crate) door_cycle: DoorCycle,
    pub(crate) muted: bool,
    pub(crate) glitch: bool,
    pub(crate) surge: bool,
    pub(crate) hardware_lock: bool,
    pub(crate) other_code: bool,
    pub(crate) bricked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DoorCycle {
    #[default]
    Idle,
    Opened,
    Done,
}

/// A text that stands for some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) screen: Screen,
    pub(crate) until_ms: u64,
}

/// An open service menu.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Menu {
    pub(crate) service: u8,
    pub(crate) item: u8,
    /// What is shown of an item, and which part.
    pub(crate) shows: Option<u8>,
    /// When the next part follows by itself.
    pub(crate) turns_ms: u64,
    /// When the menu closes by itself.
    pub(crate) until_ms: u64,
}

impl Twin {
    /// A unit as it left the production line: fitted at home, supplied with 12.6 V, ignition off, open.
    pub fn new(spec: Arc<Spec>) -> Self {
        let mut memory = Memory::new(spec.locks.len());
        let mut locks = Vec::with_capacity(spec.locks.len());
        for (index, lock) in spec.locks.iter().enumerate() {
            let fresh = State::fresh(&lock.policy);
            let code_set = lock.code.belongs_to != CodeOwner::Owner || !lock.codes.is_empty();
            let state = State { config: Config { enabled: lock.checking, code_set, ..fresh.config }, ..fresh };
            let store = Store::format(&mut memory, region(index), &spec.device_key, &NoCounter, &state)
                .expect("a memory that takes every write");
            locks.push(Lock { keeper: Keeper { state, store }, verifiers: Arc::default(), alphabets: Arc::default() });
        }
        let mut twin = Self {
            now_ms: 0,
            locks,
            memory,
            security: None,
            car: Car {
                mv: 12_600,
                cut: false,
                fuses_out: Vec::new(),
                fitted: true,
                ignition: Ignition::Off,
                fob: true,
                at_home: true,
                paired: spec.paired,
                door_open: false,
                outage: None,
                pinhole_since: None,
            },
            on: false,
            on_before: true,
            asleep: false,
            asked_for: None,
            panel: Panel::default(),
            entry: Entry::default(),
            entry_open: spec.behaviour.entry.open_with.is_none(),
            message: None,
            menu: None,
            job: None,
            stick: None,
            broken: Broken::default(),
            lost: Vec::new(),
            settings: BTreeMap::new(),
            serial: spec.serial.clone(),
            firmware: spec.firmware.clone(),
            challenge: 0,
            screen: Screen::Off,
            records: Vec::new(),
            spec,
        };
        twin.provision();
        twin
    }

    /// The same unit, asking for its code whatever arms it.
    pub fn new_armed(spec: Arc<Spec>) -> Self {
        let mut twin = Self::new(spec);
        for index in 0..twin.locks.len() {
            let policy = &twin.spec.locks[index].policy;
            let config = twin.locks[index].keeper.state.config;
            if config.enabled && config.code_set && !matches!(policy.kind, headlock_lock::Kind::None) {
                twin.locks[index].keeper.state = State { config, ..State::armed(policy) };
                twin.persist(index);
            }
        }
        twin
    }

    /// The same unit after so many wrong codes, each wait in between served, the last one not.
    ///
    /// # Errors
    /// The number of wrong codes that lock it out for good already, if that is fewer.
    pub fn new_failed(spec: Arc<Spec>, wrong_codes: u16) -> Result<Self, u16> {
        let twin = Self::new_armed(spec);
        let mut last = (0, twin.locks[0].keeper.state);
        for (n, state) in (0..=wrong_codes).zip(twin.after_wrong_codes()) {
            last = (n, state);
        }
        if last.0 < wrong_codes { Err(last.0) } else { Ok(twin.standing_at(last.1)) }
    }

    /// How its main lock stands now and after each further wrong code, each wait in between served; it ends where it is locked out
    /// for good.
    pub fn after_wrong_codes(&self) -> impl Iterator<Item = State> + use<'_> {
        use headlock_lock::{Event, step};
        let policy = &self.spec.locks[0].policy;
        std::iter::successors(Some(self.locks[0].keeper.state), move |state| {
            let before = headlock_lock::served(policy, *state);
            let (checking, _) = step(policy, before, Event::CodeEntered);
            let (after, _) = step(policy, checking, Event::Mismatched);
            (!matches!(before.phase, Phase::LockedOut)).then_some(after)
        })
    }

    /// The same unit with its main lock in this state.
    #[must_use]
    pub fn standing_at(mut self, state: State) -> Self {
        self.locks[0].keeper.state = state;
        self.persist(0);
        self
    }

    /// The same unit, standing the same, with another code in its main lock.
    #[must_use]
    pub fn recoded(mut self, code: &headlock_profile::Code) -> Self {
        self.set_codes(0, std::slice::from_ref(code));
        self
    }

    /// Takes the wait that runs as served.
    pub fn serve_wait(&mut self) {
        self.locks[0].keeper.state = headlock_lock::served(&self.spec.locks[0].policy, self.locks[0].keeper.state);
        self.persist(0);
    }

    /// Lets one thing happen at a time, and says what it led to. All that was due before happens first.
    pub fn apply(&mut self, now_ms: u64, input: Input) -> &[Record] {
        self.records.clear();
        self.advance(now_ms);
        self.handle(input);
        self.settle_cut();
        self.show();
        &self.records
    }

    /// Cuts the supply at the `n`th byte written from now on, counted from 1.
    pub const fn schedule_cut(&mut self, n: u32, tear: Tear) {
        self.memory.cut_at(n, tear);
    }

    /// Drops a cut that no write has reached.
    pub const fn unschedule_cut(&mut self) {
        self.memory.forget_cut();
    }

    /// The time of the last input, in milliseconds.
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// What it was made from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The state of a lock; 0 is the main one.
    pub fn lock_state(&self, lock: usize) -> Option<&State> {
        self.locks.get(lock).map(|lock| &lock.keeper.state)
    }

    /// The next instant at which time alone changes anything but counters, in milliseconds.
    pub fn next_change_ms(&self) -> Option<u64> {
        self.deadline()
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Tick => {}
            Input::Supply(supply) => self.supply(supply),
            Input::Fuse { id, inserted } => self.fuse(&id, inserted),
            Input::Ignition(ignition) => self.turn_ignition(ignition),
            Input::KeyFob { inserted } => self.key_fob(inserted),
            Input::KeyDown(key) => self.key_down(key),
            Input::KeyUp(key) => self.key_up(key),
            Input::Turn { knob, clicks } => self.turn_knob(knob, clicks),
            Input::Keyboard(c) => self.keyboard(c),
            Input::Door { open } => self.door(open),
            Input::Pinhole { pressed } => self.pinhole(pressed),
            Input::Usb(stick) => self.usb(stick),
            Input::Diagnostic { tester, request } => self.diagnostic(&tester, request),
            Input::Restart => {
                if self.alive() {
                    self.reboot(effects::RESTART_MS);
                }
            }
            Input::Install(install) => self.install(install),
            Input::Fitted(fitted) => self.fit(fitted),
            Input::Vehicle { home } => self.vehicle(home),
            Input::Owner(action) => self.owner(action),
            Input::ReadLabel => self.read_label(),
            Input::Plant(fault) => self.plant(&fault),
            Input::Mend(fault) => self.mend(&fault),
        }
    }

    /// Whether the unit's electronics run.
    pub(crate) fn alive(&self) -> bool {
        self.powered() && !self.broken.bricked
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Everything the main lock knows from its memory, after a start.
    pub(crate) fn load_locks(&mut self) {
        self.memory.inhibited = !self.can_save();
        for index in 0..self.locks.len() {
            let policy = &self.spec.locks[index].policy;
            let mut board = Hardware { memory: &mut self.memory, key: &self.spec.device_key, counter: &mut NoCounter };
            let (keeper, loaded) = Keeper::start(&mut board, region(index), policy);
            self.locks[index].keeper = keeper;
            if matches!(loaded, Loaded::FailedClosed(_)) {
                self.records.push(Record::FailedClosed);
            }
        }
        self.load_security();
    }

    fn plant(&mut self, fault: &Fault) {
        match fault {
            Fault::EepromForgets => self.memory.start_forgetting(),
            Fault::EepromWorn => self.memory.read_only = true,
            Fault::EepromRot(bit) => self.memory.rot(*bit),
            Fault::EepromCell(cell) => self.memory.wear(*cell),
            Fault::StuckKey(key) => {
                self.broken.stuck |= crate::spec::bit(*key);
                self.key_down(*key);
            }
            Fault::DeadKey(key) => self.broken.dead |= crate::spec::bit(*key),
            Fault::Frozen => self.freeze(),
            Fault::Muted => self.broken.muted = true,
            Fault::Glitch => self.broken.glitch = true,
            Fault::SurgeDamage => self.broken.surge = true,
            Fault::HardwareLock => self.broken.hardware_lock = true,
            Fault::Exchanged => {
                self.serial = other_serial(&self.serial);
                // A code that belongs to the vehicle opens whatever unit sits in it.
                self.broken.other_code = self.spec.locks[0].code.belongs_to != CodeOwner::Vehicle;
                self.refresh_alphabets();
            }
            Fault::OtherCode => self.broken.other_code = true,
        }
    }

    fn mend(&mut self, fault: &Fault) {
        match fault {
            Fault::EepromForgets => self.memory.stop_forgetting(),
            Fault::EepromWorn => self.memory.read_only = false,
            // What a bit was before it rotted nobody knows.
            Fault::EepromRot(_) => {}
            Fault::EepromCell(_) => self.memory.mend_cells(),
            Fault::StuckKey(key) => {
                self.broken.stuck &= !crate::spec::bit(*key);
                self.key_up(*key);
            }
            Fault::DeadKey(key) => self.broken.dead &= !crate::spec::bit(*key),
            Fault::Frozen => self.broken.frozen = false,
            Fault::Muted => self.broken.muted = false,
            Fault::Glitch => self.broken.glitch = false,
            Fault::SurgeDamage => self.broken.surge = false,
            Fault::HardwareLock => self.broken.hardware_lock = false,
            Fault::Exchanged => {
                self.serial.clone_from(&self.spec.serial);
                self.broken.other_code = false;
                self.refresh_alphabets();
            }
            Fault::OtherCode => self.broken.other_code = false,
        }
    }

    pub(crate) fn freeze(&mut self) {
        self.broken.frozen = true;
        self.broken.door_cycle = DoorCycle::Idle;
        self.panel.release_all();
        self.record(Record::Froze);
    }
}

pub(crate) const fn kind(phase: &Phase) -> PhaseKind {
    match phase {
        Phase::Open { .. } => PhaseKind::Open,
        Phase::Armed => PhaseKind::Armed,
        Phase::Checking => PhaseKind::Checking,
        Phase::Waiting { .. } => PhaseKind::Waiting,
        Phase::LockedOut => PhaseKind::LockedOut,
    }
}

/// Another serial of the same shape: every digit moved by three.
fn other_serial(serial: &str) -> String {
    serial.chars().map(|c| c.to_digit(10).map_or(c, |d| char::from_digit((d + 3) % 10, 10).unwrap_or(c))).collect()
}
