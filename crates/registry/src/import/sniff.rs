//! Which kind of file it is, by its first bytes.

use super::failure::OpenError;

/// Bytes that are looked at.
pub(super) const SNIFFED_BYTES: usize = 1024;
/// What some programs put before text in UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Parquet,
}

const OTHERS: [(&[u8], &str); 6] = [
    (b"PARE", "an encrypted Parquet file"),
    (b"PK\x03\x04", "a zip archive, as spreadsheets are"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"%PDF", "a PDF"),
];

/// Tells by the first bytes of a file, all of them if it is short.
pub(super) fn kind(front: &[u8]) -> Result<Kind, OpenError> {
    let text = front.strip_prefix(BOM).unwrap_or(front);
    if text.is_empty() {
        return Err(OpenError::Empty);
    }
    if front.starts_with(b"PAR1") {
        return Ok(Kind::Parquet);
    }
    if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| front.starts_with(magic)) {
        return Err(OpenError::OtherKind(name));
    }
    // Without a mark UTF-16 still has a zero in every other byte of most tables.
    let zeros = |from: usize| front.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let marked = front.starts_with(b"\xff\xfe") || front.starts_with(b"\xfe\xff");
    if marked || (front.len() >= 8 && zeros(0).max(zeros(1)) > front.len() / 4) {
        return Err(OpenError::Utf16);
    }
    Ok(Kind::Text)
}
