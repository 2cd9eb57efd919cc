//! Codes and where they come from. There is no calculator here: a code was issued by somebody, or it is none.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What the owner types, and who issued it. Leading zeros count. Debug is redacted; memory is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code {
    text: String,
    #[zeroize(skip)]
    provenance: Provenance,
}

/// Who issued a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// The car's papers or the card that came with the unit.
    Papers,
    /// A sticker.
    Sticker,
    /// A dealer.
    Dealer,
    /// An imported production table.
    Table,
    /// A keyed scheme whose key the user holds.
    KeyedScheme,
    /// A registry.
    Registry,
    /// The owner chose it.
    Owner,
    /// Whoever typed it says so; nothing more is known.
    Stated,
}

impl Provenance {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Papers => "the car's papers",
            Self::Sticker => "a sticker",
            Self::Dealer => "a dealer",
            Self::Table => "a production table",
            Self::KeyedScheme => "a keyed scheme whose key you hold",
            Self::Registry => "a registry",
            Self::Owner => "the owner",
            Self::Stated => "whoever typed it",
        }
    }
}

/// Not a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// Nothing there.
    #[error("a code has at least one character")]
    Empty,
    /// Too long for any unit.
    #[error("a code of {length} characters: no unit takes more than {}", MAX_CODE)]
    TooLong {
        /// Characters.
        length: usize,
    },
    /// A character that no panel types.
    #[error("{found:?} at position {position} cannot be part of a code; digits and capital letters can")]
    Character {
        /// The character.
        found: char,
        /// Counted from 1.
        position: usize,
    },
}

/// Characters of the longest code.
pub const MAX_CODE: usize = 16;

impl Code {
    /// A code as somebody issued it. Spaces and hyphens between groups are dropped, letters become capitals.
    ///
    /// # Errors
    /// The text is no code.
    pub fn new(text: &str, provenance: Provenance) -> Result<Self, BadCode> {
        let mut clean = Zeroizing::new(String::with_capacity(text.len()));
        for (index, c) in text.chars().enumerate() {
            match c {
                ' ' | '-' => {}
                c if c.is_ascii_alphanumeric() => clean.push(c.to_ascii_uppercase()),
                found => return Err(BadCode::Character { found, position: index + 1 }),
            }
        }
        match clean.len() {
            0 => Err(BadCode::Empty),
            length if length > MAX_CODE => Err(BadCode::TooLong { length }),
            _ => Ok(Self { text: clean.as_str().to_owned(), provenance }),
        }
    }

    /// The characters. Whoever asks must not log them.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Who issued it.
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code(redacted, from {})", self.provenance.words())
    }
}

/// The key of a keyed scheme, held by whoever provisions units. Debug is redacted; memory is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SchemeKey(Vec<u8>);

/// A key too short to protect anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of {length} bytes: a scheme's key has at least {} random bytes", SchemeKey::MIN_BYTES)]
pub struct ShortKey {
    /// Bytes given.
    pub length: usize,
}

impl SchemeKey {
    /// Bytes of the shortest key.
    pub const MIN_BYTES: usize = 16;

    /// Wraps a key.
    ///
    /// # Errors
    /// It is shorter than [`SchemeKey::MIN_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, ShortKey> {
        if bytes.len() < Self::MIN_BYTES {
            return Err(ShortKey { length: bytes.len() });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The code of one unit: HMAC-SHA-256 over catalogue id and serial, mapped without bias to the alphabet of each
    /// position.
    ///
    /// Shape: HMAC(key, "headlock-code-1" 0 unit 0 serial 0 counter), bytes used in order; a byte beyond the largest multiple
    /// of the alphabet's size is skipped; the counter goes up when 32 bytes are used.
    pub fn derive(&self, unit: &str, serial: &str, alphabets: &[Vec<char>]) -> Option<Code> {
        let mut text = Zeroizing::new(String::new());
        let mut counter = 0_u32;
        let mut block = Zeroizing::new([0_u8; 32]);
        let mut used = 32;
        for alphabet in alphabets {
            let size = u8::try_from(alphabet.len()).ok().filter(|size| *size > 0)?;
            let limit = u8::MAX - u8::MAX % size;
            loop {
                if used == 32 {
                    *block = self.block(unit, serial, counter)?;
                    counter = counter.checked_add(1)?;
                    used = 0;
                }
                let byte = block[used];
                used += 1;
                if byte < limit {
                    text.push(alphabet[usize::from(byte % size)]);
                    break;
                }
            }
        }
        Code::new(&text, Provenance::KeyedScheme).ok()
    }

    fn block(&self, unit: &str, serial: &str, counter: u32) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in [b"headlock-code-1".as_slice(), unit.as_bytes(), serial.as_bytes()] {
            mac.update(part);
            mac.update(&[0]);
        }
        mac.update(&counter.to_be_bytes());
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for SchemeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchemeKey(redacted)")
    }
}

/// Why Headlock has no calculator. Shown whenever somebody asks for one.
pub const NO_CALCULATOR: &str = "Headlock never shows a code that nobody issued. There is no public way from a serial number to the code of \
these units: programs that claim one print invented digits, and each costs you one of few attempts. A code comes from the \
papers, a sticker, a dealer, a production table, or a keyed scheme whose key you hold (--key-file).";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_a_key_do_not_show_in_debug() {
        let code = Code::new("51 69", Provenance::Papers).unwrap();
        assert_eq!(code.reveal(), "5169");
        assert!(!format!("{code:?}").contains('5'));
        let key = SchemeKey::new(b"0123456789abcdef").unwrap();
        assert_eq!(format!("{key:?}"), "SchemeKey(redacted)");
    }

    #[test]
    fn a_bad_code_says_what_is_wrong_with_it() {
        assert_eq!(Code::new("", Provenance::Stated).unwrap_err(), BadCode::Empty);
        assert_eq!(Code::new("12?4", Provenance::Stated).unwrap_err(), BadCode::Character { found: '?', position: 3 });
        assert_eq!(Code::new(&"1".repeat(17), Provenance::Stated).unwrap_err(), BadCode::TooLong { length: 17 });
    }

    #[test]
    fn derivation_depends_on_key_unit_and_serial_and_keeps_to_the_alphabets() {
        let alphabets = vec!["123456".chars().collect::<Vec<_>>(); 4];
        let one = SchemeKey::new(b"0123456789abcdef").unwrap();
        let two = SchemeKey::new(b"0123456789abcdeF").unwrap();
        let text = |key: &SchemeKey, unit: &str, serial: &str| {
            key.derive(unit, serial, &alphabets).unwrap().reveal().to_owned()
        };
        let base = text(&one, "acme/nova", "NV00000001");
        assert_eq!(base, text(&one, "acme/nova", "NV00000001"));
        assert!(base.chars().all(|c| "123456".contains(c)));
        let others = (2..200).map(|n| text(&one, "acme/nova", &format!("NV{n:08}")));
        let distinct: std::collections::HashSet<_> = others.collect();
        assert!(distinct.len() > 150, "{} distinct codes for 198 serials", distinct.len());
        let under_other_key = (1..100).filter(|n| {
            let serial = format!("NV{n:08}");
            text(&one, "acme/nova", &serial) == text(&two, "acme/nova", &serial)
        });
        assert!(under_other_key.count() < 5);
        assert!(SchemeKey::new(b"short").is_err());
    }
}
