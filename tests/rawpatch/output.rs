use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{Outcome, admin, config_map, deployment, read, run, unique};

use super::expected::name;
use super::plugin::*;

/// Runs real kubectl as the admin.
fn kubectl(arguments: &[&str], stdin: &str) -> Outcome {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    run(kubectl.args(arguments), stdin)
}

#[test]
fn in_a_script_stdout_is_the_response_and_stderr_is_empty() {
    let path = config_map();
    let outcome = rawpatch(&["--type=merge", "-p", r#"{"data":{"key":"new"}}"#, &path]).succeeded();
    let (_, body) = ControlPlane::shared().request("GET", &path, None).unwrap();
    assert_eq!(outcome.stdout, body);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn in_a_script_stderr_says_that_an_object_was_created() {
    let name = unique("applied");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let apply = ["--type=apply", "-p", &body.to_string(), &path];
    let named = |format: &str| rawpatch(&[&apply[..], &["-o", format]].concat()).succeeded();
    let (status, _) = ControlPlane::shared().request("GET", &path, None).unwrap();
    assert_eq!(status, 404);
    assert_eq!(named("none").stderr, format!("configmap/{name} created\n"));
    assert_eq!(named("none").stderr, "");
    let (status, _) = ControlPlane::shared()
        .request("DELETE", &path, None)
        .unwrap();
    assert_eq!(status, 200);
    let outcome = named("name");
    assert_eq!(
        (outcome.stdout, outcome.stderr.as_str()),
        (format!("configmap/{name}\n"), "created\n")
    );
}

#[test]
fn a_guarded_patch_that_changes_nothing_says_so() {
    let path = config_map();
    let version = resource_version(&path);
    let guard = format!("--if-resource-version={version}");
    let in_patch = json!({"metadata": {"resourceVersion": version}, "data": {"key": "value"}});
    let same = r#"{"data":{"key":"value"}}"#;
    let json = r#"[{"op":"replace","path":"/data/key","value":"value"}]"#;
    for arguments in [
        ["--type=merge", "-p", same, &guard].as_slice(),
        &["-p", json, &guard],
        &["-p", &in_patch.to_string()],
    ] {
        let outcome = rawpatch(&[arguments, &["-o", "none", &path]].concat()).succeeded();
        assert_eq!(
            outcome.stderr,
            format!("configmap/{} patched (no change)\n", name(&path))
        );
        // A dry run never changes the version.
        let dry_run = rawpatch(&[arguments, &["-o", "none", "--dry-run", &path]].concat());
        assert_eq!(
            dry_run.succeeded().stderr,
            format!("configmap/{} patched (server dry run)\n", name(&path))
        );
    }
    assert_eq!(resource_version(&path), version);
    let change = r#"{"data":{"key":"new"}}"#;
    let outcome = rawpatch(&["-p", change, &guard, "-o", "none", &path]).succeeded();
    assert_eq!(outcome.stderr, "");
}

/// Regression: kubernetes/kubernetes#77097.
#[test]
fn finalizers_of_a_namespace_need_the_finalize_subresource() {
    let name = unique("terminating");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let path = support::create("/api/v1/namespaces", &namespace);
    let (status, _) = ControlPlane::shared()
        .request("DELETE", &path, None)
        .unwrap();
    assert_eq!(status, 200);
    let replace = format!("kubectl replace --raw {path}/finalize -f -");
    for patch in [
        r#"{"spec":{"finalizers":[]}}"#,
        r#"[{"op":"remove","path":"/spec/finalizers"}]"#,
    ] {
        let outcome = rawpatch(&["-p", patch, "-o", "none", &path]).succeeded();
        assert_eq!(
            outcome.stderr,
            format!(
                "Warning: the server ignores spec.finalizers here; to change them, send the whole object to \
                 {replace}\n"
            )
        );
    }
    let mut object = read(&path);
    assert_eq!(object["spec"]["finalizers"], json!(["kubernetes"]));
    object["spec"]["finalizers"] = json!([]);
    let command: Vec<&str> = replace.split(' ').skip(1).collect();
    kubectl(&command, &object.to_string()).succeeded();
    let (status, _) = ControlPlane::shared().request("GET", &path, None).unwrap();
    assert_eq!(status, 404);
}

#[test]
fn the_output_formats_match_kubectl() {
    let path = deployment();
    let name = name(&path);
    // Only the first patch changes the object. The others print the same object as kubectl.
    let patch = |format: &str| {
        rawpatch(&[
            "--type=merge",
            "-p",
            r#"{"metadata":{"annotations":{"a":"<b>& \u2028"}}}"#,
            "-o",
            format,
            &path,
        ])
        .succeeded()
        .stdout
    };
    patch("none");
    let theirs = |format: &str| {
        kubectl(&["get", "deployment", name, "-o", format], "")
            .succeeded()
            .stdout
    };
    for format in [
        "json",
        "name",
        "jsonpath={.metadata.name}{\"\\n\"}{range .spec.template.spec.containers[*]}{.name}={.image}{end}",
    ] {
        assert_eq!(patch(format), theirs(format), "{format}");
    }
    // kubectl uses another YAML library, so the documents are equal but their bytes may differ.
    let parse = |yaml: &str| {
        let create = ["create", "--dry-run=client", "-o", "json", "-f", "-"];
        kubectl(&create, yaml).succeeded().json()
    };
    assert_eq!(parse(&patch("yaml")), parse(&theirs("yaml")));
    assert_eq!(patch("none"), "");
}

#[test]
fn numbers_in_the_output_match_kubectl() {
    let path = custom_resource(Custom::Foo);
    let numbers =
        r#"{"spec":{"n":[100000000000000000000,1e21,0.000001,1e-7,1.10,18446744073709551615,-5]}}"#;
    let ours = rawpatch(&["--type=merge", "-p", numbers, "-o", "json", &path]).succeeded();
    let theirs = kubectl(&["get", "foo", name(&path), "-o", "json"], "");
    assert_eq!(ours.stdout, theirs.succeeded().stdout);
}

#[test]
fn a_response_that_cannot_be_formatted_is_an_output_error() {
    let path = config_map();
    let patch = ["--type=merge", "-p", r#"{"data":{"key":"x"}}"#, &path];
    let outcome = rawpatch(&[&patch[..], &["-o", "jsonpath={.data[0]}"]].concat()).ended(74);
    assert_eq!(
        outcome.stderr,
        format!(
            "configmap/{} patched\nerror: the output does not match the template: error executing jsonpath \"{{.data[0]}}\": map[string]interface {{}} is not array or slice\n",
            name(&path)
        )
    );
    assert_eq!(read(&path)["data"]["key"], "x");
    let server = FaultyServer::start([Answer::Reply(Reply::new(200, "ok"))]).unwrap();
    let outcome = run(
        command(&server.kubeconfig().unwrap())
            .args(patch)
            .args(["--verbatim", "-o", "json"]),
        "",
    )
    .ended(74);
    assert_eq!(
        outcome.stderr,
        format!(
            "{path} patched\nerror: the request succeeded, but the response is not JSON\n\
             hint: omit -o to print the response unchanged\n"
        )
    );
}

#[test]
fn managed_fields_are_shown_only_on_request() {
    let path = config_map();
    let fields = |arguments: &[&str]| {
        let arguments = [
            arguments,
            &["-p", r#"{"data":{"key":"x"}}"#, "-o", "json", &path],
        ]
        .concat();
        rawpatch(&arguments).succeeded().json()["metadata"]["managedFields"].clone()
    };
    assert_eq!(fields(&[]), Value::Null);
    assert!(fields(&["--show-managed-fields"]).is_array());
}

#[test]
fn with_json_output_a_refusal_is_also_printed_as_a_status() {
    let path = "/api/v1/namespaces/default/configmaps/missing";
    let refusal = |format: &[&str]| {
        rawpatch(&[&["-p", r#"{"data":{"key":"x"}}"#, path], format].concat()).ended(1)
    };
    let message = "Error from server (NotFound): configmaps \"missing\" not found\n";
    let json = refusal(&["-o", "json"]);
    assert_eq!(json.stderr, message);
    assert_eq!(
        json.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
            "message": "configmaps \"missing\" not found", "details": {"kind": "configmaps", "name": "missing"},
        })
    );
    for format in [&[][..], &["-o", "name"], &["-o", "none"]] {
        let outcome = refusal(format);
        assert_eq!(
            (outcome.stdout.as_str(), outcome.stderr.as_str()),
            ("", message)
        );
    }
}

#[test]
fn causes_are_listed_as_kubectl_lists_them() {
    let path = deployment();
    let patch = r#"{"spec":{"replicas":-1,"minReadySeconds":-1}}"#;
    let ours = rawpatch(&["--type=merge", "-p", patch, &path]).ended(1);
    let theirs = kubectl(
        &[
            "patch",
            "deployment",
            name(&path),
            "--type=merge",
            "-p",
            patch,
        ],
        "",
    );
    assert_eq!(ours.stderr, theirs.ended(1).stderr);
    assert!(
        ours.stderr.contains("\n* spec.minReadySeconds: "),
        "{ours:?}"
    );
}

#[test]
fn a_warning_is_printed_once_and_can_be_an_error() {
    let path = config_map();
    let patch = r#"{"dta":{"a":"b"},"data":{"key":"x"}}"#;
    let outcome = rawpatch(&["--type=merge", "--validate=warn", "-p", patch, &path]).succeeded();
    assert_eq!(outcome.stderr, "Warning: unknown field \"dta\"\n");
    let outcome = rawpatch(&[
        "--type=merge",
        "--validate=warn",
        "--warnings-as-errors",
        "-p",
        patch,
        &path,
    ])
    .ended(1);
    assert_eq!(
        outcome.stderr,
        "Warning: unknown field \"dta\"\nerror: 1 warning received\n"
    );
    assert!(!outcome.stdout.is_empty());
    let outcome = rawpatch(&["--type=merge", "--validate=ignore", "-p", patch, &path]).succeeded();
    assert_eq!(outcome.stderr, "");
}

#[test]
fn verbatim_adds_nothing_and_keeps_every_explicit_flag() {
    let path = config_map();
    // Without Strict, the server drops the misspelt field with a warning.
    let outcome = rawpatch(&[
        "--verbatim",
        "--type=merge",
        "-p",
        r#"{"dta":{"a":"b"}}"#,
        &path,
    ])
    .succeeded();
    assert_eq!(outcome.stderr, "Warning: unknown field \"dta\"\n");
    let dry = rawpatch(&[
        "--verbatim",
        "--dry-run",
        "--field-manager=m",
        "--type=merge",
        "-p",
        r#"{"data":{"key":"dry"}}"#,
        &path,
    ])
    .succeeded();
    let object = name(&path);
    assert_eq!(
        dry.stderr,
        format!("configmap/{object} patched (server dry run)\n")
    );
    assert!(
        dry.json()["metadata"]["managedFields"]
            .to_string()
            .contains("\"m\""),
        "{dry:?}"
    );
    assert_eq!(read(&path)["data"]["key"], "value");
    rawpatch(&["--verbatim", "--type=merge", "-p", "{}", &path]).succeeded();
    let outcome = rawpatch(&["--verbatim", "--type=merge", "-p", "null", &path]).ended(1);
    assert!(
        outcome
            .stderr
            .starts_with("Error from server (BadRequest): "),
        "{outcome:?}"
    );
}

#[test]
fn verbatim_sends_path_and_patch_unchanged() {
    let server = FaultyServer::start([Answer::Reply(Reply::json(200, "{}"))]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let path = "/api/v1//x/../y%2Fz/?dryRun=all;b&b=%zz";
    let patch = "a: [1, 1.10]\n---\n";
    run(
        command(&kubeconfig).args(["--verbatim", "-p", patch, path]),
        "",
    )
    .succeeded();
    run(
        command(&kubeconfig).args([
            "--verbatim",
            "--dry-run",
            "--validate=warn",
            "-p",
            "[]",
            "/x",
        ]),
        "",
    )
    .succeeded();
    let [first, second] = &server.requests()[..] else {
        panic!("expected two requests")
    };
    assert_eq!(
        (first.target.as_str(), first.body.as_slice()),
        (path, patch.as_bytes())
    );
    assert_eq!(
        first.header("content-type"),
        ["application/strategic-merge-patch+json"]
    );
    assert_eq!(second.target, "/x?dryRun=All&fieldValidation=Warn");
    assert_eq!(
        second.header("content-type"),
        ["application/json-patch+json"]
    );
}

#[test]
fn include_prints_status_and_headers_to_stderr() {
    let path = config_map();
    let outcome = rawpatch(&["--include", "-p", r#"{"data":{"key":"x"}}"#, &path]).succeeded();
    assert!(
        outcome.stderr.starts_with("HTTP/1.1 200 OK\n"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("\ncontent-type: application/json\n"),
        "{outcome:?}"
    );
    let refused = rawpatch(&[
        "--include",
        "-p",
        r#"{"data":{"key":"x"}}"#,
        &format!("{path}x"),
    ])
    .ended(1);
    assert!(
        refused.stderr.starts_with("HTTP/1.1 404 Not Found\n"),
        "{refused:?}"
    );
}

#[test]
fn a_full_disk_is_an_output_error() {
    let path = config_map();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let outcome = command(&admin())
        .args(["-p", r#"{"data":{"key":"x"}}"#, &path])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(
        Outcome::from(outcome).ended(74).stderr,
        format!(
            "configmap/{} patched\nerror: cannot write to stdout: no space left on device\n",
            name(&path)
        )
    );
}

#[test]
fn a_closed_pipe_ends_the_process_with_sigpipe() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let outcome = command(&admin())
        .args(["-p", r#"{"data":{"key":"x"}}"#, &config_map()])
        .stdout(writer)
        .output()
        .unwrap();
    let outcome = Outcome::from(outcome);
    assert_eq!(outcome.signal, Some(13), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}
