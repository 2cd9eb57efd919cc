//! Records leave in bulk for the escrow alone, and only if enough others have agreed.
#![allow(clippy::unwrap_used)]

mod desk_support;
mod export_support;

use age::secrecy::ExposeSecret as _;
use desk_support::{account, code_of, new_unit, roles, serial_of, store, vin_of};
use export_support::{DAY_S, REASON, Vault, agree, export, name, opened, recipient, refuse, row, rules, who};
use headlock_profile::{Code, Provenance};
use headlock_registry::desk::{
    AccountChange, Action, Command, Conflict, Credential, Desk, ExportError, NewUnit, Outcome, PairingLine, Refusal,
    Tools,
};
use headlock_registry::escrow::{Recipient, RecipientError};
use headlock_registry::intake::{Choice, Intake, News, Options};
use headlock_registry::log::{Disk, Outsider};
use headlock_registry::record::{AccountState, ExportState, PairingEvent, Record, Region, RequestId, Unit};
use headlock_registry::rules::{BadRules, DEFAULT, Rules};
use headlock_registry::seal::DataKey;
use headlock_registry::sign_in::{Role, Scope, Scopes};
use headlock_registry::store::Scan;
use headlock_wire::hex;
use sha2::{Digest, Sha256};

fn conflict<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Conflict {
    match answer.unwrap_err() {
        Refusal::Conflict(conflict) => conflict,
        other => panic!("{other:?}"),
    }
}

fn not_allowed<T: std::fmt::Debug>(answer: Result<T, Refusal>) {
    let refusal = answer.unwrap_err();
    assert!(matches!(refusal, Refusal::NotAllowed { .. }), "{refusal:?}");
}

fn take(id: &RequestId) -> Action {
    Action::TakeExport { export: id.clone() }
}

#[test]
fn two_others_agree_and_the_escrow_alone_has_every_code() {
    let mut vault = Vault::new();
    let id = vault.ask();
    assert_eq!(conflict(vault.take(&id)), Conflict::NotAgreed);
    assert_eq!(export(vault.by("cora", agree(&id))).state, ExportState::Waiting);
    assert_eq!(conflict(vault.take(&id)), Conflict::NotAgreed);
    assert_eq!(export(vault.by("cato", agree(&id))).state, ExportState::Agreed);
    let exporter = vault.take(&id).unwrap();
    // That it is taken is durable before there is a first byte.
    assert_eq!(vault.events("export_taken").len(), 1);
    let (exported, file) = vault.write(&exporter);
    let text = vault.open(&file);
    assert_eq!((exported.units, exported.without_code), (10, 0));
    assert_eq!(exported.file.sha256, <[u8; 32]>::from(Sha256::digest(&file)));
    assert_eq!(exported.file.bytes, file.len() as u64);
    for number in 0..10 {
        let row = row(&text, &serial_of(number));
        assert_eq!(row[1..8], [&code_of(number), "wicket/scan", "1.00", "eu", "", &vin_of(number), "in-service"]);
    }
    let head = vault.bench.desk().ledger().head();
    for note in [
        "# headlock-export/v1".to_owned(),
        "# origin desk.example/log".to_owned(),
        format!("# export {id}"),
        format!("# tree_size {}", head.size),
        format!("# root {}", head.root),
        "# units 10".to_owned(),
    ] {
        assert!(text.lines().any(|line| line == note), "{note}: {text}");
    }
    assert!(text.ends_with("# end\n"));
    assert_eq!(opened(&age::x25519::Identity::generate(), &file), None, "nobody else opens it");
    for cut in [file.len() - 1, file.len() - 17, file.len() / 2] {
        assert_eq!(opened(&vault.escrow, &file[..cut]), None, "half a file does not look whole");
    }
    let left = Action::ExportLeft { export: id.clone(), attempt: 1, exported };
    vault.bench.console(left).unwrap();
    let event = &vault.events("export_left")[0];
    let sha256 = hex::digits(&Sha256::digest(&file));
    assert_eq!((event.field("units"), event.field("sha256")), (Some("10"), Some(sha256.as_str())));
    assert_eq!(conflict(vault.take(&id)), Conflict::ExportOver, "once");
}

#[test]
fn what_does_not_count_does_not_count() {
    let mut vault = Vault::new();
    vault.change("rita", AccountChange::Roles(roles(&[Role::Administrator, Role::Custodian])));
    let asked = Action::AskExport { unit: None, region: None, reason: REASON.to_owned() };
    let id = export(vault.by("rita", asked)).id;
    let take = |vault: &mut Vault| vault.by("rita", take(&id)).map(drop);
    assert_eq!(conflict(vault.by("rita", agree(&id))), Conflict::SamePerson, "who asked");
    vault.by("cora", agree(&id)).unwrap();
    assert_eq!(conflict(vault.by("cora", agree(&id))), Conflict::AgreedAlready, "twice the same");
    assert_eq!(conflict(take(&mut vault)), Conflict::NotAgreed);
    // The last yes counts only as long as whoever said it may say it.
    assert_eq!(export(vault.by("cato", agree(&id))).state, ExportState::Agreed);
    vault.change("cora", AccountChange::State(AccountState::Locked, "left in anger".to_owned()));
    assert_eq!(conflict(take(&mut vault)), Conflict::NotAgreed, "locked since");
    vault.bench.pass(1);
    vault.change("cora", AccountChange::State(AccountState::Active, String::new()));
    assert_eq!(conflict(take(&mut vault)), Conflict::NotAgreed, "unlocked by somebody, and not asked again");
    vault.change("cato", AccountChange::Roles(roles(&[Role::Operator])));
    not_allowed(vault.by("cato", agree(&id)));
    vault.by("cora", agree(&id)).unwrap();
    assert_eq!(conflict(take(&mut vault)), Conflict::NotAgreed, "no custodian any more");
    vault.by("cleo", agree(&id)).unwrap();
    take(&mut vault).expect("cora and cleo");
    let agreed_by = vault.events("export_taken")[0].field("agreed_by").map(str::to_owned);
    assert_eq!(agreed_by.as_deref(), Some("cleo cora"));
}

#[test]
fn of_agreements_at_the_same_moment_at_two_desks_none_is_lost_and_none_counts_twice() {
    let mut vault = Vault::with_rules(&rules().replace("quorum = 2", "quorum = 3"));
    let ids: Vec<RequestId> = ["eu", "us", "jp", "cn", "uk"]
        .iter()
        .map(|region| {
            let region = Some(Region::new(region).unwrap());
            export(vault.by("root", Action::AskExport { unit: None, region, reason: REASON.to_owned() })).id
        })
        .collect();
    let now_ms = vault.bench.now_ms;
    vault.bench.desk = None;
    std::fs::create_dir(vault.bench.folder.path().join("log2")).unwrap();
    std::thread::scope(|scope| {
        for (folder, people) in [("log", ["cora", "cato"]), ("log2", ["cato", "cora"])] {
            let files = Disk::new(vault.bench.folder.path().join(folder));
            let tools = Tools { files, ..vault.bench.tools() };
            let ids = &ids;
            scope.spawn(move || {
                let mut desk = Desk::open(tools, now_ms).unwrap();
                for (person, id) in people.iter().flat_map(|person| ids.iter().map(move |id| (person, id))) {
                    let command = [Command { credential: who(person), action: agree(id) }];
                    match desk.apply(now_ms, &command).unwrap().pop().unwrap() {
                        Ok(Outcome::Export(_)) | Err(Refusal::Conflict(Conflict::AgreedAlready)) => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    vault.bench.restart();
    for id in &ids {
        assert_eq!(conflict(vault.take(id)), Conflict::NotAgreed, "two people said it four times");
        assert_eq!(export(vault.by("cleo", agree(id))).state, ExportState::Agreed);
    }
    assert_eq!(vault.events("export_agreed").len(), 3 * ids.len());
}

#[test]
fn whoever_was_made_a_custodian_yesterday_does_not_count_today() {
    let mut vault = Vault::with_rules(DEFAULT);
    vault.bench.pass(8 * DAY_S);
    let id = vault.ask();
    let new = account("carla", "maker", &[Role::Custodian]);
    vault.by("root", Action::AddAccount(new)).unwrap();
    vault.by("root", Action::ChangeAccount { account: name("carla"), change: certificate("carla") }).unwrap();
    not_allowed(vault.by("carla", agree(&id)));
    // What makes somebody else able to sign in as a custodian: a password, a one-time secret, a certificate, a role.
    for (custodian, change) in [
        ("cora", AccountChange::Password("$argon2id$another".to_owned())),
        ("cato", AccountChange::NewOneTimeSecret),
        ("cleo", AccountChange::AddCertificate([99; 32], "mine".to_owned())),
    ] {
        vault.by("root", Action::ChangeAccount { account: name(custodian), change }).unwrap();
        not_allowed(vault.by(custodian, agree(&id)));
    }
    vault.bench.pass(6 * DAY_S);
    not_allowed(vault.by("cora", agree(&id)));
    assert_eq!(vault.events("export_agreed").len(), 0);
    vault.bench.pass(DAY_S);
    vault.bench.console(Action::Tick).unwrap();
    let id = vault.agreed();
    // Nor does what was said before count once its person was changed.
    let change = AccountChange::NewOneTimeSecret;
    vault.by("root", Action::ChangeAccount { account: name("cora"), change }).unwrap();
    vault.bench.pass(1);
    assert_eq!(conflict(vault.take(&id)), Conflict::NotAgreed);
    vault.by("cleo", agree(&id)).unwrap();
    vault.take(&id).unwrap();
}

fn certificate(id: &str) -> AccountChange {
    let Credential::Certificate(print) = who(id) else { panic!("no certificate") };
    AccountChange::AddCertificate(print, "lasting".to_owned())
}

#[test]
fn each_step_is_for_whom_it_is_for_and_in_person() {
    let mut vault = Vault::new();
    let asked = || Action::AskExport { unit: None, region: None, reason: REASON.to_owned() };
    let another =
        || Action::AskRecipient { recipient: recipient(&age::x25519::Identity::generate()), reason: REASON.to_owned() };
    for nobody in ["cora", "ed", "olga", "anna", "carl"] {
        not_allowed(vault.by(nobody, asked()));
        not_allowed(vault.by(nobody, another()));
    }
    not_allowed(vault.bench.console(asked()));
    not_allowed(vault.bench.console(another()));
    let id = vault.ask();
    for nobody in ["root", "rita", "ed", "olga", "anna", "carl"] {
        let answer = vault.by(nobody, agree(&id));
        assert!(matches!(answer, Err(Refusal::NotAllowed { .. })), "{nobody}: {answer:?}");
    }
    not_allowed(vault.bench.console(agree(&id)));
    for nobody in ["rita", "olga", "anna", "carl"] {
        not_allowed(vault.by(nobody, refuse(&id)));
    }
    for (person, scope, action) in [("root", Scope::Administer, asked()), ("cora", Scope::Custody, agree(&id))] {
        let issue = Action::IssueToken { label: "x".into(), scopes: Scopes::NONE.with(scope), days: 9 };
        let Ok(Outcome::Token(token)) = vault.by(person, issue) else { panic!("no token") };
        not_allowed(vault.bench.apply(Credential::Token(token.digest().0), action));
    }
    for short in ["", "why"] {
        let action = Action::AgreeExport { export: id.clone(), reason: short.to_owned() };
        assert!(matches!(vault.by("cora", action), Err(Refusal::Invalid { field: "reason", .. })));
    }
    for custodian in ["cora", "cato"] {
        vault.by(custodian, agree(&id)).unwrap();
    }
    for nobody in ["rita", "cora", "ed", "olga", "anna", "carl"] {
        not_allowed(vault.by(nobody, take(&id)));
    }
    not_allowed(vault.bench.console(take(&id)));
    let none = RequestId::from_bytes(&[0; 16]);
    assert_eq!(vault.by("cora", agree(&none)).unwrap_err(), Refusal::NotFound);
    assert_eq!(vault.take(&none).unwrap_err(), Refusal::NotFound);
    vault.take(&id).unwrap();
}

#[test]
fn one_no_is_enough_until_it_has_left() {
    let mut vault = Vault::new();
    for (who, agreed) in [("cora", false), ("ed", false), ("root", true), ("cleo", true)] {
        let id = if agreed { vault.agreed() } else { vault.ask() };
        if who == "cleo" {
            vault.take(&id).unwrap();
        }
        assert_eq!(export(vault.by(who, refuse(&id))).state, ExportState::Refused, "{who}");
        assert_eq!(conflict(vault.take(&id)), Conflict::NotWaiting);
        assert_eq!(conflict(vault.by("cato", agree(&id))), Conflict::NotWaiting);
        assert_eq!(conflict(vault.by(who, refuse(&id))), Conflict::NotWaiting);
    }
    let (id, ..) = vault.export();
    assert_eq!(conflict(vault.by("ed", refuse(&id))), Conflict::NotWaiting);
    assert_eq!(vault.events("export_refused").len(), 4);
}

#[test]
fn an_export_that_nobody_agrees_to_or_takes_in_time_is_over() {
    let mut vault = Vault::new();
    let waiting = vault.ask();
    vault.by("cora", agree(&waiting)).unwrap();
    vault.bench.pass(7 * DAY_S);
    assert_eq!(conflict(vault.by("cato", agree(&waiting))), Conflict::NotWaiting, "also before anybody looks");
    vault.bench.console(Action::Tick).unwrap();
    assert_eq!(vault.events("export_expired").len(), 1);
    assert_eq!(conflict(vault.take(&waiting)), Conflict::ExportOver);
    let agreed = vault.agreed();
    vault.bench.pass(48 * 3_600 - 1);
    vault.take(&agreed).expect("just in time");
    vault.bench.pass(1);
    assert_eq!(conflict(vault.take(&agreed)), Conflict::ExportOver);
    vault.bench.console(Action::Tick).unwrap();
    vault.bench.console(Action::Tick).unwrap();
    assert_eq!(vault.events("export_expired").len(), 2);
}

#[test]
fn a_file_that_broke_off_may_be_begun_again_each_time_with_a_leaf_and_not_for_ever() {
    let mut vault = Vault::new();
    let id = vault.agreed();
    let first = vault.take(&id).unwrap();
    // Killed between the leaf and the answer.
    vault.bench.restart();
    assert_eq!(vault.events("export_taken").len(), 1);
    let second = vault.take(&id).expect("the same again");
    assert_eq!((first.attempt(), second.attempt()), (1, 2));
    let (_, one) = vault.write(&first);
    let (_, other) = vault.write(&second);
    assert_ne!(one, other, "no two files have a key in common");
    for attempt in 3..=8 {
        assert_eq!(vault.take(&id).unwrap().attempt(), attempt);
    }
    assert_eq!(conflict(vault.take(&id)), Conflict::ExportOver);
    let attempts: Vec<_> =
        vault.events("export_taken").iter().map(|event| event.field("attempt").map(str::to_owned)).collect();
    assert_eq!(attempts.len(), 8);
    assert_eq!(attempts.last().unwrap().as_deref(), Some("8"));
}

#[test]
fn auditors_and_administrators_are_told_when_it_is_asked_for_and_when_it_is_taken() {
    let mut vault = Vault::new();
    let id = vault.agreed();
    for person in ["ed", "rita", "cleo"] {
        assert_eq!(vault.notices(person, "export_asked"), 1, "{person}");
    }
    assert_eq!(vault.notices("root", "export_agreed"), 1);
    vault.take(&id).unwrap();
    for person in ["ed", "rita"] {
        assert_eq!(vault.notices(person, "export_taken"), 1, "{person}");
    }
    assert_eq!(vault.notices("anna", "export_taken") + vault.notices("anna", "export_asked"), 0);
}

#[test]
fn another_escrow_takes_a_quorum_too_and_what_was_agreed_to_for_the_old_one_is_void() {
    let mut vault = Vault::new();
    let set = vault.events("escrow_set");
    let first = recipient(&vault.escrow);
    assert_eq!(set[0].field("recipient"), Some(first.to_string().as_str()));
    assert_eq!(set[0].field("fingerprint"), Some(first.fingerprint().as_str()));
    let old = vault.agreed();
    let identity = age::x25519::Identity::generate();
    let wanted = recipient(&identity);
    let change =
        |recipient: &Recipient| Action::AskRecipient { recipient: recipient.clone(), reason: REASON.to_owned() };
    assert_eq!(conflict(vault.by("root", change(&first))), Conflict::Exists);
    let id = export(vault.by("root", change(&wanted))).id;
    vault.by("cora", agree(&id)).unwrap();
    vault.take(&old).expect("the old one still stands");
    assert_eq!(export(vault.by("cleo", agree(&id))).state, ExportState::Agreed);
    assert_eq!(conflict(vault.take(&old)), Conflict::OtherEscrow);
    assert_eq!(conflict(vault.by("cleo", agree(&old))), Conflict::OtherEscrow);
    assert_eq!(conflict(vault.take(&id)), Conflict::NotWaiting, "it hands out nothing");
    assert_eq!(vault.notices("ed", "escrow_set"), 1);
    vault.bench.pass(60);
    let (_, _, file) = vault.export();
    assert_eq!(opened(&vault.escrow, &file), None);
    assert!(opened(&identity, &file).is_some_and(|text| text.contains(&code_of(3))));
    let set = vault.events("escrow_set");
    assert_eq!(set.last().unwrap().field("agreed_by"), Some("cleo cora"));
}

#[test]
fn without_an_escrow_there_is_no_export_and_a_quorum_sets_the_first() {
    let mut vault = Vault::new();
    // As a registry of before would be.
    vault.bench = desk_support::Bench::with_rules(&rules());
    for (id, role) in [("cora", Role::Custodian), ("cato", Role::Custodian)] {
        vault.bench.console(Action::AddAccount(account(id, "maker", &[role]))).unwrap();
    }
    for id in ["root", "cora", "cato"] {
        vault.change(id, certificate(id));
    }
    let asked = || Action::AskExport { unit: None, region: None, reason: REASON.to_owned() };
    assert_eq!(conflict(vault.by("root", asked())), Conflict::NoEscrow);
    let change = Action::AskRecipient { recipient: recipient(&vault.escrow), reason: REASON.to_owned() };
    let id = export(vault.by("root", change)).id;
    for custodian in ["cora", "cato"] {
        assert_eq!(conflict(vault.by("root", asked())), Conflict::NoEscrow);
        vault.by(custodian, agree(&id)).unwrap();
    }
    let (_, exported, file) = vault.export();
    assert_eq!(exported.units, 10);
    assert!(vault.open(&file).contains(&serial_of(9)));
}

#[test]
fn an_export_can_be_of_one_kind_or_one_region_and_the_same_question_is_the_same_export() {
    let mut vault = Vault::new();
    vault.bench.add(vec![new_unit(70_001, "us", None), new_unit(70_002, "us", None)]);
    let of = |unit: Option<&str>, region: Option<&str>| Action::AskExport {
        unit: unit.map(str::to_owned),
        region: region.map(|region| Region::new(region).unwrap()),
        reason: REASON.to_owned(),
    };
    assert!(matches!(vault.by("root", of(Some("no/such"), None)), Err(Refusal::Invalid { field: "unit", .. })));
    let us = export(vault.by("root", of(None, Some("us")))).id;
    assert_eq!(export(vault.by("root", of(None, Some("us")))).id, us);
    assert_ne!(export(vault.by("rita", of(None, Some("us")))).id, us, "who asks matters");
    assert_ne!(export(vault.by("root", of(Some("wicket/scan"), Some("us")))).id, us);
    for custodian in ["cora", "cato"] {
        vault.by(custodian, agree(&us)).unwrap();
    }
    let exporter = vault.take(&us).unwrap();
    let (exported, file) = vault.write(&exporter);
    let text = vault.open(&file);
    assert_eq!(exported.units, 2);
    assert!(text.contains("# only_region us\n") && !text.contains(&serial_of(1)));
    assert_eq!(row(&text, &serial_of(70_002))[1], code_of(70_002));
    for at in 0..6 {
        vault.by("root", of(None, Some(&format!("r{at}")))).unwrap();
    }
    // The eighth that waits: one of the first three was agreed to.
    vault.by("root", of(None, Some("last"))).unwrap();
    assert_eq!(conflict(vault.by("root", of(None, Some("more")))), Conflict::TooManyExports);
}

#[test]
fn codes_that_follow_from_a_key_are_in_it_as_codes() {
    let mut vault = Vault::new();
    let key = DataKey::from_bytes(&[5; 32]);
    vault.bench.console(Action::AddScheme { unit: desk_support::UNIT.to_owned(), key }).unwrap();
    let made: Vec<(String, String)> = (800..803)
        .map(|number| {
            let unit = NewUnit { code: None, ..new_unit(number, "eu", None) };
            let Ok(Outcome::Provisioned(made)) = vault.by("olga", Action::Provision { unit }) else {
                panic!("not made")
            };
            (made.unit.serial.to_string(), made.code.reveal().to_owned())
        })
        .collect();
    let (_, exported, file) = vault.export();
    assert_eq!((exported.units, exported.without_code), (13, 0));
    let text = vault.open(&file);
    for (serial, code) in made {
        assert_eq!(row(&text, &serial)[1], code);
    }
}

#[test]
fn a_file_shows_one_moment_whatever_is_written_meanwhile() {
    let mut vault = Vault::new();
    let units = (1_000..3_500).map(|number| new_unit(number, "eu", None)).collect();
    vault.bench.add(units);
    let id = vault.agreed();
    let exporter = vault.take(&id).unwrap();
    let mut moment = vault.bench.desk().reader().unwrap().moment().unwrap();
    let head = vault.bench.desk().ledger().head();
    let mut file = Vec::new();
    let mut pages = 0;
    let bench = &mut vault.bench;
    let exported = exporter.write(&mut *moment, &mut file, &mut |_| {
        pages += 1;
        let number = 9_000_000 + pages;
        bench
            .console(Action::AddUnits {
                import: format!("more {pages}"),
                rows_before: 0,
                position: vec![],
                units: vec![new_unit(number, "eu", None)],
            })
            .is_ok()
    });
    let exported = exported.unwrap();
    assert!(pages > 2, "{pages} pages");
    assert_eq!((exported.units, exported.head), (2_510, head));
    assert_eq!(vault.open(&file).matches("WK09000").count(), 0);
    drop(moment);
    let id = vault.agreed();
    let exporter = vault.take(&id).unwrap();
    assert_eq!(vault.write(&exporter).0.units, 2_510 + u64::from(pages));
}

#[test]
fn what_cannot_be_opened_is_counted_and_what_is_stopped_is_no_file() {
    let mut vault = Vault::new();
    let id = vault.agreed();
    let file = vault.bench.folder.path().join("registry.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("UPDATE unit SET sealed = zeroblob(40) WHERE serial = ?1", [serial_of(4)]).unwrap();
    drop(connection);
    let exporter = vault.take(&id).unwrap();
    let (exported, file) = vault.write(&exporter);
    assert_eq!((exported.units, exported.without_code), (10, 1));
    let text = vault.open(&file);
    assert_eq!(row(&text, &serial_of(4))[1], "");
    assert!(text.contains("# without_code 1\n"));
    let mut moment = vault.bench.desk().reader().unwrap().moment().unwrap();
    let mut half = Vec::new();
    let stopped = exporter.write(&mut *moment, &mut half, &mut |_| false);
    assert!(matches!(stopped, Err(ExportError::Stopped)), "{stopped:?}");
    assert_eq!(opened(&vault.escrow, &half), None);
    // Another key-encryption key meanwhile.
    let kek = headlock_registry::seal::Kek::random().unwrap();
    vault.bench.console(Action::Rotate { kek: kek.clone() }).unwrap();
    let mut moment = vault.bench.desk().reader().unwrap().moment().unwrap();
    let rotated = exporter.write(&mut *moment, &mut Vec::new(), &mut |_| true);
    assert!(matches!(rotated, Err(ExportError::Rotated)), "{rotated:?}");
    vault.bench.kek = kek;
    vault.bench.restart();
    let exporter = vault.take(&id).unwrap();
    assert_eq!(vault.write(&exporter).0.units, 10);
}

#[test]
fn the_log_of_an_export_verifies_and_none_of_its_words_is_a_code() {
    let mut vault = Vault::new();
    let units =
        (61_112_223..61_112_226).map(|number| NewUnit { firmware: String::new(), ..new_unit(number, "eu", None) });
    vault.bench.add(units.collect());
    let (_, exported, file) = vault.export();
    assert_eq!(exported.units, 13);
    assert!(!format!("{exported:?}").contains("0x"));
    vault.bench.desk().sync().unwrap();
    let key = vault.bench.desk().ledger().public().clone();
    let report = Outsider::new(desk_support::ORIGIN, vec![key])
        .verify(&Disk::new(vault.bench.folder.path().join("log")), &mut |_| {});
    assert!(report.is_clean(), "{:?}", report.findings);
    let kinds = ["export_asked", "export_agreed", "export_taken", "export_left"];
    assert_eq!(kinds.map(|kind| vault.events(kind).len()), [1, 2, 1, 1]);
    let named: Vec<_> = kinds.iter().flat_map(|kind| vault.events(kind)).collect();
    assert!(named.iter().all(|event| event.field("account") == Some("root")));
    let print = recipient(&vault.escrow).fingerprint();
    assert!(named.iter().all(|event| event.field("recipient") == Some(print.as_str())));
    assert!(vault.open(&file).contains(&code_of(61_112_224)));
}

#[test]
fn a_recipient_is_one_that_only_its_owner_can_read_for() {
    let identity = age::x25519::Identity::generate();
    let text = identity.to_public().to_string();
    let recipient: Recipient = format!(" {text}\n").parse().unwrap();
    assert_eq!(recipient.to_string(), text);
    let sha256 = hex::digits(&Sha256::digest(&text));
    assert_eq!(recipient.fingerprint(), sha256);
    let secret = identity.to_string();
    assert_eq!(secret.expose_secret().parse::<Recipient>(), Err(RecipientError::Secret));
    let mistyped = text.replacen(&text[20..21], if &text[20..21] == "q" { "p" } else { "q" }, 1);
    for wrong in ["", "age1", "ssh-ed25519 AAAA", mistyped.as_str(), &text[..61]] {
        assert_eq!(wrong.parse::<Recipient>(), Err(RecipientError::NotOne), "{wrong}");
    }
    for weak in WEAK {
        assert_eq!(weak.parse::<Recipient>(), Err(RecipientError::Weak), "{weak}");
    }
}

/// Made with another implementation of Bech32: the points 0, 1 and 2²⁵⁵ − 20, 0 with its highest bit set, and the two of order eight.
const WEAK: [&str; 6] = [
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
    "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqsuwj9m",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
];

#[test]
fn a_policy_that_lets_one_friend_suffice_is_none() {
    for quorum in [0, 1] {
        let text = DEFAULT.replace("quorum = 2", &format!("quorum = {quorum}"));
        assert!(matches!(Rules::parse(&text), Err(BadRules::Quorum { quorum: found }) if found == quorum));
    }
    for zero in ["stands_days = 7", "take_hours = 48"] {
        let text = DEFAULT.replace(zero, &format!("{} 0", zero.split_inclusive('=').next().unwrap()));
        assert!(matches!(Rules::parse(&text), Err(BadRules::Zero { .. })), "{zero}");
    }
    let without = &DEFAULT[..DEFAULT.find("# Records leave in bulk").unwrap()];
    let rules = Rules::parse(without).unwrap();
    assert_eq!(rules.export, Rules::parse(DEFAULT).unwrap().export, "what is built in is what is written there");
}

#[test]
fn the_escrow_makes_the_same_registry_of_what_it_opens() {
    let mut vault = Vault::new();
    let odd = |number: u32, firmware: &str| NewUnit { firmware: firmware.to_owned(), ..new_unit(number, "us", None) };
    let pair = NewUnit {
        serial: desk_support::serial("PB12345670"),
        unit: desk_support::PAIR.to_owned(),
        companion: Some("C70123".to_owned()),
        ..odd(903, "")
    };
    vault.bench.add(vec![odd(901, "1.00"), odd(902, ""), pair]);
    vault
        .bench
        .console(Action::AddScheme { unit: desk_support::UNIT.to_owned(), key: DataKey::from_bytes(&[5; 32]) })
        .unwrap();
    let derived = NewUnit { code: None, ..new_unit(904, "eu", Some(vin_of(904))) };
    let Ok(Outcome::Provisioned(derived)) = vault.by("olga", Action::Provision { unit: derived }) else {
        panic!("not made")
    };
    for (number, event, vin) in [
        (1, PairingEvent::Stolen, None),
        (2, PairingEvent::Exchanged, None),
        (3, PairingEvent::Scrapped, None),
        (4, PairingEvent::Paired, Some(vin_of(77))),
        (4, PairingEvent::Paired, Some(vin_of(78))),
    ] {
        let (serial, vin) = (desk_support::serial(&serial_of(number)), vin.as_deref().map(desk_support::vin));
        vault.by("olga", Action::Pair(PairingLine { serial, event, vin, firmware: None })).unwrap();
    }
    let (_, exported, file) = vault.export();
    assert_eq!((exported.units, exported.without_code), (14, 0));
    let text = vault.open(&file);
    assert_eq!(row(&text, &serial_of(4))[6..], [vin_of(78), "in-service".to_owned(), vin_of(77)]);

    let mut other = desk_support::Bench::empty(&rules());
    let table = other.folder.path().join("opened.csv");
    std::fs::write(&table, &text).unwrap();
    let take = |bench: &mut desk_support::Bench, options: &Options| {
        let now_ms = bench.now_ms;
        let (mut clock, mut bad) = (|| now_ms, Vec::new());
        let mut tell = |news: News<'_>| {
            if let News::Bad(row) = news {
                bad.push(row.to_string());
            }
        };
        let desk = bench.desk();
        let intake = Intake { desk, credential: Credential::Console, clock: &mut clock, tell: &mut tell };
        let report = intake.run(&table, options).expect("a table that is taken");
        assert_eq!(bad, Vec::<String>::new());
        report
    };
    // In batches of a few rows: notes stand between none of them.
    let mut few = Options { choice: Choice::AllOrNothing, ..Options::default() };
    few.table.chunk_rows = 3;
    let report = take(&mut other, &few);
    assert_eq!((report.rows, report.new, report.bad), (14, 14, 0));
    assert!(take(&mut other, &few).already_imported);
    // The same says nothing new to the registry that it is from either.
    let again = take(&mut vault.bench, &Options::default());
    assert_eq!((again.new, again.known), (0, 14));
    let units = |bench: &desk_support::Bench| -> Vec<Unit> {
        let scan = Scan { table: Unit::TABLE, prefix: &[], after: None, backwards: false, limit: 1_000 };
        store(bench.folder.path()).scan(&scan).unwrap().into_iter().map(|row| Unit::from_row(row).unwrap()).collect()
    };
    let said = |unit: &Unit| {
        let Unit { serial, unit, firmware, region, companion, vin, state, .. } = unit.clone();
        (serial, unit, firmware, region, companion, vin, state)
    };
    assert_eq!(
        units(&vault.bench).iter().map(said).collect::<Vec<_>>(),
        units(&other).iter().map(said).collect::<Vec<_>>()
    );
    // And the same codes: both release them, and what comes out of the new registry is the same table.
    let code = |bench: &mut desk_support::Bench, number: u32| {
        let ask = bench.ask(number);
        desk_support::code(&desk_support::released(bench.by("anna", Action::Release(ask)))).to_owned()
    };
    assert_eq!(code(&mut other, 904), derived.code.reveal());
    assert_eq!(code(&mut other, 5), code_of(5));
    let ask = other.ask(1);
    assert!(matches!(other.by("anna", Action::Release(ask)), Err(Refusal::Rule { .. })), "stolen is stolen");
    let mut heir = Vault { bench: other, escrow: age::x25519::Identity::generate() };
    for (id, role) in [("cora", Role::Custodian), ("cato", Role::Custodian)] {
        heir.bench.console(Action::AddAccount(account(id, "maker", &[role]))).unwrap();
        heir.change(id, certificate(id));
    }
    heir.change("root", certificate("root"));
    let wanted = Action::AskRecipient { recipient: recipient(&heir.escrow), reason: REASON.to_owned() };
    let id = export(heir.by("root", wanted)).id;
    for custodian in ["cora", "cato"] {
        heir.by(custodian, agree(&id)).unwrap();
    }
    let (_, _, file) = heir.export();
    // What a vehicle's past was is told and not kept.
    let table = |text: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
    };
    assert_eq!(table(&heir.open(&file)), table(&text));
}

#[test]
fn codes_stand_nowhere_but_in_what_the_escrow_opens() {
    let mut vault = Vault::new();
    // Codes that are in nothing else by chance.
    let codes: Vec<String> = (0..6).map(|at| format!("ZQ{at}XW{at}KV7")).collect();
    let units = (0..6).zip(&codes).map(|(at, code)| NewUnit {
        code: Some(Code::new(code, Provenance::Table).unwrap()),
        ..new_unit(70_000 + at, "eu", None)
    });
    vault.bench.add(units.collect());
    let id = vault.agreed();
    let exporter = vault.take(&id).unwrap();
    let (exported, file) = vault.write(&exporter);
    let left = Action::ExportLeft { export: id.clone(), attempt: 1, exported };
    let said = format!("{exporter:?} {exported:?} {left:?}");
    let said = format!("{said} {:?}", vault.bench.console(left).unwrap());
    let text = vault.open(&file);
    let folder = vault.bench.folder.path().to_owned();
    vault.bench.desk().sync().unwrap();
    for code in &codes {
        assert!(text.contains(code.as_str()), "the escrow has it");
        let holds = |bytes: &[u8]| bytes.windows(code.len()).any(|window| window == code.as_bytes());
        assert!(!holds(&file) && !holds(said.as_bytes()));
        let mut folders = vec![folder.clone()];
        let mut files = 0;
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                files += 1;
                assert!(!holds(&std::fs::read(&path).unwrap()), "{}", path.display());
            }
        }
        assert!(files > 3, "there is a database and a log to search");
    }
}
