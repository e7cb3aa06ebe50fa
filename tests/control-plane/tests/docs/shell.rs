//! The shell that runs the commands of a page.
//!
//! One bash runs the whole page, so variables, functions, background jobs and `$?` last from one
//! command to the next. The stdout and stderr of a command go to one file, in the order in which a
//! terminal would show them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// The whole environment of all commands of a page.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// Reads the names of files that contain commands, runs them, and prints their exit codes.
///
/// Ctrl-C reaches the whole process group. The trap keeps it from ending this shell. Programs do not
/// inherit the trap, and background jobs ignore Ctrl-C anyway.
const LOOP: &str = r#"
exec 3<&0 4>&1 </dev/null >/dev/null 2>&1
trap : INT
docs_status=0
while IFS= read -r -u 3 docs_file; do
  (exit "$docs_status")
  . "$docs_file" >"$docs_file.output" 2>&1
  docs_status=$?
  echo "$docs_status" >&4
done
"#;

/// How often to check an output file.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running bash that executes one command after another.
pub(crate) struct Shell {
    bash: Child,
    commands: ChildStdin,
    codes: Receiver<i32>,
    /// The folder for command and output files.
    folder: PathBuf,
    /// The number of commands started so far.
    count: usize,
    /// The longest time that a command may take.
    timeout: Duration,
    is_busy: bool,
}

/// A command that the shell has started.
pub(crate) struct RunningCommand<'a> {
    shell: &'a mut Shell,
    output: PathBuf,
    start: Instant,
    code: Option<i32>,
}

impl Shell {
    /// Starts bash in the folder `home`, which contains no startup files.
    pub(crate) fn start(
        home: &Path,
        folder: &Path,
        environment: &Environment,
        timeout: Duration,
    ) -> Result<Self> {
        control_plane::restore_default_signals();
        let mut bash = Command::new("bash")
            .args(["--norc", "-c", LOOP])
            .env_clear()
            .envs(environment.iter().cloned())
            .env("HOME", home)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(home)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("run bash")?;
        let commands = bash.stdin.take().context("no pipe to bash")?;
        let output = BufReader::new(bash.stdout.take().context("no pipe from bash")?);
        let (sender, codes) = mpsc::channel();
        thread::spawn(move || {
            for code in output.lines().map_while(|line| line.ok()?.parse().ok()) {
                if sender.send(code).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            bash,
            commands,
            codes,
            folder: folder.to_owned(),
            count: 0,
            timeout,
            is_busy: false,
        })
    }

    /// Reports whether the last command is still running, or has ended the shell.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Starts a command.
    pub(crate) fn start_command(&mut self, command: &str) -> Result<RunningCommand<'_>> {
        self.count += 1;
        let file = self.folder.join(self.count.to_string());
        let output = file.with_extension("output");
        fs::write(&file, format!("{command}\n")).context("write the file of a command")?;
        File::create(&output).context("create the file of an output")?;
        writeln!(self.commands, "{}", file.display()).context("send a command to bash")?;
        self.is_busy = true;
        Ok(RunningCommand {
            shell: self,
            output,
            start: Instant::now(),
            code: None,
        })
    }
}

impl RunningCommand<'_> {
    /// Returns the output so far.
    pub(crate) fn output(&self) -> Result<String> {
        let bytes = fs::read(&self.output).context("read an output")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until the output is as expected; more may follow. Fails as soon as the command ends with
    /// another output. A command that had ended before the call may still print from a background job.
    pub(crate) fn wait_for(&mut self, is_expected: impl Fn(&str) -> bool) -> Result<String> {
        let had_ended = self.code.is_some();
        loop {
            let is_over = !had_ended && self.ends_within(Duration::ZERO)?;
            let output = self.output()?;
            if is_expected(&output) {
                return Ok(output);
            }
            if is_over || self.start.elapsed() > self.shell.timeout {
                bail!("the output does not match the page:\n{output}");
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits for the command to end, and returns its exit code.
    pub(crate) fn wait(&mut self) -> Result<i32> {
        let rest = self.shell.timeout.saturating_sub(self.start.elapsed());
        self.ends_within(rest)?;
        match self.code {
            Some(code) => Ok(code),
            None => bail!(
                "the command does not end; its output so far:\n{}",
                self.output()?
            ),
        }
    }

    fn ends_within(&mut self, time: Duration) -> Result<bool> {
        if self.code.is_none() {
            self.code = match self.shell.codes.recv_timeout(time) {
                Ok(code) => Some(code),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "the command ended the shell; its output:\n{}",
                        self.output()?
                    )
                }
            };
            self.shell.is_busy = self.code.is_none();
        }
        Ok(self.code.is_some())
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) -> Result<()> {
        kill_process_group(Pid::from_child(&self.shell.bash), Signal::INT).context("press Ctrl-C")
    }
}

impl Drop for Shell {
    /// Kills all remaining processes, including background jobs: all are in bash's process group.
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.bash), Signal::KILL);
        let _ = self.bash.wait();
    }
}
