//! Every tile and every entry of a tree against its root, from the root down: a hash is right if it is what a right hash above it was
//! made of, and so what is wrong shows where it is.

use std::collections::BTreeSet;
use std::ops::Range;

use super::files::ReadFiles;
use super::hash::{HASH_BYTES, Hash};
use super::leaf::Commitment;
use super::tile::{Layer, TILE_WIDTH, Tile};
use super::tiles::{ENTRY_BYTES, ReadError, read, split_entry};
use super::tree::{Edge, TreeHead, fold};
use super::verify::{Finding, Findings, Progress};

/// One walk over a log.
pub(super) struct Audit<'a, F> {
    pub(super) files: &'a F,
    pub(super) findings: &'a mut Findings,
    pub(super) progress: &'a mut dyn FnMut(Progress),
    pub(super) tree: TreeHead,
    pub(super) leaves: u64,
    pub(super) tiles: u64,
    /// Places of which something was found: their older partial states are not held against them.
    wrong: BTreeSet<(Layer, u64)>,
}

impl<'a, F: ReadFiles> Audit<'a, F> {
    pub(super) fn new(
        files: &'a F,
        findings: &'a mut Findings,
        progress: &'a mut dyn FnMut(Progress),
        tree: TreeHead,
    ) -> Self {
        Self { files, findings, progress, tree, leaves: 0, tiles: 0, wrong: BTreeSet::new() }
    }

    /// All of the tree, then the partial tiles that are kept beside it.
    pub(super) fn run(&mut self) {
        self.edge();
        self.kept("tile/entries");
        for level in 0..8 {
            self.kept(&format!("tile/{level}"));
        }
    }

    /// The partial tiles: together they make the root.
    fn edge(&mut self) {
        let size = self.tree.size;
        let mut level_count = 0;
        while size >> (8 * level_count) > 0 && level_count < 8 {
            level_count += 1;
        }
        let tile = |level| {
            let index = (size >> (8 * u32::from(level))) / TILE_WIDTH;
            Tile::in_tree(Layer::Hashes(level), index, size)
        };
        let read: Vec<Option<Vec<Hash>>> =
            (0..level_count).map(|level| tile(level).map_or(Some(Vec::new()), |tile| self.hashes(tile))).collect();
        let root = |levels: Option<Vec<Vec<Hash>>>| Edge::new(size, &levels?).map(|edge| edge.head().root);
        let right = root(read.iter().cloned().collect()) == Some(self.tree.root);
        let mut mended = Vec::new();
        let mut apart = Vec::new();
        for (level, hashes) in (0..level_count).zip(&read) {
            let Some(tile) = tile(level) else {
                mended.push(Some(Vec::new()));
                continue;
            };
            let below = self.below(tile, hashes.as_deref().filter(|_| right));
            apart.push((tile, differing(hashes.as_deref(), &below)));
            mended.push(mend(hashes.as_deref(), &below));
        }
        if right {
            return;
        }
        if root(mended.into_iter().collect()) != Some(self.tree.root) {
            self.findings.push(Finding::Root { size });
        }
        for (tile, places) in apart {
            self.differ(tile, &places, HASH_BYTES);
        }
    }

    /// What the hashes of a tile should be by what lies below it. `right` are its hashes if they are known to be right.
    fn below(&mut self, tile: Tile, right: Option<&[Hash]>) -> Vec<Option<Hash>> {
        let Layer::Hashes(level) = tile.layer else { return Vec::new() };
        let Some(level) = level.checked_sub(1) else { return self.entries(tile, right) };
        (0..u64::from(tile.width))
            .zip(0..)
            .map(|(at, place): (u64, usize)| {
                let child = Tile { layer: Layer::Hashes(level), index: tile.index * TILE_WIDTH + at, width: 256 };
                self.full(child, right.and_then(|right| right.get(place)).copied())
            })
            .collect()
    }

    /// A full tile and all below it; answers its root as far as it can be told.
    fn full(&mut self, tile: Tile, wanted: Option<Hash>) -> Option<Hash> {
        let hashes = self.hashes(tile);
        let root = hashes.as_deref().and_then(|hashes| fold(hashes, None));
        let right = root.is_some() && root == wanted;
        if hashes.is_none() && wanted.is_none() {
            // Nothing says what should be below: a checkpoint that lies about its size would have us look for all of it.
            return None;
        }
        let below = self.below(tile, hashes.as_deref().filter(|_| right));
        if right {
            return root;
        }
        let places = differing(hashes.as_deref(), &below);
        let mended = mend(hashes.as_deref(), &below).and_then(|hashes| fold(&hashes, None));
        if hashes.is_some() && wanted.is_some() && mended != wanted {
            // What lies below does not come to it either: where in the tile it is wrong cannot be told.
            self.differ(tile, &(0..usize::from(tile.width)).collect::<Vec<_>>(), HASH_BYTES);
        } else {
            self.differ(tile, &places, HASH_BYTES);
        }
        mended
    }

    /// The entries below a tile of leaf hashes.
    fn entries(&mut self, above: Tile, right: Option<&[Hash]>) -> Vec<Option<Hash>> {
        let tile = Tile { layer: Layer::Entries, ..above };
        let Some(bytes) = self.read(tile, ENTRY_BYTES) else { return vec![None; usize::from(tile.width)] };
        let (entries, _) = bytes.as_chunks();
        let leaves: Vec<Option<Hash>> =
            entries.iter().map(|entry| split_entry(entry).as_ref().map(Commitment::leaf)).collect();
        let wrong: Vec<usize> = (0..leaves.len())
            .filter(|at| leaves[*at].is_none() || right.is_some_and(|right| leaves[*at] != right.get(*at).copied()))
            .collect();
        self.differ(tile, &wrong, ENTRY_BYTES);
        self.leaves += leaves.len() as u64;
        (self.progress)(Progress { leaves: self.leaves, of: self.tree.size });
        leaves
    }

    /// Partial tiles of earlier sizes, in a folder and those in it: each is the beginning of the tile as it is now.
    fn kept(&mut self, folder: &str) {
        let names = match self.files.list(folder) {
            Ok(names) => names,
            Err(why) => return self.findings.push(Finding::Unreadable { path: folder.to_owned(), kind: why.kind() }),
        };
        for name in names {
            let path = format!("{folder}/{name}");
            if name.starts_with('x') && name.len() == 4 {
                self.kept(&path);
            } else if name.strip_suffix(".p").is_some() {
                for width in self.files.list(&path).unwrap_or_default() {
                    if let Some(tile) = Tile::from_path(&format!("{path}/{width}")) {
                        self.beginning(tile);
                    }
                }
            }
        }
    }

    fn beginning(&mut self, tile: Tile) {
        let Some(now) = Tile::in_tree(tile.layer, tile.index, self.tree.size) else { return };
        // Wider than the tree has it: of a tree after this checkpoint, or of none.
        if tile.width >= now.width || self.wrong.contains(&(tile.layer, tile.index)) {
            return;
        }
        let each = if tile.layer == Layer::Entries { ENTRY_BYTES } else { HASH_BYTES };
        let Ok(all) = read(self.files, now, each) else { return };
        let Some(bytes) = self.read(tile, each) else { return };
        let wrong: Vec<usize> =
            bytes.iter().zip(&all).enumerate().filter(|(_, (old, new))| old != new).map(|(at, _)| at).collect();
        self.differ(tile, &wrong, 1);
    }

    fn hashes(&mut self, tile: Tile) -> Option<Vec<Hash>> {
        self.read(tile, HASH_BYTES).map(|bytes| Hash::split(&bytes))
    }

    fn read(&mut self, tile: Tile, each: usize) -> Option<Vec<u8>> {
        self.tiles += 1;
        let finding = match read(self.files, tile, each) {
            Ok(bytes) => return Some(bytes),
            Err(ReadError::Io { path, why }) => Finding::Unreadable { path, kind: why.kind() },
            Err(ReadError::Length { tile, found, wanted }) => Finding::Length { tile, found, wanted },
            Err(_) => Finding::Missing { tile },
        };
        self.wrong.insert((tile.layer, tile.index));
        self.findings.push(finding);
        None
    }

    /// Reports places of a tile, neighbours together.
    fn differ(&mut self, tile: Tile, places: &[usize], each: usize) {
        let mut joined: Vec<Range<usize>> = Vec::new();
        for place in places {
            match joined.last_mut() {
                Some(last) if last.end == *place => last.end += 1,
                _ => joined.push(*place..place + 1),
            }
        }
        for place in joined {
            self.wrong.insert((tile.layer, tile.index));
            self.findings.push(Finding::Differs { tile, bytes: place.start * each..place.end * each });
        }
    }
}

/// Places at which what lies below says otherwise.
fn differing(hashes: Option<&[Hash]>, below: &[Option<Hash>]) -> Vec<usize> {
    let pairs = hashes.unwrap_or_default().iter().zip(below).enumerate();
    let apart = pairs.filter(|(_, (hash, below))| below.is_some_and(|below| below != **hash));
    apart.map(|(at, _)| at).collect()
}

/// The hashes by what lies below, and where that cannot be told, by the tile itself.
fn mend(hashes: Option<&[Hash]>, below: &[Option<Hash>]) -> Option<Vec<Hash>> {
    let own = |at: usize| hashes.and_then(|hashes| hashes.get(at)).copied();
    below.iter().enumerate().map(|(at, hash)| hash.or_else(|| own(at))).collect()
}
