//! `cargo playground`: our plugins on a real API server, with nothing installed.
//!
//! The control plane lasts as long as this program, whatever ends it.

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
usage: cargo playground               a guided tour: every command and its output
       cargo playground -- COMMAND…   run a command that finds the cluster, kubectl and our plugins
       cargo playground --keep        keep the cluster until Ctrl-C, for use in another terminal
";

/// Variables for a command in the playground.
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

/// What is asked for.
enum Task {
    Help,
    Tour,
    Keep,
    Command(OsString, Vec<OsString>),
}

impl Task {
    fn from_arguments(arguments: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut arguments = arguments.peekable();
        // cargo hands on a `--` that is meant to end its own arguments: the alias has one already.
        arguments.next_if(|argument| argument == "--");
        let Some(first) = arguments.next() else {
            return Ok(Self::Tour);
        };
        match first.to_str() {
            Some("-h" | "--help") => Ok(Self::Help),
            Some("--keep") => Ok(Self::Keep),
            Some(flag) if flag.starts_with('-') => bail!("unknown flag {flag}\n{USAGE}"),
            _ => Ok(Self::Command(first, arguments.collect())),
        }
    }
}

/// Our plugins and the cluster to try them on.
struct Playground {
    control_plane: ControlPlane,
    /// For commands that are to find both.
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
            output.write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Tour => tour::run(tour::TOUR, &Playground::start()?.environment, &mut output),
        Task::Keep => keep(&Playground::start()?, &mut output),
        Task::Command(program, arguments) => {
            run_command(&program, &arguments, &Playground::start()?.environment)
        }
    }
}

/// Runs a command of the user, and ends as it ends.
fn run_command(
    program: &OsStr,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<ExitCode> {
    // Ctrl-C is for the command; what it makes of it decides how we end.
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false)))
        .context("leave Ctrl-C to the command")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().cloned())
        .status();
    Ok(exit_code(
        status.with_context(|| format!("run {}", program.display()))?,
    ))
}

/// Shows how to use the control plane from elsewhere, and waits for a signal.
fn keep(playground: &Playground, output: &mut impl Write) -> Result<ExitCode> {
    let (mut told, teller) = UnixStream::pair().context("prepare for Ctrl-C")?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let teller = teller.try_clone().context("prepare for Ctrl-C")?;
        signal_hook::low_level::pipe::register(signal, teller).context("prepare for Ctrl-C")?;
    }
    let url = playground.control_plane.url();
    writeln!(output, "# {url} until Ctrl-C. In another terminal:")?;
    for (name, value) in &playground.environment {
        let value = value.to_string_lossy().replace('\'', r"'\''");
        writeln!(output, "export {name}='{value}'")?;
    }
    output.flush()?;
    told.read_exact(&mut [0]).context("wait for Ctrl-C")?;
    Ok(ExitCode::SUCCESS)
}

/// A shell's code for the end of a program.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
