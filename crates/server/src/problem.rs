//! Why something is not done, as RFC 9457 has it. What is inside never shows.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headlock_registry::desk::Refusal;
use headlock_registry::lookup::LookupError;

use crate::api::ProblemBody;

/// A problem on its way out; the connection's end gives it the request's id.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: &'static str,
    title: &'static str,
    status: StatusCode,
    detail: String,
    field: Option<String>,
    retry_after_s: Option<u64>,
}

/// What every URN of ours begins with.
const URN: &str = "urn:headlock:problem:";

impl Problem {
    fn new(kind: &'static str, status: StatusCode, (title, detail): (&'static str, impl Into<String>)) -> Self {
        Self { kind, title, status, detail: detail.into(), field: None, retry_after_s: None }
    }

    /// A field that is not right.
    pub fn invalid(field: &str, what: impl std::fmt::Display) -> Self {
        let words = ("Something in the request is wrong", format!("{field}: {what}"));
        let problem = Self::new("invalid", StatusCode::UNPROCESSABLE_ENTITY, words);
        Self { field: Some(field.to_owned()), ..problem }
    }

    /// JSON that is well formed and not what is wanted here.
    pub(crate) fn shape(what: impl Into<String>) -> Self {
        Self::new("invalid", StatusCode::UNPROCESSABLE_ENTITY, ("Something in the request is wrong", what))
    }

    /// What does not go with how things stand.
    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::new("conflict", StatusCode::CONFLICT, ("It does not go with how things stand", what))
    }

    /// No JSON.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::new("malformed", StatusCode::BAD_REQUEST, ("The request cannot be read", what))
    }

    /// Another content type.
    pub(crate) fn media_type() -> Self {
        let words = ("Another content type is needed", "send application/json");
        Self::new("media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, words)
    }

    /// Too many bytes.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let words = ("The request is too large", format!("a request here has {bytes_max} bytes at most"));
        Self::new("too-large", StatusCode::PAYLOAD_TOO_LARGE, words)
    }

    /// A path that is none.
    pub(crate) fn no_route() -> Self {
        Self::new("no-route", StatusCode::NOT_FOUND, ("There is nothing at this path", "openapi.json lists all paths"))
    }

    /// Another method.
    pub(crate) fn method() -> Self {
        let words = ("Another method is needed", "openapi.json lists the methods of each path");
        Self::new("method", StatusCode::METHOD_NOT_ALLOWED, words)
    }

    /// The body did not come in time.
    pub(crate) fn slow() -> Self {
        Self::new("timeout", StatusCode::REQUEST_TIMEOUT, ("It took too long", "the request did not come in time"))
    }

    /// No answer in time. What was asked for may have been done.
    pub(crate) fn late() -> Self {
        let words =
            ("It took too long", "no answer came in time; the same request with the same idempotency key tells");
        Self::new("late", StatusCode::SERVICE_UNAVAILABLE, words).after(1)
    }

    /// The desk is not open.
    pub(crate) fn sealed() -> Self {
        let words = ("The desk is sealed", "custodians have to hand in their shares: POST /v1/unseal");
        Self::new("sealed", StatusCode::SERVICE_UNAVAILABLE, words)
    }

    /// The desk cannot answer now.
    pub(crate) fn unavailable() -> Self {
        let words = ("The desk cannot answer now", "nothing is said about what was asked for; try again");
        Self::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, words).after(1)
    }

    /// Too many wait already.
    pub(crate) fn busy() -> Self {
        let words = ("The desk is busy", "too many requests wait already; try again");
        Self::new("busy", StatusCode::SERVICE_UNAVAILABLE, words).after(1)
    }

    /// A provider of sign-ins.
    #[cfg(feature = "oidc")]
    pub(crate) fn provider(what: &'static str) -> Self {
        let words = ("The provider of this sign-in cannot be relied on now", what);
        Self::new("provider", StatusCode::SERVICE_UNAVAILABLE, words).after(5)
    }

    /// Too often, as the first filter sees it.
    pub(crate) fn too_many(retry_after_s: u64) -> Self {
        Refusal::TooMany { retry_after_s: retry_after_s.max(1) }.into()
    }

    fn after(self, retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..self }
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind, as metrics and logs have it.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Seconds after which it may be tried again.
    pub(crate) const fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// The body, with the id of the request unless bodies of this kind must all be alike.
    pub(crate) fn body(self, request_id: &str) -> ProblemBody {
        let alike = self.status == StatusCode::NOT_FOUND;
        ProblemBody {
            kind: format!("{URN}{}", self.kind),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            field: self.field,
            retry_after_s: self.retry_after_s,
            request_id: (!alike).then(|| request_id.to_owned()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let (kind, status, title) = match &refusal {
            Refusal::NotSignedIn => ("not-signed-in", StatusCode::UNAUTHORIZED, "Not signed in"),
            Refusal::SignIn => ("sign-in", StatusCode::UNAUTHORIZED, "Signing in failed"),
            Refusal::Locked { .. } => ("locked", StatusCode::FORBIDDEN, "The account is locked"),
            Refusal::NotAllowed { .. } => ("not-allowed", StatusCode::FORBIDDEN, "Not allowed"),
            Refusal::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is nothing here"),
            Refusal::TooMany { .. } => ("too-many", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Refusal::Rule { .. } => ("rule", StatusCode::FORBIDDEN, "Refused by a rule"),
            Refusal::Conflict(_) => ("conflict", StatusCode::CONFLICT, "It does not go with how things stand"),
            Refusal::Invalid { .. } => {
                ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "Something in the request is wrong")
            }
        };
        let problem = Self::new(kind, status, (title, detail));
        match refusal {
            Refusal::TooMany { retry_after_s } => problem.after(retry_after_s),
            Refusal::Invalid { field, .. } => Self { field: Some(field.to_owned()), ..problem },
            _ => problem,
        }
    }
}

impl From<LookupError> for Problem {
    fn from(why: LookupError) -> Self {
        match why {
            LookupError::Refused(refusal) => refusal.into(),
            why => {
                tracing::error!(%why, "a look-up failed");
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Problem {
    /// An answer without a body yet: whoever serves it writes one, with the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
