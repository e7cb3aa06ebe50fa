//! The targets that plugins are released for, and what their archives are called.

use anyhow::{Context as _, Result};

/// A target of Rust, and the platform that krew calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name that rustc, cargo-binstall and our archives have for it.
    pub(crate) triple: &'static str,
    /// Go's names for the system and the processor, when krew installs this target. There is one
    /// target a platform: for Linux it is musl, which runs everywhere.
    pub(crate) platform: Option<Platform>,
}

/// What a manifest of krew selects by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
}

/// All of them, in the order in which manifests have them.
pub(crate) const TARGETS: [Target; 8] = [
    Target::of_krew("x86_64-unknown-linux-musl", "linux", "amd64"),
    Target::of_krew("aarch64-unknown-linux-musl", "linux", "arm64"),
    Target::of_krew("x86_64-apple-darwin", "darwin", "amd64"),
    Target::of_krew("aarch64-apple-darwin", "darwin", "arm64"),
    Target::of_krew("x86_64-pc-windows-msvc", "windows", "amd64"),
    Target::of_krew("aarch64-pc-windows-msvc", "windows", "arm64"),
    // For sites whose names are resolved by glibc's plugins (LDAP, mDNS).
    Target::beside_krew("x86_64-unknown-linux-gnu"),
    Target::beside_krew("aarch64-unknown-linux-gnu"),
];

impl Target {
    const fn of_krew(triple: &'static str, os: &'static str, arch: &'static str) -> Self {
        Self {
            triple,
            platform: Some(Platform { os, arch }),
        }
    }

    const fn beside_krew(triple: &'static str) -> Self {
        Self {
            triple,
            platform: None,
        }
    }

    /// The target of that name.
    ///
    /// # Errors
    /// When nothing is released for it; names those that there are.
    pub(crate) fn named(triple: &str) -> Result<Self> {
        let found = TARGETS.into_iter().find(|target| target.triple == triple);
        found.with_context(|| {
            let known = TARGETS.map(|target| target.triple).join(", ");
            format!("nothing is released for {triple}; there are {known}")
        })
    }

    /// Whether binaries end in `.exe` and archives are zips.
    pub(crate) fn is_windows(self) -> bool {
        self.triple.contains("-windows-")
    }

    /// The file name of a plugin's binary.
    pub(crate) fn binary(self, plugin: &str) -> String {
        let suffix = if self.is_windows() { ".exe" } else { "" };
        format!("{plugin}{suffix}")
    }

    /// The file name of a plugin's archive. The version appears in it once and as it is, so that
    /// krew-release-bot can put another one in its place.
    pub(crate) fn archive(self, plugin: &str, version: &str) -> String {
        let suffix = if self.is_windows() { "zip" } else { "tar.gz" };
        format!("{plugin}-v{version}-{}.{suffix}", self.triple)
    }
}
