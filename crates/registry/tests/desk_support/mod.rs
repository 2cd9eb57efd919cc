//! A desk on a real store and a real folder, with people, units and a clock of the test's own.
#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs")]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_registry::desk::{
    Action, Ask, Command, Credential, Desk, Document, Fault, Handed, NewAccount, NewUnit, Outcome, Refusal, Released,
    SignIn, Tools, Wanted,
};
use headlock_registry::escrow::Recipient;
use headlock_registry::log::Disk;
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Record, Region, Serial, Session, Vin};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::Kek;
use headlock_registry::sign_in::{Role, Roles, Scope, Scopes};
use headlock_registry::store::{Sqlite, Step, Store, Table};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) const ORIGIN: &str = "desk.example/log";
pub(crate) const UNIT: &str = "wicket/scan";
/// 2026-01-01.
pub(crate) const START_S: u64 = 1_767_225_600;
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../../tests/catalog/units/wicket/scan.toml");
/// A unit with a second number.
pub(crate) const PAIR: &str = "quill/number";
const NUMBER: &str = include_str!("../../../../tests/catalog/units/quill/number.toml");

pub(crate) fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let load = || {
        let files = [("sources.toml", SOURCES), ("scan.toml", SCAN), ("number.toml", NUMBER)];
        Arc::new(Catalog::load(files.map(|(name, text)| File { name, text })).expect("the bench's units"))
    };
    Arc::clone(CATALOG.get_or_init(load))
}

/// A desk, its folder, its clock, and the people who work there.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) kek: Kek,
    pub(crate) desk: Option<Desk<Disk>>,
    pub(crate) now_ms: u64,
    pub(crate) rules: String,
    people: Vec<(String, [u8; 32])>,
    asked: u32,
}

pub(crate) fn store(folder: &Path) -> Box<dyn Store> {
    Box::new(Sqlite::open(folder.join("registry.db"), MIGRATIONS).expect("a store"))
}

/// Every table, as it is by now.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    MIGRATIONS.iter().copied().flatten().filter_map(|step| match step {
        // It has had a column more since.
        Step::Create(table) if table.name == Session::TABLE.name => Some(Session::TABLE),
        Step::Create(table) => Some(*table),
        Step::Add { .. } => None,
    })
}

pub(crate) fn roles(of: &[Role]) -> Roles {
    of.iter().try_fold(Roles::NONE, |roles, role| roles.with(*role)).expect("roles that go together")
}

pub(crate) fn account(id: &str, company: &str, of: &[Role]) -> NewAccount {
    NewAccount {
        id: AccountId::new(id).unwrap(),
        person: format!("Ms {id}"),
        company: Company::new(company).unwrap(),
        regions: vec![Region::new("eu").unwrap()],
        roles: roles(of),
        password: None,
    }
}

pub(crate) fn serial(text: &str) -> Serial {
    Serial::new(text).unwrap()
}

pub(crate) fn vin(text: &str) -> Vin {
    Vin::new(text).unwrap()
}

pub(crate) const VIN: &str = "SJNFAAJ10U1234567";

pub(crate) fn document() -> Document {
    Document { digest: [7; 32], photo: None }
}

impl Bench {
    /// A desk with an administrator `root`, an operator `olga`, dealers `anna` and `ben` of `acme`, approvers `carl` and `dora`, an auditor `ed`;
    /// and the units `WK00000000` and on, of which the first ten are sold in `eu` in the vehicle [`VIN`]-like ones, each with its own code.
    pub(crate) fn new() -> Self {
        Self::with_rules(DEFAULT)
    }

    pub(crate) fn with_rules(rules: &str) -> Self {
        Self::with_rules_and_escrow(rules, None)
    }

    pub(crate) fn with_rules_and_escrow(rules: &str, escrow: Option<&Recipient>) -> Self {
        let mut bench = Self::with_people(rules, escrow);
        let units = (0..10).map(|number| new_unit(number, "eu", Some(vin_of(number)))).collect();
        bench.add(units);
        bench
    }

    /// The same people, and no unit yet.
    pub(crate) fn empty(rules: &str) -> Self {
        Self::with_people(rules, None)
    }

    fn with_people(rules: &str, escrow: Option<&Recipient>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("log")).unwrap();
        let kek = Kek::random().unwrap();
        let mut bench = Self {
            folder,
            kek,
            desk: None,
            now_ms: START_S * 1000,
            rules: rules.to_owned(),
            people: Vec::new(),
            asked: 0,
        };
        let first = account("root", "maker", &[Role::Administrator]);
        let desk = Desk::begin_with_escrow(bench.tools(), (ORIGIN, &first, escrow), bench.now_ms);
        bench.desk = Some(desk.expect("a new registry"));
        for (id, company, of) in [
            ("olga", "maker", &[Role::Operator][..]),
            ("anna", "acme", &[Role::Requester]),
            ("ben", "acme", &[Role::Requester, Role::Approver]),
            ("carl", "maker", &[Role::Approver]),
            ("dora", "maker", &[Role::Approver]),
            ("ed", "maker", &[Role::Auditor]),
        ] {
            bench.console(Action::AddAccount(account(id, company, of))).expect("an account");
        }
        for id in ["root", "olga", "anna", "ben", "carl", "dora", "ed"] {
            bench.let_in(id);
        }
        bench
    }

    pub(crate) fn tools(&self) -> Tools<Disk> {
        Tools {
            store: store(self.folder.path()),
            files: Disk::new(self.folder.path().join("log")),
            catalog: catalog(),
            rules: Rules::parse(&self.rules).expect("rules"),
            kek: self.kek.clone(),
        }
    }

    /// Ends the desk, as a kill would, and opens it again.
    pub(crate) fn restart(&mut self) {
        self.desk = None;
        self.desk = Some(Desk::open(self.tools(), self.now_ms).expect("the same registry"));
    }

    pub(crate) fn desk(&mut self) -> &mut Desk<Disk> {
        self.desk.as_mut().expect("an open desk")
    }

    /// Gives somebody a password, a one-time secret and a session, the way a person gets them.
    pub(crate) fn let_in(&mut self, id: &str) {
        use headlock_registry::desk::AccountChange;
        let account = AccountId::new(id).unwrap();
        let password = format!("$argon2id$stands-for-{id}");
        let change = AccountChange::Password(password.clone());
        self.console(Action::ChangeAccount { account: account.clone(), change }).expect("a password");
        let change = AccountChange::NewOneTimeSecret;
        let secret = self.console(Action::ChangeAccount { account: account.clone(), change });
        let Ok(Outcome::OneTimeSecret(address)) = secret else { panic!("{secret:?}") };
        let token = self.sign_in(&account, &password, &one_time_code(&address, self.now_ms / 1000)).expect("a session");
        self.people.retain(|(known, _)| known != id);
        self.people.push((id.to_owned(), token));
    }

    pub(crate) fn sign_in(&mut self, account: &AccountId, password: &str, code: &str) -> Result<[u8; 32], Refusal> {
        let shown = SignIn {
            account: account.clone(),
            against: Some(password.to_owned()),
            matched: true,
            one_time_code: Zeroizing::new(code.to_owned()),
        };
        let answer = self.apply(Credential::Nobody, Action::SignIn(shown));
        answer.map(|outcome| match outcome {
            Outcome::SignedIn { token, .. } => token.digest().0,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) fn credential(&self, id: &str) -> Credential {
        let token = self.people.iter().find(|(known, _)| known == id).expect("somebody who signed in").1;
        Credential::Token(token)
    }

    pub(crate) fn apply(&mut self, credential: Credential, action: Action) -> Result<Outcome, Refusal> {
        self.try_apply(credential, action).expect("a desk that can answer")
    }

    pub(crate) fn try_apply(
        &mut self,
        credential: Credential,
        action: Action,
    ) -> Result<Result<Outcome, Refusal>, Fault> {
        let now_ms = self.now_ms;
        let command = [Command { credential, action }];
        Ok(self.desk().apply(now_ms, &command)?.pop().expect("one answer"))
    }

    pub(crate) fn console(&mut self, action: Action) -> Result<Outcome, Refusal> {
        self.apply(Credential::Console, action)
    }

    /// Somebody does something.
    pub(crate) fn by(&mut self, id: &str, action: Action) -> Result<Outcome, Refusal> {
        self.apply(self.credential(id), action)
    }

    pub(crate) fn add(&mut self, units: Vec<NewUnit>) {
        let action = Action::AddUnits { import: "test".to_owned(), rows_before: 0, position: vec![], units };
        self.console(action).expect("new units");
    }

    /// A request for the code of a unit, with all that the rules want.
    pub(crate) fn ask(&mut self, number: u32) -> Ask {
        self.asked += 1;
        Ask {
            idempotency_key: format!("ask-{}", self.asked),
            serial: serial(&serial_of(number)),
            vin: Some(vin(&vin_of(number))),
            companion: None,
            wanted: Wanted::Code,
            proof: "registration".to_owned(),
            document: Some(document()),
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now_ms += seconds * 1000;
    }
}

/// The code that an authenticator shows for an `otpauth` address.
pub(crate) fn one_time_code(address: &str, at_s: u64) -> String {
    let totp = totp_rs::Totp::from_url_unchecked(address).expect("an address of an authenticator");
    totp.generate(at_s).to_string()
}

pub(crate) fn serial_of(number: u32) -> String {
    format!("WK{number:08}")
}

pub(crate) fn vin_of(number: u32) -> String {
    format!("SJNFAAJ10U1{:06}", number % 1_000_000)
}

pub(crate) fn code_of(number: u32) -> String {
    format!("{:04}", (u64::from(number) * 7_919 + 42) % 10_000)
}

pub(crate) fn new_unit(number: u32, region: &str, vin_text: Option<String>) -> NewUnit {
    NewUnit {
        serial: serial(&serial_of(number)),
        unit: UNIT.to_owned(),
        firmware: "1.00".to_owned(),
        region: Region::new(region).unwrap(),
        companion: None,
        vin: vin_text.map(|text| vin(&text)),
        code: Some(Code::new(&code_of(number), Provenance::Table).unwrap()),
    }
}

pub(crate) fn released(answer: Result<Outcome, Refusal>) -> Released {
    match answer {
        Ok(Outcome::Released(released)) => *released,
        other => panic!("not released: {other:?}"),
    }
}

pub(crate) fn code(released: &Released) -> &str {
    match &released.secret {
        Handed::Code(code) => code.reveal(),
        Handed::Key(_) => panic!("a key"),
    }
}

pub(crate) fn all_scopes() -> Scopes {
    Scope::ALL.into_iter().fold(Scopes::NONE, Scopes::with)
}
