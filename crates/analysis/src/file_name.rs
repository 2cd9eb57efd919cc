//! A file name that a unit takes for firmware.

use regex_lite::Regex;

/// A name that fits the pattern, found by taking the first choice everywhere; none if that does not fit.
pub(crate) fn sample(pattern: &str) -> Option<String> {
    let whole = Regex::new(&format!("^(?:{pattern})$")).ok()?;
    let chars: Vec<char> = pattern.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while let Some(c) = chars.get(at) {
        let (atom, next) = match c {
            '\\' => (class(*chars.get(at + 1)?), at + 2),
            '[' => {
                let end = at + chars[at..].iter().position(|c| *c == ']')?;
                (*chars.get(at + 1)?, end + 1)
            }
            '.' => ('1', at + 1),
            other => (*other, at + 1),
        };
        let (times, behind) = match chars.get(next) {
            Some('*' | '?') => (0, next + 1),
            Some('+') => (1, next + 1),
            Some('{') => {
                let end = next + chars[next..].iter().position(|c| *c == '}')?;
                let least: String = chars[next + 1..end].iter().take_while(|c| c.is_ascii_digit()).collect();
                (least.parse().ok()?, end + 1)
            }
            _ => (1, next),
        };
        out.extend(std::iter::repeat_n(atom, times));
        at = behind;
    }
    (whole.is_match(&out) && !out.contains(char::is_whitespace)).then_some(out)
}

/// A character of a class, or the character itself.
const fn class(c: char) -> char {
    match c {
        'd' => '1',
        'w' => 'A',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::sample;

    #[test]
    fn a_sample_fits_its_pattern_or_is_none() {
        assert_eq!(sample(".+").as_deref(), Some("1"));
        assert_eq!(sample("FW_.*[.]bin").as_deref(), Some("FW_.bin"));
        assert_eq!(sample(r"HU_\d{4}\.bin").as_deref(), Some("HU_1111.bin"));
        assert_eq!(sample("(a|b)c"), None);
        assert_eq!(sample("[^^]"), None);
    }
}
