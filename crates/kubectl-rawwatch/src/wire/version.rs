//! Resource versions, which are ordered if they are numbers.
//!
//! kube-apiserver's are positive integers of any length, and can be compared within one resource
//! (`apimachinery/pkg/util/resourceversion`). An aggregated API may use any text, which can only be compared
//! for equality.

use std::cmp::Ordering;
use std::fmt;
use std::fmt::{Display, Formatter};

use serde::{Deserialize, Serialize};

/// A resource version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) enum Version {
    /// A number of up to 64 bits, which needs no allocation.
    Number(u64),
    /// Any other text.
    Text(Box<str>),
    /// The fingerprint of an object without a version. It has no text.
    Fingerprint(u64),
}

impl Version {
    pub(crate) fn new(text: &str) -> Self {
        match text.parse() {
            Ok(number) if is_number(text) => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    /// Returns the version of an object that may have any.
    pub(crate) fn unknown() -> Self {
        Self::new("")
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn number_length(&self) -> Option<usize> {
        match self {
            Self::Text(text) if is_number(text) => Some(text.len()),
            _ => None,
        }
    }
}

/// Reports whether a text is a resource version of kube-apiserver: digits without a leading zero.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

impl From<String> for Version {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(own), Self::Number(others)) => Some(own.cmp(others)),
            (Self::Text(own), Self::Text(others)) if own == others => Some(Ordering::Equal),
            (Self::Text(own), Self::Text(others)) => {
                let lengths = self.number_length()?.cmp(&other.number_length()?);
                Some(lengths.then_with(|| own.cmp(others)))
            }
            (Self::Fingerprint(_), _) | (_, Self::Fingerprint(_)) => {
                (self == other).then_some(Ordering::Equal)
            }
            // A text that is a number does not fit in 64 bits, so it is larger.
            (Self::Number(_), Self::Text(_)) => other.number_length().map(|_| Ordering::Less),
            (Self::Text(_), Self::Number(_)) => self.number_length().map(|_| Ordering::Greater),
        }
    }
}

impl Display for Version {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
            Self::Fingerprint(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_ordered() {
        let ascending = [
            "0",
            "9",
            "10",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
        ];
        for (index, text) in ascending.iter().enumerate() {
            assert_eq!(Version::new(text).to_string(), *text);
            for (other_index, other) in ascending.iter().enumerate() {
                assert_eq!(
                    Version::new(text).partial_cmp(&Version::new(other)),
                    Some(index.cmp(&other_index)),
                    "{text} {other}"
                );
            }
        }
    }

    #[test]
    fn a_fingerprint_is_equal_or_incomparable_and_has_no_text() {
        let version = Version::Fingerprint(5);
        assert_eq!(version.to_string(), "");
        assert_eq!(
            version.partial_cmp(&Version::Fingerprint(5)),
            Some(Ordering::Equal)
        );
        for other in [
            Version::Fingerprint(6),
            Version::Number(5),
            Version::unknown(),
        ] {
            assert_eq!(version.partial_cmp(&other), None, "{other:?}");
            assert_eq!(other.partial_cmp(&version), None, "{other:?}");
        }
    }

    #[test]
    fn other_texts_are_equal_or_incomparable() {
        for text in ["abc", "", "007", "-5", "+5", "1.0"] {
            let version = Version::new(text);
            assert_eq!(version.to_string(), text);
            assert_eq!(
                version.partial_cmp(&Version::new(text)),
                Some(Ordering::Equal)
            );
            assert_eq!(version.partial_cmp(&Version::new("5")), None, "{text}");
            assert_eq!(Version::new("5").partial_cmp(&version), None, "{text}");
        }
    }
}
