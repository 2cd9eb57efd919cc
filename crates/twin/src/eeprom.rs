//! The unit's memory: pages of bytes, writes that can be cut and then tear, cells that wear and rot.

use headlock_lock::{Eeprom, RECORD_BYTES, Region, StoreError};

/// Bytes of a page, as in a 24C64.
const PAGE_BYTES: usize = 32;
/// Pairs of records that each lock has.
const PAIRS: u8 = 2;
const LOCK_BYTES: usize = 2 * PAIRS as usize * RECORD_BYTES;

/// What a write that is cut leaves in its page, beside the bytes written before and those not reached yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tear {
    /// Some bits of the byte are new.
    #[default]
    Byte,
    /// The group of four bytes that corrects errors together is lost.
    Group,
    /// The whole page is lost.
    Page,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    bytes: Vec<u8>,
    /// Byte writes until the supply is cut, and what the last then does.
    cut_in: Option<(u32, Tear)>,
    /// The supply was cut by a write.
    pub(crate) was_cut: bool,
    /// Nothing can be written.
    pub(crate) read_only: bool,
    /// The supply, or its fuse, allows no write.
    pub(crate) inhibited: bool,
    /// Cells that keep their value.
    worn: Vec<usize>,
    /// What it falls back to at each switch-off, once it forgets.
    retained: Option<Vec<u8>>,
    /// Writes so far.
    generation: u64,
}

/// Where the records of a lock live.
pub(crate) fn region(lock: usize) -> Region {
    Region::new(lock * LOCK_BYTES, PAIRS).expect("a ring of two pairs")
}

impl Memory {
    pub(crate) fn new(locks: usize) -> Self {
        Self {
            // One more, for the record of SecurityAccess.
            bytes: vec![0xFF; (locks + 1) * LOCK_BYTES],
            cut_in: None,
            was_cut: false,
            read_only: false,
            inhibited: false,
            worn: Vec::new(),
            retained: None,
            generation: 0,
        }
    }

    /// Everything in it.
    pub(crate) fn image(&self) -> &[u8] {
        &self.bytes
    }

    /// Another one's content, of the same size.
    pub(crate) fn replace_image(&mut self, image: &[u8]) {
        self.bytes.copy_from_slice(image);
        self.generation += 1;
    }

    /// A number that grows with every change.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Cuts the supply at the `n`th byte write from now, counted from 1.
    pub(crate) const fn cut_at(&mut self, n: u32, tear: Tear) {
        self.cut_in = Some((n, tear));
    }

    /// Drops a planned cut that no write reached.
    pub(crate) const fn forget_cut(&mut self) {
        self.cut_in = None;
    }

    pub(crate) fn start_forgetting(&mut self) {
        self.retained = Some(self.bytes.clone());
    }

    pub(crate) fn stop_forgetting(&mut self) {
        self.retained = None;
    }

    pub(crate) const fn forgets(&self) -> bool {
        self.retained.is_some()
    }

    pub(crate) fn lose_unretained(&mut self) {
        if let Some(retained) = &self.retained {
            self.generation += 1;
            self.bytes.clone_from(retained);
        }
    }

    /// Flips one bit; numbers beyond the end begin again.
    pub(crate) fn rot(&mut self, bit: u32) {
        let bit = usize::try_from(bit).unwrap_or(0) % (self.bytes.len() * 8).max(1);
        self.generation += 1;
        if let Some(byte) = self.bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// The cell keeps the value that it has; numbers beyond the end begin again.
    pub(crate) fn wear(&mut self, cell: u32) {
        let cell = usize::try_from(cell).unwrap_or(0) % self.bytes.len().max(1);
        if !self.worn.contains(&cell) {
            self.worn.push(cell);
        }
    }

    pub(crate) fn mend_cells(&mut self) {
        self.worn.clear();
    }

    fn tear(&mut self, at: usize, byte: u8, tear: Tear) {
        let (from, length) = match tear {
            Tear::Byte => {
                if let Some(cell) = self.bytes.get_mut(at) {
                    *cell = (*cell & 0xF0) | (byte & 0x0F);
                }
                return;
            }
            Tear::Group => (at / 4 * 4, 4),
            Tear::Page => (at / PAGE_BYTES * PAGE_BYTES, PAGE_BYTES),
        };
        // Any value will do, the same each time.
        for (cell, at) in self.bytes.iter_mut().skip(from).take(length).zip(from..) {
            *cell = u8::try_from(at.wrapping_mul(167) % 251).unwrap_or(0) ^ !byte;
        }
    }
}

impl Eeprom for Memory {
    fn page_bytes(&self) -> usize {
        PAGE_BYTES
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        let found = address.checked_add(into.len()).and_then(|end| self.bytes.get(address..end)).ok_or(StoreError)?;
        into.copy_from_slice(found);
        Ok(())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        if self.read_only || self.inhibited || self.was_cut {
            return Err(StoreError);
        }
        self.generation += 1;
        let end = address.checked_add(bytes.len()).filter(|end| *end <= self.bytes.len()).ok_or(StoreError)?;
        let reach = self.cut_in.map_or(u32::MAX, |(left, _)| left);
        let whole = usize::try_from(reach).map_or(bytes.len(), |reach| bytes.len().min(reach - 1));
        if self.worn.is_empty() {
            self.bytes[address..address + whole].copy_from_slice(&bytes[..whole]);
        } else {
            for (at, byte) in (address..end).zip(bytes).take(whole) {
                if !self.worn.contains(&at) {
                    self.bytes[at] = *byte;
                }
            }
        }
        match &mut self.cut_in {
            Some((_, tear)) if whole < bytes.len() => {
                let tear = *tear;
                self.cut_in = None;
                self.was_cut = true;
                self.tear(address + whole, bytes[whole], tear);
                return Err(StoreError);
            }
            Some((left, _)) => *left -= u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            None => {}
        }
        Ok(())
    }
}
