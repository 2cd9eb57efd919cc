//! What a policy costs the memory of its records, on the shipped store, under the worst that somebody at the keys can do.

use headlock_lock::{
    Conditions, DeviceKey, Eeprom, Event, Hardware, Ignition, Keeper, Kind, NoCounter, Phase, Policy, Region, State,
    Store, StoreError, next_change_ms,
};
use serde::Serialize;

/// Bytes of a page of a 24C64.
const PAGE_BYTES: usize = 32;
/// Pairs of records in a 24C64.
const PAIRS: u8 = 64;
/// What the makers of such parts promise a page.
pub const LIFE_CYCLES: u64 = 1_000_000;
const DAY_MS: u64 = 86_400_000;
/// Days that are run; the rest of the years go on so.
const DAYS: u64 = 10;
/// To type a code takes so long, at the least.
const TYPING_MS: u64 = 5_000;
const TICK_MS: u64 = 60_000;

/// Cycles of the hottest page of a 24C64 that holds the records of one lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wear {
    /// In the years of service, with a wrong code whenever one is taken.
    pub cycles: u64,
    /// Of so many that the part lives.
    pub of: u64,
}

/// Of so many years of service. A lock that locks out for good ends its own wear.
pub fn wear(policy: &Policy, years: u64) -> Wear {
    let none = Wear { cycles: 0, of: LIFE_CYCLES };
    if !matches!(policy.kind, Kind::Code | Kind::PairingOrCode) {
        return none;
    }
    let Some(region) = Region::new(0, PAIRS) else { return none };
    let mut part =
        Part { cells: vec![0xFF; region.bytes(PAGE_BYTES)], cycles: vec![0; region.bytes(PAGE_BYTES) / PAGE_BYTES] };
    let state = State::armed(policy);
    let Ok(store) = Store::format(&mut part, region, &Sum, &NoCounter, &state) else { return none };
    part.cycles.fill(0);
    let mut keeper = Keeper { state, store };
    let mut hardware = Hardware { memory: &mut part, key: &Sum, counter: &mut NoCounter };
    let mut now_ms = 0;
    while now_ms < DAYS * DAY_MS && !matches!(keeper.state.phase, Phase::LockedOut) {
        if matches!(keeper.state.phase, Phase::Armed) {
            keeper.feed(&mut hardware, policy, Event::KeyTouched);
            let _ = keeper.enter(&mut hardware, policy, |_| false);
            now_ms += TYPING_MS;
            continue;
        }
        // However the ignition has to stand for the wait to go on.
        let positions = [(Ignition::On, true), (Ignition::Off, false), (Ignition::Acc, true), (Ignition::Acc, false)];
        let counts = positions.into_iter().find_map(|(ignition, unit_on)| {
            let during = Conditions { ignition, unit_on };
            Some((next_change_ms(policy, &keeper.state, during)?, during))
        });
        let before = keeper.state;
        match counts {
            Some((ms, during)) => {
                let ms = ms.min(TICK_MS);
                keeper.feed(&mut hardware, policy, Event::Elapsed { ms, during });
                now_ms += ms;
            }
            None => {
                keeper.feed(&mut hardware, policy, Event::IgnitionCycled);
                keeper.feed(&mut hardware, policy, Event::KeyCycled);
                keeper.feed(&mut hardware, policy, Event::Rebooted);
                now_ms += crate::graph::TURN_MS;
                if keeper.state == before {
                    break;
                }
            }
        }
    }
    let ended = now_ms < DAYS * DAY_MS;
    let cycles = u64::from(part.cycles.iter().copied().max().unwrap_or(0));
    // What ends within the days that are run does not go on for years.
    Wear { cycles: if ended { cycles } else { cycles * years * 365 / DAYS }, of: LIFE_CYCLES }
}

struct Part {
    cells: Vec<u8>,
    cycles: Vec<u32>,
}

impl Eeprom for Part {
    fn page_bytes(&self) -> usize {
        PAGE_BYTES
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        into.copy_from_slice(self.cells.get(address..address + into.len()).ok_or(StoreError)?);
        Ok(())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        self.cells.get_mut(address..address + bytes.len()).ok_or(StoreError)?.copy_from_slice(bytes);
        self.cycles[address / PAGE_BYTES] += 1;
        Ok(())
    }
}

/// A key that is none: only the writes are counted here.
struct Sum;

impl DeviceKey for Sum {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let sum = parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, fold);
        let mut out = [0; 32];
        out[..8].copy_from_slice(&sum.to_le_bytes());
        out
    }
}
