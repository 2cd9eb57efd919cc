//! What was used up and asked for lately: every limit's state, and the idempotency keys that still count.
//!
//! Each commit adds one row of both, one behind the other, and this is read from those rows at the start. So a release writes at the end
//! of its tables alone, however many serials and vehicles there are, and no restart refills a limit.

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::refusal::Fault;
use super::world::key;
use crate::record::{Lately, Record, RequestId};
use crate::store::{Read, Scan};

/// Rows that are read at a time.
const ROWS: usize = 1_000;

/// Entries beyond which those that no longer count are looked for.
const CLEAN_FROM: usize = 100_000;

/// What a limit or an idempotency key is kept under: the first half of a SHA-256 over what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject([u8; 16]);

impl Subject {
    /// Of these parts, none of which can be taken for another.
    pub(super) fn of(kind: &str, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind);
        for part in parts {
            hash.update([0]);
            hash.update(part);
        }
        let whole: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        Self(half)
    }
}

/// What commits of late left.
#[derive(Default)]
pub(super) struct Recent {
    /// Theoretical arrival times, in milliseconds since 1970.
    tats: FxHashMap<Subject, u64>,
    /// Requests by idempotency key, and when they were made, in milliseconds since 1970.
    requests: FxHashMap<Subject, ([u8; 16], u64)>,
    /// The last commit that is in here.
    version: u64,
    clean_from: usize,
}

/// What one batch adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    tats: FxHashMap<Subject, u64>,
    requests: FxHashMap<Subject, [u8; 16]>,
}

impl Added {
    pub(super) fn charge(&mut self, subject: Subject, tat_ms: u64) {
        self.tats.insert(subject, tat_ms);
    }

    pub(super) fn remember(&mut self, subject: Subject, request: [u8; 16]) {
        self.requests.insert(subject, request);
    }

    /// As a row; none if there is nothing to say.
    pub(super) fn to_row(&self, version: u64, at_ms: u64) -> Option<Lately> {
        if self.tats.is_empty() && self.requests.is_empty() {
            return None;
        }
        let mut tats = Vec::with_capacity(self.tats.len() * 24);
        for (subject, tat_ms) in &self.tats {
            tats.extend_from_slice(&subject.0);
            tats.extend_from_slice(&tat_ms.to_be_bytes());
        }
        let mut requests = Vec::with_capacity(self.requests.len() * 32);
        for (subject, request) in &self.requests {
            requests.extend_from_slice(&subject.0);
            requests.extend_from_slice(request);
        }
        Some(Lately { version, at_ms, tats, requests })
    }

    fn from_row(row: &Lately) -> Option<Self> {
        let (tats, rest) = row.tats.as_chunks::<24>();
        let (requests, other) = row.requests.as_chunks::<32>();
        if !rest.is_empty() || !other.is_empty() {
            return None;
        }
        let tat = |bytes: &[u8; 24]| {
            let (subject, tat_ms) = bytes.split_first_chunk::<16>()?;
            Some((Subject(*subject), u64::from_be_bytes(tat_ms.try_into().ok()?)))
        };
        let request = |bytes: &[u8; 32]| {
            let (subject, request) = bytes.split_first_chunk::<16>()?;
            Some((Subject(*subject), request.try_into().ok()?))
        };
        Some(Self {
            tats: tats.iter().map(tat).collect::<Option<_>>()?,
            requests: requests.iter().map(request).collect::<Option<_>>()?,
        })
    }
}

impl Recent {
    /// The state of a limit; 0 where nothing was used up.
    pub(super) fn tat_ms(&self, added: &Added, subject: Subject) -> u64 {
        added.tats.get(&subject).or_else(|| self.tats.get(&subject)).copied().unwrap_or_default()
    }

    /// The request that an idempotency key stands for.
    pub(super) fn request(&self, added: &Added, subject: Subject) -> Option<RequestId> {
        let known = self.requests.get(&subject).map(|(request, _)| request);
        added.requests.get(&subject).or(known).map(RequestId::from_bytes)
    }

    /// After a commit.
    pub(super) fn keep(&mut self, added: Added, version: u64, at_ms: u64, keep_ms: u64) {
        self.tats.extend(added.tats);
        self.requests.extend(added.requests.into_iter().map(|(subject, request)| (subject, (request, at_ms))));
        self.version = version;
        if self.tats.len() + self.requests.len() > self.clean_from.max(CLEAN_FROM) {
            self.tats.retain(|_, tat_ms| *tat_ms > at_ms);
            self.requests.retain(|_, (_, asked_ms)| asked_ms.saturating_add(keep_ms) > at_ms);
            self.clean_from = 2 * (self.tats.len() + self.requests.len());
        }
    }

    /// Reads what commits left since the last that is in here.
    pub(super) fn read_on(&mut self, store: &mut (impl Read + ?Sized), version: u64) -> Result<(), Fault> {
        loop {
            let after = key(&[&self.version]);
            let scan = Scan { table: Lately::TABLE, prefix: &[], after: Some(&after), backwards: false, limit: ROWS };
            let rows = store.scan(&scan)?;
            let last = rows.len() < ROWS;
            for row in rows {
                let damaged = Fault::Row { table: Lately::TABLE.name };
                let Some(row) = Lately::from_row(row) else { return Err(damaged) };
                let Some(added) = Added::from_row(&row) else { return Err(damaged) };
                self.keep(added, row.version, row.at_ms, u64::MAX);
            }
            if last {
                // Others may be further by now; what they left is read when that is noticed.
                self.version = self.version.max(version);
                return Ok(());
            }
        }
    }
}
