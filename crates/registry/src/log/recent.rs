//! The newest full tiles, kept with all their nodes: proofs for what was logged a moment ago read no file.

use std::collections::VecDeque;
use std::sync::Arc;

use super::growth::Full;
use super::rows::Rows;

/// Tiles of leaf hashes that are kept, with 16 KB each: those of 65,536 leaves.
const KEPT_LEAVES: usize = 256;

/// Tiles of each level above that are kept: what the kept leaves' proofs need, and one more.
const KEPT_ABOVE: usize = 2;

/// The newest tiles of each level, without gaps.
#[derive(Debug, Default)]
pub(super) struct Recent {
    levels: Vec<VecDeque<(u64, Arc<Rows>)>>,
}

impl Recent {
    /// Keeps a tile, unless it is kept already.
    pub(super) fn push(&mut self, full: &Full) {
        let level = usize::from(full.level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, VecDeque::new);
        }
        let kept = &mut self.levels[level];
        match kept.back() {
            Some((last, _)) if full.index <= *last => return,
            Some((last, _)) if full.index > last + 1 => kept.clear(),
            _ => {}
        }
        if kept.len() == if level == 0 { KEPT_LEAVES } else { KEPT_ABOVE } {
            kept.pop_front();
        }
        kept.push_back((full.index, Arc::clone(&full.rows)));
    }

    pub(super) fn rows(&self, level: u8, index: u64) -> Option<&Rows> {
        let kept = self.levels.get(usize::from(level))?;
        let (first, _) = kept.front()?;
        kept.get(usize::try_from(index.checked_sub(*first)?).ok()?).map(|(_, rows)| rows.as_ref())
    }
}
