//! Points in time: how servers write them, and how people read them.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::temporal::Pieces;
use x509_parser::time::ASN1Time;

/// Parses the date in a header, in the one format that is still sent (RFC 9110 §5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// Parses an RFC 3339 date. Go's calendar ends a day after jiff's; that day becomes jiff's last
/// second.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let parts = Pieces::parse(text).ok()?;
        let is_whole = parts.time().is_some() && parts.offset().is_some();
        (is_whole && parts.date().year() == 9999).then(|| from_seconds(i64::MAX))
    })
}

/// Returns the point in time this many seconds after 1970, or the nearest one that can be
/// represented.
pub fn from_seconds(seconds: i64) -> Timestamp {
    let end = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(end)
}

/// Formats seconds since 1970 as `2026-01-02 03:04 UTC`.
pub fn minute(unix_seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(unix_seconds) else {
        return format!("{unix_seconds} seconds since 1970");
    };
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} UTC",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_shown_to_the_minute() {
        assert_eq!(minute(1_767_323_099), "2026-01-02 03:04 UTC");
    }

    #[test]
    fn the_date_of_a_response_is_parsed() {
        let second = Timestamp::from_second(1_767_323_099).ok();
        assert_eq!(http_date("Fri, 02 Jan 2026 03:04:59 GMT"), second);
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn the_last_day_of_go_becomes_the_last_point_in_time() {
        let last = Some(from_seconds(i64::MAX));
        assert_eq!(rfc3339("9999-12-31T23:59:59Z"), last);
        assert_eq!(rfc3339("9999-12-30T23:59:59-07:00"), last);
        assert_eq!(
            rfc3339("1970-01-01T01:00:01+01:00"),
            Timestamp::from_second(1).ok()
        );
        for text in [
            "9999-12-31",
            "9999-12-31T23:59:59",
            "9999-13-31T23:59:59Z",
            "",
            "soon",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
