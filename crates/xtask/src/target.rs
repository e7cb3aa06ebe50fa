//! The targets that plugins are released for, and the names of their archives.

use anyhow::{Context as _, Result};

/// A Rust target, and krew's name for the same platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name in rustc, in cargo-binstall and in our archives.
    pub(crate) triple: &'static str,
    /// The platform that krew installs this target on. krew knows one target per platform; for Linux it
    /// is musl, which runs everywhere.
    pub(crate) platform: Option<Platform>,
}

/// A platform in a krew manifest, in Go's names for the system and the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
}

/// All targets, in the order of the manifests.
pub(crate) const TARGETS: [Target; 8] = [
    Target::for_krew("x86_64-unknown-linux-musl", "linux", "amd64"),
    Target::for_krew("aarch64-unknown-linux-musl", "linux", "arm64"),
    Target::for_krew("x86_64-apple-darwin", "darwin", "amd64"),
    Target::for_krew("aarch64-apple-darwin", "darwin", "arm64"),
    Target::for_krew("x86_64-pc-windows-msvc", "windows", "amd64"),
    Target::for_krew("aarch64-pc-windows-msvc", "windows", "arm64"),
    // For sites that resolve names with glibc's plugins (LDAP, mDNS).
    Target::without_krew("x86_64-unknown-linux-gnu"),
    Target::without_krew("aarch64-unknown-linux-gnu"),
];

impl Target {
    const fn for_krew(triple: &'static str, os: &'static str, arch: &'static str) -> Self {
        Self {
            triple,
            platform: Some(Platform { os, arch }),
        }
    }

    const fn without_krew(triple: &'static str) -> Self {
        Self {
            triple,
            platform: None,
        }
    }

    /// Finds a target by its triple.
    ///
    /// # Errors
    /// If nothing is released for it. The message lists all targets.
    pub(crate) fn named(triple: &str) -> Result<Self> {
        let found = TARGETS.into_iter().find(|target| target.triple == triple);
        found.with_context(|| {
            let known = TARGETS.map(|target| target.triple).join(", ");
            format!("no release for {triple}; valid targets: {known}")
        })
    }

    /// Reports whether binaries end in `.exe` and archives are zips.
    pub(crate) fn is_windows(self) -> bool {
        self.triple.contains("-windows-")
    }

    /// Returns the file name of a plugin's binary.
    pub(crate) fn binary(self, plugin: &str) -> String {
        let suffix = if self.is_windows() { ".exe" } else { "" };
        format!("{plugin}{suffix}")
    }

    /// Returns the file name of a plugin's archive. It contains the version once and verbatim, so that
    /// krew-release-bot can replace it.
    pub(crate) fn archive(self, plugin: &str, version: &str) -> String {
        let suffix = if self.is_windows() { "zip" } else { "tar.gz" };
        format!("{plugin}-v{version}-{}.{suffix}", self.triple)
    }
}
