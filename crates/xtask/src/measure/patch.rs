//! The scenario of rawpatch: one PATCH that changes an object, with several kinds of access.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use control_plane::{ControlPlane, Tool, User};
use recording_proxy::RecordingProxy;
use serde_json::{Value, json};

use crate::measure::scenario::{COMMANDS, Limits, Program, Rival, Scenario};
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";

/// The admin's access to the server.
pub(super) enum Access<'a> {
    /// Uses the files of a client certificate.
    Certificate,
    /// Uses an exec plugin that prints the same certificate. curl has no counterpart.
    ExecPlugin,
    /// Uses the files of a client certificate, through a proxy.
    Proxy(&'a RecordingProxy),
}

/// Compares rawpatch with `kubectl patch`, which reads the object first, and with curl, which does not.
pub(super) fn scenario(control_plane: &ControlPlane, access: &Access<'_>) -> Result<Scenario> {
    let (title, letter) = match access {
        Access::Certificate => ("one PATCH of a ConfigMap with a client certificate", "x"),
        Access::ExecPlugin => (
            "the same with an exec plugin that prints the certificate",
            "y",
        ),
        Access::Proxy(_) => ("the same with a client certificate, through a proxy", "z"),
    };
    // The environment includes a folder for kubectl's cache, which the warm-up fills.
    let mut environment = control_plane.environment(None)?;
    environment.push(("KUBECONFIG", kubeconfig(control_plane, access)?.into()));
    let commands = Commands {
        // Each run has a separate object, with a name of a different length.
        objects: (1..=COMMANDS).map(|length| letter.repeat(length)).collect(),
        environment,
    };
    let objects = commands
        .objects
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}));
    control_plane.create_many(COLLECTION, objects)?;

    let mut rivals = vec![Rival {
        program: commands.kubectl()?,
        wall_limit: 0.15,
    }];
    if !matches!(access, Access::ExecPlugin) {
        rivals.push(Rival {
            program: commands.curl(control_plane, access),
            wall_limit: 0.5,
        });
    }
    Ok(Scenario {
        title,
        plugin: commands.rawpatch()?,
        rivals,
        limits: Limits {
            peak_memory: 8.0,
            instructions: 5.5,
            size: 6.0,
        },
    })
}

/// The objects to patch, and the environment of all commands.
///
/// Each program patches another key, so every patch is a change.
struct Commands {
    objects: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
}

impl Commands {
    fn rawpatch(&self) -> Result<Program> {
        let rawpatch = release::build("kubectl-rawpatch")?;
        Ok(
            self.program("kubectl-rawpatch", &rawpatch, |command, object| {
                command
                    .args([
                        "--type=merge",
                        r#"--patch={"data":{"rawpatch":"was here"}}"#,
                    ])
                    .arg(format!("{COLLECTION}/{object}"));
            }),
        )
    }

    fn kubectl(&self) -> Result<Program> {
        let kubectl = Tool::Kubectl.path()?;
        Ok(self.program("kubectl patch", &kubectl, |command, object| {
            command
                .args(["patch", "configmap", object])
                .args(["--type=merge", r#"--patch={"data":{"kubectl":"was here"}}"#]);
        }))
    }

    fn curl(&self, control_plane: &ControlPlane, access: &Access<'_>) -> Program {
        let authority = control_plane.certificate_authority();
        let (certificate, key) = control_plane.admin_certificate();
        let url = control_plane.url();
        self.program("curl", Path::new("curl"), |command, object| {
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
            if let Access::Proxy(proxy) = access {
                command
                    .arg("--proxy")
                    .arg(format!("http://{}", proxy.address()));
            }
        })
    }

    /// Returns a program with a command for each object, to which `add_arguments` adds the arguments.
    fn program(
        &self,
        name: &'static str,
        binary: &Path,
        add_arguments: impl Fn(&mut Command, &str),
    ) -> Program {
        let command = |object: &String| {
            let mut command = Command::new(binary);
            command.env_clear().envs(self.environment.iter().cloned());
            add_arguments(&mut command, object);
            command
        };
        Program {
            name,
            commands: self.objects.iter().map(command).collect(),
        }
    }
}

/// Changes the admin's kubeconfig to use this access. Returns its path.
fn kubeconfig(control_plane: &ControlPlane, access: &Access<'_>) -> Result<PathBuf> {
    let admin = control_plane.kubeconfig(&User::Admin)?;
    let mut document: Value = serde_json::from_slice(&fs::read(&admin)?)?;
    match access {
        Access::Certificate => {}
        Access::ExecPlugin => {
            let (certificate, key) = control_plane.admin_certificate();
            let credential = json!({
                "kind": "ExecCredential",
                "apiVersion": "client.authentication.k8s.io/v1",
                "status": {
                    "clientCertificateData": fs::read_to_string(certificate)?,
                    "clientKeyData": fs::read_to_string(key)?,
                },
            });
            let file = admin.with_file_name("credential");
            fs::write(&file, credential.to_string())?;
            document["users"][0]["user"] = json!({"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "cat",
                "args": [file],
                "interactiveMode": "Never",
            }});
        }
        Access::Proxy(proxy) => {
            document["clusters"][0]["cluster"]["proxy-url"] =
                json!(format!("http://{}", proxy.address()));
        }
    }
    fs::write(&admin, document.to_string())?;
    Ok(admin)
}
