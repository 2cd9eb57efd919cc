//! The way to the server: connections, and the patience to try again on another one.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Config, NoTls};

use super::failure::{Failure, Outlook, Unfit};
use super::{Settings, sql};
use crate::store::StoreError;

/// Between a first attempt and the second; each pause is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// No pause is longer: a server that was made primary is found soon.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long a host may take to answer at all before the next one is asked.
const CONNECT: Duration = Duration::from_secs(3);

/// How long the server keeps the locks of a writer that it hears nothing from.
const SILENCE: &str = "SET idle_in_transaction_session_timeout = 10000";

/// Connections, and the runtime that they live in. It runs on the threads of those who ask, and on no thread of its own.
#[derive(Debug)]
pub(super) struct Link {
    runtime: Own,
    pool: Pool,
    patience: Duration,
}

/// A runtime that whoever is last lets go of, also on a thread that drives another one and must not wait.
#[derive(Debug)]
struct Own(Option<Runtime>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What to do when the server cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenLost {
    TryAgain,
    GiveUp,
}

impl Link {
    /// Prepares the way to whichever of the address's hosts takes writes; connects to none yet.
    pub(super) fn new(address: &str, settings: &Settings) -> Result<Self, StoreError> {
        let mut config: Config = address.parse().map_err(failed)?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(settings.patience);
        }
        if config.get_application_name().is_none() {
            config.application_name("headlock");
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, recycling);
        let pool = Pool::builder(manager).max_size(settings.connections.max(1)).build().map_err(failed)?;
        Ok(Self { runtime: Own(Some(runtime)), pool, patience: settings.patience })
    }

    /// Does the work on a connection; on another one if that is lost, and again if another transaction was in its way.
    pub(super) fn run<T>(
        &self,
        when_lost: WhenLost,
        work: &impl AsyncFn(&Object) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let runtime = self.runtime.0.as_ref();
        let runtime = runtime.ok_or_else(Self::over)?;
        runtime.block_on(async {
            let end = Instant::now() + self.patience;
            let mut pause = FIRST_PAUSE;
            loop {
                let attempt = timeout_at(end, self.attempt(work)).await;
                let Ok(result) = attempt else {
                    return Err(StoreError::Unavailable(Box::new(Unfit::Slow { wait_s: self.patience.as_secs() })));
                };
                let why = match result {
                    Ok(done) => return Ok(done),
                    Err(why) => why,
                };
                let hope = match why.outlook() {
                    Outlook::Again => true,
                    Outlook::Lost => when_lost == WhenLost::TryAgain,
                    Outlook::Final => false,
                };
                if !hope || Instant::now() + pause >= end {
                    return Err(why.into());
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        })
    }

    /// A connection for one alone, which they close.
    pub(super) fn hold(&self) -> Result<Object, StoreError> {
        self.once(async {
            let client = self.pool.get().await?;
            if Object::metrics(&client).recycle_count == 0 {
                greet(&client).await?;
            }
            Ok(client)
        })
    }

    /// Does something once, for as long as the patience lasts.
    pub(super) fn once<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, StoreError> {
        let runtime = self.runtime.0.as_ref().ok_or_else(Self::over)?;
        runtime.block_on(async {
            let slow = StoreError::Unavailable(Box::new(Unfit::Slow { wait_s: self.patience.as_secs() }));
            tokio::time::timeout(self.patience, work).await.map_err(|_| slow)?.map_err(Into::into)
        })
    }

    /// There is no connection any more.
    pub(super) fn over() -> StoreError {
        StoreError::Unavailable(Box::new(Unfit::Slow { wait_s: 0 }))
    }

    async fn attempt<T>(&self, work: &impl AsyncFn(&Object) -> Result<T, Failure>) -> Result<T, Failure> {
        let held = Held(Some(self.pool.get().await?));
        if Object::metrics(held.client()?).recycle_count == 0 {
            greet(held.client()?).await?;
        }
        let done = work(held.client()?).await;
        if done.as_ref().err().is_none_or(|why| why.outlook() != Outlook::Lost) {
            held.give_back();
        }
        done
    }
}

/// A connection that goes back to the others only when it is known to be in order; given up halfway, it is closed.
struct Held(Option<Object>);

impl Held {
    fn client(&self) -> Result<&Object, Failure> {
        self.0.as_ref().ok_or_else(|| Failure::Store(StoreError::Unavailable(Box::new(Unfit::Slow { wait_s: 0 }))))
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.take().map(Object::take);
    }
}

/// What is asked of every new connection: each may be to another server.
async fn greet(client: &Object) -> Result<(), Failure> {
    for row in client.query(sql::READ_SETTINGS, &[]).await? {
        let (setting, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let lax = value == "off" || (setting == "synchronous_commit" && value == "local");
        if lax {
            return Err(Failure::Store(StoreError::Failed(Box::new(Unfit::Lax { setting, value }))));
        }
    }
    Ok(client.batch_execute(SILENCE).await?)
}

fn failed(why: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Failed(Box::new(why))
}
