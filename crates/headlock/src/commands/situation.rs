//! The options with which an owner describes a car, and the questions that ask for them.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use headlock_advisor::{Attempts, BadSituation, Situation};
use headlock_profile::{BadFirmware, Catalog, Question};

use crate::failure::Failure;

/// What is known about the car.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The vehicle, like "Qashqai J10".
    #[arg(long)]
    pub vehicle: Option<String>,
    /// Its model year.
    #[arg(long, allow_hyphen_values = true, value_parser = year)]
    pub year: Option<i32>,
    /// A number on the unit's label or screen; may be repeated where there are several.
    #[arg(long)]
    pub serial: Vec<String>,
    /// Its firmware, like 1.05 or "SW: 1.05".
    #[arg(long)]
    pub firmware: Option<String>,
    /// What the front looks like; words of the question, see --ask.
    #[arg(long, value_delimiter = ',')]
    pub look: Vec<String>,
    /// What the display shows, like CODE or WAIT.
    #[arg(long)]
    pub display: Option<String>,
    /// Wrong codes entered so far; 3+ for three or more.
    #[arg(long, allow_hyphen_values = true)]
    pub attempts: Option<String>,
    /// The unit's id, if you are sure.
    #[arg(long)]
    pub unit: Option<String>,
    /// What else goes wrong, like asks-at-every-start.
    #[arg(long, value_delimiter = ',')]
    pub symptom: Vec<String>,
    /// What `headlock scan --out` has written; what is said here beside it counts more.
    #[arg(long, value_name = "FILE")]
    pub scan: Option<PathBuf>,
    /// What you have, like papers,sticker,scanner.
    #[arg(long, value_delimiter = ',')]
    pub has: Vec<String>,
}

impl Options {
    /// The situation they describe.
    pub(super) fn situation(&self, catalog: &Catalog) -> Result<Situation, Failure> {
        if let Some(path) = &self.scan {
            return self.filled_in(path)?.situation(catalog);
        }
        let firmware = self.firmware.as_deref().map(|text| text.replace(',', ".").parse()).transpose();
        let firmware = firmware.map_err(|error: BadFirmware| Failure::input(error.to_string(), "--firmware 1.05"))?;
        if let Some(serial) = self.serial.iter().find(|serial| serial.trim().is_empty() || serial.len() > 40) {
            return Err(Failure::input(
                match serial.len() {
                    0..=40 => format!("{serial:?} is no serial number"),
                    length => format!("a text of {length} bytes is no serial number"),
                },
                "the number on the unit's label, like CL12345678",
            ));
        }
        if self.display.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(Failure::input(
                "an empty text is nothing that a display shows",
                "what it shows, like --display CODE; for a dark one leave --display out and say --symptom no-reaction",
            ));
        }
        let unit = match &self.unit {
            Some(text) => Some(super::find_unit(catalog, text)?.identity.id.clone()),
            None => None,
        };
        Ok(Situation {
            vehicle: self.vehicle.clone(),
            year: self.year,
            unit,
            serials: self.serial.iter().map(|serial| bare(serial)).collect(),
            look: given(&self.look),
            firmware,
            display: self.display.clone(),
            attempts: attempts(self.attempts.as_deref())?,
            has: given(&self.has),
            symptoms: given(&self.symptom),
        })
    }

    /// With what was scanned, where nothing else is said.
    fn filled_in(&self, path: &Path) -> Result<Self, Failure> {
        let wrong = |why: String| {
            Failure::input(format!("{}: {why}", path.display()), "a file that `headlock scan --out FILE` has written")
        };
        let text = std::fs::read_to_string(path).map_err(|why| wrong(why.to_string()))?;
        let report: serde_json::Value = serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?;
        let scanned = report.get("situation").ok_or_else(|| wrong("it has no situation".to_owned()))?;
        let text = |name: &str| scanned.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let mut own = Self { scan: None, ..self.clone() };
        if own.serial.is_empty() {
            own.serial.extend(text("serial"));
        }
        own.firmware = own.firmware.or_else(|| text("firmware"));
        let counted = scanned.get("attempts").and_then(serde_json::Value::as_u64);
        own.attempts = own.attempts.or_else(|| counted.map(|count| count.to_string()));
        Ok(own)
    }

    /// Asks for what is not known yet, one question at a time; an empty answer means not known.
    pub(super) fn ask(&mut self, catalog: &Catalog, input: &mut impl BufRead) -> Result<(), Failure> {
        for question in &catalog.questions {
            let known = match question.id.as_str() {
                "vehicle" => self.vehicle.is_some(),
                "year" => self.year.is_some(),
                "look" => !self.look.is_empty(),
                "serial" => !self.serial.is_empty(),
                "firmware" => self.firmware.is_some(),
                "display" => self.display.is_some(),
                "attempts" => self.attempts.is_some(),
                "has" => !self.has.is_empty(),
                "symptom" => !self.symptom.is_empty(),
                _ => true,
            };
            if known || !self.matters(question, catalog) {
                continue;
            }
            // A wrong answer is asked for again; the end of input is no answer to all that follows.
            while let Some(answer) = put(question, input)? {
                let mut tried = self.clone();
                match tried.fill(&question.id, &answer).and_then(|()| tried.check(catalog)) {
                    Ok(()) => {
                        *self = tried;
                        break;
                    }
                    Err(failure) => failure.print(false),
                }
            }
        }
        Ok(())
    }

    /// Whether an answer could still change which readings remain, or what is advised.
    fn matters(&self, question: &Question, catalog: &Catalog) -> bool {
        let Ok(situation) = self.situation(catalog) else { return true };
        let Ok(identification) = headlock_advisor::identify(catalog, &situation) else { return true };
        let remaining = &identification.remaining;
        match question.id.as_str() {
            "firmware" => remaining.iter().any(|c| {
                !c.reading.firmware.is_any()
                    || c.states.iter().any(|s| s.case.behaviour.service.iter().any(|m| !m.firmware.is_any()))
            }),
            "look" => remaining.iter().any(|c| !c.unit.identity.look.is_empty()),
            _ => true,
        }
    }

    fn fill(&mut self, id: &str, answer: &str) -> Result<(), Failure> {
        let list = || answer.split([',', ' ']).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        match id {
            "vehicle" => self.vehicle = Some(answer.to_owned()),
            "year" => {
                let year = answer.parse().map_err(|_| Failure::input(format!("{answer:?} is no year"), "like 2011"))?;
                self.year = Some(year);
            }
            "look" => self.look = list(),
            "serial" => self.serial = vec![answer.to_owned()],
            "firmware" => self.firmware = Some(answer.to_owned()),
            "display" => self.display = Some(answer.to_owned()),
            "attempts" => self.attempts = Some(answer.to_owned()),
            "has" => self.has = list(),
            _ => self.symptom = list(),
        }
        Ok(())
    }

    fn check(&self, catalog: &Catalog) -> Result<(), Failure> {
        let situation = self.situation(catalog)?;
        headlock_advisor::identify(catalog, &situation).map(|_| ()).map_err(|error| bad(&error))
    }
}

/// Puts one question; `None` for no answer.
fn put(question: &Question, input: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let mut text = format!("\n{}\n", question.asks);
    if !question.how.is_empty() {
        text.push_str(&format!("  ({})\n", question.how));
    }
    for (index, answer) in question.answers.iter().enumerate() {
        text.push_str(&format!("  {}. {} [{}]\n", index + 1, answer.text, answer.id));
    }
    // Questions go to standard error, so that a plan can be piped.
    eprint!("{text}  your answer (empty: not known) > ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = input
        .read_line(&mut line)
        .map_err(|why| Failure::input(format!("cannot read an answer: {why}"), "answer on standard input"))?;
    let answer = line.trim();
    if read == 0 || answer.is_empty() {
        eprintln!();
        return Ok(None);
    }
    let by_number = |word: &str| {
        word.parse::<usize>().ok().and_then(|n| question.answers.get(n.checked_sub(1)?)).map(|a| a.id.clone())
    };
    let words: Vec<String> =
        answer.split(',').map(str::trim).map(|word| by_number(word).unwrap_or_else(|| word.to_owned())).collect();
    Ok(Some(words.join(",")))
}

/// A number without what a label prints before it.
fn bare(serial: &str) -> String {
    let mut text = serial.trim();
    for label in ["serial number", "serial no", "serial", "s/n", "sn"] {
        if text.len() > label.len()
            && text.is_char_boundary(label.len())
            && text[..label.len()].eq_ignore_ascii_case(label)
        {
            let rest = &text[label.len()..];
            if rest.starts_with([':', '.', ' ']) {
                text = rest.trim_start_matches([':', '.', ' ']);
                break;
            }
        }
    }
    text.to_owned()
}

/// The words that say something.
fn given(words: &[String]) -> Vec<String> {
    words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

fn year(text: &str) -> Result<i32, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no year; write it like 2011"))
}

fn attempts(text: Option<&str>) -> Result<Attempts, Failure> {
    let Some(text) = text else { return Ok(Attempts::Unknown) };
    let (number, more) = text.strip_suffix('+').map_or((text, false), |number| (number, true));
    match number.trim().parse::<u16>() {
        Ok(n) if n <= 1000 => Ok(if more { Attempts::AtLeast(n) } else { Attempts::Exactly(n) }),
        _ => Err(Failure::input(
            format!("{text:?} is no count of wrong codes"),
            "a number like 3, or 3+ for three or more",
        )),
    }
}

/// A situation that cannot be, as a failure.
pub(super) fn bad(error: &BadSituation) -> Failure {
    Failure::input(error.to_string(), error.help())
}
