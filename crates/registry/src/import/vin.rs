//! Vehicle identification numbers.

use std::fmt;

/// A vehicle's number. Shape: 17 digits and capital letters without I, O and Q. Source: ISO 3779.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vin([u8; 17]);

/// Not a vehicle's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVin {
    /// Another length.
    #[error("a VIN has 17 characters, this has {found}")]
    Length {
        /// Characters.
        found: usize,
    },
    /// A character that none has.
    #[error("{found:?} at place {place} is in no VIN: digits and letters without I, O and Q are")]
    Character {
        /// The character.
        found: char,
        /// Counted from 1.
        place: usize,
    },
}

impl Vin {
    /// Reads it; small letters become capitals.
    ///
    /// # Errors
    /// It is none.
    pub fn new(text: &str) -> Result<Self, BadVin> {
        for (index, found) in text.chars().enumerate() {
            let upper = found.to_ascii_uppercase();
            if !upper.is_ascii_alphanumeric() || matches!(upper, 'I' | 'O' | 'Q') {
                return Err(BadVin::Character { found, place: index + 1 });
            }
        }
        let mut bytes: [u8; 17] =
            text.as_bytes().try_into().map_err(|_| BadVin::Length { found: text.chars().count() })?;
        bytes.make_ascii_uppercase();
        Ok(Self(bytes))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the ninth character is the check digit of the others. Where it is not used, as in Europe, that says nothing.
    ///
    /// Source: 49 CFR 565.15 (c).
    pub fn check_digit_holds(&self) -> bool {
        const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
        let sum: u32 = self.0.iter().zip(WEIGHTS).map(|(byte, weight)| value(*byte) * weight).sum();
        let digit = match sum % 11 {
            10 => b'X',
            digit => b'0' + u8::try_from(digit).unwrap_or_default(),
        };
        self.0[8] == digit
    }
}

/// What a character counts: A to H are 1 to 8, J to R 1 to 9, S to Z 2 to 9.
const fn value(byte: u8) -> u32 {
    (match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'H' => byte - b'A' + 1,
        b'J'..=b'R' => byte - b'J' + 1,
        b'S'..=b'Z' => byte - b'S' + 2,
        _ => 0,
    }) as u32
}

impl fmt::Display for Vin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Vin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_digit_is_told_and_no_vin_is_refused_for_it() {
        let american = Vin::new("1m8gdm9axkp042788").unwrap();
        assert_eq!(american.as_str(), "1M8GDM9AXKP042788");
        assert!(american.check_digit_holds());
        assert!(Vin::new("11111111111111111").unwrap().check_digit_holds());
        assert!(!Vin::new("SJNFAAJ10U1234567").unwrap().check_digit_holds());
    }

    #[test]
    fn letters_that_look_like_digits_are_in_no_vin() {
        assert_eq!(Vin::new("SJNFAAJ1OU1234567"), Err(BadVin::Character { found: 'O', place: 9 }));
        assert_eq!(Vin::new("SJNFAAJ10U123456"), Err(BadVin::Length { found: 16 }));
        assert_eq!(Vin::new("SJNFAAJ10U12345ü"), Err(BadVin::Character { found: 'ü', place: 16 }));
    }
}
