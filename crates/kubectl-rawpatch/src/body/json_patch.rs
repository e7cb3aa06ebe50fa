//! Checks the operations of a JSON patch by RFC 6902 and RFC 6901.
//!
//! The API server is more lenient, and then does something unintended: it adds on `replace`, writes an
//! empty value for a missing one, and answers 200 to a path without a slash without doing anything. If it
//! refuses, its 422 does not name the operation. Unknown members of an operation are allowed, as RFC 6902
//! requires.

use serde_json::{Map, Value};

use super::{Error, Result};

/// The API server's limit; it answers 413 to more.
const MAX_OPERATIONS: usize = 10_000;

/// Checks every operation. Returns whether one of them writes `/status`.
pub(super) fn check(operations: &[Value]) -> Result<bool> {
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::usage(format!(
            "the patch has {} operations; the API server accepts at most {MAX_OPERATIONS}",
            operations.len()
        ))
        .hinted("split it into several patches"));
    }
    let mut writes_status = false;
    for (index, operation) in operations.iter().enumerate() {
        let operation = Operation::read(operation).map_err(|Fault { op, what, remedy }| {
            let op = op.map_or(String::new(), |op| format!(" ({op})"));
            Error::usage(format!("operation {index}{op}: {what}"))
                .hinted(format!("{remedy}; operations are counted from 0"))
        })?;
        writes_status |= operation
            .written()
            .any(|path| is_at_or_under(path, "/status"));
    }
    Ok(writes_status)
}

/// A valid operation.
pub(super) struct Operation<'a> {
    pub(super) op: &'a str,
    pub(super) path: &'a str,
    /// The source of `move` and `copy`.
    from: Option<&'a str>,
    pub(super) value: Option<&'a Value>,
}

/// A broken rule. It names the op only if it is a known one, because others are the body's text.
pub(super) struct Fault<'a> {
    op: Option<&'a str>,
    what: String,
    remedy: String,
}

impl<'a> Operation<'a> {
    pub(super) fn read(operation: &'a Value) -> std::result::Result<Self, Fault<'a>> {
        let Value::Object(members) = operation else {
            return Err(Fault {
                op: None,
                what: "is not an object".to_owned(),
                remedy: r#"write {"op":"replace","path":"/spec/replicas","value":3}"#.to_owned(),
            });
        };
        let op = members.get("op").and_then(Value::as_str);
        let Some(op @ ("add" | "remove" | "replace" | "move" | "copy" | "test")) = op else {
            let is = if members.contains_key("op") {
                "unknown"
            } else {
                "missing"
            };
            return Err(Fault {
                op: None,
                what: format!("its \"op\" is {is}"),
                remedy: "use add, remove, replace, move, copy or test".to_owned(),
            });
        };
        let fault = |(what, remedy): (String, String)| Fault {
            op: Some(op),
            what,
            remedy,
        };
        let path = pointer(members, "path").map_err(fault)?;
        let from = match op {
            "move" | "copy" => Some(pointer(members, "from").map_err(fault)?),
            _ => None,
        };
        let value = members.get("value");
        if value.is_none() && matches!(op, "add" | "replace" | "test") {
            return Err(fault((
                "its \"value\" is missing".to_owned(),
                "write \"value\":null if you mean null".to_owned(),
            )));
        }
        if op == "move" && from.is_some_and(|from| path != from && is_at_or_under(path, from)) {
            return Err(fault((
                format!("its \"path\" {path:?} is inside its \"from\""),
                "a value cannot be moved into itself; use copy".to_owned(),
            )));
        }
        Ok(Self {
            op,
            path,
            from,
            value,
        })
    }

    /// Returns the places that it changes.
    pub(super) fn written(&self) -> impl Iterator<Item = &'a str> {
        let path = (self.op != "test").then_some(self.path);
        let taken = self.from.filter(|_| self.op == "move");
        path.into_iter().chain(taken)
    }
}

/// Reads the member `name` of an operation, which is a JSON pointer.
fn pointer<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> std::result::Result<&'a str, (String, String)> {
    let Some(pointer) = members.get(name).and_then(Value::as_str) else {
        let is = if members.contains_key(name) {
            "not text"
        } else {
            "missing"
        };
        return Err((
            format!("its {name:?} is {is}"),
            "write a JSON pointer, such as \"/spec/replicas\"".to_owned(),
        ));
    };
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err((
            format!("its {name:?} {pointer:?} does not begin with \"/\""),
            format!("write {:?}", format!("/{pointer}")),
        ));
    }
    let mut escapes = pointer.split('~').skip(1);
    if escapes.any(|rest| !rest.starts_with(['0', '1'])) {
        return Err((
            format!("its {name:?} {pointer:?} has an invalid \"~\" escape"),
            "write ~0 for \"~\" and ~1 for \"/\" in a name".to_owned(),
        ));
    }
    Ok(pointer)
}

/// Reports whether `pointer` names the same place as `root`, or one inside it.
pub(super) fn is_at_or_under(pointer: &str, root: &str) -> bool {
    pointer
        .strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(operation: Value) -> String {
        let fine = json!({"op": "test", "path": "/a", "value": 1});
        let error = check(&[fine.clone(), fine, operation]).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        format!("{error}\nhint: {}", error.hint().unwrap())
    }

    fn assert_refused(operation: Value, message: &str, hint: &str) {
        assert_eq!(
            refusal(operation),
            format!("error: operation 2{message}\nhint: {hint}; operations are counted from 0")
        );
    }

    #[test]
    fn every_known_operation_passes() {
        let operations = json!([
            {"op": "add", "path": "/a/-", "value": null},
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "", "value": {}},
            {"op": "move", "from": "/a", "path": "/a"},
            {"op": "move", "from": "/a", "path": "/ab"},
            {"op": "move", "from": "/a/b", "path": "/a"},
            {"op": "copy", "from": "/a", "path": "/a/b"},
            {"op": "test", "path": "/metadata/annotations/example.com~1a~0b", "value": false},
            {"op": "remove", "path": "/b", "comment": "an unknown member"},
        ]);
        assert!(!check(operations.as_array().unwrap()).unwrap());
    }

    #[test]
    fn refuses_what_is_no_operation() {
        assert_refused(
            json!("hunter2"),
            ": is not an object",
            r#"write {"op":"replace","path":"/spec/replicas","value":3}"#,
        );
        let known = "use add, remove, replace, move, copy or test";
        for op in [json!("hunter2"), json!("Add"), json!(1), json!(null)] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                ": its \"op\" is unknown",
                known,
            );
        }
        assert_refused(json!({"path": "/a"}), ": its \"op\" is missing", known);
    }

    #[test]
    fn refuses_a_missing_member() {
        for op in ["add", "replace", "test"] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                &format!(" ({op}): its \"value\" is missing"),
                "write \"value\":null if you mean null",
            );
        }
        let pointer = "write a JSON pointer, such as \"/spec/replicas\"";
        for op in ["move", "copy"] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                &format!(" ({op}): its \"from\" is missing"),
                pointer,
            );
        }
        assert_refused(
            json!({"op": "remove"}),
            " (remove): its \"path\" is missing",
            pointer,
        );
        assert_refused(
            json!({"op": "remove", "path": ["hunter2"]}),
            " (remove): its \"path\" is not text",
            pointer,
        );
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        assert_refused(
            json!({"op": "remove", "path": "data/x"}),
            " (remove): its \"path\" \"data/x\" does not begin with \"/\"",
            "write \"/data/x\"",
        );
        assert_refused(
            json!({"op": "copy", "path": "/a", "from": "#/b"}),
            " (copy): its \"from\" \"#/b\" does not begin with \"/\"",
            "write \"/#/b\"",
        );
        for path in ["/a~", "/a~2b", "/~~0"] {
            assert_refused(
                json!({"op": "remove", "path": path}),
                &format!(" (remove): its \"path\" {path:?} has an invalid \"~\" escape"),
                "write ~0 for \"~\" and ~1 for \"/\" in a name",
            );
        }
    }

    #[test]
    fn refuses_to_move_into_itself() {
        for (from, path) in [("/a", "/a/b"), ("", "/a")] {
            assert_refused(
                json!({"op": "move", "from": from, "path": path}),
                &format!(" (move): its \"path\" {path:?} is inside its \"from\""),
                "a value cannot be moved into itself; use copy",
            );
        }
    }

    #[test]
    fn refuses_more_operations_than_a_server_takes() {
        let operations = vec![json!({"op": "remove", "path": "/a"}); MAX_OPERATIONS + 1];
        assert!(check(&operations[1..]).is_ok());
        assert_eq!(
            check(&operations).unwrap_err().to_string(),
            "error: the patch has 10001 operations; the API server accepts at most 10000"
        );
    }
}
