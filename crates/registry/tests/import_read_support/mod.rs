//! A catalogue of fictional units, tables on disk, and what came of them as text.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use headlock_profile::{Catalog, File};
use headlock_registry::import::{Chunk, OpenError, Options, Record, Row, Source};

/// Several ways of codes and serials in one unit: letters in serials, firmware, and a panel that lacks keys.
const SPAN: &str = r#"
id = "acme/span"
name = "Span"
summary = "Two firmwares, two lengths, and a panel of six keys."
sources = ["example"]
grade = "documented"

[[serial]]
pattern = "SP[0-9A-Z]{6}"
example = "SP000001"
cleaned_by = ["spaces", "punctuation", "capitals"]

[[reading]]
id = "early"
title = "early firmware"
sources = ["example"]
grade = "documented"
firmware = { to = "1.99" }
code = { alphabet = "0123456789", length = 4 }
entry = { style = "key-is-digit", keys = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }

[[reading]]
id = "late"
title = "late firmware"
sources = ["example"]
grade = "documented"
firmware = { from = "2.0", to = "2.99" }
code = { alphabet = "123456", length = 6 }
entry = { style = "key-is-digit", keys = ["1", "2", "3", "4", "5", "6"] }
"#;

/// Two keys turn the places as hours and minutes.
const DIALS: &str = r#"
id = "acme/hours"
name = "Hours"
summary = "A code that is set as a clock is."
sources = ["example"]
grade = "documented"

[[serial]]
pattern = "AH[0-9]{6}"
example = "AH000001"

[[reading]]
id = "manual"
title = "the manual"
sources = ["example"]
grade = "documented"
code = { alphabet = ["012", "0123456789", "012345", "0123456789"] }

[reading.entry]
style = "dials"
dials = [{ key = "H", places = [1, 2], modulo = 24 }, { key = "M", places = [3, 4], modulo = 60 }]
initial = "0"
confirm = { keys = ["H", "M"], hold_ms = 1500 }
"#;

/// All of them.
pub(crate) static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = [("units/acme/span.toml", SPAN), ("units/acme/hours.toml", DIALS)];
    let mut texts: Vec<(String, String)> = own.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    for folder in ["catalog", "tests/catalog"] {
        read_below(&root.join(folder), &mut texts);
    }
    texts.sort();
    Catalog::load(texts.iter().map(|(name, text)| File { name, text })).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
});

fn read_below(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("policies") {
            read_below(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A file with this content.
pub(crate) fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

pub(crate) fn source(file: &tempfile::NamedTempFile) -> Result<Source, OpenError> {
    Source::open(file.path(), None, &mut |_| {})
}

/// All chunks of a file that can be read to its end.
pub(crate) fn chunks(content: &[u8], options: &Options) -> Vec<Chunk<'static>> {
    let file = file(content);
    let mut rows = source(&file).unwrap().rows(&CATALOG, options).unwrap();
    let mut out = Vec::new();
    while let Some(chunk) = rows.next_chunk().unwrap() {
        out.push(chunk);
    }
    out
}

/// Why a table is not opened, in words.
pub(crate) fn refusal(content: &[u8], options: &Options) -> String {
    let file = file(content);
    let opened = source(&file).and_then(|source| source.rows(&CATALOG, options));
    opened.err().map_or_else(|| "opened".to_owned(), |why| why.to_string())
}

/// Each row in one line. Codes are revealed, for comparison.
pub(crate) fn lines(chunks: &[Chunk<'_>]) -> Vec<String> {
    chunks.iter().flat_map(|chunk| &chunk.rows).map(line).collect()
}

fn line(row: &Row<'_>) -> String {
    match row {
        Row::Bad(bad) => bad.to_string(),
        Row::Record(record) => said(record),
    }
}

fn said(record: &Record<'_>) -> String {
    let parts = [
        record.code.as_ref().map(|code| code.reveal().to_owned()),
        record.firmware.as_deref().map(str::to_owned),
        record.region.as_deref().map(str::to_owned),
        record.vin.map(|vin| vin.to_string()),
        record.companion.as_deref().map(|companion| format!("with {companion}")),
        record.part_number.as_deref().map(str::to_owned),
        record.produced.map(|date| date.to_string()),
    ];
    let front = format!("{}: {} {}", record.line, record.unit, record.serial);
    std::iter::once(front).chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}
