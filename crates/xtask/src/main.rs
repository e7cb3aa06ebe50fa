//! `cargo xtask TASK`: what the project's developers and its CI run, and no user.
//!
//! A task is one module with one function, which gets the rest of the command line.
//!
//! # Layout
//! * `measure`: what one call of a plugin costs
//! * `dist`: the archives of a release
//! * `krew`: the manifests that krew installs them by
//! * `oracle`: more schedules of faults for rawwatch than the tests play
//! * `release`, `target`, `workspace`: how plugins are built, for what, and which there are

mod dist;
mod krew;
#[cfg(target_os = "linux")]
mod measure;
mod oracle;
mod release;
mod target;
mod workspace;

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
usage: cargo xtask measure [calls] [throughput] [index] [latency]
           what calls of a plugin and watches cost, beside kubectl and curl; fails when a number
           is over its limit that does not depend on how busy the machine is
         --strict   fails also when one is that does
         --full     the throughput of 1 GiB instead of 256 MiB
       cargo xtask dist           the archives of a release, for one target
       cargo xtask krew           the manifests of krew for these archives
       cargo xtask krew --check   whether the templates of the manifests are in order
       cargo xtask oracle
           plays schedules of faults to kubectl rawwatch, and judges its output by what was
           committed
         --seeds N           N of them in virtual time
         --real N            N of them against real API servers, in batches of ten
         --first-seed SEED   the seeds begin here, and not at 0
         --kills N           a real API server is killed N times under 200 writes a second";

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
        .with_context(|| format!("no task\n{USAGE}"))?;
    match task.to_str() {
        Some("dist") => dist::run(arguments),
        Some("krew") => krew::run(arguments),
        #[cfg(target_os = "linux")]
        Some("measure") => measure::run(arguments),
        Some("oracle") => oracle::run(arguments),
        #[cfg(target_os = "linux")]
        Some(measure::usage::TASK) => measure::usage::start_and_report(arguments),
        _ => bail!("unknown task {}\n{USAGE}", task.display()),
    }
}
