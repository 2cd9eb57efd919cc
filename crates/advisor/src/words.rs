//! Presses, ways to type and times, in plain words.

use headlock_profile::behaviour::{Behaviour, ConfirmSpec, From, GestureSpec, Style};
use headlock_profile::typing::{PRESS_MS, Press};

/// Presses as instructions, equal ones joined.
pub fn presses(all: &[Press]) -> Vec<String> {
    let mut out: Vec<(String, usize)> = Vec::new();
    for press in all {
        let words = one(press);
        match out.last_mut() {
            Some((last, count)) if *last == words => *count += 1,
            _ => out.push((words, 1)),
        }
    }
    out.into_iter().map(|(words, count)| if count == 1 { words } else { format!("{words}, {count} times") }).collect()
}

fn one(press: &Press) -> String {
    match press {
        Press::Key { key, hold_ms } if *hold_ms <= PRESS_MS => format!("press {key}"),
        Press::Key { key, hold_ms } => format!("hold {key} for {}", short(*hold_ms)),
        Press::Together { keys, hold_ms } => format!("hold {} together for {}", keys.join(" and "), short(*hold_ms)),
        Press::Start { keys, from, hold_ms } => {
            let what = match from {
                From::IgnitionOn => "the ignition",
                From::PowerOn => "the unit",
            };
            format!("hold {} while you switch {what} off and on, and for {} more", keys.join(" and "), short(*hold_ms))
        }
        Press::Turn { knob, clicks } if *clicks > 0 => format!("turn {knob} {clicks} clicks clockwise"),
        Press::Turn { knob, clicks } => format!("turn {knob} {} clicks the other way", -clicks),
        Press::Pause { ms } => format!("touch nothing for {}", short(*ms)),
    }
}

/// A hold, to the half second: gestures are held a tenth longer than they need.
fn short(ms: u64) -> String {
    let halves = (ms.saturating_sub(100)).div_ceil(500).max(1);
    match (halves / 2, halves % 2) {
        (0, _) => "half a second".to_owned(),
        (s, 0) => format!("{s} s"),
        (s, _) => format!("{s}.5 s"),
    }
}

/// How a code is typed on this panel, whatever the code.
pub fn typing(b: &Behaviour) -> String {
    let e = &b.entry;
    let keys = list(&e.keys);
    let mut words = match e.style {
        Style::KeyIsDigit | Style::TouchPad => format!("press the key of each digit in turn ({keys})"),
        Style::Hold => format!("hold the key of each digit until the next place appears ({keys})"),
        Style::PressCount => {
            let places =
                e.keys.iter().enumerate().map(|(i, key)| format!("key {key} until place {} shows its digit", i + 1));
            format!("press {}", places.collect::<Vec<_>>().join(", "))
        }
        Style::Dials => {
            let dials = e.dials.iter().map(|d| {
                format!(
                    "{} until place {} is right",
                    d.key,
                    d.places.iter().map(u8::to_string).collect::<Vec<_>>().join(" and ")
                )
            });
            format!("press {}", dials.collect::<Vec<_>>().join(", then "))
        }
        Style::Cursor => format!(
            "choose each digit with {}, go on with {}",
            [&e.up, &e.down].into_iter().flatten().cloned().collect::<Vec<_>>().join(" and "),
            e.next.as_deref().unwrap_or("the next key")
        ),
        Style::Rotary => format!(
            "turn {} to each digit, press {} to go on",
            e.knob.as_deref().unwrap_or("the knob"),
            e.next.as_deref().unwrap_or("it")
        ),
        Style::MultiTap => format!("tap each key until its character shows ({keys})"),
        Style::Diagnostics => {
            return "a tester enters the code through the diagnostic connector; the panel takes none".to_owned();
        }
    };
    if let Some(key) = &e.confirm_each {
        words.push_str(&format!(", press {key} after each"));
    }
    if let Some(open) = &e.open_with {
        words = format!("{} to open the entry, then {words}", gesture(open));
    }
    if b.power.sleeps_after_s.is_some() {
        words = format!("press a key to wake the display if it is dark, then {words}");
    }
    match &e.confirm {
        ConfirmSpec::Word(_) => words.push_str("; it checks after the last one by itself"),
        ConfirmSpec::Gesture(confirm) => words.push_str(&format!("; then {}", gesture(confirm))),
    }
    words
}

fn list(keys: &[String]) -> String {
    match keys {
        [first, .., last] if keys.len() > 2 && keys.iter().all(|key| key.len() == 1) => {
            format!("keys {first} to {last}")
        }
        _ => format!("keys {}", keys.join(", ")),
    }
}

/// A gesture as an instruction.
pub fn gesture(gesture: &GestureSpec) -> String {
    presses(&headlock_profile::typing::gesture(gesture)).join(", ")
}

/// A time in the largest units that fit, two at most.
pub fn time_s(s: u64) -> String {
    let parts: Vec<String> = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
        .into_iter()
        .scan(s, |rest, (scale, unit)| {
            let count = *rest / scale;
            *rest %= scale;
            Some((count, unit))
        })
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_presses_are_joined_and_holds_are_rounded() {
        let press = |key: &str, hold_ms| Press::Key { key: key.to_owned(), hold_ms };
        let all = [press("1", PRESS_MS), press("1", PRESS_MS), press("6", 2_100)];
        assert_eq!(presses(&all), ["press 1, 2 times", "hold 6 for 2 s"]);
    }

    #[test]
    fn a_time_has_two_units_at_most() {
        assert_eq!(time_s(0), "0 s");
        assert_eq!(time_s(7_260), "2 h 1 min");
        assert_eq!(time_s(86_400), "1 d");
        assert_eq!(time_s(90_061), "1 d 1 h");
    }
}
