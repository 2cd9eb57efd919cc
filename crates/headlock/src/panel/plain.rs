//! The panel as append-only text: events in, one line each, what the unit shows out.

use std::io::{BufRead, Write};

use headlock_twin::{Record, View};

use crate::failure::Failure;
use crate::script::{Running, loss_word, parse_events, span};

/// Reads events until the input ends; a line that cannot be understood changes nothing.
///
/// # Errors
/// Input or output is gone.
pub fn run(mut running: Running, input: &mut impl BufRead, output: &mut impl Write) -> Result<(), Failure> {
    let gone =
        |why: std::io::Error| Failure::input(format!("cannot go on: {why}"), "a terminal, or a pipe that stays open");
    writeln!(output, "{}", running.label).map_err(gone)?;
    writeln!(output, "keys: {}", running.twin.spec().keys().join(" ")).map_err(gone)?;
    writeln!(output, "{}", status(&running)).map_err(gone)?;
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line).map_err(gone)? == 0 || matches!(line.trim(), "quit" | "exit") {
            return Ok(());
        }
        if line.trim().is_empty() {
            continue;
        }
        for answer in happen(&mut running, &line) {
            writeln!(output, "{answer}").map_err(gone)?;
        }
    }
}

/// Lets a line of events happen, and says what came of it.
pub(super) fn happen(running: &mut Running, line: &str) -> Vec<String> {
    let events = match parse_events(line.trim()) {
        Ok(events) => events,
        Err(wrong) => return vec![format!("? {} ({})", wrong.what, wrong.help)],
    };
    let mut out = Vec::new();
    for event in &events {
        match running.happen(event) {
            Ok(()) => out.extend(running.records.iter().filter_map(words).map(|text| format!("  {text}"))),
            Err(wrong) => {
                out.push(format!("? {} ({})", wrong.what, wrong.help));
                break;
            }
        }
    }
    out.push(status(running));
    out
}

/// The clock, the display and the main lock, in one line.
pub(super) fn status(running: &Running) -> String {
    let view = running.twin.view();
    format!("{}  [{}]  {}", clock(running.twin.now_ms()), view.display, lock_words(&view))
}

/// Hours, minutes, seconds since the start.
pub(super) fn clock(now_ms: u64) -> String {
    let s = now_ms / 1000;
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// The main lock in words.
pub(super) fn lock_words(view: &View) -> String {
    let lock = view.locks[0];
    let mut words = vec![lock.phase.word().to_owned()];
    if lock.tally.failed > 0 {
        words.push(format!("failed {}", lock.tally.failed));
    }
    if lock.wait_left.is_some() {
        words.push(format!("wait left {}", span(lock.wait_left)));
    }
    if let Some(left) = lock.attempts_left {
        words.push(format!("{left} left"));
    }
    words.join(", ")
}

/// A record worth telling; changes of the display show in the status.
pub(super) fn words(record: &Record) -> Option<String> {
    Some(match record {
        Record::Screen(_) => return None,
        Record::Beep => "beep".to_owned(),
        Record::Attempt { verdict, .. } => format!("code {verdict:?}").to_lowercase(),
        Record::Phase { lock: 0, to } => format!("the lock is {}", to.word()),
        Record::Phase { lock, to } => format!("lock {} is {}", lock + 1, to.word()),
        Record::SupplyLost => "the supply is gone".to_owned(),
        Record::SupplyBack => "the supply is back".to_owned(),
        Record::Switched(on) => if *on { "switched on" } else { "switched off" }.to_owned(),
        Record::Restarted => "restarted".to_owned(),
        Record::WriteFailed => "a write failed; nothing was compared".to_owned(),
        Record::FailedClosed => "the record was damaged; the lock failed closed".to_owned(),
        Record::Lost(loss) => format!("lost: {}", loss_word(loss)),
        Record::EntryRestarted => "the entry starts again".to_owned(),
        Record::Woke => "the press only woke the display".to_owned(),
        Record::Froze => "the panel takes no key any more".to_owned(),
        Record::Bricked => "the unit is dead".to_owned(),
        Record::UpdateStarted => "firmware is being written".to_owned(),
        Record::UpdateDone => "firmware was written".to_owned(),
        Record::UpdateRefused(why) => format!("firmware refused: {why}"),
        Record::Answer(answer) => format!("the tester gets: {answer:?}"),
        Record::Label(Some(text)) => format!("the label says {text}"),
        Record::Label(None) => "the label cannot be seen".to_owned(),
        Record::Refused(why) => format!("cannot be done: {why}"),
    })
}
