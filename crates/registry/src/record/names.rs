//! Texts that name something, each a type of its own so that no two can be swapped.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::field::Field;
use crate::store::{Kind, Value};

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing there.
    #[error("{what} is empty")]
    Empty {
        /// What it should name.
        what: &'static str,
    },
    /// Too long.
    #[error("{what} has {length} characters, more than {longest}")]
    TooLong {
        /// What it should name.
        what: &'static str,
        /// Its characters.
        length: usize,
        /// The most there can be.
        longest: usize,
    },
    /// A character that cannot be there.
    #[error("{what} has a character that cannot be there, at position {position}; {allowed}")]
    Character {
        /// What it should name.
        what: &'static str,
        /// Counted from 1.
        position: usize,
        /// What can be there, in words.
        allowed: &'static str,
    },
    /// Another length than the only one.
    #[error("{what} has {length} characters, and must have {wanted}")]
    Length {
        /// What it should name.
        what: &'static str,
        /// Its characters.
        length: usize,
        /// Those it must have.
        wanted: usize,
    },
}

struct Rule {
    what: &'static str,
    longest: usize,
    allowed: &'static str,
    takes: fn(char) -> bool,
}

impl Rule {
    fn check(&self, text: &str) -> Result<(), BadName> {
        let Self { what, longest, allowed, takes } = *self;
        let length = text.chars().count();
        if length == 0 {
            return Err(BadName::Empty { what });
        }
        if length > longest {
            return Err(BadName::TooLong { what, length, longest });
        }
        match text.chars().position(|c| !takes(c)) {
            Some(at) => Err(BadName::Character { what, position: at + 1, allowed }),
            None => Ok(()),
        }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// [`BadName`].
            pub fn new(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> Result<(), BadName> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl Field for $name {
            const KIND: Kind = Kind::Text;

            fn value(&self) -> Value {
                Value::Text(self.0.clone())
            }

            fn of(value: Value) -> Option<Self> {
                if let Value::Text(text) = value { Some(Self(text)) } else { None }
            }
        }
    };
}

name!(
    /// The serial number of a produced unit, as the unit's catalogue entry compares it. Shape: 1 to 40 printable ASCII characters without
    /// spaces.
    Serial,
    |text| Rule {
        what: "a serial",
        longest: 40,
        allowed: "ASCII letters, digits and marks, without spaces",
        takes: |c| c.is_ascii_graphic(),
    }
    .check(text)
);

name!(
    /// A vehicle identification number. Shape: 17 characters, capital letters without I, O and Q, and digits. Source: ISO 3779, 4.
    Vin,
    |text| {
        let length = text.chars().count();
        if length != 17 {
            return Err(BadName::Length { what: "a VIN", length, wanted: 17 });
        }
        Rule {
            what: "a VIN",
            longest: 17,
            allowed: "capital letters without I, O and Q, and digits, can",
            takes: |c| c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, 'I' | 'O' | 'Q')),
        }
        .check(text)
    }
);

const NAMES: &str = "small letters, digits, '.', '-', '_' and '@' can";

name!(
    /// Somebody who may sign in. Shape: 1 to 64 of `a-z0-9.-_@`.
    AccountId,
    |text| Rule { what: "an account's name", longest: 64, allowed: NAMES, takes: is_plain }.check(text)
);

name!(
    /// Whom an account works for. Shape: 1 to 64 of `a-z0-9.-_@`.
    Company,
    |text| Rule { what: "a company", longest: 64, allowed: NAMES, takes: is_plain }.check(text)
);

name!(
    /// Where units were sold, and where a desk may release. Shape: 1 to 16 of `a-z0-9.-_@`.
    Region,
    |text| Rule { what: "a region", longest: 16, allowed: NAMES, takes: is_plain }.check(text)
);

name!(
    /// A provider that says who somebody is, as its ID tokens name it. Shape: 1 to 255 printable ASCII characters without spaces. Source:
    /// OpenID Connect Core 1.0, 2, `iss`.
    Issuer,
    |text| Rule {
        what: "an issuer",
        longest: 255,
        allowed: "ASCII letters, digits and marks, without spaces, can",
        takes: |c| c.is_ascii_graphic(),
    }
    .check(text)
);

name!(
    /// Somebody, as a provider names them and nobody else, ever. Shape: 1 to 255 printable ASCII characters. Source: OpenID Connect Core
    /// 1.0, 2, `sub`.
    Subject,
    |text| Rule {
        what: "a subject",
        longest: 255,
        allowed: "ASCII letters, digits, marks and spaces can",
        takes: |c| c == ' ' || c.is_ascii_graphic(),
    }
    .check(text)
);

name!(
    /// One request for a release. Shape: 32 hexadecimal digits.
    RequestId,
    |text| {
        let length = text.chars().count();
        if length != 32 {
            return Err(BadName::Length { what: "a request's id", length, wanted: 32 });
        }
        Rule {
            what: "a request's id",
            longest: 32,
            allowed: "0-9 and a-f can",
            takes: |c| matches!(c, '0'..='9' | 'a'..='f'),
        }
        .check(text)
    }
);

fn is_plain(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '@')
}

impl RequestId {
    /// From 16 bytes.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
        Self(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
    }
}
