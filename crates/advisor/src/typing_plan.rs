//! How to type a code when sources differ in how it is typed: moves that cost no attempt under any reading, and what the display
//! then tells.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use headlock_lock::Ignition;
use headlock_profile::behaviour::{ConfirmSpec, OnWith};
use headlock_profile::typing::{PRESS_MS, Press};
use headlock_profile::{Code, Provenance};
use headlock_twin::{Hands, Input, PhaseKind, Twin};
use rayon::prelude::*;
use serde::Serialize;

use crate::candidate::Candidate;
use crate::trial::harm_between;
use crate::words;

/// What to do with the code at hand, and what to do after each thing that the display can show then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypingPlan {
    /// What to do.
    pub text: String,
    /// Readings under which it was tried; it costs nothing under any.
    pub tried_under: Vec<String>,
    /// What the display shows then, and how to go on.
    pub then: Vec<Branch>,
}

/// One thing that the display can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// In words.
    pub sees: String,
    /// The readings that are left.
    pub under: Vec<String>,
    /// How to go on; absent where it plays, or where no harmless move is left.
    pub next: Option<Box<TypingPlan>>,
    /// It plays.
    pub plays: bool,
}

/// Moves in a row before the search gives up.
const MAX_DEPTH: usize = 6;

/// One way in which a unit can stand, and the readings under which it does.
#[derive(Clone)]
struct Stand {
    twin: Twin,
    code: String,
    names: Vec<String>,
}

/// Stands gathered by what is seen.
type Groups = Vec<(Sight, Vec<Stand>)>;

/// What somebody does.
#[derive(Clone, PartialEq, Eq)]
enum Move {
    /// The key of each digit, one after the other, and no more.
    Digits,
    /// A confirming gesture.
    Confirm(Vec<Press>),
    /// From the start, as one panel wants it: these words, typed by its own rules.
    Whole(String),
}

/// What somebody sees.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Plays,
    WholeCode,
    LastDigit,
    Same,
    OtherNumber,
    Text(String),
}

/// Finds the moves, for units that all ask for their code now. `None` if one way of typing is all there is, or nothing asks.
pub(crate) fn typing_plan(after: &[Candidate<'_>], at_hand: Option<&Code>) -> Option<TypingPlan> {
    let mut stands: Vec<Stand> = Vec::new();
    let mut classes = Vec::new();
    let mut panels: HashMap<u64, u64> = HashMap::new();
    for candidate in after {
        for state in &candidate.states {
            if state.phase() != PhaseKind::Armed || !takes_codes(state.twin()) {
                continue;
            }
            let class = *panels.entry(state.case.fingerprint).or_insert_with(|| panel_of(state.twin()));
            let name = candidate.name();
            match classes.iter().position(|known| *known == class) {
                Some(_) => {
                    for (stand, _) in stands.iter_mut().zip(&classes).filter(|(_, known)| **known == class) {
                        note(&mut stand.names, std::slice::from_ref(&name));
                    }
                }
                None => {
                    // One stand for each code: a move must be harmless whatever the digits.
                    for code in codes_for(state.twin(), at_hand) {
                        classes.push(class);
                        let twin = state.twin().clone().recoded(&code);
                        stands.push(Stand { twin, code: code.reveal().to_owned(), names: vec![name.clone()] });
                    }
                }
            }
        }
    }
    if ways(&stands).len() < 2 {
        return None;
    }
    solve(&stands, MAX_DEPTH)
}

/// The code at hand, or several that try what digits can do: different ones, repeated ones, digits that are other keys on other
/// panels. Those that this panel cannot type are left out.
fn codes_for(twin: &Twin, at_hand: Option<&Code>) -> Vec<Code> {
    const PATTERNS: [&str; 4] = ["132421314324", "163412563412", "441123321144", "605938271460"];
    let behaviour = twin.spec().behaviour();
    let length = usize::from(behaviour.code.length.resolve(twin.spec().serial(), |_| None));
    let alphabets = headlock_profile::typing::alphabets(&behaviour.code.alphabet, length);
    let typable = |code: &Code| headlock_profile::typing::presses(behaviour, &alphabets, code).is_ok();
    if let Some(code) = at_hand {
        return Some(code.clone()).filter(typable).into_iter().collect();
    }
    let patterns = PATTERNS.iter().filter_map(|pattern| {
        let text: String = pattern.chars().cycle().take(length).collect();
        Code::new(&text, Provenance::Stated).ok()
    });
    let mut codes: Vec<Code> = patterns.filter(typable).collect();
    if codes.is_empty() {
        let first: String = alphabets.iter().filter_map(|alphabet| alphabet.first()).collect();
        codes.extend(Code::new(&first, Provenance::Stated).ok().filter(typable));
    }
    codes
}

/// The same for units whose panels take and show the same: what they count does not matter here.
fn panel_of(twin: &Twin) -> u64 {
    let b = twin.spec().behaviour();
    let mut hasher = DefaultHasher::new();
    format!("{:?} {:?} {:?} {:?} {:?}", b.entry, b.display, b.power, b.code, b.keys).hash(&mut hasher);
    hasher.finish()
}

fn takes_codes(twin: &Twin) -> bool {
    matches!(
        twin.spec().policy(0).map(|policy| policy.kind),
        Some(headlock_lock::Kind::Code | headlock_lock::Kind::PairingOrCode)
    )
}

fn ways(stands: &[Stand]) -> Vec<String> {
    let mut ways: Vec<String> = stands.iter().map(|stand| words::typing(stand.twin.spec().behaviour())).collect();
    ways.sort();
    ways.dedup();
    ways
}

fn note(names: &mut Vec<String>, new: &[String]) {
    for name in new {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

/// The harmless move that tells or opens most, and what follows.
fn solve(stands: &[Stand], depth: usize) -> Option<TypingPlan> {
    if depth == 0 || stands.is_empty() {
        return None;
    }
    let mut best: Option<(usize, Move, Groups)> = None;
    let tried: Vec<_> = moves(stands).into_par_iter().filter_map(|one| Some((outcome(stands, &one)?, one))).collect();
    for (groups, candidate) in tried {
        let opened =
            groups.iter().filter(|(sight, _)| *sight == Sight::Plays).map(|(_, list)| list.len()).sum::<usize>();
        let idle = groups.len() == 1 && matches!(groups[0].0, Sight::Same);
        let worth = if idle { 0 } else { opened * 10 + groups.len() };
        if worth > 0 && best.as_ref().is_none_or(|(most, ..)| worth > *most) {
            best = Some((worth, candidate, groups));
        }
    }
    let (_, chosen, groups) = best?;
    let mut tried_under = Vec::new();
    stands.iter().for_each(|stand| note(&mut tried_under, &stand.names));
    let then = groups
        .into_iter()
        .map(|(sight, list)| {
            let mut under = Vec::new();
            list.iter().for_each(|stand| note(&mut under, &stand.names));
            let plays = sight == Sight::Plays;
            let next = if plays { None } else { solve(&list, depth - 1).map(Box::new) };
            Branch { sees: sight.words(), under, next, plays }
        })
        .collect();
    Some(TypingPlan { text: chosen.words(), tried_under, then })
}

fn moves(stands: &[Stand]) -> Vec<Move> {
    let mut all = vec![Move::Digits];
    for stand in stands {
        let behaviour = stand.twin.spec().behaviour();
        if let ConfirmSpec::Gesture(gesture) = &behaviour.entry.confirm {
            let presses = headlock_profile::typing::gesture(gesture);
            if !all.contains(&Move::Confirm(presses.clone())) {
                all.push(Move::Confirm(presses));
            }
        }
    }
    all.extend(ways(stands).into_iter().map(Move::Whole));
    all
}

/// What the move leads to under each stand, gathered by what is seen; `None` if it harms any.
fn outcome(stands: &[Stand], chosen: &Move) -> Option<Groups> {
    let mut groups: Groups = Vec::new();
    for stand in stands {
        let mut after = stand.clone();
        make(&mut after, chosen, stands);
        if !harm_between(&stand.twin, &after.twin).is_empty() {
            return None;
        }
        let sight = sight(stand, &after);
        match groups.iter_mut().find(|(known, _)| *known == sight) {
            Some((_, list)) => list.push(after),
            None => groups.push((sight, vec![after])),
        }
    }
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    Some(groups)
}

fn make(stand: &mut Stand, chosen: &Move, all: &[Stand]) {
    let code = stand.code.clone();
    let behaviour = stand.twin.spec().behaviour().clone();
    // Presses of keys that a panel lacks do nothing there, as they do nothing on the real one.
    match chosen {
        Move::Digits => {
            let mut hands = Hands::on(&mut stand.twin);
            for digit in code.chars() {
                let _ = hands.press(&plain(&digit.to_string()));
                hands.wait(200);
            }
        }
        Move::Confirm(presses) => {
            let mut hands = Hands::on(&mut stand.twin);
            for press in presses {
                let _ = hands.press(press);
            }
            hands.wait(behaviour.display.error_ms + behaviour.display.welcome_ms + 500);
        }
        Move::Whole(way) => {
            let typist = all.iter().find(|other| words::typing(other.twin.spec().behaviour()) == *way);
            let Some(model) = typist.map(|other| other.twin.spec().behaviour().clone()) else { return };
            let alphabets = headlock_profile::typing::alphabets(&model.code.alphabet, code.chars().count());
            let mut hands = Hands::on(&mut stand.twin);
            hands.now(Input::Ignition(Ignition::Off));
            hands.wait(5_000);
            hands.now(Input::Ignition(Ignition::On));
            hands.wait(1_000);
            if behaviour.power.on_with == OnWith::Key
                && let Some(power) = &behaviour.power.key
            {
                let _ = hands.press(&plain(power));
                hands.wait(1_000);
            }
            let typed = headlock_profile::Code::new(&code, headlock_profile::Provenance::Stated)
                .ok()
                .and_then(|code| headlock_profile::typing::presses(&model, &alphabets, &code).ok());
            for press in typed.unwrap_or_default() {
                let _ = hands.press(&press);
                hands.wait(200);
            }
        }
    }
    let mut hands = Hands::on(&mut stand.twin);
    hands.wait(behaviour.display.welcome_ms + 500);
}

fn plain(key: &str) -> Press {
    Press::Key { key: key.to_owned(), hold_ms: PRESS_MS }
}

fn sight(before: &Stand, after: &Stand) -> Sight {
    let view = after.twin.view();
    if view.locks[0].phase == PhaseKind::Open {
        return Sight::Plays;
    }
    let shown = view.display;
    let filled: String = shown.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = after.code.chars().last().map(String::from).unwrap_or_default();
    if shown == after.code {
        Sight::WholeCode
    } else if filled == last && shown.chars().count() > 1 {
        Sight::LastDigit
    } else if shown == before.twin.display() {
        Sight::Same
    } else if shown.chars().any(|c| c.is_ascii_digit()) {
        Sight::OtherNumber
    } else {
        Sight::Text(shown)
    }
}

impl Sight {
    fn words(&self) -> String {
        match self {
            Self::Plays => "it plays".to_owned(),
            Self::WholeCode => "it shows the whole code".to_owned(),
            Self::LastDigit => "it shows only the last digit".to_owned(),
            Self::Same => "it shows what it showed before".to_owned(),
            Self::OtherNumber => "it shows another number".to_owned(),
            Self::Text(text) if text.is_empty() => "it shows nothing".to_owned(),
            Self::Text(text) => format!("it shows {text}"),
        }
    }
}

impl Move {
    fn words(&self) -> String {
        match self {
            Self::Digits => "press the key of each digit of the code, one after the other".to_owned(),
            Self::Confirm(presses) => words::presses(presses).join(", "),
            Self::Whole(way) => {
                format!(
                    "switch the ignition off for a few seconds and on again (press POWER if it stays dark), then {way}"
                )
            }
        }
    }
}
