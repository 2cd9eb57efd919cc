//! Rows of one serial that contradict each other, however far apart they are: what a look at the whole table has to find before any is
//! taken.

use std::hash::{BuildHasher, Hash, RandomState};

/// Rows that are remembered, of 16 bytes each. In a larger table, rows of different batches that contradict each other are found when they
/// are taken, and told as bad then.
const MOST: usize = 8 << 20;

/// What is remembered of a row: hashes under random keys of this run, and its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    serial: u64,
    content: u32,
    line: u32,
}

/// Makes marks.
#[derive(Clone, Debug)]
pub(super) struct Marker(RandomState);

impl Marker {
    /// The mark of a row.
    pub(super) fn mark(&self, line: u64, serial: &str, content: impl Hash) -> Mark {
        let [serial, content] = [self.0.hash_one(serial), self.0.hash_one((serial, content))];
        // Half of a hash is enough to tell two contents of one serial apart.
        let [_, _, _, _, half @ ..] = content.to_be_bytes();
        Mark { serial, content: u32::from_be_bytes(half), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }
}

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Marks {
    state: RandomState,
    all: Vec<Mark>,
}

impl Marks {
    pub(super) fn marker(&self) -> Marker {
        Marker(self.state.clone())
    }

    pub(super) fn add(&mut self, more: &[Mark]) {
        self.all.extend(more.iter().take(MOST.saturating_sub(self.all.len())));
    }

    /// Pairs of lines: a row, and the first that says something else of the same serial.
    pub(super) fn contradictions(mut self) -> Vec<(u64, u64)> {
        self.all.sort_unstable_by_key(|mark| (mark.serial, mark.line));
        let mut pairs = Vec::new();
        for same in self.all.chunk_by(|one, other| one.serial == other.serial) {
            let Some((first, rest)) = same.split_first() else { continue };
            let differ = rest.iter().filter(|mark| mark.content != first.content);
            pairs.extend(differ.map(|mark| (u64::from(mark.line), u64::from(first.line))));
        }
        pairs.sort_unstable();
        pairs
    }
}
