//! Negative response codes, ISO 14229-1, annex A.

macro_rules! nrcs {
    ($($value:literal $name:ident $text:literal;)*) => {
        /// Why an ECU refuses. Source: ISO 14229-1, annex A.1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Nrc {
            $(#[doc = concat!("`", stringify!($value), "`: ", $text, ".")] $name,)*
            /// Any other: reserved, or the vehicle maker's own.
            Other(u8),
        }

        impl Nrc {
            /// Its byte.
            pub const fn byte(self) -> u8 {
                match self { $(Self::$name => $value,)* Self::Other(value) => value }
            }

            /// What a byte stands for.
            pub const fn of(byte: u8) -> Self {
                match byte { $($value => Self::$name,)* other => Self::Other(other) }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Other(_) => "a reason of the maker's own" }
            }
        }
    };
}

nrcs! {
    0x10 GeneralReject "refused, without a reason";
    0x11 ServiceNotSupported "the ECU has no such service";
    0x12 SubFunctionNotSupported "the service has no such sub-function here";
    0x13 IncorrectMessageLengthOrInvalidFormat "wrong length or format";
    0x14 ResponseTooLong "the answer would not fit";
    0x21 BusyRepeatRequest "busy; ask again";
    0x22 ConditionsNotCorrect "not under these conditions";
    0x24 RequestSequenceError "not in this order";
    0x25 NoResponseFromSubnetComponent "a component behind it does not answer";
    0x26 FailurePreventsExecutionOfRequestedAction "a fault prevents it";
    0x31 RequestOutOfRange "nothing of that number, or a value out of range";
    0x33 SecurityAccessDenied "locked: it wants security access first";
    0x34 AuthenticationRequired "it wants authentication first";
    0x35 InvalidKey "the key is wrong";
    0x36 ExceededNumberOfAttempts "too many wrong keys";
    0x37 RequiredTimeDelayNotExpired "the delay after wrong keys still runs";
    0x70 UploadDownloadNotAccepted "no transfer is accepted now";
    0x71 TransferDataSuspended "the transfer was aborted";
    0x72 GeneralProgrammingFailure "the memory could not be written";
    0x73 WrongBlockSequenceCounter "a block out of order";
    0x78 RequestCorrectlyReceivedResponsePending "received; the answer will come";
    0x7E SubFunctionNotSupportedInActiveSession "that sub-function wants another session";
    0x7F ServiceNotSupportedInActiveSession "that service wants another session";
    0x81 RpmTooHigh "the engine turns too fast";
    0x83 EngineIsRunning "the engine runs";
    0x84 EngineIsNotRunning "the engine does not run";
    0x88 VehicleSpeedTooHigh "the car moves too fast";
    0x92 VoltageTooHigh "the supply is too high";
    0x93 VoltageTooLow "the supply is too low";
}

impl Nrc {
    /// Withheld when the request was functional, so that a bus of ECUs is not flooded (ISO 14229-1, 8.7.1).
    pub const fn withheld_when_functional(self) -> bool {
        matches!(
            self,
            Self::ServiceNotSupported
                | Self::SubFunctionNotSupported
                | Self::RequestOutOfRange
                | Self::SubFunctionNotSupportedInActiveSession
                | Self::ServiceNotSupportedInActiveSession
        )
    }
}

impl core::fmt::Display for Nrc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} (NRC {:02X})", self.text(), self.byte())
    }
}
