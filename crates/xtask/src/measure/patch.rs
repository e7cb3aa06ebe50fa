//! What rawpatch is for: one PATCH of one object, written for real, with a client certificate.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use control_plane::{ControlPlane, Tool};
use serde_json::json;

use super::{COMMANDS, Limits, Program, Rival, Scenario};
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";

/// rawpatch beside `kubectl patch`, which reads the object first, and curl, which does not.
pub(super) fn scenario(control_plane: &ControlPlane) -> Result<Scenario> {
    let rawpatch = release::build("kubectl-rawpatch")?;
    let kubectl = Tool::Kubectl.path()?;
    let authority = control_plane.certificate_authority();
    let (certificate, key) = control_plane.admin_certificate();
    let url = control_plane.url();
    // Among the variables is a folder for kubectl's cache, which the warm-up fills.
    let environment = control_plane.environment(None)?;

    // Each run has an object of its own, with a name of another length, and each program patches
    // another key into it: every patch changes something.
    let names: Vec<_> = (1..=COMMANDS).map(|length| "x".repeat(length)).collect();
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
    });
    Ok(Scenario {
        title: "one PATCH of a ConfigMap with a client certificate",
        plugin: rawpatch,
        rivals: vec![
            Rival {
                program: kubectl,
                wall_limit: 0.15,
            },
            Rival {
                program: curl,
                wall_limit: 0.5,
            },
        ],
        limits: Limits {
            peak_memory: 8.0,
            instructions: 5.5,
            size: 6.0,
        },
    })
}
