//! Builds the plugins of this workspace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Builds the plugins whose package name `is_wanted` accepts, in cargo's dev profile, and returns the
/// folder that holds the programs.
///
/// # Errors
/// Fails when a plugin does not compile. cargo's own messages go to stderr.
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
    // `cargo run` sets variables about this package that some build scripts track. Inheriting them
    // would compile the same crates a second time.
    for (name, _) in env::vars_os() {
        let is_about_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_about_package) {
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
        .context("cargo reported no program that it built")
}

/// Returns the names of the plugin packages: each folder `kubectl-NAME` with a `main.rs`.
fn packages(crates: &Path) -> Result<Vec<String>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(crates).with_context(|| format!("list {}", crates.display()))? {
        let entry = entry.with_context(|| format!("list {}", crates.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("kubectl-") && entry.path().join("src/main.rs").is_file() {
            packages.push(name);
        }
    }
    ensure!(
        !packages.is_empty(),
        "found no plugin in {}",
        crates.display()
    );
    Ok(packages)
}
