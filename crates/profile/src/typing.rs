//! From a code to the exact presses that type it on a panel, or the reason why the panel cannot.

use crate::behaviour::{AlphabetSpec, Behaviour, ConfirmSpec, EntrySpec, From, GestureSpec, LockKind, Style};
use crate::code::Code;

/// How long a plain press lasts.
pub const PRESS_MS: u64 = 120;

/// One thing to do with the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Press a key for so long; [`PRESS_MS`] is a plain press.
    Key {
        /// Its name.
        key: String,
        /// Milliseconds.
        hold_ms: u64,
    },
    /// Hold keys together for so long.
    Together {
        /// Their names.
        keys: Vec<String>,
        /// Milliseconds.
        hold_ms: u64,
    },
    /// Hold keys while the ignition or the unit comes on, and for so long after.
    Start {
        /// Their names.
        keys: Vec<String>,
        /// What comes on meanwhile.
        from: From,
        /// Milliseconds.
        hold_ms: u64,
    },
    /// Turn a knob; positive is clockwise.
    Turn {
        /// Its name.
        knob: String,
        /// Clicks.
        clicks: i32,
    },
    /// Touch nothing for so long.
    Pause {
        /// Milliseconds.
        ms: u64,
    },
}

/// Why a panel cannot type a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotType {
    /// Another length.
    #[error("the code has {length} characters, this unit takes {wanted}")]
    Length {
        /// Characters of the code.
        length: usize,
        /// Characters that the unit takes.
        wanted: usize,
    },
    /// A character that no key types.
    #[error("this panel cannot type {found:?} at place {place}; it types {typable}")]
    Character {
        /// The character.
        found: char,
        /// Counted from 1.
        place: usize,
        /// All that can stand there.
        typable: String,
    },
    /// Nothing to type.
    #[error("this unit takes no code: a tool, or the vehicle, opens it")]
    NoCode,
    /// No keys for it at all.
    #[error("this panel takes no code; a tester enters it through the diagnostic connector")]
    NoPanel,
}

/// The alphabet of each of `length` places.
pub fn alphabets(spec: &AlphabetSpec, length: usize) -> Vec<Vec<char>> {
    (0..length)
        .map(|place| match spec {
            AlphabetSpec::Same(text) => text.chars().collect(),
            AlphabetSpec::Positions(texts) => texts.get(place).map(|text| text.chars().collect()).unwrap_or_default(),
        })
        .collect()
}

/// What the key at `index` of the entry keys types.
pub fn types(entry: &EntrySpec, index: usize) -> &str {
    entry.types.get(index).or_else(|| entry.keys.get(index)).map_or("", String::as_str)
}

/// All characters that the panel can put at `place` (from 0), given the code's alphabet there.
pub fn typable(entry: &EntrySpec, alphabet: &[char], place: usize) -> Vec<char> {
    alphabet.iter().copied().filter(|c| can_type(entry, alphabet, place, *c)).collect()
}

/// Whether this character is one of them.
fn can_type(entry: &EntrySpec, alphabet: &[char], place: usize, c: char) -> bool {
    let typed = match entry.style {
        Style::KeyIsDigit | Style::TouchPad | Style::Hold | Style::MultiTap => {
            (0..entry.keys.len()).any(|index| types(entry, index).contains(c))
        }
        Style::PressCount => place < entry.keys.len(),
        Style::Cursor | Style::Rotary | Style::Diagnostics => true,
        Style::Dials => {
            entry.dials.iter().find(|dial| dial.places.iter().any(|p| usize::from(*p) == place + 1)).is_some_and(
                |dial| {
                    let modulo = dial.positions();
                    let position = dial.places.iter().position(|p| usize::from(*p) == place + 1).unwrap_or(0);
                    let below = u32::try_from(dial.places.len() - 1 - position).unwrap_or(0);
                    let highest = (modulo.saturating_sub(1) / 10_u32.pow(below.min(9))).min(9);
                    c.to_digit(10).is_some_and(|digit| digit <= highest)
                },
            )
        }
    };
    typed && alphabet.contains(&c)
}

/// Whether the main lock takes codes at all.
///
/// # Errors
/// It does not.
pub fn takes_codes(b: &Behaviour) -> Result<(), CannotType> {
    match b.kind {
        LockKind::Code | LockKind::PairingOrCode => Ok(()),
        LockKind::None | LockKind::Pairing | LockKind::Tool => Err(CannotType::NoCode),
    }
}

/// The presses that type `code` on a panel that asks for it, the opening gesture and the confirmation included.
///
/// # Errors
/// The panel cannot type it.
pub fn presses(b: &Behaviour, alphabets: &[Vec<char>], code: &Code) -> Result<Vec<Press>, CannotType> {
    let length = alphabets.len();
    let entry = &b.entry;
    let characters: Vec<char> = code.reveal().chars().collect();
    if entry.style == Style::Diagnostics {
        return Err(CannotType::NoPanel);
    }
    if characters.len() != length {
        return Err(CannotType::Length { length: characters.len(), wanted: length });
    }
    for (place, c) in characters.iter().enumerate() {
        if !can_type(entry, &alphabets[place], place, *c) {
            let typable = typable(entry, &alphabets[place], place);
            return Err(CannotType::Character { found: *c, place: place + 1, typable: typable.iter().collect() });
        }
    }
    let mut out = Vec::new();
    out.extend(entry.open_with.as_ref().map(gesture).into_iter().flatten());
    let typist = Typist { entry, alphabets };
    typist.characters(&characters, &mut out)?;
    if let ConfirmSpec::Gesture(confirm) = &entry.confirm {
        out.extend(gesture(confirm));
    }
    Ok(out)
}

/// The presses that make a gesture.
pub fn gesture(gesture: &GestureSpec) -> Vec<Press> {
    let hold_ms = if gesture.hold_ms == 0 { PRESS_MS } else { gesture.hold_ms + 100 };
    if !gesture.sequence.is_empty() {
        return gesture.sequence.iter().map(|key| plain(key)).collect();
    }
    if let Some(from) = gesture.from {
        let keys = gesture.key.iter().chain(&gesture.keys).cloned().collect();
        return vec![Press::Start { keys, from, hold_ms: gesture.hold_ms + 100 }];
    }
    match (&gesture.key, gesture.keys.as_slice()) {
        (Some(key), _) => vec![Press::Key { key: key.clone(), hold_ms }],
        (None, [key]) => vec![Press::Key { key: key.clone(), hold_ms }],
        (None, keys) => vec![Press::Together { keys: keys.to_vec(), hold_ms }],
    }
}

fn plain(key: &str) -> Press {
    Press::Key { key: key.to_owned(), hold_ms: PRESS_MS }
}

struct Typist<'a> {
    entry: &'a EntrySpec,
    alphabets: &'a [Vec<char>],
}

impl Typist<'_> {
    fn characters(&self, code: &[char], out: &mut Vec<Press>) -> Result<(), CannotType> {
        if self.entry.style == Style::Dials {
            return self.dials(code, out);
        }
        for (place, c) in code.iter().enumerate() {
            self.character(code, place, *c, out);
            if let Some(key) = &self.entry.confirm_each {
                out.push(plain(key));
            }
        }
        if self.entry.style == Style::MultiTap && matches!(self.entry.confirm, ConfirmSpec::Word(_)) {
            out.push(Press::Pause { ms: self.entry.settle_ms + 100 });
        }
        Ok(())
    }

    fn character(&self, code: &[char], place: usize, c: char, out: &mut Vec<Press>) {
        let entry = self.entry;
        let last = place + 1 == code.len();
        match entry.style {
            Style::KeyIsDigit | Style::TouchPad => out.push(plain(self.key_for(c))),
            Style::Hold => out.push(Press::Key { key: self.key_for(c).to_owned(), hold_ms: entry.hold_ms + 200 }),
            Style::MultiTap => {
                let key = self.key_for(c);
                if place > 0 && entry.confirm_each.is_none() && self.key_for(code[place - 1]) == key {
                    out.push(Press::Pause { ms: entry.settle_ms + 100 });
                }
                let index = entry.keys.iter().position(|k| k == key).unwrap_or(0);
                let taps = types(entry, index).chars().position(|t| t == c).unwrap_or(0) + 1;
                out.extend((0..taps).map(|_| plain(key)));
            }
            Style::PressCount => out.extend((0..self.steps(place, c)).map(|_| plain(&entry.keys[place]))),
            Style::Cursor => {
                let (up, down) = (self.steps(place, c), self.steps_back(place, c));
                match (&entry.up, &entry.down) {
                    (Some(key), None) => out.extend((0..up).map(|_| plain(key))),
                    (Some(key), Some(_)) if up <= down => out.extend((0..up).map(|_| plain(key))),
                    (_, Some(key)) => out.extend((0..down).map(|_| plain(key))),
                    (None, None) => {}
                }
                if let (false, Some(next)) = (last, &entry.next) {
                    out.push(plain(next));
                }
            }
            Style::Rotary => {
                let clicks = i32::try_from(self.steps(place, c)).unwrap_or(0);
                if let (true, Some(knob)) = (clicks != 0, &entry.knob) {
                    out.push(Press::Turn { knob: knob.clone(), clicks });
                }
                if let Some(next) = &entry.next {
                    out.push(plain(next));
                }
            }
            Style::Dials | Style::Diagnostics => {}
        }
    }

    fn key_for(&self, c: char) -> &str {
        let index = (0..self.entry.keys.len()).find(|index| types(self.entry, *index).contains(c)).unwrap_or(0);
        self.entry.keys.get(index).map_or("", String::as_str)
    }

    /// Steps forward from what the place shows at first.
    fn steps(&self, place: usize, c: char) -> usize {
        let (size, target, start) = self.ring(place, c);
        start.map_or(target + 1, |start| (target + size - start) % size)
    }

    fn steps_back(&self, place: usize, c: char) -> usize {
        let (size, target, start) = self.ring(place, c);
        start.map_or(size - target, |start| (start + size - target) % size)
    }

    /// The alphabet's size, where `c` stands in it, and where the place starts.
    fn ring(&self, place: usize, c: char) -> (usize, usize, Option<usize>) {
        let alphabet = &self.alphabets[place];
        let position = |c: char| alphabet.iter().position(|a| *a == c);
        let initial = self.entry.initial_at(place);
        (alphabet.len(), position(c).unwrap_or(0), initial.and_then(position))
    }

    fn dials(&self, code: &[char], out: &mut Vec<Press>) -> Result<(), CannotType> {
        for dial in &self.entry.dials {
            let digit = |place: &u8| code.get(usize::from(*place) - 1).and_then(|c| c.to_digit(10)).unwrap_or(0);
            let number = dial.places.iter().fold(0, |number, place| number * 10 + digit(place));
            let modulo = dial.positions();
            let first =
                |place: &u8| self.entry.initial_at(usize::from(*place) - 1).and_then(|c| c.to_digit(10)).unwrap_or(0);
            let start = dial.places.iter().fold(0, |number, place| number * 10 + first(place)) % modulo;
            if number >= modulo {
                let place = usize::from(dial.places[0]);
                let typable = format!("00 to {}", modulo - 1);
                return Err(CannotType::Character { found: code[place - 1], place, typable });
            }
            let (up, down) = ((number + modulo - start) % modulo, (start + modulo - number) % modulo);
            match &dial.down {
                Some(key) if down < up => out.extend((0..down).map(|_| plain(key))),
                _ => out.extend((0..up).map(|_| plain(&dial.key))),
            }
        }
        Ok(())
    }
}
