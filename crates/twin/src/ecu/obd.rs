//! What a phone's app asks of any car: the first modes of SAE J1979 (ISO 15031-5), as far as a head unit can answer.

use headlock_wire::uds::{DtcStatus, Nrc};

use super::{Ecu, negative, serve::positive};

/// Parameters of mode 01 that there are.
const PARAMETERS: [u8; 5] = [0x01, 0x1C, 0x20, 0x40, 0x42];
/// Parameters of mode 09 that there are: the VIN, and the ECU's name.
const ABOUT: [u8; 2] = [0x02, 0x0A];
/// The name of the ECU: 20 bytes, four of which are an acronym.
const NAME: &[u8; 20] = b"RAD\0-HeadUnit\0\0\0\0\0\0\0";

impl Ecu {
    pub(super) fn obd(&mut self, bytes: &[u8], functional: bool) -> Option<Vec<u8>> {
        let (mode, rest) = bytes.split_first()?;
        let mut answer = vec![positive(*mode)];
        let known = match (mode, rest) {
            (0x01, parameters @ [_, ..]) if parameters.len() <= 6 => {
                parameters.iter().filter(|parameter| self.current(**parameter, &mut answer)).count() > 0
            }
            (0x03, []) => self.codes(DtcStatus::CONFIRMED, &mut answer),
            (0x07, []) => self.codes(DtcStatus::PENDING, &mut answer),
            (0x04, []) => {
                self.generation += 1;
                self.troubles.clear(0xFF_FFFF)
            }
            (0x09, [about]) => self.about(*about, &mut answer),
            (0x01 | 0x09, []) | (0x03 | 0x04 | 0x07, _) if !functional => {
                return Some(negative(*mode, Nrc::IncorrectMessageLengthOrInvalidFormat));
            }
            _ => false,
        };
        // Unknown parameters are met with silence where all were asked (ISO 15031-5, 4.2.4).
        match (known, functional, mode) {
            (true, ..) => Some(answer),
            (false, true, _) => None,
            (false, false, 0x01 | 0x09) => Some(negative(*mode, Nrc::RequestOutOfRange)),
            (false, false, 0x03 | 0x04 | 0x07) => Some(negative(*mode, Nrc::IncorrectMessageLengthOrInvalidFormat)),
            (false, false, _) => Some(negative(*mode, Nrc::ServiceNotSupported)),
        }
    }

    fn current(&self, parameter: u8, answer: &mut Vec<u8>) -> bool {
        let confirmed = self.troubles.meeting(DtcStatus::CONFIRMED).count();
        match parameter {
            0x00 | 0x20 | 0x40 => {
                answer.push(parameter);
                answer.extend(supported(parameter, &PARAMETERS));
            }
            // How many codes; no monitors.
            0x01 => answer.extend([parameter, u8::try_from(confirmed).unwrap_or(0x7F) & 0x7F, 0, 0, 0]),
            // It makes no claim to any OBD standard.
            0x1C => answer.extend([parameter, 0x05]),
            0x42 => {
                answer.push(parameter);
                answer.extend(u16::try_from(self.supply_mv()).unwrap_or(u16::MAX).to_be_bytes());
            }
            _ => return false,
        }
        true
    }

    /// Two bytes each, as J1979 has them: the failure type is left out.
    fn codes(&self, status: DtcStatus, answer: &mut Vec<u8>) -> bool {
        let codes: Vec<_> = self.troubles.meeting(status).map(|(code, _)| code.bytes()).collect();
        answer.push(u8::try_from(codes.len()).unwrap_or(u8::MAX));
        answer.extend(codes.iter().flat_map(|[high, low, _]| [*high, *low]));
        true
    }

    fn about(&self, about: u8, answer: &mut Vec<u8>) -> bool {
        answer.push(about);
        match about {
            0x00 => answer.extend(supported(0, &ABOUT)),
            0x02 => {
                answer.push(1);
                answer.extend(self.vin);
            }
            0x0A => {
                answer.push(1);
                answer.extend(NAME);
            }
            _ => return false,
        }
        true
    }
}

/// A bit for each of the 32 parameters behind `base`; the last one says that there are more.
fn supported(base: u8, known: &[u8]) -> [u8; 4] {
    let bits = known.iter().filter_map(|parameter| parameter.checked_sub(base + 1)).filter(|bit| *bit < 32);
    bits.fold(0_u32, |bits, bit| bits | 1 << (31 - bit)).to_be_bytes()
}
