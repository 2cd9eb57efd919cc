//! AT commands about protocols, timing, monitoring and the buses that this car does not have.

use alloc::format;
use alloc::vec::Vec;

use super::adapter::{Adapter, Now, Said, State};
use super::link::{self, Choice};
use super::monitor::Monitor;
use super::persona::Persona;
use super::settings::TICK_US;
use crate::hex;

/// One count of `AT AMC`.
const ACTIVITY_US: u64 = 655_360;

impl Adapter {
    pub(super) fn obd(&mut self, command: &str, now: &mut Now<'_>) -> Option<Said> {
        Some(match command {
            "AL" | "NL" => {
                self.settings.long = command == "AL";
                Said::Ok
            }
            "DP" => Said::Line(self.link.text()),
            "DPN" => Said::Line(self.link.number_text()),
            "PC" => {
                self.link.close();
                Said::Ok
            }
            "SS" => {
                self.settings.standard_search = true;
                Said::Ok
            }
            "BI" => {
                self.settings.bypass = true;
                Said::Ok
            }
            "IA" => Said::text(if self.link.connected { "Y" } else { "N" }),
            "BD" => self.dump(),
            "AMC" => {
                let counts = self.bus_seen_us.map_or(255, |seen| now.us.saturating_sub(seen) / ACTIVITY_US);
                Said::Line(format!("{:02X}", counts.min(255)).into_bytes())
            }
            "AT0" | "AT1" | "AT2" => {
                self.settings.adaptive = hex::nibble(*command.as_bytes().last()?)?;
                Said::Ok
            }
            "MA" => self.monitor(Monitor::All),
            "FI" | "SI" if matches!(self.link.protocol(), 3..=5) => Said::text("BUS INIT: ...ERROR"),
            "KW" => Said::text("1:00 2:00"),
            "IFRH" | "IFRS" | "IFR0" | "IFR1" | "IFR2" | "IFR4" | "IFR5" | "IFR6" => Said::Ok,
            "IB10" | "IB12" | "IB15" | "IB48" | "IB96" => Said::Ok,
            _ => return self.obd_argument(command),
        })
    }

    fn obd_argument(&mut self, command: &str) -> Option<Said> {
        if let Some(text) = command.strip_prefix("SP") {
            return Some(self.choose(text, true));
        }
        if let Some(text) = command.strip_prefix("TP") {
            if text == "A0" && self.persona == Persona::HangsOnTpa0 {
                self.state = State::Frozen(false);
                return Some(Said::Later);
            }
            return Some(self.choose(text, false));
        }
        if let Some(text) = command.strip_prefix("ST") {
            return Some(Said::ok_if(self.timeout(text)));
        }
        if let Some(text) = command.strip_prefix("MR") {
            return Some(hex::byte(text).map_or(Said::Unknown, |to| self.monitor(Monitor::To(to))));
        }
        if let Some(text) = command.strip_prefix("MT") {
            return Some(hex::byte(text).map_or(Said::Unknown, |from| self.monitor(Monitor::From(from))));
        }
        let accepted = |bytes: Option<Vec<u8>>, range: core::ops::RangeInclusive<usize>| {
            Said::ok_if(bytes.filter(|bytes| range.contains(&bytes.len())).map(|_| ()))
        };
        let lengths = [("AMT", 1..=1), ("SW", 1..=1), ("IIA", 1..=1), ("WM", 1..=6)];
        let (name, range) = lengths.into_iter().find(|(name, _)| command.starts_with(name))?;
        Some(accepted(hex::bytes(command.get(name.len()..)?), range))
    }

    /// `h`, `Ah`, `hA` or `00`. `SP` is remembered, `TP` is not.
    fn choose(&mut self, text: &str, save: bool) -> Said {
        let (digit, automatic) = match text.as_bytes() {
            b"00" => (b'0', true),
            // A alone is the protocol, not the search.
            [b'A', digit] | [digit, b'A'] => (*digit, true),
            [digit] => (*digit, *digit == b'0'),
            _ => return Said::Unknown,
        };
        let Some(number) = hex::nibble(digit).filter(|number| *number <= 12) else { return Said::Unknown };
        let choice = Choice { number, automatic };
        if save {
            self.kept.choice = choice;
        }
        self.link = link::Link::new(choice);
        Said::Ok
    }

    /// 00 is the default.
    fn timeout(&mut self, text: &str) -> Option<()> {
        let ticks = match hex::byte(text)? {
            0 => self.parameters.value(super::parameters::TIMEOUT).max(1),
            ticks => ticks,
        };
        self.settings.timeout_us = u64::from(ticks) * TICK_US;
        Some(())
    }

    /// The length and twelve bytes, whatever was there.
    fn dump(&self) -> Said {
        let mut line = Vec::new();
        let length = u8::try_from(self.buffer.len()).unwrap_or(0);
        let bytes = self.buffer.iter().copied().chain(core::iter::repeat(0)).take(12);
        for byte in core::iter::once(length).chain(bytes) {
            hex::push(byte, &mut line);
            if self.settings.spaces {
                line.push(b' ');
            }
        }
        Said::Line(line)
    }
}
