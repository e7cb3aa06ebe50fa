//! Runs a command in a mount namespace of its own.
//!
//! A script mounts files that only the command and its children see. Fixed paths like `/etc/hosts` can
//! then be tested without a variable in the binary.

use std::path::Path;
use std::process::Command;

/// Mounts the files in `$POD` as the folder of a Pod's service account.
const POD: &str = r#"
set -e
folder=/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs tmpfs /run
mkdir -p "$folder"
cp "$POD"/* "$folder"
unset POD
exec "$@"
"#;

/// Returns a command that runs `script` in a new mount namespace. The script ends with `exec "$@"`, and
/// the caller adds the program to execute, with its arguments.
pub fn command(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    command
}

/// Returns a command for a mount namespace in which `/var/run/secrets` holds the files of the folder
/// `pod`, as in a container. Its environment is otherwise empty.
pub fn in_pod(pod: &Path) -> Command {
    let mut command = command(POD);
    command.env_clear().env("POD", pod);
    command
}
