//! AT commands about the adapter itself: identity, echo, supply, stored values.

use alloc::format;
use alloc::vec::Vec;

use super::adapter::{Adapter, Now, Said, State};
use crate::hex;

/// What it calls itself, at `AT @1`.
const DESCRIPTION: &str = "OBDII to RS232 Interpreter";

impl Adapter {
    pub(super) fn general(&mut self, command: &str, now: &mut Now<'_>) -> Option<Said> {
        Some(match command {
            "Z" | "WS" => self.reset(now.out),
            "D" => {
                self.defaults();
                Said::Ok
            }
            "I" => Said::text(self.persona.version()),
            "@1" => Said::text(DESCRIPTION),
            "@2" => self.kept.identifier.map_or(Said::Unknown, |text| Said::Line(text.to_vec())),
            "FE" => Said::Ok,
            "RV" => self.supply(now.supply_mv),
            "IGN" => Said::text("ON"),
            "RD" => {
                let mut text = Vec::new();
                hex::push(self.kept.byte, &mut text);
                Said::Line(text)
            }
            "PPS" => Said::Lines(self.parameters.lines()),
            "LP" => {
                self.say(Said::Ok, now.out);
                self.state = State::Asleep;
                Said::Later
            }
            _ => return self.switch(command).or_else(|| self.stored(command, now)),
        })
    }

    /// A name and 0 or 1.
    fn switch(&mut self, command: &str) -> Option<Said> {
        let name = command.get(..command.len().checked_sub(1)?)?;
        let on = match command.as_bytes().last()? {
            b'0' => false,
            b'1' => true,
            _ => return None,
        };
        *self.settings.flag(name)? = on;
        Some(Said::Ok)
    }

    fn stored(&mut self, command: &str, now: &Now<'_>) -> Option<Said> {
        if let Some(text) = command.strip_prefix("PP") {
            return Some(Said::ok_if(self.parameters.change(text)));
        }
        if let Some(text) = command.strip_prefix("@3") {
            let once = text.as_bytes().try_into().ok().filter(|_| self.kept.identifier.is_none());
            return Some(Said::ok_if(once.map(|text| self.kept.identifier = Some(text))));
        }
        if let Some(byte) = command.strip_prefix("SD") {
            return Some(Said::ok_if(hex::byte(byte).map(|byte| self.kept.byte = byte)));
        }
        if let Some(volts) = command.strip_prefix("CV") {
            return Some(Said::ok_if(self.calibrate(volts, now.supply_mv)));
        }
        // There is no baud rate here: any is accepted, and nothing changes.
        let rate = command.strip_prefix("BRD").or_else(|| command.strip_prefix("BRT"))?;
        Some(Said::ok_if(hex::byte(rate).map(|_| ())))
    }

    fn supply(&self, supply_mv: u32) -> Said {
        let tenths = (i64::from(supply_mv).saturating_add(self.kept.calibration_mv).max(0) + 50) / 100;
        Said::Line(format!("{}.{}V", tenths / 10, tenths % 10).into_bytes())
    }

    /// Four decimal digits, hundredths of a volt; 0000 forgets.
    fn calibrate(&mut self, volts: &str, supply_mv: u32) -> Option<()> {
        if volts.len() != 4 || !volts.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let set_mv = volts.parse::<i64>().ok()? * 10;
        self.kept.calibration_mv = if set_mv == 0 { 0 } else { set_mv - i64::from(supply_mv) };
        Some(())
    }
}
