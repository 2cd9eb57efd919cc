//! What a unit's tools are worth, over the cases of one reading: the ways that open it without a code, and the guesses that they give.

use headlock_analysis::{Bypass, Gain, Offered, ReadingWorth, Risk, Tool, ToolKind};
use headlock_profile::behaviour::{FirmwareRange, VehicleNeed};
use serde_json::{Value, json};

use super::figures::{Side, Times, time};
use crate::paint;
use crate::script::loss_word;

/// Of one reading.
pub(super) struct Offers {
    cases: usize,
    openings: Vec<Way>,
    /// Guesses with what the panel gives back, and with sticks and testers too.
    gains: Vec<Gained>,
    /// Tools that change anything for whoever guesses.
    tools: usize,
}

/// A tool that opens it without a code, in the cases where it does.
struct Way {
    tool: Tool,
    cases: usize,
    /// The soonest and the latest of the cases.
    at_ms: (u64, u64),
}

/// What tools that give back what was counted allow.
struct Gained {
    who: Who,
    side: Side,
    /// Names of the tools that do it.
    by: Vec<String>,
    cases: usize,
    /// The first guess that comes sooner for it, of the case in which that is soonest.
    first: Option<Bypass>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Hands,
    Testers,
}

impl Who {
    const fn row(self) -> &'static str {
        match self {
            Self::Hands => "with the panel",
            Self::Testers => "with testers",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Hands => "panel",
            Self::Testers => "testers",
        }
    }

    const fn gain(self, offered: &Offered) -> Option<&Gain> {
        match self {
            Self::Hands => offered.hands.as_ref(),
            Self::Testers => offered.all.as_ref(),
        }
    }
}

impl Offers {
    /// A policy that no unit has offers nothing.
    pub(super) const NOTHING: Self = Self { cases: 1, openings: Vec::new(), gains: Vec::new(), tools: 0 };

    pub(super) fn of(worth: &ReadingWorth<'_>, times: &Times) -> Self {
        Self {
            cases: worth.cases.len(),
            openings: ways(worth),
            gains: [Who::Hands, Who::Testers].into_iter().filter_map(|who| gained(who, worth, times)).collect(),
            tools: worth.cases.iter().map(|case| case.offered.tools.len()).max().unwrap_or(0),
        }
    }

    /// Rows for the table of guesses.
    pub(super) fn rows(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.gains.iter().map(|gained| (gained.who.row().to_owned(), gained.side.cells()))
    }

    pub(super) fn print(&self) {
        if self.tools == 0 {
            paint::indented(4, "no menu, stick or tester of this reading helps whoever guesses");
            return;
        }
        let of =
            |some: usize| if some == self.cases { String::new() } else { format!(", {some} of {} cases", self.cases) };
        for Gained { who, by, cases, first, .. } in &self.gains {
            let pays = first.as_ref().map_or_else(
                || "no guess comes sooner for it".to_owned(),
                |first| {
                    let otherwise =
                        first.otherwise_ms.map_or_else(|| "never".to_owned(), |ms| format!("after {}", time(ms)));
                    format!("guess {} comes after {} and otherwise {otherwise}", first.guess, time(first.at_ms))
                },
            );
            paint::indented(4, &format!("{} ({}){}: {pays}", who.row(), by.join("; "), of(*cases)));
        }
        if self.openings.is_empty() {
            paint::indented(4, "none of them opens it without a code");
            return;
        }
        paint::indented(4, "no code is needed:");
        for way in &self.openings {
            let (soonest, latest) = way.at_ms;
            let after = if soonest == latest { time(soonest) } else { format!("{}..{}", time(soonest), time(latest)) };
            let words = [vec![format!("{}: after {after}{}", way.tool.name, of(way.cases))], conditions(&way.tool)];
            paint::indented(6, &words.concat().join("; "));
        }
    }

    pub(super) fn json(&self, times: &Times) -> Value {
        let openings = self.openings.iter().map(|way| {
            json!({
                "name": way.tool.name, "kind": way.tool.kind, "cases": way.cases, "earliest_ms": way.at_ms.0, "latest_ms": way.at_ms.1,
                "testers": way.tool.testers, "needs": needs(&way.tool), "costs_attempts": way.tool.costs_attempts,
                "loses": loses(&way.tool), "risks": way.tool.risks,
            })
        });
        let mut value = json!({ "offered": self.tools, "openings": openings.collect::<Vec<_>>() });
        for who in [Who::Hands, Who::Testers] {
            let gained = self.gains.iter().find(|gained| gained.who == who);
            value[who.key()] = gained.map_or(Value::Null, |gained| {
                let mut side = gained.side.json(times);
                (side["by"], side["cases"], side["first"]) =
                    (json!(gained.by), json!(gained.cases), json!(gained.first));
                side
            });
        }
        value
    }
}

/// Each tool that opens it, over the cases.
fn ways(worth: &ReadingWorth<'_>) -> Vec<Way> {
    let mut all: Vec<Way> = Vec::new();
    for case in &worth.cases {
        for opening in &case.offered.openings {
            let tool = &case.offered.tools[opening.tool];
            if let Some(way) = all.iter_mut().find(|way| way.tool.name == tool.name) {
                way.cases += 1;
                way.at_ms = (way.at_ms.0.min(opening.at_ms), way.at_ms.1.max(opening.at_ms));
            } else {
                all.push(Way { tool: tool.clone(), cases: 1, at_ms: (opening.at_ms, opening.at_ms) });
            }
        }
    }
    all.sort_by_key(|way| way.at_ms);
    all
}

/// The guesses of the cases; where a case gives nothing back, those that it has anyway.
fn gained(who: Who, worth: &ReadingWorth<'_>, times: &Times) -> Option<Gained> {
    let gains = || worth.cases.iter().filter_map(|case| who.gain(&case.offered));
    gains().next()?;
    let budgets = worth.cases.iter().filter_map(|case| {
        let own = case.worth.as_ref()?;
        let hands = case.offered.hands.as_ref();
        let gain = who.gain(&case.offered).or(hands).map(|gain| (&gain.budget, gain.rate));
        let codes = if who == Who::Testers { case.space.by_tester } else { case.space.typable };
        let (budget, rate) = gain.unwrap_or((&own.pulls, own.pulls_rate));
        Some((budget, rate, codes))
    });
    let side = Side::of(&budgets.collect::<Vec<_>>(), times);
    let mut by: Vec<String> = Vec::new();
    for tool in worth.cases.iter().flat_map(|case| &case.offered.tools).filter(|tool| !tool.opens()) {
        if (who == Who::Testers || tool.kind == ToolKind::Panel) && !by.contains(&tool.name) {
            by.push(tool.name.clone());
        }
    }
    let firsts = gains().filter_map(|gain| gain.first.as_ref());
    let first = firsts.min_by_key(|first| (first.at_ms, first.guess)).cloned();
    Some(Gained { who, side, by, cases: gains().count(), first })
}

/// What a tool needs, costs and risks, in words.
fn conditions(tool: &Tool) -> Vec<String> {
    let mut words = needs(tool);
    if tool.costs_attempts > 0 {
        words.push(format!("uses up {} attempts", tool.costs_attempts));
    }
    if !tool.loses.is_empty() {
        words.push(format!("loses {}", loses(tool).join(", ")));
    }
    words.extend(tool.risks.iter().map(|risk| {
        let risk = match risk {
            Risk::Freezes => "the unit may freeze",
            Risk::WrongFileBricks => "a file for another unit kills it",
            Risk::CutBricks => "a cut in the middle kills it",
        };
        risk.to_owned()
    }));
    words
}

fn needs(tool: &Tool) -> Vec<String> {
    let vehicle = match tool.vehicle {
        VehicleNeed::Any => None,
        VehicleNeed::Home => Some("in its own vehicle".to_owned()),
        VehicleNeed::Other => Some("in another vehicle".to_owned()),
    };
    firmware(&tool.firmware).into_iter().chain(vehicle).collect()
}

fn firmware(range: &FirmwareRange) -> Option<String> {
    let ends = [("from", &range.from), ("to", &range.to), ("below", &range.below)];
    let words: Vec<String> =
        ends.into_iter().filter_map(|(word, end)| Some(format!("{word} {}", end.as_ref()?))).collect();
    (!words.is_empty()).then(|| format!("firmware {}", words.join(" ")))
}

fn loses(tool: &Tool) -> Vec<&'static str> {
    tool.loses.iter().map(loss_word).collect()
}
