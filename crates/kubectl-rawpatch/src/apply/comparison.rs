//! Compares versions of an object, to find out whether a patch made one of the other.
//!
//! The server may add defaults and rewrite values, so a difference proves nothing: only equality does,
//! or a location that a patch would have changed and that still has its old value.

use serde_json::{Map, Value};

/// Members of the metadata that the server changes with each write.
const SERVER_METADATA: [&str; 3] = ["generation", "managedFields", "resourceVersion"];

/// Reports whether two versions of an object are the same for its users.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    users_part(one) == users_part(other)
}

/// Reports whether two responses have the same version and content, and the same managers of fields.
pub(super) fn is_identical(one: &Value, other: &Value) -> bool {
    without_times(one) == without_times(other)
}

/// Reports whether `after` is what the patch makes of `before`, apart from fields that the server may
/// have added. `patched` is the local result of the patch.
pub(super) fn is_result(before: &Value, patched: &Value, after: &Value) -> bool {
    includes(
        &users_part(before),
        &users_part(patched),
        &users_part(after),
    )
}

/// Reports whether `after` still has the value of `before` everywhere where the patch would have changed
/// it, so that the patch was not applied between them. A patch that changes nothing made no version.
pub(super) fn is_untouched(before: &Value, patched: &Value, after: &Value) -> bool {
    let (before, patched, after) = (users_part(before), users_part(patched), users_part(after));
    keeps(Some(&before), Some(&patched), Some(&after))
}

/// Reports whether a field of `after` has a value that it did not have in `before`. The server records
/// the manager of such a field, but not of a field that was removed.
pub(super) fn sets_a_field(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => after.iter().any(|(name, value)| {
            before
                .get(name)
                .is_none_or(|before| sets_a_field(before, value))
        }),
        (Value::Array(before), Value::Array(after)) => {
            after.iter().any(|item| !before.contains(item))
        }
        (before, after) => before != after,
    }
}

/// Returns an object without the members that depend on the server, or on the kind of the response.
pub(super) fn users_part(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Object(members) = &mut object {
        members.remove("kind");
        members.remove("apiVersion");
        if let Some(Value::Object(metadata)) = members.get_mut("metadata") {
            for name in SERVER_METADATA {
                metadata.remove(name);
            }
        }
    }
    object
}

fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object.pointer_mut("/metadata/managedFields");
    for entry in entries.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(members) = entry {
            members.remove("time");
        }
    }
    object
}

fn includes(before: &Value, patched: &Value, after: &Value) -> bool {
    match (patched, after) {
        (Value::Object(patched), Value::Object(after)) => {
            let nothing = Map::new();
            let before = before.as_object().unwrap_or(&nothing);
            let null = Value::Null;
            let has_set = patched.iter().all(|(name, value)| {
                let before = before.get(name).unwrap_or(&null);
                match after.get(name) {
                    Some(after) => includes(before, value, after),
                    None => value.is_null(),
                }
            });
            let mut removed = before.keys().filter(|name| !patched.contains_key(*name));
            has_set && removed.all(|name| !after.contains_key(name))
        }
        (Value::Array(patched), Value::Array(after)) => {
            // Elements may have moved, so their values before are not known.
            let items = patched.iter().zip(after);
            let mut same = items.map(|(patched, after)| includes(&Value::Null, patched, after));
            patched.len() == after.len() && same.all(|is_same| is_same)
        }
        (patched, after) => patched == after,
    }
}

fn keeps(before: Option<&Value>, patched: Option<&Value>, after: Option<&Value>) -> bool {
    if before == patched {
        return true;
    }
    match (before, patched, after) {
        (Some(Value::Object(before)), Some(Value::Object(patched)), Some(Value::Object(after))) => {
            let mut names = before.keys().chain(patched.keys());
            names.all(|name| keeps(before.get(name), patched.get(name), after.get(name)))
        }
        _ => before == after,
    }
}
