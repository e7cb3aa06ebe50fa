//! `cargo playground`: the plugins against a real API server, without installing anything.
//!
//! The control plane is gone when this program ends, for whatever reason.

mod tour;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, bail};
use control_plane::{ControlPlane, build_plugins};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

const USAGE: &str = "\
Usage: cargo playground               Take a guided tour that shows each command and its output
       cargo playground -- COMMAND…   Run a command with the cluster, kubectl and the plugins set up
       cargo playground --keep        Keep a cluster for other terminals, until Ctrl-C";

/// Environment variables for the commands that run in the playground.
type Environment = Vec<(&'static str, OsString)>;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The task on the command line.
enum Task {
    Help,
    Tour,
    Keep,
    Command(OsString, Vec<OsString>),
}

impl Task {
    fn from_arguments(arguments: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut arguments = arguments.peekable();
        // The alias ends cargo's own arguments with `--`, so cargo passes on a second one.
        arguments.next_if(|argument| argument == "--");
        let Some(first) = arguments.next() else {
            return Ok(Self::Tour);
        };
        match first.to_str() {
            Some("-h" | "--help") => Ok(Self::Help),
            Some("--keep") => Ok(Self::Keep),
            Some(flag) if flag.starts_with('-') => bail!("unknown flag \"{flag}\"\n{USAGE}"),
            _ => Ok(Self::Command(first, arguments.collect())),
        }
    }
}

/// A cluster, and the built plugins to try on it.
struct Playground {
    control_plane: ControlPlane,
    /// Makes commands find the cluster, kubectl and the plugins.
    environment: Environment,
}

impl Playground {
    fn start() -> Result<Self> {
        let plugins = build_plugins(|_| true)?;
        let control_plane = ControlPlane::builder().start()?;
        let environment = control_plane.environment(Some(&plugins))?;
        Ok(Self {
            control_plane,
            environment,
        })
    }
}

fn run() -> Result<ExitCode> {
    let mut output = io::stdout().lock();
    match Task::from_arguments(std::env::args_os().skip(1))? {
        Task::Help => {
            writeln!(output, "{USAGE}")?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Tour => tour::run(tour::TOUR, &Playground::start()?.environment, &mut output),
        Task::Keep => keep(&Playground::start()?, &mut output),
        Task::Command(program, arguments) => {
            run_command(&program, &arguments, &Playground::start()?.environment)
        }
    }
}

/// Runs the user's command, and returns its exit code.
fn run_command(
    program: &OsStr,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<ExitCode> {
    // Only the command handles Ctrl-C. A handler that does nothing keeps this program alive.
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false)))
        .context("install a handler for Ctrl-C")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().cloned())
        .status();
    Ok(exit_code(
        status.with_context(|| format!("run {}", program.display()))?,
    ))
}

/// Prints the variables that another terminal needs, and waits for a signal.
fn keep(playground: &Playground, output: &mut impl Write) -> Result<ExitCode> {
    let (mut receiver, sender) = UnixStream::pair().context("create a pipe for signals")?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let sender = sender.try_clone().context("create a pipe for signals")?;
        signal_hook::low_level::pipe::register(signal, sender)
            .context("install a handler for Ctrl-C")?;
    }
    let url = playground.control_plane.url();
    writeln!(
        output,
        "# {url} runs until Ctrl-C. To use it in another terminal, run there:"
    )?;
    for (name, value) in &playground.environment {
        let value = value.to_string_lossy().replace('\'', r"'\''");
        writeln!(output, "export {name}='{value}'")?;
    }
    output.flush()?;
    receiver.read_exact(&mut [0]).context("wait for Ctrl-C")?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the exit code that a shell reports: 128 plus the signal's number after a signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
