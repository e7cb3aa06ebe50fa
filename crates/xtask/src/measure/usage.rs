//! Measures time and memory of one run of a program.
//!
//! Linux attributes the peak memory of the starting process to the program, because `execve` keeps the peak.
//! Therefore a small process starts the program: this binary again, which needs 4 MB. Less cannot be
//! measured.

use std::env;
use std::ffi::OsString;
use std::io;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::measure::wrapper::wrap;

/// The task that turns `xtask` into this small process.
pub(crate) const TASK: &str = "report-usage";

/// The time and the memory of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// The time from before the start until after the end.
    pub(super) wall: Duration,
    /// The CPU time of all threads, including the kernel's work for them.
    pub(super) cpu: Duration,
    /// The largest resident set, in bytes.
    pub(super) peak_memory: u64,
}

impl Usage {
    /// Runs a command with empty stdin, and discards its stdout.
    ///
    /// # Errors
    /// If the command fails. Its stderr is inherited.
    pub(super) fn of(command: &Command) -> Result<Self> {
        let mut starter = Command::new(env::current_exe().context("find this program")?);
        starter.arg(TASK);
        let output = wrap(starter, command)
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

/// Runs a program, and prints its wall time and CPU time in microseconds and its peak memory in bytes. This
/// is the task of the small process.
pub(crate) fn start_and_report(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let program = arguments.next().context("a program is required")?;
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

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("get the usage of the program")?;
    let cpu = microseconds(usage.user_time()) + microseconds(usage.system_time());
    // Linux reports it in KiB.
    let peak_memory = usage.max_rss() * 1024;
    writeln!(io::stdout(), "{} {cpu} {peak_memory}", wall.as_micros()).context("print the usage")
}

fn microseconds(time: TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}
