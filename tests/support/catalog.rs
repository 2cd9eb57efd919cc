//! The built-in catalogue, read from its folder.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_profile::{Catalog, File};

/// Name and text of every file, in a fixed order.
pub(crate) fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("policies") {
                // Policies of other systems are no part of the catalogue.
            } else if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The catalogue, which must load.
pub(crate) fn load() -> Catalog {
    let texts = texts();
    Catalog::load(texts.iter().map(|(name, text)| File { name, text })).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}
