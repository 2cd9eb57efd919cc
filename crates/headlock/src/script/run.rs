//! Running a script: units are started, rows happen, expectations are held against them.

use std::sync::Arc;

use headlock_profile::behaviour::CodeOwner;
use headlock_profile::{Case, Catalog, Code, Provenance, Reading, Unit, closest, reading_with};
use headlock_twin::{Answer, Provision, Record, Spec, Twin, Verdict, unknown_code};

use super::expect::Seen;
use super::hidden::Hidden;
use super::text::{Row, Step, UnitRow, Wrong};
use crate::store::Texts;

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Rows that were run.
    pub rows: usize,
    /// Expectations that were held against units.
    pub expectations: usize,
    /// Those that did not hold.
    pub mismatches: Vec<Mismatch>,
}

/// A row whose expectations did not hold.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// Its line.
    pub line: usize,
    /// Its text.
    pub row: String,
    /// Unit, reading and case.
    pub unit: String,
    /// What differs.
    pub seen: Vec<Seen>,
}

/// One unit under one case of one reading.
#[derive(Clone, Debug)]
pub struct Running {
    /// The unit.
    pub twin: Twin,
    /// Unit, reading and case, for messages.
    pub label: String,
    /// Codes that are known.
    pub codes: Vec<Code>,
    /// What the last row led to.
    pub records: Vec<Record>,
    /// The display before the last row.
    pub(super) display_before: String,
    row_records: Vec<Record>,
}

/// How to start a unit.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The row that says so.
    pub row: UnitRow,
    /// Values of its reading that are others.
    pub with: Vec<(String, String)>,
}

/// Runs a script on a catalogue.
///
/// # Errors
/// A row that cannot be carried out; what came before is in no outcome.
pub fn run(texts: &Texts, catalog: &Catalog, rows: &[Row]) -> Result<Outcome, Wrong> {
    let mut outcome = Outcome::default();
    let mut running: Vec<Running> = Vec::new();
    let mut with: Vec<(String, String)> = Vec::new();
    let mut own: Option<(Texts, Catalog)> = None;
    for row in rows {
        match &row.step {
            Step::Define(toml) => {
                let texts =
                    own.as_ref().map_or(texts, |(texts, _)| texts).with(&format!("define, line {}", row.line), toml);
                let catalog = texts.catalog().map_err(|problems| defined_wrong(&problems, row.line))?;
                own = Some((texts, catalog));
            }
            Step::With { path, value } => with.push((path.clone(), value.clone())),
            Step::Unit(unit_row) => {
                let (texts, catalog) = own.as_ref().map_or((texts, catalog), |(texts, catalog)| (texts, catalog));
                let start = Start { row: unit_row.clone(), with: std::mem::take(&mut with) };
                running = start.start(texts, catalog).map_err(|wrong| wrong.at(row.line))?;
            }
            Step::Do { events, expected } => {
                if running.is_empty() {
                    return Err(Wrong::new(
                        "",
                        "no unit has been started",
                        "begin with a row like: unit nissan/unknown reading s1 code 1234",
                    )
                    .at(row.line));
                }
                outcome.rows += 1;
                for one in &mut running {
                    one.row_records.clear();
                    one.display_before = one.twin.display();
                    for event in events {
                        event.happen(one).map_err(|wrong| wrong.at(row.line))?;
                        let records = std::mem::take(&mut one.records);
                        one.row_records.extend(records);
                    }
                    one.records = std::mem::take(&mut one.row_records);
                    outcome.expectations += expected.len();
                    let seen: Vec<Seen> = expected.iter().filter_map(|e| e.differs(one)).collect();
                    if !seen.is_empty() {
                        outcome.mismatches.push(Mismatch {
                            line: row.line,
                            row: row.text.clone(),
                            unit: one.label.clone(),
                            seen,
                        });
                    }
                }
            }
        }
    }
    if outcome.rows == 0 {
        let line = rows.last().map_or(1, |row| row.line);
        return Err(
            Wrong::new("", "this script lets nothing happen", "start a unit, and add events: docs/scripts.md").at(line)
        );
    }
    if let Some((path, _)) = with.first() {
        return Err(Wrong::new(
            path,
            format!("`with {path}` changes nothing: no `unit` row follows"),
            "it stands before the unit it changes",
        )
        .at(rows.last().map_or(1, |row| row.line)));
    }
    Ok(outcome)
}

fn defined_wrong(problems: &[headlock_profile::Problem], line: usize) -> Wrong {
    let Some(first) = problems.first() else { return Wrong::new("define", "cannot be read", "").at(line) };
    let (inner, _) = first.place.line_and_column();
    let field = if first.field.is_empty() { String::new() } else { format!("{}: ", first.field) };
    Wrong::new("", format!("{field}{}", first.what), first.help.clone()).at(line + inner)
}

impl Start {
    /// Starts the unit under every reading and case asked for.
    ///
    /// # Errors
    /// The row cannot be carried out.
    pub fn start(&self, texts: &Texts, catalog: &Catalog) -> Result<Vec<Running>, Wrong> {
        let row = &self.row;
        let ids: Vec<&str> = catalog.units.iter().map(|unit| unit.identity.id.as_str()).collect();
        let unit = catalog
            .unit(&row.id)
            .ok_or_else(|| Wrong::new(&row.id, format!("no unit {:?}", row.id), unit_help(&row.id, &ids)))?;
        let changed;
        let unit = if self.with.is_empty() {
            unit
        } else {
            changed = self.changed(unit, texts)?;
            &changed
        };
        let mut all = Vec::new();
        for reading in self.readings(unit)? {
            for (index, case) in self.cases(reading)? {
                all.push(self.running(unit, reading, case, index)?);
            }
        }
        Ok(all)
    }

    fn changed(&self, unit: &Unit, texts: &Texts) -> Result<Unit, Wrong> {
        let changes: Vec<(&str, &str)> =
            self.with.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        let ids: Vec<String> = self.readings(unit)?.iter().map(|reading| reading.id.clone()).collect();
        let mut changed = unit.clone();
        for id in ids {
            let one = reading_with(&texts.files(), &self.row.id, &id, &changes).map_err(|problems| {
                let first = problems.into_iter().next();
                let (what, help) =
                    first.map_or_else(Default::default, |p| (format!("{}: {}", p.field, p.what), p.help));
                Wrong::new("", what, help)
            })?;
            for (slot, new) in changed.readings.iter_mut().zip(one.readings) {
                if new.id == id {
                    *slot = new;
                }
            }
        }
        Ok(changed)
    }

    fn readings<'a>(&self, unit: &'a Unit) -> Result<Vec<&'a Reading>, Wrong> {
        let ids: Vec<&str> = unit.readings.iter().map(|reading| reading.id.as_str()).collect();
        match self.row.reading.as_deref() {
            Some("each") => Ok(unit.readings.iter().collect()),
            Some(name) => {
                let found = unit.reading(name);
                found.map(|reading| vec![reading]).ok_or_else(|| {
                    Wrong::new(name, format!("unit {} has no reading {name:?}", unit.identity.id), closest(name, &ids))
                })
            }
            None => match unit.readings.as_slice() {
                [one] => Ok(vec![one]),
                _ => Err(Wrong::new(
                    &unit.identity.id,
                    format!("unit {} has {} readings", unit.identity.id, ids.len()),
                    format!("choose: reading {}, or `reading each`", ids.join(", ")),
                )),
            },
        }
    }

    fn cases<'a>(&self, reading: &'a Reading) -> Result<Vec<(usize, &'a Case)>, Wrong> {
        let count = reading.cases.len();
        let all = reading.cases.iter().enumerate();
        match self.row.case.as_deref() {
            Some("each") => Ok(all.collect()),
            Some(text) if text.contains('=') => {
                let (path, value) = text.split_once('=').unwrap_or((text, ""));
                let decided = |case: &Case| case.decided.iter().any(|(p, v)| p == path && v.trim_matches('"') == value);
                let found: Vec<_> = all.filter(|(_, case)| decided(case)).collect();
                if found.is_empty() {
                    let labels: Vec<String> = reading.cases.iter().map(Case::label).collect();
                    return Err(Wrong::new(
                        text,
                        format!("no case of reading {:?} has {text}", reading.id),
                        format!("its cases: {}", labels.join("; ")),
                    ));
                }
                Ok(found)
            }
            Some(text) => {
                let wanted = text.parse::<usize>().ok().filter(|n| (1..=count).contains(n));
                let wanted = wanted.ok_or_else(|| {
                    Wrong::new(
                        text,
                        format!("reading {:?} has no case {text}", reading.id),
                        if count == 1 {
                            "it leaves nothing open, so there is one case".to_owned()
                        } else {
                            format!("1 to {count}, or `each`")
                        },
                    )
                })?;
                Ok(all.skip(wanted - 1).take(1).collect())
            }
            None => Ok(all.take(1).collect()),
        }
    }

    fn running(&self, unit: &Unit, reading: &Reading, case: &Case, index: usize) -> Result<Running, Wrong> {
        let row = &self.row;
        let code = |text: &Hidden| {
            Code::new(text, Provenance::Stated)
                .map_err(|e| Wrong::new("code", e.to_string(), "digits and capital letters"))
        };
        let known = row.codes.iter().map(code).collect::<Result<Vec<_>, _>>()?;
        let other_codes = row.other_codes.iter().map(code).collect::<Result<Vec<_>, _>>()?;
        let mut provision = Provision::example(unit, &reading.firmware, known.clone());
        provision.other_codes = other_codes;
        provision.paired = !row.unpaired;
        if let Some((serial, companions)) = row.serials.split_first() {
            check_serial(unit, serial, companions)?;
            provision.serial.clone_from(serial);
            provision.companions = companions.to_vec();
        }
        for code in &known {
            check_code(unit, case, &provision.serial, code)?;
        }
        if let Some(version) = &row.firmware {
            provision.firmware = version
                .parse()
                .map_err(|e: headlock_profile::BadFirmware| Wrong::new(version, e.to_string(), "like 1.05"))?;
        }
        if provision.codes.is_empty() && case.behaviour.code.belongs_to != CodeOwner::Owner {
            provision.codes.extend(unknown_code(unit, case, &provision.serial));
        }
        let spec = Spec::new(unit, case, provision)
            .map_err(|e| Wrong::new(&unit.identity.id, e.to_string(), "describe a smaller panel"))?;
        let twin = if row.locked { Twin::new_armed(Arc::new(spec)) } else { Twin::new(Arc::new(spec)) };
        let decided =
            if case.decided.is_empty() { String::new() } else { format!(" case {} ({})", index + 1, case.label()) };
        Ok(Running {
            twin,
            label: format!("{} reading {}{decided}", unit.identity.id, reading.id),
            codes: known,
            records: Vec::new(),
            display_before: String::new(),
            row_records: Vec::new(),
        })
    }
}

/// The whole id of a unit whose short name was given, or the nearest one.
fn unit_help(given: &str, ids: &[&str]) -> String {
    let whole = ids.iter().find(|id| id.rsplit('/').next() == Some(given));
    whole.map_or_else(|| closest(given, ids), |id| format!("scripts name it whole: {id}"))
}

fn check_serial(unit: &Unit, serial: &str, companions: &[String]) -> Result<(), Wrong> {
    let specs = &unit.identity.serial;
    let patterns: Vec<&str> = specs.iter().map(|spec| spec.pattern.as_str()).collect();
    let Some(spec) = unit.serial_spec(serial) else {
        return if specs.is_empty() {
            Ok(())
        } else {
            Err(Wrong::new(
                serial,
                format!("{serial:?} is no serial of {}", unit.identity.id),
                format!("it fits {}", patterns.join(" or ")),
            ))
        };
    };
    for (number, companion) in companions.iter().zip(&spec.together_with) {
        if companion.fit(number) != headlock_profile::Fit::Fits {
            return Err(Wrong::new(
                number,
                format!("{number:?} is no {}", companion.name),
                format!("it fits {}", companion.pattern),
            ));
        }
    }
    match companions.get(spec.together_with.len()) {
        Some(extra) => Err(Wrong::new(
            extra,
            format!("{extra:?} is one number too many"),
            format!("{} belong to this serial", spec.together_with.len()),
        )),
        None => Ok(()),
    }
}

/// A code that no attempt could ever be is a mistake in the script.
fn check_code(unit: &Unit, case: &Case, serial: &str, code: &Code) -> Result<(), Wrong> {
    let spec = &case.behaviour.code;
    if spec.belongs_to == CodeOwner::Challenge {
        return Ok(());
    }
    let lengths = match &spec.length {
        headlock_profile::behaviour::LengthSpec::BySetting { .. } => spec.length.all(),
        length => vec![length.resolve(&unit.cleaned(serial), |_| None)],
    };
    let fits = lengths.iter().any(|length| {
        let alphabets = headlock_profile::typing::alphabets(&spec.alphabet, usize::from(*length));
        code.reveal().chars().count() == alphabets.len()
            && code.reveal().chars().zip(&alphabets).all(|(c, a)| a.contains(&c))
    });
    let lengths: Vec<String> = lengths.iter().map(u8::to_string).collect();
    if fits {
        Ok(())
    } else {
        let longest = spec.length.all().into_iter().max().unwrap_or(0);
        let alphabets = headlock_profile::typing::alphabets(&spec.alphabet, usize::from(longest));
        let mut shown: Vec<String> = alphabets.iter().map(|alphabet| alphabet.iter().collect()).collect();
        shown.dedup();
        let help = format!("{} characters of {}", lengths.join(" or "), shown.join(", then "));
        Err(Wrong::new("code", "no code of this unit looks like that", help))
    }
}

impl Running {
    /// Lets one event happen; its records are in `records` then.
    ///
    /// # Errors
    /// It cannot be done; nothing happened.
    pub fn happen(&mut self, event: &super::Event) -> Result<(), Wrong> {
        event.happen(self)
    }

    pub(super) fn last_verdict(&self) -> Option<Verdict> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Attempt { verdict, .. } => Some(*verdict),
            _ => None,
        })
    }

    pub(super) fn last_answer(&self) -> Option<&Answer> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Answer(answer) => Some(answer),
            _ => None,
        })
    }

    pub(super) fn was_refused(&self) -> bool {
        self.records.iter().any(|record| {
            matches!(record, Record::Refused(_) | Record::UpdateRefused(_) | Record::Answer(Answer::Refused(_)))
        })
    }

    /// A code of the right shape that opens nothing here.
    pub(super) fn wrong_code(&self) -> Option<String> {
        self.twin.wrong_code()
    }
}
