//! `headlock registry backup` and `restore`: a copy that is whole, also of a registry at work.
//!
//! Shape: a folder with `log/`, copied first, and `registry.db`, copied after it, so that the store has every leaf of the log. What is
//! secret in it is sealed; without the key it says who had which unit, and no code.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use headlock_registry::log::SYNCED;
use headlock_registry::record::MIGRATIONS;
use headlock_registry::store::{self, Read, Sqlite};
use headlock_server::Config;
use indicatif::ProgressBar;
use serde_json::json;

use super::place::{Place, broken};
use crate::failure::Failure;
use crate::paint;

/// Copies a registry, also while its service runs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With PostgreSQL, back up the database with its own tools; the log is in it.\n\nExamples:\n  headlock registry backup --config desk backups/2026-11-20"
)]
pub struct BackupArgs {
    #[command(flatten)]
    place: Place,
    /// The copy's folder, which must not exist yet.
    to: PathBuf,
}

/// Puts a copy back where no registry is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A copy is older than what was published since: a registry that finds its own newer checkpoint refuses to start.\n\nExamples:\n  headlock registry restore --config desk backups/2026-11-20"
)]
pub struct RestoreArgs {
    #[command(flatten)]
    place: Place,
    /// The copy's folder.
    from: PathBuf,
}

/// Backs up.
///
/// # Errors
/// The folder is there, or the disk is full: then no copy is left behind that looks whole.
pub(super) fn backup(args: &BackupArgs, json: bool) -> Result<(), Failure> {
    let config = embedded(&args.place)?;
    let unwritten = |why: io::Error| {
        Failure::input(format!("cannot write {}: {why}", args.to.display()), "a new folder on a disk with room")
    };
    if args.to.exists() {
        return Err(Failure::input(format!("{} is there already", args.to.display()), "a new folder"));
    }
    let part = args.to.with_extension("part");
    fs::create_dir_all(part.parent().unwrap_or(Path::new("."))).map_err(unwritten)?;
    fs::create_dir(&part).map_err(unwritten)?;
    copy_log(&config.log_folder(), &part.join("log")).map_err(unwritten)?;
    let bar = ProgressBar::new(0);
    let standing = store::backup(&config.data.join("registry.db"), &part.join("registry.db"), &mut |copied, of| {
        bar.set_length(of);
        bar.set_position(copied);
    })
    .map_err(|why| broken(&why))?;
    bar.finish_and_clear();
    fs::rename(&part, &args.to).map_err(unwritten)?;
    say("backed up", &args.to, standing.head.size, json);
    Ok(())
}

/// Restores.
///
/// # Errors
/// A registry is there, or the copy is none.
pub(super) fn restore(args: &RestoreArgs, json: bool) -> Result<(), Failure> {
    let config = embedded(&args.place)?;
    let database = config.data.join("registry.db");
    if database.exists() {
        let what = format!("{} is there already", database.display());
        return Err(Failure::input(what, "move it away first: nothing is overwritten"));
    }
    let from = args.from.join("registry.db");
    if !from.is_file() {
        return Err(Failure::input(
            format!("{} is not there", from.display()),
            "a folder that headlock registry backup wrote",
        ));
    }
    let unwritten = |why: io::Error| Failure::input(format!("cannot restore: {why}"), "a disk with room");
    fs::create_dir_all(&config.data).map_err(unwritten)?;
    // The log that stands here is newer than the copy's, or gone; what stands is never put back.
    if !config.log_folder().join("checkpoint").exists() {
        copy_log(&args.from.join("log"), &config.log_folder()).map_err(unwritten)?;
    }
    let part = config.data.join("registry.db.part");
    fs::copy(&from, &part).and_then(|_| fs::File::open(&part)?.sync_all()).map_err(unwritten)?;
    fs::rename(&part, &database).map_err(unwritten)?;
    let mut store = Sqlite::open(&database, MIGRATIONS).map_err(|why| broken(&why))?;
    let standing = store.standing().map_err(|why| broken(&why))?;
    say("restored", &config.data, standing.head.size, json);
    Ok(())
}

fn say(what: &str, path: &Path, leaves: u64, json: bool) {
    if json {
        paint::say!("{:#}", json!({ "done": what, "folder": path, "leaves": leaves }));
    } else {
        paint::say!("{what}: {}, with {leaves} leaves in the log", path.display());
    }
}

fn embedded(place: &Place) -> Result<Config, Failure> {
    let config = place.config()?;
    if config.store.is_some() {
        return Err(Failure::input("this registry's store is PostgreSQL", "pg_dump, or the cluster's own backups"));
    }
    Ok(config)
}

/// Copies what is published. The checkpoint goes first: whatever it needs is there before it, and stays.
fn copy_log(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in ["checkpoint", "witnessed"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name))?;
        }
    }
    let tiles = from.join("tile");
    if tiles.exists() {
        copy_below(&tiles, &to.join("tile"))?;
    }
    // A copy is made durable by whoever restores it: without this file everything is looked at again.
    debug_assert!(!to.join(SYNCED).exists());
    Ok(())
}

fn copy_below(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_below(&entry.path(), &target)?;
            continue;
        }
        match fs::copy(entry.path(), &target) {
            Ok(_) => {}
            // A partial tile that was outgrown meanwhile; the wider one stands beside it.
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}
