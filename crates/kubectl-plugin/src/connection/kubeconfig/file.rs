//! Reads files and finds programs, with Go's error messages, as in kubectl.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::Error;
use crate::text::system_error;

/// Reads a whole file. The error is, for example, `open F: no such file or directory`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| describe(path, &error))
}

/// Returns the error of opening a file, if it cannot be opened.
pub(crate) fn open_error(path: &str) -> Option<String> {
    let path = Path::new(path);
    File::open(path).err().map(|error| describe(path, &error))
}

/// Reports whether a text contains a path with a `~` that no shell has expanded.
pub(crate) fn has_tilde(text: &str) -> bool {
    text.starts_with("~/") || text.contains("/~/") || text.contains(" ~/")
}

/// Adds a hint to an error about a missing file, if the error names a path with a `~`.
pub(crate) fn with_tilde_hint(error: Error) -> Error {
    if has_tilde(&error.to_string()) {
        error.with_hint(
            "write the absolute path: only a shell expands `~`, and not within quotes or a list",
        )
    } else {
        error
    }
}

/// Finds a command like Go's `exec.LookPath`: a name in `$PATH`, or a path with a slash as it is.
pub(crate) fn find_executable(command: &str) -> Result<PathBuf, String> {
    let failure = |reason: &str| Err(format!("exec: {command:?}: {reason}"));
    if command.contains('/') {
        let path = PathBuf::from(command);
        return match fs::metadata(&path) {
            Err(error) => failure(&format!("stat {command}: {}", system_error::reason(&error))),
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

/// The suffixes that a command may omit: on Windows, the extensions of executable files.
#[cfg(unix)]
const EXTENSIONS: [&str; 1] = [""];
#[cfg(not(unix))]
const EXTENSIONS: [&str; 5] = ["", ".com", ".exe", ".bat", ".cmd"];

/// Reports whether the user may run a file. On Windows, the extension decides.
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

/// Removes `.`, `..` and repeated slashes from a path without looking at the file system, like Go's
/// `filepath.Clean`.
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

/// Formats an error about a file like Go.
fn describe(path: &Path, error: &io::Error) -> String {
    // Opening a folder succeeds, so the read fails.
    let operation = if error.kind() == ErrorKind::IsADirectory {
        "read"
    } else {
        "open"
    };
    format!(
        "{operation} {}: {}",
        path.display(),
        system_error::reason(error)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_like_in_go() {
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
