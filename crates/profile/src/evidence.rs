//! Which source says what: values with their citations, and the several values that sources leave open.
//!
//! Anywhere in a reading a value may be written plain, or as a table that cites:
//! `{ value = 3600, sources = ["S1.lock.2"], grade = "documented" }`. Where sources differ or say nothing:
//! `{ rivals = [{ value = …, sources = … }, …] }`, `{ min = 3600, max = 7200 }`, `{ unknown = [60, 3600] }`, or just
//! `"unknown"`. Such a value splits the reading into cases, one for each possibility; nothing is averaged.

use crate::node::{Node, Value, is_choice, join};
use crate::problem::{Problem, closest};

/// How much a source is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// A maker's own paper.
    Documented,
    /// Somebody saw it happen, or an article reports it.
    Observed,
    /// It follows from something else.
    Inferred,
    /// Nobody knows.
    Unknown,
}

impl Grade {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

/// One stated value and who says so.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The dotted path within the reading.
    pub path: String,
    /// The possible values, each with its sources and grade: one, unless sources differ.
    pub values: Vec<CitedValue>,
    /// Whether the possibilities are the two ends of a range.
    pub is_range: bool,
}

/// A value with its sources.
#[derive(Clone, Debug)]
pub struct CitedValue {
    /// As it would stand in a file.
    pub text: String,
    /// Claim ids and source ids.
    pub sources: Vec<String>,
    /// What they are worth.
    pub grade: Grade,
    /// A remark, or empty.
    pub note: String,
}

/// A value that is open, and the possibilities.
pub(crate) struct Choice {
    pub(crate) path: String,
    pub(crate) options: Vec<Node>,
}

/// The plain tree (each choice at its first possibility), all evidence, and the choices.
pub(crate) struct Sorted {
    pub(crate) plain: Node,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) choices: Vec<Choice>,
}

/// Takes citations and choices out of a reading; `default` is what the reading itself cites.
pub(crate) fn sort(reading: &Node, default: &(Vec<String>, Grade)) -> Result<Sorted, Problem> {
    let mut sorter = Sorter { default: default.clone(), evidence: Vec::new(), choices: Vec::new() };
    let plain = sorter.visit(reading, "")?;
    Ok(Sorted { plain, evidence: sorter.evidence, choices: sorter.choices })
}

struct Sorter {
    default: (Vec<String>, Grade),
    evidence: Vec<Evidence>,
    choices: Vec<Choice>,
}

impl Sorter {
    fn visit(&mut self, node: &Node, path: &str) -> Result<Node, Problem> {
        match &node.value {
            Value::Table(entries) if is_choice(entries) => self.stated(node, path),
            Value::Table(entries) => {
                let mut out = Vec::with_capacity(entries.len());
                let group = self.default.clone();
                if let Some(sources) = node.get("sources") {
                    self.default.0 = texts(sources, &join(path, "sources"))?;
                }
                if let Some(word) = node.get("grade") {
                    self.default.1 = grade(word, &join(path, "grade"))?;
                }
                for (name, child) in entries {
                    if !path.is_empty() && matches!(name.as_str(), "sources" | "grade" | "note") {
                        continue;
                    }
                    out.push((name.clone(), self.visit(child, &join(path, name))?));
                }
                self.default = group;
                Ok(Node { place: node.place.clone(), value: Value::Table(out) })
            }
            Value::Array(items) if items.iter().any(|item| matches!(item.value, Value::Table(_))) => {
                let items =
                    items.iter().enumerate().map(|(index, item)| self.visit(item, &join(path, &index.to_string())));
                Ok(Node { place: node.place.clone(), value: Value::Array(items.collect::<Result<_, _>>()?) })
            }
            Value::String(word) if word == "unknown" => {
                let options = usual_alternatives(path).ok_or_else(|| {
                    Problem::new(&node.place, path, "nothing says what to try for this unknown value")
                        .help("write { unknown = [first, second, …] } with the alternatives to try")
                })?;
                let options =
                    options.into_iter().map(|value| Node { place: node.place.clone(), value }).collect::<Vec<_>>();
                let values = options.iter().map(|option| cited(option, &[], Grade::Unknown, "")).collect();
                Ok(self.open(path, options, values, false))
            }
            _ => {
                self.evidence.push(Evidence {
                    path: path.to_owned(),
                    values: vec![cited(node, &self.default.0, self.default.1, "")],
                    is_range: false,
                });
                Ok(node.clone())
            }
        }
    }

    fn stated(&mut self, node: &Node, path: &str) -> Result<Node, Problem> {
        node.only(path, &["value", "rivals", "unknown", "min", "max", "sources", "grade", "note"])?;
        let (sources, grade, note) = self.citation(node, path)?;
        if let Some(value) = node.get("value") {
            self.evidence.push(Evidence {
                path: path.to_owned(),
                values: vec![cited(value, &sources, grade, &note)],
                is_range: false,
            });
            return Ok(value.clone());
        }
        if let Some(rivals) = node.get("rivals") {
            let mut options = Vec::new();
            let mut values = Vec::new();
            for (index, rival) in rivals.as_array().unwrap_or_default().iter().enumerate() {
                let path = join(path, &format!("rivals.{index}"));
                rival.only(&path, &["value", "sources", "grade", "note"])?;
                let value = rival.get("value").ok_or_else(|| {
                    Problem::new(&rival.place, &path, "a rival without a value")
                        .help("write { value = …, sources = [\"…\"] }")
                })?;
                let (sources, grade, note) = self.citation(rival, &path)?;
                options.push(value.clone());
                values.push(cited(value, &sources, grade, &note));
            }
            if options.len() < 2 {
                return Err(Problem::new(&rivals.place, path, "rivals need at least two values")
                    .help("with one value write { value = …, sources = […] }"));
            }
            return Ok(self.open(path, options, values, false));
        }
        if let Some(unknown) = node.get("unknown") {
            let options = unknown.as_array().unwrap_or_default().to_vec();
            if options.is_empty() {
                return Err(Problem::new(&unknown.place, path, "no alternatives to try")
                    .help("write { unknown = [first, second, …] }"));
            }
            let values = options.iter().map(|option| cited(option, &sources, Grade::Unknown, &note)).collect();
            return Ok(self.open(path, options, values, false));
        }
        let (Some(min), Some(max)) = (node.get("min"), node.get("max")) else {
            return Err(
                Problem::new(&node.place, path, "a range needs both of its ends").help("write { min = …, max = … }")
            );
        };
        let numbers = (number(min), number(max));
        if !matches!(numbers, (Some(low), Some(high)) if low < high) {
            return Err(Problem::new(&node.place, path, format!("{min} to {max} is not a range"))
                .help("min and max must be numbers, min the smaller"));
        }
        let values = [min, max].map(|end| cited(end, &sources, grade, &note)).to_vec();
        Ok(self.open(path, vec![min.clone(), max.clone()], values, true))
    }

    fn open(&mut self, path: &str, options: Vec<Node>, values: Vec<CitedValue>, is_range: bool) -> Node {
        self.evidence.push(Evidence { path: path.to_owned(), values, is_range });
        let first = options[0].clone();
        self.choices.push(Choice { path: path.to_owned(), options });
        first
    }

    fn citation(&self, node: &Node, path: &str) -> Result<(Vec<String>, Grade, String), Problem> {
        let sources = match node.get("sources") {
            Some(sources) => texts(sources, &join(path, "sources"))?,
            None => self.default.0.clone(),
        };
        let grade = match node.get("grade") {
            Some(word) => grade(word, &join(path, "grade"))?,
            None => self.default.1,
        };
        let note = node.get("note").and_then(Node::as_str).unwrap_or_default().to_owned();
        Ok((sources, grade, note))
    }
}

fn cited(node: &Node, sources: &[String], grade: Grade, note: &str) -> CitedValue {
    CitedValue { text: node.to_string(), sources: sources.to_vec(), grade, note: note.to_owned() }
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        #[expect(clippy::cast_precision_loss, reason = "only compared")]
        Value::Integer(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// A list of texts, or one text.
pub(crate) fn texts(node: &Node, path: &str) -> Result<Vec<String>, Problem> {
    let wrong = |node: &Node| {
        Problem::new(&node.place, path, format!("found {}", node.kind()))
            .help("this must be text in quotes, or a list of them")
    };
    match &node.value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item))).collect()
        }
        _ => Err(wrong(node)),
    }
}

pub(crate) fn grade(node: &Node, path: &str) -> Result<Grade, Problem> {
    const WORDS: [&str; 4] = ["documented", "observed", "inferred", "unknown"];
    match node.as_str() {
        Some("documented") => Ok(Grade::Documented),
        Some("observed") => Ok(Grade::Observed),
        Some("inferred") => Ok(Grade::Inferred),
        Some("unknown") => Ok(Grade::Unknown),
        _ => Err(Problem::new(&node.place, path, format!("{node} is not a grade"))
            .help(closest(node.as_str().unwrap_or_default(), &WORDS))),
    }
}

/// What a bare `"unknown"` stands for, by the field's name.
fn usual_alternatives(path: &str) -> Option<Vec<Value>> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let texts = |words: &[&str]| Some(words.iter().map(|word| Value::String((*word).to_owned())).collect());
    let numbers = |list: &[i64]| Some(list.iter().map(|number| Value::Integer(*number)).collect());
    let never_or_at_once = || Some(vec![Value::String("never".to_owned()), Value::Integer(0)]);
    match name {
        "ends_wait_after_s"
        | "restarts_wait_after_s"
        | "restores_attempts_after_s"
        | "restores_rounds_after_s"
        | "ends_locked_out_after_s"
        | "battery_after_s"
        | "fuse_after_s"
        | "removal_after_s" => never_or_at_once(),
        "wait_s" => numbers(&[60, 3600, 86_400]),
        "length" => numbers(&[4, 5, 6]),
        "supported" | "opt_in" | "reflash" | "other_vehicle" | "bound_to_vin" | "opens" | "keyboard" | "door_reset" => {
            Some(vec![Value::Boolean(true), Value::Boolean(false)])
        }
        "afterwards" => texts(&["keeps", "clears-attempts", "clears-all"]),
        "entry" => texts(&["ignored", "refused", "restarts-wait", "charged"]),
        "on_interruption" => texts(&["pause", "restart", "harmless"]),
        "at_cut" => texts(&["any", "unit-on", "unit-off"]),
        "locked_out_after_attempts" | "locked_out_after_rounds" => {
            Some(vec![Value::String("never".to_owned()), Value::Integer(3), Value::Integer(10)])
        }
        _ => None,
    }
}
