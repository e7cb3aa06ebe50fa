//! Files and their paths, with Go's words for what is wrong with them, as kubectl prints those.

use std::{
    env,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The whole file, or why not, as in `open F: no such file or directory`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| describe(path, &error))
}

/// Why the file cannot be opened, if it cannot.
pub(crate) fn problem(path: &str) -> Option<String> {
    let path = Path::new(path);
    File::open(path).err().map(|error| describe(path, &error))
}

/// Where a command is, as Go's `exec.LookPath` finds it: a name in `$PATH`, anything with a
/// slash as it stands.
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

/// What a command may lack at its end: on Windows, what runs a file.
#[cfg(unix)]
const EXTENSIONS: [&str; 1] = [""];
#[cfg(not(unix))]
const EXTENSIONS: [&str; 5] = ["", ".com", ".exe", ".bat", ".cmd"];

/// Whether this user may run a file; on Windows its name alone decides.
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

/// The path without `.`, `..` and repeated slashes, by its text alone, as Go's `filepath.Clean`.
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

/// What the system said, in Go's words.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default();
    reason.to_lowercase()
}

/// What went wrong with a file, in Go's words.
fn describe(path: &Path, error: &io::Error) -> String {
    // Opening a folder succeeds, so it is the read that fails.
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
