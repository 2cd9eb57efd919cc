//! What a leaf says: a commitment to an event, which stays when the event and its salt are erased.

use std::cmp::Ordering;
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

/// Bytes that the fields of most events fit into.
const LINES_BYTES: usize = 512;

/// Something that the registry did or refused, in the one spelling that can be hashed.
///
/// Shape: in bytes, a line `headlock-event/v1`, then `kind` and `at_s`, then the fields by name, a line `name value` each. A name is of
/// `a-z`, `0-9` and `_`, and begins with a letter; a value is UTF-8 on one line, without control characters. Debug shows no value: they
/// are people's.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    kind: String,
    at_s: u64,
    /// The lines of the fields, by name.
    lines: String,
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
        Ok(Self { kind: kind.to_owned(), at_s, lines: String::new() })
    }

    /// An event with these fields, in whatever order.
    ///
    /// # Errors
    /// A name or a value does not fit, or a field is there twice.
    pub fn of(kind: &str, at_s: u64, fields: &mut [(&str, &str)]) -> Result<Self, EventError> {
        let mut event = Self::new(kind, at_s)?;
        fields.sort_unstable();
        event.make_room(fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
        let mut before = "";
        for (name, value) in fields {
            check(name, value)?;
            if before == *name {
                return Err(EventError::Twice);
            }
            event.lines.extend([name, " ", value, "\n"]);
            before = name;
        }
        Ok(event)
    }

    /// The event with one more field.
    ///
    /// # Errors
    /// The name or the value does not fit, or the field is there already.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, EventError> {
        check(name, value)?;
        let mut at = 0;
        for line in self.lines.split_inclusive('\n') {
            match line.split(' ').next().cmp(&Some(name)) {
                Ordering::Less => at += line.len(),
                Ordering::Equal => return Err(EventError::Twice),
                Ordering::Greater => break,
            }
        }
        self.make_room(name.len() + value.len() + 2);
        for part in ["\n", value, " ", name] {
            self.lines.insert_str(at, part);
        }
        Ok(self)
    }

    /// Grows so that no copy of what people said is left behind.
    fn make_room(&mut self, bytes: usize) {
        if self.lines.capacity() - self.lines.len() < bytes {
            let mut larger = String::with_capacity((2 * (self.lines.len() + bytes)).max(LINES_BYTES));
            larger.push_str(&self.lines);
            self.lines.zeroize();
            self.lines = larger;
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
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.lines().filter_map(|line| line.split_once(' '))
    }

    /// The bytes that are committed to.
    pub fn to_bytes(&self) -> Vec<u8> {
        let at_s = self.at_s.to_string();
        [FIRST_LINE, "\nkind ", &self.kind, "\nat_s ", &at_s, "\n", &self.lines].concat().into_bytes()
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
        let fields = self.fields().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        write!(out, "Event({} at {}, with {fields})", self.kind, self.at_s)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.lines.zeroize();
    }
}

fn check(name: &str, value: &str) -> Result<(), EventError> {
    if !is_name(name) || matches!(name, "kind" | "at_s") {
        return Err(EventError::Name);
    }
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain || !value.chars().any(char::is_control) { Ok(()) } else { Err(EventError::Value) }
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
        let commitment = self.commit_bytes(&bytes);
        bytes.zeroize();
        commitment
    }

    /// The leaf of an event that was spelt out already.
    pub(crate) fn commit_bytes(&self, event: &[u8]) -> Commitment {
        Commitment(Sha256::new().chain_update(self.0).chain_update(event).finalize().into())
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Salt(…)")
    }
}
