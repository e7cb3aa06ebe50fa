use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use control_plane::Tool;
use support::mount_namespace;

/// The built plugin.
pub(crate) const OURS: &str = env!("CARGO_BIN_EXE_kubectl-rawpatch");

/// The `PATH` of every command.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A program under comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Kubectl,
    Ours,
}

impl Program {
    /// Returns the file of the program.
    pub(crate) fn path(self) -> Result<PathBuf> {
        match self {
            Self::Kubectl => Tool::Kubectl.path(),
            Self::Ours => Ok(PathBuf::from(OURS)),
        }
    }

    /// Returns arguments that send one request to a path.
    pub(crate) fn arguments(self, path: &str) -> Vec<&str> {
        match self {
            Self::Kubectl => vec!["get", "--raw", path],
            Self::Ours => vec!["--verbatim", "--type", "merge", "-p", "{}", path],
        }
    }
}

/// Returns a program in a container of a Pod, whose account is in the folder `pod`.
pub(crate) fn in_pod(program: &Path, pod: &Path) -> Command {
    let mut command = mount_namespace::in_pod(pod);
    command.arg(program).env("PATH", PATH).env("HOME", pod);
    command
}
