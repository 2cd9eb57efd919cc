//! The catalogue: files in, checked units and guidance out.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headlock_lock::Policy;
use rayon::prelude::*;

use crate::behaviour::Behaviour;
use crate::decode::decode;
use crate::evidence::{Choice, Evidence, Grade, grade, sort, texts};
use crate::guidance::{Caution, Claim, Conflict, Fault as FaultEntry, Method, Question, Source, Unmodelled, Vehicle};
use crate::node::{Node, Place, Value, join};
use crate::policy::{Fault, policies};
use crate::problem::{Problem, closest};
use crate::serial::whole;
use crate::unit::{Case, Identity, Reading, Unit};
use crate::validate;

/// Cases that the open values of one reading may make.
pub const MAX_CASES: usize = 64;

const IDENTITY_FIELDS: [&str; 15] = [
    "id",
    "name",
    "summary",
    "vehicles",
    "years",
    "serial",
    "part_numbers",
    "firmware",
    "look",
    "family",
    "catch_all",
    "note",
    "sources",
    "grade",
    "reading",
];
const READING_FIELDS: [&str; 8] = ["id", "title", "sources", "grade", "note", "based_on", "without", "firmware"];

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Units, in order of their ids.
    pub units: Vec<Unit>,
    /// Sources.
    pub sources: Vec<Source>,
    /// Claims.
    pub claims: Vec<Claim>,
    /// Where claims contradict each other.
    pub conflicts: Vec<Conflict>,
    /// Claims that no value can hold.
    pub unmodelled: Vec<Unmodelled>,
    /// Vehicles.
    pub vehicles: Vec<Vehicle>,
    /// Ways to a code.
    pub methods: Vec<Method>,
    /// Faults that look like a lock.
    pub faults: Vec<FaultEntry>,
    /// Cautions.
    pub cautions: Vec<Caution>,
    /// Questions to the owner.
    pub questions: Vec<Question>,
}

/// One file: its name, by which its role is known, and its text.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Relative to the catalogue, like `units/acme/nova-200.toml`.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
}

impl Catalog {
    /// Reads a whole catalogue. Later files may add to earlier ones, as `--catalog` does, but not replace them.
    ///
    /// # Errors
    /// Every problem found, at most one a file and reading.
    pub fn load<'a>(files: impl IntoIterator<Item = File<'a>>) -> Result<Self, Vec<Problem>> {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        let mut drafts = Vec::new();
        let mut guidance = Vec::new();
        for file in files {
            match Node::parse(file.name, file.text) {
                Err(problem) => problems.push(problem),
                Ok(root) => match root.as_table() {
                    Some([]) if file.text.trim().is_empty() => problems.push(
                        Problem::new(&root.place, "", "this file says nothing")
                            .help("a unit starts with its id, as docs/catalogue.md shows; or remove the file"),
                    ),
                    Some(entries) if entries.iter().any(|(name, _)| matches!(name.as_str(), "id" | "reading")) => {
                        drafts.push(root);
                    }
                    _ => match catalog.add_guidance(&root) {
                        Ok(()) => guidance.push(root),
                        Err(problem) => problems.push(problem),
                    },
                },
            }
        }
        catalog.add_units(&drafts, &mut problems);
        if problems.is_empty() {
            catalog.check_citations(&drafts, &guidance, &mut problems);
        }
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }

    /// The unit of this id.
    pub fn unit(&self, id: &str) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.identity.id == id)
    }

    /// The claim of this id.
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// The vehicle that somebody means by `text`.
    pub fn vehicle(&self, text: &str) -> Option<&Vehicle> {
        let wanted = normal(text);
        self.vehicles.iter().find(|vehicle| {
            normal(&vehicle.id) == wanted
                || normal(&vehicle.name) == wanted
                || vehicle.also_called.iter().any(|name| normal(name) == wanted)
        })
    }

    fn add_guidance(&mut self, root: &Node) -> Result<(), Problem> {
        const TABLES: [&str; 10] = [
            "source",
            "claim",
            "conflict",
            "unmodelled",
            "vehicle",
            "method",
            "fault",
            "caution",
            "question",
            "reading",
        ];
        root.only("", &TABLES)?;
        for (name, node) in root.as_table().unwrap_or_default() {
            match name.as_str() {
                "source" => self.sources.extend(decode::<Vec<Source>>(node, name)?),
                "claim" => self.claims.extend(decode::<Vec<Claim>>(node, name)?),
                "conflict" => self.conflicts.extend(decode::<Vec<Conflict>>(node, name)?),
                "unmodelled" => self.unmodelled.extend(decode::<Vec<Unmodelled>>(node, name)?),
                "vehicle" => self.vehicles.extend(decode::<Vec<Vehicle>>(node, name)?),
                "method" => self.methods.extend(decode::<Vec<Method>>(node, name)?),
                "fault" => self.faults.extend(decode::<Vec<FaultEntry>>(node, name)?),
                "caution" => self.cautions.extend(decode::<Vec<Caution>>(node, name)?),
                _ => self.questions.extend(decode::<Vec<Question>>(node, name)?),
            }
        }
        Ok(())
    }

    fn add_units(&mut self, drafts: &[Node], problems: &mut Vec<Problem>) {
        let mut new = Vec::new();
        let mut seen: HashMap<String, Place> = HashMap::new();
        for root in drafts {
            let id = root.get("id").and_then(Node::as_str).unwrap_or_default().to_owned();
            if let Some(first) = seen.insert(id.clone(), root.place.clone()) {
                problems.push(
                    Problem::new(
                        &root.get("id").unwrap_or(root).place,
                        "id",
                        format!("there is a unit {id:?} already"),
                    )
                    .help(format!("it stands in {}; choose another id", first.file.name)),
                );
                continue;
            }
            new.push(root);
        }
        let known = Known::default();
        let made: Vec<_> = new.into_par_iter().with_max_len(1).map(|root| unit(root, drafts, &known)).collect();
        for unit in made {
            match unit {
                Ok(unit) => self.units.push(unit),
                Err(found) => problems.extend(found),
            }
        }
        self.units.sort_by(|a, b| a.identity.id.cmp(&b.identity.id));
    }

    fn check_citations(&self, drafts: &[Node], guidance: &[Node], problems: &mut Vec<Problem>) {
        let known: Vec<&str> =
            self.sources.iter().map(|s| s.id.as_str()).chain(self.claims.iter().map(|c| c.id.as_str())).collect();
        for root in guidance {
            check_cited(root, "", &known, problems);
        }
        check_ids(guidance, problems);
        for root in drafts {
            check_cited(root, "", &known, problems);
            let looks: Vec<&str> = self
                .questions
                .iter()
                .filter(|question| question.id == "look")
                .flat_map(|question| question.answers.iter().map(|answer| answer.id.as_str()))
                .collect();
            let named = root.get("look").map(|node| node.get("value").unwrap_or(node));
            for item in named.and_then(Node::as_array).unwrap_or_default() {
                let word = item.as_str().unwrap_or_default();
                if !looks.is_empty() && !looks.contains(&word) {
                    problems.push(
                        Problem::new(&item.place, "look", format!("{word:?} is no word for the look of a front"))
                            .help(closest(word, &looks)),
                    );
                }
            }
            let vehicles: Vec<&str> = self.vehicles.iter().map(|v| v.id.as_str()).collect();
            let named = root.get("vehicles").map(|node| node.get("value").unwrap_or(node));
            for item in named.and_then(Node::as_array).unwrap_or_default() {
                let id = item.as_str().unwrap_or_default();
                if !vehicles.contains(&id) {
                    problems.push(
                        Problem::new(&item.place, "vehicles", format!("no vehicle {id:?}"))
                            .help(format!("{}; or add it to a file as [[vehicle]]", closest(id, &vehicles))),
                    );
                }
            }
        }
    }

    /// Every claim id that a unit, method, fault, caution or vehicle cites.
    pub fn cited_claims(&self) -> std::collections::BTreeSet<String> {
        let mut cited = std::collections::BTreeSet::new();
        for unit in &self.units {
            for evidence in unit.evidence.iter().chain(unit.readings.iter().flat_map(|r| &r.evidence)) {
                cited.extend(evidence.values.iter().flat_map(|value| value.sources.iter().cloned()));
            }
            cited.extend(unit.readings.iter().flat_map(|r| r.sources.iter().cloned()));
        }
        cited.extend(
            self.methods
                .iter()
                .flat_map(|m| m.sources.iter().chain(m.estimate.iter().flat_map(|e| &e.sources)).cloned()),
        );
        cited.extend(
            self.faults.iter().flat_map(|f| f.sources.iter().chain(f.check.iter().flat_map(|c| &c.sources)).cloned()),
        );
        cited.extend(self.cautions.iter().flat_map(|c| c.sources.iter().cloned()));
        cited.extend(self.vehicles.iter().flat_map(|v| v.sources.iter().cloned()));
        cited
    }
}

/// One reading of one unit, from texts of its own: a base unit's reading with changes, as scripts state it.
///
/// # Errors
/// What is wrong with the changes.
pub fn reading_with(
    files: &[File<'_>],
    unit_id: &str,
    reading_id: &str,
    changes: &[(&str, &str)],
) -> Result<Unit, Vec<Problem>> {
    let mut drafts = Vec::new();
    for file in files {
        let root = Node::parse(file.name, file.text).map_err(|p| vec![p])?;
        if root.get("id").is_some() {
            drafts.push(root);
        }
    }
    let index = drafts
        .iter()
        .position(|root| root.get("id").and_then(Node::as_str) == Some(unit_id))
        .ok_or_else(|| vec![Problem::in_file(unit_id, "no such unit")])?;
    let mut root = drafts[index].clone();
    for (path, text) in changes {
        let line = format!("value = {text}");
        let parsed = Node::parse(&format!("{path} = {text}"), &line).map_err(|p| vec![p])?;
        let value = parsed.get("value").cloned().ok_or_else(|| vec![Problem::in_file(path, "no value")])?;
        let mut found = false;
        if let Value::Table(entries) = &mut root.value {
            for (name, node) in entries.iter_mut().filter(|(name, _)| name == "reading") {
                let Value::Array(readings) = &mut node.value else { continue };
                for reading in readings.iter_mut() {
                    if reading.get("id").and_then(Node::as_str) == Some(reading_id) {
                        let based = resolved(reading, unit_id, &drafts, &mut Vec::new()).map_err(|p| vec![p])?;
                        *reading = without(&based, &["based_on"]);
                        reading.set(path, value.clone()).map_err(|p| vec![p])?;
                        found = true;
                    }
                }
                let _ = name;
            }
        }
        if !found {
            return Err(vec![Problem::in_file(unit_id, format!("it has no reading {reading_id:?}"))]);
        }
    }
    unit(&root, &drafts, &Known::default())
}

fn without(node: &Node, keys: &[&str]) -> Node {
    match &node.value {
        Value::Table(entries) => Node {
            place: node.place.clone(),
            value: Value::Table(entries.iter().filter(|(name, _)| !keys.contains(&name.as_str())).cloned().collect()),
        },
        _ => node.clone(),
    }
}

fn normal(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
        .trim_start_matches("nissan")
        .to_owned()
}

/// Nothing beside the units is defined twice; sources and claims share their names.
fn check_ids(guidance: &[Node], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<(&str, &str), &Place> = HashMap::new();
    for (table, list) in guidance.iter().flat_map(|root| root.as_table().unwrap_or_default()) {
        let kind = if table == "claim" { "source" } else { table.as_str() };
        for node in list.as_array().unwrap_or_default().iter().filter_map(|entry| entry.get("id")) {
            let id = node.as_str().unwrap_or_default();
            if let Some(first) = seen.insert((kind, id), &node.place) {
                let (line, _) = first.line_and_column();
                problems.push(
                    Problem::new(&node.place, &join(table, "id"), format!("{id:?} is defined twice"))
                        .help(format!("first in {}, line {line}; choose another id", first.file.name)),
                );
            }
        }
    }
}

fn check_cited(node: &Node, path: &str, known: &[&str], problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Table(entries) => {
            for (name, child) in entries {
                if name == "sources" {
                    for source in child.as_array().unwrap_or(std::slice::from_ref(child)) {
                        let id = source.as_str().unwrap_or_default();
                        if !known.contains(&id) {
                            problems.push(
                                Problem::new(
                                    &source.place,
                                    &join(path, name),
                                    format!("{id:?} is no claim and no source"),
                                )
                                .help(format!("{}; a source of your own is added as [[source]]", closest(id, known))),
                            );
                        }
                    }
                } else {
                    check_cited(child, &join(path, name), known, problems);
                }
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| check_cited(item, &join(path, &i.to_string()), known, problems));
        }
        _ => {}
    }
}

/// Behaviours that were read and checked already, by their fingerprint: units share readings.
type Known = Mutex<HashMap<u64, (Arc<Behaviour>, Vec<Policy>)>>;

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unit(root: &Node, drafts: &[Node], known: &Known) -> Result<Unit, Vec<Problem>> {
    root.only("", &IDENTITY_FIELDS).map_err(|p| vec![p])?;
    let default = citation(root, &(Vec::new(), Grade::Unknown)).map_err(|p| vec![p])?;
    let identity_node = without(root, &["reading", "sources", "grade"]);
    let sorted = sort(&identity_node, &default).map_err(|p| vec![p])?;
    if let Some(choice) = sorted.choices.first() {
        let place = &identity_node.at(&choice.path).unwrap_or(root).place;
        return Err(vec![
            Problem::new(place, &choice.path, "what a unit is cannot be left open")
                .help("make two units of it, or leave it out"),
        ]);
    }
    let identity: Identity = decode(&sorted.plain, "").map_err(|p| vec![p])?;
    check_identity(root, &identity).map_err(|p| vec![p])?;
    let mut problems = Vec::new();
    let mut readings: Vec<Reading> = Vec::new();
    let nodes = root.get("reading").and_then(Node::as_array).unwrap_or_default();
    if let Some(reading) = root.get("reading")
        && reading.as_array().is_none()
    {
        return Err(vec![
            Problem::new(&reading.place, "reading", "a unit has a list of readings")
                .help("write [[reading]], with two brackets"),
        ]);
    }
    if nodes.is_empty() {
        problems.push(
            Problem::new(&root.place, "reading", "a unit without a reading")
                .help("add [[reading]]; a unit without any lock has kind = \"none\""),
        );
    }
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("reading.{index}");
        match reading(node, &path, &identity.id, &default, drafts, known) {
            Ok(new) if readings.iter().any(|old| old.id == new.id) => problems.push(
                Problem::new(&node.place, &path, format!("there is a reading {:?} already", new.id))
                    .help("choose another id"),
            ),
            Ok(new) => readings.push(new),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(Unit { identity, evidence: sorted.evidence, readings, file: root.place.file.name.clone() })
    } else {
        Err(problems)
    }
}

fn check_identity(root: &Node, identity: &Identity) -> Result<(), Problem> {
    let place = |path: &str| &root.at(path).unwrap_or(root).place;
    let good =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !matches!(identity.id.split_once('/'), Some((maker, unit)) if good(maker) && good(unit)) {
        return Err(Problem::new(place("id"), "id", format!("{:?} is no id of a unit", identity.id))
            .help("maker/unit, in small letters, digits and hyphens, like acme/nova-200"));
    }
    if let (Some(from), Some(to)) = (identity.years.from, identity.years.to)
        && from > to
    {
        return Err(
            Problem::new(place("years"), "years", format!("{from} comes after {to}")).help("from is the earlier year")
        );
    }
    for year in [identity.years.from, identity.years.to].into_iter().flatten() {
        if !(1950..=2100).contains(&year) {
            return Err(Problem::new(place("years"), "years", format!("{year} is no model year")).help("like 2011"));
        }
    }
    for (index, serial) in identity.serial.iter().enumerate() {
        let path = format!("serial.{index}.pattern");
        let patterns = std::iter::once((&serial.pattern, &serial.example))
            .chain(serial.together_with.iter().map(|c| (&c.pattern, &c.example)));
        for (pattern, example) in patterns {
            let regex = whole(pattern).map_err(|error| {
                Problem::new(place(&path), &path, format!("{pattern:?} is no regular expression: {error}"))
                    .help("like CL[0-9]{8}")
            })?;
            if let Some(example) = example
                && !regex.is_match(&serial.cleaned(example))
                && !regex.is_match(example)
            {
                let path = format!("serial.{index}.example");
                return Err(Problem::new(place(&path), &path, format!("{example:?} does not fit {pattern:?}"))
                    .help("an example must fit its own pattern"));
            }
        }
    }
    Ok(())
}

fn citation(node: &Node, default: &(Vec<String>, Grade)) -> Result<(Vec<String>, Grade), Problem> {
    let sources = node.get("sources").map(|n| texts(n, "sources")).transpose()?;
    let grade = node.get("grade").map(|n| grade(n, "grade")).transpose()?;
    Ok((sources.unwrap_or_else(|| default.0.clone()), grade.unwrap_or(default.1)))
}

fn reading(
    node: &Node,
    path: &str,
    unit_id: &str,
    default: &(Vec<String>, Grade),
    drafts: &[Node],
    known: &Known,
) -> Result<Reading, Problem> {
    let merged = resolved(node, unit_id, drafts, &mut Vec::new())?;
    let text = |key: &str| merged.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let id = text("id");
    if id.is_empty() {
        return Err(Problem::new(&node.place, &join(path, "id"), "a reading without an id")
            .help("add id = \"…\", one short word"));
    }
    let default = citation(&merged, default)?;
    let firmware = match merged.get("firmware") {
        Some(range) => decode(range, &join(path, "firmware"))?,
        None => crate::behaviour::FirmwareRange::default(),
    };
    let body = without(&merged, &READING_FIELDS);
    let sorted = sort(&body, &default)?;
    let cases = cases(sorted.plain, &sorted.choices, node, path, known)?;
    Ok(Reading {
        id,
        title: text("title"),
        sources: default.0,
        grade: default.1,
        note: text("note"),
        firmware,
        evidence: evidence_of(sorted.evidence),
        cases,
    })
}

/// Leaves out what says nothing by itself: empty tables and the like.
fn evidence_of(evidence: Vec<Evidence>) -> Vec<Evidence> {
    evidence.into_iter().filter(|e| !e.path.is_empty()).collect()
}

/// The reading with everything that it is based on, ring-free.
fn resolved(node: &Node, unit_id: &str, drafts: &[Node], trail: &mut Vec<String>) -> Result<Node, Problem> {
    let own = format!("{unit_id}#{}", node.get("id").and_then(Node::as_str).unwrap_or_default());
    let Some(base) = node.get("based_on") else {
        return match node.get("without") {
            Some(dropped) => Err(Problem::new(&dropped.place, "without", "nothing is inherited here")
                .help("it goes with based_on; leave out what this reading itself says")),
            None => Ok(node.clone()),
        };
    };
    let wrong = |what: String, help: &str| Problem::new(&base.place, "based_on", what).help(help);
    if trail.contains(&own) {
        trail.push(own);
        return Err(wrong(format!("a cycle: {}", trail.join(" is based on ")), "one of these must stand on its own"));
    }
    trail.push(own);
    if trail.len() > 32 {
        return Err(wrong("a chain of more than 32 readings".to_owned(), "base it on one further up"));
    }
    let Some(name) = base.as_str() else {
        return Err(wrong(format!("found {}", base.kind()), "write \"other-reading\" or \"maker/unit#reading\""));
    };
    let (base_unit, base_reading) = name.split_once('#').unwrap_or((unit_id, name));
    let unit = drafts
        .iter()
        .find(|root| root.get("id").and_then(Node::as_str) == Some(base_unit))
        .ok_or_else(|| wrong(format!("no unit {base_unit:?}"), "write unit#reading, or a reading of this unit"))?;
    let readings = unit.get("reading").and_then(Node::as_array).unwrap_or_default();
    let ids: Vec<&str> = readings.iter().filter_map(|r| r.get("id").and_then(Node::as_str)).collect();
    let found =
        readings.iter().find(|r| r.get("id").and_then(Node::as_str) == Some(base_reading)).ok_or_else(|| {
            wrong(format!("unit {base_unit:?} has no reading {base_reading:?}"), &closest(base_reading, &ids))
        })?;
    let parent = resolved(found, base_unit, drafts, trail)?;
    let mut parent = without(&parent, &["based_on", "without"]);
    if let Some(dropped) = node.get("without") {
        for path in texts(dropped, "without")? {
            if !parent.remove(&path) {
                return Err(Problem::new(&dropped.place, "without", format!("{base_reading:?} has no value {path:?}"))
                    .help("the dotted path of a value that is inherited, like entry.timeout_s"));
            }
        }
    }
    Ok(parent.overlaid_with(node))
}

fn cases(mut tree: Node, choices: &[Choice], node: &Node, path: &str, known: &Known) -> Result<Vec<Case>, Problem> {
    let count = choices.iter().map(|choice| choice.options.len()).fold(1_usize, usize::saturating_mul);
    if count > MAX_CASES {
        let open: Vec<&str> = choices.iter().map(|choice| choice.path.as_str()).collect();
        return Err(Problem::new(&node.place, path, format!("{count} combinations of open values"))
            .help(format!("{MAX_CASES} at most: split the reading, or decide some of {}", open.join(", "))));
    }
    (0..count).map(|index| case(&mut tree, choices, index, (node, path), known)).collect()
}

/// The nearest existing ancestor of a field says where to look.
pub(crate) fn nearest<'n>(tree: &'n Node, path: &str) -> &'n Place {
    let mut at = path;
    loop {
        if let Some(found) = tree.at(at) {
            return &found.place;
        }
        match at.rsplit_once('.') {
            Some((parent, _)) => at = parent,
            None => return &tree.place,
        }
    }
}

fn case(
    tree: &mut Node,
    choices: &[Choice],
    mut index: usize,
    (node, path): (&Node, &str),
    known: &Known,
) -> Result<Case, Problem> {
    let mut decided = Vec::new();
    for choice in choices {
        let option = &choice.options[index % choice.options.len()];
        index /= choice.options.len();
        tree.set(&choice.path, option.clone())?;
        decided.push((choice.path.clone(), option.to_string()));
    }
    let tree = &*tree;
    let mut hasher = DefaultHasher::new();
    tree.hash_value(&mut hasher);
    let fingerprint = hasher.finish();
    let checked = lock(known).get(&fingerprint).cloned();
    if let Some((behaviour, policies)) = checked {
        return Ok(Case { decided, behaviour, policies, fingerprint });
    }
    let behaviour: Behaviour = decode(tree, path)?;
    let located = |fault: Fault| {
        let place = if tree.as_table().is_some_and(<[_]>::is_empty) { &node.place } else { nearest(tree, &fault.path) };
        Problem::new(place, &join(path, &fault.path), fault.what).help(fault.help)
    };
    validate::check(&behaviour).map_err(located)?;
    let policies = policies(&behaviour).map_err(located)?;
    let behaviour = Arc::new(behaviour);
    lock(known).insert(fingerprint, (Arc::clone(&behaviour), policies.clone()));
    Ok(Case { decided, behaviour, policies, fingerprint })
}
