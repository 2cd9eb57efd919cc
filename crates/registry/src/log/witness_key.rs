//! A witness's own key in a file.
//!
//! Shape: one line, `PRIVATE+KEY+name+id+key`, as Go's `note` package writes a signer: the id in eight hexadecimal digits, the 32 secret bytes
//! in base64 behind the byte of their kind. Mode 0600 or 0400.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::base64;
use super::key::{KeyError, KeyKind, SecretKey, VerifierKey};
use crate::random;
use crate::seal::key_file::{KeyFileError, TEXT_BYTES_MAX, read_text, write_text};

const FIRST: &str = "PRIVATE+KEY+";

/// Why there is no key of a witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessKeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A new file cannot be written, or one is there already.
    #[error("the key file cannot be written: {0}")]
    Unwritten(io::Error),
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    Random(io::Error),
    /// The name, or what stands in the file.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Makes a key of this name in a new file, and answers how the witness is known, when the file is on the disk.
///
/// # Errors
/// The name is none, or a file is there already, which stays as it was.
pub fn make(path: &Path, name: &str) -> Result<VerifierKey, WitnessKeyError> {
    let mut secret = Zeroizing::new([0; 33]);
    secret[0] = KeyKind::Cosignature.byte();
    random::fill(&mut secret[1..]).map_err(WitnessKeyError::Random)?;
    let key = of(name, &secret)?;
    let encoded = Zeroizing::new(base64::encode(secret.as_slice()));
    let text = Zeroizing::new(format!("{FIRST}{name}+{:08x}+{}", key.public().id(), *encoded));
    if text.len() as u64 >= TEXT_BYTES_MAX {
        return Err(KeyFileError::Long.into());
    }
    write_text(path, &text).map_err(WitnessKeyError::Unwritten)?;
    Ok(key.public().clone())
}

/// Reads the key of a file that only its owner can read.
///
/// # Errors
/// Others have access to it, or it holds no key that cosigns.
pub fn read(path: &Path) -> Result<SecretKey, WitnessKeyError> {
    let text = read_text(path)?;
    let mut parts = text.trim_end().strip_prefix(FIRST).ok_or(KeyError::Form)?.splitn(3, '+');
    let (Some(name), Some(id), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form.into());
    };
    let secret = Zeroizing::new(base64::decode(secret).ok_or(KeyError::Form)?);
    let secret: &[u8; 33] = secret.as_slice().try_into().map_err(|_| KeyError::Form)?;
    let key = of(name, secret)?;
    if format!("{:08x}", key.public().id()) == id { Ok(key) } else { Err(KeyError::Id.into()) }
}

/// The key of a kind's byte and 32 secret ones.
fn of(name: &str, secret: &[u8; 33]) -> Result<SecretKey, KeyError> {
    let (kind, secret) = secret.split_first_chunk::<1>().ok_or(KeyError::Form)?;
    if kind[0] != KeyKind::Cosignature.byte() {
        return Err(KeyError::Kind);
    }
    let secret = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(|_| KeyError::Form)?);
    SecretKey::new(name, KeyKind::Cosignature, &secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_is_never_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.key");
        let made = make(&path, "witness.example/w1").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().public(), &made);
        assert_eq!(VerifierKey::parse(&made.to_string()).unwrap().kind(), KeyKind::Cosignature);
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(make(&path, "witness.example/w2"), Err(WitnessKeyError::Unwritten(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_no_key_of_a_witness_is_told_and_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.key");
        assert!(matches!(make(&path, "two words"), Err(WitnessKeyError::Key(KeyError::Name))));
        assert!(matches!(make(&path, &"w".repeat(300)), Err(WitnessKeyError::File(KeyFileError::Long))));
        assert!(!path.exists());
        make(&path, "witness.example/w1").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // The kind's byte is 4, so its base64 begins with B; with an A it is 0.
        let other_kind = text.replacen("+B", "+A", 1);
        for bad in
            [text.replacen("w1", "w2", 1), text.replacen("PRIVATE", "PUBLIC", 1), other_kind, "garbage\n".to_owned()]
        {
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(read(&path), Err(WitnessKeyError::Key(_))), "{bad}");
        }
    }
}
