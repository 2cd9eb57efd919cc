//! A tile's hashes and every node above them that they make up: what proofs look up.

use super::hash::Hash;
use super::tile::TILE_HEIGHT;

/// Hashes of a full tile.
const WIDTH: usize = 256;

/// Nodes of a full tile.
const NODES: usize = 2 * WIDTH - 1;

/// The rows of one tile, which grows by a hash at a time.
///
/// Shape: row 0 has the tile's hashes; each above has a node for two of the one below it, and row 8 of a full tile its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    width: usize,
    /// Row after row, each at the place that it has in a full tile; what is not there yet is the empty hash.
    nodes: Vec<Hash>,
}

impl Rows {
    pub(super) fn of(hashes: &[Hash]) -> Self {
        let mut rows = Self { width: hashes.len().min(WIDTH), nodes: vec![Hash::EMPTY; NODES] };
        rows.nodes[..rows.width].copy_from_slice(&hashes[..rows.width]);
        for row in 1..=usize::from(TILE_HEIGHT) {
            let (below, above) = (offset(row - 1), offset(row));
            for at in 0..rows.width >> row {
                rows.nodes[above + at] = Hash::node(&rows.nodes[below + 2 * at], &rows.nodes[below + 2 * at + 1]);
            }
        }
        rows
    }

    /// The tile's own hashes.
    pub fn hashes(&self) -> &[Hash] {
        &self.nodes[..self.width]
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// The next hash, of a tile that is not full.
    pub(super) fn push(&mut self, hash: Hash) {
        debug_assert!(!self.is_full());
        let mut at = self.width;
        self.nodes[at] = hash;
        self.width += 1;
        for row in 1..=usize::from(TILE_HEIGHT) {
            if at & 1 == 0 {
                return;
            }
            let right = offset(row - 1) + at;
            at >>= 1;
            self.nodes[offset(row) + at] = Hash::node(&self.nodes[right - 1], &self.nodes[right]);
        }
    }

    /// A node that the hashes make up; none that they do not.
    pub(super) fn node(&self, row: u8, at: u64) -> Option<Hash> {
        let row = usize::from(row);
        let at = usize::try_from(at).ok()?;
        (row <= usize::from(TILE_HEIGHT) && at < self.width >> row).then(|| self.nodes[offset(row) + at])
    }
}

/// Where a row begins.
const fn offset(row: usize) -> usize {
    2 * WIDTH - ((2 * WIDTH) >> row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_that_grew_is_the_tile_that_was_read() {
        let hashes: Vec<Hash> = (0..=255).map(|at| Hash::leaf(&[at])).collect();
        let mut grown = Rows::of(&[]);
        for (at, hash) in hashes.iter().enumerate() {
            assert_eq!(grown, Rows::of(&hashes[..at]));
            grown.push(*hash);
        }
        assert!(grown.is_full());
        let mut row = hashes;
        for number in 0..=8_u8 {
            let nodes: Vec<Hash> = (0..row.len() as u64).filter_map(|at| grown.node(number, at)).collect();
            assert_eq!(nodes, row);
            assert_eq!(grown.node(number, row.len() as u64), None);
            row = row.as_chunks().0.iter().map(|[left, right]| Hash::node(left, right)).collect();
        }
        assert_eq!(grown.node(9, 0), None);
    }
}
