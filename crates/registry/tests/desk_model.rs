//! Random histories at two desks on one store, held against a plain model of what a desk is.
#![allow(clippy::unwrap_used)]

mod desk_support;

use std::collections::BTreeMap;
use std::path::Path;

use desk_support::{
    ORIGIN, START_S, account, catalog, code, code_of, document, new_unit, serial, serial_of, store, vin, vin_of,
};
use headlock_registry::desk::{
    AccountChange, Action, Ask, Command, Conflict, Credential, Desk, Outcome, PairingLine, Refusal, Tools, Wanted,
};
use headlock_registry::log::{Disk, Event, Outsider};
use headlock_registry::record::{
    Account, AccountId, AccountState, Opened, PairingEvent, Record, Request, RequestId, RequestState,
};
use headlock_registry::rules::{DEFAULT, Rules};
use headlock_registry::seal::Kek;
use headlock_registry::sign_in::Role;
use headlock_registry::store::{Scan, Store, Table};

const COMMANDS: usize = 12_000;
const DAY_S: u64 = 86_400;
const DEALERS: usize = 6;
const APPROVERS: usize = 3;
const UNITS: usize = 40;
const LIMITS: &str = "[limits]\nperson = { burst = 12, period_ms = 86_400_000 }\ncompany = { burst = 24, period_ms = 86_400_000 }\n\
    serial = { burst = 8, period_ms = 604_800_000 }\nvin = { burst = 9, period_ms = 604_800_000 }\nfailure_cost = 4\n\n";
/// The model knows no brokers.
const WATCH: &str = "\n[watch]\nsequence_count = 32\nsequence_within_s = 0\nguess_count = 32\nguess_within_s = 0\n\
    broker_units_max = 31\nbroker_regions_max = 31\n";

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }
}

/// A bucket, filled by time.
struct Bucket {
    level_ms: u64,
    seen_ms: u64,
    token_ms: u64,
    full_ms: u64,
}

impl Bucket {
    fn new(burst: u64, period_ms: u64) -> Self {
        let token_ms = period_ms.div_ceil(burst);
        Self { level_ms: token_ms * burst, seen_ms: 0, token_ms, full_ms: token_ms * burst }
    }

    fn tokens(&mut self, now_ms: u64) -> u64 {
        self.level_ms = (self.level_ms + (now_ms - self.seen_ms)).min(self.full_ms);
        self.seen_ms = now_ms;
        self.level_ms / self.token_ms
    }

    fn take(&mut self, tokens: u64) {
        self.level_ms -= tokens * self.token_ms;
    }

    fn wait_ms(&self) -> u64 {
        self.token_ms.saturating_sub(self.level_ms)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Pending,
    Authorised,
    Refused,
    Withdrawn,
    Expired,
    Revoked,
}

struct Asked {
    who: usize,
    key: String,
    unit: usize,
    has_document: bool,
    state: State,
    id: Option<RequestId>,
    approval_due_s: u64,
    decided_s: u64,
    proof_due_s: Option<u64>,
}

/// What a desk is, as one would tell it.
struct Model {
    people: Vec<bool>,
    stolen: Vec<bool>,
    buckets: BTreeMap<String, Bucket>,
    asked: Vec<Asked>,
    authorised: usize,
}

/// A person is a dealer, or an approver behind the dealers; the last dealer is the first approver too.
fn name(person: usize) -> String {
    if person < DEALERS { format!("d{person}") } else { format!("a{}", person - DEALERS) }
}

fn credential(person: usize) -> Credential {
    Credential::Certificate([u8::try_from(person).unwrap() + 1; 32])
}

fn number(unit: usize) -> u32 {
    u32::try_from(unit).unwrap() * 1_237_003 % 90_000_000
}

#[derive(Clone, Debug)]
enum Step {
    Release { who: usize, key: String, unit: usize, has_document: bool, right: bool },
    Decide { who: usize, request: usize, approve: bool },
    Collect { who: usize, request: usize },
    Withdraw { who: usize, request: usize },
    Revoke { who: usize, request: usize },
    Complete { who: usize, request: usize },
    Pair { unit: usize, stolen: bool },
    Let { who: usize, works: bool },
    Tick,
}

impl Model {
    fn bucket(&mut self, name: String, burst: u64, period_ms: u64) -> &mut Bucket {
        self.buckets.entry(name).or_insert_with(|| Bucket::new(burst, period_ms))
    }

    fn may_approve(who: usize) -> bool {
        who >= DEALERS || who == DEALERS - 1
    }

    fn hand_out(&self, request: usize, now_s: u64) -> String {
        let asked = &self.asked[request];
        if now_s > asked.decided_s + 48 * 3_600 {
            "TooLate".into()
        } else if self.stolen[asked.unit] {
            "Rule".into()
        } else {
            format!("released {}", code_of(number(asked.unit)))
        }
    }

    fn release(
        &mut self,
        who: usize,
        key: &str,
        (unit, has_document, right): (usize, bool, bool),
        now_ms: u64,
    ) -> String {
        let now_s = now_ms / 1000;
        if who >= DEALERS {
            return "NotAllowed".into();
        }
        if let Some(known) = self.asked.iter().position(|asked| asked.who == who && asked.key == key) {
            if self.asked[known].unit != unit || !right {
                return "KeyReused".into();
            }
            return match self.asked[known].state {
                State::Authorised => self.hand_out(known, now_s),
                _ => "pending".into(),
            };
        }
        let vin = if right { unit } else { UNITS + 1 };
        let names = [
            (format!("person {who}"), 12, 86_400_000),
            (format!("company {}", who % 3), 24, 86_400_000),
            (format!("serial {unit}"), 8, 604_800_000),
            (format!("vin {vin}"), 9, 604_800_000),
        ];
        let mut wait_ms = 0;
        for (name, burst, period_ms) in names.clone() {
            let bucket = self.bucket(name, burst, period_ms);
            bucket.tokens(now_ms);
            wait_ms = wait_ms.max(bucket.wait_ms());
        }
        if wait_ms > 0 {
            return format!("too many {}", wait_ms.div_ceil(1000));
        }
        for (name, burst, period_ms) in names {
            let bucket = self.bucket(name, burst, period_ms);
            bucket.take(1);
            if !right {
                let left = bucket.tokens(now_ms).min(3);
                bucket.take(left);
            }
        }
        if !right {
            return "NotFound".into();
        }
        if self.stolen[unit] {
            return "Rule".into();
        }
        let state = if has_document { State::Authorised } else { State::Pending };
        let approval_due_s = now_s + 7 * DAY_S;
        self.asked.push(Asked {
            who,
            key: key.to_owned(),
            unit,
            has_document,
            state,
            id: None,
            approval_due_s,
            decided_s: now_s,
            proof_due_s: None,
        });
        if has_document {
            self.authorised += 1;
            return format!("released {}", code_of(number(unit)));
        }
        "pending".into()
    }

    fn run(&mut self, step: &Step, now_ms: u64) -> String {
        let now_s = now_ms / 1000;
        let who = match *step {
            Step::Release { who, .. }
            | Step::Decide { who, .. }
            | Step::Collect { who, .. }
            | Step::Withdraw { who, .. }
            | Step::Revoke { who, .. }
            | Step::Complete { who, .. } => Some(who),
            Step::Pair { .. } | Step::Let { .. } | Step::Tick => None,
        };
        if who.is_some_and(|who| !self.people[who]) {
            return "Locked".into();
        }
        match step.clone() {
            Step::Release { who, key, unit, has_document, right } => {
                self.release(who, &key, (unit, has_document, right), now_ms)
            }
            Step::Decide { who, .. } | Step::Revoke { who, .. } if !Self::may_approve(who) => "NotAllowed".into(),
            Step::Collect { who, .. } | Step::Withdraw { who, .. } | Step::Complete { who, .. } if who >= DEALERS => {
                "NotAllowed".into()
            }
            Step::Decide { who, request, approve } => {
                let stolen = self.stolen[self.asked[request].unit];
                let asked = &mut self.asked[request];
                if asked.who == who {
                    return "SamePerson".into();
                }
                if asked.state != State::Pending || now_s >= asked.approval_due_s {
                    return "NotWaiting".into();
                }
                asked.state = if approve && !stolen { State::Authorised } else { State::Refused };
                if asked.state == State::Authorised {
                    asked.decided_s = now_s;
                    asked.proof_due_s = (!asked.has_document).then_some(now_s + 5 * DAY_S);
                    self.authorised += 1;
                }
                format!("decided {:?}", self.asked[request].state)
            }
            Step::Revoke { request, .. } => {
                if self.asked[request].state != State::Authorised {
                    return "NotWaiting".into();
                }
                self.asked[request].state = State::Revoked;
                "decided Revoked".into()
            }
            Step::Collect { who, request } | Step::Withdraw { who, request } | Step::Complete { who, request }
                if self.asked[request].who != who =>
            {
                "NotFound".into()
            }
            Step::Collect { request, .. } => match self.asked[request].state {
                State::Authorised => self.hand_out(request, now_s),
                State::Pending => "pending".into(),
                _ => "NotWaiting".into(),
            },
            Step::Withdraw { request, .. } => {
                if self.asked[request].state != State::Pending {
                    return "NotWaiting".into();
                }
                self.asked[request].state = State::Withdrawn;
                "decided Withdrawn".into()
            }
            Step::Complete { request, .. } => {
                let asked = &mut self.asked[request];
                let open = match asked.proof_due_s {
                    Some(due_s) => now_s < due_s,
                    None => matches!(asked.state, State::Authorised | State::Pending),
                };
                if asked.has_document || !open {
                    return "NotWaiting".into();
                }
                asked.has_document = true;
                asked.proof_due_s = None;
                format!("decided {:?}", asked.state)
            }
            Step::Pair { unit, stolen } => {
                self.stolen[unit] = stolen;
                "unit".into()
            }
            Step::Let { who, works } => {
                self.people[who] = works;
                "account".into()
            }
            Step::Tick => {
                for asked in &mut self.asked {
                    if asked.state == State::Pending && asked.approval_due_s <= now_s {
                        asked.state = State::Expired;
                    }
                    if asked.proof_due_s.is_some_and(|due_s| due_s <= now_s) {
                        asked.proof_due_s = None;
                        self.people[asked.who] = false;
                    }
                }
                "due".into()
            }
        }
    }
}

fn command(model: &Model, step: &Step) -> Command {
    let id = |request: usize| model.asked[request].id.clone().expect("a request that was answered");
    let reason = "because of the papers".to_owned();
    let (credential, action) = match step.clone() {
        Step::Release { who, key, unit, has_document, right } => {
            let ask = Ask {
                idempotency_key: key,
                serial: serial(&serial_of(number(unit))),
                vin: Some(vin(&vin_of(u32::try_from(if right { unit } else { UNITS + 1 }).unwrap()))),
                companion: None,
                wanted: Wanted::Code,
                proof: "registration".to_owned(),
                document: has_document.then(document),
            };
            (credential(who), Action::Release(ask))
        }
        Step::Decide { who, request, approve } => {
            (credential(who), Action::Decide { request: id(request), approve, reason })
        }
        Step::Collect { who, request } => (credential(who), Action::Collect { request: id(request) }),
        Step::Withdraw { who, request } => (credential(who), Action::Withdraw { request: id(request) }),
        Step::Revoke { who, request } => (credential(who), Action::Revoke { request: id(request), reason }),
        Step::Complete { who, request } => {
            (credential(who), Action::CompleteProof { request: id(request), document: document() })
        }
        Step::Pair { unit, stolen } => {
            let event = if stolen { PairingEvent::Stolen } else { PairingEvent::Recovered };
            let line = PairingLine { serial: serial(&serial_of(number(unit))), event, vin: None, firmware: None };
            (Credential::Console, Action::Pair(line))
        }
        Step::Let { who, works } => {
            let state = if works { AccountState::Active } else { AccountState::Locked };
            let change = AccountChange::State(state, reason);
            (Credential::Console, Action::ChangeAccount { account: AccountId::new(&name(who)).unwrap(), change })
        }
        Step::Tick => (Credential::Nobody, Action::Tick),
    };
    Command { credential, action }
}

fn said(answer: &Result<Outcome, Refusal>) -> String {
    match answer {
        Ok(Outcome::Released(released)) => format!("released {}", code(released)),
        Ok(Outcome::Pending(_)) => "pending".into(),
        Ok(Outcome::Decided(request)) => {
            let word = request.state.word();
            format!("decided {}{}", word[..1].to_uppercase(), &word[1..])
        }
        Ok(Outcome::Unit(_)) => "unit".into(),
        Ok(Outcome::Account(_)) => "account".into(),
        Ok(Outcome::Due(_)) => "due".into(),
        Ok(other) => format!("{other:?}"),
        Err(Refusal::Conflict(conflict)) => {
            let all = [Conflict::TooLate, Conflict::KeyReused, Conflict::SamePerson, Conflict::NotWaiting];
            assert!(all.contains(conflict), "{conflict:?}");
            format!("{conflict:?}")
        }
        Err(Refusal::TooMany { retry_after_s }) => format!("too many {retry_after_s}"),
        Err(Refusal::Locked { .. }) => "Locked".into(),
        Err(Refusal::NotFound) => "NotFound".into(),
        Err(Refusal::NotAllowed { .. }) => "NotAllowed".into(),
        Err(Refusal::Rule { .. }) => "Rule".into(),
        Err(other) => format!("{other:?}"),
    }
}

fn next(random: &mut Random, model: &Model, fresh: &mut usize, known: usize) -> Step {
    let who = random.below(DEALERS + APPROVERS);
    // Mostly the newest, sometimes any.
    let request = if known == 0 {
        None
    } else if random.below(4) > 0 {
        Some(known - 1 - random.below(known.min(25)))
    } else {
        Some(random.below(known))
    };
    match (random.below(100), request) {
        (0..=44, _) | (_, None) => {
            *fresh += 1;
            let key = format!("key-{fresh}");
            let has_document = random.below(2) == 0;
            Step::Release { who, key, unit: random.below(UNITS), has_document, right: random.below(12) > 0 }
        }
        (45..=50, Some(_)) => {
            // The same again, or something else under the same key.
            let again = &model.asked[known - 1 - random.below(known.min(40))];
            let unit = if random.below(5) == 0 { random.below(UNITS) } else { again.unit };
            let (who, key) = (again.who, again.key.clone());
            Step::Release { who, key, unit, has_document: again.has_document, right: true }
        }
        (51..=66, Some(request)) => Step::Decide { who, request, approve: random.below(4) > 0 },
        (67..=76, Some(request)) => {
            Step::Collect { who: if random.below(5) > 0 { model.asked[request].who } else { who }, request }
        }
        (77..=79, Some(request)) => {
            Step::Withdraw { who: if random.below(5) > 0 { model.asked[request].who } else { who }, request }
        }
        (80..=82, Some(request)) => Step::Revoke { who, request },
        (83..=88, Some(request)) => {
            Step::Complete { who: if random.below(5) > 0 { model.asked[request].who } else { who }, request }
        }
        (89..=91, Some(_)) => Step::Pair { unit: random.below(UNITS), stolen: random.below(3) == 0 },
        (92..=96, Some(_)) => Step::Let { who, works: random.below(6) > 0 },
        (_, Some(_)) => Step::Tick,
    }
}

fn all<R: Record>(store: &mut dyn Store, table: &'static Table) -> Vec<R> {
    let scan = Scan { table, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    store.scan(&scan).unwrap().into_iter().map(|row| R::from_row(row).unwrap()).collect()
}

/// Every file of a folder but those that differ by the order of syncs: its path and its bytes.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let short = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if short.strip_suffix(".p").is_some() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(short, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn twelve_thousand_commands_at_two_desks_are_answered_as_the_model_says() {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let kek = Kek::random().unwrap();
    let (limits, times) = (DEFAULT.find("[limits]").unwrap(), DEFAULT.find("[times]").unwrap());
    let rules = format!("{}{LIMITS}{}{WATCH}", &DEFAULT[..limits], &DEFAULT[times..]);
    let logs = ["log", "log2"];
    logs.iter().for_each(|log| std::fs::create_dir(folder.path().join(log)).unwrap());
    let tools = |log: &str| Tools {
        store: store(folder.path()),
        files: Disk::new(folder.path().join(log)),
        catalog: catalog(),
        rules: Rules::parse(&rules).unwrap(),
        kek: kek.clone(),
    };
    let mut now_ms = START_S * 1000;
    let mut first =
        Desk::begin(tools("log"), ORIGIN, &account("root", "maker", &[Role::Administrator]), now_ms).unwrap();
    let mut setup = Vec::new();
    for person in 0..DEALERS + APPROVERS {
        let roles: &[Role] = match person {
            5 => &[Role::Requester, Role::Approver],
            0..DEALERS => &[Role::Requester],
            _ => &[Role::Approver],
        };
        let company = if person < DEALERS { format!("c{}", person % 3) } else { "maker".to_owned() };
        setup.push(Action::AddAccount(account(&name(person), &company, roles)));
        let Credential::Certificate(fingerprint) = credential(person) else { panic!("a certificate") };
        let change = AccountChange::AddCertificate(fingerprint, "test".to_owned());
        setup.push(Action::ChangeAccount { account: AccountId::new(&name(person)).unwrap(), change });
    }
    let unit = |unit| new_unit(number(unit), "eu", Some(vin_of(u32::try_from(unit).unwrap())));
    let units = (0..UNITS).map(unit).collect();
    setup.push(Action::AddUnits { import: "test".into(), rows_before: 0, position: vec![], units });
    let setup: Vec<Command> =
        setup.into_iter().map(|action| Command { credential: Credential::Console, action }).collect();
    assert!(first.apply(now_ms, &setup).unwrap().iter().all(Result::is_ok));
    let mut desks = [Some(first), Some(Desk::open(tools("log2"), now_ms).unwrap())];
    let mut model = Model {
        people: vec![true; DEALERS + APPROVERS],
        stolen: vec![false; UNITS],
        buckets: BTreeMap::new(),
        asked: Vec::new(),
        authorised: 0,
    };
    let mut random = Random(0x51ed_270b_0e35_c8a7);
    let (mut fresh, mut done) = (0, 0);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    while done < COMMANDS {
        now_ms += u64::try_from(random.below(1_500_000)).unwrap();
        let known = model.asked.len();
        let steps: Vec<Step> = (0..=random.below(7)).map(|_| next(&mut random, &model, &mut fresh, known)).collect();
        let commands: Vec<Command> = steps.iter().map(|step| command(&model, step)).collect();
        let at = random.below(2);
        if random.below(40) == 0 {
            desks[at] = None;
            desks[at] = Some(Desk::open(tools(logs[at]), now_ms).unwrap());
        }
        let answers = desks[at].as_mut().unwrap().apply(now_ms, &commands).unwrap();
        for (step, answer) in steps.iter().zip(&answers) {
            let before = model.asked.len();
            let wanted = model.run(step, now_ms);
            assert_eq!(said(answer), wanted, "command {done}: {step:?}");
            let kind = wanted.split(|c: char| c.is_ascii_digit()).next().unwrap().to_owned();
            *counts.entry(kind).or_default() += 1;
            if model.asked.len() > before
                && let Ok(Outcome::Released(_) | Outcome::Pending(_)) = answer
            {
                let id = match answer {
                    Ok(Outcome::Released(released)) => released.request.id.clone(),
                    Ok(Outcome::Pending(request)) => request.id.clone(),
                    _ => panic!("a request"),
                };
                model.asked.last_mut().unwrap().id = Some(id);
            }
            done += 1;
        }
    }
    println!("{counts:?}");
    let rare = ["Locked", "Rule", "TooLate", "KeyReused", "SamePerson", "NotFound", "NotWaiting", "too many "];
    for kind in rare {
        assert!(counts.get(kind).copied().unwrap_or_default() >= 10, "too few of {kind}: {counts:?}");
    }
    for desk in desks.iter_mut().flatten() {
        desk.apply(now_ms, &[Command { credential: Credential::Nobody, action: Action::Tick }]).unwrap();
    }
    model.run(&Step::Tick, now_ms);
    let mut store = store(folder.path());
    let requests: BTreeMap<String, Request> = all::<Request>(&mut *store, Request::TABLE)
        .into_iter()
        .map(|request| (request.id.to_string(), request))
        .collect();
    assert_eq!(requests.len(), model.asked.len());
    for asked in &model.asked {
        let request = &requests[asked.id.as_ref().unwrap().as_str()];
        let state = match asked.state {
            State::Pending => RequestState::Pending,
            State::Authorised => RequestState::Authorised,
            State::Refused => RequestState::Refused,
            State::Withdrawn => RequestState::Withdrawn,
            State::Expired => RequestState::Expired,
            State::Revoked => RequestState::Revoked,
        };
        assert_eq!((request.state, request.proof_due_s), (state, asked.proof_due_s));
        assert_eq!(request.document.is_some(), asked.has_document);
    }
    for row in all::<Account>(&mut *store, Account::TABLE) {
        if let Some(person) = (0..model.people.len()).find(|person| name(*person) == row.id.as_str()) {
            assert_eq!(row.state == AccountState::Active, model.people[person], "{}", row.id);
        }
    }
    let events = all::<Opened>(&mut *store, Opened::TABLE).into_iter();
    let events = events.map(|row| Event::from_bytes(&row.event.unwrap()).unwrap());
    assert_eq!(events.filter(|event| event.kind() == "authorised").count(), model.authorised);
    let head = store.standing().unwrap().head;
    for (desk, log) in desks.iter_mut().flatten().zip(logs) {
        desk.apply(now_ms, &[Command { credential: Credential::Nobody, action: Action::Tick }]).unwrap();
        desk.sync().unwrap();
        let outsider = Outsider::new(ORIGIN, vec![desk.ledger().public().clone()]);
        let report = outsider.verify(&Disk::new(folder.path().join(log)), &mut |_| {});
        assert!(report.is_clean() && report.head == Some(head), "{:?}", report.findings);
    }
    let [one, two] = logs.map(|log| files(&folder.path().join(log)));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    assert!(one == two && one.len() > 20, "the folders differ");
}
