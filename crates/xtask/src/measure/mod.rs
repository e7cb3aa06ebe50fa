//! `cargo xtask measure`: what one call of a plugin costs on a real API server.
//!
//! Times and memory are compared with those of programs that do the same at the same moment (the
//! runs are interleaved), as a shared machine is never the same twice. Instructions and size need
//! no company: they are nearly the same everywhere, so CI can hold us to them.
//!
//! # Layout
//! - `patch`, `whoami`: the scenarios of rawpatch and whoami; that of another plugin is one more file
//!   and a line in [`run`]
//! - `usage`: time and memory of one run
//! - `instructions`: their number in one run
//! - `report`: medians, ratios and limits

mod instructions;
mod patch;
mod report;
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

/// Measures every scenario, and prints what it finds to stdout.
///
/// # Errors
/// Also when a limit is exceeded: that of size or of instructions, and with `--strict` any.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let is_strict = match arguments.next() {
        None => false,
        Some(flag) if flag == "--strict" => true,
        Some(other) => bail!("unknown argument {}", other.display()),
    };
    instructions::check_for_valgrind()?;
    let control_plane = ControlPlane::builder().start()?;
    let proxy = RecordingProxy::start(Protocol::Http, None)?;
    let logins = [Login::Certificate, Login::Exec, Login::Proxy(&proxy)];
    let mut scenarios = logins
        .iter()
        .map(|login| patch::scenario(&control_plane, login))
        .collect::<Result<Vec<_>>>()?;
    scenarios.push(whoami::scenario(&control_plane)?);

    let mut exceeded = Vec::new();
    for scenario in &scenarios {
        let report = measure(scenario, control_plane.folder())?;
        write!(io::stdout(), "{report}").context("print the report")?;
        exceeded.extend(report.exceeded(is_strict));
    }
    ensure!(
        exceeded.is_empty(),
        "over the limit: {}",
        exceeded.join(", ")
    );
    Ok(())
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
