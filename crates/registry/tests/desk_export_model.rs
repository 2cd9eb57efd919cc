//! Random histories of exports, held against a plain model of who counts when.
#![allow(clippy::unwrap_used)]

mod desk_support;
mod export_support;

use std::collections::BTreeMap;

use desk_support::{account, roles};
use export_support::{DAY_S, REASON, Vault, agree, name, refuse, who};
use headlock_registry::desk::{AccountChange, Action, Conflict, Credential, Outcome, Refusal};
use headlock_registry::record::{AccountState, Region, RequestId};
use headlock_registry::rules::DEFAULT;
use headlock_registry::sign_in::Role;

const STEPS: usize = 4_000;
const PEOPLE: usize = 5;
const QUORUM: usize = 2;
const SETTLED_S: u64 = DAY_S;
const STANDS_S: u64 = 7 * DAY_S;
const TAKE_S: u64 = 48 * 3_600;
const ATTEMPTS: u32 = 8;

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }
}

/// Both administrators and custodians, so that who asks could agree.
struct Person {
    works: bool,
    custodian: bool,
    changed_s: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Agreed,
    Refused,
    Expired,
    Left,
}

struct Export {
    id: RequestId,
    by: usize,
    state: State,
    due_s: u64,
    said: BTreeMap<usize, u64>,
    attempts: u32,
}

#[derive(Default)]
struct Model {
    people: Vec<Person>,
    exports: Vec<Export>,
}

impl Model {
    fn counts(&self, export: usize, person: usize, said_s: u64) -> bool {
        let one = &self.people[person];
        person != self.exports[export].by && one.works && one.custodian && one.changed_s + SETTLED_S <= said_s
    }

    fn count(&self, export: usize) -> usize {
        self.exports[export].said.iter().filter(|(person, said_s)| self.counts(export, **person, **said_s)).count()
    }

    fn agree(&mut self, export: usize, person: usize, now_s: u64) -> &'static str {
        if !self.people[person].works {
            return "locked";
        }
        if !self.people[person].custodian {
            return "not allowed";
        }
        let one = &self.exports[export];
        if one.by == person {
            return "same person";
        }
        if !matches!(one.state, State::Waiting | State::Agreed) || now_s >= one.due_s {
            return "not waiting";
        }
        if !self.counts(export, person, now_s) {
            return "not allowed";
        }
        if self.exports[export].said.get(&person).is_some_and(|said_s| self.counts(export, person, *said_s)) {
            return "already";
        }
        self.exports[export].said.insert(person, now_s);
        if self.exports[export].state == State::Waiting && self.count(export) >= QUORUM {
            self.exports[export].state = State::Agreed;
            self.exports[export].due_s = now_s + TAKE_S;
        }
        "done"
    }

    fn refuse(&mut self, export: usize, person: usize) -> &'static str {
        let one = &mut self.exports[export];
        if !self.people[person].works {
            return "locked";
        }
        if !self.people[person].custodian && one.by != person {
            return "not allowed";
        }
        if !matches!(one.state, State::Waiting | State::Agreed) {
            return "not waiting";
        }
        one.state = State::Refused;
        "done"
    }

    fn take(&mut self, export: usize, person: usize, now_s: u64) -> &'static str {
        if !self.people[person].works {
            return "locked";
        }
        let count = self.count(export);
        let one = &mut self.exports[export];
        if one.by != person {
            return "not allowed";
        }
        match one.state {
            State::Waiting => return "not agreed",
            State::Refused => return "not waiting",
            State::Expired | State::Left => return "over",
            State::Agreed => {}
        }
        if now_s >= one.due_s || one.attempts >= ATTEMPTS {
            return "over";
        }
        if count < QUORUM {
            return "not agreed";
        }
        one.attempts += 1;
        "file"
    }
}

fn word(answer: &Result<Outcome, Refusal>) -> &'static str {
    match answer {
        Ok(Outcome::Exporter(_)) => "file",
        Ok(_) => "done",
        Err(Refusal::Locked { .. }) => "locked",
        Err(Refusal::NotAllowed { .. }) => "not allowed",
        Err(Refusal::Conflict(Conflict::SamePerson)) => "same person",
        Err(Refusal::Conflict(Conflict::NotWaiting)) => "not waiting",
        Err(Refusal::Conflict(Conflict::AgreedAlready)) => "already",
        Err(Refusal::Conflict(Conflict::NotAgreed)) => "not agreed",
        Err(Refusal::Conflict(Conflict::ExportOver)) => "over",
        Err(other) => panic!("{other:?}"),
    }
}

fn id_of(person: usize) -> String {
    format!("p{person}")
}

fn begin() -> (Vault, Model) {
    let mut vault = Vault::with_rules(&DEFAULT.replace("settled_days = 7", "settled_days = 1"));
    let mut model = Model::default();
    for person in 0..PEOPLE {
        let id = id_of(person);
        let both = [Role::Administrator, Role::Custodian];
        vault.bench.console(Action::AddAccount(account(&id, "maker", &both))).unwrap();
        let Credential::Certificate(print) = who(&id) else { panic!("no certificate") };
        vault.change(&id, AccountChange::AddCertificate(print, "lasting".to_owned()));
        model.people.push(Person { works: true, custodian: true, changed_s: vault.bench.now_ms / 1000 });
    }
    vault.bench.pass(8 * DAY_S);
    (vault, model)
}

#[test]
fn who_counts_when_is_what_the_model_says_in_any_order() {
    let (mut vault, mut model) = begin();
    let mut random = Random(0x5eed_0e5c_2026_1120);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for step in 0..STEPS {
        let now_s = vault.bench.now_ms / 1000;
        let person = random.below(PEOPLE);
        let id = id_of(person);
        let recent = model.exports.len().saturating_sub(4);
        let export = recent + random.below(model.exports.len().saturating_sub(recent).max(1));
        let (what, wanted, found) = match random.below(60) {
            _ if model.exports.is_empty() => {
                asked(&mut vault, &mut model, (person, step));
                continue;
            }
            0 | 1 => {
                asked(&mut vault, &mut model, (person, step));
                continue;
            }
            2..=29 => {
                let answer = vault.by(&id, agree(&model.exports[export].id));
                ("agree", model.agree(export, person, now_s), word(&answer))
            }
            30 => {
                let answer = vault.by(&id, refuse(&model.exports[export].id));
                ("refuse", model.refuse(export, person), word(&answer))
            }
            31..=50 => {
                let taker = if random.below(4) == 0 { person } else { model.exports[export].by };
                let answer = vault.by(&id_of(taker), Action::TakeExport { export: model.exports[export].id.clone() });
                let wanted = model.take(export, taker, now_s);
                if wanted == "file" && random.below(3) == 0 {
                    left(&mut vault, &mut model, export, answer);
                    *seen.entry("take: left".to_owned()).or_default() += 1;
                    continue;
                }
                ("take", wanted, word(&answer))
            }
            51 => {
                let one = &mut model.people[person];
                (one.works, one.changed_s) = (random.below(5) > 0, now_s);
                let state = if one.works { AccountState::Active } else { AccountState::Locked };
                vault.change(&id, AccountChange::State(state, String::new()));
                continue;
            }
            52 => {
                let one = &mut model.people[person];
                (one.custodian, one.changed_s) = (random.below(5) > 0, now_s);
                let both = [Role::Administrator, Role::Custodian];
                let of = if one.custodian { &both[..] } else { &both[..1] };
                vault.change(&id, AccountChange::Roles(roles(of)));
                continue;
            }
            53 => {
                // Harmless, and of their own: neither takes a word away.
                vault.change(&id, AccountChange::Regions(Vec::new()));
                let change = AccountChange::Password("$argon2id$mine".to_owned());
                let own = vault.by(&id, Action::ChangeAccount { account: name(&id), change });
                assert_eq!(own.is_ok(), model.people[person].works);
                continue;
            }
            _ => {
                let most = [3_600, DAY_S / 2, 3 * DAY_S][random.below(3)];
                vault.bench.pass(random.below(usize::try_from(most).unwrap()) as u64);
                vault.bench.console(Action::Tick).unwrap();
                let now_s = vault.bench.now_ms / 1000;
                for one in &mut model.exports {
                    if matches!(one.state, State::Waiting | State::Agreed) && now_s >= one.due_s {
                        one.state = State::Expired;
                    }
                }
                continue;
            }
        };
        assert_eq!(found, wanted, "step {step}: {what} by {id}");
        *seen.entry(format!("{what}: {wanted}")).or_default() += 1;
        if step % 500 == 0 {
            vault.bench.restart();
        }
    }
    for often in [
        "agree: done",
        "agree: already",
        "agree: same person",
        "agree: locked",
        "agree: not allowed",
        "agree: not waiting",
        "refuse: done",
        "refuse: not allowed",
        "take: file",
        "take: left",
        "take: not agreed",
        "take: over",
    ] {
        assert!(seen.get(often).is_some_and(|times| *times > 2), "{often} hardly came about: {seen:?}");
    }
}

/// Each is for another region, so that none is the same as another.
fn asked(vault: &mut Vault, model: &mut Model, (person, step): (usize, usize)) {
    let now_s = vault.bench.now_ms / 1000;
    let region = Some(Region::new(&format!("r{step}")).unwrap());
    match vault.by(&id_of(person), Action::AskExport { unit: None, region, reason: REASON.to_owned() }) {
        Ok(Outcome::Export(export)) => {
            let (id, due_s) = (export.id, now_s + STANDS_S);
            let (said, attempts) = (BTreeMap::new(), 0);
            model.exports.push(Export { id, by: person, state: State::Waiting, due_s, said, attempts });
        }
        Err(Refusal::Locked { .. }) => assert!(!model.people[person].works),
        Err(Refusal::Conflict(Conflict::TooManyExports)) => {}
        other => panic!("{other:?}"),
    }
}

fn left(vault: &mut Vault, model: &mut Model, export: usize, answer: Result<Outcome, Refusal>) {
    let Ok(Outcome::Exporter(exporter)) = answer else { panic!("{answer:?}") };
    let (exported, file) = vault.write(&exporter);
    assert!(vault.open(&file).ends_with("# end\n"));
    let (id, attempt) = (exporter.id().clone(), exporter.attempt());
    vault.bench.console(Action::ExportLeft { export: id, attempt, exported }).unwrap();
    model.exports[export].state = State::Left;
}
