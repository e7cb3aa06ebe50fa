//! The scenario of whoami: one request for the identity of the user, with a client certificate.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use control_plane::{ControlPlane, Tool};

use crate::measure::scenario::{COMMANDS, Limits, Program, Rival, Scenario};
use crate::release;

/// Compares whoami with `kubectl auth whoami`, which sends the same request.
pub(super) fn scenario(control_plane: &ControlPlane) -> Result<Scenario> {
    let environment = control_plane.environment(None)?;
    let program = |name, binary: &Path, arguments: &[&str]| {
        // The namespace has no effect, and varies the length of the command line.
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
        title: "one request for the user's identity, with a client certificate",
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
