use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A program that completion tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
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
    pub const ALL: [Self; 5] = [
        Self::Bash,
        Self::BashCompletion,
        Self::Zsh,
        Self::Fish,
        Self::Setsid,
    ];

    /// Returns the name of the package that contains the program.
    pub fn package(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::BashCompletion => "bash-completion",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Setsid => "util-linux",
        }
    }

    /// Returns the installed program, or the script in the case of bash-completion.
    pub fn find(self) -> Option<PathBuf> {
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
    pub fn is_there(self) -> bool {
        let missing = [self, Self::Setsid]
            .into_iter()
            .find(|program| program.find().is_none());
        if let (Some(program), true) = (missing, programs_are_required()) {
            panic!("{} is not installed", program.package());
        }
        missing.is_none()
    }
}

/// Reports whether a missing program is an error.
pub fn programs_are_required() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Writes a program that its owner can execute.
#[track_caller]
pub fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
