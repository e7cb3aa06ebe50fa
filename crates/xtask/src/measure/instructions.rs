//! Counts the instructions that a program executes, with valgrind's callgrind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::measure::wrapper::wrap;

/// Fails early if valgrind is missing, because the other measurements take minutes.
pub(super) fn check_for_valgrind() -> Result<()> {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .context(
            "run valgrind, which counts instructions (install it, or use .ci/run, which does)",
        )?;
    Ok(())
}

/// Runs a command, and counts its instructions outside the kernel. `folder` gets a temporary file.
pub(super) fn count(command: &Command, folder: &Path) -> Result<u64> {
    let profile = folder.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    let status = wrap(valgrind, command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("run valgrind")?;
    ensure!(
        status.success(),
        "cannot count the instructions of {}",
        command.get_program().display()
    );
    let text =
        fs::read_to_string(&profile).with_context(|| format!("read {}", profile.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.parse().ok())
        .with_context(|| format!("find the total in {}", profile.display()))
}
