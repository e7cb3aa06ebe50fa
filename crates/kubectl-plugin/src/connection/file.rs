//! Files, with Go's words for what is wrong with them, as kubectl prints those.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::Path,
};

/// The whole file, or why not, as in `open F: no such file or directory`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| describe(path, &error))
}

/// Why the file cannot be opened, if it cannot.
pub(super) fn problem(path: &str) -> Option<String> {
    let path = Path::new(path);
    File::open(path).err().map(|error| describe(path, &error))
}

/// What went wrong with a file, in Go's words.
fn describe(path: &Path, error: &io::Error) -> String {
    // Opening a folder succeeds, so it is the read that fails.
    let operation = if error.kind() == ErrorKind::IsADirectory {
        "read"
    } else {
        "open"
    };
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    format!("{operation} {}: {}", path.display(), reason.to_lowercase())
}
