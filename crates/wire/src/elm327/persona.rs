//! Which adapter the virtual one pretends to be.

/// An adapter that testers meet.
///
/// The differences that matter are what an adapter claims, what it refuses and how it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Persona {
    /// A genuine chip of version 1.4b, the last one that was copied.
    Genuine14,
    /// A genuine chip of version 2.2, with every command of that version.
    Genuine22,
    /// A faithful copy that calls itself v1.5, a version which was never released. The one that most testers meet.
    #[default]
    FairV15,
    /// Calls itself v1.5 and lacks many commands.
    CloneV15,
    /// Calls itself v2.1, lacks half of the commands and reads only two bytes of a request.
    TwoByteV21,
    /// A faithful copy whose radio freezes on a large reply, until `ATZ` or a power cycle.
    BluetoothFreeze,
    /// A faithful copy that hangs on `ATTPA0` until a power cycle.
    HangsOnTpa0,
    /// A faithful copy that sends bytes of zero before the banner of `ATZ`.
    LeadingZeros,
    /// An STN1110: segments and assembles long messages itself.
    Stn1110,
}

/// The longest reply, in bytes, that a freezing persona still passes on.
const FREEZES_ABOVE_BYTES: u16 = 64;

/// Came with version 2 and later.
const SINCE_V2: &[&str] = &["C0", "C1", "CER", "FT", "IA"];
const CLONE_LACKS: &[&str] = &[
    "C0", "C1", "CER", "FT", "IA", "CTM", "KW", "FE", "SS", "CSM", "AMC", "AMT", "BD", "CEA", "WM", "SW", "IGN", "RD",
    "SD", "PP", "@3", "BRD", "BRT", "PB", "RTR", "CV",
];
const TWO_BYTE_LACKS: &[&str] = &[
    "C0", "C1", "CER", "FT", "IA", "CTM", "KW", "S0", "S1", "AL", "NL", "AMC", "AMT", "CSM", "FC", "CEA", "BD", "PP",
    "@2", "@3", "RD", "SD", "IGN", "WM", "SW", "CV", "SS", "BRD", "BRT", "PB", "RTR", "CFC", "V0", "V1", "BI", "AR",
    "LP", "TA",
];

impl Persona {
    /// What it prints after a reset.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Genuine14 => "ELM327 v1.4b",
            Self::Genuine22 => "ELM327 v2.2",
            Self::TwoByteV21 => "ELM327 v2.1",
            Self::Stn1110 => "ELM327 v1.3a",
            Self::FairV15 | Self::CloneV15 | Self::BluetoothFreeze | Self::HangsOnTpa0 | Self::LeadingZeros => {
                "ELM327 v1.5"
            }
        }
    }

    /// Whether it answers an AT command, given without its `AT`, with `?`.
    pub(super) fn lacks(self, command: &str) -> bool {
        let list = match self {
            Self::Genuine22 => return false,
            Self::CloneV15 => CLONE_LACKS,
            Self::TwoByteV21 => TWO_BYTE_LACKS,
            Self::Genuine14
            | Self::FairV15
            | Self::BluetoothFreeze
            | Self::HangsOnTpa0
            | Self::LeadingZeros
            | Self::Stn1110 => SINCE_V2,
        };
        list.iter().any(|name| command.starts_with(name))
    }

    /// Bytes of a request that it reads.
    pub(super) const fn request_bytes(self) -> usize {
        match self {
            Self::TwoByteV21 => 2,
            _ => usize::MAX,
        }
    }

    /// Whether a reply of so many bytes stops it for good.
    pub(super) const fn freezes_on(self, reply_bytes: u16) -> bool {
        matches!(self, Self::BluetoothFreeze) && reply_bytes > FREEZES_ABOVE_BYTES
    }

    pub(super) const fn is_stn(self) -> bool {
        matches!(self, Self::Stn1110)
    }

    /// Characters of a command that it keeps. Chosen: 256 for the ELM327, a whole message of 4,095 bytes for the STN.
    pub(super) const fn line_bytes(self) -> usize {
        if self.is_stn() { 8_448 } else { 256 }
    }
}
