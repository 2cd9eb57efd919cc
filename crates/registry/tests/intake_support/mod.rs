//! A registry in a folder, tables beside it, and what an intake said.
#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headlock_profile::{Catalog, File, SchemeKey, ways};
use headlock_registry::desk::{Action, Command, Credential, Desk, NewAccount, Tools};
use headlock_registry::intake::{Intake, IntakeError, News, Options, Report};
use headlock_registry::log::{Disk, Event};
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Opened, Record, Region, Secret, Unit, VinUnit};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::{DataKey, Kek, key_file};
use headlock_registry::sign_in::{Role, Roles};
use headlock_registry::store::{Read, Scan, Sqlite, Store};

pub(crate) const NOW_MS: u64 = 1_767_225_600_000;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"forum\"\nabout = \"an example\"\n";
/// Codes of 16 characters; serials in which letters and digits may be taken for each other.
pub(crate) const LONG: &str = "acme/long";
/// Codes of four digits; serials that [`LONG`] might have.
pub(crate) const SHORT: &str = "acme/short";
/// Codes of four digits; a second number goes with serials that begin with PR, and none with those that begin with PS.
pub(crate) const PAIR: &str = "acme/pair";
/// Codes of four digits, and of six with serials that begin with KX.
pub(crate) const KEYED: &str = "acme/keyed";

const PAIR_UNIT: &str = r#"
id = "acme/pair"
name = "Pair"
sources = ["example"]
grade = "documented"

[[serial]]
pattern = "PR[0-9]{6}"
example = "PR000001"
together_with = [{ name = "second number", pattern = "C7[0-9]{6}", example = "C7000123" }]

[[serial]]
pattern = "PS[0-9]{6}"
example = "PS000001"

[[reading]]
id = "manual"
title = "the manual"
sources = ["example"]
grade = "documented"
entry = { style = "key-is-digit", keys = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
"#;

const KEYED_UNIT: &str = r#"
id = "acme/keyed"
name = "Keyed"
sources = ["example"]
grade = "documented"

[[serial]]
pattern = "K[DX][0-9]{6}"
example = "KD000001"

[[reading]]
id = "manual"
title = "the manual"
sources = ["example"]
grade = "documented"
code = { length = { by_serial = [{ pattern = "KX.*", length = 6 }], otherwise = 4 } }
entry = { style = "key-is-digit", keys = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
"#;

fn unit(id: &str, pattern: &str, code: &str, keys: &str) -> String {
    let keys: Vec<String> = keys.chars().map(|key| format!("\"{key}\"")).collect();
    format!(
        "id = \"{id}\"\nname = \"One\"\nsources = [\"example\"]\ngrade = \"documented\"\n\
         serial = [{{ pattern = \"{pattern}\", example = \"LA000000\" }}]\n\n[[reading]]\nid = \"manual\"\n\
         title = \"the manual\"\nsources = [\"example\"]\ngrade = \"documented\"\ncode = {{ {code} }}\n\
         entry = {{ style = \"key-is-digit\", keys = [{}] }}\n",
        keys.join(", ")
    )
}

pub(crate) fn catalog() -> Arc<Catalog> {
    let hex = "0123456789ABCDEF";
    let long = unit(LONG, "LA[0-9A-Z]{6}", &format!("alphabet = \"{hex}\", length = 16"), hex);
    let short = unit(SHORT, "LA[0-9]{6}", "alphabet = \"0123456789\", length = 4", "0123456789");
    let files = [
        ("sources.toml", SOURCES),
        ("long.toml", &long),
        ("short.toml", &short),
        ("pair.toml", PAIR_UNIT),
        ("keyed.toml", KEYED_UNIT),
    ];
    let loaded = Catalog::load(files.map(|(name, text)| File { name, text }));
    Arc::new(
        loaded.unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<String>())),
    )
}

/// A registry in a folder.
pub(crate) struct House {
    pub(crate) folder: PathBuf,
    pub(crate) kek: Kek,
}

impl House {
    /// A new one.
    pub(crate) fn begin(folder: &Path) -> Self {
        fs::create_dir(folder.join("log")).unwrap();
        let kek = Kek::random().unwrap();
        key_file::write(&folder.join("kek"), &kek).unwrap();
        let house = Self { folder: folder.to_owned(), kek };
        let first = NewAccount {
            id: AccountId::new("root").unwrap(),
            person: "Root".to_owned(),
            company: Company::new("maker").unwrap(),
            regions: vec![],
            roles: Roles::NONE.with(Role::Administrator).unwrap(),
            password: None,
        };
        drop(Desk::begin(house.tools(house.store()), "intake.example/log", &first, NOW_MS).unwrap());
        house
    }

    /// One that is there.
    pub(crate) fn there(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), kek: key_file::read(&folder.join("kek")).unwrap() }
    }

    pub(crate) fn store(&self) -> Box<dyn Store> {
        Box::new(Sqlite::open(self.folder.join("registry.db"), MIGRATIONS).unwrap())
    }

    pub(crate) fn tools(&self, store: Box<dyn Store>) -> Tools<Disk> {
        Tools {
            store,
            files: Disk::new(self.folder.join("log")),
            catalog: catalog(),
            rules: Rules::parse(DEFAULT).unwrap(),
            kek: self.kek.clone(),
        }
    }

    pub(crate) fn desk(&self) -> Desk<Disk> {
        Desk::open(self.tools(self.store()), NOW_MS).unwrap()
    }

    /// A desk beside others: its folder of the log is its own.
    pub(crate) fn desk_beside(&self) -> Desk<Disk> {
        let folder = self.folder.join("log-beside");
        fs::create_dir_all(&folder).unwrap();
        let tools = Tools { files: Disk::new(folder), ..self.tools(self.store()) };
        Desk::open(tools, NOW_MS).unwrap()
    }

    pub(crate) fn table(&self, name: &str, rows: &[String]) -> PathBuf {
        self.table_of(HEADER, name, rows)
    }

    pub(crate) fn table_of(&self, header: &str, name: &str, rows: &[String]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        path
    }

    pub(crate) fn units(&self) -> Vec<Unit> {
        all(&mut *self.store())
    }

    pub(crate) fn pairs(&self) -> Vec<VinUnit> {
        all(&mut *self.store())
    }

    pub(crate) fn secrets(&self) -> Vec<Secret> {
        all(&mut *self.store())
    }

    /// What the log says of imports.
    pub(crate) fn imports(&self) -> Vec<Event> {
        let opened: Vec<Opened> = all(&mut *self.store());
        let events = opened.into_iter().map(|opened| Event::from_bytes(&opened.event.unwrap()).unwrap());
        events.filter(|event| event.kind() == "imported").collect()
    }

    /// The key that a unit's code is sealed with.
    pub(crate) fn key(&self, number: u32) -> DataKey {
        let secret = self.secrets().into_iter().find(|secret| secret.number == number).unwrap();
        self.kek.unwrap(&secret.wrapped, format!("headlock data key {number}").as_bytes()).unwrap()
    }

    pub(crate) fn code(&self, unit: &Unit) -> String {
        let plain = self.key(unit.secret).open(unit.sealed.as_ref().unwrap(), &place(unit.serial.as_str(), &unit.unit));
        String::from_utf8(plain.unwrap().to_vec()).unwrap()
    }
}

/// What a code is sealed for.
pub(crate) fn place(serial: &str, unit: &str) -> Vec<u8> {
    [b"code", serial.as_bytes(), unit.as_bytes()].join(&0)
}

pub(crate) fn all<R: Record>(store: &mut (impl Read + ?Sized)) -> Vec<R> {
    let scan = Scan { table: R::TABLE, prefix: &[], after: None, backwards: false, limit: usize::MAX >> 1 };
    store.scan(&scan).unwrap().into_iter().map(|row| R::from_row(row).unwrap()).collect()
}

/// From now on the codes of new units follow from a key of these bytes.
pub(crate) fn add_scheme(desk: &mut Desk<Disk>, unit: &str, byte: u8) {
    let action = Action::AddScheme { unit: unit.to_owned(), key: DataKey::from_bytes(&[byte; 32]) };
    let answers = desk.apply(NOW_MS, &[Command { credential: Credential::Console, action }]).unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// The code that follows from such a key.
pub(crate) fn derived(unit: &str, serial: &str, byte: u8) -> String {
    let places = ways::places(catalog().unit(unit).unwrap(), serial).unwrap();
    SchemeKey::new(&[byte; 32]).unwrap().derive(unit, serial, &places).unwrap().reveal().to_owned()
}

pub(crate) const HEADER: &str = "serial,code,unit,firmware,region,vin";

pub(crate) fn serial(number: u64) -> String {
    format!("LA{number:06}")
}

/// A code that no other row has.
pub(crate) fn code(number: u64) -> String {
    format!("C0DE{:012X}", number.wrapping_mul(0x1_5A4E_35D3) & 0xFFFF_FFFF_FFFF).replace('O', "0")
}

pub(crate) fn vin(number: u64) -> String {
    format!("SJNFAAJ10U1{number:06}")
}

pub(crate) fn row(number: u64) -> String {
    format!("{},{},{LONG},1.00,EU,{}", serial(number), code(number), vin(number))
}

pub(crate) fn rows(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(row).collect()
}

pub(crate) fn batches_of(rows: usize) -> Options {
    let mut options = Options::default();
    options.table.chunk_rows = rows;
    options
}

/// Takes a table in; what was told, a line each, without what is told of every batch.
pub(crate) fn take(
    desk: &mut Desk<Disk>,
    path: &Path,
    options: &Options,
) -> (Result<Report, IntakeError>, Vec<String>) {
    let mut told = Vec::new();
    let outcome = Intake {
        desk,
        credential: Credential::Console,
        clock: &mut || NOW_MS,
        tell: &mut |news| match news {
            News::Bad(bad) => told.push(bad.to_string()),
            News::GoesOn { rows } => told.push(format!("goes on behind {rows}")),
            News::Alike { line, other_line } => told.push(format!("{line} and {other_line} look alike")),
            News::AlikeStored { line, serial } => told.push(format!("{line} looks like {serial}")),
            _ => {}
        },
    }
    .run(path, options);
    (outcome, told)
}

pub(crate) fn summary(report: &Report) -> String {
    let mut text = String::new();
    for (what, number) in [
        ("before", report.rows_before),
        ("rows", report.rows),
        ("new", report.new),
        ("known", report.known),
        ("bad", report.bad),
        ("repeated", report.repeated),
        ("batches", report.batches),
    ] {
        if number > 0 {
            let _ = write!(text, "{what} {number}, ");
        }
    }
    if report.already_imported {
        text.push_str("already imported, ");
    }
    text.trim_end_matches(", ").to_owned()
}

pub(crate) fn region(text: &str) -> Region {
    Region::new(text).unwrap()
}
