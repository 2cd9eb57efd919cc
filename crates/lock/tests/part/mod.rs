//! A memory that does everything a 24Cxx does when its supply goes, and a quick key.
#![allow(dead_code, reason = "not every test that includes it needs everything")]

use headlock_lock::{DeviceKey, Eeprom, StoreError};

use crate::chance::Chance;

/// What the byte that a cut interrupts then holds, and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tear {
    /// The byte is as it was.
    Old,
    /// It is as it was to be.
    New,
    /// It holds this.
    Value(u8),
    /// These of its bits are new.
    Bits(u8),
    /// The group of four around it holds garbage.
    Group(u64),
    /// The page around it holds garbage.
    Page(u64),
}

/// The tears that are tried at each byte; bytes that count something also take every subset of their changed bits.
pub(crate) const TEARS: [Tear; 7] =
    [Tear::Old, Tear::New, Tear::Value(0), Tear::Value(0xFF), Tear::Group(1), Tear::Page(2), Tear::Page(3)];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) cells: Vec<u8>,
    page_bytes: usize,
    /// Bytes that are written before the supply goes, and what the next one then leaves.
    pub(crate) cut: Option<(u32, Tear)>,
    /// The supply is gone: nothing is written any more.
    pub(crate) dead: bool,
    /// Bytes written so far, and times that a slot was read.
    pub(crate) written: u32,
    pub(crate) reads: u32,
    /// Cells that keep their value.
    pub(crate) worn: Vec<usize>,
    /// Write cycles of each page.
    pub(crate) cycles: Vec<u32>,
    /// What the torn byte was and was to be.
    pub(crate) torn: Option<(usize, u8, u8)>,
}

impl Part {
    pub(crate) fn new(bytes: usize, page_bytes: usize) -> Self {
        Self {
            cells: vec![0xFF; bytes],
            page_bytes,
            cut: None,
            dead: false,
            written: 0,
            reads: 0,
            worn: Vec::new(),
            cycles: vec![0; bytes / page_bytes],
            torn: None,
        }
    }

    pub(crate) fn supply_back(&mut self) {
        self.dead = false;
        self.cut = None;
    }

    /// The same, with a cut already planned for this start.
    pub(crate) fn supply_back_keeping_cut(&mut self) {
        self.dead = false;
    }

    /// A byte torn at its end may read otherwise at each start, until it is written again.
    pub(crate) fn settle(&mut self, chance: &mut Chance) {
        if let Some((at, old, new)) = self.torn
            && chance.flip()
        {
            self.cells[at] = chance.one_of(&[old, new, old ^ (old ^ new) & chance.clone().byte()]);
        }
    }

    fn tear(&mut self, at: usize, new: u8, tear: Tear) {
        let old = self.cells[at];
        self.torn = Some((at, old, new));
        let (from, length, seed) = match tear {
            Tear::Old => return,
            Tear::New => return self.cells[at] = new,
            Tear::Value(byte) => return self.cells[at] = byte,
            Tear::Bits(mask) => return self.cells[at] = old ^ (old ^ new) & mask,
            Tear::Group(seed) => (at / 4 * 4, 4, seed),
            Tear::Page(seed) => (at / self.page_bytes * self.page_bytes, self.page_bytes, seed),
        };
        let mut chance = Chance::new(seed ^ at as u64);
        self.cells[from..from + length].fill_with(|| chance.byte());
    }
}

impl Eeprom for Part {
    fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        self.reads += 1;
        into.copy_from_slice(&self.cells[address..address + into.len()]);
        Ok(())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        if self.dead {
            return Err(StoreError);
        }
        let page = address / self.page_bytes;
        assert_eq!(page, (address + bytes.len() - 1) / self.page_bytes, "a write lies within one page");
        self.cycles[page] += 1;
        for (at, byte) in (address..).zip(bytes) {
            match &mut self.cut {
                Some((0, tear)) => {
                    let tear = *tear;
                    self.tear(at, *byte, tear);
                    self.dead = true;
                    return Err(StoreError);
                }
                Some((left, _)) => *left -= 1,
                None => {}
            }
            self.written += 1;
            self.torn = self.torn.filter(|(torn, ..)| *torn != at);
            if !self.worn.contains(&at) {
                self.cells[at] = *byte;
            }
        }
        Ok(())
    }
}

/// A key whose MAC is quick and no secret: what is tested here is the order of writes, a million times a second.
pub(crate) struct QuickKey;

impl DeviceKey for QuickKey {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut lanes = [0x9e37_79b9_7f4a_7c15_u64, 0xbf58_476d_1ce4_e5b9];
        for part in parts {
            for chunk in part.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                let word = u64::from_le_bytes(word) ^ (chunk.len() as u64) << 56;
                lanes[0] = (lanes[0] ^ word).wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29);
                lanes[1] = (lanes[1].rotate_left(13) ^ lanes[0]).wrapping_mul(0x94d0_49bb_1331_11eb);
            }
        }
        let mut out = [0; 32];
        out[..8].copy_from_slice(&lanes[0].to_le_bytes());
        out[8..16].copy_from_slice(&lanes[1].to_le_bytes());
        out
    }
}
