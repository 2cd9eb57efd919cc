//! SOVD (ISO 17978-3) over HTTP: the same ECU as components, data, faults, operations, modes and locks.
//!
//! Who holds the lock has a tester of its own at the ECU, whose session and unlocked level live as long as the lock does. Who
//! holds none may read, each time as a tester that has just come. A client is known by its bearer token; nobody checks it: it
//! tells the clients of a bench apart and protects nothing.

mod body;
mod client;
mod connection;
mod data;
mod entities;
mod exchange;
mod executions;
mod faults;
mod lock_table;
mod locks;
mod modes;
mod operations;
mod problem;
mod query;
mod stamp;
mod tester;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;
use headlock_wire::uds::Request;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::actor::Handle;
use client::Asker;
use connection::Admitting;
use exchange::{Failure, exchange};
use lock_table::LockTable;
use problem::Problem;
use tester::Tester;

/// Where this version of the interface begins.
const BASE: &str = "/sovd/v1";
/// The one component.
const COMPONENT: &str = "/sovd/v1/components/head-unit";
/// Reads at once, of clients that hold no lock.
const MOST_READS: usize = 64;
/// The longest request to the ECU, in bytes: as much as CAN carries.
const REQUEST_BYTES_MAX: usize = 4_095;

/// What all requests share.
struct App {
    handle: Handle,
    locks: Mutex<LockTable>,
    reads: Semaphore,
}

type Shared = Arc<App>;

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, handle: Handle) {
    let app = App { handle: handle.clone(), locks: Mutex::default(), reads: Semaphore::new(MOST_READS) };
    let _ = axum::serve(Admitting::new(listener, handle), router(Arc::new(app))).await;
}

fn router(app: Shared) -> Router {
    let unit = Router::new()
        .route("/", get(entities::component))
        .route("/data", get(data::list))
        .route("/data/{id}", get(data::read))
        .route("/data-categories", get(data::categories))
        .route("/faults", get(faults::list).delete(faults::clear_all))
        .route("/faults/{code}", get(faults::read).delete(faults::clear))
        .route("/operations", get(operations::list))
        .route("/operations/{id}", get(operations::describe))
        .route("/operations/{id}/executions", get(executions::list).post(operations::execute))
        .route("/operations/{id}/executions/{execution}", get(executions::read).delete(executions::forget))
        .route("/modes", get(modes::list))
        .route("/modes/session", get(modes::session).put(modes::change_session))
        .route("/modes/security", get(modes::security).put(modes::change_security))
        .route("/locks", get(locks::list).post(locks::acquire))
        .route("/locks/{id}", get(locks::read).put(locks::extend).delete(locks::release));
    let version = Router::new()
        .route("/", get(entities::server))
        .route("/components", get(entities::components))
        .nest("/components/head-unit", unit);
    Router::new()
        .route("/version-info", get(entities::version_info))
        .route("/sovd/version-info", get(entities::version_info))
        .nest(BASE, version)
        // Where the base is written with its slash.
        .route("/sovd/v1/", get(entities::server))
        .layer(map_response(problem::for_bare_errors))
        .with_state(app)
}

impl App {
    fn locks(&self) -> MutexGuard<'_, LockTable> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the ECU for something that changes nothing: as the holder of the lock, or as somebody who has just come.
    async fn read(&self, asker: Asker, request: &Request<'_>) -> Result<Vec<u8>, Problem> {
        let own = self.locks().tester_of(asker)?;
        let request = encoded(request)?;
        match own {
            Some(tester) => tester.ask(request, None).await.map_err(Problem::from),
            None => {
                let _permit = self.reads.try_acquire().map_err(|_| Failure::Busy)?;
                let mut line = self.handle.join().await;
                Ok(exchange(&mut line, &request, || ()).await?)
            }
        }
    }

    /// The tester of who holds the lock; everybody else may change nothing.
    fn holder(&self, asker: Asker) -> Result<Tester, Problem> {
        Ok(self.locks().held_by(asker.client()?)?.tester.clone())
    }
}

/// A request as its bytes. It may carry a code or a key.
fn encoded(request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(vec![0; REQUEST_BYTES_MAX]);
    let length = request.encode(false, &mut bytes).map_err(|_| Problem::invalid("longer than the ECU takes"))?;
    bytes.truncate(length);
    Ok(bytes)
}
