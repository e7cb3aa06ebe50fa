//! Removes the data of Secrets, and tokens, from JSON documents.

use serde_json::Value;

use crate::redaction::{REDACTED, Redaction};

/// Kinds of objects that hold credentials.
const CREDENTIAL_KINDS: [&str; 4] = ["Secret", "SecretList", "TokenRequest", "TokenReview"];

/// The fields of the metadata that are shown. Annotations are not, because `kubectl apply` stores
/// the whole object in one.
const SHOWN_METADATA: [&str; 10] = [
    "creationTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "uid",
    "ownerReferences",
];

/// The operations of a JSON patch. An unknown one may be any text.
const OPERATIONS: [&str; 6] = ["add", "copy", "move", "remove", "replace", "test"];

/// A document that may be shown.
pub(crate) enum Shown {
    /// The document has no secret data, and is unchanged.
    Whole(Value),
    /// The values of the document were replaced.
    Redacted(Value),
}

/// Reports whether a document is an object that holds credentials, or a list or an event with one. The
/// patch of a Secret has no kind, but may have `stringData`.
pub fn has_credentials(document: &Value) -> bool {
    let kind = document["kind"].as_str().unwrap_or_default();
    CREDENTIAL_KINDS.contains(&kind)
        || document.get("stringData").is_some()
        || document["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(has_credentials))
        || document.get("object").is_some_and(has_credentials)
}

/// Redacts a document if it holds credentials, or if the request is about a Secret, because a patch
/// does not contain its kind. The rules for error texts apply to a Status. `text` is the document
/// as received.
pub(crate) fn shown_document(mut document: Value, text: &str, redaction: &Redaction) -> Shown {
    if document["kind"] == "Status" {
        redaction.tightened_for(text).apply_to_status(&mut document);
        return Shown::Redacted(document);
    }
    if redaction.is_about_secret() || has_credentials(&document) {
        redact(&mut document);
        return Shown::Redacted(document);
    }
    Shown::Whole(document)
}

/// Replaces every text and number, except the fields that identify an object, a list or an
/// operation of a JSON patch. Such fields are only recognized at their proper position, because the
/// keys of a Secret may have any name.
fn redact(document: &mut Value) {
    match document {
        Value::Array(operations) => {
            for operation in operations {
                let op = operation["op"].as_str();
                let is_known = op.is_some_and(|op| OPERATIONS.contains(&op));
                let kept = ["path", "from", "op"];
                redact_members(operation, &kept[..if is_known { 3 } else { 2 }]);
            }
        }
        Value::Object(_) => {
            if let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) {
                items.iter_mut().for_each(redact);
            }
            let metadata = document.get_mut("metadata").map(Value::take);
            redact_members(document, &["apiVersion", "kind", "type", "items"]);
            if let Some(mut metadata) = metadata {
                redact_members(&mut metadata, &SHOWN_METADATA);
                document["metadata"] = metadata;
            }
        }
        other => blank(other),
    }
}

/// Blanks every member except those in `kept`.
fn redact_members(value: &mut Value, kept: &[&str]) {
    match value {
        Value::Object(members) => {
            let others = members
                .iter_mut()
                .filter(|(name, _)| !kept.contains(&name.as_str()));
            others.for_each(|(_, member)| blank(member));
        }
        other => blank(other),
    }
}

/// Replaces every text and number, and keeps the structure.
fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(blank),
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) => *value = Value::from(REDACTED),
        Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(document: &Value, is_about_secret: bool) -> Option<Value> {
        let redaction = Redaction::for_request(is_about_secret, b"");
        match shown_document(document.clone(), &document.to_string(), &redaction) {
            Shown::Redacted(document) => Some(document),
            Shown::Whole(_) => None,
        }
    }

    #[test]
    fn a_secret_keeps_its_structure_and_loses_its_values() {
        let secret = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "data": {"a": "aHVudGVyMg=="},
            "metadata": {"name": "s", "resourceVersion": "5", "annotations": {"last-applied": "{\"data\":…}"}},
        });
        let shown = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "data": {"a": REDACTED},
            "metadata": {"name": "s", "resourceVersion": "5", "annotations": {"last-applied": REDACTED}},
        });
        assert_eq!(redacted(&secret, false).as_ref(), Some(&shown));
        let list = json!({"kind": "List", "items": [secret]});
        assert_eq!(redacted(&list, false).unwrap()["items"][0], shown);
    }

    #[test]
    fn a_patch_of_a_secret_loses_its_values() {
        let patch = json!([{"op": "add", "path": "/data/a", "value": "hunter2"}]);
        assert_eq!(redacted(&patch, true).unwrap()[0]["value"], REDACTED);
        let keys =
            json!({"stringData": {"code": "a", "type": "b", "metadata": "c", "path": {"op": 5}}});
        let shown = json!({"code": REDACTED, "type": REDACTED, "metadata": REDACTED, "path": {"op": REDACTED}});
        assert_eq!(redacted(&keys, true).unwrap()["stringData"], shown);
        assert_eq!(redacted(&patch, false), None);
        assert!(redacted(&keys, false).is_some());
        let unknown = json!([{"op": "hunter2", "path": "/data/a"}, "hunter2"]);
        let shown = json!([{"op": REDACTED, "path": "/data/a"}, REDACTED]);
        assert_eq!(redacted(&unknown, true), Some(shown));
    }

    #[test]
    fn other_objects_are_shown_whole() {
        let config_map = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(redacted(&config_map, false), None);
    }

    #[test]
    fn a_status_about_a_secret_keeps_its_reason() {
        let status = json!({"kind": "Status", "message": "Secret \"s\": Invalid value: \"x\": no"});
        assert_eq!(
            redacted(&status, false).unwrap()["message"],
            "Secret \"s\": Invalid value: \"<redacted>\": no"
        );
    }
}
