//! A code of a table, kept in place and wiped.

use std::fmt;

use headlock_profile::{BadCode, Code, MAX_CODE, Provenance};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A code as a production table states it. Shape: 1 to 16 digits and capital letters. Debug is redacted; memory is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TableCode {
    bytes: [u8; MAX_CODE],
    length: u8,
}

impl TableCode {
    /// Spaces and hyphens between groups are dropped, letters become capitals, as [`Code::new`] does.
    pub(super) fn new(text: &str) -> Result<Self, BadCode> {
        let mut code = Self { bytes: [0; MAX_CODE], length: 0 };
        let mut length = 0;
        for (index, c) in text.chars().enumerate() {
            match c {
                ' ' | '-' => {}
                c if c.is_ascii_alphanumeric() => {
                    if let Some(slot) = code.bytes.get_mut(length) {
                        *slot = u8::try_from(c.to_ascii_uppercase()).unwrap_or_default();
                    }
                    length += 1;
                }
                found => return Err(BadCode::Character { found, position: index + 1 }),
            }
        }
        match u8::try_from(length) {
            Ok(0) => Err(BadCode::Empty),
            Ok(short) if length <= MAX_CODE => {
                code.length = short;
                Ok(code)
            }
            _ => Err(BadCode::TooLong { length }),
        }
    }

    /// The characters. Whoever asks must not log them.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as the catalogue's type.
    ///
    /// # Errors
    /// None: it has the shape of a code.
    pub fn to_code(&self) -> Result<Code, BadCode> {
        Code::new(self.reveal(), Provenance::Table)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl PartialEq for TableCode {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for TableCode {}

impl fmt::Debug for TableCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableCode(redacted)")
    }
}
