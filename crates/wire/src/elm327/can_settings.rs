//! AT commands that set identifiers, filters and flow control on CAN.

use super::adapter::{Adapter, Said};
use super::route;
use super::settings::{FlowMode, Pattern};
use crate::hex;

impl Adapter {
    pub(super) fn can_setting(&mut self, command: &str) -> Option<Said> {
        match command {
            "CEA" => {
                self.settings.extended = None;
                self.settings.extended_back = None;
            }
            "CRA" | "AR" => {
                self.settings.receive = None;
                self.settings.receiver = None;
                self.settings.filter = None;
                self.settings.mask = None;
            }
            "CS" => return Some(Said::text("T:00 R:00 ")),
            "CTM1" | "JTM1" => self.settings.timer_multiplier = 1,
            "CTM5" | "JTM5" => self.settings.timer_multiplier = 5,
            // A frame that asks without data cannot be said with `CanFrame`: nobody answers it.
            "RTR" => return Some(Said::text("NO DATA")),
            "JE" | "JS" => {}
            _ => return self.addressed(command),
        }
        Some(Said::Ok)
    }

    /// A name and hexadecimal digits.
    fn addressed(&mut self, command: &str) -> Option<Said> {
        type Set = fn(&mut Adapter, &str) -> Option<()>;
        const SETTINGS: [(&str, Set); 15] = [
            ("FCSM", Adapter::flow_mode),
            ("FCSH", |adapter, text| route::named(text).map(|id| adapter.settings.flow_id = Some(id))),
            ("FCSD", Adapter::flow_data),
            ("CEA", |adapter, text| hex::byte(text).map(|byte| adapter.settings.extended = Some(byte))),
            ("CER", |adapter, text| hex::byte(text).map(|byte| adapter.settings.extended_back = Some(byte))),
            ("CRA", Adapter::receive_address),
            ("CF", |adapter, text| identifier(text).map(|raw| adapter.settings.filter = Some(raw))),
            ("CM", |adapter, text| identifier(text).map(|raw| adapter.settings.mask = Some(raw))),
            ("CP", |adapter, text| hex::byte(text).map(|byte| adapter.settings.priority = Some(byte))),
            ("SH", Adapter::header),
            ("SR", |adapter, text| hex::byte(text).map(|byte| adapter.settings.receiver = Some(byte))),
            ("RA", |adapter, text| hex::byte(text).map(|byte| adapter.settings.receiver = Some(byte))),
            ("TA", |adapter, text| hex::byte(text).map(|byte| adapter.settings.tester = byte)),
            ("FT", |_, text| if text.is_empty() { Some(()) } else { hex::byte(text).map(|_| ()) }),
            ("PB", |_, text| if text.len() == 4 { hex::number(text).map(|_| ()) } else { None }),
        ];
        let (name, set) = SETTINGS.iter().find(|(name, _)| command.starts_with(name))?;
        Some(Said::ok_if(set(self, command.get(name.len()..)?)))
    }

    /// `xyz`, `xxyyzz` or `wwxxyyzz`, the last with its priority byte.
    fn header(&mut self, text: &str) -> Option<()> {
        let raw = hex::number(text)?;
        match text.len() {
            3 | 6 => {}
            8 => self.settings.priority = u8::try_from(raw >> 24).ok(),
            _ => return None,
        }
        self.settings.header = Some(raw & 0xFF_FF_FF);
        Some(())
    }

    /// Three or eight digits, any of them X for any value.
    fn receive_address(&mut self, text: &str) -> Option<()> {
        let full = match text.len() {
            3 => 0x7FF,
            8 => 0x1FFF_FFFF,
            _ => return None,
        };
        let (mut value, mut mask) = (0, 0);
        for digit in text.bytes() {
            let (low, known) = if digit == b'X' { (0, 0) } else { (hex::nibble(digit)?, 0xF) };
            value = value << 4 | u32::from(low);
            mask = mask << 4 | known;
        }
        self.settings.receive = Some(Pattern { value, mask: mask & full });
        Some(())
    }

    /// A mode that needs values which were not given is refused.
    fn flow_mode(&mut self, text: &str) -> Option<()> {
        let settings = &self.settings;
        let mode = match text {
            "0" => FlowMode::Automatic,
            "1" if settings.flow_id.is_some() && settings.flow_data.is_some() => FlowMode::Given,
            "2" if settings.flow_data.is_some() => FlowMode::GivenData,
            _ => return None,
        };
        self.settings.flow_mode = mode;
        Some(())
    }

    /// One to five bytes.
    fn flow_data(&mut self, text: &str) -> Option<()> {
        let bytes = hex::bytes(text).filter(|bytes| !bytes.is_empty())?;
        let mut data = [0; 5];
        data.get_mut(..bytes.len())?.copy_from_slice(&bytes);
        self.settings.flow_data = Some((u8::try_from(bytes.len()).ok()?, data));
        Some(())
    }
}

/// Three or eight digits.
fn identifier(text: &str) -> Option<u32> {
    hex::number(text).filter(|_| matches!(text.len(), 3 | 8))
}
