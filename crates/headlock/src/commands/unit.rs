//! `headlock unit`: one unit, all readings side by side.

use std::collections::BTreeMap;

use headlock_profile::{Evidence, Unit};
use serde_json::json;

use super::find_unit;
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Shows one unit: all readings side by side, conflicts marked, every value with its sources.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock unit nissan/clarion-cl\n  headlock unit clarion-cl --conflicts\n  headlock unit nissan/unknown --reading s1 --json"
)]
pub struct Args {
    /// The unit's id.
    id: String,
    /// Only what the readings do not agree on.
    #[arg(long)]
    conflicts: bool,
    /// Only this reading; may be repeated.
    #[arg(long, value_name = "NAME")]
    reading: Vec<String>,
}

/// One possible value of a field, and where it stands.
struct Stated {
    value: String,
    readings: Vec<String>,
    sources: Vec<String>,
    grades: Vec<&'static str>,
    notes: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// No such unit or reading, or the catalogue is wrong.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let unit = find_unit(&catalog, &args.id)?;
    for name in &args.reading {
        if unit.reading(name).is_none() {
            let ids: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
            return Err(Failure::input(
                format!("{} has no reading {name:?}", unit.identity.id),
                headlock_profile::closest(name, &ids),
            ));
        }
    }
    let fields = fields(unit, &args.reading);
    let fields: Vec<_> = fields.into_iter().filter(|(_, stated)| !args.conflicts || is_conflict(stated)).collect();
    if json {
        print_json(unit, &fields);
    } else {
        print(unit, &fields, &args.reading);
    }
    Ok(())
}

fn fields(unit: &Unit, only: &[String]) -> BTreeMap<String, Vec<Stated>> {
    let mut fields: BTreeMap<String, Vec<Stated>> = BTreeMap::new();
    for reading in unit.readings.iter().filter(|reading| only.is_empty() || only.contains(&reading.id)) {
        for evidence in &reading.evidence {
            for (index, cited) in evidence.values.iter().enumerate() {
                let stated = fields.entry(evidence.path.clone()).or_default();
                let name = if evidence.values.len() > 1 {
                    format!("{} {}", reading.id, kind(evidence, index))
                } else {
                    reading.id.clone()
                };
                let slot = if let Some(slot) = stated.iter_mut().find(|s| s.value == cited.text) {
                    slot
                } else {
                    stated.push(Stated {
                        value: cited.text.clone(),
                        readings: Vec::new(),
                        sources: Vec::new(),
                        grades: Vec::new(),
                        notes: Vec::new(),
                    });
                    let last = stated.len() - 1;
                    &mut stated[last]
                };
                slot.readings.push(name);
                push_new(&mut slot.sources, cited.sources.iter().cloned());
                push_new(&mut slot.grades, [cited.grade.word()]);
                push_new(&mut slot.notes, Some(cited.note.clone()).filter(|note| !note.is_empty()));
            }
        }
    }
    fields
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, new: impl IntoIterator<Item = T>) {
    for item in new {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

fn kind(evidence: &Evidence, index: usize) -> &'static str {
    match (evidence.is_range, index) {
        (true, 0) => "(from)",
        (true, _) => "(to)",
        (false, _) => "(or)",
    }
}

fn is_conflict(stated: &[Stated]) -> bool {
    stated.len() > 1
}

fn print(unit: &Unit, fields: &[(String, Vec<Stated>)], only: &[String]) {
    let identity = &unit.identity;
    crate::paint::say!("{}{}{:#}  {}", paint::HEADING, identity.id, paint::HEADING, identity.name);
    for line in [&identity.summary, &identity.note].into_iter().filter(|line| !line.is_empty()) {
        paint::indented(2, line);
    }
    if !identity.vehicles.is_empty() {
        paint::indented(2, &format!("vehicles: {}", identity.vehicles.join(", ")));
    }
    if let (Some(from), to) = (identity.years.from, identity.years.to) {
        paint::indented(2, &format!("years: {from}-{}", to.map_or(String::new(), |y| y.to_string())));
    }
    for serial in &identity.serial {
        let example = serial.example.as_ref().map_or(String::new(), |e| format!(", like {e}"));
        paint::indented(2, &format!("{}: {}{example}", serial.name, serial.pattern));
        for companion in &serial.together_with {
            paint::indented(4, &format!("together with {}: {}", companion.name, companion.pattern));
        }
    }
    paint::heading("Readings");
    for reading in unit.readings.iter().filter(|reading| only.is_empty() || only.contains(&reading.id)) {
        let cases = if reading.cases.len() > 1 { format!(", {} cases", reading.cases.len()) } else { String::new() };
        paint::item(
            "-",
            &format!(
                "{}: {} ({}{cases}){}",
                reading.id,
                reading.title,
                reading.grade.word(),
                paint::sources(&reading.sources)
            ),
        );
        if !reading.note.is_empty() {
            paint::aside(6, &reading.note);
        }
    }
    paint::heading("Behaviour (≠ marks what the readings do not agree on)");
    for (path, stated) in fields {
        let conflict = is_conflict(stated);
        let mark = if conflict { "≠" } else { " " };
        crate::paint::say!(
            "{}{mark} {path}{:#}",
            if conflict { paint::BAD } else { anstyle::Style::new() },
            if conflict { paint::BAD } else { anstyle::Style::new() }
        );
        for value in stated {
            paint::indented(6, &value.value);
            paint::aside(
                8,
                &format!(
                    "{} ({}){}",
                    value.readings.join(", "),
                    value.grades.join(", "),
                    paint::sources(&value.sources)
                ),
            );
            for note in &value.notes {
                paint::aside(8, note);
            }
        }
    }
}

fn print_json(unit: &Unit, fields: &[(String, Vec<Stated>)]) {
    let identity = &unit.identity;
    let fields: Vec<_> = fields
        .iter()
        .map(|(path, stated)| {
            let values: Vec<_> = stated
                .iter()
                .map(|s| json!({ "value": s.value, "readings": s.readings, "sources": s.sources, "grades": s.grades, "notes": s.notes }))
                .collect();
            json!({ "field": path, "conflict": is_conflict(stated), "values": values })
        })
        .collect();
    let readings: Vec<_> = unit
        .readings
        .iter()
        .map(|r| json!({ "id": r.id, "title": r.title, "sources": r.sources, "grade": r.grade.word(), "note": r.note, "cases": r.cases.iter().map(headlock_profile::Case::label).collect::<Vec<_>>() }))
        .collect();
    let serials: Vec<_> =
        identity.serial.iter().map(|s| json!({ "name": s.name, "pattern": s.pattern, "example": s.example })).collect();
    let value = json!({
        "id": identity.id, "name": identity.name, "summary": identity.summary, "note": identity.note, "family": identity.family,
        "vehicles": identity.vehicles, "years": { "from": identity.years.from, "to": identity.years.to },
        "look": identity.look, "part_numbers": identity.part_numbers, "serials": serials, "readings": readings, "fields": fields,
    });
    crate::paint::say!("{value:#}");
}
