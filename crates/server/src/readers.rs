//! Reading beside the desk: a few connections to the store, and for a second who somebody is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headlock_registry::desk::Credential;
use headlock_registry::lookup::{self, LookupError, Visitor};
use headlock_registry::store::{Read, StoreError};

/// How long it is believed who somebody is, where no other instance could have changed it less.
const BELIEVED: Duration = Duration::from_secs(1);

/// Visitors that are kept.
const KEPT: usize = 10_000;

/// Connections that only read.
pub(crate) struct Readers {
    idle: Mutex<Vec<Box<dyn Read>>>,
    permits: tokio::sync::Semaphore,
    /// Whether a read waits for nothing but a page of a file: then it is not worth a change of threads.
    at_once: bool,
    visitors: Mutex<HashMap<(bool, [u8; 32]), Known>>,
}

struct Known {
    visitor: Arc<Visitor>,
    since: Instant,
    generation: u64,
}

impl Readers {
    /// Over these connections, one at least.
    pub(crate) fn new(readers: Vec<Box<dyn Read>>, at_once: bool) -> Self {
        let permits = tokio::sync::Semaphore::new(readers.len());
        Self { idle: Mutex::new(readers), permits, at_once, visitors: Mutex::default() }
    }

    /// Reads something.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&mut dyn Read) -> Result<T, LookupError> + Send + 'static,
    ) -> Result<T, LookupError> {
        let gone = || StoreError::Unavailable("no connection to read with".into());
        let _permit = self.permits.acquire().await.map_err(|_| gone())?;
        let mut reader = lock(&self.idle).pop().ok_or_else(gone)?;
        if self.at_once {
            let answer = read(&mut *reader);
            lock(&self.idle).push(reader);
            return answer;
        }
        let readers = Arc::clone(self);
        let work = move || {
            let answer = read(&mut *reader);
            lock(&readers.idle).push(reader);
            answer
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| gone())?
    }

    /// A connection that shows one moment, for as long as it is kept.
    pub(crate) async fn moment(self: &Arc<Self>) -> Result<Box<dyn Read>, LookupError> {
        let gone = || StoreError::Unavailable("no connection to read with".into());
        let _permit = self.permits.acquire().await.map_err(|_| gone())?;
        let reader = lock(&self.idle).pop().ok_or_else(gone)?;
        let readers = Arc::clone(self);
        let work = move || {
            let moment = reader.moment();
            lock(&readers.idle).push(reader);
            moment
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(|_| gone())??)
    }

    /// Who somebody is, as of this generation of rights or a later one.
    pub(crate) async fn visitor(
        self: &Arc<Self>,
        credential: Credential,
        (generation, now_s): (u64, u64),
    ) -> Result<Arc<Visitor>, LookupError> {
        let key = match credential {
            Credential::Token(digest) => (false, digest),
            Credential::Certificate(digest) => (true, digest),
            Credential::Console | Credential::Nobody => {
                return Err(headlock_registry::desk::Refusal::NotSignedIn.into());
            }
        };
        if let Some(known) = lock(&self.visitors).get(&key)
            && known.generation == generation
            && known.since.elapsed() < BELIEVED
            && known.visitor.lasts(now_s)
        {
            return Ok(Arc::clone(&known.visitor));
        }
        let since = Instant::now();
        let visitor = self.read(move |read| lookup::visitor(read, credential, now_s)).await?;
        let visitor = Arc::new(visitor);
        let mut visitors = lock(&self.visitors);
        if visitors.len() >= KEPT {
            visitors.clear();
        }
        visitors.insert(key, Known { visitor: Arc::clone(&visitor), since, generation });
        Ok(visitor)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Readers(…)")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is kept is whole after a panic too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
