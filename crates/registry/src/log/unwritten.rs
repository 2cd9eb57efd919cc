//! What a ledger's files still lack: full tiles that wait for a file system that takes them.

use std::collections::VecDeque;
use std::io;

use super::files::{self, Files};
use super::growth::{Full, Growth};
use super::tile::Tile;

/// Tiles of entries that are kept while files cannot be written: 65,536 leaves, some 8 MB in all.
const MOST: usize = 256;

/// Full tiles, the oldest first; partial ones follow from the tree's rim.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    entries: VecDeque<(Tile, Vec<u8>)>,
    hashes: VecDeque<Full>,
    /// Partial tiles that were written in part: they must not stay for readers to find.
    spoiled: Vec<Tile>,
    /// There were more than are kept.
    lost: bool,
}

impl Unwritten {
    pub(super) fn add(&mut self, growth: &mut Growth) {
        if !self.lost {
            self.entries.extend(growth.entries.drain(..));
            self.hashes.extend(growth.full.drain(..));
        }
    }

    /// Some are not here any more, and have to be brought again.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// They are brought again.
    pub(super) fn begin_again(&mut self) {
        self.lost = false;
    }

    /// Forgets them if there are too many.
    pub(super) fn bound(&mut self) {
        if self.entries.len() > MOST {
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        self.entries = VecDeque::new();
        self.hashes = VecDeque::new();
        self.lost = true;
    }

    /// Writes those that are here; what fails stays.
    pub(super) fn write(&mut self, files: &impl Files) -> io::Result<()> {
        while let Some(tile) = self.spoiled.last() {
            files.remove(&tile.path())?;
            self.spoiled.pop();
        }
        while let Some((tile, bytes)) = self.entries.front() {
            files::write(files, &tile.path(), bytes)?;
            self.entries.pop_front();
        }
        while let Some(full) = self.hashes.front() {
            let (tile, bytes) = full.bytes();
            files::write(files, &tile.path(), &bytes)?;
            self.hashes.pop_front();
        }
        Ok(())
    }

    /// Writes a partial tile.
    pub(super) fn write_partial(&mut self, files: &impl Files, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        files::write(files, &tile.path(), bytes).inspect_err(|_| self.spoiled.push(tile))
    }
}
