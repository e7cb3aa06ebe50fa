//! `--only`: prints a modification only if it changes one of some fields.
//!
//! The last values of the fields of every object are kept, also of events that are not printed. If
//! they are unknown, as after a start from a resume file, the modification is printed without them.

use std::collections::HashMap;
use std::sync::Arc;

use kubectl_plugin::Error;
use kubectl_plugin::output::jsonpath::Template;
use serde::Serialize;
use serde_json::Value;

use super::goal::{closed_path, split_path};
use super::object::object;
use crate::wire::event::{EventType, Line};

/// A field: one `--only`.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    template: Arc<Template>,
}

/// The fields, and their last values in each object.
#[derive(Debug)]
pub(crate) struct Fields {
    fields: Vec<Field>,
    /// The values by namespace and name, in the order of the fields; `None` for a field that the
    /// object does not have.
    values: HashMap<String, Vec<Option<Value>>>,
}

/// A field whose value changed. Without `old`, the last value is unknown.
#[derive(Serialize)]
struct ChangedField<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'a Option<Value>>,
    new: &'a Option<Value>,
}

impl Field {
    /// Parses a value of `--only`.
    pub(crate) fn parse(flag: &str) -> Result<Self, Error> {
        let (path, rest) = split_path(flag.trim());
        let Some(path) = closed_path(path).filter(|_| rest.is_empty()) else {
            return Err(Error::usage(format!("--only={flag}: must be one path"))
                .with_hint("use a path that starts at the object, as in --only={.spec.replicas}"));
        };
        let template = Template::parse(&path).map_err(|error| Error::usage(error.to_string()))?;
        Ok(Self {
            template: Arc::new(template),
        })
    }

    /// Returns the value in an object: a list if the path leads to several.
    fn value(&self, object: &Value) -> Option<Value> {
        let mut values = self.template.values(object).unwrap_or_default();
        match values.len() {
            0 | 1 => values.pop(),
            _ => Some(Value::Array(values)),
        }
    }
}

impl Fields {
    /// Creates the state for the values of `--only`. Returns `None` if there are none.
    pub(crate) fn new(fields: &[Field]) -> Option<Self> {
        (!fields.is_empty()).then(|| Self {
            fields: fields.to_vec(),
            values: HashMap::new(),
        })
    }

    /// Records an event. Returns the members of `rawwatch` that show the changed fields, or `None` if
    /// the event is a modification that changes none.
    pub(crate) fn record(&mut self, line: &Line<'_>) -> Option<String> {
        let key = format!("{}/{}", line.identity.namespace, line.identity.name);
        if line.event_type == EventType::Deleted {
            self.values.remove(&key);
            return Some(String::new());
        }
        let object = object(line.text).ok();
        let object: Option<Value> = object.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let object = object.unwrap_or_default();
        let new: Vec<_> = self
            .fields
            .iter()
            .map(|field| field.value(&object))
            .collect();
        let old = self.values.insert(key, new.clone());
        if line.event_type == EventType::Added {
            return Some(String::new());
        }
        let changed = self.changed(old.as_deref(), &new);
        let text = serde_json::to_string(&changed).unwrap_or_default();
        (!changed.is_empty()).then(|| format!("\"changed\":{text}"))
    }

    fn changed<'a>(
        &'a self,
        old: Option<&'a [Option<Value>]>,
        new: &'a [Option<Value>],
    ) -> Vec<ChangedField<'a>> {
        let changed = self.fields.iter().zip(new).enumerate();
        let changed = changed.map(|(index, (field, new))| ChangedField {
            path: field.template.text(),
            old: old.map(|old| &old[index]),
            new,
        });
        changed
            .filter(|field| field.old != Some(field.new))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::event::ObjectIdentity;

    fn record(fields: &mut Fields, event_type: EventType, object: &Value) -> Option<String> {
        let text = json!({"type": event_type.as_str(), "object": object}).to_string();
        fields.record(&Line {
            event_type,
            identity: ObjectIdentity {
                name: "a",
                ..ObjectIdentity::default()
            },
            text: text.as_bytes(),
            synthetic: "",
        })
    }

    fn fields(flags: &[&str]) -> Fields {
        let fields: Vec<Field> = flags
            .iter()
            .map(|flag| Field::parse(flag).unwrap())
            .collect();
        Fields::new(&fields).unwrap()
    }

    #[test]
    fn only_changed_values_are_shown() {
        let mut fields = fields(&[".spec.x", "{.l[*].n}", "status"]);
        let unchanged = Some(String::new());
        let first = json!({"spec": {"x": 1}, "l": [{"n": 1}, {"n": 2}]});
        assert_eq!(record(&mut fields, EventType::Added, &first), unchanged);
        let mut object = first.clone();
        object["other"] = json!(1);
        assert_eq!(record(&mut fields, EventType::Modified, &object), None);
        object["spec"]["x"] = json!({"y": "z"});
        object["l"] = json!([{"n": 3}]);
        assert_eq!(
            record(&mut fields, EventType::Modified, &object).unwrap(),
            r#""changed":[{"path":"{.spec.x}","old":1,"new":{"y":"z"}},{"path":"{.l[*].n}","old":[1,2],"new":3}]"#
        );
        object["status"] = json!(true);
        assert_eq!(
            record(&mut fields, EventType::Modified, &object).unwrap(),
            r#""changed":[{"path":"{.status}","old":null,"new":true}]"#
        );
        assert_eq!(record(&mut fields, EventType::Deleted, &object), unchanged);
    }

    #[test]
    fn a_modification_of_an_unknown_object_has_no_old_value() {
        let mut fields = fields(&["{.x}"]);
        let object = json!({"x": 1});
        let shown = r#""changed":[{"path":"{.x}","new":1}]"#;
        assert_eq!(
            record(&mut fields, EventType::Modified, &object).unwrap(),
            shown
        );
        assert_eq!(record(&mut fields, EventType::Modified, &object), None);
    }

    #[test]
    fn a_field_is_one_path() {
        for wrong in [
            "",
            "{}",
            "{.a}{.b}",
            "{.a}=1",
            ".a=1",
            "{.a",
            "{range .a[*]}{.b}{end}",
        ] {
            assert_eq!(Field::parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
