//! The plugins of this workspace, their version and their repository, from cargo's metadata.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The plugins and their common properties.
pub(crate) struct Workspace {
    pub(crate) folder: PathBuf,
    pub(crate) target_folder: PathBuf,
    /// The sorted names of the plugins. A plugin's crate and binary have the same name.
    pub(crate) plugins: Vec<String>,
    /// The version of all plugins, without a `v`.
    pub(crate) version: String,
    /// The URL of the project, from `repository` in Cargo.toml.
    pub(crate) repository: String,
}

impl Workspace {
    /// Loads cargo's metadata. A plugin is a member with a binary of its own name, `kubectl-…`.
    pub(crate) fn load() -> Result<Self> {
        let metadata: Value = serde_json::from_str(&cargo(&[
            "metadata",
            "--locked",
            "--no-deps",
            "--format-version=1",
        ])?)
        .context("read cargo's metadata")?;
        let folder = |field: &str| metadata[field].as_str().map(PathBuf::from);
        let packages = metadata["packages"].as_array().context("list the crates")?;
        let mut plugins: Vec<&Value> = packages.iter().filter(|crate_| is_plugin(crate_)).collect();
        plugins.sort_by_key(|plugin| plugin["name"].as_str());
        Ok(Self {
            folder: folder("workspace_root").context("find the workspace")?,
            target_folder: folder("target_directory").context("find the target folder")?,
            version: common_field(&plugins, "version")?,
            repository: common_field(&plugins, "repository")?,
            plugins: plugins
                .iter()
                .filter_map(|plugin| plugin["name"].as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// Returns the URL of the folder with a release's archives. `version` has no `v`.
    pub(crate) fn downloads(&self, version: &str) -> String {
        format!("{}/releases/download/v{version}", self.repository)
    }
}

fn is_plugin(package: &Value) -> bool {
    let targets = package["targets"].as_array();
    targets.into_iter().flatten().any(|target| {
        target["kind"][0] == "bin"
            && target["name"] == package["name"]
            && target["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("kubectl-"))
    })
}

/// Returns the value of a field that must be the same in all plugins.
fn common_field(plugins: &[&Value], field: &str) -> Result<String> {
    let first = plugins.first().context("the workspace has no plugin")?;
    let value = first[field].as_str();
    ensure!(
        plugins.iter().all(|plugin| plugin[field].as_str() == value),
        "the plugins differ in {field}"
    );
    Ok(value
        .with_context(|| format!("the plugins have no {field}"))?
        .to_owned())
}

/// Runs cargo in the workspace. Returns its output.
pub(crate) fn cargo(arguments: &[&str]) -> Result<String> {
    let output = cargo_command()
        .args(arguments)
        .output()
        .context("run cargo")?;
    ensure!(
        output.status.success(),
        "cargo {} failed ({}):\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).context("read cargo's output")
}

/// Returns the compiler's name for the target of this machine.
pub(crate) fn host() -> Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .context("run rustc")?;
    let text = String::from_utf8(output.stdout).context("read rustc's output")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc reported no host")?.to_owned())
}

/// Returns a command for the cargo that runs this program, in the workspace.
pub(crate) fn cargo_command() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TARGETS;

    #[test]
    fn cargo_binstall_downloads_the_archives_that_dist_makes() {
        let workspace = Workspace::load().unwrap();
        let metadata = cargo(&["metadata", "--locked", "--no-deps", "--format-version=1"]).unwrap();
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        for plugin in &workspace.plugins {
            let packages = metadata["packages"].as_array().unwrap();
            let package = packages
                .iter()
                .find(|package| package["name"] == **plugin)
                .unwrap();
            let binstall = &package["metadata"]["binstall"];
            assert_eq!(binstall["bin-dir"], "{ bin }{ binary-ext }");
            for target in TARGETS {
                let format = &binstall["overrides"][target.triple]["pkg-fmt"];
                let format = format.as_str().or(binstall["pkg-fmt"].as_str()).unwrap();
                // For `tgz`, cargo-binstall tries `.tgz` and `.tar.gz`.
                let suffix = if format == "tgz" { ".tar.gz" } else { ".zip" };
                let url = [
                    ("{ repo }", workspace.repository.as_str()),
                    ("{ name }", plugin),
                    ("{ version }", &workspace.version),
                    ("{ target }", target.triple),
                    ("{ archive-suffix }", suffix),
                ]
                .iter()
                .fold(
                    binstall["pkg-url"].as_str().unwrap().to_owned(),
                    |url, (name, value)| url.replace(name, value),
                );
                let archive = target.archive(plugin, &workspace.version);
                assert_eq!(
                    url,
                    format!("{}/{archive}", workspace.downloads(&workspace.version))
                );
            }
        }
    }
}
