//! What rawpatch is for: one PATCH of one object, written for real, by several ways to log in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use control_plane::{ControlPlane, Tool, User};
use recording_proxy::RecordingProxy;
use serde_json::{Value, json};

use super::{COMMANDS, Limits, Program, Rival, Scenario};
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";

/// How the admin gets in.
pub(super) enum Login<'a> {
    /// By the certificate's files.
    Certificate,
    /// By an exec plugin that prints the same certificate. curl knows no such thing.
    Exec,
    /// By the certificate's files, through a proxy.
    Proxy(&'a RecordingProxy),
}

/// rawpatch beside `kubectl patch`, which reads the object first, and curl, which does not.
pub(super) fn scenario(control_plane: &ControlPlane, login: &Login<'_>) -> Result<Scenario> {
    let (title, letter) = match login {
        Login::Certificate => ("one PATCH of a ConfigMap with a client certificate", "x"),
        Login::Exec => (
            "the same with an exec plugin that prints the certificate",
            "y",
        ),
        Login::Proxy(_) => ("the same with a client certificate, through a proxy", "z"),
    };
    let rawpatch = release::build("kubectl-rawpatch")?;
    let kubectl = Tool::Kubectl.path()?;
    let authority = control_plane.certificate_authority();
    let (certificate, key) = control_plane.admin_certificate();
    let url = control_plane.url();
    // Among the variables is a folder for kubectl's cache, which the warm-up fills.
    let mut environment = control_plane.environment(None)?;
    environment.push(("KUBECONFIG", kubeconfig(control_plane, login)?.into()));

    // Each run has an object of its own, with a name of another length, and each program patches
    // another key into it: every patch changes something.
    let names: Vec<_> = (1..=COMMANDS).map(|length| letter.repeat(length)).collect();
    let objects = names
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}));
    control_plane.create_many(COLLECTION, objects)?;

    let program = |name, binary: &Path, arguments: &dyn Fn(&mut Command, &str)| {
        let command = |object: &String| {
            let mut command = Command::new(binary);
            command.env_clear().envs(environment.iter().cloned());
            arguments(&mut command, object);
            command
        };
        Program {
            name,
            commands: names.iter().map(command).collect(),
        }
    };
    let rawpatch = program("kubectl-rawpatch", &rawpatch, &|command, object| {
        command
            .args([
                "--type=merge",
                r#"--patch={"data":{"rawpatch":"was here"}}"#,
            ])
            .arg(format!("{COLLECTION}/{object}"));
    });
    let kubectl = program("kubectl patch", &kubectl, &|command, object| {
        command
            .args(["patch", "configmap", object])
            .args(["--type=merge", r#"--patch={"data":{"kubectl":"was here"}}"#]);
    });
    let curl = program("curl", Path::new("curl"), &|command, object| {
        command
            .args(["--disable", "--silent", "--show-error", "--fail"])
            .arg("--cacert")
            .arg(&authority)
            .arg("--cert")
            .arg(&certificate)
            .arg("--key")
            .arg(&key)
            .args(["--request", "PATCH"])
            .args(["--header", "Content-Type: application/merge-patch+json"])
            .args(["--data", r#"{"data":{"curl":"was here"}}"#])
            .arg(format!("{url}{COLLECTION}/{object}"));
        if let Login::Proxy(proxy) = login {
            command
                .arg("--proxy")
                .arg(format!("http://{}", proxy.address()));
        }
    });
    let mut rivals = vec![Rival {
        program: kubectl,
        wall_limit: 0.15,
    }];
    if !matches!(login, Login::Exec) {
        rivals.push(Rival {
            program: curl,
            wall_limit: 0.5,
        });
    }
    Ok(Scenario {
        title,
        plugin: rawpatch,
        rivals,
        limits: Limits {
            peak_memory: 8.0,
            instructions: 5.5,
            size: 6.0,
        },
    })
}

/// The admin's kubeconfig, changed to the login.
fn kubeconfig(control_plane: &ControlPlane, login: &Login<'_>) -> Result<PathBuf> {
    let admin = control_plane.kubeconfig(&User::Admin)?;
    let mut document: Value = serde_json::from_slice(&fs::read(&admin)?)?;
    match login {
        Login::Certificate => {}
        Login::Exec => {
            let (certificate, key) = control_plane.admin_certificate();
            let answer = json!({
                "kind": "ExecCredential",
                "apiVersion": "client.authentication.k8s.io/v1",
                "status": {
                    "clientCertificateData": fs::read_to_string(certificate)?,
                    "clientKeyData": fs::read_to_string(key)?,
                },
            });
            let file = admin.with_file_name("answer");
            fs::write(&file, answer.to_string())?;
            document["users"][0]["user"] = json!({"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "cat",
                "args": [file],
                "interactiveMode": "Never",
            }});
        }
        Login::Proxy(proxy) => {
            document["clusters"][0]["cluster"]["proxy-url"] =
                json!(format!("http://{}", proxy.address()));
        }
    }
    fs::write(&admin, document.to_string())?;
    Ok(admin)
}
