//! What a unit's readings say of its codes: how long, of which characters, and which of them a panel can type.

use headlock_profile::behaviour::{Behaviour, CodeOwner, FirmwareRange, LengthSpec, Style};
use headlock_profile::{TextPattern, Unit, typing};

use super::bad_row::{Lengths, Why};
use super::code::TableCode;

/// Codes as one or more readings take them.
pub(super) struct CodeRule<'c> {
    /// Firmware of these readings.
    pub(super) holds_for: Vec<&'c FirmwareRange>,
    spec: &'c LengthSpec,
    lengths: CodeLengths,
    all_lengths: Vec<u8>,
    /// For each place a bit for each character that a code has there.
    alphabet: Vec<u64>,
    /// The same for what the panel types there.
    typed: Vec<u64>,
    /// Where several places are turned together, each alone does not decide.
    dials: Option<&'c Behaviour>,
}

enum CodeLengths {
    Any,
    BySerial { rules: Vec<(TextPattern, u8)>, otherwise: u8 },
}

/// How far a code came under a rule; the furthest tells what is wrong with it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Length,
    Character { place: usize },
    NotTyped { place: usize },
    Through,
}

/// One rule for each way in which some case of some reading takes codes that can stand in a table.
pub(super) fn code_rules(unit: &Unit) -> Vec<CodeRule<'_>> {
    let mut rules: Vec<CodeRule<'_>> = Vec::new();
    for reading in &unit.readings {
        for case in &reading.cases {
            let Some(rule) = CodeRule::new(&case.behaviour, &reading.firmware) else { continue };
            match rules.iter_mut().find(|known| known.says_the_same(&rule)) {
                Some(known) => known.holds_for.extend(rule.holds_for),
                None => rules.push(rule),
            }
        }
    }
    rules
}

impl<'c> CodeRule<'c> {
    fn new(behaviour: &'c Behaviour, firmware: &'c FirmwareRange) -> Option<Self> {
        let (spec, entry) = (&behaviour.code, &behaviour.entry);
        if typing::takes_codes(behaviour).is_err() || spec.belongs_to == CodeOwner::Challenge {
            return None;
        }
        let all_lengths = spec.length.all();
        let longest = usize::from(all_lengths.iter().copied().max().unwrap_or(0));
        let alphabets = typing::alphabets(&spec.alphabet, longest);
        let typed = |place: usize| typing::typable(entry, &alphabets[place], place).into_iter().map(bit).sum_bits();
        let lengths = match &spec.length {
            LengthSpec::BySerial { by_serial, otherwise } => {
                let rules =
                    by_serial.iter().filter_map(|rule| Some((TextPattern::new(&rule.pattern).ok()?, rule.length)));
                CodeLengths::BySerial { rules: rules.collect(), otherwise: *otherwise }
            }
            LengthSpec::Fixed(_) | LengthSpec::BySetting { .. } => CodeLengths::Any,
        };
        Some(Self {
            holds_for: vec![firmware],
            spec: &spec.length,
            lengths,
            all_lengths,
            typed: (0..longest).map(typed).collect(),
            alphabet: alphabets.iter().map(|alphabet| alphabet.iter().copied().map(bit).sum_bits()).collect(),
            dials: (entry.style == Style::Dials).then_some(behaviour),
        })
    }

    fn says_the_same(&self, other: &Self) -> bool {
        self.spec == other.spec
            && self.alphabet == other.alphabet
            && self.typed == other.typed
            && self.dials.map(|b| &b.entry.dials) == other.dials.map(|b| &b.entry.dials)
    }

    /// Characters that the code of this serial may have.
    fn lengths(&self, serial: &str) -> impl Iterator<Item = u8> + '_ {
        let by_serial = match &self.lengths {
            CodeLengths::Any => None,
            CodeLengths::BySerial { rules, otherwise } => Some(
                rules.iter().find(|(pattern, _)| pattern.is_match(serial)).map_or(*otherwise, |(_, length)| *length),
            ),
        };
        by_serial.into_iter().chain(self.all_lengths.iter().copied().filter(move |_| by_serial.is_none()))
    }

    fn came(&self, code: &TableCode, serial: &str) -> Came {
        let bytes = code.as_bytes();
        if !self.lengths(serial).any(|length| usize::from(length) == bytes.len()) {
            return Came::Length;
        }
        let first_beyond = |places: &[u64]| {
            bytes
                .iter()
                .zip(places)
                .position(|(byte, taken)| bit(char::from(*byte)) & taken == 0)
                .map(|index| index + 1)
        };
        if let Some(place) = first_beyond(&self.alphabet) {
            return Came::Character { place };
        }
        if let Some(place) = first_beyond(&self.typed) {
            return Came::NotTyped { place };
        }
        match self.dials.and_then(|behaviour| turned_too_far(behaviour, code)) {
            Some(place) => Came::NotTyped { place },
            None => Came::Through,
        }
    }

    /// Whether a text could be a code under this rule, whatever the serial.
    fn could_be(&self, code: &TableCode) -> bool {
        let bytes = code.as_bytes();
        self.all_lengths.iter().any(|length| usize::from(*length) == bytes.len())
            && bytes.iter().zip(&self.alphabet).all(|(byte, taken)| bit(char::from(*byte)) & taken != 0)
    }
}

/// Whether some reading takes the code.
pub(super) fn judge<'r, 'c: 'r>(
    rules: impl Iterator<Item = &'r CodeRule<'c>> + Clone,
    code: &TableCode,
    serial: &str,
) -> Result<(), Why> {
    let mut furthest = Came::Length;
    for rule in rules.clone() {
        match rule.came(code, serial) {
            Came::Through => return Ok(()),
            came => furthest = furthest.max(came),
        }
    }
    let found = code.as_bytes().len();
    Err(match furthest {
        Came::NotTyped { place } => Why::CodeNotTyped { place },
        Came::Character { place } => {
            let taken = rules.filter_map(|rule| rule.alphabet.get(place - 1)).fold(0, |all, taken| all | taken);
            Why::CodeCharacter { place, alphabet: characters(taken) }
        }
        Came::Length | Came::Through => {
            let wanted = Lengths::new(rules.clone().flat_map(|rule| rule.lengths(serial)).collect());
            let short = wanted.iter().all(|length| usize::from(length) > found);
            let digits = code.as_bytes().iter().all(u8::is_ascii_digit);
            let zero_first = rules.filter_map(|rule| rule.alphabet.first()).any(|taken| taken & bit('0') != 0);
            if short && digits && zero_first {
                Why::LeadingZeros { found, wanted }
            } else {
                Why::CodeLength { found, wanted }
            }
        }
    })
}

/// Whether a text could be a code of the unit: then it is not shown, whatever column it stands in.
pub(super) fn could_be_a_code(rules: &[CodeRule<'_>], text: &str) -> bool {
    TableCode::new(text).is_ok_and(|code| rules.iter().any(|rule| rule.could_be(&code)))
}

/// The place of the first dial that does not go as far as the code.
fn turned_too_far(behaviour: &Behaviour, code: &TableCode) -> Option<usize> {
    let digits: Vec<u32> = code.as_bytes().iter().map(|byte| u32::from(byte.wrapping_sub(b'0'))).collect();
    let dial = behaviour.entry.dials.iter().find(|dial| {
        let digit = |place: &u8| digits.get(usize::from(*place).wrapping_sub(1)).copied().unwrap_or(0);
        dial.places.iter().fold(0, |number, place| number * 10 + digit(place)) >= dial.positions()
    })?;
    dial.places.first().map(|place| usize::from(*place))
}

/// The bit of a character of codes; none for any other.
fn bit(c: char) -> u64 {
    match c {
        '0'..='9' => 1 << (u32::from(c) - u32::from('0')),
        'A'..='Z' => 1 << (u32::from(c) - u32::from('A') + 10),
        _ => 0,
    }
}

fn characters(bits: u64) -> Box<str> {
    ('0'..='9').chain('A'..='Z').filter(|c| bits & bit(*c) != 0).collect::<String>().into_boxed_str()
}

trait SumBits {
    fn sum_bits(self) -> u64;
}

impl<I: Iterator<Item = u64>> SumBits for I {
    fn sum_bits(self) -> u64 {
        self.fold(0, |all, one| all | one)
    }
}
