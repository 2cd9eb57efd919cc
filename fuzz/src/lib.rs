//! What the targets share: a memory that tears, and policies to try.

use headlock_lock::{
    AfterWait, Arming, Clock, Eeprom, EntryWhileWaiting, ExtraAttempts, Kind, Ladder, Policy, Rung, Scope, Span,
    StoreError, SupplyCut, Tries,
};

/// Bytes of a page.
const PAGE_BYTES: usize = 32;

/// A memory whose supply goes at a byte.
pub struct Memory {
    cells: Vec<u8>,
    /// Bytes that are still written, what is left then, and whether all of the page goes with it.
    pub cut: Option<(usize, u8, bool)>,
    /// The supply is gone.
    pub dead: bool,
}

impl Memory {
    /// So many bytes, of which the first are these.
    pub fn of(image: &[u8], bytes: usize) -> Self {
        let mut cells = vec![0xFF; bytes];
        let length = image.len().min(bytes);
        cells[..length].copy_from_slice(&image[..length]);
        Self { cells, cut: None, dead: false }
    }

    /// The supply is back.
    pub fn back(&mut self) {
        (self.cut, self.dead) = (None, false);
    }
}

impl Eeprom for Memory {
    fn page_bytes(&self) -> usize {
        PAGE_BYTES
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        into.copy_from_slice(self.cells.get(address..address + into.len()).ok_or(StoreError)?);
        Ok(())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        for (at, byte) in (address..).zip(bytes) {
            if self.dead {
                return Err(StoreError);
            }
            match &mut self.cut {
                Some((0, garbage, page)) => {
                    if *page {
                        let from = at / PAGE_BYTES * PAGE_BYTES;
                        self.cells[from..from + PAGE_BYTES].fill(*garbage);
                    } else {
                        self.cells[at] = *garbage;
                    }
                    self.dead = true;
                    return Err(StoreError);
                }
                Some((left, ..)) => *left -= 1,
                None => {}
            }
            self.cells[at] = *byte;
        }
        Ok(())
    }
}

/// One of a few policies.
pub fn policy(choice: u8) -> Policy {
    let rung = |scope, from, wait| Rung { scope, from, wait, factor: 2, cap: Some(86_400_000) };
    let hour = Span::Time { ms: 3_600_000 };
    let ladder = match choice % 4 {
        0 => Ladder::EMPTY,
        1 => Ladder::EMPTY.with(rung(Scope::Failures, 3, hour)).unwrap_or(Ladder::EMPTY),
        2 => Ladder::EMPTY.with(rung(Scope::Rounds, 1, hour)).unwrap_or(Ladder::EMPTY),
        _ => Ladder::EMPTY.with(rung(Scope::Failures, 2, Span::IgnitionCycles(3))).unwrap_or(Ladder::EMPTY),
    };
    let round = if choice % 4 == 2 { 3 } else { 0 };
    Policy {
        kind: if choice & 16 == 0 { Kind::Code } else { Kind::PairingOrCode },
        tries: Tries {
            first_round: round,
            later_rounds: round,
            locked_out_after_attempts: (choice & 4 != 0).then_some(10),
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder,
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Charged,
        after_wait: if choice & 8 == 0 { AfterWait::Keeps } else { AfterWait::ClearsAll },
        forgiveness: [None; 2],
        supply_cut: SupplyCut::NOTHING,
        arming: Arming { battery_ms: Some(0), ..Arming::NEVER },
    }
}
