//! What a desk answers where its store or its folder fails, and what it makes of it afterwards.
#![allow(clippy::unwrap_used)]

mod desk_support;

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use desk_support::{Bench, ORIGIN, account, code, code_of, new_unit, released, serial, serial_of, store, vin_of};
use headlock_registry::desk::{AccountChange, PairingLine, Released};
use headlock_registry::desk::{
    Action, Ask, Command, Conflict, Credential, Desk, Fault, NewUnit, OpenError, Outcome, Refusal, Tools,
};
use headlock_registry::log::{Commitment, Disk, Event, Files, Outsider, ReadFiles, Receipt};
use headlock_registry::record::{AccountId, PairingEvent};
use headlock_registry::record::{Opened, Record};
use headlock_registry::rules::DEFAULT;
use headlock_registry::seal::Kek;
use headlock_registry::sign_in::Role;
use headlock_registry::store::{Batch, Committed, Read, Row, Scan, Standing, Store, StoreError, Table};

/// When something fails: after so many operations.
#[derive(Clone, Default)]
struct Plan(Arc<Mutex<(Option<u64>, bool)>>);

impl Plan {
    fn fail_at(&self, operation: u64) {
        *self.0.lock().unwrap() = (Some(operation), false);
    }

    fn end(&self) {
        self.0.lock().unwrap().0 = None;
    }

    /// Whether this operation fails; all after it do too.
    fn fails(&self) -> bool {
        let mut plan = self.0.lock().unwrap();
        let (left, failed) = &mut *plan;
        match left {
            None => false,
            Some(0) => {
                *failed = true;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.0.lock().unwrap().1
    }
}

fn broken() -> io::Error {
    io::Error::other("the test broke it")
}

/// A store whose commits fail, before or after they are durable.
struct Faulty {
    inner: Box<dyn Store>,
    before: Plan,
    after: Plan,
}

impl Read for Faulty {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.inner.get(table, keys)
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(scan)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.inner.count(table)
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        self.inner.standing()
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.inner.leaves(from, limit)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        self.inner.moment()
    }
}

impl Store for Faulty {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        if self.before.fails() {
            return Err(StoreError::Unavailable(Box::new(broken())));
        }
        let done = self.inner.commit(batch);
        if self.after.fails() {
            return Err(StoreError::Unavailable(Box::new(broken())));
        }
        done
    }

    fn reader(&self) -> Result<Box<dyn Read>, StoreError> {
        self.inner.reader()
    }
}

/// A folder whose operations fail from one on.
struct Broken {
    disk: Disk,
    plan: Plan,
}

impl Broken {
    fn or<T>(&self, then: impl FnOnce(&Disk) -> io::Result<T>) -> io::Result<T> {
        if self.plan.fails() { Err(broken()) } else { then(&self.disk) }
    }
}

impl ReadFiles for Broken {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.or(|disk| disk.read(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.or(|disk| disk.list(folder))
    }
}

impl Files for Broken {
    type Lock = File;

    fn write_synced(&self, files: &[(String, &[u8])]) -> io::Result<()> {
        self.or(|disk| disk.write_synced(files))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.or(|disk| disk.write(path, bytes))
    }

    fn sync_files(&self, paths: &[String]) -> io::Result<()> {
        self.or(|disk| disk.sync_files(paths))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.or(|disk| disk.rename(from, to))
    }

    fn sync_folders(&self, folders: &[String]) -> io::Result<()> {
        self.or(|disk| disk.sync_folders(folders))
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.or(|disk| disk.make_folder(folder))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.or(|disk| disk.remove(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.or(|disk| disk.remove_folder(folder))
    }

    fn lock(&self, path: &str) -> io::Result<Option<File>> {
        self.or(|disk| disk.lock(path))
    }
}

#[derive(Clone, Default)]
struct Plans {
    before: Plan,
    after: Plan,
    files: Plan,
}

/// The bench's registry, opened once more with a store and a folder that can fail.
fn opened(bench: &Bench, folder: &str, plans: &Plans) -> Result<Desk<Broken>, OpenError> {
    let path = bench.folder.path().join(folder);
    std::fs::create_dir_all(&path).unwrap();
    let Tools { catalog, rules, kek, .. } = bench.tools();
    let inner = store(bench.folder.path());
    let store = Box::new(Faulty { inner, before: plans.before.clone(), after: plans.after.clone() });
    let files = Broken { disk: Disk::new(path), plan: plans.files.clone() };
    Desk::open(Tools { store, files, catalog, rules, kek }, bench.now_ms)
}

fn one(
    desk: &mut Desk<Broken>,
    bench: &Bench,
    credential: Credential,
    action: Action,
) -> Result<Result<Outcome, Refusal>, Fault> {
    Ok(desk.apply(bench.now_ms, &[Command { credential, action }])?.pop().unwrap())
}

/// Leaves that say that something was authorised: place and idempotent request.
fn authorised(bench: &Bench) -> Vec<(u64, String)> {
    let mut store = store(bench.folder.path());
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: false, limit: usize::MAX >> 1 };
    let rows = store.scan(&scan).unwrap().into_iter().map(|row| Opened::from_row(row).unwrap());
    rows.filter_map(|row| {
        let event = Event::from_bytes(&row.event?).unwrap();
        (event.kind() == "authorised").then(|| (row.leaf, event.field("request").unwrap().to_owned()))
    })
    .collect()
}

fn is_clean(bench: &Bench, folder: &str, key: &headlock_registry::log::VerifierKey) {
    let outsider = Outsider::new(ORIGIN, vec![key.clone()]);
    let report = outsider.verify(&Disk::new(bench.folder.path().join(folder)), &mut |_| {});
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.head, Some(store(bench.folder.path()).standing().unwrap().head));
}

fn verifies(key: &headlock_registry::log::VerifierKey, released: &Released, serial: &str) -> u64 {
    let receipt = Receipt::from_bytes(&released.receipt_bytes()).unwrap();
    let shown = Outsider::new(ORIGIN, vec![key.clone()]).receipt(&receipt, None).map(|shown| shown.index);
    assert_eq!(receipt.opening.as_ref().unwrap().event.field("serial"), Some(serial));
    shown.unwrap()
}

/// Serials that are no series.
const SCATTERED: [u32; 10] = [0, 11, 37, 1_002, 5_441, 20_113, 400_237, 1_000_003, 7_654_321, 33_333_338];

fn scattered(burst: u32) -> Bench {
    let rules = DEFAULT.replace("person = { burst = 40", &format!("person = {{ burst = {burst}"));
    let mut bench = Bench::with_rules(&rules);
    bench.add(SCATTERED[1..].iter().map(|number| new_unit(*number, "eu", Some(vin_of(*number)))).collect());
    bench
}

#[test]
fn a_store_that_fails_at_a_commit_gets_no_code_out_and_the_same_key_is_answered_and_charged_once() {
    let mut bench = scattered(8);
    bench.desk = None;
    let plans = Plans::default();
    let mut desk = opened(&bench, "log", &plans).unwrap();
    let anna = bench.credential("anna");
    for (turn, number) in SCATTERED.iter().take(8).enumerate() {
        let ask = bench.ask(*number);
        let plan = if turn % 2 == 0 { &plans.before } else { &plans.after };
        plan.fail_at(0);
        // As long as it fails nobody is answered, whoever asks.
        for _ in 0..=turn % 3 {
            let answer = one(&mut desk, &bench, anna, Action::Release(ask.clone()));
            assert!(matches!(answer, Err(Fault::Store(_))), "{answer:?}");
        }
        plan.end();
        if turn % 4 > 1 {
            drop(desk);
            desk = opened(&bench, "log", &plans).unwrap();
        }
        let answer = released(one(&mut desk, &bench, anna, Action::Release(ask.clone())).unwrap());
        assert_eq!(code(&answer), code_of(*number));
        let leaf = verifies(desk.ledger().public(), &answer, &serial_of(*number));
        let of_it: Vec<u64> = authorised(&bench)
            .into_iter()
            .filter(|(_, id)| id == answer.request.id.as_str())
            .map(|(at, _)| at)
            .collect();
        assert_eq!(of_it, [leaf]);
    }
    assert_eq!(authorised(&bench).len(), 8);
    let ask = bench.ask(SCATTERED[9]);
    let ninth = one(&mut desk, &bench, anna, Action::Release(ask)).unwrap();
    assert!(matches!(ninth, Err(Refusal::TooMany { .. })), "each of eight was charged once: {ninth:?}");
    is_clean(&bench, "log", desk.ledger().public());
}

#[test]
fn a_folder_that_fails_at_any_operation_gets_no_code_out_and_comes_to_the_stores_head_again() {
    let mut bench = scattered(200);
    bench.desk = None;
    let plans = Plans::default();
    let mut desk = opened(&bench, "log", &plans).unwrap();
    let mut faults = 0;
    for operation in 0.. {
        // The same few units again and again: their own limits come back in time.
        bench.pass(2 * 86_400);
        bench.now_ms += operation;
        drop(desk);
        desk = opened(&bench, "log", &plans).unwrap();
        let number = SCATTERED[usize::try_from(operation).unwrap() % 10];
        let anna = fresh(&mut desk, &bench);
        let ask = bench.ask(number);
        plans.files.fail_at(operation);
        let answer = one(&mut desk, &bench, anna, Action::Release(ask.clone()));
        let failed = plans.files.has_failed();
        if !failed {
            released(answer.unwrap());
            break;
        }
        if let Ok(answer) = answer {
            panic!("answered {answer:?} although the folder failed");
        }
        faults += 1;
        plans.files.end();
        let answer = released(one(&mut desk, &bench, anna, Action::Release(ask)).unwrap());
        let leaf = verifies(desk.ledger().public(), &answer, &serial_of(number));
        assert_eq!(authorised(&bench).iter().filter(|(_, id)| *id == answer.request.id.as_str()).count(), 1);
        assert_eq!(answer.request.leaf, Some(leaf));
        is_clean(&bench, "log", desk.ledger().public());
    }
    assert!(faults >= 3, "a release touches its folder a few times, not {faults}");
    plans.files.end();
    for operation in 0.. {
        let ask = bench.ask(SCATTERED[1]);
        let anna = fresh(&mut desk, &bench);
        released(one(&mut desk, &bench, anna, Action::Release(ask)).unwrap());
        bench.pass(2 * 86_400);
        plans.files.fail_at(operation);
        let synced = desk.sync();
        let failed = plans.files.has_failed();
        plans.files.end();
        assert_eq!(synced.is_err(), failed);
        drop(desk);
        plans.files.fail_at(operation);
        let reopened = opened(&bench, "log", &plans);
        let failed_too = plans.files.has_failed();
        plans.files.end();
        desk = match reopened {
            Ok(desk) if !failed_too => desk,
            Ok(_) => panic!("opened although the folder failed"),
            Err(_) => opened(&bench, "log", &plans).unwrap(),
        };
        if !failed && !failed_too {
            break;
        }
    }
    is_clean(&bench, "log", desk.ledger().public());
}

/// A certificate of anna's, which does not end after hours as sessions do.
fn fresh(desk: &mut Desk<Broken>, bench: &Bench) -> Credential {
    let change = AccountChange::AddCertificate([1; 32], "anna's".to_owned());
    let add = Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change };
    let added = one(desk, bench, Credential::Console, add).unwrap();
    assert!(added.is_ok() || added.unwrap_err() == Refusal::Conflict(Conflict::Exists));
    Credential::Certificate([1; 32])
}

#[test]
fn an_answer_that_was_lost_while_another_desk_went_on_leaves_log_and_store_together() {
    let mut bench = scattered(100);
    bench.desk = None;
    let plans = Plans::default();
    let mut first = opened(&bench, "log", &plans).unwrap();
    let mut second = opened(&bench, "log2", &Plans::default()).unwrap();
    let (anna, ben) = (bench.credential("anna"), bench.credential("ben"));
    for (turn, number) in SCATTERED.iter().copied().take(4).enumerate() {
        let ask = bench.ask(number);
        plans.after.fail_at(0);
        assert!(one(&mut first, &bench, anna, Action::Release(ask.clone())).is_err());
        plans.after.end();
        for further in 0..turn {
            let theirs = bench.ask(SCATTERED[5 + further]);
            let theirs = Ask { idempotency_key: format!("{turn}-{further}"), ..theirs };
            one(&mut second, &bench, ben, Action::Release(theirs)).unwrap().unwrap();
        }
        let answer = released(one(&mut first, &bench, anna, Action::Release(ask)).unwrap());
        verifies(first.ledger().public(), &answer, &serial_of(number));
        is_clean(&bench, "log", first.ledger().public());
    }
    one(&mut second, &bench, Credential::Console, Action::Tick).unwrap().unwrap();
    is_clean(&bench, "log2", second.ledger().public());
}

#[test]
fn a_folder_that_fails_while_catching_up_with_another_desk_is_caught_up_later() {
    let mut bench = scattered(100);
    bench.desk = None;
    let plans = Plans::default();
    let mut first = opened(&bench, "log", &plans).unwrap();
    let mut second = opened(&bench, "log2", &Plans::default()).unwrap();
    let (anna, ben) = (bench.credential("anna"), bench.credential("ben"));
    let theirs = bench.ask(SCATTERED[5]);
    one(&mut second, &bench, ben, Action::Release(theirs)).unwrap().unwrap();
    let ask = bench.ask(SCATTERED[1]);
    plans.files.fail_at(0);
    for _ in 0..3 {
        assert!(matches!(one(&mut first, &bench, anna, Action::Release(ask.clone())), Err(Fault::Log(_))));
    }
    plans.files.end();
    let answer = released(one(&mut first, &bench, anna, Action::Release(ask)).unwrap());
    verifies(first.ledger().public(), &answer, &serial_of(SCATTERED[1]));
    is_clean(&bench, "log", first.ledger().public());
}

#[test]
fn what_another_desk_took_back_is_not_handed_out_from_memory() {
    let mut bench = scattered(100);
    bench.desk = None;
    let mut first = opened(&bench, "log", &Plans::default()).unwrap();
    let mut second = opened(&bench, "log2", &Plans::default()).unwrap();
    let (anna, carl) = (bench.credential("anna"), bench.credential("carl"));
    let ask = bench.ask(SCATTERED[1]);
    let request = released(one(&mut first, &bench, anna, Action::Release(ask)).unwrap()).request.id;
    let collect = || Action::Collect { request: request.clone() };
    released(one(&mut first, &bench, anna, collect()).unwrap());
    let revoke = Action::Revoke { request: request.clone(), reason: "the wrong vehicle".to_owned() };
    one(&mut second, &bench, carl, revoke).unwrap().unwrap();
    let answer = one(&mut first, &bench, anna, collect()).unwrap();
    assert_eq!(answer.unwrap_err(), Refusal::Conflict(Conflict::NotWaiting));
    let ask = bench.ask(SCATTERED[2]);
    released(one(&mut first, &bench, anna, Action::Release(ask.clone())).unwrap());
    let stolen = PairingLine {
        serial: serial(&serial_of(SCATTERED[2])),
        event: PairingEvent::Stolen,
        vin: None,
        firmware: None,
    };
    one(&mut second, &bench, Credential::Console, Action::Pair(stolen)).unwrap().unwrap();
    let answer = one(&mut first, &bench, anna, Action::Release(ask)).unwrap();
    assert!(matches!(answer, Err(Refusal::Rule { .. })), "{answer:?}");
    let lock = AccountChange::State(headlock_registry::record::AccountState::Closed, "gone".to_owned());
    let lock = Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change: lock };
    one(&mut second, &bench, Credential::Console, lock).unwrap().unwrap();
    assert_eq!(one(&mut first, &bench, anna, collect()).unwrap().unwrap_err(), Refusal::NotSignedIn);
}

fn provisioned(number: u32) -> Action {
    let unit = NewUnit { code: None, ..new_unit(number, "eu", Some(vin_of(number))) };
    Action::Provision { unit }
}

#[test]
fn after_a_rotation_only_the_new_key_opens_the_registry_and_every_code_is_released() {
    let mut bench = scattered(100);
    let old = bench.kek.clone();
    let new = Kek::random().unwrap();
    let now_ms = bench.now_ms;
    // Keys that are made in the same batch, before and after, are under the new one too.
    let photo = |bench: &mut Bench, number| {
        let document = headlock_registry::desk::Document { digest: [1; 32], photo: Some(vec![9; 100]) };
        Action::Release(Ask { document: Some(document), ..bench.ask(number) })
    };
    bench.restart();
    let actions = vec![
        (Credential::Console, provisioned(77)),
        (Credential::Console, Action::Rotate { kek: Kek::random().unwrap() }),
        (bench.credential("anna"), photo(&mut bench, SCATTERED[4])),
        (Credential::Console, Action::Rotate { kek: new.clone() }),
        (Credential::Console, provisioned(78)),
    ];
    let commands: Vec<Command> =
        actions.into_iter().map(|(credential, action)| Command { credential, action }).collect();
    let answers = bench.desk().apply(now_ms, &commands).unwrap();
    let codes: Vec<String> = answers
        .iter()
        .filter_map(|answer| match answer {
            Ok(Outcome::Provisioned(made)) => Some(made.code.reveal().to_owned()),
            other => other.is_err().then(|| panic!("{other:?}")),
        })
        .collect();
    bench.desk = None;
    let refused = Desk::open(bench.tools(), bench.now_ms).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::WrongKey { .. }), "{refused}");
    drop(old);
    bench.kek = new;
    bench.restart();
    for (number, wanted) in [(77, codes[0].clone()), (78, codes[1].clone()), (SCATTERED[6], code_of(SCATTERED[6]))] {
        let ask = bench.ask(number);
        assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), wanted);
    }
}

#[test]
fn a_rotation_whose_commit_fails_leaves_the_old_key_and_one_whose_answer_was_lost_the_new_one() {
    let mut bench = scattered(100);
    bench.desk = None;
    let (plans, new) = (Plans::default(), Kek::random().unwrap());
    let mut desk = opened(&bench, "log", &plans).unwrap();
    plans.before.fail_at(0);
    assert!(one(&mut desk, &bench, Credential::Console, Action::Rotate { kek: new.clone() }).is_err());
    plans.before.end();
    drop(desk);
    let mut desk = opened(&bench, "log", &plans).expect("the old key still opens it");
    let anna = bench.credential("anna");
    let ask = bench.ask(SCATTERED[1]);
    released(one(&mut desk, &bench, anna, Action::Release(ask)).unwrap());
    drop(desk);
    let mut desk = opened(&bench, "log", &plans).unwrap();
    plans.after.fail_at(0);
    assert!(one(&mut desk, &bench, Credential::Console, Action::Rotate { kek: new.clone() }).is_err());
    plans.after.end();
    // The same process goes on, and seals under the key that stands.
    let made = one(&mut desk, &bench, Credential::Console, provisioned(79)).unwrap().unwrap();
    let Outcome::Provisioned(made) = made else { panic!("{made:?}") };
    drop(desk);
    assert!(matches!(opened(&bench, "log", &plans).map(drop), Err(OpenError::WrongKey { .. })));
    bench.kek = new;
    let mut desk = opened(&bench, "log", &plans).unwrap();
    for (number, wanted) in [(79, made.code.reveal().to_owned()), (SCATTERED[3], code_of(SCATTERED[3]))] {
        let ask = bench.ask(number);
        assert_eq!(code(&released(one(&mut desk, &bench, anna, Action::Release(ask)).unwrap())), wanted);
    }
}

#[test]
fn a_desk_beside_one_that_rotated_wraps_nothing_under_the_old_key() {
    let mut bench = scattered(100);
    bench.desk = None;
    let mut first = opened(&bench, "log", &Plans::default()).unwrap();
    let mut second = opened(&bench, "log2", &Plans::default()).unwrap();
    let new = Kek::random().unwrap();
    one(&mut second, &bench, Credential::Console, Action::Rotate { kek: new.clone() }).unwrap().unwrap();
    let made = one(&mut first, &bench, Credential::Console, provisioned(80));
    assert!(matches!(made, Err(Fault::Rotated)), "{made:?}");
    drop((first, second));
    bench.kek = new;
    let mut desk = opened(&bench, "log", &Plans::default()).unwrap();
    let made = one(&mut desk, &bench, Credential::Console, provisioned(80)).unwrap().unwrap();
    let Outcome::Provisioned(made) = made else { panic!("{made:?}") };
    let ask = bench.ask(80);
    let anna = bench.credential("anna");
    let answer = released(one(&mut desk, &bench, anna, Action::Release(ask)).unwrap());
    assert_eq!(code(&answer), made.code.reveal());
}

#[test]
fn an_old_backup_behind_what_was_published_is_refused_with_both_sizes() {
    let mut bench = scattered(100);
    bench.desk().sync().unwrap();
    bench.desk = None;
    let file = bench.folder.path().join("registry.db");
    let backup = bench.folder.path().join("backup.db");
    headlock_registry::store::backup(&file, &backup, &mut |_, _| {}).unwrap();
    bench.restart();
    let ask = bench.ask(SCATTERED[1]);
    bench.by("anna", Action::Release(ask)).unwrap();
    let published = bench.desk().ledger().head().size;
    bench.desk = None;
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(bench.folder.path().join(format!("registry.db{end}"))));
    }
    std::fs::copy(&backup, &file).unwrap();
    let had = store(bench.folder.path()).standing().unwrap().head.size;
    let refused = Desk::open(bench.tools(), bench.now_ms).map(drop).unwrap_err().to_string();
    assert!(refused.contains("put back") && refused.contains(&published.to_string()), "{refused}");
    assert!(refused.contains(&had.to_string()), "{refused}");
}

#[test]
fn a_refused_first_account_leaves_nothing_and_one_key_does_not_open_anothers_registry() {
    let bench = Bench::new();
    let other = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(other.path().join("log")).unwrap();
    let tools = || Tools { store: store(other.path()), files: Disk::new(other.path().join("log")), ..bench.tools() };
    let mut nobody = account("root", "maker", &[Role::Administrator]);
    nobody.person = String::new();
    let refused = Desk::begin(tools(), ORIGIN, &nobody, bench.now_ms).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Account(Refusal::Invalid { .. })), "{refused}");
    assert_eq!(store(other.path()).standing().unwrap(), Standing::EMPTY);
    let desk = Desk::begin(tools(), ORIGIN, &account("root", "maker", &[Role::Administrator]), bench.now_ms);
    drop(desk.expect("a registry after a refused one"));
    assert!(matches!(Desk::begin(tools(), ORIGIN, &nobody, bench.now_ms).map(drop), Err(OpenError::Already)));
    let wrong = Tools { kek: Kek::random().unwrap(), ..tools() };
    assert!(matches!(Desk::open(wrong, bench.now_ms).map(drop), Err(OpenError::WrongKey { .. })));
}
