use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use control_plane::{ControlPlane, User};
use serde_json::json;

use super::plugin::*;

/// Real kubectl that finds the built plugin, as the admin.
fn kubectl() -> Command {
    let control_plane = ControlPlane::shared();
    let mut kubectl = control_plane.kubectl().unwrap();
    kubectl.envs(control_plane.environment(Some(&folder())).unwrap());
    kubectl
}

#[test]
fn kubectl_runs_the_plugin_and_passes_its_output_on() {
    let path = deployment();
    let patch = r#"{"spec":{"replicas":3}}"#;
    let outcome = run(
        kubectl().args([
            "rawpatch",
            "--type",
            "merge",
            "-p",
            patch,
            &format!("{path}/scale"),
            "-o",
            "jsonpath={.spec.replicas}",
        ]),
        "",
    )
    .succeeded();
    assert_eq!(outcome.stdout, "3");
    let outcome = run(
        kubectl().args(["rawpatch", &path, "-f", "-", "-o", "name"]),
        "metadata: {labels: {a: b}}",
    )
    .succeeded();
    assert_eq!(
        outcome.stdout,
        format!("deployment.apps/{}\n", path.rsplit('/').next().unwrap())
    );
}

#[test]
fn exit_codes_come_through() {
    let path = config_map();
    let code = |arguments: &[&str]| run(kubectl().arg("rawpatch").args(arguments), "").code;
    assert_eq!(code(&["-p", r#"{"data":{"key":"x"}}"#, &path]), Some(0));
    assert_eq!(
        code(&["-p", r#"{"data":{"key":"x"}}"#, &format!("{path}x")]),
        Some(1)
    );
    assert_eq!(code(&["-p", "", &path]), Some(2));
    assert_eq!(
        code(&[
            "--server",
            "https://127.0.0.1:1",
            "-p",
            r#"{"data":{"key":"x"}}"#,
            &path
        ]),
        Some(3)
    );
    assert_eq!(
        code(&[
            "--if-resource-version=1",
            "-p",
            r#"{"data":{"key":"x"}}"#,
            &path
        ]),
        Some(9)
    );
}

#[test]
fn flags_before_the_path_and_a_separator() {
    let path = config_map();
    let patch = r#"{"data":{"key":"x"}}"#;
    for arguments in [
        &["--type", "merge", "-p", patch, &path][..],
        &["--type=merge", "-p", patch, "--", &path],
        &[&path, "--type=merge", "-p", patch],
        &["-p", patch, "--raw", &path],
    ] {
        run(kubectl().arg("rawpatch").args(arguments), "").succeeded();
    }
}

#[test]
fn a_file_that_looks_like_plugin_and_path_is_not_run_when_flags_come_first() {
    // kubectl joins the words before the first flag to a program's name. With the slashes of an
    // API path in it, that is a file below the current folder.
    let path = config_map();
    let work = tempfile::tempdir().unwrap();
    let trap = work
        .path()
        .join(format!("kubectl-rawpatch-{}", path.replace('-', "_")));
    std::fs::create_dir_all(trap.parent().unwrap()).unwrap();
    std::fs::write(&trap, "#!/bin/sh\necho trapped\n").unwrap();
    std::fs::set_permissions(&trap, std::fs::Permissions::from_mode(0o755)).unwrap();
    let patch = r#"{"data":{"key":"x"}}"#;
    let run_there = |arguments: &[&str]| {
        run(
            kubectl()
                .current_dir(work.path())
                .arg("rawpatch")
                .args(arguments),
            "",
        )
        .succeeded()
    };
    assert_eq!(run_there(&[&path, "-p", patch]).stdout, "trapped\n");
    assert_eq!(run_there(&["-p", patch, &path]).json()["data"]["key"], "x");
}

#[test]
fn help_comes_through() {
    let help = run(kubectl().args(["rawpatch", "--help"]), "").succeeded();
    assert!(help.stdout.contains("Usage: kubectl rawpatch [flags]"));
    assert_eq!(help.stderr, "");
}

#[test]
fn help_and_hints_show_the_name_that_kubectl_found_the_plugin_by() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = env!("CARGO_BIN_EXE_kubectl-rawpatch");
    std::os::unix::fs::symlink(plugin, folder.path().join("kubectl-my_patch")).unwrap();
    let control_plane = ControlPlane::shared();
    let shown = |arguments: &[&str]| {
        let mut kubectl = control_plane.kubectl().unwrap();
        kubectl.envs(control_plane.environment(Some(folder.path())).unwrap());
        let outcome = run(kubectl.arg("my-patch").args(arguments), "");
        (outcome.code, outcome.stdout + &outcome.stderr)
    };
    let (code, help) = shown(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(
        help.contains("Usage: kubectl my-patch [flags] (-p PATCH"),
        "{help}"
    );
    assert_eq!(help.matches("  kubectl my-patch -").count(), 3, "{help}");
    assert!(!help.contains("kubectl rawpatch"), "{help}");
    assert_eq!(
        shown(&["--hepl"]),
        (
            Some(2),
            "error: unknown flag: --hepl\n\
             hint: did you mean `--help`? see `kubectl my-patch --help`\n"
                .to_owned()
        )
    );
    let (code, refusal) = shown(&["-p", "{}"]);
    assert_eq!(code, Some(2));
    assert!(
        refusal.contains("hint: for example: kubectl my-patch -p"),
        "{refusal}"
    );
}

#[test]
fn a_service_account_patches_the_scale_it_may_patch_and_nothing_else() {
    let control_plane = ControlPlane::shared();
    let path = deployment();
    let robot = unique("robot");
    control_plane
        .create(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            &json!({"metadata": {"name": robot}, "rules": [{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}]}),
        )
        .unwrap();
    control_plane
        .create(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            &json!({
                "metadata": {"name": robot},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": robot},
                "subjects": [{"kind": "ServiceAccount", "name": robot, "namespace": "default"}],
            }),
        )
        .unwrap();
    let kubeconfig = control_plane
        .kubeconfig(&User::ServiceAccount {
            namespace: "default",
            name: &robot,
        })
        .unwrap();
    let as_robot = |path: &str| {
        let patch = r#"{"spec":{"replicas":6}}"#;
        run(
            kubectl().env("KUBECONFIG", &kubeconfig).args([
                "rawpatch",
                "--type=merge",
                "-p",
                patch,
                path,
            ]),
            "",
        )
    };
    // RBAC reaches the authorizer a moment after the object is stored.
    let scale = format!("{path}/scale");
    let mut outcome = as_robot(&scale);
    for _ in 0..50 {
        if outcome.code == Some(0) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        outcome = as_robot(&scale);
    }
    assert_eq!(outcome.succeeded().json()["spec"]["replicas"], 6);
    let refused = as_robot(&path).failed(1);
    let user = format!(
        "User \"system:serviceaccount:default:{robot}\" cannot patch resource \"deployments\""
    );
    assert!(refused.stderr.contains(&user), "{refused:?}");

    let nobody = control_plane.kubeconfig(&User::Anonymous).unwrap();
    let refused = run(
        kubectl().env("KUBECONFIG", nobody).args([
            "rawpatch",
            "-p",
            r#"{"a":1}"#,
            "--verbatim",
            &path,
        ]),
        "",
    );
    assert!(
        refused
            .failed(1)
            .stderr
            .contains("User \"system:anonymous\" cannot patch")
    );
}
