//! What a display may show, and whether that is what somebody reads.

use headlock_profile::Text;
use headlock_profile::behaviour::DisplaySpec;
use headlock_twin::{PhaseKind, Twin};

use crate::candidate::CandidateState;

/// Every text that this unit may show as it stands.
pub(crate) fn texts<'a>(twin: &Twin, display: &'a DisplaySpec) -> Vec<&'a str> {
    let lock = twin.lock_view(0);
    let failed = lock.tally.failed > 0 || lock.tally.rounds > 0;
    let prompt = || {
        let again: Box<dyn Iterator<Item = &'a str>> = match &display.prompt_again {
            Some(text) if failed => Box::new(text.all()),
            _ => Box::new(std::iter::empty()),
        };
        display.prompt.all().chain(again)
    };
    let mut all: Vec<&str> = match lock.phase {
        PhaseKind::Open | PhaseKind::Checking => Vec::new(),
        PhaseKind::Armed => prompt().collect(),
        PhaseKind::Waiting if display.silent_wait => prompt().collect(),
        PhaseKind::Waiting => display.wait.all().collect(),
        PhaseKind::LockedOut => {
            display.locked_out.all().chain(display.locked_out_again.iter().flat_map(Text::all)).collect()
        }
    };
    // The text of an error goes after a moment; where the unit is locked out, that text has long gone.
    if failed && matches!(lock.phase, PhaseKind::Armed | PhaseKind::Waiting) {
        all.extend(display.error.all());
        all.extend(display.refused.iter().flat_map(Text::all));
    }
    all
}

/// Whether its own texts, the lock of its hardware apart, explain what somebody reads.
pub(crate) fn explains(state: &CandidateState<'_>, seen: &str) -> bool {
    let display = &state.case.behaviour.display;
    texts(state.twin(), display).iter().any(|text| shows(text, seen))
}

pub(crate) fn hardware_lock(display: &DisplaySpec) -> impl Iterator<Item = &str> {
    let text: &Text = &display.hardware_lock;
    text.all()
}

/// Whether a display's text, placeholders and all, is what somebody reads.
pub(crate) fn shows(template: &str, seen: &str) -> bool {
    /// Whether the parts stand in the text in their order, the first at its beginning, the last at its end.
    fn matches(parts: &[&str], text: &str) -> bool {
        let [first, middle @ .., last] = parts else { return parts.first().is_some_and(|only| *only == text) };
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
    let plain = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        text.trim_end_matches(['.', '!', '…', ':']).trim_end().to_owned()
    };
    let (template, seen) = (plain(template), plain(seen));
    let mut parts = Vec::new();
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        parts.push(before);
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    parts.push(rest);
    // A placeholder may be empty, and a space before it then goes, too.
    matches(&parts, &seen) || plain(&parts.concat()) == seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_placeholders_recognises_what_is_read() {
        assert!(shows("CODE", "code"));
        assert!(shows("WAIT {wait_min} MIN", "WAIT 42 MIN"));
        assert!(shows("{left} TRIES", "3  tries"));
        assert!(shows("LOCKED{failed}", "LOCKED10"));
        assert!(!shows("WAIT {wait_min} MIN", "WAIT"));
        assert!(!shows("CODE", "CODE 2"));
    }
}
