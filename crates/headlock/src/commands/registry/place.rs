//! The machine that a registry runs on: its configuration, its store, its key, and its desk while no service runs there.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use headlock_registry::desk::{Action, Command, Credential, Desk, Outcome, Tools};
use headlock_registry::log::Disk;
use headlock_registry::record::{Record, Setting};
use headlock_registry::seal::{FINGERPRINT_BYTES, Kek, Share, key_file};
use headlock_registry::store::{Read, Value};
use headlock_server::{Config, ConfigError, open_store, read_rules};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::store::Texts;

/// The name of the configuration in a registry's folder.
pub(super) const CONFIG: &str = "registry.toml";

/// Where a registry is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// Its configuration, or the folder with its registry.toml.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

/// How a registry on this machine is unsealed.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Unsealing {
    /// The key-encryption key; without it the configuration's, and without that shares are asked for.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Place {
    /// Reads the configuration.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let path = if self.config.is_dir() { self.config.join(CONFIG) } else { self.config.clone() };
        Config::read(&path).map_err(|why| wrong_config(&why))
    }
}

pub(super) fn wrong_config(why: &ConfigError) -> Failure {
    Failure::input(
        why.to_string(),
        "docs/registry.md describes the configuration; headlock registry check says what is wrong",
    )
}

/// Milliseconds since 1970, by the machine's clock.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What a desk on this machine is opened with.
pub(super) fn tools(config: &Config, texts: &Texts, kek: Kek) -> Result<Tools<Disk>, Failure> {
    let texts = match &config.catalog {
        Some(folder) => Texts::load(std::slice::from_ref(folder))?,
        None => texts.clone(),
    };
    Ok(Tools {
        store: open_store(config).map_err(|why| wrong_config(&why))?,
        files: Disk::new(config.log_folder()),
        catalog: Arc::new(texts.catalog()?),
        rules: read_rules(config).map_err(|why| wrong_config(&why))?,
        kek,
    })
}

/// The desk of this machine. There is none while a service runs here.
pub(super) fn desk(config: &Config, texts: &Texts, unsealing: &Unsealing) -> Result<Desk<Disk>, Failure> {
    let kek = unseal(config, unsealing)?;
    Desk::open(tools(config, texts, kek)?, now_ms()).map_err(|why| {
        Failure::input(
            why.to_string(),
            "the service of this registry must not run meanwhile; what it does is done through it, with --server",
        )
    })
}

/// One thing that whoever holds the machine may do.
pub(super) fn console(desk: &mut Desk<Disk>, action: Action) -> Result<Outcome, Failure> {
    let command = [Command { credential: Credential::Console, action }];
    let answers = desk.apply(now_ms(), &command).map_err(|why| broken(&why))?;
    match answers.into_iter().next() {
        Some(Ok(outcome)) => Ok(outcome),
        Some(Err(refusal)) => Err(Failure::input(refusal.to_string(), "look at what is there already")),
        None => Err(Failure::No),
    }
}

/// The store or the log failed: nothing is lost, and nothing was answered.
pub(super) fn broken(why: &dyn std::fmt::Display) -> Failure {
    Failure::Link {
        word: "unavailable",
        what: format!("the registry cannot answer: {why}"),
        help: "look at the disk and the store; then ask again, nothing that was acknowledged is lost".to_owned(),
    }
}

/// The key of the registry: from a file, or from shares that are typed in.
pub(super) fn unseal(config: &Config, unsealing: &Unsealing) -> Result<Kek, Failure> {
    if let Some(path) = unsealing.key_file.as_ref().or(config.key_file.as_ref()) {
        return read_key(path);
    }
    let mut store = open_store(config).map_err(|why| wrong_config(&why))?;
    let fingerprint = setting(&mut *store, "kek")?.and_then(|text| {
        let bytes = headlock_wire::hex::bytes(text)?;
        <[u8; FINGERPRINT_BYTES]>::try_from(bytes).ok()
    });
    let fingerprint = fingerprint
        .ok_or_else(|| Failure::input("there is no registry here yet", "headlock registry init makes one"))?;
    shares(fingerprint)
}

pub(super) fn read_key(path: &Path) -> Result<Kek, Failure> {
    key_file::read(path)
        .map_err(|why| Failure::input(format!("{}: {why}", path.display()), "the key file that init or rotate wrote"))
}

/// One thing that holds for the registry.
pub(super) fn setting(store: &mut dyn Read, name: &str) -> Result<Option<String>, Failure> {
    let keys = [vec![Value::Text(name.to_owned())]];
    let row = store.get(Setting::TABLE, &keys).map_err(|why| broken(&why))?.pop().flatten();
    Ok(row.and_then(Setting::from_row).map(|setting| setting.value))
}

/// Asks for shares until there are enough.
fn shares(fingerprint: [u8; FINGERPRINT_BYTES]) -> Result<Kek, Failure> {
    let mut shares: Vec<Share> = Vec::new();
    loop {
        let need =
            shares.first().map_or_else(|| "as many as its quorum".to_owned(), |share| share.quorum().to_string());
        let text = ask(&format!("share {} ({need} needed)", shares.len() + 1))?;
        match Share::parse(&text) {
            Ok(share) => shares.push(share),
            Err(why) => {
                anstream::eprintln!("no share: {why}");
                if !std::io::stdin().is_terminal() {
                    return Err(Failure::input(format!("share {}: {why}", shares.len() + 1), "one share a line"));
                }
                continue;
            }
        }
        if shares.first().is_some_and(|first| shares.len() >= usize::from(first.quorum())) {
            return Kek::join(&shares, fingerprint)
                .map_err(|why| Failure::input(why.to_string(), "the shares of this registry, each once"));
        }
    }
}

/// Asks for a secret: unseen on a terminal, otherwise the next line of standard input.
pub(super) fn ask(what: &str) -> Result<Zeroizing<String>, Failure> {
    let nothing = || Failure::input(format!("no {what} was given"), "type it, or give it on standard input");
    if std::io::stdin().is_terminal() {
        let typed = dialoguer::Password::new().with_prompt(what).allow_empty_password(false).interact();
        return typed.map(Zeroizing::new).map_err(|_| nothing());
    }
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().read_line(&mut line).map_err(|_| nothing())?;
    let end = line.trim_end().len();
    line.truncate(end);
    if read == 0 || line.is_empty() { Err(nothing()) } else { Ok(line) }
}

/// A secret from a file whose first line it is, or asked for.
pub(super) fn secret(file: Option<&Path>, what: &str) -> Result<Zeroizing<String>, Failure> {
    let Some(path) = file else { return ask(what) };
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|why| {
        Failure::input(
            format!("cannot read {}: {why}", path.display()),
            format!("a file whose first line is the {what}"),
        )
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// Writes a secret into a new file that only its owner can read.
pub(super) fn keep_secret(path: &Path, text: &str) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|why: std::io::Error| {
        Failure::input(format!("cannot write {}: {why}", path.display()), "a new file in a folder of your own")
    })
}
