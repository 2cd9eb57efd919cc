//! Plain words for times and the like.

/// A time in the largest units that fit, two at most: `1 h 30 min`, `45 s`.
pub fn time(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    if ms < 1_000 {
        return format!("{ms} ms");
    }
    let mut parts = Vec::new();
    let mut rest = ms;
    for (scale, unit) in UNITS {
        if rest >= scale && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / scale));
            rest %= scale;
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.join(" ")
}

/// Names like `maker/unit#reading`, gathered by their reading: `s1 (nissan/clarion-cl, nissan/connect)`.
pub fn names(all: &[String]) -> String {
    /// Units named one by one; beyond that they are counted.
    const FEW: usize = 2;
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in all {
        let (unit, reading) = name.split_once('#').unwrap_or((name, ""));
        match groups.iter_mut().find(|(known, _)| *known == reading) {
            Some((_, units)) => units.push(unit),
            None => groups.push((reading, vec![unit])),
        }
    }
    let words: Vec<String> = groups
        .into_iter()
        .map(|(reading, units)| match units.len() {
            1 => format!("{reading} ({})", units[0]),
            n if n <= FEW => format!("{reading} ({})", units.join(", ")),
            n => format!("{reading} ({n} units)"),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        assert_eq!(time(999), "999 ms");
        assert_eq!(time(5_400_000), "1 h 30 min");
        assert_eq!(time(86_400_000), "1 d");
    }

    #[test]
    fn readings_of_several_units_are_gathered() {
        let all: Vec<String> = ["a/x#s1", "a/y#s1", "a/x#s3"].map(str::to_owned).to_vec();
        assert_eq!(names(&all), "s1 (a/x, a/y), s3 (a/x)");
    }
}
