use serde_json::{Value, json};

use super::*;

fn json_patch(patch: &str, object: &Value) -> Result<Value, String> {
    evaluate(PatchType::Json, patch.as_bytes(), object)
        .expect("the server accepts the body")
        .map_err(|failed| failed.describe(true))
}

fn merge_patch(patch: &Value, object: &Value) -> Value {
    let patch = patch.to_string();
    evaluate(PatchType::Merge, patch.as_bytes(), object)
        .unwrap()
        .unwrap()
}

#[track_caller]
fn assert_patched(patch: &str, object: &Value, expected: &Value) {
    assert_eq!(json_patch(patch, object).as_ref(), Ok(expected), "{patch}");
}

#[track_caller]
fn assert_fails(operation: &str, object: &Value, failure: &str) {
    let patch = format!(r#"[{{"op":"test","path":"/missing","value":null}},{operation}]"#);
    assert_eq!(
        json_patch(&patch, object),
        Err(format!("operation 1 {failure}")),
        "{operation}"
    );
}

#[test]
fn operations_are_applied_as_the_server_does() {
    let object = json!({"a": {"b": [1, 2]}, "c/d": "x", "e~f": null});
    for (patch, expected) in [
        (
            r#"[{"op":"replace","path":"/g","value":1}]"#,
            json!({"a": {"b": [1, 2]}, "c/d": "x", "e~f": null, "g": 1}),
        ),
        (
            r#"[{"op":"add","path":"a/g"},{"op":"remove","path":"/a"}]"#,
            json!({"c/d": "x", "e~f": null, "g": null}),
        ),
        (
            r#"[{"op":"remove","path":"/a/b/-1"},{"op":"add","path":"/a/b/-2","value":0}]"#,
            json!({"a": {"b": [0, 1]}, "c/d": "x", "e~f": null}),
        ),
        (
            r#"[{"op":"add","path":"/a/b/-1","value":3},{"op":"add","path":"/a/b/-","value":4}]"#,
            json!({"a": {"b": [1, 2, 3, 4]}, "c/d": "x", "e~f": null}),
        ),
        (
            r#"[{"op":"replace","path":"/a/b/+01","value":{"z":null}}]"#,
            json!({"a": {"b": [1, {"z": null}]}, "c/d": "x", "e~f": null}),
        ),
        (
            r#"[{"op":"copy","from":"/g","path":"/h"},{"op":"move","from":"/e~0f","path":"/i"}]"#,
            json!({"a": {"b": [1, 2]}, "c/d": "x", "h": null, "i": null}),
        ),
        (
            r#"[{"op":"move","from":"/c~1d","path":"/a/b"},{"op":"test","path":"/e~0f","value":null}]"#,
            json!({"a": {"b": "x"}, "e~f": null}),
        ),
        (
            r#"[{"op":"replace","path":"","value":{"a":[]}},{"op":"test","path":"","value":{"a":[]}}]"#,
            json!({"a": []}),
        ),
    ] {
        assert_patched(patch, &object, &expected);
    }
}

#[test]
fn numbers_have_the_form_that_the_server_stores() {
    let patch = r#"[{"op":"add","path":"/a","value":[1.0,1e2,9223372036854775807,18446744073709551615,9007199254740993,-0,1.5]}]"#;
    let expected =
        r#"{"a":[1,100,9223372036854775807,18446744073709552000,9007199254740993,0,1.5]}"#;
    assert_patched(patch, &json!({}), &serde_json::from_str(expected).unwrap());
    let merged = merge_patch(&json!({"a": 1.0, "b": [1e3]}), &json!({}));
    assert_eq!(merged.to_string(), r#"{"a":1,"b":[1000]}"#);
}

#[test]
fn a_failure_names_the_operation_and_the_reason() {
    let object = json!({
        "spec": {"replicas": 3, "list": [1], "none": [], "null": null},
        "metadata": {"labels": {"app": "x"}},
    });
    for (operation, failure) in [
        (
            r#"{"op":"test","path":"/spec/replicas","value":5}"#,
            "(test /spec/replicas) failed: the value is 3",
        ),
        (
            r#"{"op":"test","path":"/spec/replica","value":5}"#,
            "(test /spec/replica) failed: /spec/replica is missing",
        ),
        (
            r#"{"op":"remove","path":"/status/a"}"#,
            "(remove /status/a) failed: /status is missing",
        ),
        (
            r#"{"op":"add","path":"/status/a","value":1}"#,
            "(add /status/a) failed: /status is missing; add /status first",
        ),
        (
            r#"{"op":"move","from":"/spec/x","path":"/spec/y"}"#,
            "(move /spec/x to /spec/y) failed: /spec/x is missing",
        ),
        (
            r#"{"op":"add","path":"/spec/replicas/x","value":1}"#,
            "(add /spec/replicas/x) failed: /spec/replicas is 3",
        ),
        (
            r#"{"op":"add","path":"/spec/null/x","value":1}"#,
            "(add /spec/null/x) failed: /spec/null is null",
        ),
        (
            r#"{"op":"remove","path":"/spec/list/1"}"#,
            "(remove /spec/list/1) failed: the list /spec/list has only 1 item",
        ),
        (
            r#"{"op":"replace","path":"/spec/none/0","value":1}"#,
            "(replace /spec/none/0) failed: the list /spec/none is empty",
        ),
        (
            r#"{"op":"add","path":"/spec/list/3","value":1}"#,
            "(add /spec/list/3) failed: the list /spec/list has only 1 item",
        ),
        (
            r#"{"op":"remove","path":"/spec/list/-"}"#,
            "(remove /spec/list/-) failed: /spec/list is a list, and \"-\" is not an index",
        ),
        (
            r#"{"op":"remove","path":""}"#,
            "(remove) failed: the server needs a pointer with a slash here",
        ),
        (
            r#"{"op":"replace","path":"","value":5}"#,
            "(replace) failed: the whole object cannot be replaced by a scalar",
        ),
        (
            r#"{"op":"frob","path":"/a"}"#,
            "(unknown op /a) failed: the server does not know it",
        ),
        (r#"{"op":"add"}"#, "(add) failed: it has no \"path\""),
        (
            r#"{"op":"copy","path":"/a"}"#,
            "(copy /a) failed: it has no \"from\"",
        ),
    ] {
        assert_fails(operation, &object, failure);
    }
}

#[test]
fn an_unescaped_slash_in_a_name_is_recognized() {
    let object = json!({"metadata": {"labels": {"app": "x"}}, "status": {"capacity": {}}});
    for (op, path, failure) in [
        (
            "remove",
            "/metadata/labels/example.com/a~0b",
            "/metadata/labels/example.com is missing; write example.com~1a~0b for the name \"example.com/a~b\"",
        ),
        (
            "test",
            "/metadata/labels/app/name",
            "/metadata/labels/app is \"x\"; write app~1name for the name \"app/name\"",
        ),
        (
            "add",
            "/metadata/annotations/example.com/name",
            "/metadata/annotations is missing; add /metadata/annotations first, and write example.com~1name for the name \"example.com/name\"",
        ),
        (
            "add",
            "/status/capacity/example.com/dongle",
            "/status/capacity/example.com is missing; write example.com~1dongle for the name \"example.com/dongle\"",
        ),
        ("remove", "/metadata/x/y", "/metadata/x is missing"),
    ] {
        assert_fails(
            &format!(r#"{{"op":"{op}","path":"{path}","value":"v"}}"#),
            &object,
            &format!("({op} {path}) failed: {failure}"),
        );
    }
}

#[test]
fn test_compares_the_text_of_values() {
    let object = json!({"a": "x<y", "b": 1, "c": [null], "d": {"e": null}});
    for (path, value, failure) in [
        (
            "/a",
            r#""x<y""#,
            r#"the server compares the text of values, and the value is "x\u003cy""#,
        ),
        (
            "/b",
            "1.0",
            "the server compares the text of values, and the value is 1",
        ),
        ("/b", r#""1""#, "the value is 1"),
        ("/c", "[null]", "the API server panics on a null here"),
        ("/d", r#"{"f":null}"#, r#"the value is {"e":null}"#),
    ] {
        assert_fails(
            &format!(r#"{{"op":"test","path":"{path}","value":{value}}}"#),
            &object,
            &format!("(test {path}) failed: {failure}"),
        );
    }
    let patch = r#"[{"op":"test","path":"/a","value":"x\u003cy"},{"op":"test","path":"/d","value":{"e":null}}]"#;
    assert_patched(patch, &object, &object);
}

#[test]
fn a_copy_is_text_that_the_server_has_written_and_read() {
    for operations in [
        r#"{"op":"add","path":"/a","value":"x<y"},{"op":"copy","from":"/a","path":"/b"},{"op":"test","path":"/b","value":"x\u003cy"},{"op":"test","path":"/a","value":"x<y"}"#,
        r#"{"op":"add","path":"/a","value":null},{"op":"copy","from":"/a","path":"/b"},{"op":"test","path":"/b","value":{}},{"op":"test","path":"/a","value":null}"#,
    ] {
        assert!(
            json_patch(&format!("[{operations}]"), &json!({})).is_ok(),
            "{operations}"
        );
    }
    let large = json!({"a": "x".repeat(1024 * 1024), "b": []});
    let copies = |count| {
        let copy = r#"{"op":"copy","from":"/a","path":"/b/-"}"#;
        json_patch(&format!("[{}]", [copy].repeat(count).join(",")), &large)
    };
    assert!(copies(2).is_ok());
    let failure = "operation 2 (copy /a to /b/-) failed: the patch copies more than 3 MiB";
    assert_eq!(copies(3), Err(failure.to_owned()));
}

#[test]
fn values_are_shortened_or_hidden() {
    let object = json!({"a": "hunter2".repeat(20), "b": {"c": 1}});
    let failure = |patch: &str, shows_values| {
        let failed = evaluate(PatchType::Json, patch.as_bytes(), &object).unwrap();
        failed.unwrap_err().describe(shows_values)
    };
    let test = r#"[{"op":"test","path":"/a","value":1}]"#;
    let shown = failure(test, true);
    assert!(shown.ends_with('…') && shown.len() < 130, "{shown}");
    for (patch, reason) in [
        (test, "(test /a) failed: the value is text"),
        (
            r#"[{"op":"test","path":"/b","value":1}]"#,
            "(test /b) failed: the value is an object",
        ),
        (
            r#"[{"op":"add","path":"/a/x","value":1}]"#,
            "(add /a/x) failed: /a is text",
        ),
        (
            r#"[{"op":"test","path":"/b/c","value":1.0}]"#,
            "(test /b/c) failed: the server compares the text of values, and the value is a number",
        ),
    ] {
        assert_eq!(failure(patch, false), format!("operation 0 {reason}"));
    }
}

#[test]
fn a_merge_patch_is_applied_as_the_server_does() {
    let object = json!({"a": {"b": 1, "c": 2}, "d": [1], "e": {"f": 1}});
    let patch = json!({
        "a": {"b": null, "g": {"h": null}},
        "d": [{"i": null, "j": [null]}],
        "e": [{"k": null}],
        "l": null,
    });
    let expected = json!({
        "a": {"c": 2, "g": {}},
        "d": [{"j": [null]}],
        "e": [{"k": null}],
    });
    assert_eq!(merge_patch(&patch, &object), expected);
}

#[test]
fn other_patches_are_not_evaluated() {
    let object = json!({});
    for (patch_type, body) in [
        (PatchType::Strategic, "{}"),
        (PatchType::Apply, "{}"),
        (PatchType::Merge, "[]"),
        (PatchType::Json, "{}"),
        (PatchType::Json, r#"[{"op":5,"path":"/a"}]"#),
        (PatchType::Json, "[broken"),
    ] {
        assert_eq!(
            evaluate(patch_type, body.as_bytes(), &object),
            None,
            "{body}"
        );
    }
}
