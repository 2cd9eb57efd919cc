//! What somebody does to a unit, as a script that `headlock drive` replays.

use std::fmt::Write as _;

use headlock_profile::behaviour::{Behaviour, From, LockKind, OnWith, VehicleNeed};
use headlock_profile::typing::{self, PRESS_MS, Press};
use headlock_twin::{BETWEEN_MS, MOMENT_MS};

use crate::accident::Accident;
use crate::graph::{Act, PULL_MS};
use crate::offers::Opening;
use crate::tools::{Deed, Tool, word};
use crate::worth::Bypass;

const IGNITIONS: [&str; 4] = ["off", "acc", "on", "engine"];

/// The unit that the scripts are for.
#[derive(Clone, Copy, Debug)]
pub struct ScriptFor<'a> {
    /// Its id.
    pub unit: &'a str,
    /// The reading.
    pub reading: &'a str,
    /// The case, from 1.
    pub case: usize,
    /// How it behaves.
    pub behaviour: &'a Behaviour,
    /// Its tools, as acts number them.
    pub tools: &'a [Tool],
}

impl ScriptFor<'_> {
    /// An attack: the guess that comes sooner for who `does` so.
    pub fn attack(&self, bypass: &Bypass, does: &str) -> String {
        let otherwise = bypass.otherwise_ms.map_or_else(|| "never".to_owned(), |ms| format!("only after {}", time(ms)));
        let first = format!("Guess {} after {}; {does} it comes {otherwise}.", bypass.guess, time(bypass.at_ms));
        self.rows(&first, &bypass.acts).0
    }

    /// An accident that ends in a lock-out for good.
    pub fn accident(&self, accident: &Accident) -> String {
        let first = format!("{} wrong codes lock it out for good, after {}.", accident.wrong_codes, time(accident.ms));
        ended(self.rows(&first, &accident.acts), "state locked-out")
    }

    /// A way that opens it without a code; none where nobody knows the name of the file that it takes.
    pub fn opening(&self, opening: &Opening) -> Option<String> {
        let tool = self.tools.get(opening.tool)?;
        if tool.deeds.iter().any(|deed| matches!(deed, Deed::Usb { file: None, .. })) {
            return None;
        }
        let first = format!("Open after {} without a code: {}.", time(opening.at_ms), tool.name);
        Some(ended(self.rows(&first, &opening.acts), "state open"))
    }

    /// The script, and whether its last row expects something already.
    fn rows(&self, first: &str, acts: &[(Act, u64)]) -> (String, bool) {
        let used = acts.iter().filter_map(|(act, _)| self.tool(*act));
        let firmware =
            used.clone().filter(|tool| !tool.firmware.is_any()).find_map(|tool| tool.example_firmware.as_ref());
        let firmware = firmware.map_or_else(String::new, |version| format!(" firmware {version}"));
        let (unit, reading, case) = (self.unit, self.reading, self.case);
        let mut rows = Rows { behaviour: self.behaviour, out: String::new(), ignition: 0, on: false };
        rows.row(format_args!("# {first}\nunit {unit} reading {reading} case {case}{firmware} locked"));
        let elsewhere = matches!(self.behaviour.kind, LockKind::Pairing | LockKind::PairingOrCode);
        if elsewhere || used.clone().any(|tool| tool.vehicle == VehicleNeed::Other) {
            rows.row(format_args!("vehicle other"));
        }
        let mut expects = false;
        for (act, ms) in acts {
            expects = matches!(act, Act::Guess);
            match self.tool(*act) {
                Some(tool) => tool.deeds.iter().for_each(|deed| rows.deed(deed)),
                None => rows.act(*act, *ms),
            }
        }
        (rows.out, expects)
    }

    fn tool(&self, act: Act) -> Option<&Tool> {
        let Act::Tool(number) = act else { return None };
        self.tools.get(usize::from(number))
    }
}

/// The script with one more expectation in its last row.
fn ended((mut script, expects): (String, bool), wanted: &str) -> String {
    script.truncate(script.trim_end().len());
    script.push_str(if expects { " " } else { " -> " });
    script + wanted + "\n"
}

/// Rows, and how the car stands after them.
struct Rows<'a> {
    behaviour: &'a Behaviour,
    out: String,
    ignition: usize,
    on: bool,
}

impl Rows<'_> {
    fn row(&mut self, row: std::fmt::Arguments<'_>) {
        // Writing into a text does not fail.
        let _ = writeln!(self.out, "{row}");
    }

    fn act(&mut self, act: Act, ms: u64) {
        match act {
            Act::Guess => {
                self.turn(2, true);
                self.row(format_args!("enter wrong -> verdict wrong"));
            }
            Act::Wait { ignition, unit_on } => {
                self.turn(usize::from(ignition).min(3), unit_on);
                // What lies between two rows takes a moment; a second more makes sure.
                self.row(format_args!("wait {}", time(ms + 1_000)));
            }
            Act::Cut { .. } => self.cut(ms),
            Act::IgnitionCycle => {
                self.turn(0, false);
                self.turn(2, true);
            }
            Act::KeyCycle => {
                self.turn(0, false);
                self.row(format_args!("key out\nkey in"));
            }
            Act::Extra => {
                self.turn(2, true);
                let gesture = self.behaviour.tries.extra.as_ref().map(|extra| typing::gesture(&extra.gesture));
                self.presses(&gesture.unwrap_or_default());
            }
            Act::Touch => {
                self.turn(2, true);
                if let Some(key) = self.behaviour.entry.keys.first().or(self.behaviour.keys.first()) {
                    self.row(format_args!("press {}", quoted(key)));
                }
            }
            Act::Tool(_) => {}
        }
    }

    fn deed(&mut self, deed: &Deed) {
        self.turn(2, true);
        match deed {
            Deed::Presses(presses) => self.presses(presses),
            Deed::Pinhole { ms } => self.row(format_args!("pinhole {}", time(*ms))),
            Deed::Usb { filesystem, file } => {
                self.row(format_args!("usb {filesystem} {}", quoted(file.as_deref().unwrap_or_default())));
            }
            Deed::Ask { tester, request } => self.row(format_args!("diag {} {}", quoted(tester), word(*request))),
            Deed::Home => self.row(format_args!("vehicle home")),
            Deed::Wait { ms } => self.row(format_args!("wait {}", time(*ms))),
            Deed::Pull => self.cut(PULL_MS),
        }
    }

    fn cut(&mut self, ms: u64) {
        self.row(format_args!("supply cut {}", time(ms)));
        if self.behaviour.power.on_with == OnWith::Key {
            self.on = false;
        }
    }

    /// The ignition so, and the unit too where it has a key for that.
    fn turn(&mut self, to: usize, on: bool) {
        let before = std::mem::replace(&mut self.ignition, to);
        if before != to {
            self.row(format_args!("ignition {}", IGNITIONS[to]));
        }
        match (before, to) {
            (_, 0) => self.on = false,
            (0, _) => self.on = self.behaviour.power.on_with != OnWith::Key,
            _ => {}
        }
        if let (true, Some(power)) = (self.on != on && to > 0, &self.behaviour.power.key) {
            self.on = on;
            self.row(format_args!("press {}", quoted(power)));
        }
    }

    fn presses(&mut self, all: &[Press]) {
        for (index, press) in all.iter().enumerate() {
            if index > 0 {
                self.row(format_args!("wait {}", time(BETWEEN_MS)));
            }
            self.press(press);
        }
    }

    fn press(&mut self, press: &Press) {
        match press {
            Press::Key { key, hold_ms } if *hold_ms == PRESS_MS => self.row(format_args!("press {}", quoted(key))),
            Press::Key { key, hold_ms } => self.row(format_args!("press {} for {}", quoted(key), time(*hold_ms))),
            Press::Together { keys, hold_ms } => {
                self.row(format_args!("hold {} for {}", quoted(&keys.join("+")), time(*hold_ms)));
            }
            Press::Turn { knob, clicks } => self.row(format_args!("turn {} {clicks}", quoted(knob))),
            Press::Pause { ms } => self.row(format_args!("wait {}", time(*ms))),
            Press::Start { keys, from, hold_ms } => self.start(keys, *from, *hold_ms),
        }
    }

    /// Off, keys held, on again, held on.
    fn start(&mut self, keys: &[String], from: From, hold_ms: u64) {
        let power = self.behaviour.power.key.as_ref().filter(|_| from == From::PowerOn);
        match power {
            Some(power) => self.row(format_args!("press {}", quoted(power))),
            None => self.row(format_args!("ignition off")),
        }
        self.row(format_args!("wait {}", time(MOMENT_MS)));
        let held: Vec<&String> = keys.iter().filter(|key| Some(*key) != power).collect();
        held.iter().for_each(|key| self.row(format_args!("keydown {}", quoted(key))));
        match power {
            Some(power) => {
                self.row(format_args!("keydown {}", quoted(power)));
                if keys.contains(power) {
                    self.row(format_args!("wait {}", time(hold_ms)));
                }
                self.row(format_args!("keyup {}", quoted(power)));
            }
            None => self.row(format_args!("ignition {}", IGNITIONS[self.ignition])),
        }
        self.row(format_args!("wait {}", time(hold_ms)));
        held.iter().for_each(|key| self.row(format_args!("keyup {}", quoted(key))));
    }
}

/// A word as scripts write it.
fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_whitespace() || ",#".contains(c)) { format!("\"{word}\"") } else { word.to_owned() }
}

/// A time as scripts write it.
fn time(ms: u64) -> String {
    let mut out = String::new();
    let mut rest = ms;
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= size {
            let _ = write!(out, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
