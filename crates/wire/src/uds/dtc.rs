//! Diagnostic trouble codes: three bytes and a status.

/// A trouble code. Shape: 24 bits, the format of ISO 15031-6 with a failure type byte behind it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dtc(pub u32);

impl Dtc {
    /// From its three bytes.
    pub const fn of(bytes: [u8; 3]) -> Self {
        Self((bytes[0] as u32) << 16 | (bytes[1] as u32) << 8 | bytes[2] as u32)
    }

    /// Its three bytes.
    pub const fn bytes(self) -> [u8; 3] {
        let [_, high, middle, low] = self.0.to_be_bytes();
        [high, middle, low]
    }
}

/// As workshops write it: `B1A08-49`.
impl core::fmt::Display for Dtc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [high, middle, low] = self.bytes();
        let system = ['P', 'C', 'B', 'U'][usize::from(high >> 6)];
        write!(f, "{system}{}{:X}{middle:02X}-{low:02X}", high >> 4 & 3, high & 0x0F)
    }
}

impl core::fmt::Debug for Dtc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// The status of a trouble code. Shape: eight bits, ISO 14229-1, annex D.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DtcStatus(pub u8);

impl DtcStatus {
    /// The test fails now.
    pub const TEST_FAILED: Self = Self(0x01);
    /// It failed in this operation cycle.
    pub const TEST_FAILED_THIS_CYCLE: Self = Self(0x02);
    /// It is pending.
    pub const PENDING: Self = Self(0x04);
    /// It is confirmed.
    pub const CONFIRMED: Self = Self(0x08);
    /// It was not tested since the last clear.
    pub const NOT_COMPLETED_SINCE_CLEAR: Self = Self(0x10);
    /// It failed since the last clear.
    pub const FAILED_SINCE_CLEAR: Self = Self(0x20);
    /// It was not tested in this operation cycle.
    pub const NOT_COMPLETED_THIS_CYCLE: Self = Self(0x40);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the bits of the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether any bit of the mask is set.
    pub const fn meets(self, mask: Self) -> bool {
        self.0 & mask.0 != 0
    }
}

/// What a tester asks of the trouble codes: the sub-functions of 0x19 that this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtcReport {
    /// `01`: how many meet the mask.
    NumberByStatusMask(DtcStatus),
    /// `02`: which meet the mask.
    ByStatusMask(DtcStatus),
    /// `0A`: all that the ECU knows.
    Supported,
}

impl DtcReport {
    /// Its sub-function.
    pub const fn sub_function(self) -> u8 {
        match self {
            Self::NumberByStatusMask(_) => 0x01,
            Self::ByStatusMask(_) => 0x02,
            Self::Supported => 0x0A,
        }
    }
}
