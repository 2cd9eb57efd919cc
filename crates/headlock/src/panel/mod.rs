//! A front panel: on a screen, or as append-only text.

pub mod plain;
pub mod screen;
