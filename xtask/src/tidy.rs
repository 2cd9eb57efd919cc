//! `cargo xtask tidy`: what ARCHITECTURE.md promises, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headlock::store::Texts;
use regex_lite::Regex;

use crate::run::root;

/// Runs all checks; reports every failure, not only the first.
pub(crate) fn run() -> Result<(), String> {
    println!("== tidy");
    let mut wrong = Vec::new();
    arrows(&mut wrong)?;
    lock_is_bare(&mut wrong)?;
    documents(&mut wrong)?;
    claims(&mut wrong)?;
    own_words(&mut wrong)?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Crates depend on each other only as the table in ARCHITECTURE.md says.
fn arrows(wrong: &mut Vec<String>) -> Result<(), String> {
    let architecture = read(&root().join("ARCHITECTURE.md"))?;
    let table = architecture
        .split("```arrows\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .ok_or("ARCHITECTURE.md has no block ```arrows")?;
    let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let (name, targets) =
            line.split_once("->").ok_or_else(|| format!("ARCHITECTURE.md: {line:?} is no row of the table"))?;
        allowed.insert(name.trim(), targets.split_whitespace().collect());
    }
    let metadata = output("cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|why| format!("cargo metadata: {why}"))?;
    let short = |name: &str| name.strip_prefix("headlock-").unwrap_or(name).to_owned();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = short(package["name"].as_str().unwrap_or_default());
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!("ARCHITECTURE.md: crate {name} is not in the table of arrows"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let own = dependency["path"].is_string();
            let normal = dependency["kind"].is_null();
            let target = short(dependency["name"].as_str().unwrap_or_default());
            if own && normal && !allowed.contains(target.as_str()) {
                wrong.push(format!("{name} depends on {target}; the table in ARCHITECTURE.md has no such arrow"));
            }
        }
    }
    Ok(())
}

/// The lock is no_std, without alloc, without unsafe code, and so is what it depends on.
fn lock_is_bare(wrong: &mut Vec<String>) -> Result<(), String> {
    let source = root().join("crates/lock/src");
    let library = read(&source.join("lib.rs"))?;
    for line in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        if !library.contains(line) {
            wrong.push(format!("crates/lock/src/lib.rs lacks {line}"));
        }
    }
    let bad = Regex::new(r"\b(std|alloc)::|extern crate|\bunsafe\b").map_err(|why| why.to_string())?;
    for path in files(&source, "rs")? {
        for (index, line) in read(&path)?.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if bad.is_match(code) && !code.contains("forbid(unsafe_code)") {
                wrong.push(format!(
                    "{}:{}: the lock uses neither std nor alloc nor unsafe: {}",
                    shown(&path),
                    index + 1,
                    line.trim()
                ));
            }
        }
    }
    let tree =
        output("cargo", &["tree", "--package", "headlock-lock", "--edges", "normal,features", "--prefix", "none"])?;
    for line in tree.lines().filter(|line| line.contains("feature \"std\"") || line.contains("feature \"alloc\"")) {
        wrong.push(format!("a dependency of the lock is built with {line}"));
    }
    Ok(())
}

/// Every path that a document names exists.
fn documents(wrong: &mut Vec<String>) -> Result<(), String> {
    let path = Regex::new(
        r"`((?:crates|catalog|tests|docs|xtask|\.ci|\.cargo)/[A-Za-z0-9_./-]*|[A-Z][A-Za-z-]*\.md|[a-z-]+\.toml)`",
    )
    .map_err(|why| why.to_string())?;
    let mut all = files(&root().join("docs"), "md")?;
    all.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name)));
    for document in all {
        for (index, line) in read(&document)?.lines().enumerate() {
            for found in path.captures_iter(line) {
                let name = &found[1];
                if !root().join(name).exists() {
                    wrong.push(format!("{}:{}: `{name}` does not exist", shown(&document), index + 1));
                }
            }
        }
    }
    Ok(())
}

/// Every claim is cited or listed; every conflict and every claim on lock, entry, service and faults has its script.
fn claims(wrong: &mut Vec<String>) -> Result<(), String> {
    let texts = Texts::load(&[]).map_err(|why| why.to_string())?;
    let catalog =
        texts.catalog().map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let cited = catalog.cited_claims();
    let listed: BTreeSet<&str> = catalog.unmodelled.iter().map(|entry| entry.claim.as_str()).collect();
    for claim in &catalog.claims {
        if !cited.contains(&claim.id) && !listed.contains(claim.id.as_str()) {
            wrong.push(format!("claim {} is neither cited nor listed in catalog/unmodelled.toml", claim.id));
        }
    }
    let known: BTreeSet<&str> = catalog.claims.iter().map(|claim| claim.id.as_str()).collect();
    let mut shown_claims = BTreeSet::new();
    let mut shown_conflicts = BTreeSet::new();
    for path in files(&root().join("tests/scripts"), "txt")? {
        for line in read(&path)?.lines() {
            if let Some(ids) = line.strip_prefix("# claims:") {
                for id in ids.split([',', ' ']).filter(|id| !id.is_empty()) {
                    if !known.contains(id) {
                        wrong.push(format!("{}: {id} is no claim", shown(&path)));
                    }
                    shown_claims.insert(id.to_owned());
                }
            }
            if let Some(numbers) = line.strip_prefix("# conflict:") {
                for number in numbers.split([',', ' ']).filter(|number| !number.is_empty()) {
                    match number.parse::<u16>() {
                        Ok(number) if catalog.conflicts.iter().any(|c| c.number == number) => {
                            shown_conflicts.insert(number);
                        }
                        _ => wrong.push(format!("{}: {number} is no conflict", shown(&path))),
                    }
                }
            }
        }
    }
    for conflict in &catalog.conflicts {
        if !shown_conflicts.contains(&conflict.number) {
            wrong.push(format!("no script shows conflict {}: {}", conflict.number, conflict.question));
        }
    }
    let topics = [".lock.", ".entry.", ".svc.", ".fault."];
    for id in known.iter().filter(|id| topics.iter().any(|topic| id.contains(topic))) {
        if !shown_claims.contains(*id) {
            wrong.push(format!("no script shows claim {id}"));
        }
    }
    Ok(())
}

/// No path of a machine stands in a text.
fn own_words(wrong: &mut Vec<String>) -> Result<(), String> {
    let tracked = output("git", &["ls-files"])?;
    let machine = Regex::new(r#"(^|[\s"'`(=])/(work|root|home|tmp)/"#).map_err(|why| why.to_string())?;
    for name in tracked.lines() {
        let path = root().join(name);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            if machine.is_match(line) && !name.ends_with("tidy.rs") {
                wrong.push(format!("{name}:{}: a path of one machine: {}", index + 1, line.trim()));
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", shown(path)))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(|why| format!("{}: {why}", shown(folder)))? {
        let path = entry.map_err(|why| why.to_string())?.path();
        if path.is_dir() {
            out.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(args).current_dir(root()).output().map_err(|why| format!("{program}: {why}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|why| format!("{program}: {why}"))
}
