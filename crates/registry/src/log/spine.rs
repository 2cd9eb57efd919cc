//! The right side of a tree, worked out once for each head: a proof is then looked up, not hashed.

use super::hash::Hash;
use super::proof::Nodes;
use super::tree::{Edge, TreeHead};

/// The perfect trees that a tree falls into.
#[derive(Clone, Debug, Default)]
pub(super) struct Spine {
    size: u64,
    /// Height and root, the largest first.
    peaks: Vec<(u8, Hash)>,
    /// The root over each peak and all to its right.
    right: Vec<Hash>,
}

impl Spine {
    pub(super) fn of(edge: &Edge) -> Self {
        let peaks = edge.peaks();
        let mut right: Vec<Hash> = Vec::with_capacity(peaks.len());
        for (_, peak) in peaks.iter().rev() {
            right.push(right.last().map_or(*peak, |right| Hash::node(peak, right)));
        }
        right.reverse();
        Self { size: edge.size(), peaks, right }
    }

    pub(super) fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.right.first().copied().unwrap_or(Hash::EMPTY) }
    }

    /// The path from a leaf to the root, the leaf's sibling first; none if there is no such leaf.
    pub(super) fn inclusion<N: Nodes>(&self, nodes: &N, index: u64) -> Result<Option<Vec<Hash>>, N::Error> {
        if index >= self.size {
            return Ok(None);
        }
        // The peaks to the left of the leaf's own are those that the leaf's index shares with the size from the top down.
        let height = (index ^ self.size).ilog2();
        let Some(own) = self.peaks.iter().position(|(peak, _)| u32::from(*peak) == height) else { return Ok(None) };
        let mut path = Vec::with_capacity(height as usize + own + 1);
        for height in 0..self.peaks[own].0 {
            path.push(nodes.node(height, (index >> height) ^ 1)?);
        }
        path.extend(self.right.get(own + 1));
        path.extend(self.peaks[..own].iter().rev().map(|(_, peak)| *peak));
        Ok(Some(path))
    }
}
