//! Who asks: a client is known by its bearer token (RFC 6750, 2.1).

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// One client. Shape: the digest of its token, so that no token is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Client([u8; 32]);

/// Who asks; nobody in particular without a token.
#[derive(Clone, Copy)]
pub(super) struct Asker(Option<Client>);

impl Asker {
    /// Whoever changes anything must be somebody.
    pub(super) fn client(self) -> Result<Client, Problem> {
        self.0.ok_or_else(Problem::unknown_client)
    }

    pub(super) fn is(self, client: Client) -> bool {
        self.0 == Some(client)
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => {
                let token = bearer(value.as_bytes()).ok_or_else(Problem::unknown_client)?;
                Ok(Self(Some(Client(Sha256::digest(token).into()))))
            }
            (Some(_), Some(_)) => Err(Problem::unknown_client()),
        }
    }
}

/// The token: the scheme's case does not count, and there is one token.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let fits = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    (scheme.eq_ignore_ascii_case(b"Bearer ") && fits).then_some(token)
}
