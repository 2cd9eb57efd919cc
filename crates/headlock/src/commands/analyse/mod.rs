//! `headlock analyse`: what a lock's policy is worth, exactly.

mod chart;
mod design;
mod figures;
mod files;
mod offers;

use std::fs;
use std::path::{Path, PathBuf};

use headlock_analysis::{Explored, policy_worth, reading_worth, wear};
use headlock_profile::{Catalog, PolicyFile, Unit, closest, policy_file};
use serde_json::{Value, json};

use super::find_unit;
use crate::failure::Failure;
use crate::paint;
use crate::store::{self, Texts};
use figures::{Figures, Times};

/// Years for which a memory has to last.
pub(super) const SERVICE_YEARS: u64 = 15;

/// Bytes beyond which a file is no policy.
const LONGEST_FILE: usize = 100_000;

/// Says what a lock is worth: guesses by when, with the supply untouched, with plugs pulled and with what menus and testers do, and
/// what its owner can count on.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock analyse clarion-cl\n  headlock analyse clarion-cl --svg budget.svg --scripts attacks\n  headlock analyse aosp-2025\n  headlock analyse my-policy.toml --json\n  headlock analyse --design --owner-wait 1h --digits 4\n\nBuilt-in policies: aosp-gatekeeper, aosp-2025, apple, three-an-hour, tpm-2.0."
)]
pub struct Args {
    /// A unit of the catalogue, a built-in policy, or a policy file; without any, every unit.
    #[arg(value_name = "UNIT|POLICY")]
    what: Option<String>,
    /// Only this reading; may be repeated.
    #[arg(long, value_name = "NAME")]
    reading: Vec<String>,
    /// Seconds that typing one code takes; 0 counts the waits alone.
    #[arg(long, default_value_t = 0, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    typing_s: u64,
    /// Also tells guesses and chance within this time, like 7d.
    #[arg(long, value_name = "TIME")]
    within: Option<String>,
    /// Draws the budgets, next to those of well-known systems.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Writes each attack, accident and way without a code as a script for `headlock drive`.
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,
    /// Proposes the policy that takes longest to exhaust.
    #[arg(long, conflicts_with_all = ["what", "reading", "within", "svg", "scripts"])]
    design: bool,
    #[command(flatten)]
    limits: design::Limits,
}

/// Runs it.
///
/// # Errors
/// No such unit, reading or policy; a bad policy file; a file that cannot be written.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    if args.design {
        return design::run(&args.limits, json);
    }
    let within = args.within.as_deref().map(crate::script::duration).transpose();
    let times = Times::with(within.map_err(|wrong| Failure::input(wrong.what, wrong.help))?);
    let catalog = texts.catalog()?;
    let typing_ms = args.typing_s.saturating_mul(1_000);
    let units: Vec<&Unit> = match &args.what {
        None => catalog.units.iter().collect(),
        Some(what) => match policy(what, &catalog)? {
            Some(file) => return one_policy(args, &file, typing_ms, &times, json),
            None => vec![find_unit(&catalog, what)?],
        },
    };
    check_readings(args, &units)?;
    let mut lines = Vec::new();
    let mut explored = Explored::default();
    let mut all = Vec::new();
    for unit in units {
        let mut of_unit = Vec::new();
        for reading in unit.readings.iter().filter(|r| args.reading.is_empty() || args.reading.contains(&r.id)) {
            let worth = reading_worth(unit, reading, typing_ms).map_err(|states| too_many(states, &reading.id))?;
            for case in &worth.cases {
                for part in case.worth.iter().map(|worth| worth.explored).chain([case.offered.explored]) {
                    explored.states += part.states;
                    explored.ways += part.ways;
                    explored.bytes = explored.bytes.max(part.bytes);
                }
            }
            let name = format!("{}#{}", unit.identity.id, reading.id);
            if let Some(folder) = &args.scripts {
                files::scripts(folder, unit, &worth)?;
            }
            let budgets = worth.cases.iter().filter_map(|case| case.worth.as_ref()).map(|worth| &worth.pulls);
            if let Some(most) = budgets.max_by_key(|budget| figures::hundred_days(budget)) {
                lines.push((name.clone(), most.clone()));
            }
            of_unit.push((name, Figures::of(&worth, &times)));
        }
        all.push((unit, of_unit));
    }
    if let Some(path) = &args.svg {
        files::draw(path, lines)?;
    }
    if json {
        let units: Vec<Value> = all.iter().map(|(unit, readings)| figures::json_of(unit, readings, &times)).collect();
        crate::paint::say!("{:#}", json!({ "units": units, "explored": explored }));
        return Ok(());
    }
    for (unit, readings) in &all {
        paint::heading(&format!("{} · {}", unit.identity.id, unit.identity.name));
        for (name, figures) in readings {
            figures.print(name.rsplit('#').next().unwrap_or(name), &times);
        }
    }
    paint::aside(
        0,
        &format!(
            "{} states and {} ways explored on the shipped lock; {} KiB at most for one policy. A pulled plug is back after a second at the earliest.",
            explored.states,
            explored.ways,
            explored.bytes.div_ceil(1024)
        ),
    );
    Ok(())
}

fn too_many(states: usize, name: &str) -> Failure {
    Failure::input(format!("{name} has more than {states} states"), "a policy with shorter counts, or fewer rules")
}

/// A built-in policy, or a file; none if it is to be a unit.
fn policy(what: &str, catalog: &Catalog) -> Result<Option<PolicyFile>, Failure> {
    let is_file = Path::new(what).extension().is_some_and(|extension| extension == "toml");
    let built_in = store::policies();
    let text = if is_file {
        let text = fs::read_to_string(what).map_err(|why| {
            Failure::input(format!("cannot read {what}: {why}"), "a policy file, as docs/analysis.md describes")
        })?;
        if text.len() > LONGEST_FILE {
            return Err(Failure::input(
                format!("{what} has {} bytes, which no policy needs", text.len()),
                "a policy file, as docs/analysis.md describes",
            ));
        }
        text
    } else if let Some((_, text)) = built_in.iter().find(|(name, _)| name == what) {
        text.clone()
    } else {
        let is_unit = find_unit(catalog, what).is_ok();
        let mut ids: Vec<&str> = catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
        ids.extend(built_in.iter().map(|(name, _)| name.as_str()));
        return if is_unit {
            Ok(None)
        } else {
            Err(Failure::input(format!("no unit and no policy {what:?}"), closest(what, &ids)))
        };
    };
    policy_file(what, &text).map(Some).map_err(|problem| Failure::from(vec![problem]))
}

fn check_readings(args: &Args, units: &[&Unit]) -> Result<(), Failure> {
    for name in &args.reading {
        if !units.iter().any(|unit| unit.reading(name).is_some()) {
            let ids: Vec<&str> = units.iter().flat_map(|u| u.readings.iter().map(|r| r.id.as_str())).collect();
            return Err(Failure::input(format!("no reading {name:?}"), closest(name, &ids)));
        }
    }
    Ok(())
}

fn one_policy(args: &Args, file: &PolicyFile, typing_ms: u64, times: &Times, json: bool) -> Result<(), Failure> {
    let worth = policy_worth(&file.policy, typing_ms).map_err(|states| too_many(states, &file.name))?;
    let codes = headlock_analysis::Space::of(&file.behaviour, "").codes;
    let figures = Figures::of_policy(&worth, codes, wear(&file.policy, SERVICE_YEARS), times);
    if let Some(path) = &args.svg {
        files::draw(path, vec![(file.name.clone(), worth.pulls.clone())])?;
    }
    if json {
        let mut value = figures.json(times);
        value["name"] = json!(file.name);
        value["sources"] = json!(file.sources);
        value["explored"] = json!(worth.explored);
        crate::paint::say!("{value:#}");
        return Ok(());
    }
    paint::heading(&file.name);
    figures.print("policy", times);
    if !file.note.is_empty() {
        paint::aside(2, &file.note);
    }
    for source in &file.sources {
        paint::aside(2, &format!("source: {source}"));
    }
    Ok(())
}
