//! From the text of a script to its rows.

use headlock_profile::closest;

use super::event::Event;
use super::expect::Expectation;
use super::hidden::Hidden;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// As written, without its comment.
    pub text: String,
    /// What it says.
    pub step: Step,
}

/// What a row says.
#[derive(Clone, Debug)]
pub enum Step {
    /// Start a unit.
    Unit(UnitRow),
    /// More of the catalogue.
    Define(String),
    /// A value of the next unit's reading is another.
    With {
        /// Which.
        path: String,
        /// As TOML.
        value: String,
    },
    /// Things happen, and are expected.
    Do {
        /// What happens.
        events: Vec<Event>,
        /// What must hold then.
        expected: Vec<Expectation>,
    },
}

/// The row that starts a unit.
#[derive(Clone, Debug, Default)]
pub struct UnitRow {
    /// Its id.
    pub id: String,
    /// The reading, or `each`.
    pub reading: Option<String>,
    /// The case, from 1, or `each`.
    pub case: Option<String>,
    /// Its serial, and the numbers that belong to it.
    pub serials: Vec<String>,
    /// Its codes.
    pub codes: Vec<Hidden>,
    /// The codes of further locks.
    pub other_codes: Vec<Hidden>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// It asks for its code from the start.
    pub locked: bool,
    /// It adopts the first vehicle that it meets.
    pub unpaired: bool,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: usize,
    /// The word in that line, if it is about one.
    pub word: String,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub help: String,
}

impl Wrong {
    pub(super) fn new(word: &str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line: 0, word: word.to_owned(), what: what.into(), help: help.into() }
    }

    pub(super) const fn at(mut self, line: usize) -> Self {
        self.line = line;
        self
    }
}

/// A word of a row; quoted ones are never keywords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// Reads a script.
///
/// # Errors
/// The first row that cannot be understood.
pub fn parse(text: &str) -> Result<Vec<Row>, Wrong> {
    let mut rows = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, raw)) = lines.next() {
        let line = index + 1;
        let bare = without_comment(raw).trim();
        if bare.is_empty() {
            continue;
        }
        if bare == "define" {
            let mut toml = String::new();
            loop {
                match lines.next() {
                    Some((_, row)) if row.trim() == "end" => break,
                    Some((_, row)) => {
                        toml.push_str(row);
                        toml.push('\n');
                    }
                    None => {
                        return Err(
                            Wrong::new("define", "`define` without its `end`", "close it with a row `end`").at(line)
                        );
                    }
                }
            }
            rows.push(Row { line, text: bare.to_owned(), step: Step::Define(toml) });
            continue;
        }
        let step = row(bare).map_err(|wrong| wrong.at(line))?;
        rows.push(Row { line, text: bare.to_owned(), step });
    }
    Ok(rows)
}

/// Reads the events of one row, as the panel's plain mode takes them.
///
/// # Errors
/// What cannot be understood.
pub fn parse_events(text: &str) -> Result<Vec<Event>, Wrong> {
    events(without_comment(text).trim())
}

fn row(text: &str) -> Result<Step, Wrong> {
    if let Some(rest) = text.strip_prefix("with ") {
        let (path, value) = rest
            .split_once('=')
            .ok_or_else(|| Wrong::new("with", "`with` without a value", "like: with tries.round = 5"))?;
        return Ok(Step::With { path: path.trim().to_owned(), value: value.trim().to_owned() });
    }
    let (left, right) = split_arrow(text);
    let first = split_commas(left).first().copied().unwrap_or_default();
    if let Some(rest) = left.strip_prefix("unit ")
        && !matches!(first.strip_prefix("unit ").map(str::trim), Some("in" | "out"))
    {
        if right.is_some() {
            return Err(Wrong::new(
                "->",
                "nothing can be expected of a row that starts a unit",
                "put the expectation behind the first event",
            ));
        }
        return Ok(Step::Unit(unit_row(rest)?));
    }
    let expected = match right {
        Some(right) => super::expect::parse(&words(right)?)?,
        None => Vec::new(),
    };
    Ok(Step::Do { events: events(left)?, expected })
}

fn events(text: &str) -> Result<Vec<Event>, Wrong> {
    split_commas(text).into_iter().map(|part| super::event::parse(&words(part)?)).collect()
}

fn unit_row(rest: &str) -> Result<UnitRow, Wrong> {
    const FIELDS: [&str; 8] = ["reading", "case", "serial", "code", "other-code", "firmware", "locked", "unpaired"];
    let words = words(rest)?;
    let mut words = words.into_iter().map(|word| word.text);
    let mut row = UnitRow { id: words.next().unwrap_or_default(), ..UnitRow::default() };
    while let Some(field) = words.next() {
        match field.as_str() {
            "locked" => {
                row.locked = true;
                continue;
            }
            "unpaired" => {
                row.unpaired = true;
                continue;
            }
            _ => {}
        }
        if !FIELDS.contains(&field.as_str()) {
            return Err(Wrong::new(&field, format!("`{field}` is not known behind `unit`"), closest(&field, &FIELDS)));
        }
        let value = words
            .next()
            .ok_or_else(|| Wrong::new(&field, format!("`{field}` without a value"), format!("like: {field} …")))?;
        match field.as_str() {
            "reading" => row.reading = Some(value),
            "case" => row.case = Some(value),
            "serial" => row.serials.push(value),
            "code" => row.codes.push(Hidden::new(value)),
            "other-code" => row.other_codes.push(Hidden::new(value)),
            _ => row.firmware = Some(value),
        }
    }
    Ok(row)
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted && before.is_whitespace() => return &line[..index],
            _ => {}
        }
        before = c;
    }
    line
}

fn split_arrow(text: &str) -> (&str, Option<&str>) {
    let mut quoted = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '-' if !quoted && text[index..].starts_with("->") => {
                return (text[..index].trim(), Some(text[index + 2..].trim()));
            }
            _ => {}
        }
    }
    (text, None)
}

fn split_commas(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (index, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn words(text: &str) -> Result<Vec<Word>, Wrong> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('"') {
            let end = inside
                .find('"')
                .ok_or_else(|| Wrong::new(rest, "a text in quotes that does not end", "close it with \""))?;
            out.push(Word { text: inside[..end].to_owned(), quoted: true });
            rest = inside[end + 1..].trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            out.push(Word { text: rest[..end].to_owned(), quoted: false });
            rest = rest[end..].trim_start();
        }
    }
    Ok(out)
}
