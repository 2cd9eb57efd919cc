//! A log beside a database: settled batches, receipts from memory, disks that fail, databases that were put back, and two instances.
#![allow(clippy::unwrap_used)]

mod log_support;

use std::collections::BTreeMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use headlock_registry::log::{
    Commitment, Disk, Edge, Hash, Ledger, LedgerError, OpenError, ProofError, ReadFiles, Receipt, SYNCED, SettleError,
    SyncError, Tile, TreeHead, Witness, inclusion,
};
use log_support::power::{Back, Folder};
use log_support::{
    ORIGIN, Plain, Random, SharedHead, event, grown, leaf, leaves, log_key, outsider, salt, witness_key,
};
use sha2::Sha256;

/// The database: leaves, committed.
#[derive(Clone, Debug, Default)]
struct Database {
    leaves: Vec<Commitment>,
    edge: Edge,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the database is gone")]
struct Gone;

impl Database {
    fn with(count: u64) -> Self {
        let mut database = Self::default();
        database.commit(&leaves(0..count));
        database
    }

    fn commit(&mut self, batch: &[Commitment]) {
        self.leaves.extend_from_slice(batch);
        batch.iter().for_each(|leaf| self.edge.push(leaf.leaf(), |_, _, _| {}));
    }

    fn head(&self) -> TreeHead {
        self.edge.head()
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a ledger asks of a database that can fail")]
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Commitment>, Gone> {
        // Fewer than were asked for, at times.
        let limit = if from % 3 == 1 { limit.div_ceil(2) } else { limit };
        Ok(self.leaves.iter().skip(usize::try_from(from).unwrap()).take(limit).copied().collect())
    }

    fn open(&self, folder: &Folder) -> Result<Ledger<Folder>, LedgerError<Gone>> {
        Ledger::open(folder.clone(), ORIGIN, log_key(), self.head(), |from, limit| self.read(from, limit))
    }

    /// Prepares, commits and settles the next leaves.
    fn append(&mut self, ledger: &mut Ledger<Folder>, count: u64) -> Result<(), SettleError> {
        let from = ledger.head().size;
        let batch = leaves(from..from + count);
        let prepared = ledger.prepare(&batch);
        assert_eq!((prepared.base(), prepared.indexes()), (self.head(), from..from + count));
        self.commit(&batch);
        assert_eq!(prepared.head(), self.head());
        ledger.settle(prepared)
    }
}

fn begun() -> (Folder, Database, Ledger<Folder>) {
    let (folder, database) = (Folder::default(), Database::default());
    let ledger = database.open(&folder).unwrap();
    (folder, database, ledger)
}

/// The tiles that a tree of this size has, by their paths.
fn tiles(folder: &Folder, size: u64) -> BTreeMap<String, Vec<u8>> {
    let current = |path: &str| {
        Tile::from_path(path).is_some_and(|tile| Tile::in_tree(tile.layer, tile.index, size) == Some(tile))
    };
    folder.all().into_iter().filter(|(path, _)| current(path)).collect()
}

fn believed(folder: &Folder, head: TreeHead) {
    let report = outsider().verify(folder, &mut |_| {});
    assert!(report.is_clean() && report.head == Some(head) && report.leaves == head.size, "{report:?}");
}

fn same(ours: &Receipt, index: u64, head: TreeHead, path: &[Hash]) {
    assert_eq!((ours.index, ours.path.as_slice()), (index, path));
    assert_eq!(outsider().receipt(ours, Some(leaf(index))).unwrap().head, head);
}

#[test]
fn every_batch_leaves_a_log_that_an_outsider_believes_and_the_same_tiles_as_the_other_writer() {
    for batches in
        [vec![1; 600], vec![7; 90], vec![255, 1, 255, 1, 1], vec![256; 3], vec![1000], vec![65_535, 1, 1], vec![70_000]]
    {
        let (folder, mut database, mut ledger) = begun();
        for (round, count) in batches.iter().enumerate() {
            database.append(&mut ledger, *count).unwrap();
            assert!(ledger.is_published());
            if round % 40 == 0 || *count > 200 {
                believed(&folder, database.head());
            }
            if round % 64 == 5 {
                ledger.sync().unwrap();
                assert_eq!(ledger.synced(), database.head());
            }
        }
        ledger.sync().unwrap();
        believed(&folder, database.head());
        let (other, log) = grown(&batches);
        assert_eq!(log.head(), ledger.head());
        assert_eq!(log.checkpoint(), ledger.checkpoint());
        let all = |folder: &Folder| {
            folder.all().into_iter().filter(|(path, _)| path.starts_with("tile/")).collect::<Vec<_>>()
        };
        assert_eq!(all(&folder), all(&other), "synced, not even the kept partial tiles differ");
    }
}

#[test]
fn a_batch_that_is_not_the_next_changes_nothing() {
    let (folder, mut database, mut ledger) = begun();
    let late = ledger.prepare(&leaves(0..3));
    database.append(&mut ledger, 9).unwrap();
    let before = folder.all();
    assert!(matches!(ledger.settle(late), Err(SettleError::NotNext { base: 0, size: 9 })));
    assert_eq!((folder.all(), ledger.head()), (before, database.head()));
    let nothing = ledger.prepare(&[]);
    assert_eq!((nothing.head(), nothing.indexes()), (ledger.head(), 9..9));
    ledger.settle(nothing).unwrap();
    assert_eq!(ledger.head(), database.head());
}

#[test]
fn receipts_of_every_leaf_are_those_of_foreign_trees() {
    let plain = Plain::of(1300);
    let mut foreign = MemoryBackedTree::<Sha256, [u8; 32]>::new();
    let (_, mut database, mut ledger) = begun();
    let mut random = Random(11);
    while ledger.head().size < 1200 {
        let count = 1 + random.below(90);
        database.append(&mut ledger, count).unwrap();
        let head = ledger.head();
        (head.size - count..head.size).for_each(|at| foreign.push(leaf(at).0));
        for index in 0..head.size {
            let Ok(Some(path)) = inclusion(&plain, index, head.size) else { panic!() };
            same(&ledger.receipt(index).unwrap(), index, head, &path);
            assert_eq!(foreign.prove_inclusion(usize::try_from(index).unwrap()).as_bytes(), Hash::join(&path));
        }
        assert!(matches!(ledger.receipt(head.size), Err(ProofError::Beyond { .. })));
    }
}

#[test]
fn receipts_are_the_same_from_memory_from_files_and_from_the_other_writer() {
    let (folder, mut database, mut ledger) = begun();
    let (_, log) = grown(&[70_000, 133, 1]);
    for count in [65_000, 536, 4464, 133, 1] {
        database.append(&mut ledger, count).unwrap();
    }
    let again = {
        let copy = folder.copy();
        database.open(&copy).unwrap()
    };
    let mut random = Random(5);
    let size = ledger.head().size;
    for index in (0..500).map(|_| random.below(size)).chain([0, 255, 256, 65_535, 65_536, 69_999, size - 1]) {
        let wanted = log.receipt(index, log.checkpoint()).unwrap();
        assert_eq!(ledger.receipt(index).unwrap(), wanted);
        assert_eq!(again.receipt(index).unwrap(), wanted);
        assert_eq!(ledger.receipt_at(index, log.checkpoint()).unwrap(), wanted);
        assert_eq!(Receipt::from_bytes(&wanted.to_bytes()), Some(wanted));
    }
}

#[test]
fn receipts_of_recent_batches_read_no_file() {
    let (folder, mut database, mut ledger) = begun();
    for count in [50_000, 20_000, 70, 1] {
        database.append(&mut ledger, count).unwrap();
    }
    let paths: Vec<String> = folder.all().into_keys().filter(|path| path.starts_with("tile/")).collect();
    paths.iter().for_each(|path| folder.set(path, None));
    let head = ledger.head();
    for index in (head.size - 60_000..head.size).step_by(7) {
        let receipt = ledger.receipt(index).unwrap();
        assert_eq!(outsider().receipt(&receipt, Some(leaf(index))).unwrap().head, head);
    }
    assert!(matches!(ledger.receipt(3), Err(ProofError::Read(_))));
}

#[test]
fn receipts_of_older_checkpoints_and_never_of_damaged_tiles() {
    let (folder, mut database, mut ledger) = begun();
    database.append(&mut ledger, 600).unwrap();
    let old = ledger.checkpoint().clone();
    database.append(&mut ledger, 700).unwrap();
    ledger.sync().unwrap();
    for index in [0, 255, 256, 599] {
        let receipt = ledger.receipt_at(index, &old).unwrap();
        assert_eq!(outsider().receipt(&receipt, Some(leaf(index))).unwrap().head.size, 600);
    }
    assert!(matches!(ledger.receipt_at(600, &old), Err(ProofError::Beyond { size: 600 })));
    let (_, foreign) = grown(&[3]);
    assert!(ledger.receipt_at(1, foreign.checkpoint()).is_ok(), "its key signed a tree that this one begins with");
    drop(ledger);
    let mut tile = folder.read("tile/0/001").unwrap().unwrap();
    tile[70] ^= 1;
    folder.set("tile/0/001", Some(tile));
    let ledger = database.open(&folder).unwrap();
    assert!(matches!(ledger.receipt(260), Err(ProofError::Damaged { size: 1300 })));
    assert!(matches!(ledger.receipt_at(260, &old), Err(ProofError::Damaged { size: 600 })));
    assert!(matches!(ledger.submission(258), Err(ProofError::Damaged { size: 1300 })));
    assert!(
        matches!(ledger.submission_at(0, 300), Err(ProofError::Damaged { .. })),
        "nothing is signed that was changed"
    );
    assert!(ledger.receipt(1299).is_ok());
}

#[test]
fn a_full_disk_costs_no_receipt_and_is_made_up_for() {
    for fits in 0..12 {
        let (folder, mut database, mut ledger) = begun();
        database.append(&mut ledger, 250).unwrap();
        let published = ledger.head();
        folder.fill_after(Some(fits));
        let mut failed = 0;
        for count in [3, 4, 300] {
            match database.append(&mut ledger, count) {
                Ok(()) => {}
                Err(SettleError::Unpublished(_)) => failed += 1,
                Err(why) => panic!("{why}"),
            }
            assert_eq!(ledger.head(), database.head());
            let index = ledger.head().size - 1;
            let receipt = ledger.receipt(index).unwrap();
            assert_eq!(outsider().receipt(&receipt, Some(leaf(index))).unwrap().head, ledger.head());
            // What a reader is told is there.
            let report = outsider().verify(&folder, &mut |_| {});
            assert!(report.head.unwrap().size >= published.size);
            let wrong = report.findings.listed().iter().all(|finding| finding.to_string().contains(".p/"));
            assert!(wrong, "{fits}: only a torn tile that no checkpoint has: {report:?}");
        }
        assert!(failed > 0, "{fits}");
        assert!(!ledger.is_published());
        ledger.publish().unwrap_err();
        folder.fill_after(None);
        ledger.publish().unwrap();
        assert!(ledger.is_published());
        believed(&folder, database.head());
        ledger.sync().unwrap();
        drop(ledger);
        folder.come_back(Back::Power(0));
        drop(database.open(&folder).unwrap());
        believed(&folder, database.head());
    }
}

#[test]
fn what_could_not_be_kept_for_a_full_disk_is_brought_again() {
    let (folder, mut database, mut ledger) = begun();
    database.append(&mut ledger, 300).unwrap();
    folder.fill_after(Some(0));
    for _ in 0..8 {
        database.append(&mut ledger, 9999).unwrap_err();
    }
    assert!(matches!(ledger.publish(), Err(SettleError::Behind { have: 300, need: 80_292 })));
    let head = ledger.head();
    for index in [80_291, 80_000, 30_000] {
        same_root(&ledger.receipt(index).unwrap(), index, head);
    }
    let failed = ledger.catch_up(head, |from, limit| database.read(from, limit));
    assert!(matches!(failed, Err(LedgerError::Settle(_))));
    assert_eq!(ledger.head(), head);
    folder.fill_after(None);
    ledger.catch_up(head, |from, limit| database.read(from, limit)).unwrap();
    believed(&folder, database.head());
    same_root(&ledger.receipt(400).unwrap(), 400, head);
    database.append(&mut ledger, 5).unwrap();
    ledger.sync().unwrap();
    believed(&folder, database.head());
}

fn same_root(receipt: &Receipt, index: u64, head: TreeHead) {
    assert_eq!(outsider().receipt(receipt, Some(leaf(index))).unwrap().head, head);
}

#[test]
fn a_database_that_was_put_back_is_noticed_and_the_folder_stays() {
    let (folder, mut database, mut ledger) = begun();
    database.append(&mut ledger, 500).unwrap();
    let old = database.clone();
    ledger.sync().unwrap();
    database.append(&mut ledger, 300).unwrap();
    drop(ledger);
    let before = folder.all();
    let refused = |database: &Database, folder: &Folder| match database.open(folder) {
        Err(LedgerError::Open(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(&old, &folder), OpenError::RolledBack { published: 800, head: 500 }));
    assert!(matches!(refused(&Database::default(), &folder), OpenError::RolledBack { published: 800, head: 0 }));
    // Put back and gone on, past what was published: only the root tells.
    let mut forked = old.clone();
    forked.commit(&leaves(900..1200));
    assert!(matches!(refused(&forked, &folder), OpenError::Fork { published: 800 }));
    forked.commit(&leaves(1200..1300));
    assert!(matches!(refused(&forked, &folder), OpenError::Fork { published: 800 }));
    // Other leaves than the head's.
    let mut mixed = database.clone();
    mixed.leaves[650] = leaf(1);
    assert!(matches!(mixed.open(&folder), Err(LedgerError::Open(OpenError::Fork { published: 800 }))));
    mixed.commit(&leaves(800..810));
    mixed.leaves = [&database.leaves[..], &leaves(20..30)].concat();
    assert!(matches!(mixed.open(&folder), Err(LedgerError::Differs { size: 810 })));
    mixed.leaves.truncate(805);
    assert!(matches!(refused(&mixed, &folder), OpenError::Behind { have: 805, need: 810 }));
    let gone = Ledger::open(folder.clone(), ORIGIN, log_key(), database.head(), |_, _| Err(Gone));
    assert!(matches!(gone, Err(LedgerError::Leaves(Gone))));
    assert_eq!(folder.all(), before);
    // Without the checkpoint, the sync point still tells; without both, nothing does.
    folder.set("checkpoint", Some(b"torn".to_vec()));
    let mut older = Database::with(499);
    assert!(matches!(refused(&older, &folder), OpenError::RolledBack { published: 500, head: 499 }));
    older.commit(&leaves(700..800));
    assert!(matches!(refused(&older, &folder), OpenError::Fork { published: 500 }));
    folder.set("checkpoint", None);
    assert!(matches!(refused(&older, &folder), OpenError::Fork { published: 500 }));
    database.open(&folder).unwrap();
    believed(&folder, database.head());
}

#[test]
fn a_foreign_checkpoint_is_refused_and_a_second_writer_too() {
    let (folder, mut database, mut ledger) = begun();
    database.append(&mut ledger, 5).unwrap();
    assert!(matches!(database.open(&folder), Err(LedgerError::Open(OpenError::AnotherWriter))));
    drop(ledger);
    let stranger =
        headlock_registry::log::SecretKey::new(ORIGIN, headlock_registry::log::KeyKind::Note, &[1; 32]).unwrap();
    let foreign =
        Ledger::open(folder.clone(), ORIGIN, stranger, database.head(), |from, limit| database.read(from, limit));
    assert!(matches!(foreign, Err(LedgerError::Open(OpenError::Checkpoint(_)))));
    database.open(&folder).unwrap();
}

#[test]
fn a_folder_that_was_lost_or_damaged_comes_back_from_the_database() {
    let database = Database::with(140_123);
    let (folder, whole) = (Folder::default(), Folder::default());
    drop(database.open(&folder).unwrap());
    believed(&folder, database.head());
    drop(Database::with(1000).open(&whole).unwrap());
    drop(database.open(&whole).unwrap());
    assert_eq!(tiles(&folder, 140_123), tiles(&whole, 140_123));
    // The sync point is there and its tiles are not.
    folder.set("tile/1/002.p/35", None);
    folder.set("tile/0/100", None);
    drop(database.open(&folder).unwrap());
    believed(&folder, database.head());
    // Leaves are not even read where nothing is missing.
    let files = folder.all();
    let opened = Ledger::open(folder.clone(), ORIGIN, log_key(), database.head(), |_, _| Err(Gone));
    assert_eq!(opened.unwrap().head(), database.head());
    assert_eq!(folder.all(), files);
}

#[test]
fn bytes_that_a_file_system_lost_are_not_called_durable_later() {
    let (folder, mut database, mut ledger) = begun();
    database.append(&mut ledger, 300).unwrap();
    folder.forget_once();
    assert!(matches!(ledger.sync(), Err(SyncError::Lost(_))));
    database.append(&mut ledger, 3).unwrap();
    assert!(matches!(ledger.sync(), Err(SyncError::Reopen)));
    assert_eq!(ledger.synced(), TreeHead::EMPTY);
    drop(ledger);
    folder.come_back(Back::Power(0));
    let mut ledger = database.open(&folder).unwrap();
    believed(&folder, database.head());
    ledger.sync().unwrap();
}

#[test]
fn outgrown_partial_tiles_go_at_the_sync_and_those_of_readers_stay() {
    let (folder, mut database, mut ledger) = begun();
    for _ in 0..25 {
        database.append(&mut ledger, 13).unwrap();
    }
    let partial = |place: &str| folder.all().into_keys().filter(|path| path.starts_with(place)).count();
    assert!(partial("tile/0/000.p/") == 19 && partial("tile/0/001.p/") == 6);
    ledger.sync().unwrap();
    assert!(partial("tile/0/000.p/") == 0 && partial("tile/entries/000.p") == 0);
    assert_eq!(partial("tile/0/001.p/"), 6);
    let operations = folder.operations();
    ledger.sync().unwrap();
    assert_eq!(folder.operations(), operations, "nothing to do");
    // A killed process: what it outgrew goes at the next start, and what is whole stays.
    for _ in 0..20 {
        database.append(&mut ledger, 13).unwrap();
    }
    drop(ledger);
    folder.come_back(Back::Process);
    folder.set("tile/0/002.p/11", Some(vec![0; 352]));
    drop(database.open(&folder).unwrap());
    assert_eq!((partial("tile/0/001.p/"), partial("tile/entries/001.p/")), (0, 0));
    assert_eq!((partial("tile/0/002.p/"), partial("tile/entries/002.p/")), (6, 6));
    assert_eq!(folder.read("tile/0/002.p/11").unwrap(), None);
    believed(&folder, database.head());
}

#[test]
fn two_instances_on_one_database_have_the_same_tiles() {
    let (one, two) = (Folder::default(), Folder::default());
    let mut database = Database::default();
    let mut ledgers = [database.open(&one).unwrap(), database.open(&two).unwrap()];
    let mut random = Random(21);
    for round in 0..60 {
        let (turn, count) = (usize::try_from(random.below(2)).unwrap(), 1 + random.below(150));
        let read = |from, limit| database.read(from, limit);
        ledgers[turn].catch_up(database.head(), read).unwrap();
        database.append(&mut ledgers[turn], count).unwrap();
        if round % 9 == 0 {
            ledgers[turn].sync().unwrap();
        }
    }
    for ledger in &mut ledgers {
        ledger.catch_up(database.head(), |from, limit| database.read(from, limit)).unwrap();
        ledger.sync().unwrap();
    }
    let size = database.head().size;
    assert!(size > 3000);
    assert_eq!(tiles(&one, size), tiles(&two, size));
    assert_eq!(one.read("checkpoint").unwrap(), two.read("checkpoint").unwrap());
    assert_eq!(one.read(SYNCED).unwrap(), one.read("checkpoint").unwrap());
    believed(&one, database.head());
    believed(&two, database.head());
    let index = size - 200;
    assert_eq!(ledgers[0].receipt(index).unwrap(), ledgers[1].receipt(index).unwrap());
    // A long way at once, over the limit of what is brought at a time.
    database.commit(&leaves(size..size + 150_000));
    ledgers[1].catch_up(database.head(), |from, limit| database.read(from, limit)).unwrap();
    believed(&two, database.head());
    // Another database, or one that was put back, is not caught up with.
    let [ledger, _] = &mut ledgers;
    let mut other = Database::with(size - 1);
    let refused = ledger.catch_up(other.head(), |from, limit| other.read(from, limit));
    assert!(matches!(refused, Err(LedgerError::Open(OpenError::RolledBack { .. }))));
    other.commit(&[leaf(0)]);
    let refused = ledger.catch_up(other.head(), |from, limit| other.read(from, limit));
    assert!(matches!(refused, Err(LedgerError::Open(OpenError::Fork { .. }))));
    other.commit(&[leaf(0)]);
    let refused = ledger.catch_up(other.head(), |from, limit| other.read(from, limit));
    assert!(matches!(refused, Err(LedgerError::Differs { .. })));
    assert_eq!(ledger.head().size, size);
}

#[test]
fn witnesses_follow_a_ledger() {
    let (folder, mut database, mut ledger) = begun();
    let keys = vec![log_key().public().clone()];
    let mut witness = Witness::new(witness_key(1), ORIGIN, keys, SharedHead::default());
    let public = [witness.public().clone()];
    let mut old = 0;
    for (now, count) in (1000..).zip([3, 254, 500, 1]) {
        database.append(&mut ledger, count).unwrap();
        let request = ledger.submission(old).unwrap();
        let line = witness.add_checkpoint(&request.to_bytes(), now).unwrap();
        assert_eq!(ledger.add_cosignatures(&request.checkpoint, &line, &public).unwrap().signatures(), 2);
        old = ledger.head().size;
        believed(&folder, ledger.head());
    }
    assert!(matches!(ledger.submission(old + 1), Err(ProofError::Beyond { .. })));
    // A second witness is led over checkpoints that were never published, to the one that the first cosigned.
    let keys = vec![log_key().public().clone()];
    let mut slow = Witness::new(witness_key(2), ORIGIN, keys, SharedHead::default());
    let mut at = 0;
    for size in [1, 256, 300, 757, old] {
        let request = ledger.submission_at(at, size).unwrap();
        slow.add_checkpoint(&request.to_bytes(), 2000).unwrap();
        at = size;
    }
    assert_eq!(ledger.submission_at(300, old).unwrap(), ledger.submission(300).unwrap());
    assert!(matches!(ledger.submission_at(0, old + 1), Err(ProofError::Beyond { size }) if size == old));
    assert!(matches!(ledger.submission_at(300, 299), Err(ProofError::Beyond { size: 299 })));
    // A database older than what witnesses saw was put back.
    drop(ledger);
    folder.set("checkpoint", None);
    folder.set(SYNCED, None);
    let older = Database::with(old - 1).open(&folder);
    assert!(matches!(older, Err(LedgerError::Open(OpenError::RolledBack { .. }))));
    database.open(&folder).unwrap();
}

#[test]
fn a_ledger_on_disk_goes_on_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    let mut database = Database::default();
    for round in 0..6_u64 {
        let read = |from, limit| database.read(from, limit);
        let mut ledger = Ledger::open(disk.clone(), ORIGIN, log_key(), database.head(), read).unwrap();
        for _ in 0..20 {
            let from = ledger.head().size;
            let what = event("released").with("round", &round.to_string()).unwrap();
            let batch = [leaves(from..from + 16), vec![salt(1).commit(&what)]].concat();
            let prepared = ledger.prepare(&batch);
            database.commit(&batch);
            ledger.settle(prepared).unwrap();
            let receipt = ledger.receipt(from + 16).unwrap().with(salt(1), what).to_bytes();
            let receipt = Receipt::from_bytes(&receipt).unwrap();
            assert_eq!(outsider().receipt(&receipt, None).unwrap().head, ledger.head());
        }
        if round % 2 == 0 {
            ledger.sync().unwrap();
        }
    }
    let report = outsider().verify(&disk, &mut |_| {});
    assert!(report.is_clean() && report.head == Some(database.head()), "{report:?}");
}
