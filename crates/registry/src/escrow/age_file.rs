//! A file that one recipient opens, written as it comes: age's header, then chunks of 64 KiB of which the last says that it is the last.
//!
//! Source: C2SP age v1. The recipient's part is the `age` crate's. The payload is written here, since nothing may be left in memory of the
//! plain text: each chunk is encrypted where it was gathered, and that memory is wiped.

use std::io::{self, Write};

use age_core::format::Stanza;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::recipient::Recipient;
use crate::random;

const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
/// Characters of a line of a stanza's body; a shorter one, or an empty one, ends it.
const COLUMNS: usize = 64;

/// A file under way. Dropped before its end, what was written of it does not open to the end.
pub struct AgeFile<'a> {
    out: &'a mut dyn Write,
    cipher: ChaCha20Poly1305,
    /// Of the next chunk.
    counter: u64,
    /// Of full length and never longer, so that no outgrown memory is left unwiped.
    chunk: Zeroizing<Vec<u8>>,
    digest: Sha256,
    bytes: u64,
}

/// What a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// Its bytes.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

impl<'a> AgeFile<'a> {
    /// Writes the header of a new file.
    ///
    /// # Errors
    /// It cannot be written, or the system has no randomness.
    pub fn begin(recipient: &Recipient, out: &'a mut dyn Write) -> io::Result<Self> {
        let mut file_key = Zeroizing::new([0; 16]);
        random::fill(file_key.as_mut_slice())?;
        let mut nonce = [0; NONCE_BYTES];
        random::fill(&mut nonce)?;
        let stanzas = recipient.wrap(&file_key).ok_or_else(|| io::Error::other("no header for this recipient"))?;
        let mut header = String::from("age-encryption.org/v1\n");
        stanzas.iter().for_each(|stanza| write_stanza(stanza, &mut header));
        header.push_str("---");
        let mac_key = derived(file_key.as_slice(), &[], b"header");
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(mac_key.as_slice()).map_err(io::Error::other)?;
        let mac = mac.chain_update(&header).finalize().into_bytes();
        header.push(' ');
        header.push_str(&STANDARD_NO_PAD.encode(mac));
        header.push('\n');
        let payload_key = derived(file_key.as_slice(), &nonce, b"payload");
        let mut file = Self {
            out,
            cipher: ChaCha20Poly1305::new((&*payload_key).into()),
            counter: 0,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
            digest: Sha256::new(),
            bytes: 0,
        };
        file.send(header.as_bytes())?;
        file.send(&nonce)?;
        Ok(file)
    }

    /// Adds plain text.
    ///
    /// # Errors
    /// The file cannot be written on.
    pub fn put(&mut self, mut plain: &[u8]) -> io::Result<()> {
        while !plain.is_empty() {
            // A full chunk waits for what follows: the last one is marked as such, and is empty only where the whole file is.
            if self.chunk.len() == CHUNK_BYTES {
                self.end_chunk(false)?;
            }
            let (now, later) = plain.split_at(plain.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            plain = later;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The last chunk cannot be written.
    pub fn finish(mut self) -> io::Result<SealedFile> {
        self.end_chunk(true)?;
        self.out.flush()?;
        Ok(SealedFile { bytes: self.bytes, sha256: self.digest.finalize().into() })
    }

    /// Encrypts the chunk where it lies, and sends it. Shape of a nonce: eleven bytes of a counter, and 1 for the last chunk.
    fn end_chunk(&mut self, last: bool) -> io::Result<()> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(last);
        self.counter += 1;
        let chunk = self.chunk.as_mut_slice();
        let tag = self.cipher.encrypt_inout_detached(&Nonce::from(nonce), &[], chunk.into());
        let tag: [u8; TAG_BYTES] = tag.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?.into();
        let chunk = std::mem::take(&mut *self.chunk);
        let sent = self.send(&chunk).and_then(|()| self.send(&tag));
        *self.chunk = chunk;
        self.chunk.clear();
        sent
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

impl std::fmt::Debug for AgeFile<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "AgeFile({} bytes so far)", self.bytes)
    }
}

fn derived(file_key: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // HKDF gives up to 8,160 bytes: 32 cannot fail.
    let expanded = Hkdf::<Sha256>::new(Some(salt), file_key).expand(info, key.as_mut_slice());
    debug_assert!(expanded.is_ok());
    key
}

fn write_stanza(stanza: &Stanza, header: &mut String) {
    header.push_str("-> ");
    header.push_str(&stanza.tag);
    for argument in &stanza.args {
        header.push(' ');
        header.push_str(argument);
    }
    header.push('\n');
    let body = STANDARD_NO_PAD.encode(&stanza.body);
    let (mut rest, mut short) = (body.as_str(), false);
    while !short {
        let (line, later) = rest.split_at(rest.len().min(COLUMNS));
        header.push_str(line);
        header.push('\n');
        (rest, short) = (later, line.len() < COLUMNS);
    }
}
