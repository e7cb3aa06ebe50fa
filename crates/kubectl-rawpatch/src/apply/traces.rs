//! The traces of a write in `metadata.managedFields`.
//!
//! The server records the manager and the time of a write that sets a field, but no trace of a write that
//! only removes fields (`apimachinery/pkg/util/managedfields`, `managedFieldsUpdater`). It may create two
//! entries itself: `ancient-changes` and `before-first-apply`.

use serde_json::Value;

use super::comparison::{sets_a_field, users_part};
use crate::body::PatchType;
use crate::request::PatchRequest;

const SERVERS: [&str; 2] = ["ancient-changes", "before-first-apply"];

/// The managers that a write left traces of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Traces {
    /// Whether the manager of the patch is among them.
    pub(super) has_ours: bool,
    /// Whether another manager is among them.
    pub(super) has_others: bool,
}

/// An entry of `managedFields`: its manager, and the time of its last change.
#[derive(PartialEq)]
struct Entry<'a> {
    manager: &'a str,
    operation: &'a str,
    subresource: &'a str,
    time: &'a str,
}

/// Returns the traces of the one write that turned `before` into `after`. Returns `None` if the name of our
/// manager is not known.
pub(super) fn between(before: &Value, after: &Value, request: &PatchRequest) -> Option<Traces> {
    let manager = request.field_manager()?;
    let resource = request.path.resource()?;
    let operation = match request.patch_type {
        PatchType::Apply => "Apply",
        _ => "Update",
    };
    let subresource = resource.subresource.unwrap_or_default();
    let is_ours = |entry: &Entry<'_>| {
        (entry.manager, entry.operation, entry.subresource) == (&*manager, operation, &*subresource)
    };
    let old = entries(before);
    let all = entries(after);
    let mut new: Vec<&Entry<'_>> = all.iter().filter(|entry| !old.contains(entry)).collect();
    if new.is_empty() && sets_a_field(&users_part(before), &users_part(after)) {
        // The writer had changed the object before, in the same second, which is the last one.
        let last = all.iter().map(|entry| entry.time).max();
        new = all
            .iter()
            .filter(|entry| Some(entry.time) == last)
            .collect();
    }
    Some(Traces {
        has_ours: new.iter().any(|entry| is_ours(entry)),
        has_others: new.iter().any(|entry| !is_ours(entry)),
    })
}

fn entries(object: &Value) -> Vec<Entry<'_>> {
    let entries = object.pointer("/metadata/managedFields");
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let entries = entries.map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        Entry {
            manager: text("manager"),
            operation: text("operation"),
            subresource: text("subresource"),
            time: text("time"),
        }
    });
    entries
        .filter(|entry| !SERVERS.contains(&entry.manager))
        .collect()
}
