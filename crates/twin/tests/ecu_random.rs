//! A million requests of several testers, random, mutated and sensible: what never happens whatever they ask.

mod ecu_support;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ecu_support::{CODE, key_for, spec};
use headlock_lock::{Ignition, Phase};
use headlock_twin::ecu::{Ecu, Peer, Reply, Retained, TesterId};
use headlock_twin::{Input, Spec, Supply, Tear};
use headlock_wire::uds::Response;

/// SplitMix64: one number after another from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Requests that mean something; those that lead further are there more often.
const SENSIBLE: &str = "
    10 01 / 10 02 / 10 02 / 10 03 / 10 03 / 10 03 / 10 03 / 10 03 / 11 01 / 14 FF FF FF / 19 01 FF / 19 02 FF / 19 0A
    22 F1 90 / 22 F1 86 / 22 FD 00 FD 01 FD 02 / 22 FD 04 / 27 01 / 27 01 / 27 01 / 27 03 / 27 03 / 27 03 / 27 05 / 27 05
    31 01 FD 11 / 31 01 FD 12 / 31 01 FD 13 / 31 01 FD 14 / 31 03 FD 14 / 31 01 FD 15 / 3E 00 / 3E 80 / 85 02 / 85 01
    34 00 11 00 40 / 36 01 48 4C 46 50 01 00 / 36 02 FF / 37 / 01 00 1C 42 / 09 02 / 03
";

/// What an onlooker knows of a tester from what it was told: never less than it may do.
#[derive(Clone, Default)]
struct Seen {
    seed: Option<(u8, [u8; 16])>,
    unlocked: Option<u8>,
    heard_ms: u64,
    waits: bool,
}

struct World {
    ecu: Ecu,
    now_ms: u64,
    dice: Dice,
    sensible: Vec<Vec<u8>>,
    seen: BTreeMap<TesterId, Seen>,
    restarts_ms: Option<u64>,
    /// The last wrong key that started a delay.
    delayed_ms: Option<u64>,
    delays: u32,
    spec: Arc<Spec>,
    transcript: DefaultHasher,
    openings: u32,
    positive: u64,
    unlocks: u32,
    cuts: u32,
    starts: u8,
    powered: bool,
}

impl World {
    fn new(spec: Arc<Spec>, seed: u64) -> Self {
        Self {
            ecu: ecu_support::ecu(Arc::clone(&spec), 7),
            restarts_ms: None,
            delayed_ms: None,
            delays: 0,
            spec,
            now_ms: 0,
            dice: Dice(seed),
            sensible: SENSIBLE.trim().split(['/', '\n']).map(ecu_support::bytes).collect(),
            seen: BTreeMap::new(),
            transcript: DefaultHasher::new(),
            openings: 0,
            positive: 0,
            unlocks: 0,
            cuts: 0,
            starts: 7,
            powered: true,
        }
    }

    fn compose(&mut self, tester: TesterId) -> Vec<u8> {
        let dice = &mut self.dice;
        match dice.below(20) {
            0 => (0..dice.below(12)).map(|_| dice.byte()).collect(),
            1 => vec![dice.byte()],
            2 | 3 => {
                let seed = self.seen.get(&tester).and_then(|seen| seen.seed);
                let (level, seed) = seed.unwrap_or((1, [0; 16]));
                let mut request = vec![0x27, level + 1];
                request.extend(key_for(level, &seed));
                if dice.one_in(5) {
                    request[17] ^= 0x10;
                }
                request
            }
            4 | 5 => {
                let code = if dice.one_in(20) { CODE.to_owned() } else { format!("{:04}", dice.below(10_000)) };
                let mut request = vec![0x31, if dice.one_in(4) { 0x81 } else { 0x01 }, 0xFD, 0x10];
                request.extend(code.bytes());
                request
            }
            n => {
                let at = dice.below(self.sensible.len());
                let mut request = self.sensible[at].clone();
                if n < 10 {
                    for _ in 0..=dice.below(3) {
                        let at = dice.below(request.len().max(1));
                        match dice.below(4) {
                            0 => request.push(dice.byte()),
                            1 => request.truncate(at.max(1)),
                            2 => request[at] ^= 1 << dice.below(8),
                            _ => request[at] = dice.byte(),
                        }
                    }
                }
                request
            }
        }
    }

    /// Something happens to the car, or time passes.
    fn meanwhile(&mut self) {
        let before = self.stands();
        let kept = self.kept();
        let dice = &mut self.dice;
        self.now_ms += match dice.below(400) {
            0 => 4_999,
            1 => 5_000,
            2 => 10_000,
            3 => 61_000,
            4 => 3_600_000,
            n if n < 40 => 1_000,
            n => n as u64 / 20,
        };
        let input = match dice.below(3_000) {
            0 => Input::Supply(Supply::Cut),
            1 => Input::Ignition(Ignition::Off),
            2 => Input::Supply(Supply::Millivolts(8_500)),
            3 => Input::Supply(Supply::Millivolts(5_000)),
            n if n < 40 => Input::Supply(Supply::Restored),
            n if n < 60 => Input::Supply(Supply::Millivolts(12_600)),
            n if n < 80 => Input::Ignition(Ignition::On),
            _ => Input::Tick,
        };
        self.ecu.happen(self.now_ms, input);
        if self.dice.one_in(500) {
            // So short that no session would have ended by itself.
            self.ecu.happen(self.now_ms, Input::Supply(Supply::Cut));
            self.seen.clear();
            self.ecu.happen(self.now_ms, Input::Supply(Supply::Restored));
        }
        self.announced(kept, &[]);
        if self.dice.one_in(5_000) {
            self.killed();
        }
        let after = self.stands();
        assert!(after.0 <= before.0, "opened by nobody at {}", self.now_ms);
        assert!(after.1 >= before.1, "the counter went down by itself at {}", self.now_ms);
        if self.ecu.supply_mv() < 8_000 {
            self.seen.clear();
        }
    }

    /// Now and then: what a cut would leave, and the number that tells who keeps it of a change.
    fn kept(&mut self) -> Option<(u64, Retained)> {
        self.dice.one_in(16).then(|| (self.ecu.generation(), self.ecu.retained()))
    }

    fn announced(&self, kept: Option<(u64, Retained)>, request: &[u8]) {
        let Some((generation, retained)) = kept else { return };
        assert!(self.ecu.generation() != generation || self.ecu.retained() == retained, "{request:02X?}: told nobody");
    }

    /// Another process goes on with what this one kept.
    fn killed(&mut self) {
        let (kept, staged) = (self.ecu.retained(), self.ecu.staged().to_vec());
        self.starts = self.starts.wrapping_add(1);
        self.ecu = ecu_support::ecu(Arc::clone(&self.spec), self.starts);
        self.ecu.restore(&kept, &staged, 1).expect("its own image");
        let runs = self.delayed_ms.is_some_and(|at| self.now_ms < at + 10_000);
        self.now_ms = self.ecu.twin().now_ms();
        self.delayed_ms = runs.then_some(self.now_ms);
        self.ecu.happen(self.now_ms, Input::Ignition(Ignition::On));
        self.seen.clear();
        self.restarts_ms = None;
    }

    /// Whether the lock is open, and its failed attempts.
    fn stands(&self) -> (bool, u16) {
        let state = self.ecu.twin().lock_state(0).expect("a lock");
        (matches!(state.phase, Phase::Open { .. }), state.tally.failed)
    }

    fn step(&mut self) {
        self.meanwhile();
        let tester = TesterId(self.dice.below(3) as u64);
        let functional = self.dice.one_in(8);
        let request = self.compose(tester);
        self.powered = self.ecu.supply_mv() > 0;
        let before = self.stands();
        let kept = self.kept();
        if self.restarts_ms.is_some_and(|at| at <= self.now_ms) {
            self.seen.clear();
            self.restarts_ms = None;
        }
        let seen = self.seen.entry(tester).or_default();
        if seen.heard_ms + 5_000 <= self.now_ms && !seen.waits {
            *seen = Seen::default();
        }
        seen.heard_ms = self.now_ms;
        let level = seen.unlocked;
        let mut out = Vec::new();
        if self.dice.one_in(20) {
            let write = u32::try_from(self.dice.below(200)).unwrap_or(0) + 1;
            self.ecu.schedule_cut(write, [Tear::Byte, Tear::Group, Tear::Page][self.dice.below(3)]);
        }
        self.ecu.request(self.now_ms, Peer { tester, functional, bytes_max: 4095 }, &request, &mut out);
        self.ecu.unschedule_cut();
        (self.now_ms, tester, functional, &request).hash(&mut self.transcript);
        for reply in &out {
            (reply.to, &reply.bytes).hash(&mut self.transcript);
            self.look_at(reply, tester, &request);
        }
        if self.powered && self.ecu.supply_mv() == 0 {
            // Cut by its own write. What was answered before was owed to somebody else.
            assert!(out.iter().all(|reply| reply.bytes[0] == 0x71), "{request:02X?}: an answer without supply");
            self.ecu.happen(self.now_ms, Input::Supply(Supply::Restored));
            self.seen.clear();
            self.cuts += 1;
        }
        self.judge(&request, level, before);
        self.announced(kept, &request);
    }

    /// Every answer can be read, and answers what was asked.
    fn look_at(&mut self, reply: &Reply, asks: TesterId, request: &[u8]) {
        let bytes = &reply.bytes;
        if matches!(bytes[0], 0x41..=0x4A) {
            assert_eq!((reply.to, bytes[0]), (asks, request[0] + 0x40));
            return;
        }
        let response = Response::decode(bytes).unwrap_or_else(|why| panic!("{bytes:02X?} to {request:02X?}: {why}"));
        match response {
            Response::Negative { sid, nrc } => {
                let owed = reply.to != asks || sid == request[0];
                assert!(owed, "{bytes:02X?} to {request:02X?}");
                assert!(!(reply.functional && nrc.withheld_when_functional()), "{bytes:02X?} to {request:02X?}");
            }
            _ => {
                self.positive += 1;
                // The self test's answer comes when it is ready, whatever is asked by then.
                let late = bytes.starts_with(&[0x71, 0x01, 0xFD, 0x14]);
                assert!(late || (reply.to == asks && bytes[0] == request[0] + 0x40), "{bytes:02X?} to {request:02X?}");
            }
        }
        if matches!(**bytes, [0x7F, 0x27, 0x35 | 0x36] | [0x67, 0x02 | 0x04 | 0x06]) {
            let early = self.delayed_ms.is_some_and(|at| self.now_ms < at + 10_000);
            assert!(!early, "a key was compared during the delay: {bytes:02X?} at {}", self.now_ms);
        }
        if **bytes == [0x7F, 0x27, 0x36] {
            self.delayed_ms = Some(self.now_ms);
            self.delays += 1;
        }
        let seen = self.seen.entry(reply.to).or_default();
        seen.heard_ms = self.now_ms;
        seen.waits = bytes[0] == 0x7F && (bytes[2] == 0x78 || (seen.waits && bytes[2] == 0x21));
        match response {
            Response::DiagnosticSessionControl { .. } => *seen = Seen { heard_ms: self.now_ms, ..Seen::default() },
            Response::Seed { level, seed } => {
                seen.seed = seed.try_into().ok().map(|seed| (level.request_seed(), seed));
            }
            Response::Unlocked { level } => {
                seen.unlocked = Some(level.request_seed());
                self.unlocks += 1;
            }
            Response::EcuReset { .. } => self.restarts_ms = Some(self.now_ms + 20),
            _ => {}
        }
    }

    /// The lock opens by the code or with level 3; its counter goes down by those, or with level 1.
    fn judge(&mut self, request: &[u8], level: Option<u8>, before: (bool, u16)) {
        let after = self.stands();
        let code = matches!(request, [0x31, 0x01 | 0x81, 0xFD, 0x10, code @ ..] if code == CODE.as_bytes());
        let routine = |numbers: &[u8], wanted| {
            level == Some(wanted) && matches!(request, [0x31, 0x01 | 0x81, 0xFD, number] if numbers.contains(number))
        };
        if after.0 && !before.0 {
            assert!(code || routine(&[0x12, 0x13], 3), "opened by {request:02X?} at {}", self.now_ms);
            self.openings += 1;
            // So that there is a lock to open, it is armed again.
            for input in [Supply::Cut, Supply::Restored, Supply::Millivolts(12_600)] {
                self.ecu.happen(self.now_ms, Input::Supply(input));
                self.now_ms += 61_000;
            }
            if self.stands().0 {
                // Switched off, or without supply: another one takes its place.
                self.ecu = ecu_support::ecu(Arc::clone(&self.spec), 7);
                self.ecu.happen(self.now_ms, Input::Ignition(Ignition::On));
            }
            self.seen.clear();
            self.restarts_ms = None;
            self.delayed_ms = None;
        }
        let cleared = code || routine(&[0x11], 1) || routine(&[0x12, 0x13, 0x15], 3);
        assert!(after.1 >= before.1 || cleared, "{request:02X?} took attempts back at {}", self.now_ms);
    }
}

fn run(spec: &Arc<Spec>, seed: u64, requests: u32) -> World {
    let mut world = World::new(Arc::clone(spec), seed);
    world.ecu.happen(0, Input::Ignition(Ignition::On));
    for _ in 0..requests {
        world.step();
    }
    world
}

#[test]
fn a_million_requests_open_nothing_that_is_locked() {
    // Without its lock-out, or nothing would be compared after nine codes.
    let spec = spec("manual", |text| text.replace("tries = { locked_out_after_attempts = 9 }\n", ""));
    let worlds: Vec<World> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2)
            .map(|seed| (seed, &spec))
            .map(|(seed, spec)| scope.spawn(move || run(spec, seed, 500_000)))
            .collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    for world in worlds {
        // The dice do not miss the point.
        assert!(world.openings > 100, "{} openings", world.openings);
        assert!(world.delays > 20, "{} delays", world.delays);
        assert!(world.cuts > 100, "{} cuts at a write", world.cuts);
        assert!(world.unlocks > 1_000, "{} levels unlocked", world.unlocks);
        assert!(world.positive > 50_000, "{} positive answers", world.positive);
    }
}

#[test]
fn the_same_requests_get_the_same_answers() {
    for reading in ["manual", "fragile"] {
        let spec = spec(reading, str::to_owned);
        let hashes = [(); 2].map(|()| run(&spec, 42, 30_000).transcript.finish());
        assert_eq!(hashes[0], hashes[1]);
        assert_ne!(hashes[0], run(&spec, 43, 30_000).transcript.finish());
    }
}
