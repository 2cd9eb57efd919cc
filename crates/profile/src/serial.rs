//! Serial numbers: which numbers identify a unit, how a label or a screen distorts them, and what is asked about.

use regex_lite::Regex;
use serde::Deserialize;

use crate::shape::Shape;

/// One number that identifies a unit of this model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialSpec {
    /// What the papers call it.
    #[serde(default = "serial")]
    pub name: String,
    /// A regular expression for the whole number, after `cleaned_by`.
    pub pattern: String,
    /// One that fits.
    pub example: Option<String>,
    /// What is done to what the label says before it is compared, in order.
    #[serde(default)]
    pub cleaned_by: Vec<Cleaning>,
    /// Which part of it counts for the code; absent for all.
    pub counts: Option<Fragment>,
    /// Other numbers that are needed with it.
    #[serde(default)]
    pub together_with: Vec<CompanionSpec>,
    /// The part that the unit's display shows; absent for all.
    pub shown: Option<Fragment>,
    /// Characters for each screen, where the unit shows it in parts.
    #[serde(default)]
    pub screens: Vec<ScreenSpec>,
    /// Letters that the unit's display shows otherwise, or not at all: pairs of what is meant and what is shown.
    #[serde(default)]
    pub shown_as: Vec<(char, String)>,
}

/// One part of a number on a display.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this must be a number of characters, or { prefix = \"U\", characters = 4 }")]
pub enum ScreenSpec {
    /// So many characters.
    Characters(usize),
    /// The same behind a mark.
    Marked {
        /// What stands before them.
        prefix: String,
        /// How many.
        characters: usize,
    },
}

/// A text in parts, as displays show it; what is left over comes last.
pub fn in_parts(text: &str, screens: &[ScreenSpec]) -> Vec<String> {
    if screens.is_empty() {
        return vec![text.to_owned()];
    }
    let mut rest: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    for screen in screens {
        let (prefix, size) = match screen {
            ScreenSpec::Characters(size) => ("", *size),
            ScreenSpec::Marked { prefix, characters } => (prefix.as_str(), *characters),
        };
        let tail = rest.split_off(size.min(rest.len()));
        let part: String = std::mem::replace(&mut rest, tail).into_iter().collect();
        if !part.is_empty() {
            out.push(format!("{prefix}{part}"));
        }
    }
    if !rest.is_empty() {
        out.push(rest.into_iter().collect());
    }
    out
}

/// A second number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanionSpec {
    /// What the papers call it.
    pub name: String,
    /// A regular expression for the whole number.
    pub pattern: String,
    /// One that fits.
    pub example: Option<String>,
}

/// What is done to a number as written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cleaning {
    /// Spaces go.
    Spaces,
    /// Hyphens, dots and slashes go.
    Punctuation,
    /// Letters become capitals.
    Capitals,
    /// Zeros at the front go.
    LeadingZeros,
    /// Letters at the front go.
    LeadingLetters,
}

/// A part of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// The first characters.
    pub first: Option<usize>,
    /// The last characters.
    pub last: Option<usize>,
}

fn serial() -> String {
    "serial".to_owned()
}

/// What comparing a number with a pattern gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is one.
    Fits,
    /// It would be one if these look-alikes were misread. Never corrected silently: asked about.
    Misread {
        /// The number as it would fit.
        read_as: String,
    },
    /// It would be one with more characters behind it.
    Incomplete,
    /// It is none.
    No,
}

impl SerialSpec {
    /// The number as it is compared.
    pub fn cleaned(&self, written: &str) -> String {
        let mut text = String::new();
        clean(&self.cleaned_by, written, &mut text);
        text
    }

    /// The same description, ready to be asked of many numbers.
    ///
    /// # Errors
    /// The pattern is no regular expression; a catalogue that has loaded holds no such pattern.
    pub fn checker(&self) -> Result<SerialChecker, BadPattern> {
        let shape = Shape::new(&self.pattern).map_err(|_| BadPattern)?;
        Ok(SerialChecker { cleaned_by: self.cleaned_by.clone(), shape })
    }

    /// Whether a number as written is one of this pattern.
    pub fn fit(&self, written: &str) -> Fit {
        fit(&self.pattern, &self.cleaned(written))
    }

    /// The part that counts for the code.
    pub fn counted(&self, written: &str) -> String {
        part(self.counts, self.cleaned(written))
    }

    /// The number as the unit's display shows it, one text for each screen.
    pub fn shown(&self, written: &str) -> Vec<String> {
        let shown: String = part(self.shown, self.cleaned(written))
            .chars()
            .map(|c| {
                self.shown_as.iter().find(|(meant, _)| *meant == c).map_or_else(|| c.to_string(), |(_, s)| s.clone())
            })
            .collect();
        in_parts(&shown, &self.screens)
    }
}

/// The pattern of a serial is no regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern of a serial is no regular expression")]
pub struct BadPattern;

/// A [`SerialSpec`] with its pattern compiled: the same answers, for many numbers.
#[derive(Clone, Debug)]
pub struct SerialChecker {
    cleaned_by: Vec<Cleaning>,
    shape: Shape,
}

impl SerialChecker {
    /// Puts the number as it is compared in place of what `out` held.
    pub fn clean_into(&self, written: &str, out: &mut String) {
        clean(&self.cleaned_by, written, out);
    }

    /// Whether a number, cleaned already, is one of this pattern: [`SerialChecker::fit`] is [`Fit::Fits`].
    pub fn fits(&self, cleaned: &str) -> bool {
        self.shape.is_match(cleaned)
    }

    /// How a number, cleaned already, compares with the pattern.
    pub fn fit(&self, cleaned: &str) -> Fit {
        if self.fits(cleaned) { Fit::Fits } else { misfit(&self.shape.regex, cleaned) }
    }
}

/// A pattern for a whole text with its regular expression compiled once.
#[derive(Clone, Debug)]
pub struct TextPattern(Shape);

impl TextPattern {
    /// Compiles a pattern of the catalogue.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn new(pattern: &str) -> Result<Self, BadPattern> {
        Shape::new(pattern).map(Self).map_err(|_| BadPattern)
    }

    /// Whether the whole of `text` is of this pattern.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn clean(cleaned_by: &[Cleaning], written: &str, out: &mut String) {
    out.clear();
    out.push_str(written.trim());
    for cleaning in cleaned_by {
        match cleaning {
            Cleaning::Spaces => out.retain(|c| !c.is_whitespace()),
            Cleaning::Punctuation => out.retain(|c| !matches!(c, '-' | '.' | '/')),
            Cleaning::Capitals => out.make_ascii_uppercase(),
            Cleaning::LeadingZeros => drop_front(out, |c| c == '0'),
            Cleaning::LeadingLetters => drop_front(out, |c| c.is_ascii_alphabetic()),
        }
    }
}

fn drop_front(text: &mut String, goes: impl Fn(char) -> bool) {
    let kept = text.trim_start_matches(goes).len();
    text.drain(..text.len() - kept);
}

fn part(fragment: Option<Fragment>, number: String) -> String {
    let length = number.chars().count();
    match fragment {
        Some(Fragment { last: Some(n), .. }) => number.chars().skip(length.saturating_sub(n)).collect(),
        Some(Fragment { first: Some(n), .. }) => number.chars().take(n).collect(),
        _ => number,
    }
}

impl CompanionSpec {
    /// Whether a number as written is one of this pattern.
    pub fn fit(&self, written: &str) -> Fit {
        fit(&self.pattern, written.trim())
    }
}

/// Compares a whole number with a pattern.
pub(crate) fn fit(pattern: &str, number: &str) -> Fit {
    let Ok(regex) = whole(pattern) else { return Fit::No };
    if regex.is_match(number) { Fit::Fits } else { misfit(&regex, number) }
}

/// What a number that does not fit comes nearest to.
fn misfit(regex: &Regex, number: &str) -> Fit {
    if let Some(read_as) = misreadings(number).into_iter().find(|read| regex.is_match(read)) {
        return Fit::Misread { read_as };
    }
    if is_beginning(regex, number) { Fit::Incomplete } else { Fit::No }
}

/// Whether some digits or letters behind it would make it fit.
fn is_beginning(regex: &Regex, number: &str) -> bool {
    const SHORTEST: usize = 2;
    const MORE: usize = 16;
    number.chars().count() >= SHORTEST
        && (1..=MORE)
            .any(|more| ["0", "A"].iter().any(|filler| regex.is_match(&format!("{number}{}", filler.repeat(more)))))
}

/// A regular expression for the whole of a text.
pub(crate) fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// The number with look-alikes read the other way: each letter alone, then all of them, in either direction.
fn misreadings(number: &str) -> Vec<String> {
    const ALIKE: [(char, char); 5] = [('O', '0'), ('I', '1'), ('B', '8'), ('S', '5'), ('Z', '2')];
    let upper = number.to_ascii_uppercase();
    let mut out = vec![upper.clone()];
    for (letter, digit) in ALIKE {
        for (from, to) in [(letter, digit), (digit, letter)] {
            for (index, _) in upper.match_indices(from) {
                let mut one = upper.clone();
                one.replace_range(index..=index, &to.to_string());
                out.push(one);
            }
        }
    }
    // Behind the letters at the front a serial is mostly digits.
    let front = upper.chars().take_while(char::is_ascii_alphabetic).count().min(2);
    let tail: String = upper
        .chars()
        .enumerate()
        .map(|(i, c)| if i < front { c } else { ALIKE.iter().find(|(l, _)| *l == c).map_or(c, |(_, d)| *d) })
        .collect();
    out.push(tail);
    out.retain(|candidate| candidate != number);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(pattern: &str) -> SerialSpec {
        SerialSpec {
            name: serial(),
            pattern: pattern.to_owned(),
            example: None,
            cleaned_by: vec![Cleaning::Spaces, Cleaning::Capitals],
            counts: Some(Fragment { first: None, last: Some(4) }),
            together_with: Vec::new(),
            shown: None,
            screens: vec![ScreenSpec::Characters(4), ScreenSpec::Characters(4)],
            shown_as: vec![('L', "1".to_owned()), ('K', String::new())],
        }
    }

    #[test]
    fn a_letter_o_for_a_zero_is_asked_about_and_never_corrected() {
        let cl = spec("CL[0-9]{8}");
        assert_eq!(cl.fit("CL12345678"), Fit::Fits);
        assert_eq!(cl.fit("cl 1234 5678"), Fit::Fits);
        assert_eq!(cl.fit("CL1234567O"), Fit::Misread { read_as: "CL12345670".to_owned() });
        assert_eq!(cl.fit("CLO2345678"), Fit::Misread { read_as: "CL02345678".to_owned() });
        assert_eq!(cl.fit("CLO234567O"), Fit::Misread { read_as: "CL02345670".to_owned() });
        assert_eq!(cl.fit("XX12345678"), Fit::No);
        assert_eq!(cl.fit("CL"), Fit::Incomplete);
        assert_eq!(cl.fit("CL1234"), Fit::Incomplete);
        assert_eq!(cl.fit("CL123456789"), Fit::No);
    }

    #[test]
    fn a_checker_answers_as_its_description_does() {
        for pattern in ["CL[0-9]{8}", "CL.*[0-9]{3}", "(CL|PA)[0-9X]{4,8}"] {
            let mut cl = spec(pattern);
            for cleaned_by in [
                vec![],
                vec![Cleaning::Spaces, Cleaning::Punctuation, Cleaning::Capitals],
                vec![Cleaning::LeadingZeros, Cleaning::LeadingLetters],
            ] {
                cl.cleaned_by = cleaned_by;
                let checker = cl.checker().unwrap();
                let mut cleaned = "left from before".to_owned();
                for written in
                    ["CL12345678", " cl 1234-5678", "CL1234567O", "00CL12345678", "C", "CL", "XX1", "", "ÄCL12345678"]
                {
                    checker.clean_into(written, &mut cleaned);
                    assert_eq!(cleaned, cl.cleaned(written), "{written:?}");
                    assert_eq!(checker.fit(&cleaned), cl.fit(written), "{written:?} and {pattern}");
                }
            }
        }
    }

    #[test]
    fn a_screen_shows_parts_and_loses_letters() {
        let cl = spec("CLK[0-9]{5}");
        assert_eq!(cl.shown("CLK12345"), ["C112", "345"]);
        assert_eq!(cl.counted("CLK12345"), "2345");
    }
}
