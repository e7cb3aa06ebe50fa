//! Applies a merge patch, as the API server does.

use serde_json::{Map, Value};

use super::node::stored;

/// Returns `object` with `patch` merged into it. A null in `patch` removes a member.
///
/// RFC 7396 keeps the nulls inside a list of the patch. The server removes them from the objects in
/// the list, except where the list replaces an object.
pub(super) fn merge(mut object: Map<String, Value>, patch: Map<String, Value>) -> Value {
    for (name, value) in patch {
        let merged = match (object.remove(&name), value) {
            (_, Value::Null) => continue,
            (Some(Value::Object(members)), Value::Object(patch)) => merge(members, patch),
            (Some(Value::Object(_)), value) => stored(value),
            (_, value) => stored(without_nulls(value)),
        };
        object.insert(name, merged);
    }
    Value::Object(object)
}

/// Removes the members that are null from the objects in `value`. Nulls in lists stay.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        scalar => scalar,
    }
}
