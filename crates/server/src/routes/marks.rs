//! Noting which route a request took, for what is counted and logged: the path itself would name units and people.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use tower::{Layer, Service};

use crate::connection::Peer;

/// Notes the route in the connection.
#[derive(Clone, Copy)]
pub(crate) struct MarkRoute;

/// A service whose route is noted.
#[derive(Clone)]
pub(crate) struct Marked<S>(S);

impl<S> Layer<S> for MarkRoute {
    type Service = Marked<S>;

    fn layer(&self, inner: S) -> Marked<S> {
        Marked(inner)
    }
}

impl<S: Service<Request>> Service<Request> for Marked<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        let (peer, route) = (request.extensions().get::<Arc<Peer>>(), request.extensions().get::<MatchedPath>());
        if let (Some(peer), Some(route)) = (peer, route) {
            *peer.route.lock().unwrap_or_else(PoisonError::into_inner) = Some(route.clone());
        }
        self.0.call(request)
    }
}
