//! The shell in which a page's reader types.
//!
//! One bash for a page, so that variables, functions and background jobs last from one command to
//! the next, and `$?` is that of the command before. What a command prints on stdout and stderr goes
//! into one file, in the order in which a terminal would show it.

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

/// Variables for all commands of a page; nothing else is in their environment.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// Reads names of files with commands, and answers with the commands' exit codes.
///
/// Ctrl-C reaches the whole group. The trap keeps it from ending this shell; programs that it
/// starts do not inherit a trap, and those in the background ignore Ctrl-C by themselves.
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

/// How often a file is looked at.
const PACE: Duration = Duration::from_millis(20);

pub(crate) struct Shell {
    bash: Child,
    commands: ChildStdin,
    codes: Receiver<i32>,
    /// For files with commands and outputs.
    folder: PathBuf,
    /// How many commands there were.
    count: usize,
    /// How long a command may take.
    patience: Duration,
    is_busy: bool,
}

/// A command that was typed.
pub(crate) struct Typed<'a> {
    shell: &'a mut Shell,
    output: PathBuf,
    start: Instant,
    code: Option<i32>,
}

impl Shell {
    /// Starts bash in the folder `home`, which also has what a shell reads of its user: nothing.
    pub(crate) fn start(
        home: &Path,
        folder: &Path,
        environment: &Environment,
        patience: Duration,
    ) -> Result<Self> {
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
        let answers = BufReader::new(bash.stdout.take().context("no pipe from bash")?);
        let (sender, codes) = mpsc::channel();
        thread::spawn(move || {
            for code in answers.lines().map_while(|line| line.ok()?.parse().ok()) {
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
            patience,
            is_busy: false,
        })
    }

    /// Whether the last command has not ended, or has ended the shell.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Begins with a command.
    pub(crate) fn start_command(&mut self, command: &str) -> Result<Typed<'_>> {
        self.count += 1;
        let file = self.folder.join(self.count.to_string());
        let output = file.with_extension("output");
        fs::write(&file, format!("{command}\n")).context("write down a command")?;
        File::create(&output).context("create the file for an output")?;
        writeln!(self.commands, "{}", file.display()).context("hand a command to bash")?;
        self.is_busy = true;
        Ok(Typed {
            shell: self,
            output,
            start: Instant::now(),
            code: None,
        })
    }
}

impl Typed<'_> {
    /// What was printed so far.
    pub(crate) fn output(&self) -> Result<String> {
        let bytes = fs::read(&self.output).context("read an output")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until the output is as `wanted`; it may go on after that. A command that ends in the
    /// meantime prints no more; one that has ended may have left something in the background.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let had_ended = self.code.is_some();
        loop {
            let is_over = !had_ended && self.ends_within(Duration::ZERO)?;
            let output = self.output()?;
            if wanted(&output) {
                return Ok(output);
            }
            if is_over || self.start.elapsed() > self.shell.patience {
                bail!("not what is shown, but:\n{output}");
            }
            thread::sleep(PACE);
        }
    }

    /// The exit code, once the command has ended.
    pub(crate) fn end(&mut self) -> Result<i32> {
        let rest = self.shell.patience.saturating_sub(self.start.elapsed());
        self.ends_within(rest)?;
        match self.code {
            Some(code) => Ok(code),
            None => bail!("it does not end; so far:\n{}", self.output()?),
        }
    }

    fn ends_within(&mut self, time: Duration) -> Result<bool> {
        if self.code.is_none() {
            self.code = match self.shell.codes.recv_timeout(time) {
                Ok(code) => Some(code),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("it ended the shell; it printed:\n{}", self.output()?)
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
    /// Ends what still runs, in the background too: all of it is in bash's group.
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.bash), Signal::KILL);
        let _ = self.bash.wait();
    }
}
