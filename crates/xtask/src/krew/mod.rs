//! `cargo xtask krew`: renders and checks the manifests for krew.
//!
//! # Layout
//! * `template`: renders `krew/NAME.yaml` for a release
//! * `manifest`: the fields of a manifest
//! * `lint`: checks a manifest by the rules of krew, krew-index and its reviewers

mod lint;
mod manifest;
mod template;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use crate::dist;
use crate::krew::lint::Expected;
use crate::workspace::Workspace;

/// Our names that are taken in krew-index, each with the one we use there instead. Programs and archives
/// keep their names, and help shows the name under which the plugin is called.
const NAMES_IN_KREW_INDEX: [(&str, &str); 1] = [("whoami", "raw-whoami")];

/// A placeholder for the checksum of an archive that does not exist yet.
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Render the manifests of a release with the checksums of its archives, and check them
#[derive(Parser)]
#[command(name = "cargo xtask krew", no_binary_name = true)]
struct Arguments {
    /// Check the templates only; needs no archives, writes nothing
    #[arg(long, conflicts_with_all = ["base_url", "archives", "out"])]
    check: bool,
    /// The version of the release, with or without v [default: the version of the workspace]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The URL of the folder with the archives [default: the release on the project's page]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Read the archives from this folder [default: the one that `cargo xtask dist` writes to]
    #[arg(long, value_name = "FOLDER")]
    archives: Option<PathBuf>,
    /// Write the manifests to this folder [default: krew/out]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Use the names of the plugins in krew-index
    #[arg(long)]
    krew_index: bool,
}

/// The template of a plugin's manifest.
struct Template<'a> {
    /// The name of the crate and the program.
    plugin: &'a str,
    /// The plugin's name in krew.
    name: String,
    text: String,
}

/// Writes a manifest for each plugin, or checks the templates.
///
/// # Errors
/// Lists all problems of all manifests. Then nothing is written.
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
        writeln!(io::stdout(), "{}", path.display()).context("write to stdout")?;
    }
    Ok(())
}

/// Checks the templates without archives, for two versions. An update of krew-release-bot is merged
/// without a review if it changes nothing but the version.
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
            "{}: the manifest for another version differs in more than the version",
            template.name,
        );
    }
    Ok(())
}

/// Renders the manifest of each template. Fails with all problems in them.
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
        let manifest = template::render(&template.text, &tag, |url| {
            let archive = url
                .strip_prefix(&downloads)
                .and_then(|rest| rest.strip_prefix('/'));
            let archive = archive.with_context(|| format!("{url} is outside of {downloads}"))?;
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

/// Reads the template of each plugin. Fails if `krew/` contains any other.
fn templates(workspace: &Workspace, in_krew_index: bool) -> Result<Vec<Template<'_>>> {
    let mut templates = Vec::new();
    let files = fs::read_dir(workspace.folder.join("krew")).context("list krew/")?;
    for file in files.filter_map(|file| file.ok()?.file_name().into_string().ok()) {
        ensure!(
            file.strip_suffix(".yaml")
                .is_none_or(|name| workspace.plugins.contains(&format!("kubectl-{name}"))),
            "krew/{file}: the workspace has no such plugin"
        );
    }
    for plugin in &workspace.plugins {
        let name = plugin.trim_start_matches("kubectl-");
        let path = workspace.folder.join("krew").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let index_name = NAMES_IN_KREW_INDEX
            .iter()
            .find_map(|(taken, instead)| (in_krew_index && *taken == name).then_some(*instead));
        templates.push(Template {
            plugin,
            name: index_name.unwrap_or(name).to_owned(),
            text: index_name.map_or_else(|| text.clone(), |new| renamed(&text, name, new)),
        });
    }
    Ok(templates)
}

/// Renames the plugin in a template, also in the commands that it shows.
fn renamed(template: &str, old: &str, new: &str) -> String {
    template
        .replace(&format!("\n  name: {old}\n"), &format!("\n  name: {new}\n"))
        .replace(&format!("kubectl {old} "), &format!("kubectl {new} "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Returns a workspace with one plugin, whose template is in `folder`.
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

    /// Checks `krew/rawpatch.yaml` with this text, and other files next to it.
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
    fn templates_and_plugins_correspond_one_to_one() {
        checked(TEMPLATE, &["README.md"]).unwrap();
        assert_eq!(
            refusal(TEMPLATE, &["rawpost.yaml"]),
            "krew/rawpost.yaml: the workspace has no such plugin"
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
    fn a_problem_names_the_plugin() {
        assert_eq!(
            refusal(&TEMPLATE.replace("kind: Plugin", "kind: Plug"), &[]),
            "rawpatch: kind must be Plugin, not Plug"
        );
        let elsewhere = TEMPLATE.replace("/kubectl-raw-plugins/releases/", "/other/releases/");
        let error = refusal(&elsewhere, &[]);
        assert!(
            error.contains("render the manifest of rawpatch: line"),
            "{error}"
        );
        assert!(error.contains("is outside of https://"), "{error}");
    }

    /// krew-release-bot's rule for updates that are merged without a reviewer.
    #[test]
    fn only_the_version_may_differ_between_two_versions() {
        let fixed = TEMPLATE.replace("caveats: |", "caveats: |\n    New in 1.2.3: all of it.");
        assert_eq!(
            refusal(&fixed, &[]),
            "rawpatch: the manifest for another version differs in more than the version"
        );
    }

    #[test]
    fn renaming_changes_the_manifest_and_its_commands_but_no_file() {
        let template =
            "  name: whoami\n  caveats: |\n    kubectl whoami -o name\n  bin: kubectl-whoami\n";
        assert_eq!(
            renamed(&format!("metadata:\n{template}"), "whoami", "raw-whoami"),
            "metadata:\n  name: raw-whoami\n  caveats: |\n    kubectl raw-whoami -o name\n  bin: kubectl-whoami\n"
        );
    }
}
