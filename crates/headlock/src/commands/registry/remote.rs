//! A registry's service, as a person at a desk talks to it.

use std::fs;
use std::path::PathBuf;

use headlock_registry::sign_in::Token;
use headlock_server::api::Secret;
use headlock_server::client::{Address, Client, ClientError};

use crate::failure::Failure;

/// The file that sign-in writes and everything else reads.
const TOKEN: &str = "headlock.token";

/// Which service, and as whom.
#[derive(Clone, Debug, clap::Args)]
pub struct Server {
    /// The service.
    #[arg(long = "server", value_name = "URL", env = "HEADLOCK_SERVER", default_value = "http://127.0.0.1:8443")]
    url: String,
    /// The file with the session or token, which sign-in writes.
    #[arg(long, value_name = "FILE", env = "HEADLOCK_TOKEN_FILE", default_value = TOKEN)]
    pub(super) token_file: PathBuf,
    /// Who signed the service's certificate, PEM; without it those whom this machine trusts.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// One's own certificate, PEM, instead of a token.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

impl Server {
    /// A client that is nobody yet.
    pub(super) fn anybody(&self) -> Result<Client, Failure> {
        let certificate = self.certificate.clone().zip(self.key.clone());
        Client::new(&Address { url: self.url.clone(), ca: self.ca.clone(), certificate }).map_err(|why| failed(&why))
    }

    /// A client with the token of the file, or with a certificate.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let client = self.anybody()?;
        if self.certificate.is_some() {
            return Ok(client);
        }
        let text = fs::read_to_string(&self.token_file).map(zeroize::Zeroizing::new).map_err(|why| {
            let what = format!("cannot read the session in {}: {why}", self.token_file.display());
            Failure::input(what, "headlock registry sign-in writes it; --token-file names another")
        })?;
        Token::parse(text.trim()).map_err(|why| {
            Failure::input(format!("{}: {why}", self.token_file.display()), "headlock registry sign-in writes it anew")
        })?;
        Ok(client.with_token(Secret::new(text.trim())))
    }
}

/// What the service said, or that it cannot be reached.
pub(super) fn failed(why: &ClientError) -> Failure {
    let help = match why.problem() {
        None => match why {
            ClientError::File { .. } => "a PEM file that can be read",
            _ => "is the service running there? headlock registry serve starts it",
        },
        Some(problem) => match problem.status {
            401 => "headlock registry sign-in opens a session",
            403 => "ask an administrator for the role, or use an account that has it",
            404 => "read the label again; the vehicle's number must be this vehicle's, and the unit of your region",
            409 => "look at how the request stands: headlock registry show ID",
            422 | 400 => "correct the field that is named",
            429 => "wait that long; every desk has its limits",
            503 => "the service is sealed or cannot write; nothing that was acknowledged is lost",
            _ => "the service's log has more under the request's id",
        },
    };
    let what = match why.problem().and_then(|problem| problem.field.as_ref()) {
        Some(field) if !why.to_string().starts_with(field.as_str()) => format!("{field}: {why}"),
        _ => why.to_string(),
    };
    match why.problem().map(|problem| problem.status) {
        Some(400..=499) => Failure::input(what, help),
        _ => Failure::Link { word: "unavailable", what, help: help.to_owned() },
    }
}
