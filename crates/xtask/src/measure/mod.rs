//! `cargo xtask measure`: what a call of a plugin costs, and what a watch does.
//!
//! Times and memory are compared with those of programs that do the same at the same moment (the
//! runs are interleaved), as a shared machine is never the same twice. Instructions, size and the
//! memory of objects need no company: they are nearly the same everywhere. CI can hold us to these,
//! and to ratios that come out of much work.
//!
//! # Layout
//! - `patch`, `whoami`: the scenarios of rawpatch and whoami; that of another plugin is one more file
//!   and a line in [`calls`]
//! - `throughput`, `index`, `latency`: a watch with many events, with many objects, and with an
//!   event at a time
//! - `usage`: time and memory of one run
//! - `instructions`: their number in one run
//! - `report`: medians, ratios and limits

mod index;
mod instructions;
mod latency;
mod patch;
mod report;
mod throughput;
pub(crate) mod usage;
mod whoami;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::iter;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use control_plane::ControlPlane;
use recording_proxy::{Protocol, RecordingProxy};

use patch::Login;
use report::Report;
use usage::Usage;

/// How often each program is measured. Odd, so that one of the runs is the median.
const RUNS: usize = 15;

/// How many commands a program has: one warms up, then come those that are measured; of the last
/// one the instructions are counted.
const COMMANDS: usize = RUNS + 2;

/// Gets whether it may take long.
type Measurement = fn(bool) -> Result<Vec<Report>>;

/// What can be measured.
const MEASUREMENTS: [(&str, Measurement); 4] = [
    ("calls", |_| calls()),
    ("throughput", |is_full| {
        Ok(vec![throughput::measure(is_full)?])
    }),
    ("index", |_| Ok(vec![index::measure()?])),
    ("latency", |_| Ok(vec![latency::measure()?])),
];

/// One task, which a plugin of ours and other programs do, each in one process.
struct Scenario {
    title: &'static str,
    plugin: Program,
    rivals: Vec<Rival>,
    limits: Limits,
}

/// A program, and how it is called.
struct Program {
    name: &'static str,
    /// [`COMMANDS`] that do the same. What CPU time they take depends on where things happen to
    /// lie in memory, and that on the length of the arguments, which therefore should vary.
    commands: Vec<Command>,
}

/// What the plugin is compared with.
struct Rival {
    program: Program,
    /// The plugin's wall time may be this fraction of the rival's.
    wall_limit: f64,
}

/// What one call of the plugin may cost at most.
struct Limits {
    /// In MB.
    peak_memory: f64,
    /// In millions.
    instructions: f64,
    /// Of the binary, in MB.
    size: f64,
}

impl Scenario {
    /// The plugin, then its rivals.
    fn programs(&self) -> impl Iterator<Item = &Program> {
        let rivals = self.rivals.iter().map(|rival| &rival.program);
        iter::once(&self.plugin).chain(rivals)
    }
}

/// Measures what is named, or everything, and prints what it finds to stdout.
///
/// # Errors
/// Also when a limit is exceeded: that of a number that is the same on a busy machine, and with
/// `--strict` any.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let (mut is_strict, mut is_full, mut names) = (false, false, Vec::new());
    for argument in arguments {
        match argument.to_str() {
            Some("--strict") => is_strict = true,
            Some("--full") => is_full = true,
            Some(word) if MEASUREMENTS.iter().any(|(name, _)| *name == word) => {
                names.push(word.to_owned());
            }
            _ => bail!("unknown argument {}", argument.display()),
        }
    }
    let mut exceeded = Vec::new();
    for (name, measure) in MEASUREMENTS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        for report in measure(is_full)? {
            write!(io::stdout(), "{report}").context("print the report")?;
            exceeded.extend(report.exceeded(is_strict));
        }
    }
    ensure!(
        exceeded.is_empty(),
        "over the limit: {}",
        exceeded.join(", ")
    );
    Ok(())
}

/// Single calls on a real API server, beside those of other programs.
fn calls() -> Result<Vec<Report>> {
    instructions::check_for_valgrind()?;
    let control_plane = ControlPlane::builder().start()?;
    let proxy = RecordingProxy::start(Protocol::Http, None)?;
    let logins = [Login::Certificate, Login::Exec, Login::Proxy(&proxy)];
    let mut scenarios = logins
        .iter()
        .map(|login| patch::scenario(&control_plane, login))
        .collect::<Result<Vec<_>>>()?;
    scenarios.push(whoami::scenario(&control_plane)?);
    scenarios
        .iter()
        .map(|scenario| measure(scenario, control_plane.folder()))
        .collect()
}

fn measure(scenario: &Scenario, folder: &Path) -> Result<Report> {
    let mut usages = vec![Vec::new(); scenario.programs().count()];
    for run in 0..=RUNS {
        for (program, usages) in scenario.programs().zip(&mut usages) {
            let usage = Usage::of(&program.commands[run])?;
            if run > 0 {
                usages.push(usage);
            }
        }
    }
    let plugin = &scenario.plugin.commands[RUNS + 1];
    let instructions = instructions::count(plugin, folder)?;
    let size = fs::metadata(plugin.get_program()).context("find the plugin's binary")?;
    Ok(Report::new(scenario, &usages, instructions, size.len()))
}

/// A command that gets another one as its last arguments, and its variables and no others.
fn wrapped(mut wrapper: Command, command: &Command) -> Command {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    wrapper
        .env_clear()
        .envs(variables)
        .arg(command.get_program())
        .args(command.get_args());
    wrapper
}
