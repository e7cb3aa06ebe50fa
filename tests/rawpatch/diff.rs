use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{Outcome, config_map, create, deployment, read, run, unique, write_program};

use super::expected::name;
use super::plugin::*;

/// Runs `--diff`, and asserts that it stores nothing.
#[track_caller]
fn diff(path: &str, patch: &str, arguments: &[&str]) -> Outcome {
    let before = read(path);
    let outcome = rawpatch(&[&["--diff", "-p", patch, path], arguments].concat());
    assert_eq!(read(path), before);
    outcome
}

/// Returns the lines of a diff from its first hunk on.
fn hunks(diff: &str) -> String {
    let start = diff.find("\n@@").map_or(diff.len(), |end| end + 1);
    diff[start..].to_owned()
}

/// Returns the lines that a diff removes and adds.
fn changes(diff: &str) -> Vec<&str> {
    let lines = diff.lines().filter(|line| line.starts_with(['-', '+']));
    lines
        .filter(|line| !line.starts_with("---") && !line.starts_with("+++"))
        .collect()
}

#[test]
fn a_diff_shows_the_change_and_stores_nothing() {
    let path = config_map();
    let outcome = diff(&path, r#"{"data":{"key":"new","other":"x"}}"#, &[]).ended(1);
    let file = format!("v1.ConfigMap.default.{}", name(&path));
    let object = read(&path);
    let created = object["metadata"]["creationTimestamp"].as_str().unwrap();
    assert_eq!(
        outcome.stdout,
        format!(
            "diff -u -N LIVE/{file} MERGED/{file}\n\
             --- LIVE/{file}\n\
             +++ MERGED/{file}\n\
             @@ -1,6 +1,7 @@\n \
             apiVersion: v1\n \
             data:\n\
             -  key: value\n\
             +  key: new\n\
             +  other: x\n \
             kind: ConfigMap\n \
             metadata:\n   \
             creationTimestamp: \"{created}\"\n"
        )
    );
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_patch_that_changes_nothing_has_no_diff() {
    let path = config_map();
    for patch_type in ["merge", "strategic"] {
        let arguments = ["--type", patch_type];
        let outcome = diff(&path, r#"{"data":{"key":"value"}}"#, &arguments).succeeded();
        assert_eq!(
            (outcome.stdout, outcome.stderr),
            (String::new(), String::new())
        );
    }
}

#[test]
fn a_missing_object_is_compared_with_nothing() {
    let name = unique("created");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}});
    let arguments = ["--diff", "--type=apply", "-p", &object.to_string(), &path];
    let outcome = rawpatch(&arguments).ended(1);
    let (before, after) = outcome.stdout.split_once("@@ -0,0 +1,9 @@\n").unwrap();
    assert!(
        before.starts_with("diff -u -N LIVE/v1.ConfigMap.default."),
        "{before}"
    );
    assert!(
        after.starts_with("+apiVersion: v1\n+data:\n+  a: b\n+kind: ConfigMap\n"),
        "{after}"
    );
    assert!(after.lines().all(|line| line.starts_with('+')), "{after}");
    let get = ControlPlane::shared().request("GET", &path, None).unwrap();
    assert_eq!(get.0, 404);

    let outcome = rawpatch(&["--diff", "-p", r#"{"data":{"a":"b"}}"#, &path]).ended(4);
    assert_eq!(
        outcome.stderr,
        format!("Error from server (NotFound): configmaps \"{name}\" not found\n")
    );
    let guarded = [&arguments[..], &["--if-resource-version=5"]].concat();
    assert_eq!(rawpatch(&guarded).ended(4).stdout, "");
    let elsewhere = path.replace("/default/", "/nowhere/");
    let object = object.to_string();
    let outcome = rawpatch(&["--diff", "--type=apply", "-p", &object, &elsewhere]).ended(4);
    assert_eq!(
        outcome.stderr,
        "Error from server (NotFound): namespaces \"nowhere\" not found\n"
    );
}

/// See kubernetes/kubernetes#105610.
#[test]
fn a_diff_shows_elements_that_a_shared_merge_key_overwrites() {
    let path = create(
        "/api/v1/namespaces/default/services",
        &json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": unique("dns")},
            "spec": {"ports": [{"name": "tcp", "port": 80, "protocol": "TCP"}]},
        }),
    );
    let patch = r#"{"spec":{"ports":[
        {"name":"tcp","port":80,"protocol":"TCP"},{"name":"udp","port":80,"protocol":"UDP"}]}}"#;
    let outcome = diff(&path, patch, &[]).ended(1);
    assert_eq!(
        changes(&outcome.stdout),
        [
            "-  - name: tcp",
            "+  - name: udp",
            "-    protocol: TCP",
            "+    protocol: UDP"
        ]
    );
}

#[test]
fn a_diff_shows_defaults_and_not_the_fields_that_the_server_drops() {
    let path = deployment();
    let patch = r#"{"spec":{"replcas":3,"template":{"spec":{"containers":[
        {"name":"sleep","ports":[{"containerPort":80}]}]}}}}"#;
    let outcome = diff(&path, patch, &["--validate=ignore"]).ended(1);
    assert_eq!(
        changes(&outcome.stdout),
        [
            "+        ports:",
            "+        - containerPort: 80",
            "+          protocol: TCP"
        ]
    );
    let outcome = diff(&path, patch, &[]).ended(4);
    assert!(
        outcome.stderr.contains("unknown field \"spec.replcas\""),
        "{outcome:?}"
    );
    assert!(
        outcome.hint().starts_with("correct the field"),
        "{outcome:?}"
    );
}

#[test]
fn subresources_have_diffs_of_their_own() {
    let path = deployment();
    let scale = format!("{path}/scale");
    let outcome = diff(&scale, r#"{"spec":{"replicas":2}}"#, &["--type=merge"]).ended(1);
    let file = format!("autoscaling.v1.Scale.default.{}", name(&path));
    assert!(
        outcome
            .stdout
            .starts_with(&format!("diff -u -N LIVE/{file} ")),
        "{outcome:?}"
    );
    assert_eq!(
        changes(&outcome.stdout),
        ["-  replicas: 1", "+  replicas: 2"]
    );
    let before = read(&path);
    let patch = r#"{"status":{"replicas":2}}"#;
    let arguments = ["--diff", "--subresource=status", "-p", patch, &path];
    let outcome = rawpatch(&arguments).ended(1);
    assert_eq!(
        changes(&outcome.stdout),
        ["-status: {}", "+status:", "+  replicas: 2"]
    );
    assert_eq!(read(&path), before);
    let outcome = diff(&path, patch, &[]).succeeded();
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .starts_with("Warning: the patch sets \"status\""),
        "{outcome:?}"
    );
}

/// Runs `kubectl diff --server-side`. Its diff program is `diff -u -N`, after it has removed the lines
/// that rawpatch does not show.
#[track_caller]
fn kubectl_diff(object: &Value) -> Outcome {
    const DIFF: &str = r#"#!/bin/sh
        sed -i '/^  generation: /d; /^  resourceVersion: /d' "$1"/* "$2"/*
        exec diff -u -N "$1" "$2"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("diff");
    write_program(&program, DIFF);
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    kubectl.envs(ControlPlane::shared().environment(None).unwrap());
    kubectl.env("KUBECTL_EXTERNAL_DIFF", program);
    kubectl.args([
        "diff",
        "--server-side",
        "--field-manager=kubectl-rawpatch",
        "-f",
        "-",
    ]);
    run(&mut kubectl, &object.to_string())
}

#[test]
fn an_apply_patch_has_the_hunks_of_kubectl_diff() {
    let path = deployment();
    let name = name(&path);
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "sleep", "image": "busybox", "command": ["sleep", "1d"],
                    "env": [{"name": "TEXT", "value": "two\nlines"}, {"name": "NUMBER", "value": "1"}],
                    "resources": {"limits": {"cpu": "0.5", "memory": "1Gi"}},
                }]},
            },
        },
    });
    let compare = |object: &Value| {
        let ours = diff(&path, &object.to_string(), &["--type=apply"]).ended(1);
        let kubectls = kubectl_diff(object).ended(1);
        assert_eq!(hunks(&ours.stdout), hunks(&kubectls.stdout));
        assert_eq!(headers(&ours.stdout), headers(&kubectls.stdout));
    };
    compare(&object);
    rawpatch(&["--type=apply", "-p", &object.to_string(), &path]).succeeded();
    object["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["sleep", "2d"]);
    object["spec"]["template"]["metadata"]["labels"]["new"] = json!("yes");
    object["metadata"]["annotations"] = json!({"example.com/created": "by hand"});
    compare(&object);
    object["spec"]["template"]["spec"]["containers"][0]["env"] = json!([]);
    compare(&object);
}

/// Returns the header without kubectl's temporary folders and times.
fn headers(diff: &str) -> Vec<String> {
    let lines = diff.lines().take_while(|line| !line.starts_with("@@"));
    let words = lines.flat_map(|line| line.split('\t').next().unwrap().split(' '));
    let words = words.map(|word| word.rsplit('/').next().unwrap().to_owned());
    words.collect()
}

/// Replaces the quotes of YAML, in which this project and kubectl differ.
fn with_one_kind_of_quote(text: &str) -> String {
    text.replace('\'', "\"")
}

#[test]
fn values_of_secrets_are_masked_like_in_kubectl_diff() {
    let name = unique("secret");
    let object = |data: &Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}, "stringData": data});
    let path = create(
        "/api/v1/namespaces/default/secrets",
        &object(&json!({"same": "hunter2", "other": "hunter2"})),
    );
    let patch = object(&json!({"same": "hunter2", "other": "hunter3", "added": "hunter4"}));
    let arguments = ["--type=apply", "--force-conflicts"];
    let outcome = diff(&path, &patch.to_string(), &arguments).ended(1);
    assert_eq!(
        changes(&outcome.stdout),
        [
            "-  other: \"*** (before)\"",
            "+  added: \"***\"",
            "+  other: \"*** (after)\"",
        ]
    );
    let kubectls = kubectl_diff(&patch).ended(1);
    assert_eq!(
        hunks(&outcome.stdout),
        with_one_kind_of_quote(&hunks(&kubectls.stdout))
    );

    let shown = [&arguments[..], &["--show-secrets"]].concat();
    let outcome = diff(&path, &patch.to_string(), &shown).ended(1);
    assert_eq!(
        changes(&outcome.stdout),
        [
            "-  other: aHVudGVyMg==",
            "+  added: aHVudGVyNA==",
            "+  other: aHVudGVyMw=="
        ]
    );
}

#[test]
fn no_part_of_a_diff_shows_a_value_of_a_secret() {
    const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let path = secret(&json!({"a": "hunter2", "b": "hunter2"}));
    let annotate = |value: &str| json!({"metadata": {"annotations": {APPLIED: value}}}).to_string();
    rawpatch(&["-p", &annotate(r#"{"data":{"a":"aHVudGVyMg=="}}"#), &path]).succeeded();
    let patch = annotate(r#"{"stringData":{"a":"hunter3"}}"#);
    for arguments in [
        &[][..],
        &["--show-managed-fields"],
        &["-v=10"],
        &["--include"],
    ] {
        let outcome = diff(&path, &patch, arguments).ended(1);
        assert!(
            outcome.stdout.contains(
                "-    kubectl.kubernetes.io/last-applied-configuration: \"*** (before)\"\n"
            ),
            "{outcome:?}"
        );
        assert!(
            outcome.stdout.contains(
                "+    kubectl.kubernetes.io/last-applied-configuration: \"*** (after)\"\n"
            ),
            "{outcome:?}"
        );
        let all = format!("{outcome:?}");
        assert!(
            !all.contains("hunter") && !all.contains("aHVudGVy"),
            "{all}"
        );
    }
    let patch = r#"[{"op":"move","from":"/data/a","path":"/metadata/labels"}]"#;
    let outcome = diff(&path, patch, &[]).ended(4);
    let all = format!("{outcome:?}");
    assert!(
        !all.contains("hunter") && !all.contains("aHVudGVy"),
        "{all}"
    );
    let patch = r#"[{"op":"add","path":"/metadata/labels","value":{}},
        {"op":"copy","from":"/data/a","path":"/metadata/annotations/copied"}]"#;
    let outcome = diff(&path, patch, &[]).ended(1);
    assert_eq!(changes(&outcome.stdout), ["+    copied: \"***\""]);
}

#[test]
fn managed_fields_are_shown_on_request() {
    let path = config_map();
    let apply = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name(&path)}, "data": {"key": "value"}});
    let apply = apply.to_string();
    let outcome = diff(&path, &apply, &["--type=apply"]).succeeded();
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.stderr,
        format!(
            "configmap/{}: no differences, except in metadata.managedFields (add --show-managed-fields)\n",
            name(&path)
        )
    );
    let outcome = diff(&path, &apply, &["--type=apply", "--show-managed-fields"]).ended(1);
    assert!(
        outcome
            .stdout
            .contains("\n+    manager: kubectl-rawpatch\n"),
        "{outcome:?}"
    );
}

#[test]
fn conflicts_have_their_own_exit_code() {
    let path = config_map();
    let version = resource_version(&path);
    let patch = r#"{"data":{"key":"new"}}"#;
    let arguments = ["--if-resource-version", &version];
    diff(&path, patch, &arguments).ended(1);
    rawpatch(&["-p", r#"{"data":{"a":"b"}}"#, &path]).succeeded();
    let live = resource_version(&path);
    let outcome = diff(&path, patch, &arguments).ended(9);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: the object is at resource version {live}, not {version}; the patch was not sent\n\
             hint: read the object again, and check the patch\n"
        )
    );
    let apply = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name(&path)}, "data": {"key": "new"}});
    let outcome = diff(&path, &apply.to_string(), &["--type=apply"]).ended(9);
    assert!(
        outcome
            .hint()
            .ends_with("take them over with --force-conflicts"),
        "{outcome:?}"
    );
    let arguments = ["--type=apply", "--force-conflicts"];
    let outcome = diff(&path, &apply.to_string(), &arguments).ended(1);
    assert_eq!(changes(&outcome.stdout), ["-  key: value", "+  key: new"]);
}

#[test]
fn a_warning_of_the_dry_run_can_be_an_error() {
    let path = config_map();
    let patch = r#"{"data":{"key":"new"},"dta":{}}"#;
    let outcome = diff(&path, patch, &["--validate=warn"]).ended(1);
    assert_eq!(outcome.stderr, "Warning: unknown field \"dta\"\n");
    let outcome = diff(&path, patch, &["--validate=warn", "--warnings-as-errors"]).ended(4);
    assert_eq!(changes(&outcome.stdout), ["-  key: value", "+  key: new"]);
    assert_eq!(
        outcome.stderr,
        "Warning: unknown field \"dta\"\nerror: 1 warning received\n"
    );
}

#[test]
fn include_shows_the_headers_of_the_dry_run_only() {
    let outcome = diff(&config_map(), r#"{"data":{"key":"new"}}"#, &["--include"]).ended(1);
    assert_eq!(
        outcome.stderr.matches("HTTP/1.1 200 OK\n").count(),
        1,
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("\ncontent-type: application/json\n"),
        "{outcome:?}"
    );
}

#[test]
fn verbatim_only_adds_the_dry_run() {
    let path = config_map();
    let arguments = ["--verbatim", "--type=merge", "-v=6"];
    let outcome = diff(&path, r#"{"data":{"key":"new"}}"#, &arguments).ended(1);
    assert_eq!(changes(&outcome.stdout), ["-  key: value", "+  key: new"]);
    assert!(
        outcome.stderr.contains(&format!("{path}?dryRun=All\"")),
        "{outcome:?}"
    );
    let outcome = diff("/version", r#"{"a":"b"}"#, &["--verbatim"]).failed();
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_lost_dry_run_has_changed_nothing() {
    let server = FaultyServer::start([config_map_at("5", "a"), Answer::CloseUnanswered]).unwrap();
    assert_eq!(scripted(&server, &[]).ended(3).stdout, "");
}

/// Returns a response with a `ConfigMap` at this resource version.
fn config_map_at(version: &str, value: &str) -> Answer {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"key": value},
        "metadata": {"name": "c", "namespace": "default", "resourceVersion": version},
    });
    Answer::Reply(Reply::json(200, object.to_string()))
}

/// Runs `--diff` against a scripted server.
fn scripted(server: &FaultyServer, arguments: &[&str]) -> Outcome {
    let path = "/api/v1/namespaces/default/configmaps/c";
    let patch = [
        "--diff",
        "--type=merge",
        "-p",
        r#"{"data":{"key":"x"}}"#,
        path,
    ];
    run(
        command(&server.kubeconfig().unwrap())
            .args(patch)
            .args(arguments),
        "",
    )
}

#[test]
fn both_versions_are_read_again_if_the_object_changed_in_between() {
    let server = FaultyServer::start([
        config_map_at("5", "old"),
        config_map_at("6", "x"),
        config_map_at("6", "new"),
        config_map_at("6", "x"),
    ])
    .unwrap();
    let outcome = scripted(&server, &[]).ended(1);
    assert_eq!(changes(&outcome.stdout), ["-  key: new", "+  key: x"]);
    assert_eq!(outcome.stderr, "");
    let requests = server.requests();
    let methods: Vec<_> = requests
        .iter()
        .map(|request| request.method.as_str())
        .collect();
    assert_eq!(methods, ["GET", "PATCH", "GET", "PATCH"]);
}

#[test]
fn an_object_that_keeps_changing_is_compared_with_a_warning() {
    let versions = (1..20).map(|version| config_map_at(&version.to_string(), "old"));
    let server = FaultyServer::start(versions).unwrap();
    let outcome = scripted(&server, &["--warnings-as-errors"]).succeeded();
    assert_eq!(
        outcome.stderr,
        "Warning: configmap/c keeps changing, so the diff may contain changes of others\n"
    );
    assert_eq!(server.requests().len(), 8);
}

#[test]
fn an_api_without_dry_run_refuses() {
    let refusal = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "BadRequest", "code": 400,
        "message": "the dryRun alpha feature is disabled",
    });
    let refusal = Answer::Reply(Reply::json(400, refusal.to_string()));
    let server = FaultyServer::start([config_map_at("5", "a"), refusal]).unwrap();
    let outcome = scripted(&server, &[]).ended(4);
    assert_eq!(
        outcome.stderr,
        "Error from server (BadRequest): the dryRun alpha feature is disabled\n"
    );
}
