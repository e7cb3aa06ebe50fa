use serde_json::json;
use support::{Outcome, create, unique};

use super::expected::name;
use super::plugin::*;

/// Secret values in the stored objects and in the patches, as text and in base64.
const SECRET_VALUES: [&str; 6] = [
    "hunter2stored",
    "aHVudGVyMnN0b3JlZA==",
    "hunter3sent",
    "aHVudGVyM3NlbnQ=",
    "918273645",
    "OTE4MjczNjQ1",
];

/// Patches of a Secret that the server refuses in different ways: the type, the patch, and the part of the
/// message that must be shown.
const REFUSED: [(&str, &str, &str); 14] = [
    (
        "merge",
        r#"{"dta":{"password":"aHVudGVyM3NlbnQ="}}"#,
        "unknown field \"dta\"",
    ),
    (
        "strategic",
        r#"{"dta":{"password":"aHVudGVyM3NlbnQ="}}"#,
        "unknown field \"dta\"",
    ),
    (
        "json",
        r#"[{"op":"add","path":"/dta","value":{"password":"hunter3sent"}}]"#,
        "unknown field \"dta\"",
    ),
    ("merge", r#"{"data":{"password":918273645}}"#, "Secret.data"),
    (
        "strategic",
        r#"{"data":{"password":918273645}}"#,
        "cannot restore slice from int64",
    ),
    (
        "json",
        r#"[{"op":"add","path":"/data/pin","value":918273645}]"#,
        "Secret.data",
    ),
    (
        "merge",
        r#"{"stringData":{"password":["hunter3sent"]}}"#,
        "Secret.stringData",
    ),
    (
        "merge",
        r#"{"data":{"password":"hunter3sent!!"}}"#,
        "illegal base64 data",
    ),
    (
        "strategic",
        r#"{"data":{"password":"hunter3sent!!"}}"#,
        "illegal base64 data",
    ),
    (
        "apply",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"NAME"},"data":{"password":918273645}}"#,
        ".data.password",
    ),
    (
        "apply",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"NAME"},"data":["hunter3sent"]}"#,
        ".data",
    ),
    (
        "apply",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"NAME"},"dta":{"password":"hunter3sent"}}"#,
        ".dta",
    ),
    (
        "strategic",
        r#"{"data":{"$patch":"hunter3sent"}}"#,
        "unknown patch type",
    ),
    ("merge", r#"{"type":"hunter3sent"}"#, "field is immutable"),
];

#[track_caller]
fn assert_shows_no_secret(outcome: &Outcome) {
    for value in SECRET_VALUES {
        assert!(!outcome.stderr.contains(value), "{value} in {outcome:?}");
        assert!(!outcome.stdout.contains(value), "{value} in {outcome:?}");
    }
}

#[test]
fn a_refusal_about_a_secret_is_shown_without_its_values() {
    let path = secret(&json!({"password": "hunter2stored"}));
    for (patch_type, patch, reason) in REFUSED {
        let patch = patch.replace("NAME", name(&path));
        for format in [&[][..], &["-o", "json"], &["-o", "yaml"], &["-o", "name"]] {
            let arguments = [&["--type", patch_type, "-p", &patch, &path][..], format].concat();
            let outcome = rawpatch(&arguments).ended(1);
            assert_shows_no_secret(&outcome);
            assert!(outcome.stderr.contains(reason), "{reason:?}: {outcome:?}");
            if format == ["-o", "json"] {
                let status = outcome.json();
                assert_eq!(status["kind"], "Status");
                assert!(
                    status["message"].as_str().unwrap().contains(reason),
                    "{status}"
                );
            } else if format.is_empty() || format == ["-o", "name"] {
                assert_eq!(outcome.stdout, "");
            }
        }
    }
}

#[test]
fn refusals_of_an_immutable_or_forbidden_secret_are_shown() {
    let path = secret(&json!({"password": "hunter2stored"}));
    rawpatch(&["-p", r#"{"immutable":true}"#, "-o", "none", &path]).succeeded();
    let outcome = rawpatch(&["-p", r#"{"stringData":{"password":"hunter3sent"}}"#, &path]).ended(1);
    assert_eq!(
        outcome.stderr,
        format!(
            "The Secret \"{}\" is invalid: data: Forbidden: field is immutable when `immutable` is set\n",
            name(&path)
        )
    );

    let outcome = rawpatch(&[
        "--as=jane",
        "-p",
        r#"{"stringData":{"password":"hunter3sent"}}"#,
        &path,
    ])
    .ended(1);
    assert_eq!(
        outcome.stderr,
        format!(
            "Error from server (Forbidden): secrets \"{}\" is forbidden: User \"jane\" cannot patch resource \
             \"secrets\" in API group \"\" in the namespace \"default\"\n",
            name(&path)
        )
    );
}

#[test]
fn a_copy_or_an_encoded_path_does_not_reveal_stored_values() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let copy = r#"[{"op":"copy","from":"/data/password","path":"/metadata/name"}]"#;
    let encoded = path.replace("secrets/", "secrets%2F");
    let invalid = r#"{"stringData":{"a":5,"b":"hunter3sent"}}"#;
    for arguments in [
        &["--type=json", "-p", copy, &path, "-o", "json"][..],
        &[
            "--verbatim",
            "--type=strategic",
            "-p",
            invalid,
            &encoded,
            "-o",
            "json",
        ],
    ] {
        assert_shows_no_secret(&rawpatch(arguments).ended(1));
    }
}

#[test]
fn the_message_of_an_admission_policy_about_a_secret_is_redacted() {
    let name = unique("policy");
    let admission = "/apis/admissionregistration.k8s.io/v1";
    create(
        &format!("{admission}/validatingadmissionpolicies"),
        &json!({
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"]}]},
                "matchConditions": [{"name": "ours", "expression": format!("object.metadata.name.startsWith('{name}')")}],
                "validations": [{
                    "expression": "false",
                    "messageExpression": "'stored ' + oldObject.data['password'] + ' sent ' + object.data['password']",
                }],
            },
        }),
    );
    for (binding, action) in [("deny", "Deny"), ("warn", "Warn")] {
        create(
            &format!("{admission}/validatingadmissionpolicybindings"),
            &json!({
                "metadata": {"name": format!("{name}-{binding}")},
                "spec": {
                    "policyName": name,
                    "validationActions": [action],
                    "matchResources": {"objectSelector": {"matchLabels": {"action": binding}}},
                },
            }),
        );
    }
    for (action, code) in [("deny", 1), ("warn", 0)] {
        let secret = json!({
            "metadata": {"name": format!("{name}-{action}"), "labels": {"action": action}},
            "stringData": {"password": "hunter2stored"},
        });
        let path = create("/api/v1/namespaces/default/secrets", &secret);
        // A stored policy takes effect after a delay.
        let patch = || {
            rawpatch(&[
                "-o",
                "none",
                "-p",
                r#"{"stringData":{"password":"hunter3sent"}}"#,
                &path,
            ])
        };
        let mut outcome = patch();
        for _ in 0..100 {
            if outcome.stderr.contains("<redacted>") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            outcome = patch();
        }
        let outcome = outcome.ended(code);
        assert!(outcome.stderr.contains("<redacted>"), "{outcome:?}");
        assert_shows_no_secret(&outcome);
    }
}

#[test]
fn a_successful_response_is_not_redacted() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let outcome = rawpatch(&["-p", r#"{"metadata":{"labels":{"a":"b"}}}"#, &path]).succeeded();
    assert_eq!(outcome.json()["data"]["password"], "aHVudGVyMnN0b3JlZA==");
}
