//! `cargo xtask dist`: the archives of a release, whose bytes are the same wherever they are made.
//!
//! # Layout
//! * [`archive`]: files → the bytes of a `.tar.gz` or a `.zip`
//! * `documents`: what is in an archive beside the program; `man_page` makes the man page
//! * `bill_of_materials`: the crates in a binary, for scanners
//! * `checksums`: SHA256SUMS

mod archive;
mod bill_of_materials;
pub(crate) mod checksums;
mod documents;
mod man_page;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use jiff::Timestamp;

use crate::release;
use crate::target::Target;
use crate::workspace::{self, Workspace};
use archive::Entry;

/// Builds the plugins, and packs each with its documents.
#[derive(Parser)]
#[command(name = "cargo xtask dist", no_binary_name = true)]
struct Arguments {
    /// The target to build for, which must be able to run here [default: this machine's]
    #[arg(long, value_name = "TRIPLE", value_parser = Target::named)]
    target: Option<Target>,
    /// Pack the binaries in this folder, and build none
    #[arg(long, value_name = "FOLDER")]
    prebuilt: Option<PathBuf>,
    /// Where the archives go [default: dist in cargo's target folder]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Writes an archive and a bill of materials for each plugin, and SHA256SUMS of all that is there.
///
/// # Errors
/// When a plugin cannot be built for the target or cannot run here, and when there is no time to
/// put into the archives.
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
            writeln!(io::stdout(), "{}", path.display()).context("say what was written")?;
        }
    }
    checksums::write(&out)
}

/// Where archives go and are looked for.
pub(crate) fn out_folder(workspace: &Workspace) -> PathBuf {
    workspace.target_folder.join("dist")
}

/// The time of all files: `$SOURCE_DATE_EPOCH` (reproducible-builds.org), or that of the commit.
fn time() -> Result<Timestamp> {
    let seconds = env::var("SOURCE_DATE_EPOCH").or_else(|_| time_of_commit())?;
    let seconds = seconds.trim().parse();
    seconds
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .context("SOURCE_DATE_EPOCH is no number of seconds since 1970")
}

/// In seconds since 1970.
fn time_of_commit() -> Result<String> {
    let output = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .output()
        .context("run git")?;
    ensure!(
        output.status.success(),
        "git knows no commit to take the time of: set SOURCE_DATE_EPOCH"
    );
    String::from_utf8(output.stdout).context("read git's output")
}
