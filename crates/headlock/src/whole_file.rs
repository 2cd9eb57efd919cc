//! Files that are there as a whole or not at all: whoever is interrupted leaves the old one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file next to its place, and moves it there once all of it stands on the disk. What is no ordinary file, like a pipe,
/// is written as it is.
///
/// # Errors
/// It cannot be written; what stood there before still does.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return fs::write(path, bytes);
    }
    let place = match fs::symlink_metadata(path) {
        // A link stays one: the file that it leads to is replaced.
        Ok(known) if known.is_symlink() => fs::canonicalize(path)?,
        _ => path.to_owned(),
    };
    let name = place.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let part = place.with_file_name(hidden);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&part, &place));
    if written.is_err() {
        // What is left of it helps nobody; that it cannot be removed either is no news beside the error itself.
        let _ = fs::remove_file(&part);
    }
    written
}
