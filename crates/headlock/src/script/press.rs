//! A press as rows of a script.

use headlock_profile::behaviour::From;
use headlock_profile::typing::{PRESS_MS, Press};

/// The rows that do what a press says.
pub(crate) fn rows(press: &Press) -> Vec<String> {
    match press {
        Press::Key { key, hold_ms } if *hold_ms <= PRESS_MS => vec![format!("press {key}"), "wait 200ms".to_owned()],
        Press::Key { key, hold_ms } => vec![format!("press {key} for {hold_ms}ms"), "wait 200ms".to_owned()],
        Press::Together { keys, hold_ms } => vec![format!("hold {} for {hold_ms}ms", keys.join("+"))],
        Press::Start { keys, from, hold_ms } => {
            let down = keys.iter().map(|key| format!("keydown {key}"));
            let up = keys.iter().map(|key| format!("keyup {key}"));
            let between = match from {
                From::IgnitionOn => {
                    vec!["ignition off".to_owned(), "ignition on".to_owned(), format!("wait {hold_ms}ms")]
                }
                // Units differ in the key that switches them on: a person knows it, a script does not.
                From::PowerOn => vec!["# switch the unit off and on".to_owned(), format!("wait {hold_ms}ms")],
            };
            down.chain(between).chain(up).collect()
        }
        Press::Turn { knob, clicks } => vec![format!("turn {knob} {clicks}")],
        Press::Pause { ms } => vec![format!("wait {ms}ms")],
    }
}
