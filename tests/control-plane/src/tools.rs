//! The real programs: kube-apiserver, etcd, kubectl, krew and its manifest checker.
//!
//! They come from `$KUBEBUILDER_ASSETS` (envtest's convention) when it is set, and are otherwise
//! built once from the sources that `go.mod` pins, into a cache outside the repository, so that a
//! fresh clone on the same machine builds nothing.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const GO_MOD: &str = include_str!("../go.mod");
const GO_SUM: &str = include_str!("../go.sum");

/// One set of flags for all: another set would make Go compile everything again.
const GO_BUILD: [&str; 3] = ["build", "-trimpath", "-buildvcs=false"];

/// A program that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The storage of the API server.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The client that runs our plugins.
    Kubectl,
    /// The plugin manager.
    Krew,
    /// The check that the plugin index runs on a manifest.
    ValidateKrewManifest,
}

impl Tool {
    /// Every tool, in the order in which a first use needs them.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::Kubectl,
        Self::Krew,
        Self::ValidateKrewManifest,
    ];

    /// The file name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::Krew => "krew",
            Self::ValidateKrewManifest => "validate-krew-manifest",
        }
    }

    /// The program on this machine, built first when it is missing.
    ///
    /// Building shows its progress on stderr. Processes that want the same tool at the same time
    /// build it once.
    ///
    /// # Errors
    /// When `$KUBEBUILDER_ASSETS` lacks the program, when Go is not installed, and when the build
    /// fails.
    pub fn path(self) -> Result<PathBuf> {
        let name = self.name();
        if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty())
        {
            let program = Path::new(&assets).join(name);
            ensure!(
                program.is_file(),
                "KUBEBUILDER_ASSETS={} has no {name}: put it there, or unset the variable to have \
                 it built with Go",
                assets.display(),
            );
            return Ok(program);
        }

        let folder = cache_folder()?;
        let program = folder.join(name);
        if program.is_file() {
            return Ok(program);
        }
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let _lock = self.lock(&folder)?;
        if !program.is_file() {
            self.build(&folder, &program)?;
        }
        Ok(program)
    }

    /// The package in `go.mod`'s tool list.
    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Krew => "sigs.k8s.io/krew/cmd/krew",
            Self::ValidateKrewManifest => "sigs.k8s.io/krew/cmd/validate-krew-manifest",
        }
    }

    /// The version in `go.mod`, like `v1.37.2`.
    fn version(self) -> &'static str {
        let module = self
            .package()
            .split_once("/cmd/")
            .map_or(self.package(), |(module, _)| module);
        module_version(module)
    }

    /// How long a build with nothing cached was measured to take.
    fn usual_time(self) -> &'static str {
        match self {
            Self::Etcd => "90 s",
            Self::KubeApiserver => "8 min",
            Self::Kubectl => "40 s",
            Self::Krew | Self::ValidateKrewManifest => "5 s",
        }
    }

    /// Holds the right to build this tool until the file is dropped, by whatever end.
    fn lock(self, folder: &Path) -> Result<File> {
        let path = folder.join(format!("{}.lock", self.name()));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let mut progress = Progress::new(format!(
            "waiting for another process that builds {} {}",
            self.name(),
            self.version(),
        ));
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => progress.wait(),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("lock {}", path.display()));
                }
            }
        }
    }

    fn build(self, folder: &Path, program: &Path) -> Result<()> {
        let name = self.name();
        // Renamed when complete, so that nobody ever runs half a program.
        let unfinished = tempfile::tempdir_in(folder).context("create a folder to build in")?;
        let built = unfinished.path().join(name);
        let mut messages = tempfile::tempfile().context("create a file for go's messages")?;
        let mut go = Command::new("go")
            .args(GO_BUILD)
            .args(["-ldflags", &linker_flags(), "-o"])
            .arg(&built)
            .arg(self.package())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "")
            .env("GOWORK", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                messages
                    .try_clone()
                    .context("share the file for go's messages")?,
            )
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => anyhow::anyhow!(
                    "{name} is missing: install Go {} or later to have it built, or set \
                     KUBEBUILDER_ASSETS to a folder that has it",
                    go_version(),
                ),
                _ => anyhow::Error::new(error).context("run go"),
            })?;

        let mut progress = Progress::new(format!(
            "building {name} {} (once; usually {} on two cores)",
            self.version(),
            self.usual_time(),
        ));
        let status = loop {
            match go.try_wait().context("wait for go")? {
                Some(status) => break status,
                None => progress.wait(),
            }
        };
        if !status.success() {
            let mut text = String::new();
            messages.rewind().context("read go's messages")?;
            messages
                .read_to_string(&mut text)
                .context("read go's messages")?;
            bail!("go could not build {name} ({status}):\n{text}");
        }
        fs::rename(&built, program).with_context(|| format!("put {name} in {}", folder.display()))
    }
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/kubectl-raw-plugins/tools/HASH`, a folder for each set of
/// sources and flags. The hash may differ in another release of Rust; that costs a link, no more.
fn cache_folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let cache = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place to build the tools in")?;
    let mut hasher = DefaultHasher::new();
    (
        GO_MOD,
        GO_SUM,
        GO_BUILD,
        linker_flags(),
        env::consts::OS,
        env::consts::ARCH,
    )
        .hash(&mut hasher);
    let hash = format!("{:016x}", hasher.finish());
    Ok(cache.join("kubectl-raw-plugins").join("tools").join(hash))
}

/// Kubernetes takes its version from the linker; without it, it calls itself `v0.0.0-master`.
fn linker_flags() -> String {
    let version = module_version("k8s.io/kubernetes");
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let tell = |package| {
        format!(
            " -X {package}.gitVersion={version} -X {package}.gitMajor={major} \
             -X {package}.gitMinor={minor}"
        )
    };
    let packages = [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ];
    format!("-s -w{}", packages.map(tell).concat())
}

/// What `go.mod` requires of a module.
fn module_version(module: &str) -> &'static str {
    GO_MOD
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .find(|(name, _)| *name == module)
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("go.mod requires the module of every tool")
}

/// The Go version that `go.mod` asks for.
fn go_version() -> &'static str {
    GO_MOD
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .expect("go.mod names its Go version")
}

/// Says on stderr what is going on, at once and then every 20 s.
struct Progress {
    what: String,
    start: Instant,
    next: Duration,
}

impl Progress {
    fn new(what: String) -> Self {
        Self {
            what,
            start: Instant::now(),
            next: Duration::ZERO,
        }
    }

    /// Waits a little, and speaks when it is time to.
    fn wait(&mut self) {
        let so_far = self.start.elapsed();
        if so_far >= self.next {
            let line = match so_far.as_secs() {
                0 => format!("{}\n", self.what),
                seconds => format!("{}: {seconds} s so far\n", self.what),
            };
            // `eprintln!` would be swallowed by the capture of `cargo test`, and a closed stderr
            // is no reason to stop building.
            let _ = io::stderr().write_all(line.as_bytes());
            self.next = so_far + Duration::from_secs(20);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned_in_go_mod() {
        for tool in Tool::ALL {
            assert!(
                GO_MOD.contains(&format!("\t{}\n", tool.package())),
                "{tool:?}"
            );
            assert!(
                tool.version().starts_with('v'),
                "{tool:?}: {}",
                tool.version()
            );
        }
    }

    #[test]
    fn the_linker_learns_the_version_of_kubernetes() {
        assert_eq!(
            linker_flags(),
            "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
             -X k8s.io/component-base/version.gitMajor=1 \
             -X k8s.io/component-base/version.gitMinor=37 \
             -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2 \
             -X k8s.io/client-go/pkg/version.gitMajor=1 \
             -X k8s.io/client-go/pkg/version.gitMinor=37"
        );
    }
}
