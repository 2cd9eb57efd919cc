//! A unit of the catalogue: identity, and the readings of its behaviour.

use std::sync::Arc;

use headlock_lock::Policy;
use serde::Deserialize;

use crate::behaviour::{Behaviour, FirmwareRange, LengthSpec};
use crate::evidence::{Evidence, Grade};
use crate::serial::{SerialSpec, whole};
use crate::words::Firmware;

/// One model of head unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Who it is.
    pub identity: Identity,
    /// What was cited for its identity.
    pub evidence: Vec<Evidence>,
    /// Coherent accounts of its behaviour.
    pub readings: Vec<Reading>,
    /// The file it came from.
    pub file: String,
}

/// Who a unit is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `maker/unit`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// One sentence.
    #[serde(default)]
    pub summary: String,
    /// Vehicles that have it, by id.
    #[serde(default)]
    pub vehicles: Vec<String>,
    /// Model years.
    #[serde(default)]
    pub years: Years,
    /// Its numbers.
    #[serde(default)]
    pub serial: Vec<SerialSpec>,
    /// Part numbers.
    #[serde(default)]
    pub part_numbers: Vec<String>,
    /// Firmware.
    #[serde(default)]
    pub firmware: FirmwareRange,
    /// What the front looks like, in words of `questions.toml`.
    #[serde(default)]
    pub look: Vec<String>,
    /// The family in the articles' tables.
    pub family: Option<String>,
    /// Stands for any unit of its makers, not for a model: it remains whenever nothing excludes it.
    #[serde(default)]
    pub catch_all: bool,
    /// What one should know.
    #[serde(default)]
    pub note: String,
}

/// Model years, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Years {
    /// First.
    pub from: Option<i32>,
    /// Last.
    pub to: Option<i32>,
}

impl Years {
    /// Whether a year lies in it.
    pub fn contains(self, year: i32) -> bool {
        self.from.is_none_or(|from| year >= from) && self.to.is_none_or(|to| year <= to)
    }
}

/// One coherent account of how a unit behaves.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name within the unit.
    pub id: String,
    /// One line.
    pub title: String,
    /// What it rests on.
    pub sources: Vec<String>,
    /// What that is worth.
    pub grade: Grade,
    /// A remark.
    pub note: String,
    /// Firmware that it holds for.
    pub firmware: FirmwareRange,
    /// Every value with its sources.
    pub evidence: Vec<Evidence>,
    /// One case for each combination of open values; at least one.
    pub cases: Vec<Case>,
}

/// A reading with every open value decided.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was decided, as `path = value`.
    pub decided: Vec<(String, String)>,
    /// The behaviour.
    pub behaviour: Arc<Behaviour>,
    /// The policies of its locks, the main one first.
    pub policies: Vec<Policy>,
    /// The same for cases that behave the same, whatever unit they belong to.
    pub fingerprint: u64,
}

impl Case {
    /// What was decided, in one line; empty if nothing was open.
    pub fn label(&self) -> String {
        self.decided.iter().map(|(path, value)| format!("{path} = {value}")).collect::<Vec<_>>().join(", ")
    }
}

impl Unit {
    /// The reading of this name.
    pub fn reading(&self, id: &str) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.id == id)
    }

    /// A serial to show in examples and to give to virtual units.
    pub fn example_serial(&self) -> String {
        self.identity.serial.iter().find_map(|serial| serial.example.clone()).unwrap_or_else(|| "00000000".to_owned())
    }

    /// The numbers that belong to the example serial.
    pub fn example_companions(&self) -> Vec<String> {
        let first = self.identity.serial.iter().find(|serial| serial.example.is_some());
        first.map(|serial| serial.together_with.iter().filter_map(|c| c.example.clone()).collect()).unwrap_or_default()
    }

    /// The description of a serial as written, if it is one of this unit.
    pub fn serial_spec(&self, written: &str) -> Option<&SerialSpec> {
        self.identity.serial.iter().find(|spec| spec.fit(written) == crate::serial::Fit::Fits)
    }

    /// A serial as it is compared: cleaned as its description says.
    pub fn cleaned(&self, written: &str) -> String {
        self.serial_spec(written).map_or_else(|| written.trim().to_owned(), |spec| spec.cleaned(written))
    }

    /// Readings that hold for this firmware; all of them if it is not known.
    pub fn readings_for<'a>(&'a self, firmware: Option<&'a Firmware>) -> impl Iterator<Item = &'a Reading> {
        self.readings.iter().filter(move |reading| firmware.is_none_or(|version| reading.firmware.contains(version)))
    }
}

impl LengthSpec {
    /// Characters of a code, for this serial and these settings.
    pub fn resolve(&self, serial: &str, setting: impl Fn(&str) -> Option<String>) -> u8 {
        match self {
            Self::Fixed(length) => *length,
            Self::BySerial { by_serial, otherwise } => by_serial
                .iter()
                .find(|rule| whole(&rule.pattern).is_ok_and(|regex| regex.is_match(serial)))
                .map_or(*otherwise, |rule| rule.length),
            Self::BySetting { by_setting } => {
                let word = setting(&by_setting.setting).unwrap_or_else(|| by_setting.initially.clone());
                by_setting.lengths.get(&word).copied().unwrap_or(4)
            }
        }
    }

    /// Every length that is possible.
    pub fn all(&self) -> Vec<u8> {
        match self {
            Self::Fixed(length) => vec![*length],
            Self::BySerial { by_serial, otherwise } => {
                by_serial.iter().map(|rule| rule.length).chain([*otherwise]).collect()
            }
            Self::BySetting { by_setting } => by_setting.lengths.values().copied().collect(),
        }
    }
}
