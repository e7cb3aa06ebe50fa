//! A command in a mount namespace: a script lays out files that only the command and what it starts
//! see, so that fixed places like `/etc/hosts` can be tested without a variable in the binary.

use std::path::Path;
use std::process::Command;

/// Makes the folder of a Pod's account of the files in `$POD`.
const POD: &str = r#"
set -e
folder=/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs tmpfs /run
mkdir -p "$folder"
cp "$POD"/* "$folder"
unset POD
exec "$@"
"#;

/// A command that runs its arguments, a program and those of the program, behind `script`, which
/// ends with `exec "$@"`.
pub(crate) fn command(script: &str) -> Command {
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

/// The same where `/var/run/secrets` holds the files of the folder `pod`, as in a container, and
/// without any variable yet.
pub(crate) fn in_pod(pod: &Path) -> Command {
    let mut command = command(POD);
    command.env_clear().env("POD", pod);
    command
}
