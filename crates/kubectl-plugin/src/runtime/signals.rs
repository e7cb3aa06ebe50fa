//! SIGINT and SIGTERM while something is in flight whose outcome the user must be told.
//!
//! A signal ends the process by itself, as it ends any other program of a shell loop. Only
//! while a [`Hold`] lives is it waited for instead, so that a line can be said first; after it,
//! the default action is back, also in the middle of a blocked write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_default;

/// What ends a process whose output nobody reads any more; Windows has nothing of the kind.
#[cfg(unix)]
pub(crate) const BROKEN_PIPE: Option<i32> = Some(signal_hook::consts::SIGPIPE);
#[cfg(not(unix))]
pub(crate) const BROKEN_PIPE: Option<i32> = None;

/// Whether the signals have their default action. A handler cannot be taken away again, so the
/// one that is installed with the first [`Hold`] asks this.
static DEFAULT_ACTION: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Holds the signals back as long as it lives.
pub(crate) struct Hold {
    default_action: Arc<AtomicBool>,
    arrivals: TerminationSignals,
}

impl Hold {
    /// Begins to hold them back. Needs a tokio runtime around it.
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

    /// Waits for one of them; its number.
    pub(crate) async fn signal(&mut self) -> i32 {
        self.arrivals.next().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.default_action.store(true, Ordering::SeqCst);
    }
}

/// The signals as they come: SIGINT and SIGTERM, on Windows Ctrl-C and Ctrl-Break in their place.
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
    /// Begins to listen. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the system has no room for a handler.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Begins to listen. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the system has no room for a handler.
    #[cfg(windows)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
        })
    }

    /// Waits for one of them; its number.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
        }
    }
}
