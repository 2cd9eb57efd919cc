//! The sync point: up to it every file of a ledger is durable, and what comes after it is written again after a crash.

use std::io;

use super::failure::SyncError;
use super::files::{self, Files};
use super::growth::Rim;
use super::store::{CHECKPOINT, remove_partial};
use super::tile::Tile;

/// The checkpoint up to which all is durable.
pub const SYNCED: &str = "synced";

/// Makes durable what a ledger wrote between two sizes, and moves the sync point to the checkpoint of the second.
///
/// Which files those are follows from the sizes. Partial states of tiles that are full now go; those of others stay for readers who
/// are on their way, and are not made durable: [`clean`] tells after a crash which of them are whole.
pub(super) fn sync(files: &impl Files, from: u64, to: u64, checkpoint: &[u8]) -> Result<(), SyncError> {
    let full: Vec<Tile> = Tile::filled_between(from, to).collect();
    let partial = Tile::partial(to).filter(|tile| Tile::partial(from).all(|old| old != *tile));
    let mut paths: Vec<String> = full.iter().copied().chain(partial).map(|tile| tile.path()).collect();
    paths.push(CHECKPOINT.to_owned());
    files.sync_files(&paths).map_err(SyncError::Lost)?;
    full.iter().try_for_each(|tile| remove_partial(files, tile))?;
    files::sync_names(files, paths.iter().map(String::as_str)).map_err(SyncError::Lost)?;
    Ok(files::put(files, SYNCED, checkpoint)?)
}

/// Removes partial tiles between two sizes that were outgrown, or that a power cut tore, and makes durable those that stay.
pub(super) fn clean(files: &impl Files, from: u64, rim: &Rim) -> io::Result<()> {
    let size = rim.edge.size();
    let full: Vec<Tile> = Tile::filled_between(from, size).collect();
    full.iter().try_for_each(|tile| remove_partial(files, tile))?;
    let mut changed: Vec<String> = full.iter().map(Tile::path).collect();
    let mut older = Vec::new();
    for (tile, bytes) in rim.tiles_since(0) {
        let (folder, newest) = (tile.partial_folder(), tile.path());
        let each = bytes.len() / usize::from(tile.width);
        for name in files.list(&folder)? {
            let path = format!("{folder}/{name}");
            if path == newest {
                continue;
            }
            let beginning = Tile::from_path(&path).and_then(|old| bytes.get(..usize::from(old.width) * each));
            if beginning.is_some() && files.read(&path)?.as_deref() == beginning {
                older.push(path);
            } else {
                files.remove(&path)?;
                changed.push(path);
            }
        }
    }
    if !older.is_empty() {
        files.sync_files(&older)?;
    }
    changed.extend(older);
    if changed.is_empty() { Ok(()) } else { files::sync_names(files, changed.iter().map(String::as_str)) }
}
