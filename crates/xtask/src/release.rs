//! The plugins as they are released.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Builds a plugin by the release profile, and says where its binary is.
pub(crate) fn build(plugin: &str) -> Result<PathBuf> {
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--package", plugin])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .context("run cargo")?;
    ensure!(
        status.success(),
        "cargo could not build {plugin} ({status})"
    );
    // Each profile has a folder of its own, and this program is in one of them.
    let program = env::current_exe().context("find the folder of this program")?;
    let profiles = program
        .ancestors()
        .nth(2)
        .context("find the folder of the profiles")?;
    Ok(profiles.join("release").join(plugin))
}
