//! How often, how alike, and how little somebody learns who tries serials out.
#![allow(clippy::unwrap_used)]

mod desk_support;

use desk_support::{Bench, new_unit, released, serial, serial_of, store, tables, vin, vin_of};
use headlock_registry::desk::{
    AccountChange, Action, Ask, Command, Credential, Desk, NewUnit, Outcome, Refusal, Tools,
};
use headlock_registry::log::{Disk, Event};
use headlock_registry::record::{AccountId, Opened, Record};
use headlock_registry::rules::DEFAULT;
use headlock_registry::store::Scan;

fn rules(person: &str, company: &str, serial: &str, vin: &str) -> String {
    let (limits, times) = (DEFAULT.find("[limits]").unwrap(), DEFAULT.find("[times]").unwrap());
    format!(
        "{}[limits]\nperson = {person}\ncompany = {company}\nserial = {serial}\nvin = {vin}\nfailure_cost = 4\n\n{}",
        &DEFAULT[..limits],
        &DEFAULT[times..]
    )
}

const WIDE: &str = "{ burst = 1000, period_ms = 86_400_000 }";
const TIGHT: &str = "{ burst = 5, period_ms = 432_000_000 }";
const DAY_S: u64 = 86_400;

/// Serials and vehicles that are no series.
fn scattered(at: u32) -> u32 {
    let at = u64::from(at);
    u32::try_from((at * at * 1_237_003 + at * 40_009) % 68_999_999 + 1_000_000).unwrap()
}

fn bench(rules: &str) -> Bench {
    let mut bench = Bench::with_rules(rules);
    bench.add((0..60).map(|at| new_unit(scattered(at), "eu", Some(unit_vin(at)))).collect());
    for (id, number) in [("anna", 1), ("ben", 2)] {
        let change = AccountChange::AddCertificate([number; 32], "lasting".to_owned());
        bench.console(Action::ChangeAccount { account: AccountId::new(id).unwrap(), change }).unwrap();
    }
    bench
}

fn unit_vin(at: u32) -> String {
    vin_of(at * 13_577 % 999_983)
}

const ANNA: Credential = Credential::Certificate([1; 32]);
const BEN: Credential = Credential::Certificate([2; 32]);

fn ask(bench: &mut Bench, at: u32) -> Ask {
    Ask { serial: serial(&serial_of(scattered(at))), vin: Some(vin(&unit_vin(at))), ..bench.ask(0) }
}

fn release(bench: &mut Bench, who: Credential, at: u32) -> Result<Outcome, Refusal> {
    let ask = ask(bench, at);
    bench.apply(who, Action::Release(ask))
}

fn wait_s(answer: Result<Outcome, Refusal>) -> u64 {
    match answer {
        Err(Refusal::TooMany { retry_after_s }) => retry_after_s,
        other => panic!("not too many: {other:?}"),
    }
}

fn events(bench: &Bench) -> Vec<Event> {
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: false, limit: 1 << 30 };
    let rows = store(bench.folder.path()).scan(&scan).unwrap();
    rows.into_iter().map(|row| Event::from_bytes(&Opened::from_row(row).unwrap().event.unwrap()).unwrap()).collect()
}

#[test]
fn a_persons_limit_holds_to_the_millisecond_and_no_restart_other_desk_or_clock_refills_it() {
    let mut bench = bench(&rules(TIGHT, WIDE, WIDE, WIDE));
    for at in 0..5 {
        released(release(&mut bench, ANNA, at));
    }
    assert_eq!(wait_s(release(&mut bench, ANNA, 5)), DAY_S);
    released(release(&mut bench, BEN, 6));
    bench.restart();
    assert_eq!(wait_s(release(&mut bench, ANNA, 5)), DAY_S);
    let begun_ms = bench.now_ms;
    for back_s in [3_600, DAY_S, 30 * DAY_S] {
        bench.now_ms = begun_ms - back_s * 1000;
        bench.restart();
        assert_eq!(wait_s(release(&mut bench, ANNA, 5)), DAY_S, "set back by {back_s} s");
    }
    bench.now_ms = begun_ms;
    let second = bench.folder.path().join("log2");
    std::fs::create_dir(&second).unwrap();
    let mut other =
        Desk::open(Tools { files: Disk::new(second), ..bench.tools() }, bench.now_ms - 10 * DAY_S * 1000).unwrap();
    let asked = ask(&mut bench, 7);
    let answer = other.apply(begun_ms, &[Command { credential: ANNA, action: Action::Release(asked) }]).unwrap();
    assert_eq!(wait_s(answer.into_iter().next().unwrap()), DAY_S, "another desk on the same store");
    bench.now_ms = begun_ms + DAY_S * 1000 - 1;
    assert_eq!(wait_s(release(&mut bench, ANNA, 5)), 1);
    bench.now_ms += 1;
    released(release(&mut bench, ANNA, 5));
    assert_eq!(wait_s(release(&mut bench, ANNA, 8)), DAY_S);
    // What one desk uses up is used up at the other.
    let asked = ask(&mut bench, 9);
    bench.now_ms += DAY_S * 1000;
    let now_ms = bench.now_ms;
    released(other.apply(now_ms, &[Command { credential: ANNA, action: Action::Release(asked) }]).unwrap().remove(0));
    assert_eq!(wait_s(release(&mut bench, ANNA, 8)), DAY_S);
}

#[test]
fn a_company_a_serial_and_a_vehicle_have_limits_of_their_own() {
    let mut company = bench(&rules(WIDE, TIGHT, WIDE, WIDE));
    for at in 0..5 {
        released(release(&mut company, if at % 2 == 0 { ANNA } else { BEN }, at));
    }
    assert_eq!(wait_s(release(&mut company, BEN, 6)), DAY_S);
    for tight in [rules(WIDE, WIDE, TIGHT, WIDE), rules(WIDE, WIDE, WIDE, TIGHT)] {
        let mut bench = bench(&tight);
        for turn in 0..5 {
            released(release(&mut bench, if turn % 2 == 0 { ANNA } else { BEN }, 3));
        }
        assert_eq!(wait_s(release(&mut bench, BEN, 3)), DAY_S);
        released(release(&mut bench, BEN, 4));
    }
    let mut bench = bench(&rules(WIDE, WIDE, WIDE, TIGHT));
    for turn in 0..5 {
        let asked = Ask { vin: Some(vin(&unit_vin(40))), ..ask(&mut bench, 40) };
        released(bench.apply(if turn % 2 == 0 { ANNA } else { BEN }, Action::Release(asked)));
    }
    let other = Ask { vin: Some(vin(&unit_vin(40))), ..ask(&mut bench, 41) };
    wait_s(bench.apply(BEN, Action::Release(other)));
}

#[test]
fn a_failure_costs_four_and_a_batch_counts_like_single_requests() {
    let mut bench = bench(&rules("{ burst = 9, period_ms = 777_600_000 }", WIDE, WIDE, WIDE));
    for _ in 0..2 {
        let wrong = Ask { vin: Some(vin(&vin_of(999_999))), ..ask(&mut bench, 1) };
        assert_eq!(bench.apply(ANNA, Action::Release(wrong)).unwrap_err(), Refusal::NotFound);
    }
    let commands: Vec<Command> =
        (2..5).map(|at| Command { credential: ANNA, action: Action::Release(ask(&mut bench, at)) }).collect();
    let now_ms = bench.now_ms;
    let answers = bench.desk().apply(now_ms, &commands).unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(wait_s(answers.into_iter().last().unwrap()), DAY_S);
}

#[test]
fn a_flood_of_refused_requests_leaves_a_leaf_for_every_doubling() {
    let mut bench = bench(&rules(TIGHT, WIDE, WIDE, WIDE));
    for at in 0..5 {
        released(release(&mut bench, ANNA, at));
    }
    let before = bench.desk().ledger().head().size;
    let now_ms = bench.now_ms;
    for _ in 0..20 {
        let flood: Vec<Command> =
            (0..200).map(|_| Command { credential: ANNA, action: Action::Release(ask(&mut bench, 7)) }).collect();
        let answers = bench.desk().apply(now_ms, &flood).unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Err(Refusal::TooMany { retry_after_s: DAY_S }))));
        bench.restart();
    }
    let leaves = bench.desk().ledger().head().size - before;
    assert_eq!(leaves, 12, "4,000 refusals: 1, 2, 4 ... 2048");
}

/// Rows in every table, and leaves.
fn weight(bench: &mut Bench) -> (Vec<(String, u64)>, u64) {
    let mut read = store(bench.folder.path());
    let mut rows = Vec::new();
    for table in tables() {
        rows.push((table.name.to_owned(), read.count(table).unwrap()));
    }
    (rows, bench.desk().ledger().head().size)
}

#[test]
fn what_is_not_there_and_what_is_not_for_you_are_the_same_answer_and_the_same_work() {
    let mut bench = bench(&rules(WIDE, WIDE, WIDE, WIDE));
    let other_region = new_unit(50, "us", Some(vin_of(50)));
    let with_second = NewUnit { companion: Some("A1".to_owned()), ..new_unit(60_000_051, "eu", Some(vin_of(51))) };
    bench.add(vec![other_region, with_second]);
    let second = |bench: &mut Bench, companion: Option<&str>| Ask {
        serial: serial(&serial_of(60_000_051)),
        vin: Some(vin(&vin_of(51))),
        companion: companion.map(str::to_owned),
        ..bench.ask(0)
    };
    let asks = [
        ("no such serial", Ask { serial: serial("WK99999999"), ..ask(&mut bench, 1) }),
        ("another vehicle", Ask { vin: Some(vin(&vin_of(999_998))), ..ask(&mut bench, 2) }),
        ("another vehicle", Ask { vin: None, ..ask(&mut bench, 9) }),
        ("another region", bench.ask(50)),
        ("another second number", second(&mut bench, Some("A2"))),
        ("another second number", second(&mut bench, None)),
    ];
    let mut grown = Vec::new();
    for (turn, (_, wrong)) in asks.iter().enumerate() {
        // Others ask for something that is there: guesses alone would lock.
        for at in 0..3 {
            released(release(&mut bench, ANNA, 10 + 3 * u32::try_from(turn).unwrap() + at));
        }
        let before = weight(&mut bench);
        let answer = bench.apply(ANNA, Action::Release(wrong.clone()));
        assert_eq!(format!("{answer:?}"), format!("{:?}", Err::<(), _>(Refusal::NotFound)));
        let after = weight(&mut bench);
        let rows: Vec<u64> = before.0.iter().zip(&after.0).map(|(before, after)| after.1 - before.1).collect();
        grown.push((rows, after.1 - before.1));
    }
    assert!(grown.iter().all(|one| *one == grown[0]), "{grown:?}");
    let said: Vec<String> = events(&bench)
        .iter()
        .filter(|event| event.kind() == "denied")
        .map(|event| event.field("why").unwrap().to_owned())
        .collect();
    assert_eq!(said, asks.map(|(why, _)| why.to_owned()), "the auditor can tell");
    let right = second(&mut bench, Some("A1"));
    released(bench.apply(ANNA, Action::Release(right)));
}

#[test]
fn whoever_tries_serials_in_order_is_locked_before_they_learn_any() {
    let mut bench = bench(DEFAULT);
    // One in ten exists, in a vehicle that the broker does not know.
    bench.add((0..1_000).map(|at| new_unit(70_000_000 + 10 * at, "eu", Some(vin_of(at)))).collect());
    let (mut tried, mut learnt) = (0, 0);
    let mut days = 0;
    for number in 0..1_000_000_u32 {
        let wanted = Ask {
            serial: serial(&serial_of(70_000_000 + number)),
            vin: Some(vin(&vin_of(number % 1_000))),
            ..bench.ask(0)
        };
        match bench.apply(ANNA, Action::Release(wanted)) {
            Err(Refusal::Locked { .. }) => break,
            Err(Refusal::NotFound) => tried += 1,
            Err(Refusal::TooMany { retry_after_s }) => {
                bench.pass(retry_after_s);
                days += 1;
            }
            Ok(_) => learnt += 1,
            other => panic!("{other:?}"),
        }
        assert!(tried < 100 && days < 100, "nobody noticed");
    }
    assert!(tried <= 5 && learnt <= 1, "{tried} tried, {learnt} learnt");
    for doors in [ANNA, bench.credential("anna")] {
        assert!(matches!(release(&mut bench, doors, 1), Err(Refusal::Locked { .. })));
    }
    let Ok(Outcome::Notices(told)) = bench.by("ed", Action::ReadNotices) else { panic!("no notices") };
    assert!(told.iter().any(|notice| notice.kind == "alarm"));
    let Ok(Outcome::Notices(told)) = bench.by("root", Action::ReadNotices) else { panic!("no notices") };
    assert!(told.iter().any(|notice| notice.kind == "account_locked"));
}

#[test]
fn a_slow_broker_learns_no_more_than_the_limits_leave_and_is_locked_in_the_end() {
    let mut bench = bench(DEFAULT);
    let mut learnt = 0;
    // One guess for each unit that they really have: half of what they ask does not exist.
    for turn in 0..200 {
        let guess = Ask { serial: serial(&serial_of(90_000_000 + turn * 31)), ..ask(&mut bench, turn % 60) };
        match bench.apply(ANNA, Action::Release(guess)) {
            Err(Refusal::Locked { .. }) => {
                assert!(turn < 20);
                assert_eq!(learnt, 0);
                return;
            }
            Err(Refusal::NotFound) => {}
            Err(Refusal::TooMany { retry_after_s }) => bench.pass(retry_after_s),
            Ok(_) => learnt += 1,
            other => panic!("{other:?}"),
        }
        if let Err(refusal) = release(&mut bench, ANNA, turn % 60) {
            match refusal {
                Refusal::TooMany { retry_after_s } => bench.pass(retry_after_s),
                Refusal::Locked { .. } => return,
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("200 guesses, and nobody noticed");
}

#[test]
fn serials_in_a_row_that_exist_need_a_second_person_and_alarm_the_auditor() {
    let mut bench = Bench::new();
    for number in 0..3 {
        let ask = bench.ask(number);
        released(bench.by("anna", Action::Release(ask)));
    }
    for number in 3..6 {
        let ask = bench.ask(number);
        let answer = bench.by("anna", Action::Release(ask));
        assert!(matches!(answer, Ok(Outcome::Pending(_))), "{answer:?}");
    }
    let Ok(Outcome::Notices(told)) = bench.by("ed", Action::ReadNotices) else { panic!("no notices") };
    assert_eq!(told.iter().filter(|notice| notice.kind == "alarm").count(), 3);
    // Another dealer is not disturbed.
    let ask = bench.ask(7);
    released(bench.by("ben", Action::Release(ask)));
}

#[test]
fn a_dealer_of_a_normal_year_is_not_disturbed() {
    let mut bench = bench(DEFAULT);
    let mut mistyped = 0;
    for day in 0..250 {
        for turn in 0..3 {
            let at = (day * 3 + turn) * 17 % 60;
            if (day + turn) % 10 == 0 {
                let typo = Ask { serial: serial(&format!("WK9{:07}", day * 7_919 + turn)), ..ask(&mut bench, at) };
                assert_eq!(bench.apply(ANNA, Action::Release(typo)).unwrap_err(), Refusal::NotFound);
                mistyped += 1;
            }
            released(release(&mut bench, ANNA, at));
        }
        bench.pass(DAY_S);
    }
    assert!(mistyped > 50);
    assert!(events(&bench).iter().all(|event| event.kind() != "alarm" && event.kind() != "limited"));
}
