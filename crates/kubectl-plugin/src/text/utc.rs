//! Points in time as a person reads them.

use jiff::Timestamp;
use jiff::fmt::{rfc2822::DateTimeParser, temporal::Pieces};
use x509_parser::time::ASN1Time;

/// The point in time that a header's text is (RFC 9110 §5.6.7), in the one form that is still sent.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// The point in time of an RFC 3339 text. jiff's last year ends a day before Go's.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let parts = Pieces::parse(text).ok()?;
        let is_whole = parts.time().is_some() && parts.offset().is_some();
        (is_whole && parts.date().year() == 9999).then(|| from_seconds(i64::MAX))
    })
}

/// The point in time that is so many seconds from 1970; beyond all years that of the last one that
/// there is.
pub fn from_seconds(seconds: i64) -> Timestamp {
    let end = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(end)
}

/// `2026-01-02 03:04 UTC`, of seconds since 1970.
pub fn minute(unix_seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(unix_seconds) else {
        return format!("{unix_seconds} s after 1970");
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
    fn reads_the_date_of_a_reply() {
        let second = Timestamp::from_second(1_767_323_099).ok();
        assert_eq!(http_date("Fri, 02 Jan 2026 03:04:59 GMT"), second);
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn the_last_day_of_go_is_the_last_point_in_time() {
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
