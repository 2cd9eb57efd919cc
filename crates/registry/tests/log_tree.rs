//! The tree and its proofs: published vectors, and every small size against the definition written out.
#![allow(clippy::unwrap_used)]

mod log_support;

use headlock_registry::log::{Edge, Hash, Layer, TILE_WIDTH, Tile, TreeHead, consistency, inclusion, root};
use log_support::{Plain, Random, leaf};

/// The root by RFC 6962, section 2.1, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(&defined_root(left), &defined_root(right))
        }
    }
}

/// The audit path by section 2.1.1.
fn defined_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, other) = match index.checked_sub(left.len()) {
        None => (defined_path(index, left), right),
        Some(index) => (defined_path(index, right), left),
    };
    path.push(defined_root(other));
    path
}

/// The consistency proof by section 2.1.2.
fn defined_consistency(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![defined_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, other) = if old <= left.len() {
        (defined_consistency(old, left, known), right)
    } else {
        (defined_consistency(old - left.len(), right, false), left)
    };
    path.push(defined_root(other));
    path
}

fn hash(hex: &str) -> Hash {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Hash(std::array::from_fn(|at| byte(2 * at)))
}

/// The inputs and roots that Certificate Transparency's reference implementations publish.
const INPUTS: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_published_vectors_come_out() {
    let leaves: Vec<Hash> = INPUTS.iter().map(|input| Hash::leaf(input)).collect();
    let tree = Plain::new(leaves.clone());
    let mut edge = Edge::default();
    assert_eq!(edge.head(), TreeHead::EMPTY);
    for (size, wanted) in (0_u64..).zip(ROOTS) {
        let Ok(got) = root(&tree, size);
        assert_eq!(got, hash(wanted));
        assert_eq!(edge.head(), TreeHead { size, root: hash(wanted) });
        if let Some(leaf) = leaves.get(usize::try_from(size).unwrap()) {
            edge.push(*leaf, |_, _, _| unreachable!());
        }
    }
    // RFC 6962, section 2.1.3, has these proofs for a tree of seven leaves, by the names of the nodes.
    let Ok(path) = inclusion(&tree, 0, 7);
    let two = hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e");
    assert_eq!(path.unwrap()[..2], [leaves[1], two]);
    let Ok(proof) = consistency(&tree, 3, 7);
    assert_eq!(proof.unwrap()[..3], [leaves[2], leaves[3], hash(ROOTS[2])]);
    let Ok(proof) = consistency(&tree, 6, 8);
    let wanted = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[4],
    ];
    assert_eq!(proof.unwrap(), wanted.map(hash));
}

#[test]
fn every_inclusion_proof_of_trees_up_to_300_leaves_is_as_defined() {
    let tree = Plain::of(300);
    for size in 0..=300_usize {
        let leaves = &tree.0[0][..size];
        let head = TreeHead { size: size as u64, root: defined_root(leaves) };
        let Ok(got) = root(&tree, head.size);
        assert_eq!(got, head.root);
        for index in 0..size {
            let Ok(path) = inclusion(&tree, index as u64, head.size);
            let path = path.unwrap();
            assert_eq!(path, defined_path(index, leaves), "leaf {index} of {size}");
            assert!(head.includes(index as u64, &leaves[index], &path));
        }
        let Ok(beyond) = inclusion(&tree, head.size, head.size);
        assert_eq!(beyond, None);
    }
}

#[test]
fn every_consistency_proof_of_trees_up_to_300_leaves_is_as_defined() {
    let tree = Plain::of(300);
    let heads: Vec<TreeHead> =
        (0..=300).map(|size| TreeHead { size: size as u64, root: defined_root(&tree.0[0][..size]) }).collect();
    for new in &heads {
        for old in &heads[..=usize::try_from(new.size).unwrap()] {
            let Ok(proof) = consistency(&tree, old.size, new.size);
            let proof = proof.unwrap();
            if old.size > 0 {
                let leaves = &tree.0[0][..usize::try_from(new.size).unwrap()];
                assert_eq!(proof, defined_consistency(usize::try_from(old.size).unwrap(), leaves, true));
            }
            assert!(new.extends(old, &proof), "{} from {}", new.size, old.size);
            if old.size < new.size {
                assert!(!old.extends(new, &proof), "{} from {}", old.size, new.size);
            }
        }
        let Ok(shrunk) = consistency(&tree, new.size + 1, new.size);
        assert_eq!(shrunk, None);
    }
}

#[test]
fn a_proof_shows_nothing_else_than_what_it_was_made_for() {
    let tree = Plain::of(70);
    let head = |size: u64| {
        let Ok(root) = root(&tree, size);
        TreeHead { size, root }
    };
    for size in 1..=70_u64 {
        for index in 0..size {
            let Ok(Some(path)) = inclusion(&tree, index, size) else { panic!() };
            let own = leaf(index).leaf();
            for other in (0..72).filter(|other| *other != index) {
                assert!(!head(size).includes(other, &own, &path), "{index} passes for {other} of {size}");
                assert!(!head(size).includes(index, &leaf(other).leaf(), &path));
            }
            assert!(!head(size).includes(index, &own, &[path.as_slice(), &[own]].concat()));
            for at in 0..path.len() {
                let mut wrong = path.clone();
                wrong[at].0[at] ^= 1;
                assert!(!head(size).includes(index, &own, &wrong));
                wrong.remove(at);
                assert!(!head(size).includes(index, &own, &wrong));
            }
        }
        for old in 1..size {
            let Ok(Some(proof)) = consistency(&tree, old, size) else { panic!() };
            let mut rewritten = head(old);
            rewritten.root.0[31] ^= 1;
            assert!(!head(size).extends(&rewritten, &proof));
            assert!(!head(size).extends(&TreeHead { size: old, root: head(size).root }, &proof));
            assert!(!head(size).extends(&head(old), &[proof.as_slice(), &[head(old).root]].concat()));
            for at in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[at].0[at] ^= 0x80;
                assert!(!head(size).extends(&head(old), &wrong));
                wrong.remove(at);
                assert!(!head(size).extends(&head(old), &wrong));
            }
        }
    }
    let fork = TreeHead { size: 9, root: head(8).root };
    assert!(!fork.extends(&head(9), &[]));
    assert!(!head(9).extends(&TreeHead { size: 0, root: head(1).root }, &[]));
}

#[test]
fn around_a_tile_and_around_a_tile_of_tiles_proofs_hold() {
    let tree = Plain::of(65_794);
    let sizes = [255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_281, 65_535, 65_536, 65_537, 65_792, 65_793, 65_794];
    let heads: Vec<TreeHead> = sizes
        .iter()
        .map(|size| TreeHead { size: *size, root: defined_root(&tree.0[0][..usize::try_from(*size).unwrap()]) })
        .collect();
    let mut random = Random(11);
    for new in &heads {
        for old in heads.iter().filter(|old| old.size <= new.size) {
            let Ok(Some(proof)) = consistency(&tree, old.size, new.size) else { panic!() };
            assert!(new.extends(old, &proof), "{} from {}", new.size, old.size);
        }
        let some = (0..40).map(|_| random.below(new.size));
        let leaves = &tree.0[0][..usize::try_from(new.size).unwrap()];
        for index in some.chain([0, 254, 255, 256, new.size - 2, new.size - 1].into_iter().filter(|at| *at < new.size))
        {
            let Ok(Some(path)) = inclusion(&tree, index, new.size) else { panic!() };
            assert!(new.includes(index, &leaf(index).leaf(), &path));
            assert_eq!(path, defined_path(usize::try_from(index).unwrap(), leaves));
        }
    }
}

#[test]
fn an_edge_comes_to_every_root_and_gives_each_tile_once() {
    let tree = Plain::of(66_100);
    let mut edge = Edge::default();
    let mut tiles = Vec::new();
    for size in 0..=66_100_u64 {
        if size < 1030 || size % 256 < 2 || size > 65_530 {
            let Ok(root) = root(&tree, size);
            assert_eq!(edge.head(), TreeHead { size, root });
            let levels: Vec<Vec<Hash>> = edge.levels().map(<[Hash]>::to_vec).collect();
            assert_eq!(Edge::new(size, &levels).as_ref(), Some(&edge));
        }
        if let Some(leaf) = tree.0[0].get(usize::try_from(size).unwrap()) {
            edge.push(*leaf, |level, index, hashes| tiles.push((level, index, hashes.hashes().to_vec())));
        }
    }
    assert_eq!(tiles.len(), 66_100 / 256 + 1);
    for (level, index, hashes) in tiles {
        let row = &tree.0[usize::from(level) * 8];
        let from = usize::try_from(index * TILE_WIDTH).unwrap();
        assert_eq!(hashes, row[from..from + 256]);
    }
    assert_eq!(Edge::new(3, &[vec![Hash::EMPTY; 2]]), None);
    assert_eq!(Edge::new(256, &[vec![]]), None);
}

#[test]
fn tiles_have_the_paths_and_widths_of_the_specification() {
    let path = |layer, index, width| Tile { layer, index, width }.path();
    assert_eq!(path(Layer::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(Layer::Hashes(3), 5, 1), "tile/3/005.p/1");
    assert_eq!(path(Layer::Entries, 1000, 255), "tile/entries/x001/000.p/255");
    let widths: Vec<String> = Tile::partial(70_000).map(|tile| tile.path()).collect();
    let wanted = ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
    assert_eq!(widths, wanted);
    assert_eq!(Tile::partial(256).map(|tile| tile.path()).collect::<Vec<_>>(), ["tile/1/000.p/1"]);
    assert_eq!(Tile::in_tree(Layer::Hashes(0), 272, 70_000).map(|tile| tile.width), Some(256));
    assert_eq!(Tile::in_tree(Layer::Hashes(0), 274, 70_000), None);
    assert_eq!(Tile::in_tree(Layer::Hashes(1), u64::MAX, 70_000), None);
    assert_eq!(Tile::partial(u64::MAX).count(), 9);
}

#[test]
fn a_path_of_a_tile_has_one_spelling() {
    let mut random = Random(5);
    for _ in 0..20_000 {
        let layer = match random.below(9) {
            8 => Layer::Entries,
            level => Layer::Hashes(u8::try_from(level).unwrap()),
        };
        let index = random.next() >> random.below(64);
        let width = u16::try_from(1 + random.below(256)).unwrap();
        let tile = Tile { layer, index, width };
        assert_eq!(Tile::from_path(&tile.path()), Some(tile));
    }
    for path in [
        "tile/0/x000/001",
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/64/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/001/",
        "tile/0/x001/x002",
        "/tile/0/001",
        "tile/0/+01",
        "tile/entries",
        "tile/data/001",
        "tile/0/001.p/",
        "tile/0/xx01/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(Tile::from_path(path), None, "{path}");
    }
}
