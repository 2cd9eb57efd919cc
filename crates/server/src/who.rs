//! Who asks: a bearer token, or the certificate of the connection.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use headlock_registry::desk::{Credential, Refusal};
use headlock_registry::lookup::Visitor;
use headlock_registry::sign_in::Token;

use crate::connection::Peer;
use crate::gate::Open;
use crate::problem::Problem;
use crate::serve::App;

/// What somebody shows, unchecked: the desk checks it with what they ask for.
pub(crate) struct Shown(pub(crate) Credential);

/// Somebody who was let in, for what is answered beside the desk.
pub(crate) struct In {
    pub(crate) visitor: Arc<Visitor>,
    pub(crate) credential: Credential,
    pub(crate) desk: Arc<Open>,
}

/// The connection that a request came on.
pub(crate) struct From(pub(crate) Arc<Peer>);

impl FromRequestParts<App> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        shown(parts).map(Self)
    }
}

impl FromRequestParts<App> for In {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let credential = shown(parts)?;
        let desk = app.gate.open()?;
        let known = (desk.queue.generation(), app.clock.now_s());
        let visitor = desk.readers.visitor(credential, known).await?;
        Ok(Self { visitor, credential, desk })
    }
}

impl FromRequestParts<App> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts.extensions.get::<Arc<Peer>>().cloned().map(Self).ok_or_else(Problem::unavailable)
    }
}

fn shown(parts: &Parts) -> Result<Credential, Problem> {
    let mut all = parts.headers.get_all(AUTHORIZATION).iter();
    let refused = || Problem::from(Refusal::NotSignedIn);
    match (all.next(), all.next()) {
        (Some(value), None) => {
            let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(refused)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(refused());
            }
            let token = Token::parse(token.trim()).map_err(|_| refused())?;
            Ok(Credential::Token(token.digest().0))
        }
        (None, _) => {
            let peer = parts.extensions.get::<Arc<Peer>>();
            peer.and_then(|peer| peer.certificate).map(Credential::Certificate).ok_or_else(refused)
        }
        // Two of them: a proxy and the service could each believe another one.
        (Some(_), Some(_)) => Err(refused()),
    }
}
