use control_plane::ControlPlane;
use serde_json::json;
use support::{config_map, unique};

use super::expected::{conflict, name, stale_hint};
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
fn a_guarded_patch_is_applied_only_at_the_expected_version() {
    for (patch_type, patch) in PATCHES {
        let path = config_map();
        let expected = resource_version(&path);
        let arguments = [
            "--type",
            patch_type,
            "-p",
            patch,
            "--if-resource-version",
            &expected,
            &path,
        ];
        rawpatch(&arguments).succeeded();
        let live = resource_version(&path);
        assert_ne!(live, expected);

        let outcome = rawpatch(&arguments).ended(9);
        assert_eq!(
            outcome.stderr,
            conflict("configmaps", &path) + "\n" + &stale_hint(&live, &expected)
        );
        assert_eq!(resource_version(&path), live);
    }
}

#[test]
fn a_patch_of_a_custom_resource_or_subresource_can_be_guarded() {
    let object = custom_resource(Custom::Bar);
    for path in [object.clone(), format!("{object}/scale")] {
        let stale = resource_version(&path);
        let annotation = json!({"metadata": {"annotations": {"n": unique("n")}}}).to_string();
        rawpatch(&["--type=merge", "-p", &annotation, &object]).succeeded();

        let guarded = |version: &str| {
            let patch = r#"{"spec":{"replicas":7}}"#;
            rawpatch(&[
                "--type=merge",
                "-p",
                patch,
                "--if-resource-version",
                version,
                &path,
            ])
        };
        guarded(&stale).ended(9);
        guarded(&resource_version(&path)).succeeded();
    }
}

#[test]
fn a_guarded_apply_patch_does_not_recreate_a_deleted_object() {
    let control_plane = ControlPlane::shared();
    let path = config_map();
    let name = name(&path);
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"own": "x"}}).to_string();
    let expected = resource_version(&path);
    let apply = [
        "--type=apply",
        "-p",
        &body,
        "--if-resource-version",
        &expected,
        &path,
    ];
    rawpatch(&apply).succeeded();

    let live = resource_version(&path);
    assert_eq!(
        rawpatch(&apply).ended(9).stderr,
        format!(
            "error: the object is at resource version {live}, not {expected}; the patch was not sent\n\
             hint: read the object again, and check the patch\n"
        )
    );

    let (status, _) = control_plane.request("DELETE", &path, None).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        rawpatch(&apply).ended(1).stderr,
        format!("Error from server (NotFound): configmaps \"{name}\" not found\n")
    );
    let (status, _) = control_plane.request("GET", &path, None).unwrap();
    assert_eq!(status, 404);
}

#[test]
fn a_stale_version_in_the_patch_itself_is_a_conflict() {
    let path = config_map();
    let stale = resource_version(&path);
    rawpatch(&["-p", r#"{"data":{"key":"1"}}"#, &path]).succeeded();
    let patch = json!({"metadata": {"resourceVersion": stale}, "data": {"key": "2"}}).to_string();
    assert_eq!(
        rawpatch(&["-p", &patch, &path]).ended(9).stderr,
        format!(
            "{}\nhint: read the object again, and check the patch: it is now at resource version {}\n",
            conflict("configmaps", &path),
            resource_version(&path)
        )
    );
}
