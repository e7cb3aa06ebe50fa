//! What completion is tried in, and how to get what is missing.

use std::env;
use std::path::PathBuf;

/// What the tests of completion need beside this repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// bash alone.
    Bash,
    /// bash with the functions that kubectl's script for it calls.
    BashCompletion,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// What gives each of them a terminal of its own.
    Setsid,
}

impl Program {
    /// Each of them once.
    #[allow(dead_code, reason = "one of the two programs with this file uses it")]
    pub(crate) const ALL: [Self; 5] = [
        Self::Bash,
        Self::BashCompletion,
        Self::Zsh,
        Self::Fish,
        Self::Setsid,
    ];

    /// The package that has it.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::BashCompletion => "bash-completion",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Setsid => "util-linux",
        }
    }

    /// Its file, where it is installed; of bash-completion the script.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let name = match self {
            Self::BashCompletion => {
                let folders = ["/usr", "/opt/homebrew", "/usr/local"].map(PathBuf::from);
                let script = "share/bash-completion/bash_completion";
                let mut scripts = folders.iter().map(|folder| folder.join(script));
                return scripts.find(|script| script.is_file());
            }
            Self::Setsid => "setsid",
            shell => shell.package(),
        };
        let folders = env::var_os("PATH").unwrap_or_default();
        let mut programs = env::split_paths(&folders).map(|folder| folder.join(name));
        programs.find(|program| program.is_file())
    }

    /// Whether it can be tried; where CI is set, as `.ci/run` does, it must be.
    #[allow(dead_code, reason = "one of the two programs with this file uses it")]
    pub(crate) fn is_there(self) -> bool {
        let missing = [self, Self::Setsid]
            .into_iter()
            .find(|program| program.find().is_none());
        if let (Some(program), true) = (missing, all_are_wanted()) {
            panic!("{} is not installed", program.package());
        }
        missing.is_none()
    }
}

/// Whether what is not installed must not be passed over.
pub(crate) fn all_are_wanted() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}
