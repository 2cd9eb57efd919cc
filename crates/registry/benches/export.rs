//! An export of a million records: how fast the file comes, and in how much memory. Targets: 256 MB, however many records there are.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use headlock_profile::{Catalog, File};
use headlock_registry::desk::{AccountChange, Action, Command, Credential, Desk, Exporter, NewAccount, Outcome, Tools};
use headlock_registry::escrow::Recipient;
use headlock_registry::intake::{Intake, Options};
use headlock_registry::log::Disk;
use headlock_registry::record::{AccountId, Company, MIGRATIONS};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::{Kek, key_file};
use headlock_registry::sign_in::{Role, Roles};
use headlock_registry::store::Sqlite;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: u64 = 1_000_000;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../tests/catalog/units/wicket/scan.toml");
const START_MS: u64 = 1_767_225_600_000;
/// A recipient from age's own tests.
const ESCROW: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const PEOPLE: [(&str, Role); 3] = [("root", Role::Administrator), ("cora", Role::Custodian), ("cato", Role::Custodian)];

/// The registry is made in a process of its own: the most memory that a process had never goes down.
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--make") {
        let rows = arguments.get(at + 2).and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
        return make(Path::new(&arguments[at + 1]), rows);
    }
    let rows = arguments.iter().position(|argument| argument == "--rows").map(|at| arguments[at + 1].clone());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
    child.arg("--make").arg(folder.path()).args(&rows);
    assert!(child.status().expect("a process").success());
    export(folder.path());
}

fn tools(place: &Path) -> Tools<Disk> {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: SCAN }];
    Tools {
        store: Box::new(Sqlite::open(place.join("registry.db"), MIGRATIONS).expect("a store")),
        files: Disk::new(place.join("log")),
        catalog: Arc::new(Catalog::load(files).expect("the bench's unit")),
        rules: Rules::parse(&DEFAULT.replace("settled_days = 7", "settled_days = 0")).expect("rules"),
        kek: key_file::read(&place.join("key")).expect("a key"),
    }
}

fn account(id: &str, role: Role) -> NewAccount {
    NewAccount {
        id: AccountId::new(id).expect("a name"),
        person: id.to_owned(),
        company: Company::new("maker").expect("a name"),
        regions: Vec::new(),
        roles: Roles::NONE.with(role).expect("a role"),
        password: None,
    }
}

fn certificate(at: usize) -> [u8; 32] {
    [u8::try_from(at).expect("a few people") + 1; 32]
}

fn apply(desk: &mut Desk<Disk>, credential: Credential, action: Action) -> Outcome {
    let command = [Command { credential, action }];
    desk.apply(START_MS, &command).expect("a desk").pop().expect("an answer").expect("not refused")
}

fn make(place: &Path, rows: u64) {
    std::fs::create_dir(place.join("log")).expect("a folder");
    key_file::write(&place.join("key"), &Kek::random().expect("a key")).expect("a file");
    let escrow: Recipient = ESCROW.parse().expect("a recipient");
    let first = account("root", Role::Administrator);
    let mut desk = Desk::begin_with_escrow(tools(place), ("bench.example/log", &first, Some(&escrow)), START_MS)
        .expect("a new registry");
    for (at, (id, role)) in PEOPLE.into_iter().enumerate() {
        if at > 0 {
            apply(&mut desk, Credential::Console, Action::AddAccount(account(id, role)));
        }
        let change = AccountChange::AddCertificate(certificate(at), "bench".to_owned());
        let account = AccountId::new(id).expect("a name");
        apply(&mut desk, Credential::Console, Action::ChangeAccount { account, change });
    }
    let table = place.join("table.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&table).expect("a file"));
    let mut text = "serial,code,unit,firmware,region,vin".to_owned();
    for at in 0..rows {
        let code = at.wrapping_mul(7919) % 10_000;
        let _ = write!(text, "\nWK{at:08},{code:04},wicket/scan,1.00,eu,SJNFAAJ10{at:08}");
        file.write_all(text.as_bytes()).expect("room on the disk");
        text.clear();
    }
    file.flush().expect("room on the disk");
    let intake =
        Intake { desk: &mut desk, credential: Credential::Console, clock: &mut || START_MS, tell: &mut |_| {} };
    let report = intake.run(&table, &Options::default()).expect("a table that can be taken");
    assert_eq!((report.new, report.bad), (rows, 0));
    std::fs::remove_file(table).expect("a file of ours");
}

/// Asked for, agreed to, taken.
fn exporter(desk: &mut Desk<Disk>) -> Exporter {
    let by = |at: usize| Credential::Certificate(certificate(at));
    let reason = || "a bench of how fast it goes".to_owned();
    let asked = apply(desk, by(0), Action::AskExport { unit: None, region: None, reason: reason() });
    let Outcome::Export(export) = asked else { panic!("not asked for: {asked:?}") };
    for custodian in [1, 2] {
        apply(desk, by(custodian), Action::AgreeExport { export: export.id.clone(), reason: reason() });
    }
    let taken = apply(desk, by(0), Action::TakeExport { export: export.id });
    let Outcome::Exporter(exporter) = taken else { panic!("not taken: {taken:?}") };
    *exporter
}

#[expect(clippy::cast_precision_loss, reason = "a few million rows")]
fn export(place: &Path) {
    let mut desk = Desk::open(tools(place), START_MS).expect("the registry");
    let exporter = exporter(&mut desk);
    let before_mb = peak_mb();
    let begun = Instant::now();
    let mut moment = desk.reader().expect("a reader").moment().expect("a moment");
    let exported = exporter.write(&mut *moment, &mut std::io::sink(), &mut |_| true).expect("a file");
    let took_s = begun.elapsed().as_secs_f64();
    assert_eq!(exported.without_code, 0);
    println!(
        "export         {:>9.0} units/s, {} units, {} bytes; {} MB at most, {before_mb} MB before",
        exported.units as f64 / took_s,
        exported.units,
        exported.file.bytes,
        peak_mb(),
    );
}

/// The most memory that the process had so far.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
