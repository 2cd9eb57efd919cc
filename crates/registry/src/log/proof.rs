//! Proofs that a leaf is in a tree and that a tree goes on from an older one: RFC 6962, sections 2.1.1 and 2.1.2.

use super::hash::Hash;
use super::tree::TreeHead;

/// A tree's perfect subtrees.
pub trait Nodes {
    /// Why a hash could not be had.
    type Error;

    /// The root over the leaves from `index << height` to `(index + 1) << height`, all of which the tree has.
    fn node(&self, height: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The root over the first `size` leaves.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(Hash::EMPTY) } else { span(nodes, 0, size) }
}

/// The path from a leaf to the root of `size` leaves, the leaf's sibling first; none if there is no such leaf.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(span(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(span(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// Shows that the first `old` of `new` leaves are as they were; empty if `old` is 0 or `new`, none if it is more.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    let mut path = Vec::new();
    if old == 0 {
        return Ok(Some(path));
    }
    let (mut from, mut to) = (0, new);
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(span(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(span(nodes, from, middle)?);
            from = middle;
        }
    }
    // Who checks the proof has the old root already, and needs no hash for it where the old tree is perfect.
    if from > 0 {
        path.push(span(nodes, from, to)?);
    }
    path.reverse();
    Ok(Some(path))
}

impl TreeHead {
    /// The path leads from this leaf, at this place, to the root.
    pub fn includes(&self, index: u64, leaf: &Hash, path: &[Hash]) -> bool {
        if index >= self.size {
            return false;
        }
        // Up to here the leaf's way and the last leaf's are apart, and its siblings are left or right; from here on they are left.
        let apart = u64::BITS - (index ^ (self.size - 1)).leading_zeros();
        let left = index.checked_shr(apart).unwrap_or(0).count_ones();
        if path.len() as u64 != u64::from(apart + left) {
            return false;
        }
        let mut hash = *leaf;
        let mut place = index;
        for (height, sibling) in path.iter().enumerate() {
            let sibling_is_left = height as u64 >= u64::from(apart) || place & 1 == 1;
            hash = if sibling_is_left { Hash::node(sibling, &hash) } else { Hash::node(&hash, sibling) };
            place >>= 1;
        }
        hash == self.root
    }

    /// The proof shows that this tree begins with all the leaves of the older one.
    ///
    /// Every tree begins with the empty one, by an empty proof; so does a tree with itself.
    pub fn extends(&self, old: &Self, proof: &[Hash]) -> bool {
        if old.size == 0 {
            return proof.is_empty() && old.root == Hash::EMPTY;
        }
        if old.size >= self.size {
            return proof.is_empty() && old == self;
        }
        // The last perfect subtree of the old tree is a node of the new one: both roots are built from there up.
        let height = old.size.trailing_zeros();
        let (mut place, mut last) = ((old.size - 1) >> height, (self.size - 1) >> height);
        let mut proof = proof.iter();
        let start = if old.size.is_power_of_two() { Some(&old.root) } else { proof.next() };
        let Some(start) = start else { return false };
        let (mut old_root, mut new_root) = (*start, *start);
        for hash in proof {
            if last == 0 {
                return false;
            }
            if place & 1 == 1 || place == last {
                old_root = Hash::node(hash, &old_root);
                new_root = Hash::node(hash, &new_root);
                // A last node without a right sibling rises unchanged.
                let risen = place.trailing_zeros();
                (place, last) = (place >> risen, last >> risen);
            } else {
                new_root = Hash::node(&new_root, hash);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        last == 0 && old_root == old.root && new_root == self.root
    }
}

/// The root over a part of the tree that RFC 6962 splits off: its first leaf stands at a multiple of a power of two that is not less
/// than its length.
fn span<N: Nodes>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let mut peaks = Vec::new();
    let mut at = from;
    while at < to {
        let height = (to - at).ilog2();
        peaks.push(nodes.node(u8::try_from(height).unwrap_or(u8::MAX), at >> height)?);
        at += 1 << height;
    }
    let joined = peaks.into_iter().rev().reduce(|right, left| Hash::node(&left, &right));
    Ok(joined.unwrap_or(Hash::EMPTY))
}

/// The largest power of two below a length of at least two.
const fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}
