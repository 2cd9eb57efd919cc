//! The file system that the log asks for: few operations, each of which a crash can come before, in or after.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What an outsider needs: reads below one folder. Paths have slashes and do not begin with one.
pub trait ReadFiles {
    /// The whole of a file; none if there is no such file.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// The names in a folder, in any order; none if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

impl<F: ReadFiles> ReadFiles for &F {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        (**self).read(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        (**self).list(folder)
    }
}

/// What the log needs beside reading.
pub trait Files: ReadFiles {
    /// Held until it is dropped.
    type Lock;

    /// Writes a file anew and makes its bytes durable, though not its name; `NotFound` if its folder is missing.
    fn write_synced(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file another name, in place of what had that name: the old or the new, never neither.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Makes a folder, if it is not there, in one that is.
    fn make_folder(&self, folder: &str) -> io::Result<()>;

    /// Removes a file, if it is there.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder, if it is there.
    fn remove_folder(&self, folder: &str) -> io::Result<()>;

    /// Takes the lock of this name; none if another holds it.
    fn lock(&self, path: &str) -> io::Result<Option<Self::Lock>>;
}

/// A folder of the machine's own file system.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The log's folder. It is not made here.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(Path::new(path))
    }
}

impl ReadFiles for Disk {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.at(path)) {
            // A file where a folder should be: what is below it is not there either.
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            read => read.map(Some),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.at(folder)) {
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
            entries => entries?,
        };
        // A name that is not UTF-8 is none of ours.
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }
}

impl Files for Disk {
    type Lock = File;

    fn write_synced(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(self.at(path))?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.at(folder))?.sync_all()
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        present(fs::create_dir(self.at(folder)), ErrorKind::AlreadyExists)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        present(fs::remove_file(self.at(path)), ErrorKind::NotFound)
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        present(fs::remove_dir(self.at(folder)), ErrorKind::NotFound)
    }

    fn lock(&self, path: &str) -> io::Result<Option<File>> {
        let file = File::options().create(true).append(true).open(self.at(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(why)) => Err(why),
        }
    }
}

fn present(done: io::Result<()>, already: ErrorKind) -> io::Result<()> {
    match done {
        Err(why) if why.kind() == already => Ok(()),
        done => done,
    }
}

/// Files written whole: a reader sees the old bytes or the new ones, and after [`Whole::finish`] a power cut leaves the new.
pub(super) struct Whole<'a, F> {
    files: &'a F,
    folders: BTreeSet<String>,
}

impl<'a, F: Files> Whole<'a, F> {
    pub(super) const fn new(files: &'a F) -> Self {
        Self { files, folders: BTreeSet::new() }
    }

    /// Writes beside the place, makes the bytes durable, then puts them there.
    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = format!("{path}.tmp");
        match self.files.write_synced(&beside, bytes) {
            Err(why) if why.kind() == ErrorKind::NotFound => {
                for folder in folders(path) {
                    self.files.make_folder(folder)?;
                    self.folders.insert(parent(folder).to_owned());
                }
                self.files.write_synced(&beside, bytes)?;
            }
            written => written?,
        }
        self.files.rename(&beside, path)?;
        self.folders.insert(parent(path).to_owned());
        Ok(())
    }

    /// Also makes the folders above durable: those that an earlier run made and may not have come to.
    pub(super) fn with_ancestors(&mut self) {
        let above: Vec<String> = self.folders.iter().flat_map(|folder| folders(folder)).map(str::to_owned).collect();
        self.folders.extend(above);
        self.folders.insert(String::new());
    }

    /// Makes the names durable.
    pub(super) fn finish(self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| self.files.sync_folder(folder))
    }
}

/// Puts one file.
pub(super) fn put(files: &impl Files, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut whole = Whole::new(files);
    whole.put(path, bytes)?;
    whole.finish()
}

/// The folders above a path, the outermost first, without the log's own.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
