//! Writes `SHA256SUMS`, the input of `sha256sum --check`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use ring::digest::{SHA256, digest};

const FILE: &str = "SHA256SUMS";

/// Computes the SHA-256 of a file, in lower-case hexadecimal digits as krew requires.
pub(crate) fn sha256(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let mut hexadecimal = String::new();
    for byte in digest(&SHA256, &bytes).as_ref() {
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    Ok(hexadecimal)
}

/// Writes the sums of all files in a folder, sorted by name. Run again after a target was added.
pub(super) fn write(folder: &Path) -> Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut names: Vec<_> = entries
        .with_context(|| format!("list {}", folder.display()))?
        .into_iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != FILE)
        .collect();
    names.sort();
    let mut lines = String::new();
    for name in names {
        let sum = sha256(&folder.join(&name))?;
        let _ = writeln!(lines, "{sum}  {name}");
    }
    fs::write(folder.join(FILE), lines).with_context(|| format!("write {FILE}"))
}
