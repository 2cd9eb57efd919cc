//! What the AT commands set, and what `AT D` sets back.

use alloc::vec::Vec;

use embedded_can::Id;

use super::parameters::{self, Parameters};

/// Identifiers that agree with `value` in the bits of `mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) value: u32,
    pub(super) mask: u32,
}

impl Pattern {
    pub(super) const fn matches(self, id: u32) -> bool {
        (id ^ self.value) & self.mask == 0
    }
}

/// How `AT FC SM` says that flow control is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowMode {
    /// Everything by itself.
    Automatic,
    /// Identifier and data as given.
    Given,
    /// The data as given.
    GivenData,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) echo: bool,
    pub(super) linefeeds: bool,
    pub(super) headers: bool,
    pub(super) spaces: bool,
    pub(super) responses: bool,
    pub(super) memory: bool,
    pub(super) long: bool,
    pub(super) formatting: bool,
    pub(super) flow_control: bool,
    pub(super) silent: bool,
    pub(super) key_words: bool,
    pub(super) show_dlc: bool,
    pub(super) variable_dlc: bool,
    pub(super) confirm: bool,
    pub(super) j1939_header: bool,
    pub(super) adaptive: u8,
    pub(super) timeout_us: u64,
    pub(super) timer_multiplier: u64,
    pub(super) header: Option<u32>,
    pub(super) priority: Option<u8>,
    pub(super) receive: Option<Pattern>,
    pub(super) filter: Option<u32>,
    pub(super) mask: Option<u32>,
    pub(super) receiver: Option<u8>,
    pub(super) tester: u8,
    pub(super) filler: u8,
    /// The address that goes first in each frame, and the one that must come first in each answer.
    pub(super) extended: Option<u8>,
    pub(super) extended_back: Option<u8>,
    pub(super) flow_mode: FlowMode,
    pub(super) flow_id: Option<Id>,
    pub(super) flow_data: Option<(u8, [u8; 5])>,
    pub(super) standard_search: bool,
    pub(super) bypass: bool,
    /// The STN assembles long answers, and takes long requests without being asked.
    pub(super) assemble: bool,
    pub(super) segment: bool,
    pub(super) extra_gap_us: u64,
    /// Its pass filters, and pairs of the tester's identifier and an ECU's.
    pub(super) passes: Vec<Pattern>,
    pub(super) pairs: Vec<(Id, Id)>,
}

/// The unit of `AT ST`.
pub(super) const TICK_US: u64 = 4_000;

impl Settings {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let is_yes = |at| parameters.value(at) == 0;
        Self {
            echo: is_yes(parameters::ECHO),
            linefeeds: false,
            headers: is_yes(parameters::HEADERS),
            spaces: true,
            responses: true,
            memory: true,
            long: false,
            formatting: true,
            flow_control: true,
            silent: true,
            key_words: true,
            show_dlc: is_yes(parameters::DLC),
            variable_dlc: false,
            confirm: true,
            j1939_header: true,
            adaptive: parameters.value(parameters::ADAPTIVE).min(2),
            timeout_us: u64::from(parameters.value(parameters::TIMEOUT).max(1)) * TICK_US,
            timer_multiplier: 1,
            header: None,
            priority: None,
            receive: None,
            filter: None,
            mask: None,
            receiver: None,
            tester: parameters.value(parameters::TESTER),
            filler: parameters.value(parameters::FILLER),
            extended: None,
            extended_back: None,
            flow_mode: FlowMode::Automatic,
            flow_id: None,
            flow_data: None,
            standard_search: false,
            bypass: false,
            assemble: false,
            segment: false,
            extra_gap_us: 0,
            passes: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// The flag that a two-letter-and-digit command sets, by its name without the digit.
    pub(super) fn flag(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "E" => &mut self.echo,
            "L" => &mut self.linefeeds,
            "H" => &mut self.headers,
            "S" => &mut self.spaces,
            "R" => &mut self.responses,
            "M" => &mut self.memory,
            "CAF" => &mut self.formatting,
            "CFC" => &mut self.flow_control,
            "CSM" => &mut self.silent,
            "KW" => &mut self.key_words,
            "D" => &mut self.show_dlc,
            "V" => &mut self.variable_dlc,
            "C" => &mut self.confirm,
            "JHF" => &mut self.j1939_header,
            _ => return None,
        })
    }

    /// How long to wait for a first answer.
    pub(super) fn wait_us(&self) -> u64 {
        self.timeout_us.saturating_mul(self.timer_multiplier)
    }
}
