//! Bytes written one after another into room that the caller gives.

/// The room that the caller gave is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the buffer is too small for the message")
    }
}

impl core::error::Error for NoRoom {}

/// Writes into `room`, from its beginning.
pub(crate) struct Put<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl<'a> Put<'a> {
    pub(crate) const fn into(room: &'a mut [u8]) -> Self {
        Self { room, at: 0 }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<&mut Self, NoRoom> {
        let end = self.at.checked_add(bytes.len()).ok_or(NoRoom)?;
        self.room.get_mut(self.at..end).ok_or(NoRoom)?.copy_from_slice(bytes);
        self.at = end;
        Ok(self)
    }

    pub(crate) fn u8(&mut self, value: u8) -> Result<&mut Self, NoRoom> {
        self.bytes(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> Result<&mut Self, NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> Result<&mut Self, NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    /// A number in `width` bytes, 1 to 8, the highest first; a number that they cannot hold has no room.
    pub(crate) fn uint(&mut self, value: u64, width: u8) -> Result<&mut Self, NoRoom> {
        let bytes = value.to_be_bytes();
        let from = bytes.len().checked_sub(usize::from(width)).filter(|_| width > 0).ok_or(NoRoom)?;
        let (cut, kept) = bytes.split_at(from);
        if cut.iter().any(|byte| *byte != 0) { Err(NoRoom) } else { self.bytes(kept) }
    }

    /// Bytes written.
    pub(crate) const fn written(&self) -> usize {
        self.at
    }
}

/// A number of up to eight bytes, the highest first; none if there are more.
pub(crate) fn uint(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
