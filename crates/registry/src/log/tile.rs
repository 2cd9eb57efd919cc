//! Where a hash or an entry stands: coordinates and paths of tiles, as c2sp.org/tlog-tiles has them.

use std::fmt;

use super::decimal;

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree that a tile spans: a hash of one level is the root of a full tile of the level below.
pub const TILE_HEIGHT: u8 = 8;

/// Levels that 2^64 leaves can fill.
const LEVELS: u8 = 8;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Entries, each behind its length in two bytes.
    Entries,
    /// Hashes of this level; level 0 has the leaves'.
    Hashes(u8),
}

impl Layer {
    /// Tree levels below its hashes.
    const fn shift(self) -> u32 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => level as u32 * TILE_HEIGHT as u32,
        }
    }
}

/// One tile, full or partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub layer: Layer,
    /// Its place in the layer, from 0.
    pub index: u64,
    /// What it holds of [`TILE_WIDTH`]: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tile as a tree of `size` leaves has it; none where nothing would be in it.
    pub fn in_tree(layer: Layer, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(layer.shift()).unwrap_or(0);
        let width = hashes.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH);
        (width > 0).then(|| Self { layer, index, width: u16::try_from(width).unwrap_or(u16::MAX) })
    }

    /// The partial tiles of a tree of `size` leaves, the entries first, then levels from 0.
    pub fn partial(size: u64) -> impl Iterator<Item = Self> {
        let layers = std::iter::once(Layer::Entries).chain((0..LEVELS).map(Layer::Hashes));
        layers.filter_map(move |layer| {
            let index = size.checked_shr(layer.shift()).unwrap_or(0) / TILE_WIDTH;
            Self::in_tree(layer, index, size)
        })
    }

    /// The tiles that become full as a tree grows from `old` to `new` leaves.
    pub(super) fn filled_between(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let layers = std::iter::once(Layer::Entries).chain((0..LEVELS).map(Layer::Hashes));
        layers.flat_map(move |layer| {
            let full = |size: u64| size.checked_shr(layer.shift()).unwrap_or(0) / TILE_WIDTH;
            (full(old)..full(new)).map(move |index| Self { layer, index, width: 256 })
        })
    }

    /// Has all of its hashes or entries.
    pub const fn is_full(&self) -> bool {
        self.width as u64 == TILE_WIDTH
    }

    /// The same place once it is full.
    #[must_use]
    pub const fn filled(&self) -> Self {
        Self { width: 256, ..*self }
    }

    /// The folder of its partial states.
    pub fn partial_folder(&self) -> String {
        format!("{}.p", self.filled().path())
    }

    /// The path below the log's folder, with slashes.
    pub fn path(&self) -> String {
        self.to_string()
    }

    /// Reads a path in its only spelling.
    pub fn from_path(path: &str) -> Option<Self> {
        let (layer, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let layer = match layer {
            "entries" => Layer::Entries,
            level => Layer::Hashes(decimal::parse(level).filter(|level| *level < 64)?.try_into().ok()?),
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, decimal::parse(width).filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for part in place.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { layer, index, width: width.try_into().ok()? };
        // Leading groups of zeros, a missing x and one too many spell another path.
        (tile.path() == path).then_some(tile)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Entries => out.write_str("tile/entries/")?,
            Layer::Hashes(level) => write!(out, "tile/{level}/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().rev() {
            write!(out, "x{group:03}/")?;
        }
        write!(out, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(out, ".p/{}", self.width) }
    }
}
