//! A release: who gets what, after whom, and what the log says of it.
#![allow(clippy::unwrap_used)]

mod desk_support;

use desk_support::{Bench, catalog, code, code_of, document, new_unit, released, serial, vin};
use headlock_registry::desk::{Action, Conflict, Outcome, Refusal};
use headlock_registry::log::{Receipt, VerifierKey};
use headlock_registry::record::{PairingEvent, RequestState};

#[test]
fn a_dealer_with_the_document_at_hand_gets_the_code_its_presses_and_a_receipt() {
    let mut bench = Bench::new();
    let ask = bench.ask(3);
    let released = released(bench.by("anna", Action::Release(ask)));
    assert_eq!(code(&released), code_of(3));
    let receipt = Receipt::from_bytes(&released.receipt_bytes()).expect("a receipt");
    let event = receipt.opening.expect("what the leaf says").event;
    assert_eq!(event.kind(), "authorised");
    assert_eq!(event.field("serial"), Some("WK00000003"));
    assert_eq!(event.field("account"), Some("anna"));
    assert!(event.fields().all(|(_, value)| !value.contains(&code_of(3))), "a code is in the log");
    let ways = released.ways(&catalog());
    assert_eq!(ways.iter().map(|way| way.readings.len()).sum::<usize>(), 2, "every reading has its way");
    let _: &VerifierKey = bench.desk().ledger().public();
}

#[test]
fn the_same_key_is_the_same_request_and_another_content_is_refused() {
    let mut bench = Bench::new();
    let ask = bench.ask(1);
    let first = released(bench.by("anna", Action::Release(ask.clone())));
    let again = released(bench.by("anna", Action::Release(ask.clone())));
    assert_eq!(first.request.id, again.request.id);
    assert_eq!(first.request.leaf, again.request.leaf);
    let other = headlock_registry::desk::Ask { serial: serial("WK00000002"), vin: None, ..ask };
    assert_eq!(bench.by("anna", Action::Release(other)).unwrap_err(), Refusal::Conflict(Conflict::KeyReused));
}

#[test]
fn an_unknown_serial_another_vehicle_and_another_region_are_answered_alike() {
    let mut bench = Bench::new();
    bench.add(vec![new_unit(50, "us", Some(desk_support::vin_of(50)))]);
    let unknown = headlock_registry::desk::Ask { serial: serial("WK99999999"), ..bench.ask(1) };
    let vehicle = headlock_registry::desk::Ask { vin: Some(vin("SJNFAAJ10U7654321")), ..bench.ask(1) };
    let region = bench.ask(50);
    let answers: Vec<String> = [unknown, vehicle, region]
        .into_iter()
        .map(|ask| format!("{:?}", bench.by("anna", Action::Release(ask))))
        .collect();
    assert_eq!(answers[0], format!("{:?}", Err::<Outcome, _>(Refusal::NotFound)));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[test]
fn a_second_person_approves_and_who_asked_collects() {
    let mut bench = Bench::new();
    let ask = headlock_registry::desk::Ask { document: None, ..bench.ask(4) };
    let pending = bench.by("ben", Action::Release(ask));
    let Ok(Outcome::Pending(request)) = pending else { panic!("{pending:?}") };
    let decide =
        |reason: &str| Action::Decide { request: request.id.clone(), approve: true, reason: reason.to_owned() };
    assert_eq!(bench.by("ben", decide("")).unwrap_err(), Refusal::Conflict(Conflict::SamePerson));
    let decided = bench.by("carl", decide("papers seen"));
    let Ok(Outcome::Decided(decided)) = decided else { panic!("{decided:?}") };
    assert_eq!(decided.state, RequestState::Authorised);
    assert_eq!(bench.by("dora", decide("")).unwrap_err(), Refusal::Conflict(Conflict::NotWaiting));
    let collect = Action::Collect { request: request.id.clone() };
    assert_eq!(bench.by("anna", Action::Collect { request: request.id.clone() }).unwrap_err(), Refusal::NotFound);
    let released = released(bench.by("ben", collect));
    assert_eq!(code(&released), code_of(4));
    assert!(released.proof_due_s.is_some(), "the document has still to come");
    let complete = Action::CompleteProof { request: request.id.clone(), document: document() };
    assert!(bench.by("ben", complete).is_ok());
}

#[test]
fn a_document_that_does_not_come_locks_the_account() {
    let mut bench = Bench::new();
    let ask = headlock_registry::desk::Ask { document: None, ..bench.ask(4) };
    let Ok(Outcome::Pending(request)) = bench.by("anna", Action::Release(ask)) else { panic!("not pending") };
    let approve = Action::Decide { request: request.id.clone(), approve: true, reason: String::new() };
    bench.by("carl", approve).unwrap();
    bench.pass(5 * 86_400 - 1);
    bench.console(Action::Tick).unwrap();
    bench.let_in("anna");
    let ask = bench.ask(5);
    assert!(bench.by("anna", Action::Release(ask)).is_ok());
    bench.pass(2);
    bench.console(Action::Tick).unwrap();
    let ask = bench.ask(6);
    assert!(matches!(bench.by("anna", Action::Release(ask)), Err(Refusal::Locked { .. })));
}

#[test]
fn a_stolen_unit_is_refused_to_everybody() {
    let mut bench = Bench::new();
    let stolen = headlock_registry::desk::PairingLine {
        serial: serial("WK00000007"),
        event: PairingEvent::Stolen,
        vin: None,
        firmware: None,
    };
    bench.by("olga", Action::Pair(stolen)).unwrap();
    let ask = bench.ask(7);
    assert!(matches!(bench.by("anna", Action::Release(ask)), Err(Refusal::Rule { rule, .. }) if rule == "stolen"));
}

#[test]
fn limits_outlast_a_restart() {
    let rules = headlock_registry::rules::DEFAULT.replace("person = { burst = 40", "person = { burst = 4");
    let mut bench = Bench::with_rules(&rules);
    for number in [0, 2, 5, 9] {
        let ask = bench.ask(number);
        bench.by("anna", Action::Release(ask)).unwrap();
    }
    bench.restart();
    let ask = bench.ask(8);
    assert!(matches!(bench.by("anna", Action::Release(ask)), Err(Refusal::TooMany { retry_after_s: 1.. })));
}

#[test]
fn a_serial_that_no_unit_can_have_is_asked_about_where_look_alikes_explain_it() {
    let mut bench = Bench::new();
    // Whether the one that it may mean is on record makes no difference.
    for (written, meant) in [("WKOOOOOOO3", "WK00000003"), ("WK9999999B", "WK99999998")] {
        let ask = headlock_registry::desk::Ask { serial: serial(written), vin: None, ..bench.ask(3) };
        let Err(Refusal::Invalid { field: "serial", what }) = bench.by("anna", Action::Release(ask)) else {
            panic!("not asked about");
        };
        assert!(what.contains(meant), "{what}");
    }
    let ask = headlock_registry::desk::Ask { serial: serial("XX00000003"), vin: None, ..bench.ask(3) };
    assert_eq!(bench.by("anna", Action::Release(ask)).unwrap_err(), Refusal::NotFound);
}

#[test]
fn the_codes_of_a_scheme_are_those_that_its_key_gives_and_none_is_kept() {
    use headlock_profile::{SchemeKey, ways};
    use headlock_registry::seal::DataKey;
    let mut bench = Bench::new();
    let action = Action::AddScheme { unit: desk_support::UNIT.to_owned(), key: DataKey::from_bytes(&[9; 32]) };
    let add = |bench: &mut Bench| {
        let key = DataKey::from_bytes(&[9; 32]);
        bench.by("root", Action::AddScheme { unit: desk_support::UNIT.to_owned(), key })
    };
    assert!(matches!(add(&mut bench), Err(Refusal::NotAllowed { .. })), "only the console has keys");
    bench.console(action).unwrap();
    let unit = headlock_registry::desk::NewUnit { code: None, ..new_unit(70, "eu", Some(desk_support::vin_of(70))) };
    let made = bench.by("olga", Action::Provision { unit });
    let Ok(Outcome::Provisioned(made)) = made else { panic!("{made:?}") };
    assert_eq!(made.unit.sealed, None);
    let catalog = desk_support::catalog();
    let catalogued = catalog.unit(desk_support::UNIT).unwrap();
    let places = ways::places(catalogued, "WK00000070").unwrap();
    let wanted = SchemeKey::new(&[9; 32]).unwrap().derive(desk_support::UNIT, "WK00000070", &places).unwrap();
    assert_eq!(made.code.reveal(), wanted.reveal());
    bench.restart();
    let ask = bench.ask(70);
    assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), wanted.reveal());
    // What was there before keeps its own code.
    let ask = bench.ask(2);
    assert_eq!(code(&released(bench.by("anna", Action::Release(ask)))), code_of(2));
}

#[test]
fn another_password_ends_every_session_and_token_from_before() {
    use headlock_registry::desk::AccountChange;
    use headlock_registry::record::AccountId;
    let mut bench = Bench::new();
    let ask = bench.ask(1);
    bench.by("anna", Action::Release(ask)).unwrap();
    bench.pass(60);
    let account = AccountId::new("anna").unwrap();
    let change =
        AccountChange::Password("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA".to_owned());
    bench.by("root", Action::ChangeAccount { account, change }).unwrap();
    let ask = bench.ask(2);
    assert_eq!(bench.by("anna", Action::Release(ask)).unwrap_err(), Refusal::NotSignedIn);
}

#[test]
fn an_answer_is_not_collected_without_end() {
    let mut bench = Bench::new();
    let ask = bench.ask(1);
    let first = released(bench.by("anna", Action::Release(ask)));
    let request = first.request.id;
    bench.apply(headlock_registry::desk::Credential::Nobody, Action::Delivered { request: request.clone() }).unwrap();
    let mut collected = 0;
    while bench.by("anna", Action::Collect { request: request.clone() }).is_ok() {
        collected += 1;
        assert!(collected < 100, "collected without end");
    }
    assert!(collected > 10);
}
