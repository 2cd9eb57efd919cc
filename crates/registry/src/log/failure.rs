//! Why a log does not open, does not take a batch, or does not prove.

use std::io;

use super::checkpoint::CheckpointError;
use super::head::HeadError;
use super::note::NoteError;
use super::store::MAX_BATCH;
use super::tiles::ReadError;
use super::tree::TreeHead;

/// Why a log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A tile.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The place of the head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The origin does not fit in a note.
    #[error("no origin of a log: {0}")]
    Origin(NoteError),
    /// Another writer has it open.
    #[error("another writer has this log open")]
    AnotherWriter,
    /// Another wrote the first head at this moment.
    #[error("another writer began this log at this moment")]
    Overtaken,
    /// The published checkpoint is no checkpoint of this log and this key.
    #[error("the published checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// The head is older than what was published: it was put back.
    #[error("a tree of {published} leaves was published, and the head says {head}: the head was put back")]
    RolledBack {
        /// Leaves of the published tree.
        published: u64,
        /// Leaves of the head.
        head: u64,
    },
    /// The head is of a tree that does not go on from what was published.
    #[error("what was published of the first {published} leaves is not what the head stands for: a fork")]
    Fork {
        /// Leaves of the published tree.
        published: u64,
    },
    /// The head has leaves that are not in this folder: [`super::Log::restore`] takes them from where they are.
    #[error("the head has {need} leaves, of which {have} are here")]
    Behind {
        /// Leaves here.
        have: u64,
        /// Leaves of the head.
        need: u64,
    },
    /// The tiles do not come to the head's root.
    #[error("the tiles at the edge do not come to the root over {size} leaves")]
    Damaged {
        /// Leaves of that tree.
        size: u64,
    },
}

/// Why a batch is not in the log, or not yet readable.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No leaves, or more than [`MAX_BATCH`].
    #[error("a batch has 1 to {MAX_BATCH} leaves")]
    Size,
    /// It could not be staged; nothing changed.
    #[error("staging the batch: {0}")]
    Stage(io::Error),
    /// The place of the head failed. If it swapped, opening the log again finds the batch.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Another writer went on from here; nothing changed.
    #[error("another writer went on from {base} leaves")]
    Overtaken {
        /// Leaves that this log has.
        base: u64,
        /// What stands.
        stands: Option<TreeHead>,
    },
    /// The batch was worked out for another tree than the log has now.
    #[error("the batch follows {base} leaves, and the log has {size}")]
    NotNext {
        /// Where the batch begins.
        base: u64,
        /// Where the log is.
        size: u64,
    },
    /// It is committed, but its tiles could not be written. Settle it again, or open the log again.
    #[error("the batch is committed and not yet readable: {0}")]
    Unsettled(io::Error),
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A tile.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The checkpoint is not one of this log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tree has no such leaf, or not so many.
    #[error("the tree has {size} leaves")]
    Beyond {
        /// Its leaves.
        size: u64,
    },
    /// The tiles on disk do not come to the checkpoint's root: one of them was changed.
    #[error("what is on disk does not come to the root over {size} leaves")]
    Damaged {
        /// Leaves of that tree.
        size: u64,
    },
}

/// Why cosignatures were not kept.
#[derive(Debug, thiserror::Error)]
pub enum CosignatureError {
    /// The checkpoint is not one of this log, or a cosignature is wrong.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why a ledger does not open, or does not come to another's leaves.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError<E> {
    /// The folder, or what was published from it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database's leaves could not be read.
    #[error("the leaves: {0}")]
    Leaves(E),
    /// The database's leaves are not those of its head.
    #[error("the leaves of the database do not come to its own root over {size} leaves")]
    Differs {
        /// Leaves of the head.
        size: u64,
    },
    /// The leaves are in the tree, and the files lack them.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

/// Why what the database committed is not to be read in the folder yet.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The batch was prepared for another tree than the ledger has now; nothing changed.
    #[error("the batch follows {base} leaves, and the ledger has {size}")]
    NotNext {
        /// Where the batch begins.
        base: u64,
        /// Where the ledger is.
        size: u64,
    },
    /// The files could not be written. The leaves are in the tree; publish again.
    #[error("the leaves are in the tree and not yet in its files: {0}")]
    Unpublished(io::Error),
    /// So much could not be written that it was not kept: [`super::Ledger::catch_up`] brings it again.
    #[error("{have} of {need} leaves are in the files, and the rest has to be brought again")]
    Behind {
        /// Leaves of the published tree.
        have: u64,
        /// Leaves of the tree.
        need: u64,
    },
}

/// Why files are not known to be durable.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The file system; sync again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file system could not make bytes durable, and may have forgotten them. The next start writes them again from the database.
    #[error("bytes may be lost on their way to the disk; the next start writes them again: {0}")]
    Lost(io::Error),
    /// That happened before: nothing is known to be durable until the ledger is opened again.
    #[error("bytes were lost on their way to the disk; open the ledger again")]
    Reopen,
}
