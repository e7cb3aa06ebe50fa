//! The merge keys of lists in Kubernetes. `-o diff` uses them to pair elements.
//!
//! The keys are the `patchMergeKey` of the built-in types (`k8s.io/api`). Other lists often use
//! `name` in the same way.

use std::collections::HashMap;

use serde_json::Value;

/// The elements of two lists, paired by key.
#[derive(Debug, PartialEq)]
pub(super) struct Paired<'a> {
    /// The key of each element, as in `name=app`, with the old and the new element.
    pub(super) elements: Vec<(String, Option<&'a Value>, Option<&'a Value>)>,
    /// The old and the new order of the common elements, if it has changed.
    pub(super) order: Option<(String, String)>,
}

/// Pairs the elements of two lists. Returns `None` if they have no unique keys.
pub(super) fn pair<'a>(path: &str, old: &'a [Value], new: &'a [Value]) -> Option<Paired<'a>> {
    let candidates = candidates(path.rsplit('.').next().unwrap_or_default());
    let (old, new) = candidates
        .iter()
        .find_map(|fields| Some((by_key(fields, old)?, by_key(fields, new)?)))?;
    let find = |list: &[(String, &'a Value)]| -> HashMap<String, &'a Value> {
        list.iter().cloned().collect()
    };
    let (old_elements, new_elements) = (find(&old), find(&new));
    let mut elements: Vec<_> = old
        .iter()
        .map(|(key, element)| (key.clone(), Some(*element), new_elements.get(key).copied()))
        .collect();
    let added = new
        .iter()
        .filter(|(key, _)| !old_elements.contains_key(key));
    elements.extend(added.map(|(key, element)| (key.clone(), None, Some(*element))));
    let common = |list: &[(String, &Value)], other: &HashMap<String, &Value>| {
        let keys = list.iter().map(|(key, _)| key.as_str());
        let keys: Vec<&str> = keys.filter(|key| other.contains_key(*key)).collect();
        keys.join(" ")
    };
    let order = (common(&old, &new_elements), common(&new, &old_elements));
    Some(Paired {
        elements,
        order: (order.0 != order.1).then_some(order),
    })
}

/// Returns the possible keys of a list with this name, each with its fields.
fn candidates(list: &str) -> &'static [&'static [&'static str]] {
    match list {
        "conditions" => &[&["type"]],
        "ports" => &[&["containerPort", "protocol"], &["port", "protocol"]],
        "volumeMounts" => &[&["mountPath"]],
        "volumeDevices" => &[&["devicePath"]],
        "hostAliases" | "podIPs" | "hostIPs" => &[&["ip"]],
        "ownerReferences" => &[&["uid"]],
        "taints" => &[&["key", "effect"]],
        "topologySpreadConstraints" => &[&["topologyKey", "whenUnsatisfiable"]],
        _ => &[&["name"]],
    }
}

/// Returns the elements with their keys. Returns `None` if an element has no key, or if two have the
/// same one.
fn by_key<'a>(fields: &[&str], list: &'a [Value]) -> Option<Vec<(String, &'a Value)>> {
    let mut seen: HashMap<String, &Value> = HashMap::new();
    let mut keyed = Vec::new();
    for element in list {
        let key = key(fields, element)?;
        if seen.insert(key.clone(), element).is_some() {
            return None;
        }
        keyed.push((key, element));
    }
    Some(keyed)
}

/// Returns the key of an element. Only its first field is required.
fn key(fields: &[&str], element: &Value) -> Option<String> {
    element.get(fields[0])?;
    let parts: Option<Vec<String>> = fields
        .iter()
        .filter_map(|field| Some((field, element.get(*field)?)))
        .map(|(field, value)| Some(format!("{field}={}", plain(value)?)))
        .collect();
    parts.map(|parts| parts.join(","))
}

/// Returns a scalar as text, without quotes where the text is plain.
fn plain(value: &Value) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    match value {
        Value::String(text) if !text.is_empty() && text.bytes().all(is_plain) => Some(text.clone()),
        Value::Object(_) | Value::Array(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the keys of paired lists, with `-` for removed and `+` for added elements.
    fn keys(path: &str, old: &Value, new: &Value) -> Option<Vec<String>> {
        let paired = pair(path, old.as_array().unwrap(), new.as_array().unwrap())?;
        let keys = paired.elements.into_iter().map(|(key, old, new)| {
            let mark = match (old, new) {
                (Some(_), Some(_)) => "",
                (Some(_), None) => "-",
                _ => "+",
            };
            format!("{mark}{key}")
        });
        Some(keys.collect())
    }

    #[test]
    fn elements_are_paired_by_the_key_of_the_list() {
        for (path, old, new, expected) in [
            (
                "status.conditions",
                json!([{"type": "A"}, {"type": "B"}]),
                json!([{"type": "C"}, {"type": "B"}]),
                vec!["-type=A", "type=B", "+type=C"],
            ),
            (
                "spec.ports",
                json!([{"port": 80, "protocol": "TCP", "name": "a"}]),
                json!([{"port": 80, "protocol": "TCP", "name": "b"}]),
                vec!["port=80,protocol=TCP"],
            ),
            (
                "spec.containers[name=c].ports",
                json!([{"containerPort": 53, "protocol": "TCP"}]),
                json!([{"containerPort": 53, "protocol": "UDP"}]),
                vec![
                    "-containerPort=53,protocol=TCP",
                    "+containerPort=53,protocol=UDP",
                ],
            ),
            (
                "spec.volumeMounts",
                json!([{"mountPath": "/a", "name": "v"}]),
                json!([{"mountPath": "/b", "name": "v"}]),
                vec!["-mountPath=/a", "+mountPath=/b"],
            ),
            (
                "spec.things",
                json!([{"name": "a b"}]),
                json!([]),
                vec!["-name=\"a b\""],
            ),
        ] {
            assert_eq!(keys(path, &old, &new).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn lists_without_unique_keys_are_not_paired() {
        for (path, list) in [
            ("a", json!([1, 2])),
            ("a", json!([{"x": 1}])),
            ("a", json!([{"name": "a"}, {"name": "a"}])),
            ("a", json!([{"name": {"x": 1}}])),
            ("conditions", json!([{"name": "a"}])),
        ] {
            assert_eq!(keys(path, &list, &json!([])), None, "{list}");
        }
    }

    #[test]
    fn a_new_order_of_common_elements_is_found() {
        let (old, new) = (
            [
                json!({"name": "a"}),
                json!({"name": "b"}),
                json!({"name": "c"}),
            ],
            [
                json!({"name": "b"}),
                json!({"name": "a"}),
                json!({"name": "d"}),
            ],
        );
        let order = |old, new| pair("x", old, new).unwrap().order;
        let changed = Some(("name=a name=b".to_owned(), "name=b name=a".to_owned()));
        assert_eq!(order(&old, &new), changed);
        assert_eq!(order(&old[..2], &old[1..]), None);
    }
}
