//! Who holds the lock, until when, and from whom it was taken.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::client::{Asker, Client};
use super::executions::Executions;
use super::problem::Problem;
use super::tester::{Expiry, Tester};

/// Broken locks that are remembered; older ones are forgotten.
const MOST_BROKEN: usize = 16;

/// The one component has one lock.
#[derive(Default)]
pub(super) struct LockTable {
    active: Option<Lock>,
    broken: VecDeque<Broken>,
}

/// A lock that somebody holds. Dropping it ends its tester.
pub(super) struct Lock {
    pub(super) id: String,
    pub(super) tester: Tester,
    pub(super) executions: Executions,
    owner: Client,
    ends: Ends,
    expiry: Expiry,
}

/// When a lock ends, on both clocks.
#[derive(Clone, Copy)]
struct Ends {
    at: Instant,
    told: SystemTime,
}

impl Ends {
    fn after(lasts: Duration) -> Self {
        let told = SystemTime::now().checked_add(lasts).unwrap_or(SystemTime::UNIX_EPOCH);
        Self { at: Instant::now() + lasts, told }
    }
}

/// A lock that another client has taken away.
struct Broken {
    id: String,
    owner: Client,
    ends: Ends,
}

/// What is told of a lock.
pub(super) struct Told {
    pub(super) id: String,
    pub(super) owned: bool,
    pub(super) broken: bool,
    pub(super) ends: SystemTime,
}

/// What is wanted of a lock.
pub(super) struct Wanted {
    pub(super) owner: Client,
    pub(super) lasts: Duration,
    /// Take it from whoever holds it.
    pub(super) breaks: bool,
}

/// What came of it.
pub(super) enum Acquired {
    New,
    /// It was the client's already; now it lasts as long as was asked.
    Extended,
}

impl LockTable {
    /// Takes the lock; its owner extends it.
    pub(super) fn acquire(
        &mut self,
        id: String,
        wanted: &Wanted,
        start: impl FnOnce(Instant) -> (Tester, Expiry),
    ) -> Result<(String, Acquired), Problem> {
        self.forget_expired();
        let ends = Ends::after(wanted.lasts);
        match &mut self.active {
            Some(lock) if lock.owner == wanted.owner => {
                lock.extend(ends);
                return Ok((lock.id.clone(), Acquired::Extended));
            }
            Some(_) if !wanted.breaks => return Err(Problem::locked()),
            _ => {}
        }
        if let Some(Lock { id, owner, ends, .. }) = self.active.take() {
            self.broken.push_back(Broken { id, owner, ends });
            self.broken.drain(..self.broken.len().saturating_sub(MOST_BROKEN));
        }
        // Who holds the lock again has lost none.
        self.broken.retain(|broken| broken.owner != wanted.owner);
        let (tester, expiry) = start(ends.at);
        let executions = Executions::default();
        self.active = Some(Lock { id: id.clone(), tester, executions, owner: wanted.owner, ends, expiry });
        Ok((id, Acquired::New))
    }

    /// The lock, for who holds it.
    pub(super) fn held_by(&mut self, client: Client) -> Result<&mut Lock, Problem> {
        self.forget_expired();
        if self.broken.iter().any(|broken| broken.owner == client) {
            return Err(Problem::lock_broken());
        }
        match &mut self.active {
            Some(lock) if lock.owner == client => Ok(lock),
            Some(_) => Err(Problem::locked()),
            None => Err(Problem::precondition("take the lock first: POST locks")),
        }
    }

    /// The tester of who asks; none where it holds no lock. Who lost it is told so first.
    pub(super) fn tester_of(&mut self, asker: Asker) -> Result<Option<Tester>, Problem> {
        self.forget_expired();
        if self.broken.iter().any(|broken| asker.is(broken.owner)) {
            return Err(Problem::lock_broken());
        }
        Ok(self.active.as_ref().filter(|lock| asker.is(lock.owner)).map(|lock| lock.tester.clone()))
    }

    /// The lock that is held, by whomever.
    pub(super) fn active(&mut self) -> Option<&mut Lock> {
        self.forget_expired();
        self.active.as_mut()
    }

    /// All locks: the one that is held, and those that were broken and would still last.
    pub(super) fn all(&mut self, asker: Asker) -> Vec<Told> {
        self.forget_expired();
        let tell = |id: &String, owner, ends: Ends, broken| Told {
            id: id.clone(),
            owned: asker.is(owner),
            broken,
            ends: ends.told,
        };
        let active = self.active.iter().map(|lock| tell(&lock.id, lock.owner, lock.ends, false));
        active.chain(self.broken.iter().map(|lock| tell(&lock.id, lock.owner, lock.ends, true))).collect()
    }

    /// Lets a lock last so long from now on.
    pub(super) fn extend(&mut self, id: &str, client: Client, lasts: Duration) -> Result<(), Problem> {
        self.forget_expired();
        if let Some(broken) = self.broken.iter().find(|broken| broken.id == id) {
            return Err(if broken.owner == client { Problem::lock_broken() } else { Problem::not_owned() });
        }
        match self.active.as_mut().filter(|lock| lock.id == id) {
            Some(lock) if lock.owner == client => lock.extend(Ends::after(lasts)),
            Some(_) => return Err(Problem::not_owned()),
            None => return Err(no_such()),
        }
        Ok(())
    }

    /// Ends a lock, or takes note that it was broken.
    pub(super) fn release(&mut self, id: &str, client: Client) -> Result<(), Problem> {
        self.forget_expired();
        let broken = self.broken.iter().map(|lock| (&lock.id, lock.owner));
        let all = self.active.iter().map(|lock| (&lock.id, lock.owner)).chain(broken);
        match all.into_iter().find(|(known, _)| *known == id) {
            Some((_, owner)) if owner == client => {}
            Some(_) => return Err(Problem::not_owned()),
            None => return Err(no_such()),
        }
        self.active.take_if(|lock| lock.id == id);
        self.broken.retain(|lock| lock.id != id);
        Ok(())
    }

    fn forget_expired(&mut self) {
        let now = Instant::now();
        self.active.take_if(|lock| lock.ends.at <= now);
        self.broken.retain(|lock| lock.ends.at > now);
    }
}

impl Lock {
    fn extend(&mut self, ends: Ends) {
        self.ends = ends;
        self.expiry.send_replace(ends.at);
    }
}

/// No lock of that name is, or lasts any longer.
pub(super) fn no_such() -> Problem {
    Problem::not_found("no such lock: it was released, or has expired")
}
