//! Everything known about one car now.

use headlock_profile::{Catalog, Firmware, Vehicle, closest};

/// What the owner can tell. Absent means not known.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// The vehicle, in the owner's words.
    pub vehicle: Option<String>,
    /// Its model year.
    pub year: Option<i32>,
    /// The unit, by its catalogue id, if the owner is sure.
    pub unit: Option<String>,
    /// Numbers on the label or the screen.
    pub serials: Vec<String>,
    /// What the front looks like, in words of the catalogue.
    pub look: Vec<String>,
    /// Firmware.
    pub firmware: Option<Firmware>,
    /// What the display shows.
    pub display: Option<String>,
    /// Wrong codes entered so far.
    pub attempts: Attempts,
    /// What the owner has, in words of the catalogue.
    pub has: Vec<String>,
    /// What else goes wrong, by the ids of the catalogue's faults.
    pub symptoms: Vec<String>,
}

impl Situation {
    /// Neither the display nor the count is known.
    pub fn says_nothing_of_now(&self) -> bool {
        self.display.is_none() && self.attempts == Attempts::Unknown
    }

    /// The counts of wrong codes that are looked at. Where nothing is known of now, one that has seen none.
    pub(crate) fn counts(&self) -> std::ops::RangeInclusive<u16> {
        if self.says_nothing_of_now() { 0..=0 } else { self.attempts.counts() }
    }
}

/// Wrong codes entered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempts {
    /// Nobody counted.
    #[default]
    Unknown,
    /// So many.
    Exactly(u16),
    /// So many or more.
    AtLeast(u16),
}

impl Attempts {
    /// Every count that is possible, up to a sensible end.
    fn counts(self) -> std::ops::RangeInclusive<u16> {
        const MANY: u16 = 16;
        match self {
            Self::Unknown => 0..=MANY,
            Self::Exactly(n) => n..=n,
            Self::AtLeast(n) => n..=n.max(MANY),
        }
    }

    /// The fewest.
    pub const fn least(self) -> u16 {
        match self {
            Self::Unknown => 0,
            Self::Exactly(n) | Self::AtLeast(n) => n,
        }
    }
}

/// What is wrong with a situation before any reading is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSituation {
    /// No such vehicle.
    #[error("no vehicle {named:?} in the catalogue")]
    Vehicle {
        /// As named.
        named: String,
        /// What would be right.
        help: String,
    },
    /// Not a year of a car.
    #[error("{year} is no model year")]
    Year {
        /// As given.
        year: i32,
    },
    /// The vehicle was not built then.
    #[error("{vehicle} was not built in {year}")]
    NotBuilt {
        /// The vehicle.
        vehicle: String,
        /// The year.
        year: i32,
        /// What would be right.
        help: String,
    },
    /// No such unit.
    #[error("no unit {named:?} in the catalogue")]
    Unit {
        /// As named.
        named: String,
        /// What would be right.
        help: String,
    },
    /// No such symptom.
    #[error("no symptom {named:?} in the catalogue")]
    Symptom {
        /// As named.
        named: String,
        /// What would be right.
        help: String,
    },
    /// A word that the catalogue does not know.
    #[error("{named:?} is not a word for {question}")]
    Word {
        /// As named.
        named: String,
        /// The question it answers.
        question: String,
        /// What would be right.
        help: String,
    },
    /// A serial nearly fits.
    #[error("{number:?} is no serial of any unit here, but {read_as:?} would be")]
    Misread {
        /// As given.
        number: String,
        /// As it would fit.
        read_as: String,
        /// The unit that it would be.
        unit: String,
    },
    /// More attempts than any remaining reading allows.
    #[error(
        "{attempts} wrong codes: the readings that name a limit lock this unit out for good after {limit} at the latest"
    )]
    TooManyAttempts {
        /// As given.
        attempts: u16,
        /// The highest count that is possible.
        limit: u16,
    },
}

impl BadSituation {
    /// What would be right.
    pub fn help(&self) -> String {
        match self {
            Self::Vehicle { help, .. }
            | Self::NotBuilt { help, .. }
            | Self::Unit { help, .. }
            | Self::Symptom { help, .. }
            | Self::Word { help, .. } => help.clone(),
            Self::Year { .. } => "the year in which the car was built, like 2011".to_owned(),
            Self::Misread { read_as, unit, .. } => {
                format!(
                    "look at the label again: letter O or digit 0, I or 1, B or 8? If it reads {read_as}, it is {unit}; give it so. Headlock corrects no serial by itself"
                )
            }
            Self::TooManyAttempts { attempts, limit } => format!(
                "count again, {limit} at most; if it is locked out, give the display's text with --attempts {limit}; if you are sure, say --attempts {attempts}+"
            ),
        }
    }
}

/// The vehicles that a situation can mean.
pub(crate) fn vehicles<'a>(
    catalog: &'a Catalog,
    situation: &Situation,
) -> Result<Option<Vec<&'a Vehicle>>, BadSituation> {
    if let Some(year) = situation.year
        && !(1950..=2100).contains(&year)
    {
        return Err(BadSituation::Year { year });
    }
    let Some(named) = &situation.vehicle else { return Ok(None) };
    let found: Vec<&Vehicle> = match catalog.vehicle(named) {
        Some(vehicle) => vec![vehicle],
        None => catalog.vehicles.iter().filter(|vehicle| means(vehicle, named)).collect(),
    };
    if found.is_empty() {
        let names: Vec<&str> = catalog
            .vehicles
            .iter()
            .flat_map(|v| std::iter::once(v.name.as_str()).chain(v.also_called.iter().map(String::as_str)))
            .collect();
        return Err(BadSituation::Vehicle { named: named.clone(), help: closest(named, &names) });
    }
    let Some(year) = situation.year else { return Ok(Some(found)) };
    let built: Vec<&Vehicle> = found.iter().copied().filter(|vehicle| vehicle.years.contains(year)).collect();
    if built.is_empty() {
        let years = |v: &Vehicle| {
            format!(
                "{} {}-{}",
                v.name,
                v.years.from.map_or(String::new(), |y| y.to_string()),
                v.years.to.map_or(String::new(), |y| y.to_string())
            )
        };
        let help = format!(
            "built: {}; leave the year out if it was only registered later",
            found.iter().map(|v| years(v)).collect::<Vec<_>>().join(", ")
        );
        return Err(BadSituation::NotBuilt { vehicle: found[0].name.clone(), year, help });
    }
    Ok(Some(built))
}

/// Whether all words of `named` stand in one of the vehicle's names.
fn means(vehicle: &Vehicle, named: &str) -> bool {
    let words: Vec<String> = named.split([' ', '-']).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase).collect();
    !words.is_empty()
        && std::iter::once(&vehicle.name).chain(&vehicle.also_called).any(|name| {
            let name = name.to_ascii_lowercase();
            words.iter().all(|word| name.contains(word.as_str()))
        })
}
