//! What a batch of leaves makes of a tree: its next head, and every tile that has to be written for it.

use std::io;
use std::sync::Arc;

use super::files::{Files, ReadFiles, Whole};
use super::hash::Hash;
use super::leaf::Commitment;
use super::rows::Rows;
use super::tile::{Layer, TILE_WIDTH, Tile};
use super::tiles::{ReadError, join_entries, read_entries, read_hashes};
use super::tree::{Edge, TreeHead};

/// A tree's edge with the entries that no full tile has yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rim {
    pub(super) edge: Edge,
    /// Shorter than a tile.
    pub(super) entries: Vec<Commitment>,
}

impl Rim {
    /// The rim of this head from its partial tiles; none if they do not come to it.
    pub(super) fn read(files: &impl ReadFiles, head: TreeHead) -> Result<Option<Self>, ReadError> {
        let mut levels = Vec::new();
        let mut entries = Vec::new();
        let mut above = head.size;
        while above > 0 {
            levels.push(Vec::new());
            above /= TILE_WIDTH;
        }
        for tile in Tile::partial(head.size) {
            match tile.layer {
                Layer::Entries => entries = read_entries(files, tile)?,
                Layer::Hashes(level) => levels[usize::from(level)] = read_hashes(files, tile)?,
            }
        }
        let Some(edge) = Edge::new(head.size, &levels) else { return Ok(None) };
        let whole = edge.head() == head && entries.iter().map(Commitment::leaf).eq(edge.level(0).iter().copied());
        Ok(whole.then_some(Self { edge, entries }))
    }

    /// The partial tiles with their bytes, without those that a tree of `before` leaves has too.
    pub(super) fn tiles_since(&self, before: u64) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        Tile::partial(self.edge.size()).filter(move |tile| Tile::partial(before).all(|old| old != *tile)).map(|tile| {
            let bytes = match tile.layer {
                Layer::Entries => join_entries(&self.entries),
                Layer::Hashes(level) => Hash::join(self.edge.level(level)),
            };
            (tile, bytes)
        })
    }
}

/// A full tile of hashes.
#[derive(Clone, Debug)]
pub(super) struct Full {
    pub(super) level: u8,
    pub(super) index: u64,
    pub(super) rows: Arc<Rows>,
}

/// A batch worked out and not yet written.
#[derive(Clone, Debug)]
pub struct Growth {
    before: u64,
    head: TreeHead,
    pub(super) rim: Rim,
    /// Full tiles of entries, with their bytes.
    pub(super) entries: Vec<(Tile, Vec<u8>)>,
    /// Full tiles of hashes.
    pub(super) full: Vec<Full>,
}

impl Growth {
    /// Adds these leaves, in this order.
    pub fn of(rim: &Rim, batch: &[Commitment]) -> Self {
        let before = rim.edge.size();
        let Rim { mut edge, mut entries } = rim.clone();
        let mut full = Vec::new();
        let mut full_entries = Vec::new();
        for commitment in batch {
            entries.push(*commitment);
            edge.push(commitment.leaf(), |level, index, rows| full.push(Full { level, index, rows }));
            if entries.len() as u64 == TILE_WIDTH {
                let index = edge.size() / TILE_WIDTH - 1;
                full_entries.push((Tile { layer: Layer::Entries, index, width: 256 }, join_entries(&entries)));
                entries.clear();
            }
        }
        Self { before, head: edge.head(), rim: Rim { edge, entries }, entries: full_entries, full }
    }

    /// The tree after it.
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The edge after it.
    pub const fn rim(&self) -> &Rim {
        &self.rim
    }

    /// The tiles to be written, with their bytes. A partial tile that the batch did not touch is on disk already.
    pub(super) fn tiles(&self) -> Vec<(Tile, Vec<u8>)> {
        let full = self.full.iter().map(Full::bytes);
        self.entries.iter().cloned().chain(full).chain(self.rim.tiles_since(self.before)).collect()
    }

    /// Writes the tiles durably. `recovering`: also makes the folders above durable, which an earlier run may not have come to.
    pub(super) fn write(&self, files: &impl Files, recovering: bool) -> io::Result<()> {
        let tiles: Vec<(String, Vec<u8>)> =
            self.tiles().into_iter().map(|(tile, bytes)| (tile.path(), bytes)).collect();
        let mut whole = Whole::new(files);
        tiles.iter().for_each(|(path, bytes)| whole.put(path, bytes));
        if recovering {
            whole.with_ancestors();
        }
        whole.finish()
    }

    /// The partial tiles that are full now.
    pub(super) fn outgrown(&self) -> impl Iterator<Item = Tile> {
        Tile::partial(self.before)
            .filter(|old| Tile::in_tree(old.layer, old.index, self.head.size).is_some_and(|now| now.is_full()))
    }
}

impl Full {
    pub(super) fn bytes(&self) -> (Tile, Vec<u8>) {
        let tile = Tile { layer: Layer::Hashes(self.level), index: self.index, width: 256 };
        (tile, Hash::join(self.rows.hashes()))
    }
}
