//! Runs a command in a pseudo-terminal and records its output.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::pictures::scenes::{Meanwhile, Step};
use crate::pictures::screen::COLUMNS;

/// The timeout of a command, in seconds.
const TIMEOUT: &str = "60";

/// The environment of a command, which inherits no other variable.
pub(super) type Environment = Vec<(&'static str, OsString)>;

/// Runs a step, and returns its output on the terminal.
pub(super) fn record(step: &Step, environment: &Environment) -> Result<String> {
    let (mut controller, terminal) = open_terminal().context("open a pseudo-terminal")?;
    let mut command = shell(step.command, environment);
    command
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal);
    let mut child = command.spawn().context("run timeout and sh")?;
    // The output ends when no process has the terminal open.
    drop(command);

    let mut output = Vec::new();
    let mut meanwhile = None;
    let mut buffer = [0; 4096];
    // On Linux, reading fails after the last process has closed the terminal.
    while let Ok(count @ 1..) = controller.read(&mut buffer) {
        output.extend_from_slice(&buffer[..count]);
        if let Some(next) = &step.meanwhile
            && meanwhile.is_none()
            && String::from_utf8_lossy(&output).contains(next.once_shown)
        {
            meanwhile = Some(start(next, environment)?);
        }
    }
    let output = String::from_utf8(output).context("the output is not UTF-8")?;
    let code = child.wait()?.code();
    ensure!(
        code == Some(step.exit_code),
        "exit code {code:?} instead of {}:\n{output}",
        step.exit_code
    );
    if let Some(mut meanwhile) = meanwhile {
        ensure!(meanwhile.wait()?.success(), "the command meanwhile failed");
    }
    Ok(output)
}

/// Runs a script to prepare a scene.
pub(super) fn prepare(script: &str, environment: &Environment) -> Result<()> {
    let output = shell(script, environment).output().context("run sh")?;
    ensure!(
        output.status.success(),
        "cannot prepare a scene ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn start(meanwhile: &Meanwhile, environment: &Environment) -> Result<Child> {
    shell(meanwhile.command, environment)
        .stdout(Stdio::null())
        .spawn()
        .context("run the command meanwhile")
}

fn shell(script: &str, environment: &Environment) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--foreground", TIMEOUT, "sh", "-ec", script])
        .env_clear()
        .envs(environment.iter().cloned())
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// Opens a pseudo-terminal with [`COLUMNS`]. Returns our side and the side of the command.
fn open_terminal() -> Result<(File, File)> {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&controller)?;
    unlockpt(&controller)?;
    let size = Winsize {
        ws_row: 50,
        ws_col: COLUMNS,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&controller, size)?;
    let name = ptsname(&controller, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty())?;
    Ok((controller.into(), terminal.into()))
}
