//! The examples of the documentation hold.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use headlock::script;
use headlock::store::Texts;

fn blocks(file: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    let text = fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_whole_script_of_the_documentation_holds() {
    let texts = Texts::load(&[]).unwrap();
    let catalog = texts.catalog().unwrap();
    let scripts = blocks("scripts.md", "text script");
    assert!(!scripts.is_empty(), "no script in the documentation");
    for text in scripts {
        let rows = script::parse(&text).unwrap_or_else(|wrong| panic!("{}: {}", wrong.line, wrong.what));
        let outcome = script::run(&texts, &catalog, &rows).unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
        assert!(outcome.expectations > 0, "expects nothing:\n{text}");
        assert!(outcome.mismatches.is_empty(), "{:?}", outcome.mismatches);
    }
}

#[test]
fn every_whole_unit_of_the_documentation_runs_and_opens() {
    let texts = Texts::load(&[]).unwrap();
    let units = blocks("catalogue.md", "toml unit");
    assert!(!units.is_empty(), "no unit in the documentation");
    for (index, text) in units.iter().enumerate() {
        let texts = texts.with(&format!("documented-{index}.toml"), text);
        let catalog = texts.catalog().unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        let id = text.split('"').nth(1).unwrap();
        let script = format!(
            "unit {id} reading each code 1234\nsupply cut 10min -> state armed\nignition on, enter right -> state open"
        );
        let rows = script::parse(&script).unwrap();
        let outcome = script::run(&texts, &catalog, &rows).unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
        assert!(outcome.mismatches.is_empty(), "{:?}", outcome.mismatches);
    }
}

#[test]
fn every_policy_of_the_documentation_loads() {
    let policies = blocks("analysis.md", "toml");
    assert!(!policies.is_empty(), "no policy in the documentation");
    for text in policies {
        headlock_profile::policy_file("documented.toml", &text).unwrap_or_else(|problem| panic!("{problem}"));
    }
}
