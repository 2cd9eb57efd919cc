//! Units by the ten thousand: a batch of sealed rows becomes durable in one commit, with the import's progress and one leaf of the log.
//!
//! Such rows do not go through the rows of the general batch one by one. What holds there holds here too: whatever is decided was read on
//! the standing that the commit demands; a commit that another overtook is decided anew; what was sealed stays as it was sealed.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use headlock_profile::Catalog;
use headlock_wire::hex;

use super::caller::Caller;
use super::command::Credential;
use super::refusal::{Fault, Refusal, Stop};
use super::scheme;
use super::sealed::{SEALED, SECRET, SealedUnits, VIN};
use super::sorted::{Differing, Sorted, sort};
use super::units::import_progress;
use super::work::Work;
use super::world::{World, key};
use super::{Desk, Ended, TRIES};
use crate::log::Files;
use crate::record::{Record, SecretKind, Setting, Unit, VinUnit};
use crate::sign_in::{Role, Scope};
use crate::store::{Change, Row, Scan, Store, StoreError, Value};

/// Looks at ranges of serials before the rest is asked for one by one: in the order of their making, units lie behind all others.
const PROBES: u32 = 64;

/// Serials that are asked for one by one rather than by ranges.
const FEW: usize = 64;

/// How an import goes on with a batch.
#[derive(Clone, Copy, Debug)]
pub struct BulkStep<'a> {
    /// What the rows come from.
    pub import: &'a str,
    /// The rows that the store says were taken before; none if it says nothing.
    pub since: Option<u64>,
    /// Rows that are done with this batch.
    pub rows: u64,
    /// Where reading goes on, in the reader's own bytes.
    pub position: &'a [u8],
}

/// What a batch came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkAdded {
    /// Units that were not there.
    pub new: u64,
    /// Units that were there, and are the same.
    pub known: u64,
    /// Rows that were not taken, in the order of the table.
    pub differing: Vec<Differing>,
    /// The leaf that tells of the new ones; none if there is none.
    pub leaf: Option<u64>,
}

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// Whoever asks may not.
    #[error(transparent)]
    Refused(Refusal),
    /// Somebody else takes in the same table, or a batch was left out.
    #[error(
        "the import is at row {}, and this batch follows on row {}: is the same table read in elsewhere? Nothing was added",
        found.unwrap_or_default(),
        since.unwrap_or_default()
    )]
    Moved {
        /// Rows that the store has.
        found: Option<u64>,
        /// Rows that the batch was to follow.
        since: Option<u64>,
    },
    /// The desk. The batch may have come to stand all the same; the import's progress tells.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl<F: Files> Desk<F> {
    /// The units that this desk knows.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.house.catalog)
    }

    /// Makes new units durable, with the import's progress and a leaf that tells of them, all in one commit. Units that are there are left
    /// alone: the same is counted as known, another content is told. Afterwards `units` has none any more, and its memory is for others.
    ///
    /// # Errors
    /// [`BulkError`]; except after a fault nothing was added.
    pub fn add_bulk(
        &mut self,
        now_ms: u64,
        credential: Credential,
        step: &BulkStep<'_>,
        units: &mut SealedUnits,
    ) -> Result<BulkAdded, BulkError> {
        let added = self.add(now_ms, credential, step, units);
        units.clear();
        added
    }

    fn add(
        &mut self,
        now_ms: u64,
        credential: Credential,
        step: &BulkStep<'_>,
        units: &mut SealedUnits,
    ) -> Result<BulkAdded, BulkError> {
        self.resolve()?;
        self.store.expect_many().map_err(Fault::from)?;
        self.last_ms = self.last_ms.max(now_ms);
        for _ in 0..TRIES {
            let worked = self.work_out(credential, step, units);
            let (sorted, mut written) = match worked {
                Ok(worked) => worked,
                Err(why) => {
                    self.forget();
                    return Err(why);
                }
            };
            let leaf = (!written.leaves.is_empty()).then_some(self.standing.head.size);
            let own = written.changes.len();
            let (changes, spared) = take(units, &sorted);
            written.changes.extend(changes);
            // What was looked for and not there may be there now.
            self.rows.forget_tables(&[Unit::TABLE.name, VinUnit::TABLE.name]);
            let (ended, mut changes) = self.commit(written)?;
            give_back(units, &sorted, spared, changes.drain(own..));
            if ended == Ended::Done {
                let new = sorted.new.len() as u64;
                return Ok(BulkAdded { new, known: sorted.known, differing: sorted.differing, leaf });
            }
        }
        Err(Fault::Contended.into())
    }

    /// What [`Desk::add_bulk`] would say of these units, without adding any.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn check_bulk(&mut self, now_ms: u64, units: &SealedUnits) -> Result<BulkAdded, Fault> {
        self.resolve()?;
        self.last_ms = self.last_ms.max(now_ms);
        let rows = (&mut self.rows, &self.recent);
        let there = existing(&mut *self.store, units)?;
        let mut world = World::new(&mut *self.store, rows, self.standing.head.size, self.last_ms);
        let mut work = Work { world: &mut world, keys: &mut self.keys, house: &self.house };
        let sorted = sort(&mut work, units, there).map_err(super::fault)?;
        Ok(BulkAdded { new: sorted.new.len() as u64, known: sorted.known, differing: sorted.differing, leaf: None })
    }

    /// How far an import of this name has come: rows, and where reading goes on. A batch of which nobody knew is settled first.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn bulk_progress(&mut self, import: &str) -> Result<Option<(u64, Vec<u8>)>, Fault> {
        self.resolve()?;
        Ok(self.import_progress(import)?)
    }

    /// Units of the catalogue whose codes follow from a scheme, where new ones come in.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn keyed_units(&mut self) -> Result<BTreeSet<String>, Fault> {
        self.resolve()?;
        let ids: Vec<&String> = self.house.catalog.units.iter().map(|unit| &unit.identity.id).collect();
        let keys: Vec<Row> = ids.iter().map(|id| key(&[&scheme::current(id)])).collect();
        let found = self.store.get(Setting::TABLE, &keys)?;
        Ok(ids.into_iter().zip(found).filter_map(|(id, row)| row.map(|_| id.clone())).collect())
    }

    /// Which of these serials are there.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn are_known(&mut self, serials: &[String]) -> Result<Vec<bool>, Fault> {
        let keys: Vec<Row> = serials.iter().map(|serial| vec![Value::Text(serial.clone())]).collect();
        Ok(self.store.get(Unit::TABLE, &keys)?.iter().map(Option::is_some).collect())
    }

    fn work_out(
        &mut self,
        credential: Credential,
        step: &BulkStep<'_>,
        units: &mut SealedUnits,
    ) -> Result<(Sorted, super::world::Written), BulkError> {
        let there = existing(&mut *self.store, units).map_err(Fault::from)?;
        let rows = (&mut self.rows, &self.recent);
        let mut world = World::new(&mut *self.store, rows, self.standing.head.size, self.last_ms);
        let mut work = Work { world: &mut world, keys: &mut self.keys, house: &self.house };
        let sorted = decide(&mut work, credential, step, units, there)?;
        let written = world.finish(self.standing.version + 1).map_err(stopped)?;
        Ok((sorted, written))
    }
}

fn decide(
    work: &mut Work<'_, '_>,
    credential: Credential,
    step: &BulkStep<'_>,
    units: &mut SealedUnits,
    there: Vec<Option<Row>>,
) -> Result<Sorted, BulkError> {
    let caller = Caller::of(work, credential).map_err(stopped)?;
    caller.keeper(Role::Operator, Scope::Import).map_err(BulkError::Refused)?;
    let name = format!("import/{}", step.import);
    let progress: Option<Setting> = work.world.read(key(&[&name])).map_err(stopped)?;
    let found = import_progress(progress.as_ref().map(|setting| setting.value.as_str())).map(|(rows, _)| rows);
    if found != step.since {
        return Err(BulkError::Moved { found, since: step.since });
    }
    let sorted = sort(work, units, there).map_err(stopped)?;
    let value = format!("{} {}", step.rows, hex::digits(step.position));
    work.world.put(&Setting { name, value });
    if !sorted.new.is_empty() {
        let number = if sorted.new.len() > sorted.by_scheme.len() {
            work.keys.keep(work.world, SecretKind::Data, units.key.clone()).map_err(stopped)?
        } else {
            0
        };
        for at in &sorted.new {
            if let Some(secret) = units.rows.get_mut(*at).and_then(|row| row.get_mut(SECRET)) {
                let number = sorted.by_scheme.get(at).copied().unwrap_or(number);
                *secret = Value::Whole(i64::from(number));
            }
        }
        let digest = hex::digits(&units.digest_of(&sorted.new));
        let (new, rows) = (sorted.new.len().to_string(), step.rows.to_string());
        let fields =
            [("import", step.import), ("new", &new), ("rows", &rows), ("units", &digest), ("by", caller.name())];
        work.log("imported", &fields).map_err(stopped)?;
    }
    Ok(sorted)
}

/// What stands there of each row's serial, in the order of the rows.
///
/// A range of serials without any is one look; only what lies among others is asked for one by one.
fn existing(store: &mut dyn Store, units: &SealedUnits) -> Result<Vec<Option<Row>>, StoreError> {
    let mut found = vec![None; units.len()];
    let mut ranges: VecDeque<Range<usize>> = VecDeque::new();
    ranges.push_back(0..units.len());
    let (mut unsure, mut probes) = (Vec::new(), PROBES);
    while let Some(range) = ranges.pop_front() {
        if range.len() <= FEW || probes == 0 {
            unsure.extend(units.order[range].iter().map(|at| *at as usize));
            continue;
        }
        probes -= 1;
        if !is_empty(store, units, &range)? {
            let half = range.start + range.len() / 2;
            ranges.push_back(range.start..half);
            ranges.push_back(half..range.end);
        }
    }
    if !unsure.is_empty() {
        let keys: Vec<Row> = unsure.iter().map(|at| vec![units.serial(*at).clone()]).collect();
        for (at, row) in unsure.into_iter().zip(store.get(Unit::TABLE, &keys)?) {
            found[at] = row;
        }
    }
    Ok(found)
}

/// Whether no serial from the first to the last of a range is there.
fn is_empty(store: &mut dyn Store, units: &SealedUnits, range: &Range<usize>) -> Result<bool, StoreError> {
    let serial = |place: usize| units.serial(units.order[place] as usize);
    let (first, last) = ([serial(range.start).clone()], serial(range.end - 1));
    let table = Unit::TABLE;
    if store.get(table, &[first.to_vec()])?.pop().flatten().is_some() {
        return Ok(false);
    }
    let next = store.scan(&Scan { table, prefix: &[], after: Some(&first), backwards: false, limit: 1 })?.pop();
    Ok(next.and_then(|row| row.into_iter().next()).is_none_or(|next| next > *last))
}

/// The changes that add the new rows, which leave the batch: units, then vehicles; and what was sealed of those that need no code.
fn take(units: &mut SealedUnits, sorted: &Sorted) -> (Vec<Change>, Vec<Value>) {
    let new = &sorted.new;
    let mut changes = Vec::with_capacity(2 * new.len());
    let mut vins = Vec::with_capacity(new.len());
    let mut spared = Vec::with_capacity(sorted.by_scheme.len());
    for at in new {
        let mut row = std::mem::take(&mut units.rows[*at]);
        if sorted.by_scheme.contains_key(at) {
            spared.push(std::mem::replace(&mut row[SEALED], Value::Nothing));
        }
        if row.get(VIN).is_some_and(|vin| *vin != Value::Nothing) {
            vins.push(Change::Put { table: VinUnit::TABLE, row: std::mem::take(&mut units.vins[*at]) });
        }
        changes.push(Change::Put { table: Unit::TABLE, row });
    }
    changes.append(&mut vins);
    (changes, spared)
}

/// Takes the rows back into the batch, for another try or for their memory.
fn give_back(units: &mut SealedUnits, sorted: &Sorted, spared: Vec<Value>, changes: impl Iterator<Item = Change>) {
    let new = &sorted.new;
    let mut spared = spared.into_iter();
    let mut rows = changes.filter_map(|change| match change {
        Change::Put { row, .. } => Some(row),
        Change::Delete { .. } => None,
    });
    for at in new {
        units.rows[*at] = rows.next().unwrap_or_default();
        if sorted.by_scheme.contains_key(at)
            && let (Some(place), Some(sealed)) = (units.rows[*at].get_mut(SEALED), spared.next())
        {
            *place = sealed;
        }
    }
    for at in new {
        if units.rows[*at].get(VIN).is_some_and(|vin| *vin != Value::Nothing) {
            units.vins[*at] = rows.next().unwrap_or_default();
        }
    }
}

fn stopped(stop: Stop) -> BulkError {
    match stop {
        Stop::Refused(refusal) => BulkError::Refused(refusal),
        Stop::Fault(fault) => BulkError::Fault(fault),
    }
}
