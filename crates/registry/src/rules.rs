//! The policy of a desk, as data: who gets what, after whom, how often, and what must be shown.
//!
//! Shape: TOML. The first `[[rule]]` whose conditions all hold decides; where none holds, the release is refused.

use serde::{Deserialize, Serialize};

use crate::limit::Rate;
use crate::record::{Company, Region, UnitState, What};
use crate::watch::{WatchRules, WatchRulesError};

/// The policy that a new registry begins with.
pub const DEFAULT: &str = include_str!("../rules.toml");

/// A desk's policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Ways to prove ownership.
    #[serde(rename = "proof")]
    pub proofs: Vec<ProofKind>,
    /// In this order.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// How often.
    pub limits: Limits,
    /// How long.
    pub times: Times,
    /// What is taken for a broker.
    #[serde(default)]
    pub watch: WatchRules,
    /// Exports to the escrow.
    #[serde(default)]
    pub export: ExportRules,
}

/// How records leave for the escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportRules {
    /// Others who have to agree; who asks never counts. Two at least.
    pub quorum: u32,
    /// A request for an export waits for them so long, in days.
    pub stands_days: u32,
    /// An export that was agreed to may be taken so long, in hours.
    pub take_hours: u32,
    /// Nobody else has changed an account's roles, state or ways to be let in for so long before its word counts, in days.
    pub settled_days: u32,
}

impl Default for ExportRules {
    fn default() -> Self {
        Self { quorum: 2, stands_days: 7, take_hours: 48, settled_days: 7 }
    }
}

/// One way to prove ownership.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofKind {
    /// Its name in a request.
    pub id: String,
    /// In words.
    pub title: String,
    /// How long what is known of the owner is kept after the decision, in days.
    pub retention_days: u32,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, which the log and the receipt say.
    pub name: String,
    /// When it decides; always, if it says nothing.
    #[serde(default)]
    pub when: When,
    /// What it decides.
    pub then: Then,
    /// Why, for who asked.
    #[serde(default)]
    pub why: String,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// At once.
    Allowed,
    /// A second person has to approve.
    SecondPerson,
    /// Not at all.
    Refused,
}

/// Conditions; one that says nothing always holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// One of these is asked for.
    pub what: Vec<What>,
    /// Ownership is proved in one of these ways.
    pub proof: Vec<String>,
    /// The document is at hand, or is not.
    pub document: Option<bool>,
    /// The unit is one of these, by catalogue id; `*` at the end stands for any rest.
    pub unit: Vec<String>,
    /// The unit is in one of these states.
    pub state: Vec<UnitState>,
    /// It was sold in one of these regions.
    pub region: Vec<Region>,
    /// One of these companies asks.
    pub company: Vec<Company>,
    /// The vehicle is on record, or is not.
    pub vin_on_record: Option<bool>,
}

/// What a rule is held against.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What is asked for.
    pub what: What,
    /// How ownership is proved.
    pub proof: &'a str,
    /// Whether the document is at hand.
    pub document: bool,
    /// The unit's catalogue id.
    pub unit: &'a str,
    /// What became of it.
    pub state: UnitState,
    /// Where it was sold.
    pub region: &'a Region,
    /// Who asks.
    pub company: &'a Company,
    /// Whether its vehicle is on record.
    pub vin_on_record: bool,
}

/// How often, each for itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// One person.
    pub person: Rate,
    /// One company.
    pub company: Rate,
    /// One unit, whoever asks.
    pub serial: Rate,
    /// One vehicle, whoever asks.
    pub vin: Rate,
    /// What a request costs that named something which is not there, in requests.
    pub failure_cost: u32,
}

/// How long.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// A document that was promised has to be there, in days.
    pub proof_due_days: u32,
    /// A second person has to decide, in days.
    pub approval_due_days: u32,
    /// A broken glass has to be reviewed, in days.
    pub review_due_days: u32,
    /// An authorised release may be collected, in hours.
    pub collect_hours: u32,
    /// A session lasts, in minutes.
    pub session_minutes: u32,
}

/// Why a policy is none.
#[derive(Debug, thiserror::Error)]
pub enum BadRules {
    /// It is no TOML of this shape; the text says where and what.
    #[error("{0}")]
    Shape(#[from] toml::de::Error),
    /// Two of the same name.
    #[error("two {what} are called {name}")]
    Twice {
        /// Rules or proofs.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A rule names a proof that is not there.
    #[error("rule {rule} names the proof {proof}, which no [[proof]] has")]
    UnknownProof {
        /// The rule.
        rule: String,
        /// What it names.
        proof: String,
    },
    /// No rule that could ever allow anything.
    #[error("no rule allows anything: this desk would release nothing")]
    NothingAllowed,
    /// A number that makes no sense.
    #[error("{field} must be at least 1")]
    Zero {
        /// Where.
        field: &'static str,
    },
    /// A failure that costs more than a whole burst could never be paid, and so nothing could be asked for.
    #[error("failure_cost is {cost}, more than the burst of {burst} of limits.{limit}")]
    CostsTooMuch {
        /// The cost.
        cost: u32,
        /// The burst.
        burst: u32,
        /// Which limit.
        limit: &'static str,
    },
    /// One insider and one friend.
    #[error("export.quorum is {quorum}; two others at least have to agree to an export")]
    Quorum {
        /// What was asked for.
        quorum: u32,
    },
    /// What is taken for a broker.
    #[error("watch: {0}")]
    Watch(#[from] WatchRulesError),
    /// A name that cannot stand in the log.
    #[error("{name:?} is no name for a rule or a proof: no control characters, 1 to 80 characters")]
    Name {
        /// The name.
        name: String,
    },
}

impl Rules {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`BadRules`].
    pub fn parse(text: &str) -> Result<Self, BadRules> {
        let rules: Self = toml::from_str(text)?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), BadRules> {
        let rules = self.rules.iter().map(|rule| rule.name.as_str());
        let proofs = self.proofs.iter().map(|proof| proof.id.as_str());
        distinct("rules", rules)?;
        distinct("proofs", proofs)?;
        for rule in &self.rules {
            if let Some(proof) = rule.when.proof.iter().find(|proof| self.proof(proof).is_none()) {
                return Err(BadRules::UnknownProof { rule: rule.name.clone(), proof: proof.clone() });
            }
        }
        if self.rules.iter().all(|rule| rule.then == Then::Refused) {
            return Err(BadRules::NothingAllowed);
        }
        let Limits { person, company, serial, vin, failure_cost } = self.limits;
        for (limit, rate) in [("person", person), ("company", company), ("serial", serial), ("vin", vin)] {
            if failure_cost > rate.burst() {
                return Err(BadRules::CostsTooMuch { cost: failure_cost, burst: rate.burst(), limit });
            }
        }
        self.watch.check()?;
        if self.export.quorum < 2 {
            return Err(BadRules::Quorum { quorum: self.export.quorum });
        }
        let times = self.times;
        for (field, value) in [
            ("limits.failure_cost", failure_cost),
            ("times.proof_due_days", times.proof_due_days),
            ("times.approval_due_days", times.approval_due_days),
            ("times.review_due_days", times.review_due_days),
            ("times.collect_hours", times.collect_hours),
            ("times.session_minutes", times.session_minutes),
            ("export.stands_days", self.export.stands_days),
            ("export.take_hours", self.export.take_hours),
        ] {
            if value == 0 {
                return Err(BadRules::Zero { field });
            }
        }
        Ok(())
    }

    /// The proof of this name.
    pub fn proof(&self, id: &str) -> Option<&ProofKind> {
        self.proofs.iter().find(|proof| proof.id == id)
    }

    /// The rule that decides; none if the release is refused because no rule speaks of it.
    pub fn decide(&self, facts: &Facts<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.when.holds(facts))
    }
}

impl When {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        fn any<T: PartialEq>(wanted: &[T], found: &T) -> bool {
            wanted.is_empty() || wanted.contains(found)
        }
        let unit = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => facts.unit.starts_with(beginning),
            None => facts.unit == pattern,
        };
        any(&self.what, &facts.what)
            && (self.proof.is_empty() || self.proof.iter().any(|proof| proof == facts.proof))
            && self.document.is_none_or(|wanted| wanted == facts.document)
            && (self.unit.is_empty() || self.unit.iter().any(unit))
            && any(&self.state, &facts.state)
            && any(&self.region, facts.region)
            && any(&self.company, facts.company)
            && self.vin_on_record.is_none_or(|wanted| wanted == facts.vin_on_record)
    }
}

fn distinct<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), BadRules> {
    let mut seen = Vec::new();
    for name in names {
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(BadRules::Name { name: name.to_owned() });
        }
        if seen.contains(&name) {
            return Err(BadRules::Twice { what, name: name.to_owned() });
        }
        seen.push(name);
    }
    Ok(())
}
