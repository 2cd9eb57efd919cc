//! `headlock plan`: what to do next.

use headlock_advisor::{Cost, Plan, Proof, Trouble, plan, words};
use headlock_profile::{Code, Provenance};

use super::situation::{Options, bad};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

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
    code: Option<String>,
    /// Shows every reading that is out, and why.
    #[arg(long)]
    why_not: bool,
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
    let code = args.code.as_deref().map(read_code).transpose()?;
    let situation = options.situation(&catalog)?;
    let plan = plan(&catalog, &situation, code.as_ref()).map_err(|error| bad(&error))?;
    if json {
        let text =
            serde_json::to_string_pretty(&plan).map_err(|why| Failure::input(format!("cannot print: {why}"), ""))?;
        println!("{text}");
    } else {
        print(&plan, args.why_not);
    }
    if plan.readings.is_empty() && plan.symptoms.is_empty() { Err(Failure::No) } else { Ok(()) }
}

/// A code from the command line or, for `-`, from standard input.
pub(super) fn read_code(text: &str) -> Result<Code, Failure> {
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
    Code::new(text, Provenance::Stated)
        .map_err(|error| Failure::input(error.to_string(), "the code as it was issued, like 0417; leading zeros count"))
}

fn print(plan: &Plan, why_not: bool) {
    paint::heading(&plan.headline);
    for note in &plan.notes {
        paint::indented(0, &format!("Note: {note}."));
    }
    steps(plan);
    do_not(plan);
    ways(plan);
    typing(plan);
    troubles("If a right code is refused, check before another attempt", &plan.if_refused);
    remarks("So that it does not happen again", &plan.keep);
    readings(plan, why_not);
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
        if let Some(proof) = &step.proof {
            anstream::println!("       {}", proved(proof));
            for example in proof.counterexamples.iter().take(3) {
                let harm: Vec<&str> = example.harm.iter().map(|harm| harm.words()).collect();
                paint::aside(9, &format!("but under {}: it {}", example.reading, harm.join(", ")));
            }
        }
    }
    paint::indented(
        2,
        &format!(
            "Entering a code now: {}; {}.",
            if plan.entering_now.safe { "safe" } else { "not now" },
            plan.entering_now.because
        ),
    );
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
            paint::aside(6, &format!("it would help under {}", warning.helps.join(", ")));
        }
    }
}

fn by_harm(hurts: &[headlock_advisor::Counterexample]) -> Vec<(String, String)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for example in hurts {
        let harm = example.harm.iter().map(|harm| harm.words()).collect::<Vec<_>>().join(", ");
        match groups.iter_mut().find(|(words, _)| *words == harm) {
            Some((_, names)) => names.push(&example.reading),
            None => groups.push((harm, vec![&example.reading])),
        }
    }
    groups.into_iter().map(|(harm, names)| (harm, names.join(", "))).collect()
}

fn ways(plan: &Plan) {
    if plan.ways.is_empty() {
        return;
    }
    paint::heading("Ways, the best first");
    for (index, way) in plan.ways.iter().enumerate() {
        let careful = if way.careful { ", with care" } else { "" };
        let lacking =
            if way.lacking.is_empty() { String::new() } else { format!("; you need: {}", way.lacking.join(", ")) };
        paint::item(
            &format!("{}.", index + 1),
            &format!("{} (gives {}{careful}{lacking}){}", way.title, way.gives, paint::sources(&way.sources)),
        );
        for cost in &way.estimates {
            paint::aside(7, &cost_words(cost));
        }
        if !way.risk.is_empty() {
            paint::aside(7, &format!("risk: {}", way.risk));
        }
        for step in &way.steps {
            paint::indented(7, &format!("- {step}"));
        }
        if let Some(proof) = &way.proof {
            anstream::println!("       {}", proved(proof));
        }
    }
    let others: Vec<String> = plan.refused_ways.iter().map(|way| format!("{} ({})", way.title, way.because)).collect();
    if !others.is_empty() {
        paint::heading("Ways that are not advised here");
        others.iter().for_each(|way| paint::item("-", way));
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
        parts.push(if from == to { time(from) } else { format!("{} to {}", time(from), time(to)) });
    }
    parts.extend(cost.effort.map(|effort| format!("{effort} effort")));
    if let Some((from, to)) = cost.success_percent {
        parts.push(if from == to { format!("{from} % success") } else { format!("{from}-{to} % success") });
    }
    format!("{}{}", parts.join(", "), paint::sources(&cost.sources))
}

fn typing(plan: &Plan) {
    if plan.typing.is_empty() {
        return;
    }
    paint::heading("How the code is typed");
    if let Some(test) = &plan.tell_apart {
        paint::indented(2, &format!("The sources differ. Press {} once and look at the display:", test.key));
        for (shown, way) in &test.outcomes {
            let shown = if shown.is_empty() { "nothing" } else { shown };
            paint::item("-", &format!("it shows {shown}: {way}"));
        }
        anstream::println!("    {}: no attempt is used by this press", proved(&test.proof));
    }
    for typing in &plan.typing {
        paint::item("-", &typing.words);
        if !typing.presses.is_empty() {
            paint::indented(6, &typing.presses.join(", "));
        }
        if let Some(cannot) = &typing.cannot {
            paint::indented(6, &format!("your code cannot be typed so: {cannot}"));
        }
        paint::aside(6, &format!("under {}", typing.readings.join(", ")));
    }
}

fn troubles(title: &str, all: &[Trouble]) {
    if all.is_empty() {
        return;
    }
    paint::heading(title);
    for trouble in all {
        paint::item("-", &format!("{}: {}{}", trouble.title, trouble.means, paint::sources(&trouble.sources)));
        for check in &trouble.check {
            paint::indented(6, &format!("- {}{}", check.text, paint::sources(&check.sources)));
        }
    }
}

fn remarks(title: &str, all: &[headlock_advisor::Remark]) {
    if all.is_empty() {
        return;
    }
    paint::heading(title);
    all.iter().for_each(|remark| paint::item("-", &format!("{}{}", remark.text, paint::sources(&remark.sources))));
}

fn readings(plan: &Plan, why_not: bool) {
    paint::heading(&format!("Why: {} readings remain", plan.readings.len()));
    for reading in &plan.readings {
        let left = reading
            .attempts_left
            .map_or_else(|| "never locks out".to_owned(), |n| format!("{n} left before a lock-out"));
        paint::item(
            "-",
            &format!(
                "{}: {}, {}; it {}; {left}{}",
                reading.name,
                reading.unit,
                reading.title,
                reading.doing.join(" or "),
                paint::sources(&reading.sources)
            ),
        );
    }
    if plan.excluded.is_empty() {
        return;
    }
    if !why_not {
        paint::aside(
            2,
            &format!("{} are out; --why-not shows them, headlock identify says more.", plan.excluded.len()),
        );
        return;
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
