use serde_json::{Value, json};
use support::{config_map, deployment};

use super::expected::{conflict, name};
use super::plugin::*;

/// The page whose table of hints has a row for each test here.
const PAGE: &str = include_str!("../../docs/rawpatch.md");

const MERGE_KEY: [&str; 2] = ["--type=merge", r#"--patch={"data":{"key":"x"}}"#];

/// Asserts that the command fails with `code`, `error` and `hint`, and that the table has the part of the
/// hint that is the same for every object.
#[track_caller]
fn assert_hint(arguments: &[&str], code: i32, error: &str, hint: &str, documented: &str) {
    assert!(
        hint.contains(documented) && PAGE.contains(documented),
        "{documented}"
    );
    let outcome = rawpatch(arguments).ended(code);
    assert_eq!(outcome.stderr, format!("{error}\nhint: {hint}\n"));
}

#[test]
fn a_strategic_merge_patch_of_a_custom_resource_gets_a_hint() {
    let hint = "custom resources do not support strategic merge patches: use --type merge";
    assert_hint(
        &[
            "--type=strategic",
            "-p",
            r#"{"spec":{"x":1}}"#,
            &custom_resource(Custom::Foo),
        ],
        1,
        "Error from server (UnsupportedMediaType): the body of the request was in an unknown format - \
         accepted media types include: application/json-patch+json, application/merge-patch+json, \
         application/apply-patch+yaml",
        hint,
        hint,
    );
}

#[test]
fn a_stale_resource_version_gets_a_hint() {
    let path = config_map();
    let live = resource_version(&path);
    let tail = "read the object again, and check the patch";
    assert_hint(
        &[&MERGE_KEY[..], &["--if-resource-version=1", &path]].concat(),
        9,
        &conflict("configmaps", &path),
        &format!("{tail}: it is now at resource version {live}, not 1"),
        tail,
    );
}

#[test]
fn a_field_of_another_manager_gets_a_hint() {
    let path = config_map();
    let body = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}},"data":{{"key":"VALUE"}}}}"#,
        name(&path)
    );
    rawpatch(&[
        "--type=apply",
        "--field-manager=first",
        "--force-conflicts",
        "-p",
        &body,
        &path,
    ])
    .succeeded();
    let hint = "remove these fields from the patch, or take them over with --force-conflicts";
    assert_hint(
        &[
            "--type=apply",
            "--field-manager=second",
            "-p",
            &body.replace("VALUE", "other"),
            &path,
        ],
        9,
        "Error from server (Conflict): Apply failed with 1 conflict: conflict with \"first\": .data.key",
        hint,
        hint,
    );
}

#[test]
fn a_json_patch_that_does_not_fit_the_object_gets_a_hint() {
    assert_hint(
        &[
            "-p",
            r#"[{"op":"test","path":"/data/key","value":"other"}]"#,
            &config_map(),
        ],
        1,
        "The request is invalid: the server rejected our request due to an error in our request",
        "operation 0 (test /data/key) failed: the value is \"value\"; operations are counted from 0",
        "operations are counted from 0",
    );
}

#[test]
fn an_unknown_field_gets_a_hint() {
    let hint = "correct the field, or use --validate=warn (drop with a warning) or \
                =ignore (drop silently)";
    assert_hint(
        &[
            "--type=merge",
            "-p",
            r#"{"dta":{"key":"x"}}"#,
            &config_map(),
        ],
        1,
        "The request is invalid: patch: Invalid value: \"{…}\": strict decoding error: unknown field \
         \"dta\"",
        hint,
        hint,
    );
}

#[test]
fn the_path_of_a_collection_gets_a_hint() {
    let path = "/api/v1/namespaces/default/configmaps";
    assert_hint(
        &["-p", r#"{"a":1}"#, path],
        2,
        "error: PATH is a collection of configmaps, but a patch needs one object",
        &format!(
            "add a name: {path}/NAME, or use --all, -l or --field-selector to patch several objects"
        ),
        "/NAME",
    );
    custom_resource(Custom::Foo);
    for (path, error) in [
        (
            path,
            "Error from server (MethodNotAllowed): the server does not allow this method on the requested \
             resource",
        ),
        (
            "/apis/example.com/v1/namespaces/default/foos",
            "Error from server (BadRequest): name must be provided",
        ),
    ] {
        assert_hint(
            &["--verbatim", "--type=merge", "-p", r#"{"a":1}"#, path],
            1,
            error,
            &format!("add a name: {path}/NAME"),
            "add a name: ",
        );
    }
}

#[test]
fn a_missing_subresource_of_an_existing_object_gets_a_hint() {
    let path = custom_resource(Custom::Foo);
    let name = name(&path);
    let patch = r#"--patch={"spec":{"replicas":2}}"#;
    assert_hint(
        &["--type=merge", patch, &format!("{path}/scale")],
        1,
        &format!("Error from server (NotFound): foos.example.com \"{name}\" not found"),
        &format!("foos \"{name}\" exists, but has no subresource `scale`"),
        "exists, but has no subresource `scale`",
    );
    let outcome = rawpatch(&["--type=merge", patch, &format!("{path}x/scale")]).ended(1);
    assert_eq!(
        outcome.stderr,
        format!("Error from server (NotFound): foos.example.com \"{name}x\" not found\n")
    );
}

#[test]
fn a_status_sent_to_the_main_resource_gets_a_hint() {
    let path = deployment();
    let patch = r#"{"status":{"replicas":9}}"#;
    let outcome = rawpatch(&["-p", patch, &path]).succeeded();
    assert_eq!(
        outcome.stderr,
        "Warning: the patch sets \"status\", which the server ignores if the resource has a status \
         subresource; use --subresource status\n"
    );
    assert_eq!(outcome.json()["status"]["replicas"], Value::Null);

    let outcome = rawpatch(&["-p", patch, &format!("{path}/status")]).succeeded();
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_number_where_the_server_expects_text_gets_a_hint() {
    let path = deployment();
    let identity = format!(
        r#""apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{}""#,
        name(&path)
    );
    let labels = r#""labels":{"build":123,"a":"1"}"#;
    let object = format!(r#"{{"metadata":{{{labels}}}}}"#);
    let variable = r#"{"spec":{"template":{"spec":{"containers":[{"name":"sleep","env":[{"name":"A","value":true}]}]}}}}"#;
    for (patch_type, patch, pointer) in [
        ("strategic", &*object, "/metadata/labels/build"),
        ("merge", &object, "/metadata/labels/build"),
        (
            "apply",
            &format!("{{{identity},{labels}}}}}"),
            "/metadata/labels/build",
        ),
        (
            "json",
            r#"[{"op":"add","path":"/metadata/labels","value":{"build":1}}]"#,
            "/0/value/build",
        ),
        (
            "strategic",
            variable,
            "/spec/template/spec/containers/0/env/0/value",
        ),
        (
            "strategic",
            r#"{"metadata":{"labels":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}}}"#,
            "/metadata/labels/a, /metadata/labels/b, /metadata/labels/c, /metadata/labels/d, \
             /metadata/labels/e and 2 more",
        ),
    ] {
        let outcome = rawpatch(&["--type", patch_type, "-p", patch, &path]).ended(1);
        assert_eq!(
            outcome.hint(),
            format!("quote the value of {pointer}"),
            "{outcome:?}"
        );
    }
    for (patch_type, pointer) in [("strategic", "/spec/replicas"), ("merge", "/spec/replicas")] {
        let patch = r#"{"metadata":{"labels":{"a":"1"}},"spec":{"replicas":"3"}}"#;
        let outcome = rawpatch(&["--type", patch_type, "-p", patch, &path]).ended(1);
        assert_eq!(
            outcome.hint(),
            format!("remove the quotes around the value of {pointer}")
        );
    }
    for part in [
        "quote the value of ",
        "remove the quotes around the value of ",
    ] {
        assert!(PAGE.contains(part), "{part}");
    }
}

#[test]
fn a_number_in_a_secret_is_named_and_not_shown() {
    let path = secret(&json!({"password": "x"}));
    let patch = r#"{"stringData":{"password":424242}}"#;
    for patch_type in ["strategic", "merge"] {
        let outcome = rawpatch(&["--type", patch_type, "-p", patch, &path]).ended(1);
        assert_eq!(outcome.hint(), "quote the value of /stringData/password");
        assert!(!outcome.stderr.contains("424242"), "{outcome:?}");
    }
}

#[test]
fn other_refusals_have_no_hint() {
    let path = config_map();
    let invalid = r#"{"data":{"bad key":"x"}}"#;
    let missing = "/api/v1/namespaces/default/configmaps/missing";
    for (arguments, error) in [
        (
            [&MERGE_KEY[..], &[missing]].concat(),
            "Error from server (NotFound): configmaps \"missing\" not found".to_owned(),
        ),
        (
            vec!["-p", invalid, &path],
            format!(
                "The ConfigMap \"{}\" is invalid: data[bad key]: Invalid value: \"bad key\": a valid config \
                 key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
                name(&path)
            ),
        ),
        (
            [&MERGE_KEY[..], &["--as=jane", &path]].concat(),
            format!(
                "Error from server (Forbidden): configmaps \"{}\" is forbidden: User \"jane\" cannot patch \
                 resource \"configmaps\" in API group \"\" in the namespace \"default\"",
                name(&path)
            ),
        ),
    ] {
        let outcome = rawpatch(&arguments).ended(1);
        assert_eq!(outcome.stderr, error + "\n");
    }
}
