//! Builds the plugins in the release profile.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::target::Target;
use crate::workspace::{Workspace, cargo_command};

/// Builds a plugin for this machine. Returns the path of its binary.
#[cfg(target_os = "linux")]
pub(crate) fn build(plugin: &str) -> Result<PathBuf> {
    let status = cargo_command()
        .args(["build", "--release", "--package", plugin])
        .status()
        .context("run cargo")?;
    ensure!(
        status.success(),
        "cargo could not build {plugin} ({status})"
    );
    // This program is in the folder of its own profile; the release folder is next to it.
    let program = env::current_exe().context("find the folder of this program")?;
    let profiles = program
        .ancestors()
        .nth(2)
        .context("find the folder of the profiles")?;
    Ok(profiles.join("release").join(plugin))
}

/// Builds a plugin for a target. Returns the path of its binary, whose bytes do not depend on the
/// folder of the workspace.
pub(crate) fn build_for(workspace: &Workspace, plugin: &str, target: Target) -> Result<PathBuf> {
    let status = cargo_command()
        .args(["build", "--release", "--locked", "--package", plugin])
        .args(["--target", target.triple])
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rust_flags(workspace, target)?.join("\u{1f}"),
        )
        .status()
        .context("run cargo")?;
    ensure!(
        status.success(),
        "cargo could not build {plugin} for {} ({status})",
        target.triple
    );
    let folder = workspace.target_folder.join(target.triple).join("release");
    Ok(folder.join(target.binary(plugin)))
}

/// Returns flags that keep the machine's folders and the time of the build out of the binary.
fn rust_flags(workspace: &Workspace, target: Target) -> Result<Vec<String>> {
    let home = env::home_dir().context("find the home folder")?;
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // The last prefix that matches wins, and the target folder may be inside the workspace.
    let folders: [(&Path, &str); 3] = [
        (&workspace.folder, "/workspace"),
        (&workspace.target_folder, "/target"),
        (&cargo_home, "/cargo"),
    ];
    let mut flags: Vec<String> = folders
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    if target.is_windows() {
        // Links the C runtime statically, and writes no time into the header.
        flags.extend(["-Ctarget-feature=+crt-static", "-Clink-arg=/Brepro"].map(str::to_owned));
    }
    Ok(flags)
}
