//! A signed package of firmware.
//!
//! Shape: `HLFP`, format 1, content (one byte), the unit's id and the version (a length byte and text each), length of the
//! payload (four bytes), SHA-256 of the payload, Ed25519 signature (64 bytes, RFC 8032) over [`SIGNED_CONTEXT`] and all of the
//! header before it; then the payload. The header alone is signed, so that a package for another unit, or from somebody else, is
//! refused before a byte of its payload is taken.

use ed25519_dalek::{Signature, VerifyingKey};

/// What stands in front of the header when it is signed, so that no other signature of the same key fits.
pub const SIGNED_CONTEXT: &[u8] = b"headlock firmware package 1";
const MAGIC: &[u8; 4] = b"HLFP";
const FORMAT: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
/// The longest header, in bytes.
pub const HEADER_BYTES_MAX: usize = 4 + 2 + 2 * (1 + 255) + 4 + 32 + SIGNATURE_BYTES;

/// What firmware does to the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// The maker's: the lock stays.
    Update,
    /// One that does not check codes.
    Unprotected,
}

/// The header of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it does to the lock.
    pub content: Content,
    /// The catalogue's id of the unit that it is for.
    pub unit: String,
    /// Its version.
    pub version: String,
    /// Bytes of the payload.
    pub payload_bytes: u32,
    /// SHA-256 of the payload.
    pub payload_digest: [u8; 32],
    /// Bytes of the header, its signature included.
    pub header_bytes: usize,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why a package is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It does not begin like one.
    #[error("no firmware package: it does not begin with HLFP, format 1")]
    NoPackage,
    /// A text that is none, or content that nobody knows.
    #[error("the package's header says nothing that is known")]
    Header,
    /// Not signed by this unit's maker, or changed since.
    #[error("the package's signature is not the maker's")]
    Signature,
    /// For another unit.
    #[error("the package is for {found}, not for {wanted}")]
    OtherUnit {
        /// Of the package.
        found: String,
        /// The unit here.
        wanted: String,
    },
    /// The payload is not the one that was signed.
    #[error("the package's payload is damaged")]
    Payload,
}

impl Package {
    /// Reads a header from the beginning of a package; none if it is not complete yet.
    ///
    /// # Errors
    /// It cannot become one.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, PackageError> {
        let begins = MAGIC.iter().chain([&FORMAT]).zip(bytes).all(|(wanted, found)| wanted == found);
        if !begins {
            return Err(PackageError::NoPackage);
        }
        let mut reader = Reader { bytes, at: MAGIC.len() + 1 };
        match reader.package() {
            Some(package) => package.map(Some),
            None => Ok(None),
        }
    }

    /// Whether its maker signed it; `header` is the package's beginning.
    ///
    /// # Errors
    /// [`PackageError::Signature`].
    pub fn verify(&self, header: &[u8], maker: &[u8; 32]) -> Result<(), PackageError> {
        let signed = header.get(..self.header_bytes - SIGNATURE_BYTES).ok_or(PackageError::Signature)?;
        let key = VerifyingKey::from_bytes(maker).map_err(|_| PackageError::Signature)?;
        let text = [SIGNED_CONTEXT, signed].concat();
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&text, &signature).map_err(|_| PackageError::Signature)
    }

    /// The header that is to be signed; the signature follows it. None where a text is empty or has more than 255 bytes.
    pub fn unsigned(content: Content, unit: &str, version: &str, payload: (u32, [u8; 32])) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([FORMAT, u8::from(content == Content::Unprotected)]);
        for text in [unit, version] {
            bytes.push(u8::try_from(text.len()).ok().filter(|length| *length > 0)?);
            bytes.extend(text.as_bytes());
        }
        bytes.extend(payload.0.to_be_bytes());
        bytes.extend(payload.1);
        Some(bytes)
    }

    /// Bytes of the whole package.
    pub fn bytes(&self) -> usize {
        self.header_bytes.saturating_add(usize::try_from(self.payload_bytes).unwrap_or(usize::MAX))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + count)?;
        self.at += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let [length] = self.array()?;
        self.take(usize::from(length))
    }

    /// None if it is not complete.
    fn package(&mut self) -> Option<Result<Package, PackageError>> {
        let [content] = self.array()?;
        let content = match content {
            0 => Content::Update,
            1 => Content::Unprotected,
            _ => return Some(Err(PackageError::Header)),
        };
        let (unit, version) = (self.text()?, self.text()?);
        let word = |bytes| str::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        let (Some(unit), Some(version)) = (word(unit), word(version)) else { return Some(Err(PackageError::Header)) };
        let payload_bytes = u32::from_be_bytes(self.array()?);
        let payload_digest = self.array()?;
        let signature = self.array()?;
        let header_bytes = self.at;
        Some(Ok(Package { content, unit, version, payload_bytes, payload_digest, header_bytes, signature }))
    }
}
