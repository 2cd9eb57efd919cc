//! The key over the keys in a file, for a desk that starts by itself.
//!
//! Shape: one line, `headlock-key-1` and 18 groups of five characters: the key, its fingerprint and a check. Whoever reads the file has
//! every code; it belongs on another disk than the store.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::kek::{FINGERPRINT_BYTES, Kek};
use super::paper::{self, PaperError};

const HEAD: &str = "headlock-key-1";
const KEY_BYTES: usize = 32;

/// The line with its spaces and its end; room for a few more of them.
pub(crate) const TEXT_BYTES_MAX: u64 = 256;

/// Why a key file is not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("the key file cannot be read")]
    Io(#[from] io::Error),
    /// Not a file: a folder, a pipe, a device.
    #[error("the key file is not a regular file")]
    Kind,
    /// Others than its owner may do something with it.
    #[error("the key file is open to others (mode {mode:03o}): it must be 0600 or 0400")]
    Open {
        /// The permissions that it has.
        mode: u32,
    },
    /// Longer than any key file.
    #[error("longer than a key file: more than {TEXT_BYTES_MAX} bytes")]
    Long,
    /// No text at all.
    #[error("the key file is not text")]
    Text,
    /// Not the text of a key, or a damaged one.
    #[error("the key file does not hold a key: {0}")]
    Paper(#[from] PaperError),
    /// Written as a key is, but with the fingerprint of another.
    #[error("the key file's fingerprint is of another key")]
    Fingerprint,
}

/// Writes the key to a new file that only its owner can read, and answers when it is on the disk.
///
/// # Errors
/// A file is there already, or it cannot be written; what was begun is then taken away.
pub fn write(path: &Path, key: &Kek) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES + FINGERPRINT_BYTES]);
    bytes[..KEY_BYTES].copy_from_slice(key.as_bytes());
    bytes[KEY_BYTES..].copy_from_slice(&key.fingerprint());
    write_text(path, &paper::encode(HEAD, bytes.as_slice()))
}

/// Writes a line that is secret to a new file that only its owner can read, and answers when it is on the disk.
pub(crate) fn write_text(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = (|| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    })();
    written.inspect_err(|_| drop(std::fs::remove_file(path)))
}

/// Reads the key of a file that only its owner can read.
///
/// # Errors
/// Others have access to it, or it holds no key.
pub fn read(path: &Path) -> Result<Kek, KeyFileError> {
    let text = read_text(path)?;
    let bytes = paper::decode(HEAD, KEY_BYTES + FINGERPRINT_BYTES, &text)?;
    let (key, fingerprint) = bytes.split_first_chunk().ok_or(KeyFileError::Fingerprint)?;
    let key = Kek::from_bytes(key);
    if key.fingerprint() == fingerprint { Ok(key) } else { Err(KeyFileError::Fingerprint) }
}

/// Reads the text of a file that only its owner can read.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    // A pipe must not keep the desk waiting: it is opened without, and then refused.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(KeyFileError::Kind);
    }
    let mode = about.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(KeyFileError::Long);
    }
    let text = str::from_utf8(&bytes).map_err(|_| KeyFileError::Text)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_the_fingerprint_of_another_is_refused_though_its_check_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let text = paper::encode(HEAD, &[7; KEY_BYTES + FINGERPRINT_BYTES]);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Fingerprint)));
    }
}
