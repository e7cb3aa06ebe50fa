//! `-o diff`: shows the changes of an object, field by field.
//!
//! ```text
//! MODIFIED deployment.apps/sleep
//!   spec.replicas: 1 → 3
//! ```
//! The format needs the last state of every object, which no other format keeps.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io;

use kubectl_plugin::Error;
use kubectl_plugin::output::object_name;
use kubectl_plugin::text::terminal;
use kubectl_plugin::text::terminal::printable;
use serde_json::Value;

use crate::output::merge_keys;
use crate::output::merge_keys::Paired;

/// The text for an absent field.
const NOTHING: &str = "(none)";

/// The last state of all known objects.
#[derive(Debug)]
pub(crate) struct Differ {
    objects: HashMap<String, Value>,
    is_coloured: bool,
}

impl Differ {
    /// Returns a differ that uses colours if stdout does.
    pub(crate) fn new() -> Self {
        Self {
            objects: HashMap::new(),
            is_coloured: terminal::is_coloured(&io::stdout()),
        }
    }

    /// Renders an event and remembers its object.
    pub(crate) fn describe(&mut self, line: &[u8]) -> Result<String, Error> {
        let mut event: Value = serde_json::from_slice(line)
            .map_err(|_| Error::protocol("the server sent an event that is not valid JSON"))?;
        let mut object = event["object"].take();
        let event_type = event["type"].as_str().unwrap_or_default();
        let mut text = format!("{event_type} {}", printable(&object_name(&object), ""));
        if let Some(reason) = event["rawwatch"]["reason"].as_str() {
            let _ = write!(text, " (synthetic: {reason})");
        }
        text.push('\n');
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            // The resource version changes with every event.
            metadata.remove("resourceVersion");
        }
        let key = key(&object);
        if event_type == "DELETED" {
            self.objects.remove(&key);
        } else if !key.is_empty() {
            let before = self.objects.get(&key);
            if let Some(before) = before.filter(|_| event_type == "MODIFIED") {
                self.compare("", Some(before), Some(&object), &mut text);
            }
            self.objects.insert(key, object);
        }
        Ok(text)
    }

    /// Appends a line for every field that differs between `old` and `new`.
    fn compare(&self, path: &str, old: Option<&Value>, new: Option<&Value>, text: &mut String) {
        if old == new {
            return;
        }
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for name in names {
                    self.compare(&member(path, name), old.get(name), new.get(name), text);
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                match merge_keys::pair(path, old, new) {
                    Some(paired) => self.compare_paired(path, &paired, text),
                    None => {
                        for index in 0..old.len().max(new.len()) {
                            let path = format!("{path}[{index}]");
                            self.compare(&path, old.get(index), new.get(index), text);
                        }
                    }
                }
            }
            _ => {
                let shown = |value: Option<&Value>| match value {
                    Some(value) => value.to_string(),
                    None => NOTHING.to_owned(),
                };
                self.append(path, &shown(old), &shown(new), text);
            }
        }
    }

    /// Compares lists whose elements have keys.
    fn compare_paired(&self, path: &str, paired: &Paired<'_>, text: &mut String) {
        for (key, old, new) in &paired.elements {
            self.compare(&format!("{path}[{key}]"), *old, *new, text);
        }
        if let Some((old, new)) = &paired.order {
            self.append(&format!("{path} (order)"), old, new, text);
        }
    }

    /// Appends a line for a field.
    fn append(&self, path: &str, old: &str, new: &str, text: &mut String) {
        let (path, old, new) = (printable(path, ""), printable(old, ""), printable(new, ""));
        let _ = if self.is_coloured {
            writeln!(
                text,
                "  {path}: \u{1b}[31m{old}\u{1b}[0m → \u{1b}[32m{new}\u{1b}[0m"
            )
        } else {
            writeln!(text, "  {path}: {old} → {new}")
        };
    }
}

/// Returns the key of an object; empty without a name, as in a bookmark.
fn key(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    if text("name").is_empty() {
        return String::new();
    }
    format!("{}/{}", text("namespace"), object_name(object))
}

/// Returns the path of a member in `JSONPath` notation.
fn member(path: &str, name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.bytes().all(is_plain) {
        format!("{path}['{name}']")
    } else if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differ(is_coloured: bool) -> Differ {
        Differ {
            objects: HashMap::new(),
            is_coloured,
        }
    }

    /// Renders an event of the `ConfigMap` `a` with these members.
    fn describe(differ: &mut Differ, event_type: &str, members: &Value) -> String {
        let mut object = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "a", "resourceVersion": "1", "managedFields": [members]},
        });
        let members = members.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(members);
        let event = json!({"type": event_type, "object": object}).to_string();
        differ.describe(event.as_bytes()).unwrap()
    }

    #[test]
    fn every_changed_field_of_a_modified_object_is_shown() {
        let mut differ = differ(false);
        let old =
            json!({"data": {"key": "0", "same": 1, "gone": null}, "list": [1, 2, {"x": [1]}]});
        let new =
            json!({"data": {"key": "1", "same": 1, "a.b/c": true}, "list": [1, 3, {"x": []}, 4]});
        assert_eq!(describe(&mut differ, "ADDED", &old), "ADDED configmap/a\n");
        assert_eq!(
            describe(&mut differ, "MODIFIED", &old),
            "MODIFIED configmap/a\n"
        );
        assert_eq!(
            describe(&mut differ, "MODIFIED", &new),
            "MODIFIED configmap/a\n  \
             data['a.b/c']: (none) → true\n  data.gone: null → (none)\n  data.key: \"0\" → \"1\"\n  \
             list[1]: 2 → 3\n  list[2].x[0]: 1 → (none)\n  list[3]: (none) → 4\n"
        );
        assert_eq!(
            describe(&mut differ, "DELETED", &new),
            "DELETED configmap/a\n"
        );
        assert!(differ.objects.is_empty());
    }

    #[test]
    fn elements_of_a_list_are_compared_by_their_keys() {
        let mut differ = differ(false);
        let condition = |name: &str, status: &str| json!({"type": name, "status": status});
        let old = json!({"status": {"conditions": [condition("A", "1"), condition("B", "2")]}});
        let new = json!({"status": {"conditions": [condition("C", "0"), condition("B", "3")]}});
        describe(&mut differ, "ADDED", &old);
        assert_eq!(
            describe(&mut differ, "MODIFIED", &new),
            "MODIFIED configmap/a\n  \
             status.conditions[type=A]: {\"status\":\"1\",\"type\":\"A\"} → (none)\n  \
             status.conditions[type=B].status: \"2\" → \"3\"\n  \
             status.conditions[type=C]: (none) → {\"status\":\"0\",\"type\":\"C\"}\n"
        );
        let turned = json!({"status": {"conditions": [condition("B", "3"), condition("C", "0")]}});
        assert_eq!(
            describe(&mut differ, "MODIFIED", &turned),
            "MODIFIED configmap/a\n  \
             status.conditions (order): type=C type=B → type=B type=C\n"
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut differ = differ(true);
        describe(&mut differ, "ADDED", &json!({}));
        let steering = json!({"\u{1b}[2J": "\u{9b}2J"});
        let text = describe(&mut differ, "MODIFIED", &steering);
        assert!(text.contains("['^[[2J']: "), "{text}");
        assert!(text.contains("\"\\u{9b}2J\""), "{text}");
    }

    #[test]
    fn a_synthetic_event_is_marked() {
        let event = json!({
            "type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": "p"}},
            "rawwatch": {"synthetic": true, "reason": "expired"},
        });
        let text = differ(false)
            .describe(event.to_string().as_bytes())
            .unwrap();
        assert_eq!(text, "ADDED pod/p (synthetic: expired)\n");
    }

    #[test]
    fn old_and_new_are_coloured_for_a_terminal() {
        let mut differ = differ(true);
        describe(&mut differ, "ADDED", &json!({"data": 1}));
        assert_eq!(
            describe(&mut differ, "MODIFIED", &json!({"data": 2})),
            "MODIFIED configmap/a\n  data: \u{1b}[31m1\u{1b}[0m → \u{1b}[32m2\u{1b}[0m\n"
        );
    }
}
