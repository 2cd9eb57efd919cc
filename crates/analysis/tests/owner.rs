//! What cuts of the supply cost an owner who enters nothing, under every policy of the catalogue, on the shipped store.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;

use headlock_analysis::{Attacker, Graph};
use headlock_lock::{
    Conditions, DeviceKey, Eeprom, Event, Feed, Hardware, Ignition, Keeper, Loaded, NoCounter, Phase, Policy, Region,
    Span, State, Store, StoreError, next_change_ms,
};

#[allow(dead_code)]
#[path = "../../../tests/support/catalog.rs"]
mod support;

const MINUTE_MS: u64 = 60_000;
/// The unit loses its supply so soon after each start, as with a battery that dips whenever the engine is cranked.
const BETWEEN_CUTS_MS: u64 = 2 * MINUTE_MS;

struct Memory(Vec<u8>);

impl Eeprom for Memory {
    fn page_bytes(&self) -> usize {
        32
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        into.copy_from_slice(&self.0[address..address + into.len()]);
        Ok(())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        self.0[address..address + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

struct Sum;

impl DeviceKey for Sum {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let mut out = [0; 32];
        let sum = parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, fold);
        out[..8].copy_from_slice(&sum.to_le_bytes());
        out
    }
}

/// Every distinct policy of the catalogue, and the reading that it was first seen in.
fn policies() -> Vec<(String, Policy)> {
    let catalog = support::load();
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for unit in &catalog.units {
        for reading in &unit.readings {
            for case in &reading.cases {
                let policy = case.policies[0];
                if seen.insert(policy) {
                    all.push((format!("{}#{} {}", unit.identity.id, reading.id, case.label()), policy));
                }
            }
        }
    }
    all
}

fn cut(policy: &Policy, keeper: &mut Keeper, memory: &mut Memory) {
    let region = Region::new(0, 2).unwrap();
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory, key: &Sum, counter: &mut counter };
    let (started, loaded) = Keeper::start(&mut hardware, region, policy);
    assert!(matches!(loaded, Loaded::Intact(_)));
    *keeper = started;
    let restored = Event::SupplyRestored { outage_ms: 500, feed: Feed::Battery, unit_was_on: true };
    keeper.feed(&mut hardware, policy, restored);
    keeper.feed(&mut hardware, policy, Event::Rebooted);
}

fn unit(state: State) -> (Keeper, Memory) {
    let region = Region::new(0, 2).unwrap();
    let mut memory = Memory(vec![0xFF; region.bytes(32)]);
    let store = Store::format(&mut memory, region, &Sum, &NoCounter, &state).unwrap();
    (Keeper { state, store }, memory)
}

fn reachable(policy: &Policy) -> Vec<State> {
    let start = State { phase: Phase::Armed, ..State::fresh(policy) };
    Graph::explore(policy, Attacker::Pulls, 0, &[start]).unwrap().states().to_vec()
}

#[test]
fn cuts_alone_cost_no_attempt_and_lock_nobody_out() {
    let mut tried = 0;
    for (name, policy) in policies() {
        for state in reachable(&policy) {
            let (mut keeper, mut memory) = unit(state);
            for _ in 0..3 {
                cut(&policy, &mut keeper, &mut memory);
                let after = keeper.state;
                assert!(after.tally.failed <= state.tally.failed, "{name}: {state:?}");
                assert!(after.tally.rounds <= state.tally.rounds, "{name}: {state:?}");
                let out = |state: &State| matches!(state.phase, Phase::LockedOut);
                assert!(!out(&after) || out(&state), "{name}: {state:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 3_000, "{tried}");
}

/// Where no reading says that a cut restarts the wait, a unit that loses its supply again and again still gets through it. Where
/// one does, it does not, and the policy says so itself.
#[test]
fn the_restart_loop_ends_unless_the_reading_says_that_a_cut_restarts_the_wait() {
    let (mut ends, mut restarts) = (0, 0);
    for (name, policy) in policies() {
        for state in reachable(&policy) {
            let Phase::Waiting { left: Span::Time { ms }, .. } = state.phase else { continue };
            // However the ignition has to stand for the clock to count.
            let counts = [(Ignition::On, true), (Ignition::Off, false), (Ignition::Acc, true)];
            let Some(during) = counts
                .into_iter()
                .map(|(ignition, unit_on)| Conditions { ignition, unit_on })
                .find(|during| next_change_ms(&policy, &state, *during).is_some())
            else {
                continue;
            };
            let (mut keeper, mut memory) = unit(state);
            let loops = 2 * ms / MINUTE_MS + 10;
            for _ in 0..loops {
                let mut passed = 0;
                while passed < BETWEEN_CUTS_MS && matches!(keeper.state.phase, Phase::Waiting { .. }) {
                    let step_ms = next_change_ms(&policy, &keeper.state, during).unwrap_or(MINUTE_MS).min(10_000);
                    let mut counter = NoCounter;
                    let mut hardware = Hardware { memory: &mut memory, key: &Sum, counter: &mut counter };
                    keeper.feed(&mut hardware, &policy, Event::Elapsed { ms: step_ms, during });
                    passed += step_ms;
                }
                if !matches!(keeper.state.phase, Phase::Waiting { .. }) {
                    break;
                }
                cut(&policy, &mut keeper, &mut memory);
            }
            let over = !matches!(keeper.state.phase, Phase::Waiting { .. });
            let says_so = policy.supply_cut.restarts_wait_ms.is_some_and(|shortest| shortest <= 500);
            // A rule that restarts on a turn of the ignition may do so here, too; a wait shorter than the loop ends in any case.
            assert!(over || says_so, "{name}: {state:?} never ends");
            if over { ends += 1 } else { restarts += 1 }
        }
    }
    println!("{ends} waits end in a restart loop; {restarts} do not, and their readings say so");
    assert!(ends > 200 && restarts > 20, "{ends} {restarts}");
}
