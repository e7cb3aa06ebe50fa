use super::plugin::*;

/// The page with the table that these tests are the rows of.
const PAGE: &str = include_str!("../../docs/rawpatch.md");

/// The hint on stderr, if there is one.
fn hint(outcome: &Outcome) -> Option<&str> {
    outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
}

/// The command fails with `code` and `error`, and with the hint that has `documented` in the table.
#[track_caller]
fn hints(arguments: &[&str], code: i32, error: &str, expected: &str, documented: &str) {
    assert!(
        expected.contains(documented) && PAGE.contains(documented),
        "{documented}"
    );
    let outcome = rawpatch(arguments).failed(code);
    assert!(outcome.stderr.starts_with(error), "{outcome:?}");
    assert_eq!(hint(&outcome), Some(expected), "{outcome:?}");
}

#[test]
fn a_strategic_merge_patch_of_a_custom_resource() {
    hints(
        &[
            "--type=strategic",
            "-p",
            r#"{"spec":{"x":1}}"#,
            &custom_resource(Custom::Foo),
        ],
        1,
        "Error from server (UnsupportedMediaType): the body of the request was in an unknown format",
        "custom resources do not support strategic merge patches: use --type merge",
        "custom resources do not support strategic merge patches: use --type merge",
    );
}

#[test]
fn a_stale_version() {
    let path = config_map();
    let now = resource_version(&path);
    hints(
        &[
            "-p",
            r#"{"data":{"key":"x"}}"#,
            "--if-resource-version=1",
            &path,
        ],
        9,
        "Error from server (Conflict): Operation cannot be fulfilled on configmaps",
        &format!(
            "the object is now at resource version {now}, not 1: read it again, and check that the patch still fits"
        ),
        "read it again, and check that the patch still fits",
    );
}

#[test]
fn a_field_of_another_manager() {
    let path = config_map();
    let name = path.rsplit('/').next().unwrap();
    let body = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}},"data":{{"key":"VALUE"}}}}"#
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
    hints(
        &[
            "--type=apply",
            "--field-manager=second",
            "-p",
            &body.replace("VALUE", "other"),
            &path,
        ],
        9,
        "Error from server (Conflict): Apply failed with ",
        "remove these fields from the patch, or take them over with --force-conflicts",
        "remove these fields from the patch, or take them over with --force-conflicts",
    );
}

#[test]
fn a_json_patch_that_does_not_fit() {
    let path = config_map();
    for patch in [
        r#"[{"op":"test","path":"/data/key","value":"other"}]"#,
        r#"[{"op":"remove","path":"/data/nothing"}]"#,
    ] {
        hints(
            &["-p", patch, &path],
            1,
            "The request is invalid: the server rejected our request due to an error in our request",
            &format!(
                "a `test` failed, or an operation refers to a missing value; check the object: kubectl get --raw {path}"
            ),
            "a `test` failed, or an operation refers to a missing value; check the object: kubectl get --raw ",
        );
    }
}

#[test]
fn an_unknown_field() {
    hints(
        &[
            "--type=merge",
            "-p",
            r#"{"dta":{"key":"x"}}"#,
            &config_map(),
        ],
        1,
        "The request is invalid: patch: Invalid value: \"{…}\": strict decoding error: unknown field \"dta\"",
        "correct the field, or use --validate=warn (drop with a warning) or =ignore (drop silently)",
        "correct the field, or use --validate=warn (drop with a warning) or =ignore (drop silently)",
    );
}

#[test]
fn a_collection() {
    let path = "/api/v1/namespaces/default/configmaps";
    hints(
        &["-p", r#"{"a":1}"#, path],
        2,
        "error: PATH is the collection of all configmaps",
        &format!("add a name: {path}/NAME"),
        "/NAME",
    );
    for path in [path, "/apis/example.com/v1/namespaces/default/foos"] {
        custom_resource(Custom::Foo);
        hints(
            &["--verbatim", "--type=merge", "-p", r#"{"a":1}"#, path],
            1,
            "Error from server (",
            &format!("PATH is a collection, but a patch needs one object: {path}/NAME"),
            "/NAME",
        );
    }
}

#[test]
fn a_missing_subresource_of_an_object_that_is_there() {
    let path = custom_resource(Custom::Foo);
    let name = path.rsplit('/').next().unwrap();
    hints(
        &[
            "--type=merge",
            "-p",
            r#"{"spec":{"replicas":2}}"#,
            &format!("{path}/scale"),
        ],
        1,
        "Error from server (NotFound): ",
        &format!("foos \"{name}\" exists, but has no subresource `scale`"),
        "exists, but has no subresource `scale`",
    );
    let missing = rawpatch(&[
        "--type=merge",
        "-p",
        r#"{"spec":{"replicas":2}}"#,
        &format!("{path}x/scale"),
    ])
    .failed(1);
    assert_eq!(hint(&missing), None, "{missing:?}");
}

#[test]
fn a_status_sent_to_the_main_resource() {
    let path = deployment();
    let outcome = rawpatch(&["-p", r#"{"status":{"replicas":9}}"#, &path]).succeeded();
    assert!(
        outcome.stderr.contains("--subresource status"),
        "{outcome:?}"
    );
    assert_eq!(
        outcome.json()["status"]["replicas"],
        serde_json::Value::Null
    );
    let there = rawpatch(&[
        "-p",
        r#"{"status":{"replicas":9}}"#,
        &format!("{path}/status"),
    ])
    .succeeded();
    assert_eq!(there.stderr, "");
}

#[test]
fn no_hint_elsewhere() {
    let path = config_map();
    for (arguments, code) in [
        (
            vec![
                "-p",
                r#"{"data":{"key":"x"}}"#,
                "/api/v1/namespaces/default/configmaps/missing",
            ],
            1,
        ),
        (vec!["-p", r#"{"data":{"bad key":"x"}}"#, &path], 1),
        (
            vec![
                "-p",
                r#"{"data":{"key":"x"}}"#,
                "/apis/none.io/v1/namespaces/default/foos/f",
            ],
            1,
        ),
        (vec!["--as=jane", "-p", r#"{"data":{"key":"x"}}"#, &path], 1),
    ] {
        let outcome = rawpatch(&arguments).failed(code);
        assert_eq!(hint(&outcome), None, "{outcome:?}");
    }
}
