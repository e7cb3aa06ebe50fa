//! The programs that completion tests need, and the packages that contain them.

use std::env;
use std::path::PathBuf;

/// A program that completion tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// bash itself.
    Bash,
    /// The bash functions that kubectl's completion script calls.
    BashCompletion,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// setsid, which gives each shell a controlling terminal of its own.
    Setsid,
}

impl Program {
    /// Every program.
    #[allow(
        dead_code,
        reason = "only one of the two programs that include this file uses it"
    )]
    pub(crate) const ALL: [Self; 5] = [
        Self::Bash,
        Self::BashCompletion,
        Self::Zsh,
        Self::Fish,
        Self::Setsid,
    ];

    /// Returns the name of the package that contains the program.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::BashCompletion => "bash-completion",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Setsid => "util-linux",
        }
    }

    /// Returns the installed program, or the script in the case of bash-completion.
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

    /// Reports whether tests can use the program.
    ///
    /// # Panics
    /// Panics when they cannot although `CI` is set, as it is in `.ci/run`.
    #[allow(
        dead_code,
        reason = "only one of the two programs that include this file uses it"
    )]
    pub(crate) fn is_there(self) -> bool {
        let missing = [self, Self::Setsid]
            .into_iter()
            .find(|program| program.find().is_none());
        if let (Some(program), true) = (missing, all_are_required()) {
            panic!("{} is not installed", program.package());
        }
        missing.is_none()
    }
}

/// Reports whether a missing program is an error.
pub(crate) fn all_are_required() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}
