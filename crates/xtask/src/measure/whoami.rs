//! What whoami is for: one question who somebody is, by certificate.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use control_plane::{ControlPlane, Tool};

use super::{COMMANDS, Limits, Program, Rival, Scenario};
use crate::release;

/// whoami beside `kubectl auth whoami`, which asks the same once.
pub(super) fn scenario(control_plane: &ControlPlane) -> Result<Scenario> {
    let environment = control_plane.environment(None)?;
    let program = |name, binary: &Path, arguments: &[&str]| {
        // Nothing depends on it; its length is what varies.
        let command = |length: usize| {
            let mut command = Command::new(binary);
            command
                .env_clear()
                .envs(environment.iter().cloned())
                .args(arguments)
                .arg(format!("--namespace={}", "x".repeat(length)));
            command
        };
        Program {
            name,
            commands: (1..=COMMANDS).map(command).collect(),
        }
    };
    Ok(Scenario {
        title: "one question who the user is, with a client certificate",
        plugin: program("kubectl-whoami", &release::build("kubectl-whoami")?, &[]),
        rivals: vec![Rival {
            program: program("auth whoami", &Tool::Kubectl.path()?, &["auth", "whoami"]),
            wall_limit: 0.15,
        }],
        limits: Limits {
            peak_memory: 8.0,
            instructions: 5.5,
            size: 6.0,
        },
    })
}
