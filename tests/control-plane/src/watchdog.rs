//! Cleans up after an owner that cannot: a `static` is never dropped, and nothing runs after
//! SIGKILL.
//!
//! A shell reads a pipe whose other end only the owner holds (it is closed in every child that
//! the owner starts). When that end closes, for whatever reason, the shell kills the servers and
//! removes the folder. A shell, because a test binary has no second program to start, and a fork
//! of itself would need `unsafe`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

pub(crate) struct Watchdog {
    shell: Child,
    told: Mutex<Told>,
}

/// What the shell was told last. A process id is in the list from the start of a server until it
/// was reaped, so that the shell never kills a stranger with a reused id.
struct Told {
    pipe: Option<ChildStdin>,
    process_ids: Vec<u32>,
}

impl Watchdog {
    /// Starts to watch over a folder.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the group of the owner, and must not stop the watchdog.
            .process_group(0)
            .spawn()
            .context("start the watchdog (sh)")?;
        let pipe = shell.stdin.take();
        Ok(Self {
            shell,
            told: Mutex::new(Told {
                pipe,
                process_ids: Vec::new(),
            }),
        })
    }

    /// A server that must not outlive the owner.
    pub(crate) fn guard(&self, process_id: u32) -> Result<()> {
        self.tell(|process_ids| process_ids.push(process_id))
    }

    /// A server that has ended and was reaped.
    pub(crate) fn release(&self, process_id: u32) -> Result<()> {
        self.tell(|process_ids| process_ids.retain(|other| *other != process_id))
    }

    fn tell(&self, change: impl FnOnce(&mut Vec<u32>)) -> Result<()> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut told.process_ids);
        let mut line = String::new();
        for process_id in &told.process_ids {
            write!(line, "{process_id} ").expect("writing to a string does not fail");
        }
        line.push('\n');
        let pipe = told.pipe.as_mut().context("the watchdog has no pipe")?;
        pipe.write_all(line.as_bytes())
            .context("tell the watchdog which servers run")
    }
}

impl Drop for Watchdog {
    /// The end that an owner's death brings, and waits until it is done.
    fn drop(&mut self) {
        let told = self.told.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(told.pipe.take());
        let _ = self.shell.wait();
    }
}
