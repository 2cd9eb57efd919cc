//! What a batch of leaves makes of a tree: its next head, and every tile that has to be written for it.

use super::hash::Hash;
use super::leaf::Commitment;
use super::tile::{Layer, TILE_WIDTH, Tile};
use super::tiles::join_entries;
use super::tree::{Edge, TreeHead};

/// A tree's edge with the entries that no full tile has yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rim {
    pub(super) edge: Edge,
    /// Shorter than a tile.
    pub(super) entries: Vec<Commitment>,
}

/// A batch worked out and not yet written.
#[derive(Clone, Debug)]
pub struct Growth {
    pub(super) rim: Rim,
    head: TreeHead,
    pub(super) tiles: Vec<(Tile, Vec<u8>)>,
    pub(super) outgrown: Vec<Tile>,
}

impl Growth {
    /// Adds these leaves, in this order.
    pub fn of(rim: &Rim, batch: &[Commitment]) -> Self {
        let before = rim.edge.size();
        let Rim { mut edge, mut entries } = rim.clone();
        let mut tiles = Vec::new();
        for commitment in batch {
            entries.push(*commitment);
            edge.push(commitment.leaf(), |level, index, hashes| {
                tiles.push((Tile { layer: Layer::Hashes(level), index, width: 256 }, Hash::join(hashes)));
            });
            if entries.len() as u64 == TILE_WIDTH {
                let index = edge.size() / TILE_WIDTH - 1;
                tiles.push((Tile { layer: Layer::Entries, index, width: 256 }, join_entries(&entries)));
                entries.clear();
            }
        }
        let head = edge.head();
        // A partial tile that the batch did not touch is on disk already.
        let old: Vec<Tile> = Tile::partial(before).collect();
        for tile in Tile::partial(head.size).filter(|tile| !old.contains(tile)) {
            let bytes = match tile.layer {
                Layer::Entries => join_entries(&entries),
                Layer::Hashes(level) => Hash::join(edge.level(level)),
            };
            tiles.push((tile, bytes));
        }
        let outgrown = old.into_iter().filter(|tile| tiles.iter().any(|(new, _)| *new == tile.filled())).collect();
        Self { rim: Rim { edge, entries }, head, tiles, outgrown }
    }

    /// The tree after it.
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The edge after it.
    pub const fn rim(&self) -> &Rim {
        &self.rim
    }

    /// Bytes of the tiles to be written.
    pub fn bytes(&self) -> usize {
        self.tiles.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}
