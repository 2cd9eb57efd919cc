//! Checkpoints, a tree head in a signed note: c2sp.org/tlog-checkpoint.

use super::decimal;
use super::hash::Hash;
use super::key::{KeyKind, SecretKey, VerifierKey};
use super::note::{Note, NoteError};
use super::tree::TreeHead;

/// What a log says its tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// Its tree.
    pub head: TreeHead,
    /// Further lines, none of them empty. Our log has none.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line is not what it has to be; they are counted from 1.
    #[error("line {line} is not {wanted}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Another log's.
    #[error("it is of {found}")]
    Origin {
        /// Whose.
        found: String,
    },
}

impl Checkpoint {
    /// A checkpoint without extensions.
    pub fn new(origin: &str, head: TreeHead) -> Self {
        Self { origin: origin.to_owned(), head, extensions: Vec::new() }
    }

    /// The text of its note.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`CheckpointError::Line`].
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |line, wanted| CheckpointError::Line { line, wanted };
        let mut lines = text.strip_suffix('\n').unwrap_or_default().split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(wrong(1, "an origin"))?;
        let size = lines.next().and_then(decimal::parse).ok_or(wrong(2, "a size"))?;
        let root = lines.next().and_then(Hash::from_base64).ok_or(wrong(3, "a root"))?;
        if size == 0 && root != Hash::EMPTY {
            return Err(wrong(3, "the root of no leaves"));
        }
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if let Some(at) = extensions.iter().position(String::is_empty) {
            return Err(wrong(at + 4, "an extension"));
        }
        Ok(Self { origin: origin.to_owned(), head: TreeHead { size, root }, extensions })
    }

    /// The checkpoint as a note that the log signed.
    ///
    /// # Errors
    /// The origin or an extension does not fit in a note.
    pub fn sign(&self, key: &SecretKey) -> Result<Note, NoteError> {
        let mut note = Note::new(&self.to_text())?;
        note.sign(key);
        Ok(note)
    }

    /// Reads a note that one of the log's keys signed, and is of this origin.
    ///
    /// # Errors
    /// It is none.
    pub fn open(bytes: &[u8], origin: &str, keys: &[VerifierKey]) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        let signed = note.verified(keys)?;
        // A witness says that it saw a checkpoint, not that it is the log's.
        if signed.iter().all(|signed| signed.key.kind() != KeyKind::Note) {
            return Err(NoteError::Unsigned.into());
        }
        let checkpoint = Self::from_text(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::Origin { found: checkpoint.origin });
        }
        Ok((checkpoint, note))
    }
}
