//! The expectations of a script, and whether they hold.

use headlock_lock::Span;
use headlock_profile::behaviour::LossWord;
use headlock_profile::closest;
use headlock_twin::{Answer, PhaseKind, Record, Verdict};

use super::event::duration;
use super::run::Running;
use super::text::{Word, Wrong};

/// Something that must hold after a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What it is about, as written.
    pub what: String,
    /// What it must be.
    pub value: String,
    check: Check,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Check {
    Display,
    Phase(usize),
    Failed,
    Rounds,
    InRound,
    Left,
    Penalty,
    Wait(Option<u64>),
    Audio,
    Navigation,
    Card,
    Beep(bool),
    Verdict,
    Answer,
    Label,
    Lost,
    Refused,
    Dead(bool),
    Frozen(bool),
    Changed(bool),
    Counts,
}

/// What was seen in place of what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is about.
    pub what: String,
    /// As expected.
    pub expected: String,
    /// As it is.
    pub is: String,
}

const PAIRS: [&str; 25] = [
    "state",
    "failed",
    "rounds",
    "in-round",
    "left",
    "penalty",
    "wait",
    "audio",
    "navigation",
    "card",
    "beep",
    "no-beep",
    "verdict",
    "answer",
    "label",
    "lost",
    "refused",
    "dead",
    "alive",
    "frozen",
    "awake",
    "lock",
    "changed",
    "unchanged",
    "counts",
];

const PHASES: [&str; 4] = ["open", "armed", "waiting", "locked-out"];

/// Reads expectations.
pub(super) fn parse(words: &[Word]) -> Result<Vec<Expectation>, Wrong> {
    let mut out = Vec::new();
    let mut rest = words;
    if let Some((first, tail)) = rest.split_first()
        && (first.quoted || !PAIRS.contains(&first.text.as_str()))
    {
        let value = if first.text == "off" && !first.quoted { String::new() } else { first.text.clone() };
        out.push(Expectation { what: "display".to_owned(), value, check: Check::Display });
        rest = tail;
    }
    while let Some((name, tail)) = rest.split_first() {
        let one = |check| Expectation { what: name.text.clone(), value: String::new(), check };
        let (expectation, used) = match name.text.as_str() {
            "beep" => (one(Check::Beep(true)), 0),
            "no-beep" => (one(Check::Beep(false)), 0),
            "refused" => (one(Check::Refused), 0),
            "dead" => (one(Check::Dead(true)), 0),
            "alive" => (one(Check::Dead(false)), 0),
            "frozen" => (one(Check::Frozen(true)), 0),
            "awake" => (one(Check::Frozen(false)), 0),
            "changed" => (one(Check::Changed(true)), 0),
            "unchanged" => (one(Check::Changed(false)), 0),
            _ => pair(name, tail)?,
        };
        out.push(expectation);
        rest = &tail[used..];
    }
    if out.is_empty() {
        return Err(Wrong::new(
            "->",
            "nothing is expected here",
            "name the display, or a pair such as `failed 1`; or leave out the arrow",
        ));
    }
    Ok(out)
}

fn pair(name: &Word, tail: &[Word]) -> Result<(Expectation, usize), Wrong> {
    let value = |index: usize, help: &str| {
        tail.get(index)
            .map(|word| word.text.clone())
            .ok_or_else(|| Wrong::new(&name.text, format!("`{}` of what?", name.text), help))
    };
    let among = |text: String, words: &[&str]| {
        if words.contains(&text.as_str()) {
            Ok(text)
        } else {
            Err(Wrong::new(
                &text,
                format!("`{text}` does not fit behind `{}`", name.text),
                format!("one of {}", words.join(", ")),
            ))
        }
    };
    let number = |text: String| {
        if text == "none" || text.parse::<u16>().is_ok() {
            Ok(text)
        } else {
            Err(Wrong::new(&text, format!("`{text}` is no number"), "a number, or `none`"))
        }
    };
    let (check, value, used) = match name.text.as_str() {
        "state" => (Check::Phase(0), among(value(0, "like `state armed`")?, &PHASES)?, 1),
        "lock" => {
            let index: usize = value(0, "like `lock 2 armed`")?
                .parse()
                .ok()
                .filter(|n| (1..=4).contains(n))
                .ok_or_else(|| Wrong::new("lock", "which lock?", "like `lock 2 armed`, counted from 1"))?;
            (Check::Phase(index - 1), among(value(1, "like `lock 2 armed`")?, &PHASES)?, 2)
        }
        "failed" => (Check::Failed, number(value(0, "like `failed 1`")?)?, 1),
        "rounds" => (Check::Rounds, number(value(0, "like `rounds 1`")?)?, 1),
        "in-round" => (Check::InRound, number(value(0, "like `in-round 1`")?)?, 1),
        "left" => (Check::Left, number(value(0, "like `left 3`")?)?, 1),
        "penalty" => (Check::Penalty, number(value(0, "like `penalty 1`")?)?, 1),
        "wait" => {
            let text = value(0, "like `wait 1h`")?;
            let ms = match text.as_str() {
                "none" | "never" => None,
                cycles
                    if cycles.ends_with("cycles")
                        || cycles.ends_with("cycle")
                        || cycles.ends_with("reboots")
                        || cycles.ends_with("reboot") =>
                {
                    None
                }
                time => Some(duration(time)?),
            };
            (Check::Wait(ms), text, 1)
        }
        "audio" => (Check::Audio, among(value(0, "like `audio on`")?, &["on", "off"])?, 1),
        "navigation" => (Check::Navigation, among(value(0, "like `navigation on`")?, &["on", "off"])?, 1),
        "card" => (Check::Card, among(value(0, "like `card on`")?, &["on", "off"])?, 1),
        "verdict" => (
            Check::Verdict,
            among(value(0, "like `verdict wrong`")?, &["opened", "wrong", "refused", "ignored", "none"])?,
            1,
        ),
        "answer" => (Check::Answer, value(0, "like `answer done`")?, 1),
        "label" => (Check::Label, value(0, "like `label hidden`")?, 1),
        "counts" => (Check::Counts, value(0, "like `counts 2345`")?, 1),
        "lost" => (Check::Lost, value(0, "like `lost stations`")?, 1),
        other if other.ends_with(',') => {
            return Err(Wrong::new(
                other,
                format!("unknown expectation `{other}`"),
                "expectations stand without commas",
            ));
        }
        other if other.chars().any(|c| c.is_ascii_uppercase()) => {
            return Err(Wrong::new(
                other,
                format!("unknown expectation `{other}`"),
                "what the display shows comes first behind the arrow, in quotes where it has spaces",
            ));
        }
        other => return Err(Wrong::new(other, format!("unknown expectation `{other}`"), closest(other, &PAIRS))),
    };
    Ok((Expectation { what: name.text.clone(), value, check }, used))
}

impl Expectation {
    /// What differs, if it does not hold.
    pub(super) fn differs(&self, running: &Running) -> Option<Seen> {
        let view = running.twin.view();
        let lock = view.locks[0];
        let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
        let number = |n: Option<u16>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let is = match &self.check {
            Check::Display => view.display.clone(),
            Check::Phase(index) => view.locks.get(*index).map_or("no such lock", |lock| lock.phase.word()).to_owned(),
            Check::Failed => lock.tally.failed.to_string(),
            Check::Rounds => lock.tally.rounds.to_string(),
            Check::InRound => lock.tally.in_round.to_string(),
            Check::Left => number(lock.attempts_left),
            Check::Penalty => number(lock.attempts_before_penalty),
            Check::Wait(ms) => match (lock.wait_left, ms) {
                (Some(Span::Time { ms: left }), Some(wanted)) if left.abs_diff(*wanted) <= 1000 => return None,
                (left, _) => span(left),
            },
            Check::Audio => on_off(view.audio),
            Check::Navigation => on_off(view.navigation),
            Check::Card => on_off(view.card),
            Check::Beep(wanted) => {
                let beeped = running.records.contains(&Record::Beep);
                if beeped == *wanted {
                    return None;
                }
                if beeped { "a beep" } else { "no beep" }.to_owned()
            }
            Check::Verdict => running.last_verdict().map_or("none", verdict_word).to_owned(),
            Check::Answer => answer_word(running.last_answer(), &self.value),
            Check::Label => match running
                .records
                .iter()
                .rev()
                .find_map(|r| if let Record::Label(label) = r { Some(label) } else { None })
            {
                Some(Some(text)) => text.clone(),
                Some(None) => "hidden".to_owned(),
                None => "nobody looked".to_owned(),
            },
            Check::Lost => {
                let words: Vec<&str> = view.lost.iter().map(loss_word).collect();
                if self.value == "nothing" && words.is_empty() || words.contains(&self.value.as_str()) {
                    return None;
                }
                if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
            }
            Check::Refused => {
                if running.was_refused() {
                    return None;
                }
                "done".to_owned()
            }
            Check::Dead(wanted) => {
                if view.bricked == *wanted {
                    return None;
                }
                if view.bricked { "dead" } else { "alive" }.to_owned()
            }
            Check::Frozen(wanted) => {
                if view.frozen == *wanted {
                    return None;
                }
                if view.frozen { "frozen" } else { "awake" }.to_owned()
            }
            Check::Changed(wanted) => {
                let changed = view.display != running.display_before;
                if changed == *wanted {
                    return None;
                }
                format!("{} (before: {})", view.display, running.display_before)
            }
            Check::Counts => running.twin.spec().counted_serial(),
        };
        let expected = match &self.check {
            Check::Changed(_) | Check::Beep(_) | Check::Refused | Check::Dead(_) | Check::Frozen(_) => {
                self.what.clone()
            }
            _ => self.value.clone(),
        };
        if is == expected {
            return None;
        }
        let dark = |text: String| if self.check == Check::Display && text.is_empty() { "off".to_owned() } else { text };
        Some(Seen { what: self.what.clone(), expected: dark(expected), is: dark(is) })
    }
}

/// What is left of a wait, in words.
pub fn span(span: Option<Span>) -> String {
    match span {
        None => "none".to_owned(),
        Some(Span::Endless) => "never".to_owned(),
        Some(Span::IgnitionCycles(n)) => format!("{n} ignition cycle{}", if n == 1 { "" } else { "s" }),
        Some(Span::KeyCycles(n)) => format!("{n} key cycle{}", if n == 1 { "" } else { "s" }),
        Some(Span::Reboots(n)) => format!("{n} reboot{}", if n == 1 { "" } else { "s" }),
        Some(Span::Time { ms }) => crate::words::time(ms),
    }
}

pub(super) const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Opened => "opened",
        Verdict::Wrong => "wrong",
        Verdict::Refused => "refused",
        Verdict::Ignored => "ignored",
    }
}

fn answer_word(answer: Option<&Answer>, wanted: &str) -> String {
    match answer {
        None => "nobody asked".to_owned(),
        Some(Answer::Done) => "done".to_owned(),
        Some(Answer::Serial(text) | Answer::Firmware(text)) => text.clone(),
        Some(Answer::Verdict(verdict)) => verdict_word(*verdict).to_owned(),
        Some(Answer::Refused(_)) if wanted == "refused" => "refused".to_owned(),
        Some(Answer::Refused(why)) => format!("refused ({why})"),
        Some(Answer::State { phase, .. }) => PhaseKind::word(*phase).to_owned(),
    }
}

/// The catalogue's word for a loss.
pub const fn loss_word(loss: &LossWord) -> &'static str {
    match loss {
        LossWord::Stations => "stations",
        LossWord::BluetoothPairings => "bluetooth-pairings",
        LossWord::NavigationSettings => "navigation-settings",
        LossWord::MapLicence => "map-licence",
        LossWord::SteeringWheelKeys => "steering-wheel-keys",
        LossWord::TripComputer => "trip-computer",
        LossWord::Settings => "settings",
    }
}
