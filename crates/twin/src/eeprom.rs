//! The unit's memory: bytes, writes that can be cut, cells that can be worn.

use headlock_lock::{Eeprom, RECORD_BYTES, StoreError};

use crate::spec::MAX_LOCKS;

const BYTES: usize = 2 * RECORD_BYTES * MAX_LOCKS;

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    bytes: [u8; BYTES],
    /// Byte writes until the supply is cut.
    cut_in: Option<u32>,
    /// The supply was cut by a write.
    pub(crate) was_cut: bool,
    /// Nothing can be written.
    pub(crate) read_only: bool,
    /// What it falls back to at each switch-off, once it forgets.
    retained: Option<Box<[u8; BYTES]>>,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0xFF; BYTES], cut_in: None, was_cut: false, read_only: false, retained: None }
    }

    /// Cuts the supply at the `n`th byte write from now, counted from 1.
    pub(crate) const fn cut_at(&mut self, n: u32) {
        self.cut_in = Some(n);
    }

    /// Drops a planned cut that no write reached.
    pub(crate) const fn forget_cut(&mut self) {
        self.cut_in = None;
    }

    pub(crate) fn start_forgetting(&mut self) {
        self.retained = Some(Box::new(self.bytes));
    }

    pub(crate) fn stop_forgetting(&mut self) {
        self.retained = None;
    }

    pub(crate) const fn forgets(&self) -> bool {
        self.retained.is_some()
    }

    pub(crate) fn lose_unretained(&mut self) {
        if let Some(retained) = &self.retained {
            self.bytes = **retained;
        }
    }
}

impl Eeprom for Memory {
    fn read(&self, address: usize) -> u8 {
        self.bytes.get(address).copied().unwrap_or(0xFF)
    }

    fn write(&mut self, address: usize, byte: u8) -> Result<(), StoreError> {
        if self.read_only || self.was_cut {
            return Err(StoreError);
        }
        let slot = self.bytes.get_mut(address).ok_or(StoreError)?;
        match &mut self.cut_in {
            Some(left @ 2..) => *left -= 1,
            Some(_) => {
                // A torn byte: some of its bits are new.
                *slot = (*slot & 0xF0) | (byte & 0x0F);
                self.cut_in = None;
                self.was_cut = true;
                return Err(StoreError);
            }
            None => {}
        }
        *slot = byte;
        Ok(())
    }
}
