//! Whether the desk is open: it starts sealed, opens with a key file or with shares, and can be sealed again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use headlock_profile::Catalog;
use headlock_registry::desk::{Desk, OpenError, Tools};
use headlock_registry::log::Disk;
use headlock_registry::lookup;
use headlock_registry::rules::Rules;
use headlock_registry::seal::{FINGERPRINT_BYTES, JoinError, Kek, Share};
use headlock_wire::hex;

use crate::api::SealView;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, open_store};
use crate::desk_thread::{DeskQueue, DeskThread, End, Pace, desk_queue};
use crate::exports::Exports;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::readers::Readers;

/// How long shares are kept while no further one comes.
const SHARES_KEPT: Duration = Duration::from_mins(15);

/// Sets of which shares are kept: anybody can type in shares of a key of their own.
const SETS_MAX: usize = 8;

/// How long to wait before a desk that did not open is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(2);

/// An open desk.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) queue: DeskQueue,
    pub(crate) readers: Arc<Readers>,
    pub(crate) exports: Exports,
}

enum State {
    Sealed,
    Opening,
    Open(Arc<Open>),
    /// The thread of the desk ended by itself.
    Failed,
}

struct Set {
    shares: Vec<Share>,
    last: Instant,
}

/// What stands between the connections and the desk.
pub(crate) struct Gate {
    state: RwLock<State>,
    sets: Mutex<Vec<Set>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    house: House,
}

/// What a desk is opened with, beside its key.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) config: Arc<Config>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
}

/// Why a desk does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// The store.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The desk.
    #[error(transparent)]
    Desk(#[from] OpenError),
    /// Readers.
    #[error(transparent)]
    Store(#[from] headlock_registry::store::StoreError),
    /// The system gives no thread.
    #[error("no thread for the desk: {0}")]
    Thread(#[from] std::io::Error),
    /// It is open, or being opened.
    #[error("the desk is open already")]
    Already,
}

impl Gate {
    pub(crate) fn new(house: House) -> Self {
        Self { state: RwLock::new(State::Sealed), sets: Mutex::default(), thread: Mutex::default(), house }
    }

    /// The open desk.
    pub(crate) fn open(&self) -> Result<Arc<Open>, Problem> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(open) => Ok(Arc::clone(open)),
            State::Sealed => Err(Problem::sealed()),
            State::Opening | State::Failed => Err(Problem::unavailable()),
        }
    }

    /// The units.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.house.catalog
    }

    /// Whether anything but health and shares is answered.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Open(_))
    }

    /// How it stands, with the set that has the most shares.
    pub(crate) fn view(&self) -> SealView {
        let sets = lock(&self.sets);
        let most = sets.iter().max_by_key(|set| set.shares.len());
        self.shown(most.map_or(&[], |set| &set.shares), sets.len())
    }

    fn shown(&self, shares: &[Share], sets: usize) -> SealView {
        let state = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Sealed => "sealed",
            State::Opening => "opening",
            State::Open(_) => "unsealed",
            State::Failed => "failed",
        };
        let need = shares.first().map_or(0, |share| usize::from(share.quorum()));
        SealView { state: state.to_owned(), have: shares.len(), need, other_sets: sets > 1 }
    }

    /// Takes a share in; with the last one that is needed the desk opens. Blocks while it does.
    pub(crate) fn offer(&self, share: Share) -> Result<SealView, Problem> {
        if matches!(&*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Open(_) | State::Opening) {
            return Err(Problem::conflict("the desk is unsealed already"));
        }
        let mut sets = lock(&self.sets);
        sets.retain(|set| set.last.elapsed() < SHARES_KEPT);
        let same = |set: &Set| set.shares.first().is_some_and(|first| first.set() == share.set());
        let at = sets.iter().position(same).unwrap_or_else(|| {
            if sets.len() >= SETS_MAX {
                // The one that has come least far, and of those the one that waits longest.
                let least = (0..sets.len()).min_by_key(|at| (sets[*at].shares.len(), sets[*at].last));
                sets.remove(least.unwrap_or_default());
            }
            sets.push(Set { shares: Vec::new(), last: Instant::now() });
            sets.len() - 1
        });
        let number = share.number();
        if sets[at].shares.iter().any(|there| there.number() == number) {
            return Err(Problem::conflict(format!("share {number} of this set is there already")));
        }
        if sets[at].shares.first().is_some_and(|first| first.quorum() != share.quorum()) {
            return Err(Problem::invalid("share", "its quorum is not that of its set"));
        }
        sets[at].shares.push(share);
        sets[at].last = Instant::now();
        let set = &sets[at];
        if set.shares.len() < set.shares.first().map_or(usize::MAX, |share| usize::from(share.quorum())) {
            return Ok(self.shown(&set.shares, sets.len()));
        }
        let set = sets.remove(at);
        drop(sets);
        let kek = self.join(&set.shares)?;
        self.unseal(kek).map_err(|why| match why {
            OpenFailure::Already => Problem::conflict("the desk is unsealed already"),
            why => {
                tracing::error!(%why, "the shares are right, and the desk does not open");
                Problem::unavailable()
            }
        })?;
        lock(&self.sets).clear();
        Ok(self.shown(&set.shares, 1))
    }

    fn join(&self, shares: &[Share]) -> Result<Kek, Problem> {
        let fingerprint = self.fingerprint().map_err(|why| {
            tracing::error!(%why, "the store does not say which key is the right one");
            Problem::unavailable()
        })?;
        Kek::join(shares, fingerprint).map_err(|why| match why {
            JoinError::Fingerprint => {
                Problem::conflict("these shares make another key than this registry's; they were forgotten")
            }
            why => Problem::conflict(why.to_string()),
        })
    }

    fn fingerprint(&self) -> Result<[u8; FINGERPRINT_BYTES], OpenFailure> {
        let mut store = open_store(&self.house.config)?;
        let text = lookup::key_fingerprint(&mut *store).map_err(|why| match why {
            lookup::LookupError::Store(why) => OpenFailure::Store(why),
            _ => OpenFailure::Desk(OpenError::None),
        })?;
        let bytes = hex::bytes(text.ok_or(OpenError::None)?);
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(OpenFailure::Desk(OpenError::None))
    }

    /// Opens the desk with its key. Blocks while it does.
    pub(crate) fn unseal(&self, kek: Kek) -> Result<(), OpenFailure> {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Open(_) | State::Opening) {
                return Err(OpenFailure::Already);
            }
            *state = State::Opening;
        }
        let opened = self.start(kek);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok((open, thread)) => {
                *state = State::Open(Arc::new(open));
                *lock(&self.thread) = Some(thread);
                self.house.metrics.unsealed(true);
                Ok(())
            }
            Err(why) => {
                *state = State::Sealed;
                Err(why)
            }
        }
    }

    fn start(&self, kek: Kek) -> Result<(Open, thread::JoinHandle<()>), OpenFailure> {
        let desk = self.house.desk(&kek)?;
        let embedded = self.house.config.store.is_none();
        let count = thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8);
        let readers: Result<_, _> = (0..count).map(|_| desk.reader()).collect();
        let readers = Arc::new(Readers::new(readers?, embedded));
        let limits = &self.house.config.limits;
        let sync_every = Duration::from_secs(self.house.config.log.sync_s);
        let pace = Pace { queue: limits.queue, batch: limits.batch, sync_every };
        let (queue, worker) = desk_queue(pace, self.house.clock.clone(), Arc::clone(&self.house.metrics));
        let house = self.house.clone();
        let thread = thread::Builder::new().name("desk".to_owned());
        let thread = thread.spawn(move || work(&house, &kek, desk, &worker))?;
        Ok((Open { queue, readers, exports: Exports::new() }, thread))
    }

    /// Seals the desk: what waits is finished, an export breaks off, the log is durable, the key is wiped. Blocks while it does.
    pub(crate) fn seal(&self) -> bool {
        let open = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let State::Open(open) = &*state else { return false };
            let open = Arc::clone(open);
            *state = State::Sealed;
            open
        };
        self.house.metrics.unsealed(false);
        open.exports.end();
        open.queue.stop();
        if let Some(thread) = lock(&self.thread).take() {
            // It has said why, if it did not end as it should.
            let _ = thread.join();
        }
        true
    }

    /// Notes that the desk's thread has ended by itself, if it has.
    pub(crate) fn lost(&self) {
        if !lock(&self.thread).as_ref().is_some_and(thread::JoinHandle::is_finished) {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(_)) {
            *state = State::Failed;
            self.house.metrics.unsealed(false);
        }
    }
}

impl House {
    fn desk(&self, kek: &Kek) -> Result<Desk<Disk>, OpenFailure> {
        let tools = Tools {
            store: open_store(&self.config)?,
            files: Disk::new(self.config.log_folder()),
            catalog: Arc::clone(&self.catalog),
            rules: self.rules.clone(),
            kek: kek.clone(),
        };
        Ok(Desk::open(tools, self.clock.now_ms())?)
    }
}

/// The life of the desk's thread: a desk whose log's folder lost something is opened anew, from the store.
fn work(house: &House, kek: &Kek, desk: Desk<Disk>, worker: &DeskThread) {
    let mut desk = Some(desk);
    loop {
        if let Some(mut open) = desk.take()
            && worker.run(&mut open) == End::Stopped
        {
            return;
        }
        // The folder's lock goes with the old desk, which is dropped by now.
        if worker.refuse(OPEN_AGAIN) == Some(End::Stopped) {
            return;
        }
        match house.desk(kek) {
            Ok(open) => desk = Some(open),
            Err(why) => tracing::error!(%why, "the desk does not open again yet"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is whole after a panic too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
