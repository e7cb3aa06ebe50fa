//! Time and memory of one run of a program.
//!
//! Linux counts the memory of the process that starts a program as if it were the program's
//! (`execve` carries the peak over). So the program is started by a small process: this binary
//! again, with nothing else to do. It takes 4 MB, which is the least that can be measured.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::wrapped;

/// The task by which `xtask` is that small process.
pub(crate) const TASK: &str = "report-usage";

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// From before the start until the end was noticed.
    pub(super) wall: Duration,
    /// Of all threads, in the program and in the kernel.
    pub(super) cpu: Duration,
    /// The largest resident set, in bytes.
    pub(super) peak_memory: u64,
}

impl Usage {
    /// Runs a command to its end, with nothing on stdin and nobody at its stdout.
    ///
    /// # Errors
    /// When it does not succeed; what it says on stderr is seen there.
    pub(super) fn of(command: &Command) -> Result<Self> {
        let mut starter = Command::new(env::current_exe().context("find this program")?);
        starter.arg(TASK);
        let output = wrapped(starter, command)
            .stderr(Stdio::inherit())
            .output()
            .context("start this program again")?;
        ensure!(
            output.status.success(),
            "cannot measure {}",
            command.get_program().display()
        );
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[wall, cpu, peak_memory]) => Ok(Self {
                wall: Duration::from_micros(wall),
                cpu: Duration::from_micros(cpu),
                peak_memory,
            }),
            _ => bail!("cannot read a usage from {text:?}"),
        }
    }
}

/// Is the small process: runs a program, and prints its wall and CPU time in microseconds and its
/// peak memory in bytes.
pub(crate) fn start_and_report(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let program = arguments.next().context("no program to run")?;
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let wall = start.elapsed();
    let status = status.with_context(|| format!("run {}", program.display()))?;
    ensure!(status.success(), "{} failed ({status})", program.display());

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("ask for the program's usage")?;
    let cpu = microseconds(usage.user_time()) + microseconds(usage.system_time());
    // Linux counts it in KiB.
    let peak_memory = usage.max_rss() * 1024;
    writeln!(io::stdout(), "{} {cpu} {peak_memory}", wall.as_micros()).context("report the usage")
}

fn microseconds(time: TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}
