//! Checks the operations of a JSON patch by RFC 6902 and RFC 6901.
//!
//! The API server is more lenient, with unintended results: it treats `replace` as `add` and a
//! missing value as null, and answers 200 to a path without a slash but changes nothing. When it
//! does refuse a patch, its 422 does not name the operation. Unknown members of an operation are
//! allowed, as RFC 6902 requires.

use serde_json::{Map, Value};

use super::{Error, Result};

/// The API server's limit for the number of operations in a patch. It refuses more with a 413.
const MAX_OPERATIONS: usize = 10_000;

/// Checks every operation. Returns whether one of them writes `/status`.
pub(super) fn check(operations: &[Value]) -> Result<bool> {
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::usage(format!(
            "the patch has {} operations; the API server accepts up to {MAX_OPERATIONS}",
            operations.len()
        ))
        .with_hint("split it into several patches"));
    }
    for (index, operation) in operations.iter().enumerate() {
        Operation::parse(operation).map_err(|invalid| invalid.at(index))?;
    }
    Ok(writes_under(operations, "/status"))
}

/// Reports whether one of the operations writes the value at `pointer`, or below it.
pub(crate) fn writes_under(operations: &[Value], pointer: &str) -> bool {
    operations.iter().any(|operation| {
        Operation::parse(operation).is_ok_and(|operation| {
            let mut paths = operation.written_paths();
            paths.any(|path| is_at_or_under(path, pointer))
        })
    })
}

/// A valid operation.
pub(crate) struct Operation<'a> {
    pub(crate) op: &'a str,
    pub(crate) path: &'a str,
    /// The source of `move` and `copy`.
    from: Option<&'a str>,
    pub(super) value: Option<&'a Value>,
}

/// The reason why an operation is invalid.
pub(crate) struct InvalidOperation<'a> {
    /// The `op`, if it is valid. An invalid `op` is not quoted, because it may be any text from the
    /// patch.
    op: Option<&'a str>,
    /// The end of a sentence that starts with "operation 1".
    problem: String,
    remedy: String,
}

impl InvalidOperation<'_> {
    fn at(self, index: usize) -> Error {
        let op = self.op.map_or(String::new(), |op| format!(" ({op})"));
        Error::usage(format!("operation {index}{op} {}", self.problem))
            .with_hint(format!("{}; operations are counted from 0", self.remedy))
    }
}

impl<'a> Operation<'a> {
    pub(crate) fn parse(operation: &'a Value) -> std::result::Result<Self, InvalidOperation<'a>> {
        let Value::Object(members) = operation else {
            return Err(InvalidOperation {
                op: None,
                problem: "is not an object".to_owned(),
                remedy: r#"write {"op":"replace","path":"/spec/replicas","value":3}"#.to_owned(),
            });
        };
        let op = known_op(members)?;
        let path = pointer(members, "path", op)?;
        let from = match op {
            "move" | "copy" => Some(pointer(members, "from", op)?),
            _ => None,
        };
        let value = members.get("value");
        if value.is_none() && matches!(op, "add" | "replace" | "test") {
            return Err(InvalidOperation {
                op: Some(op),
                problem: "has no \"value\"".to_owned(),
                remedy: "write \"value\":null if you mean null".to_owned(),
            });
        }
        if op == "move" && from.is_some_and(|from| path != from && is_at_or_under(path, from)) {
            return Err(InvalidOperation {
                op: Some(op),
                problem: format!("has a \"path\" inside its \"from\": {path:?}"),
                remedy: "use copy: a value cannot be moved into itself".to_owned(),
            });
        }
        Ok(Self {
            op,
            path,
            from,
            value,
        })
    }

    /// Returns the paths that the operation changes.
    pub(crate) fn written_paths(&self) -> impl Iterator<Item = &'a str> {
        let path = (self.op != "test").then_some(self.path);
        let moved_from = self.from.filter(|_| self.op == "move");
        path.into_iter().chain(moved_from)
    }
}

/// Returns the `op` of an operation, if RFC 6902 defines it.
fn known_op(members: &Map<String, Value>) -> std::result::Result<&str, InvalidOperation<'_>> {
    match members.get("op").and_then(Value::as_str) {
        Some(op @ ("add" | "remove" | "replace" | "move" | "copy" | "test")) => Ok(op),
        _ => Err(InvalidOperation {
            op: None,
            problem: if members.contains_key("op") {
                "has an unknown \"op\"".to_owned()
            } else {
                "has no \"op\"".to_owned()
            },
            remedy: "use add, remove, replace, move, copy or test".to_owned(),
        }),
    }
}

/// Returns the member `name` of an operation, which must be a JSON pointer.
fn pointer<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    op: &'a str,
) -> std::result::Result<&'a str, InvalidOperation<'a>> {
    let invalid = |problem: String, remedy: String| InvalidOperation {
        op: Some(op),
        problem,
        remedy,
    };
    let pointer = match members.get(name) {
        Some(Value::String(pointer)) => pointer,
        other => {
            let problem = match other {
                Some(_) => format!("has a {name:?} that is not a string"),
                None => format!("has no {name:?}"),
            };
            let remedy = "write a JSON pointer, such as \"/spec/replicas\"".to_owned();
            return Err(invalid(problem, remedy));
        }
    };
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(invalid(
            format!("has a {name:?} that does not start with \"/\": {pointer:?}"),
            format!("write {:?}", format!("/{pointer}")),
        ));
    }
    let mut escapes = pointer.split('~').skip(1);
    if escapes.any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(invalid(
            format!("has a {name:?} with an invalid \"~\" escape: {pointer:?}"),
            "write ~0 for \"~\" and ~1 for \"/\" in a name".to_owned(),
        ));
    }
    Ok(pointer)
}

/// Reports whether `pointer` is `root` or inside it.
pub(crate) fn is_at_or_under(pointer: &str, root: &str) -> bool {
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
            format!("error: operation 2 {message}\nhint: {hint}; operations are counted from 0")
        );
    }

    #[test]
    fn every_valid_operation_passes() {
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
    fn refuses_an_element_that_is_not_an_operation() {
        assert_refused(
            json!("hunter2"),
            "is not an object",
            r#"write {"op":"replace","path":"/spec/replicas","value":3}"#,
        );
        let known = "use add, remove, replace, move, copy or test";
        for op in [json!("hunter2"), json!("Add"), json!(1), json!(null)] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                "has an unknown \"op\"",
                known,
            );
        }
        assert_refused(json!({"path": "/a"}), "has no \"op\"", known);
    }

    #[test]
    fn refuses_a_missing_member() {
        for op in ["add", "replace", "test"] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                &format!("({op}) has no \"value\""),
                "write \"value\":null if you mean null",
            );
        }
        let pointer = "write a JSON pointer, such as \"/spec/replicas\"";
        for op in ["move", "copy"] {
            assert_refused(
                json!({"op": op, "path": "/a"}),
                &format!("({op}) has no \"from\""),
                pointer,
            );
        }
        assert_refused(json!({"op": "remove"}), "(remove) has no \"path\"", pointer);
        assert_refused(
            json!({"op": "remove", "path": ["hunter2"]}),
            "(remove) has a \"path\" that is not a string",
            pointer,
        );
    }

    #[test]
    fn refuses_an_invalid_json_pointer() {
        assert_refused(
            json!({"op": "remove", "path": "data/x"}),
            "(remove) has a \"path\" that does not start with \"/\": \"data/x\"",
            "write \"/data/x\"",
        );
        assert_refused(
            json!({"op": "copy", "path": "/a", "from": "#/b"}),
            "(copy) has a \"from\" that does not start with \"/\": \"#/b\"",
            "write \"/#/b\"",
        );
        for path in ["/a~", "/a~2b", "/~~0"] {
            assert_refused(
                json!({"op": "remove", "path": path}),
                &format!("(remove) has a \"path\" with an invalid \"~\" escape: {path:?}"),
                "write ~0 for \"~\" and ~1 for \"/\" in a name",
            );
        }
    }

    #[test]
    fn refuses_to_move_a_value_into_itself() {
        for (from, path) in [("/a", "/a/b"), ("", "/a")] {
            assert_refused(
                json!({"op": "move", "from": from, "path": path}),
                &format!("(move) has a \"path\" inside its \"from\": {path:?}"),
                "use copy: a value cannot be moved into itself",
            );
        }
    }

    #[test]
    fn refuses_more_operations_than_the_server_accepts() {
        let operations = vec![json!({"op": "remove", "path": "/a"}); MAX_OPERATIONS + 1];
        assert!(check(&operations[1..]).is_ok());
        assert_eq!(
            check(&operations).unwrap_err().to_string(),
            "error: the patch has 10001 operations; the API server accepts up to 10000"
        );
    }
}
