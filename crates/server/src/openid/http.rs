//! Requests to a provider: to private addresses only, answers of so many bytes, all in time, and no further than the address that was asked.

use std::sync::Arc;
use std::time::Instant;

use openidconnect::url::Url;
use openidconnect::{HttpRequest, HttpResponse, SyncHttpClient};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::Failure;
use super::address::{is_loopback, is_private};
use crate::client::{ClientError, certificates, trusted_here};
use crate::provider_config::ProviderConfig;

/// Bytes of an answer; one that is longer is none.
const ANSWER_BYTES_MAX: u64 = 256 << 10;

/// The way to one provider.
pub(super) struct Http {
    agent: Agent,
    /// Whether the provider is on this machine: only such a one may have addresses here.
    is_local: bool,
}

impl Http {
    pub(super) fn new(config: &ProviderConfig, issuer: &Url) -> Result<Self, ClientError> {
        let is_local = is_loopback(issuer);
        let roots = match &config.ca {
            Some(path) => certificates(path)?,
            None if issuer.scheme() == "https" => trusted_here()?,
            None => Vec::new(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(provider);
        let mut agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("headlock/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build());
        if is_local {
            agent = agent.proxy(None);
        }
        Ok(Self { agent: agent.build().new_agent(), is_local })
    }

    /// The same, until then.
    pub(super) const fn until(&self, until: Instant) -> Call<'_> {
        Call { http: self, until }
    }

    /// Whether a provider of this kind may have something at this address.
    pub(super) fn allows(&self, url: &Url) -> bool {
        is_private(url) && (self.is_local || !is_loopback(url))
    }
}

/// Requests that all have to be over by the same instant.
pub(super) struct Call<'a> {
    http: &'a Http,
    until: Instant,
}

impl SyncHttpClient for Call<'_> {
    type Error = Failure;

    fn call(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let url = Url::parse(&request.uri().to_string()).ok().filter(|url| self.http.allows(url));
        url.ok_or(Failure::Nonsense("an address that is neither https nor on the provider's own machine"))?;
        let left = self.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let left = left.ok_or(Failure::Unreachable("it took too long"))?;
        let request = self.http.agent.configure_request(request).timeout_global(Some(left)).build();
        let response = self.http.agent.run(request).map_err(|why| failure(&why))?;
        let (head, body) = response.into_parts();
        let bytes = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(|why| failure(&why))?;
        Ok(HttpResponse::from_parts(head, bytes))
    }
}

fn failure(why: &ureq::Error) -> Failure {
    match why {
        ureq::Error::BodyExceedsLimit(_) => Failure::Nonsense("an answer of too many bytes"),
        ureq::Error::Timeout(_) => Failure::Unreachable("it took too long"),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Failure::Unreachable("no TLS with it"),
        _ => Failure::Unreachable("it cannot be reached, or does not speak HTTP as it should"),
    }
}
