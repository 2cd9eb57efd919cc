//! The harness can see: under the same cuts and tears, two public stores lose data that they had acknowledged, and the ring of
//! pairs loses none.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_savegame::storage::{Flash, Storage};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use headlock_lock::{Eeprom, NoCounter, Region, State, Store, StoreError, Tally};
use part::{Part, QuickKey, TEARS, Tear};
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};

const PAGE_BYTES: usize = 32;
const BYTES: usize = 1024;
/// Values that are stored one after the other.
const VALUES: u32 = 40;

/// Something that keeps one number through power cuts, or says that it does.
trait Keeps {
    /// Writes it; true once it is acknowledged.
    fn put(part: &Shared, value: u32) -> bool;
    /// What a start finds.
    fn get(part: &Shared) -> Option<u32>;
}

type Shared = Rc<RefCell<Part>>;

/// Cuts each write at each byte in each way, and counts the starts that find neither the old number nor the new one.
fn losses<K: Keeps>() -> (u64, u64) {
    let (mut cuts, mut lost) = (0, 0);
    let part = Rc::new(RefCell::new(Part::new(BYTES, PAGE_BYTES)));
    assert!(K::put(&part, 0));
    for value in 1..=VALUES {
        let before = part.borrow().clone();
        part.borrow_mut().written = 0;
        assert!(K::put(&part, value));
        assert_eq!(K::get(&part), Some(value));
        let whole = part.borrow().clone();
        for at in 0..whole.written {
            for tear in TEARS.into_iter().chain([Tear::Bits(0x0F), Tear::Bits(0x5A)]) {
                *part.borrow_mut() = before.clone();
                part.borrow_mut().cut = Some((at, tear));
                assert!(!K::put(&part, value), "a cut write is not acknowledged");
                part.borrow_mut().supply_back();
                cuts += 1;
                let found = K::get(&part);
                lost += u64::from(found != Some(value) && found != Some(value - 1));
            }
        }
        *part.borrow_mut() = whole;
    }
    (cuts, lost)
}

struct Pairs;

impl Keeps for Pairs {
    fn put(part: &Shared, value: u32) -> bool {
        let part = &mut *part.borrow_mut();
        let region = Region::new(0, 4).unwrap();
        let policy = policy();
        let failed = u16::try_from(value).unwrap();
        let state = State { tally: Tally { failed, ..Tally::default() }, ..State::armed(&policy) };
        if value == 0 {
            return Store::format(part, region, &QuickKey, &NoCounter, &state).is_ok();
        }
        let (mut store, _) = Store::open(part, region, &QuickKey, &NoCounter, &policy);
        store.save(part, &QuickKey, &state).is_ok()
    }

    fn get(part: &Shared) -> Option<u32> {
        let part = &mut *part.borrow_mut();
        match Store::open(part, Region::new(0, 4).unwrap(), &QuickKey, &NoCounter, &policy()).1 {
            headlock_lock::Loaded::Intact(state) => Some(u32::from(state.tally.failed)),
            headlock_lock::Loaded::FailedClosed(_) => None,
        }
    }
}

fn policy() -> headlock_lock::Policy {
    let mut policy = chance::Chance::new(1).policy();
    policy.ladder = headlock_lock::Ladder::EMPTY;
    policy
}

#[derive(Clone)]
struct Bus(Shared);

impl Bus {
    fn read(&self, address: u32, into: &mut [u8]) -> Result<(), StoreError> {
        self.0.borrow_mut().read(usize::try_from(address).unwrap(), into)
    }

    /// As drivers of such parts do: no write reaches beyond its page.
    fn write(&self, address: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let (mut at, mut rest) = (usize::try_from(address).unwrap(), bytes);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PAGE_BYTES - at % PAGE_BYTES));
            self.0.borrow_mut().write(at, now)?;
            (at, rest) = (at + now.len(), later);
        }
        Ok(())
    }
}

struct Savegame;

impl Flash for Bus {
    type Error = StoreError;

    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), StoreError> {
        Bus::read(self, address, into)
    }

    fn write(&mut self, address: u32, bytes: &mut [u8]) -> Result<(), StoreError> {
        Bus::write(self, address, bytes)
    }

    fn erase(&mut self, address: u32) -> Result<(), StoreError> {
        Bus::write(self, address, &[0xFF])
    }
}

impl Keeps for Savegame {
    fn put(part: &Shared, value: u32) -> bool {
        let mut storage = Storage::<_, 16, 64>::new(Bus(Rc::clone(part)));
        storage.scan().is_ok() && storage.append(&mut value.to_le_bytes()).is_ok()
    }

    fn get(part: &Shared) -> Option<u32> {
        let mut storage = Storage::<_, 16, 64>::new(Bus(Rc::clone(part)));
        let slot = storage.scan().ok()??;
        let mut buffer = [0; 64];
        let found = storage.read(slot.idx, &mut buffer).ok()??;
        Some(u32::from_le_bytes((&*found).try_into().ok()?))
    }
}

struct Sequential;

impl NorFlashError for Gone {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

#[derive(Clone, Copy, Debug)]
struct Gone;

impl ErrorType for Bus {
    type Error = Gone;
}

impl ReadNorFlash for Bus {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Gone> {
        Bus::read(self, offset, bytes).map_err(|_| Gone)
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl NorFlash for Bus {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 256;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Gone> {
        (from..to).step_by(PAGE_BYTES).try_for_each(|at| Bus::write(self, at, &[0xFF; PAGE_BYTES])).map_err(|_| Gone)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Gone> {
        Bus::write(self, offset, bytes).map_err(|_| Gone)
    }
}

/// Nothing here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the memory answers at once"),
    }
}

impl Sequential {
    fn map(part: &Shared) -> MapStorage<u8, Bus, impl sequential_storage::cache::CacheImpl<u8>> {
        MapStorage::new(Bus(Rc::clone(part)), const { MapConfig::new(0..1024) }, Cache::new_uncached())
    }
}

impl Keeps for Sequential {
    fn put(part: &Shared, value: u32) -> bool {
        now(Self::map(part).store_item(&mut [0; 64], &1_u8, &value)).is_ok()
    }

    fn get(part: &Shared) -> Option<u32> {
        now(Self::map(part).fetch_item(&mut [0; 64], &1_u8)).ok()?
    }
}

#[test]
fn the_ring_of_pairs_loses_nothing() {
    let (cuts, lost) = losses::<Pairs>();
    println!("ring of pairs: {lost} of {cuts} cuts");
    assert!(cuts > 10_000 && lost == 0, "{lost} of {cuts}");
}

#[test]
fn embedded_savegame_loses_acknowledged_data() {
    let (cuts, lost) = losses::<Savegame>();
    println!("embedded-savegame: {lost} of {cuts} cuts");
    assert!(lost > 0, "{lost} of {cuts}");
}

#[test]
fn sequential_storage_with_words_of_one_byte_loses_acknowledged_data() {
    let (cuts, lost) = losses::<Sequential>();
    println!("sequential-storage: {lost} of {cuts} cuts");
    assert!(lost > 0, "{lost} of {cuts}");
}
