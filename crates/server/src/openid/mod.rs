//! Signing in by a provider of OpenID Connect: this service is the relying party.
//!
//! What a provider is asked goes over threads beside those that serve, a few at once and for so long: whoever waits for one holds up nobody
//! else. What comes of it is who somebody is; whether that lets them in is the desk's to say.

mod address;
mod http;
mod pending;
mod provider;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headlock_registry::desk::{Refusal, Verified};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::pending::{Begun, Pending};
use self::provider::{Provider, Question};
use crate::api;
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::problem::Problem;
use crate::provider_config::{ProviderConfig, ProviderError};

/// Providers that are talked to at once.
const AT_ONCE: usize = 8;

/// How long somebody waits for their turn to talk to one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a provider's word is not taken. No text of it, nor of who asked, is in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// It is not them who asked, or not as it has to be.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// There is no answer.
    #[error("no answer: {0}")]
    Unreachable(&'static str),
    /// An answer that no provider may give.
    #[error("nonsense: {0}")]
    Nonsense(&'static str),
}

/// The providers of a service, and sign-ins that were begun.
pub(crate) struct Providers {
    all: Vec<Arc<Provider>>,
    pending: Mutex<Pending>,
    turns: Arc<Semaphore>,
    clock: Clock,
}

impl Providers {
    /// Reads secrets and authorities; no provider is asked for anything yet.
    pub(crate) fn new(configs: &[ProviderConfig], clock: Clock) -> Result<Self, ConfigError> {
        check_shape(configs)?;
        let provider = |config: &ProviderConfig| {
            let why = |why| ConfigError::Provider { name: config.name.clone(), why };
            Provider::new(config).map(Arc::new).map_err(why)
        };
        let all = configs.iter().map(provider).collect::<Result<_, _>>()?;
        Ok(Self { all, pending: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)), clock })
    }

    /// Begins a sign-in: where its owner has to go.
    pub(crate) async fn begin(&self, asked: &api::BeginSignIn) -> Result<api::BegunSignIn, Problem> {
        let at = self.all.iter().position(|provider| provider.name == asked.with);
        let at = at.ok_or_else(|| Problem::invalid("with", self.names()))?;
        let provider = &self.all[at];
        let redirect_uri = address::redirect(&provider.redirects, &asked.redirect_uri);
        let redirect_uri = redirect_uri.ok_or_else(|| {
            Problem::invalid("redirect_uri", "one of this provider's redirect_uris in the service's configuration")
        })?;
        let challenge = URL_SAFE_NO_PAD.decode(&asked.code_challenge).ok().and_then(|bytes| bytes.try_into().ok());
        let challenge = challenge.ok_or_else(|| {
            Problem::invalid("code_challenge", "43 characters of base64url: SHA-256 of a code_verifier")
        })?;
        let (state, nonce) = (random()?, random()?);
        let question = Question {
            state: state.clone(),
            nonce: nonce.clone(),
            redirect_uri: redirect_uri.clone(),
            challenge: asked.code_challenge.clone(),
        };
        let now_s = self.clock.now_s();
        let open = self.talk(provider, move |provider, until| provider.open(&question, (now_s, until))).await?;
        let begun = Begun { provider: at, nonce, challenge, redirect_uri };
        lock(&self.pending).keep(&state, begun, self.clock.now_s()).map_err(|_| Problem::busy())?;
        Ok(api::BegunSignIn { open, state })
    }

    /// Who it is that came back, as the provider says. Whoever did not begin it gets nothing out of it, and takes nothing from who did.
    pub(crate) async fn finish(&self, shown: api::FinishSignIn) -> Result<Verified, Problem> {
        let now_s = self.clock.now_s();
        let begun = lock(&self.pending).take(&shown.state, shown.code_verifier.reveal(), now_s);
        let begun = begun.ok_or(Refusal::SignIn)?;
        let provider = &self.all[begun.provider];
        let finish = move |provider: &Provider, until| provider.identify(&shown, &begun, (now_s, until));
        self.talk(provider, finish).await
    }

    /// Talks to a provider, on a thread of its own, in the time that its configuration gives.
    async fn talk<T: Send + 'static>(
        &self,
        provider: &Arc<Provider>,
        talk: impl FnOnce(&Provider, Instant) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(Problem::busy)?;
        let patience = provider.timeout;
        let name = provider.name.clone();
        let provider = Arc::clone(provider);
        let until = Instant::now() + patience;
        let talking = tokio::task::spawn_blocking(move || {
            let said = talk(&provider, until);
            // Also if nobody waits any more: a turn ends with its talk.
            drop(turn);
            said
        });
        let said = match timeout(patience + Duration::from_secs(1), talking).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) => Err(Failure::Nonsense("an answer that could not be worked through")),
            Err(_) => Err(Failure::Unreachable("it took too long")),
        };
        said.map_err(|why| {
            tracing::warn!(provider = name, %why, "no sign-in by this provider");
            match why {
                Failure::Refused(_) => Refusal::SignIn.into(),
                Failure::Unreachable(_) => Problem::provider("it does not answer as it should, or not in time"),
                Failure::Nonsense(_) => Problem::provider("its answer cannot be believed; the service's log says why"),
            }
        })
    }

    /// Whether one of them is this issuer; otherwise what would be right.
    pub(crate) fn knows(&self, issuer: &str) -> Result<(), Problem> {
        let known = self.all.iter().any(|provider| provider.issuer.as_str() == issuer);
        if known {
            return Ok(());
        }
        let all: Vec<&str> = self.all.iter().map(|provider| provider.issuer.as_str()).collect();
        let words = if all.is_empty() { "this service has no provider".to_owned() } else { all.join(", ") };
        Err(Problem::invalid("issuer", format!("one of this service's providers, exactly: {words}")))
    }

    fn names(&self) -> String {
        let all: Vec<&str> = self.all.iter().map(|provider| provider.name.as_str()).collect();
        if all.is_empty() {
            return "this service has no provider; [[sign_in.openid_connect]] in its configuration names one"
                .to_owned();
        }
        format!("there is no provider of this name; there is {}", all.join(", "))
    }
}

/// Whether providers are what they have to be, as far as no file is needed.
pub(crate) fn check_shape(configs: &[ProviderConfig]) -> Result<(), ConfigError> {
    for (at, config) in configs.iter().enumerate() {
        let why = |why| ConfigError::Provider { name: config.name.clone(), why };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        let is_name = (1..=32).contains(&config.name.len()) && config.name.chars().all(plain);
        if !is_name || configs[..at].iter().any(|other| other.name == config.name) {
            return Err(why(ProviderError::Name));
        }
        provider::check_shape(config).map_err(why)?;
    }
    Ok(())
}

/// Whether everything that providers name is there.
pub(crate) fn check(configs: &[ProviderConfig]) -> Result<(), ConfigError> {
    Providers::new(configs, Clock::system()).map(drop)
}

/// 32 random bytes in base64url.
fn random() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        tracing::error!("the system has no randomness");
        return Err(Problem::unavailable());
    }
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is whole after a panic too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
