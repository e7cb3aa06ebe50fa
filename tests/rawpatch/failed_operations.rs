use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::json;
use support::{config_map, create, deployment, run, unique};

use super::plugin::*;

const ERROR: &str =
    "The request is invalid: the server rejected our request due to an error in our request";

/// Asserts that the server refuses the patch, and that the hint is about the failed operation.
#[track_caller]
fn assert_failure(arguments: &[&str], failure: &str) {
    let outcome = rawpatch(arguments).ended(1);
    let hint = format!("hint: {failure}; operations are counted from 0");
    assert_eq!(outcome.stderr, format!("{ERROR}\n{hint}\n"));
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_failed_operation_is_named_on_every_kind_of_object() {
    let bar = custom_resource(Custom::Bar);
    let foo = custom_resource(Custom::Foo);
    let deployment = deployment();
    for path in [
        deployment.clone(),
        format!("{deployment}/scale"),
        format!("{deployment}/status"),
        bar.clone(),
        format!("{bar}/scale"),
        format!("{bar}/status"),
        foo,
    ] {
        assert_failure(
            &[
                "-p",
                r#"[{"op":"add","path":"/metadata/labels","value":{}},{"op":"test","path":"/spec/replicas","value":3}]"#,
                &path,
            ],
            "operation 1 (test /spec/replicas) failed: the value is 1",
        );
    }
}

#[test]
fn every_operation_is_named_with_the_reason_of_its_failure() {
    let path = deployment();
    for (operation, failure) in [
        (
            r#"{"op":"remove","path":"/spec/paused"}"#,
            "(remove /spec/paused) failed: /spec/paused is missing",
        ),
        (
            r#"{"op":"add","path":"/spec/template/metadata/annotations/a","value":"b"}"#,
            "(add /spec/template/metadata/annotations/a) failed: /spec/template/metadata/annotations is missing; \
             add /spec/template/metadata/annotations first",
        ),
        (
            r#"{"op":"replace","path":"/spec/template/spec/containers/1/image","value":"b"}"#,
            "(replace /spec/template/spec/containers/1/image) failed: the list /spec/template/spec/containers has \
             only 1 item",
        ),
        (
            r#"{"op":"move","from":"/spec/template/spec/containers/sleep","path":"/spec/x"}"#,
            "(move /spec/template/spec/containers/sleep to /spec/x) failed: /spec/template/spec/containers is a \
             list, and \"sleep\" is not an index",
        ),
        (
            r#"{"op":"copy","from":"/spec/replicas/x","path":"/spec/x"}"#,
            "(copy /spec/replicas/x to /spec/x) failed: /spec/replicas is 1",
        ),
        (
            r#"{"op":"test","path":"/spec/strategy/type","value":"Recreate"}"#,
            "(test /spec/strategy/type) failed: the value is \"RollingUpdate\"",
        ),
        (
            r#"{"op":"test","path":"/spec/replicas","value":1.0}"#,
            "(test /spec/replicas) failed: the server compares the text of values, and the value is 1",
        ),
        (
            r#"{"op":"add","path":"","value":{}}"#,
            "(add) failed: the server needs a pointer with a slash here",
        ),
    ] {
        let patch = format!("[{operation}]");
        assert_failure(&["-p", &patch, &path], &format!("operation 0 {failure}"));
    }
}

#[test]
fn an_unescaped_slash_in_the_name_of_an_annotation_is_recognized() {
    let path = config_map();
    let patch = r#"[
        {"op":"add","path":"/metadata/annotations","value":{}},
        {"op":"add","path":"/metadata/annotations/example.com/name","value":"a"}
    ]"#;
    assert_failure(
        &["-p", patch, &path],
        "operation 1 (add /metadata/annotations/example.com/name) failed: /metadata/annotations/example.com is \
         missing; write example.com~1name for the name \"example.com/name\"",
    );
}

#[test]
fn a_failed_operation_is_named_in_every_mode() {
    let path = config_map();
    let patch = r#"[{"op":"test","path":"/data/key","value":"other"}]"#;
    let (collection, name) = path.rsplit_once('/').unwrap();
    let selector = format!("--field-selector=metadata.name={name}");
    for (arguments, code) in [
        (&[&path, "--dry-run"][..], 1),
        (&[&path, "--exactly-once"], 1),
        (&[&path, "--fail-if-unchanged"], 1),
        (&[&path, "--diff"], 4),
        (&[collection, &selector], 1),
        (&[collection, &selector, "--if-unchanged-since-list"], 1),
    ] {
        let arguments = [&["-p", patch], arguments].concat();
        rawpatch(&arguments)
            .ended(code)
            .says("operation 0 (test /data/key) failed: the value is \"value\"");
    }
}

#[test]
fn the_limit_of_the_server_for_copies_is_known() {
    let path = config_map();
    let grow = json!({"data": {"a": "x".repeat(900 * 1024)}}).to_string();
    rawpatch_with_stdin(&["--type=merge", "-o", "none", "-f", "-", &path], &grow).succeeded();
    let copy =
        r#"{"op":"copy","from":"/data/a","path":"/data/b"},{"op":"remove","path":"/data/b"}"#;
    let copies = |count| format!("[{}]", [copy].repeat(count).join(","));
    rawpatch(&["-o", "none", "-p", &copies(3), &path]).succeeded();
    assert_failure(
        &["-p", &copies(4), &path],
        "operation 6 (copy /data/a to /data/b) failed: the patch copies more than 3 MiB",
    );
}

#[test]
fn operations_are_counted_without_the_guard() {
    let path = config_map();
    let version = resource_version(&path);
    let patch = r#"[{"op":"test","path":"/data/key","value":"other"}]"#;
    assert_failure(
        &["-p", patch, &path, "--if-resource-version", &version],
        "operation 0 (test /data/key) failed: the value is \"value\"",
    );
    assert_failure(
        &[
            "--verbatim",
            "-p",
            r#"[{"op":"frob","path":"/data/key"}]"#,
            &path,
        ],
        "operation 0 (unknown op /data/key) failed: the server does not know it",
    );
}

#[test]
fn only_the_type_of_a_value_in_a_secret_is_shown() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let patch = |operation: &str| format!("[{operation}]");
    for (operation, failure) in [
        (
            r#"{"op":"test","path":"/data/password","value":"aHVudGVyM3NlbnQ="}"#,
            "(test /data/password) failed: the value is text",
        ),
        (
            r#"{"op":"test","path":"/data","value":{}}"#,
            "(test /data) failed: the value is an object",
        ),
        (
            r#"{"op":"add","path":"/data/password/x","value":"a"}"#,
            "(add /data/password/x) failed: /data/password is text",
        ),
    ] {
        let failure = format!("operation 0 {failure}");
        assert_failure(&["-p", &patch(operation), &path], &failure);
        let encoded = path.replace("secrets/", "secrets%2F");
        assert_failure(&["--verbatim", "-p", &patch(operation), &encoded], &failure);
    }
}

#[test]
fn without_permission_to_read_the_object_the_hint_is_general() {
    let path = config_map();
    let name = unique("only-patch");
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let rule = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]});
    create(
        &format!("{rbac}/roles"),
        &json!({"metadata": {"name": name}, "rules": [rule]}),
    );
    create(
        &format!("{rbac}/rolebindings"),
        &json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }),
    );
    let user = format!("--as={name}");
    let outcome = rawpatch(&["-p", r#"[{"op":"remove","path":"/data/x"}]"#, &path, &user]).ended(1);
    assert_eq!(
        outcome.hint(),
        format!(
            "check the object: kubectl get --raw {path} --as={name}; a `test` failed, or an operation refers to a \
             missing value"
        )
    );
}

#[test]
fn an_object_that_has_changed_meanwhile_is_reported() {
    let refusal = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
        "message": "the server rejected our request due to an error in our request",
    });
    let object = json!({
        "kind": "ConfigMap", "apiVersion": "v1", "data": {"key": "value"},
        "metadata": {"name": "c", "namespace": "default", "resourceVersion": "7"},
    });
    let server = FaultyServer::start([
        Answer::Reply(Reply::json(422, refusal.to_string())),
        Answer::Reply(Reply::json(200, object.to_string())),
    ])
    .unwrap();
    let outcome = run(
        command(&server.kubeconfig().unwrap()).args([
            "-p",
            r#"[{"op":"remove","path":"/data/key"}]"#,
            "/api/v1/namespaces/default/configmaps/c",
        ]),
        "",
    )
    .ended(1);
    assert_eq!(
        outcome.hint(),
        "the object has changed since, and the patch applies to it at resource version 7: try again"
    );
    assert_eq!(server.requests().len(), 2);
}
