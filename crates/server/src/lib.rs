//! The registry over HTTP: what is asked and answered, who is let in by what, and how much at once. No rules of the domain.
#![forbid(unsafe_code)]

pub mod api;
mod body;
pub mod client;
mod clock;
mod config;
mod connection;
mod delivery;
mod desk_thread;
mod exports;
mod filter;
mod gate;
mod metrics;
#[cfg(feature = "oidc")]
mod openid;
mod problem;
mod provider_config;
mod readers;
pub mod redirect;
mod routes;
mod serve;
mod tls;
mod who;
pub mod witness;
pub mod witness_client;

pub use clock::Clock;
pub use config::{Config, ConfigError, Limits, LogConfig, TlsConfig, open_store, read_rules};
pub use problem::Problem;
pub use provider_config::{ALGORITHMS, ProviderConfig, ProviderError, SignInConfig};
pub use routes::openapi;
pub use serve::{Host, Running, StartError, start};
pub use tls::{TlsError, certificate_fingerprint};
