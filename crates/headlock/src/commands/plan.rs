//! `headlock plan`: what to do next.

use headlock_advisor::{Cost, Counterexample, Plan, Proof, Trouble, TypingPlan, Way, plan, words};
use headlock_profile::{Code, Provenance};

use super::situation::{Options, bad};
use crate::failure::Failure;
use crate::paint;
use crate::script::Hidden;
use crate::store::Texts;
use crate::words::names;

/// Ways that the short form shows.
const SHORT: usize = 4;

/// Says what to do next, button by button, proved on the virtual unit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock plan --vehicle \"Qashqai J10\" --year 2011 --serial CL12345678 --display WAIT --attempts 3\n  headlock plan --serial BN23456789 --firmware \"SW: 1.05\" --display CODE --has papers\n  headlock plan --symptom asks-at-every-start\n  headlock plan --ask\n\nExits with 1 when no reading of the catalogue fits what you describe."
)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Asks one question at a time for what is not given.
    #[arg(long)]
    ask: bool,
    /// The code at hand, to get its exact presses; - reads it from standard input, which keeps it out of the shell's history.
    #[arg(long)]
    code: Option<Hidden>,
    /// Who issued the code at hand.
    #[arg(long, value_enum, requires = "code")]
    code_from: Option<CodeFrom>,
    /// Shows everything: all ways with their steps, all checks, every reading that is out and why.
    #[arg(long)]
    all: bool,
}

/// Who issued a code.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum CodeFrom {
    /// The car's papers, or the card that came with the unit.
    Papers,
    /// A sticker.
    Sticker,
    /// A dealer.
    Dealer,
    /// A production table.
    Table,
}

impl CodeFrom {
    const fn provenance(self) -> Provenance {
        match self {
            Self::Papers => Provenance::Papers,
            Self::Sticker => Provenance::Sticker,
            Self::Dealer => Provenance::Dealer,
            Self::Table => Provenance::Table,
        }
    }
}

/// Runs it.
///
/// # Errors
/// The situation cannot be, or no reading remains.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let catalog = texts.catalog()?;
    let mut options = args.options.clone();
    if args.ask {
        options.ask(&catalog, &mut std::io::stdin().lock())?;
    }
    let from = args.code_from.map_or(Provenance::Stated, CodeFrom::provenance);
    let code = args.code.as_ref().map(|text| read_code(text, from)).transpose()?;
    let situation = options.situation(&catalog)?;
    let plan = plan(&catalog, &situation, code.as_ref()).map_err(|error| bad(&error))?;
    if json {
        let text =
            serde_json::to_string_pretty(&plan).map_err(|why| Failure::input(format!("cannot print: {why}"), ""))?;
        crate::paint::say!("{text}");
    } else {
        print(&plan, args.all);
    }
    if plan.readings.is_empty() && plan.symptoms.is_empty() { Err(Failure::No) } else { Ok(()) }
}

/// A code from the command line or, for `-`, from standard input.
pub(super) fn read_code(text: &str, from: Provenance) -> Result<Code, Failure> {
    let typed;
    let text = if text == "-" {
        let mut line = zeroize::Zeroizing::new(String::new());
        std::io::stdin()
            .read_line(&mut line)
            .map_err(|why| Failure::input(format!("cannot read the code: {why}"), "one line on standard input"))?;
        typed = line;
        typed.trim()
    } else {
        text
    };
    Code::new(text, from)
        .map_err(|error| Failure::input(error.to_string(), "the code as it was issued, like 0417; leading zeros count"))
}

fn print(plan: &Plan, all: bool) {
    paint::heading(&plan.headline);
    for note in &plan.notes {
        let end = if note.ends_with(['.', '?']) { "" } else { "." };
        paint::indented(0, &format!("Note: {note}{end}"));
    }
    steps(plan);
    do_not(plan);
    ways(plan, all);
    typing(plan, all);
    troubles("If a right code is refused, check before another attempt", &plan.if_refused, all);
    if all {
        paint::heading("So that it does not happen again");
        for remark in &plan.keep {
            paint::item("-", &format!("{}{}", remark.text, paint::sources(&remark.sources)));
        }
    }
    readings(plan, all);
    if !all {
        paint::aside(
            0,
            "\n--all shows every way with its steps, every check, how to keep it from happening again, and what is out.",
        );
    }
}

fn proved(proof: &Proof) -> String {
    let style = if proof.is_safe() { paint::GOOD } else { paint::BAD };
    format!("{style}{}{style:#}", proof.words())
}

fn steps(plan: &Plan) {
    if plan.steps.is_empty() {
        return;
    }
    paint::heading("What to do");
    for (index, step) in plan.steps.iter().enumerate() {
        paint::item(&format!("{}.", index + 1), &step.text);
        if !step.under.is_empty() {
            paint::aside(5, &format!("under {}", names(&step.under)));
        }
        if !step.ends_wait_under.is_empty() {
            paint::aside(5, &format!("ends the wait under {}", names(&step.ends_wait_under)));
        }
        if let Some(proof) = &step.proof {
            crate::paint::say!("     {}", proved(proof));
            for (harm, names) in by_harm(&proof.counterexamples) {
                paint::aside(7, &format!("but it {harm} under {names}"));
            }
        }
    }
    let entering = &plan.entering_now;
    paint::indented(2, &format!("Entering a code now: {}; {}.", entering.verdict, entering.because));
}

fn do_not(plan: &Plan) {
    if plan.do_not.is_empty() {
        return;
    }
    paint::heading("What not to do");
    for warning in &plan.do_not {
        paint::item("-", &format!("{}{}", warning.text, paint::sources(&warning.sources)));
        for (harm, names) in by_harm(&warning.hurts) {
            paint::aside(6, &format!("{harm} under {names}"));
        }
        if !warning.helps.is_empty() {
            paint::aside(6, &format!("it helps under {} only", names(&warning.helps)));
        }
    }
}

fn by_harm(hurts: &[Counterexample]) -> Vec<(String, String)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for example in hurts {
        let harm = example.harm.iter().map(|harm| harm.words()).collect::<Vec<_>>().join(", ");
        match groups.iter_mut().find(|(words, _)| *words == harm) {
            Some((_, names)) => names.push(example.reading.clone()),
            None => groups.push((harm, vec![example.reading.clone()])),
        }
    }
    groups.into_iter().map(|(harm, list)| (harm, names(&list))).collect()
}

fn ways(plan: &Plan, all: bool) {
    if plan.ways.is_empty() {
        return;
    }
    paint::heading("Ways, the best first");
    let shown = if all { plan.ways.len() } else { SHORT };
    // The short form shows ways to the code; the serial is a means to it, a reset is another matter.
    let short = plan.ways.iter().filter(|way| all || (way.gives == "the code" && !way.careful));
    for (index, way) in short.take(shown).enumerate() {
        self::way(index + 1, way, all);
    }
    if !all {
        return;
    }
    let others: Vec<String> = plan.refused_ways.iter().map(|way| format!("{} ({})", way.title, way.because)).collect();
    if !others.is_empty() {
        paint::heading("Ways that are not advised here");
        others.iter().for_each(|way| paint::item("-", way));
    }
}

fn way(number: usize, way: &Way, all: bool) {
    let careful = if way.careful { ", with care" } else { "" };
    let lacking =
        if way.lacking.is_empty() { String::new() } else { format!("; you need: {}", way.lacking.join(", ")) };
    let wait = if way.fits_the_wait() { "" } else { "; not while it waits" };
    let title = format!("{} (gives {}{careful}{lacking}{wait}){}", way.title, way.gives, paint::sources(&way.sources));
    paint::item(&format!("{number}."), &title);
    for cost in &way.estimates {
        paint::aside(7, &cost_words(cost));
    }
    if !all {
        return;
    }
    if !way.risk.is_empty() {
        paint::aside(7, &format!("risk: {}", way.risk));
    }
    for step in &way.steps {
        paint::indented(7, &format!("- {step}"));
    }
    if let Some(proof) = &way.proof {
        crate::paint::say!("       {}", proved(proof));
    }
}

fn cost_words(cost: &Cost) -> String {
    let mut parts = Vec::new();
    match cost.cost_rub {
        Some((0, 0)) => parts.push("free".to_owned()),
        Some((from, to)) if from == to => parts.push(format!("from {from} RUB")),
        Some((from, to)) => parts.push(format!("{from}-{to} RUB")),
        None => {}
    }
    if let Some((from, to)) = cost.time_min {
        let time = |minutes: u32| words::time_s(u64::from(minutes) * 60);
        parts.push(match (from, to) {
            (from, to) if from == to => time(from),
            (0, to) => format!("up to {}", time(to)),
            (from, to) => format!("{} to {}", time(from), time(to)),
        });
    }
    parts.extend(cost.effort.map(|effort| format!("{effort} effort")));
    if let Some((from, to)) = cost.success_percent {
        parts.push(if from == to { format!("{from} % success") } else { format!("{from}-{to} % success") });
    }
    format!("{}{}", parts.join(", "), paint::sources(&cost.sources))
}

/// The moves, each branch under what the display shows.
fn typing_plan(plan: &TypingPlan, depth: usize, all: bool) {
    let indent = " ".repeat(depth);
    paint::item(&format!("{indent}-"), &format!("{}.", plan.text));
    for branch in &plan.then {
        let under = if all { format!(" (under {})", names(&branch.under)) } else { String::new() };
        let end = match (branch.plays, &branch.next) {
            (true, _) => " done.",
            (false, None) => " Stop here and ask a dealer which unit it is.",
            (false, Some(_)) => "",
        };
        paint::item(&format!("{indent}  >"), &format!("{}:{end}{under}", branch.sees));
        if let Some(next) = &branch.next {
            typing_plan(next, depth + 4, all);
        }
    }
}

fn typing(plan: &Plan, all: bool) {
    if plan.typing.is_empty() {
        return;
    }
    paint::heading("How the code is typed");
    if let Some(moves) = &plan.typing_plan {
        paint::indented(
            2,
            "The sources differ. None of these moves costs an attempt under any of them while the code is right; leave out keys that your panel does not have:",
        );
        typing_plan(moves, 0, all);
        paint::item("-", "it shows anything else, or WAIT or ERROR: stop, and enter nothing more.");
    }
    if plan.typing_plan.is_some() && !all && plan.typing.iter().all(|typing| typing.presses.is_empty()) {
        return;
    }
    for typing in plan.typing.iter().filter(|typing| all || typing.cannot.is_none()) {
        paint::item("-", &typing.words);
        if !typing.presses.is_empty() {
            paint::indented(6, &typing.presses.join(", "));
        }
        if let Some(cannot) = &typing.cannot {
            paint::indented(6, &format!("your code cannot be typed so: {cannot}"));
        }
        paint::aside(6, &format!("under {}", names(&typing.readings)));
    }
}

fn troubles(title: &str, list: &[Trouble], all: bool) {
    if list.is_empty() {
        return;
    }
    paint::heading(title);
    let shown = if all { list.len() } else { 1 };
    for trouble in list.iter().take(shown) {
        paint::item("-", &format!("{}: {}{}", trouble.title, trouble.means, paint::sources(&trouble.sources)));
        for check in &trouble.check {
            paint::indented(6, &format!("- {}{}", check.text, paint::sources(&check.sources)));
        }
    }
}

fn readings(plan: &Plan, all: bool) {
    if plan.readings.is_empty() {
        return;
    }
    paint::heading(&format!(
        "Why: readings that remain: {}; units or readings that are out: {}",
        plan.readings.len(),
        plan.excluded.len()
    ));
    if !all {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for reading in &plan.readings {
            let left = reading
                .attempts_left
                .map_or_else(|| "never locks out".to_owned(), |n| format!("{n} left before a lock-out"));
            let line = format!(
                "{}; it {}; {left}{}",
                reading.title,
                reading.doing.join(" or "),
                paint::sources(&reading.sources)
            );
            match groups.iter_mut().find(|(known, _)| *known == line) {
                Some((_, list)) => list.push(reading.name.clone()),
                None => groups.push((line, vec![reading.name.clone()])),
            }
        }
        for (line, list) in groups {
            paint::item("-", &format!("{}: {line}", names(&list)));
        }
        return;
    }
    for reading in &plan.readings {
        let left = reading
            .attempts_left
            .map_or_else(|| "never locks out".to_owned(), |n| format!("{n} left before a lock-out"));
        let doing = reading.doing.join(" or ");
        let sources = paint::sources(&reading.sources);
        paint::item(
            "-",
            &format!("{}: {}, {}; it {doing}; {left}{sources}", reading.name, reading.unit, reading.title),
        );
        paint::aside(6, &format!("{}.", reading.why.join("; ")));
    }
    paint::heading("Out");
    for excluded in &plan.excluded {
        let name = excluded
            .reading
            .as_ref()
            .map_or_else(|| excluded.unit.clone(), |reading| format!("{}#{reading}", excluded.unit));
        paint::item("-", &format!("{name}: {}", excluded.because));
    }
}
