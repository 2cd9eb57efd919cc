//! A tree that grows: its head, and the edge that the next leaf joins.

use super::hash::Hash;
use super::tile::TILE_WIDTH;

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

/// The hashes that no full tile has taken in yet, level by level: all that a tree needs in order to grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Each shorter than a tile.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree of `size` leaves from the hashes of its partial tiles, level 0 first; none if the counts do not fit.
    pub fn new(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let mut rest = size;
        for level in &levels {
            if level.len() as u64 != rest % TILE_WIDTH {
                return None;
            }
            rest /= TILE_WIDTH;
        }
        (rest == 0).then_some(Self { size, levels })
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of a level; empty where there is none.
    pub fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Levels that have or had a hash.
    pub fn levels(&self) -> impl Iterator<Item = &[Hash]> {
        self.levels.iter().map(Vec::as_slice)
    }

    /// Adds a leaf; `full` is given level, index and hashes of each tile that it completes.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(u8, u64, &[Hash])) {
        self.size += 1;
        let mut carried = Some(leaf);
        let mut above = self.size;
        for number in 0.. {
            let Some(hash) = carried.take() else { return };
            if self.levels.len() == usize::from(number) {
                self.levels.push(Vec::with_capacity(256));
            }
            let level = &mut self.levels[usize::from(number)];
            level.push(hash);
            above /= TILE_WIDTH;
            if level.len() as u64 == TILE_WIDTH {
                full(number, above - 1, level);
                carried = Some(perfect(level));
                level.clear();
            }
        }
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        let root = self.levels.iter().fold(None, |right, level| fold(level, right));
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
