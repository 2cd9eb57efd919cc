//! A log on disk: batches go in, tiles, checkpoints and proofs come out.
//!
//! A batch is staged, then the head is swapped, then the tiles and the checkpoint are written. The swap is the commit: before it
//! nothing of the log has changed, so a writer that loses leaves no trace; after it every tile follows from what is on disk already, so
//! a crash only leaves work to the next start. Nothing is signed that was not committed.

use std::io;
use std::ops::Range;

use super::failure::{AppendError, CosignatureError, OpenError, ProofError};
use super::files::Files;
use super::growth::{Growth, Rim};
use super::head::{Head, Swap};
use super::key::{SecretKey, VerifierKey};
use super::leaf::Commitment;
use super::note::Note;
use super::proof;
use super::receipt::Receipt;
use super::signer::{self, Signer};
use super::staged::{self, Staged};
use super::tile::Tile;
use super::tiles::Tiles;
use super::tree::TreeHead;
use super::witness::Submission;

/// Leaves of one batch.
pub const MAX_BATCH: usize = 1 << 20;

/// Leaves that a restoration writes at a time.
const RESTORED_AT_ONCE: usize = 1 << 16;

/// The newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The newest checkpoint that witnesses cosigned.
pub const WITNESSED: &str = "witnessed";

/// Held by the writer of the folder.
pub(super) const LOCK: &str = "writer.lock";

/// The writer of a log; there is one at a time.
#[derive(Debug)]
pub struct Log<F: Files> {
    tiles: Tiles<F>,
    _lock: F::Lock,
    signer: Signer,
    rim: Rim,
    head: TreeHead,
    checkpoint: Note,
}

impl<F: Files> Log<F> {
    /// Opens a log, or begins one, and finishes what a crash left.
    ///
    /// # Errors
    /// [`OpenError`]; the log is as it was.
    pub fn open(files: F, origin: &str, key: SecretKey, place: &mut impl Head) -> Result<Self, OpenError> {
        Self::restore(files, origin, key, place, std::iter::empty())
    }

    /// Opens a log in a folder that has only the first of its leaves, or none: after the machine was lost, from the database's rows.
    ///
    /// `rest` are the leaves from [`OpenError::Behind`]'s `have` on, all of them.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] if they are others than the head's; the published checkpoint still stands.
    pub fn restore(
        files: F,
        origin: &str,
        key: SecretKey,
        place: &mut impl Head,
        rest: impl IntoIterator<Item = Commitment>,
    ) -> Result<Self, OpenError> {
        let lock = files.lock(LOCK)?.ok_or(OpenError::AnotherWriter)?;
        let head = current(place)?;
        let signer = Signer::new(origin, key);
        let checkpoint = signer.sign(head).map_err(OpenError::Origin)?;
        let published = signer.published(&files)?;
        let have = published.unwrap_or(TreeHead::EMPTY);
        if have.size > head.size {
            return Err(OpenError::RolledBack { published: have.size, head: head.size });
        }
        if have.size == head.size && have != head {
            return Err(OpenError::Fork { published: have.size });
        }
        let tiles = Tiles::new(files);
        let rim = Rim::default();
        let mut log = Self { tiles, _lock: lock, signer, rim, head, checkpoint };
        log.recover(have, rest)?;
        if published != Some(head) {
            signer::publish(log.files(), &log.checkpoint)?;
        }
        staged::clean(log.files(), &head)?;
        Ok(log)
    }

    /// Comes to the head's rim: from the batch that led to it, from its tiles, or from leaves that are brought.
    fn recover(&mut self, have: TreeHead, rest: impl IntoIterator<Item = Commitment>) -> Result<(), OpenError> {
        let head = self.head;
        if let Some(batch) = staged::find(self.files(), &head)?
            && let Ok(rim) = self.rim_of(batch.base)
        {
            self.check_prefix(have, batch.base)?;
            let growth = Growth::of(&rim, &batch.leaves);
            if growth.head() != head {
                return Err(OpenError::Damaged { size: head.size });
            }
            growth.write(self.files(), true)?;
            if have != head {
                signer::publish(self.files(), &self.checkpoint)?;
            }
            outgrow(self.files(), &growth)?;
            self.rim = growth.rim;
            return Ok(());
        }
        match self.rim_of(head) {
            Ok(rim) => self.rim = rim,
            Err(why) if have.size == head.size => return Err(why),
            Err(_) => self.bring(have, rest)?,
        }
        self.check_prefix(have, head)
    }

    fn bring(&mut self, have: TreeHead, rest: impl IntoIterator<Item = Commitment>) -> Result<(), OpenError> {
        let head = self.head;
        let mut rest = rest.into_iter();
        let mut rim = self.rim_of(have)?;
        loop {
            let left = usize::try_from(head.size - rim.edge.size()).unwrap_or(usize::MAX);
            let batch: Vec<Commitment> = rest.by_ref().take(left.min(RESTORED_AT_ONCE)).collect();
            if batch.is_empty() {
                let reached = rim.edge.head();
                self.rim = rim;
                return match reached {
                    reached if reached == head => Ok(()),
                    reached if reached.size < head.size => Err(OpenError::Behind { have: have.size, need: head.size }),
                    _ => Err(OpenError::Damaged { size: head.size }),
                };
            }
            let growth = Growth::of(&rim, &batch);
            growth.write(self.files(), true)?;
            rim = growth.rim;
        }
    }

    /// The first leaves of `tree`, which is on disk, are those of an older one.
    fn check_prefix(&self, older: TreeHead, tree: TreeHead) -> Result<(), OpenError> {
        if older.size > tree.size {
            // The staged batch was settled; its own head is the published one.
            return if older == self.head { Ok(()) } else { Err(OpenError::Fork { published: older.size }) };
        }
        if older.size == 0 || proof::root(&self.tiles.tree(tree.size), older.size)? == older.root {
            return Ok(());
        }
        Err(OpenError::Fork { published: older.size })
    }

    fn rim_of(&self, head: TreeHead) -> Result<Rim, OpenError> {
        Rim::read(self.files(), head)?.ok_or(OpenError::Damaged { size: head.size })
    }

    /// Works out a batch and makes it safe on disk. The log is as before until the head is swapped, and readable once it is settled.
    ///
    /// # Errors
    /// [`AppendError::Size`] and [`AppendError::Stage`].
    pub fn stage(&self, batch: &[Commitment]) -> Result<Staged, AppendError> {
        if batch.is_empty() || batch.len() > MAX_BATCH {
            return Err(AppendError::Size);
        }
        let staged = Staged { base: self.head, growth: Growth::of(&self.rim, batch) };
        staged::write(self.files(), &staged, batch).map_err(AppendError::Stage)?;
        Ok(staged)
    }

    /// Writes the tiles of a batch whose swap is committed, and publishes its checkpoint.
    ///
    /// # Errors
    /// [`AppendError::NotNext`] and [`AppendError::Unsettled`], after which it may be tried again.
    pub fn settle(&mut self, staged: &Staged) -> Result<(), AppendError> {
        if staged.base != self.head {
            return Err(AppendError::NotNext { base: staged.base.size, size: self.head.size });
        }
        let checkpoint =
            self.signer.sign(staged.head()).map_err(|why| AppendError::Unsettled(io::Error::other(why)))?;
        staged.growth.write(self.files(), false).map_err(AppendError::Unsettled)?;
        signer::publish(self.files(), &checkpoint).map_err(AppendError::Unsettled)?;
        self.rim = staged.growth.rim.clone();
        self.head = staged.head();
        self.checkpoint = checkpoint;
        // The batch is in the log; what stays behind here goes at the next start.
        let _ = outgrow(self.files(), &staged.growth);
        let _ = staged::remove(self.files(), &staged.base, &self.head);
        Ok(())
    }

    /// Forgets a batch whose swap did not happen. One whose swap may have happened is left for the next start.
    pub fn abandon(&self, staged: &Staged) -> io::Result<()> {
        staged::remove(self.files(), &staged.base, &staged.head())
    }

    /// Appends a batch where nothing else has to be committed with it; answers where its leaves stand.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn append(&mut self, place: &mut impl Head, batch: &[Commitment]) -> Result<Range<u64>, AppendError> {
        let staged = self.stage(batch)?;
        match place.swap(Some(staged.base()), staged.head())? {
            Swap::Done => self.settle(&staged)?,
            Swap::Stands(stands) => {
                let _ = self.abandon(&staged);
                return Err(AppendError::Overtaken { base: staged.base.size, stands });
            }
        }
        Ok(staged.indexes())
    }

    /// The tree.
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The newest checkpoint.
    pub const fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    /// The key that outsiders need.
    pub const fn public(&self) -> &VerifierKey {
        self.signer.public()
    }

    /// The tiles, to read.
    pub const fn tiles(&self) -> &Tiles<F> {
        &self.tiles
    }

    /// Shows that a leaf is in the tree of a checkpoint of this log; the caller adds what the leaf said.
    ///
    /// # Errors
    /// [`ProofError`]: a receipt that would not verify is never handed out.
    pub fn receipt(&self, index: u64, checkpoint: &Note) -> Result<Receipt, ProofError> {
        let tree = self.signer.own(&checkpoint.to_bytes())?.head;
        let size = tree.size;
        if index >= size || size > self.head.size {
            return Err(ProofError::Beyond { size: size.min(self.head.size) });
        }
        let path = proof::inclusion(&self.tiles.tree(self.head.size), index, size)?;
        let path = path.ok_or(ProofError::Beyond { size })?;
        let leaf = self.tiles.entry(index, self.head.size)?.leaf();
        if !tree.includes(index, &leaf, &path) {
            return Err(ProofError::Damaged { size });
        }
        Ok(Receipt { index, path, checkpoint: checkpoint.to_bytes(), opening: None })
    }

    /// What a witness is sent that has come to `old_size`.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn submission(&self, old_size: u64) -> Result<Submission, ProofError> {
        let size = self.head.size;
        Submission::of(&self.tiles.tree(size), old_size, size, &self.checkpoint.to_bytes())
    }

    /// Keeps what witnesses answered to a checkpoint of this log, unless a newer one was cosigned; lines of others are left out.
    ///
    /// # Errors
    /// The checkpoint is another's, or a cosignature is wrong.
    pub fn add_cosignatures(
        &self,
        checkpoint: &[u8],
        lines: &str,
        witnesses: &[VerifierKey],
    ) -> Result<Note, CosignatureError> {
        self.signer.add_cosignatures(self.files(), checkpoint, lines, witnesses)
    }

    const fn files(&self) -> &F {
        self.tiles.files()
    }
}

/// The head that stands; of a new log, that of no leaves.
fn current(place: &mut impl Head) -> Result<TreeHead, OpenError> {
    if let Some(head) = place.load()? {
        return Ok(head);
    }
    match place.swap(None, TreeHead::EMPTY)? {
        Swap::Done => Ok(TreeHead::EMPTY),
        Swap::Stands(_) => Err(OpenError::Overtaken),
    }
}

/// Removes the partial states of tiles that are full and durable.
fn outgrow(files: &impl Files, growth: &Growth) -> io::Result<()> {
    growth.outgrown().try_for_each(|tile| remove_partial(files, &tile))
}

/// Removes the partial states of one tile.
pub(super) fn remove_partial(files: &impl Files, tile: &Tile) -> io::Result<()> {
    let folder = tile.partial_folder();
    for name in files.list(&folder)? {
        files.remove(&format!("{folder}/{name}"))?;
    }
    files.remove_folder(&folder)
}
