//! `cargo xtask krew`: the manifests by which krew installs the plugins.
//!
//! # Layout
//! * `template`: `krew/NAME.yaml` → the manifest of one release
//! * `manifest`: its fields
//! * `lint`: its rules

mod lint;
mod manifest;
mod template;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use crate::dist;
use crate::workspace::Workspace;
use lint::Expected;

/// The names that krew-index has for other plugins, and those by which it shall know ours. Programs
/// and archives keep their names; the plugin takes that in its help from the name it is called by.
const NAMES_IN_KREW_INDEX: [(&str, &str); 1] = [("whoami", "raw-whoami")];

/// What stands for the sum of an archive while there is none.
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Renders the manifests of a release with the sums of its archives, and checks them.
#[derive(Parser)]
#[command(name = "cargo xtask krew", no_binary_name = true)]
struct Arguments {
    /// Check the templates without any archive, and write nothing
    #[arg(long, conflicts_with_all = ["base_url", "archives", "out"])]
    check: bool,
    /// The version of the release, with or without a v [default: that of the workspace]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The folder that the archives are downloaded from [default: the release in the repository]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Where the archives are [default: where `cargo xtask dist` puts them]
    #[arg(long, value_name = "FOLDER")]
    archives: Option<PathBuf>,
    /// Where the manifests go [default: krew/out]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Under the names that are free in krew-index
    #[arg(long)]
    krew_index: bool,
}

/// A template, and the plugin that it is for.
struct Template<'a> {
    /// The crate, which is the program too.
    plugin: &'a str,
    /// The name in krew.
    name: String,
    text: String,
}

/// Writes a manifest for each plugin, or checks what they will be.
///
/// # Errors
/// With all problems of all manifests; then nothing is written.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let arguments = Arguments::parse_from(arguments);
    let workspace = Workspace::load()?;
    let version = arguments.version.as_deref().unwrap_or(&workspace.version);
    let version = version.trim_start_matches('v');
    if arguments.check {
        for templates in [templates(&workspace, false)?, templates(&workspace, true)?] {
            check(&workspace, &templates, version)?;
        }
        return Ok(());
    }
    let templates = templates(&workspace, arguments.krew_index)?;
    let archives = arguments
        .archives
        .unwrap_or_else(|| dist::out_folder(&workspace));
    let sum = |archive: &str| dist::checksums::sha256(&archives.join(archive));
    let base_url = arguments
        .base_url
        .unwrap_or_else(|| workspace.downloads(version));
    let manifests = render(
        &workspace,
        &templates,
        version,
        base_url.trim_end_matches('/'),
        sum,
    )?;

    let out = arguments
        .out
        .unwrap_or_else(|| workspace.folder.join("krew/out"));
    fs::create_dir_all(&out).with_context(|| format!("create {}", out.display()))?;
    for (template, manifest) in templates.iter().zip(manifests) {
        let path = out.join(format!("{}.yaml", template.name));
        fs::write(&path, manifest).with_context(|| format!("write {}", path.display()))?;
        writeln!(io::stdout(), "{}", path.display()).context("say what was written")?;
    }
    Ok(())
}

/// Renders the templates without archives, for two versions: krew-release-bot's updates are merged
/// without a reviewer when the addresses differ by nothing but the version.
fn check(workspace: &Workspace, templates: &[Template<'_>], version: &str) -> Result<()> {
    let manifests = |version: &str| {
        let base_url = workspace.downloads(version);
        render(workspace, templates, version, &base_url, |_| {
            Ok(NO_SUM.to_owned())
        })
    };
    let other_version = format!("{version}-next.1");
    let both = manifests(version)?
        .into_iter()
        .zip(manifests(&other_version)?);
    for (template, (now, next)) in templates.iter().zip(both) {
        ensure!(
            now.replace(version, &other_version) == next,
            "the manifest of {} for another version differs in more than that",
            template.name,
        );
    }
    Ok(())
}

/// The manifest of each template, without a problem.
fn render(
    workspace: &Workspace,
    templates: &[Template<'_>],
    version: &str,
    base_url: &str,
    sum: impl Fn(&str) -> Result<String>,
) -> Result<Vec<String>> {
    let tag = format!("v{version}");
    let downloads = workspace.downloads(version);
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for template in templates {
        let manifest = template::render(&template.text, &tag, |address| {
            let archive = address
                .strip_prefix(&downloads)
                .and_then(|rest| rest.strip_prefix('/'));
            let archive = archive.with_context(|| format!("{address} is not in {downloads}"))?;
            Ok((format!("{base_url}/{archive}"), sum(archive)?))
        })
        .with_context(|| format!("render the manifest of {}", template.name))?;
        let expected = Expected {
            plugin: template.plugin,
            name: &template.name,
            tag: &tag,
            homepage: &workspace.repository,
            base_url,
        };
        let found = lint::problems(&manifest, &expected, |archive| sum(archive).ok());
        problems.extend(
            found
                .iter()
                .map(|problem| format!("{}: {problem}", template.name)),
        );
        manifests.push(manifest);
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(manifests)
}

/// The template of each plugin, under the name that krew shall know it by; no other is in `krew/`.
fn templates(workspace: &Workspace, in_krew_index: bool) -> Result<Vec<Template<'_>>> {
    let mut templates = Vec::new();
    let files = fs::read_dir(workspace.folder.join("krew")).context("list krew/")?;
    for file in files.filter_map(|file| file.ok()?.file_name().into_string().ok()) {
        ensure!(
            file.strip_suffix(".yaml")
                .is_none_or(|name| workspace.plugins.contains(&format!("kubectl-{name}"))),
            "krew/{file} is for no plugin in the workspace"
        );
    }
    for plugin in &workspace.plugins {
        let name = plugin.trim_start_matches("kubectl-");
        let path = workspace.folder.join("krew").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let theirs = NAMES_IN_KREW_INDEX
            .iter()
            .find_map(|(ours, theirs)| (in_krew_index && *ours == name).then_some(*theirs));
        templates.push(Template {
            plugin,
            name: theirs.unwrap_or(name).to_owned(),
            text: theirs.map_or_else(|| text.clone(), |theirs| renamed(&text, name, theirs)),
        });
    }
    Ok(templates)
}

/// The template under another name: as that of the manifest, and in commands that it shows.
fn renamed(template: &str, ours: &str, theirs: &str) -> String {
    template
        .replace(
            &format!("\n  name: {ours}\n"),
            &format!("\n  name: {theirs}\n"),
        )
        .replace(&format!("kubectl {ours} "), &format!("kubectl {theirs} "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A workspace with one plugin, whose templates are in a folder.
    fn workspace(folder: &Path) -> Workspace {
        Workspace {
            folder: folder.to_owned(),
            target_folder: folder.join("target"),
            plugins: vec!["kubectl-rawpatch".to_owned()],
            version: "1.2.3".to_owned(),
            repository: env!("CARGO_PKG_REPOSITORY").to_owned(),
        }
    }

    const TEMPLATE: &str = include_str!("../../../../krew/rawpatch.yaml");

    /// What `--check` says of `krew/rawpatch.yaml` and other files.
    fn checked(template: &str, others: &[&str]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("krew"))?;
        fs::write(folder.path().join("krew/rawpatch.yaml"), template)?;
        for other in others {
            fs::write(folder.path().join("krew").join(other), TEMPLATE)?;
        }
        let workspace = workspace(folder.path());
        check(&workspace, &templates(&workspace, false)?, "1.2.3")
    }

    fn refusal(template: &str, others: &[&str]) -> String {
        format!("{:#}", checked(template, others).unwrap_err())
    }

    #[test]
    fn a_template_is_for_a_plugin_and_a_plugin_has_a_template() {
        checked(TEMPLATE, &["README.md"]).unwrap();
        assert_eq!(
            refusal(TEMPLATE, &["rawpost.yaml"]),
            "krew/rawpost.yaml is for no plugin in the workspace"
        );
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("krew")).unwrap();
        let workspace = workspace(folder.path());
        let error = format!("{:#}", templates(&workspace, false).err().unwrap());
        assert!(
            error.contains("krew/rawpatch.yaml: No such file"),
            "{error}"
        );
    }

    #[test]
    fn problems_are_said_with_the_name_of_the_plugin() {
        assert_eq!(
            refusal(&TEMPLATE.replace("kind: Plugin", "kind: Plug"), &[]),
            "rawpatch: kind Plug is not Plugin"
        );
        let elsewhere = TEMPLATE.replace("/kubectl-raw-plugins/releases/", "/other/releases/");
        let error = refusal(&elsewhere, &[]);
        assert!(
            error.contains("render the manifest of rawpatch: line"),
            "{error}"
        );
        assert!(error.contains("is not in https://"), "{error}");
    }

    /// krew-release-bot's rule for updates that are merged without a reviewer.
    #[test]
    fn another_version_changes_nothing_but_the_version() {
        let fixed = TEMPLATE.replace("caveats: |", "caveats: |\n    New in 1.2.3: all of it.");
        assert_eq!(
            refusal(&fixed, &[]),
            "the manifest of rawpatch for another version differs in more than that"
        );
    }

    #[test]
    fn another_name_is_that_of_the_manifest_and_of_its_commands() {
        let template =
            "  name: whoami\n  caveats: |\n    kubectl whoami -o name\n  bin: kubectl-whoami\n";
        assert_eq!(
            renamed(&format!("metadata:\n{template}"), "whoami", "raw-whoami"),
            "metadata:\n  name: raw-whoami\n  caveats: |\n    kubectl raw-whoami -o name\n  bin: kubectl-whoami\n"
        );
    }
}
