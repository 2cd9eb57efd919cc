//! What a leaf says: a commitment to an event, which stays when the event and its salt are erased.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::decimal;
use super::hash::Hash;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;

/// Bytes of a leaf.
pub const COMMITMENT_BYTES: usize = 32;

const FIRST_LINE: &str = "headlock-event/v1";

/// Something that the registry did or refused, in the one spelling that can be hashed.
///
/// Shape: in bytes, a line `headlock-event/v1`, then `kind` and `at_s`, then the fields by name, a line `name value` each. A name is of
/// `a-z`, `0-9` and `_`, and begins with a letter; a value is UTF-8 on one line, without control characters. Debug shows no value: they
/// are people's.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    kind: String,
    at_s: u64,
    fields: BTreeMap<String, String>,
}

/// Why something is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A name or a kind has other characters, or is one of the event's own.
    #[error("a name is of a-z, 0-9 and _, begins with a letter, and is not kind or at_s")]
    Name,
    /// A value has a control character.
    #[error("a value has a control character")]
    Value,
    /// A field twice.
    #[error("a field stands there twice")]
    Twice,
    /// Bytes that are no event, or one in another spelling.
    #[error("these bytes are no event in its only spelling")]
    Spelling,
}

impl Event {
    /// An event without fields: what it was, such as `released` or `denied`, and when, in seconds since 1970.
    ///
    /// # Errors
    /// [`EventError::Name`].
    pub fn new(kind: &str, at_s: u64) -> Result<Self, EventError> {
        if !is_name(kind) {
            return Err(EventError::Name);
        }
        Ok(Self { kind: kind.to_owned(), at_s, fields: BTreeMap::new() })
    }

    /// The event with one more field.
    ///
    /// # Errors
    /// The name or the value does not fit, or the field is there already.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, EventError> {
        if !is_name(name) || matches!(name, "kind" | "at_s") {
            return Err(EventError::Name);
        }
        if value.chars().any(char::is_control) {
            return Err(EventError::Value);
        }
        match self.fields.insert(name.to_owned(), value.to_owned()) {
            None => Ok(self),
            Some(_) => Err(EventError::Twice),
        }
    }

    /// What it was.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// When, in seconds since 1970.
    pub const fn at_s(&self) -> u64 {
        self.at_s
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Names and values, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The bytes that are committed to.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\nkind {}\nat_s {}\n", self.kind, self.at_s);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name} {value}\n"));
        }
        text.into_bytes()
    }

    /// Reads those bytes.
    ///
    /// # Errors
    /// Anything that [`Event::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EventError> {
        let read = || {
            let mut lines = str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
            (lines.next()? == FIRST_LINE).then_some(())?;
            let kind = lines.next()?.strip_prefix("kind ")?;
            let at_s = decimal::parse(lines.next()?.strip_prefix("at_s ")?)?;
            let mut event = Self::new(kind, at_s).ok()?;
            for line in lines {
                let (name, value) = line.split_once(' ')?;
                event = event.with(name, value).ok()?;
            }
            // Fields out of order are another spelling.
            (event.to_bytes() == bytes).then_some(event)
        };
        read().ok_or(EventError::Spelling)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(out, "Event({} at {}, with {fields})", self.kind, self.at_s)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.fields.values_mut().for_each(Zeroize::zeroize);
    }
}

fn is_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().next().is_some_and(|first| first.is_ascii_lowercase()) && name.bytes().all(rest)
}

/// What stands in the log for an event: SHA-256 of the salt and the event's bytes. Without the salt it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commitment(pub [u8; COMMITMENT_BYTES]);

impl Commitment {
    /// The hash of the leaf.
    pub fn leaf(&self) -> Hash {
        Hash::leaf(&self.0)
    }
}

/// Random bytes that make a commitment unguessable. Erasing them erases what the leaf said.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; SALT_BYTES]);

impl Salt {
    /// A new one from the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn random() -> std::io::Result<Self> {
        let mut salt = Self([0; SALT_BYTES]);
        let mut filled = 0;
        while filled < SALT_BYTES {
            filled += rustix::rand::getrandom(&mut salt.0[filled..], rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(salt)
    }

    /// One that was kept.
    pub const fn from_bytes(bytes: [u8; SALT_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep, apart from the log.
    pub const fn as_bytes(&self) -> &[u8; SALT_BYTES] {
        &self.0
    }

    /// The leaf of an event under this salt.
    pub fn commit(&self, event: &Event) -> Commitment {
        let mut bytes = event.to_bytes();
        let hash = Sha256::new().chain_update(self.0).chain_update(&bytes).finalize();
        bytes.zeroize();
        Commitment(hash.into())
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Salt(…)")
    }
}
