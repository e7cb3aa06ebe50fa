//! Builds our plugins, and says where they are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The folder with the plugins of this workspace that `is_wanted` says by their names to build, built as
/// `cargo build` builds them.
///
/// # Errors
/// With cargo's own messages on stderr when one does not compile.
pub fn build_plugins(is_wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--message-format=json-render-diagnostics"])
        .current_dir(&workspace);
    let packages = packages(&workspace.join("crates"))?;
    for package in packages.iter().filter(|package| is_wanted(package)) {
        cargo.args(["--package", package]);
    }
    // `cargo run` describes this package in variables that some build scripts watch: with them
    // set, the same crates would be compiled twice.
    for (name, _) in env::vars_os() {
        let is_ours =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_ours) {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo")?;
    ensure!(
        output.status.success(),
        "cargo could not build the plugins ({})",
        output.status
    );

    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find_map(|message| {
            Path::new(message["executable"].as_str()?)
                .parent()
                .map(PathBuf::from)
        })
        .context("cargo named no plugin that it built")
}

/// The crates that are plugins: `kubectl-NAME` with a program.
fn packages(crates: &Path) -> Result<Vec<String>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(crates).with_context(|| format!("list {}", crates.display()))? {
        let entry = entry.with_context(|| format!("list {}", crates.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("kubectl-") && entry.path().join("src/main.rs").is_file() {
            packages.push(name);
        }
    }
    ensure!(!packages.is_empty(), "no plugin in {}", crates.display());
    Ok(packages)
}
