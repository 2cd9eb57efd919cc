//! A small witness: cosigns a log's checkpoint once it has seen that nothing before it changed. c2sp.org/tlog-witness.

use std::sync::Arc;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::decimal;
use super::failure::ProofError;
use super::hash::Hash;
use super::head::{Head, HeadError, Swap};
use super::key::{SecretKey, VerifierKey};
use super::note::Note;
use super::proof::{self, Nodes};
use super::tiles::ReadError;
use super::tree::TreeHead;

/// Hashes of a consistency proof.
const MAX_PROOF: usize = 63;

/// What a log sends to a witness: how far it thinks that the witness has come, why the new checkpoint goes on from there, and that
/// checkpoint.
///
/// Shape: in bytes, a line `old <size>`, a line of base64 for each hash, a blank line, the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Leaves of the checkpoint that the witness cosigned last.
    pub old_size: u64,
    /// Empty if that is 0.
    pub proof: Vec<Hash>,
    /// The note's bytes.
    pub checkpoint: Vec<u8>,
}

impl Submission {
    /// Proves a checkpoint of `size` leaves from `old_size` on.
    pub(super) fn of(
        tree: &impl Nodes<Error = ReadError>,
        old_size: u64,
        size: u64,
        checkpoint: &[u8],
    ) -> Result<Self, ProofError> {
        let proof = proof::consistency(tree, old_size, size)?.ok_or(ProofError::Beyond { size })?;
        Ok(Self { old_size, proof, checkpoint: checkpoint.to_vec() })
    }

    /// The body of a request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        [text.as_bytes(), &self.checkpoint].concat()
    }

    /// Reads one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let mut lines = str::from_utf8(&bytes[..end]).ok()?.split('\n');
        let old_size = decimal::parse(lines.next()?.strip_prefix("old ")?)?;
        let proof: Vec<Hash> = lines.map(Hash::from_base64).collect::<Option<_>>()?;
        (proof.len() <= MAX_PROOF).then(|| Self { old_size, proof, checkpoint: bytes[end + 2..].to_vec() })
    }

    /// What it says of which log, whoever signed that; none if it is no note of a checkpoint.
    pub fn claimed(&self) -> Option<Checkpoint> {
        Checkpoint::from_text(Note::parse(&self.checkpoint).ok()?.text()).ok()
    }
}

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request is none.
    #[error("the request is none")]
    Malformed,
    /// The witness does not know this log.
    #[error("no log of this origin is known here")]
    UnknownLog,
    /// None of the log's keys signed it.
    #[error("none of the log's keys signed it: {0}")]
    Unsigned(CheckpointError),
    /// The checkpoint is smaller than the size it claims to go on from.
    #[error("the old size is larger than the checkpoint's")]
    Shrinks,
    /// The witness has come to another size.
    #[error("the last checkpoint that was cosigned here has {size} leaves")]
    Stale {
        /// Where the log has to prove from.
        size: u64,
    },
    /// Two roots for one size, signed by the log: a fork.
    #[error("the log signed another root for {size} leaves")]
    Fork {
        /// The size.
        size: u64,
    },
    /// The proof does not show it.
    #[error("the proof does not show that the log goes on from {from} leaves")]
    Inconsistent {
        /// The size that the witness knows.
        from: u64,
    },
    /// What it knows could not be read or kept; nothing was signed.
    #[error(transparent)]
    Head(#[from] HeadError),
}

impl Refusal {
    /// The status of c2sp.org/tlog-witness; 500 for an error of its own.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::Shrinks => 400,
            Self::UnknownLog => 404,
            Self::Unsigned(_) => 403,
            Self::Stale { .. } | Self::Fork { .. } => 409,
            Self::Inconsistent { .. } => 422,
            Self::Head(_) => 500,
        }
    }
}

/// A witness of one log: its own key, the log's, and the newest head that it cosigned.
#[derive(Debug)]
pub struct Witness<H> {
    key: Arc<SecretKey>,
    origin: String,
    logs: Vec<VerifierKey>,
    seen: H,
}

impl<H: Head> Witness<H> {
    /// A witness that keeps in `seen` what it cosigned.
    pub fn new(key: impl Into<Arc<SecretKey>>, origin: &str, logs: Vec<VerifierKey>, seen: H) -> Self {
        Self { key: key.into(), origin: origin.to_owned(), logs, seen }
    }

    /// Checks a request at this time, in seconds since 1970, keeps what it has seen, and answers a line of cosignature.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was signed.
    pub fn add_checkpoint(&mut self, request: &[u8], now_s: u64) -> Result<String, Refusal> {
        let request = Submission::from_bytes(request).ok_or(Refusal::Malformed)?;
        // Another log is another log whoever signed for it, so its name is looked at before any signature.
        if request.claimed().ok_or(Refusal::Malformed)?.origin != self.origin {
            return Err(Refusal::UnknownLog);
        }
        let opened = Checkpoint::open(&request.checkpoint, &self.origin, &self.logs);
        let (checkpoint, note) = opened.map_err(Refusal::Unsigned)?;
        let new = checkpoint.head;
        if request.old_size > new.size {
            return Err(Refusal::Shrinks);
        }
        let kept = self.seen.load()?;
        let old = kept.unwrap_or(TreeHead::EMPTY);
        if request.old_size != old.size {
            return Err(Refusal::Stale { size: old.size });
        }
        if new.size == old.size && new.root != old.root {
            return Err(Refusal::Fork { size: new.size });
        }
        if !new.extends(&old, &request.proof) {
            return Err(Refusal::Inconsistent { from: old.size });
        }
        // Another request may have come first: what is kept decides, not what was read.
        if let Swap::Stands(stands) = self.seen.swap(kept, new)? {
            return Err(Refusal::Stale { size: stands.map_or(0, |head| head.size) });
        }
        // Nothing of what others signed is answered, nor left out because it was there already.
        let mut own = Note::new(note.text()).map_err(|_| Refusal::Malformed)?;
        if own.cosign(&self.key, now_s) { Ok(own.signature_lines()) } else { Err(Refusal::Malformed) }
    }

    /// The tree that it cosigned last; none if it never did.
    ///
    /// # Errors
    /// What it knows cannot be read.
    pub fn seen(&mut self) -> Result<Option<TreeHead>, HeadError> {
        self.seen.load()
    }

    /// How it says who it is.
    pub fn public(&self) -> &VerifierKey {
        self.key.public()
    }
}
