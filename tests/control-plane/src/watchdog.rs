//! Cleans up after an owner that cannot: a `static` is never dropped, and SIGKILL leaves no time.
//!
//! A shell reads from a pipe whose write end only the owner holds; it is closed in every child that
//! the owner starts. When that end closes, for whatever reason, the shell kills the servers and
//! removes the folder. It is a shell because a test binary has no second program to start, and
//! because forking would need `unsafe`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// A process that kills the servers and removes their folder when their owner ends.
pub(crate) struct Watchdog {
    shell: Child,
    state: Mutex<State>,
}

/// The servers that the shell knows. A process id is in the list from the start of a server until
/// the server is reaped, so the shell never kills an unrelated process that reuses the id.
struct State {
    pipe: Option<ChildStdin>,
    process_ids: Vec<u32>,
}

impl Watchdog {
    /// Starts the watchdog of a folder.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the owner's process group, and must not end the watchdog.
            .process_group(0)
            .spawn()
            .context("start the watchdog (sh)")?;
        let pipe = shell.stdin.take();
        Ok(Self {
            shell,
            state: Mutex::new(State {
                pipe,
                process_ids: Vec::new(),
            }),
        })
    }

    /// Adds a server that must not outlive the owner.
    pub(crate) fn guard(&self, process_id: u32) -> Result<()> {
        self.update(|process_ids| process_ids.push(process_id))
    }

    /// Removes a server that has been reaped.
    pub(crate) fn release(&self, process_id: u32) -> Result<()> {
        self.update(|process_ids| process_ids.retain(|other| *other != process_id))
    }

    fn update(&self, change: impl FnOnce(&mut Vec<u32>)) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.process_ids);
        let mut line = String::new();
        for process_id in &state.process_ids {
            write!(line, "{process_id} ").expect("writing to a string does not fail");
        }
        line.push('\n');
        let pipe = state.pipe.as_mut().context("the watchdog has no pipe")?;
        pipe.write_all(line.as_bytes())
            .context("send the process ids to the watchdog")
    }
}

impl Drop for Watchdog {
    /// Closes the pipe, as the owner's death does, and waits until the shell has cleaned up.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(state.pipe.take());
        let _ = self.shell.wait();
    }
}
