//! Anything may happen to a unit at any time: no input panics, no compared code goes uncharged, no code opens that is not its own.

use std::path::Path;
use std::sync::Arc;

use headlock::store::Texts;
use headlock_lock::Ignition;
use headlock_profile::{Case, Code, Provenance, Reading, Unit};
use headlock_twin::{
    Fault, Input, KeyId, OwnerAction, PhaseKind, Provision, Record, Request, Spec, Stick, StickFile, Supply, Tear,
    Twin, Verdict, unknown_code,
};

const INPUTS: usize = 12_000;

/// The splitmix64 generator: small, and the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn no_input_at_any_time_breaks_a_unit_or_its_promises() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let catalog =
        Texts::load(&[root.join("tests/catalog")]).map(|texts| texts.catalog()).expect("readable").expect("loads");
    let mut attempts = 0;
    for (seed, unit) in (0..).zip(&catalog.units) {
        for reading in &unit.readings {
            let last = reading.cases.len() - 1;
            for index in [0, last] {
                attempts += live(unit, reading, &reading.cases[index], seed * 1_000 + index as u64);
            }
        }
    }
    assert!(attempts > 500, "only {attempts} codes were compared");
}

/// Runs one unit through random inputs; returns how many codes it compared.
fn live(unit: &Unit, reading: &Reading, case: &Case, seed: u64) -> usize {
    let mut chance = Chance(seed);
    let codes: Vec<Code> = unknown_code(unit, case, &unit.example_serial()).into_iter().collect();
    let provision = Provision::example(unit, &reading.firmware, codes);
    let spec = Arc::new(Spec::new(unit, case, provision).expect("a unit that fits"));
    let mut twin = Twin::new_armed(Arc::clone(&spec));
    let mut now = 0;
    let mut compared = 0;
    let mut guess = 0_u32;
    for _ in 0..INPUTS {
        now += [0, 1, 120, 800, 3_000, 61_000, 3_600_000, 90_000_000][usize::try_from(chance.below(8)).unwrap_or(0)];
        let before = twin.view();
        if chance.below(9) == 0 {
            let tear = [Tear::Byte, Tear::Group, Tear::Page][usize::try_from(chance.below(3)).unwrap_or(0)];
            twin.schedule_cut(u32::try_from(chance.below(260)).unwrap_or(0) + 1, tear);
        }
        let input = input(&mut chance, &spec, &mut guess);
        let records: Vec<Record> = twin.apply(now, input).to_vec();
        twin.unschedule_cut();
        let after = twin.view();
        for record in &records {
            if let Record::Attempt { lock: 0, verdict } = record {
                compared += usize::from(*verdict == Verdict::Wrong);
                let stays = before.locks[0].phase == PhaseKind::Armed && *verdict == Verdict::Wrong;
                let same = after.locks[0].tally == before.locks[0].tally && after.locks[0].phase == PhaseKind::Armed;
                assert!(
                    !(stays && same),
                    "{}#{}: a wrong code cost nothing: {before:?} {after:?}",
                    unit.identity.id,
                    reading.id
                );
            }
        }
        assert!(after.locks.len() == before.locks.len() && twin.now_ms() >= now);
    }
    compared
}

fn input(chance: &mut Chance, spec: &Spec, guess: &mut u32) -> Input {
    let names = spec.keys();
    let key = |chance: &mut Chance| -> Option<KeyId> {
        let count = u64::try_from(names.len()).unwrap_or(0).max(1);
        names.get(usize::try_from(chance.below(count)).unwrap_or(0)).and_then(|name| spec.key(name))
    };
    let on = chance.below(2) == 0;
    match chance.below(24) {
        0 => Input::Supply(Supply::Cut),
        1 | 2 => Input::Supply(Supply::Restored),
        3 => Input::Supply(Supply::Millivolts(u32::try_from(chance.below(20_000)).unwrap_or(0))),
        4 => Input::Supply(Supply::Millivolts(12_600)),
        5 => Input::Fuse { id: "supply".into(), inserted: true },
        6 => Input::Ignition(
            [Ignition::Off, Ignition::Acc, Ignition::On, Ignition::Engine]
                [usize::try_from(chance.below(4)).unwrap_or(0)],
        ),
        7 => Input::Ignition(Ignition::On),
        8..=13 => match (key(chance), on) {
            (Some(key), true) => Input::KeyDown(key),
            (Some(key), false) => Input::KeyUp(key),
            (None, _) => Input::Tick,
        },
        14 => key(chance).map_or(Input::Tick, |knob| Input::Turn {
            knob,
            clicks: i32::MIN + i32::try_from(chance.below(9)).unwrap_or(0),
        }),
        15 => Input::Keyboard(['1', 'A', '\n', 'ß'][usize::try_from(chance.below(4)).unwrap_or(0)]),
        16 => Input::Door { open: on },
        17 => Input::Pinhole { pressed: on },
        18 => Input::Usb(on.then(|| Stick {
            filesystem: "fat32".into(),
            files: vec![StickFile { name: "HU_1.bin".into(), for_another_unit: false }],
        })),
        19 => Input::Fitted(on),
        20 => Input::Vehicle { home: on },
        21 => Input::Owner(OwnerAction::OptIn(on)),
        22 => Input::Plant(
            [Fault::Frozen, Fault::Glitch, Fault::Muted][usize::try_from(chance.below(3)).unwrap_or(0)].clone(),
        ),
        _ => {
            *guess += 1;
            let code = Code::new(&format!("{:04}", *guess % 10_000), Provenance::Stated).expect("four digits");
            let requests = [Request::EnterCode(code), Request::ReadState, Request::ReadSerial];
            let which = usize::try_from(chance.below(3)).unwrap_or(0);
            Input::Diagnostic { tester: "launch".into(), request: requests[which].clone() }
        }
    }
}
