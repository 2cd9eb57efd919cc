//! What the catalogue says beside the units: sources, claims, vehicles, methods, faults, questions.

use serde::Deserialize;

use crate::behaviour::FirmwareRange;
use crate::unit::Years;

/// Where claims come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its short name.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// What it is about.
    pub about: String,
}

/// One sourced statement, in our own words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Source, topic and number, like `S1.lock.2`.
    pub id: String,
    /// What it says.
    pub says: String,
}

/// Claims that cannot all be true of one unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Its number.
    pub number: u16,
    /// What it is about.
    pub question: String,
    /// Who says what.
    pub says: String,
}

/// A claim that no value of the catalogue can hold, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmodelled {
    /// The claim.
    pub claim: String,
    /// Why it stands here.
    pub why: String,
}

/// A car.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// Its short name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Other words for it.
    #[serde(default)]
    pub also_called: Vec<String>,
    /// The generation's name.
    #[serde(default)]
    pub generation: String,
    /// Model years.
    pub years: Years,
    /// A regular expression for the beginning of its VIN.
    pub vin: Option<String>,
    /// Who says so.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// A way to the code, to an open unit, or past it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Its short name.
    pub id: String,
    /// What one does.
    pub title: String,
    /// What one has afterwards.
    pub gives: Gives,
    /// How it is advised.
    #[serde(default)]
    pub advice: Advice,
    /// What one must have for it, in words of `questions.toml`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What makes it quicker or cheaper.
    #[serde(default)]
    pub helped_by: Vec<String>,
    /// Makers, as in a unit's id, that it fits; empty for any.
    #[serde(default)]
    pub makers: Vec<String>,
    /// Families of units that it fits; empty for any.
    #[serde(default)]
    pub families: Vec<String>,
    /// Firmware that it fits.
    #[serde(default)]
    pub firmware: FirmwareRange,
    /// Model years that it fits.
    #[serde(default)]
    pub years: Years,
    /// One step a line.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What can go wrong.
    #[serde(default)]
    pub risk: String,
    /// What it does to the unit, so that it can be tried on the virtual one before it is advised.
    #[serde(default)]
    pub trial: Trial,
    /// What the sources say that it costs; several where they differ.
    #[serde(default)]
    pub estimate: Vec<Estimate>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// What one has after a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gives {
    /// The code.
    Code,
    /// The serial number, which a code is asked for with.
    Serial,
    /// An open unit.
    Open,
    /// Another unit.
    Replacement,
}

/// How a method is advised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// Do it.
    #[default]
    Good,
    /// It may help, and has its risks.
    Careful,
    /// Sources name it; it does harm.
    Never,
}

/// What a method does to the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// Nothing: papers and people only.
    #[default]
    None,
    /// The gesture that shows the serial.
    ShowSerial,
    /// The service menu's reset.
    ServiceReset,
    /// A tester's reset.
    TesterReset,
    /// A tester reads the serial.
    TesterSerial,
    /// Firmware by USB.
    Update,
    /// Codes tried at random or from a list.
    Guess,
    /// The unit is taken out.
    Removal,
}

/// What one source says that a method costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Roubles, from and to.
    pub cost_rub: Option<(u32, u32)>,
    /// Minutes, from and to.
    pub time_min: Option<(u32, u32)>,
    /// How hard it is.
    pub effort: Option<Effort>,
    /// Per cent, from and to.
    pub success_percent: Option<(u8, u8)>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// How hard something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Anybody can.
    Low,
    /// With some care.
    Medium,
    /// With experience.
    High,
    /// A workshop.
    VeryHigh,
}

impl Effort {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very high",
        }
    }
}

/// Something that looks like the lock, or comes with it, and what to check.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its short name: what `--symptom` takes.
    pub id: String,
    /// What the owner sees.
    pub title: String,
    /// What the display shows with it.
    #[serde(default)]
    pub display: Vec<String>,
    /// What it means.
    pub means: String,
    /// One check a line.
    pub check: Vec<Check>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// One thing to check.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What to do.
    pub text: String,
    /// Who says so.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// Something never to do, or to do with care.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caution {
    /// Its short name.
    pub id: String,
    /// When it matters.
    pub when: When,
    /// What not to do.
    pub text: String,
    /// Who says so.
    pub sources: Vec<String>,
}

/// When something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before and while a code is entered.
    Entering,
    /// While the unit waits.
    Waiting,
    /// While a code is being got.
    Getting,
    /// While a unit is reset or flashed.
    Resetting,
    /// Afterwards, and before the next battery change.
    Keeping,
}

/// Something to ask the owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What it fills in: a field of the situation.
    pub id: String,
    /// As it is asked.
    pub asks: String,
    /// How to find out.
    #[serde(default)]
    pub how: String,
    /// Answers to choose from; empty for a free one.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// One answer to a question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The word that stands for it.
    pub id: String,
    /// As it is offered.
    pub text: String,
}
