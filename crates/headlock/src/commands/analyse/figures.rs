//! The figures of one reading or policy, in words and for machines.

use headlock_analysis::{Budget, Bypass, CaseWorth, Owner, Rate, Reach, ReadingWorth, Space, Wear, Worth};
use headlock_profile::Unit;
use serde_json::{Value, json};

use super::offers::Offers;
use crate::paint;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The times that are told.
pub(super) struct Times(Vec<(String, u64)>);

impl Times {
    /// An hour, a day, thirty days, a year, and one of the user's choice.
    pub(super) fn with(own_ms: Option<u64>) -> Self {
        let usual = [("1 h", HOUR_MS), ("1 day", DAY_MS), ("30 days", 30 * DAY_MS), ("1 year", 365 * DAY_MS)];
        let mut all: Vec<_> = usual.into_iter().map(|(name, ms)| (name.to_owned(), ms)).collect();
        all.extend(own_ms.map(|ms| (time(ms), ms)));
        Self(all)
    }
}

/// Guesses within a hundred days, to tell which of several budgets is the largest.
pub(super) fn hundred_days(budget: &Budget) -> u64 {
    match budget.guesses_by(100 * DAY_MS) {
        Reach::Guesses(guesses) => guesses,
        Reach::Unlimited => u64::MAX,
    }
}

/// What is told of a reading: of its cases the one that whoever guesses likes best, and how far the others are from it.
pub(super) struct Figures {
    cases: usize,
    untouched: Side,
    pulls: Side,
    codes: u64,
    all_codes: u64,
    defaults: u64,
    owner: Option<Owner>,
    bypass: Option<Bypass>,
    bypassed_cases: usize,
    wear: Option<Wear>,
    offers: Offers,
}

/// The guesses of somebody, over cases.
pub(super) struct Side {
    /// Fewest and most guesses by each of the times.
    by: Vec<(Reach, Reach)>,
    rate: (Rate, Rate),
    /// The latest and the earliest instant of the last code.
    exhausted_ms: (Option<u64>, Option<u64>),
}

fn reach_key(reach: Reach) -> u64 {
    match reach {
        Reach::Guesses(guesses) => guesses,
        Reach::Unlimited => u64::MAX,
    }
}

impl Side {
    pub(super) fn of(budgets: &[(&Budget, Rate, u64)], times: &Times) -> Self {
        let by = times
            .0
            .iter()
            .map(|(_, ms)| {
                let all = || budgets.iter().map(|(budget, ..)| budget.guesses_by(*ms));
                let least = all().min_by_key(|reach| reach_key(*reach)).unwrap_or(Reach::Guesses(0));
                let most = all().max_by_key(|reach| reach_key(*reach)).unwrap_or(Reach::Guesses(0));
                (least, most)
            })
            .collect();
        let day = |rate: &Rate| rate.per_day().unwrap_or(f64::INFINITY);
        let rates = || budgets.iter().map(|(_, rate, _)| *rate);
        let last = budgets.iter().map(|(budget, _, codes)| budget.instant_ms(*codes));
        let instants: Vec<Option<u64>> = last.collect();
        let never = |ms: &Option<u64>| ms.unwrap_or(u64::MAX);
        Self {
            by,
            rate: (
                rates().min_by(|a, b| day(a).total_cmp(&day(b))).unwrap_or(Rate::NONE),
                rates().max_by(|a, b| day(a).total_cmp(&day(b))).unwrap_or(Rate::NONE),
            ),
            exhausted_ms: (
                instants.iter().copied().max_by_key(never).flatten(),
                instants.iter().copied().min_by_key(never).flatten(),
            ),
        }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let mut cells: Vec<String> = self.by.iter().map(|(least, most)| range(&reach(*least), &reach(*most))).collect();
        cells.push(range(&a_day(self.rate.0), &a_day(self.rate.1)));
        cells.push(range(&last(self.exhausted_ms.1), &last(self.exhausted_ms.0)));
        cells
    }

    /// The best chance by each of the times, of so many codes.
    fn chances(&self, codes: u64) -> Vec<String> {
        let chance = |most: Reach| match most {
            Reach::Guesses(guesses) => chance(guesses, codes),
            Reach::Unlimited => "100 %".to_owned(),
        };
        self.by.iter().map(|(_, most)| chance(*most)).collect()
    }

    pub(super) fn json(&self, times: &Times) -> Value {
        let guesses = |reach: Reach| match reach {
            Reach::Guesses(guesses) => json!(guesses),
            Reach::Unlimited => json!("unlimited"),
        };
        let by: Vec<Value> = times
            .0
            .iter()
            .zip(&self.by)
            .map(|((_, ms), (least, most))| json!({ "by_ms": ms, "least": guesses(*least), "most": guesses(*most) }))
            .collect();
        json!({
            "guesses": by,
            "long_run": { "least": self.rate.0, "most": self.rate.1 },
            "exhausted_ms": { "earliest": self.exhausted_ms.1, "latest": self.exhausted_ms.0 },
        })
    }
}

/// Rows of cells, each column as wide as its widest.
fn table(rows: &[(String, Vec<String>)]) -> Vec<String> {
    let columns = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|(_, cells)| cells.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |(name, cells): &(String, Vec<String>)| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("    {name:<16}{}", cells.collect::<String>())
    };
    rows.iter().map(line).collect()
}

fn range(from: &str, to: &str) -> String {
    if from == to { from.to_owned() } else { format!("{from}..{to}") }
}

/// Guesses in a hundred that are right, if all codes are as likely.
fn chance(guesses: u64, codes: u64) -> String {
    let hundredths = u128::from(guesses.min(codes)) * 10_000 / u128::from(codes.max(1));
    match hundredths {
        10_000.. => "100 %".to_owned(),
        1_000.. => format!("{} %", hundredths / 100),
        _ => format!("{}.{:02} %", hundredths / 100, hundredths % 100),
    }
}

fn reach(reach: Reach) -> String {
    match reach {
        Reach::Guesses(guesses) => guesses.to_string(),
        Reach::Unlimited => "any".to_owned(),
    }
}

fn a_day(rate: Rate) -> String {
    match rate.per_day() {
        None => "any".to_owned(),
        Some(0.0) => "none".to_owned(),
        Some(day) if day >= 10.0 => format!("{day:.1}"),
        Some(day) => format!("{day:.2}"),
    }
}

fn last(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), time)
}

/// A long time in its largest unit.
pub(super) fn time(ms: u64) -> String {
    const YEAR_MS: u64 = 365 * DAY_MS;
    for (unit, size) in [("years", YEAR_MS), ("days", DAY_MS), ("h", HOUR_MS), ("min", 60_000)] {
        if ms >= 2 * size || ms >= size && ms.is_multiple_of(size) {
            let tenths = ms / (size / 10);
            let unit = if tenths == 10 { unit.trim_end_matches('s') } else { unit };
            return if tenths.is_multiple_of(10) {
                format!("{} {unit}", tenths / 10)
            } else {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{} s", ms.div_ceil(1_000))
}

impl Figures {
    pub(super) fn of(worth: &ReadingWorth<'_>, times: &Times) -> Self {
        let codes = |space: &Space| space.typable;
        let takes_codes = || worth.cases.iter().filter_map(|case: &CaseWorth| Some((case, case.worth.as_ref()?)));
        let side = |pick: fn(&Worth) -> (&Budget, Rate)| {
            let budgets = takes_codes().map(|(case, worth)| {
                let (budget, rate) = pick(worth);
                (budget, rate, codes(&case.space))
            });
            Side::of(&budgets.collect::<Vec<_>>(), times)
        };
        let bypassed = || takes_codes().filter_map(|(_, worth)| worth.bypass.as_ref());
        let owners = || takes_codes().map(|(_, worth)| &worth.owner);
        let owner = owners().next().map(|_| Owner {
            always_gets_in: owners().all(|owner| owner.always_gets_in),
            worst_wait_ms: owners().filter_map(|owner| owner.worst_wait_ms).max(),
            endless_states: owners().map(|owner| owner.endless_states).max().unwrap_or(0),
            cut_restarts_wait_ms: owners().filter_map(|owner| owner.cut_restarts_wait_ms).min(),
            accident: owners().filter_map(|o| o.accident.clone()).min_by_key(|a| (a.wrong_codes, a.ms)),
        });
        let spaces = || takes_codes().map(|(case, _)| case.space);
        Self {
            cases: takes_codes().count(),
            untouched: side(|worth| (&worth.untouched, worth.untouched_rate)),
            pulls: side(|worth| (&worth.pulls, worth.pulls_rate)),
            codes: spaces().map(|space| space.typable).min().unwrap_or(0),
            all_codes: spaces().map(|space| space.codes).min().unwrap_or(0),
            defaults: spaces().map(|space| space.defaults).max().unwrap_or(0),
            owner,
            bypass: bypassed().min_by_key(|bypass| (bypass.at_ms, bypass.guess)).cloned(),
            bypassed_cases: bypassed().count(),
            offers: Offers::of(worth, times),
            wear: worth
                .reading
                .cases
                .iter()
                .map(|case| headlock_analysis::wear(&case.policies[0], super::SERVICE_YEARS))
                .max_by_key(|wear| wear.cycles),
        }
    }

    pub(super) fn of_policy(worth: &Worth, codes: u64, wear: Wear, times: &Times) -> Self {
        Self {
            cases: 1,
            untouched: Side::of(&[(&worth.untouched, worth.untouched_rate, codes)], times),
            pulls: Side::of(&[(&worth.pulls, worth.pulls_rate, codes)], times),
            codes,
            all_codes: codes,
            defaults: 0,
            owner: Some(worth.owner.clone()),
            bypass: worth.bypass.clone(),
            bypassed_cases: usize::from(worth.bypass.is_some()),
            wear: Some(wear),
            offers: Offers::NOTHING,
        }
    }

    pub(super) fn print(&self, name: &str, times: &Times) {
        let Some(owner) = &self.owner else {
            paint::item("·", &format!("{name}: takes no codes"));
            self.offers.print();
            return;
        };
        let cases = if self.cases > 1 { format!(", {} cases of what is open", self.cases) } else { String::new() };
        paint::item("·", &format!("{name}{cases}"));
        let names: Vec<String> = times.0.iter().map(|(name, _)| name.clone()).collect();
        let codes = format!("all {} codes", self.codes);
        let mut rows = vec![
            ("guesses within".to_owned(), [names, vec!["a day for ever".to_owned(), codes]].concat()),
            ("supply untouched".to_owned(), self.untouched.cells()),
            ("plugs pulled".to_owned(), self.pulls.cells()),
            ("best chance".to_owned(), self.pulls.chances(self.codes)),
        ];
        rows.extend(self.offers.rows());
        for line in table(&rows) {
            crate::paint::say!("{line}");
        }
        if self.codes < self.all_codes {
            paint::indented(4, &format!("the panel can type {} of {} codes", self.codes, self.all_codes));
        }
        if self.defaults > 0 {
            paint::indented(
                4,
                &format!("{} codes are said to open every such unit; they are tried first", self.defaults),
            );
        }
        if let Some(bypass) = &self.bypass {
            let otherwise = bypass.otherwise_ms.map_or_else(|| "never".to_owned(), |ms| format!("after {}", time(ms)));
            paint::indented(
                4,
                &format!(
                    "pulling pays in {} of {} cases: guess {} comes after {} and otherwise {otherwise}; --scripts writes it down",
                    self.bypassed_cases,
                    self.cases,
                    bypass.guess,
                    time(bypass.at_ms)
                ),
            );
        }
        self.offers.print();
        paint::indented(4, &owner_can_count_on(owner));
        if let Some(wear) = self.wear {
            paint::indented(
                4,
                &format!(
                    "memory: {} of {} cycles of a 24C64 in {} years of wrong codes",
                    wear.cycles,
                    wear.of,
                    super::SERVICE_YEARS
                ),
            );
        }
    }

    pub(super) fn json(&self, times: &Times) -> Value {
        json!({
            "cases": self.cases, "takes_codes": self.owner.is_some(),
            "codes": self.all_codes, "typable_codes": self.codes, "default_codes": self.defaults,
            "best_chance_percent": self.pulls.chances(self.codes), "untouched": self.untouched.json(times), "pulls": self.pulls.json(times),
            "owner": self.owner, "tools": self.offers.json(times), "bypass": self.bypass, "bypassed_cases": self.bypassed_cases, "wear": self.wear,
        })
    }
}

/// What the owner can count on, in a sentence.
fn owner_can_count_on(owner: &Owner) -> String {
    let gets_in = if owner.always_gets_in {
        "the owner's code always gets in, short of a lock-out for good".to_owned()
    } else {
        format!("the owner's code does not always get in: {} waits never end by themselves", owner.endless_states)
    };
    let wait =
        owner.worst_wait_ms.map_or_else(|| "nothing waits".to_owned(), |ms| format!("the worst wait is {}", time(ms)));
    let accident = owner.accident.as_ref().map_or_else(
        || "no accident locks it out for good".to_owned(),
        |accident| {
            format!(
                "{} wrong codes lock it out for good, after {} at the earliest",
                accident.wrong_codes,
                time(accident.ms)
            )
        },
    );
    let cut = owner.cut_restarts_wait_ms.map_or_else(
        || "a cut of the supply costs the owner less than a minute of it".to_owned(),
        |ms| {
            let shortest = if ms == 0 { "however short".to_owned() } else { format!("of {}", time(ms)) };
            format!("a cut of the supply, {shortest}, starts it again, and a loop of cuts never ends")
        },
    );
    let wait = if owner.worst_wait_ms.is_some() { format!("{wait}; {cut}") } else { wait };
    format!("{gets_in}; {wait}; {accident}")
}

pub(super) fn json_of(unit: &Unit, readings: &[(String, Figures)], times: &Times) -> Value {
    let readings: Vec<Value> = readings
        .iter()
        .map(|(name, figures)| {
            let mut value = figures.json(times);
            value["reading"] = json!(name.rsplit('#').next());
            value
        })
        .collect();
    json!({ "unit": unit.identity.id, "readings": readings })
}
