//! Releases and look-ups in registries of 10 thousand to 10 million records: rates, slowest hundredth, memory and disk, each size in a
//! process of its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headlock_profile::{Catalog, File};
use headlock_registry::desk::{
    Action, Ask, Command, Credential, Desk, Document, NewAccount, Outcome, SignIn, Tools, Wanted,
};
use headlock_registry::intake::{Intake, Options};
use headlock_registry::log::Disk;
use headlock_registry::lookup;
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Region, Serial, Vin};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::{Kek, key_file};
use headlock_registry::sign_in::{Role, Roles};
use headlock_registry::store::Sqlite;
use zeroize::Zeroizing;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const BATCH: u64 = 32;
const RELEASES: u64 = 640 * BATCH;
const LOOK_UPS: u64 = 400_000;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../tests/catalog/units/wicket/scan.toml");
const START_MS: u64 = 1_767_225_600_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--one") {
        let (place, records) = (Path::new(&arguments[at + 2]), arguments[at + 3].parse().expect("a number"));
        match arguments[at + 1].as_str() {
            "make" => make(place, records),
            _ => ask(place, records),
        }
        return;
    }
    println!(
        "targets: rates within 10 %, slowest hundredths within 2 x, anonymous memory <= 64 MB, <= 200 bytes of disk a record"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    for records in SIZES {
        let place = folder.path().join(records.to_string());
        std::fs::create_dir(&place).expect("a folder");
        for step in ["make", "ask"] {
            let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
            child.args(["--one", step]).arg(&place).arg(records.to_string());
            assert!(child.status().expect("a process").success());
        }
        std::fs::remove_dir_all(&place).expect("a folder of ours");
    }
}

/// Makes a registry with so many records.
fn make(place: &Path, records: u64) {
    let table = place.join("table.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&table).expect("a file"));
    let mut line = "serial,code,unit,firmware,region,vin".to_owned();
    for number in 0..records {
        let code = number.wrapping_mul(7919) % 10_000;
        let _ = write!(line, "\n{},{code:04},wicket/scan,1.00,EU,{}", serial(number), vin(number));
        file.write_all(line.as_bytes()).expect("room on the disk");
        line.clear();
    }
    file.flush().expect("room on the disk");
    std::fs::create_dir(place.join("log")).expect("a folder");
    key_file::write(&place.join("key"), &Kek::random().expect("a key")).expect("room on the disk");
    let first = NewAccount {
        id: AccountId::new("anna").expect("a name"),
        person: "Anna".to_owned(),
        company: Company::new("acme").expect("a name"),
        regions: vec![Region::new("eu").expect("a region")],
        roles: Roles::NONE.with(Role::Administrator).and_then(|roles| roles.with(Role::Requester)).expect("roles"),
        password: Some("hash".to_owned()),
    };
    let mut desk = Desk::begin(tools(place), "bench.example/log", &first, START_MS).expect("a new registry");
    let intake =
        Intake { desk: &mut desk, credential: Credential::Console, clock: &mut || START_MS, tell: &mut |_| {} };
    let options = Options { check_lookalikes: false, ..Options::default() };
    assert_eq!(intake.run(&table, &options).expect("a table that can be taken").new, records);
    drop(desk);
    std::fs::remove_file(table).expect("a file of ours");
}

/// Asks it, opened as the service opens it.
#[expect(clippy::cast_precision_loss, reason = "a few million")]
fn ask(place: &Path, records: u64) {
    let bytes = std::fs::metadata(place.join("registry.db")).expect("a store").len();
    let begun = Instant::now();
    let now_ms = || START_MS + u64::try_from(begun.elapsed().as_millis()).expect("a short bench");
    let mut desk = Desk::open(tools(place), START_MS).expect("a registry");
    let token = signed_in(&mut desk);
    let mut batches = Vec::new();
    let start = Instant::now();
    for batch in 0..RELEASES / BATCH {
        let commands: Vec<Command> = (0..BATCH)
            .map(|at| {
                let number = batch * BATCH + at;
                Command {
                    credential: Credential::Token(token),
                    action: Action::Release(wanted(number, mixed(number) % records)),
                }
            })
            .collect();
        let from = Instant::now();
        for answer in desk.apply(now_ms(), &commands).expect("a desk that can answer") {
            assert!(matches!(answer, Ok(Outcome::Released(_))), "{answer:?}");
        }
        batches.push(from.elapsed());
    }
    let releases = RELEASES as f64 / start.elapsed().as_secs_f64();
    let mut reader = desk.reader().expect("a reader");
    let visitor = lookup::visitor(&mut *reader, Credential::Token(token), now_ms() / 1_000).expect("a visitor");
    let mut looks = Vec::new();
    let start = Instant::now();
    for number in 0..LOOK_UPS {
        let from = Instant::now();
        let serial = Serial::new(&serial(mixed(number) % records)).expect("a serial");
        lookup::unit(&mut *reader, &visitor, &serial).expect("a unit");
        looks.push(from.elapsed());
    }
    let look_ups = LOOK_UPS as f64 / start.elapsed().as_secs_f64();
    println!(
        "{records:>9} records: {releases:>7.0} releases/s in batches of {BATCH}, p99 of a batch {:>6.2} ms; {look_ups:>7.0} look-ups/s, p99 {:>5.1} us; \
         {:>3} MB of its own memory, {:>3} bytes of disk a record",
        p99(&mut batches).as_secs_f64() * 1e3,
        p99(&mut looks).as_secs_f64() * 1e6,
        anonymous_mb(),
        bytes / records,
    );
}

fn signed_in(desk: &mut Desk<Disk>) -> [u8; 32] {
    let account = AccountId::new("anna").expect("a name");
    let change = headlock_registry::desk::AccountChange::NewOneTimeSecret;
    let action = Action::ChangeAccount { account: account.clone(), change };
    let answers = desk.apply(START_MS, &[Command { credential: Credential::Console, action }]);
    let Ok(Outcome::OneTimeSecret(address)) = &answers.expect("an answer")[0] else { panic!("no secret") };
    let code = totp_rs::Totp::from_url_unchecked(address.as_str()).expect("an address").generate(START_MS / 1000);
    let one_time_code = Zeroizing::new(code.to_string());
    let shown = SignIn { account, against: Some("hash".to_owned()), matched: true, one_time_code };
    let command = Command { credential: Credential::Nobody, action: Action::SignIn(shown) };
    let answers = desk.apply(START_MS, &[command]).expect("an answer");
    let Ok(Outcome::SignedIn { token, .. }) = &answers[0] else { panic!("not signed in") };
    token.digest().0
}

fn wanted(request: u64, number: u64) -> Ask {
    Ask {
        idempotency_key: format!("bench-{request}"),
        serial: Serial::new(&serial(number)).expect("a serial"),
        vin: Some(Vin::new(&vin(number)).expect("a VIN")),
        companion: None,
        wanted: Wanted::Code,
        proof: "registration".to_owned(),
        document: Some(Document { digest: [7; 32], photo: None }),
    }
}

fn serial(number: u64) -> String {
    format!("WK{number:08}")
}

fn vin(number: u64) -> String {
    format!("SJNFAAJ10{number:08}")
}

/// Somewhere in the table: neighbours would be asked about, and would lie on one page.
fn mixed(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

fn tools(place: &Path) -> Tools<Disk> {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: SCAN }];
    let generous = DEFAULT
        .replace("burst = 40,", "burst = 80000000,")
        .replace("burst = 200,", "burst = 80000000,")
        .replace("burst = 6,", "burst = 80000000,");
    let rules = format!("{generous}\n[watch]\nsequence_count = 32\nsequence_span = 1\n");
    Tools {
        store: Box::new(Sqlite::open(place.join("registry.db"), MIGRATIONS).expect("a store")),
        files: Disk::new(place.join("log")),
        catalog: Arc::new(Catalog::load(files).expect("the bench's unit")),
        rules: Rules::parse(&rules).expect("rules"),
        kek: key_file::read(&place.join("key")).expect("a key"),
    }
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Memory that no file stands behind, in MB.
fn anonymous_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
