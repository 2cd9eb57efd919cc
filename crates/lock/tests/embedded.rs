//! Any `embedded-storage` memory takes the records.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use embedded_storage::{ReadStorage, Storage};
use headlock_lock::{Eeprom, Embedded, NoCounter, Region, State, Store, StoredKey};

mod chance;

struct Ram(Vec<u8>);

impl ReadStorage for Ram {
    type Error = ();

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ()> {
        let from = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(self.0.get(from..from + bytes.len()).ok_or(())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl Storage for Ram {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ()> {
        let from = usize::try_from(offset).unwrap();
        self.0.get_mut(from..from + bytes.len()).ok_or(())?.copy_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn a_record_goes_through_the_adapter_and_comes_back() {
    let policy = chance::Chance::new(1).policy();
    let region = Region::new(0, 3).unwrap();
    let key = StoredKey::new([3; 32]);
    let mut memory = Embedded::new(Ram(vec![0xFF; region.bytes(16)]), 16);
    assert_eq!(memory.page_bytes(), 16);
    let state = State::armed(&policy);
    let mut store = Store::format(&mut memory, region, &key, &NoCounter, &state).unwrap();
    let open = State::fresh(&policy);
    store.save(&mut memory, &key, &open).unwrap();
    let mut again = Embedded::new(Ram(memory.into_inner().0), 16);
    assert_eq!(Store::open(&mut again, region, &key, &NoCounter, &policy).1.state(), open);
    let mut small = Embedded::new(Ram(vec![0xFF; region.bytes(16) - 1]), 16);
    assert!(Store::format(&mut small, region, &key, &NoCounter, &state).is_err(), "a memory that ends before");
}
