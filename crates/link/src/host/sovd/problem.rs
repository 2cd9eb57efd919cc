//! Why a request is refused, as the standard's error body.

use axum::Json;
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::exchange::Failure;

/// A refusal. Never repeats what was sent: it may have been a code.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    vendor_code: Option<String>,
    message: String,
    parameters: Option<Value>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self { status, code, vendor_code: None, message: message.to_owned(), parameters: None }
    }

    fn vendor(status: StatusCode, vendor_code: &str, message: &str) -> Self {
        Self { vendor_code: Some(vendor_code.to_owned()), ..Self::new(status, "vendor-specific", message) }
    }

    /// 404.
    pub(super) fn not_found(message: &str) -> Self {
        Self::vendor(StatusCode::NOT_FOUND, "not-found", message)
    }

    /// 400: no JSON, or a query that stands for nothing.
    pub(super) fn malformed(message: &str) -> Self {
        Self::vendor(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// 422: readable, but not what is wanted here.
    pub(super) fn invalid(message: &str) -> Self {
        Self::vendor(StatusCode::UNPROCESSABLE_ENTITY, "invalid-parameter", message)
    }

    /// 422: something is missing.
    pub(super) fn incomplete(message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "incomplete-request", message)
    }

    /// 415.
    pub(super) fn media_type() -> Self {
        Self::vendor(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "send application/json")
    }

    /// 413.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message = format!("the body has more than {bytes_max} bytes");
        Self::vendor(StatusCode::PAYLOAD_TOO_LARGE, "too-large", &message)
    }

    /// 408: the body did not come.
    pub(super) fn slow() -> Self {
        Self::vendor(StatusCode::REQUEST_TIMEOUT, "request-timeout", "the body did not come in time")
    }

    /// 401: who asks must be told from the others.
    pub(super) fn unknown_client() -> Self {
        let message = "show who you are: Authorization: Bearer, and a token of your own choice";
        Self::new(StatusCode::UNAUTHORIZED, "insufficient-access-rights", message)
    }

    /// 403: somebody else's.
    pub(super) fn not_owned() -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient-access-rights", "the lock is another client's")
    }

    /// 423.
    pub(super) fn locked() -> Self {
        Self::new(StatusCode::LOCKED, "preconditions-not-fulfilled", "another client holds the lock")
    }

    /// 409: another client has taken the lock away.
    pub(super) fn lock_broken() -> Self {
        Self::new(StatusCode::CONFLICT, "lock-broken", "another client has broken the lock; delete it to go on")
    }

    /// 409.
    pub(super) fn precondition(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "preconditions-not-fulfilled", message)
    }

    /// 503: too much at once.
    pub(super) fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "sovd-server-failure", message)
    }

    /// 500.
    pub(super) fn internal(message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "sovd-server-failure", message)
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "error_code": self.code, "message": self.message });
        if let Some(vendor_code) = &self.vendor_code {
            body["vendor_code"] = json!(vendor_code);
        }
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
        }
        body
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { sid, nrc } => Self {
                vendor_code: Some(format!("nrc-{:02x}", nrc.byte())),
                parameters: Some(json!({ "service": sid, "nrc": nrc.byte() })),
                ..Self::new(StatusCode::BAD_GATEWAY, "error-response", &format!("the ECU refuses: {nrc}"))
            },
            Failure::NoAnswer => Self::new(StatusCode::GATEWAY_TIMEOUT, "not-responding", "the ECU does not answer"),
            Failure::Garbled => {
                let message = "the ECU's answer is not what its service answers";
                Self::new(StatusCode::BAD_GATEWAY, "invalid-response-content", message)
            }
            Failure::Busy => Self::busy("too many requests wait for the ECU"),
            Failure::Ended => Self::precondition("the lock has ended before the ECU answered"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = (self.status, Json(self.body())).into_response();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Gives an error that the router made a body: no such path, no such method, an unreadable path.
pub(super) async fn for_bare_errors(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let bare = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json");
    if !bare || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found("nothing of that name is here"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::vendor(status, "method-not-allowed", "not with this method"),
        status if status.is_client_error() => Problem { status, ..Problem::malformed("an unreadable request") },
        _ => Problem::internal("the server failed"),
    };
    let mut made = problem.into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        made.headers_mut().insert(ALLOW, allow.clone());
    }
    made
}
