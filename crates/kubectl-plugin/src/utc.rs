//! Points in time as a person reads them.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use x509_parser::time::ASN1Time;

/// The point in time that a header's text is (RFC 9110 §5.6.7), in the one form that is still sent.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
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
}
