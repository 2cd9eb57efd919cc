//! The files that `headlock analyse` writes: a chart, and scripts of everything that it found.

use std::fs;
use std::path::Path;

use headlock_analysis::{Budget, CaseWorth, ReadingWorth, ScriptFor, policy_worth};
use headlock_profile::{Unit, policy_file};

use super::chart;
use crate::failure::Failure;
use crate::store;
use crate::whole_file;

/// Writes a script for each attack, accident and opening of a reading.
///
/// # Errors
/// A file that cannot be written; those before it are.
pub(super) fn scripts(folder: &Path, unit: &Unit, worth: &ReadingWorth<'_>) -> Result<(), Failure> {
    let failed = |path: &Path, why: std::io::Error| {
        Failure::input(format!("cannot write {}: {why}", path.display()), "a folder that can be written to")
    };
    fs::create_dir_all(folder).map_err(|why| failed(folder, why))?;
    let id = &unit.identity.id;
    for case in &worth.cases {
        let behaviour = &worth.reading.cases[case.number - 1].behaviour;
        let (reading, tools) = (&worth.reading.id, &case.offered.tools);
        let script = ScriptFor { unit: id, reading, case: case.number, behaviour, tools };
        for (what, text) in of_case(&script, case) {
            let name = format!("{}-{reading}-case-{}{what}.txt", id.replace('/', "-"), case.number);
            let path = folder.join(name);
            whole_file::write(&path, text.as_bytes()).map_err(|why| failed(&path, why))?;
        }
    }
    Ok(())
}

/// What a script is of, as the end of its name, and its text.
fn of_case(script: &ScriptFor<'_>, case: &CaseWorth) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let worth = case.worth.as_ref();
    if let Some(bypass) = worth.and_then(|worth| worth.bypass.as_ref()) {
        all.push((String::new(), script.attack(bypass, "with the supply untouched")));
    }
    if let Some(accident) = worth.and_then(|worth| worth.owner.accident.as_ref()) {
        all.push(("-accident".to_owned(), script.accident(accident)));
    }
    for (what, gain) in [("-panel", &case.offered.hands), ("-testers", &case.offered.all)] {
        if let Some(first) = gain.as_ref().and_then(|gain| gain.first.as_ref()) {
            all.push((what.to_owned(), script.attack(first, "by pulling plugs alone")));
        }
    }
    for (number, opening) in (1..).zip(&case.offered.openings) {
        all.extend(script.opening(opening).map(|text| (format!("-opens-{number}"), text)));
    }
    all
}

/// Draws budgets, next to those of well-known systems.
///
/// # Errors
/// The file cannot be written.
pub(super) fn draw(path: &Path, mut lines: Vec<(String, Budget)>) -> Result<(), Failure> {
    let own = lines.len();
    for (name, text) in store::policies() {
        let Ok(file) = policy_file(&name, &text) else { continue };
        let Ok(worth) = policy_worth(&file.policy, 0) else { continue };
        lines.push((name, worth.pulls));
    }
    whole_file::write(path, chart::svg(&lines, own).as_bytes()).map_err(|why| {
        Failure::input(format!("cannot write {}: {why}", path.display()), "a file in a folder that can be written to")
    })
}
