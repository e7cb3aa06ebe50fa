//! Finds scalars of a probably wrong type: a number where Kubernetes expects text, and the reverse.

use serde_json::Value;

use super::PatchType;

/// The fields whose values, at any depth, are text.
const TEXT_FIELDS: [&str; 12] = [
    "annotations",
    "args",
    "binaryData",
    "command",
    "data",
    "finalizers",
    "labels",
    "matchLabels",
    "nodeSelector",
    "parameters",
    "stringData",
    "values",
];

/// The type that the server expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Text,
    NumberOrBoolean,
}

/// Returns the JSON pointers of the scalars in `body` that have another type than `expected`. Text
/// is only expected in [`TEXT_FIELDS`] and in environment variables, and text that looks like a
/// number or a boolean is only wrong outside them.
pub(crate) fn wrong_scalars(body: &[u8], patch_type: PatchType, expected: Expected) -> Vec<String> {
    let mut search = Search {
        expected,
        pointers: Vec::new(),
    };
    match serde_json::from_slice(body) {
        Ok(Value::Array(operations)) if patch_type == PatchType::Json => {
            for (position, operation) in operations.iter().enumerate() {
                search.operation(operation, position);
            }
        }
        Ok(document) => search.value(&document, "", false),
        Err(_) => {}
    }
    search.pointers
}

struct Search {
    expected: Expected,
    pointers: Vec<String>,
}

impl Search {
    /// Searches the value of a JSON patch operation.
    fn operation(&mut self, operation: &Value, position: usize) {
        let path = operation["path"].as_str().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        let is_variable = matches!(segments.as_slice(), [.., "env", _, "value"]);
        let in_text = is_variable || segments.iter().any(|segment| TEXT_FIELDS.contains(segment));
        if let Some(value) = operation.get("value") {
            self.value(value, &format!("/{position}/value"), in_text);
        }
    }

    fn value(&mut self, value: &Value, pointer: &str, in_text: bool) {
        match value {
            Value::Object(members) => {
                let is_variable = members.contains_key("name") && pointer.contains("/env/");
                for (name, member) in members {
                    let in_text = in_text
                        || TEXT_FIELDS.contains(&name.as_str())
                        || (is_variable && name == "value");
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.value(member, &format!("{pointer}/{name}"), in_text);
                }
            }
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.value(item, &format!("{pointer}/{position}"), in_text);
                }
            }
            _ if in_text == (self.expected == Expected::Text) && self.is_wrong(value) => {
                self.pointers.push(pointer.to_owned());
            }
            _ => {}
        }
    }

    fn is_wrong(&self, scalar: &Value) -> bool {
        match (self.expected, scalar) {
            (Expected::Text, Value::Number(_) | Value::Bool(_)) => true,
            (Expected::NumberOrBoolean, Value::String(text)) => {
                text.parse::<f64>().is_ok() || ["true", "false"].contains(&text.as_str())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(patch_type: PatchType, body: &Value, expected: Expected) -> Vec<String> {
        wrong_scalars(body.to_string().as_bytes(), patch_type, expected)
    }

    #[test]
    fn numbers_and_booleans_in_text_fields_are_found() {
        let container = json!({"name": "c", "args": ["-n", 5], "env": [{"name": "A", "value": 1}]});
        let body = json!({
            "metadata": {"labels": {"build": 123, "a": "1"}, "annotations": {"x.io/on": true}},
            "spec": {"replicas": 3, "paused": true, "template": {"spec": {"containers": [container]}}},
            "data": {"a": null, "b": 1.5},
        });
        let expected = [
            "/data/b",
            "/metadata/annotations/x.io~1on",
            "/metadata/labels/build",
            "/spec/template/spec/containers/0/args/1",
            "/spec/template/spec/containers/0/env/0/value",
        ];
        let mut found = wrong(PatchType::Strategic, &body, Expected::Text);
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn text_that_looks_like_a_number_is_found_outside_text_fields() {
        let body = json!({
            "metadata": {"labels": {"build": "123"}, "name": "web"},
            "spec": {"replicas": "3", "paused": "true"},
        });
        let mut found = wrong(PatchType::Merge, &body, Expected::NumberOrBoolean);
        found.sort();
        assert_eq!(found, ["/spec/paused", "/spec/replicas"]);
    }

    #[test]
    fn the_path_of_a_json_patch_operation_names_the_field() {
        let body = json!([
            {"op": "add", "path": "/metadata/labels/build", "value": 123},
            {"op": "add", "path": "/spec/replicas", "value": "3"},
            {"op": "add", "path": "/spec/x/env/0/value", "value": 1},
            {"op": "add", "path": "/metadata", "value": {"labels": {"a": false}}},
            {"op": "remove", "path": "/data/x"},
        ]);
        assert_eq!(
            wrong(PatchType::Json, &body, Expected::Text),
            ["/0/value", "/2/value", "/3/value/labels/a"]
        );
        assert_eq!(
            wrong(PatchType::Json, &body, Expected::NumberOrBoolean),
            ["/1/value"]
        );
    }
}
