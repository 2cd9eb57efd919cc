//! What the escrow does with a file, and people who can agree to one.
#![allow(dead_code, clippy::unwrap_used, reason = "each test takes what it needs")]

use std::io::Read as _;

use headlock_registry::desk::{AccountChange, Action, Credential, Exported, Exporter, Outcome, Refusal};
use headlock_registry::escrow::Recipient;
use headlock_registry::log::Event;
use headlock_registry::record::{AccountId, Export, Opened, Record, RequestId};
use headlock_registry::rules::DEFAULT;
use headlock_registry::sign_in::Role;
use headlock_registry::store::Scan;

use crate::desk_support::{Bench, account, store};

pub(crate) const REASON: &str = "the maker ends, the escrow takes over";
pub(crate) const DAY_S: u64 = 86_400;

/// The policy of a desk whose custodians may be made on the same day.
pub(crate) fn rules() -> String {
    DEFAULT.replace("settled_days = 7", "settled_days = 0")
}

/// A desk with an escrow and its secret key, and with people whose certificates do not end: the administrators root and rita, the custodians
/// cora, cato and cleo, the auditor ed.
pub(crate) struct Vault {
    pub(crate) bench: Bench,
    pub(crate) escrow: age::x25519::Identity,
}

pub(crate) fn name(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

pub(crate) fn recipient(identity: &age::x25519::Identity) -> Recipient {
    identity.to_public().to_string().parse().expect("a recipient")
}

pub(crate) fn who(id: &str) -> Credential {
    let number = id.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    Credential::Certificate([number; 32])
}

impl Vault {
    pub(crate) fn new() -> Self {
        Self::with_rules(&rules())
    }

    pub(crate) fn with_rules(rules: &str) -> Self {
        let escrow = age::x25519::Identity::generate();
        let mut vault = Self { bench: Bench::with_rules_and_escrow(rules, Some(&recipient(&escrow))), escrow };
        for (id, role) in [
            ("rita", Role::Administrator),
            ("cora", Role::Custodian),
            ("cato", Role::Custodian),
            ("cleo", Role::Custodian),
        ] {
            vault.bench.console(Action::AddAccount(account(id, "maker", &[role]))).unwrap();
        }
        for id in ["root", "rita", "cora", "cato", "cleo", "ed", "olga", "anna", "carl"] {
            let Credential::Certificate(print) = who(id) else { panic!("no certificate") };
            vault.change(id, AccountChange::AddCertificate(print, "lasting".to_owned()));
        }
        vault
    }

    pub(crate) fn change(&mut self, id: &str, change: AccountChange) {
        self.bench.console(Action::ChangeAccount { account: name(id), change }).unwrap();
    }

    pub(crate) fn by(&mut self, id: &str, action: Action) -> Result<Outcome, Refusal> {
        self.bench.apply(who(id), action)
    }

    pub(crate) fn ask(&mut self) -> RequestId {
        let asked = Action::AskExport { unit: None, region: None, reason: REASON.to_owned() };
        export(self.by("root", asked)).id
    }

    pub(crate) fn agreed(&mut self) -> RequestId {
        let id = self.ask();
        for custodian in ["cora", "cato"] {
            self.by(custodian, agree(&id)).expect("a yes");
        }
        id
    }

    pub(crate) fn take(&mut self, id: &RequestId) -> Result<Box<Exporter>, Refusal> {
        match self.by("root", Action::TakeExport { export: id.clone() })? {
            Outcome::Exporter(exporter) => Ok(exporter),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn write(&mut self, exporter: &Exporter) -> (Exported, Vec<u8>) {
        let mut file = Vec::new();
        let mut moment = self.bench.desk().reader().unwrap().moment().unwrap();
        let exported = exporter.write(&mut *moment, &mut file, &mut |_| true).expect("a file");
        (exported, file)
    }

    /// The whole way: asked for, agreed to, taken, and gone.
    pub(crate) fn export(&mut self) -> (RequestId, Exported, Vec<u8>) {
        let id = self.agreed();
        let exporter = self.take(&id).expect("agreed to");
        let (exported, file) = self.write(&exporter);
        let left = Action::ExportLeft { export: id.clone(), attempt: exporter.attempt(), exported };
        self.bench.console(left).unwrap();
        (id, exported, file)
    }

    pub(crate) fn open(&self, file: &[u8]) -> String {
        opened(&self.escrow, file).expect("the escrow opens it")
    }

    pub(crate) fn events(&self, kind: &str) -> Vec<Event> {
        events(&self.bench, kind)
    }

    pub(crate) fn notices(&mut self, id: &str, kind: &str) -> usize {
        let Ok(Outcome::Notices(notices)) = self.by(id, Action::ReadNotices) else { panic!("no notices") };
        notices.iter().filter(|notice| notice.kind == kind).count()
    }
}

/// What a foreign reader of age's files makes of one.
pub(crate) fn opened(identity: &age::x25519::Identity, file: &[u8]) -> Option<String> {
    let opened = age::Decryptor::new(file).ok()?;
    let mut opened = opened.decrypt(std::iter::once(identity as &dyn age::Identity)).ok()?;
    let mut text = String::new();
    opened.read_to_string(&mut text).ok()?;
    Some(text)
}

pub(crate) fn events(bench: &Bench, kind: &str) -> Vec<Event> {
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    let rows = store(bench.folder.path()).scan(&scan).unwrap();
    let rows = rows.into_iter().filter_map(|row| Event::from_bytes(&Opened::from_row(row)?.event?).ok());
    rows.filter(|event| event.kind() == kind).collect()
}

pub(crate) fn export(answer: Result<Outcome, Refusal>) -> Export {
    match answer {
        Ok(Outcome::Export(export)) => *export,
        other => panic!("no export: {other:?}"),
    }
}

pub(crate) fn agree(id: &RequestId) -> Action {
    Action::AgreeExport { export: id.clone(), reason: "the contract with the escrow says so".to_owned() }
}

pub(crate) fn refuse(id: &RequestId) -> Action {
    Action::RefuseExport { export: id.clone(), reason: "nobody told me of this".to_owned() }
}

/// A row of an export's table, by the names of its columns.
pub(crate) fn row<'t>(text: &'t str, serial: &str) -> Vec<&'t str> {
    let row = text.lines().find(|line| line.starts_with(&format!("{serial},")));
    row.unwrap_or_else(|| panic!("{serial} is not in it")).split(',').collect()
}
