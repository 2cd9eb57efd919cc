//! One provider: its description, its keys, where it is asked, and what of its answers is believed.
//!
//! Source: OpenID Connect Core 1.0, 3.1, and Discovery 1.0; PKCE is RFC 7636, the issuer in a redirect RFC 9207. All calls block.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use headlock_registry::desk::Verified;
use headlock_registry::record::{Issuer, Subject};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreRequestTokenError,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthenticationContextClass, AuthorizationCode, AuthorizationRequest,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError, IssuerUrl, Nonce, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, SignatureVerificationError, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::address::{is_bare, is_private};
use super::http::{Call, Http};
use super::pending::Begun;
use crate::api::{FinishSignIn, Secret};
use crate::provider_config::{ALGORITHMS, ProviderConfig, ProviderError};

/// How long a provider's description and keys are believed, in seconds.
const DESCRIBED_S: u64 = 3_600;

/// How often keys are read anew because a token names one that is not known, in seconds.
const KEYS_AGAIN_S: u64 = 10;

/// How far a provider's clock may be off, in seconds, for the time at which it says that it made a token.
const CLOCK_S: u64 = 300;

/// How old a token may be when it comes, in seconds: it was made after its sign-in was begun.
const OLDEST_S: u64 = 600;

/// What a description says beside what the library reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct More {
    /// Whether every redirect names the issuer.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider said of itself.
struct Described {
    metadata: Metadata,
    token: TokenUrl,
    since_s: u64,
    /// When the keys were read anew because one was not known.
    keys_again_s: Option<u64>,
}

/// One provider.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) issuer: Issuer,
    pub(super) redirects: Vec<Url>,
    /// How long one talk may take.
    pub(super) timeout: Duration,
    issuer_url: IssuerUrl,
    client_id: String,
    client_secret: Secret,
    algorithms: Vec<CoreJwsSigningAlgorithm>,
    acr_any_of: Vec<String>,
    amr_all_of: Vec<String>,
    http: Http,
    described: Mutex<Option<Arc<Described>>>,
}

/// What somebody is sent to a provider with.
pub(super) struct Question {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) redirect_uri: String,
    /// Of PKCE, as it goes over the wire.
    pub(super) challenge: String,
}

impl Provider {
    /// A provider of this configuration, whose shape was checked.
    pub(super) fn new(config: &ProviderConfig) -> Result<Self, ProviderError> {
        let wrong = || ProviderError::Issuer { found: config.issuer.clone() };
        let issuer_url = IssuerUrl::new(config.issuer.clone()).map_err(|_| wrong())?;
        let redirects = config.redirect_uris.iter().filter_map(|text| Url::parse(text).ok()).collect();
        let algorithms: Option<_> = config.algorithms.iter().map(|name| algorithm(name)).collect();
        Ok(Self {
            name: config.name.clone(),
            issuer: Issuer::new(&config.issuer).map_err(|_| wrong())?,
            redirects,
            timeout: Duration::from_secs(config.timeout_s),
            http: Http::new(config, issuer_url.url())?,
            issuer_url,
            client_id: config.client_id.clone(),
            client_secret: secret(config)?,
            algorithms: algorithms.ok_or(ProviderError::Algorithm { found: String::new() })?,
            acr_any_of: config.acr_any_of.clone(),
            amr_all_of: config.amr_all_of.clone(),
            described: Mutex::default(),
        })
    }

    /// Where somebody has to go to be asked who they are.
    pub(super) fn open(&self, question: &Question, (now_s, until): (u64, Instant)) -> Result<String, Failure> {
        let described = self.described(now_s, &self.http.until(until))?;
        let redirect = redirect(&question.redirect_uri)?;
        let (state, nonce) = (CsrfToken::new(question.state.clone()), Nonce::new(question.nonce.clone()));
        let client = self.client(&described.metadata)?.set_redirect_uri(redirect);
        let asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_extra_param("code_challenge", question.challenge.as_str())
            .add_extra_param("code_challenge_method", "S256");
        let acr = self.acr_any_of.iter().map(|value| AuthenticationContextClass::new(value.clone()));
        let (url, _, _) = acr.fold(asked, AuthorizationRequest::add_auth_context_value).url();
        Ok(url.to_string())
    }

    /// Who came back, as the provider says under its signature.
    pub(super) fn identify(
        &self,
        shown: &FinishSignIn,
        begun: &Begun,
        (now_s, until): (u64, Instant),
    ) -> Result<Verified, Failure> {
        let call = self.http.until(until);
        let described = self.described(now_s, &call)?;
        let always = described.metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match &shown.iss {
            Some(iss) if iss != self.issuer.as_str() => return Err(Failure::Refused("another issuer sent them back")),
            None if always => return Err(Failure::Refused("no issuer is named, and this one always does")),
            _ => {}
        }
        let client = self.client(&described.metadata)?.set_token_uri(described.token.clone());
        let exchanged = client
            .exchange_code(AuthorizationCode::new(shown.code.reveal().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(shown.code_verifier.reveal().to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect(&begun.redirect_uri)?))
            .request(&call)
            .map_err(|why| unexchanged(&why))?;
        let token = exchanged.id_token().ok_or(Failure::Nonsense("no ID token"))?;
        let subject = match self.subject(token, begun, (&described.metadata, now_s)) {
            Err(Unverified::Key) => {
                let described = self.with_new_keys(&described, now_s, &call)?;
                self.subject(token, begun, (&described.metadata, now_s))
            }
            told => told,
        };
        let subject = subject.map_err(|why| match why {
            Unverified::Key => Failure::Nonsense("an ID token under no key of its issuer"),
            Unverified::Because(why) => why,
        })?;
        Ok(Verified { issuer: self.issuer.clone(), subject })
    }

    /// Who a token says that it is, if everything about it is right.
    ///
    /// Source: OpenID Connect Core 1.0, 3.1.3.7.
    fn subject(
        &self,
        token: &CoreIdToken,
        begun: &Begun,
        (metadata, now_s): (&Metadata, u64),
    ) -> Result<Subject, Unverified> {
        let client_id = ClientId::new(self.client_id.clone());
        let now = i64::try_from(now_s).ok().and_then(|now_s| DateTime::from_timestamp(now_s, 0)).unwrap_or_default();
        let time = |iat: DateTime<Utc>| {
            let at_s = u64::try_from(iat.timestamp()).unwrap_or_default();
            let fits = (now_s.saturating_sub(OLDEST_S + CLOCK_S)..=now_s + CLOCK_S).contains(&at_s);
            if fits { Ok(()) } else { Err(String::new()) }
        };
        let acr = |acr: Option<&AuthenticationContextClass>| {
            let fits = |acr: &AuthenticationContextClass| self.acr_any_of.iter().any(|value| *value == **acr);
            if self.acr_any_of.is_empty() || acr.is_some_and(fits) { Ok(()) } else { Err(String::new()) }
        };
        // As of a client without a secret: a MAC under what both know proves nothing here, whatever is allowed.
        let verifier =
            CoreIdTokenVerifier::new_public_client(client_id, self.issuer_url.clone(), metadata.jwks().clone())
                .set_allowed_algs(self.algorithms.iter().cloned())
                .set_time_fn(move || now)
                .set_issue_time_verifier_fn(time)
                .set_auth_context_verifier_fn(acr);
        let claims = token.claims(&verifier, &Nonce::new(begun.nonce.clone())).map_err(|why| unverified(&why))?;
        if claims.authorized_party().is_some_and(|party| **party != self.client_id) {
            return Err(Unverified::Because(Failure::Nonsense("an ID token for another party")));
        }
        let methods = claims.auth_method_refs().map(Vec::as_slice).unwrap_or_default();
        if !self.amr_all_of.iter().all(|wanted| methods.iter().any(|method| **method == *wanted)) {
            return Err(Unverified::Because(Failure::Refused("they were not asked in every way that is wanted")));
        }
        let subject = Subject::new(claims.subject().as_str());
        subject.map_err(|_| Unverified::Because(Failure::Nonsense("a subject that is none")))
    }

    /// What it says of itself, with its keys: asked for when it is not known, or was long ago.
    fn described(&self, now_s: u64, call: &Call<'_>) -> Result<Arc<Described>, Failure> {
        let known = self.lock().clone();
        if let Some(known) = known.filter(|known| now_s.saturating_sub(known.since_s) < DESCRIBED_S) {
            return Ok(known);
        }
        let metadata = Metadata::discover(&self.issuer_url, call).map_err(|why| undescribed(&why))?;
        let token = metadata.token_endpoint().cloned().ok_or(Failure::Nonsense("no token endpoint"))?;
        if ![token.url(), metadata.authorization_endpoint().url()].into_iter().all(|url| self.http.allows(url)) {
            return Err(Failure::Nonsense("an address that is neither https nor on the provider's own machine"));
        }
        let described = Arc::new(Described { metadata, token, since_s: now_s, keys_again_s: None });
        *self.lock() = Some(Arc::clone(&described));
        Ok(described)
    }

    /// The same with the keys of now; seldom, whatever tokens say.
    fn with_new_keys(&self, known: &Described, now_s: u64, call: &Call<'_>) -> Result<Arc<Described>, Failure> {
        let newer = self.lock().clone().filter(|newer| newer.keys_again_s > known.keys_again_s);
        if let Some(newer) = newer {
            return Ok(newer);
        }
        if known.keys_again_s.is_some_and(|at_s| now_s.saturating_sub(at_s) < KEYS_AGAIN_S) {
            return Err(Failure::Nonsense("an ID token under no key of its issuer, again"));
        }
        let keys = CoreJsonWebKeySet::fetch(known.metadata.jwks_uri(), call).map_err(|why| undescribed(&why))?;
        let described = Arc::new(Described {
            metadata: known.metadata.clone().set_jwks(keys),
            token: known.token.clone(),
            since_s: known.since_s,
            keys_again_s: Some(now_s),
        });
        *self.lock() = Some(Arc::clone(&described));
        Ok(described)
    }

    fn client(&self, metadata: &Metadata) -> Result<Client, Failure> {
        let methods = metadata.token_endpoint_auth_methods_supported();
        let has = |wanted| methods.is_none_or(|methods| methods.contains(&wanted));
        let how = match (has(CoreClientAuthMethod::ClientSecretBasic), has(CoreClientAuthMethod::ClientSecretPost)) {
            (true, _) => AuthType::BasicAuth,
            (false, true) => AuthType::RequestBody,
            (false, false) => return Err(Failure::Nonsense("no way for this service to show its secret")),
        };
        let keys = CoreJsonWebKeySet::default();
        let client = CoreClient::new(ClientId::new(self.client_id.clone()), self.issuer_url.clone(), keys);
        let client = client.set_client_secret(ClientSecret::new(self.client_secret.reveal().to_owned()));
        Ok(client.set_auth_type(how).set_auth_uri(metadata.authorization_endpoint().clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Described>>> {
        // What is kept is whole after a panic too.
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Client = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
>;

/// Why a token is not believed.
enum Unverified {
    /// No key of those that are known made it; newer ones might have.
    Key,
    /// For good.
    Because(Failure),
}

fn unverified(why: &ClaimsVerificationError) -> Unverified {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    Unverified::Because(match why {
        Claims::SignatureVerification(Signature::NoMatchingKey | Signature::CryptoError(_)) => return Unverified::Key,
        Claims::SignatureVerification(Signature::DisallowedAlg(_)) => {
            Failure::Nonsense("an ID token signed in a way that is not allowed")
        }
        Claims::SignatureVerification(Signature::NoSignature) => Failure::Nonsense("an ID token that nobody signed"),
        Claims::SignatureVerification(_) => Failure::Nonsense("an ID token whose signature cannot be checked"),
        Claims::InvalidIssuer(_) => Failure::Nonsense("an ID token of another issuer"),
        Claims::InvalidAudience(_) => Failure::Nonsense("an ID token for another audience"),
        Claims::Expired(_) => Failure::Nonsense("an ID token of another time; are both clocks right?"),
        Claims::InvalidNonce(_) => Failure::Refused("an ID token for another sign-in"),
        Claims::InvalidAuthContext(_) => Failure::Refused("they were not asked in a way that is wanted"),
        _ => Failure::Nonsense("an ID token that is none"),
    })
}

fn unexchanged(why: &CoreRequestTokenError<Failure>) -> Failure {
    match why {
        CoreRequestTokenError::Request(why) => *why,
        CoreRequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidGrant => {
            Failure::Refused("the provider does not know this code, or no longer")
        }
        CoreRequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidClient => {
            Failure::Nonsense("it does not know this service: are client_id and secret right?")
        }
        CoreRequestTokenError::ServerResponse(_) => Failure::Nonsense("it does not exchange the code"),
        _ => Failure::Nonsense("no answer of a token endpoint"),
    }
}

fn undescribed(why: &DiscoveryError<Failure>) -> Failure {
    match why {
        DiscoveryError::Request(why) => *why,
        DiscoveryError::Response(..) => Failure::Unreachable("it answers another status or content type"),
        DiscoveryError::Validation(_) => Failure::Nonsense("it describes another issuer"),
        _ => Failure::Nonsense("no description of a provider, or no keys"),
    }
}

fn redirect(uri: &str) -> Result<RedirectUrl, Failure> {
    RedirectUrl::new(uri.to_owned()).map_err(|_| Failure::Refused("no way back"))
}

fn algorithm(name: &str) -> Option<CoreJwsSigningAlgorithm> {
    let known = ALGORITHMS.contains(&name);
    serde_json::from_value(name.into()).ok().filter(|_| known)
}

/// The first line of the secret's file.
fn secret(config: &ProviderConfig) -> Result<Secret, ProviderError> {
    let path = &config.client_secret_file;
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.map_err(|why| ProviderError::Secret { path: path.clone(), why })?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(ProviderError::NoSecret { path: path.clone() }),
    }
}

/// Whether a provider is what it has to be, as far as no file is needed; its name apart.
pub(super) fn check_shape(config: &ProviderConfig) -> Result<(), ProviderError> {
    let bare = |text: &str| Url::parse(text).ok().filter(|url| is_bare(url) && is_private(url));
    let issuer = bare(&config.issuer).filter(|url| url.query().is_none() && Issuer::new(&config.issuer).is_ok());
    issuer.ok_or_else(|| ProviderError::Issuer { found: config.issuer.clone() })?;
    let printable = |text: &str| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable(&config.client_id) {
        return Err(ProviderError::ClientId);
    }
    if config.redirect_uris.is_empty() {
        return Err(ProviderError::Redirect { place: 0 });
    }
    if let Some(at) = config.redirect_uris.iter().position(|text| bare(text).is_none()) {
        return Err(ProviderError::Redirect { place: at + 1 });
    }
    if let Some(found) = config.algorithms.iter().find(|name| algorithm(name).is_none()) {
        return Err(ProviderError::Algorithm { found: found.clone() });
    }
    if config.algorithms.is_empty() {
        return Err(ProviderError::Algorithm { found: "none at all".to_owned() });
    }
    for (field, values) in [("acr_any_of", &config.acr_any_of), ("amr_all_of", &config.amr_all_of)] {
        if !values.iter().all(|value| printable(value)) {
            return Err(ProviderError::Context { field });
        }
    }
    if !(1..=20).contains(&config.timeout_s) {
        return Err(ProviderError::Timeout { found: config.timeout_s });
    }
    Ok(())
}
