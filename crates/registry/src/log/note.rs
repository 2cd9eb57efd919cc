//! Signed notes: c2sp.org/signed-note.

use super::base64;
use super::key::{KeyKind, SecretKey, VerifierKey, is_key_name};

/// Signatures of a note; a longer one is not read.
pub const MAX_SIGNATURES: usize = 64;

/// Bytes of a note; a longer one is not read.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

const DASH: &str = "\u{2014} ";

/// A text and who is said to have signed it. Nothing of it is to be believed before [`Note::verified`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line of signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

/// A key that did sign a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// When, for a cosignature, in seconds since 1970; otherwise 0.
    pub at_s: u64,
}

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`], or with more than [`MAX_SIGNATURES`].
    #[error("longer than a note may be")]
    TooLong,
    /// Not UTF-8, or with a control character.
    #[error("not UTF-8, or with a control character")]
    Characters,
    /// No text, a blank line and signatures, each line ended.
    #[error("not a text, a blank line and signatures, each line ended")]
    Form,
    /// A line among the signatures that is none; they are counted from 1.
    #[error("line {line} of the signatures is none")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A known key's signature is wrong.
    #[error("the signature of {name} is wrong")]
    Wrong {
        /// The key's name.
        name: String,
    },
    /// None of the known keys signed it.
    #[error("none of the known keys signed it")]
    Unsigned,
}

impl Note {
    /// A text to be signed: it ends a line, and has no control character but ends of lines.
    ///
    /// # Errors
    /// It does not.
    pub fn new(text: &str) -> Result<Self, NoteError> {
        if !characters_fit(text) {
            return Err(NoteError::Characters);
        }
        if !text.ends_with('\n') {
            return Err(NoteError::Form);
        }
        Ok(Self { text: text.to_owned(), signatures: Vec::new() })
    }

    /// Reads a note with at least one signature.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        // Signatures have no blank line among them, so the last one ends the text.
        let end = note.rfind("\n\n").ok_or(NoteError::Form)? + 1;
        let mut parsed = Self::new(&note[..end])?;
        parsed.signatures = parse_signatures(&note[end + 1..])?;
        Ok(parsed)
    }

    /// The bytes that [`Note::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{}\n{}", self.text, self.signature_lines()).into_bytes()
    }

    /// The signatures alone, a line each.
    pub fn signature_lines(&self) -> String {
        self.signatures.iter().map(NoteSignature::line).collect()
    }

    /// The text, which ends a line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many signatures it has, whoever's.
    pub const fn signatures(&self) -> usize {
        self.signatures.len()
    }

    /// Signs the text as it is. A witness signs otherwise: with a time.
    pub fn sign(&mut self, key: &SecretKey) {
        debug_assert_eq!(key.public().kind(), KeyKind::Note);
        let signature = key.sign(self.text.as_bytes());
        self.push(key.public(), &signature);
    }

    /// The known keys that signed it, each once, in the order of the keys. Signatures of others are passed over.
    ///
    /// # Errors
    /// A known key's signature is wrong, or there is none.
    pub fn verified<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, NoteError> {
        let signed = self.verified_any(keys)?;
        if signed.is_empty() { Err(NoteError::Unsigned) } else { Ok(signed) }
    }

    /// The same where nobody needs to have signed.
    pub(super) fn verified_any<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, NoteError> {
        let mut signed = Vec::new();
        for key in keys {
            let mut latest = None;
            for signature in self.signatures.iter().filter(|signature| signature.is_of(key)) {
                let wrong = || NoteError::Wrong { name: key.name().to_owned() };
                latest = latest.max(Some(key.verify(&self.text, &signature.bytes).ok_or_else(wrong)?));
            }
            signed.extend(latest.map(|at_s| Signed { key, at_s }));
        }
        Ok(signed)
    }

    /// Adds a signature of a key over this text.
    pub(super) fn push(&mut self, key: &VerifierKey, bytes: &[u8]) {
        let signature = NoteSignature { name: key.name().to_owned(), id: key.id(), bytes: bytes.to_vec() };
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }

    /// The same text with the signatures of these keys, and those that `lines` adds; the rest is left out.
    ///
    /// # Errors
    /// A line is no signature, or one of a known key is wrong.
    pub(super) fn with_lines(&self, lines: &str, keys: &[VerifierKey]) -> Result<Self, NoteError> {
        let mut note = self.clone();
        for signature in parse_signatures(lines)? {
            if keys.iter().any(|key| signature.is_of(key)) && !note.signatures.contains(&signature) {
                note.signatures.push(signature);
            }
        }
        if note.signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooLong);
        }
        note.verified_any(keys).map(|_| note)
    }
}

impl NoteSignature {
    fn is_of(&self, key: &VerifierKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }

    fn line(&self) -> String {
        let bytes = [self.id.to_be_bytes().as_slice(), &self.bytes].concat();
        format!("{DASH}{} {}\n", self.name, base64::encode(&bytes))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = base64::decode(bytes)?;
        let (id, bytes) = bytes.split_first_chunk()?;
        (is_key_name(name) && !bytes.is_empty()).then(|| Self {
            name: name.to_owned(),
            id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        })
    }
}

fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines: Vec<&str> = lines.strip_suffix('\n').ok_or(NoteError::Form)?.split('\n').collect();
    if lines.len() > MAX_SIGNATURES {
        return Err(NoteError::TooLong);
    }
    let parse = |(at, line)| NoteSignature::parse(line).ok_or(NoteError::Line { line: at + 1 });
    lines.into_iter().enumerate().map(parse).collect()
}

fn characters_fit(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}
