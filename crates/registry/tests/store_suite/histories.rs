//! Random histories, step by step beside the model.

use headlock_registry::log::{Commitment, Hash, TreeHead};
use headlock_registry::store::{Batch, Change, Committed, Row, Scan, Standing, Store, Table};

use super::Place;
use super::model::Model;
use super::random::Random;
use super::tables::{self, MIGRATIONS, TABLES};

/// A batch that leads on from a base, with leaves of its own.
pub(crate) fn batch(base: Standing, leaves: u64, changes: Vec<Change>, random: &mut Random) -> Batch {
    let leaves: Vec<Commitment> = (0..leaves).map(|_| Commitment(random.bytes())).collect();
    let size = base.head.size + leaves.len() as u64;
    let root = if leaves.is_empty() { base.head.root } else { Hash(random.bytes()) };
    Batch { base, id: random.bytes(), head: TreeHead { size, root }, leaves, changes }
}

/// Runs so many histories, each on a place of its own.
pub(crate) fn agree_with_the_model(place: &dyn Fn() -> Place, seeds: std::ops::Range<u64>, steps: u64) {
    for seed in seeds {
        History { random: Random::new(seed), model: Model::new(), given: Vec::new(), seed }.run(&place(), steps);
    }
}

struct History {
    random: Random,
    model: Model,
    /// Batches that were given before, done or not.
    given: Vec<Batch>,
    seed: u64,
}

impl History {
    fn run(mut self, place: &Place, steps: u64) {
        let mut store = place(MIGRATIONS).expect("a store");
        let mut reader = store.reader().expect("a reader");
        for step in 0..steps {
            let case = format!("history {}, step {step}", self.seed);
            match self.random.below(16) {
                0..=5 => self.commit(store.as_mut(), &case),
                6 => self.commit_again(store.as_mut(), &case),
                7 => self.commit_late(store.as_mut(), &case),
                8 => {
                    store = place(MIGRATIONS).expect("a store again");
                    reader = store.reader().expect("a reader again");
                }
                9 | 10 => self.get(store.as_mut(), &case),
                11 | 12 => self.scan(store.as_mut(), &case),
                13 => self.leaves(store.as_mut(), &case),
                14 => {
                    let table = *self.random.of(&TABLES);
                    assert_eq!(store.count(table).expect("a count"), self.model.count(table), "{case}");
                }
                _ => {
                    assert_eq!(reader.standing().expect("a standing"), self.model.standing(), "{case}");
                    let table = *self.random.of(&TABLES);
                    let scan = Scan { table, prefix: &[], after: None, backwards: false, limit: 1000 };
                    assert_eq!(reader.scan(&scan).expect("rows"), self.model.scan(&scan), "{case}: {table:?}");
                }
            }
            assert_eq!(store.standing().expect("a standing"), self.model.standing(), "{case}");
        }
    }

    fn changes(&mut self) -> Vec<Change> {
        // Few rows in many changes: the same one is put, deleted and put again.
        let one = *self.random.of(&TABLES);
        (0..self.random.below(24))
            .map(|_| {
                let table = if self.random.below(2) == 0 { one } else { *self.random.of(&TABLES) };
                match self.random.below(3) {
                    0 => Change::Delete { table, key: self.known_key(table) },
                    _ => Change::Put { table, row: tables::row(table, &mut self.random) },
                }
            })
            .collect()
    }

    /// A key that mostly has a row.
    fn known_key(&mut self, table: &'static Table) -> Row {
        let scan = Scan { table, prefix: &[], after: None, backwards: false, limit: 1000 };
        let rows = self.model.scan(&scan);
        if rows.is_empty() || self.random.below(4) == 0 {
            return tables::key(table, table.key, &mut self.random);
        }
        self.random.of(&rows)[..table.key].to_vec()
    }

    fn give(&mut self, store: &mut dyn Store, batch: Batch, case: &str) -> Committed {
        let expected = self.model.commit(&batch);
        assert_eq!(store.commit(&batch).expect("a commit"), expected, "{case}");
        self.given.push(batch);
        expected
    }

    fn commit(&mut self, store: &mut dyn Store, case: &str) {
        let (leaves, changes) = (self.random.below(5), self.changes());
        let batch = batch(self.model.standing(), leaves, changes, &mut self.random);
        assert!(matches!(self.give(store, batch, case), Committed::Done(_)), "{case}");
    }

    fn commit_again(&mut self, store: &mut dyn Store, case: &str) {
        if !self.given.is_empty() {
            let batch = self.random.of(&self.given).clone();
            self.give(store, batch, case);
        }
    }

    /// From where the store stood before, or where it never stood.
    fn commit_late(&mut self, store: &mut dyn Store, case: &str) {
        let mut base = match self.given.last() {
            Some(last) if self.random.below(2) == 0 => last.base,
            _ => self.model.standing(),
        };
        match self.random.below(3) {
            0 => base.version += 1,
            1 => base.head.root = Hash(self.random.bytes()),
            _ => {}
        }
        if base != self.model.standing() {
            let (leaves, changes) = (self.random.below(5), self.changes());
            let batch = batch(base, leaves, changes, &mut self.random);
            assert!(matches!(self.give(store, batch, case), Committed::Overtaken(_)), "{case}");
        }
    }

    fn get(&mut self, store: &mut dyn Store, case: &str) {
        let table = *self.random.of(&TABLES);
        let keys: Vec<Row> = (0..self.random.below(6)).map(|_| self.known_key(table)).collect();
        assert_eq!(store.get(table, &keys).expect("rows"), self.model.get(table, &keys), "{case}: {table:?}");
    }

    fn scan(&mut self, store: &mut dyn Store, case: &str) {
        let table = *self.random.of(&TABLES);
        let length = usize::try_from(self.random.below(table.key as u64 + 1)).expect("a small number");
        let known = self.known_key(table);
        let prefix = &known[..length];
        let after = (self.random.below(2) == 0).then(|| self.known_key(table));
        let limit = *self.random.of(&[0, 1, 2, 7, usize::MAX]);
        let backwards = self.random.below(2) == 0;
        let scan = Scan { table, prefix, after: after.as_deref(), backwards, limit };
        assert_eq!(store.scan(&scan).expect("rows"), self.model.scan(&scan), "{case}: {} {backwards}", table.name);
    }

    fn leaves(&mut self, store: &mut dyn Store, case: &str) {
        let size = self.model.leaves().len();
        let from = usize::try_from(self.random.below(size as u64 + 3)).expect("few leaves");
        let limit = *self.random.of(&[1, 2, 9, usize::MAX]);
        let found = store.leaves(from as u64, limit).expect("leaves");
        let rest = self.model.leaves().get(from..).unwrap_or_default();
        assert!(rest.starts_with(&found) && found.len() <= limit, "{case}");
        assert_eq!(found.is_empty(), rest.is_empty(), "{case}: at least one if there is one");
    }
}
