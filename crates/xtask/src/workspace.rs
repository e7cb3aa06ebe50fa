//! What cargo knows of this workspace: the one list of the plugins, their version, their home.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The plugins and what they have in common.
pub(crate) struct Workspace {
    /// The folder of the workspace.
    pub(crate) folder: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target_folder: PathBuf,
    /// The names of the plugins, which are those of their crates and binaries, sorted.
    pub(crate) plugins: Vec<String>,
    /// The version of all plugins, without a `v`.
    pub(crate) version: String,
    /// The page of the project, from `repository` in Cargo.toml.
    pub(crate) repository: String,
}

impl Workspace {
    /// Asks cargo. A plugin is a member with a program whose name begins with `kubectl-`.
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
            version: in_common(&plugins, "version")?,
            repository: in_common(&plugins, "repository")?,
            plugins: plugins
                .iter()
                .filter_map(|plugin| plugin["name"].as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// The address of the folder with a release's archives; `version` has no `v`.
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

/// A field that has one value in all plugins.
fn in_common(plugins: &[&Value], field: &str) -> Result<String> {
    let first = plugins.first().context("no plugin in the workspace")?;
    let value = first[field].as_str();
    ensure!(
        plugins.iter().all(|plugin| plugin[field].as_str() == value),
        "the plugins differ in {field}"
    );
    Ok(value
        .with_context(|| format!("the plugins have no {field}"))?
        .to_owned())
}

/// What cargo prints, called in the workspace.
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

/// The target of this machine, as its compiler calls it.
pub(crate) fn host() -> Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .context("run rustc")?;
    let text = String::from_utf8(output.stdout).context("read rustc's output")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

/// The cargo that runs this program, in the workspace.
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
    fn cargo_binstall_looks_for_the_archives_that_are_made() {
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
                // Of a `tgz` it tries both suffixes.
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
