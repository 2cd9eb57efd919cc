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
mod problem;
mod readers;
mod routes;
mod serve;
mod tls;
mod who;
pub mod witness;
pub mod witness_client;

pub use clock::Clock;
pub use config::{Config, ConfigError, Limits, LogConfig, TlsConfig, open_store, read_rules};
pub use problem::Problem;
pub use routes::openapi;
pub use serve::{Host, Running, StartError, start};
pub use tls::{TlsError, certificate_fingerprint};
