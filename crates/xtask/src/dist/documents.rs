//! What an archive has beside the program: the licence, the README, and what the program says of
//! itself, so that it is of its version.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::archive::Entry;
use super::man_page;
use crate::workspace::Workspace;

/// Shells that `completion` writes a script for, and what stands around the plugin's name in that of
/// the script: what each shell, or whoever packs for it, looks for.
const SHELLS: [(&str, &str, &str); 4] = [
    ("bash", "", ".bash"),
    ("zsh", "_", ""),
    ("fish", "", ".fish"),
    ("powershell", "_", ".ps1"),
];

/// The documents of a plugin, whose program can run here.
pub(super) fn collect(
    workspace: &Workspace,
    plugin: &str,
    program: &Path,
    time: Timestamp,
) -> Result<Vec<Entry>> {
    let version = output(program, &["--version"])?;
    ensure!(
        version.trim_end() == format!("{plugin} {}", workspace.version),
        "{} calls itself {:?}, which is not {plugin} {}",
        program.display(),
        version.trim_end(),
        workspace.version,
    );
    let mut entries = Vec::new();
    // krew-index wants a file with this very name.
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
    for (shell, before, behind) in SHELLS {
        let script = output(program, &["completion", shell])?;
        let name = format!("{before}{plugin}{behind}");
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

/// Runs the program without anything of this machine, and returns what it prints.
fn output(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env_remove("COLUMNS")
        .output()
        .with_context(|| {
            format!(
                "run {} for its documents: plugins are packed where they can run",
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
        .with_context(|| format!("read what {} prints", program.display()))
}
