//! `cargo xtask dist`: packs the archives of a release, with the same bytes on every machine.
//!
//! # Layout
//! * `archive`: packs files into a `.tar.gz` or a `.zip`
//! * `documents`: collects the documents in an archive; `man_page` converts help to a man page
//! * `bill_of_materials`: lists the crates in a binary
//! * `checksums`: writes `SHA256SUMS`

mod archive;
mod bill_of_materials;
pub(crate) mod checksums;
mod documents;
mod man_page;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use jiff::Timestamp;

use crate::dist::archive::Entry;
use crate::release;
use crate::target::Target;
use crate::workspace;
use crate::workspace::Workspace;

/// Build the plugins, and pack each one with its documents
#[derive(Parser)]
#[command(name = "cargo xtask dist", no_binary_name = true)]
struct Arguments {
    /// Build for this target, which must be able to run here [default: this machine]
    #[arg(long, value_name = "TRIPLE", value_parser = Target::named)]
    target: Option<Target>,
    /// Pack the binaries in this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    prebuilt: Option<PathBuf>,
    /// Write the archives to this folder [default: dist in cargo's target folder]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Writes an archive and a bill of materials for each plugin, and `SHA256SUMS` for the whole folder.
///
/// # Errors
/// If a plugin cannot be built or cannot run here, or if the time of the files is unknown.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let arguments = Arguments::parse_from(arguments);
    let workspace = Workspace::load()?;
    let time = time()?;
    let out = arguments.out.unwrap_or_else(|| out_folder(&workspace));
    fs::create_dir_all(&out).with_context(|| format!("create {}", out.display()))?;
    let target = match arguments.target {
        Some(target) => target,
        None => Target::named(&workspace::host()?)?,
    };
    for plugin in &workspace.plugins {
        let program = match &arguments.prebuilt {
            Some(folder) => folder.join(target.binary(plugin)),
            None => release::build_for(&workspace, plugin, target)?,
        };
        let mut entries = documents::collect(&workspace, plugin, &program, time)?;
        entries.push(Entry {
            name: target.binary(plugin),
            is_program: true,
            bytes: fs::read(&program).with_context(|| format!("read {}", program.display()))?,
        });
        let packed = if target.is_windows() {
            archive::zip(&entries, time)?
        } else {
            archive::tar_gz(&entries, time)?
        };
        let name = target.archive(plugin, &workspace.version);
        let bill = bill_of_materials::render(plugin, target, time)?;
        for (name, bytes) in [
            (format!("{name}.cdx.json"), bill.into_bytes()),
            (name, packed),
        ] {
            let path = out.join(name);
            fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
            writeln!(io::stdout(), "{}", path.display()).context("write to stdout")?;
        }
    }
    checksums::write(&out)
}

/// Returns the default folder of the archives.
pub(crate) fn out_folder(workspace: &Workspace) -> PathBuf {
    workspace.target_folder.join("dist")
}

/// Returns the time of all files: `$SOURCE_DATE_EPOCH` (reproducible-builds.org), or the commit's.
fn time() -> Result<Timestamp> {
    let seconds = env::var("SOURCE_DATE_EPOCH").or_else(|_| time_of_commit())?;
    let seconds = seconds.trim().parse();
    seconds
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .context("SOURCE_DATE_EPOCH must be a number of seconds since 1970")
}

/// Returns the time of the current commit, in seconds since 1970.
fn time_of_commit() -> Result<String> {
    let output = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .output()
        .context("run git")?;
    ensure!(
        output.status.success(),
        "git cannot tell the time of the commit: set SOURCE_DATE_EPOCH"
    );
    String::from_utf8(output.stdout).context("read git's output")
}
