//! The catalogue's texts: the built-in ones, and those of a folder that the user names.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_profile::{Catalog, File, Problem};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../catalog"]
struct BuiltIn;

/// Policies of other systems stand beside the catalogue.
const POLICIES: &str = "policies/";

/// The built-in policies of well-known systems: a short name each, and the text.
pub fn policies() -> Vec<(String, String)> {
    let mut names: Vec<_> = BuiltIn::iter().filter(|name| name.starts_with(POLICIES)).collect();
    names.sort();
    let named = |name: std::borrow::Cow<'static, str>| {
        let short = name.strip_prefix(POLICIES)?.strip_suffix(".toml")?.to_owned();
        Some((short, String::from_utf8(BuiltIn::get(&name)?.data.into_owned()).ok()?))
    };
    names.into_iter().filter_map(named).collect()
}

/// All texts, in a fixed order, the built-in ones first.
#[derive(Clone, Debug)]
pub struct Texts(Vec<(String, String)>);

/// A folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file in it.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// Nothing in it.
    #[error("{} holds no .toml file; a unit is one file, as docs/catalogue.md describes", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

impl Texts {
    /// The built-in texts and those of all `folders`.
    ///
    /// # Errors
    /// A folder cannot be read, or holds nothing.
    pub fn load(folders: &[PathBuf]) -> Result<Self, StoreError> {
        let mut names: Vec<_> =
            BuiltIn::iter().filter(|name| name.ends_with(".toml") && !name.starts_with(POLICIES)).collect();
        names.sort();
        let built_in = names.into_iter().filter_map(|name| {
            let text = String::from_utf8(BuiltIn::get(&name)?.data.into_owned()).ok()?;
            Some((format!("catalog/{name}"), text))
        });
        let mut all: Vec<(String, String)> = built_in.collect();
        for folder in folders {
            let before = all.len();
            if folder.is_file() && folder.extension().is_some_and(|extension| extension == "toml") {
                read_file(folder, &mut all)?;
            } else {
                read_below(folder, &mut all)?;
            }
            if all.len() == before {
                return Err(StoreError::Empty { path: folder.clone() });
            }
        }
        Ok(Self(all))
    }

    /// The same with one more text.
    #[must_use]
    pub fn with(&self, name: &str, text: &str) -> Self {
        let mut all = self.0.clone();
        all.push((name.to_owned(), text.to_owned()));
        Self(all)
    }

    /// As files of a catalogue.
    pub fn files(&self) -> Vec<File<'_>> {
        self.0.iter().map(|(name, text)| File { name, text }).collect()
    }

    /// The whole catalogue.
    ///
    /// # Errors
    /// Everything wrong with it.
    pub fn catalog(&self) -> Result<Catalog, Vec<Problem>> {
        Catalog::load(self.files())
    }
}

fn read_file(path: &Path, all: &mut Vec<(String, String)>) -> Result<(), StoreError> {
    let text = fs::read_to_string(path).map_err(|why| StoreError::Unreadable { path: path.to_owned(), why })?;
    all.push((path.display().to_string(), text));
    Ok(())
}

fn read_below(folder: &Path, all: &mut Vec<(String, String)>) -> Result<(), StoreError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |why| StoreError::Unreadable { path, why }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        paths.push(entry.map_err(unreadable(folder))?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_below(&path, all)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            read_file(&path, all)?;
        }
    }
    Ok(())
}
