//! Whatever is changed, removed or put back in a log, an outsider notices, and is told where.
#![allow(clippy::unwrap_used)]

mod log_support;

use std::collections::BTreeMap;

use headlock_registry::log::{
    Checkpoint, FileHead, Finding, Hash, Log, Outsider, Policy, Report, SecretKey, Tile, TreeHead, Witness,
};
use log_support::power::Folder;
use log_support::{ORIGIN, Random, SharedHead, grown, leaf, leaves, log_key, outsider, witness_key};

fn verify(outsider: &Outsider, folder: &Folder) -> Report {
    outsider.verify(folder, &mut |_| {})
}

/// What an outsider reads; the head, the locks and what is staged are the writer's own.
fn public(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let own = |path: &String| path.starts_with("tile/") || path == "checkpoint" || path == "witnessed";
    files.iter().filter(|(path, _)| own(path)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// The finding is of this byte, and of no more than its hash or entry.
fn points_at(finding: &Finding, path: &str, at: usize) -> bool {
    match finding {
        Finding::Differs { tile, bytes } => tile.path() == path && bytes.contains(&at) && bytes.len() <= 34,
        Finding::Checkpoint { path: found, .. } | Finding::Unwitnessed { path: found, .. } => *found == path,
        _ => false,
    }
}

#[test]
fn every_byte_of_a_small_log_that_is_changed_is_found_where_it_is() {
    let (folder, log) = grown(&[3, 2, 251, 40, 7]);
    drop(log);
    let before = folder.all();
    let mut bytes_tried = 0;
    for (path, bytes) in public(&before) {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            folder.set(&path, Some(changed));
            let report = verify(&outsider(), &folder);
            let found = report.findings.listed();
            assert_eq!(found.len(), 1, "{path}, byte {at}: {found:?}");
            assert!(points_at(&found[0], &path, at), "{path}, byte {at}: {found:?}");
            bytes_tried += 1;
        }
        folder.set(&path, Some(bytes));
    }
    assert!(bytes_tried > 20_000, "{bytes_tried}");
    assert!(verify(&outsider(), &folder).is_clean());
}

#[test]
fn bytes_changed_anywhere_in_a_log_of_three_levels_are_found_where_they_are() {
    let (folder, log) = grown(&[66_000, 5]);
    drop(log);
    let files = public(&folder.all());
    let mut random = Random(31);
    for round in 0..150 {
        // The few tiles of the upper levels too, not only the many below.
        let upper: Vec<_> =
            files.iter().filter(|(path, _)| path.starts_with("tile/1/") || path.starts_with("tile/2/")).collect();
        let (path, bytes) = if round % 3 == 0 {
            upper[usize::try_from(random.below(upper.len() as u64)).unwrap()]
        } else {
            &files[usize::try_from(random.below(files.len() as u64)).unwrap()]
        };
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        let mut changed = bytes.clone();
        changed[at] = changed[at].wrapping_add(1 + u8::try_from(random.below(255)).unwrap());
        folder.set(path, Some(changed));
        let report = verify(&outsider(), &folder);
        assert!(report.findings.listed().iter().all(|finding| points_at(finding, path, at)), "{path} {at}: {report:?}");
        assert_eq!(report.findings.count(), 1, "{path} {at}: {report:?}");
        folder.set(path, Some(bytes.clone()));
    }
}

#[test]
fn a_file_that_is_missing_shorter_longer_or_anothers_is_found() {
    let (folder, log) = grown(&[3, 2, 251, 40, 500]);
    drop(log);
    let files = public(&folder.all());
    for (path, bytes) in &files {
        let tile = Tile::from_path(path);
        folder.set(path, None);
        let report = verify(&outsider(), &folder);
        match tile {
            None => assert_eq!(report.findings.listed(), [Finding::NoCheckpoint]),
            Some(tile) if Tile::partial(796).any(|part| part == tile) || tile.width == 256 => {
                assert!(report.findings.listed().contains(&Finding::Missing { tile }), "{path}: {report:?}");
            }
            // A partial state of before may go.
            Some(_) => assert!(report.is_clean(), "{path}: {report:?}"),
        }
        for length in [0, 1, bytes.len() - 1, bytes.len() + 1, bytes.len() + 32] {
            let mut other = bytes.clone();
            other.resize(length, 0);
            folder.set(path, Some(other));
            let report = verify(&outsider(), &folder);
            assert!(!report.is_clean(), "{path} with {length} bytes");
            if let Some(tile) = tile {
                let wanted = Finding::Length { tile, found: length, wanted: bytes.len() };
                assert!(report.findings.listed().contains(&wanted), "{path} with {length} bytes: {report:?}");
            }
        }
        for (other, theirs) in &files {
            if theirs != bytes {
                folder.set(path, Some(theirs.clone()));
                assert!(!verify(&outsider(), &folder).is_clean(), "{other} in place of {path}");
            }
        }
        folder.set(path, Some(bytes.clone()));
    }
    assert!(verify(&outsider(), &folder).is_clean());
}

#[test]
fn two_entries_that_change_places_are_found_with_their_hashes_and_without() {
    let (folder, log) = grown(&[600]);
    drop(log);
    let before = folder.all();
    for (path, each) in [("tile/entries/001", 34), ("tile/0/001", 32), ("tile/0/002.p/88", 32)] {
        let mut bytes = before[path].clone();
        let (one, two) = (bytes[each..2 * each].to_vec(), bytes[3 * each..4 * each].to_vec());
        bytes[each..2 * each].copy_from_slice(&two);
        bytes[3 * each..4 * each].copy_from_slice(&one);
        folder.set(path, Some(bytes));
        let tile = Tile::from_path(path).unwrap();
        let found = verify(&outsider(), &folder);
        let wanted = [each..2 * each, 3 * each..4 * each].map(|bytes| Finding::Differs { tile, bytes });
        assert_eq!(found.findings.listed(), wanted);
        folder.put_back(before.clone());
    }
    // An entry rewritten with its hash, and with every hash above it: only the root is left to tell, and does.
    let rewritten = Folder::default();
    let mut shared = SharedHead::default();
    let mut other = Log::open(rewritten.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    let mut batch = leaves(0..600);
    batch[300] = leaf(9999);
    other.append(&mut shared, &batch).unwrap();
    for path in ["tile/entries/001", "tile/0/001"] {
        folder.set(path, Some(rewritten.all()[path].clone()));
    }
    let report = verify(&outsider(), &folder);
    let tile = Tile::from_path("tile/0/001").unwrap();
    assert_eq!(report.findings.listed(), [Finding::Differs { tile, bytes: 0..8192 }]);
    folder.set("tile/1/000.p/2", Some(rewritten.all()["tile/1/000.p/2"].clone()));
    assert_eq!(verify(&outsider(), &folder).findings.listed(), [Finding::Root { size: 600 }]);
}

/// A log, two witnesses of it, and an outsider who asks for both.
fn witnessed(batches: &[u64]) -> (Folder, Log<Folder>, Outsider) {
    let (folder, log) = grown(batches);
    let keys = vec![log_key().public().clone()];
    let mut witnesses: Vec<_> =
        (1..=2).map(|number| Witness::new(witness_key(number), ORIGIN, keys.clone(), SharedHead::default())).collect();
    let public: Vec<_> = witnesses.iter().map(|witness| witness.public().clone()).collect();
    let request = log.submission(0).unwrap();
    for witness in &mut witnesses {
        let line = witness.add_checkpoint(&request.to_bytes(), 1000).unwrap();
        log.add_cosignatures(&request.checkpoint, &line, &public).unwrap();
    }
    (folder, log, outsider().with_policy(Policy::new(2, public).unwrap()))
}

#[test]
fn every_byte_of_the_witnessed_checkpoint_counts() {
    let (folder, _log, demanding) = witnessed(&[300]);
    assert!(verify(&demanding, &folder).is_clean());
    let bytes = folder.all()["witnessed"].clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            folder.set("witnessed", Some(changed));
            assert!(!verify(&demanding, &folder).is_clean(), "bit {bit} of byte {at}");
        }
    }
    folder.set("witnessed", None);
    let report = verify(&demanding, &folder);
    assert!(matches!(report.findings.listed(), [Finding::Unwitnessed { path: "checkpoint", .. }]), "{report:?}");
}

#[test]
fn an_old_tree_put_back_is_found_by_who_saw_a_newer_one() {
    let (folder, mut log) = grown(&[300]);
    let old = folder.all();
    let old_head = log.head();
    log.append(&mut FileHead::new(folder.clone()), &leaves(300..700)).unwrap();
    let new_head = log.head();
    let receipt = log.receipt(650, log.checkpoint()).unwrap();
    drop(log);
    folder.put_back(old);
    // The old tree is whole: who knows nothing newer cannot tell.
    assert!(verify(&outsider(), &folder).is_clean());
    assert!(verify(&outsider().with_known(old_head), &folder).is_clean());
    let report = verify(&outsider().with_known(new_head), &folder);
    assert_eq!(report.findings.listed(), [Finding::Older { known: 700, found: 300 }]);
    // A receipt is enough to know it.
    let shown = outsider().receipt(&receipt, Some(leaf(650))).unwrap().head;
    assert!(!verify(&outsider().with_known(shown), &folder).is_clean());
}

#[test]
fn an_old_tree_put_back_is_found_by_the_witnessed_checkpoint_that_was_left() {
    let (small, _, _) = witnessed(&[300]);
    let (folder, _log, demanding) = witnessed(&[300, 400]);
    let cosigned = folder.all()["witnessed"].clone();
    folder.put_back(small.all());
    folder.set("witnessed", Some(cosigned));
    let report = verify(&demanding, &folder);
    assert_eq!(report.findings.listed(), [Finding::Older { known: 700, found: 300 }]);
}

#[test]
fn a_fork_by_a_second_writer_with_the_same_key_is_found() {
    let (folder, mut log, demanding) = witnessed(&[300]);
    let forked = folder.copy();
    log.append(&mut FileHead::new(folder.clone()), &leaves(300..310)).unwrap();
    let receipt = log.receipt(305, log.checkpoint()).unwrap();
    let head = outsider().receipt(&receipt, Some(leaf(305))).unwrap().head;
    // The copy has its own head: nothing on one machine can stop it.
    let mut other = Log::open(forked.clone(), ORIGIN, log_key(), &mut FileHead::new(forked.clone())).unwrap();
    other.append(&mut FileHead::new(forked.clone()), &leaves(800..820)).unwrap();
    assert!(verify(&demanding, &forked).is_clean(), "what the witnesses saw is the same in both");
    let report = verify(&outsider().with_known(head), &forked);
    assert_eq!(report.findings.listed(), [Finding::Rewritten { known: 310 }]);
    // Nor does the fork get past a witness that saw the log.
    let keys = vec![log_key().public().clone()];
    let mut witness = Witness::new(witness_key(1), ORIGIN, keys, SharedHead::default());
    witness.add_checkpoint(&log.submission(0).unwrap().to_bytes(), 1).unwrap();
    let refused = witness.add_checkpoint(&other.submission(310).unwrap().to_bytes(), 2);
    assert_eq!(refused.unwrap_err().status(), 422);
}

#[test]
fn a_rewritten_log_is_found_by_who_saw_the_one_before() {
    let (folder, log, demanding) = witnessed(&[300]);
    let cosigned = folder.all()["witnessed"].clone();
    let rewritten = Folder::default();
    let mut shared = SharedHead::default();
    let mut other = Log::open(rewritten.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    let mut batch = leaves(0..400);
    batch.remove(17);
    other.append(&mut shared, &batch).unwrap();
    assert!(verify(&outsider(), &rewritten).is_clean());
    let report = verify(&outsider().with_known(log.head()), &rewritten);
    assert_eq!(report.findings.listed(), [Finding::Rewritten { known: 300 }]);
    assert!(!verify(&demanding, &rewritten).is_clean());
    rewritten.set("witnessed", Some(cosigned));
    assert_eq!(verify(&demanding, &rewritten).findings.listed(), [Finding::Rewritten { known: 300 }]);
}

#[test]
fn a_checkpoint_by_another_key_or_of_another_log_is_not_believed() {
    let (folder, log) = grown(&[30]);
    let stranger = SecretKey::new(ORIGIN, log_key().public().kind(), &[3; 32]).unwrap();
    let head = log.head();
    for note in [
        Checkpoint::new(ORIGIN, head).sign(&stranger).unwrap(),
        Checkpoint::new("another.example", head).sign(&log_key()).unwrap(),
    ] {
        folder.set("checkpoint", Some(note.to_bytes()));
        let report = verify(&outsider(), &folder);
        assert!(
            report.head.is_none()
                && matches!(report.findings.listed(), [Finding::Checkpoint { path: "checkpoint", .. }])
        );
    }
    // The log's own key over a tree that it does not have.
    let lie = Checkpoint::new(ORIGIN, TreeHead { size: 30, root: Hash::leaf(b"lie") }).sign(&log_key()).unwrap();
    folder.set("checkpoint", Some(lie.to_bytes()));
    assert_eq!(verify(&outsider(), &folder).findings.listed(), [Finding::Root { size: 30 }]);
    let lie = Checkpoint::new(ORIGIN, TreeHead { size: 1 << 40, root: Hash::leaf(b"lie") }).sign(&log_key()).unwrap();
    folder.set("checkpoint", Some(lie.to_bytes()));
    assert!(!verify(&outsider(), &folder).is_clean());
}

#[test]
fn random_files_break_nothing() {
    let mut random = Random(13);
    let (folder, log) = grown(&[300, 40]);
    drop(log);
    let before = folder.all();
    for _ in 0..400 {
        for (path, _) in public(&before) {
            if random.below(3) == 0 && path.starts_with("tile/") {
                let noise = (0..random.below(9000)).map(|_| random.next().to_le_bytes()[1]).collect();
                folder.set(&path, Some(noise));
            }
        }
        let report = verify(&outsider(), &folder);
        assert_eq!(report.is_clean(), folder.all() == before);
        let opened = Log::open(folder.clone(), ORIGIN, log_key(), &mut FileHead::new(folder.clone()));
        if let Ok(log) = opened {
            let _ = log.receipt(random.below(340), log.checkpoint());
        }
        folder.put_back(before.clone());
    }
}

#[test]
fn progress_comes_to_every_leaf() {
    let (folder, _log) = grown(&[1000]);
    let mut seen = Vec::new();
    let report = outsider().verify(&folder, &mut |progress| seen.push((progress.leaves, progress.of)));
    assert_eq!(seen, [(232, 1000), (488, 1000), (744, 1000), (1000, 1000)], "the edge, then each full tile");
    assert_eq!((report.leaves, report.tiles), (1000, 4 + 4 + 1));
}
