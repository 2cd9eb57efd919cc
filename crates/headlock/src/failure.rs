//! What stops a command, painted for people or put into JSON, and the exit code it leaves with.

use std::process::ExitCode;

use headlock_profile::Problem;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::script::Wrong;
use crate::store::StoreError;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was done, and the answer is no.
    No,
    /// Bad input, told already.
    Told,
    /// Something on the command line is wrong.
    Input {
        /// What and where.
        what: String,
        /// What would be right.
        help: String,
    },
    /// An adapter, a car, or the line to it.
    Link {
        /// A word for machines.
        word: &'static str,
        /// What.
        what: String,
        /// What can be done.
        help: String,
    },
    /// The catalogue is wrong.
    Catalog(Box<[Problem]>),
    /// A script is wrong.
    Script {
        /// The file.
        file: String,
        /// Its text.
        text: String,
        /// What is wrong with it.
        wrong: Box<Wrong>,
    },
}

impl Failure {
    /// Breaks messages at spaces only: ids, paths and options are copied from them.
    pub fn paint_plainly() {
        // Set once, at the start of the program; a second call changes nothing.
        let _ = miette::set_hook(Box::new(|_| {
            Box::new(
                miette::MietteHandlerOpts::new()
                    .break_words(false)
                    .word_separator(textwrap::WordSeparator::AsciiSpace)
                    .word_splitter(textwrap::WordSplitter::NoHyphenation)
                    .build(),
            )
        }));
    }

    /// Bad input.
    pub fn input(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Input { what: what.into(), help: help.into() }
    }

    /// 1 for no, 2 for bad input, 3 for a bad catalogue, 5 for an adapter or a car.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::No => 1,
            Self::Told | Self::Input { .. } | Self::Script { .. } => 2,
            Self::Catalog(_) => 3,
            Self::Link { .. } => 5,
        })
    }

    /// Prints it to standard error; as JSON to standard output if `json`.
    pub fn print(&self, json: bool) {
        if json {
            if let Some(value) = self.json() {
                crate::paint::say!("{value:#}");
            }
            return;
        }
        for report in self.reports() {
            anstream::eprintln!("{report:?}");
        }
    }

    fn json(&self) -> Option<serde_json::Value> {
        use serde_json::json;
        Some(match self {
            Self::No | Self::Told => return None,
            Self::Input { what, help } => json!({ "error": { "what": what, "help": help } }),
            Self::Link { word, what, help } => json!({ "error": { "kind": word, "what": what, "help": help } }),
            Self::Script { file, wrong, .. } => {
                json!({ "error": { "file": file, "line": wrong.line, "what": wrong.what, "help": wrong.help } })
            }
            Self::Catalog(problems) => {
                let all: Vec<_> = problems
                    .iter()
                    .map(|p| {
                        let (line, column) = p.place.line_and_column();
                        json!({ "file": p.place.file.name, "line": line, "column": column, "field": p.field, "what": p.what, "help": p.help })
                    })
                    .collect();
                json!({ "error": { "what": "the catalogue cannot be used", "problems": all } })
            }
        })
    }

    fn reports(&self) -> Vec<Report> {
        match self {
            Self::No | Self::Told => Vec::new(),
            Self::Input { what, help } | Self::Link { what, help, .. } => {
                vec![Report::new(with_help(MietteDiagnostic::new(what), help))]
            }
            Self::Script { file, text, wrong } => {
                let mut diagnostic =
                    with_help(MietteDiagnostic::new(format!("{file}:{}: {}", wrong.line, wrong.what)), &wrong.help);
                if let Some(span) = span_of(text, wrong) {
                    diagnostic = diagnostic.with_label(span);
                }
                vec![Report::new(diagnostic).with_source_code(NamedSource::new(file, text.clone()))]
            }
            Self::Catalog(problems) => problems.iter().map(problem_report).collect(),
        }
    }
}

fn problem_report(problem: &Problem) -> Report {
    let (line, column) = problem.place.line_and_column();
    let file = &problem.place.file;
    let field = if problem.field.is_empty() { String::new() } else { format!("{}: ", problem.field) };
    let title = format!("{}:{line}:{column}: {field}{}", file.name, problem.what);
    let mut diagnostic = with_help(MietteDiagnostic::new(title), &problem.help);
    if file.text.is_empty() {
        return Report::new(diagnostic);
    }
    let start = problem.place.span.start.min(file.text.len());
    let length = problem.place.span.len().min(file.text[start..].lines().next().map_or(0, str::len)).max(1);
    diagnostic = diagnostic.with_label(LabeledSpan::at(start..start + length, "here"));
    Report::new(diagnostic).with_source_code(NamedSource::new(&file.name, file.text.clone()))
}

fn with_help(diagnostic: MietteDiagnostic, help: &str) -> MietteDiagnostic {
    if help.is_empty() { diagnostic } else { diagnostic.with_help(help) }
}

fn span_of(text: &str, wrong: &Wrong) -> Option<LabeledSpan> {
    let line = text.lines().nth(wrong.line.checked_sub(1)?)?;
    let start = text.lines().take(wrong.line - 1).map(|l| l.len() + 1).sum::<usize>();
    let within = if wrong.word.is_empty() { None } else { line.find(&wrong.word) };
    let (offset, length) = within.map_or((0, line.trim_end().len()), |at| (at, wrong.word.len()));
    Some(LabeledSpan::at(start + offset..start + offset + length.max(1), "here"))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::input(error.to_string(), "name a folder with .toml files that you may read")
    }
}

impl From<headlock_link::host::StateError> for Failure {
    fn from(error: headlock_link::host::StateError) -> Self {
        Self::input(error.to_string(), "a file that this unit may keep its state in, on a disk with room")
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Catalog(problems.into_boxed_slice())
    }
}
