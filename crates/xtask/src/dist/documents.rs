//! Collects the documents in an archive: license, README, man page and completion scripts.
//!
//! The program itself prints its help and scripts, so they always match its version.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use crate::dist::archive::Entry;
use crate::dist::man_page;
use crate::workspace::Workspace;

/// The shells with a completion script, and the prefix and suffix of its file name, after the convention
/// of each shell and its packagers.
const SHELLS: [(&str, &str, &str); 4] = [
    ("bash", "", ".bash"),
    ("zsh", "_", ""),
    ("fish", "", ".fish"),
    ("powershell", "_", ".ps1"),
];

/// Collects the documents of a plugin. Its program must be able to run here.
pub(super) fn collect(
    workspace: &Workspace,
    plugin: &str,
    program: &Path,
    time: Timestamp,
) -> Result<Vec<Entry>> {
    let version = output(program, &["--version"])?;
    ensure!(
        version.trim_end() == format!("{plugin} {}", workspace.version),
        "{} reports its version as {:?} instead of \"{plugin} {}\"",
        program.display(),
        version.trim_end(),
        workspace.version,
    );
    let mut entries = Vec::new();
    // krew-index requires the license under this name.
    for name in ["LICENSE", "README.md"] {
        let bytes =
            fs::read(workspace.folder.join(name)).with_context(|| format!("read {name}"))?;
        entries.push(document(name.to_owned(), bytes));
    }
    let help = output(program, &["--help"])?;
    let connection = output(program, &["--help-connection"])?;
    let flags = connection.find("Connection:").unwrap_or(0);
    let help = format!("{help}\n{}", &connection[flags..]);
    let page = man_page::render(plugin, &workspace.version, &help, time);
    entries.push(document(format!("{plugin}.1"), page.into_bytes()));
    for (shell, prefix, suffix) in SHELLS {
        let script = output(program, &["completion", shell])?;
        let name = format!("{prefix}{plugin}{suffix}");
        entries.push(document(name, script.into_bytes()));
    }
    Ok(entries)
}

fn document(name: String, bytes: Vec<u8>) -> Entry {
    Entry {
        name,
        is_program: false,
        bytes,
    }
}

/// Runs the program independently of this machine's settings. Returns its output.
fn output(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env_remove("COLUMNS")
        .output()
        .with_context(|| {
            format!(
                "run {}, which prints its documents; pack on the system of the target",
                program.display()
            )
        })?;
    ensure!(
        output.status.success(),
        "{} {} failed ({}): {}",
        program.display(),
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout)
        .with_context(|| format!("read the output of {}", program.display()))
}
