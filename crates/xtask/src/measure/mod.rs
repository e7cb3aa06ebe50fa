//! `cargo xtask measure`: measures what a call of a plugin and a watch cost.
//!
//! Times and memory are compared with programs that do the same task at the same time, because a shared
//! machine is never equally busy twice. Instructions, the size of binaries and the memory per object are
//! nearly the same on every machine, so CI enforces limits for these values, and for the ratios of long runs.
//!
//! # Layout
//! - `patch`, `whoami`: the scenarios of rawpatch and whoami. Another plugin adds a file, and a line in
//!   [`calls`]
//! - `scenario`: a task for a plugin and its rivals
//! - `collection`: one patch of many objects
//! - `throughput`, `index`, `latency`: watches with many events, many objects, and single events
//! - `usage`: time and memory of one run; `instructions`: the number of its instructions
//! - `report`: medians, ratios and limits
//! - `wrapper`: runs a command through another program

mod collection;
mod index;
mod instructions;
mod latency;
mod patch;
mod report;
mod scenario;
mod throughput;
pub(crate) mod usage;
mod whoami;
mod wrapper;

use std::ffi::OsString;
use std::io;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use control_plane::ControlPlane;
use recording_proxy::{Protocol, RecordingProxy};

use crate::measure::patch::Access;
use crate::measure::report::Report;

/// A measurement. Its parameter is `--full`.
type Measurement = fn(bool) -> Result<Vec<Report>>;

/// All measurements.
const MEASUREMENTS: [(&str, Measurement); 5] = [
    ("calls", |_| calls()),
    ("collection", |_| Ok(vec![collection::measure()?])),
    ("throughput", |is_full| {
        Ok(vec![throughput::measure(is_full)?])
    }),
    ("index", |_| Ok(vec![index::measure()?])),
    ("latency", |_| Ok(vec![latency::measure()?])),
];

/// Runs the named measurements, or all, and prints their reports to stdout.
///
/// # Errors
/// Fails, among other things, if a limit of a steady value is exceeded, or, with `--strict`, any
/// limit.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let (mut is_strict, mut is_full, mut names) = (false, false, Vec::new());
    for argument in arguments {
        match argument.to_str() {
            Some("--strict") => is_strict = true,
            Some("--full") => is_full = true,
            Some(word) if MEASUREMENTS.iter().any(|(name, _)| *name == word) => {
                names.push(word.to_owned());
            }
            _ => bail!("unknown argument {:?}", argument.display().to_string()),
        }
    }
    let mut exceeded = Vec::new();
    for (name, measure) in MEASUREMENTS {
        if !names.is_empty() && !names.iter().any(|chosen| chosen == name) {
            continue;
        }
        for report in measure(is_full)? {
            write!(io::stdout(), "{report}").context("print the report")?;
            exceeded.extend(report.exceeded(is_strict));
        }
    }
    ensure!(
        exceeded.is_empty(),
        "exceeded limits: {}",
        exceeded.join(", ")
    );
    Ok(())
}

/// Measures single calls to a real API server.
fn calls() -> Result<Vec<Report>> {
    instructions::check_for_valgrind()?;
    let control_plane = ControlPlane::builder().start()?;
    let proxy = RecordingProxy::start(Protocol::Http, None)?;
    let accesses = [
        Access::Certificate,
        Access::ExecPlugin,
        Access::Proxy(&proxy),
    ];
    let mut scenarios = accesses
        .iter()
        .map(|access| patch::scenario(&control_plane, access))
        .collect::<Result<Vec<_>>>()?;
    scenarios.push(whoami::scenario(&control_plane)?);
    scenarios
        .iter()
        .map(|scenario| scenario.measure(control_plane.folder()))
        .collect()
}
