//! Identities that a provider vouches for: whom they let in, who ties them, and that all ends with them.
#![allow(clippy::unwrap_used)]

mod desk_support;

use desk_support::{Bench, account, all_scopes, one_time_code, released, roles, store};
use headlock_registry::desk::{
    AccountChange, Action, Command, Conflict, Credential, Desk, Outcome, Refusal, SignIn, Tools, Verified,
};
use headlock_registry::log::{Disk, Event};
use headlock_registry::lookup;
use headlock_registry::record::{
    AccountId, AccountState, Identity, Issuer, MIGRATIONS, Opened, Record, Session, SessionKind, Subject,
};
use headlock_registry::sign_in::{Role, Scope, Scopes};
use headlock_registry::store::{Batch, Change, Scan, Sqlite, Standing, Step, Store};
use zeroize::Zeroizing;

const IDP: &str = "https://id.example";
const SUBJECT: &str = "248289761001";

fn name(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn verified(issuer: &str, subject: &str) -> Verified {
    Verified { issuer: Issuer::new(issuer).unwrap(), subject: Subject::new(subject).unwrap() }
}

fn sign_in(issuer: &str, subject: &str) -> Action {
    Action::SignInByIdentity(verified(issuer, subject))
}

fn change(id: &str, change: AccountChange) -> Action {
    Action::ChangeAccount { account: name(id), change }
}

fn tie(id: &str, subject: &str) -> Action {
    let Verified { issuer, subject } = verified(IDP, subject);
    change(id, AccountChange::TieIdentity(issuer, subject, "the maker's".to_owned()))
}

fn untie(id: &str, subject: &str) -> Action {
    let Verified { issuer, subject } = verified(IDP, subject);
    change(id, AccountChange::UntieIdentity(Identity::digest_of(&issuer, &subject)))
}

/// Signs in by the identity that every test ties first.
fn session(bench: &mut Bench) -> Credential {
    match bench.apply(Credential::Nobody, sign_in(IDP, SUBJECT)) {
        Ok(Outcome::SignedIn { token, .. }) => Credential::Token(token.digest().0),
        other => panic!("not signed in: {other:?}"),
    }
}

fn token(bench: &mut Bench, credential: Credential) -> Credential {
    let issue = Action::IssueToken { label: "till".into(), scopes: Scopes::NONE.with(Scope::Release), days: 300 };
    match bench.apply(credential, issue) {
        Ok(Outcome::Token(token)) => Credential::Token(token.digest().0),
        other => panic!("no token: {other:?}"),
    }
}

fn size(bench: &mut Bench) -> u64 {
    bench.desk().ledger().head().size
}

fn events(bench: &Bench) -> Vec<Event> {
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    let rows = store(bench.folder.path()).scan(&scan).unwrap();
    rows.into_iter().filter_map(|row| Event::from_bytes(&Opened::from_row(row)?.event?).ok()).collect()
}

#[test]
fn an_identity_opens_the_session_that_a_password_and_a_one_time_code_would() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    let answer = bench.apply(Credential::Nobody, sign_in(IDP, SUBJECT));
    let Ok(Outcome::SignedIn { token, expires_s }) = answer else { panic!("{answer:?}") };
    let by_identity = Credential::Token(token.digest().0);
    let now_s = bench.now_ms / 1000;
    let [shown, other] = [by_identity, bench.credential("anna")].map(|credential| {
        let mut store = store(bench.folder.path());
        lookup::visitor(&mut *store, credential, now_s).unwrap()
    });
    assert_eq!((shown.account.id, shown.scopes), (other.account.id, other.scopes));
    assert_eq!((shown.expires_s, Some(expires_s)), (other.expires_s, other.expires_s), "as long");
    let ask = bench.ask(1);
    released(bench.apply(by_identity, Action::Release(ask)));
    bench.restart();
    bench.now_ms = expires_s * 1000 - 1;
    bench.apply(by_identity, Action::ReadNotices).unwrap();
    bench.now_ms += 1;
    assert_eq!(bench.apply(by_identity, Action::ReadNotices).unwrap_err(), Refusal::NotSignedIn);
}

#[test]
fn whoever_is_tied_to_no_account_that_works_hears_what_a_wrong_password_hears_and_leaves_no_leaf() {
    let mut bench = Bench::new();
    for (id, subject) in [("anna", SUBJECT), ("ben", "ben"), ("carl", "carl"), ("dora", "dora")] {
        bench.console(tie(id, subject)).unwrap();
    }
    bench.console(change("ben", AccountChange::State(AccountState::Locked, "on leave".into()))).unwrap();
    bench.console(change("carl", AccountChange::State(AccountState::Closed, "left".into()))).unwrap();
    bench.console(untie("dora", "dora")).unwrap();
    let before = size(&mut bench);
    let nobody = [
        (IDP, "248289761002"),
        (IDP, "anna"),
        ("https://id.example/", SUBJECT),
        ("https://ID.example", SUBJECT),
        ("http://id.example", SUBJECT),
        ("https://id.example2", "48289761001"),
        (IDP, "ben"),
        (IDP, "carl"),
        (IDP, "dora"),
        (IDP, " 248289761001"),
    ];
    for (issuer, subject) in nobody {
        let answer = bench.apply(Credential::Nobody, sign_in(issuer, subject));
        assert_eq!(answer.unwrap_err(), Refusal::SignIn, "{issuer} {subject}");
    }
    assert_eq!(size(&mut bench), before);
    session(&mut bench);
}

#[test]
fn what_rests_on_an_identity_ends_in_the_batch_in_which_it_is_untied_and_nothing_else_does() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    bench.console(tie("anna", "another")).unwrap();
    let by_identity = session(&mut bench);
    let its_token = token(&mut bench, by_identity);
    let tokens_token = token(&mut bench, its_token);
    let own = bench.credential("anna");
    let own_token = token(&mut bench, own);
    let Ok(Outcome::SignedIn { token: other, .. }) = bench.apply(Credential::Nobody, sign_in(IDP, "another")) else {
        panic!("not signed in")
    };
    let other = Credential::Token(other.digest().0);
    let ended = [by_identity, its_token, tokens_token];
    let stand = [own, own_token, other];
    let mut commands = vec![Command { credential: bench.credential("root"), action: untie("anna", SUBJECT) }];
    for credential in ended.into_iter().chain(stand) {
        commands.push(Command { credential, action: Action::ReadNotices });
    }
    let now_ms = bench.now_ms;
    let answers = bench.desk().apply(now_ms, &commands).unwrap();
    assert!(answers[0].is_ok() && answers[4..].iter().all(Result::is_ok), "{answers:?}");
    for answer in &answers[1..4] {
        assert_eq!(*answer.as_ref().unwrap_err(), Refusal::NotSignedIn);
    }
    let mut reader = store(bench.folder.path());
    for credential in ended {
        let seen = lookup::visitor(&mut *reader, credential, now_ms / 1000);
        assert!(matches!(seen, Err(lookup::LookupError::Refused(Refusal::NotSignedIn))), "{seen:?}");
    }
    let visitor = lookup::visitor(&mut *reader, own, now_ms / 1000).unwrap();
    assert_eq!(lookup::sessions(&mut *reader, &visitor, now_ms / 1000).unwrap().len(), stand.len());
    // Tied again, in the same second: what was over stays so.
    bench.console(tie("anna", SUBJECT)).unwrap();
    for restarted in [false, true] {
        if restarted {
            bench.restart();
        }
        for credential in ended {
            assert_eq!(bench.apply(credential, Action::ReadNotices).unwrap_err(), Refusal::NotSignedIn);
        }
    }
    let again = session(&mut bench);
    bench.apply(again, Action::ReadNotices).unwrap();
}

#[test]
fn who_was_untied_here_is_somebody_else_when_tied_there() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    let annas = session(&mut bench);
    bench.console(untie("anna", SUBJECT)).unwrap();
    bench.console(tie("ben", SUBJECT)).unwrap();
    assert_eq!(bench.apply(annas, Action::ReadNotices).unwrap_err(), Refusal::NotSignedIn);
    let bens = session(&mut bench);
    let seen = lookup::visitor(&mut *store(bench.folder.path()), bens, bench.now_ms / 1000).unwrap();
    assert_eq!(seen.account.id, name("ben"));
    assert_eq!(bench.by("root", untie("anna", SUBJECT)).unwrap_err(), Refusal::NotFound, "no longer anna's");
    bench.apply(bens, Action::ReadNotices).unwrap();
}

#[test]
fn administrators_tie_and_untie_and_nobody_else_does() {
    let mut bench = Bench::new();
    for nobody in ["anna", "ben", "carl", "ed", "olga"] {
        for action in [tie(nobody, SUBJECT), tie("anna", SUBJECT), untie("anna", SUBJECT)] {
            let said = format!("{action:?}");
            let answer = bench.by(nobody, action);
            assert!(matches!(answer, Err(Refusal::NotAllowed { .. })), "{nobody}: {said}: {answer:?}");
        }
    }
    for credential in [Credential::Nobody, Credential::Token([7; 32]), Credential::Certificate([7; 32])] {
        assert_eq!(bench.apply(credential, tie("anna", SUBJECT)).unwrap_err(), Refusal::NotSignedIn);
    }
    let narrow =
        bench.by("root", Action::IssueToken { label: "t".into(), scopes: Scopes::NONE.with(Scope::Read), days: 1 });
    let Ok(Outcome::Token(narrow)) = narrow else { panic!("{narrow:?}") };
    let narrow = Credential::Token(narrow.digest().0);
    assert!(matches!(bench.apply(narrow, tie("anna", SUBJECT)), Err(Refusal::NotAllowed { .. })));
    assert_eq!(bench.apply(Credential::Nobody, sign_in(IDP, SUBJECT)).unwrap_err(), Refusal::SignIn);
    assert_eq!(bench.by("root", tie("nobody-here", SUBJECT)).unwrap_err(), Refusal::NotFound);
    bench.by("root", tie("anna", SUBJECT)).unwrap();
    for id in ["anna", "ben"] {
        let again = bench.by("root", tie(id, SUBJECT));
        assert_eq!(again.unwrap_err(), Refusal::Conflict(Conflict::Exists), "one identity is one account's");
    }
    session(&mut bench);
    assert_eq!(bench.by("root", untie("ben", SUBJECT)).unwrap_err(), Refusal::NotFound);
    assert_eq!(bench.by("root", untie("anna", "another")).unwrap_err(), Refusal::NotFound);
    bench.by("root", untie("anna", SUBJECT)).unwrap();
    bench.by("root", untie("anna", SUBJECT)).unwrap();
    let Verified { issuer, subject } = verified(IDP, "long label");
    for label in ["", &"l".repeat(81), "a\nb"] {
        let tie = AccountChange::TieIdentity(issuer.clone(), subject.clone(), label.to_owned());
        let answer = bench.by("root", change("anna", tie));
        assert!(matches!(answer, Err(Refusal::Invalid { field: "label", .. })), "{label:?}: {answer:?}");
    }
}

#[test]
fn nobody_makes_something_that_lasts_out_of_a_providers_word() {
    let mut bench = Bench::new();
    bench.by("root", Action::AddAccount(account("rita", "maker", &[Role::Administrator]))).unwrap();
    for id in ["anna", "rita"] {
        bench.console(tie(id, SUBJECT)).unwrap();
        let by_identity = session(&mut bench);
        for own in [AccountChange::Password("$argon2id$mine".into()), AccountChange::NewOneTimeSecret] {
            let answer = bench.apply(by_identity, change(id, own));
            assert!(matches!(answer, Err(Refusal::NotAllowed { .. })), "{id}: {answer:?}");
        }
        let rights = AccountChange::Roles(roles(&[Role::Requester, Role::Administrator]));
        assert!(bench.apply(by_identity, change(id, rights)).is_err());
        bench.console(untie(id, SUBJECT)).unwrap();
    }
    // Somebody else's, an administrator keeps by whatever session.
    bench.console(tie("rita", SUBJECT)).unwrap();
    let ritas = session(&mut bench);
    bench.apply(ritas, change("anna", AccountChange::Password("$argon2id$new".into()))).unwrap();
}

#[test]
fn wrong_passwords_keep_nobody_out_by_this_door_and_it_forgives_none() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    let secret = bench.console(change("anna", AccountChange::NewOneTimeSecret));
    let Ok(Outcome::OneTimeSecret(address)) = secret else { panic!("{secret:?}") };
    let password = "$argon2id$stands-for-anna";
    let wrong = || {
        Action::SignIn(SignIn {
            account: name("anna"),
            against: Some(password.to_owned()),
            matched: false,
            one_time_code: Zeroizing::new("000000".to_owned()),
        })
    };
    for _ in 0..5 {
        assert!(bench.apply(Credential::Nobody, wrong()).is_err());
    }
    session(&mut bench);
    let code = one_time_code(&address, bench.now_ms / 1000);
    let right = bench.sign_in(&name("anna"), password, &code);
    assert_eq!(right.unwrap_err(), Refusal::SignIn, "it still waits");
}

#[test]
fn the_log_names_an_identity_by_its_digest_alone() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    session(&mut bench);
    bench.console(untie("anna", SUBJECT)).unwrap();
    let Verified { issuer, subject } = verified(IDP, SUBJECT);
    let digest = headlock_wire::hex::digits(&Identity::digest_of(&issuer, &subject));
    let all = events(&bench);
    let said: Vec<_> = all
        .iter()
        .filter(|event| event.fields().any(|(_, value)| value == digest))
        .map(|event| event.kind().to_owned())
        .collect();
    assert_eq!(said, ["account_changed", "signed_in", "account_changed"]);
    for event in &all {
        for (name, value) in event.fields() {
            assert!(!value.contains(SUBJECT) && !value.contains(IDP), "{}: {name}", event.kind());
        }
    }
    let shown = format!("{:?}{:?}{:?}", sign_in(IDP, SUBJECT), tie("anna", SUBJECT), untie("anna", SUBJECT));
    assert!(!shown.contains(SUBJECT) && !shown.contains(IDP), "{shown}");
}

#[test]
fn who_was_untied_at_one_desk_is_out_at_the_other() {
    let mut bench = Bench::new();
    bench.console(tie("anna", SUBJECT)).unwrap();
    let by_identity = session(&mut bench);
    let second = bench.folder.path().join("log2");
    std::fs::create_dir(&second).unwrap();
    let tools = Tools { files: Disk::new(second), ..bench.tools() };
    let now_ms = bench.now_ms;
    let mut other = Desk::open(tools, now_ms).unwrap();
    let mut there = |credential, action| other.apply(now_ms, &[Command { credential, action }]).unwrap().pop().unwrap();
    // It has seen the rows, and keeps them.
    there(by_identity, Action::ReadNotices).unwrap();
    bench.console(untie("anna", SUBJECT)).unwrap();
    assert_eq!(there(by_identity, Action::ReadNotices).unwrap_err(), Refusal::NotSignedIn);
    assert_eq!(there(Credential::Nobody, sign_in(IDP, SUBJECT)).unwrap_err(), Refusal::SignIn);
}

#[test]
fn sessions_of_a_store_from_before_identities_are_sessions_still() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("registry.db");
    let created = MIGRATIONS[0].iter().find_map(|step| match step {
        Step::Create(table) if table.name == "session" => Some(*table),
        _ => None,
    });
    let old = created.unwrap();
    let kept = Session {
        digest: [5; 32],
        account: name("anna"),
        kind: SessionKind::SignIn,
        scopes: all_scopes(),
        label: "sign-in".to_owned(),
        created_s: 1,
        expires_s: 2,
        revoked_s: None,
        tie: None,
    };
    let mut row = kept.to_row();
    assert_eq!(row.len(), old.columns.len() + 1);
    row.truncate(old.columns.len());
    let batch = Batch {
        base: Standing::EMPTY,
        id: [1; 16],
        head: Standing::EMPTY.head,
        leaves: Vec::new(),
        changes: vec![Change::Put { table: old, row: row.clone() }],
    };
    Sqlite::open(&path, &MIGRATIONS[..1]).unwrap().commit(&batch).unwrap();
    let mut store = Sqlite::open(&path, MIGRATIONS).unwrap();
    let read = headlock_registry::store::Read::get(&mut store, Session::TABLE, &[row[..1].to_vec()]).unwrap();
    assert_eq!(read.into_iter().flatten().find_map(Session::from_row), Some(kept));
}
