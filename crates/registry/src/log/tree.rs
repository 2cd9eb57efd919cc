//! A tree that grows: its head, and the edge that the next leaf joins.

use std::sync::Arc;

use super::hash::Hash;
use super::rows::Rows;
use super::tile::{TILE_HEIGHT, TILE_WIDTH};

/// How many leaves a tree has, and their root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl TreeHead {
    /// The head of a tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: Hash::EMPTY };
}

/// The hashes that no full tile has taken in yet, level by level, with the nodes over them: all that a tree needs in order to grow.
///
/// A copy is cheap: it shares the levels until one of the two grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Each shorter than a tile.
    levels: Vec<Arc<Rows>>,
}

impl Edge {
    /// The edge of a tree of `size` leaves from the hashes of its partial tiles, level 0 first; none if the counts do not fit.
    pub fn new(size: u64, levels: &[Vec<Hash>]) -> Option<Self> {
        let mut rest = size;
        for level in levels {
            if level.len() as u64 != rest % TILE_WIDTH {
                return None;
            }
            rest /= TILE_WIDTH;
        }
        let levels = levels.iter().map(|level| Arc::new(Rows::of(level))).collect();
        (rest == 0).then_some(Self { size, levels })
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of a level; empty where there is none.
    pub fn level(&self, level: u8) -> &[Hash] {
        self.rows(level).map_or(&[], Rows::hashes)
    }

    /// Levels that have or had a hash.
    pub fn levels(&self) -> impl Iterator<Item = &[Hash]> {
        self.levels.iter().map(|rows| rows.hashes())
    }

    pub(super) fn rows(&self, level: u8) -> Option<&Rows> {
        self.levels.get(usize::from(level)).map(Arc::as_ref)
    }

    /// Adds a leaf; `full` is given level, index and rows of each tile that it completes.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(u8, u64, Arc<Rows>)) {
        self.size += 1;
        let mut carried = Some(leaf);
        let mut above = self.size;
        for number in 0.. {
            let Some(hash) = carried.take() else { return };
            if self.levels.len() == usize::from(number) {
                self.levels.push(Arc::new(Rows::of(&[])));
            }
            let level = &mut self.levels[usize::from(number)];
            Arc::make_mut(level).push(hash);
            above /= TILE_WIDTH;
            if level.is_full() {
                carried = level.node(TILE_HEIGHT, 0);
                full(number, above - 1, std::mem::replace(level, Arc::new(Rows::of(&[]))));
            }
        }
    }

    /// The roots of the perfect trees that the leaves fall into, the largest first, each with its height.
    pub(super) fn peaks(&self) -> Vec<(u8, Hash)> {
        let mut peaks = Vec::new();
        for (level, rows) in (0_u8..).zip(&self.levels) {
            for row in 0..TILE_HEIGHT {
                let in_row = rows.width() >> row;
                if in_row & 1 == 1 {
                    peaks.extend(rows.node(row, in_row as u64 - 1).map(|hash| (level * TILE_HEIGHT + row, hash)));
                }
            }
        }
        peaks.reverse();
        peaks
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        let hashes = self.peaks().into_iter().map(|(_, hash)| hash).rev();
        let root = hashes.reduce(|right, left| Hash::node(&left, &right));
        TreeHead { size: self.size, root: root.unwrap_or(Hash::EMPTY) }
    }
}

/// Joins hashes of one level, and to their right what smaller trees come to.
///
/// The peaks of the hashes are the perfect trees that the ones of their count's binary form stand for, the smallest at the right.
pub(super) fn fold(hashes: &[Hash], mut right: Option<Hash>) -> Option<Hash> {
    let mut rest = hashes;
    while !rest.is_empty() {
        let (before, peak) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
        let peak = perfect(peak);
        right = Some(right.map_or(peak, |right| Hash::node(&peak, &right)));
        rest = before;
    }
    right
}

/// The root over a power of two of hashes.
fn perfect(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        for at in 0..row.len() / 2 {
            row[at] = Hash::node(&row[2 * at], &row[2 * at + 1]);
        }
        row.truncate(row.len() / 2);
    }
    row.first().copied().unwrap_or(Hash::EMPTY)
}
