//! Termination signals on Windows: Ctrl-C and Ctrl-Break.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The signal for a pipe without a reader. Windows has none.
pub(crate) const BROKEN_PIPE: Option<i32> = None;

/// Returns the numbers of the signals that the process handles.
pub fn handled() -> &'static [i32] {
    &[SIGINT, SIGTERM]
}

/// A listener for the termination signals.
pub struct TerminationSignals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
}

impl TerminationSignals {
    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system cannot register a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
        })
    }

    /// Waits for a signal, and returns its number.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
        }
    }
}
