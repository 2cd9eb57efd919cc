//! A tree read from its tiles, a few of which are kept with all their inner hashes.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::ReadFiles;
use super::hash::{HASH_BYTES, Hash};
use super::leaf::{COMMITMENT_BYTES, Commitment};
use super::proof::Nodes;
use super::rows::Rows;
use super::tile::{Layer, TILE_HEIGHT, TILE_WIDTH, Tile};

/// Tiles above the leaves' that are kept: with 16 KB each, all of a log of 67 million leaves.
const KEPT_ABOVE: usize = 1024;

/// Tiles of leaves that are kept.
const KEPT_LEAVES: usize = 256;

/// What stands before each entry: its length.
pub(super) const ENTRY_LENGTH: [u8; 2] = [0, 32];

/// Bytes of an entry with those of its length.
pub(super) const ENTRY_BYTES: usize = ENTRY_LENGTH.len() + COMMITMENT_BYTES;

/// Why a tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system.
    #[error("{path}: {why}")]
    Io {
        /// Which file.
        path: String,
        /// What it said.
        #[source]
        why: io::Error,
    },
    /// No such file.
    #[error("{tile} is missing")]
    Missing {
        /// The tile.
        tile: Tile,
    },
    /// Shorter or longer than it has to be.
    #[error("{tile} has {found} bytes instead of {wanted}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Its bytes.
        found: usize,
        /// What they have to be.
        wanted: usize,
    },
    /// An entry that is no commitment.
    #[error("{tile}: entry {at} of it is no commitment")]
    Entry {
        /// The tile.
        tile: Tile,
        /// Which of its entries, from 0.
        at: usize,
    },
    /// Beyond the tree.
    #[error("the tree has no such node")]
    Beyond,
}

/// Reads the hashes of a tile, from the full one where the partial is gone or never was.
pub(super) fn read_hashes(files: &impl ReadFiles, tile: Tile) -> Result<Vec<Hash>, ReadError> {
    let bytes = read(files, tile, HASH_BYTES)?;
    Ok(Hash::split(&bytes))
}

/// Reads the entries of a tile.
pub(super) fn read_entries(files: &impl ReadFiles, tile: Tile) -> Result<Vec<Commitment>, ReadError> {
    let bytes = read(files, tile, ENTRY_BYTES)?;
    let commitment = |(at, entry): (usize, &[u8; ENTRY_BYTES])| split_entry(entry).ok_or(ReadError::Entry { tile, at });
    bytes.as_chunks().0.iter().enumerate().map(commitment).collect()
}

/// The commitment of an entry, if its length is that of one.
pub(super) fn split_entry(entry: &[u8; ENTRY_BYTES]) -> Option<Commitment> {
    entry.strip_prefix(&ENTRY_LENGTH)?.try_into().ok().map(Commitment)
}

pub(super) fn read(files: &impl ReadFiles, tile: Tile, each: usize) -> Result<Vec<u8>, ReadError> {
    let wanted = usize::from(tile.width) * each;
    let io = |path: String| |why| ReadError::Io { path, why };
    if let Some(bytes) = files.read(&tile.path()).map_err(io(tile.path()))? {
        let found = bytes.len();
        return if found == wanted { Ok(bytes) } else { Err(ReadError::Length { tile, found, wanted }) };
    }
    let full = tile.filled();
    let mut bytes = files.read(&full.path()).map_err(io(full.path()))?.ok_or(ReadError::Missing { tile })?;
    let (found, whole) = (bytes.len(), usize::from(full.width) * each);
    if found != whole {
        return Err(ReadError::Length { tile: full, found, wanted: whole });
    }
    bytes.truncate(wanted);
    Ok(bytes)
}

/// The bytes of a tile of entries.
pub(super) fn join_entries(entries: &[Commitment]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&ENTRY_LENGTH);
        bytes.extend_from_slice(&entry.0);
    }
    bytes
}

/// A folder of tiles. What it reads is not checked: a proof is, against a head that one trusts.
#[derive(Debug)]
pub struct Tiles<F> {
    files: F,
    above: Mutex<HashMap<Tile, Arc<Rows>>>,
    leaves: Mutex<HashMap<Tile, Arc<Rows>>>,
}

impl<F: ReadFiles> Tiles<F> {
    /// Over these files.
    pub fn new(files: F) -> Self {
        Self { files, above: Mutex::default(), leaves: Mutex::default() }
    }

    /// The files.
    pub const fn files(&self) -> &F {
        &self.files
    }

    /// The tree of the first `size` leaves.
    pub const fn tree(&self, size: u64) -> TiledTree<'_, F> {
        TiledTree { tiles: self, size }
    }

    /// The leaf at a place of a tree of `size`.
    pub fn entry(&self, index: u64, size: u64) -> Result<Commitment, ReadError> {
        if index >= size {
            return Err(ReadError::Beyond);
        }
        let tile = Tile::in_tree(Layer::Entries, index / TILE_WIDTH, size).ok_or(ReadError::Beyond)?;
        let entries = read_entries(&self.files, tile)?;
        entries.get(usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX)).copied().ok_or(ReadError::Beyond)
    }

    fn rows(&self, tile: Tile) -> Result<Arc<Rows>, ReadError> {
        let (kept, most) = match tile.layer {
            Layer::Hashes(0) | Layer::Entries => (&self.leaves, KEPT_LEAVES),
            Layer::Hashes(_) => (&self.above, KEPT_ABOVE),
        };
        if let Some(rows) = lock(kept).get(&tile) {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(Rows::of(&read_hashes(&self.files, tile)?));
        let mut kept = lock(kept);
        if kept.len() >= most {
            // All of them go at once: they come back in a few reads, and no order of use has to be kept.
            kept.clear();
        }
        kept.insert(tile, Arc::clone(&rows));
        Ok(rows)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A map of what is on disk is whole after a panic too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first leaves of a folder of tiles.
#[derive(Debug)]
pub struct TiledTree<'a, F> {
    tiles: &'a Tiles<F>,
    size: u64,
}

impl<F: ReadFiles> Nodes for TiledTree<'_, F> {
    type Error = ReadError;

    fn node(&self, height: u8, index: u64) -> Result<Hash, ReadError> {
        let row = height % TILE_HEIGHT;
        let in_row = TILE_WIDTH >> row;
        let tile = Tile::in_tree(Layer::Hashes(height / TILE_HEIGHT), index / in_row, self.size);
        let rows = self.tiles.rows(tile.ok_or(ReadError::Beyond)?)?;
        rows.node(row, index % in_row).ok_or(ReadError::Beyond)
    }
}
