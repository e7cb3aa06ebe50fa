//! Formats the remaining time of a credential.

use jiff::SignedDuration;
use kubectl_plugin::text::time_span::words;

/// The remaining time below which it is yellow, or below [`URGENT`] red.
const SOON: SignedDuration = SignedDuration::from_hours(24);
const URGENT: SignedDuration = SignedDuration::from_mins(10);

/// Returns `in 3 days 2 hours` or `2 hours ago`.
pub(crate) fn from_now(remaining: SignedDuration) -> String {
    let words = words(remaining);
    if remaining.is_negative() {
        format!("{words} ago")
    } else {
        format!("in {words}")
    }
}

/// Returns the colour (a parameter of ECMA-48's SGR) for a remaining time that is short.
pub(crate) fn colour(remaining: SignedDuration) -> Option<&'static str> {
    match remaining {
        _ if remaining >= SOON => None,
        _ if remaining >= URGENT => Some("33"),
        _ => Some("31"),
    }
}
