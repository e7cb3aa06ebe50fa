//! Masks the values of Secrets like `kubectl diff` (`kubectl/pkg/cmd/diff/diff.go`, `Masker`): a value
//! that differs becomes `*** (before)` and `*** (after)`.
//!
//! kubectl masks only `data`. Annotations are masked here, too, because `kubectl apply` and other tools
//! store the whole object in one.

use serde_json::{Map, Value};

const MASK: &str = "***";
const BEFORE: &str = "*** (before)";
const AFTER: &str = "*** (after)";

/// JSON pointers to the maps of an object that hold values of a Secret.
const HIDDEN: [&str; 3] = ["/data", "/stringData", "/metadata/annotations"];

/// Reports whether an object is a Secret.
pub(super) fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret"
}

/// Masks the values in both versions of a Secret.
pub(super) fn mask(live: Option<&mut Value>, merged: &mut Value) {
    let mut absent = Value::Null;
    let live = live.unwrap_or(&mut absent);
    for pointer in HIDDEN {
        mask_both(live.pointer_mut(pointer), merged.pointer_mut(pointer));
    }
}

fn mask_both(before: Option<&mut Value>, after: Option<&mut Value>) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => mask_members(before, after),
        (Some(before), Some(after)) => mask_pair(before, after),
        (before, after) => before.into_iter().chain(after).for_each(mask_one),
    }
}

fn mask_members(before: &mut Map<String, Value>, after: &mut Map<String, Value>) {
    for (name, value) in before.iter_mut() {
        match after.get_mut(name) {
            Some(other) => mask_pair(value, other),
            None => mask_one(value),
        }
    }
    for (name, value) in after.iter_mut() {
        if !before.contains_key(name) {
            mask_one(value);
        }
    }
}

fn mask_pair(before: &mut Value, after: &mut Value) {
    let masks = if before == after {
        [MASK, MASK]
    } else {
        [BEFORE, AFTER]
    };
    [*before, *after] = masks.map(Value::from);
}

/// Masks the members of a map, or any other value.
fn mask_one(value: &mut Value) {
    match value {
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| *member = MASK.into()),
        Value::Null => {}
        other => *other = MASK.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_masked_and_still_differ() {
        let mut live = json!({
            "kind": "Secret", "data": {"same": "c2FtZQ==", "other": "b2xk", "gone": "Z29uZQ=="},
            "metadata": {"name": "s", "annotations": {"applied": "{\"data\":1}", "same": "x"}},
        });
        let mut merged = json!({
            "kind": "Secret", "data": {"same": "c2FtZQ==", "other": "bmV3", "added": "YWRkZWQ="},
            "stringData": {"added": "hunter2"},
            "metadata": {"name": "s", "annotations": {"applied": "{\"data\":2}", "same": "x"}},
        });
        assert!(is_secret(&live));
        mask(Some(&mut live), &mut merged);
        assert_eq!(
            live,
            json!({
                "kind": "Secret", "data": {"same": MASK, "other": BEFORE, "gone": MASK},
                "metadata": {"name": "s", "annotations": {"applied": BEFORE, "same": MASK}},
            })
        );
        assert_eq!(
            merged,
            json!({
                "kind": "Secret", "data": {"same": MASK, "other": AFTER, "added": MASK},
                "stringData": {"added": MASK},
                "metadata": {"name": "s", "annotations": {"applied": AFTER, "same": MASK}},
            })
        );
    }

    #[test]
    fn values_that_are_no_maps_are_masked_as_a_whole() {
        let mut live = json!({"data": ["hunter2"], "stringData": {"a": {"b": "hunter2"}}});
        let mut merged = json!({"data": {"a": "hunter2"}, "stringData": "hunter2"});
        mask(Some(&mut live), &mut merged);
        assert!(
            !format!("{live}{merged}").contains("hunter2"),
            "{live} {merged}"
        );
        let mut created = json!({"data": {"a": "hunter2"}, "stringData": null});
        mask(None, &mut created);
        assert_eq!(created, json!({"data": {"a": MASK}, "stringData": null}));
    }
}
