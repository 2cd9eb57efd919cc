//! Serials that somebody could have read for another one, to be looked for in the store.

use headlock_profile::{Catalog, SerialChecker};
use rustc_hash::FxHashMap;

use crate::import::lookalike::variants;

/// Places of a serial that may be misread, at most: 15 others are then looked for. A serial with more such places is not.
const PLACES: usize = 4;

/// What looks like a serial.
pub(super) enum Alike {
    /// These serials, each of which could be one of the unit.
    Serials(Vec<String>),
    /// More than are looked for.
    TooMany,
}

/// Finds look-alikes that the unit's description allows: where it has digits alone, an O is nobody's.
pub(super) struct Finder<'c> {
    catalog: &'c Catalog,
    checkers: FxHashMap<&'c str, Vec<SerialChecker>>,
}

impl<'c> Finder<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, checkers: FxHashMap::default() }
    }

    /// The serials that could be read for this one.
    pub(super) fn of(&mut self, unit: &'c str, serial: &str) -> Alike {
        let specs = || self.catalog.unit(unit).map(|unit| unit.identity.serial.as_slice()).unwrap_or_default();
        let checkers = self
            .checkers
            .entry(unit)
            .or_insert_with(|| specs().iter().filter_map(|spec| spec.checker().ok()).collect());
        let fits = |serial: &str| checkers.is_empty() || checkers.iter().any(|checker| checker.fits(serial));
        let count =
            serial.chars().filter(|c| matches!(c.to_ascii_uppercase(), 'O' | '0' | 'I' | '1' | 'B' | '8')).count();
        // Those with one change come first.
        let singles: Vec<String> = variants(serial, count).into_iter().filter(|one| fits(one)).collect();
        if singles.len() > PLACES {
            return Alike::TooMany;
        }
        let read = serial.to_ascii_uppercase();
        let all = (1_u32..1 << singles.len()).map(|chosen| {
            let chosen = singles.iter().enumerate().filter(|(at, _)| chosen & 1 << at != 0);
            chosen.fold(read.clone(), |serial, (_, single)| {
                let each = serial.chars().zip(single.chars()).zip(read.chars());
                each.map(|((mine, other), read)| if other == read { mine } else { other }).collect()
            })
        });
        Alike::Serials(all.filter(|serial| fits(serial)).collect())
    }
}

#[cfg(test)]
mod tests {
    use headlock_profile::File;

    use super::*;

    fn found(pattern: &str, serial: &str) -> Option<Vec<String>> {
        let unit = format!(
            "id = \"acme/one\"\nname = \"One\"\nsources = [\"example\"]\ngrade = \"documented\"\n\
             serial = [{{ pattern = \"{pattern}\", example = \"{serial}\" }}]\n\
             [[reading]]\nid = \"manual\"\ntitle = \"the manual\"\nsources = [\"example\"]\ngrade = \"documented\"\n\
             entry = {{ style = \"key-is-digit\", keys = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"] }}\n"
        );
        let sources = "[[source]]\nid = \"example\"\nkind = \"forum\"\nabout = \"an example\"\n";
        let files = [File { name: "sources.toml", text: sources }, File { name: "one.toml", text: &unit }];
        let catalog = Catalog::load(files).unwrap();
        match Finder::new(&catalog).of("acme/one", serial) {
            Alike::Serials(serials) => Some(serials),
            Alike::TooMany => None,
        }
    }

    #[test]
    fn only_serials_that_the_unit_can_have_are_looked_for() {
        assert_eq!(found("WK[0-9]{8}", "WK00110088"), Some(vec![]));
        assert_eq!(found("[A-Z]{2}[0-9]{4}", "BO1080"), Some(vec![]));
        assert_eq!(
            found("[0-9A-Z]{2}[0-9]{4}", "BO1080"),
            Some(["8O1080", "B01080", "801080"].map(str::to_owned).to_vec())
        );
        assert_eq!(found("[0-9A-Z]{6}", "BO1080"), None);
    }
}
