use control_plane::ControlPlane;
use serde_json::json;

use super::plugin::*;

const PATCHES: [(&str, &str); 3] = [
    ("merge", r#"{"data":{"key":"new"}}"#),
    (
        "strategic",
        r#"{"metadata":{"labels":{"a":"b"}},"data":{"key":"new"}}"#,
    ),
    (
        "json",
        r#"[{"op":"replace","path":"/data/key","value":"new"}]"#,
    ),
];

#[test]
fn a_patch_goes_through_at_the_version_that_was_asked_for_only() {
    for (kind, patch) in PATCHES {
        let path = config_map();
        let before = resource_version(&path);
        rawpatch(&[
            "--type",
            kind,
            "-p",
            patch,
            "--if-resource-version",
            &before,
            &path,
        ])
        .succeeded();
        let now = resource_version(&path);
        assert_ne!(now, before);

        let outcome = rawpatch(&[
            "--type",
            kind,
            "-p",
            patch,
            "--if-resource-version",
            &before,
            &path,
        ])
        .failed(9);
        assert!(
            outcome.stderr.starts_with("Error from server (Conflict): "),
            "{outcome:?}"
        );
        let current = format!("hint: the object is now at resource version {now}, not {before}: ");
        assert!(outcome.stderr.contains(&current), "{outcome:?}");
        assert_eq!(resource_version(&path), now);
    }
}

#[test]
fn custom_resources_and_subresources_are_guarded_too() {
    let path = custom_resource(Custom::Bar);
    let patch = r#"{"spec":{"replicas":7}}"#;
    for path in [path.clone(), format!("{path}/scale")] {
        let stale = resource_version(&path);
        rawpatch(&[
            "--type=merge",
            "-p",
            &json!({"metadata": {"annotations": {"n": unique("n")}}}).to_string(),
            path.trim_end_matches("/scale"),
        ])
        .succeeded();
        rawpatch(&[
            "--type=merge",
            "-p",
            patch,
            "--if-resource-version",
            &stale,
            &path,
        ])
        .failed(9);
        rawpatch(&[
            "--type=merge",
            "-p",
            patch,
            "--if-resource-version",
            &resource_version(&path),
            &path,
        ])
        .succeeded();
    }
}

#[test]
fn a_guarded_apply_does_not_create_what_is_gone() {
    let path = config_map();
    let name = path.rsplit('/').next().unwrap();
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"own": "x"}}).to_string();
    let version = resource_version(&path);
    let apply = [
        "--type=apply",
        "-p",
        &body,
        "--if-resource-version",
        &version,
        &path,
    ];
    rawpatch(&apply).succeeded();

    let outcome = rawpatch(&apply).failed(9);
    let now = resource_version(&path);
    assert!(
        outcome.stderr.contains(&format!(
            "is at resource version {now}, not {version}; nothing was sent"
        )),
        "{outcome:?}"
    );

    let (status, _) = ControlPlane::shared()
        .request("DELETE", &path, None)
        .unwrap();
    assert_eq!(status, 200);
    let outcome = rawpatch(&apply).failed(1);
    assert!(
        outcome.stderr.starts_with("Error from server (NotFound): "),
        "{outcome:?}"
    );
    assert_eq!(
        ControlPlane::shared()
            .request("GET", &path, None)
            .unwrap()
            .0,
        404
    );
}

#[test]
fn a_version_in_the_body_itself_conflicts_as_well() {
    let path = config_map();
    let stale = resource_version(&path);
    rawpatch(&["-p", r#"{"data":{"key":"1"}}"#, &path]).succeeded();
    let patch = json!({"metadata": {"resourceVersion": stale}, "data": {"key": "2"}}).to_string();
    let outcome = rawpatch(&["-p", &patch, &path]).failed(9);
    assert!(
        outcome
            .stderr
            .contains("hint: the object is now at resource version "),
        "{outcome:?}"
    );
}
