//! The memory that a record lives in, and what the hardware offers beside it.

/// A small byte-writable EEPROM, of the 24C02 to 24C64 class.
///
/// # Tear contract
///
/// A write lies within one page. If the supply goes while it runs, **every byte of that page** may hold anything afterwards: the
/// part refreshes its whole page to change a byte of it, and parts with error correction lose a group of four at once. Other pages
/// hold what they held. A write that returned `Ok` was carried out; whether it took is for the caller to read back, for cells wear
/// out. A byte that was torn may read differently at the next start, so what a start believes it makes firm.
pub trait Eeprom {
    /// Bytes of a page: what one cut can destroy at most. A power of two. A part with larger pages than it says loses records.
    fn page_bytes(&self) -> usize;

    /// Fills `into` with the bytes from `address` on.
    ///
    /// # Errors
    /// The memory does not answer, or ends before.
    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError>;

    /// Writes `bytes`, which lie within one page, and returns when the memory has finished its cycle (5 ms).
    ///
    /// # Errors
    /// They could not be written; what the page then holds is unknown.
    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError>;
}

/// Nothing was written that one may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

/// A count in the hardware that can only go up, against the replay of an old image of the memory.
///
/// Without one ([`NoCounter`]) a record says nothing about its age: who can write the whole memory from outside can put back what
/// stood there before an attempt. No software on the same memory can prevent that.
pub trait MonotonicCounter {
    /// Where it stands.
    fn value(&self) -> u32;

    /// One more; it stands there before this returns.
    ///
    /// # Errors
    /// It could not be counted.
    fn increment(&mut self) -> Result<(), StoreError>;
}

/// Hardware without such a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoCounter;

impl MonotonicCounter for NoCounter {
    fn value(&self) -> u32 {
        0
    }

    fn increment(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Any [`embedded_storage::Storage`] as such a memory.
#[cfg(feature = "embedded-storage")]
#[derive(Clone, Debug)]
pub struct Embedded<S> {
    storage: S,
    page_bytes: usize,
}

#[cfg(feature = "embedded-storage")]
impl<S: embedded_storage::Storage> Embedded<S> {
    /// `page_bytes` is what one cut can destroy, from the part's data sheet; the storage itself does not tell.
    pub const fn new(storage: S, page_bytes: usize) -> Self {
        Self { storage, page_bytes }
    }

    /// The storage again.
    pub fn into_inner(self) -> S {
        self.storage
    }
}

#[cfg(feature = "embedded-storage")]
impl<S: embedded_storage::Storage> Eeprom for Embedded<S> {
    fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    fn read(&mut self, address: usize, into: &mut [u8]) -> Result<(), StoreError> {
        let offset = u32::try_from(address).map_err(|_| StoreError)?;
        self.storage.read(offset, into).map_err(|_| StoreError)
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = u32::try_from(address).map_err(|_| StoreError)?;
        self.storage.write(offset, bytes).map_err(|_| StoreError)
    }
}
