//! A small blocking client: what the service offers, as functions.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::api;
use crate::api::{ProblemBody, Secret};

/// Bytes of an answer; a longer one is not read.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Where a service is, and by what TLS it is known.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// `https://desk.example:8443`, or `http://127.0.0.1:8080`.
    pub url: String,
    /// Who signed the service's certificate, PEM; without it those whom this machine trusts.
    pub ca: Option<PathBuf>,
    /// One's own chain and key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service says why.
    #[error("{}", said(.0))]
    Problem(Box<ProblemBody>),
    /// It cannot be reached, or does not speak HTTP or TLS as it should.
    #[error("the service cannot be reached: {0}")]
    Transport(#[source] Box<ureq::Error>),
    /// It answered something else than a registry does.
    #[error("the service answered with status {status}, and not as a registry does")]
    Answer {
        /// The status.
        status: u16,
    },
    /// There is nobody whose signature would be believed.
    #[error("this machine trusts no authority; name the one that signed the service's certificate")]
    NoAuthority,
    /// A file of TLS.
    #[error("{path}: {what}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

fn said(problem: &ProblemBody) -> String {
    match &problem.request_id {
        Some(id) => format!("{} (request {id})", problem.detail),
        None => problem.detail.clone(),
    }
}

impl ClientError {
    /// What the service said, if it was the service.
    pub fn problem(&self) -> Option<&ProblemBody> {
        if let Self::Problem(problem) = self { Some(problem) } else { None }
    }
}

impl From<ureq::Error> for ClientError {
    fn from(why: ureq::Error) -> Self {
        Self::Transport(Box::new(why))
    }
}

/// A client, with or without a token.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<Secret>,
}

impl Client {
    /// A client of this service.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn new(address: &Address) -> Result<Self, ClientError> {
        Ok(Self { agent: agent(address)?, url: address.url.trim_end_matches('/').to_owned(), token: None })
    }

    /// The same with a session's or another token.
    #[must_use]
    pub fn with_token(self, token: Secret) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Signs in; what follows is asked in that session.
    ///
    /// # Errors
    /// [`ClientError`], as all that follow.
    pub fn sign_in(&mut self, shown: &api::SignIn) -> Result<api::Session, ClientError> {
        let session: api::Session = self.post("/v1/sessions", shown)?;
        self.token = Some(session.token.clone());
        Ok(session)
    }

    /// Begins to sign in by a provider.
    pub fn begin_sign_in(&self, asked: &api::BeginSignIn) -> Result<api::BegunSignIn, ClientError> {
        self.post("/v1/sign-ins", asked)
    }

    /// Finishes that; what follows is asked in the session.
    pub fn finish_sign_in(&mut self, shown: &api::FinishSignIn) -> Result<api::Session, ClientError> {
        let session: api::Session = self.post("/v1/sign-ins/finish", shown)?;
        self.token = Some(session.token.clone());
        Ok(session)
    }

    /// Signs out.
    pub fn sign_out(&mut self) -> Result<(), ClientError> {
        self.nothing(Method::DELETE, "/v1/sessions", None::<&()>)?;
        self.token = None;
        Ok(())
    }

    /// Who one is.
    pub fn me(&self) -> Result<api::Me, ClientError> {
        self.get("/v1/me")
    }

    /// One's own sessions and tokens.
    pub fn tokens(&self) -> Result<Vec<api::TokenView>, ClientError> {
        self.get("/v1/tokens")
    }

    /// Makes a token.
    pub fn issue_token(&self, new: &api::NewToken) -> Result<api::IssuedToken, ClientError> {
        self.post("/v1/tokens", new)
    }

    /// Ends a token.
    pub fn revoke_token(&self, digest: &str) -> Result<(), ClientError> {
        self.nothing(Method::DELETE, &format!("/v1/tokens/{}", part(digest)), None::<&()>)
    }

    /// All accounts.
    pub fn accounts(&self) -> Result<Vec<api::AccountView>, ClientError> {
        self.get("/v1/accounts")
    }

    /// Makes an account.
    pub fn add_account(&self, new: &api::NewAccount) -> Result<api::AccountView, ClientError> {
        self.post("/v1/accounts", new)
    }

    /// Changes one thing of an account.
    pub fn change_account(&self, id: &str, change: &api::AccountChange) -> Result<api::Changed, ClientError> {
        self.ask(Method::PATCH, &format!("/v1/accounts/{}", part(id)), (Some(change), None))
    }

    /// Certificates that stand for an account.
    pub fn certificates(&self, id: &str) -> Result<Vec<api::CertificateView>, ClientError> {
        self.get(&format!("/v1/accounts/{}/certificates", part(id)))
    }

    /// Lets a certificate stand for an account.
    pub fn add_certificate(&self, id: &str, new: &api::NewCertificate) -> Result<(), ClientError> {
        self.nothing(Method::POST, &format!("/v1/accounts/{}/certificates", part(id)), Some(new))
    }

    /// Lets it stand no longer.
    pub fn revoke_certificate(&self, id: &str, sha256: &str) -> Result<(), ClientError> {
        let path = format!("/v1/accounts/{}/certificates/{}", part(id), part(sha256));
        self.nothing(Method::DELETE, &path, None::<&()>)
    }

    /// Identities that were ever tied to an account.
    pub fn identities(&self, id: &str) -> Result<Vec<api::IdentityView>, ClientError> {
        self.get(&format!("/v1/accounts/{}/identities", part(id)))
    }

    /// Ties an identity to an account.
    pub fn tie_identity(&self, id: &str, new: &api::NewIdentity) -> Result<(), ClientError> {
        self.nothing(Method::POST, &format!("/v1/accounts/{}/identities", part(id)), Some(new))
    }

    /// Unties it; what rests on it is over.
    pub fn untie_identity(&self, id: &str, sha256: &str) -> Result<(), ClientError> {
        let path = format!("/v1/accounts/{}/identities/{}", part(id), part(sha256));
        self.nothing(Method::DELETE, &path, None::<&()>)
    }

    /// Asks for a release. The same key is the same request, however often it is sent.
    pub fn release(&self, key: &str, release: &api::Release) -> Result<api::Answer, ClientError> {
        self.handed_out("/v1/releases", Some(release), Some(key))
    }

    /// The same without the second person.
    pub fn break_glass(&self, key: &str, glass: &api::BreakGlass) -> Result<api::Answer, ClientError> {
        self.handed_out("/v1/break-glass", Some(glass), Some(key))
    }

    /// Collects what was authorised.
    pub fn collect(&self, id: &str) -> Result<api::Answer, ClientError> {
        self.handed_out(&format!("/v1/requests/{}/collect", part(id)), None::<&()>, None)
    }

    /// One request.
    pub fn request(&self, id: &str) -> Result<api::RequestView, ClientError> {
        self.get(&format!("/v1/requests/{}", part(id)))
    }

    /// Requests that wait for one's decision.
    pub fn waiting(&self) -> Result<api::Requests, ClientError> {
        self.get("/v1/requests?waiting")
    }

    /// A second person's yes.
    pub fn approve(&self, id: &str, reason: &api::Reason) -> Result<api::RequestView, ClientError> {
        self.post(&format!("/v1/requests/{}/approve", part(id)), reason)
    }

    /// A second person's no.
    pub fn refuse(&self, id: &str, reason: &api::Reason) -> Result<api::RequestView, ClientError> {
        self.post(&format!("/v1/requests/{}/refuse", part(id)), reason)
    }

    /// Takes one's own request back.
    pub fn withdraw(&self, id: &str) -> Result<api::RequestView, ClientError> {
        self.ask(Method::POST, &format!("/v1/requests/{}/withdraw", part(id)), (None::<&()>, None))
    }

    /// Takes an authorised release back.
    pub fn revoke(&self, id: &str, reason: &api::Reason) -> Result<api::RequestView, ClientError> {
        self.post(&format!("/v1/requests/{}/revoke", part(id)), reason)
    }

    /// Brings the document that was promised.
    pub fn complete_proof(&self, id: &str, proof: &api::Proof) -> Result<api::RequestView, ClientError> {
        self.post(&format!("/v1/requests/{}/proof", part(id)), proof)
    }

    /// Reviews a broken glass.
    pub fn review(&self, id: &str, review: &api::Review) -> Result<api::RequestView, ClientError> {
        self.post(&format!("/v1/requests/{}/review", part(id)), review)
    }

    /// Forgets what a request says of people and vehicles.
    pub fn erase(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(Method::POST, &format!("/v1/requests/{}/erase", part(id)), None::<&()>)
    }

    /// The escrow, and all exports.
    pub fn exports(&self) -> Result<api::Exports, ClientError> {
        self.get("/v1/exports")
    }

    /// One export.
    pub fn export(&self, id: &str) -> Result<api::ExportView, ClientError> {
        self.get(&format!("/v1/exports/{}", part(id)))
    }

    /// Asks others to agree to an export.
    pub fn ask_export(&self, new: &api::NewExport) -> Result<api::ExportView, ClientError> {
        self.post("/v1/exports", new)
    }

    /// Asks others to agree to another escrow.
    pub fn ask_recipient(&self, new: &api::NewRecipient) -> Result<api::ExportView, ClientError> {
        self.post("/v1/escrow", new)
    }

    /// Agrees.
    pub fn agree_export(&self, id: &str, reason: &api::Reason) -> Result<api::ExportView, ClientError> {
        self.post(&format!("/v1/exports/{}/agree", part(id)), reason)
    }

    /// Refuses.
    pub fn refuse_export(&self, id: &str, reason: &api::Reason) -> Result<api::ExportView, ClientError> {
        self.post(&format!("/v1/exports/{}/refuse", part(id)), reason)
    }

    /// Begins the file of an export, to be read to its end. However long it takes: only a service that sends
    /// nothing for ten minutes is given up. One that looks for few records among many sends nothing for a while.
    pub fn take_export(&self, id: &str) -> Result<impl std::io::Read + use<>, ClientError> {
        let request = Request::builder().method(Method::POST).uri(format!("{}/v1/exports/{}/take", self.url, part(id)));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {}", token.reveal())),
            None => request,
        };
        let request = request.body(()).map_err(ureq::Error::from)?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(None)
            .timeout_per_read(Some(Duration::from_mins(10)))
            .build();
        let response = self.agent.run(request)?;
        if response.status().is_success() {
            return Ok(response.into_body().into_with_config().limit(u64::MAX).reader());
        }
        match answered(response) {
            Err(why) => Err(why),
            Ok((status, _)) => Err(ClientError::Answer { status }),
        }
    }

    /// What one has to be told.
    pub fn notices(&self) -> Result<api::Notices, ClientError> {
        self.get("/v1/notices")
    }

    /// Whether a unit is there.
    pub fn unit(&self, serial: &str) -> Result<api::UnitView, ClientError> {
        self.get(&format!("/v1/units/{}", part(serial)))
    }

    /// A unit's history.
    pub fn history(&self, serial: &str) -> Result<api::History, ClientError> {
        self.get(&format!("/v1/units/{}/history", part(serial)))
    }

    /// Adds a line to it.
    pub fn enter(&self, serial: &str, line: &api::NewLine) -> Result<api::UnitView, ClientError> {
        self.post(&format!("/v1/units/{}/history", part(serial)), line)
    }

    /// Makes a unit and its code.
    pub fn provision(&self, new: &api::NewUnit) -> Result<api::Provisioned, ClientError> {
        self.post("/v1/units", new)
    }

    /// Leaves of the log with what they say.
    pub fn events(&self, from: u64, limit: u32) -> Result<api::Events, ClientError> {
        self.get(&format!("/v1/log/events?from={from}&limit={limit}"))
    }

    /// A leaf's receipt.
    pub fn receipt(&self, leaf: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/v1/log/receipts/{leaf}"))
    }

    /// What a witness is sent that has cosigned `old` leaves, up to the newest checkpoint or that of `size` leaves.
    pub fn submission(&self, old: u64, size: Option<u64>) -> Result<Vec<u8>, ClientError> {
        let size = size.map_or_else(String::new, |size| format!("&size={size}"));
        self.bytes(&format!("/v1/log/submission?old={old}{size}"))
    }

    /// Hands in what witnesses answered; answers what is kept now.
    pub fn cosign(&self, given: &api::Cosignatures) -> Result<api::Witnessed, ClientError> {
        self.post("/v1/log/cosignatures", given)
    }

    /// A file of the public log: `checkpoint`, `witnessed`, or `tile/…`.
    pub fn log_file(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("/{path}"))
    }

    /// Hands in a share.
    pub fn unseal(&self, share: &api::Unseal) -> Result<api::SealView, ClientError> {
        self.post("/v1/unseal", share)
    }

    /// Whether the desk is sealed.
    pub fn seal_view(&self) -> Result<api::SealView, ClientError> {
        self.get("/v1/seal")
    }

    /// Seals the desk.
    pub fn seal(&self) -> Result<(), ClientError> {
        self.nothing(Method::POST, "/v1/seal", None::<&()>)
    }

    /// Whether the service lives.
    pub fn health(&self) -> Result<api::Health, ClientError> {
        self.get("/healthz")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, (None::<&()>, None))
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.ask(Method::POST, path, (Some(body), None))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        (body, key): (Option<&impl Serialize>, Option<&str>),
    ) -> Result<T, ClientError> {
        let (status, bytes) = self.send(method, path, (body, key))?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer { status })
    }

    fn nothing(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<(), ClientError> {
        self.send(method, path, (body, None)).map(drop)
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let (_, bytes) = self.send(Method::GET, path, (None::<&()>, None))?;
        Ok(bytes.to_vec())
    }

    fn handed_out(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> Result<api::Answer, ClientError> {
        let (status, bytes) = self.send(Method::POST, path, (body, key))?;
        let answer = || ClientError::Answer { status };
        Ok(match status {
            202 => api::Answer::Pending(serde_json::from_slice(&bytes).map_err(|_| answer())?),
            _ => api::Answer::Released(serde_json::from_slice(&bytes).map_err(|_| answer())?),
        })
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        (body, key): (Option<&impl Serialize>, Option<&str>),
    ) -> Result<(u16, zeroize::Zeroizing<Vec<u8>>), ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.reveal()));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = match body {
            Some(body) => {
                let body = serde_json::to_vec(body).map_err(|_| ClientError::Answer { status: 0 })?;
                let request = request.header("content-type", "application/json").body(body);
                self.agent.run(request.map_err(ureq::Error::from)?)?
            }
            None => self.agent.run(request.body(()).map_err(ureq::Error::from)?)?,
        };
        answered(response)
    }
}

/// Who speaks HTTP to this address.
pub(crate) fn agent(address: &Address) -> Result<Agent, ClientError> {
    let roots = match &address.ca {
        Some(path) => certificates(path)?,
        None if address.url.starts_with("https:") => trusted_here()?,
        None => Vec::new(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls =
        TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).unversioned_rustls_crypto_provider(provider);
    if let Some((chain, key)) = &address.certificate {
        let pem = read(key)?;
        let file = |why: ureq::Error| ClientError::File { path: key.clone(), what: why.to_string() };
        let own = ClientCert::new_with_certs(&certificates(chain)?, PrivateKey::from_pem(&pem).map_err(file)?);
        tls = tls.client_cert(Some(own));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_mins(1)))
        .user_agent(concat!("headlock/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(config.build().new_agent())
}

fn answered(response: Response<Body>) -> Result<(u16, zeroize::Zeroizing<Vec<u8>>), ClientError> {
    let status = response.status();
    let reader = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).reader();
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    reader.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(ureq::Error::from)?;
    if status.is_success() {
        return Ok((status.as_u16(), bytes));
    }
    match serde_json::from_slice(&bytes) {
        Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
        Err(_) => Err(ClientError::Answer { status: status.as_u16() }),
    }
}

/// One part of a path, as RFC 3986 has it.
fn part(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

fn read(path: &PathBuf) -> Result<Vec<u8>, ClientError> {
    std::fs::read(path).map_err(|why| ClientError::File { path: path.clone(), what: why.to_string() })
}

/// The authorities that this machine trusts.
pub(crate) fn trusted_here() -> Result<Vec<Certificate<'static>>, ClientError> {
    let all = rustls_native_certs::load_native_certs().certs;
    let all: Vec<_> = all.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if all.is_empty() { Err(ClientError::NoAuthority) } else { Ok(all) }
}

pub(crate) fn certificates(path: &PathBuf) -> Result<Vec<Certificate<'static>>, ClientError> {
    let pem = read(path)?;
    let all: Vec<_> = parse_pem(&pem)
        .filter_map(|item| if let Ok(PemItem::Certificate(certificate)) = item { Some(certificate) } else { None })
        .collect();
    let what = "there is no certificate in it".to_owned();
    if all.is_empty() { Err(ClientError::File { path: path.clone(), what }) } else { Ok(all) }
}
