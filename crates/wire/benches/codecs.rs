//! Codecs beside other crates.
fn main() {}
