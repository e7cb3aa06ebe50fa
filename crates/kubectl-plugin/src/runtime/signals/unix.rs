//! Termination signals on Unix: SIGHUP, SIGINT, SIGQUIT and SIGTERM, unless they are ignored.
//!
//! A shell starts `nohup command` with SIGHUP ignored, and `command &` in a script with SIGINT and
//! SIGQUIT ignored. A handler would undo that. No safe function returns the action of a signal, so
//! it is read from the process table.

use std::future::poll_fn;
use std::io;
use std::sync::OnceLock;
use std::task::Poll;

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signal for a pipe without a reader.
pub(crate) const BROKEN_PIPE: Option<i32> = Some(SIGPIPE);

/// The signals that end a process, with their names.
const SIGNALS: [(i32, &str); 4] = [
    (SIGHUP, "SIGHUP"),
    (SIGINT, "SIGINT"),
    (SIGQUIT, "SIGQUIT"),
    (SIGTERM, "SIGTERM"),
];

/// Returns the numbers of the signals that the process handles: those that were not ignored when it
/// started. Must be called before a handler is installed.
pub fn handled() -> &'static [i32] {
    static HANDLED: OnceLock<Vec<i32>> = OnceLock::new();
    HANDLED.get_or_init(|| {
        let is_ignored = ignored_signals();
        let numbers = SIGNALS.into_iter().filter(|signal| !is_ignored(*signal));
        numbers.map(|(number, _)| number).collect()
    })
}

/// Returns a predicate for the signals that are ignored.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ignored_signals() -> impl Fn((i32, &str)) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = ignored_mask(&status);
    move |(number, _)| mask >> (number - 1) & 1 == 1
}

/// Parses the ignored signals in the text of `/proc/self/status`, as a bit mask.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ignored_mask(status: &str) -> u64 {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Returns a predicate for the signals that are ignored. Other systems have no `/proc`, but a bash that
/// this process starts inherits the ignored signals, and lists them.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn ignored_signals() -> impl Fn((i32, &str)) -> bool {
    let mut bash = std::process::Command::new("/bin/bash");
    let listed = bash
        .args(["-c", "trap"])
        .stdin(std::process::Stdio::null())
        .output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    move |(number, name)| match &listed {
        Ok(listed) => listed.lines().any(|line| line.ends_with(name)),
        // Without bash, only the signals that are hardly ever ignored are handled.
        Err(_) => ![SIGINT, SIGTERM].contains(&number),
    }
}

/// A listener for the termination signals.
pub struct TerminationSignals(Vec<(i32, Signal)>);

impl TerminationSignals {
    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system cannot register a handler.
    pub fn listen() -> io::Result<Self> {
        let numbers = handled().iter();
        let listeners = numbers.map(|&number| Ok((number, signal(SignalKind::from_raw(number))?)));
        listeners.collect::<io::Result<_>>().map(Self)
    }

    /// Waits for a signal, and returns its number.
    pub async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            for (number, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        assert_eq!(
            ignored_mask("SigBlk:\t0\nSigIgn:\t0000000000001007\n"),
            0x1007
        );
        assert_eq!(ignored_mask(""), 0);
    }
}
