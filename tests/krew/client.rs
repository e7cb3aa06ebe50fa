//! krew and kubectl with a home folder of their own.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use control_plane::Tool;
use tempfile::TempDir;

/// krew of one user.
pub(crate) struct Krew {
    root: TempDir,
}

impl Krew {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { root }
    }

    /// Returns `kubectl krew` with arguments.
    pub(crate) fn krew<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.kubectl(&format!("{}:{}", tools().display(), path()));
        command.arg("krew").args(arguments);
        command
    }

    /// Returns kubectl with arguments, which finds only the plugins that krew installed.
    pub(crate) fn kubectl_with_plugins<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        let mut command = self.kubectl(&self.bin().display().to_string());
        command.args(arguments);
        command
    }

    fn kubectl(&self, path: &str) -> Command {
        let mut command = Command::new(tools().join("kubectl"));
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root.path())
            .env("KREW_ROOT", self.root.path().join("krew"))
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Returns the folder where krew links installed plugins.
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.path().join("krew/bin")
    }

    /// Returns the names of the linked plugins.
    pub(crate) fn linked(&self) -> Vec<String> {
        names(&self.bin())
    }

    /// Returns the names of the files of an installed plugin.
    pub(crate) fn stored(&self, plugin: &str, version: &str) -> Vec<String> {
        names(
            &self
                .root
                .path()
                .join(format!("krew/store/{plugin}/{version}")),
        )
    }
}

/// Returns the sorted names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let files =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Returns a folder with `kubectl` and `kubectl-krew`.
pub(crate) fn tools() -> &'static Path {
    static TOOLS: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        for (tool, name) in [(Tool::Kubectl, "kubectl"), (Tool::Krew, "kubectl-krew")] {
            symlink(tool.path().unwrap(), folder.path().join(name)).unwrap();
        }
        folder
    });
    TOOLS.path()
}

/// Returns the `PATH` of this process, which has git.
pub(crate) fn path() -> String {
    env::var_os("PATH")
        .unwrap_or_default()
        .into_string()
        .unwrap()
}
