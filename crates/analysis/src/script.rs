//! An attack as a script that `headlock drive` replays.

use crate::graph::Act;
use crate::worth::Bypass;

const IGNITIONS: [&str; 4] = ["off", "acc", "on", "engine"];

/// The script for one case of a reading.
pub fn script(unit: &str, reading: &str, case: usize, bypass: &Bypass) -> String {
    let otherwise = bypass.otherwise_ms.map_or_else(|| "never".to_owned(), |ms| format!("only after {}", time(ms)));
    let mut out = format!(
        "# Guess {} after {}; with the supply untouched it comes {otherwise}.\nunit {unit} reading {reading} case {case} locked\n",
        bypass.guess,
        time(bypass.at_ms),
    );
    let mut ignition = 0;
    let mut turn = |out: &mut String, to: usize| {
        if std::mem::replace(&mut ignition, to) != to {
            out.push_str(&format!("ignition {}\n", IGNITIONS[to]));
        }
    };
    for (act, ms) in &bypass.acts {
        match act {
            Act::Guess => {
                turn(&mut out, 2);
                out.push_str("enter wrong -> verdict wrong\n");
            }
            Act::Wait { ignition, .. } => {
                turn(&mut out, usize::from(*ignition).min(3));
                // What lies between two rows takes a moment; a second more makes sure.
                out.push_str(&format!("wait {}\n", time(ms + 1_000)));
            }
            Act::Cut { .. } => out.push_str(&format!("supply cut {}\n", time(*ms))),
            Act::IgnitionCycle => {
                turn(&mut out, 0);
                turn(&mut out, 2);
            }
            Act::KeyCycle => {
                turn(&mut out, 0);
                out.push_str("key out\nkey in\n");
            }
            Act::Extra => out.push_str("# here the gesture that gives attempts back\n"),
        }
    }
    out
}

/// A time as scripts write it.
fn time(ms: u64) -> String {
    let mut out = String::new();
    let mut rest = ms;
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
