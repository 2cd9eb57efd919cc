//! What is nowhere in the clear, what is forgotten, and what nobody can write into the records.
#![allow(clippy::unwrap_used)]

mod desk_support;

use std::path::Path;

use desk_support::{
    Bench, ORIGIN, UNIT, account, catalog, code, document, new_unit, one_time_code, released, serial, serial_of, store,
    tables, vin, vin_of,
};
use headlock_profile::{Code, Provenance, SchemeKey, ways};
use headlock_registry::desk::{
    AccountChange, Action, Ask, Command, Conflict, Credential, Document, Handed, NewUnit, Outcome, PairingLine,
    Provisioned, Refusal, Wanted,
};
use headlock_registry::log::{Disk, Event, Outsider, Receipt};
use headlock_registry::record::{
    AccountId, AccountState, Issuer, Notice, Opened, PairingEvent, Record, Region, Request, RequestId, Serial, Subject,
    Unit, Vin,
};
use headlock_registry::seal::DataKey;
use headlock_registry::sign_in::{Role, Scope, Scopes};
use headlock_registry::store::{Row, Scan, Table, Value};
use headlock_twin::ecu::{HmacKeys, KeyProvider};
use headlock_wire::uds::Level;

const REASON: &str = "the owner of the blue car waits at the roadside";

fn all(folder: &Path, table: &'static Table) -> Vec<Row> {
    let scan = Scan { table, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    store(folder).scan(&scan).unwrap()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Where something stands: in a row of which table, or in which file.
fn found(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut places = Vec::new();
    for table in tables() {
        for row in all(folder, table) {
            for value in row {
                let there = match value {
                    Value::Text(text) => holds(text.as_bytes(), needle),
                    Value::Bytes(bytes) => holds(&bytes, needle),
                    Value::Whole(_) | Value::Nothing => false,
                };
                if there {
                    places.push(table.name.to_owned());
                }
            }
        }
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if holds(&std::fs::read(&path).unwrap(), needle) {
                places.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    places
}

fn issuer() -> Issuer {
    Issuer::new("https://id.example").unwrap()
}

fn provision(bench: &mut Bench, number: u32) -> Provisioned {
    let unit = NewUnit { code: None, ..new_unit(number, "eu", Some(vin_of(number))) };
    match bench.by("olga", Action::Provision { unit }) {
        Ok(Outcome::Provisioned(made)) => *made,
        other => panic!("{other:?}"),
    }
}

fn key(answer: &headlock_registry::desk::Released) -> [u8; 16] {
    match &answer.secret {
        Handed::Key(key) => *key.0,
        Handed::Code(_) => panic!("a code"),
    }
}

fn pending(answer: Result<Outcome, Refusal>) -> RequestId {
    match answer {
        Ok(Outcome::Pending(request)) => request.id,
        other => panic!("not pending: {other:?}"),
    }
}

#[test]
fn a_key_is_the_units_own_for_its_level_and_seed_once_and_only_with_its_vehicle() {
    let mut bench = Bench::with_rules(&headlock_registry::rules::DEFAULT.replace("burst = 6,", "burst = 60,"));
    let made = provision(&mut bench, 5_501_234);
    let other = provision(&mut bench, 91_777_001);
    assert_ne!(*made.device_key, *other.device_key);
    let seed = [0xa5; 16];
    let wanted = Wanted::Key { level: 3, seed };
    let ask = Ask { wanted, ..bench.ask(5_501_234) };
    for refused in [Ask { vin: None, ..ask.clone() }, Ask { wanted: Wanted::Key { level: 2, seed }, ..ask.clone() }] {
        assert!(matches!(bench.by("anna", Action::Release(refused)), Err(Refusal::Invalid { .. })));
    }
    let elsewhere = Ask { vin: Some(vin(&vin_of(999))), idempotency_key: "x".into(), ..ask.clone() };
    assert_eq!(bench.by("anna", Action::Release(elsewhere)).unwrap_err(), Refusal::NotFound);
    let first = released(bench.by("anna", Action::Release(ask.clone())));
    let right = HmacKeys::new(*made.device_key).key(Level::of(3).unwrap(), &seed).unwrap();
    assert_eq!(key(&first), right);
    assert_ne!(key(&first), HmacKeys::new(*other.device_key).key(Level::of(3).unwrap(), &seed).unwrap());
    assert_eq!(key(&released(bench.by("anna", Action::Release(ask.clone())))), right, "the same question again");
    for who in ["anna", "ben"] {
        let again = Ask { idempotency_key: "again".into(), ..ask.clone() };
        assert_eq!(bench.by(who, Action::Release(again)).unwrap_err(), Refusal::Conflict(Conflict::SeedUsed));
    }
    let level = Ask { wanted: Wanted::Key { level: 5, seed }, ..bench.ask(5_501_234) };
    let level = released(bench.by("ben", Action::Release(level)));
    assert_eq!(key(&level), HmacKeys::new(*made.device_key).key(Level::of(5).unwrap(), &seed).unwrap());
    let unit = Ask { wanted, ..bench.ask(91_777_001) };
    let unit = released(bench.by("ben", Action::Release(unit)));
    assert_eq!(key(&unit), HmacKeys::new(*other.device_key).key(Level::of(3).unwrap(), &seed).unwrap());
    bench.restart();
    let again = Ask { idempotency_key: "later".into(), ..ask.clone() };
    assert_eq!(bench.by("ben", Action::Release(again)).unwrap_err(), Refusal::Conflict(Conflict::SeedUsed));
    assert_eq!(key(&released(bench.by("anna", Action::Release(ask)))), right);
}

#[test]
fn after_a_busy_day_no_code_key_seed_token_or_password_is_anywhere_in_the_clear() {
    let mut bench = Bench::new();
    // A code that would be found by chance nowhere.
    let secret_code = "7A0C5D2B9E4F";
    let long = NewUnit {
        code: Some(headlock_profile::Code::new(secret_code, headlock_profile::Provenance::Table).unwrap()),
        ..new_unit(61_112_223, "eu", Some(vin_of(61_113)))
    };
    bench.add(vec![long]);
    let made = provision(&mut bench, 5_501_234);
    let seed = *b"seed-of-the-unit";
    let asks = [
        Ask { wanted: Wanted::Key { level: 3, seed }, ..bench.ask(5_501_234) },
        Ask {
            document: Some(Document { digest: [3; 32], photo: Some(b"a photo of papers".repeat(9)) }),
            ..bench.ask(1)
        },
    ];
    let mut needles: Vec<(&str, Vec<u8>)> = vec![
        ("code", secret_code.as_bytes().to_vec()),
        ("device key", made.device_key.to_vec()),
        ("photo", b"a photo of papers".to_vec()),
        ("one-time code", b"918273".to_vec()),
    ];
    let mut debug = format!("{made:?}");
    for ask in asks {
        let answer = bench.by("anna", Action::Release(ask.clone()));
        debug.push_str(&format!("{answer:?}{:?}", Action::Release(ask)));
        if let Handed::Key(key) = &released(answer).secret {
            needles.push(("key", key.0.to_vec()));
        }
    }
    let ask = Ask { vin: Some(vin(&vin_of(61_113))), ..bench.ask(61_112_223) };
    let answer = bench.by("ben", Action::Release(ask));
    debug.push_str(&format!("{answer:?}"));
    assert_eq!(code(&released(answer)), secret_code);
    let issue = Action::IssueToken { label: "t".into(), scopes: Scopes::NONE.with(Scope::Release), days: 3 };
    let token = bench.by("anna", issue);
    debug.push_str(&format!("{token:?}"));
    let Ok(Outcome::Token(token)) = token else { panic!("no token") };
    needles.push(("token", token.text().as_bytes().to_vec()));
    let change = AccountChange::NewOneTimeSecret;
    let secret = bench.console(Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change });
    debug.push_str(&format!("{secret:?}"));
    let Ok(Outcome::OneTimeSecret(address)) = secret else { panic!("no secret") };
    let base32 = address.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    needles.push(("one-time secret", base32.clone().into_bytes()));
    let wrong = headlock_registry::desk::SignIn {
        account: AccountId::new("anna").unwrap(),
        against: Some("$argon2id$stands-for-anna".into()),
        matched: true,
        one_time_code: zeroize::Zeroizing::new("918273".to_owned()),
    };
    debug.push_str(&format!("{wrong:?}"));
    assert!(bench.apply(Credential::Nobody, Action::SignIn(wrong)).is_err());
    let right = one_time_code(&address, bench.now_ms / 1000);
    let session = bench.sign_in(&AccountId::new("anna").unwrap(), "$argon2id$stands-for-anna", &right).unwrap();
    debug.push_str(&format!("{:?}", bench.kek));
    for action in [Action::Rotate { kek: bench.kek.clone() }, Action::ReadNotices, Action::Tick] {
        debug.push_str(&format!("{:?}", Command { credential: Credential::Token(session), action }));
    }
    bench.desk().sync().unwrap();
    for (what, needle) in &needles {
        let places = found(bench.folder.path(), needle);
        assert!(places.is_empty(), "{what} is in the clear in {places:?}");
        assert!(!debug.contains(&*String::from_utf8_lossy(needle)), "{what} is in Debug");
        assert!(!debug.contains(&format!("{needle:?}")), "{what} is in Debug");
    }
    assert!(!debug.contains("Press") && !debug.contains("presses"), "the way to type a code tells it: {debug}");
    for row in all(bench.folder.path(), Opened::TABLE) {
        let event = Event::from_bytes(&Opened::from_row(row).unwrap().event.unwrap()).unwrap();
        let said: Vec<&str> = event.fields().map(|(_, value)| value).collect();
        assert!(said.iter().all(|value| !value.contains("argon2id")), "a password hash is in the log");
    }
    // A seed is no secret, and its request keeps it; the log and Debug have no need of it.
    assert!(!debug.contains(&String::from_utf8_lossy(&seed).into_owned()) && !debug.contains(&format!("{seed:?}")));
    let mut places = found(bench.folder.path(), &seed);
    places.retain(|place| !place.starts_with("registry.db"));
    assert_eq!(places, ["request"]);
    // The search finds what is there.
    assert!(!found(bench.folder.path(), serial_of(61_112_223).as_bytes()).is_empty());
}

#[test]
fn only_auditors_read_the_log_and_their_reading_is_in_it() {
    let mut bench = Bench::new();
    for nobody in ["anna", "ben", "carl", "root", "olga"] {
        let read = bench.by(nobody, Action::ReadLog { from: 0, limit: 5 });
        assert!(matches!(read, Err(Refusal::NotAllowed { .. })), "{nobody}: {read:?}");
    }
    assert!(matches!(bench.console(Action::ReadLog { from: 0, limit: 5 }), Err(Refusal::NotAllowed { .. })));
    let before = bench.desk().ledger().head().size;
    let Ok(Outcome::Log(leaves)) = bench.by("ed", Action::ReadLog { from: 2, limit: 7 }) else { panic!("not read") };
    assert_eq!(leaves.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>(), (2..9).collect::<Vec<_>>());
    assert!(leaves.iter().all(|(_, event)| event.is_some()));
    let Ok(Outcome::Log(own)) = bench.by("ed", Action::ReadLog { from: before, limit: 1 }) else { panic!("not read") };
    let event = own[0].1.as_ref().unwrap();
    let said = ["account", "from", "count"].map(|name| event.field(name).unwrap());
    assert_eq!((event.kind(), said), ("log_read", ["ed", "2", "7"]));
    for from in [u64::MAX, u64::MAX - 1, 1 << 62] {
        let Ok(Outcome::Log(none)) = bench.by("ed", Action::ReadLog { from, limit: u32::MAX }) else {
            panic!("not read")
        };
        assert!(none.is_empty());
    }
}

#[test]
fn after_retention_nothing_says_who_it_was_for_and_the_log_and_kept_receipts_still_verify() {
    let mut bench = Bench::new();
    let lasting = AccountChange::AddCertificate([1; 32], "lasting".to_owned());
    bench.console(Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change: lasting }).unwrap();
    let anna = Credential::Certificate([1; 32]);
    bench.add(vec![new_unit(61_112_223, "eu", None)]);
    let digest = *b"digest of papers of Mr. Somebody";
    let photo = Document { digest, photo: Some(vec![1; 64]) };
    let released_at =
        Action::BreakGlass { ask: Ask { document: Some(photo.clone()), ..bench.ask(4) }, reason: REASON.to_owned() };
    let receipt = released(bench.apply(anna, released_at)).receipt_bytes();
    let asked = Ask { document: Some(photo), ..bench.ask(5) };
    let asked = Ask { proof: "police".to_owned(), ..asked };
    let kept = pending(bench.apply(anna, Action::Release(asked)));
    bench.by("carl", Action::Decide { request: kept.clone(), approve: false, reason: REASON.to_owned() }).unwrap();
    let review = Action::Review {
        request: Receipt::from_bytes(&receipt)
            .unwrap()
            .opening
            .unwrap()
            .event
            .field("request")
            .map(|id| RequestId::new(id).unwrap())
            .unwrap(),
        justified: true,
        reason: REASON.to_owned(),
    };
    bench.by("ed", review).unwrap();
    let folder = bench.folder.path().to_owned();
    let said = |needle: &[u8]| {
        let mut places = found(&folder, needle);
        places.retain(|place| !place.starts_with("registry.db"));
        places
    };
    assert!(said(REASON.as_bytes()).len() > 4 && !said(&digest).is_empty());
    bench.pass(364 * 86_400);
    bench.console(Action::Tick).unwrap();
    assert!(said(REASON.as_bytes()).len() > 4, "not before it is due");
    bench.pass(86_400);
    bench.console(Action::Tick).unwrap();
    let left = |bench: &Bench| -> Vec<Request> {
        all(bench.folder.path(), Request::TABLE).into_iter().map(|row| Request::from_row(row).unwrap()).collect()
    };
    for request in left(&bench) {
        let forgotten = request.vin.is_none() && request.document.is_none() && request.reason.is_none();
        assert_eq!(forgotten, request.id != kept, "the police's order is kept for ten years");
    }
    bench.by_console_erase(&kept);
    assert_eq!(said(REASON.as_bytes()), Vec::<String>::new());
    assert_eq!(said(&digest), Vec::<String>::new());
    assert!(said(&vin_of(4).into_bytes()).iter().all(|place| ["unit", "vin_unit"].contains(&place.as_str())));
    assert_eq!(
        all(&folder, Notice::TABLE)
            .into_iter()
            .filter(|row| Notice::from_row(row.clone()).unwrap().kind == "glass_broken")
            .count(),
        0
    );
    // Once is enough, and nothing comes back.
    let size = bench.desk().ledger().head().size;
    bench.by_console_erase(&kept);
    bench.pass(3_650 * 86_400);
    bench.console(Action::Tick).unwrap();
    assert_eq!(bench.desk().ledger().head().size, size);
    for request in left(&bench) {
        let late = Action::CompleteProof { request: request.id, document: document() };
        assert!(bench.apply(anna, late).is_err());
    }
    let key = bench.desk().ledger().public().clone();
    let outsider = Outsider::new(ORIGIN, vec![key]);
    let report = outsider.verify(&Disk::new(folder.join("log")), &mut |_| {});
    assert!(report.is_clean(), "{:?}", report.findings);
    let receipt = Receipt::from_bytes(&receipt).unwrap();
    let shown = outsider.receipt(&receipt, None).unwrap();
    assert_eq!(shown.event.unwrap().field("reason"), Some(REASON));
    assert!(outsider.with_known(shown.head).verify(&Disk::new(folder.join("log")), &mut |_| {}).is_clean());
    bench.restart();
    let closed = bench.desk().receipt(receipt.index).unwrap();
    assert!(closed.opening.is_none(), "the registry itself cannot say any more what the leaf said");
}

trait Erases {
    fn by_console_erase(&mut self, request: &RequestId);
}

impl Erases for Bench {
    fn by_console_erase(&mut self, request: &RequestId) {
        self.console(Action::Erase { request: request.clone() }).unwrap();
    }
}

#[test]
fn what_still_waits_is_not_erased() {
    let mut bench =
        Bench::with_rules(&headlock_registry::rules::DEFAULT.replace("retention_days = 365", "retention_days = 1"));
    let action = Action::BreakGlass { ask: Ask { document: None, ..bench.ask(4) }, reason: REASON.to_owned() };
    let request = released(bench.by("anna", action)).request.id;
    let erase = || Action::Erase { request: request.clone() };
    assert_eq!(bench.by("root", erase()).unwrap_err(), Refusal::Conflict(Conflict::StillWaiting));
    assert!(matches!(bench.by("olga", erase()), Err(Refusal::NotAllowed { .. })));
    bench.pass(86_400);
    bench.console(Action::Tick).unwrap();
    assert!(!found(bench.folder.path(), REASON.as_bytes()).is_empty());
    for days in [2, 3, 1] {
        bench.pass(days * 86_400);
        bench.console(Action::Tick).unwrap();
    }
    let mut places = found(bench.folder.path(), REASON.as_bytes());
    places.retain(|place| !place.starts_with("registry.db"));
    assert_eq!(places, Vec::<String>::new());
}

#[test]
fn no_text_that_anybody_gives_breaks_the_log_or_the_desk() {
    let rules = headlock_registry::rules::DEFAULT.replace("settled_days = 7", "settled_days = 0");
    let escrow = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa".parse().unwrap();
    let mut bench = Bench::with_rules_and_escrow(&rules, Some(&escrow));
    bench.console(Action::AddAccount(account("cora", "maker", &[Role::Custodian]))).unwrap();
    bench.let_in("cora");
    let long = "x".repeat(10_000);
    let bad =
        ["\0", "a\0b", "line\nline line", "\u{1b}[2J and more", "\u{85} next", "ü🚗\u{202e}ö ÄÄ", long.as_str(), ""];
    let mut id = 0;
    for text in bad {
        assert!(Serial::new(text).is_err() && Vin::new(text).is_err() && AccountId::new(text).is_err());
        id += 1;
        let fresh = account(&format!("new{id}"), "acme", &[]);
        let name = || AccountId::new("anna").unwrap();
        let line = |firmware| PairingLine {
            serial: serial(&serial_of(1)),
            event: PairingEvent::Reflashed,
            vin: None,
            firmware,
        };
        let unit = |number| new_unit(number, "eu", Some(vin_of(number)));
        let request = {
            let ask = Ask { document: None, ..bench.ask(4) };
            match bench.by("anna", Action::Release(ask)) {
                Ok(Outcome::Pending(request)) => request.id,
                _ => RequestId::from_bytes(&[0; 16]),
            }
        };
        let export = {
            let region = Some(Region::new(&format!("r{id}")).unwrap());
            let asked = Action::AskExport { unit: None, region, reason: REASON.to_owned() };
            match bench.by("root", asked) {
                Ok(Outcome::Export(export)) => export.id,
                other => panic!("{other:?}"),
            }
        };
        let because = || format!("because {text}");
        let actions = vec![
            ("root", Action::AskExport { unit: None, region: None, reason: because() }),
            ("root", Action::AskExport { unit: Some(text.into()), region: None, reason: REASON.into() }),
            ("cora", Action::AgreeExport { export: export.clone(), reason: because() }),
            ("cora", Action::RefuseExport { export, reason: because() }),
            ("anna", Action::Release(Ask { idempotency_key: text.into(), ..bench.ask(1) })),
            ("anna", Action::Release(Ask { proof: text.into(), ..bench.ask(1) })),
            ("anna", Action::Release(Ask { companion: Some(text.into()), ..bench.ask(1) })),
            ("anna", Action::BreakGlass { ask: bench.ask(2), reason: format!("because {text}") }),
            ("carl", Action::Decide { request: request.clone(), approve: true, reason: text.into() }),
            ("carl", Action::Decide { request: request.clone(), approve: false, reason: format!("because {text}") }),
            ("carl", Action::Revoke { request: request.clone(), reason: format!("because {text}") }),
            ("ed", Action::Review { request, justified: true, reason: format!("because {text}") }),
            ("anna", Action::IssueToken { label: text.into(), scopes: Scopes::NONE.with(Scope::Read), days: 1 }),
            ("root", Action::AddAccount(headlock_registry::desk::NewAccount { person: text.into(), ..fresh.clone() })),
            ("root", Action::AddAccount(headlock_registry::desk::NewAccount { password: Some(text.into()), ..fresh })),
            (
                "root",
                Action::ChangeAccount {
                    account: name(),
                    change: AccountChange::State(AccountState::Active, text.into()),
                },
            ),
            (
                "root",
                Action::ChangeAccount { account: name(), change: AccountChange::AddCertificate([id; 32], text.into()) },
            ),
            (
                "root",
                Action::ChangeAccount {
                    account: name(),
                    change: AccountChange::TieIdentity(issuer(), Subject::new(&format!("s{id}")).unwrap(), text.into()),
                },
            ),
            (
                "ben",
                Action::ChangeAccount {
                    account: AccountId::new("ben").unwrap(),
                    change: AccountChange::Password(text.into()),
                },
            ),
            ("olga", Action::Pair(line(Some(text.to_owned())))),
            (
                "olga",
                Action::Provision { unit: NewUnit { unit: text.into(), code: None, ..unit(200 + u32::from(id)) } },
            ),
            (
                "olga",
                Action::Provision { unit: NewUnit { firmware: text.into(), code: None, ..unit(300 + u32::from(id)) } },
            ),
            (
                "olga",
                Action::Provision {
                    unit: NewUnit { companion: Some(text.into()), code: None, ..unit(400 + u32::from(id)) },
                },
            ),
            ("olga", Action::AddUnits { import: text.into(), rows_before: 0, position: vec![], units: vec![] }),
            (
                "olga",
                Action::AddUnits {
                    import: "t".into(),
                    rows_before: 0,
                    position: vec![],
                    units: vec![NewUnit { unit: text.into(), ..unit(501) }],
                },
            ),
            (
                "olga",
                Action::AddUnits {
                    import: "t".into(),
                    rows_before: 0,
                    position: vec![],
                    units: vec![NewUnit { firmware: text.into(), ..unit(600 + u32::from(id)) }],
                },
            ),
        ];
        for (who, action) in actions {
            let said = format!("{action:?}");
            let answer = bench.try_apply(bench.credential(who), action);
            assert!(answer.is_ok(), "{said} with {:?}…: {answer:?}", text.chars().take(9).collect::<String>());
        }
        let state = AccountChange::State(AccountState::Active, String::new());
        bench.console(Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change: state }).unwrap();
    }
    for row in all(bench.folder.path(), Opened::TABLE) {
        let bytes = Opened::from_row(row).unwrap().event.unwrap();
        assert!(bytes.len() < 4_000, "{} bytes in an event", bytes.len());
        Event::from_bytes(&bytes).unwrap();
    }
    bench.restart();
    let ask = bench.ask(8);
    released(bench.by("ben", Action::Release(ask)));
    let Ok(Outcome::Log(_)) = bench.by("ed", Action::ReadLog { from: 0, limit: 1_000 }) else { panic!("not read") };
}

#[test]
fn a_table_that_contradicts_the_record_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let other = NewUnit { firmware: "2.00".into(), ..new_unit(3, "eu", Some(vin_of(3))) };
    let twice = NewUnit { firmware: "2.00".into(), ..new_unit(90, "eu", Some(vin_of(90))) };
    let add = |units| Action::AddUnits { import: "t".into(), rows_before: 0, position: vec![1], units };
    let size = bench.desk().ledger().head().size;
    for last in [other, twice] {
        let units = vec![new_unit(90, "eu", Some(vin_of(90))), new_unit(91, "eu", Some(vin_of(91))), last];
        assert_eq!(bench.by("olga", add(units)).unwrap_err(), Refusal::Conflict(Conflict::Differs));
    }
    let none = NewUnit { code: None, ..new_unit(92, "eu", None) };
    assert!(matches!(bench.by("olga", add(vec![new_unit(91, "eu", None), none])), Err(Refusal::Invalid { .. })));
    assert_eq!(bench.desk().ledger().head().size, size);
    assert_eq!(bench.desk().import_progress("t").unwrap(), None);
    let units = vec![new_unit(90, "eu", Some(vin_of(90))), new_unit(3, "eu", Some(vin_of(3)))];
    let answer = bench.by("olga", add(units.clone()));
    assert!(matches!(answer, Ok(Outcome::Added { new: 1, known: 1 })), "{answer:?}");
    let answer = bench.by("olga", add(units));
    assert!(matches!(answer, Ok(Outcome::Added { new: 0, known: 2 })), "{answer:?}");
    assert_eq!(bench.desk().ledger().head().size, size + 1);
}

#[test]
fn rows_of_a_unit_with_a_scheme_need_no_code_and_may_state_no_other() {
    let mut bench = Bench::new();
    let key = DataKey::from_bytes(&[9; 32]);
    bench.console(Action::AddScheme { unit: UNIT.to_owned(), key }).unwrap();
    let places = ways::places(catalog().unit(UNIT).unwrap(), &serial_of(90)).unwrap();
    let derived = |number| SchemeKey::new(&[9; 32]).unwrap().derive(UNIT, &serial_of(number), &places).unwrap();
    let other = |number| {
        let given: u32 = derived(number).reveal().parse().unwrap();
        Code::new(&format!("{:04}", (given + 1) % 10_000), Provenance::Table).unwrap()
    };
    let of = |number, code| NewUnit { code, ..new_unit(number, "eu", Some(vin_of(number))) };
    let add = |bench: &mut Bench, units| {
        bench.by("olga", Action::AddUnits { import: "t".into(), rows_before: 0, position: vec![1], units })
    };
    let size = bench.desk().ledger().head().size;
    for refused in [of(91, Some(other(91))), of(3, None)] {
        let answer = add(&mut bench, vec![of(90, None), refused]);
        assert_eq!(answer.unwrap_err(), Refusal::Conflict(Conflict::Differs));
    }
    assert_eq!(bench.desk().ledger().head().size, size, "nothing of it was taken");
    let answer = add(&mut bench, vec![of(90, None), of(91, Some(derived(91))), of(90, None)]);
    assert!(matches!(answer, Ok(Outcome::Added { new: 2, known: 1 })), "{answer:?}");
    let sealed = |bench: &Bench| {
        let units = all(bench.folder.path(), Unit::TABLE).into_iter().map(|row| Unit::from_row(row).unwrap());
        units.filter(|unit| unit.sealed.is_some()).count()
    };
    assert_eq!(sealed(&bench), 10, "those that were there before, and no other");
    for number in [90, 91] {
        let ask = bench.ask(number);
        assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), derived(number).reveal());
        let answer = add(&mut bench, vec![of(number, Some(derived(number)))]);
        assert!(matches!(answer, Ok(Outcome::Added { new: 0, known: 1 })), "{answer:?}");
        let answer = add(&mut bench, vec![of(number, Some(other(number)))]);
        assert_eq!(answer.unwrap_err(), Refusal::Conflict(Conflict::Differs));
    }
    let answer = add(&mut bench, vec![new_unit(3, "eu", Some(vin_of(3)))]);
    assert!(matches!(answer, Ok(Outcome::Added { new: 0, known: 1 })), "{answer:?}");
}

#[test]
fn what_was_erased_is_not_in_the_file_either_once_the_write_ahead_log_is_empty() {
    let mut bench = Bench::new();
    let lasting = AccountChange::AddCertificate([1; 32], "lasting".to_owned());
    bench.console(Action::ChangeAccount { account: AccountId::new("anna").unwrap(), change: lasting }).unwrap();
    let anna = Credential::Certificate([1; 32]);
    let mut requests = Vec::new();
    for number in 0..6 {
        let asked = Ask { document: None, ..bench.ask(number) };
        let request = pending(bench.apply(anna, Action::Release(asked)));
        bench
            .by("carl", Action::Decide { request: request.clone(), approve: false, reason: REASON.to_owned() })
            .unwrap();
        requests.push(request);
    }
    for request in &requests {
        bench.by_console_erase(request);
    }
    bench.desk = None;
    let file = bench.folder.path().join("registry.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let bytes = std::fs::read(&file).unwrap();
    let count = bytes.windows(REASON.len()).filter(|window| *window == REASON.as_bytes()).count();
    assert_eq!(count, 0, "reasons are left in pages that are free");
}
