//! The built-in catalogue loads, cites and types.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use headlock_profile::{Catalog, File};

fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_file_of_the_catalogue_loads() {
    let texts = texts();
    let files = texts.iter().map(|(name, text)| File { name, text });
    match Catalog::load(files) {
        Ok(catalog) => {
            let cases: usize = catalog.units.iter().flat_map(|u| &u.readings).map(|r| r.cases.len()).sum();
            println!("{} units, {cases} cases", catalog.units.len());
        }
        Err(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            panic!("{} problems", problems.len());
        }
    }
}

#[test]
fn every_claim_is_cited_or_listed_as_unmodelled() {
    let texts = texts();
    let catalog = Catalog::load(texts.iter().map(|(name, text)| File { name, text })).expect("a catalogue that loads");
    let cited = catalog.cited_claims();
    let listed: Vec<&str> = catalog.unmodelled.iter().map(|u| u.claim.as_str()).collect();
    let lost: Vec<&str> = catalog
        .claims
        .iter()
        .map(|c| c.id.as_str())
        .filter(|id| !cited.contains(*id) && !listed.contains(id))
        .collect();
    assert!(lost.is_empty(), "neither cited nor listed: {lost:?}");
    let unknown: Vec<&&str> = listed.iter().filter(|id| catalog.claim(id).is_none()).collect();
    assert!(unknown.is_empty(), "listed but no claim: {unknown:?}");
    let both: Vec<&&str> = listed.iter().filter(|id| cited.contains(**id)).collect();
    assert!(both.is_empty(), "listed as unmodelled, yet cited: {both:?}");
}
