//! `cargo xtask pictures`: records the terminal pictures of the documentation, as SVG files.
//!
//! The commands run for real, against a throw-away control plane. A picture has the same bytes in each
//! run: names are fixed, and the few random values in the output are replaced.
//!
//! # Layout
//! * `scenes`: the commands of each picture
//! * `stage`: a control plane, and the environment in which the commands run
//! * `recorder`: runs a command in a pseudo-terminal
//! * `screen`: interprets the output as lines of coloured text
//! * `svg`: draws the lines as a terminal window

mod recorder;
mod scenes;
mod screen;
mod stage;
mod svg;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::pictures::scenes::SCENES;
use crate::pictures::stage::Stage;
use crate::workspace::Workspace;

/// Record the pictures in docs/pictures
#[derive(Parser)]
#[command(name = "cargo xtask pictures", no_binary_name = true)]
struct Arguments {
    /// Write nothing; fail if a picture differs from a new recording
    #[arg(long)]
    check: bool,
}

/// Records all pictures.
///
/// # Errors
/// With `--check`, lists the pictures that are out of date.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let arguments = Arguments::parse_from(arguments);
    let folder = Workspace::load()?.folder.join("docs/pictures");
    let stage = Stage::set_up()?;
    let mut outdated = Vec::new();
    for scene in &SCENES {
        let picture = stage
            .record(scene)
            .with_context(|| format!("record {}", scene.name))?;
        let path = folder.join(format!("{}.svg", scene.name));
        if !arguments.check {
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            fs::write(&path, picture).with_context(|| format!("write {}", path.display()))?;
            writeln!(io::stdout(), "{}", path.display()).context("write to stdout")?;
        } else if fs::read(&path).ok() != Some(picture.into_bytes()) {
            outdated.push(format!("docs/pictures/{}.svg", scene.name));
        }
    }
    if !outdated.is_empty() {
        bail!(
            "{} out of date: run `cargo xtask pictures`",
            outdated.join(", ")
        );
    }
    Ok(())
}
