use std::path::Path;

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{Outcome, admin, run, unique};

use super::expected::name;
use super::plugin::*;

/// The start of every secret text in this file, as text and at each of the three positions in base64,
/// and a secret number.
const SECRET: [&str; 6] = [
    "hunter",
    "aHVudGVy",
    "h1bnRlc",
    "odW50ZX",
    "918273645",
    "OTE4MjczNjQ1",
];

/// The flags that show more of an error.
fn verbosities() -> impl Iterator<Item = Vec<String>> {
    (0..=10).map(|level| {
        let mut flags = vec![format!("-v={level}")];
        if level % 2 == 1 {
            flags.push("--include".to_owned());
        }
        flags
    })
}

#[track_caller]
fn assert_shows_no_secret(outcome: &Outcome, arguments: &[&str]) {
    for output in [&outcome.stdout, &outcome.stderr] {
        for secret in SECRET {
            assert!(
                !output.contains(secret),
                "{secret} in the output of {arguments:?}:\n{}\n{}",
                outcome.stdout,
                outcome.stderr
            );
        }
    }
}

/// Asserts that the command fails with `code` at every verbosity and in every format, and shows no
/// secret.
#[track_caller]
fn assert_fails_without_secret(code: i32, arguments: &[&str]) {
    assert_fails_as(&admin(), code, arguments);
}

#[track_caller]
fn assert_fails_as(kubeconfig: &Path, code: i32, arguments: &[&str]) {
    assert_ends_as(kubeconfig, code, arguments);
    for format in ["json", "yaml", "name"] {
        let arguments = [arguments, &["-v=10", "-o", format]].concat();
        assert_ends_without_secret(kubeconfig, code, &arguments);
    }
}

/// Asserts that the command ends with `code` at every verbosity, and shows no secret.
#[track_caller]
fn assert_ends_as(kubeconfig: &Path, code: i32, arguments: &[&str]) {
    for flags in verbosities() {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_ends_without_secret(kubeconfig, code, &[arguments, &flags].concat());
    }
}

#[track_caller]
fn assert_ends_without_secret(kubeconfig: &Path, code: i32, arguments: &[&str]) {
    let outcome = run(command(kubeconfig).args(arguments), "");
    assert_shows_no_secret(&outcome, arguments);
    outcome.ended(code);
}

/// Creates a Secret whose every text is secret, and returns its path.
fn stored_secret() -> String {
    let path = secret(&json!({"password": "hunter2stored", "pin": "918273645"}));
    let annotations = r#"{"metadata":{"annotations":{"note":"hunter2annotated"}}}"#;
    rawpatch(&["--type=merge", "-o", "none", "-p", annotations, &path]).succeeded();
    path
}

#[test]
fn no_refusal_of_a_patch_shows_a_secret() {
    let path = stored_secret();
    let apply = |members: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{}"}},{members}}}"#,
            name(&path)
        )
    };
    for (patch_type, patch) in [
        ("merge", r#"{"dta":{"password":"hunter3sent"}}"#.to_owned()),
        (
            "strategic",
            r#"{"dta":{"password":"hunter3sent"}}"#.to_owned(),
        ),
        (
            "json",
            r#"[{"op":"add","path":"/dta","value":"hunter3sent"}]"#.to_owned(),
        ),
        ("apply", apply(r#""dta":{"password":"hunter3sent"}"#)),
        ("merge", r#"{"data":{"password":918273645}}"#.to_owned()),
        ("strategic", r#"{"data":{"password":918273645}}"#.to_owned()),
        (
            "json",
            r#"[{"op":"add","path":"/data/pin","value":918273645}]"#.to_owned(),
        ),
        ("apply", apply(r#""data":{"password":918273645}"#)),
        (
            "merge",
            r#"{"data":{"password":"hunter3sent!!"}}"#.to_owned(),
        ),
        (
            "strategic",
            r#"{"data":{"password":"hunter3sent!!"}}"#.to_owned(),
        ),
        (
            "json",
            r#"[{"op":"replace","path":"/data/password","value":"hunter3sent!!"}]"#.to_owned(),
        ),
        ("apply", apply(r#""data":{"other":"hunter3sent!!"}"#)),
        ("merge", r#"{"type":"changed"}"#.to_owned()),
        (
            "strategic",
            r#"{"data":{"$patch":"hunter3sent"}}"#.to_owned(),
        ),
        (
            "merge",
            r#"{"metadata":{"labels":{"a":"hunter3 sent"}}}"#.to_owned(),
        ),
        (
            "merge",
            r#"{"metadata":{"uid":"changed","labels":{"a":"hunter3sent"}}}"#.to_owned(),
        ),
        (
            "json",
            r#"[{"op":"copy","from":"/data/password","path":"/metadata/name"}]"#.to_owned(),
        ),
        (
            "json",
            r#"[{"op":"copy","from":"/data/password","path":"/kind"}]"#.to_owned(),
        ),
        (
            "json",
            r#"[{"op":"copy","from":"/metadata/annotations/note","path":"/metadata/labels"}]"#
                .to_owned(),
        ),
    ] {
        assert_fails_without_secret(1, &["--type", patch_type, "-p", &patch, &path]);
    }
}

#[test]
fn no_failed_operation_shows_a_secret() {
    let path = stored_secret();
    for operation in [
        r#"{"op":"test","path":"/data/password","value":"aHVudGVyM3NlbnQ="}"#,
        r#"{"op":"test","path":"/data","value":{"password":"hunter3sent"}}"#,
        r#"{"op":"test","path":"","value":{"data":"hunter3sent"}}"#,
        r#"{"op":"test","path":"/metadata/annotations/note","value":"hunter3sent"}"#,
        r#"{"op":"test","path":"/data/missing","value":"hunter3sent"}"#,
        r#"{"op":"add","path":"/data/password/x","value":"hunter3sent"}"#,
        r#"{"op":"add","path":"/missing/x","value":"hunter3sent"}"#,
        r#"{"op":"replace","path":"","value":"hunter3sent"}"#,
        r#"{"op":"move","from":"/data/password/0","path":"/data/x"}"#,
        r#"{"op":"remove","path":"/data/missing"}"#,
    ] {
        assert_fails_without_secret(1, &["-p", &format!("[{operation}]"), &path]);
    }
    let unknown = r#"[{"op":"hunter3sent","path":"/data/password","value":"hunter3sent"}]"#;
    assert_fails_without_secret(1, &["--verbatim", "-p", unknown, &path]);
    let encoded = path.replace("secrets/", "secrets%2F");
    let test = r#"[{"op":"test","path":"/data/password","value":"hunter3sent"}]"#;
    assert_fails_without_secret(1, &["--verbatim", "-p", test, &encoded]);
}

#[test]
fn no_conflict_shows_a_secret() {
    let path = stored_secret();
    let merge = r#"{"stringData":{"password":"hunter3sent"}}"#;
    let json = r#"[{"op":"add","path":"/data/password","value":"aHVudGVyM3NlbnQ="}]"#;
    let apply = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{}"}},"data":{{"password":"aHVudGVyM3NlbnQ="}}}}"#,
        name(&path)
    );
    for (patch_type, patch) in [
        ("merge", merge),
        ("strategic", merge),
        ("json", json),
        ("apply", &apply),
    ] {
        let stale = [
            "--type",
            patch_type,
            "-p",
            patch,
            "--if-resource-version=1",
            &path,
        ];
        assert_fails_without_secret(9, &stale);
    }
    assert_fails_without_secret(
        9,
        &["--type=apply", "--field-manager=other", "-p", &apply, &path],
    );
}

#[test]
fn no_missing_or_forbidden_object_shows_a_secret() {
    let path = stored_secret();
    let missing = format!("/api/v1/namespaces/default/secrets/{}", unique("missing"));
    let elsewhere = "/api/v1/namespaces/missing/secrets/s";
    let subresource = format!("{path}/scale");
    let unknown = path.replace("secrets", "secret");
    let merge = r#"{"stringData":{"password":"hunter3sent"}}"#;
    let json = r#"[{"op":"add","path":"/data/password","value":"hunter3sent"}]"#;
    let robot = User::ServiceAccount {
        namespace: "default",
        name: "robot",
    };
    let robot = ControlPlane::shared().kubeconfig(&robot).unwrap();
    for patch in [merge, json] {
        for path in [&missing, elsewhere, &subresource, &unknown] {
            assert_fails_without_secret(1, &["-p", patch, path]);
        }
        assert_fails_without_secret(1, &["--as=jane", "-p", patch, &path]);
        assert_fails_as(&robot, 3, &["--token=invalid", "-p", patch, &path]);
    }
}

#[test]
fn no_invalid_patch_shows_a_secret() {
    let path = stored_secret();
    for patch in [
        r#"{"stringData":{"password":"hunter3sent""#,
        r#"{"stringData":{"a":"hunter3sent","a":"hunter3again"}}"#,
        r#"[{"op":"hunter3sent","path":"/data/password"}]"#,
        r#"[{"op":"add","path":"/data/password"},"hunter3sent"]"#,
        r#""hunter3sent""#,
        "hunter3sent",
        "stringData: {a: hunter3sent, a: hunter3again}",
        "stringData: {a: hunter3sent",
        "stringData:\n  a: hunter3sent\n b: hunter3again",
        r#"{"metadata":{"name":"hunter3sent"},"stringData":{"a":"b"}}"#,
        r#"{"kind":"hunter3sent","stringData":{"a":"b"}}"#,
    ] {
        assert_fails_without_secret(2, &["-p", patch, &path]);
    }
    let broken = r#"{"stringData":{"password":"hunter3sent""#;
    for patch_type in ["json", "merge", "strategic", "apply"] {
        let verbatim = ["--verbatim", "--type", patch_type, "-p", broken, &path];
        assert_fails_without_secret(1, &verbatim);
    }
    let verbatim = [
        "--verbatim",
        "--type=merge",
        "-H",
        "Content-Type: text/plain",
        "-p",
        broken,
        &path,
    ];
    assert_fails_without_secret(1, &verbatim);
}

#[test]
fn no_difference_shows_a_secret() {
    let path = stored_secret();
    let merge = r#"{"metadata":{"annotations":{"note":"hunter3sent"}},"stringData":{"password":"hunter3sent"}}"#;
    let json = r#"[{"op":"add","path":"/data/new","value":"aHVudGVyM3NlbnQ="},{"op":"move","from":"/data/pin","path":"/data/pin2"}]"#;
    let apply = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{}"}},"data":{{"password":"aHVudGVyM3NlbnQ="}}}}"#,
        name(&path)
    );
    for (patch_type, patch) in [
        ("merge", merge),
        ("strategic", merge),
        ("json", json),
        ("apply", &apply),
    ] {
        let arguments = ["--diff", "--type", patch_type, "-p", patch, &path];
        let forced: &[&str] = if patch_type == "apply" {
            &["--force-conflicts"]
        } else {
            &[]
        };
        assert_ends_as(&admin(), 1, &[&arguments[..], forced].concat());
    }
    let invalid = r#"{"data":{"password":918273645}}"#;
    let failed = r#"[{"op":"test","path":"/data/password","value":"hunter3sent"}]"#;
    for (patch_type, patch) in [("merge", invalid), ("json", failed)] {
        let arguments = ["--diff", "--type", patch_type, "-p", patch, &path];
        assert_ends_as(&admin(), 4, &arguments);
    }
}

#[test]
fn no_refusal_in_a_collection_shows_a_secret() {
    let path = stored_secret();
    let collection = path.rsplit_once('/').unwrap().0;
    let selected = format!("--field-selector=metadata.name={}", name(&path));
    let invalid = r#"{"data":{"password":918273645}}"#;
    let failed = r#"[{"op":"test","path":"/data/password","value":"hunter3sent"}]"#;
    for (patch_type, patch) in [("merge", invalid), ("strategic", invalid), ("json", failed)] {
        let arguments = ["--type", patch_type, "-p", patch, collection, &selected];
        assert_ends_as(&admin(), 1, &arguments);
    }
}

/// The Secret `s`, as the server returns it.
fn object() -> Value {
    json!({
        "kind": "Secret", "apiVersion": "v1", "data": {"password": "aHVudGVyM3NlbnQ=", "pin": "OTE4MjczNjQ1"},
        "metadata": {
            "name": "s", "namespace": "default", "resourceVersion": "7", "uid": "u",
            "annotations": {"note": "{\"data\":\"hunter2stored\"}"},
        },
    })
}

/// Answers to a PATCH of the Secret `s`, other than success.
fn faults() -> Vec<Answer> {
    let status = |code: u16, reason: &str| {
        let message = "Secret \"s\" is invalid: Invalid value: \"hunter2stored\": it does not equal hunter3sent";
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": message,
            "details": {"causes": [{"field": "data", "message": "Invalid value: map[string]string{\"a\":\"hunter2stored\"}: no"}]},
        });
        Reply::json(code, status.to_string())
    };
    // A gateway may repeat values of the request, but knows none that are stored.
    let page = |code| {
        let page = "<html><title>hunter3sent</title>hunter3sent 918273645</html>";
        Reply::new(code, page).header("Content-Type", "text/html")
    };
    let complete = Reply::json(200, object().to_string());
    let mut other = object();
    other["metadata"]["name"] = "other".into();
    let mut faults = vec![
        Answer::CloseUnanswered,
        Answer::Reset,
        Answer::CutInHead(complete.clone()),
        Answer::CutInBody(complete),
    ];
    faults.extend(
        [
            status(403, "Forbidden"),
            status(409, "Conflict"),
            status(422, "Invalid"),
            status(429, "TooManyRequests"),
            status(500, "InternalError"),
            status(503, "ServiceUnavailable").header("Retry-After", "1"),
            status(504, "Timeout"),
            page(200),
            page(502),
            Reply::json(200, other.to_string()),
            Reply::new(302, "").header("Location", "https://example.com/?hunter2stored"),
        ]
        .map(Answer::Reply),
    );
    faults
}

/// Flags that change the requests around a PATCH, and whether they read the object first.
const WAYS: [(&[&str], bool); 3] = [
    (&[], false),
    (&["--no-verify"], false),
    (&["--exactly-once", "--retry-for=1s"], true),
];

#[test]
fn no_fault_shows_a_secret() {
    const PATH: &str = "/api/v1/namespaces/default/secrets/s";
    let merge = r#"{"stringData":{"password":"hunter3sent","pin":"918273645"}}"#;
    let json = r#"[{"op":"add","path":"/data","value":{"password":"aHVudGVyM3NlbnQ=","pin":"OTE4MjczNjQ1"}}]"#;
    let found = Answer::Reply(Reply::json(200, object().to_string()));
    for (number, fault) in faults().into_iter().enumerate() {
        let patch = [merge, json][number % 2];
        for (level, verbosity) in verbosities().enumerate() {
            let (way, reads_first) = WAYS[(number + level) % WAYS.len()];
            // Every request after the PATCH gets the object, which may confirm the patch.
            let script = [found.clone(), fault.clone(), found.clone()];
            let server = FaultyServer::start(script[usize::from(!reads_first)..].to_vec()).unwrap();
            let kubeconfig = server.kubeconfig().unwrap();
            let mut arguments = vec!["-p", patch, PATH];
            arguments.extend(way);
            arguments.extend(verbosity.iter().map(String::as_str));
            let mut outcome = run(command(&kubeconfig).args(&arguments), "");
            if outcome.code == Some(0) {
                outcome.stdout.clear();
            }
            assert_shows_no_secret(&outcome, &arguments);
            assert!(!outcome.stderr.is_empty(), "{fault:?}: {outcome:#?}");
        }
    }
}
