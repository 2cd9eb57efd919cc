//! The file system that the log asks for: few operations, each of which a crash can come before, in or after.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// Files that are made durable at the same time.
const AT_ONCE: usize = 32;

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

    /// Writes files anew and makes their bytes durable, though not their names; `NotFound` if a folder is missing.
    fn write_synced(&self, files: &[(String, &[u8])]) -> io::Result<()>;

    /// Writes a file anew, not durably; `NotFound` if a folder is missing.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes of these files durable, though not their names.
    fn sync_files(&self, paths: &[String]) -> io::Result<()>;

    /// Gives a file another name, in place of what had that name: the old or the new, never neither.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// The same where nothing has to be durable: after a power cut the new name may stand for less than all bytes.
    fn supersede(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename(from, to)
    }

    /// Makes the names in these folders durable.
    fn sync_folders(&self, folders: &[String]) -> io::Result<()>;

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

    fn write_synced(&self, files: &[(String, &[u8])]) -> io::Result<()> {
        together(files, |(path, bytes)| {
            let mut file = File::create(self.at(path))?;
            file.write_all(bytes)?;
            file.sync_data()
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.at(path), bytes)
    }

    fn sync_files(&self, paths: &[String]) -> io::Result<()> {
        together(paths, |path| File::open(self.at(path))?.sync_data())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    #[cfg(target_os = "linux")]
    fn supersede(&self, from: &str, to: &str) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        // ext4 writes a file out when it is renamed over another, which takes a millisecond, and not when the two are exchanged.
        match renameat_with(CWD, self.at(from), CWD, self.at(to), RenameFlags::EXCHANGE) {
            Ok(()) => self.remove(from),
            // There is none yet, or the file system does not exchange.
            Err(_) => self.rename(from, to),
        }
    }

    fn sync_folders(&self, folders: &[String]) -> io::Result<()> {
        together(folders, |folder| File::open(self.at(folder))?.sync_all())
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

/// Works on all of these at the same time: a file system makes many files durable in nearly the time of one, if it is asked at once.
fn together<T: Sync>(all: &[T], work: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    let share = all.len().div_ceil(AT_ONCE).max(1);
    if all.len() <= 1 {
        return all.iter().try_for_each(work);
    }
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = all
            .chunks(share)
            .map(|share| thread::Builder::new().spawn_scoped(scope, move || share.iter().try_for_each(work)))
            .collect::<io::Result<_>>()?;
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread that writes files has ended early")))
        })
    })
}

/// Files written whole: a reader sees the old bytes or the new ones, and after [`Whole::finish`] a power cut leaves the new.
pub(super) struct Whole<'a, F> {
    files: &'a F,
    puts: Vec<(&'a str, &'a [u8])>,
    ancestors: bool,
}

impl<'a, F: Files> Whole<'a, F> {
    pub(super) const fn new(files: &'a F) -> Self {
        Self { files, puts: Vec::new(), ancestors: false }
    }

    /// One more file.
    pub(super) fn put(&mut self, path: &'a str, bytes: &'a [u8]) {
        self.puts.push((path, bytes));
    }

    /// Also makes the folders above durable: those that an earlier run made and may not have come to.
    pub(super) const fn with_ancestors(&mut self) {
        self.ancestors = true;
    }

    /// Writes them beside their places, makes the bytes durable, puts them there, and makes the names durable.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut synced: BTreeSet<&str> = self.puts.iter().map(|(path, _)| parent(path)).collect();
        let above: BTreeSet<&str> = self.puts.iter().flat_map(|(path, _)| folders(path)).collect();
        let beside: Vec<(String, &[u8])> =
            self.puts.iter().map(|(path, bytes)| (format!("{path}.tmp"), *bytes)).collect();
        let mut written = self.files.write_synced(&beside);
        let mut sync_above = self.ancestors;
        if written.as_ref().is_err_and(|why| why.kind() == ErrorKind::NotFound) {
            // In their order, a folder comes before those in it.
            above.iter().try_for_each(|folder| self.files.make_folder(folder))?;
            written = self.files.write_synced(&beside);
            sync_above = true;
        }
        written?;
        for ((path, _), (beside, _)) in self.puts.iter().zip(&beside) {
            self.files.rename(beside, path)?;
        }
        if sync_above {
            synced.extend(above.iter().map(|folder| parent(folder)));
        }
        self.files.sync_folders(&synced.into_iter().map(str::to_owned).collect::<Vec<_>>())
    }
}

/// Puts one file.
pub(super) fn put(files: &impl Files, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut whole = Whole::new(files);
    whole.put(path, bytes);
    whole.finish()
}

/// Writes a file that is not durable, with the folders above it.
pub(super) fn write(files: &impl Files, path: &str, bytes: &[u8]) -> io::Result<()> {
    match files.write(path, bytes) {
        Err(why) if why.kind() == ErrorKind::NotFound => {
            // Mostly the nearest alone is missing.
            if files.make_folder(parent(path)).is_err() {
                folders(path).try_for_each(|folder| files.make_folder(folder))?;
            }
            files.write(path, bytes)
        }
        written => written,
    }
}

/// Puts a file that is not durable: a reader sees the old bytes or the new ones.
pub(super) fn replace(files: &impl Files, path: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = format!("{path}.tmp");
    files.write(&beside, bytes)?;
    files.supersede(&beside, path)
}

/// Makes the names of these files durable, with those of all folders above them.
pub(super) fn sync_names<'p>(files: &impl Files, paths: impl IntoIterator<Item = &'p str>) -> io::Result<()> {
    let mut synced = BTreeSet::new();
    for path in paths {
        // The folders above are there already if the nearest one is.
        if synced.insert(parent(path)) {
            synced.extend(folders(path).map(parent));
        }
    }
    files.sync_folders(&synced.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

/// The folders above a path, the outermost first, without the log's own.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
