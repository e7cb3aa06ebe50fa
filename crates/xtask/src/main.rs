//! `cargo xtask TASK`: tasks of the project's developers and its CI.
//!
//! Each task has a module with a function `run`, which parses the rest of the command line.
//!
//! # Layout
//! * `measure`: measures the plugins next to kubectl and curl
//! * `pictures`: records the terminal pictures of the documentation
//! * `dist`: packs the archives of a release
//! * `krew`: renders and checks the manifests for krew
//! * `oracle`: plays more schedules of faults to rawwatch than its tests do
//! * `release`: builds plugins; `target`: the targets of a release; `workspace`: cargo's metadata

mod dist;
mod krew;
#[cfg(target_os = "linux")]
mod measure;
mod oracle;
#[cfg(target_os = "linux")]
mod pictures;
mod release;
mod target;
mod workspace;

use std::env;
use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
usage: cargo xtask measure [calls] [throughput] [index] [latency]
           Measure the plugins next to kubectl and curl. Fails if a limit is exceeded that
           does not depend on the load of the machine.
         --strict   Fail for the other limits too
         --full     Measure throughput with 1 GiB instead of 256 MiB
       cargo xtask dist           Build the archives of a release for one target
       cargo xtask krew           Render the krew manifests for these archives
       cargo xtask krew --check   Check the templates of the manifests
       cargo xtask oracle
           Play schedules of faults to kubectl rawwatch, and compare its output with what
           was committed
         --seeds N           N schedules in virtual time
         --real N            N schedules against real API servers, in batches of ten
         --first-seed SEED   The seed of the first schedule [default: 0]
         --kills N           Kill a real API server N times under 200 writes a second
       cargo xtask pictures           Record the pictures in docs/pictures
       cargo xtask pictures --check   Fail if a picture differs from a new recording";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let task = arguments
        .next()
        .with_context(|| format!("a task is required\n{USAGE}"))?;
    match task.to_str() {
        Some("dist") => dist::run(arguments),
        Some("krew") => krew::run(arguments),
        #[cfg(target_os = "linux")]
        Some("measure") => measure::run(arguments),
        Some("oracle") => oracle::run(arguments),
        #[cfg(target_os = "linux")]
        Some("pictures") => pictures::run(arguments),
        #[cfg(target_os = "linux")]
        Some(measure::usage::TASK) => measure::usage::start_and_report(arguments),
        _ => bail!("unknown task {:?}\n{USAGE}", task.display().to_string()),
    }
}
