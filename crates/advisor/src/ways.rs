//! The ways to a code or past it, ranked, each tried on the twin before it is named.

use headlock_profile::{Advice, Catalog, Effort, Gives, Method, Trial};
use serde::Serialize;

use crate::candidate::{Candidate, CandidateState};
use crate::situation::Situation;
use crate::trial::{Action, Bench, Harm, Proof};

/// A way that is advised.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// Its short name.
    pub id: String,
    /// What one does.
    pub title: String,
    /// What one has afterwards.
    pub gives: &'static str,
    /// It has its risks.
    pub careful: bool,
    /// What the sources say that it costs.
    pub estimates: Vec<Cost>,
    /// What one lacks for it.
    pub lacking: Vec<String>,
    /// Its steps.
    pub steps: Vec<String>,
    /// What can go wrong.
    pub risk: String,
    /// The run on every remaining reading, where it touches the unit, once nothing waits.
    pub proof: Option<Proof>,
    /// The same while it waits; absent where nothing waits or the unit is not touched.
    pub proof_while_waiting: Option<Proof>,
    /// Who says so.
    pub sources: Vec<String>,
    #[serde(skip)]
    score: u64,
}

/// What one source says that a way costs.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Roubles, from and to.
    pub cost_rub: Option<(u32, u32)>,
    /// Minutes, from and to.
    pub time_min: Option<(u32, u32)>,
    /// How hard it is.
    pub effort: Option<&'static str>,
    /// Per cent, from and to.
    pub success_percent: Option<(u8, u8)>,
    /// Who says so.
    pub sources: Vec<String>,
}

/// A way that is not advised, and why.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedWay {
    /// Its short name.
    pub id: String,
    /// What one would do.
    pub title: String,
    /// Why not.
    pub because: String,
    /// The run that shows it, where there was one.
    pub proof: Option<Proof>,
    /// Who names it.
    pub sources: Vec<String>,
}

impl Way {
    /// Whether it may be done while the unit waits.
    pub fn fits_the_wait(&self) -> bool {
        self.proof_while_waiting.as_ref().is_none_or(Proof::is_safe)
    }
}

/// All ways, sorted into advised and not: `now` as the candidates stand, `after` as they stand after the waiting.
pub(crate) fn ways(
    catalog: &Catalog,
    situation: &Situation,
    now: &[Candidate<'_>],
    after: &[Candidate<'_>],
    bench: &mut Bench,
) -> (Vec<Way>, Vec<RefusedWay>) {
    let mut advised = Vec::new();
    let mut refused = Vec::new();
    let mut prove = |candidates: &[Candidate<'_>], action: Action| {
        bench.run(candidates, &[action]).proof(candidates, |effect| effect.harm.clone())
    };
    for method in &catalog.methods {
        if let Err(because) = fits(method, situation, after) {
            refused.push(refuse(method, because, None));
            continue;
        }
        let proof = action(method.trial).map(|action| prove(after, action));
        if method.advice == Advice::Never {
            refused.push(refuse(method, method.risk.clone(), proof));
            continue;
        }
        match proof.as_ref().and_then(worst) {
            Some(harm) => refused.push(refuse(method, format!("under {} it {}", harm.0, harm.1), proof)),
            None => {
                let waits = now.iter().flat_map(|c| &c.states).any(CandidateState::waits);
                let waiting = action(method.trial).filter(|_| waits).map(|action| prove(now, action));
                advised.push(way(method, situation, proof, waiting));
            }
        }
    }
    advised.sort_by_key(|way| way.score);
    (advised, refused)
}

fn refuse(method: &Method, because: String, proof: Option<Proof>) -> RefusedWay {
    RefusedWay { id: method.id.clone(), title: method.title.clone(), because, proof, sources: method.sources.clone() }
}

fn fits(method: &Method, situation: &Situation, candidates: &[Candidate<'_>]) -> Result<(), String> {
    let families: Vec<&str> = candidates.iter().filter_map(|c| c.unit.identity.family.as_deref()).collect();
    let made_by =
        |maker: &String| candidates.iter().any(|c| c.unit.identity.id.split('/').next() == Some(maker.as_str()));
    if !method.makers.is_empty() && !method.makers.iter().any(made_by) {
        return Err(format!("it is known for units of {} only", method.makers.join(", ")));
    }
    let any_unit = candidates.iter().any(|c| c.unit.identity.catch_all);
    if !method.families.is_empty()
        && !any_unit
        && !method.families.iter().any(|family| families.contains(&family.as_str()))
    {
        return Err(format!("it is said to work for {} only", method.families.join(", ")));
    }
    if let Some(version) = &situation.firmware
        && !method.firmware.contains(version)
    {
        return Err(format!("it does not work with firmware {version}"));
    }
    if let Some(year) = situation.year
        && !method.years.contains(year)
    {
        return Err(format!("it does not work for model year {year}"));
    }
    Ok(())
}

const fn action(trial: Trial) -> Option<Action> {
    Some(match trial {
        Trial::None | Trial::Update => return None,
        Trial::ShowSerial => Action::ShowSerial,
        Trial::ServiceReset => Action::ServiceReset,
        Trial::TesterReset => Action::TesterReset,
        Trial::TesterSerial => Action::TesterSerial,
        Trial::Guess => Action::EnterWrong,
        Trial::Removal => Action::TakeOut { for_ms: 1_800_000 },
    })
}

/// A harm that no advice is worth. Lost stations are a price, not such a harm.
fn worst(proof: &Proof) -> Option<(String, &'static str)> {
    proof.counterexamples.iter().find_map(|example| {
        let harm = example.harm.iter().find(|harm| !matches!(harm, Harm::LosesData | Harm::Arms))?;
        Some((example.reading.clone(), harm.words()))
    })
}

fn way(method: &Method, situation: &Situation, proof: Option<Proof>, proof_while_waiting: Option<Proof>) -> Way {
    let lacking: Vec<String> = method.needs.iter().filter(|need| !has(situation, need)).cloned().collect();
    let estimates = method
        .estimate
        .iter()
        .map(|e| Cost {
            cost_rub: e.cost_rub,
            time_min: e.time_min,
            effort: e.effort.map(Effort::word),
            success_percent: e.success_percent,
            sources: e.sources.clone(),
        })
        .collect();
    Way {
        id: method.id.clone(),
        title: method.title.clone(),
        gives: match method.gives {
            Gives::Code => "the code",
            Gives::Serial => "the serial number",
            Gives::Open => "an open unit",
            Gives::Replacement => "another unit",
        },
        careful: method.advice == Advice::Careful,
        estimates,
        score: score(method, lacking.len()),
        lacking,
        steps: method.steps.clone(),
        risk: method.risk.clone(),
        proof,
        proof_while_waiting,
        sources: method.sources.clone(),
    }
}

/// Whether the owner has it. Papers of the car prove ownership, and the VIN stands on every car.
fn has(situation: &Situation, need: &str) -> bool {
    match need {
        "serial" => !situation.serials.is_empty() || situation.has.iter().any(|has| has == "serial"),
        "vin" => true,
        need => situation.has.iter().any(|has| has == need),
    }
}

/// What a way is expected to cost before it succeeds, in roubles: an hour counts like 100, effort like money, the worst
/// that any source says counts, and what is lacking or risky comes after what is not.
fn score(method: &Method, lacking: usize) -> u64 {
    let worst_u32 = |pick: fn(&headlock_profile::Estimate) -> Option<(u32, u32)>| {
        method.estimate.iter().filter_map(pick).map(|(_, to)| u64::from(to)).max()
    };
    let money = worst_u32(|e| e.cost_rub).unwrap_or(0);
    let minutes = worst_u32(|e| e.time_min).unwrap_or(30);
    let effort = match method.estimate.iter().filter_map(|e| e.effort).max() {
        Some(Effort::VeryHigh) => 3_000,
        Some(Effort::High) => 1_500,
        Some(Effort::Medium) => 500,
        Some(Effort::Low) | None => 0,
    };
    let success = method
        .estimate
        .iter()
        .filter_map(|e| e.success_percent)
        .map(|(from, _)| u64::from(from))
        .min()
        .unwrap_or(50)
        .max(1);
    let base = (money + minutes.min(60 * 24 * 3) * 100 / 60 + effort) * 100 / success;
    let penalty = if method.advice == Advice::Careful { 100_000 } else { 0 }
        + 20_000 * lacking as u64
        + match method.gives {
            Gives::Code => 0,
            Gives::Serial => 5_000,
            Gives::Open => 10_000,
            Gives::Replacement => 50_000,
        };
    base + penalty
}
