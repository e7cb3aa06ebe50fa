use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use control_plane::{ControlPlane, User};
use serde_json::{Value, json};
use support::{Outcome, create, deployment, read, run};

use super::case::*;
use super::program::{OURS, Program, in_pod};
use super::servers::Servers;

/// A Pod with a service account.
struct Pod {
    folder: PathBuf,
    port: String,
}

impl Pod {
    /// Returns a Pod with this service account of the namespace `default`.
    fn of_account(control_plane: &ControlPlane, name: &str) -> Result<Self> {
        let folder = control_plane.folder().join("pods").join(name);
        fs::create_dir_all(&folder)?;
        fs::write(
            folder.join("token"),
            control_plane.service_account_token("default", name)?,
        )?;
        fs::write(folder.join("namespace"), "default")?;
        fs::copy(control_plane.certificate_authority(), folder.join("ca.crt"))?;
        let port = control_plane
            .url()
            .rsplit(':')
            .next()
            .context("a port")?
            .to_owned();
        Ok(Self { folder, port })
    }

    /// Returns a program in a container of the Pod.
    fn command(&self, program: &Path) -> Command {
        let mut command = in_pod(program, &self.folder);
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", &self.port);
        command
    }
}

/// The reason for departures in which kubectl ignores the account of the Pod.
const IGNORES_THE_ACCOUNT: &str = "with this flag, kubectl ignores the account";

/// The reason for departures in which kubectl does not use the kubeconfig that the user wrote or named.
const USES_THE_ACCOUNT: &str = "kubectl uses the account silently instead of the kubeconfig";

#[test]
fn the_account_of_a_pod_is_found_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

/// The API server names the user when it refuses the request.
#[test]
fn in_a_pod_the_user_is_its_service_account() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let pod = Pod::of_account(control_plane, "robot")?;
    let path = "/api/v1/namespaces/default/configmaps/none";
    let refusal = |program: Program, flags: &[&str]| -> Result<String> {
        let mut command = pod.command(&program.path()?);
        command.args(program.arguments(path)).args(flags);
        Ok(run(&mut command, "").stderr)
    };
    let robot = "User \"system:serviceaccount:default:robot\" cannot";
    assert!(refusal(Program::Kubectl, &[])?.contains(robot));
    let ours = refusal(Program::Ours, &[])?;
    assert!(ours.contains(robot), "{ours}");
    let ours = refusal(Program::Ours, &["--as=jane", "--request-timeout=9s"])?;
    assert!(ours.contains(&format!("{robot} impersonate")), "{ours}");
    Ok(())
}

#[test]
fn every_login_can_patch_a_deployment_and_its_scale() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let path = deployment();
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["patch"]}]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    create(
        &format!("{rbac}/roles"),
        &json!({"metadata": {"name": "patcher"}, "rules": rules}),
    );
    create(
        &format!("{rbac}/rolebindings"),
        &json!({
            "metadata": {"name": "patcher"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "patcher"},
            "subjects": [{"kind": "ServiceAccount", "name": "patcher", "namespace": "default"}],
        }),
    );

    let account = User::ServiceAccount {
        namespace: "default",
        name: "patcher",
    };
    let pod = Pod::of_account(control_plane, "patcher")?;
    let kubectl = |user: &User<'_>| -> Result<Command> {
        let mut kubectl = control_plane.kubectl()?;
        kubectl
            .envs(control_plane.environment(Path::new(OURS).parent())?)
            .env("KUBECONFIG", control_plane.kubeconfig(user)?)
            .arg("rawpatch");
        Ok(kubectl)
    };
    for (replicas, command) in [
        (
            2,
            (&|| kubectl(&User::Admin)) as &dyn Fn() -> Result<Command>,
        ),
        (3, &|| kubectl(&account)),
        (4, &|| Ok(pod.command(Path::new(OURS)))),
    ] {
        let image = format!("busybox:{replicas}");
        let merge = json!({"spec": {"template": {"spec": {"containers": [{"name": "sleep", "image": image}]}}}});
        let patch = |path: &str, patch: &Value| -> Result<Outcome> {
            let patch = patch.to_string();
            let patch = || -> Result<Outcome> {
                let mut command = command()?;
                command.args(["--type", "merge", "-p", &patch, path]);
                Ok(run(&mut command, ""))
            };
            // RBAC reaches the authorizer a moment after its objects are stored.
            for _ in 0..50 {
                let outcome = patch()?;
                if outcome.code != Some(1) {
                    return Ok(outcome);
                }
                thread::sleep(Duration::from_millis(100));
            }
            patch()
        };
        patch(&path, &merge)?.succeeded();
        let scale = json!({"spec": {"replicas": replicas}});
        patch(&format!("{path}/scale"), &scale)?.succeeded();

        let object = read(&path);
        assert_eq!(object["spec"]["replicas"], replicas);
        assert_eq!(
            object["spec"]["template"]["spec"]["containers"][0]["image"],
            image
        );
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    vec![
        same(
            "the Pod's server and account",
            "sent https://127.0.0.1:$PORT/probe; authorization: Bearer pod-token",
        )
        .in_pod(),
        same("a kubeconfig takes precedence", "Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "one")
            .in_pod(),
        departs(
            "a kubeconfig without a current-context",
            USES_THE_ACCOUNT,
            "Bearer pod-token",
            "error: no current-context in one",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", ""),
        )
        .variable("KUBECONFIG", "one")
        .in_pod(),
        departs(
            "a KUBECONFIG that does not exist",
            USES_THE_ACCOUNT,
            "Bearer pod-token",
            "error: KUBECONFIG: none does not exist",
        )
        .variable("KUBECONFIG", "none")
        .in_pod(),
        same(
            "a malformed kubeconfig is an error",
            "error: error loading config file \"home\": read home: is a directory",
        )
        .variable("KUBECONFIG", "home")
        .in_pod(),
        same("KUBERNETES_MASTER is ignored", "Bearer pod-token")
            .variable("KUBERNETES_MASTER", "http://$PLAIN")
            .in_pod(),
        same("--certificate-authority and -n", "Bearer pod-token")
            .flags(["--certificate-authority=$FOLDER/ca.crt", "-n", "x"])
            .in_pod(),
        same(
            "--server does not use the account",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .flags([
            "--server=$URL",
            "--certificate-authority=ca.crt",
            "--username=name",
            "--password=word",
        ])
        .in_pod(),
        same("--token overrides the account", "Bearer flag")
            .flags(["--token=flag"])
            .in_pod(),
        departs(
            "--as",
            IGNORES_THE_ACCOUNT,
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "Bearer pod-token; impersonate-user: jane",
        )
        .variable("KUBERNETES_MASTER", "http://$PLAIN")
        .flags(["--as=jane"])
        .in_pod(),
        departs(
            "--disable-compression",
            IGNORES_THE_ACCOUNT,
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "Bearer pod-token",
        )
        .variable("KUBERNETES_MASTER", "http://$PLAIN")
        .flags(["--disable-compression"])
        .in_pod(),
    ]
}
