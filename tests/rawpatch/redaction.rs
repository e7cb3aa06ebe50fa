use serde_json::json;

use super::plugin::*;

/// What is planted: values in the object, and values in the patch, plain and in base64.
const PLANTED: [&str; 6] = [
    "hunter2stored",
    "aHVudGVyMnN0b3JlZA==",
    "hunter3sent",
    "aHVudGVyM3NlbnQ=",
    "918273645",
    "OTE4MjczNjQ1",
];

/// Everything that a server says about a Secret that it refuses: the arguments, and the field
/// that the message must still name.
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

#[test]
fn what_the_server_says_about_a_secret_is_shown_without_its_values() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let name = path.rsplit('/').next().unwrap();
    for (kind, patch, reason) in REFUSED {
        let patch = patch.replace("NAME", name);
        for format in [&[][..], &["-o", "json"], &["-o", "yaml"], &["-o", "name"]] {
            let arguments = [&["--type", kind, "-p", &patch, &path][..], format].concat();
            let outcome = rawpatch(&arguments).failed(1);
            for value in PLANTED {
                assert!(!outcome.stderr.contains(value), "{value} in {outcome:?}");
                assert!(!outcome.stdout.contains(value), "{value} in {outcome:?}");
            }
            assert!(
                outcome.stderr.contains(reason),
                "{reason:?} is not in {outcome:?}"
            );
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
fn an_immutable_secret_and_a_forbidden_one_keep_their_reasons() {
    let path = secret(&json!({"password": "hunter2stored"}));
    rawpatch(&["-p", r#"{"immutable":true}"#, "-o", "none", &path]).succeeded();
    let outcome =
        rawpatch(&["-p", r#"{"stringData":{"password":"hunter3sent"}}"#, &path]).failed(1);
    assert!(
        outcome
            .stderr
            .contains("data: Forbidden: field is immutable when `immutable` is set"),
        "{outcome:?}"
    );

    let outcome = rawpatch(&[
        "--as=jane",
        "-p",
        r#"{"stringData":{"password":"hunter3sent"}}"#,
        &path,
    ])
    .failed(1);
    let name = path.rsplit('/').next().unwrap();
    assert_eq!(
        outcome.stderr,
        format!(
            "Error from server (Forbidden): secrets \"{name}\" is forbidden: User \"jane\" cannot patch resource \
             \"secrets\" in API group \"\" in the namespace \"default\"\n"
        )
    );
}

#[test]
fn stored_values_do_not_come_out_by_a_copy_or_another_spelling_of_the_path() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let copy = r#"[{"op":"copy","from":"/data/password","path":"/metadata/name"}]"#;
    let spelt = path.replace("secrets/", "secrets%2F");
    let wrong = r#"{"stringData":{"a":5,"b":"hunter3sent"}}"#;
    for arguments in [
        &["--type=json", "-p", copy, &path, "-o", "json"][..],
        &[
            "--verbatim",
            "--type=strategic",
            "-p",
            wrong,
            &spelt,
            "-o",
            "json",
        ],
    ] {
        let outcome = rawpatch(arguments).failed(1);
        for value in PLANTED {
            assert!(
                !outcome.stderr.contains(value) && !outcome.stdout.contains(value),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn what_an_admission_policy_says_about_a_secret_is_withheld() {
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
        // The policy is in force a moment after it is stored.
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
        let outcome = outcome.failed(code);
        assert!(outcome.stderr.contains("<redacted>"), "{outcome:?}");
        for value in PLANTED {
            assert!(!outcome.stderr.contains(value), "{outcome:?}");
        }
    }
}

#[test]
fn a_successful_reply_is_the_users_own() {
    let path = secret(&json!({"password": "hunter2stored"}));
    let outcome = rawpatch(&["-p", r#"{"metadata":{"labels":{"a":"b"}}}"#, &path]).succeeded();
    assert_eq!(outcome.json()["data"]["password"], "aHVudGVyMnN0b3JlZA==");
}
