//! Finds or builds the real programs: kube-apiserver, etcd, kubectl, krew and its manifest checker.
//!
//! When `$KUBEBUILDER_ASSETS` (envtest's convention) is set, the programs are taken from that folder.
//! Otherwise they are built once, from the sources that `go.mod` pins, into a cache outside the
//! repository. Another clone on the same machine then builds nothing.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

const GO_MOD: &str = include_str!("../go.mod");
const GO_SUM: &str = include_str!("../go.sum");

/// The flags for all programs. Different flags would make Go compile the shared packages again.
const GO_BUILD: [&str; 3] = ["build", "-trimpath", "-buildvcs=false"];

/// A third-party program that tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The API server's database.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The command line client, which runs the plugins.
    Kubectl,
    /// The plugin manager.
    Krew,
    /// The checker that krew's plugin index runs on every manifest.
    ValidateKrewManifest,
}

impl Tool {
    /// Every tool, in the order in which the tests need them first.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::Kubectl,
        Self::Krew,
        Self::ValidateKrewManifest,
    ];

    /// Returns the program's file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::Krew => "krew",
            Self::ValidateKrewManifest => "validate-krew-manifest",
        }
    }

    /// Returns the path of the program on this machine, and builds it first if necessary.
    ///
    /// A build reports its progress on stderr. When several processes need the same tool at the same
    /// time, one builds it and the others wait.
    ///
    /// # Errors
    /// Fails when `$KUBEBUILDER_ASSETS` lacks the program, when Go is not installed, and when the
    /// build fails.
    pub fn path(self) -> Result<PathBuf> {
        let name = self.name();
        if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty())
        {
            let program = Path::new(&assets).join(name);
            ensure!(
                program.is_file(),
                "no {name} in KUBEBUILDER_ASSETS={}: add it, or unset the variable to build it \
                 with Go",
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

    /// Returns the Go package in `go.mod`'s list of tools.
    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Krew => "sigs.k8s.io/krew/cmd/krew",
            Self::ValidateKrewManifest => "sigs.k8s.io/krew/cmd/validate-krew-manifest",
        }
    }

    /// Returns the version in `go.mod`, like `v1.37.2`.
    fn version(self) -> &'static str {
        let module = self
            .package()
            .split_once("/cmd/")
            .map_or(self.package(), |(module, _)| module);
        module_version(module)
    }

    /// Returns how long a build from an empty cache took when it was measured.
    fn typical_build_time(self) -> &'static str {
        match self {
            Self::Etcd => "90 s",
            Self::KubeApiserver => "8 min",
            Self::Kubectl => "40 s",
            Self::Krew | Self::ValidateKrewManifest => "5 s",
        }
    }

    /// Waits for the exclusive right to build this tool. Closing the file gives it up, as does any end
    /// of the process.
    fn lock(self, folder: &Path) -> Result<File> {
        let path = folder.join(format!("{}.lock", self.name()));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let mut progress = Progress::new(format!(
            "waiting for another process to build {} {}",
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
        // The program is moved into place when it is complete, so no process runs a partial file.
        let unfinished = tempfile::tempdir_in(folder).context("create a folder to build in")?;
        let built = unfinished.path().join(name);
        let mut output = tempfile::tempfile().context("create a file for the output of go")?;
        let stderr = output
            .try_clone()
            .context("share the file for the output of go")?;
        let mut go = self.start_build(&built, stderr)?;

        let mut progress = Progress::new(format!(
            "building {name} {}; needed only once, takes about {} on two cores",
            self.version(),
            self.typical_build_time(),
        ));
        let status = loop {
            match go.try_wait().context("wait for go")? {
                Some(status) => break status,
                None => progress.wait(),
            }
        };
        if !status.success() {
            let mut text = String::new();
            output.rewind().context("read the output of go")?;
            output
                .read_to_string(&mut text)
                .context("read the output of go")?;
            bail!("cannot build {name}: go failed with {status}:\n{text}");
        }
        fs::rename(&built, program).with_context(|| format!("move {name} to {}", folder.display()))
    }

    /// Starts to build this tool as the program `built`.
    fn start_build(self, built: &Path, stderr: File) -> Result<Child> {
        Command::new("go")
            .args(GO_BUILD)
            .args(["-ldflags", &linker_flags(), "-o"])
            .arg(built)
            .arg(self.package())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "")
            .env("GOWORK", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => anyhow!(
                    "cannot build {name}: Go is not installed; install Go {} or later, or set \
                     KUBEBUILDER_ASSETS to a folder that contains {name}",
                    go_version(),
                    name = self.name(),
                ),
                _ => anyhow::Error::new(error).context("run go"),
            })
    }
}

/// Returns `${XDG_CACHE_HOME:-$HOME/.cache}/kubectl-raw-plugins/tools/HASH`, a folder for each set
/// of sources and flags. Another Rust release may compute another hash, which costs only a link,
/// because Go caches the compiled packages.
fn cache_folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let cache = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("no cache folder for the tools: set XDG_CACHE_HOME or HOME")?;
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

/// Returns the linker flags that set Kubernetes' version; without them it reports `v0.0.0-master`.
fn linker_flags() -> String {
    let version = module_version("k8s.io/kubernetes");
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let set_version = |package| {
        format!(
            " -X {package}.gitVersion={version} -X {package}.gitMajor={major} \
             -X {package}.gitMinor={minor}"
        )
    };
    let packages = [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ];
    format!("-s -w{}", packages.map(set_version).concat())
}

/// Returns the version of a module that `go.mod` requires.
fn module_version(module: &str) -> &'static str {
    GO_MOD
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .find(|(name, _)| *name == module)
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("go.mod requires the module of every tool")
}

/// Returns the Go version that `go.mod` requires.
fn go_version() -> &'static str {
    GO_MOD
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .expect("go.mod names its Go version")
}

/// A progress message on stderr, shown at once and then every 20 s.
struct Progress {
    message: String,
    start: Instant,
    next: Duration,
}

impl Progress {
    fn new(message: String) -> Self {
        Self {
            message,
            start: Instant::now(),
            next: Duration::ZERO,
        }
    }

    /// Sleeps for a moment, and shows the message when it is due.
    fn wait(&mut self) {
        let elapsed = self.start.elapsed();
        if elapsed >= self.next {
            let line = match elapsed.as_secs() {
                0 => format!("{}\n", self.message),
                seconds => format!("{} ({seconds} s elapsed)\n", self.message),
            };
            // `cargo test` would capture the output of `eprintln!`. A closed stderr must not stop the
            // build.
            let _ = io::stderr().write_all(line.as_bytes());
            self.next = elapsed + Duration::from_secs(20);
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
    fn linker_flags_set_the_version_of_kubernetes() {
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
