//! The content of a file by its SHA-256, found in one pass that also sees whether its text is UTF-8.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What identifies the content of a file: the same content imported again is the same import.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileDigest {
    /// Bytes of the file.
    pub length: u64,
    /// SHA-256 over all of them.
    pub sha256: [u8; 32],
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileDigest({} bytes, ", self.length)?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// How far the first pass over a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub done_bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
}

pub(super) struct Scanned {
    pub(super) digest: FileDigest,
    /// The first line that is not UTF-8.
    pub(super) not_utf8: Option<u64>,
}

const BUFFER_BYTES: usize = 256 << 10;

/// Reads everything.
pub(super) fn scan(mut input: impl Read, total_bytes: u64, progress: &mut dyn FnMut(Progress)) -> io::Result<Scanned> {
    let mut hash = Sha256::new();
    let mut text = Utf8::default();
    let mut buffer = Zeroizing::new(vec![0; BUFFER_BYTES]);
    let mut length = 0;
    loop {
        // The front of the buffer is a character that the last read cut.
        let kept = text.cut;
        let read = match input.read(&mut buffer[kept..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(why),
        };
        hash.update(&buffer[kept..kept + read]);
        text.check(&mut buffer, kept + read);
        length += read as u64;
        progress(Progress { done_bytes: length, total_bytes });
    }
    let not_utf8 = text.bad_line.or((text.cut > 0).then_some(text.lines + 1));
    Ok(Scanned { digest: FileDigest { length, sha256: hash.finalize().into() }, not_utf8 })
}

#[derive(Default)]
struct Utf8 {
    /// Bytes of a character whose rest is still to come.
    cut: usize,
    lines: u64,
    bad_line: Option<u64>,
}

impl Utf8 {
    fn check(&mut self, buffer: &mut [u8], filled: usize) {
        self.cut = 0;
        if self.bad_line.is_some() {
            return;
        }
        let (valid, bad) = match std::str::from_utf8(&buffer[..filled]) {
            Ok(_) => (filled, false),
            Err(why) => (why.valid_up_to(), why.error_len().is_some()),
        };
        self.lines += buffer[..valid].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        if bad {
            self.bad_line = Some(self.lines + 1);
        } else {
            self.cut = filled - valid;
            buffer.copy_within(valid..filled, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(self.0.len()).min(out.len());
            out[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    #[test]
    fn characters_may_be_cut_by_any_read_and_bad_bytes_are_told_by_their_line() {
        let text = "a\nö€😀\nz".repeat(50);
        let whole = scan(text.as_bytes(), 0, &mut |_| {}).unwrap();
        for step in 1..7 {
            let scanned = scan(Drip(text.as_bytes(), step), 0, &mut |_| {}).unwrap();
            assert_eq!((scanned.digest, scanned.not_utf8), (whole.digest, None), "{step}");
            let bad = scan(Drip(b"a\nb\xe9c\nd", step), 0, &mut |_| {}).unwrap();
            assert_eq!(bad.not_utf8, Some(2), "{step}");
            let cut = scan(Drip("a\nb€".as_bytes().split_last().unwrap().1, step), 0, &mut |_| {}).unwrap();
            assert_eq!(cut.not_utf8, Some(2), "{step}");
        }
        assert_eq!(<[u8; 32]>::from(Sha256::digest(text.as_bytes())), whole.digest.sha256);
    }
}
