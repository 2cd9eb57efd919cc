//! What a service is told of the providers that say who somebody is.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;

/// `[sign_in]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInConfig {
    /// Providers of OpenID Connect.
    pub openid_connect: Vec<ProviderConfig>,
}

/// `[[sign_in.openid_connect]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What people call it: 1 to 32 of `a-z0-9.-_`.
    pub name: String,
    /// Its address, exactly as its ID tokens have it; `https`, or `http` on a loopback address.
    pub issuer: String,
    /// How it knows this service.
    pub client_id: String,
    /// A file whose first line is the secret between the two.
    pub client_secret_file: PathBuf,
    /// Where it may send people back. One on a loopback address stands for every port there.
    #[serde(default = "loopback")]
    pub redirect_uris: Vec<String>,
    /// How its ID tokens may be signed. Never by a secret that both have, and never not.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<String>,
    /// One of these must be the ID token's `acr`, and is asked for; none is any.
    #[serde(default)]
    pub acr_any_of: Vec<String>,
    /// All of these must be in the ID token's `amr`.
    #[serde(default)]
    pub amr_all_of: Vec<String>,
    /// Who signed its certificate, PEM; without it those whom this machine trusts.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// How long one sign-in may wait for it in all, in seconds.
    #[serde(default = "usual_timeout_s")]
    pub timeout_s: u64,
}

/// Ways to sign that need no secret to verify.
///
/// Source: RFC 7518, 3.1, and RFC 8037.
pub const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

fn loopback() -> Vec<String> {
    vec![format!("http://127.0.0.1{}", crate::redirect::PATH)]
}

fn usual_algorithms() -> Vec<String> {
    vec!["RS256".to_owned()]
}

const fn usual_timeout_s() -> u64 {
    5
}

/// What is wrong with a provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The program has no such sign-in.
    #[error(
        "this headlock was built without sign-in by OpenID Connect; build it with --features oidc, or leave [[sign_in.openid_connect]] out"
    )]
    NotBuilt,
    /// The name.
    #[error("name: 1 to 32 of a-z, 0-9, '.', '-' and '_' are wanted, and each provider has another one")]
    Name,
    /// The issuer.
    #[error(
        "issuer: {found} is none; https://…, or http:// with a loopback address, is wanted, without query, fragment and name"
    )]
    Issuer {
        /// What stands there.
        found: String,
    },
    /// The client's id.
    #[error("client_id: 1 to 255 printable ASCII characters are wanted")]
    ClientId,
    /// No way back, or one that is none.
    #[error(
        "redirect_uris: entry {place} is none; http://127.0.0.1/… (every port), http://[::1]/… or https://… is wanted, without fragment"
    )]
    Redirect {
        /// From 1; 0 if there is none at all.
        place: usize,
    },
    /// An algorithm.
    #[error(
        "algorithms: {found} cannot be; at least one of {} is wanted, which need no shared secret",
        ALGORITHMS.join(", ")
    )]
    Algorithm {
        /// What stands there.
        found: String,
    },
    /// The time.
    #[error("timeout_s: {found} is out of range; 1 to 20 is possible")]
    Timeout {
        /// What stands there.
        found: u64,
    },
    /// A value of acr or amr that cannot be asked for.
    #[error("{field}: entries are printable ASCII without spaces")]
    Context {
        /// Which field.
        field: &'static str,
    },
    /// The secret's file.
    #[error("client_secret_file: {path} cannot be read: {why}")]
    Secret {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// There is nothing in it.
    #[error("client_secret_file: the first line of {path} is empty; it is the secret")]
    NoSecret {
        /// Which.
        path: PathBuf,
    },
    /// The authorities.
    #[error("ca: {0}")]
    Authority(#[from] crate::client::ClientError),
}
