//! The numbers of UDS: services, sessions, resets, levels of security, data identifiers.

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident { $($value:literal $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the standard's")]
        pub enum $name { $($variant,)* }

        impl $name {
            /// All of them, by their number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its byte.
            pub const fn byte(self) -> u8 {
                match self { $(Self::$variant => $value,)* }
            }

            /// What a byte stands for.
            pub const fn of(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

bytes! {
    /// A service. Source: ISO 14229-1, table 2.
    ServiceId {
        0x10 DiagnosticSessionControl,
        0x11 EcuReset,
        0x14 ClearDiagnosticInformation,
        0x19 ReadDtcInformation,
        0x22 ReadDataByIdentifier,
        0x27 SecurityAccess,
        0x31 RoutineControl,
        0x34 RequestDownload,
        0x36 TransferData,
        0x37 RequestTransferExit,
        0x3E TesterPresent,
        0x85 ControlDtcSetting,
    }
}

bytes! {
    /// A diagnostic session. Source: ISO 14229-1, table 25.
    Session {
        0x01 Default,
        0x02 Programming,
        0x03 Extended,
    }
}

bytes! {
    /// A kind of reset. Source: ISO 14229-1, table 34.
    Reset {
        0x01 Hard,
        0x02 KeyOffOn,
        0x03 Soft,
    }
}

impl ServiceId {
    /// Whether its second byte is a sub-function, whose highest bit suppresses the positive response.
    pub const fn has_sub_function(self) -> bool {
        matches!(
            self,
            Self::DiagnosticSessionControl
                | Self::EcuReset
                | Self::ReadDtcInformation
                | Self::SecurityAccess
                | Self::RoutineControl
                | Self::TesterPresent
                | Self::ControlDtcSetting
        )
    }
}

/// A level of security: the odd sub-function that requests its seed; the next even one sends its key.
///
/// Shape: 0x01 to 0x7D, odd. Source: ISO 14229-1, table 44.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// The level whose seed this sub-function requests, or whose key it sends.
    pub const fn of(sub_function: u8) -> Option<Self> {
        match sub_function {
            0x01..=0x7E => Some(Self(if sub_function % 2 == 1 { sub_function } else { sub_function - 1 })),
            _ => None,
        }
    }

    /// The sub-function that requests its seed.
    pub const fn request_seed(self) -> u8 {
        self.0
    }

    /// The sub-function that sends its key.
    pub const fn send_key(self) -> u8 {
        self.0 + 1
    }
}

/// A data identifier. Source: ISO 14229-1, annex C.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Did(pub u16);

impl Did {
    /// The active session.
    pub const ACTIVE_SESSION: Self = Self(0xF186);
    /// The vehicle maker's part number.
    pub const PART_NUMBER: Self = Self(0xF187);
    /// The vehicle maker's number of the ECU's software.
    pub const SOFTWARE_NUMBER: Self = Self(0xF189);
    /// The ECU's serial.
    pub const SERIAL: Self = Self(0xF18C);
    /// The vehicle identification number.
    pub const VIN: Self = Self(0xF190);
    /// The supplier's version of the ECU's software.
    pub const SOFTWARE_VERSION: Self = Self(0xF195);
}

impl core::fmt::Debug for Did {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl core::fmt::Display for Did {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}
