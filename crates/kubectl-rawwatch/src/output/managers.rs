//! The field managers that changed an object, by its `metadata.managedFields`.
//!
//! An entry stands for one manager, operation, API version and subresource. A write that adds or
//! changes a field sets the time of its entry, and takes the field away from all other entries
//! (`apimachinery/pkg/util/managedfields/internal/managedfieldsupdater.go`,
//! `structured-merge-diff/merge/update.go`). Times have seconds, so the second write of a manager in
//! one second does not move its time, and the entry of a `scale` subresource has none: then the
//! owner of the changed fields is the writer. A write that only removes fields leaves no trace of its
//! manager, and neither does a deletion.

use std::fmt::{self, Display, Formatter};

use kubectl_plugin::text::terminal::printable;
use serde_json::{Value, json};

/// The manager of the entry into which the server merges old entries
/// (`managedfields/internal/capmanagers.go`).
const MERGED: &str = "ancient-changes";

/// An entry of `managedFields` without its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) name: String,
    operation: String,
    api_version: String,
    subresource: String,
    /// The time of the last write, in RFC 3339 and UTC, so that times compare as text. Empty if
    /// there is none.
    time: String,
}

impl Manager {
    fn new(entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("manager"),
            operation: text("operation"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
        }
    }

    /// Reports whether two entries belong to the same manager, apart from the time.
    fn is_same(&self, other: &Self) -> bool {
        let other = Self {
            time: self.time.clone(),
            ..other.clone()
        };
        *self == other
    }

    /// Reports whether this entry shows a write since the entries `old`. The server has removed the
    /// entries `gone`.
    fn has_written_since(&self, old: &[Self], gone: &[&Self]) -> bool {
        if self.time.is_empty() || (self.name == MERGED && self.operation == "Update") {
            return false;
        }
        if let Some(before) = old.iter().find(|before| before.is_same(self)) {
            return self.time > before.time;
        }
        // An entry that takes over the time of another is a new name for it: `kubectl apply
        // --server-side` rewrites the entry of an earlier client-side apply.
        let is_latest = old.iter().all(|before| self.time >= before.time);
        is_latest && gone.iter().all(|gone| gone.time != self.time)
    }
}

/// Shows the manager and its operation, as in `kubectl-edit (Update, status) 12:03:04Z`.
impl Display for Manager {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let shown = |text| printable(text, "");
        write!(
            formatter,
            "{} ({}",
            shown(&self.name),
            shown(&self.operation)
        )?;
        if !self.subresource.is_empty() {
            write!(formatter, ", {}", shown(&self.subresource))?;
        }
        formatter.write_str(")")?;
        match self.time.split_once('T') {
            Some((_, time)) => write!(formatter, " {}", shown(time)),
            None => Ok(()),
        }
    }
}

/// Returns the entries of an object.
pub(super) fn of(object: &Value) -> Vec<Manager> {
    entries(object).iter().map(Manager::new).collect()
}

/// Returns the managers that certainly wrote an object between two states. `new` has its managed
/// fields. Between the two states of one event lies one write, and so at most one manager.
pub(super) fn writers(old: (&Value, &[Manager]), new: &Value, is_one_write: bool) -> Vec<Manager> {
    let (old_object, old) = old;
    let managers = of(new);
    let gone: Vec<&Manager> = old
        .iter()
        .filter(|before| !managers.iter().any(|manager| manager.is_same(before)))
        .collect();
    let mut writers = managers.clone();
    writers.retain(|manager| manager.has_written_since(old, &gone));
    if !is_one_write {
        return writers;
    }
    match writers.len() {
        0 => owner_of_changes(&managers, old_object, new)
            .into_iter()
            .collect(),
        1 => writers,
        _ => Vec::new(),
    }
}

/// Returns the only manager that owns the fields that were added or changed. It must have made the
/// last write, because the server itself may change the field of another manager, such as a counter.
fn owner_of_changes(managers: &[Manager], old: &Value, new: &Value) -> Option<Manager> {
    let mut owners = managers
        .iter()
        .zip(entries(new))
        .filter(|(manager, entry)| {
            let (fields, is_scale) = (&entry["fieldsV1"], manager.subresource == "scale");
            (is_scale || !manager.time.is_empty())
                && *fields != json!({})
                && owns_change(fields, Some(old), new)
        });
    let (owner, _) = owners.next().filter(|_| owners.next().is_none())?;
    let is_latest = managers.iter().all(|other| owner.time >= other.time);
    (is_latest || owner.time.is_empty()).then(|| owner.clone())
}

fn entries(object: &Value) -> &[Value] {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.map_or(&[], Vec::as_slice)
}

/// Reports whether a set of fields contains a field that was added or changed. The set is a
/// `fieldsV1`: `f:NAME` is a member, `k:KEY` and `v:VALUE` are elements of lists, and `.` is the
/// value itself (`structured-merge-diff/fieldpath/serialize-pe.go`).
fn owns_change(fields: &Value, old: Option<&Value>, new: &Value) -> bool {
    let Some(fields) = fields.as_object() else {
        return false;
    };
    if old == Some(new) {
        return false;
    }
    if fields.is_empty() {
        return true;
    }
    fields.iter().any(|(step, below)| {
        let Some((kind, text)) = step.split_once(':') else {
            return step == "." && old.is_none();
        };
        let find = |value| find(value, kind, text);
        find(new).is_some_and(|new| owns_change(below, old.and_then(find), new))
    })
}

/// Returns the value to which a step of a path leads.
fn find<'a>(value: &'a Value, kind: &str, text: &str) -> Option<&'a Value> {
    if kind == "f" {
        return value.get(text);
    }
    let wanted: Value = serde_json::from_str(text).ok()?;
    let mut elements = value.as_array()?.iter();
    match (kind, wanted) {
        ("k", Value::Object(key)) => elements.find(|element| {
            key.iter()
                .all(|(name, part)| element.get(name) == Some(part))
        }),
        ("v", wanted) => elements.find(|element| **element == wanted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an entry of a manager that owns these fields, as `NAME OPERATION SECONDS`.
    fn entry(text: &str, fields: &Value) -> Value {
        let mut words = text.split(' ');
        let mut next = || words.next().unwrap();
        json!({
            "manager": next(), "operation": next(), "apiVersion": "v1",
            "time": format!("2026-01-02T03:04:{}Z", next()), "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    }

    fn object(entries: &[(&str, Value)], data: &Value) -> Value {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(text, fields)| entry(text, fields))
            .collect();
        json!({"metadata": {"name": "a", "managedFields": entries}, "data": data})
    }

    /// Returns the names of the writers between two objects.
    fn names(old: &Value, new: &Value, is_one_write: bool) -> Vec<String> {
        let mut without = old.clone();
        without["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        let found = writers((&without, &of(old)), new, is_one_write);
        found.into_iter().map(|manager| manager.name).collect()
    }

    #[test]
    fn the_entry_whose_time_moved_is_the_writer() {
        let fields = json!({"f:data": {"f:x": {}}});
        let old = object(
            &[("a Update 01", fields.clone()), ("b Apply 02", json!({}))],
            &json!({"x": 1}),
        );
        let by = |entries: &[(&str, Value)]| names(&old, &object(entries, &json!({"x": 2})), true);
        let none = json!({});
        // A newer time, and a new entry.
        assert_eq!(
            by(&[
                ("a Update 03", fields.clone()),
                ("b Apply 02", none.clone())
            ]),
            ["a"]
        );
        assert_eq!(
            by(&[
                ("b Apply 02", none.clone()),
                ("c Update 02", fields.clone())
            ]),
            ["c"]
        );
        // An entry is renamed, merged, or older than the others: the writer is unknown.
        for text in ["a Apply 01", "ancient-changes Update 05", "c Update 01"] {
            assert_eq!(
                by(&[(text, none.clone()), ("b Apply 02", none.clone())]),
                [""; 0],
                "{text}"
            );
        }
        // Two writers in one event cannot be.
        assert_eq!(
            by(&[("a Update 03", none.clone()), ("b Apply 03", none.clone())]),
            [""; 0]
        );
    }

    #[test]
    fn all_writers_of_a_gap_are_found() {
        let old = object(
            &[("a Update 01", json!({})), ("b Update 02", json!({}))],
            &json!({}),
        );
        let new = object(
            &[
                ("a Update 05", json!({})),
                ("c Apply 04", json!({})),
                ("b Update 02", json!({})),
            ],
            &json!({}),
        );
        assert_eq!(names(&old, &new, false), ["a", "c"]);
    }

    #[test]
    fn within_a_second_the_owner_of_the_changed_fields_is_the_writer() {
        let list = |value: i32| json!({"x": 1, "l": [{"name": "n", "port": value}], "s": ["v"]});
        let fields = json!({"f:data": {"f:l": {"k:{\"name\":\"n\"}": {".": {}, "f:port": {}}}}});
        let other = json!({"f:data": {"f:x": {}, "f:s": {"v:\"v\"": {}}}});
        let entries = |time| [("a Update 05", fields.clone()), (time, other.clone())];
        let (old, new) = (list(1), list(2));
        let by = |time| {
            names(
                &object(&entries(time), &old),
                &object(&entries(time), &new),
                true,
            )
        };
        assert_eq!(by("b Update 05"), ["a"]);
        // The last write was not theirs.
        assert_eq!(by("b Update 06"), [""; 0]);
        // The entry of the subresource `scale` has no time.
        let mut scaled = object(&entries("b Update 06"), &new);
        let entry = &mut scaled["metadata"]["managedFields"][0];
        entry["time"].take();
        assert_eq!(
            names(&object(&entries("b Update 06"), &old), &scaled, true),
            [""; 0]
        );
        let entry = &mut scaled["metadata"]["managedFields"][0];
        entry["subresource"] = json!("scale");
        assert_eq!(
            names(&object(&entries("b Update 06"), &old), &scaled, true),
            ["a"]
        );
        // A write that only removes a field leaves no trace of its manager.
        let less = json!({"x": 1, "l": [{"name": "n", "port": 1}]});
        let (old, new) = (
            object(&entries("b Update 05"), &list(1)),
            object(&entries("b Update 05"), &less),
        );
        assert_eq!(names(&old, &new, true), [""; 0]);
        // After a gap, others may have written the same value.
        let new = object(&entries("b Update 05"), &list(2));
        assert_eq!(names(&old, &new, false), [""; 0]);
    }

    #[test]
    fn an_added_element_belongs_to_its_owner() {
        for (fields, old, new) in [
            (
                json!({"f:data": {"k:{\"n\":2}": {".": {}, "f:n": {}}}}),
                json!([]),
                json!([{"n": 2}]),
            ),
            (json!({"f:data": {"v:2": {}}}), json!([1]), json!([1, 2])),
            (json!({"f:data": {}}), json!(1), json!([2])),
            (json!({"f:data": {".": {}}}), Value::Null, json!({})),
        ] {
            let entries = [("a Update 05", fields.clone())];
            let mut old = object(&entries, &old);
            if old["data"].is_null() {
                old.as_object_mut().unwrap().remove("data");
            }
            assert_eq!(
                names(&old, &object(&entries, &new), true),
                ["a"],
                "{fields}"
            );
        }
    }

    #[test]
    fn a_manager_is_shown_with_its_operation_and_time() {
        let mut manager = Manager::new(&entry("a\u{1b} Update 05", &json!({})));
        assert_eq!(manager.to_string(), "a^[ (Update) 03:04:05Z");
        "status".clone_into(&mut manager.subresource);
        assert_eq!(manager.to_string(), "a^[ (Update, status) 03:04:05Z");
        manager.time.clear();
        assert_eq!(manager.to_string(), "a^[ (Update, status)");
    }
}
