//! Guards a patch, so that it only applies to one version of the object.
//!
//! The guard is inserted into the text, and the rest of the text stays unchanged. In an object, the guard
//! is `metadata.resourceVersion`. In a JSON patch, it is a leading `replace` of that field, to which the
//! server answers 409 if the version is stale; a `test` would give a 422 without a reason. An apply patch
//! also needs the UID: with only a resource version, it would create an object that was deleted.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::json::offset_in;
use super::json_patch::{Operation, is_at_or_under};
use super::{Error, PatchType, Result};

/// Inserts the guard into `body`, which is JSON.
///
/// Refuses a body that has another resource version or UID, or that would undo the guard.
pub(crate) fn with_resource_version(
    body: &[u8],
    patch_type: PatchType,
    resource_version: &str,
    uid: Option<&str>,
) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(body).map_err(|_| cannot_guard("it is not UTF-8"))?;
    let mut members = vec![("resourceVersion", resource_version)];
    members.extend(uid.map(|uid| ("uid", uid)));
    let (offset, insertion) = match patch_type {
        PatchType::Json => guard_operations(text, &members)?,
        PatchType::Merge | PatchType::Strategic | PatchType::Apply => {
            guard_metadata(text, &members)?
        }
    };
    Ok([&text[..offset], &insertion, &text[offset..]]
        .concat()
        .into_bytes())
}

/// Returns the resource version that a patch itself requires, if there is one.
pub(crate) fn version_in(patch: &Value) -> Option<&str> {
    const VERSION: &str = "/metadata/resourceVersion";
    match patch {
        Value::Array(operations) => operations.iter().find_map(|operation| {
            let is_guard = operation["path"] == VERSION;
            is_guard.then(|| operation["value"].as_str())?
        }),
        patch => patch.pointer(VERSION)?.as_str(),
    }
}

/// Returns the operations to insert into a JSON patch, and their offset.
fn guard_operations(text: &str, members: &[(&str, &str)]) -> Result<(usize, String)> {
    let operations: Vec<Value> =
        serde_json::from_str(text).map_err(|_| cannot_guard("it is not a JSON array"))?;
    let mut guards = Vec::new();
    for (name, value) in members {
        let pointer = format!("/metadata/{name}");
        if let Some(index) = operations
            .iter()
            .position(|operation| undoes(operation, &pointer, value))
        {
            return Err(
                cannot_guard(&format!("operation {index} also writes {pointer}")).with_hint(
                    format!(
                        "remove operation {index} from the patch; operations are counted from 0"
                    ),
                ),
            );
        }
        guards.push(format!(
            r#"{{"op":"replace","path":"{pointer}","value":{}}}"#,
            Value::from(*value)
        ));
    }
    let comma = if operations.is_empty() { "" } else { "," };
    Ok((after(text, '['), guards.join(",") + comma))
}

/// Reports whether `operation` would change `pointer` to something other than `value`.
fn undoes(operation: &Value, pointer: &str, value: &str) -> bool {
    let Ok(operation) = Operation::parse(operation) else {
        return false; // The server refuses it.
    };
    let sets_same_value = operation.path == pointer
        && matches!(operation.op, "add" | "replace")
        && operation.value.is_some_and(|set| set == value);
    !sets_same_value
        && operation
            .written_paths()
            .any(|path| is_at_or_under(pointer, path))
}

/// Returns the text to insert into an object so that its metadata has `members`, and its offset.
fn guard_metadata(text: &str, members: &[(&str, &str)]) -> Result<(usize, String)> {
    let object = members_of(text).ok_or_else(|| cannot_guard("it is not a JSON object"))?;
    let metadata = match object.get("metadata") {
        Some(metadata) => Some((
            metadata.get(),
            members_of(metadata.get()).ok_or_else(|| cannot_guard("/metadata is not an object"))?,
        )),
        None => None,
    };
    let mut missing = Vec::new();
    for (name, value) in members {
        let present = metadata
            .as_ref()
            .and_then(|(_, members)| members.get(*name));
        match present.map(|present| serde_json::from_str::<Value>(present.get())) {
            None => missing.push(format!("{name:?}:{}", Value::from(*value))),
            Some(Ok(present)) if present == *value => {}
            Some(_) => {
                return Err(
                    cannot_guard(&format!("it has another value in /metadata/{name}"))
                        .with_hint(format!("remove /metadata/{name} from the patch")),
                );
            }
        }
    }
    let missing = missing.join(",");
    let comma = |empty| if empty { "" } else { "," };
    Ok(match metadata {
        Some((raw, members)) => {
            let separator = comma(members.is_empty() || missing.is_empty());
            (offset_in(text, raw) + after(raw, '{'), missing + separator)
        }
        None => (
            after(text, '{'),
            format!(r#""metadata":{{{missing}}}{}"#, comma(object.is_empty())),
        ),
    })
}

/// Returns the members of the object in `text`, as slices of `text`.
fn members_of(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

/// Returns the offset after the bracket at the start of `text`.
fn after(text: &str, bracket: char) -> usize {
    text.find(bracket).map_or(0, |offset| offset + 1)
}

fn cannot_guard(why: &str) -> Error {
    Error::usage(format!(
        "the patch cannot be limited to one resource version: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(text: &str, patch_type: PatchType, uid: Option<&str>) -> Result<String> {
        with_resource_version(text.as_bytes(), patch_type, "42", uid)
            .map(|body| String::from_utf8(body).unwrap())
    }

    fn refusal(text: &str, patch_type: PatchType) -> String {
        let error = guard(text, patch_type, Some("u-1")).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        assert_eq!(error.exit_code(), 2);
        match error.hint() {
            Some(hint) => format!("{error}\nhint: {hint}"),
            None => error.to_string(),
        }
    }

    /// Returns the message of a refusal for this reason.
    fn cannot_add(reason: &str) -> String {
        format!("error: the patch cannot be limited to one resource version: {reason}")
    }

    #[test]
    fn the_guard_is_added_to_the_metadata_and_the_rest_is_unchanged() {
        for (text, guarded) in [
            (
                " {\"spec\": 1.10 }\n",
                " {\"metadata\":{\"resourceVersion\":\"42\"},\"spec\": 1.10 }\n",
            ),
            ("{ }", "{\"metadata\":{\"resourceVersion\":\"42\"} }"),
            (
                r#"{"x":{"metadata":{}},"metadata": {"name" : "a"}}"#,
                r#"{"x":{"metadata":{}},"metadata": {"resourceVersion":"42","name" : "a"}}"#,
            ),
            (
                "{\"metadata\":\n{ }}",
                "{\"metadata\":\n{\"resourceVersion\":\"42\" }}",
            ),
            (
                r#"{"met\u0061data":{"a":"{"}}"#,
                r#"{"met\u0061data":{"resourceVersion":"42","a":"{"}}"#,
            ),
            (
                r#"{"metadata":{"a":1,"resourceVersion":"42"}}"#,
                r#"{"metadata":{"a":1,"resourceVersion":"42"}}"#,
            ),
        ] {
            for patch_type in [PatchType::Merge, PatchType::Strategic, PatchType::Apply] {
                assert_eq!(guard(text, patch_type, None).unwrap(), guarded);
            }
        }
    }

    #[test]
    fn an_apply_patch_is_also_guarded_by_the_uid() {
        assert_eq!(
            guard(
                r#"{"metadata":{"name":"a"}}"#,
                PatchType::Apply,
                Some("u-1")
            )
            .unwrap(),
            r#"{"metadata":{"resourceVersion":"42","uid":"u-1","name":"a"}}"#
        );
        assert_eq!(
            guard(
                r#"{"metadata":{"uid":"u-1"}}"#,
                PatchType::Apply,
                Some("u-1")
            )
            .unwrap(),
            r#"{"metadata":{"resourceVersion":"42","uid":"u-1"}}"#
        );
    }

    #[test]
    fn a_json_patch_starts_with_the_guard() {
        assert_eq!(
            guard(
                "\n[ {\"op\":\"remove\",\"path\":\"/a\"}]",
                PatchType::Json,
                None
            )
            .unwrap(),
            "\n[{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":\"42\"}, \
             {\"op\":\"remove\",\"path\":\"/a\"}]"
        );
        assert_eq!(
            guard("[]", PatchType::Json, None).unwrap(),
            r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"42"}]"#
        );
        for harmless in [
            r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"42"}]"#,
            r#"[{"op":"test","path":"/metadata/resourceVersion","value":"41"}]"#,
            r#"[{"op":"copy","from":"/metadata/resourceVersion","path":"/data/a"}]"#,
            r#"[{"op":"remove","path":"/metadata/labels"}]"#,
        ] {
            assert!(
                guard(harmless, PatchType::Json, None).is_ok(),
                "of {harmless}"
            );
        }
    }

    #[test]
    fn refuses_a_body_that_undoes_the_guard() {
        for operation in [
            r#"{"op":"replace","path":"/metadata/resourceVersion","value":"41"}"#,
            r#"{"op":"remove","path":"/metadata/resourceVersion"}"#,
            r#"{"op":"add","path":"/metadata","value":{}}"#,
            r#"{"op":"replace","path":"","value":{}}"#,
            r#"{"op":"move","from":"/metadata","path":"/data"}"#,
            r#"{"op":"copy","from":"/data","path":"/metadata/resourceVersion"}"#,
        ] {
            let text = format!(r#"[{{"op":"remove","path":"/a"}},{operation}]"#);
            assert_eq!(
                refusal(&text, PatchType::Json),
                cannot_add(
                    "operation 1 also writes /metadata/resourceVersion\n\
                     hint: remove operation 1 from the patch; operations are counted from 0"
                )
            );
        }
        assert_eq!(
            refusal(
                r#"[{"op":"remove","path":"/metadata/uid"}]"#,
                PatchType::Json
            ),
            cannot_add(
                "operation 0 also writes /metadata/uid\n\
                 hint: remove operation 0 from the patch; operations are counted from 0"
            )
        );
    }

    #[test]
    fn refuses_another_version_or_uid() {
        for value in [r#""hunter2""#, "42", "null"] {
            let text = format!(r#"{{"metadata":{{"resourceVersion":{value}}}}}"#);
            assert_eq!(
                refusal(&text, PatchType::Merge),
                cannot_add(
                    "it has another value in /metadata/resourceVersion\n\
                     hint: remove /metadata/resourceVersion from the patch"
                )
            );
            let text = format!(r#"{{"metadata":{{"uid":{value}}}}}"#);
            assert_eq!(
                refusal(&text, PatchType::Apply),
                cannot_add(
                    "it has another value in /metadata/uid\n\
                     hint: remove /metadata/uid from the patch"
                )
            );
        }
    }

    #[test]
    fn refuses_a_body_that_cannot_hold_the_guard() {
        assert_eq!(
            refusal(r#"{"metadata":null}"#, PatchType::Merge),
            cannot_add("/metadata is not an object")
        );
        assert_eq!(
            refusal("[]", PatchType::Merge),
            cannot_add("it is not a JSON object")
        );
        assert_eq!(
            refusal("{}", PatchType::Json),
            cannot_add("it is not a JSON array")
        );
        let not_utf8 = with_resource_version(b"{\"\xff\":1}", PatchType::Merge, "42", None);
        assert_eq!(
            not_utf8.unwrap_err().to_string(),
            cannot_add("it is not UTF-8")
        );
    }
}
