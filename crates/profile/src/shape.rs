//! Patterns that are only characters and classes one after the other, matched a byte at a time; a regular expression does the rest.

use regex_lite::Regex;

use crate::serial::whole;

/// Places of the longest pattern that fits in the bits of a word, one bit being left for its end.
const MAX_PLACES: usize = 63;
/// Texts that the groups of one pattern may stand for.
const MAX_WAYS: usize = 16;

/// A pattern for a whole text, ready to be asked often.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) regex: Regex,
    lines: Option<Vec<Line>>,
}

impl Shape {
    /// Compiles it.
    pub(crate) fn new(pattern: &str) -> Result<Self, regex_lite::Error> {
        Ok(Self { regex: whole(pattern)?, lines: lines(pattern) })
    }

    /// Whether the whole of `text` is of this pattern.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.lines {
            Some(lines) => lines.iter().any(|line| line.is_match(text.as_bytes())),
            None => self.regex.is_match(text),
        }
    }
}

/// Places one after the other. Bit *i* of a set of states: the first *i* places are done.
#[derive(Clone, Debug)]
struct Line {
    /// For each byte the places that take it.
    takes: Box<[u64; 256]>,
    /// Places that may be left out.
    optional: u64,
    places: u32,
}

impl Line {
    fn new(places: &[Place]) -> Option<Self> {
        if places.len() > MAX_PLACES {
            return None;
        }
        let mut line =
            Self { takes: Box::new([0; 256]), optional: 0, places: u32::try_from(places.len()).unwrap_or(u32::MAX) };
        for (index, place) in places.iter().enumerate() {
            let bit = 1 << index;
            place.takes.iter().for_each(|byte| line.takes[usize::from(*byte)] |= bit);
            if place.optional {
                line.optional |= bit;
            }
        }
        Some(line)
    }

    fn is_match(&self, text: &[u8]) -> bool {
        let mut states = self.skipping(1);
        for byte in text {
            states = self.skipping((states & self.takes[usize::from(*byte)]) << 1);
            if states == 0 {
                return false;
            }
        }
        states >> self.places & 1 == 1
    }

    /// Optional places may be passed without a character.
    fn skipping(&self, mut states: u64) -> u64 {
        loop {
            let more = states | (states & self.optional) << 1;
            if more == states {
                return states;
            }
            states = more;
        }
    }
}

#[derive(Clone, Debug)]
struct Place {
    takes: Vec<u8>,
    optional: bool,
}

/// The pattern as plain lines, one for each choice of its groups; nothing if it is more than that.
fn lines(pattern: &str) -> Option<Vec<Line>> {
    let mut ways: Vec<Vec<Place>> = vec![Vec::new()];
    let mut rest = pattern.as_bytes();
    while !rest.is_empty() {
        if let Some(group) = rest.strip_prefix(b"(") {
            let end = group.iter().position(|byte| *byte == b')')?;
            let words: Vec<&[u8]> = group[..end].split(|byte| *byte == b'|').collect();
            if words.iter().any(|word| !word.iter().all(u8::is_ascii_alphanumeric)) {
                return None;
            }
            rest = &group[end + 1..];
            let follows = |way: &Vec<Place>, word: &[u8]| {
                let places = word.iter().map(|byte| Place { takes: vec![*byte], optional: false });
                way.iter().cloned().chain(places).collect()
            };
            ways = ways.iter().flat_map(|way| words.iter().map(move |word| follows(way, word))).collect();
            if ways.len() > MAX_WAYS || rest.first().is_some_and(|byte| b"?{*+".contains(byte)) {
                return None;
            }
            continue;
        }
        let takes;
        (takes, rest) = one(rest)?;
        let (least, most);
        (least, most, rest) = count(rest)?;
        for way in &mut ways {
            way.extend((0..most).map(|index| Place { takes: takes.clone(), optional: index >= least }));
            if way.len() > MAX_PLACES {
                return None;
            }
        }
    }
    ways.iter().map(|way| Line::new(way)).collect()
}

/// A character or a class at the front, and what comes after it.
fn one(pattern: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (first, rest) = pattern.split_first()?;
    if first.is_ascii_alphanumeric() || matches!(first, b'-' | b'/' | b' ') {
        return Some((vec![*first], rest));
    }
    if *first != b'[' {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b']')?;
    let (mut inside, rest) = (&rest[..end], &rest[end + 1..]);
    let mut takes = Vec::new();
    while let Some((from, after)) = inside.split_first() {
        if !from.is_ascii_alphanumeric() {
            return None;
        }
        match after {
            [b'-', to, tail @ ..] if to.is_ascii_alphanumeric() && from <= to => {
                takes.extend(*from..=*to);
                inside = tail;
            }
            [b'-', ..] => return None,
            _ => {
                takes.push(*from);
                inside = after;
            }
        }
    }
    (!takes.is_empty()).then_some((takes, rest))
}

/// How often what stands before may come, and what comes after that.
fn count(pattern: &[u8]) -> Option<(usize, usize, &[u8])> {
    match pattern {
        [b'?', rest @ ..] if !starts_a_count(rest) => Some((0, 1, rest)),
        [b'{', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'}')?;
            let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number <= MAX_PLACES);
            let text = std::str::from_utf8(&rest[..end]).ok()?;
            let (least, most) = match text.split_once(',') {
                None => (number(text)?, number(text)?),
                Some((least, most)) => (number(least)?, number(most)?),
            };
            let rest = &rest[end + 1..];
            (least <= most && !starts_a_count(rest)).then_some((least, most, rest))
        }
        [b'*' | b'+' | b'?', ..] => None,
        _ => Some((1, 1, pattern)),
    }
}

fn starts_a_count(pattern: &[u8]) -> bool {
    pattern.first().is_some_and(|byte| b"?{*+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator with a seed.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((self.0 >> 33) % n as u64).unwrap()
        }
    }

    #[test]
    fn the_catalogues_kinds_of_patterns_need_no_regular_expression() {
        for pattern in
            ["CL[0-9]{8}", "(PA|PB)[0-9K]{8}", "C7[A-Z0-9]{2,14}", "28[A-Z0-9]{8,20}", "AB?C", "[0-9]{1,3}-X"]
        {
            assert!(lines(pattern).is_some(), "{pattern}");
        }
        for pattern in
            ["PA.*", "A+", "[^A]", "A|B", "(A|B)?", r"\d{4}", "[A-]", "A{2,}", "(A(B))", "A{2}?", "[0-9]{99}"]
        {
            assert!(lines(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn a_shape_and_its_regular_expression_agree_on_random_patterns_and_texts() {
        const PARTS: [&str; 12] =
            ["A", "B", "0", "[AB]", "[0-1]", "[A-B0]", "(A|B0)", "(01|AB|0)", "A?", "[AB]{2}", "0{1,3}", "[01]{0,2}"];
        const LETTERS: [char; 9] = ['A', 'B', '0', '1', 'A', 'B', '0', '1', 'ü'];
        let mut dice = Dice(7);
        let (mut plain, mut fits) = (0, 0);
        for _ in 0..5_000 {
            let pattern: String = (0..=dice.below(5)).map(|_| PARTS[dice.below(PARTS.len())]).collect();
            let shape = Shape::new(&pattern).unwrap();
            plain += u32::from(shape.lines.is_some());
            for _ in 0..20 {
                let text: String = (0..dice.below(8)).map(|_| LETTERS[dice.below(LETTERS.len())]).collect();
                assert_eq!(shape.is_match(&text), shape.regex.is_match(&text), "{pattern} {text}");
                fits += u32::from(shape.is_match(&text));
            }
        }
        assert!(plain > 4_000 && fits > 1_000, "{plain} plain patterns, {fits} texts fit");
    }
}
