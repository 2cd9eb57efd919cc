//! Every transcript below `tests/scripts/` holds. A new test is a new text file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use headlock::script;
use headlock::store::Texts;

#[test]
fn every_script_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let texts = Texts::load(&[root.join("tests/catalog")]).unwrap();
    let catalog = texts.catalog().unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let mut scripts = Vec::new();
    find(&root.join("tests/scripts"), &mut scripts);
    scripts.sort();
    assert!(scripts.len() > 200, "only {} scripts found", scripts.len());
    let mut failures = Vec::new();
    let mut expectations = 0;
    for path in &scripts {
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        let text = fs::read_to_string(path).unwrap();
        match script::parse(&text).and_then(|rows| script::run(&texts, &catalog, &rows)) {
            Err(wrong) => failures.push(format!("{name}:{}: {} ({})", wrong.line, wrong.what, wrong.help)),
            Ok(outcome) => {
                if outcome.expectations == 0 {
                    failures.push(format!("{name}: expects nothing"));
                }
                expectations += outcome.expectations;
                for miss in outcome.mismatches {
                    let seen: Vec<String> =
                        miss.seen.iter().map(|s| format!("{}: expected {}, is {}", s.what, s.expected, s.is)).collect();
                    failures.push(format!("{name}:{} {} on {}: {}", miss.line, miss.row, miss.unit, seen.join("; ")));
                }
            }
        }
    }
    println!("{} scripts, {expectations} expectations", scripts.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn find(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            out.push(path);
        }
    }
}
