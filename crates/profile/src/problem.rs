//! What is wrong with a catalogue: file, line, field, what, and what would be right.

use std::fmt;
use std::sync::Arc;

use crate::node::{Place, SourceFile};

/// One thing wrong with a file.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The dotted path of the field; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What would be right; empty if that goes without saying.
    pub help: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(place: &Place, field: &str, what: impl Into<String>) -> Self {
        Self { place: place.clone(), field: field.to_owned(), what: what.into(), help: String::new() }
    }

    /// A problem with a file as a whole.
    pub fn in_file(name: &str, what: impl Into<String>) -> Self {
        let file = Arc::new(SourceFile { name: name.to_owned(), text: String::new() });
        Self::new(&Place { file, span: 0..0 }, "", what)
    }

    /// The same, with what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place.line_and_column();
        write!(f, "{}:{line}:{column}: ", self.place.file.name)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.what)?;
        if !self.help.is_empty() {
            write!(f, " ({})", self.help)?;
        }
        Ok(())
    }
}

/// "did you mean …" for a word that is nearly one of `known`, or the whole list.
pub fn closest(word: &str, known: &[&str]) -> String {
    let best = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}
