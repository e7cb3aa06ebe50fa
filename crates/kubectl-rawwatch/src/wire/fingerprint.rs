//! Fingerprints of objects without a resource version.

use std::hash::{DefaultHasher, Hasher};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The part of an object that is not compared.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    creation_timestamp: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    object: Object<'a>,
}

/// Returns a hash of an object or a table row, without its `creationTimestamp`: metrics-server sets
/// that to the time of the request.
pub(crate) fn fingerprint(item: &RawValue, is_table: bool) -> u64 {
    let text = item.get();
    let object = if is_table {
        serde_json::from_str(text).map(|row: Row<'_>| row.object)
    } else {
        serde_json::from_str(text)
    };
    let created = object
        .ok()
        .and_then(|object: Object<'_>| object.metadata.creation_timestamp);
    let (before, after) = match created.map(RawValue::get) {
        Some(created) => {
            let start = created.as_ptr().addr() - text.as_ptr().addr();
            (&text[..start], &text[start + created.len()..])
        }
        None => (text, ""),
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(before.as_bytes());
    hasher.write(after.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint_of(text: &str, is_table: bool) -> u64 {
        fingerprint(serde_json::from_str(text).unwrap(), is_table)
    }

    #[test]
    fn only_the_creation_timestamp_is_not_compared() {
        let object = |created: &str, time: &str| {
            format!(
                r#"{{"metadata":{{"name":"n","creationTimestamp":{created}}},"timestamp":"{time}"}}"#
            )
        };
        let row = |object: &str| format!(r#"{{"cells":["n"],"object":{object}}}"#);
        let first = object(r#""1""#, "1");
        for (other, is_same) in [
            (object(r#""2""#, "1"), true),
            (object(r#""2""#, "2"), false),
            (object("null", "1"), false),
        ] {
            let same = |left: &str, right: &str, is_table| {
                fingerprint_of(left, is_table) == fingerprint_of(right, is_table)
            };
            assert_eq!(same(&first, &other, false), is_same, "{other}");
            assert_eq!(same(&row(&first), &row(&other), true), is_same, "{other}");
        }
        assert_ne!(fingerprint_of("{}", false), fingerprint_of("[]", false));
    }
}
