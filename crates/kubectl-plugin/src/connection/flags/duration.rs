//! Parses `--request-timeout` and other durations: whole seconds, or a Go duration
//! (`client-go/tools/clientcmd/helpers.go`, Go's `time.ParseDuration`).

use std::time::Duration;

use crate::Error;

/// Parses `--request-timeout`, with kubectl's error message. Returns `None` for zero, which means
/// no limit.
pub fn parse(text: &str) -> Result<Option<Duration>, Error> {
    match seconds(text).or_else(|| with_units(text, unit_in_go)) {
        Some(duration) => Ok(Some(duration).filter(|duration| !duration.is_zero())),
        None => Err(Error::usage(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer \
             followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
        )),
    }
}

/// Parses the duration of a plugin's own flag, which may have days: `1d12h`. Zero means no limit.
pub fn duration_flag(text: &str) -> Result<Duration, String> {
    let unit = |unit: &str| match unit {
        "d" => Some(86_400.0),
        unit => unit_in_go(unit),
    };
    seconds(text)
        .or_else(|| with_units(text, unit))
        .ok_or_else(|| {
            "must be a number of seconds, or a duration such as 30s, 5m, 1h or 7d".to_owned()
        })
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

/// Formats a duration like Go's `Duration.String`: `1h2m3.5s`, `2m0s`, `1.5s`, `300ms`.
pub(crate) fn in_go(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanoseconds = u64::from(duration.subsec_nanos());
    let fraction = |unit: u64, digits: usize| {
        let text = format!("{:0digits$}", nanoseconds % unit);
        let text = text.trim_end_matches('0');
        if text.is_empty() {
            String::new()
        } else {
            format!(".{text}")
        }
    };
    match (seconds, nanoseconds) {
        (0, ..1_000) => format!("{nanoseconds}ns"),
        (0, ..1_000_000) => format!("{}{}µs", nanoseconds / 1_000, fraction(1_000, 3)),
        (0, _) => format!("{}{}ms", nanoseconds / 1_000_000, fraction(1_000_000, 6)),
        _ => {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let hours = if hours > 0 {
                format!("{hours}h")
            } else {
                String::new()
            };
            let minutes = if seconds >= 60 {
                format!("{minutes}m")
            } else {
                String::new()
            };
            format!(
                "{hours}{minutes}{}{}s",
                seconds % 60,
                fraction(1_000_000_000, 9)
            )
        }
    }
}

/// Parses `1h2m3.5s`, with the seconds in each unit. Departure: kubectl accepts a negative duration
/// and sends it to the server.
fn with_units(text: &str, seconds_in: impl Fn(&str) -> Option<f64>) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let unit_at =
            rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let next_at = tail
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(next_at);
        let seconds = number.parse::<f64>().ok()? * seconds_in(unit)?;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = tail;
    }
    (!text.is_empty() && text != "+").then_some(total)
}

/// Returns the seconds in one of Go's units.
fn unit_in_go(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<f64> {
        parse(text)
            .expect("a duration")
            .map(|duration| duration.as_secs_f64())
    }

    #[test]
    fn durations_are_formatted_like_in_go() {
        for (text, expected) in [
            ("5", "5s"),
            ("+5s", "5s"),
            ("2m", "2m0s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("300ms", "300ms"),
            ("1500us", "1.5ms"),
            ("90s", "1m30s"),
        ] {
            assert_eq!(in_go(parse(text).unwrap().unwrap()), expected);
        }
        assert_eq!(parse("0.0000000001s").unwrap(), None);
    }

    #[test]
    fn seconds_and_go_durations_are_parsed() {
        assert_eq!(seconds("5"), Some(5.0));
        assert_eq!(seconds("1h2m3.5s"), Some(3723.5));
        assert_eq!(seconds("+.5m"), Some(30.0));
        assert_eq!(seconds("100ms"), Some(0.1));
    }

    /// kubectl's own flag has no days.
    #[test]
    fn a_flag_of_a_plugin_may_have_days() {
        let hours = |text: &str| duration_flag(text).map(|length| length.as_secs() / 3600);
        assert_eq!(hours("7d"), Ok(7 * 24));
        assert_eq!(hours("1d12h"), Ok(36));
        assert_eq!(hours("0.5d"), Ok(12));
        assert_eq!(hours("7200"), Ok(2));
        assert!(hours("d").is_err() && hours("1D").is_err());
        assert!(parse("1d").is_err());
    }

    #[test]
    fn zero_means_no_limit() {
        assert_eq!(seconds("0"), None);
        assert_eq!(seconds("0s"), None);
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in ["5x", "s", ".s", "-5s", "5 s", "1.2.3s", "abc", "+", "5s5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
