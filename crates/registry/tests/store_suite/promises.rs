//! The promises of `Store`, one by one.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use headlock_registry::log::{Commitment, TreeHead};
use headlock_registry::store::{
    Batch, Change, Column, Committed, Migrations, REMEMBERED_BATCHES, Row, Scan, Standing, Step, Store, StoreError,
    Table, Value,
};

use super::histories::batch;
use super::random::Random;
use super::tables::{EVENTS, MARKS, MIGRATIONS, RECORDS, TABLES, record, text};
use super::{End, Place};

type Fresh<'a> = &'a dyn Fn() -> Place;

fn all(table: &'static Table) -> Scan<'static> {
    Scan { table, prefix: &[], after: None, backwards: false, limit: usize::MAX }
}

fn put(row: Row) -> Change {
    Change::Put { table: &RECORDS, row }
}

fn done(store: &mut dyn Store, batch: &Batch) -> Standing {
    match store.commit(batch).expect("a commit") {
        Committed::Done(standing) => standing,
        Committed::Overtaken(standing) => panic!("overtaken, at {standing:?}"),
    }
}

pub(crate) fn an_empty_store_stands_at_nothing(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    assert_eq!(store.standing().unwrap(), Standing::EMPTY);
    assert_eq!(store.leaves(0, 10).unwrap(), []);
    for table in TABLES {
        assert_eq!((store.count(table).unwrap(), store.scan(&all(table)).unwrap()), (0, vec![]));
    }
}

pub(crate) fn a_lost_answer_is_given_again(fresh: Fresh<'_>) {
    let (place, mut random) = (fresh(), Random::new(1));
    let mut store = place(MIGRATIONS).unwrap();
    let first = batch(Standing::EMPTY, 3, vec![put(record("A", 1))], &mut random);
    let stands = done(store.as_mut(), &first);
    assert_eq!(stands, Standing { version: 1, head: first.head });
    assert_eq!(store.commit(&first).unwrap(), Committed::Done(stands), "at once");
    assert_eq!(place(MIGRATIONS).unwrap().commit(&first).unwrap(), Committed::Done(stands), "after a restart");

    let second = batch(stands, 2, vec![put(record("A", 2))], &mut random);
    let stands = done(store.as_mut(), &second);
    assert_eq!(store.commit(&first).unwrap(), Committed::Done(stands), "after another");
    assert_eq!(store.get(&RECORDS, &[vec![text("A")]]).unwrap(), [Some(record("A", 2))], "and nothing is done twice");
    assert_eq!(store.leaves(0, 10).unwrap().len(), 5);

    let other = Batch { id: random.bytes(), ..first };
    assert_eq!(store.commit(&other).unwrap(), Committed::Overtaken(stands), "another batch from the same base");
}

pub(crate) fn a_batch_is_remembered_for_a_thousand_others(fresh: Fresh<'_>) {
    let mut random = Random::new(2);
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let first = batch(Standing::EMPTY, 1, vec![], &mut random);
    let mut stands = done(store.as_mut(), &first);
    for _ in 1..REMEMBERED_BATCHES {
        stands = done(store.as_mut(), &batch(stands, 0, vec![], &mut random));
    }
    assert_eq!(store.commit(&first).unwrap(), Committed::Done(stands));
    stands = done(store.as_mut(), &batch(stands, 0, vec![], &mut random));
    assert_eq!(store.commit(&first).unwrap(), Committed::Overtaken(stands));
}

pub(crate) fn a_moment_stands_still_while_others_write_and_is_soon_let_go_of(fresh: Fresh<'_>) {
    let (place, mut random) = (fresh(), Random::new(3));
    let mut store = place(MIGRATIONS).unwrap();
    let rows = ["A", "B", "C"].map(|key| put(record(key, 1))).to_vec();
    let before = done(store.as_mut(), &batch(Standing::EMPTY, 3, rows, &mut random));
    // More of them than a store has connections, were they not given back.
    for round in 0..20 {
        let stands = store.standing().unwrap();
        let of_the_writer = store.moment().unwrap();
        let mut moment = store.reader().unwrap().moment().unwrap();
        let key = |key: &str| vec![text(key)];
        let known = moment.get(&RECORDS, &[key("A"), key("B"), key("C")]).unwrap();
        let changes = vec![
            put(record("A", 2 + round)),
            put(record(&format!("D{round}"), 1)),
            Change::Delete { table: &RECORDS, key: key("C") },
        ];
        let after = done(store.as_mut(), &batch(stands, 2, changes, &mut random));
        for mut still in [moment, of_the_writer] {
            assert_eq!(still.standing().unwrap(), stands);
            assert_eq!(still.get(&RECORDS, &[key("A"), key("B"), key("C")]).unwrap(), known);
            assert_eq!(still.get(&RECORDS, &[key(&format!("D{round}"))]).unwrap(), [None]);
            assert_eq!(still.scan(&all(&RECORDS)).unwrap().len() as u64, still.count(&RECORDS).unwrap());
            assert_eq!(still.leaves(0, 1_000).unwrap().len() as u64, stands.head.size);
        }
        assert_eq!(store.reader().unwrap().standing().unwrap(), after);
    }
    assert_eq!(store.standing().unwrap().version, before.version + 20);
}

/// Adds one to a row that all writers read, until it has been done so often.
fn count_up(store: &mut dyn Store, times: u64, random: &mut Random) {
    let mut base = store.standing().unwrap();
    for _ in 0..times {
        loop {
            let row = store.get(&RECORDS, &[vec![text("counter")]]).unwrap().remove(0);
            let Some(Value::Whole(sum)) = row.map_or(Some(Value::Whole(0)), |row| row.get(1).cloned()) else {
                panic!("a number")
            };
            // Overtaken between the two reads, it has read what does not hold; the commit must not go through.
            let next = batch(base, 1, vec![put(record("counter", sum + 1))], random);
            match store.commit(&next).unwrap() {
                Committed::Done(standing) => {
                    base = standing;
                    break;
                }
                Committed::Overtaken(standing) => base = standing,
            }
        }
    }
}

pub(crate) fn two_writers_never_decide_on_the_same_standing(fresh: Fresh<'_>) {
    const TIMES: u64 = 60;
    let place = fresh();
    place(MIGRATIONS).unwrap();
    thread::scope(|scope| {
        for writer in 0..3 {
            let place = &place;
            scope.spawn(move || count_up(place(MIGRATIONS).unwrap().as_mut(), TIMES, &mut Random::new(writer)));
        }
    });
    let mut store = place(MIGRATIONS).unwrap();
    let standing = store.standing().unwrap();
    assert_eq!((standing.version, standing.head.size), (3 * TIMES, 3 * TIMES));
    let sum = i64::try_from(3 * TIMES).unwrap();
    assert_eq!(store.scan(&all(&RECORDS)).unwrap(), [record("counter", sum)]);
    assert_eq!(store.leaves(0, usize::MAX).unwrap().len() as u64, 3 * TIMES);
}

pub(crate) fn many_may_open_an_empty_place_at_once(fresh: Fresh<'_>) {
    for _ in 0..5 {
        let (place, together) = (fresh(), Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    assert_eq!(place(MIGRATIONS).unwrap().standing().unwrap(), Standing::EMPTY);
                });
            }
        });
    }
}

pub(crate) fn a_reader_sees_one_moment(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let mut random = Random::new(3);
    let both = |number| ["A", "B"].map(|serial| put(record(serial, number))).to_vec();
    let mut base = done(store.as_mut(), &batch(Standing::EMPTY, 0, both(0), &mut random));
    let (mut reader, end) = (store.reader().unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let (mut last, mut seen) = (0, 0);
            while !end.load(Ordering::Relaxed) {
                let rows = reader.get(&RECORDS, &[vec![text("A")], vec![text("B")]]).unwrap();
                let numbers: Vec<Value> = rows.into_iter().map(|row| row.unwrap().remove(1)).collect();
                assert_eq!(numbers[0], numbers[1], "one row of one moment, one of another");
                let Value::Whole(now) = numbers[0] else { panic!("a number") };
                assert!(now >= last, "time does not go back");
                seen += u64::from(now > last);
                last = now;
            }
            seen
        });
        let ending = End(&end);
        for number in 1..=200 {
            base = done(store.as_mut(), &batch(base, 1, both(number), &mut random));
        }
        drop(ending);
        assert!(reading.join().unwrap() > 1, "the reader has met the writer");
    });
}

pub(crate) fn what_does_not_fit_its_table_changes_nothing(fresh: Fresh<'_>) {
    static STRANGER: Table = Table { name: "stranger", columns: &[Column::text("serial")], key: 1, long: false };
    static NAMESAKE: Table = Table {
        name: "marks",
        columns: &[Column::whole("at_ms"), Column::text("mark"), Column::text("more")],
        key: 2,
        long: false,
    };
    let whole = record("A", 1);
    let with = |at: usize, value: Value| {
        let mut row = whole.clone();
        row[at] = value;
        put(row)
    };
    let shapes = [
        with(0, text("NUL \0 within")),
        with(3, text("\0")),
        with(0, Value::Nothing),
        with(2, Value::Nothing),
        with(0, Value::Bytes(b"A".to_vec())),
        with(1, text("1")),
        with(5, Value::Bytes(vec![])),
        put(whole[..5].to_vec()),
        put([whole.clone(), vec![Value::Nothing]].concat()),
        put(vec![]),
        Change::Delete { table: &EVENTS, key: vec![text("A"), Value::Whole(1)] },
        Change::Delete { table: &RECORDS, key: whole.clone() },
        Change::Delete { table: &RECORDS, key: vec![Value::Whole(1)] },
        Change::Put { table: &STRANGER, row: vec![text("A")] },
        Change::Put { table: &NAMESAKE, row: vec![Value::Whole(1), text("A"), text("B")] },
    ];
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    for (at, wrong) in shapes.into_iter().enumerate() {
        let changes = vec![put(whole.clone()), wrong, put(whole.clone())];
        let refused = store.commit(&batch(Standing::EMPTY, 1, changes, &mut Random::new(4)));
        assert!(matches!(refused, Err(StoreError::Shape { .. })), "shape {at}: {refused:?}");
    }
    assert_eq!(store.standing().unwrap(), Standing::EMPTY);
    assert_eq!((store.count(&RECORDS).unwrap(), store.leaves(0, 1).unwrap()), (0, vec![]));
}

pub(crate) fn what_does_not_fit_its_table_is_not_read(fresh: Fresh<'_>) {
    static STRANGER: Table =
        Table { name: "store_standing", columns: &[Column::whole("version")], key: 1, long: false };
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let refused = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Shape { .. }));
    assert!(refused(store.get(&RECORDS, &[vec![text("A")], vec![]]).map(drop)));
    assert!(refused(store.get(&RECORDS, &[vec![Value::Whole(1)]]).map(drop)));
    assert!(refused(store.get(&STRANGER, &[vec![Value::Whole(0)]]).map(drop)));
    assert!(refused(store.count(&STRANGER).map(drop)));
    assert!(refused(store.scan(&all(&STRANGER)).map(drop)));
    let (short, long) = ([text("A")], [text("A"), Value::Whole(1)]);
    assert!(refused(store.scan(&Scan { prefix: &long, ..all(&RECORDS) }).map(drop)));
    assert!(refused(store.scan(&Scan { after: Some(&short), ..all(&EVENTS) }).map(drop)));
    assert!(refused(store.scan(&Scan { prefix: &[Value::Nothing], ..all(&RECORDS) }).map(drop)));
    assert!(refused(store.scan(&Scan { after: Some(&[text("a\0")]), ..all(&RECORDS) }).map(drop)));
}

pub(crate) fn leaves_that_lead_elsewhere_are_refused(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let right = batch(Standing::EMPTY, 2, vec![], &mut Random::new(5));
    for size in [0, 1, 3, u64::MAX] {
        let wrong = Batch { head: TreeHead { size, ..right.head }, ..right.clone() };
        let refused = store.commit(&wrong);
        assert!(matches!(refused, Err(StoreError::Leaves { from: 0, leaves: 2, .. })), "{size}: {refused:?}");
    }
    assert_eq!(store.standing().unwrap(), Standing::EMPTY);
    done(store.as_mut(), &right);
}

pub(crate) fn a_whole_table_is_read_in_pages(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for group in ["", "a", "é", "\u{10ffff}"] {
        for limit in [i64::MIN, -1, 0, 1, i64::MAX] {
            for from in [&[][..], &[0], &[0xff]] {
                rows.push(vec![text(group), Value::Whole(limit), Value::Bytes(from.to_vec()), text("x")]);
            }
        }
    }
    let changes = rows.iter().rev().map(|row| Change::Put { table: &EVENTS, row: row.clone() }).collect();
    done(store.as_mut(), &batch(Standing::EMPTY, 0, changes, &mut Random::new(6)));
    for length in 0..=2 {
        for backwards in [false, true] {
            let prefix = &rows[20][..length];
            let mut expected: Vec<Row> = rows.iter().filter(|row| row.starts_with(prefix)).cloned().collect();
            if backwards {
                expected.reverse();
            }
            let (mut found, mut after): (Vec<Row>, Option<Row>) = (Vec::new(), None);
            loop {
                let page =
                    store.scan(&Scan { table: &EVENTS, prefix, after: after.as_deref(), backwards, limit: 4 }).unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last[..EVENTS.key].to_vec());
                found.extend(page);
            }
            assert_eq!(found, expected, "prefix of {length}, backwards: {backwards}");
        }
    }
}

pub(crate) fn large_values_come_back(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let mut row = record("large", 1);
    row[2] = Value::Bytes((0..8_000_000_u32).map(|at| (at % 251) as u8).collect());
    row[3] = Value::Text("è".repeat(500_000));
    row[4] = Value::Bytes(vec![]);
    done(store.as_mut(), &batch(Standing::EMPTY, 0, vec![put(row.clone())], &mut Random::new(7)));
    let found = store.get(&RECORDS, &[vec![text("large")]]).unwrap();
    assert!(found == [Some(row)], "8 MB of bytes and 1 MB of text");
}

pub(crate) fn a_bulk_of_rows_and_leaves_comes_back(fresh: Fresh<'_>) {
    let place = fresh();
    let mut store = place(MIGRATIONS).unwrap();
    let rows: Vec<Row> = (0..65_536).map(|at| record(&format!("{:05}", (at * 7919) % 65_536), at)).collect();
    let changes = rows.iter().cloned().map(put).collect();
    let bulk = batch(Standing::EMPTY, 65_536, changes, &mut Random::new(8));
    let stands = done(store.as_mut(), &bulk);
    let next = batch(stands, 10, vec![], &mut Random::new(9));
    done(store.as_mut(), &next);
    assert_eq!(store.count(&RECORDS).unwrap(), 65_536);
    let mut sorted = rows;
    sorted.sort();
    assert!(store.scan(&all(&RECORDS)).unwrap() == sorted);
    let mut leaves: Vec<Commitment> = Vec::new();
    while leaves.len() < 65_546 {
        let more = store.leaves(leaves.len() as u64, 1000).unwrap();
        assert!((1..=1000).contains(&more.len()));
        leaves.extend(more);
    }
    assert!(leaves == [bulk.leaves, next.leaves].concat());
}

static AT_FIRST: Table =
    Table { name: "radios", columns: &[Column::text("serial"), Column::whole("at_ms")], key: 1, long: false };
static LATER: Table = Table {
    name: "radios",
    columns: &[
        Column::text("serial"),
        Column::whole("at_ms"),
        Column::text("colour").or_nothing(),
        Column::bytes("mark").or_nothing(),
    ],
    key: 1,
    long: false,
};
const FIRST: Migrations = &[&[Step::Create(&AT_FIRST)]];
const SECOND: Migrations = &[
    &[Step::Create(&AT_FIRST)],
    &[
        Step::Add { table: "radios", column: Column::text("colour").or_nothing() },
        Step::Add { table: "radios", column: Column::bytes("mark").or_nothing() },
        Step::Create(&MARKS),
    ],
];

pub(crate) fn an_older_schema_is_brought_up_to_date(fresh: Fresh<'_>) {
    for migrations in [&FIRST[..0], FIRST] {
        let place = fresh();
        let mut store = place(migrations).unwrap();
        let old: Row = vec![text("A"), Value::Whole(-1)];
        let mut standing = Standing::EMPTY;
        if !migrations.is_empty() {
            let change = Change::Put { table: &AT_FIRST, row: old.clone() };
            standing = done(store.as_mut(), &batch(standing, 1, vec![change], &mut Random::new(10)));
        }
        drop(store);
        for _ in 0..2 {
            let mut store = place(SECOND).unwrap();
            assert_eq!(store.standing().unwrap(), standing);
            let wide = [old.clone(), vec![Value::Nothing, Value::Nothing]].concat();
            let expected = if migrations.is_empty() { vec![] } else { vec![wide] };
            assert_eq!(store.scan(&all(&LATER)).unwrap(), expected);
            assert!(matches!(store.scan(&all(&AT_FIRST)), Err(StoreError::Shape { table: "radios" })));
        }
        let mut store = place(SECOND).unwrap();
        let new: Row = vec![text("B"), Value::Whole(1), text("red"), Value::Bytes(vec![1])];
        let changes = vec![
            Change::Put { table: &LATER, row: new.clone() },
            Change::Put { table: &MARKS, row: vec![Value::Whole(1), text("m")] },
        ];
        done(store.as_mut(), &batch(standing, 1, changes, &mut Random::new(11)));
        assert_eq!(store.get(&LATER, &[vec![text("B")]]).unwrap(), [Some(new)]);
    }
}

pub(crate) fn a_newer_schema_is_refused(fresh: Fresh<'_>) {
    let place = fresh();
    drop(place(SECOND).unwrap());
    for (known, migrations) in [(0, &FIRST[..0]), (1, FIRST)] {
        let refused = place(migrations).map(drop);
        assert!(matches!(refused, Err(StoreError::Newer { found: 2, known: k }) if k == known), "{refused:?}");
    }
    place(SECOND).unwrap();
}

pub(crate) fn a_schema_that_cannot_be_is_refused(fresh: Fresh<'_>) {
    static QUOTED: Table = Table { name: "a\"b", columns: &[Column::text("a")], key: 1, long: false };
    static OWN: Table = Table { name: "store_batch", columns: &[Column::text("a")], key: 1, long: false };
    static KEYLESS: Table = Table { name: "keyless", columns: &[Column::text("a")], key: 0, long: false };
    static LONG_KEY: Table = Table { name: "long", columns: &[Column::text("a")], key: 2, long: false };
    static LOOSE: Table = Table { name: "loose", columns: &[Column::text("a").or_nothing()], key: 1, long: false };
    static TWINS: Table =
        Table { name: "twins", columns: &[Column::text("a"), Column::whole("a")], key: 1, long: false };
    const WRONG: [Migrations; 9] = [
        &[&[Step::Create(&QUOTED)]],
        &[&[Step::Create(&OWN)]],
        &[&[Step::Create(&KEYLESS)]],
        &[&[Step::Create(&LONG_KEY)]],
        &[&[Step::Create(&LOOSE)]],
        &[&[Step::Create(&TWINS)]],
        &[&[Step::Create(&MARKS), Step::Create(&MARKS)]],
        &[&[Step::Add { table: "marks", column: Column::text("more").or_nothing() }]],
        &[&[Step::Create(&MARKS), Step::Add { table: "marks", column: Column::text("more") }]],
    ];
    let place = fresh();
    for (at, migrations) in WRONG.into_iter().enumerate() {
        let refused = place(migrations).map(drop);
        assert!(matches!(refused, Err(StoreError::Shape { .. })), "schema {at}: {refused:?}");
    }
}
