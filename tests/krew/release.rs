//! A release like the release workflow's, as far as this machine can build it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, io, thread};

use control_plane::build_plugins;
use support::{Outcome, run, write_program};
use tempfile::TempDir;

/// The version of the workspace and its plugins.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The time of the files in the archives, in seconds since 1970.
pub(crate) const TIME: &str = "1700000001";

/// The targets, each with krew's platform if krew installs it.
pub(crate) const TARGETS: [(&str, Option<(&str, &str)>); 8] = [
    ("x86_64-unknown-linux-musl", Some(("linux", "amd64"))),
    ("aarch64-unknown-linux-musl", Some(("linux", "arm64"))),
    ("x86_64-apple-darwin", Some(("darwin", "amd64"))),
    ("aarch64-apple-darwin", Some(("darwin", "arm64"))),
    ("x86_64-pc-windows-msvc", Some(("windows", "amd64"))),
    ("aarch64-pc-windows-msvc", Some(("windows", "arm64"))),
    ("x86_64-unknown-linux-gnu", None),
    ("aarch64-unknown-linux-gnu", None),
];

/// Returns the names of the plugins in krew.
pub(crate) fn plugins() -> Vec<String> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../krew");
    let mut names: Vec<_> = fs::read_dir(templates)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// Returns the file name of an archive.
pub(crate) fn archive(plugin: &str, version: &str, target: &str) -> String {
    let suffix = if target.contains("windows") {
        "zip"
    } else {
        "tar.gz"
    };
    format!("kubectl-{plugin}-v{version}-{target}.{suffix}")
}

/// Returns the file name of a program.
pub(crate) fn binary(plugin: &str, target: &str) -> String {
    let suffix = if target.contains("windows") {
        ".exe"
    } else {
        ""
    };
    format!("kubectl-{plugin}{suffix}")
}

/// Returns the sorted file names in an archive.
pub(crate) fn files(plugin: &str, target: &str) -> Vec<String> {
    let mut files = vec![
        "LICENSE".to_owned(),
        "README.md".to_owned(),
        format!("_kubectl-{plugin}"),
        format!("_kubectl-{plugin}.ps1"),
        format!("kubectl-{plugin}.1"),
        format!("kubectl-{plugin}.bash"),
        format!("kubectl-{plugin}.fish"),
        binary(plugin, target),
    ];
    files.sort();
    files
}

/// A server with the archives of a release.
pub(crate) struct Release {
    folder: TempDir,
    url: String,
}

impl Release {
    /// Returns the release that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static RELEASE: LazyLock<Release> = LazyLock::new(Release::new);
        &RELEASE
    }

    /// Packs the archives of all targets and serves them.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archives = folder.path().join("archives");
        let packing: Vec<_> = TARGETS
            .iter()
            .map(|(target, _)| {
                let binaries = binaries(folder.path(), target);
                dist(target, &binaries, &archives).spawn().unwrap()
            })
            .collect();
        for process in packing {
            Outcome::from(process.wait_with_output().unwrap()).succeeded();
        }
        let url = serve(archives);
        Self { folder, url }
    }

    /// Returns the folder with the archives.
    pub(crate) fn archives(&self) -> PathBuf {
        self.folder.path().join("archives")
    }

    /// Renders the manifests for a version. Returns their folder.
    pub(crate) fn manifests(&self, version: &str, more: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut krew = xtask();
        krew.args(["krew", "--version", version, "--base-url", &self.url]);
        krew.arg("--archives").arg(self.archives());
        krew.arg("--out").arg(folder.path()).args(more);
        run(&mut krew, "").succeeded();
        folder
    }
}

/// Returns `cargo xtask` as a command.
pub(crate) fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// Returns `cargo xtask dist` for existing binaries.
pub(crate) fn dist(target: &str, binaries: &Path, out: &Path) -> Command {
    let mut dist = xtask();
    dist.args(["dist", "--target", target, "--prebuilt"])
        .arg(binaries)
        .arg("--out")
        .arg(out)
        .env("SOURCE_DATE_EPOCH", TIME)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    dist
}

/// Creates the programs of a target, and returns their folder.
///
/// For the platform of this machine they are real builds. For the others they are scripts that run this
/// build, so that packing can collect its documents. krew does not run them.
pub(crate) fn binaries(folder: &Path, target: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| build_plugins(|_| true).unwrap());
    let binaries = folder.join(target);
    fs::create_dir(&binaries).unwrap();
    for plugin in plugins() {
        let built = BUILT.join(format!("kubectl-{plugin}"));
        let program = binaries.join(binary(&plugin, target));
        if is_for_this_machine(target) {
            // Most bytes of a debug build are symbols.
            let stripped = Command::new("strip")
                .arg("-o")
                .args([&program, &built])
                .status();
            assert!(stripped.unwrap().success());
        } else {
            let script = format!("#!/bin/sh\nexec {} \"$@\"\n", built.display());
            write_program(&program, &script);
        }
    }
    binaries
}

/// Reports whether krew installs this target on this machine.
fn is_for_this_machine(target: &str) -> bool {
    let os = if env::consts::OS == "macos" {
        "darwin"
    } else {
        env::consts::OS
    };
    target.starts_with(env::consts::ARCH) && (target.contains(os) && !target.ends_with("gnu"))
}

/// Serves the files of a folder on a free port. Returns the URL.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || serve_file(connection, &folder));
        }
    });
    url
}

/// Serves one GET, and closes the connection.
fn serve_file(mut connection: TcpStream, folder: &Path) -> io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let name = request
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    match File::open(folder.join(name)) {
        Ok(mut file) => {
            let length = file.metadata()?.len();
            write!(
                connection,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            )?;
            io::copy(&mut file, &mut connection)?;
        }
        Err(_) => connection.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )?,
    }
    Ok(())
}
