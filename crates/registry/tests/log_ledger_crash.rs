//! A ledger whose machine stops at every operation on files: what the database committed comes back, whatever the files lost.
#![allow(clippy::unwrap_used)]

mod log_support;

use std::convert::Infallible;

use headlock_registry::log::{Checkpoint, Commitment, Edge, Ledger, LedgerError, TreeHead};
use log_support::power::{Back, Folder, Stop};
use log_support::{ORIGIN, leaf, leaves, log_key, outsider};

/// Sizes that begin tiles, fill them to the last leaf, jump over them, and fill several at once.
const BATCHES: [u64; 8] = [3, 252, 1, 1, 300, 11, 200, 600];

/// After which of them all is made durable.
const SYNCS: [usize; 3] = [1, 4, 5];

fn head(size: u64) -> TreeHead {
    let mut edge = Edge::default();
    (0..size).for_each(|at| edge.push(leaf(at).leaf(), |_, _, _| {}));
    edge.head()
}

fn read(size: u64) -> impl FnMut(u64, usize) -> Result<Vec<Commitment>, Infallible> {
    move |from, limit| Ok(leaves(from..size.min(from + limit as u64)))
}

fn open(folder: &Folder, size: u64) -> Result<Ledger<Folder>, LedgerError<Infallible>> {
    Ledger::open(folder.clone(), ORIGIN, log_key(), head(size), read(size))
}

/// Runs until all batches are in or the machine stops; answers how many leaves the database has.
fn run(folder: &Folder) -> u64 {
    let Ok(mut ledger) = open(folder, 0) else { return 0 };
    let mut committed = 0;
    for (round, count) in BATCHES.into_iter().enumerate() {
        let prepared = ledger.prepare(&leaves(committed..committed + count));
        committed += count;
        let settled = ledger.settle(prepared);
        // Proofs stand whatever the files do.
        assert_eq!(ledger.head().size, committed);
        ledger.receipt(committed - 1).unwrap();
        if settled.is_err() || SYNCS.contains(&round) && ledger.sync().is_err() {
            return committed;
        }
    }
    committed
}

/// An outsider who saw every checkpoint that ever stood there.
fn watched(folder: &Folder, head: TreeHead, case: &str) {
    let keys = [log_key().public().clone()];
    let watcher = folder.published().iter().fold(outsider(), |outsider, note| {
        let (checkpoint, _) = Checkpoint::open(note, ORIGIN, &keys).expect("what was published is whole and signed");
        outsider.with_known(checkpoint.head)
    });
    let report = watcher.verify(folder, &mut |_| {});
    assert!(report.is_clean() && report.head == Some(head), "{case}: {report:?}");
}

/// Opens after a crash, compares with the model, goes on, and loses power once more.
fn check(folder: &Folder, committed: u64, case: &str) {
    let ledger = open(folder, committed).unwrap_or_else(|why| panic!("{case}: {why}"));
    assert_eq!((ledger.head(), ledger.synced()), (head(committed), head(committed)), "{case}");
    watched(folder, ledger.head(), case);
    drop(ledger);
    // All of it is durable now: an outsider who comes after a power cut needs nobody to open it.
    folder.come_back(Back::Power(0));
    watched(folder, head(committed), &format!("{case}, then a power cut"));
    let mut ledger = open(folder, committed).unwrap();
    let mut size = committed;
    for (more, sync) in [(1, false), (255, true), (2, false)] {
        let prepared = ledger.prepare(&leaves(size..size + more));
        ledger.settle(prepared).unwrap_or_else(|why| panic!("{case}: {why}"));
        size += more;
        if sync {
            ledger.sync().unwrap();
        }
        watched(folder, ledger.head(), case);
    }
    drop(ledger);
    folder.come_back(Back::Power(31));
    drop(open(folder, size).unwrap_or_else(|why| panic!("{case}, gone on: {why}")));
    watched(folder, head(size), case);
}

const BACK: [Back; 5] =
    [Back::Process, Back::Power(0), Back::Power(123_456_789), Back::Power(77_777), Back::Power(9_876_543_210)];

fn operations() -> usize {
    let folder = Folder::default();
    assert_eq!(run(&folder), BATCHES.iter().sum::<u64>());
    folder.operations()
}

#[test]
fn a_crash_anywhere_loses_nothing_that_the_database_has() {
    let operations = operations();
    assert!(operations > 90, "{operations}");
    for at in 0..=operations {
        for how in [Stop::Before, Stop::During, Stop::After] {
            for back in BACK {
                let case = format!("operation {at} {how:?}, {back:?}");
                let folder = Folder::default();
                folder.stop_at(at, how);
                let committed = run(&folder);
                assert!(folder.has_stopped() || at == operations, "{case}");
                folder.come_back(back);
                check(&folder, committed, &case);
            }
        }
    }
}

#[test]
fn a_crash_while_opening_after_a_crash_loses_nothing_either() {
    let mut stopped_at_all = 0;
    for at in (0..operations()).step_by(5) {
        for again in (0..60).step_by(2) {
            let mut any_stopped = false;
            for (first, second) in
                [(Back::Process, Back::Power(0)), (Back::Power(0), Back::Power(9)), (Back::Power(5), Back::Process)]
            {
                let case = format!("operation {at}, then {again} of the opening, {first:?} and {second:?}");
                let folder = Folder::default();
                folder.stop_at(at, Stop::After);
                let committed = run(&folder);
                folder.come_back(first);
                folder.stop_at(folder.operations() + again, Stop::During);
                let _ = open(&folder, committed);
                any_stopped |= folder.has_stopped();
                folder.come_back(second);
                check(&folder, committed, &case);
            }
            if !any_stopped {
                break;
            }
            stopped_at_all += 1;
        }
    }
    assert!(stopped_at_all > 100, "{stopped_at_all}");
}

#[test]
fn no_reader_finds_a_checkpoint_whose_tiles_are_not_there() {
    for at in 0..operations() {
        for how in [Stop::Before, Stop::During, Stop::After] {
            let folder = Folder::default();
            folder.stop_at(at, how);
            run(&folder);
            // What stands there at this moment, the process gone or not.
            folder.come_back(Back::Process);
            let report = outsider().verify(&folder, &mut |_| {});
            let unborn = report.head.is_none() && folder.published().is_empty();
            assert!(unborn || report.is_clean(), "{at} {how:?}: {report:?}");
        }
    }
}

#[test]
fn a_database_that_was_put_back_is_noticed_after_a_power_cut_too() {
    for seed in 0..40 {
        let folder = Folder::default();
        let committed = run(&folder);
        folder.come_back(Back::Power(seed));
        // Up to the last sync point nothing can be lost of what tells.
        let synced: u64 = BATCHES[..=SYNCS[2]].iter().sum();
        for older in [0, 3, 256, synced - 1] {
            let opened = open(&folder, older).map(|ledger| ledger.head());
            assert!(
                matches!(opened, Err(LedgerError::Open(headlock_registry::log::OpenError::RolledBack { .. }))),
                "{seed}, {older}: {opened:?}"
            );
        }
        drop(open(&folder, committed).unwrap());
        watched(&folder, head(committed), "put back");
    }
}
