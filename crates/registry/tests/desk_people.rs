//! Second persons, broken glass, promised documents, and who is let in for what.
#![allow(clippy::unwrap_used)]

mod desk_support;

use desk_support::{
    Bench, account, all_scopes, code, code_of, document, new_unit, one_time_code, released, roles, serial, serial_of,
    store, vin, vin_of,
};
use headlock_registry::desk::{
    AccountChange, Action, Ask, Command, Conflict, Credential, Desk, Outcome, PairingLine, Refusal, SignIn, Tools,
    Verified,
};
use headlock_registry::log::{Disk, Event};
use headlock_registry::record::{
    AccountId, AccountState, Issuer, Opened, PairingEvent, Record, Region, Request, RequestId, RequestState, Subject,
    Vin,
};
use headlock_registry::rules::DEFAULT;
use headlock_registry::sign_in::{Role, Scope, Scopes, Token};
use headlock_registry::store::Scan;
use zeroize::Zeroizing;

const DAY_S: u64 = 86_400;
const REASON: &str = "the owner waits at the roadside";

/// A certificate that does not end as sessions do.
fn lasting(bench: &mut Bench, id: &str, number: u8) -> Credential {
    let change = AccountChange::AddCertificate([number; 32], "lasting".to_owned());
    bench.console(Action::ChangeAccount { account: name(id), change }).unwrap();
    Credential::Certificate([number; 32])
}

fn name(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn tie(subject: &str) -> AccountChange {
    let issuer = Issuer::new("https://id.example").unwrap();
    AccountChange::TieIdentity(issuer, Subject::new(subject).unwrap(), "the maker's".to_owned())
}

fn by(subject: &str) -> Action {
    let issuer = Issuer::new("https://id.example").unwrap();
    Action::SignInByIdentity(Verified { issuer, subject: Subject::new(subject).unwrap() })
}

fn pending(answer: Result<Outcome, Refusal>) -> RequestId {
    match answer {
        Ok(Outcome::Pending(request)) => request.id,
        other => panic!("not pending: {other:?}"),
    }
}

fn decided(answer: Result<Outcome, Refusal>) -> Request {
    match answer {
        Ok(Outcome::Decided(request)) => *request,
        other => panic!("not decided: {other:?}"),
    }
}

fn promised(bench: &mut Bench, number: u32) -> Action {
    Action::Release(Ask { document: None, ..bench.ask(number) })
}

fn approve(request: &RequestId) -> Action {
    Action::Decide { request: request.clone(), approve: true, reason: String::new() }
}

fn conflict<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Conflict {
    match answer.unwrap_err() {
        Refusal::Conflict(conflict) => conflict,
        other => panic!("{other:?}"),
    }
}

fn events(bench: &Bench, kind: &str) -> Vec<Event> {
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    let rows = store(bench.folder.path()).scan(&scan).unwrap();
    let rows = rows.into_iter().filter_map(|row| Event::from_bytes(&Opened::from_row(row)?.event?).ok());
    rows.filter(|event| event.kind() == kind).collect()
}

fn pair(event: PairingEvent, number: u32, vin: Option<Vin>) -> Action {
    Action::Pair(PairingLine { serial: serial(&serial_of(number)), event, vin, firmware: None })
}

#[test]
fn the_requester_is_no_second_person_through_any_door() {
    let mut bench = Bench::new();
    let ask = promised(&mut bench, 4);
    let request = pending(bench.by("ben", ask));
    let issue = Action::IssueToken { label: "approvals".into(), scopes: Scopes::NONE.with(Scope::Approve), days: 9 };
    let Ok(Outcome::Token(token)) = bench.by("ben", issue) else { panic!("no token") };
    let certificate = lasting(&mut bench, "ben", 9);
    for door in [bench.credential("ben"), Credential::Token(token.digest().0), certificate] {
        assert_eq!(conflict(bench.apply(door, approve(&request))), Conflict::SamePerson);
        let refuse = Action::Decide { request: request.clone(), approve: false, reason: REASON.into() };
        assert_eq!(conflict(bench.apply(door, refuse)), Conflict::SamePerson);
    }
    for nobody in [Credential::Console, bench.credential("anna"), bench.credential("ed"), bench.credential("root")] {
        assert!(matches!(bench.apply(nobody, approve(&request)), Err(Refusal::NotAllowed { .. })));
    }
    assert_eq!(decided(bench.by("carl", approve(&request))).state, RequestState::Authorised);
}

#[test]
fn tries_to_approve_ones_own_request_do_not_fill_the_log() {
    let mut bench = Bench::new();
    let ask = promised(&mut bench, 4);
    let request = pending(bench.by("ben", ask));
    let before = bench.desk().ledger().head().size;
    for _ in 0..300 {
        assert_eq!(conflict(bench.by("ben", approve(&request))), Conflict::SamePerson);
    }
    for _ in 0..300 {
        let ask = bench.ask(1);
        assert!(matches!(bench.by("ed", Action::Release(ask)), Err(Refusal::NotAllowed { .. })));
    }
    assert!(bench.desk().ledger().head().size - before <= 20, "a leaf for every doubling");
    assert!(!events(&bench, "denied").is_empty());
}

#[test]
fn of_two_approvals_at_the_same_moment_one_wins() {
    let mut bench = Bench::with_rules(&DEFAULT.replace("person = { burst = 40", "person = { burst = 400"));
    let numbers: Vec<u32> = (0..25).map(|at| at * at * 1_237 + 1_000_001).collect();
    bench.add(numbers.iter().map(|number| new_unit(*number, "eu", Some(vin_of(*number)))).collect());
    let requests: Vec<RequestId> = numbers
        .iter()
        .map(|number| {
            let ask = promised(&mut bench, *number);
            pending(bench.by("anna", ask))
        })
        .collect();
    let now_ms = bench.now_ms;
    let (carl, dora) = (bench.credential("carl"), bench.credential("dora"));
    bench.desk = None;
    let second = bench.folder.path().join("log2");
    std::fs::create_dir(&second).unwrap();
    let wins: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let desks = [("log", carl), ("log2", dora)].map(|(folder, who)| {
            let tools = Tools { files: Disk::new(bench.folder.path().join(folder)), ..bench.tools() };
            let requests = &requests;
            scope.spawn(move || {
                let mut desk = Desk::open(tools, now_ms).unwrap();
                let decide = |request: &RequestId| {
                    let command = [Command { credential: who, action: approve(request) }];
                    match desk.apply(now_ms, &command).unwrap().pop().unwrap() {
                        Ok(Outcome::Decided(_)) => true,
                        Err(Refusal::Conflict(Conflict::NotWaiting)) => false,
                        other => panic!("{other:?}"),
                    }
                };
                requests.iter().map(decide).collect()
            })
        });
        desks.into_iter().map(|desk| desk.join().unwrap()).collect()
    });
    for (one, other) in wins[0].iter().zip(&wins[1]) {
        assert!(one ^ other, "one of two approvals stands: {wins:?}");
    }
    assert_eq!(events(&bench, "authorised").len(), requests.len());
}

#[test]
fn what_was_approved_is_collected_by_who_asked_alone_and_within_the_hours_of_the_rules() {
    let mut bench = Bench::new();
    let (anna, ben) = (lasting(&mut bench, "anna", 1), lasting(&mut bench, "ben", 2));
    let ask = promised(&mut bench, 4);
    let request = pending(bench.by("anna", ask));
    bench.by("carl", approve(&request)).unwrap();
    let collect = || Action::Collect { request: request.clone() };
    for nobody in [ben, bench.credential("carl"), bench.credential("root"), Credential::Console, Credential::Nobody] {
        assert!(bench.apply(nobody, collect()).is_err());
    }
    bench.pass(48 * 3_600);
    assert_eq!(code(&released(bench.apply(anna, collect()))), code_of(4));
    bench.pass(1);
    assert_eq!(conflict(bench.apply(anna, collect())), Conflict::TooLate);
}

#[test]
fn withdrawn_refused_expired_and_revoked_are_not_collected() {
    let mut bench = Bench::new();
    let anna = lasting(&mut bench, "anna", 1);
    let carl = lasting(&mut bench, "carl", 2);
    let requests: Vec<RequestId> = [0, 2, 5, 9]
        .into_iter()
        .map(|number| {
            let ask = promised(&mut bench, number);
            pending(bench.apply(anna, ask))
        })
        .collect();
    let [withdrawn, refused, revoked, expired] = &requests[..] else { panic!("four") };
    let withdraw = |request: &RequestId| Action::Withdraw { request: request.clone() };
    assert_eq!(
        bench.apply(carl, withdraw(withdrawn)).unwrap_err(),
        Refusal::NotAllowed { needed: "the role requester" }
    );
    assert_eq!(decided(bench.apply(anna, withdraw(withdrawn))).state, RequestState::Withdrawn);
    let refuse = |reason: &str| Action::Decide { request: refused.clone(), approve: false, reason: reason.to_owned() };
    assert!(matches!(bench.apply(carl, refuse("no")), Err(Refusal::Invalid { field: "reason", .. })));
    assert_eq!(decided(bench.apply(carl, refuse(REASON))).state, RequestState::Refused);
    bench.apply(carl, approve(revoked)).unwrap();
    let revoke = Action::Revoke { request: revoked.clone(), reason: REASON.to_owned() };
    assert_eq!(decided(bench.apply(carl, revoke)).state, RequestState::Revoked);
    bench.pass(7 * DAY_S);
    // Whether or not the tick has run: the time is over.
    assert_eq!(conflict(bench.apply(carl, approve(expired))), Conflict::NotWaiting);
    bench.console(Action::Tick).unwrap();
    for request in &requests {
        assert_eq!(conflict(bench.apply(carl, approve(request))), Conflict::NotWaiting);
        let collect = Action::Collect { request: request.clone() };
        let answer = bench.apply(anna, collect);
        assert!(matches!(answer, Err(Refusal::Conflict(Conflict::NotWaiting) | Refusal::Locked { .. })), "{answer:?}");
    }
    let ends = [("withdrawn", 1), ("refused", 1), ("revoked", 1), ("expired", 1), ("authorised", 1)];
    for (kind, count) in ends {
        assert_eq!(events(&bench, kind).len(), count, "{kind}");
    }
}

#[test]
fn a_record_that_changed_meanwhile_is_neither_approved_nor_handed_out() {
    let mut bench = Bench::new();
    for (number, line) in [
        (2, pair(PairingEvent::Stolen, 2, None)),
        (5, pair(PairingEvent::Paired, 5, Some(vin(&vin_of(77))))),
        (9, pair(PairingEvent::Scrapped, 9, None)),
    ] {
        let (ask, other) = (promised(&mut bench, number), promised(&mut bench, number));
        let request = pending(bench.by("anna", ask));
        let early = pending(bench.by("anna", other));
        bench.by("carl", approve(&early)).unwrap();
        bench.by("olga", line).unwrap();
        let decided = decided(bench.by("carl", approve(&request)));
        assert_eq!(decided.state, RequestState::Refused, "unit {number}");
        assert_eq!(conflict(bench.by("anna", Action::Collect { request })), Conflict::NotWaiting);
        let collect = bench.by("anna", Action::Collect { request: early });
        assert!(matches!(collect, Err(Refusal::Rule { .. })), "unit {number}: {collect:?}");
    }
}

#[test]
fn a_second_request_for_one_seed_stays_in_the_list_and_expires() {
    let mut bench = Bench::new();
    let wanted = headlock_registry::desk::Wanted::Key { level: 3, seed: [5; 16] };
    let asks = [0, 1].map(|_| Action::Release(Ask { document: None, wanted, ..bench.ask(4) }));
    let [first, second] = asks.map(|ask| pending(bench.by("anna", ask)));
    bench.by("carl", approve(&first)).unwrap();
    assert_eq!(conflict(bench.by("carl", approve(&second))), Conflict::SeedUsed);
    let Ok(Outcome::Requests(waiting)) = bench.by("carl", Action::ReadWaiting) else { panic!("no list") };
    assert_eq!(waiting.iter().map(|request| &request.id).collect::<Vec<_>>(), [&second]);
    bench.pass(7 * DAY_S);
    bench.console(Action::Tick).unwrap();
    assert_eq!(events(&bench, "expired").len(), 1);
}

#[test]
fn broken_glass_needs_a_reason_tells_those_who_were_skipped_and_waits_for_a_review() {
    let mut bench = Bench::new();
    let break_glass = |bench: &mut Bench, number: u32, reason: &str| Action::BreakGlass {
        ask: Ask { document: None, ..bench.ask(number) },
        reason: reason.to_owned(),
    };
    let silent = break_glass(&mut bench, 4, "  ?  ");
    assert!(matches!(bench.by("anna", silent), Err(Refusal::Invalid { field: "reason", .. })));
    let action = break_glass(&mut bench, 4, REASON);
    let answer = released(bench.by("anna", action));
    assert_eq!(code(&answer), code_of(4));
    assert!(answer.request.glass_broken);
    for skipped in ["ben", "carl", "dora", "ed"] {
        let Ok(Outcome::Notices(notices)) = bench.by(skipped, Action::ReadNotices) else { panic!("no notices") };
        let told = notices.iter().any(|notice| notice.kind == "glass_broken" && notice.text.contains(REASON));
        assert!(told, "{skipped} was not told");
    }
    let second = break_glass(&mut bench, 5, REASON);
    assert_eq!(conflict(bench.by("anna", second)), Conflict::ReviewFirst);
    let review = |justified| Action::Review {
        request: answer.request.id.clone(),
        justified,
        reason: "seen the papers".to_owned(),
    };
    assert!(bench.by("anna", review(true)).is_err());
    assert!(bench.by("root", review(true)).is_err());
    bench.by("dora", review(true)).unwrap();
    assert_eq!(conflict(bench.by("ed", review(false))), Conflict::NotWaiting);
    let third = break_glass(&mut bench, 5, REASON);
    let third = released(bench.by("anna", third)).request.id;
    let review = Action::Review { request: third, justified: false, reason: "nobody waited there".to_owned() };
    bench.by("ed", review).unwrap();
    let ask = bench.ask(9);
    assert!(matches!(bench.by("anna", Action::Release(ask)), Err(Refusal::Locked { .. })));
    bench.by("olga", pair(PairingEvent::Stolen, 7, None)).unwrap();
    let stolen = break_glass(&mut bench, 7, REASON);
    assert!(matches!(bench.by("ben", stolen), Err(Refusal::Rule { rule, .. }) if rule == "stolen"));
}

#[test]
fn who_approves_and_asks_does_not_review_their_own_glass_and_nobodys_review_locks_in_the_third_day() {
    let mut bench = Bench::new();
    let ben = lasting(&mut bench, "ben", 1);
    let action = Action::BreakGlass { ask: bench.ask(4), reason: REASON.to_owned() };
    let request = released(bench.by("ben", action)).request.id;
    let review = Action::Review { request, justified: true, reason: "it was right".to_owned() };
    assert_eq!(conflict(bench.by("ben", review)), Conflict::SamePerson);
    bench.pass(3 * DAY_S - 1);
    bench.console(Action::Tick).unwrap();
    assert!(bench.apply(ben, Action::ReadNotices).is_ok());
    bench.pass(1);
    bench.console(Action::Tick).unwrap();
    assert!(matches!(bench.apply(ben, Action::ReadNotices), Err(Refusal::Locked { .. })));
}

#[test]
fn a_document_locks_the_account_in_the_second_in_which_it_is_due_and_not_if_it_came_before() {
    let mut bench = Bench::new();
    let (anna, ben) = (lasting(&mut bench, "anna", 1), lasting(&mut bench, "ben", 2));
    let asks = [promised(&mut bench, 4), promised(&mut bench, 6)];
    let [of_anna, of_ben] = asks;
    let (of_anna, of_ben) = (pending(bench.apply(anna, of_anna)), pending(bench.apply(ben, of_ben)));
    bench.pass(3_600);
    for request in [&of_anna, &of_ben] {
        bench.by("carl", approve(request)).unwrap();
    }
    let complete = |request: &RequestId| Action::CompleteProof { request: request.clone(), document: document() };
    bench.pass(5 * DAY_S - 1);
    bench.console(Action::Tick).unwrap();
    assert!(bench.apply(ben, complete(&of_anna)).is_err(), "somebody else's");
    bench.apply(ben, complete(&of_ben)).unwrap();
    assert_eq!(conflict(bench.apply(ben, complete(&of_ben))), Conflict::NotWaiting);
    assert!(bench.apply(anna, Action::ReadNotices).is_ok());
    bench.pass(1);
    assert_eq!(conflict(bench.apply(anna, complete(&of_anna))), Conflict::NotWaiting, "it is too late");
    bench.console(Action::Tick).unwrap();
    assert!(matches!(bench.apply(anna, Action::ReadNotices), Err(Refusal::Locked { .. })));
    assert!(bench.apply(ben, Action::ReadNotices).is_ok());
    // A late document can be brought once somebody let the account in again.
    let state = AccountChange::State(AccountState::Active, "the document is on its way".to_owned());
    bench.console(Action::ChangeAccount { account: name("anna"), change: state }).unwrap();
    bench.apply(anna, complete(&of_anna)).unwrap();
}

#[test]
fn a_document_that_was_promised_can_come_after_the_release_was_taken_back() {
    let mut bench = Bench::new();
    let anna = lasting(&mut bench, "anna", 1);
    let ask = promised(&mut bench, 4);
    let request = pending(bench.by("anna", ask));
    bench.by("carl", approve(&request)).unwrap();
    bench.by("carl", Action::Revoke { request: request.clone(), reason: REASON.to_owned() }).unwrap();
    bench.apply(anna, Action::CompleteProof { request, document: document() }).unwrap();
    bench.pass(6 * DAY_S);
    bench.console(Action::Tick).unwrap();
    assert!(bench.apply(anna, Action::ReadNotices).is_ok());
}

/// A password, held against this hash; right or not.
fn shown(id: &str, against: Option<String>, matched: bool, code: &str) -> Action {
    let one_time_code = Zeroizing::new(code.to_owned());
    Action::SignIn(SignIn { account: name(id), against, matched, one_time_code })
}

fn secret(answer: Result<Outcome, Refusal>) -> Zeroizing<String> {
    match answer {
        Ok(Outcome::OneTimeSecret(address)) => address,
        other => panic!("no secret: {other:?}"),
    }
}

fn token(answer: Result<Outcome, Refusal>) -> Token {
    match answer {
        Ok(Outcome::SignedIn { token, .. } | Outcome::Token(token)) => token,
        other => panic!("no token: {other:?}"),
    }
}

const HASH: &str = "$argon2id$stands-for-anna";

#[test]
fn every_way_not_to_sign_in_looks_alike_and_five_failures_make_wait_twice_as_long_each_time() {
    let mut bench = Bench::new();
    let address =
        secret(bench.console(Action::ChangeAccount { account: name("anna"), change: AccountChange::NewOneTimeSecret }));
    let code = |bench: &Bench| one_time_code(&address, bench.now_ms / 1000);
    let lock = AccountChange::State(AccountState::Locked, "on leave".to_owned());
    bench.console(Action::ChangeAccount { account: name("ben"), change: lock }).unwrap();
    let ben = Some("$argon2id$stands-for-ben".to_owned());
    let right = code(&bench);
    let ways = [
        shown("anna", Some(HASH.to_owned()), false, &right),
        shown("anna", Some(HASH.to_owned()), true, "000000"),
        shown("anna", Some("$argon2id$the-one-before".to_owned()), true, &right),
        shown("anna", None, true, &right),
        shown("nobody", None, false, &right),
        shown("ben", ben, true, &right),
    ];
    let answers: Vec<String> =
        ways.into_iter().map(|way| format!("{:?}", bench.apply(Credential::Nobody, way))).collect();
    assert!(answers.iter().all(|answer| *answer == format!("{:?}", Err::<(), _>(Refusal::SignIn))), "{answers:?}");
    // Four failures so far: the fifth makes it wait, also with all that is right.
    let wrong = || shown("anna", Some(HASH.to_owned()), false, "000000");
    let sign_in = |bench: &mut Bench| {
        let right = shown("anna", Some(HASH.to_owned()), true, &code(bench));
        bench.apply(Credential::Nobody, right)
    };
    for wait_s in [60, 120, 240, 480] {
        assert_eq!(bench.apply(Credential::Nobody, wrong()).unwrap_err(), Refusal::SignIn);
        bench.now_ms += wait_s * 1000 - 1;
        bench.restart();
        assert_eq!(sign_in(&mut bench).unwrap_err(), Refusal::SignIn, "{wait_s}");
        bench.now_ms += 1;
    }
    token(sign_in(&mut bench));
    assert_eq!(sign_in(&mut bench).unwrap_err(), Refusal::SignIn, "a one-time code is good once");
    bench.pass(30);
    token(sign_in(&mut bench));
}

#[test]
fn a_new_account_gets_a_one_time_secret_by_itself_and_nothing_else_before() {
    let mut bench = Bench::new();
    let mut new = account("nina", "acme", &[Role::Requester, Role::Approver, Role::Administrator, Role::Operator]);
    new.password = Some("$argon2id$stands-for-nina".to_owned());
    bench.console(Action::AddAccount(new)).unwrap();
    let sign_in = |bench: &mut Bench, code: &str| {
        let shown = shown("nina", Some("$argon2id$stands-for-nina".to_owned()), true, code);
        bench.apply(Credential::Nobody, shown)
    };
    let session = token(sign_in(&mut bench, "")).digest().0;
    let other = token(sign_in(&mut bench, "")).digest().0;
    let change = |id: &str, change| Action::ChangeAccount { account: name(id), change };
    let ask = bench.ask(1);
    let nothing = [
        Action::Release(ask.clone()),
        Action::BreakGlass { ask, reason: REASON.to_owned() },
        Action::ReadNotices,
        Action::ReadWaiting,
        Action::ReadLog { from: 0, limit: 1 },
        Action::IssueToken { label: "x".into(), scopes: Scopes::NONE, days: 1 },
        Action::IssueToken { label: "x".into(), scopes: all_scopes(), days: 1 },
        Action::RevokeToken { digest: other },
        Action::AddAccount(account("more", "acme", &[])),
        change("nina", AccountChange::Password("$argon2id$mine".into())),
        change("nina", AccountChange::AddCertificate([3; 32], "mine".into())),
        change("nina", tie("nina-at-idp")),
        change("anna", AccountChange::NewOneTimeSecret),
        pair(PairingEvent::Stolen, 1, None),
        Action::Rotate { kek: bench.kek.clone() },
    ];
    for action in nothing {
        let text = format!("{action:?}");
        let answer = bench.apply(Credential::Token(session), action);
        assert!(matches!(answer, Err(Refusal::NotAllowed { .. })), "{text}: {answer:?}");
    }
    let address = secret(bench.apply(Credential::Token(session), change("nina", AccountChange::NewOneTimeSecret)));
    let again = bench.apply(Credential::Token(other), change("nina", AccountChange::NewOneTimeSecret));
    assert!(matches!(again, Err(Refusal::NotAllowed { .. })), "the other session does not take it over: {again:?}");
    bench.apply(Credential::Token(session), Action::SignOut).unwrap();
    assert_eq!(bench.apply(Credential::Token(session), Action::SignOut).unwrap_err(), Refusal::NotSignedIn);
    assert_eq!(sign_in(&mut bench, "").unwrap_err(), Refusal::SignIn);
    let right = one_time_code(&address, bench.now_ms / 1000);
    let full = token(sign_in(&mut bench, &right)).digest().0;
    let ask = bench.ask(1);
    released(bench.apply(Credential::Token(full), Action::Release(ask)));
}

#[test]
fn a_token_is_never_more_than_who_made_it_and_ends_when_it_should() {
    let mut bench = Bench::new();
    let issue = |scopes, days| Action::IssueToken { label: "desk computer".into(), scopes, days };
    let release = Scopes::NONE.with(Scope::Release);
    let narrow = token(bench.by("anna", issue(release.with(Scope::Read), 2))).digest().0;
    let narrow = Credential::Token(narrow);
    assert!(matches!(bench.apply(narrow, issue(all_scopes(), 1)), Err(Refusal::NotAllowed { .. })));
    assert!(matches!(bench.apply(narrow, issue(release.with(Scope::Approve), 1)), Err(Refusal::NotAllowed { .. })));
    assert!(
        matches!(bench.apply(narrow, issue(release, 3)), Err(Refusal::Invalid { field: "days", .. })),
        "it outlives"
    );
    assert!(matches!(bench.by("anna", issue(Scopes::NONE, 3)), Err(Refusal::NotAllowed { .. })));
    for days in [0, 367] {
        assert!(matches!(bench.by("anna", issue(release, days)), Err(Refusal::Invalid { .. })));
    }
    for change in [AccountChange::Password("$argon2id$mine".into()), AccountChange::NewOneTimeSecret] {
        let answer = bench.apply(narrow, Action::ChangeAccount { account: name("anna"), change });
        assert!(matches!(answer, Err(Refusal::NotAllowed { .. })), "a token took its owner over: {answer:?}");
    }
    let child = Credential::Token(token(bench.apply(narrow, issue(release, 1))).digest().0);
    let ask = bench.ask(2);
    released(bench.apply(child, Action::Release(ask)));
    let Credential::Token(digest) = child else { panic!("a token") };
    assert_eq!(bench.by("ben", Action::RevokeToken { digest }).unwrap_err(), Refusal::NotFound);
    bench.by("root", Action::RevokeToken { digest }).unwrap();
    let ask = bench.ask(5);
    assert_eq!(bench.apply(child, Action::Release(ask.clone())).unwrap_err(), Refusal::NotSignedIn);
    // Anybody's role counts when the token is used.
    let change = AccountChange::Roles(roles(&[Role::Custodian]));
    bench.by("root", Action::ChangeAccount { account: name("anna"), change }).unwrap();
    assert!(matches!(bench.apply(narrow, Action::Release(ask.clone())), Err(Refusal::NotAllowed { .. })));
    let change = AccountChange::Roles(roles(&[Role::Requester]));
    bench.by("root", Action::ChangeAccount { account: name("anna"), change }).unwrap();
    bench.now_ms += 2 * DAY_S * 1000 - 1000;
    released(bench.apply(narrow, Action::Release(ask.clone())));
    bench.now_ms += 1000;
    assert_eq!(bench.apply(narrow, Action::Release(ask)).unwrap_err(), Refusal::NotSignedIn);
}

#[test]
fn a_locked_or_closed_account_stops_at_every_door_in_the_same_batch() {
    let mut bench = Bench::new();
    let issue = Action::IssueToken { label: "t".into(), scopes: Scopes::NONE.with(Scope::Release), days: 9 };
    let token = Credential::Token(token(bench.by("anna", issue)).digest().0);
    let certificate = lasting(&mut bench, "anna", 1);
    bench.console(Action::ChangeAccount { account: name("anna"), change: tie("anna-at-idp") }).unwrap();
    let identity = Credential::Token(self::token(bench.apply(Credential::Nobody, by("anna-at-idp"))).digest().0);
    let doors = [token, certificate, identity, bench.credential("anna")];
    for state in [AccountState::Locked, AccountState::Closed] {
        let change = |state| Action::ChangeAccount {
            account: name("anna"),
            change: AccountChange::State(state, "left".to_owned()),
        };
        let mut commands = vec![Command { credential: bench.credential("root"), action: change(state) }];
        for credential in doors {
            let ask = bench.ask(2);
            commands.push(Command { credential, action: Action::Release(ask) });
        }
        let now_ms = bench.now_ms;
        let answers = bench.desk().apply(now_ms, &commands).unwrap();
        assert!(answers[0].is_ok());
        let stopped =
            |answer: &Result<Outcome, Refusal>| matches!(answer, Err(Refusal::Locked { .. } | Refusal::NotSignedIn));
        assert!(answers[1..].iter().all(stopped), "{answers:?}");
        assert_eq!(bench.apply(Credential::Nobody, by("anna-at-idp")).unwrap_err(), Refusal::SignIn);
    }
    let open = AccountChange::State(AccountState::Active, String::new());
    bench.console(Action::ChangeAccount { account: name("anna"), change: open }).unwrap();
    bench
        .console(Action::ChangeAccount { account: name("anna"), change: AccountChange::RevokeCertificate([1; 32]) })
        .unwrap();
    let ask = bench.ask(2);
    assert_eq!(bench.apply(certificate, Action::Release(ask.clone())).unwrap_err(), Refusal::NotSignedIn);
    released(bench.apply(token, Action::Release(ask)));
}

#[test]
fn nobody_changes_what_they_are_and_one_administrator_is_always_left() {
    let mut bench = Bench::new();
    let change = |id: &str, change| Action::ChangeAccount { account: name(id), change };
    assert!(Roles::auditor_administers());
    for own in [
        AccountChange::Roles(roles(&[Role::Administrator, Role::Requester])),
        AccountChange::Roles(roles(&[])),
        AccountChange::State(AccountState::Locked, "me".into()),
        AccountChange::Regions(vec![Region::new("us").unwrap()]),
    ] {
        assert_eq!(conflict(bench.by("root", change("root", own))), Conflict::SamePerson);
    }
    for last in [
        AccountChange::Roles(roles(&[Role::Requester])),
        AccountChange::State(AccountState::Locked, "gone".into()),
        AccountChange::State(AccountState::Closed, "gone".into()),
    ] {
        assert_eq!(conflict(bench.console(change("root", last))), Conflict::LastAdministrator);
    }
    for nobody in ["anna", "olga", "ed", "carl"] {
        let all = AccountChange::Roles(roles(&[Role::Administrator]));
        assert!(matches!(bench.by(nobody, change(nobody, all.clone())), Err(Refusal::NotAllowed { .. })));
        assert!(matches!(bench.by(nobody, change("ben", all)), Err(Refusal::NotAllowed { .. })));
        let password = AccountChange::Password("$argon2id$x".into());
        assert!(matches!(bench.by(nobody, change("ben", password)), Err(Refusal::NotAllowed { .. })));
    }
    bench.by("root", Action::AddAccount(account("rita", "maker", &[Role::Administrator]))).unwrap();
    bench.by("root", change("rita", AccountChange::State(AccountState::Closed, "gone".into()))).unwrap();
    let lock = AccountChange::State(AccountState::Locked, "gone".into());
    assert_eq!(
        conflict(bench.console(change("root", lock.clone()))),
        Conflict::LastAdministrator,
        "a closed one is none"
    );
    bench.by("root", change("rita", AccountChange::State(AccountState::Active, String::new()))).unwrap();
    bench.console(change("root", lock)).unwrap();
    let console = bench.console(Action::AddAccount(account("console", "maker", &[])));
    assert!(matches!(console, Err(Refusal::Invalid { field: "id", .. })), "{console:?}");
}

/// That the type itself keeps auditors from administering.
struct Roles;

impl Roles {
    fn auditor_administers() -> bool {
        let both =
            headlock_registry::sign_in::Roles::NONE.with(Role::Auditor).and_then(|it| it.with(Role::Administrator));
        let bits = roles(&[Role::Auditor]).bits() | roles(&[Role::Administrator]).bits();
        both.is_err() && headlock_registry::sign_in::Roles::from_bits(bits).is_err()
    }
}

#[test]
fn nobody_misses_the_newest_of_more_than_a_thousand_notices() {
    let mut bench = Bench::new();
    let (now_ms, carl) = (bench.now_ms, bench.credential("carl"));
    let rules = DEFAULT.replace("burst = 40, period_ms = 86_400_000", "burst = 4000, period_ms = 86_400_000");
    let rules = rules.replace("burst = 200, period_ms = 86_400_000", "burst = 4000, period_ms = 86_400_000");
    bench.rules = rules.replace("burst = 6, period_ms = 604_800_000", "burst = 4000, period_ms = 604_800_000");
    bench.restart();
    for _ in 0..6 {
        let asks: Vec<Command> = (0..200)
            .map(|_| Command { credential: bench.credential("anna"), action: promised(&mut bench, 4) })
            .collect();
        let answers = bench.desk().apply(now_ms, &asks).unwrap();
        let refuse = answers.into_iter().map(|answer| {
            let action = Action::Decide { request: pending(answer), approve: false, reason: REASON.to_owned() };
            Command { credential: carl, action }
        });
        let refuse: Vec<Command> = refuse.collect();
        assert!(bench.desk().apply(now_ms, &refuse).unwrap().iter().all(Result::is_ok));
    }
    let newest = bench.desk().ledger().head().size - 1;
    let Ok(Outcome::Notices(notices)) = bench.by("anna", Action::ReadNotices) else { panic!("no notices") };
    assert_eq!(notices.last().unwrap().leaf, newest);
    assert!(notices.is_sorted_by_key(|notice| notice.leaf));
}
