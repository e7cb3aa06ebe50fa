//! Decides whether applying a patch twice has the same result as applying it once.

use serde_json::Value;

use crate::body::{Operation, is_at_or_under};

/// Reports whether the patch, once it was applied, certainly applies again and changes nothing.
/// `patch` is a JSON patch or a merge patch.
pub(crate) fn is_idempotent(patch: &Value) -> bool {
    match patch {
        Value::Array(operations) => are_idempotent(operations),
        // The server keeps such a null, but removes it when the patch is applied again.
        patch => !has_null_in_list(patch, false),
    }
}

/// Reports whether a JSON patch is idempotent.
///
/// This excludes `remove`, `move` and `copy`, an `add` that may insert an item into a list, a `test`
/// of a value that another operation changes, and an operation inside a value that a later one
/// replaces.
fn are_idempotent(operations: &[Value]) -> bool {
    let parsed = operations
        .iter()
        .map(|operation| Operation::parse(operation).ok());
    let Some(operations) = parsed.collect::<Option<Vec<_>>>() else {
        return false;
    };
    operations.iter().enumerate().all(|(index, operation)| {
        let path = operation.path;
        let mut written = operations.iter().flat_map(Operation::written_paths);
        let mut written_later = operations[index..]
            .iter()
            .flat_map(Operation::written_paths);
        let mut is_kept =
            || !written_later.any(|other| other != path && is_at_or_under(path, other));
        is_unambiguous(path)
            && match operation.op {
                "add" => !may_be_an_index(path) && is_kept(),
                "replace" => is_kept(),
                "test" => {
                    !written.any(|other| is_at_or_under(path, other) || is_at_or_under(other, path))
                }
                _ => false,
            }
    })
}

/// Reports whether a merge patch has a null inside an object inside a list.
fn has_null_in_list(patch: &Value, is_in_list: bool) -> bool {
    match patch {
        Value::Object(members) => members
            .values()
            .any(|value| (is_in_list && value.is_null()) || has_null_in_list(value, is_in_list)),
        Value::Array(items) => items.iter().any(|item| has_null_in_list(item, true)),
        _ => false,
    }
}

/// Reports whether the last token of `pointer` may be the index of an item, or `-`.
fn may_be_an_index(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    last == "-" || last.parse::<usize>().is_ok()
}

/// Reports whether no other pointer may name the same value. The server takes `-1`, `+1` and `01` for
/// indices.
fn is_unambiguous(pointer: &str) -> bool {
    pointer.split('/').all(|token| {
        token
            .parse::<isize>()
            .is_ok_and(|index| index.to_string() == token && index >= 0)
            || token.parse::<isize>().is_err()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn assert_idempotent(expected: bool, patch: &Value) {
        assert_eq!(is_idempotent(patch), expected, "{patch}");
    }

    #[test]
    fn setting_a_value_twice_is_setting_it_once() {
        for patch in [
            json!({"a": null, "b": {"c": null, "d": [null, {"e": 1}]}}),
            json!([]),
            json!([{"op": "add", "path": "/a/b", "value": 1}]),
            json!([{"op": "replace", "path": "/a/0", "value": 1}]),
            json!([{"op": "replace", "path": "", "value": {}}, {"op": "add", "path": "/a", "value": {}}]),
            json!([{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/ab", "value": 1}]),
        ] {
            assert_idempotent(true, &patch);
        }
    }

    #[test]
    fn lists_removals_and_changed_tests_are_not_idempotent() {
        for patch in [
            json!({"a": [{"b": null}]}),
            json!([{"op": "add", "path": "/a/-", "value": 1}]),
            json!([{"op": "add", "path": "/a/0", "value": 1}]),
            json!([{"op": "add", "path": "/a/-1", "value": 1}]),
            json!([{"op": "replace", "path": "/a/01", "value": 1}]),
            json!([{"op": "remove", "path": "/a"}]),
            json!([{"op": "move", "from": "/a", "path": "/b"}]),
            json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            json!([{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/a", "value": 2}]),
            json!([{"op": "test", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 2}]),
            json!([{"op": "test", "path": "/a/b", "value": 1}, {"op": "replace", "path": "/a", "value": {}}]),
            json!([{"op": "add", "path": "/a/b", "value": 1}, {"op": "replace", "path": "/a", "value": 2}]),
            json!(["invalid"]),
        ] {
            assert_idempotent(false, &patch);
        }
    }
}
