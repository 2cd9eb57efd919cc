//! What the log's tests share: leaves, keys, a place for a head, and a folder in memory that loses power.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod power;

use std::sync::{Arc, Mutex};

use headlock_registry::log::{
    Commitment, Event, FileHead, Hash, Head, HeadError, KeyKind, Log, Nodes, Outsider, Salt, SecretKey, Swap, TreeHead,
};

use power::Folder;

pub(crate) const ORIGIN: &str = "registry.example/log";

/// Leaf `at`: a commitment that no other leaf has.
pub(crate) fn leaf(at: u64) -> Commitment {
    Commitment(Hash::leaf(&at.to_be_bytes()).0)
}

pub(crate) fn leaves(range: std::ops::Range<u64>) -> Vec<Commitment> {
    range.map(leaf).collect()
}

pub(crate) fn log_key() -> SecretKey {
    SecretKey::new(ORIGIN, KeyKind::Note, &[7; 32]).unwrap()
}

pub(crate) fn witness_key(number: u8) -> SecretKey {
    SecretKey::new(&format!("witness.example/{number}"), KeyKind::Cosignature, &[100 + number; 32]).unwrap()
}

pub(crate) fn outsider() -> Outsider {
    Outsider::new(ORIGIN, vec![log_key().public().clone()])
}

pub(crate) fn salt(number: u8) -> Salt {
    Salt::from_bytes([number; 32])
}

pub(crate) fn event(kind: &str) -> Event {
    Event::new(kind, 1_763_640_000).unwrap().with("serial", "NV12345678").unwrap().with("actor", "desk 7").unwrap()
}

/// A head in memory, which several logs can share as they would a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedHead(pub(crate) Arc<Mutex<Option<TreeHead>>>);

impl Head for SharedHead {
    fn load(&mut self) -> Result<Option<TreeHead>, HeadError> {
        Ok(*self.0.lock().unwrap())
    }

    fn swap(&mut self, expected: Option<TreeHead>, next: TreeHead) -> Result<Swap, HeadError> {
        let mut stands = self.0.lock().unwrap();
        if *stands != expected {
            return Ok(Swap::Stands(*stands));
        }
        *stands = Some(next);
        Ok(Swap::Done)
    }
}

pub(crate) fn open(folder: &Folder) -> Log<Folder> {
    Log::open(folder.clone(), ORIGIN, log_key(), &mut FileHead::new(folder.clone())).unwrap()
}

/// A log in memory with batches of these sizes.
pub(crate) fn grown(batches: &[u64]) -> (Folder, Log<Folder>) {
    let folder = Folder::default();
    let mut log = open(&folder);
    for size in batches {
        let from = log.head().size;
        log.append(&mut FileHead::new(folder.clone()), &leaves(from..from + size)).unwrap();
    }
    (folder, log)
}

/// All perfect subtrees, worked out plainly.
pub(crate) struct Plain(pub(crate) Vec<Vec<Hash>>);

impl Plain {
    pub(crate) fn new(leaves: Vec<Hash>) -> Self {
        let mut rows = vec![leaves];
        while let Some(row) = rows.last().filter(|row| row.len() > 1) {
            let above = row.chunks_exact(2).map(|pair| Hash::node(&pair[0], &pair[1])).collect();
            rows.push(above);
        }
        Self(rows)
    }

    pub(crate) fn of(size: u64) -> Self {
        Self::new((0..size).map(|at| leaf(at).leaf()).collect())
    }
}

impl Nodes for Plain {
    type Error = std::convert::Infallible;

    fn node(&self, height: u8, index: u64) -> Result<Hash, Self::Error> {
        Ok(self.0[usize::from(height)][usize::try_from(index).unwrap()])
    }
}

/// Random enough for tests, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
