//! A log whose leaves lie in a database: the database's commit is the log's, and the files follow it without waiting for the disk.
//!
//! A batch is prepared, the database commits its leaves and the new head in one transaction, then the batch is settled. From then on
//! its leaves are in the tree, whatever the files say: proofs for them come from memory. Tiles are written before the checkpoint that
//! needs them; neither is made durable at once, but all of them together at a sync point, and what comes after it is written again
//! from the database when the ledger opens. Serve the folder to readers only while its ledger is open.

use std::cell::Cell;
use std::io;
use std::ops::Range;

use super::checkpoint::CheckpointError;
use super::durable;
use super::failure::{CosignatureError, LedgerError, OpenError, ProofError, SettleError, SyncError};
use super::files::{self, Files};
use super::growth::{Growth, Rim};
use super::hash::Hash;
use super::key::{SecretKey, VerifierKey};
use super::leaf::Commitment;
use super::note::Note;
use super::proof::{self, Nodes};
use super::receipt::Receipt;
use super::recent::Recent;
use super::recover::{recover, walk};
use super::signer::Signer;
use super::spine::Spine;
use super::store::{CHECKPOINT, LOCK};
use super::tile::{TILE_HEIGHT, TILE_WIDTH};
use super::tiles::{ReadError, Tiles};
use super::tree::TreeHead;
use super::unwritten::Unwritten;
use super::witness::Submission;

/// A batch worked out in memory. The database makes it part of the log, nothing else does.
#[derive(Clone, Debug)]
#[must_use = "commit its leaves and its head to the database, then settle it"]
pub struct Prepared {
    base: TreeHead,
    growth: Growth,
}

impl Prepared {
    /// The head that has to stand in the database for the commit.
    pub const fn base(&self) -> TreeHead {
        self.base
    }

    /// The head to put there.
    pub const fn head(&self) -> TreeHead {
        self.growth.head()
    }

    /// Where its leaves will stand.
    pub const fn indexes(&self) -> Range<u64> {
        self.base.size..self.growth.head().size
    }
}

/// A tree's newest checkpoint.
#[derive(Clone, Debug)]
struct Signed {
    head: TreeHead,
    note: Note,
    bytes: Vec<u8>,
}

impl Signed {
    fn new(head: TreeHead, note: Note) -> Self {
        let bytes = note.to_bytes();
        Self { head, note, bytes }
    }
}

/// The writer of a log beside a database; there is one in each folder.
#[derive(Debug)]
pub struct Ledger<F: Files> {
    tiles: Tiles<F>,
    _lock: F::Lock,
    signer: Signer,
    rim: Rim,
    spine: Spine,
    recent: Recent,
    newest: Signed,
    /// Of the tree that is in the files.
    published: Signed,
    unwritten: Unwritten,
    synced: TreeHead,
    bytes_lost: bool,
}

impl<F: Files> Ledger<F> {
    /// Opens a log's folder, or begins one, and brings it to the head of the database.
    ///
    /// `leaves` answers the database's leaves from a place on, as many as it likes up to a limit; it is asked for all that came after
    /// the sync point, twice.
    ///
    /// # Errors
    /// [`OpenError::RolledBack`] if more was published than the database has, and [`OpenError::Fork`] if something else was. The folder
    /// is then as it was.
    pub fn open<E>(
        files: F,
        origin: &str,
        key: SecretKey,
        head: TreeHead,
        leaves: impl FnMut(u64, usize) -> Result<Vec<Commitment>, E>,
    ) -> Result<Self, LedgerError<E>> {
        let lock = files.lock(LOCK).map_err(OpenError::from)?.ok_or(OpenError::AnotherWriter)?;
        let signer = Signer::new(origin, key);
        let checkpoint = signer.sign(head).map_err(OpenError::Origin)?;
        let rim = recover(&files, &signer, (head, &checkpoint), leaves)?;
        let newest = Signed::new(head, checkpoint);
        Ok(Self {
            tiles: Tiles::new(files),
            _lock: lock,
            signer,
            spine: Spine::of(&rim.edge),
            rim,
            recent: Recent::default(),
            published: newest.clone(),
            newest,
            unwritten: Unwritten::default(),
            synced: head,
            bytes_lost: false,
        })
    }

    /// Works out what a batch makes of the tree, in memory. The ledger is as before until it is settled.
    pub fn prepare(&self, batch: &[Commitment]) -> Prepared {
        Prepared { base: self.newest.head, growth: Growth::of(&self.rim, batch) }
    }

    /// Takes in a batch that the database has committed, and publishes it.
    ///
    /// # Errors
    /// After [`SettleError::NotNext`] nothing changed; after the others the leaves are in the tree, with proofs, and [`Ledger::publish`]
    /// tries the files again.
    pub fn settle(&mut self, prepared: Prepared) -> Result<(), SettleError> {
        self.take_in(prepared)?;
        self.publish()
    }

    /// Takes in a batch that the database has committed, and leaves the files to the next [`Ledger::publish`]: under load one writing of
    /// them does for many batches.
    ///
    /// # Errors
    /// [`SettleError::NotNext`]: nothing changed.
    pub fn take_in(&mut self, prepared: Prepared) -> Result<(), SettleError> {
        let Prepared { base, mut growth } = prepared;
        if base != self.newest.head {
            return Err(SettleError::NotNext { base: base.size, size: self.newest.head.size });
        }
        growth.full.iter().for_each(|full| self.recent.push(full));
        self.unwritten.add(&mut growth);
        self.stand(growth.rim)
    }

    /// The tree is now this one.
    fn stand(&mut self, rim: Rim) -> Result<(), SettleError> {
        self.spine = Spine::of(&rim.edge);
        self.rim = rim;
        let head = self.spine.head();
        // An origin that fitted in the first checkpoint fits in all.
        let note = self.signer.sign(head).map_err(|why| SettleError::Unpublished(io::Error::other(why)))?;
        self.newest = Signed::new(head, note);
        Ok(())
    }

    /// Writes what the files lack: tiles, then the checkpoint.
    ///
    /// # Errors
    /// [`SettleError::Unpublished`] and [`SettleError::Behind`].
    pub fn publish(&mut self) -> Result<(), SettleError> {
        if self.is_published() {
            return Ok(());
        }
        if self.unwritten.is_lost() {
            return Err(SettleError::Behind { have: self.published.head.size, need: self.newest.head.size });
        }
        let written = self.write();
        if written.is_ok() {
            self.published = self.newest.clone();
        } else {
            self.unwritten.bound();
        }
        written.map_err(SettleError::Unpublished)
    }

    fn write(&mut self) -> io::Result<()> {
        let files = self.tiles.files();
        self.unwritten.write(files)?;
        for (tile, bytes) in self.rim.tiles_since(self.published.head.size) {
            self.unwritten.write_partial(files, tile, &bytes)?;
        }
        files::replace(files, CHECKPOINT, &self.newest.bytes)
    }

    /// The newest checkpoint is in the files, and all that it needs.
    pub fn is_published(&self) -> bool {
        self.published.head == self.newest.head
    }

    /// Makes durable what was published, and moves the sync point there. A crash then costs what came after it, to be written again.
    ///
    /// # Errors
    /// [`SyncError`]; the sync point is where it was.
    pub fn sync(&mut self) -> Result<(), SyncError> {
        if self.bytes_lost {
            return Err(SyncError::Reopen);
        }
        let Signed { head, bytes, .. } = &self.published;
        if *head != self.synced {
            let synced = durable::sync(self.tiles.files(), self.synced.size, head.size, bytes);
            // A file system says once that it lost bytes, and calls the next attempt a success.
            self.bytes_lost = matches!(synced, Err(SyncError::Lost(_)));
            synced?;
            self.synced = *head;
        }
        Ok(())
    }

    /// Takes in what another instance committed to the same database, or what could not be kept for the files.
    ///
    /// # Errors
    /// [`LedgerError`]. After [`LedgerError::Settle`] the leaves are in the tree; after the others nothing changed.
    pub fn catch_up<E>(
        &mut self,
        head: TreeHead,
        mut leaves: impl FnMut(u64, usize) -> Result<Vec<Commitment>, E>,
    ) -> Result<(), LedgerError<E>> {
        let own = self.newest.head;
        if head.size < own.size {
            return Err(OpenError::RolledBack { published: own.size, head: head.size }.into());
        }
        if head.size == own.size && head != own {
            return Err(OpenError::Fork { published: own.size }.into());
        }
        let again = self.unwritten.is_lost();
        if head != own || again {
            let start = if again { self.published_rim()? } else { self.rim.clone() };
            walk(start.clone(), head, &[own], &mut leaves, |_| Ok(()))?;
            self.unwritten.begin_again();
            let (files, recent, unwritten) = (self.tiles.files(), &mut self.recent, &mut self.unwritten);
            let walked = walk(start, head, &[own], &mut leaves, |growth| {
                growth.full.iter().for_each(|full| recent.push(full));
                unwritten.add(growth);
                if unwritten.write(files).is_err() {
                    unwritten.bound();
                }
                Ok(())
            });
            // What was read and compared a moment ago is not there any more.
            let rim = walked.inspect_err(|_| self.unwritten.forget())?;
            self.stand(rim)?;
        }
        Ok(self.publish()?)
    }

    fn published_rim(&self) -> Result<Rim, OpenError> {
        let head = self.published.head;
        Rim::read(self.tiles.files(), head)?.ok_or(OpenError::Damaged { size: head.size })
    }

    /// Shows that a leaf is in the tree of the newest checkpoint; the caller adds what the leaf said.
    ///
    /// For the newest leaves, some ten thousand, no file is read.
    ///
    /// # Errors
    /// [`ProofError`]: a receipt that would not verify is never handed out.
    pub fn receipt(&self, index: u64) -> Result<Receipt, ProofError> {
        let Signed { head, bytes, .. } = &self.newest;
        let tree = self.tree();
        let path = self.spine.inclusion(&tree, index)?.ok_or(ProofError::Beyond { size: head.size })?;
        // What is in memory was hashed here; what was read is to be compared.
        if (tree.has_read.get() || cfg!(debug_assertions)) && !head.includes(index, &tree.node(0, index)?, &path) {
            return Err(ProofError::Damaged { size: head.size });
        }
        Ok(Receipt { index, path, checkpoint: bytes.clone(), opening: None })
    }

    /// The same in the tree of an older checkpoint, such as one that witnesses cosigned.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn receipt_at(&self, index: u64, checkpoint: &Note) -> Result<Receipt, ProofError> {
        let bytes = checkpoint.to_bytes();
        let head = self.signer.own(&bytes)?.head;
        let size = head.size.min(self.newest.head.size);
        let tree = self.tree();
        let path = proof::inclusion(&tree, index, size)?.filter(|_| size == head.size);
        let path = path.ok_or(ProofError::Beyond { size })?;
        if !head.includes(index, &tree.node(0, index)?, &path) {
            return Err(ProofError::Damaged { size });
        }
        Ok(Receipt { index, path, checkpoint: bytes, opening: None })
    }

    /// What a witness is sent that has come to `old_size`: the published checkpoint.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn submission(&self, old_size: u64) -> Result<Submission, ProofError> {
        self.submission_at(old_size, self.published.head.size)
    }

    /// The same for the checkpoint of an earlier size, so that several witnesses cosign one while the log grows.
    ///
    /// # Errors
    /// [`ProofError`]: nothing is signed, and no proof handed out, that the published tree does not go on from.
    pub fn submission_at(&self, old_size: u64, size: u64) -> Result<Submission, ProofError> {
        let (published, tree) = (self.published.head, self.tree());
        let head_at = |size| proof::root(&tree, size).map(|root| TreeHead { size, root });
        // What is on disk may have been changed; the published root was not read from there.
        let proven = |old: &TreeHead, new: &TreeHead| {
            let proof = proof::consistency(&tree, old.size, new.size)?.ok_or(ProofError::Beyond { size: new.size })?;
            if new.extends(old, &proof) { Ok(()) } else { Err(ProofError::Damaged { size: new.size }) }
        };
        if size > published.size {
            return Err(ProofError::Beyond { size: published.size });
        }
        if old_size > size {
            return Err(ProofError::Beyond { size });
        }
        let head = head_at(size)?;
        proven(&head, &published)?;
        proven(&head_at(old_size)?, &head)?;
        let checkpoint = if size == published.size {
            self.published.bytes.clone()
        } else {
            self.signer.sign(head).map_err(CheckpointError::from)?.to_bytes()
        };
        Submission::of(&tree, old_size, size, &checkpoint)
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
        self.signer.add_cosignatures(self.tiles.files(), checkpoint, lines, witnesses)
    }

    /// The tree.
    pub const fn head(&self) -> TreeHead {
        self.newest.head
    }

    /// The newest checkpoint, published or not.
    pub const fn checkpoint(&self) -> &Note {
        &self.newest.note
    }

    /// The tree up to which the files are durable.
    pub const fn synced(&self) -> TreeHead {
        self.synced
    }

    /// The key that outsiders need.
    pub const fn public(&self) -> &VerifierKey {
        self.signer.public()
    }

    fn tree(&self) -> Tree<'_, F> {
        Tree { ledger: self, has_read: Cell::new(false) }
    }
}

/// The nodes of a ledger's tree: from memory as far as they are there, otherwise from full tiles in files.
struct Tree<'a, F: Files> {
    ledger: &'a Ledger<F>,
    has_read: Cell<bool>,
}

impl<F: Files> Nodes for Tree<'_, F> {
    type Error = ReadError;

    fn node(&self, height: u8, index: u64) -> Result<Hash, ReadError> {
        let Ledger { rim, recent, tiles, newest, .. } = self.ledger;
        let (level, row) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let in_row = TILE_WIDTH >> row;
        let (tile, at) = (index / in_row, index % in_row);
        let full = newest.head.size.checked_shr(u32::from(level + 1) * u32::from(TILE_HEIGHT)).unwrap_or(0);
        let rows = if tile == full { rim.edge.rows(level) } else { recent.rows(level, tile) };
        if let Some(rows) = rows {
            return rows.node(row, at).ok_or(ReadError::Beyond);
        }
        self.has_read.set(true);
        tiles.tree(newest.head.size).node(height, index)
    }
}
