//! A service on a real socket, a real store and a real folder, with people, units and a clock of the test's own.
#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs")]

pub(crate) mod http;
#[cfg(feature = "oidc")]
pub(crate) mod provider;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_registry::desk::{
    AccountChange, Action, Command, Credential, Desk, NewAccount, NewUnit, Outcome, SignIn, Tools,
};
use headlock_registry::escrow::Recipient;
use headlock_registry::log::Disk;
use headlock_registry::record::{AccountId, Company, MIGRATIONS, Region, Serial, Vin};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::{Kek, key_file};
use headlock_registry::sign_in::{Password, Role, Roles};
use headlock_registry::store::Sqlite;
use headlock_server::{Clock, Config, Host, Running, start};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use self::http::{Reply, call};

pub(crate) const ORIGIN: &str = "desk.example/log";
pub(crate) const UNIT: &str = "wicket/scan";
/// 2026-01-01.
pub(crate) const START_S: u64 = 1_767_225_600;
pub(crate) const PASSWORD: &str = "correct horse battery";
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../../tests/catalog/units/wicket/scan.toml");

pub(crate) fn catalog() -> Arc<Catalog> {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: SCAN }];
    Arc::new(Catalog::load(files).expect("the bench's unit"))
}

/// A folder with a registry in it, its key, and tokens of its people.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) kek: Kek,
    pub(crate) now_ms: Arc<AtomicU64>,
    pub(crate) tokens: HashMap<String, String>,
    pub(crate) secrets: HashMap<String, String>,
    rules: String,
}

/// A service that runs in that folder.
pub(crate) struct Service {
    pub(crate) house: House,
    pub(crate) address: SocketAddr,
    running: Option<Running>,
    runtime: Runtime,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with_rules(DEFAULT)
    }

    /// An administrator `root`, an operator `olga`, dealers `anna` and `ben` of `acme`, approvers `carl` and `dora`, an auditor `ed`, and the
    /// custodians `cora` and `cato`; units `WK00000000` to `WK00000009` in `eu` and `WK00000050` in `us`, each with its vehicle and its code.
    pub(crate) fn with_rules(rules: &str) -> Self {
        Self::with_rules_and_escrow(rules, None)
    }

    pub(crate) fn with_rules_and_escrow(rules: &str, escrow: Option<&Recipient>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("log")).unwrap();
        let kek = Kek::random().unwrap();
        let now_ms = Arc::new(AtomicU64::new(START_S * 1000));
        let rules = rules.to_owned();
        let (tokens, secrets) = (HashMap::new(), HashMap::new());
        let mut house = Self { folder, kek, now_ms, tokens, secrets, rules };
        let tools = house.tools();
        let first = account("root", "maker", &[Role::Administrator]);
        let begun = Desk::begin_with_escrow(tools, (ORIGIN, &first, escrow), house.now_ms());
        let mut desk = begun.expect("a new registry");
        let people = [
            ("root", "maker", &[Role::Administrator][..]),
            ("olga", "maker", &[Role::Operator]),
            ("anna", "acme", &[Role::Requester]),
            ("ben", "acme", &[Role::Requester, Role::Approver]),
            ("carl", "maker", &[Role::Approver]),
            ("dora", "maker", &[Role::Approver]),
            ("ed", "maker", &[Role::Auditor]),
            ("cora", "maker", &[Role::Custodian]),
            ("cato", "maker", &[Role::Custodian]),
        ];
        let hash = Password::new(PASSWORD).unwrap().hash().unwrap();
        for (id, company, roles) in people {
            if id != "root" {
                house.console(&mut desk, Action::AddAccount(account(id, company, roles)));
            }
            house.let_in(&mut desk, id, hash.as_str());
        }
        let mut units: Vec<NewUnit> = (0..10).map(|number| new_unit(number, "eu")).collect();
        units.push(new_unit(50, "us"));
        house.add(&mut desk, units);
        house
    }

    pub(crate) fn add(&self, desk: &mut Desk<Disk>, units: Vec<NewUnit>) {
        let rows_before = 0;
        self.console(desk, Action::AddUnits { import: "test".to_owned(), rows_before, position: vec![], units });
    }

    pub(crate) fn tools(&self) -> Tools<Disk> {
        Tools {
            store: Box::new(Sqlite::open(self.folder.path().join("registry.db"), MIGRATIONS).expect("a store")),
            files: Disk::new(self.log()),
            catalog: catalog(),
            rules: Rules::parse(&self.rules).expect("rules"),
            kek: self.kek.clone(),
        }
    }

    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.now_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn console(&self, desk: &mut Desk<Disk>, action: Action) -> Outcome {
        self.apply(desk, Credential::Console, action)
    }

    fn apply(&self, desk: &mut Desk<Disk>, credential: Credential, action: Action) -> Outcome {
        let command = [Command { credential, action }];
        desk.apply(self.now_ms(), &command).expect("a desk").pop().expect("an answer").expect("not refused")
    }

    pub(crate) fn let_in(&mut self, desk: &mut Desk<Disk>, id: &str, hash: &str) {
        let account = AccountId::new(id).unwrap();
        let change = AccountChange::Password(hash.to_owned());
        self.console(desk, Action::ChangeAccount { account: account.clone(), change });
        let change = AccountChange::NewOneTimeSecret;
        let Outcome::OneTimeSecret(otpauth) =
            self.console(desk, Action::ChangeAccount { account: account.clone(), change })
        else {
            panic!("no secret")
        };
        let one_time_code = Zeroizing::new(one_time_code(&otpauth, self.now_ms() / 1000));
        let shown = SignIn { account, against: Some(hash.to_owned()), matched: true, one_time_code };
        let Outcome::SignedIn { token, .. } = self.apply(desk, Credential::Nobody, Action::SignIn(shown)) else {
            panic!("not signed in")
        };
        self.tokens.insert(id.to_owned(), token.text().to_string());
        self.secrets.insert(id.to_owned(), otpauth.to_string());
    }

    /// A configuration on a free port, with the key in a file.
    pub(crate) fn config(&self) -> Config {
        let key = self.folder.path().join("key");
        if !key.exists() {
            key_file::write(&key, &self.kek).unwrap();
        }
        let rules = self.folder.path().join("rules.toml");
        std::fs::write(&rules, &self.rules).unwrap();
        let (folder, key, rules) = (shown(self.folder.path()), shown(&key), shown(&rules));
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata = {folder}\nrules = {rules}\nkey_file = {key}\n[limits]\nattempts_a_minute = 1000\n"
        );
        Config::parse(&text).expect("a configuration")
    }

    pub(crate) fn serve(self) -> Service {
        let config = self.config();
        self.serve_with(config)
    }

    pub(crate) fn serve_with(self, config: Config) -> Service {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let now_ms = Arc::clone(&self.now_ms);
        let host = Host { catalog: catalog(), clock: Clock::of(move || now_ms.load(Ordering::SeqCst)) };
        let running = runtime.block_on(start(config, host)).expect("a service");
        Service { house: self, address: running.address(), running: Some(running), runtime }
    }
}

impl Service {
    pub(crate) fn new() -> Self {
        House::new().serve()
    }

    pub(crate) fn token(&self, id: &str) -> &str {
        &self.house.tokens[id]
    }

    /// Somebody asks something with JSON.
    pub(crate) fn by(&self, id: &str, method: &str, path: &str, body: &Value) -> Reply {
        let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", self.token(id));
        call(self.address, method, path, (&headers, body.to_string().as_bytes()))
    }

    /// Somebody reads something.
    pub(crate) fn get(&self, id: &str, path: &str) -> Reply {
        call(self.address, "GET", path, (&format!("authorization: Bearer {}\r\n", self.token(id)), b""))
    }

    /// Somebody asks for a release under a key.
    pub(crate) fn release(&self, id: &str, key: &str, body: &Value) -> Reply {
        let token = self.token(id);
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\n");
        call(self.address, "POST", "/v1/releases", (&headers, body.to_string().as_bytes()))
    }

    /// Stops, and answers the house as it was left.
    pub(crate) fn stop(mut self) -> House {
        let running = self.running.take().expect("it runs");
        self.runtime.block_on(running.stop());
        self.house
    }

    /// Begins to stop on another thread.
    pub(crate) fn take_running(&mut self) -> Running {
        self.running.take().expect("it runs")
    }

    /// The house, once its service was stopped.
    pub(crate) fn house_after(self) -> House {
        assert!(self.running.is_none(), "it still runs");
        self.house
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

pub(crate) fn shown(path: &Path) -> String {
    format!("{:?}", path.to_str().expect("a path of UTF-8"))
}

pub(crate) fn account(id: &str, company: &str, of: &[Role]) -> NewAccount {
    NewAccount {
        id: AccountId::new(id).unwrap(),
        person: format!("Ms {id}"),
        company: Company::new(company).unwrap(),
        regions: vec![Region::new("eu").unwrap()],
        roles: of.iter().try_fold(Roles::NONE, |roles, role| roles.with(*role)).expect("roles that go together"),
        password: None,
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
    format!("SJNFAAJ10U1{number:06}")
}

pub(crate) fn code_of(number: u32) -> String {
    format!("{:04}", (number * 7_919 + 42) % 10_000)
}

pub(crate) fn new_unit(number: u32, region: &str) -> NewUnit {
    NewUnit {
        serial: Serial::new(&serial_of(number)).unwrap(),
        unit: UNIT.to_owned(),
        firmware: "1.00".to_owned(),
        region: Region::new(region).unwrap(),
        companion: None,
        vin: Some(Vin::new(&vin_of(number)).unwrap()),
        code: Some(Code::new(&code_of(number), Provenance::Table).unwrap()),
    }
}

/// A request for the code of a unit with all that the rules want.
pub(crate) fn ask(number: u32) -> Value {
    json!({
        "serial": serial_of(number), "vin": vin_of(number), "what": "code", "proof": "registration",
        "document_sha256": "07".repeat(32),
    })
}

/// The same, with the document to follow: the rules want a second person.
pub(crate) fn ask_without_document(number: u32) -> Value {
    json!({ "serial": serial_of(number), "vin": vin_of(number), "what": "code", "proof": "registration" })
}
