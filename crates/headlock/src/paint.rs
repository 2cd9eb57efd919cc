//! How text looks: headings, wrapped sentences, marks. Colours are dropped by `anstream` where they do not belong.

use anstyle::{AnsiColor, Style};

/// Columns of running text.
const WIDTH: usize = 100;

/// A heading.
pub const HEADING: Style = Style::new().bold();
/// Good.
pub const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
/// Bad.
pub const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
/// Beside the point.
pub const FAINT: Style = Style::new().dimmed();

/// Prints a heading.
pub fn heading(text: &str) {
    anstream::println!("\n{HEADING}{text}{HEADING:#}");
}

/// Prints a sentence behind a mark, wrapped under itself.
pub fn item(mark: &str, text: &str) {
    let first = format!("  {mark} ");
    let rest = " ".repeat(first.chars().count());
    anstream::println!("{}", wrapped(text, &first, &rest));
}

/// Prints a sentence, wrapped, so deep.
pub fn indented(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    anstream::println!("{}", wrapped(text, &indent, &indent));
}

/// Prints a faint sentence, wrapped, so deep.
pub fn aside(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    anstream::println!("{FAINT}{}{FAINT:#}", wrapped(text, &indent, &indent));
}

fn wrapped(text: &str, first: &str, rest: &str) -> String {
    textwrap::fill(text, textwrap::Options::new(WIDTH).initial_indent(first).subsequent_indent(rest).break_words(false))
}

/// Sources in brackets, or nothing.
pub fn sources(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" [{}]", ids.join(", ")) }
}
