//! A folder in memory that can fail at any operation and then lose what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use headlock_registry::log::{Files, ReadFiles};

use super::Random;

/// Where in an operation the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Before,
    /// A write leaves half of its bytes; other operations do not have a middle.
    During,
    After,
}

/// What comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    /// The program was killed: all that it did is there, though not yet durable.
    Process,
    /// The power went: names that were not synced are there or not, as the seed has it; 0 is none of them.
    Power(u64),
}

/// What names stand for.
#[derive(Clone, Debug)]
struct File {
    bytes: Vec<u8>,
    /// The bytes that a power cut leaves; none if it leaves anything.
    durable: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    /// Names, each with the number of its file.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    files: Vec<File>,
    folders: BTreeSet<String>,
    durable_folders: BTreeSet<String>,
    locks: BTreeSet<String>,
    operations: usize,
    stop: Option<(usize, Stop)>,
    stopped: bool,
    /// Every checkpoint that a reader could have seen.
    published: Vec<Vec<u8>>,
    /// Writes that still fit on the disk; none if there is room for all.
    full: Option<usize>,
    /// The next time that bytes should become durable, they are lost.
    forgets: bool,
}

impl State {
    /// A new file, durable but for its name.
    fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.names.insert(path.to_owned(), self.files.len());
        self.files.push(File { durable: Some(bytes.clone()), bytes });
    }

    fn put_all(&mut self, files: BTreeMap<String, Vec<u8>>) {
        self.names.clear();
        for (path, bytes) in files {
            self.put(&path, bytes);
        }
    }

    fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.names.iter().map(|(path, file)| (path.clone(), self.files[*file].bytes.clone())).collect()
    }

    fn has_folder(&self, path: &str) -> io::Result<()> {
        let above = parent(path);
        if above.is_empty() || self.folders.contains(above) { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }
}

/// What may be left of bytes that were not made durable.
fn torn(bytes: &[u8], how: u64) -> Vec<u8> {
    match how {
        0 => Vec::new(),
        1 => bytes[..bytes.len() / 2].to_vec(),
        2 => vec![0; bytes.len()],
        _ => bytes.to_vec(),
    }
}

/// The folder; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folder(Arc<Mutex<State>>);

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Held(Folder, String);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locks.remove(&self.1);
    }
}

impl Folder {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> usize {
        self.state().operations
    }

    /// Stops at this operation, counted from 0.
    pub(crate) fn stop_at(&self, operation: usize, how: Stop) {
        self.state().stop = Some((operation, how));
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Comes back after a stop, or without one.
    pub(crate) fn come_back(&self, back: Back) {
        let state = &mut *self.state();
        state.locks.clear();
        state.stop = None;
        state.stopped = false;
        let Back::Power(seed) = back else { return };
        let mut random = Random(seed | 1);
        let mut keep_live = move || seed != 0 && random.next() >> 40 & 1 == 1;
        for path in state.folders.union(&state.durable_folders.clone()).cloned().collect::<Vec<_>>() {
            let (live, durable) = (state.folders.contains(&path), state.durable_folders.contains(&path));
            let stays = if live == durable { live } else { durable ^ keep_live() };
            let above = parent(&path);
            if stays && (above.is_empty() || state.folders.contains(above)) {
                state.folders.insert(path);
            } else {
                state.folders.remove(&path);
            }
        }
        let paths: BTreeSet<String> = state.names.keys().chain(state.durable_names.keys()).cloned().collect();
        for path in paths {
            let (live, durable) = (state.names.get(&path), state.durable_names.get(&path));
            let stays = if live == durable || keep_live() { live } else { durable }.copied();
            let above = parent(&path);
            match stays.filter(|_| above.is_empty() || state.folders.contains(above)) {
                Some(file) => state.names.insert(path, file),
                None => state.names.remove(&path),
            };
        }
        state.durable_names.clone_from(&state.names);
        state.durable_folders.clone_from(&state.folders);
        let mut random = Random(seed.rotate_left(17) | 1);
        for file in &mut state.files {
            file.bytes = match &file.durable {
                Some(bytes) => bytes.clone(),
                None => torn(&file.bytes, if seed == 0 { 0 } else { random.next() >> 40 & 3 }),
            };
            file.durable = Some(file.bytes.clone());
        }
    }

    /// Every file with its bytes.
    pub(crate) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().all()
    }

    /// Puts back what [`Folder::all`] answered.
    pub(crate) fn put_back(&self, files: BTreeMap<String, Vec<u8>>) {
        self.state().put_all(files);
    }

    /// Changes a file behind the log's back.
    pub(crate) fn set(&self, path: &str, bytes: Option<Vec<u8>>) {
        let state = &mut *self.state();
        match bytes {
            Some(bytes) => state.put(path, bytes),
            None => drop(state.names.remove(path)),
        }
    }

    /// A folder of its own with the same files.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let folders = || state.folders.clone();
        let mut copy = State { folders: folders(), durable_folders: folders(), ..State::default() };
        copy.put_all(state.all());
        copy.durable_names.clone_from(&copy.names);
        Self(Arc::new(Mutex::new(copy)))
    }

    /// The disk is full after so many writes, or has room again.
    pub(crate) fn fill_after(&self, writes: Option<usize>) {
        self.state().full = writes;
    }

    /// Loses bytes at the next time that they should become durable.
    pub(crate) fn forget_once(&self) {
        self.state().forgets = true;
    }

    pub(crate) fn published(&self) -> Vec<Vec<u8>> {
        self.state().published.clone()
    }

    /// Does an operation, or stops at it.
    fn operate(&self, work: impl FnOnce(&mut State, bool) -> io::Result<()>) -> io::Result<()> {
        let state = &mut *self.state();
        let stopped = || io::Error::other("the machine has stopped");
        if state.stopped {
            return Err(stopped());
        }
        let how = state.stop.filter(|(at, _)| *at == state.operations).map(|(_, how)| how);
        state.operations += 1;
        let Some(how) = how else { return work(state, false) };
        state.stopped = true;
        match how {
            Stop::Before => {}
            Stop::During => drop(work(state, true)),
            Stop::After => drop(work(state, false)),
        }
        Err(stopped())
    }
}

impl ReadFiles for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        if state.stopped {
            Err(io::Error::other("the machine has stopped"))
        } else {
            Ok(state.names.get(path).map(|file| state.files[*file].bytes.clone()))
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state.names.keys().chain(state.folders.iter()).filter(|path| parent(path) == folder);
        Ok(names.map(|path| path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name).to_owned()).collect())
    }
}

impl Files for Folder {
    type Lock = Held;

    fn write_synced(&self, files: &[(String, &[u8])]) -> io::Result<()> {
        self.operate(|state, half| {
            // Every other one is left half written.
            for (at, (path, bytes)) in files.iter().enumerate() {
                state.has_folder(path)?;
                let bytes = if half && at % 2 == 0 { &bytes[..bytes.len() / 2] } else { bytes };
                state.put(path, bytes.to_vec());
            }
            Ok(())
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.operate(|state, half| {
            state.has_folder(path)?;
            // The same file is written over, as `open` with O_TRUNC does it.
            let number = state.names.get(path).copied().unwrap_or(state.files.len());
            let full = state.full.is_some_and(|left| left == 0);
            let end = if half || full { bytes.len() / 2 } else { bytes.len() };
            let file = File { bytes: bytes[..end].to_vec(), durable: None };
            if number == state.files.len() {
                state.files.push(file);
            } else {
                state.files[number] = file;
            }
            state.names.insert(path.to_owned(), number);
            if full {
                return Err(ErrorKind::StorageFull.into());
            }
            state.full = state.full.map(|left| left - 1);
            Ok(())
        })
    }

    fn sync_files(&self, paths: &[String]) -> io::Result<()> {
        self.operate(|state, half| {
            if std::mem::take(&mut state.forgets) {
                return Err(io::Error::other("bytes are lost"));
            }
            for path in &paths[..if half { paths.len() / 2 } else { paths.len() }] {
                let number = *state.names.get(path).ok_or(ErrorKind::NotFound)?;
                let file = &mut state.files[number];
                file.durable = Some(file.bytes.clone());
            }
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if half {
                return Ok(());
            }
            let number = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
            if to == "checkpoint" {
                let published = state.files[number].bytes.clone();
                state.published.push(published);
            }
            state.names.insert(to.to_owned(), number);
            Ok(())
        })
    }

    fn sync_folders(&self, folders: &[String]) -> io::Result<()> {
        self.operate(|state, half| {
            // Half of them came to it.
            for folder in &folders[..if half { folders.len() / 2 } else { folders.len() }] {
                if !folder.is_empty() && !state.folders.contains(folder) {
                    return Err(ErrorKind::NotFound.into());
                }
                let here = |path: &str| parent(path) == folder;
                state.durable_names.retain(|path, _| !here(path));
                let live = state.names.iter().filter(|(path, _)| here(path));
                state.durable_names.extend(live.map(|(path, file)| (path.clone(), *file)));
                state.durable_folders.retain(|path| !here(path));
                state.durable_folders.extend(state.folders.iter().filter(|path| here(path)).cloned());
            }
            Ok(())
        })
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.operate(|state, half| {
            state.has_folder(folder)?;
            if !half {
                state.folders.insert(folder.to_owned());
            }
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if !half {
                state.names.remove(path);
            }
            Ok(())
        })
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if !half {
                state.folders.remove(folder);
            }
            Ok(())
        })
    }

    fn lock(&self, path: &str) -> io::Result<Option<Held>> {
        let state = &mut *self.state();
        Ok(state.locks.insert(path.to_owned()).then(|| Held(self.clone(), path.to_owned())))
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
