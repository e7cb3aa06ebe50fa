//! Tests an index with the manifests, from which users install and upgrade.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use support::run;

use super::client::Krew;
use super::release::{Release, TARGETS, VERSION, archive, plugins};

/// A git repository with `plugins/*.yaml`.
struct Index {
    folder: TempDir,
}

impl Index {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plugins")).unwrap();
        let index = Self { folder };
        index.git(&["init", "--quiet"]);
        index
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=Index",
            "-c",
            "user.email=index@example.com",
        ])
        .args(arguments)
        .current_dir(self.folder.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
        run(&mut git, "").succeeded();
    }

    /// Replaces the manifests in the index.
    fn publish(&self, manifests: &Path) {
        for manifest in manifests.read_dir().unwrap() {
            let manifest = manifest.unwrap();
            let plugins = self.folder.path().join("plugins");
            fs::copy(manifest.path(), plugins.join(manifest.file_name())).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "Release"]);
    }

    fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }
}

#[test]
fn plugins_are_installed_upgraded_and_uninstalled() {
    let release = Release::shared();
    let index = Index::new();
    index.publish(release.manifests(VERSION, &[]).path());
    let krew = Krew::new();
    run(&mut krew.krew(["index", "add", "raw", &index.url()]), "").succeeded();
    let found = run(&mut krew.krew(["search"]), "").succeeded().stdout;
    for plugin in plugins() {
        assert!(found.contains(&format!("raw/{plugin}")), "{found}");
        // krew shortens a long description.
        assert!(!found.contains("..."), "{found}");
        run(&mut krew.krew(["install", &format!("raw/{plugin}")]), "").succeeded();
        let outcome = run(
            &mut krew.kubectl_with_plugins([plugin.as_str(), "--version"]),
            "",
        )
        .succeeded();
        assert_eq!(outcome.stdout, format!("kubectl-{plugin} {VERSION}\n"));
    }
    let listed = run(&mut krew.kubectl_with_plugins(["plugin", "list"]), "").succeeded();
    assert_eq!(
        listed.stdout.lines().skip(2).count(),
        plugins().len(),
        "{listed:?}"
    );
    assert_eq!(listed.stderr, "");

    // The next release has the same programs, because krew only looks at the manifest.
    let next = "99.0.0";
    for plugin in plugins() {
        for (target, _) in TARGETS.iter().filter(|(_, platform)| platform.is_some()) {
            let folder = release.archives();
            let old = folder.join(archive(&plugin, VERSION, target));
            fs::hard_link(old, folder.join(archive(&plugin, next, target))).unwrap();
        }
    }
    index.publish(release.manifests(next, &[]).path());
    let outcome = run(&mut krew.krew(["upgrade"]), "").succeeded();
    for plugin in plugins() {
        let upgraded = format!("Upgraded plugin: raw/{plugin}");
        assert!(outcome.stderr.contains(&upgraded), "{outcome:?}");
        assert!(!krew.stored(&plugin, &format!("v{next}")).is_empty());
        run(
            &mut krew.kubectl_with_plugins([plugin.as_str(), "--version"]),
            "",
        )
        .succeeded();
    }

    for plugin in plugins() {
        run(&mut krew.krew(["uninstall", plugin.as_str()]), "").succeeded();
    }
    assert_eq!(krew.linked(), Vec::<String>::new());
    assert_eq!(
        run(&mut krew.krew(["list"]), "").succeeded().stdout.trim(),
        ""
    );
}
