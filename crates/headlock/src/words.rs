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
