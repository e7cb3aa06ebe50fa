use serde_json::json;
use support::{config_map, deployment, read, unique};

use super::expected::name;
use super::plugin::*;

#[test]
fn every_type_patches_a_built_in_object() {
    let path = deployment();
    for (patch_type, patch, annotation) in [
        (
            "json",
            r#"[{"op":"add","path":"/metadata/annotations","value":{"by":"json"}}]"#,
            "json",
        ),
        (
            "merge",
            r#"{"metadata":{"annotations":{"by":"merge"}}}"#,
            "merge",
        ),
        (
            "strategic",
            r#"{"metadata":{"annotations":{"by":"strategic"}}}"#,
            "strategic",
        ),
        (
            "MERGE",
            r#"{"metadata":{"annotations":{"by":"capitals"}}}"#,
            "capitals",
        ),
    ] {
        let outcome = rawpatch(&["--type", patch_type, "-p", patch, &path]).succeeded();
        assert_eq!(outcome.json()["metadata"]["annotations"]["by"], annotation);
        assert_eq!(read(&path)["metadata"]["annotations"]["by"], annotation);
    }
    let apply = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name(&path), "labels": {"by": "apply"}}});
    rawpatch(&["--type=apply", "-p", &apply.to_string(), &path]).succeeded();
    assert_eq!(read(&path)["metadata"]["labels"]["by"], "apply");
}

#[test]
fn the_default_type_is_json_for_an_array_else_strategic() {
    let path = deployment();
    // A strategic merge patch merges this list by key. A merge patch would replace it.
    let patch =
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"second","image":"busybox"}]}}}}"#;
    rawpatch(&["-p", patch, &path]).succeeded();
    let containers = || read(&path)["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers().as_array().unwrap().len(), 2);

    rawpatch(&[
        "-p",
        r#"[{"op":"remove","path":"/spec/template/spec/containers/1"}]"#,
        &path,
    ])
    .succeeded();
    assert_eq!(containers().as_array().unwrap().len(), 1);
}

#[test]
fn subresources_of_a_built_in_object_can_be_patched() {
    let path = deployment();
    let scale = format!("{path}/scale");
    let outcome = rawpatch(&[
        "--type",
        "merge",
        "-p",
        r#"{"spec":{"replicas":3}}"#,
        &scale,
    ])
    .succeeded();
    assert_eq!(outcome.json()["kind"], "Scale");
    assert_eq!(read(&path)["spec"]["replicas"], 3);

    rawpatch(&[
        "--subresource=scale",
        "-p",
        r#"[{"op":"replace","path":"/spec/replicas","value":4}]"#,
        &path,
    ])
    .succeeded();
    assert_eq!(read(&path)["spec"]["replicas"], 4);

    let status = r#"{"status":{"conditions":[{"type":"Ours","status":"True"}]}}"#;
    rawpatch(&["--subresource", "status", "-p", status, &path]).succeeded();
    assert_eq!(read(&path)["status"]["conditions"][0]["type"], "Ours");
}

#[test]
fn a_custom_resource_and_its_subresources_can_be_patched() {
    let path = custom_resource(Custom::Bar);
    rawpatch(&["--type", "merge", "-p", r#"{"spec":{"x":1}}"#, &path]).succeeded();
    rawpatch(&[
        "--type",
        "json",
        "-p",
        r#"[{"op":"add","path":"/spec/y","value":2}]"#,
        &path,
    ])
    .succeeded();
    let apply = json!({"apiVersion": "example.com/v1", "kind": "Bar", "metadata": {"name": name(&path)}, "spec": {"z": 3}});
    rawpatch(&["--type", "apply", "-p", &apply.to_string(), &path]).succeeded();
    rawpatch(&[
        "--type",
        "merge",
        "-p",
        r#"{"spec":{"replicas":5}}"#,
        &format!("{path}/scale"),
    ])
    .succeeded();
    rawpatch(&[
        "--type",
        "merge",
        "-p",
        r#"{"status":{"ready":true}}"#,
        &format!("{path}/status"),
    ])
    .succeeded();
    let object = read(&path);
    assert_eq!(
        object["spec"],
        json!({"replicas": 5, "x": 1, "y": 2, "z": 3})
    );
    assert_eq!(object["status"], json!({"ready": true}));
}

#[test]
fn a_namespace_can_be_patched() {
    rawpatch(&[
        "--type",
        "merge",
        "-p",
        r#"{"metadata":{"labels":{"a":"b"}}}"#,
        "/api/v1/namespaces/default",
    ])
    .succeeded();
    assert_eq!(
        read("/api/v1/namespaces/default")["metadata"]["labels"]["a"],
        "b"
    );
}

#[test]
fn apply_creates_objects_and_can_take_over_fields() {
    let name = unique("applied");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let body = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}}).to_string()
    };
    rawpatch(&["--type", "apply", "-p", &body("ours"), &path]).succeeded();
    assert_eq!(
        read(&path)["metadata"]["managedFields"][0]["manager"],
        "kubectl-rawpatch"
    );

    let theirs = [
        "--type",
        "apply",
        "--field-manager",
        "theirs",
        "-p",
        &body("theirs"),
        &path,
    ];
    rawpatch(&theirs).ended(9);
    rawpatch(&[&theirs[..], &["--force-conflicts"]].concat()).succeeded();
    assert_eq!(read(&path)["data"]["key"], "theirs");
}

#[test]
fn yaml_from_any_source_can_be_sent_as_a_dry_run() {
    let path = config_map();
    let yaml = "data:\n  'on': \"yes\"\n  y: octal\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patch.yaml");
    std::fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    let expected = json!({"key": "value", "on": "yes", "y": "octal"});
    for arguments in [
        ["-p", yaml],
        ["-p", "-"],
        ["-f", "-"],
        ["--filename", file],
        ["--patch-file", file],
        ["--patch-file", "-"],
    ] {
        let outcome = rawpatch_with_stdin(&[&arguments[..], &["--dry-run", &path]].concat(), yaml)
            .succeeded();
        assert_eq!(outcome.json()["data"], expected, "{arguments:?}");
        assert_eq!(
            outcome.stderr,
            format!("configmap/{} patched (server dry run)\n", name(&path))
        );
    }
    assert_eq!(read(&path)["data"], json!({"key": "value"}));
}

#[test]
fn the_field_manager_is_recorded() {
    let path = config_map();
    rawpatch(&[
        "--field-manager=me",
        "-p",
        r#"{"data":{"key":"new"}}"#,
        &path,
    ])
    .succeeded();
    let object = read(&path);
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    assert!(
        managers.iter().any(|entry| entry["manager"] == "me"),
        "{managers:?}"
    );
}
