//! A TOML document as a tree that remembers where each value stood, so that an error can point at it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, closest};

/// The text of one catalogue file and its name.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As the user knows it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Bytes of the file.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column, both from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.file.text[..self.span.start.min(self.file.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (line, column)
    }
}

/// One value of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Yes or no.
    Boolean(bool),
    /// A list.
    Array(Vec<Node>),
    /// Named values, in the order of the file.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Parses one file.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        let file = Arc::new(SourceFile { name: name.to_owned(), text: text.to_owned() });
        let parsed = DeTable::parse(&file.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            Problem::new(&Place { file: Arc::clone(&file), span }, "", error.message().to_owned())
                .help("no valid TOML from here on; docs/catalogue.md has a whole unit to start from")
        })?;
        let span = parsed.span();
        table(&file, span, parsed.get_ref())
    }

    /// The value under `key`, if this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value at a dotted path; array elements by their index.
    pub(crate) fn at(&self, path: &str) -> Option<&Node> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('.').try_fold(self, |node, part| match &node.value {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => node.get(part),
        })
    }

    /// Sets the value at a dotted path, making tables on the way.
    pub(crate) fn set(&mut self, path: &str, new: Node) -> Result<(), Problem> {
        let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
        let place = self.place.clone();
        match &mut self.value {
            Value::Table(entries) => {
                let index = entries.iter().position(|(name, _)| name == head).unwrap_or_else(|| {
                    entries.push((head.to_owned(), Node { place: new.place.clone(), value: Value::Table(Vec::new()) }));
                    entries.len() - 1
                });
                match rest {
                    None => entries[index].1 = new,
                    Some(rest) => entries[index].1.set(rest, new)?,
                }
                Ok(())
            }
            Value::Array(items) => {
                let count = items.len();
                let item = head.parse::<usize>().ok().and_then(|index| items.get_mut(index));
                match (item, rest) {
                    (Some(item), None) => *item = new,
                    (Some(item), Some(rest)) => item.set(rest, new)?,
                    (None, _) => {
                        return Err(Problem::new(
                            &new.place,
                            path,
                            format!("there is no element `{head}` in this list"),
                        )
                        .help(format!("it has {count}, counted from 0")));
                    }
                }
                Ok(())
            }
            _ => Err(Problem::new(&place, path, format!("`{head}` cannot be set: this is {}", self.kind()))
                .help("give the path of a value that the reading has or may have, as in docs/catalogue.md")),
        }
    }

    /// Removes the value at a dotted path; false if there is none.
    pub(crate) fn remove(&mut self, path: &str) -> bool {
        let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
        let Value::Table(entries) = &mut self.value else { return false };
        let Some(index) = entries.iter().position(|(name, _)| name == head) else { return false };
        match rest {
            Some(rest) => entries[index].1.remove(rest),
            None => {
                entries.remove(index);
                true
            }
        }
    }

    /// This table with `child`'s values over its own; lists are replaced whole.
    #[must_use]
    pub(crate) fn overlaid_with(&self, child: &Node) -> Node {
        match (&self.value, &child.value) {
            (Value::Table(base), Value::Table(over)) if !is_choice(base) && !is_choice(over) => {
                let mut merged = base.clone();
                for (name, node) in over {
                    match merged.iter_mut().find(|(existing, _)| existing == name) {
                        Some((_, slot)) if is_gesture(name) => *slot = node.clone(),
                        Some((_, slot)) => *slot = slot.overlaid_with(node),
                        None => merged.push((name.clone(), node.clone())),
                    }
                }
                Node { place: child.place.clone(), value: Value::Table(merged) }
            }
            _ => child.clone(),
        }
    }

    /// Hashes what is said, wherever it stands.
    pub(crate) fn hash_value(&self, hasher: &mut impl Hasher) {
        match &self.value {
            Value::String(text) => text.hash(hasher),
            Value::Integer(number) => number.hash(hasher),
            Value::Float(number) => number.to_bits().hash(hasher),
            Value::Boolean(yes) => yes.hash(hasher),
            Value::Array(items) => {
                items.len().hash(hasher);
                items.iter().for_each(|item| item.hash_value(hasher));
            }
            Value::Table(entries) => {
                entries.len().hash(hasher);
                for (name, node) in entries {
                    name.hash(hasher);
                    node.hash_value(hasher);
                }
            }
        }
    }

    /// What kind of value this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub(crate) fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a table.
    pub(crate) fn as_table(&self) -> Option<&[(String, Node)]> {
        match &self.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// Refuses every key of this table that is not in `known`.
    pub(crate) fn only(&self, path: &str, known: &[&str]) -> Result<(), Problem> {
        for (name, node) in self.as_table().unwrap_or_default() {
            if !known.contains(&name.as_str()) {
                let problem = Problem::new(&node.place, &join(path, name), format!("unknown field `{name}`"));
                return Err(problem.help(closest(name, known)));
            }
        }
        Ok(())
    }
}

/// One line, as it would stand in a file.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::String(text) => write!(f, "{text:?}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number}"),
            Value::Boolean(yes) => write!(f, "{yes}"),
            Value::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Value::Table(entries) => {
                f.write_str("{ ")?;
                for (index, (name, node)) in entries.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{name} = {node}")?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Whether a field holds a gesture, which is replaced whole when a reading is based on another.
fn is_gesture(name: &str) -> bool {
    matches!(name, "gesture" | "confirm" | "open_with" | "restart")
}

/// Whether a table states a value with its evidence, or several, rather than a group of values.
pub(crate) fn is_choice(entries: &[(String, Node)]) -> bool {
    entries.iter().any(|(name, _)| matches!(name.as_str(), "value" | "rivals" | "unknown" | "min" | "max"))
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn table(file: &Arc<SourceFile>, span: Range<usize>, entries: &DeTable<'_>) -> Result<Node, Problem> {
    let mut out = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        out.push((key.get_ref().to_string(), node(file, value.span(), value.get_ref())?));
    }
    Ok(Node { place: Place { file: Arc::clone(file), span }, value: Value::Table(out) })
}

fn node(file: &Arc<SourceFile>, span: Range<usize>, value: &DeValue<'_>) -> Result<Node, Problem> {
    let place = Place { file: Arc::clone(file), span: span.clone() };
    let bad = |what: &str, help: &str| Problem::new(&place, "", what.to_owned()).help(help);
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                .map_err(|_| bad("this number is too large", "whole numbers go to 9,223,372,036,854,775,807"))?,
        ),
        DeValue::Float(number) => Value::Float(
            number.as_str().replace('_', "").parse().map_err(|_| bad("this is not a number", "write it like 12.4"))?,
        ),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(_) => {
            return Err(bad("the catalogue holds no dates", "put a year as a number, or a date as text in quotes"));
        }
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| node(file, item.span(), item.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => return table(file, span, entries),
    };
    Ok(Node { place, value })
}
