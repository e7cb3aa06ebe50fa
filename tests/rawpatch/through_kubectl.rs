use std::process::Command;

use control_plane::{ControlPlane, User};
use serde_json::json;
use support::{config_map, deployment, run, unique, write_program};

use super::expected::name;
use super::plugin::*;

/// Returns real kubectl, as the admin and with the built plugin on its PATH.
fn kubectl() -> Command {
    let control_plane = ControlPlane::shared();
    let mut kubectl = control_plane.kubectl().unwrap();
    kubectl.envs(control_plane.environment(Some(&folder())).unwrap());
    kubectl
}

#[test]
fn kubectl_passes_on_stdin_and_output() {
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
    assert_eq!(outcome.stdout, format!("deployment.apps/{}\n", name(&path)));
}

#[test]
fn kubectl_passes_on_exit_codes() {
    let path = config_map();
    let missing = format!("{path}x");
    let patch = r#"--patch={"data":{"key":"x"}}"#;
    for (arguments, code) in [
        (&[patch, &path][..], 0),
        (&[patch, &missing], 1),
        (&["--patch=", &path], 2),
        (&[patch, "--server=https://127.0.0.1:1", &path], 3),
        (&[patch, "--if-resource-version=1", &path], 9),
    ] {
        let outcome = run(kubectl().arg("rawpatch").args(arguments), "");
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
    }
}

#[test]
fn path_and_flags_may_come_in_any_order() {
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
fn with_flags_first_kubectl_does_not_join_plugin_name_and_path() {
    // kubectl joins the words before the first flag to the name of a program. With an API path among them,
    // that program is a file below the current folder.
    let path = config_map();
    let work = tempfile::tempdir().unwrap();
    let trap = work
        .path()
        .join(format!("kubectl-rawpatch-{}", path.replace('-', "_")));
    std::fs::create_dir_all(trap.parent().unwrap()).unwrap();
    write_program(&trap, "#!/bin/sh\necho trapped\n");
    let patch = r#"{"data":{"key":"x"}}"#;
    let run_in_work = |arguments: &[&str]| {
        run(
            kubectl()
                .current_dir(work.path())
                .arg("rawpatch")
                .args(arguments),
            "",
        )
        .succeeded()
    };
    assert_eq!(run_in_work(&[&path, "-p", patch]).stdout, "trapped\n");
    assert_eq!(
        run_in_work(&["-p", patch, &path]).json()["data"]["key"],
        "x"
    );
}

#[test]
fn kubectl_passes_on_help() {
    let through_kubectl = run(kubectl().args(["rawpatch", "--help"]), "").succeeded();
    let direct = rawpatch(&["--help"]).succeeded();
    assert!(
        direct
            .stdout
            .contains("Usage: kubectl rawpatch [flags] (-p PATCH | -f FILE) PATH\n"),
        "{direct:?}"
    );
    assert_eq!(through_kubectl.stdout, direct.stdout);
    assert_eq!(through_kubectl.stderr, "");
}

#[test]
fn help_and_hints_use_the_name_under_which_kubectl_runs_the_plugin() {
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
        help.contains("Usage: kubectl my-patch [flags] (-p PATCH | -f FILE) PATH\n"),
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
    assert_eq!(
        shown(&["-p", "{}"]),
        (
            Some(2),
            "error: PATH is missing\n\
             hint: give the path of one object, as in: kubectl my-patch -p '{\"spec\":{\"replicas\":3}}' \
             /apis/apps/v1/namespaces/default/deployments/NAME\n"
                .to_owned()
        )
    );
}

#[test]
fn a_service_account_patches_only_the_subresource_it_may_patch() {
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
    // Stored RBAC rules take effect after a delay.
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
    let refused = as_robot(&path).ended(1);
    let object = name(&path);
    assert_eq!(
        refused.stderr,
        format!(
            "Error from server (Forbidden): deployments.apps \"{object}\" is forbidden: User \
             \"system:serviceaccount:default:{robot}\" cannot patch resource \"deployments\" in API group \
             \"apps\" in the namespace \"default\"\n"
        )
    );

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
    assert_eq!(
        refused.ended(1).stderr,
        format!(
            "Error from server (Forbidden): deployments.apps \"{object}\" is forbidden: User \
             \"system:anonymous\" cannot patch resource \"deployments\" in API group \"apps\" in the \
             namespace \"default\"\n"
        )
    );
}
