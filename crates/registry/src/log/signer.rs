//! What both writers of a log share: its notes, which they sign, read back and keep with their cosignatures.

use std::io;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::failure::{CosignatureError, OpenError};
use super::files::{self, Files};
use super::key::{SecretKey, VerifierKey};
use super::note::{Note, NoteError};
use super::store::{CHECKPOINT, WITNESSED};
use super::tree::TreeHead;

/// Who signs a log's checkpoints.
#[derive(Debug)]
pub(super) struct Signer {
    origin: String,
    key: SecretKey,
}

impl Signer {
    pub(super) fn new(origin: &str, key: SecretKey) -> Self {
        Self { origin: origin.to_owned(), key }
    }

    pub(super) const fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    pub(super) fn sign(&self, head: TreeHead) -> Result<Note, NoteError> {
        Checkpoint::new(&self.origin, head).sign(&self.key)
    }

    /// The checkpoint of a note that this signer signed.
    pub(super) fn own(&self, checkpoint: &[u8]) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::open(checkpoint, &self.origin, std::slice::from_ref(self.public())).map(|(opened, _)| opened)
    }

    /// The tree that was published last; none if none was.
    pub(super) fn published(&self, files: &impl Files) -> Result<Option<TreeHead>, OpenError> {
        let Some(bytes) = files.read(CHECKPOINT)? else { return Ok(None) };
        self.own(&bytes).map(|checkpoint| Some(checkpoint.head)).map_err(OpenError::Checkpoint)
    }

    /// The tree of a note that is kept in the folder; none if there is none, or it is not ours.
    pub(super) fn kept(&self, files: &impl Files, path: &str) -> io::Result<Option<TreeHead>> {
        let opened = files.read(path)?.and_then(|bytes| self.own(&bytes).ok());
        Ok(opened.map(|checkpoint| checkpoint.head))
    }

    /// Keeps what witnesses answered to a checkpoint, unless a newer one was cosigned; lines of others are left out.
    pub(super) fn add_cosignatures(
        &self,
        files: &impl Files,
        checkpoint: &[u8],
        lines: &str,
        witnesses: &[VerifierKey],
    ) -> Result<Note, CosignatureError> {
        let new = self.own(checkpoint)?;
        let mut note = Note::parse(checkpoint).map_err(CheckpointError::from)?;
        let kept = files.read(WITNESSED)?;
        // What is there and is no checkpoint of ours is written over: it proves nothing.
        if let Some((old, old_note)) = kept.and_then(|kept| Some((self.own(&kept).ok()?, Note::parse(&kept).ok()?))) {
            if old.head.size > new.head.size {
                return Ok(old_note);
            }
            if old_note.text() == note.text() {
                note = old_note;
            }
        }
        let note = note.with_lines(lines, witnesses).map_err(CheckpointError::from)?;
        files::put(files, WITNESSED, &note.to_bytes())?;
        Ok(note)
    }
}

/// Makes this the published checkpoint, durably.
pub(super) fn publish(files: &impl Files, checkpoint: &Note) -> io::Result<()> {
    files::put(files, CHECKPOINT, &checkpoint.to_bytes())
}
