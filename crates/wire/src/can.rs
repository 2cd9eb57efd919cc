//! One frame of classic CAN (ISO 11898-1): an identifier and up to eight bytes.

use embedded_can::{ExtendedId, Id, StandardId};

/// A data frame of classic CAN.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CanFrame {
    id: Id,
    len: u8,
    data: [u8; 8],
}

impl CanFrame {
    /// A frame; none if there are more than eight bytes.
    pub fn new(id: impl Into<Id>, bytes: &[u8]) -> Option<Self> {
        let mut data = [0; 8];
        data.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { id: id.into(), len: u8::try_from(bytes.len()).ok()?, data })
    }

    /// Its identifier: 11 or 29 bits.
    pub const fn id(&self) -> Id {
        self.id
    }

    /// Its bytes: 0 to 8.
    pub fn data(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for CanFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}#", IdText(self.id))?;
        self.data().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl embedded_can::Frame for CanFrame {
    fn new(id: impl Into<Id>, data: &[u8]) -> Option<Self> {
        Self::new(id, data)
    }

    fn new_remote(_: impl Into<Id>, _: usize) -> Option<Self> {
        None
    }

    fn is_extended(&self) -> bool {
        matches!(self.id, Id::Extended(_))
    }

    fn is_remote_frame(&self) -> bool {
        false
    }

    fn id(&self) -> Id {
        self.id
    }

    fn dlc(&self) -> usize {
        usize::from(self.len)
    }

    fn data(&self) -> &[u8] {
        self.data()
    }
}

/// The raw value of an identifier, 11 or 29 bits.
pub fn raw_id(id: Id) -> u32 {
    match id {
        Id::Standard(id) => id.as_raw().into(),
        Id::Extended(id) => id.as_raw(),
    }
}

/// An 11-bit identifier.
///
/// # Panics
/// Where the value has more than 11 bits; meant for constants.
pub const fn standard(raw: u16) -> Id {
    match StandardId::new(raw) {
        Some(id) => Id::Standard(id),
        None => panic!("more than 11 bits"),
    }
}

/// A 29-bit identifier.
///
/// # Panics
/// Where the value has more than 29 bits; meant for constants.
pub const fn extended(raw: u32) -> Id {
    match ExtendedId::new(raw) {
        Some(id) => Id::Extended(id),
        None => panic!("more than 29 bits"),
    }
}

/// An identifier as three or eight hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct IdText(pub Id);

impl core::fmt::Display for IdText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Id::Standard(id) => write!(f, "{:03X}", id.as_raw()),
            Id::Extended(id) => write!(f, "{:08X}", id.as_raw()),
        }
    }
}
