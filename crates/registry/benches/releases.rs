//! Releases decided by the desk, without a network: batches of several sizes, durable, beside a bare commit of the same store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_registry::desk::{
    AccountChange, Action, Ask, Command, Credential, Desk, Document, NewAccount, NewUnit, Outcome, SignIn, Tools,
    Wanted,
};
use headlock_registry::log::Disk;
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Record, Region, RequestId, Serial, Setting, Vin};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::Kek;
use headlock_registry::sign_in::{Role, Roles};
use headlock_registry::store::{Batch, Change, Sqlite, Store};
use zeroize::Zeroizing;

const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../tests/catalog/units/wicket/scan.toml");
const START_MS: u64 = 1_767_225_600_000;
const UNITS: u32 = 200_000;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let begun = Instant::now();
    let now_ms = || START_MS + u64::try_from(begun.elapsed().as_millis()).expect("a short bench");
    let folder = tempfile::tempdir().expect("a temporary folder");
    bare(folder.path());
    let (mut desk, token) = desk(folder.path());
    let mut next = 0;
    // One size alone, for a profiler.
    let only = std::env::args().find_map(|argument| argument.parse::<u32>().ok());
    for batch in [1_u32, 8, 32, 64, 128].into_iter().filter(|batch| only.is_none_or(|only| only == *batch)) {
        let count = if batch == 1 { 2_000 } else { 32_000 };
        let (took, slowest) = round(&mut desk, token, &mut next, (batch, count), &now_ms);
        let each = took / count;
        println!(
            "batches of {batch:>3}: {each:?} a release, delivered in a batch of its own; slowest batch {slowest:?}"
        );
    }
}

/// So many releases in batches of this size; the time that they took, and the slowest batch's.
#[inline(never)]
fn round(
    desk: &mut Desk<Disk>,
    token: [u8; 32],
    next: &mut u32,
    (batch, count): (u32, u32),
    now_ms: &dyn Fn() -> u64,
) -> (Duration, Duration) {
    let mut slowest = Duration::ZERO;
    let start = Instant::now();
    let mut done = 0;
    while done < count {
        let commands: Vec<Command> = (0..batch)
            .map(|_| {
                *next += 1;
                Command { credential: Credential::Token(token), action: Action::Release(ask(*next)) }
            })
            .collect();
        let from = Instant::now();
        let answers = desk.apply(now_ms(), &commands).expect("a desk that can answer");
        let delivered: Vec<Command> = answers
            .iter()
            .map(|answer| {
                let Ok(Outcome::Released(released)) = answer else { panic!("{answer:?}") };
                let request: RequestId = released.request.id.clone();
                Command { credential: Credential::Nobody, action: Action::Delivered { request } }
            })
            .collect();
        slowest = slowest.max(from.elapsed());
        desk.apply(now_ms(), &delivered).expect("a desk that can answer");
        done += batch;
    }
    (start.elapsed(), slowest)
}

/// A commit of one small row.
fn bare(folder: &std::path::Path) {
    let mut store = Sqlite::open(folder.join("bare.db"), MIGRATIONS).expect("a store");
    let count = 300;
    let start = Instant::now();
    for number in 0..count {
        let base = headlock_registry::store::Read::standing(&mut store).expect("a standing");
        let row = Setting { name: "bench".to_owned(), value: number.to_string() }.to_row();
        let changes = vec![Change::Put { table: Setting::TABLE, row }];
        let batch = Batch {
            base,
            id: [u8::try_from(number % 251).expect("a byte"); 16],
            head: base.head,
            leaves: vec![],
            changes,
        };
        store.commit(&batch).expect("a commit");
    }
    println!("one row, one commit: {:?}", start.elapsed() / count);
}

fn desk(folder: &std::path::Path) -> (Desk<Disk>, [u8; 32]) {
    std::fs::create_dir(folder.join("log")).expect("a folder");
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: SCAN }];
    let catalog = Arc::new(Catalog::load(files).expect("the bench's unit"));
    let generous = DEFAULT.replace("burst = 40,", "burst = 80000000,").replace("burst = 200,", "burst = 80000000,");
    let rules = format!("{generous}\n[watch]\nsequence_count = 32\nsequence_span = 1\n");
    let rules = Rules::parse(&rules).unwrap_or_else(|why| panic!("{why}"));
    let store: Box<dyn Store> = Box::new(Sqlite::open(folder.join("registry.db"), MIGRATIONS).expect("a store"));
    let kek = Kek::random().expect("a key");
    let tools = Tools { store, files: Disk::new(folder.join("log")), catalog, rules, kek };
    let first = NewAccount {
        id: AccountId::new("anna").expect("a name"),
        person: "Anna".to_owned(),
        company: Company::new("acme").expect("a name"),
        regions: vec![],
        roles: Roles::NONE.with(Role::Administrator).and_then(|roles| roles.with(Role::Requester)).expect("roles"),
        password: Some("hash".to_owned()),
    };
    let mut desk = Desk::begin(tools, "bench.example/log", &first, START_MS).expect("a new registry");
    let start = Instant::now();
    for from in (0..UNITS).step_by(10_000) {
        let units = (from..from + 10_000).map(unit).collect();
        let action = Action::AddUnits { import: "bench".to_owned(), rows_before: 0, position: vec![], units };
        let added = desk.apply(START_MS, &[Command { credential: Credential::Console, action }]);
        assert!(added.expect("a desk that can answer")[0].is_ok());
    }
    println!("{UNITS} units through the desk: {:?} each", start.elapsed() / UNITS);
    let account = first.id;
    let change = AccountChange::NewOneTimeSecret;
    let action = Action::ChangeAccount { account: account.clone(), change };
    let answers = desk.apply(START_MS, &[Command { credential: Credential::Console, action }]);
    let Ok(Outcome::OneTimeSecret(address)) = &answers.expect("an answer")[0] else { panic!("no secret") };
    let code = totp_rs::Totp::from_url_unchecked(address.as_str()).expect("an address").generate(START_MS / 1000);
    let one_time_code = Zeroizing::new(code.to_string());
    let shown = SignIn { account, against: Some("hash".to_owned()), matched: true, one_time_code };
    let action = Action::SignIn(shown);
    let answers = desk.apply(START_MS, &[Command { credential: Credential::Nobody, action }]).expect("an answer");
    let Ok(Outcome::SignedIn { token, .. }) = &answers[0] else { panic!("not signed in") };
    (desk, token.digest().0)
}

fn unit(number: u32) -> NewUnit {
    NewUnit {
        serial: Serial::new(&format!("WK{number:08}")).expect("a serial"),
        unit: "wicket/scan".to_owned(),
        firmware: "1.00".to_owned(),
        region: Region::new("eu").expect("a region"),
        companion: None,
        vin: Some(vin(number)),
        code: Some(Code::new(&format!("{:04}", number % 10_000), Provenance::Table).expect("a code")),
    }
}

fn vin(number: u32) -> Vin {
    Vin::new(&format!("SJNFAAJ10U1{number:06}")).expect("a VIN")
}

fn ask(number: u32) -> Ask {
    let number = (number * 7_919) % UNITS;
    Ask {
        idempotency_key: format!("bench-{number}"),
        serial: Serial::new(&format!("WK{number:08}")).expect("a serial"),
        vin: Some(vin(number)),
        companion: None,
        wanted: Wanted::Code,
        proof: "registration".to_owned(),
        document: Some(Document { digest: [7; 32], photo: None }),
    }
}
