//! How text looks: headings, wrapped sentences, marks. Colours are dropped by `anstream` where they do not belong.

use std::io::Write;

use anstyle::{AnsiColor, Style};

/// Prints a line. A reader that has gone, as `| head` does, ends the program quietly.
macro_rules! say {
    ($($part:tt)*) => { $crate::paint::line(&format!($($part)*)) };
}
pub(crate) use say;

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

/// Prints one line; ends the program when nobody reads any more.
pub fn line(text: &str) {
    if writeln!(anstream::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints bytes as they are; ends the program when nobody reads any more.
pub fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout();
    if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a heading.
pub fn heading(text: &str) {
    say!("\n{HEADING}{}{HEADING:#}", wrapped(text, "", ""));
}

/// Prints a sentence behind a mark, wrapped under itself.
pub fn item(mark: &str, text: &str) {
    let first = format!("  {mark} ");
    let rest = " ".repeat(first.chars().count());
    say!("{}", wrapped(text, &first, &rest));
}

/// Prints a sentence, wrapped, so deep.
pub fn indented(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    say!("{}", wrapped(text, &indent, &indent));
}

/// Prints a faint sentence, wrapped, so deep.
pub fn aside(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    say!("{FAINT}{}{FAINT:#}", wrapped(text, &indent, &indent));
}

fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        // Ids, paths and options are copied: they break at spaces only.
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// Sources in brackets, or nothing.
pub fn sources(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" [{}]", ids.join(", ")) }
}
