//! The file in which a virtual ECU keeps what a real one keeps in its EEPROM and flash.
//!
//! Shape: JSON, replaced whole: written beside it, synced, renamed. Bytes of a package that was not whole yet stand in a second
//! file, `<name>.package`, which only grows until they are dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use headlock_twin::ecu::{BadImage, Ecu, Retained};
use serde::{Deserialize, Serialize};

use headlock_wire::hex;

const FORMAT: u32 = 1;
/// A longer file is none of ours.
const MOST_BYTES: u64 = 1_000_000;

/// Where the ECU's state is kept.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    package_path: PathBuf,
    /// Held for as long as the file is in use.
    lock: File,
    unit: Names,
    saved: Option<u64>,
    staged: Option<(u64, usize, File)>,
}

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The catalogue's id of the unit.
    pub unit: String,
    /// The reading, and which of its cases.
    pub reading: String,
    /// Its serial.
    pub serial: String,
}

/// Why the state cannot be kept, or taken up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("cannot use the state file {path}: {why}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        why: io::Error,
    },
    /// Another ECU uses it.
    #[error("the state file {0} is in use by another ECU")]
    InUse(String),
    /// It is no state file.
    #[error("{path} is no state of an ECU: {why}")]
    Malformed {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// It is another unit's.
    #[error("{path} is the state of {found}, not of {wanted}")]
    OtherUnit {
        /// Which.
        path: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Its image does not fit the unit.
    #[error("{path}: {why}")]
    Image {
        /// Which.
        path: String,
        /// Why.
        why: BadImage,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    #[serde(flatten)]
    names: Names,
    saved_unix_ms: u64,
    firmware: String,
    challenge: u32,
    bricked: bool,
    at_home: bool,
    package_ready: bool,
    /// Code and status.
    troubles: Vec<(u32, u8)>,
    /// Hexadecimal.
    eeprom: String,
}

impl StateFile {
    /// Takes the file for this unit, and gives the ECU what stands in it; a missing one is made at the first write.
    ///
    /// # Errors
    /// It cannot be used, is in use, or is none of this unit's.
    pub fn open(path: &Path, names: Names, ecu: &mut Ecu) -> Result<Self, StateError> {
        let io = |why| StateError::Io { path: path.display().to_string(), why };
        let beside = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(beside(".lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StateError::InUse(path.display().to_string())),
            Err(fs::TryLockError::Error(why)) => return Err(io(why)),
        }
        let package_path = beside(".package");
        let mut file = Self { path: path.to_owned(), package_path, lock, unit: names, saved: None, staged: None };
        match fs::metadata(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(io(why)),
            Ok(meta) if meta.len() > MOST_BYTES => return Err(file.malformed(&"it is far too long")),
            Ok(_) => {
                let text = fs::read_to_string(path).map_err(io)?;
                file.take_up(&text, ecu)?;
            }
        }
        Ok(file)
    }

    fn malformed(&self, why: &dyn std::fmt::Display) -> StateError {
        StateError::Malformed { path: self.path.display().to_string(), why: why.to_string() }
    }

    fn take_up(&mut self, text: &str, ecu: &mut Ecu) -> Result<(), StateError> {
        let kept: Kept = serde_json::from_str(text).map_err(|why| self.malformed(&why))?;
        if kept.format != FORMAT {
            return Err(self.malformed(&format!("format {}; this program knows {FORMAT}", kept.format)));
        }
        if kept.names != self.unit {
            let shown = |names: &Names| format!("{}#{}, serial {}", names.unit, names.reading, names.serial);
            let (found, wanted) = (shown(&kept.names), shown(&self.unit));
            return Err(StateError::OtherUnit { path: self.path.display().to_string(), found, wanted });
        }
        let eeprom =
            hex::bytes(kept.eeprom.as_bytes()).ok_or_else(|| self.malformed(&"its EEPROM is not hexadecimal"))?;
        let staged = match fs::read(&self.package_path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|why| StateError::Io { path: self.package_path.display().to_string(), why })?,
        };
        let outage_ms = unix_ms().saturating_sub(kept.saved_unix_ms);
        let retained = Retained {
            eeprom,
            firmware: kept.firmware,
            troubles: kept.troubles,
            challenge: kept.challenge,
            bricked: kept.bricked,
            at_home: kept.at_home,
            package_ready: kept.package_ready,
        };
        ecu.restore(&retained, &staged, outage_ms)
            .map_err(|why| StateError::Image { path: self.path.display().to_string(), why })?;
        if !staged.is_empty() && ecu.staged() == staged {
            // Written anew it would be gone for a moment, and a kill would find that moment.
            let package = OpenOptions::new().append(true).open(&self.package_path);
            let package =
                package.map_err(|why| StateError::Io { path: self.package_path.display().to_string(), why })?;
            self.staged = Some((ecu.staged_epoch(), staged.len(), package));
        }
        Ok(())
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// It cannot be written: then nothing that it would tell may be answered.
    pub fn keep(&mut self, ecu: &Ecu) -> Result<(), StateError> {
        self.keep_staged(ecu)?;
        if self.saved == Some(ecu.generation()) {
            return Ok(());
        }
        self.write(ecu)
    }

    /// Writes it whatever has changed, at the end.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(&mut self, ecu: &Ecu) -> Result<(), StateError> {
        self.keep_staged(ecu)?;
        self.write(ecu)
    }

    fn keep_staged(&mut self, ecu: &Ecu) -> Result<(), StateError> {
        let (epoch, bytes) = (ecu.staged_epoch(), ecu.staged());
        let known = self.staged.as_ref().filter(|(kept, ..)| *kept == epoch).map_or(0, |(_, length, _)| *length);
        if self.staged.as_ref().is_some_and(|(kept, length, _)| (*kept, *length) == (epoch, bytes.len())) {
            return Ok(());
        }
        let path = &self.package_path;
        let io = |why| StateError::Io { path: path.display().to_string(), why };
        if bytes.is_empty() {
            if let Err(why) = fs::remove_file(path)
                && why.kind() != io::ErrorKind::NotFound
            {
                return Err(io(why));
            }
            self.staged = None;
            return Ok(());
        }
        let mut file = match self.staged.take() {
            Some((kept, _, file)) if kept == epoch => file,
            _ => File::create(path).map_err(io)?,
        };
        file.write_all(&bytes[known..]).map_err(io)?;
        self.staged = Some((epoch, bytes.len(), file));
        Ok(())
    }

    fn write(&mut self, ecu: &Ecu) -> Result<(), StateError> {
        let generation = ecu.generation();
        let retained = ecu.retained();
        let kept = Kept {
            format: FORMAT,
            names: self.unit.clone(),
            saved_unix_ms: unix_ms(),
            firmware: retained.firmware,
            challenge: retained.challenge,
            bricked: retained.bricked,
            at_home: retained.at_home,
            package_ready: retained.package_ready,
            troubles: retained.troubles,
            eeprom: hex::digits(&retained.eeprom),
        };
        let io = |why| StateError::Io { path: self.path.display().to_string(), why };
        if let (true, Some((.., package))) = (kept.package_ready, &self.staged) {
            package.sync_data().map_err(io)?;
        }
        let text = serde_json::to_string_pretty(&kept).map_err(|why| io(why.into()))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        file.persist(&self.path).map_err(|failed| io(failed.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        self.saved = Some(generation);
        Ok(())
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
