//! A witness of several logs: of each it keeps the newest head in a folder of its own, and two processes never share them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{Disk, Files as _};
use super::head::{FileHead, HeadError};
use super::key::{KeyKind, SecretKey, VerifierKey};
use super::tree::TreeHead;
use super::witness::{Refusal, Submission, Witness};

const LOCK: &str = "lock";

/// Why a witness cannot begin its work.
#[derive(Debug, thiserror::Error)]
pub enum LookoutError {
    /// A key that does not sign a log.
    #[error("{name}: this key cosigns (kind 4); a log's signs notes (kind 1)")]
    Kind {
        /// Whose.
        name: String,
    },
    /// The folder of what was seen.
    #[error("{path}: {why}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// Another process works with the same folder.
    #[error("{path}: another witness is at work there")]
    Another {
        /// Which.
        path: PathBuf,
    },
    /// What was seen of a log cannot be read: without it nothing can be signed.
    #[error("what was seen of {origin}: {why}")]
    Seen {
        /// The log.
        origin: String,
        /// Why.
        #[source]
        why: HeadError,
    },
}

/// A witness at work.
#[derive(Debug)]
pub struct Lookout {
    public: VerifierKey,
    logs: BTreeMap<String, Mutex<Witness<FileHead<Disk>>>>,
    _lock: File,
}

impl Lookout {
    /// A witness of the logs of these keys; a log is called as its keys are. What was seen is kept in `state`, which is made if its parent
    /// is there.
    ///
    /// # Errors
    /// [`LookoutError`].
    pub fn open(key: SecretKey, logs: &[VerifierKey], state: &Path) -> Result<Self, LookoutError> {
        if let Some(other) = logs.iter().find(|key| key.kind() != KeyKind::Note) {
            return Err(LookoutError::Kind { name: other.name().to_owned() });
        }
        let folder = |path: &Path| {
            let path = path.to_owned();
            move |why| LookoutError::Folder { path, why }
        };
        make(state).map_err(folder(state))?;
        let lock = Disk::new(state).lock(LOCK).map_err(folder(state))?;
        let lock = lock.ok_or_else(|| LookoutError::Another { path: state.to_owned() })?;
        let (public, key) = (key.public().clone(), Arc::new(key));
        let mut keys: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in logs {
            keys.entry(log.name().to_owned()).or_default().push(log.clone());
        }
        let mut opened = BTreeMap::new();
        for (origin, keys) in keys {
            let own = state.join(folder_of(&origin));
            make(&own).map_err(folder(&own))?;
            let mut witness = Witness::new(Arc::clone(&key), &origin, keys, FileHead::new(Disk::new(own)));
            // A witness that has forgotten what it saw must not begin anew.
            witness.seen().map_err(|why| LookoutError::Seen { origin: origin.clone(), why })?;
            opened.insert(origin, Mutex::new(witness));
        }
        Ok(Self { public, logs: opened, _lock: lock })
    }

    /// Checks a request at this time, in seconds since 1970. What it answers is durable.
    ///
    /// # Errors
    /// [`Refusal`]; nothing was signed.
    pub fn add_checkpoint(&self, request: &[u8], now_s: u64) -> Result<String, Refusal> {
        let claimed =
            Submission::from_bytes(request).and_then(|request| request.claimed()).ok_or(Refusal::Malformed)?;
        let witness = self.logs.get(&claimed.origin).ok_or(Refusal::UnknownLog)?;
        witness.lock().unwrap_or_else(PoisonError::into_inner).add_checkpoint(request, now_s)
    }

    /// The logs, each with the tree that was cosigned last.
    ///
    /// # Errors
    /// What was seen cannot be read.
    pub fn seen(&self) -> Result<Vec<(&str, Option<TreeHead>)>, HeadError> {
        let seen = |witness: &Mutex<Witness<_>>| witness.lock().unwrap_or_else(PoisonError::into_inner).seen();
        self.logs.iter().map(|(origin, witness)| Ok((origin.as_str(), seen(witness)?))).collect()
    }

    /// How it says who it is.
    pub const fn public(&self) -> &VerifierKey {
        &self.public
    }
}

/// Makes a folder, if it is not there, durably.
fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(why) if why.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(why) => Err(why),
        Ok(()) => {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(parent)?.sync_all()
        }
    }
}

/// A log's name as that of a folder: another one for each, and readable.
fn folder_of(origin: &str) -> String {
    let mut name = String::from("log-");
    for byte in origin.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, kind: KeyKind, byte: u8) -> SecretKey {
        SecretKey::new(name, kind, &[byte; 32]).unwrap()
    }

    #[test]
    fn every_log_has_a_folder_of_its_own() {
        let names = ["a/b", "a%2fb", "A/b", "a", "..", "lock"].map(folder_of);
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        assert!(names.iter().all(|name| !name.contains('/') && name.starts_with("log-")), "{names:?}");
    }

    #[test]
    fn a_second_process_a_witness_for_a_log_and_a_damaged_memory_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("seen");
        let log = key("desk.example/log", KeyKind::Note, 7).public().clone();
        let own = || key("witness.example/w1", KeyKind::Cosignature, 8);
        let open = |logs: &[VerifierKey]| Lookout::open(own(), logs, &state);
        assert!(matches!(open(&[own().public().clone()]), Err(LookoutError::Kind { .. })));
        let first = open(std::slice::from_ref(&log)).unwrap();
        assert_eq!(first.seen().unwrap(), [("desk.example/log", None)]);
        assert!(matches!(open(std::slice::from_ref(&log)), Err(LookoutError::Another { .. })));
        drop(first);
        fs::write(state.join("log-desk.example%2flog/head"), "").unwrap();
        assert!(matches!(open(&[log]), Err(LookoutError::Seen { .. })));
    }
}
