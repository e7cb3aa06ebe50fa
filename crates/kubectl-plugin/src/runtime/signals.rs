//! Holds back SIGINT and SIGTERM while the user must be told the outcome of a request.
//!
//! Normally, a signal ends the process directly, so that shell loops stop as well. While a [`Hold`]
//! exists, the signal is awaited instead, so that a line can be printed first. After that, the
//! default action applies again, even in the middle of a blocked write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_default;

/// The signal for a pipe without a reader; Windows has none.
#[cfg(unix)]
pub(crate) const BROKEN_PIPE: Option<i32> = Some(signal_hook::consts::SIGPIPE);
#[cfg(not(unix))]
pub(crate) const BROKEN_PIPE: Option<i32> = None;

/// Whether the signals have their default action. The handler that the first [`Hold`] installs
/// checks this, because a handler cannot be removed.
static DEFAULT_ACTION: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// A guard that holds back the signals until it is dropped.
pub(crate) struct Hold {
    default_action: Arc<AtomicBool>,
    arrivals: TerminationSignals,
}

impl Hold {
    /// Holds back the signals from now on. Needs a tokio runtime.
    pub(crate) fn start() -> io::Result<Self> {
        let default_action = if let Some(default_action) = DEFAULT_ACTION.get() {
            Arc::clone(default_action)
        } else {
            let default_action = Arc::new(AtomicBool::new(false));
            register_conditional_default(SIGINT, Arc::clone(&default_action))?;
            register_conditional_default(SIGTERM, Arc::clone(&default_action))?;
            Arc::clone(DEFAULT_ACTION.get_or_init(|| default_action))
        };
        default_action.store(false, Ordering::SeqCst);
        Ok(Self {
            default_action,
            arrivals: TerminationSignals::listen()?,
        })
    }

    /// Waits for a signal, and returns its number.
    pub(crate) async fn signal(&mut self) -> i32 {
        self.arrivals.next().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.default_action.store(true, Ordering::SeqCst);
    }
}

/// The termination signals: SIGINT and SIGTERM, or Ctrl-C and Ctrl-Break on Windows.
pub struct TerminationSignals {
    interrupt: Interrupt,
    terminate: Terminate,
}

#[cfg(unix)]
type Interrupt = tokio::signal::unix::Signal;
#[cfg(unix)]
type Terminate = tokio::signal::unix::Signal;
#[cfg(windows)]
type Interrupt = tokio::signal::windows::CtrlC;
#[cfg(windows)]
type Terminate = tokio::signal::windows::CtrlBreak;

impl TerminationSignals {
    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system cannot register a handler.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system cannot register a handler.
    #[cfg(windows)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
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
