//! A receipt: all that shows later, offline, what was logged, where, and who saw it. c2sp.org/tlog-proof.

use super::base64;
use super::decimal;
use super::hash::Hash;
use super::leaf::{Event, SALT_BYTES, Salt};
use super::note::MAX_NOTE_BYTES;

/// Bytes of a receipt; a longer one is not read.
pub const MAX_RECEIPT_BYTES: usize = 4 * MAX_NOTE_BYTES;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of an inclusion proof.
const MAX_PATH: usize = 64;

/// Bytes of a line with a hash.
const HASH_LINE: usize = 45;

/// Bytes of the names, numbers and ends of lines beside, at most.
const FIELDS: usize = 64;

/// What a leaf said. Who has this can show it; without it the leaf says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The salt of the commitment.
    pub salt: Salt,
    /// What was logged.
    pub event: Event,
}

/// A leaf's place, the way to the root, and the checkpoint.
///
/// Shape: in bytes, a line `c2sp.org/tlog-proof@v1`, a line `extra` with the salt and the event in base64 (left out where the receipt shows
/// only that something was logged), a line `index`, a line of base64 for each hash from the leaf up, a blank line, and the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the leaf stands, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The note's bytes.
    pub checkpoint: Vec<u8>,
    /// What the leaf said.
    pub opening: Option<Opening>,
}

impl Receipt {
    /// The receipt with what the leaf said.
    #[must_use]
    pub fn with(self, salt: Salt, event: Event) -> Self {
        Self { opening: Some(Opening { salt, event }), ..self }
    }

    /// The bytes to hand out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let opened = self
            .opening
            .as_ref()
            .map(|Opening { salt, event }| base64::encode(&[salt.as_bytes().as_slice(), &event.to_bytes()].concat()));
        let lines = FIRST_LINE.len() + self.path.len() * HASH_LINE + opened.as_ref().map_or(0, String::len);
        let mut text = String::with_capacity(lines + FIELDS + self.checkpoint.len());
        text.push_str(FIRST_LINE);
        text.push('\n');
        if let Some(extra) = opened {
            text.extend(["extra ", &extra, "\n"]);
        }
        text.extend(["index ", &self.index.to_string(), "\n"]);
        for hash in &self.path {
            base64::append(&hash.0, &mut text);
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }

    /// Reads them; nothing of it is verified.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() <= MAX_RECEIPT_BYTES;
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").filter(|_| fits)?;
        let mut lines = str::from_utf8(&bytes[..end]).ok()?.split('\n').peekable();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let opening = match extra.and_then(|line| line.strip_prefix("extra ")) {
            Some(extra) => Some(opening(&base64::decode(extra)?)?),
            None => None,
        };
        let index = decimal::parse(lines.next()?.strip_prefix("index ")?)?;
        let path: Vec<Hash> = lines.map(Hash::from_base64).collect::<Option<_>>()?;
        (path.len() <= MAX_PATH).then(|| Self { index, path, checkpoint: bytes[end + 2..].to_vec(), opening })
    }
}

fn opening(extra: &[u8]) -> Option<Opening> {
    let (salt, event) = extra.split_first_chunk::<SALT_BYTES>()?;
    Some(Opening { salt: Salt::from_bytes(*salt), event: Event::from_bytes(event).ok()? })
}
