//! A desk that is killed at any moment of a release, a thousand times over: what it answered stands, once, and no limit is refilled.
#![allow(clippy::unwrap_used)]

mod desk_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use desk_support::{ORIGIN, START_S, account, catalog, document, new_unit, serial, serial_of, store, vin, vin_of};
use headlock_registry::desk::{AccountChange, Action, Ask, Command, Credential, Desk, Outcome, Tools, Wanted};
use headlock_registry::log::{Disk, Event, Outsider, TreeHead, VerifierKey};
use headlock_registry::record::{AccountId, Lately, Opened, Record, Request, RequestState};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::Kek;
use headlock_registry::seal::key_file;
use headlock_registry::sign_in::Role;
use headlock_registry::store::{Scan, Table};
use sha2::{Digest, Sha256};

const CHILD: &str = "DESK_KILL_CHILD";
const KILLS: usize = 1_000;
const UNITS: u32 = 200;
const ANNA: Credential = Credential::Certificate([1; 32]);
/// A thousand years for a million requests.
const PERIOD_MS: u64 = 31_622_400_000_000;
const BURST: u64 = 1_000_000;

fn rules() -> Rules {
    let limits = DEFAULT.find("[limits]").unwrap();
    let times = DEFAULT.find("[times]").unwrap();
    let rate = format!("{{ burst = {BURST}, period_ms = {PERIOD_MS} }}");
    let text = format!(
        "{}[limits]\nperson = {rate}\ncompany = {rate}\nserial = {rate}\nvin = {rate}\nfailure_cost = 4\n\n{}\n[watch]\n\
         sequence_within_s = 0\n",
        &DEFAULT[..limits],
        &DEFAULT[times..]
    );
    Rules::parse(&text).unwrap()
}

fn tools(folder: &Path) -> Tools<Disk> {
    Tools {
        store: store(folder),
        files: Disk::new(folder.join("log")),
        catalog: catalog(),
        rules: rules(),
        kek: key_file::read(&folder.join("key")).unwrap(),
    }
}

/// The time of a request: a minute after the one before, so that no two are asked for at once.
fn at_ms(number: u32) -> u64 {
    (START_S + 60 * u64::from(number)) * 1000
}

fn release(number: u32) -> Command {
    let unit = number % UNITS;
    let ask = Ask {
        idempotency_key: format!("k-{number}"),
        serial: serial(&serial_of(unit)),
        vin: Some(vin(&vin_of(unit))),
        companion: None,
        wanted: Wanted::Code,
        proof: "registration".to_owned(),
        document: Some(document()),
    };
    Command { credential: ANNA, action: Action::Release(ask) }
}

/// What the killed process does: release after release, each answered one on standard output.
#[test]
fn child() {
    let Ok(plan) = std::env::var(CHILD) else { return };
    let (first, folder) = plan.split_once(' ').unwrap();
    let mut number: u32 = first.parse().unwrap();
    let mut desk = Desk::open(tools(Path::new(folder)), at_ms(number)).expect("a registry after a kill");
    let mut out = std::io::stdout().lock();
    writeln!(out, "open").unwrap();
    loop {
        let count = 1 + number % 3;
        let commands: Vec<Command> = (number..number + count).map(release).collect();
        let answers = desk.apply(at_ms(number), &commands).expect("a desk that answers");
        let mut text = String::new();
        for (number, answer) in (number..).zip(answers) {
            let Ok(Outcome::Released(released)) = answer else { panic!("{answer:?}") };
            text.push_str(&format!("a {number} {} {}\n", released.request.leaf.unwrap(), released.request.id));
        }
        out.write_all(text.as_bytes()).unwrap();
        out.flush().unwrap();
        number += count;
        if number.is_multiple_of(7) {
            desk.sync().unwrap();
        }
    }
}

struct Answered {
    number: u32,
    leaf: u64,
    request: String,
}

/// Lets a child work for a random while after it has opened the desk, and kills it; what it had answered.
fn kill_one(folder: &Path, first: u32, wait: Duration) -> Vec<Answered> {
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{first} {}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // One kill in eight hits the opening itself.
    if !wait.as_micros().is_multiple_of(8) {
        lines.by_ref().map(Result::unwrap).find(|line| line.ends_with("open")).expect("a child that opens the desk");
    }
    std::thread::sleep(wait);
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert!(std::os::unix::process::ExitStatusExt::signal(&ended).is_some(), "it ended by itself: {ended}");
    let answered = lines.map_while(Result::ok).filter_map(|line| {
        let mut words = line.strip_prefix("a ")?.split(' ');
        let number = words.next()?.parse().ok()?;
        let leaf = words.next()?.parse().ok()?;
        let request = words.next()?.to_owned();
        (request.len() == 32).then_some(Answered { number, leaf, request })
    });
    answered.collect()
}

fn all(folder: &Path, table: &'static Table) -> Vec<Vec<headlock_registry::store::Value>> {
    let scan = Scan { table, prefix: &[], after: None, backwards: false, limit: usize::MAX >> 1 };
    store(folder).scan(&scan).unwrap()
}

/// The newest state of anna's own limit.
fn tat_ms(folder: &Path) -> u64 {
    let subject = Sha256::digest(b"person\0anna");
    let rows = all(folder, Lately::TABLE).into_iter().map(|row| Lately::from_row(row).unwrap());
    let states = rows.flat_map(|row| {
        let (tats, rest) = row.tats.as_chunks::<24>();
        assert!(rest.is_empty());
        tats.iter()
            .filter(|tat| tat[..16] == subject[..16])
            .map(|tat| u64::from_be_bytes(tat[16..].try_into().unwrap()))
            .collect::<Vec<_>>()
    });
    states.max().unwrap_or_default()
}

#[test]
fn a_thousand_kills_lose_no_answer_fork_no_log_refill_no_limit_and_authorise_nothing_twice() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let path: PathBuf = folder.path().to_owned();
    std::fs::create_dir(path.join("log")).unwrap();
    key_file::write(&path.join("key"), &Kek::random().unwrap()).unwrap();
    let key = {
        let root = account("root", "maker", &[Role::Administrator]);
        let mut desk = Desk::begin(tools(&path), ORIGIN, &root, at_ms(0)).unwrap();
        let change = AccountChange::AddCertificate([1; 32], "anna's".to_owned());
        let units = (0..UNITS).map(|number| new_unit(number, "eu", Some(vin_of(number)))).collect();
        let actions = [
            Action::AddAccount(account("anna", "acme", &[Role::Requester])),
            Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change },
            Action::AddUnits { import: "test".to_owned(), rows_before: 0, position: vec![], units },
        ];
        let commands = actions.map(|action| Command { credential: Credential::Console, action });
        assert!(desk.apply(at_ms(0), &commands).unwrap().iter().all(Result::is_ok));
        desk.ledger().public().clone()
    };
    let outsider = || Outsider::new(ORIGIN, vec![VerifierKey::parse(&key.to_string()).unwrap()]);
    let mut answered: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    let mut seen: Vec<TreeHead> = Vec::new();
    let (mut next, mut state) = (1_u32, 0x9e37_79b9_7f4a_7c15_u64);
    let began = Instant::now();
    for _ in 0..KILLS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for Answered { number, leaf, request } in kill_one(&path, next, Duration::from_micros(state % 7_000)) {
            let again = answered.insert(number, (leaf, request.clone()));
            assert!(again.is_none_or(|again| again == (leaf, request)), "request {number} was answered anew");
            next = next.max(number + 1);
        }
        let published = std::fs::read(path.join("log/checkpoint")).unwrap();
        let text = String::from_utf8(published).unwrap();
        let mut lines = text.lines().skip(1);
        let (size, root) = (lines.next().unwrap().parse().unwrap(), lines.next().unwrap());
        let head = TreeHead { size, root: headlock_registry::log::Hash::from_base64(root).unwrap() };
        assert!(seen.last().is_none_or(|last| last.size <= head.size), "a checkpoint went back");
        seen.push(head);
    }
    println!(
        "{KILLS} kills in {:?}, {} answers, {} leaves",
        began.elapsed(),
        answered.len(),
        seen.last().unwrap().size
    );
    assert!(answered.len() > KILLS / 2, "only {} answers: the kills hit openings alone", answered.len());
    let mut desk = Desk::open(tools(&path), at_ms(next)).unwrap();
    let mut known = outsider();
    seen.dedup();
    for head in seen {
        known = known.with_known(head);
    }
    let report = known.verify(&Disk::new(path.join("log")), &mut |_| {});
    assert!(report.is_clean(), "{:?}", report.findings);
    let mut leaves: BTreeMap<String, u64> = BTreeMap::new();
    for row in all(&path, Opened::TABLE) {
        let row = Opened::from_row(row).unwrap();
        let event = Event::from_bytes(&row.event.unwrap()).unwrap();
        if event.kind() == "authorised" {
            let twice = leaves.insert(event.field("request").unwrap().to_owned(), row.leaf);
            assert_eq!(twice, None, "a request was authorised twice");
        }
    }
    for (number, (leaf, request)) in &answered {
        assert_eq!(leaves.get(request), Some(leaf), "the answer to {number} is not in the log");
    }
    for (leaf, request) in answered.values().step_by(7) {
        let receipt = desk.receipt(*leaf).unwrap();
        assert_eq!(known.receipt(&receipt, None).unwrap().index, *leaf);
        assert_eq!(receipt.opening.unwrap().event.field("request"), Some(request.as_str()));
    }
    let requests: Vec<Request> =
        all(&path, Request::TABLE).into_iter().map(|row| Request::from_row(row).unwrap()).collect();
    assert!(requests.iter().all(|request| request.state == RequestState::Authorised));
    let ids: BTreeSet<&str> = requests.iter().map(|request| request.id.as_str()).collect();
    assert_eq!(ids.len(), leaves.len());
    // Each key once: answered ones, and at most one batch behind the last of them.
    let keys = u64::from(next) + 2;
    assert!(leaves.len() as u64 <= keys, "{} authorised for {keys} keys", leaves.len());
    let token_ms = PERIOD_MS / BURST;
    let charged = (tat_ms(&path) - at_ms(1)) / token_ms;
    assert_eq!(charged, leaves.len() as u64, "each authorised request was charged once");
}
