//! `-o diff`: shows the changes of an object, field by field.
//!
//! ```text
//! MODIFIED deployment.apps/sleep  by kubectl-edit (Update) 12:03:04Z
//!   spec.replicas: 1 → 3
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

use kubectl_plugin::output::object_name;
use kubectl_plugin::text::terminal;
use kubectl_plugin::text::terminal::printable;
use serde_json::Value;

use crate::output::history::Change;
use crate::output::managers::Manager;
use crate::output::merge_keys;
use crate::output::merge_keys::Paired;

/// The text for an absent field.
const NOTHING: &str = "(none)";

/// The format of a change.
#[derive(Debug)]
pub(crate) struct Differ {
    is_coloured: bool,
}

impl Differ {
    /// Returns a differ that uses colours if stdout does.
    pub(crate) fn new() -> Self {
        Self {
            is_coloured: terminal::is_coloured(&io::stdout()),
        }
    }

    /// Renders the change of an object.
    pub(crate) fn describe(&self, change: &Change) -> String {
        let mut text = format!(
            "{} {}",
            change.event_type,
            printable(&object_name(&change.new), "")
        );
        if let Some(reason) = &change.reason {
            let _ = write!(text, " (synthetic: {reason})");
        }
        if !change.writers.is_empty() {
            let writers: Vec<String> = change.writers.iter().map(Manager::to_string).collect();
            let _ = write!(text, "  by {}", writers.join(", "));
        }
        text.push('\n');
        if let Some(old) = &change.old {
            self.compare("", Some(old), Some(&change.new), &mut text);
        }
        text
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
    use crate::output::history::History;
    use crate::wire::event::{EventType, Line, ObjectIdentity};

    /// A differ with the objects that it has seen.
    struct Stream {
        differ: Differ,
        history: History,
    }

    fn differ(is_coloured: bool) -> Stream {
        Stream {
            differ: Differ { is_coloured },
            history: History::default(),
        }
    }

    fn describe_event(
        stream: &mut Stream,
        event_type: EventType,
        object: &Value,
        synthetic: &str,
    ) -> String {
        let text = json!({"type": event_type.as_str(), "object": object}).to_string();
        let line = Line {
            event_type,
            identity: ObjectIdentity::default(),
            text: text.as_bytes(),
            synthetic,
        };
        let change = stream.history.record(&line).unwrap();
        stream.differ.describe(&change)
    }

    /// Renders an event of the `ConfigMap` `a` with these members.
    fn describe(stream: &mut Stream, event_type: EventType, members: &Value) -> String {
        let mut object = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "a", "resourceVersion": "1", "managedFields": [members]},
        });
        let members = members.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(members);
        describe_event(stream, event_type, &object, "")
    }

    #[test]
    fn every_changed_field_of_a_modified_object_is_shown() {
        let mut differ = differ(false);
        let old =
            json!({"data": {"key": "0", "same": 1, "gone": null}, "list": [1, 2, {"x": [1]}]});
        let new =
            json!({"data": {"key": "1", "same": 1, "a.b/c": true}, "list": [1, 3, {"x": []}, 4]});
        assert_eq!(
            describe(&mut differ, EventType::Added, &old),
            "ADDED configmap/a\n"
        );
        assert_eq!(
            describe(&mut differ, EventType::Modified, &old),
            "MODIFIED configmap/a\n"
        );
        assert_eq!(
            describe(&mut differ, EventType::Modified, &new),
            "MODIFIED configmap/a\n  \
             data['a.b/c']: (none) → true\n  data.gone: null → (none)\n  data.key: \"0\" → \"1\"\n  \
             list[1]: 2 → 3\n  list[2].x[0]: 1 → (none)\n  list[3]: (none) → 4\n"
        );
        assert_eq!(
            describe(&mut differ, EventType::Deleted, &new),
            "DELETED configmap/a\n"
        );
        // A new object with this name is not compared with the deleted one.
        assert_eq!(
            describe(&mut differ, EventType::Modified, &old),
            "MODIFIED configmap/a\n"
        );
    }

    #[test]
    fn elements_of_a_list_are_compared_by_their_keys() {
        let mut differ = differ(false);
        let condition = |name: &str, status: &str| json!({"type": name, "status": status});
        let old = json!({"status": {"conditions": [condition("A", "1"), condition("B", "2")]}});
        let new = json!({"status": {"conditions": [condition("C", "0"), condition("B", "3")]}});
        describe(&mut differ, EventType::Added, &old);
        assert_eq!(
            describe(&mut differ, EventType::Modified, &new),
            "MODIFIED configmap/a\n  \
             status.conditions[type=A]: {\"status\":\"1\",\"type\":\"A\"} → (none)\n  \
             status.conditions[type=B].status: \"2\" → \"3\"\n  \
             status.conditions[type=C]: (none) → {\"status\":\"0\",\"type\":\"C\"}\n"
        );
        let turned = json!({"status": {"conditions": [condition("B", "3"), condition("C", "0")]}});
        assert_eq!(
            describe(&mut differ, EventType::Modified, &turned),
            "MODIFIED configmap/a\n  \
             status.conditions (order): type=C type=B → type=B type=C\n"
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut differ = differ(true);
        describe(&mut differ, EventType::Added, &json!({}));
        let steering = json!({"\u{1b}[2J": "\u{9b}2J"});
        let text = describe(&mut differ, EventType::Modified, &steering);
        assert!(text.contains("['^[[2J']: "), "{text}");
        assert!(text.contains("\"\\u{9b}2J\""), "{text}");
    }

    #[test]
    fn a_synthetic_event_is_marked() {
        let object = json!({"kind": "Pod", "metadata": {"name": "p"}});
        let synthetic = r#""synthetic":true,"reason":"expired""#;
        let text = describe_event(&mut differ(false), EventType::Added, &object, synthetic);
        assert_eq!(text, "ADDED pod/p (synthetic: expired)\n");
    }

    #[test]
    fn the_managers_of_a_change_are_named() {
        let object = |times: [&str; 2]| {
            let entry = |name: &str, time: &str| json!({"manager": name, "operation": "Update", "time": format!("2026-01-02T03:04:{time}Z")});
            json!({"kind": "Pod", "metadata": {"name": "p", "managedFields": [entry("a", times[0]), entry("b", times[1])]}})
        };
        let mut differ = differ(false);
        describe_event(&mut differ, EventType::Added, &object(["01", "02"]), "");
        assert_eq!(
            describe_event(&mut differ, EventType::Modified, &object(["03", "02"]), ""),
            "MODIFIED pod/p  by a (Update) 03:04:03Z\n"
        );
        let gap = r#""synthetic":true,"reason":"expired""#;
        assert_eq!(
            describe_event(&mut differ, EventType::Modified, &object(["04", "05"]), gap),
            "MODIFIED pod/p (synthetic: expired)  by a (Update) 03:04:04Z, b (Update) 03:04:05Z\n"
        );
    }

    #[test]
    fn old_and_new_are_coloured_for_a_terminal() {
        let mut differ = differ(true);
        describe(&mut differ, EventType::Added, &json!({"data": 1}));
        assert_eq!(
            describe(&mut differ, EventType::Modified, &json!({"data": 2})),
            "MODIFIED configmap/a\n  data: \u{1b}[31m1\u{1b}[0m → \u{1b}[32m2\u{1b}[0m\n"
        );
    }
}
