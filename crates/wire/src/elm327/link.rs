//! Which protocol is chosen, which was found, and what the bus in this car answers on.

use alloc::vec::Vec;

/// The order of the search. Chosen: CAN first, as later versions do.
const ORDER: [u8; 10] = [6, 8, 1, 7, 9, 2, 3, 4, 5, 10];
/// The order of SAE J1978, after `AT SS`.
const STANDARD_ORDER: [u8; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/// A protocol by its number: 0 is automatic, 6 to 9 are ISO 15765-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) number: u8,
    pub(super) automatic: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) choice: Choice,
    /// What the search found or tries.
    pub(super) active: Option<u8>,
    /// Something answered.
    pub(super) connected: bool,
    /// How fast the first answer was.
    pub(super) learned_us: Option<u64>,
}

impl Link {
    pub(super) const fn new(choice: Choice) -> Self {
        Self { choice, active: None, connected: false, learned_us: None }
    }

    /// Forgets what was found, not what was chosen.
    pub(super) const fn close(&mut self) {
        *self = Self::new(self.choice);
    }

    /// The protocol in use.
    pub(super) fn protocol(&self) -> u8 {
        self.active.unwrap_or(self.choice.number)
    }

    /// A request may go out without a search.
    pub(super) const fn is_open(&self) -> bool {
        self.connected || !self.choice.automatic
    }

    /// The protocols to try, first to last.
    pub(super) fn candidates(&self, standard: bool) -> Vec<u8> {
        let order = if standard { STANDARD_ORDER } else { ORDER };
        let hint = Some(self.choice.number).filter(|number| *number != 0);
        hint.into_iter().chain(order.into_iter().filter(|number| Some(*number) != hint)).collect()
    }

    /// `AT DPN`.
    pub(super) fn number_text(&self) -> Vec<u8> {
        let digit = crate::hex::digit(self.protocol());
        if self.choice.automatic { [b'A', digit].into() } else { [digit].into() }
    }

    /// `AT DP`.
    pub(super) fn text(&self) -> Vec<u8> {
        let name = name(self.protocol()).as_bytes();
        match (self.choice.automatic, name.is_empty()) {
            (true, true) => b"AUTO".to_vec(),
            (true, false) => [b"AUTO, ", name].concat(),
            (false, _) => name.to_vec(),
        }
    }
}

/// A protocol that this car, a CAN bus of 500 kbit/s, answers on; the value says whether identifiers have 29 bits.
pub(super) const fn on_this_bus(protocol: u8) -> Option<bool> {
    match protocol {
        6 => Some(false),
        7 => Some(true),
        _ => None,
    }
}

/// Carries identifiers of 29 bits.
pub(super) const fn is_extended(protocol: u8) -> bool {
    matches!(protocol, 7 | 9 | 10)
}

const fn name(protocol: u8) -> &'static str {
    match protocol {
        1 => "SAE J1850 PWM",
        2 => "SAE J1850 VPW",
        3 => "ISO 9141-2",
        4 => "ISO 14230-4 (KWP 5BAUD)",
        5 => "ISO 14230-4 (KWP FAST)",
        6 => "ISO 15765-4 (CAN 11/500)",
        7 => "ISO 15765-4 (CAN 29/500)",
        8 => "ISO 15765-4 (CAN 11/250)",
        9 => "ISO 15765-4 (CAN 29/250)",
        10 => "SAE J1939 (CAN 29/250)",
        11 => "USER1 (CAN 11/125)",
        12 => "USER2 (CAN 11/50)",
        _ => "",
    }
}

/// What is printed for a request on a protocol that this car does not have: at once, and when it has failed; and how
/// long that takes.
pub(super) const fn failure(protocol: u8) -> (&'static [u8], &'static [u8], u64) {
    match protocol {
        3 | 4 => (b"BUS INIT: ...", b"ERROR", 2_500_000),
        5 => (b"BUS INIT: ", b"ERROR", 500_000),
        _ => (b"", b"UNABLE TO CONNECT", 300_000),
    }
}
