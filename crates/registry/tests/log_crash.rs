//! A crash at every operation on files, of every kind, and again while recovering: nothing acknowledged is lost, nothing is forked.
#![allow(clippy::unwrap_used)]

mod log_support;

use headlock_registry::log::{Checkpoint, FileHead, Head, HeadError, Log, OpenError, Outsider, Swap, TreeHead};
use log_support::power::{Back, Folder, Stop};
use log_support::{ORIGIN, SharedHead, leaf, leaves, log_key, outsider};

/// Sizes that begin tiles, fill them to the last leaf, jump over them, and fill several at once.
const BATCHES: [u64; 7] = [3, 252, 1, 1, 300, 211, 600];

/// Where the head stands in a run.
#[derive(Clone)]
enum Place {
    File(FileHead<Folder>),
    Shared(SharedHead),
}

impl Head for Place {
    fn load(&mut self) -> Result<Option<TreeHead>, HeadError> {
        match self {
            Self::File(head) => head.load(),
            Self::Shared(head) => head.load(),
        }
    }

    fn swap(&mut self, expected: Option<TreeHead>, next: TreeHead) -> Result<Swap, HeadError> {
        match self {
            Self::File(head) => head.swap(expected, next),
            Self::Shared(head) => head.swap(expected, next),
        }
    }
}

fn open(folder: &Folder, place: &mut Place) -> Result<Log<Folder>, OpenError> {
    Log::open(folder.clone(), ORIGIN, log_key(), place)
}

/// Runs batches until all are in or the machine stops; answers how many leaves were acknowledged, and how many were under way.
fn run(folder: &Folder, place: &mut Place, batches: &[u64]) -> (u64, u64) {
    let Ok(mut log) = open(folder, place) else { return (0, 0) };
    for size in batches {
        let from = log.head().size;
        if log.append(place, &leaves(from..from + size)).is_err() {
            return (from, from + size);
        }
    }
    (log.head().size, log.head().size)
}

/// An outsider who saw every checkpoint that ever stood there.
fn watcher(folder: &Folder) -> Outsider {
    folder.published().iter().fold(outsider(), |outsider, note| {
        let keys = [log_key().public().clone()];
        let (checkpoint, _) = Checkpoint::open(note, ORIGIN, &keys).expect("what was published is whole and signed");
        outsider.with_known(checkpoint.head)
    })
}

fn check(folder: &Folder, place: &mut Place, acknowledged: u64, under_way: u64, case: &str) -> u64 {
    // Readable before anybody recovers it.
    let report = outsider().verify(folder, &mut |_| {});
    let unborn = report.head.is_none() && acknowledged == 0;
    assert!(unborn || report.is_clean(), "{case}, before recovery: {report:?}");
    assert!(
        unborn || report.head.is_some_and(|head| head.size >= acknowledged),
        "{case}: an acknowledged batch is unpublished"
    );

    let log = open(folder, place).unwrap_or_else(|why| panic!("{case}: {why}"));
    let size = log.head().size;
    assert!(size == acknowledged || size == under_way, "{case}: {size} leaves, of {acknowledged} to {under_way}");
    let report = watcher(folder).verify(folder, &mut |_| {});
    assert!(report.is_clean() && report.head == Some(log.head()), "{case}: {report:?}");
    for at in 0..size {
        if at % 97 == 0 || at + 1 == size {
            assert_eq!(log.tiles().entry(at, size).unwrap(), leaf(at), "{case}");
        }
    }
    size
}

/// Goes on after a crash, loses power at once, and goes on again.
fn go_on(folder: &Folder, place: &mut Place, case: &str) {
    let mut log = open(folder, place).unwrap();
    for more in [1, 255, 2] {
        let from = log.head().size;
        log.append(place, &leaves(from..from + more)).unwrap_or_else(|why| panic!("{case}: {why}"));
    }
    let size = log.head().size;
    drop(log);
    folder.come_back(Back::Power(0));
    check(folder, place, size, size, &format!("{case}, then a power cut"));
    let leftovers: Vec<String> = folder.all().into_keys().filter(|path| path.starts_with("staged/")).collect();
    assert!(leftovers.iter().all(|path| !path.contains(".tmp")) && leftovers.len() <= 1, "{case}: {leftovers:?}");
}

fn place(folder: &Folder, shared: bool) -> Place {
    if shared { Place::Shared(SharedHead::default()) } else { Place::File(FileHead::new(folder.clone())) }
}

fn operations(shared: bool) -> usize {
    let folder = Folder::default();
    let mut place = place(&folder, shared);
    let all = BATCHES.iter().sum();
    assert_eq!(run(&folder, &mut place, &BATCHES), (all, all));
    check(&folder, &mut place, all, all, "no crash");
    folder.operations()
}

const BACK: [Back; 3] = [Back::Process, Back::Power(0), Back::Power(123_456_789)];

fn crash_everywhere(shared: bool) {
    let operations = operations(shared);
    assert!(operations > 120, "{operations}");
    for at in 0..operations {
        for how in [Stop::Before, Stop::During, Stop::After] {
            for back in BACK {
                let case = format!("operation {at} {how:?}, {back:?}");
                let folder = Folder::default();
                let mut place = place(&folder, shared);
                folder.stop_at(at, how);
                let (acknowledged, under_way) = run(&folder, &mut place, &BATCHES);
                assert!(folder.has_stopped() || under_way == BATCHES.iter().sum::<u64>(), "{case}");
                folder.come_back(back);
                check(&folder, &mut place, acknowledged, under_way, &case);
                if matches!(back, Back::Process) {
                    let files = folder.all();
                    let outgrown =
                        |path: &String| path.split_once(".p/").is_some_and(|(full, _)| files.contains_key(full));
                    assert!(!files.keys().any(outgrown), "{case}: a partial tile stays beside the full one");
                }
                go_on(&folder, &mut place, &case);
            }
        }
    }
}

#[test]
fn a_crash_anywhere_loses_nothing_where_the_head_is_a_file() {
    crash_everywhere(false);
}

#[test]
fn a_crash_anywhere_loses_nothing_where_the_head_is_in_a_database() {
    crash_everywhere(true);
}

#[test]
fn a_crash_while_recovering_from_a_crash_loses_nothing_either() {
    for shared in [false, true] {
        for at in (0..operations(shared)).step_by(7) {
            for again in 0..40 {
                for (first, second) in
                    [(Back::Process, Back::Power(0)), (Back::Power(0), Back::Power(9)), (Back::Power(5), Back::Process)]
                {
                    let case = format!("operation {at}, then {again} of the recovery, {first:?} and {second:?}");
                    let folder = Folder::default();
                    let mut place = place(&folder, shared);
                    folder.stop_at(at, Stop::After);
                    let (acknowledged, under_way) = run(&folder, &mut place, &BATCHES);
                    folder.come_back(first);
                    folder.stop_at(folder.operations() + again, Stop::During);
                    let _ = open(&folder, &mut place);
                    let stopped = folder.has_stopped();
                    folder.come_back(second);
                    check(&folder, &mut place, acknowledged, under_way, &case);
                    go_on(&folder, &mut place, &case);
                    if !stopped {
                        break;
                    }
                }
            }
        }
    }
}

/// A database that commits and does not answer.
struct Silent(SharedHead);

impl Head for Silent {
    fn load(&mut self) -> Result<Option<TreeHead>, HeadError> {
        self.0.load()
    }

    fn swap(&mut self, expected: Option<TreeHead>, next: TreeHead) -> Result<Swap, HeadError> {
        self.0.swap(expected, next)?;
        Err(HeadError::new("the connection is gone"))
    }
}

#[test]
fn a_swap_that_was_not_answered_is_found_at_the_next_start() {
    let folder = Folder::default();
    let mut shared = SharedHead::default();
    let mut log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    log.append(&mut shared, &leaves(0..10)).unwrap();
    log.append(&mut Silent(shared.clone()), &leaves(10..300)).unwrap_err();
    assert_eq!(log.head().size, 10);
    // The same writer cannot go on beside what it does not know.
    log.append(&mut shared, &leaves(500..501)).unwrap_err();
    drop(log);
    let log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    assert_eq!(log.head().size, 300);
    assert!(outsider().verify(&folder, &mut |_| {}).is_clean());
    assert_eq!(log.tiles().entry(299, 300).unwrap(), leaf(299));
}

#[test]
fn a_swap_that_arrives_after_the_next_start_is_found_at_the_one_after() {
    let folder = Folder::default();
    let mut shared = SharedHead::default();
    let mut log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    log.append(&mut shared, &leaves(0..10)).unwrap();
    let staged = log.stage(&leaves(10..20)).unwrap();
    drop(log);
    // The database still works on the commit while the next writer starts, and stages something else.
    let mut log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    assert_eq!(log.head().size, 10);
    assert_eq!(shared.swap(Some(staged.base()), staged.head()).unwrap(), Swap::Done);
    log.append(&mut shared, &leaves(70..75)).unwrap_err();
    drop(log);
    let log = Log::open(folder.clone(), ORIGIN, log_key(), &mut shared).unwrap();
    assert_eq!(log.head(), staged.head());
    assert!(outsider().verify(&folder, &mut |_| {}).is_clean());
    assert!(folder.all().keys().all(|path| !path.starts_with("staged/")));
}
