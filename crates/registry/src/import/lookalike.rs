//! Serials that differ only by characters that look alike: O and 0, I and 1, B and 8.
//!
//! Pairs are found within a chunk. Hashes of a whole import would take a hundred megabytes at ten million rows; what is stored
//! already is looked for there, by [`variants`].

const ALIKE: [(char, char); 3] = [('O', '0'), ('I', '1'), ('B', '8')];

/// The serial in capitals with each letter that looks like a digit read as the digit.
///
/// Two serials have the same skeleton if and only if they differ by look-alikes and capitals alone.
pub fn skeleton(serial: &str) -> String {
    serial.chars().map(folded).collect()
}

/// The other serials with the same skeleton, those with the fewest changes first, at most `limit`.
pub fn variants(serial: &str, limit: usize) -> Vec<String> {
    let upper: Vec<char> = serial.chars().map(|c| c.to_ascii_uppercase()).collect();
    let places: Vec<usize> = (0..upper.len()).filter(|place| other(upper[*place]).is_some()).collect();
    let mut out = Vec::new();
    for changes in 1..=places.len() {
        let mut chosen: Vec<usize> = (0..changes).collect();
        loop {
            if out.len() >= limit {
                return out;
            }
            let mut one = upper.clone();
            for index in &chosen {
                let place = places[*index];
                one[place] = other(one[place]).unwrap_or(one[place]);
            }
            out.push(one.into_iter().collect());
            if !next_choice(&mut chosen, places.len()) {
                break;
            }
        }
    }
    out
}

/// The next choice of as many of `count` in order; false behind the last.
fn next_choice(chosen: &mut [usize], count: usize) -> bool {
    let size = chosen.len();
    let Some(moves) = (0..size).rev().find(|index| chosen[*index] < count - size + index) else { return false };
    chosen[moves] += 1;
    for index in moves + 1..size {
        chosen[index] = chosen[index - 1] + 1;
    }
    true
}

pub(super) fn folded(c: char) -> char {
    let upper = c.to_ascii_uppercase();
    ALIKE.iter().find(|(letter, _)| *letter == upper).map_or(upper, |(_, digit)| *digit)
}

fn other(c: char) -> Option<char> {
    ALIKE.iter().find_map(|(letter, digit)| match c {
        c if c == *letter => Some(*digit),
        c if c == *digit => Some(*letter),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn variants_have_one_skeleton_and_come_nearest_first() {
        assert_eq!(skeleton("clBO2I"), "CL8021");
        assert_eq!(variants("X0Y1", 10), ["XOY1", "X0YI", "XOYI"]);
        assert_eq!(variants("X0Y1", 2), ["XOY1", "X0YI"]);
        assert!(variants("XYZ", 10).is_empty());
        assert!(variants("010101", 0).is_empty());
    }

    #[test]
    fn all_variants_are_found_once_and_never_the_serial_itself() {
        let all = variants("B0I8O1", 1_000);
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (63, 63));
        assert!(all.iter().all(|one| skeleton(one) == skeleton("B0I8O1") && one != "B0I8O1"));
        assert_eq!(variants(&"0".repeat(64), 100).len(), 100);
    }
}
