//! Formats spans of time for people.

use jiff::SignedDuration;

/// The units from the largest down, in seconds. A year has 365.2425 days.
const UNITS: [(i64, &str); 5] = [
    (31_556_952, "year"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
];

/// Returns, for example, `3 days 2 hours`: the largest unit, and the next unit if the number is
/// small.
pub fn words(length: SignedDuration) -> String {
    let seconds = length.as_secs().abs();
    let largest = UNITS
        .iter()
        .position(|(unit, _)| seconds >= *unit)
        .unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[largest];
    let count = seconds / unit;
    let mut text = counted(count, name);
    if count < 10
        && let Some((next_unit, next_name)) = UNITS.get(largest + 1)
    {
        let rest = seconds % unit / next_unit;
        if rest > 0 {
            text = format!("{text} {}", counted(rest, next_name));
        }
    }
    text
}

fn counted(count: i64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_or_two_units() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (119, "1 minute 59 seconds"),
            (3_599, "59 minutes"),
            (7_260, "2 hours 1 minute"),
            (86_399, "23 hours"),
            (90_000, "1 day 1 hour"),
            (-90_000, "1 day 1 hour"),
            (31_536_000, "365 days"),
            (34_300_000, "1 year 31 days"),
            (65_300_000_000, "2069 years"),
        ] {
            assert_eq!(words(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
