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

/// Prints one line.
pub fn line(text: &str) {
    if let Err(why) = writeln!(anstream::stdout(), "{text}") {
        unwritten(&why);
    }
}

/// Prints bytes as they are.
pub fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout();
    if let Err(why) = out.write_all(bytes).and_then(|()| out.flush()) {
        unwritten(&why);
    }
}

/// Ends the program: quietly when nobody reads any more, with exit code 4 when the answer could not be written, as on a full disk.
fn unwritten(why: &std::io::Error) -> ! {
    if why.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    // Nothing is left to try if this cannot be told either.
    let _ = writeln!(anstream::stderr(), "cannot write the answer: {why}; make room, and ask again");
    std::process::exit(4);
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
