//! Points in time as a person reads them.

use x509_parser::time::ASN1Time;

/// `2026-01-02 03:04 UTC`, of seconds since 1970.
pub(crate) fn minute(unix_seconds: i64) -> String {
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
}
