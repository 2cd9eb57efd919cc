//! What a service is told: where it listens, what it works on, and how much it takes.
//!
//! Shape: TOML. Every error names the field and what would be right.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use headlock_registry::log::{KeyKind, VerifierKey};
use headlock_registry::record::MIGRATIONS;
use headlock_registry::rules::{BadRules, DEFAULT, Rules};
use headlock_registry::seal::key_file::{self, KeyFileError};
use headlock_registry::store::{Postgres, Settings, Sqlite, Store, StoreError};
use serde::Deserialize;

use crate::provider_config::{ProviderError, SignInConfig};
use crate::tls::{self, TlsError};

/// A service's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port. Without `[tls]` a loopback one.
    pub listen: SocketAddr,
    /// Lets a service without `[tls]` listen elsewhere: behind a proxy that does TLS, in a network of its own.
    #[serde(default)]
    pub insecure: bool,
    /// The folder of `registry.db` and `log/`.
    pub data: PathBuf,
    /// `postgres://…`; without it SQLite in `data`.
    #[serde(default)]
    pub store: Option<String>,
    /// The policy; without it the built-in one.
    #[serde(default)]
    pub rules: Option<PathBuf>,
    /// Units beside those built in, which the host reads.
    #[serde(default)]
    pub catalog: Option<PathBuf>,
    /// The key-encryption key; without it the service starts sealed.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// How much at once.
    #[serde(default)]
    pub limits: Limits,
    /// The log.
    #[serde(default)]
    pub log: LogConfig,
    /// Ways to sign in beside passwords and certificates.
    #[serde(default)]
    pub sign_in: SignInConfig,
}

/// `[tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The service's chain, PEM, its own certificate first.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Who signs the certificates of people and machines, PEM; without it nobody is asked for one.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request that may have a photo in it. Others have 64 KiB.
    pub body_bytes_max: usize,
    /// Connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long a request may take, in seconds.
    pub request_timeout_s: u64,
    /// How long a connection may take to send a request's head, also while it is idle, in seconds.
    pub idle_timeout_s: u64,
    /// How long a peer may leave what was sent to it unread, in seconds.
    pub write_timeout_s: u64,
    /// Requests that may wait for the desk.
    pub queue: usize,
    /// Requests that are committed at once.
    pub batch: usize,
    /// Passwords that are checked at once, 19 MiB and a core each; 0 is one a core.
    pub passwords_at_once: usize,
    /// Look-ups of one session or certificate, a minute.
    pub lookups_a_minute: u32,
    /// Sign-ins and shares from one address, a minute.
    pub attempts_a_minute: u32,
    /// How long a stop may take, in seconds.
    pub stop_timeout_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            connections_max: 4_096,
            request_timeout_s: 30,
            idle_timeout_s: 60,
            write_timeout_s: 30,
            queue: 4_096,
            batch: 256,
            passwords_at_once: 0,
            lookups_a_minute: 600,
            attempts_a_minute: 30,
            stop_timeout_s: 30,
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How often what is published is made durable, in seconds.
    pub sync_s: u64,
    /// Keys of the witnesses whose cosignatures are kept.
    pub witnesses: Vec<String>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { sync_s: 5, witnesses: Vec::new() }
    }
}

/// Why a configuration is none.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// Not TOML of this shape; the text says where and what.
    #[error(transparent)]
    Shape(#[from] toml::de::Error),
    /// Plain text over a network.
    #[error(
        "listen: {listen} is not a loopback address; add [tls], or say insecure = true if a proxy in front does TLS"
    )]
    Plain {
        /// The address.
        listen: SocketAddr,
    },
    /// A number out of its range.
    #[error("{field}: {found} is out of range; {least} to {most} is possible")]
    Range {
        /// Which.
        field: &'static str,
        /// What stands there.
        found: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A folder that is not there, or cannot be written.
    #[error("{field}: {path} is no folder that can be written ({why}); make one that belongs to the service's user")]
    Folder {
        /// Which field.
        field: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// A file that cannot be read.
    #[error("{field}: {path} cannot be read: {why}")]
    Unreadable {
        /// Which field.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// The policy.
    #[error("rules: {0}")]
    Rules(#[from] BadRules),
    /// The key file.
    #[error("key_file: {0}")]
    KeyFile(#[from] KeyFileError),
    /// TLS.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A store that nobody knows.
    #[error("store: only postgres://… can stand here; leave the field out for SQLite in the folder data")]
    UnknownStore,
    /// A witness's key.
    #[error("log.witnesses: entry {place} is no witness's key: <name>+<hash>+<key> of kind 4 is wanted")]
    Witness {
        /// From 1.
        place: usize,
    },
    /// A provider of sign-ins.
    #[error("sign_in.openid_connect \"{name}\": {why}")]
    Provider {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        why: ProviderError,
    },
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.numbers()?;
        config.providers()?;
        Ok(config)
    }

    /// Reads a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|why| ConfigError::File { path: path.to_owned(), why })?;
        let mut config = Self::parse(&text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = config.tls.iter_mut().flat_map(|tls| {
            [Some(&mut tls.certificate), Some(&mut tls.key), tls.client_ca.as_mut()].into_iter().flatten()
        });
        let own = [Some(&mut config.data), config.rules.as_mut(), config.catalog.as_mut(), config.key_file.as_mut()];
        let providers = config.sign_in.openid_connect.iter_mut();
        let providers =
            providers.flat_map(|one| [Some(&mut one.client_secret_file), one.ca.as_mut()].into_iter().flatten());
        for field in own.into_iter().flatten().chain(tls).chain(providers) {
            *field = folder.join(&*field);
        }
        Ok(config)
    }

    /// Whether everything that it names is there and can be opened.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.numbers()?;
        self.providers()?;
        #[cfg(feature = "oidc")]
        crate::openid::check(&self.sign_in.openid_connect)?;
        writable("data", &self.data)?;
        if self.log_folder().exists() {
            writable("data", &self.log_folder())?;
        }
        read_rules(self)?;
        self.witnesses()?;
        if let Some(catalog) = &self.catalog {
            let unreadable = |why| ConfigError::Unreadable { field: "catalog", path: catalog.clone(), why };
            fs::read_dir(catalog).map_err(unreadable)?;
        }
        if let Some(file) = &self.key_file {
            key_file::read(file)?;
        }
        if let Some(tls) = &self.tls {
            tls::load(tls)?;
        }
        open_store(self)?.standing()?;
        Ok(())
    }

    /// The folder of the log.
    pub fn log_folder(&self) -> PathBuf {
        self.data.join("log")
    }

    /// Keys of witnesses.
    pub(crate) fn witnesses(&self) -> Result<Vec<VerifierKey>, ConfigError> {
        let key = |(at, text): (usize, &String)| {
            let key: Option<VerifierKey> = VerifierKey::parse(text).ok();
            key.filter(|key| key.kind() == KeyKind::Cosignature).ok_or(ConfigError::Witness { place: at + 1 })
        };
        self.log.witnesses.iter().enumerate().map(key).collect()
    }

    /// Whether its providers are what they have to be, as far as no file is needed.
    #[cfg(feature = "oidc")]
    fn providers(&self) -> Result<(), ConfigError> {
        crate::openid::check_shape(&self.sign_in.openid_connect)
    }

    /// Whether it has no provider, which this build could not use.
    #[cfg(not(feature = "oidc"))]
    fn providers(&self) -> Result<(), ConfigError> {
        match self.sign_in.openid_connect.first() {
            None => Ok(()),
            Some(one) => Err(ConfigError::Provider { name: one.name.clone(), why: ProviderError::NotBuilt }),
        }
    }

    fn numbers(&self) -> Result<(), ConfigError> {
        if self.tls.is_none() && !self.insecure && !self.listen.ip().is_loopback() {
            return Err(ConfigError::Plain { listen: self.listen });
        }
        let Limits {
            body_bytes_max,
            connections_max,
            request_timeout_s,
            idle_timeout_s,
            write_timeout_s,
            queue,
            batch,
            passwords_at_once,
            lookups_a_minute,
            attempts_a_minute,
            stop_timeout_s,
        } = self.limits;
        for (field, found, (least, most)) in [
            ("limits.body_bytes_max", body_bytes_max as u64, (64 << 10, 64 << 20)),
            ("limits.connections_max", connections_max as u64, (1, 1 << 20)),
            ("limits.request_timeout_s", request_timeout_s, (1, 600)),
            ("limits.idle_timeout_s", idle_timeout_s, (1, 3_600)),
            ("limits.write_timeout_s", write_timeout_s, (1, 600)),
            ("limits.queue", queue as u64, (1, 1 << 20)),
            ("limits.batch", batch as u64, (1, 4_096)),
            ("limits.passwords_at_once", passwords_at_once as u64, (0, 1_024)),
            ("limits.lookups_a_minute", u64::from(lookups_a_minute), (1, 1 << 31)),
            ("limits.attempts_a_minute", u64::from(attempts_a_minute), (1, 1 << 31)),
            ("limits.stop_timeout_s", stop_timeout_s, (1, 3_600)),
            ("log.sync_s", self.log.sync_s, (1, 3_600)),
        ] {
            if !(least..=most).contains(&found) {
                return Err(ConfigError::Range { field, found, least, most });
            }
        }
        Ok(())
    }
}

/// The store that a configuration names.
///
/// # Errors
/// [`ConfigError::Store`], or a store that this build does not have.
pub fn open_store(config: &Config) -> Result<Box<dyn Store>, ConfigError> {
    match config.store.as_deref() {
        None => Ok(Box::new(Sqlite::open(config.data.join("registry.db"), MIGRATIONS)?)),
        Some(text) if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
            Ok(Box::new(Postgres::open(text, Settings::default(), MIGRATIONS)?))
        }
        Some(_) => Err(ConfigError::UnknownStore),
    }
}

/// The policy that a configuration names.
///
/// # Errors
/// The file cannot be read, or [`BadRules`].
pub fn read_rules(config: &Config) -> Result<Rules, ConfigError> {
    let Some(path) = &config.rules else { return Ok(Rules::parse(DEFAULT)?) };
    let unreadable = |why| ConfigError::Unreadable { field: "rules", path: path.clone(), why };
    Ok(Rules::parse(&fs::read_to_string(path).map_err(unreadable)?)?)
}

fn writable(field: &'static str, path: &Path) -> Result<(), ConfigError> {
    let folder = |why| ConfigError::Folder { field, path: path.to_owned(), why };
    let probe = path.join(format!(".headlock-{}", std::process::id()));
    fs::File::create(&probe).map_err(folder)?;
    fs::remove_file(&probe).map_err(folder)
}
