//! The tree against two foreign ones: `ct-merkle` and Cloudflare's `tlog_tiles`.
#![allow(clippy::unwrap_used)]

mod log_support;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use headlock_registry::log::{
    Checkpoint, Hash, Layer, ReadFiles, TILE_WIDTH, Tile, TreeHead, consistency, inclusion, root,
};
use log_support::power::Folder;
use log_support::{ORIGIN, Plain, Random, grown, leaf};
use sha2::Sha256;
use tlog_tiles::{HashReader, TileReader};

type Foreign = MemoryBackedTree<Sha256, [u8; 32]>;

fn head(tree: &Plain, size: u64) -> TreeHead {
    let Ok(root) = root(tree, size);
    TreeHead { size, root }
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    Hash::join(path)
}

#[test]
fn ct_merkle_makes_the_same_roots_and_proofs_and_takes_ours() {
    let ours = Plain::of(300);
    let mut foreign = Foreign::new();
    for size in 1..=300_u64 {
        foreign.push(leaf(size - 1).0);
        let head = head(&ours, size);
        assert_eq!(foreign.root().as_bytes().as_slice(), head.root.0);
        let foreign_root = RootHash::<Sha256>::new(head.root.0.into(), size);
        for index in 0..size {
            let Ok(Some(path)) = inclusion(&ours, index, size) else { panic!() };
            assert_eq!(foreign.prove_inclusion(usize::try_from(index).unwrap()).as_bytes(), bytes(&path));
            let proof = InclusionProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            foreign_root.verify_inclusion(&leaf(index).0, index, &proof).unwrap();
        }
        for old in 1..=size {
            let Ok(Some(proof)) = consistency(&ours, old, size) else { panic!() };
            let added = usize::try_from(size - old).unwrap();
            assert_eq!(foreign.prove_consistency(added).as_bytes(), bytes(&proof), "{old} to {size}");
            let Ok(old_root) = root(&ours, old);
            let old_root = RootHash::<Sha256>::new(old_root.0.into(), old);
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
            foreign_root.verify_consistency(&old_root, &proof).unwrap();
        }
    }
}

/// Its hashes, where it wants them.
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

impl Stored {
    fn of(size: u64) -> Self {
        let mut stored = Self(Vec::new());
        for at in 0..size {
            let hashes = tlog_tiles::stored_hashes(at, &leaf(at).0, &stored).unwrap();
            stored.0.extend(hashes);
        }
        stored
    }
}

fn theirs(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

#[test]
fn tlog_tiles_makes_the_same_proofs_and_takes_ours() {
    let ours = Plain::of(66_000);
    let stored = Stored::of(66_000);
    let mut random = Random(3);
    let small = (1..=260).map(|size| (size, random.below(size)));
    let mut random = Random(4);
    let large = (0..400).map(|_| {
        let size = 1 + random.below(66_000);
        (size, random.below(size))
    });
    for (size, index) in small.chain(large).collect::<Vec<_>>() {
        let head = head(&ours, size);
        let their_root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(their_root.0, head.root.0);
        let Ok(Some(path)) = inclusion(&ours, index, size) else { panic!() };
        assert_eq!(tlog_tiles::prove_record(size, index, &stored).unwrap(), theirs(&path));
        let leaf = tlog_tiles::Hash(leaf(index).leaf().0);
        tlog_tiles::check_record(&theirs(&path), size, their_root, index, leaf).unwrap();
        let old = index + 1;
        let Ok(Some(proof)) = consistency(&ours, old, size) else { panic!() };
        assert_eq!(tlog_tiles::prove_tree(size, old, &stored).unwrap(), theirs(&proof));
        let old_root = tlog_tiles::tree_hash(old, &stored).unwrap();
        tlog_tiles::check_tree(&theirs(&proof), size, their_root, old, old_root).unwrap();
    }
}

/// Our folder, read by the foreign client, which checks every tile that it takes.
struct Client(Folder);

impl TileReader for Client {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| self.0.read(&our_path(&tile.path())).unwrap().expect("a tile");
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// The crate has the layout of Go's checksum database: the height before the level, and `data` for entries.
fn our_path(theirs: &str) -> String {
    theirs.replacen("tile/8/", "tile/", 1)
}

#[test]
fn a_foreign_client_reads_a_log_on_disk_and_believes_it() {
    let (folder, log) = grown(&[1, 254, 1, 1, 700, 65_000, 43]);
    let TreeHead { size, root } = log.head();
    assert_eq!(size, 66_000);
    let client = Client(folder.clone());
    let reader = tlog_tiles::TileHashReader::new(size, tlog_tiles::Hash(root.0), &client);
    let mut random = Random(9);
    for index in (0..300).map(|_| random.below(size)).chain([0, 255, 256, 65_535, 65_536, size - 1]) {
        let proof = tlog_tiles::prove_record(size, index, &reader).unwrap();
        let leaf = tlog_tiles::record_hash(&leaf(index).0);
        tlog_tiles::check_record(&proof, size, tlog_tiles::Hash(root.0), index, leaf).unwrap();
        let ours = log.receipt(index, log.checkpoint()).unwrap();
        assert_eq!(theirs(&ours.path), proof);
    }
    let text = log.checkpoint().text();
    let mut note = std::io::Cursor::new(log.checkpoint().to_bytes());
    let checkpoint = tlog_tiles::Checkpoint::from_reader(&mut note, false).expect("a checkpoint before its signatures");
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.hash().0), (ORIGIN, size, root.0));
    assert_eq!(Checkpoint::from_text(text).unwrap().head, log.head());
}

#[test]
fn tlog_tiles_wants_the_tiles_that_we_write_and_under_our_names() {
    let stored = Stored::of(66_000);
    for (old, new) in [(0, 1), (1, 255), (255, 256), (256, 600), (600, 65_536), (65_536, 66_000)] {
        let (folder, _log) = grown(&[old, new - old].into_iter().filter(|size| *size > 0).collect::<Vec<_>>());
        for tile in tlog_tiles::Tile::new_tiles(8, old, new) {
            let path = our_path(&tile.path());
            let ours = Tile::from_path(&path).expect("a path of ours");
            assert_eq!(ours, Tile::in_tree(ours.layer, ours.index, new).unwrap(), "{path}");
            assert_eq!(folder.read(&path).unwrap(), Some(tile.read_data(&stored).unwrap()), "{path} of {new}");
        }
        for index in 0..new.div_ceil(TILE_WIDTH) {
            let tile = Tile::in_tree(Layer::Entries, index, new).unwrap();
            let entries = folder.read(&tile.path()).unwrap().expect("entries");
            let from = index * TILE_WIDTH;
            let wanted: Vec<u8> =
                (from..from + u64::from(tile.width)).flat_map(|at| [&[0, 32], &leaf(at).0[..]].concat()).collect();
            assert_eq!(entries, wanted);
        }
    }
}
