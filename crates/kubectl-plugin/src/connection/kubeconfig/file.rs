//! Reads files and finds programs, with errors in Go's words, as kubectl prints them.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Reads a whole file. The error is, for example, `open F: no such file or directory`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| describe(path, &error))
}

/// Returns the reason why a file cannot be opened, if it cannot.
pub(crate) fn problem(path: &str) -> Option<String> {
    let path = Path::new(path);
    File::open(path).err().map(|error| describe(path, &error))
}

/// Finds a command like Go's `exec.LookPath`: a name in `$PATH`; a command with a slash is used as it is.
pub(crate) fn find_executable(command: &str) -> Result<PathBuf, String> {
    let failure = |reason: &str| Err(format!("exec: {command:?}: {reason}"));
    if command.contains('/') {
        let path = PathBuf::from(command);
        return match fs::metadata(&path) {
            Err(error) => failure(&format!("stat {command}: {}", reason(&error))),
            Ok(metadata) if metadata.is_dir() => failure("is a directory"),
            Ok(_) if !is_executable(&path) => failure("permission denied"),
            Ok(_) => Ok(path),
        };
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders)
        .flat_map(|folder| EXTENSIONS.map(|extension| folder.join(format!("{command}{extension}"))))
        .find(|path| path.is_file() && is_executable(path));
    match found {
        Some(path) if path.is_absolute() => Ok(path),
        Some(_) => failure("cannot run executable found relative to current directory"),
        None => failure("executable file not found in $PATH"),
    }
}

/// The suffixes that a command may lack; on Windows, those of executable files.
#[cfg(unix)]
const EXTENSIONS: [&str; 1] = [""];
#[cfg(not(unix))]
const EXTENSIONS: [&str; 5] = ["", ".com", ".exe", ".bat", ".cmd"];

/// Reports whether this user may run a file; on Windows, its name decides.
#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known.trim_start_matches('.')))
        && !extension.is_empty()
}

/// Removes `.`, `..` and repeated slashes from a path by its text alone, like Go's `filepath.Clean`.
pub(crate) fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match parts.join("/") {
        path if is_absolute => format!("/{path}"),
        path if path.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// Returns a system error in Go's words.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default();
    reason.to_lowercase()
}

/// Returns an error about a file in Go's words.
fn describe(path: &Path, error: &io::Error) -> String {
    // Opening a folder succeeds, so the read fails.
    let operation = if error.kind() == ErrorKind::IsADirectory {
        "read"
    } else {
        "open"
    };
    format!("{operation} {}: {}", path.display(), reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_paths_as_go_does() {
        for (path, expected) in [
            ("plugin", "plugin"),
            ("./plugin", "plugin"),
            ("", "."),
            ("a/..", "."),
            ("a//b/./c/", "a/b/c"),
            ("../a/../../b", "../../b"),
            ("/a/../../b", "/b"),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
