//! The ST commands of the STN family: identity, long messages, filters and flow control pairs.
//!
//! Source: the command summary of the family's reference manual. Chosen where that is silent: messages of `STPX` are
//! always cut into frames, lines of digits only after `STCSEGT1`; a data line that does not have the announced length
//! is refused.

use alloc::format;
use alloc::vec::Vec;

use super::adapter::{Adapter, Now, Said, State};
use super::exchange::Request;
use super::link::{Choice, Link};
use super::monitor::Monitor;
use super::route;
use super::settings::Pattern;
use crate::hex;

const FIRMWARE: &str = "STN1110 v4.2.0";
const DEVICE: &str = "STN1110 r1.0";
const SERIAL: &str = "110012345678";
/// How many filters and pairs it keeps.
const LIST_MAX: usize = 8;

/// An `STPX` whose data comes on a line of its own.
#[derive(Clone, Debug)]
pub(super) struct Transmit {
    request: Request,
    length: usize,
}

impl Adapter {
    pub(super) fn st(&mut self, command: &str, now: &mut Now<'_>) -> Option<Said> {
        Some(match command {
            "I" | "IX" => Said::text(FIRMWARE),
            "DI" | "DIX" => Said::text(DEVICE),
            "MFR" => Said::text("virtual"),
            "SN" => Said::text(SERIAL),
            "VR" => Said::Line(format!("{}.{:02}", now.supply_mv / 1_000, now.supply_mv % 1_000 / 10).into_bytes()),
            "M" | "MA" => self.monitor(Monitor::All),
            "PO" | "PC" => {
                self.link.close();
                Said::Ok
            }
            "PR" => self.st_protocol().map_or(Said::Unknown, Said::text),
            "PRS" => Said::Line(self.link.text()),
            "CSEGR0" | "CSEGR1" => {
                self.settings.assemble = command.ends_with('1');
                Said::Ok
            }
            "CSEGT0" | "CSEGT1" => {
                self.settings.segment = command.ends_with('1');
                Said::Ok
            }
            "CFCPC" => {
                self.settings.pairs.clear();
                Said::Ok
            }
            "FCP" | "FAC" | "FAP" => {
                self.settings.passes.clear();
                Said::Ok
            }
            _ => return self.st_argument(command, now),
        })
    }

    fn st_argument(&mut self, command: &str, now: &mut Now<'_>) -> Option<Said> {
        if let Some(text) = command.strip_prefix("PX") {
            return Some(self.transmit_arbitrary(text, now).unwrap_or(Said::Unknown));
        }
        if let Some(text) = command.strip_prefix("PTO") {
            let wait = text.parse::<u16>().ok().map(|ms| self.settings.timeout_us = u64::from(ms.max(1)) * 1_000);
            return Some(Said::ok_if(wait));
        }
        if let Some(text) = command.strip_prefix("CSTM") {
            let gap = text.parse::<u8>().ok().filter(|ms| *ms <= 127);
            return Some(Said::ok_if(gap.map(|ms| self.settings.extra_gap_us = u64::from(ms) * 1_000)));
        }
        if let Some(text) = command.strip_prefix("CTOR") {
            let both = text.split_once(',').filter(|(a, b)| a.parse::<u16>().is_ok() && b.parse::<u16>().is_ok());
            return Some(Said::ok_if(both.map(|_| ())));
        }
        if let Some(text) = command.strip_prefix("CFCPA") {
            return Some(Said::ok_if(self.add_pair(text)));
        }
        if let Some(text) = command.strip_prefix("FAP") {
            return Some(Said::ok_if(self.add_pass(text)));
        }
        Some(self.st_choose(command.strip_prefix('P')?))
    }

    fn st_choose(&mut self, text: &str) -> Said {
        let number = match text {
            "31" | "33" => 6,
            "32" | "34" => 7,
            "35" => 8,
            "36" => 9,
            _ => return Said::Unknown,
        };
        self.link = Link::new(Choice { number, automatic: false });
        Said::Ok
    }

    fn st_protocol(&self) -> Option<&'static str> {
        match self.link.protocol() {
            6 => Some("33"),
            7 => Some("34"),
            8 => Some("35"),
            9 => Some("36"),
            _ => None,
        }
    }

    /// The tester's identifier and the ECU's.
    fn add_pair(&mut self, text: &str) -> Option<()> {
        let (to, from) = text.split_once(',')?;
        let pair = (route::named(to)?, route::named(from)?);
        if self.settings.pairs.len() >= LIST_MAX {
            return None;
        }
        self.settings.pairs.push(pair);
        Some(())
    }

    /// An identifier and a mask.
    fn add_pass(&mut self, text: &str) -> Option<()> {
        let (value, mask) = text.split_once(',')?;
        let pattern = Pattern { value: hex::number(value)?, mask: hex::number(mask)? };
        if self.settings.passes.len() >= LIST_MAX {
            return None;
        }
        self.settings.passes.push(pattern);
        Some(())
    }

    /// `STPX`: H, D or L, R, T and X, separated by commas, in any order.
    fn transmit_arbitrary(&mut self, text: &str, now: &mut Now<'_>) -> Option<Said> {
        let mut request = Request { id: None, payload: Vec::new(), expected: None, wait_us: None, long: true };
        let mut length = None;
        for field in text.split(',') {
            let (name, value) = field.split_once(':')?;
            match name {
                "H" => request.id = Some(self.header_of(value)?),
                "D" => request.payload = hex::bytes(value)?,
                "L" => length = Some(announced(value)?),
                "R" => request.expected = Some(value.parse().ok()?),
                "T" => request.wait_us = Some(u64::from(value.parse::<u16>().ok()?) * 1_000),
                // How often to repeat: once will do.
                "X" => _ = value.parse::<u8>().ok()?,
                _ => return None,
            }
        }
        match (length, request.payload.is_empty()) {
            (Some(length), true) => {
                self.say(Said::text("DATA"), now.out);
                self.state = State::Data(Transmit { request, length });
                Some(Said::Later)
            }
            (None, false) => Some(self.transmit(request, now)),
            _ => None,
        }
    }

    /// Three, six or eight digits.
    fn header_of(&self, text: &str) -> Option<embedded_can::Id> {
        match text.len() {
            6 => Some(route::id(&self.settings, self.link.protocol(), Some(hex::number(text)?))),
            _ => route::named(text),
        }
    }

    pub(super) fn transmit_data(&mut self, mut transmit: Transmit, text: &str, now: &mut Now<'_>) -> Said {
        match hex::bytes(text) {
            Some(payload) if payload.len() == transmit.length => {
                transmit.request.payload = payload;
                self.transmit(transmit.request, now)
            }
            _ => Said::Unknown,
        }
    }
}

/// 1 to 4,095, in decimal.
fn announced(text: &str) -> Option<usize> {
    text.parse().ok().filter(|length| (1..=super::exchange::LONGEST).contains(length))
}
