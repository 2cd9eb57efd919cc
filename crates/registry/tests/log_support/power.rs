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

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    durable_files: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
    durable_folders: BTreeSet<String>,
    locks: BTreeSet<String>,
    operations: usize,
    stop: Option<(usize, Stop)>,
    stopped: bool,
    /// Every checkpoint that a reader could have seen.
    published: Vec<Vec<u8>>,
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
        let paths: BTreeSet<String> = state.files.keys().chain(state.durable_files.keys()).cloned().collect();
        for path in paths {
            let (live, durable) = (state.files.get(&path), state.durable_files.get(&path));
            let stays = if live == durable || keep_live() { live } else { durable }.cloned();
            let above = parent(&path);
            match stays.filter(|_| above.is_empty() || state.folders.contains(above)) {
                Some(bytes) => state.files.insert(path, bytes),
                None => state.files.remove(&path),
            };
        }
        state.durable_files.clone_from(&state.files);
        state.durable_folders.clone_from(&state.folders);
    }

    /// Every file with its bytes.
    pub(crate) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.clone()
    }

    /// Puts back what [`Folder::all`] answered.
    pub(crate) fn put_back(&self, files: BTreeMap<String, Vec<u8>>) {
        self.state().files = files;
    }

    /// Changes a file behind the log's back.
    pub(crate) fn set(&self, path: &str, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.state().files.insert(path.to_owned(), bytes),
            None => self.state().files.remove(path),
        };
    }

    /// A folder of its own with the same files.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            durable_files: state.files.clone(),
            folders: state.folders.clone(),
            durable_folders: state.folders.clone(),
            ..State::default()
        })))
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
            Ok(state.files.get(path).cloned())
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state.files.keys().chain(state.folders.iter()).filter(|path| parent(path) == folder);
        Ok(names.map(|path| path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name).to_owned()).collect())
    }
}

impl Files for Folder {
    type Lock = Held;

    fn write_synced(&self, files: &[(String, &[u8])]) -> io::Result<()> {
        self.operate(|state, half| {
            // Every other one is left half written.
            for (at, (path, bytes)) in files.iter().enumerate() {
                if !parent(path).is_empty() && !state.folders.contains(parent(path)) {
                    return Err(ErrorKind::NotFound.into());
                }
                let bytes = if half && at % 2 == 0 { &bytes[..bytes.len() / 2] } else { bytes };
                state.files.insert(path.clone(), bytes.to_vec());
            }
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if half {
                return Ok(());
            }
            let bytes = state.files.remove(from).ok_or(ErrorKind::NotFound)?;
            if to == "checkpoint" {
                state.published.push(bytes.clone());
            }
            state.files.insert(to.to_owned(), bytes);
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
                state.durable_files.retain(|path, _| !here(path));
                let live = state.files.iter().filter(|(path, _)| here(path));
                state.durable_files.extend(live.map(|(path, bytes)| (path.clone(), bytes.clone())));
                state.durable_folders.retain(|path| !here(path));
                state.durable_folders.extend(state.folders.iter().filter(|path| here(path)).cloned());
            }
            Ok(())
        })
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if !half {
                state.folders.insert(folder.to_owned());
            }
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.operate(|state, half| {
            if !half {
                state.files.remove(path);
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
