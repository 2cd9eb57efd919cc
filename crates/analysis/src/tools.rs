//! What a unit offers to whoever sits in front of it, beside entering codes: its menus, its pinhole, a stick, testers, its own vehicle.

use headlock_lock::{Event, Ignition, Kind, Policy, Span, State};
use headlock_profile::behaviour::{
    Behaviour, DiagnosticSpec, FirmwareRange, LossWord, Moment, RequestWord, UpdateSpec, VehicleNeed, WrongFileSpec,
};
use headlock_profile::typing::Press;
use headlock_profile::{Case, Firmware, Reading, Unit};
use headlock_twin::effects::{self, Effect, RESTART_MS};
use headlock_twin::example_firmware;
use serde::Serialize;

use crate::file_name;
use crate::gestures;
use crate::steps::{Step, run};

/// What somebody needs for a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolKind {
    /// Hands: the unit's own menus, and its pinhole.
    Panel,
    /// The vehicle that the unit was paired with.
    Vehicle,
    /// A stick with firmware.
    Usb,
    /// A diagnostic tester.
    Tester,
}

/// What may go wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// The unit may freeze.
    Freezes,
    /// Firmware for another unit kills it.
    WrongFileBricks,
    /// A cut in the middle kills it.
    CutBricks,
}

/// How a tool is used, on a unit that is on.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Presses of its keys, one after the other.
    Presses(Vec<Press>),
    /// A paper clip in the pinhole.
    Pinhole {
        /// Milliseconds.
        ms: u64,
    },
    /// A stick.
    Usb {
        /// Its file system.
        filesystem: String,
        /// The file in its root; none where no name is known that fits the unit's pattern.
        file: Option<String>,
    },
    /// A tester's request.
    Ask {
        /// Which tester.
        tester: String,
        /// What it asks.
        request: RequestWord,
    },
    /// The unit finds itself in the vehicle that it was paired with.
    Home,
    /// Nothing, for so many milliseconds.
    Wait {
        /// Milliseconds.
        ms: u64,
    },
    /// A plug pulled and put back.
    Pull,
}

/// Something that changes the lock without a code.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// In plain words.
    pub name: String,
    /// What it is.
    pub kind: ToolKind,
    /// How long it takes, in milliseconds.
    pub takes_ms: u64,
    /// When it works.
    pub works_while: Vec<Moment>,
    /// Testers that can; empty for any.
    pub testers: Vec<String>,
    /// Firmware that has it.
    pub firmware: FirmwareRange,
    /// A firmware version of the unit and its reading that has it; none where there is no unit.
    pub example_firmware: Option<Firmware>,
    /// In which vehicle it works.
    pub vehicle: VehicleNeed,
    /// Attempts that it uses up.
    pub costs_attempts: u16,
    /// What is lost with it.
    pub loses: Vec<LossWord>,
    /// What may go wrong.
    pub risks: Vec<Risk>,
    /// How it is used.
    pub deeds: Vec<Deed>,
    steps: Vec<Step>,
}

impl Tool {
    /// Where the lock stands when it has been used; none if it works at none of the moments that count, or changes nothing.
    pub fn after(&self, policy: &Policy, state: State) -> Option<State> {
        run(&self.steps, &self.works_while, policy, state)
    }

    /// What the unit feeds to its main lock meanwhile, in order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.steps.iter().filter_map(|step| match step {
            Step::Feed(event) => Some(*event),
            Step::Touch | Step::Turn | Step::Pass { .. } | Step::Works | Step::Charge | Step::Pull => None,
        })
    }

    /// Whether it opens a lock that asks.
    pub fn opens(&self) -> bool {
        self.events().any(|event| opens(&event))
    }

    /// Something that feeds these events at once after `ms` with the ignition on, at these moments; for who explores a policy that
    /// no unit has.
    pub fn plain(name: &str, ms: u64, works_while: &[Moment], events: &[Event]) -> Self {
        let mut steps = vec![Step::pass(ms, Ignition::On), Step::Works];
        steps.extend(events.iter().map(|event| Step::Feed(*event)));
        Self {
            name: name.to_owned(),
            kind: ToolKind::Panel,
            takes_ms: ms,
            works_while: works_while.to_vec(),
            testers: Vec::new(),
            firmware: FirmwareRange::default(),
            example_firmware: None,
            vehicle: VehicleNeed::Any,
            costs_attempts: 0,
            loses: Vec::new(),
            risks: Vec::new(),
            deeds: Vec::new(),
            steps,
        }
    }

    /// The same, for who does not use it.
    pub(crate) fn unused(&self) -> Self {
        Self { works_while: Vec::new(), ..self.clone() }
    }

    /// Whether whoever guesses may gain anything by it, under this policy.
    fn helps(&self, policy: &Policy) -> bool {
        let paired = matches!(policy.kind, Kind::Pairing | Kind::PairingOrCode);
        let takes_codes = matches!(policy.kind, Kind::Code | Kind::PairingOrCode);
        let counts_restarts = policy.ladder.rungs().any(|rung| matches!(rung.wait, Span::Reboots(_)));
        self.events().any(|event| match event {
            // Where no code is taken, nothing is counted.
            Event::Cleared(_) | Event::ExtraAttempts => takes_codes,
            Event::VehicleSeen { .. } => paired,
            Event::Rebooted => takes_codes && counts_restarts,
            event => opens(&event),
        })
    }
}

const fn opens(event: &Event) -> bool {
    matches!(event, Event::Released | Event::Enabled(false) | Event::VehicleSeen { home: true })
}

/// Everything of one case that a guesser may gain by.
pub fn tools(unit: &Unit, reading: &Reading, case: &Case) -> Vec<Tool> {
    let offers = Offers { unit, reading, behaviour: &case.behaviour, policy: &case.policies[0] };
    let mut all = offers.menus();
    all.extend(offers.pinhole());
    all.extend(offers.vehicle());
    all.extend(offers.update());
    all.extend(offers.requests());
    all.retain(|tool| tool.helps(offers.policy));
    all
}

struct Offers<'a> {
    unit: &'a Unit,
    reading: &'a Reading,
    behaviour: &'a Behaviour,
    policy: &'a Policy,
}

impl Offers<'_> {
    /// The tool, if any firmware of the unit has it; the time is that of its steps.
    fn tool(&self, name: String, kind: ToolKind, firmware: &FirmwareRange, done: Done) -> Option<Tool> {
        Some(Tool {
            name,
            kind,
            takes_ms: done.steps.iter().map(Step::ms).sum(),
            works_while: vec![Moment::Open, Moment::Armed, Moment::Waiting, Moment::LockedOut],
            testers: Vec::new(),
            example_firmware: Some(self.firmware_with(firmware)?),
            firmware: firmware.clone(),
            vehicle: VehicleNeed::Any,
            costs_attempts: 0,
            loses: Vec::new(),
            risks: Vec::new(),
            deeds: done.deeds,
            steps: done.steps,
        })
    }

    /// A version that the unit, its reading and the tool allow.
    fn firmware_with(&self, tool: &FirmwareRange) -> Option<Firmware> {
        let own = &self.unit.identity.firmware;
        let usual = example_firmware(self.unit, &self.reading.firmware);
        let named = [own, &self.reading.firmware, tool].into_iter().flat_map(|range| [&range.from, &range.to]);
        let all = std::iter::once(usual)
            .chain(named.flatten().cloned())
            .chain(["1.00", "0.01"].iter().flat_map(|v| v.parse()));
        let mut all = all.filter(|version| tool.contains(version));
        all.find(|version| own.contains(version) && self.reading.firmware.contains(version))
    }

    fn menus(&self) -> Vec<Tool> {
        let mut all = Vec::new();
        for service in self.behaviour.service.iter().filter(|service| service.supported) {
            for (index, item) in service.item.iter().enumerate() {
                let name = format!("menu {}, item {}", service.id, item.name);
                let Some(done) = gestures::item(self.behaviour, service, index) else { continue };
                let Some(tool) = self.tool(name, ToolKind::Panel, &service.firmware, done) else { continue };
                all.push(Tool {
                    works_while: service.works_while.clone(),
                    vehicle: service.vehicle,
                    costs_attempts: item.costs_attempts,
                    loses: item.loses.clone(),
                    ..tool
                });
            }
        }
        // At home a unit that asks only elsewhere is open already.
        let elsewhere = matches!(self.policy.kind, Kind::Pairing | Kind::PairingOrCode);
        all.retain(|tool| !(elsewhere && tool.vehicle == VehicleNeed::Home));
        all
    }

    fn pinhole(&self) -> Option<Tool> {
        let spec = self.behaviour.pinhole.as_ref()?;
        let mut done = Done::default();
        done.does(Deed::Pinhole { ms: spec.hold_ms }, spec.hold_ms);
        done.feeds(effects::of_item(spec.does));
        done.restarts(RESTART_MS);
        let tool = self.tool("pinhole".to_owned(), ToolKind::Panel, &FirmwareRange::default(), done)?;
        Some(Tool { loses: spec.loses.clone(), ..tool })
    }

    fn vehicle(&self) -> Option<Tool> {
        let mut done = Done::default();
        done.does(Deed::Home, 0);
        done.steps.push(Step::Feed(Event::VehicleSeen { home: true }));
        self.tool("back in its own vehicle".to_owned(), ToolKind::Vehicle, &FirmwareRange::default(), done)
    }

    fn update(&self) -> Option<Tool> {
        let spec: &UpdateSpec = self.behaviour.update.as_ref()?;
        let mut done = Done::default();
        let filesystem = spec.filesystem.clone().unwrap_or_else(|| "fat32".to_owned());
        done.does(Deed::Usb { filesystem, file: file_name::sample(&spec.file) }, 0);
        done.writes(spec.takes_s);
        done.feeds(effects::of_firmware(effects::Firmware::Update { opens: spec.opens }));
        done.restarts(RESTART_MS);
        let tool = self.tool("firmware by USB".to_owned(), ToolKind::Usb, &FirmwareRange::default(), done)?;
        let bricks = |what, risk| (what == WrongFileSpec::Bricks).then_some(risk);
        let risks = [bricks(spec.wrong_file, Risk::WrongFileBricks), bricks(spec.cut, Risk::CutBricks)];
        Some(Tool { loses: spec.loses.clone(), risks: risks.into_iter().flatten().collect(), ..tool })
    }

    fn requests(&self) -> Vec<Tool> {
        let offered = self.behaviour.diagnostic.iter().filter(|spec| spec.supported);
        offered.filter_map(|spec| self.request(spec)).collect()
    }

    fn request(&self, spec: &DiagnosticSpec) -> Option<Tool> {
        let mut done = Done::default();
        let tester = spec.testers.first().cloned().unwrap_or_else(|| "any".to_owned());
        done.does(Deed::Ask { tester, request: spec.request }, 0);
        let mut risks = Vec::new();
        if spec.request == RequestWord::Reflash {
            done.writes(spec.takes_s);
            done.feeds(effects::of_firmware(effects::Firmware::Unprotected));
            done.restarts(RESTART_MS);
            risks.push(Risk::CutBricks);
        }
        done.feeds(effects::of_request(spec.request));
        if spec.unstable {
            risks.push(Risk::Freezes);
            // Whoever wants to go on typing wakes the keys first.
            if !done.steps.iter().any(|step| matches!(step, Step::Feed(event) if opens(event))) {
                done.deeds.push(Deed::Pull);
                done.steps.push(Step::Pull);
            }
        }
        let testers = if spec.testers.is_empty() { "any".to_owned() } else { spec.testers.join(" or ") };
        let name = format!("tester {testers}, {}", word(spec.request));
        let tool = self.tool(name, ToolKind::Tester, &spec.firmware, done)?;
        Some(Tool { testers: spec.testers.clone(), loses: spec.loses.clone(), risks, ..tool })
    }
}

/// What is done, and what that does to the lock.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) deeds: Vec<Deed>,
    pub(crate) steps: Vec<Step>,
}

impl Done {
    /// Something that takes so long.
    fn does(&mut self, deed: Deed, ms: u64) {
        self.deeds.push(deed);
        self.steps.push(Step::pass(ms, Ignition::On));
    }

    /// Firmware is written.
    fn writes(&mut self, takes_s: u64) {
        let ms = takes_s.saturating_mul(1_000).max(1);
        self.deeds.push(Deed::Wait { ms });
        self.steps.push(Step::pass(ms, Ignition::On));
    }

    /// What reaches the main lock of that.
    pub(crate) fn feeds(&mut self, effects: &[Effect]) {
        // Both reach it: there is no effect on the others alone.
        self.steps.extend(effects.iter().map(|effect| Step::Feed(effect.event)));
    }

    /// The unit restarts.
    pub(crate) fn restarts(&mut self, ms: u64) {
        self.feeds(effects::RESTARTS);
        self.deeds.push(Deed::Wait { ms });
        self.steps.push(Step::pass(ms, Ignition::On));
    }
}

/// The catalogue's word for a request.
pub const fn word(request: RequestWord) -> &'static str {
    match request {
        RequestWord::ReadSerial => "read-serial",
        RequestWord::ReadFirmware => "read-firmware",
        RequestWord::ReadState => "read-state",
        RequestWord::EnterCode => "enter-code",
        RequestWord::ClearAttempts => "clear-attempts",
        RequestWord::ResetLock => "reset-lock",
        RequestWord::ClearLockedOut => "clear-locked-out",
        RequestWord::DisableChecking => "disable-checking",
        RequestWord::Reflash => "reflash",
        RequestWord::Pair => "pair",
    }
}
