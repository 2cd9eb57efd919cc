//! A log that is written: batches, two writers, what is published, receipts, erasure, and a lost machine.
#![allow(clippy::unwrap_used)]

mod log_support;

use headlock_registry::log::{
    AppendError, Commitment, Disk, Event, EventError, FileHead, Head, KeyKind, Log, MAX_BATCH, Note, OpenError, Policy,
    ProofError, ReadFiles, Receipt, ReceiptError, SecretKey, Swap, TreeHead, Witness,
};
use log_support::power::Folder;
use log_support::{
    ORIGIN, Plain, Random, SharedHead, event, grown, leaf, leaves, log_key, open, outsider, salt, witness_key,
};

#[test]
fn every_batch_leaves_a_log_that_an_outsider_believes() {
    for batches in
        [vec![1; 600], vec![7; 90], vec![255, 1, 255, 1, 1], vec![256; 3], vec![1000], vec![65_535, 1, 1], vec![65_537]]
    {
        let folder = Folder::default();
        let mut log = open(&folder);
        let tree = Plain::of(batches.iter().sum());
        for size in batches {
            let from = log.head().size;
            let at = log.append(&mut FileHead::new(folder.clone()), &leaves(from..from + size)).unwrap();
            assert_eq!(at, from..from + size);
            let Ok(root) = headlock_registry::log::root(&tree, at.end);
            assert_eq!(log.head(), TreeHead { size: at.end, root });
            if at.end % 53 < 2 || size > 1 {
                let report = outsider().verify(&folder, &mut |_| {});
                assert!(report.is_clean() && report.leaves == at.end, "{report:?}");
                assert_eq!(report.head, Some(log.head()));
            }
        }
        let size = log.head().size;
        drop(log);
        assert_eq!(open(&folder).head().size, size);
    }
}

#[test]
fn full_tiles_never_change_and_their_partial_states_go() {
    let (folder, mut log) = grown(&[]);
    let mut full = std::collections::BTreeMap::new();
    for _ in 0..80 {
        let from = log.head().size;
        log.append(&mut FileHead::new(folder.clone()), &leaves(from..from + 13)).unwrap();
        for (path, bytes) in folder.all() {
            if path.starts_with("tile/") && !path.contains(".p/") {
                assert_eq!(full.entry(path.clone()).or_insert(bytes.clone()), &bytes, "{path}");
                assert!(!folder.all().keys().any(|other| other.starts_with(&format!("{path}.p/"))), "{path}");
            }
        }
        // What a published checkpoint needs is there.
        assert!(folder.all().contains_key(&format!("tile/entries/{:03}.p/{}", (from + 13) / 256, (from + 13) % 256)));
    }
    assert_eq!(full.len(), 8);
    assert!(folder.all().keys().all(|path| !path.contains(".tmp") && !path.starts_with("staged/")));
}

#[test]
fn a_second_writer_is_refused_in_memory_and_on_disk() {
    let (folder, log) = grown(&[5]);
    let second = Log::open(folder.clone(), ORIGIN, log_key(), &mut FileHead::new(folder.clone()));
    assert!(matches!(second, Err(OpenError::AnotherWriter)));
    drop(log);
    open(&folder);

    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    let mut head = FileHead::new(disk.clone());
    let mut log = Log::open(disk.clone(), ORIGIN, log_key(), &mut head).unwrap();
    log.append(&mut head, &leaves(0..700)).unwrap();
    let second = Log::open(disk.clone(), ORIGIN, log_key(), &mut head.clone());
    assert!(matches!(second, Err(OpenError::AnotherWriter)));
    drop(log);
    let mut log = Log::open(disk.clone(), ORIGIN, log_key(), &mut head).unwrap();
    log.append(&mut head, &leaves(700..1100)).unwrap();
    let report = outsider().verify(&disk, &mut |_| {});
    assert!(report.is_clean() && report.leaves == 1100, "{report:?}");
}

#[test]
fn two_writers_of_one_head_cannot_fork_the_log() {
    let mut shared = SharedHead::default();
    let (one, two) = (Folder::default(), Folder::default());
    let mut first = Log::open(one.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    let mut second = Log::open(two.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    first.append(&mut shared, &leaves(0..40)).unwrap();
    match second.append(&mut shared, &leaves(900..941)) {
        Err(AppendError::Overtaken { base: 0, stands }) => assert_eq!(stands, Some(first.head())),
        other => panic!("{other:?}"),
    }
    // Nothing of the loser is to be seen, nor signed.
    assert!(two.all().keys().all(|path| !path.starts_with("tile/") && !path.starts_with("staged/")));
    assert_eq!(second.head(), TreeHead::EMPTY);
    assert_eq!(outsider().verify(&two, &mut |_| {}).head, Some(TreeHead::EMPTY));
    drop(second);
    // It opens again with the leaves that the winner committed.
    let behind = Log::open(two.clone(), ORIGIN, log_key(), &mut shared);
    assert!(matches!(behind, Err(OpenError::Behind { have: 0, need: 40 })));
    let mut second = Log::restore(two.clone(), ORIGIN, log_key(), &mut shared, leaves(0..40)).unwrap();
    second.append(&mut shared, &leaves(40..300)).unwrap();
    assert!(matches!(first.append(&mut shared, &leaves(40..41)), Err(AppendError::Overtaken { .. })));
    assert!(outsider().with_known(first.head()).verify(&two, &mut |_| {}).is_clean());
}

#[test]
fn a_swap_is_done_once_whoever_asks() {
    let folder = Folder::default();
    let mut head = FileHead::new(folder.clone());
    let [a, b] = [1, 2].map(|size| TreeHead { size, root: leaf(size).leaf() });
    assert_eq!(head.load().unwrap(), None);
    assert_eq!(head.swap(Some(a), b).unwrap(), Swap::Stands(None));
    assert_eq!(head.swap(None, a).unwrap(), Swap::Done);
    assert_eq!(head.swap(None, b).unwrap(), Swap::Stands(Some(a)));
    assert_eq!(head.swap(Some(a), b).unwrap(), Swap::Done);
    assert_eq!(FileHead::new(folder.clone()).load().unwrap(), Some(b));
    for bad in ["", "headlock-head/v1\n1\n", "headlock-head/v2\n2\nx\n", "headlock-head/v1\n02\nAAAA\n"] {
        folder.set("head", Some(bad.as_bytes().to_vec()));
        head.load().unwrap_err();
        head.swap(None, a).unwrap_err();
    }
}

#[test]
fn threads_that_race_for_a_head_on_disk_win_once_each_round() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::new(root.path());
    FileHead::new(disk.clone()).swap(None, TreeHead::EMPTY).unwrap();
    let won: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4_u64)
            .map(|racer| {
                let mut head = FileHead::new(disk.clone());
                scope.spawn(move || {
                    let mut won = 0;
                    for _ in 0..200 {
                        // Another holds the lock: nothing was changed.
                        let Ok(Some(stands)) = head.load() else { continue };
                        let next = TreeHead { size: stands.size + 1, root: leaf(racer).leaf() };
                        won += usize::from(matches!(head.swap(Some(stands), next), Ok(Swap::Done)));
                    }
                    won
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    let stands = FileHead::new(disk).load().unwrap().unwrap();
    assert_eq!(stands.size, won as u64, "each swap went on from the one before");
    assert!(won > 0);
}

#[test]
fn a_head_that_was_put_back_is_noticed() {
    let mut shared = SharedHead::default();
    let folder = Folder::default();
    let mut log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    log.append(&mut shared, &leaves(0..10)).unwrap();
    let old = log.head();
    log.append(&mut shared, &leaves(10..20)).unwrap();
    let new = log.head();
    drop(log);
    let open = |head: Option<TreeHead>| {
        let mut place = SharedHead::default();
        *place.0.lock().unwrap() = head;
        Log::open(folder.clone(), ORIGIN, log_key(), &mut place).map(|log| log.head())
    };
    assert!(matches!(open(Some(old)), Err(OpenError::RolledBack { published: 20, head: 10 })));
    assert!(matches!(open(None), Err(OpenError::RolledBack { published: 20, head: 0 })));
    let other = TreeHead { root: leaf(1).leaf(), ..new };
    assert!(matches!(open(Some(other)), Err(OpenError::Fork { published: 20 })));
    let longer = TreeHead { size: 25, root: leaf(1).leaf() };
    assert!(matches!(open(Some(longer)), Err(OpenError::Behind { have: 20, need: 25 })));
    assert_eq!(open(Some(new)).unwrap(), new);
    let stranger = SecretKey::new(ORIGIN, KeyKind::Note, &[1; 32]).unwrap();
    let mut place = shared.clone();
    let other_key = Log::open(folder.clone(), ORIGIN, stranger, &mut place);
    assert!(matches!(other_key, Err(OpenError::Checkpoint(_))));
}

#[test]
fn a_lost_machine_is_restored_from_the_rows_and_other_rows_are_refused() {
    let mut shared = SharedHead::default();
    let folder = Folder::default();
    let mut log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    log.append(&mut shared, &leaves(0..70_000)).unwrap();
    let (early, head) = (folder.copy(), log.head());
    log.append(&mut shared, &leaves(70_000..140_123)).unwrap();
    let restore = |folder: &Folder, rest: Vec<Commitment>| {
        let opened = Log::restore(folder.clone(), ORIGIN, log_key(), &mut shared.clone(), rest);
        opened.map(|log| log.head())
    };
    assert!(matches!(restore(&early, leaves(70_000..100_000)), Err(OpenError::Behind { have: 70_000, need: 140_123 })));
    let mut wrong = leaves(70_000..140_123);
    wrong[50_000] = leaf(0);
    assert!(matches!(restore(&early, wrong), Err(OpenError::Damaged { size: 140_123 })));
    assert_eq!(restore(&early, leaves(70_000..140_123)).unwrap(), log.head());
    assert!(outsider().with_known(head).verify(&early, &mut |_| {}).is_clean());
    let empty = Folder::default();
    assert_eq!(restore(&empty, leaves(0..140_123)).unwrap(), log.head());
    let tiles =
        |folder: &Folder| folder.all().into_iter().filter(|(path, _)| path.starts_with("tile/")).collect::<Vec<_>>();
    let full =
        |folder: &Folder| tiles(folder).into_iter().filter(|(path, _)| !path.contains(".p/")).collect::<Vec<_>>();
    assert_eq!(full(&empty), full(&folder));
}

#[test]
fn a_batch_has_a_size_and_a_place() {
    let (folder, mut log) = grown(&[5]);
    assert!(matches!(log.stage(&[]), Err(AppendError::Size)));
    assert!(matches!(log.stage(&vec![leaf(0); MAX_BATCH + 1]), Err(AppendError::Size)));
    let staged = log.stage(&leaves(5..9)).unwrap();
    assert_eq!((staged.base(), staged.indexes()), (log.head(), 5..9));
    let before = log.checkpoint().clone();
    assert_eq!(folder.read("checkpoint").unwrap(), Some(before.to_bytes()), "staged is not published");
    let mut head = FileHead::new(folder.clone());
    assert_eq!(head.swap(Some(staged.base()), staged.head()).unwrap(), Swap::Done);
    log.settle(&staged).unwrap();
    assert!(matches!(log.settle(&staged), Err(AppendError::NotNext { base: 5, size: 9 })));
    assert_eq!(log.head(), staged.head());
}

#[test]
fn a_denial_is_logged_shown_and_erased() {
    let (folder, mut log) = grown(&[300]);
    let denied = event("denied").with("reason", "too many requests").unwrap();
    let commitment = salt(9).commit(&denied);
    let at = log.append(&mut FileHead::new(folder.clone()), &[commitment]).unwrap().start;
    let receipt = log.receipt(at, log.checkpoint()).unwrap();
    // Without what was said, the receipt shows nothing; with it, all.
    assert_eq!(outsider().receipt(&receipt, None).unwrap_err(), ReceiptError::Closed);
    assert_eq!(outsider().receipt(&receipt, Some(commitment)).unwrap().event, None);
    let full = receipt.clone().with(salt(9), denied.clone());
    let read = Receipt::from_bytes(&full.to_bytes()).unwrap();
    assert_eq!(read, full);
    let shown = outsider().receipt(&read, Some(commitment)).unwrap();
    assert_eq!((shown.index, shown.head), (300, log.head()));
    let event = shown.event.unwrap();
    assert_eq!(
        (event.kind(), event.at_s(), event.field("reason")),
        ("denied", 1_763_640_000, Some("too many requests"))
    );
    // Another salt, another event, another place, another log: not what was logged.
    let other = |receipt: &Receipt| outsider().receipt(receipt, None).unwrap_err();
    assert_eq!(other(&receipt.clone().with(salt(8), denied.clone())), ReceiptError::NotIncluded);
    assert_eq!(other(&receipt.clone().with(salt(9), log_support::event("denied"))), ReceiptError::NotIncluded);
    assert_eq!(other(&Receipt { index: 299, ..full.clone() }), ReceiptError::NotIncluded);
    assert_eq!(outsider().receipt(&full, Some(leaf(1))).unwrap_err(), ReceiptError::NotIncluded);
    // Nothing of the event is in any file; with the salt gone, what stays is 32 bytes that could be of any event.
    for (path, bytes) in folder.all() {
        for secret in [b"NV12345678".as_slice(), b"denied", b"desk"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{path}");
        }
    }
    assert_ne!(salt(8).commit(&denied), commitment);
    // Erasing needs nothing of the log: it verifies as before.
    drop((full, read, denied));
    assert!(outsider().verify(&folder, &mut |_| {}).is_clean());
}

#[test]
fn an_event_has_one_spelling() {
    let event = event("released").with("a", "").unwrap();
    let text = "headlock-event/v1\nkind released\nat_s 1763640000\na \nactor desk 7\nserial NV12345678\n";
    assert_eq!(event.to_bytes(), text.as_bytes());
    assert_eq!(Event::from_bytes(text.as_bytes()).unwrap(), event);
    assert_eq!(event.fields().count(), 3);
    for bad in [
        text.replace("a \nactor desk 7", "actor desk 7\na "),
        text.replace("a \n", "a \na \n"),
        text.replace("a \n", "a\n"),
        text.replace("at_s 1", "at_s 01"),
        text.replace("v1", "v2"),
        text.replace("kind released", "kind Released"),
        text.replace("a \n", "kind \n"),
        text.replace("a \n", "\n"),
        text.replace("desk 7", "desk\t7"),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        String::new(),
    ] {
        assert_eq!(Event::from_bytes(bad.as_bytes()), Err(EventError::Spelling), "{bad}");
    }
    assert_eq!(Event::new("", 0), Err(EventError::Name));
    assert_eq!(event.clone().with("kind", "x"), Err(EventError::Name));
    assert_eq!(event.clone().with("at_s", "x"), Err(EventError::Name));
    assert_eq!(event.clone().with("b c", "x"), Err(EventError::Name));
    assert_eq!(event.clone().with("b", "x\ny"), Err(EventError::Value));
    assert_eq!(event.with("serial", "x"), Err(EventError::Twice));
}

#[test]
fn random_salts_differ() {
    let [one, two] = [(); 2].map(|()| headlock_registry::log::Salt::random().unwrap());
    assert_ne!(one, two);
    assert_ne!(one, log_support::salt(0));
}

#[test]
fn every_byte_of_a_receipt_counts() {
    let (folder, mut log) = grown(&[70]);
    let event = event("released");
    log.append(&mut FileHead::new(folder), &[salt(3).commit(&event)]).unwrap();
    let receipt = log.receipt(70, log.checkpoint()).unwrap().with(salt(3), event).to_bytes();
    let shows =
        |bytes: &[u8]| Receipt::from_bytes(bytes).is_some_and(|receipt| outsider().receipt(&receipt, None).is_ok());
    assert!(shows(&receipt));
    for at in 0..receipt.len() {
        for bit in 0..8 {
            let mut bytes = receipt.clone();
            bytes[at] ^= 1 << bit;
            assert!(!shows(&bytes), "bit {bit} of byte {at}");
        }
        assert!(!shows(&receipt[..at]), "cut at {at}");
    }
}

#[test]
fn random_bytes_are_no_receipt_and_break_nothing() {
    let mut random = Random(77);
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..random.below(90)).map(|_| random.next().to_le_bytes()[2]).collect();
        assert_eq!(Receipt::from_bytes(&noise), None);
        let framed = [b"c2sp.org/tlog-proof@v1\nindex 18446744073709551615\n\n".as_slice(), &noise].concat();
        let receipt = Receipt::from_bytes(&framed).unwrap();
        outsider().receipt(&receipt, Some(leaf(0))).unwrap_err();
        let _ = Event::from_bytes(&noise);
        let _ = Event::from_bytes(&[b"headlock-event/v1\nkind a\nat_s 0\n".as_slice(), &noise].concat());
    }
}

#[test]
fn a_receipt_is_of_a_checkpoint_of_this_log_and_never_of_damaged_tiles() {
    let (folder, mut log) = grown(&[600]);
    let old = log.checkpoint().clone();
    log.append(&mut FileHead::new(folder.clone()), &leaves(600..1300)).unwrap();
    for index in [0, 255, 256, 599] {
        let receipt = log.receipt(index, &old).unwrap();
        assert_eq!(outsider().receipt(&receipt, Some(leaf(index))).unwrap().head.size, 600);
        let receipt = log.receipt(index, log.checkpoint()).unwrap();
        assert_eq!(outsider().receipt(&receipt, Some(leaf(index))).unwrap().head.size, 1300);
    }
    assert!(matches!(log.receipt(600, &old), Err(ProofError::Beyond { size: 600 })));
    let stranger = SecretKey::new(ORIGIN, KeyKind::Note, &[1; 32]).unwrap();
    let foreign = headlock_registry::log::Checkpoint::new(ORIGIN, log.head()).sign(&stranger).unwrap();
    assert!(matches!(log.receipt(1, &foreign), Err(ProofError::Checkpoint(_))));
    drop(log);
    let log = open(&folder);
    let mut tile = folder.read("tile/0/001").unwrap().unwrap();
    tile[70] ^= 1;
    folder.set("tile/0/001", Some(tile));
    assert!(matches!(log.receipt(260, log.checkpoint()), Err(ProofError::Damaged { size: 1300 })));
    folder.set("tile/0/001", None);
    let log = {
        drop(log);
        open(&folder)
    };
    assert!(matches!(log.receipt(260, log.checkpoint()), Err(ProofError::Read(_))));
}

#[test]
fn witnesses_follow_a_log_and_their_cosignatures_are_kept() {
    let (folder, mut log) = grown(&[]);
    let keys = vec![log_key().public().clone()];
    let mut witnesses: Vec<_> =
        (1..=3).map(|number| Witness::new(witness_key(number), ORIGIN, keys.clone(), SharedHead::default())).collect();
    let public: Vec<_> = witnesses.iter().map(|witness| witness.public().clone()).collect();
    let policy = Policy::new(2, public.clone()).unwrap();
    let demanding = outsider().with_policy(policy);
    let mut old_size = 0;
    for (now, batch) in (1000..).zip([3_u64, 254, 500]) {
        let from = log.head().size;
        log.append(&mut FileHead::new(folder.clone()), &leaves(from..from + batch)).unwrap();
        let request = log.submission(old_size).unwrap();
        for witness in &mut witnesses[..2] {
            let line = witness.add_checkpoint(&request.to_bytes(), now).unwrap();
            log.add_cosignatures(&request.checkpoint, &line, &public).unwrap();
        }
        old_size = log.head().size;
        let report = demanding.verify(&folder, &mut |_| {});
        assert!(report.is_clean(), "{report:?}");
        let (seen, by) = report.witnessed.unwrap();
        assert_eq!((seen, by.len(), by[0].at_s), (log.head(), 2, now));
    }
    // The log goes on; the tree that was seen stays shown.
    let seen = log.head();
    let early = log.submission(0).unwrap();
    log.append(&mut FileHead::new(folder.clone()), &leaves(seen.size..seen.size + 5)).unwrap();
    let report = demanding.verify(&folder, &mut |_| {});
    assert!(report.is_clean() && report.witnessed.unwrap().0 == seen);
    // A receipt of the newest checkpoint has no witnesses yet; one of the tree that they saw has.
    let newest = log.receipt(1, log.checkpoint()).unwrap();
    assert!(matches!(demanding.receipt(&newest, Some(leaf(1))), Err(ReceiptError::Unwitnessed(_))));
    let witnessed = Note::parse(&folder.read("witnessed").unwrap().unwrap()).unwrap();
    let shown = log.receipt(1, &witnessed).unwrap();
    assert_eq!(demanding.receipt(&shown, Some(leaf(1))).unwrap().seen.len(), 2);
    // A cosignature of an older tree does not take the place of a newer one, nor do a stranger's lines.
    let line = witnesses[2].add_checkpoint(&early.to_bytes(), 5).unwrap();
    assert_eq!(log.add_cosignatures(&early.checkpoint, &line, &public).unwrap().signatures(), 4);
    let (folder_before, first) = (folder.all(), grown(&[3]).1);
    let stale = log.add_cosignatures(&first.checkpoint().to_bytes(), &line, &public);
    assert!(stale.is_ok_and(|note| note.text() == witnessed.text()));
    assert_eq!(folder.all(), folder_before);
    let mut forged = Note::new(log.checkpoint().text()).unwrap();
    forged.cosign(&witness_key(1), 1);
    let lines = forged.signature_lines().replace('A', "B");
    assert!(
        log.add_cosignatures(&log.checkpoint().to_bytes(), &lines, &public).is_err()
            || lines == forged.signature_lines()
    );
}
