//! The shared store keeps the promises of every store, at two isolations, on a real server; and those of its own.
#![allow(clippy::unwrap_used)]

mod store_server;
mod store_suite;

use std::thread;
use std::time::{Duration, Instant};

use headlock_registry::store::{
    Committed, Damage, Isolation, Postgres, Read, Said, Settings, Standing, Store, StoreError, Unfit,
};
use store_server::{Server, free_port, query, shared, try_query};
use store_suite::histories::batch;
use store_suite::random::Random;
use store_suite::tables::MIGRATIONS;

mod at_read_committed {
    use super::{Isolation, Settings, store_server, store_suite};

    fn place() -> store_suite::Place {
        store_server::place(Settings { isolation: Isolation::ReadCommitted, ..Settings::default() })
    }

    store_suite!(place, histories: 0..60);
}

mod at_serializable {
    use super::{Isolation, Settings, store_server, store_suite};

    fn place() -> store_suite::Place {
        store_server::place(Settings { isolation: Isolation::Serializable, ..Settings::default() })
    }

    store_suite!(place, histories: 1000..1060);
}

fn grow(store: &mut dyn Store) -> Standing {
    let base = store.standing().unwrap();
    let next = batch(base, 1, vec![], &mut Random::new(base.version));
    assert!(matches!(store.commit(&next).unwrap(), Committed::Done(_)));
    store.standing().unwrap()
}

#[test]
fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    let is_lax = |address: &str, name: &str, found: &str| {
        let refused = Postgres::open(address, Settings::default(), MIGRATIONS).map(drop);
        let Err(StoreError::Failed(why)) = &refused else { panic!("{name}: {refused:?}") };
        let expected = Unfit::Lax { setting: name.to_owned(), value: found.to_owned() };
        assert_eq!(why.downcast_ref(), Some(&expected));
        assert!(why.to_string().contains(&format!("{name} = {found}")), "{why}");
    };
    let server = shared();
    let place = |option: &str| {
        let schema = server.schema();
        format!("{} options='-c search_path={schema} -c {option}'", server.address(""))
    };
    for value in ["off", "local"] {
        is_lax(&place(&format!("synchronous_commit={value}")), "synchronous_commit", value);
    }
    for value in ["on", "remote_write", "remote_apply"] {
        let address = place(&format!("synchronous_commit={value}"));
        grow(&mut Postgres::open(&address, Settings::default(), MIGRATIONS).unwrap());
    }
    is_lax(&Server::start(&["fsync=off"]).address(""), "fsync", "off");
    is_lax(&Server::start(&["full_page_writes=off"]).address(""), "full_page_writes", "off");
}

#[test]
fn a_server_that_is_not_there_is_unavailable_at_once() {
    let begun = Instant::now();
    let address = format!("host=127.0.0.1 port={} user=registry dbname=postgres", free_port());
    let refused = Postgres::open(&address, Settings::default(), MIGRATIONS).map(drop);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_mins(1));
    let nonsense = Postgres::open("host=127.0.0.1 colour=red", Settings::default(), MIGRATIONS).map(drop);
    assert!(matches!(nonsense, Err(StoreError::Failed(_))), "{nonsense:?}");
}

#[test]
fn a_database_that_only_reads_is_unavailable() {
    let server = shared();
    let address = server.address(&server.schema());
    let read_only = address.replace("-c search_path", "-c default_transaction_read_only=on -c search_path");
    let refused = Postgres::open(&read_only, Settings::default(), MIGRATIONS).map(drop);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    grow(&mut Postgres::open(&address, Settings::default(), MIGRATIONS).unwrap());
}

#[test]
fn what_somebody_else_changed_is_damage() {
    let server = shared();
    let cases = [
        ("DELETE FROM store_standing", Damage::NoStanding),
        ("UPDATE store_standing SET size = -1", Damage::Standing),
        ("UPDATE store_standing SET root = ''", Damage::Standing),
        ("DELETE FROM store_leaves WHERE first = 1", Damage::Leaves { first: 0 }),
        ("UPDATE store_leaves SET leaves = substr(leaves, 2) WHERE first = 1", Damage::Leaves { first: 1 }),
    ];
    for (tampering, damage) in cases {
        let address = server.address(&server.schema());
        let mut store = Postgres::open(&address, Settings::default(), MIGRATIONS).unwrap();
        for _ in 0..3 {
            grow(&mut store);
        }
        query(&address, tampering);
        let found = store.standing().map(drop).and_then(|()| store.leaves(0, 10).map(drop));
        let Err(StoreError::Damaged(why)) = &found else { panic!("{tampering}: {found:?}") };
        let why = why.downcast_ref::<Damage>().unwrap();
        let leaves = matches!((why, damage), (Damage::Leaves { .. }, Damage::Leaves { .. }));
        assert!(leaves || *why == damage, "{tampering}: {why:?}");
    }
    let address = server.address(&server.schema());
    let mut store = Postgres::open(&address, Settings::default(), MIGRATIONS).unwrap();
    query(&address, "DROP TABLE store_leaves");
    let found = store.leaves(0, 1);
    let Err(StoreError::Damaged(why)) = &found else { panic!("{found:?}") };
    assert_eq!(why.downcast_ref::<Said>().unwrap().code, "42P01");
}

#[test]
fn what_a_server_says_shows_no_value_of_a_row() {
    let server = shared();
    let address = server.address(&server.schema());
    let mut store = Postgres::open(&address, Settings::default(), MIGRATIONS).unwrap();
    query(&address, "CREATE UNIQUE INDEX ON store_leaves (leaves)");
    let base = grow(&mut store);
    let mut twice = batch(base, 1, vec![], &mut Random::new(99));
    twice.leaves = store.leaves(0, 1).unwrap();
    let Err(refused) = store.commit(&twice) else { panic!("the same leaf twice") };
    assert!(matches!(refused, StoreError::Failed(_)), "{refused:?}");
    let shown = format!("{refused} {refused:?}");
    assert!(shown.contains("23505") && !shown.contains("\\\\x") && !shown.contains("Key ("), "{shown}");
    assert_eq!(store.standing().unwrap(), base, "and nothing of the batch is there");
}

#[test]
fn a_server_that_goes_away_is_waited_for_only_so_long() {
    let server = Server::start(&[]);
    let settings = Settings { patience: Duration::from_secs(1), ..Settings::default() };
    let mut store = Postgres::open(&server.address(""), settings, MIGRATIONS).unwrap();
    let base = grow(&mut store);
    drop(server);
    let begun = Instant::now();
    let next = batch(base, 1, vec![], &mut Random::new(7));
    let refused = store.commit(&next);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!((Duration::from_millis(500)..Duration::from_mins(1)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[test]
fn a_commit_that_another_holds_up_gives_up_and_goes_through_when_it_is_given_again() {
    let server = shared();
    let address = server.address(&server.schema());
    let settings = Settings { patience: Duration::from_secs(1), ..Settings::default() };
    let mut store = Postgres::open(&address, settings, MIGRATIONS).unwrap();
    let base = grow(&mut store);
    let next = batch(base, 1, vec![], &mut Random::new(8));
    thread::scope(|scope| {
        // Ends when it is cancelled, below.
        let sleeper = scope.spawn(|| {
            try_query(&address, "BEGIN; SELECT * FROM store_standing FOR UPDATE; SELECT pg_sleep(600); COMMIT")
        });
        let held =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND wait_event = 'PgSleep'";
        while query(&address, held) != [["1"]] {
            thread::sleep(Duration::from_millis(10));
        }
        let refused = store.commit(&next);
        let Err(StoreError::Unavailable(why)) = &refused else { panic!("{refused:?}") };
        assert_eq!(why.downcast_ref(), Some(&Unfit::Slow { wait_s: 1 }));
        assert_eq!(store.standing().unwrap(), base, "reading goes on");
        query(&address, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        assert!(sleeper.join().unwrap().is_err(), "it held on until it was cancelled");
    });
    assert_eq!(store.commit(&next).unwrap(), Committed::Done(Standing { version: 2, head: next.head }));
    assert_eq!(store.leaves(0, 10).unwrap().len(), 2);
}
