//! Runs `kubectl-whoami` hermetically, and shows all that came out.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use control_plane::ControlPlane;
use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// The outcome, if the command ended with `code`; shows everything if not.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The binary with a clean environment and a kubeconfig.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-whoami"));
    command
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nonexistent");
    command
}

/// Runs a command to its end, without anything on stdin.
pub(crate) fn run(command: &mut Command) -> Outcome {
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// Runs the binary with a kubeconfig.
pub(crate) fn whoami(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    run(command(kubeconfig).args(arguments))
}

/// Runs `kubectl auth whoami -o json` with the same kubeconfig.
pub(crate) fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> Outcome {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    run(kubectl
        .env("KUBECONFIG", kubeconfig)
        .args(["auth", "whoami", "-o", "json"])
        .args(arguments))
}
