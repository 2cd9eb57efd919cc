//! Secret bytes as text that is printed, kept in a safe and typed again years later.
//!
//! Shape: a head such as `headlock-share-1`, then groups of five characters: four of Crockford's base32 and one that checks them and
//! their place, so that a mistyped group is named. The last four bytes check the whole. Upper and lower case are the same, `O` is `0`,
//! `I` and `L` are `1`, and spaces, hyphens and line ends stand anywhere between groups.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA_A_GROUP: usize = 4;
const GROUP: usize = DATA_A_GROUP + 1;
const SUM_BYTES: usize = 4;

/// Why a typed text is not what was printed. Groups and places count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// It begins with other words.
    #[error("this does not begin with {head}")]
    Head {
        /// What it should begin with.
        head: &'static str,
    },
    /// A character that is never printed.
    #[error("group {group} has at place {place} a character that is never printed")]
    Character {
        /// Which group.
        group: usize,
        /// Which of its characters.
        place: usize,
    },
    /// The check of a group does not fit, or it has more or fewer than five characters.
    #[error("group {group} is mistyped")]
    Group {
        /// The first such group.
        group: usize,
    },
    /// Characters are missing, or there are too many.
    #[error("{have} characters after the head, where there should be {need}")]
    Length {
        /// Characters that are there.
        have: usize,
        /// Characters that there should be.
        need: usize,
    },
    /// Every group fits, and the whole does not: more than one character of a group is wrong.
    #[error("mistyped, in more than one character of the same group")]
    Sum,
}

/// The text of these bytes.
pub(super) fn encode(head: &str, bytes: &[u8]) -> Zeroizing<String> {
    let sum = sum(head, bytes);
    let groups = groups(bytes.len());
    let mut symbols = Zeroizing::new(Vec::with_capacity(groups * DATA_A_GROUP));
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes.iter().chain(&sum) {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            symbols.push(symbol(bits >> held));
        }
    }
    if held > 0 {
        symbols.push(symbol(bits << (5 - held)));
    }
    symbols.resize(groups * DATA_A_GROUP, 0);

    let mut text = Zeroizing::new(String::with_capacity(head.len() + groups * (GROUP + 1)));
    text.push_str(head);
    for (index, group) in symbols.chunks(DATA_A_GROUP).enumerate() {
        text.push(' ');
        for symbol in group.iter().chain([&check(index, group)]) {
            text.push(char::from(ALPHABET[usize::from(*symbol)]));
        }
    }
    text
}

/// The `count` bytes that were printed under this head.
pub(super) fn decode(head: &'static str, count: usize, text: &str) -> Result<Zeroizing<Vec<u8>>, PaperError> {
    let text = text.trim_start();
    let typed = text.get(..head.len()).filter(|typed| typed.eq_ignore_ascii_case(head));
    typed.ok_or(PaperError::Head { head })?;
    let symbols = symbols(&text[head.len()..], groups(count) * GROUP)?;

    let mut bytes = Zeroizing::new(Vec::with_capacity(count + SUM_BYTES + 1));
    let (mut bits, mut held) = (0_u32, 0);
    for (index, group) in symbols.chunks(GROUP).enumerate() {
        let (data, checked) = group.split_at(DATA_A_GROUP);
        if checked != [check(index, data)] {
            return Err(PaperError::Group { group: index + 1 });
        }
        for symbol in data {
            bits = bits << 5 | u32::from(*symbol);
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
        bits &= 0xff;
    }
    // What is left over was printed as zeros.
    let padding_is_zero = bits & ((1 << held) - 1) == 0 && bytes[count + SUM_BYTES..].iter().all(|byte| *byte == 0);
    if !padding_is_zero || bytes[count..count + SUM_BYTES] != sum(head, &bytes[..count]) {
        return Err(PaperError::Sum);
    }
    bytes.truncate(count);
    Ok(bytes)
}

const fn groups(count: usize) -> usize {
    ((count + SUM_BYTES) * 8).div_ceil(5 * DATA_A_GROUP)
}

const fn symbol(bits: u32) -> u8 {
    (bits & 0x1f) as u8
}

fn symbols(rest: &str, need: usize) -> Result<Zeroizing<Vec<u8>>, PaperError> {
    let between = |char: char| char.is_whitespace() || char == '-';
    let written = || rest.split(between).filter(|group| !group.is_empty());
    let have = written().map(|group| group.chars().count()).sum();
    if have != need {
        let mut odd = written().enumerate().filter(|(_, group)| group.chars().count() != GROUP);
        return Err(match odd.next() {
            // Typed without any gaps: there are no groups to count.
            Some((index, _)) if written().nth(1).is_some() => PaperError::Group { group: index + 1 },
            _ => PaperError::Length { have, need },
        });
    }
    let mut symbols = Zeroizing::new(Vec::with_capacity(need));
    for (index, char) in written().flat_map(str::chars).enumerate() {
        let place = || PaperError::Character { group: index / GROUP + 1, place: index % GROUP + 1 };
        symbols.push(value(char).ok_or_else(place)?);
    }
    Ok(symbols)
}

fn value(char: char) -> Option<u8> {
    let printed = match char.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().zip(0..).find(|(known, _)| char::from(**known) == printed).map(|(_, value)| value)
}

/// A sum over the field of 32 elements, each place with a weight of its own and each group with a start of its own: any one wrong
/// character, any two that changed places, and any two groups that changed places are seen.
fn check(index: usize, data: &[u8]) -> u8 {
    let start = (0..index).fold(1, |power, _| double(power));
    start ^ data.iter().fold(0, |sum, symbol| double(sum ^ symbol))
}

/// Times the field's generator, modulo x⁵ + x² + 1.
const fn double(symbol: u8) -> u8 {
    let doubled = symbol << 1;
    if doubled & 0x20 == 0 { doubled } else { doubled ^ 0x25 }
}

fn sum(head: &str, bytes: &[u8]) -> [u8; SUM_BYTES] {
    let hash = Sha256::new().chain_update(head).chain_update([0]).chain_update(bytes).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}
